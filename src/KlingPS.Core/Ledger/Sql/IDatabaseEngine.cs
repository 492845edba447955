using System.Data.Common;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>What the ledger needs of a database, with <see cref="DatabaseConnection"/>: everything that differs between databases.</summary>
/// <remarks>The statements themselves are SQL that SQLite and PostgreSQL both understand; see <see cref="Schema"/>.</remarks>
internal interface IDatabaseEngine
{
    /// <summary>Where the database is, for the user to read: the path of a file, or an address without a password.</summary>
    string Location { get; }

    /// <summary>The same, whoever uses it: without the role.</summary>
    string Place => Location;

    /// <summary>How many pieces of work are written in one transaction at most. More than one where a commit costs more than what is in it.</summary>
    int MaxBatch { get; }

    /// <summary>Whether there is a database. Where there is none, none is begun for being looked at.</summary>
    /// <param name="cancellationToken">Cancels the look.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>: there is none, and none may be created either; or that cannot be found out.</exception>
    Task<bool> ExistsAsync(CancellationToken cancellationToken);

    /// <summary>Opens the database.</summary>
    /// <param name="prepare">
    /// Brings the tables up to date and returns <see langword="null"/>, or says why the database cannot be used. It runs in a write
    /// transaction that no two processes are in at the same time, and is committed only if it returns <see langword="null"/>. Where the
    /// database is created, it runs more than once.
    /// </param>
    /// <param name="isToWrite">Whether it is created if there is none, and what is damaged is put out of the way.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>.</exception>
    Task<DatabaseConnection> OpenAsync(Func<SqlSession, Task<string?>> prepare, bool isToWrite);

    /// <summary>Opens an empty database that nobody else sees, to look where there is none yet.</summary>
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
    /// Is told that a ledger is to be copied to what is opened from now on. If it is begun for that, it counts as an unfinished copy from its
    /// first moment on, where others can come to it meanwhile.
    /// </summary>
    /// <param name="source">What is copied, for people.</param>
    void BeginCopy(string source)
    {
    }

    /// <summary>Marks the database as an unfinished copy, which nobody else opens: whoever did would buy again what it lacks.</summary>
    /// <param name="session">The session of the transaction.</param>
    /// <param name="source">What is copied, for people.</param>
    Task MarkCopyAsync(SqlSession session, string source) => Task.CompletedTask;

    /// <summary>The copy is whole with this transaction.</summary>
    /// <param name="session">The session of the transaction.</param>
    Task EndCopyAsync(SqlSession session) => Task.CompletedTask;

    /// <summary>Is told that all connections are closed.</summary>
    void Close();

    /// <summary>
    /// Whether a transaction failed only because another one ran at the same time. Nothing of it has happened then, and it can be run
    /// again: a transaction of the ledger never includes anything that is sent.
    /// </summary>
    bool IsConflict(DbException exception);

    /// <summary>Finds out whether a transaction was committed whose commit was not answered.</summary>
    /// <param name="lost">The transaction.</param>
    /// <returns>Whether it was; <see langword="null"/> if that cannot be found out now.</returns>
    Task<bool?> FindOutcomeAsync(CommitLostException lost);

    /// <summary>Turns an error of the database, or an <see cref="UnreadableRecordException"/>, into <see cref="ErrorKind.LedgerUnusable"/> in plain words.</summary>
    KlingException Translate(DbException exception);
}
