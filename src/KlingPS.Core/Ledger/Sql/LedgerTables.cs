namespace KlingPS.Core.Ledger.Sql;

/// <summary>A table that is copied with a ledger.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Keys">The columns that name a record.</param>
internal sealed record CopiedTable(string Name, params string[] Keys)
{
    /// <summary>Whether its records are purchases or lead to purchases. All else can be found out again.</summary>
    public bool IsOfPurchases { get; init; }
}

/// <summary>The tables of a ledger, and which of them are copied. A new table has to be in one of the two lists.</summary>
internal static class LedgerTables
{
    /// <summary>What is copied: purchases, uploads, accounts, what was learned, and what counts against limits.</summary>
    public static IReadOnlyList<CopiedTable> Copied { get; } =
    [
        new("texts", "id"),
        new("tasks", "id") { IsOfPurchases = true },
        new("saved_files", "task", "machine") { IsOfPurchases = true },
        new("uploads", "account", "hash") { IsOfPurchases = true },
        new("runs", "id") { IsOfPurchases = true },
        new("plans", "id") { IsOfPurchases = true },
        new("account_keys", "fingerprint"),
        new("machine_hashes", "machine", "path"),
        new("spent_by_time", "slot", "account"),
        new("spent_by_run", "run_id", "account"),
    ];

    /// <summary>
    /// What belongs to one database, or to requests under way: there are none while a ledger is copied. Counters are copied by their values, the
    /// names of files are computed again, and of the settings only the id goes along.
    /// </summary>
    public static IReadOnlyList<string> Left { get; } = ["counters", "schema_version", "rate_leases", "owners", "file_hashes", "saved_names", "settings"];
}
