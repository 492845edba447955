namespace KlingPS.Torture;

/// <summary>A server that keeps the ledgers of several machines, and can be taken away from them.</summary>
internal interface ITortureServer
{
    /// <summary>The address of a ledger of its own.</summary>
    /// <param name="round">The number of the round.</param>
    string AddressOf(int round);

    /// <summary>Takes the server away for a moment, or what is between it and the machines.</summary>
    Task DisturbAsync(Random random, CancellationToken cancellationToken);
}
