using System.Data.Common;
using KlingPS.Core.Ledger.Processes;
using KlingPS.Core.Ledger.Sql;

namespace KlingPS.Core.Ledger.Sqlite;

/// <summary>The ledger in a SQLite file that any number of processes of one machine share.</summary>
internal static class SqliteLedger
{
    /// <summary>Creates the ledger. Its file is opened when it is first needed, or by <see cref="ITaskLedger.OpenAsync"/>.</summary>
    /// <param name="path">The full path of the file; see <see cref="LedgerLocation"/>.</param>
    /// <param name="time">The clock.</param>
    public static SqlLedger Create(string path, TimeProvider time)
        => Create(path, () => SqliteProvider.Factory, time, ProcessIdentity.Current, owner => owner.IsAlive());

    /// <summary>Opens a ledger for reading only: nothing is created, recovered or changed.</summary>
    /// <param name="path">The full path of the file.</param>
    /// <exception cref="DbException">It cannot be read.</exception>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>: the file is not there, or is not a ledger; or SQLite cannot be loaded.</exception>
    public static Task<TaskSuggestions> OpenReadOnlyAsync(string path)
        => TaskSuggestions.OpenAsync(new SqliteEngine(path, () => SqliteProvider.Factory, TimeProvider.System, ProcessIdentity.Current.Boot));

    /// <summary>Opens an empty ledger in memory, for another engine that does not have one yet.</summary>
    /// <param name="prepare">See <see cref="IDatabaseEngine.OpenAsync"/>.</param>
    public static Task<DatabaseConnection> ConnectEmptyAsync(Func<SqlSession, Task<string?>> prepare)
        => new SqliteEngine(Path.Combine(Path.GetTempPath(), "none"), () => SqliteProvider.Factory, TimeProvider.System, string.Empty).ConnectEmptyAsync(prepare);

    /// <summary>Loads SQLite and goes once through the steps of opening a ledger, with an empty database in memory.</summary>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>: SQLite cannot be loaded.</exception>
    public static async Task WarmUpAsync()
    {
        DatabaseConnection connection = await ConnectEmptyAsync(
            static async session =>
            {
                await Schema.FindVersionAsync(session).ConfigureAwait(false);
                return null;
            }).ConfigureAwait(false);
        await connection.DisposeAsync().ConfigureAwait(false);
    }

    /// <inheritdoc cref="Create(string, TimeProvider)"/>
    /// <param name="path">The full path of the file.</param>
    /// <param name="factory">Returns the SQLite provider.</param>
    /// <param name="time">The clock.</param>
    /// <param name="owner">The process that makes the attempts.</param>
    /// <param name="isAlive">Tells whether another process is still running; <see langword="null"/> when that cannot be known.</param>
    internal static SqlLedger Create(string path, Func<DbProviderFactory> factory, TimeProvider time, ProcessIdentity owner, Func<ProcessIdentity, bool?> isAlive)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(time);
        return new SqlLedger(new SqliteEngine(path, factory, time, owner.Boot), new ProcessOwners(owner, isAlive), time);
    }
}
