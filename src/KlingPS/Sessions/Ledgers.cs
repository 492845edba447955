using System.Diagnostics;
using KlingPS.Core.Configuration;
using KlingPS.Core.Files;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Postgres;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Ledger.Sqlite;

namespace KlingPS.Sessions;

/// <summary>
/// The ledgers this process has open: one for each file, however its path is spelled, and for each database, shared by all runspaces. One is
/// opened when it is first needed, and closed when nobody uses it any more: then its file holds everything that was recorded, without those beside it.
/// </summary>
internal static class Ledgers
{
    private static readonly object s_lock = new();
    private static readonly List<Opened> s_ledgers = [];

    /// <summary>Uses a ledger, until what is returned is disposed of.</summary>
    /// <param name="address">Where it is.</param>
    /// <param name="password">The password of its database, if it was found in the secret store.</param>
    public static LedgerUse Use(LedgerAddress address, LedgerPassword? password = null)
    {
        lock (s_lock)
        {
            Opened? opened = s_ledgers.FirstOrDefault(known => IsSame(known.Address, address) && known.Password == password);
            if (opened is null)
            {
                s_ledgers.Add(opened = new Opened(address, password, Create(address, password)));
            }

            opened.Users++;
            return new LedgerUse(opened.Ledger, () => EndUseAsync(opened));
        }
    }

    /// <summary>A ledger that is not shared; the caller closes it.</summary>
    /// <param name="address">Where it is.</param>
    /// <param name="password">The password of its database, if it was found in the secret store.</param>
    public static SqlLedger Create(LedgerAddress address, LedgerPassword? password) => address switch
    {
        FileAddress file => SqliteLedger.Create(file.Path, TimeProvider.System),
        ServerAddress server => PostgresLedger.Create(server, TimeProvider.System, () => password),
        _ => throw new UnreachableException(),
    };

    /// <summary>Opens a ledger for reading only, on any thread.</summary>
    /// <param name="location">Where the one in use is; <see langword="null"/> to look for the one that the settings name.</param>
    /// <returns><see langword="null"/> if there is none.</returns>
    /// <exception cref="System.Data.Common.DbException">It cannot be read.</exception>
    /// <exception cref="Core.KlingException">It cannot be used, or the settings cannot.</exception>
    public static async Task<TaskSuggestions?> OpenReadOnlyAsync(string? location)
    {
        LedgerAddress address;
        LedgerPassword? password = null;
        lock (s_lock)
        {
            Opened? opened = s_ledgers.FirstOrDefault(opened => opened.Ledger.Location == location);
            (address, password) = opened is null ? (LedgerLocation.Resolve(ConfigurationFile.Read(ConfigurationFile.Locate()).Ledger), null) : (opened.Address, opened.Password);
        }

        return address switch
        {
            FileAddress file => FileFacts.Of(file.Path) is { Kind: FileKind.Ordinary } ? await SqliteLedger.OpenReadOnlyAsync(file.Path).ConfigureAwait(false) : null,
            ServerAddress server => await PostgresLedger.OpenReadOnlyAsync(server, () => password).ConfigureAwait(false),
            _ => throw new UnreachableException(),
        };
    }

    /// <summary>Closes what is still open, whoever uses it, because the process ends.</summary>
    public static Task CloseAllAsync()
    {
        lock (s_lock)
        {
            Task closing = Task.WhenAll(s_ledgers.Select(opened => opened.Ledger.DisposeAsync().AsTask()));
            s_ledgers.Clear();
            return closing;
        }
    }

    private static async Task EndUseAsync(Opened opened)
    {
        bool isLast;
        lock (s_lock)
        {
            isLast = --opened.Users == 0 && s_ledgers.Remove(opened);
        }

        if (isLast)
        {
            await opened.Ledger.DisposeAsync().ConfigureAwait(false);
        }
        else
        {
            // Others go on using it; the file holds everything that was recorded until now.
            await opened.Ledger.SettleAsync().ConfigureAwait(false);
        }
    }

    private static bool IsSame(LedgerAddress one, LedgerAddress other)
        => one is FileAddress file && other is FileAddress otherFile ? Place.IsSame(file.Path, otherFile.Path) : one == other;

    private sealed class Opened(LedgerAddress address, LedgerPassword? password, SqlLedger ledger)
    {
        public LedgerAddress Address => address;

        public LedgerPassword? Password => password;

        public SqlLedger Ledger => ledger;

        public int Users { get; set; }
    }
}

/// <summary>One use of a ledger.</summary>
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
