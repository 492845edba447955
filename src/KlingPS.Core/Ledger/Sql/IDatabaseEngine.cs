using System.Data.Common;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>What the ledger needs from a database, together with <see cref="DatabaseConnection"/>: everything that differs between databases.</summary>
/// <remarks>The statements themselves are SQL that SQLite and PostgreSQL both understand; see <see cref="Schema"/>.</remarks>
internal interface IDatabaseEngine
{
    /// <summary>Where the database is, for the user to read: the path of a file, or an address without a password.</summary>
    string Location { get; }

    /// <summary>The same for every user: without the role.</summary>
    string Place => Location;

    /// <summary>The id of the ledger that was opened last; see <see cref="LedgerIdentity"/>. <see langword="null"/> as long as none was.</summary>
    string? Id { get; }

    /// <summary>The most pieces of work that are written in one transaction. More than one if a commit costs more than its content.</summary>
    int MaxBatch { get; }

    /// <summary>Whether there is a database. The check does not create one.</summary>
    /// <param name="cancellationToken">Cancels the check.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>: there is none, and none may be created either; or that cannot be found out.</exception>
    Task<bool> ExistsAsync(CancellationToken cancellationToken);

    /// <summary>Opens the database.</summary>
    /// <param name="prepare">
    /// Brings the tables up to date and returns <see langword="null"/>, or says why the database cannot be used. It runs in a write
    /// transaction that no two processes are in at the same time, and is committed only if it returns <see langword="null"/>. If the
    /// database is created, it runs more than once.
    /// </param>
    /// <param name="isToWrite">Whether it is created if there is none, and a damaged one is set aside.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>.</exception>
    Task<DatabaseConnection> OpenAsync(Func<SqlSession, Task<string?>> prepare, bool isToWrite);

    /// <summary>Opens an empty database that nobody else sees, for reading when there is none yet.</summary>
    /// <param name="prepare">As for <see cref="OpenAsync"/>.</param>
    Task<DatabaseConnection> ConnectEmptyAsync(Func<SqlSession, Task<string?>> prepare);

    /// <summary>Opens another connection to a database that <see cref="OpenAsync"/> has opened.</summary>
    /// <exception cref="DbException">The connection failed.</exception>
    Task<DatabaseConnection> ConnectAsync();

    /// <summary>Opens a connection that can only read. Nothing is created, brought up to date or changed.</summary>
    /// <exception cref="DbException">It cannot be read.</exception>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>: there is no database, or it is another program's.</exception>
    Task<DatabaseConnection> ConnectReadOnlyAsync();

    /// <summary>
    /// Announces that a ledger will be copied to the database that is opened next. If it is created for the copy and others could get to it meanwhile,
    /// it counts as an unfinished copy from the first moment on.
    /// </summary>
    /// <param name="source">What is copied, for people to read.</param>
    void BeginCopy(string source)
    {
    }

    /// <summary>Marks the database as an unfinished copy, which nobody else opens: anyone who did would buy again what it lacks.</summary>
    /// <param name="session">The session of the transaction.</param>
    /// <param name="source">What is copied, for people to read.</param>
    Task MarkCopyAsync(SqlSession session, string source) => Task.CompletedTask;

    /// <summary>The copy is complete with this transaction.</summary>
    /// <param name="session">The session of the transaction.</param>
    Task EndCopyAsync(SqlSession session) => Task.CompletedTask;

    /// <summary>All connections have been closed.</summary>
    void Close();

    /// <summary>
    /// Whether a transaction failed only because another one ran at the same time. Then nothing of it has happened, and it can be run
    /// again: a transaction of the ledger never includes anything that is sent.
    /// </summary>
    bool IsConflict(DbException exception);

    /// <summary>Finds out whether a transaction whose commit was not answered was committed.</summary>
    /// <param name="lost">The transaction.</param>
    /// <returns>Whether it was; <see langword="null"/> if that cannot be found out now.</returns>
    Task<bool?> FindOutcomeAsync(CommitLostException lost);

    /// <summary>Turns an error of the database, or an <see cref="UnreadableRecordException"/>, into <see cref="ErrorKind.LedgerUnusable"/> in plain words.</summary>
    KlingException Translate(DbException exception);
}
