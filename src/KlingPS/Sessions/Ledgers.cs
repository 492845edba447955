using KlingPS.Core.Files;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Sqlite;

namespace KlingPS.Sessions;

/// <summary>The ledgers this process has open: one for each file, however its path is spelled, shared by all runspaces. A file is opened when it is first needed.</summary>
internal static class Ledgers
{
    private static readonly object s_lock = new();
    private static readonly Dictionary<string, ITaskLedger> s_ledgers = new(StringComparer.Ordinal);

    /// <summary>The ledger of a file.</summary>
    /// <param name="path">The full path.</param>
    public static ITaskLedger Find(string path)
    {
        lock (s_lock)
        {
            string known = s_ledgers.Keys.FirstOrDefault(known => Place.IsSame(known, path)) ?? path;
            if (!s_ledgers.TryGetValue(known, out ITaskLedger? ledger))
            {
                s_ledgers.Add(known, ledger = SqliteLedger.Create(path, TimeProvider.System));
            }

            return ledger;
        }
    }
}
