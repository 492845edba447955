namespace KlingPS.Torture;

/// <summary>How much torture, and of which kind.</summary>
internal sealed record TortureOptions
{
    /// <summary>How many processes are killed at least; the last rounds are finished.</summary>
    public int Points { get; init; } = 40;

    /// <summary>Images in a round: at most 20, since more would have to wait for the limit on creates.</summary>
    public int Images { get; init; } = 12;

    /// <summary>Decides when to kill and which responses are lost. How the processes run in between is up to the machine.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>The probability, 0 to 1, that the response to a create is lost after it was accepted; and the same again for before.</summary>
    public double ResponsesLost { get; init; } = 0.05;

    /// <summary>How many rounds run at the same time. They share nothing.</summary>
    public int Workers { get; init; } = 3;

    /// <summary>Where the ledgers are: several machines work on each folder then. Otherwise one machine does, with a ledger in a file.</summary>
    public ITortureServer? Server { get; init; }

    /// <summary>How many machines there are, where there is a server.</summary>
    public int Machines { get; init; } = 3;

    /// <summary>Is told of every finished round.</summary>
    public Action<string>? Progress { get; init; }
}
