using System.Data;
using System.Data.Common;
using KlingPS.Core.Ledger.Processes;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Ledger.Sqlite;

namespace KlingPS.Core.Tests.Ledger.Contract;

/// <summary>
/// What a database server does and SQLite does not, over a SQLite file: transactions fail because of others, at their beginning, in
/// their middle or at the commit, and have to be run again; and time is the server's, ten minutes off that of the process.
/// </summary>
internal sealed class ConflictingLedger : LedgerHost
{
    /// <summary>Is told each statement before it runs.</summary>
    public Action<string>? OnStatement { get; init; }

    /// <summary>Looks at the ledger as completion does.</summary>
    public Task<TaskSuggestions> LookAsync() => TaskSuggestions.OpenAsync(new Engine(Path, Time) { OnStatement = OnStatement });

    protected override SqlLedger Create(ProcessIdentity owner, Func<ProcessIdentity, bool?> isAlive, TimeProvider time)
        => new(new Engine(Path, time) { OnStatement = OnStatement }, new ProcessOwners(owner, isAlive), new ShiftedTimeProvider(time, TimeSpan.FromMinutes(10)), Spool);

    protected override SqlLedger CreateAt(ProcessIdentity owner, Func<ProcessIdentity, bool?> isAlive, TimeProvider time)
        => new(new Engine(Path, Time) { Machine = owner.Machine, OnStatement = OnStatement }, new HeartbeatOwners(owner, isAlive), new ShiftedTimeProvider(time, TimeSpan.FromMinutes(10)));

    private sealed class Engine(string path, TimeProvider serverTime) : IDatabaseEngine
    {
        private readonly SqliteEngine _sqlite = new(path, () => SqliteProvider.Factory, serverTime, boot: string.Empty);
        private int _chances;

        public string Machine { get; init; } = string.Empty;

        public Action<string>? OnStatement { get; init; }

        public string Location => _sqlite.Location;

        public string? Id => _sqlite.Id;

        public int MaxBatch => _sqlite.MaxBatch;

        public Task<bool> ExistsAsync(CancellationToken cancellationToken) => _sqlite.ExistsAsync(cancellationToken);

        public async Task<DatabaseConnection> OpenAsync(Func<SqlSession, Task<string?>> prepare, bool isToWrite)
        {
            await (await _sqlite.OpenAsync(prepare, isToWrite)).DisposeAsync();
            return await ConnectAsync();
        }

        public Task<DatabaseConnection> ConnectEmptyAsync(Func<SqlSession, Task<string?>> prepare) => _sqlite.ConnectEmptyAsync(prepare);

        public void Close() => _sqlite.Close();

        public async Task<DatabaseConnection> ConnectAsync()
        {
            DbConnection connection = SqliteProvider.Factory.CreateConnection()!;
            connection.ConnectionString = $"Data Source={path};Pooling=False;Default Timeout=60";
            await connection.OpenAsync();
            return new Connection(this, connection, serverTime);
        }

        public Task<DatabaseConnection> ConnectReadOnlyAsync() => ConnectAsync();

        public bool IsConflict(DbException exception) => exception is ConflictException;

        public Task<bool?> FindOutcomeAsync(CommitLostException lost) => throw new NotSupportedException();

        public KlingException Translate(DbException exception) => _sqlite.Translate(exception);

        /// <summary>Every fifth time that a transaction could fail, it does: sooner or later at each of the three points.</summary>
        public void Quarrel()
        {
            if (Interlocked.Increment(ref _chances) % 5 == 0)
            {
                throw new ConflictException();
            }
        }
    }

    private sealed class Connection(Engine engine, DbConnection connection, TimeProvider serverTime) : DatabaseConnection(connection)
    {
        private bool _isWriting;

        public override string Machine => engine.Machine;

        public override string? LedgerId => engine.Id;

        public override SqlStatement Prepare(string sql)
        {
            engine.OnStatement?.Invoke(sql);
            return base.Prepare(sql);
        }

        public override async Task<bool> HasTableAsync(SqlSession session, string table)
            => await session.NumberAsync("SELECT COUNT(*) FROM sqlite_master WHERE name = @table", ("table", table)) > 0;

        public override ValueTask<LedgerTime> ReadTimeAsync(SqlSession session)
        {
            if (_isWriting)
            {
                engine.Quarrel();
            }

            DateTimeOffset now = serverTime.GetUtcNow();
            return ValueTask.FromResult(new LedgerTime(now, now.Ticks, "server"));
        }

        protected override async Task<DbTransaction> BeginWriteAsync(WriteKind kind, IReadOnlyCollection<WriteScope> scopes)
        {
            engine.Quarrel();
            _isWriting = true;
            return await Inner.BeginTransactionAsync(IsolationLevel.Serializable);
        }

        protected override async Task CommitAsync(DbTransaction transaction)
        {
            engine.Quarrel();
            await transaction.CommitAsync();
        }

        protected override async Task EndAsync(DbTransaction transaction)
        {
            _isWriting = false;
            await base.EndAsync(transaction);
        }
    }

    private sealed class ConflictException() : DbException("could not serialize access due to concurrent update");
}
