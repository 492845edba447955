using System.Data.Common;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>What the ledger needs of a database, with <see cref="DatabaseConnection"/>: everything that differs between databases.</summary>
/// <remarks>The statements themselves are SQL that SQLite and PostgreSQL both understand; see <see cref="Schema"/>.</remarks>
internal interface IDatabaseEngine
{
    /// <summary>Where the database is, for the user to read: the path of a file, or an address without a password.</summary>
    string Location { get; }

    /// <summary>Opens the database, creating it if there is none.</summary>
    /// <param name="prepare">
    /// Brings the tables up to date and returns <see langword="null"/>, or says why the database cannot be used. It runs in a write
    /// transaction that no two processes are in at the same time, and is committed only if it returns <see langword="null"/>.
    /// </param>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>.</exception>
    Task<DatabaseConnection> OpenAsync(Func<SqlSession, Task<string?>> prepare);

    /// <summary>Opens another connection to a database that <see cref="OpenAsync"/> has opened.</summary>
    /// <exception cref="DbException">The connection failed.</exception>
    Task<DatabaseConnection> ConnectAsync();

    /// <summary>Opens a connection that can only read. Nothing is created, brought up to date or changed.</summary>
    /// <exception cref="DbException">There is no database, or it cannot be read.</exception>
    Task<DatabaseConnection> ConnectReadOnlyAsync();

    /// <summary>
    /// Whether a transaction failed only because another one ran at the same time. Nothing of it has happened then, and it can be run
    /// again: a transaction of the ledger never includes anything that is sent.
    /// </summary>
    bool IsConflict(DbException exception);

    /// <summary>Turns an error of the database into <see cref="ErrorKind.LedgerUnusable"/> in plain words.</summary>
    KlingException Translate(DbException exception);
}
