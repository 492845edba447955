using KlingPS.Core.Files;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Ledger.Sqlite;

namespace KlingPS.Sessions;

/// <summary>
/// The ledgers this process has open: one for each file, however its path is spelled, shared by all runspaces. A file is opened when it
/// is first needed, and closed when nobody uses it any more: then it holds all that was recorded, without the files beside it.
/// </summary>
internal static class Ledgers
{
    private static readonly object s_lock = new();
    private static readonly Dictionary<string, Opened> s_ledgers = new(StringComparer.Ordinal);

    /// <summary>Uses the ledger of a file, until what is returned is disposed of.</summary>
    /// <param name="path">The full path.</param>
    public static LedgerUse Use(string path)
    {
        lock (s_lock)
        {
            string known = s_ledgers.Keys.FirstOrDefault(known => Place.IsSame(known, path)) ?? path;
            if (!s_ledgers.TryGetValue(known, out Opened? opened))
            {
                s_ledgers.Add(known, opened = new Opened(known, SqliteLedger.Create(path, TimeProvider.System)));
            }

            opened.Users++;
            return new LedgerUse(opened.Ledger, () => EndUseAsync(opened));
        }
    }

    /// <summary>Closes what is still open, whoever uses it: the process ends.</summary>
    public static Task CloseAllAsync()
    {
        lock (s_lock)
        {
            Task closing = Task.WhenAll(s_ledgers.Values.Select(opened => opened.Ledger.DisposeAsync().AsTask()));
            s_ledgers.Clear();
            return closing;
        }
    }

    private static async Task EndUseAsync(Opened opened)
    {
        bool isLast;
        lock (s_lock)
        {
            isLast = --opened.Users == 0 && s_ledgers.Remove(opened.Path);
        }

        if (isLast)
        {
            await opened.Ledger.DisposeAsync().ConfigureAwait(false);
        }
        else
        {
            // Others go on; the file holds all that was recorded until now.
            await opened.Ledger.SettleAsync().ConfigureAwait(false);
        }
    }

    private sealed class Opened(string path, SqlLedger ledger)
    {
        public string Path => path;

        public SqlLedger Ledger => ledger;

        public int Users { get; set; }
    }
}

/// <summary>That somebody uses a ledger.</summary>
internal sealed class LedgerUse : IAsyncDisposable
{
    private Func<Task>? _end;

    internal LedgerUse(ITaskLedger ledger, Func<Task> end)
    {
        Ledger = ledger;
        _end = end;
    }

    /// <summary>The ledger.</summary>
    public ITaskLedger Ledger { get; }

    /// <summary>Ends the use; the last one closes the ledger.</summary>
    public ValueTask DisposeAsync() => new(Interlocked.Exchange(ref _end, null)?.Invoke() ?? Task.CompletedTask);
}
