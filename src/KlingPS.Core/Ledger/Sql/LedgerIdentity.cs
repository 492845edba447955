using KlingPS.Core.Files;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>
/// The id of a ledger, which it keeps wherever it is: a server that takes over has it, and so have a backup that is restored and a copy. An
/// empty ledger in its place has another one.
/// </summary>
internal static class LedgerIdentity
{
    /// <summary>The first version of the tables that has it.</summary>
    public const int Since = 9;

    /// <summary>The name of the setting.</summary>
    public const string Setting = "id";

    /// <summary>Creates the table, which a ledger on a server had before. Part of a released migration: never changed.</summary>
    public static IReadOnlyList<string> Creation { get; } = ["CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL)"];

    /// <summary>Reads the id.</summary>
    /// <returns><see langword="null"/> if the ledger is of an earlier version, which had none.</returns>
    public static async Task<string?> FindAsync(SqlSession session) => await session.HasTableAsync("settings").ConfigureAwait(false)
        ? await session.TextAsync("SELECT value FROM settings WHERE name = @name", ("name", Setting)).ConfigureAwait(false)
        : null;

    /// <summary>Gives a ledger its id, once and for all.</summary>
    public static async Task GiveAsync(SqlSession session)
    {
        // A backup, a server that takes over or a copy may be older than the id. So it is made from the first record, which is never changed: then they all get the same one.
        string? first = await session.TextAsync("SELECT fingerprint || ' ' || recorded_at FROM account_keys ORDER BY recorded_at, fingerprint LIMIT 1").ConfigureAwait(false);
        await SetAsync(session, first is null ? Guid.NewGuid().ToString("N") : ContentHash.OfText(first)[..32]).ConfigureAwait(false);
    }

    /// <summary>Gives a copy the id of its source, in whose place it is used.</summary>
    public static Task SetAsync(SqlSession session, string id) => session.ExecuteAsync(
        "INSERT INTO settings (name, value) VALUES (@name, @id) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        ("name", Setting),
        ("id", id));
}
