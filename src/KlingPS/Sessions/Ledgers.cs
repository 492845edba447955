using System.Collections.Concurrent;
using KlingPS.Core;
using KlingPS.Core.Ledger;

namespace KlingPS.Sessions;

/// <summary>The ledgers this process has open: one for each file, whatever runspace asks. A file is opened when it is first needed.</summary>
internal static class Ledgers
{
    private static readonly ConcurrentDictionary<string, SqlLedger> s_ledgers = new(StringComparer.Ordinal);

    /// <summary>The ledger that is in force now.</summary>
    /// <param name="configured">The path in the user's configuration, if any.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>: the path is not a full one.</exception>
    public static ITaskLedger Find(string? configured)
        => s_ledgers.GetOrAdd(LedgerLocation.Resolve(configured), static path => new SqlLedger(path, TimeProvider.System));
}
