using System.Collections.Concurrent;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Sqlite;

namespace KlingPS.Sessions;

/// <summary>The ledgers this process has open: one for each file, shared by all runspaces. A file is opened when it is first needed.</summary>
internal static class Ledgers
{
    private static readonly ConcurrentDictionary<string, ITaskLedger> s_ledgers = new(StringComparer.Ordinal);

    /// <summary>The ledger of a file.</summary>
    /// <param name="path">The full path.</param>
    public static ITaskLedger Find(string path)
        => s_ledgers.GetOrAdd(path, static path => SqliteLedger.Create(path, TimeProvider.System));
}
