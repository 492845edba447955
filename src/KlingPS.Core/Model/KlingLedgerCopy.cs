namespace KlingPS.Core.Model;

/// <summary>What Copy-KlingLedger has copied: every record was read again from both ledgers and is the same.</summary>
public sealed record KlingLedgerCopy
{
    /// <summary>The ledger that was copied: the path of a file, or an address without a password.</summary>
    public required string Path { get; init; }

    /// <summary>The copy.</summary>
    public required string Destination { get; init; }

    /// <summary>Tasks: what was bought, or may have been.</summary>
    public long Tasks { get; init; }

    /// <summary>Uploads that the service may still have.</summary>
    public long Uploads { get; init; }

    /// <summary>Runs of ConvertTo-KlingVideo.</summary>
    public long Runs { get; init; }

    /// <summary>Keys of accounts, by their fingerprints.</summary>
    public long Keys { get; init; }

    /// <summary>Hashes of files.</summary>
    public long Hashes { get; init; }
}
