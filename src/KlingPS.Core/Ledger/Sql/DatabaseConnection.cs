using System.Data;
using System.Data.Common;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>What a transaction is for.</summary>
internal enum WriteKind
{
    /// <summary>Nothing, as a rule: others are only kept from writing.</summary>
    Hold,

    /// <summary>What may be lost in a power failure. It survives the death of the process.</summary>
    Light,

    /// <summary>What has to survive a power failure before anything else is done.</summary>
    Durable,

    /// <summary>The same for what has already happened: it is written if it can be written at all.</summary>
    Answer,
}

/// <summary>A connection to the database. It serves one caller at a time.</summary>
internal abstract class DatabaseConnection(DbConnection connection) : IAsyncDisposable, IDisposable
{
    private readonly Dictionary<string, SqlStatement> _statements = [];

    /// <summary>The provider's own connection.</summary>
    protected DbConnection Inner => connection;

    /// <summary>Whether the connection can still be used; one that was lost has to be replaced.</summary>
    public virtual bool IsOpen => connection.State == ConnectionState.Open;

    /// <summary>
    /// The machine whose paths are meant, if a ledger has several machines; empty if the paths in a ledger hold for everybody who
    /// has it, as in a file.
    /// </summary>
    public virtual string Machine => string.Empty;

    /// <inheritdoc cref="IDatabaseEngine.Id"/>
    public abstract string? LedgerId { get; }

    /// <summary>
    /// The clocks that all processes sharing the database agree on, read now. Use <see cref="SqlSession.GetTimeAsync"/>.
    /// </summary>
    public abstract ValueTask<LedgerTime> ReadTimeAsync(SqlSession session);

    /// <summary>The time zone by which everyone sharing the database counts days; <see langword="null"/> if each user's own counts.</summary>
    public virtual Task<TimeZoneInfo?> FindZoneAsync(SqlSession session) => Task.FromResult<TimeZoneInfo?>(null);

    /// <summary>The next number of a counter, beginning with 1. A number is never given twice; some may be left out.</summary>
    /// <param name="session">The session of the transaction.</param>
    /// <param name="counter">One of <see cref="Schema.Counters"/>.</param>
    public virtual async Task<long> NextAsync(SqlSession session, string counter)
        => (await session.NumberAsync(
            "INSERT INTO counters (name, value) VALUES (@name, 1) ON CONFLICT (name) DO UPDATE SET value = counters.value + 1 RETURNING value",
            ("name", counter)).ConfigureAwait(false))!.Value;

    /// <summary>The last number that was given; 0 if none was.</summary>
    /// <param name="session">The session.</param>
    /// <param name="counter">One of <see cref="Schema.Counters"/>.</param>
    public virtual async Task<long> GetCounterAsync(SqlSession session, string counter)
        => await session.NumberAsync("SELECT value FROM counters WHERE name = @name", ("name", counter)).ConfigureAwait(false) ?? 0;

    /// <summary>Continues counting after a number.</summary>
    /// <param name="session">The session of the transaction.</param>
    /// <param name="counter">One of <see cref="Schema.Counters"/>.</param>
    /// <param name="value">The last number that was given; 0 if none was.</param>
    public virtual Task SetCounterAsync(SqlSession session, string counter, long value) => value == 0
        ? Task.CompletedTask
        : session.ExecuteAsync(
            "INSERT INTO counters (name, value) VALUES (@name, @value) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            ("name", counter),
            ("value", value));

    /// <summary>Whether the database has a table of the ledger.</summary>
    public abstract Task<bool> HasTableAsync(SqlSession session, string table);

    /// <summary>Widens the scope of the current transaction to <see cref="WriteScope.All"/>, if there are scopes.</summary>
    public virtual Task RequireAloneAsync(SqlSession session) => Task.CompletedTask;

    /// <summary>Does work in a write transaction, which runs as if it were alone.</summary>
    /// <param name="kind">What it is for.</param>
    /// <param name="scopes">What the work has exclusive use of.</param>
    /// <param name="work">Returns whether to commit. Otherwise, or if it throws, everything is rolled back.</param>
    public virtual async Task InTransactionAsync(WriteKind kind, IReadOnlyCollection<WriteScope> scopes, Func<SqlSession, Task<bool>> work)
    {
        DbTransaction transaction = await BeginWriteAsync(kind, scopes).ConfigureAwait(false);
        try
        {
            if (await work(new SqlSession(this, transaction)).ConfigureAwait(false))
            {
                await CommitAsync(transaction).ConfigureAwait(false);
            }
        }
        finally
        {
            await EndAsync(transaction).ConfigureAwait(false);
        }
    }

    /// <summary>The statement, compiled once and kept: each is run many times for every task.</summary>
    public virtual SqlStatement Prepare(string sql)
    {
        if (!_statements.TryGetValue(sql, out SqlStatement? statement))
        {
            statement = new SqlStatement(connection, sql, ToStored);
            _statements.Add(sql, statement);
        }

        return statement;
    }

    /// <summary>Runs a statement.</summary>
    /// <param name="execute">Runs it; its token is cancelled when there is no point in waiting any longer.</param>
    public virtual Task<T> ExecuteAsync<T>(Func<CancellationToken, Task<T>> execute) => execute(CancellationToken.None);

    /// <summary>Refuses a database that is no longer in its place: what is read from it is not what others see. Called before each read.</summary>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>.</exception>
    public virtual Task RequireInPlaceAsync() => Task.CompletedTask;

    /// <summary>Leaves the database as complete as it can be; called when one of its users is done, and before it is closed.</summary>
    public virtual Task FinishAsync() => Task.CompletedTask;

    public virtual ValueTask DisposeAsync() => connection.DisposeAsync();

    public void Dispose() => connection.Dispose();

    /// <summary>Turns a value into one that the database can store, if it cannot store every value.</summary>
    public virtual object? ToStored(object? value) => value;

    /// <summary>Begins a transaction that holds the write lock from its first statement on, if the database has such a lock.</summary>
    protected abstract Task<DbTransaction> BeginWriteAsync(WriteKind kind, IReadOnlyCollection<WriteScope> scopes);

    /// <summary>Commits a transaction.</summary>
    /// <exception cref="CommitLostException">It is not known whether it is committed.</exception>
    protected virtual Task CommitAsync(DbTransaction transaction) => transaction.CommitAsync();

    /// <summary>Ends a transaction; what is not committed is rolled back.</summary>
    protected virtual async Task EndAsync(DbTransaction transaction) => await transaction.DisposeAsync().ConfigureAwait(false);
}
