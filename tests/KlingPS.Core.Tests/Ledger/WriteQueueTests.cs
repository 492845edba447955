using System.Data;
using System.Data.Common;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Ledger.Sqlite;

namespace KlingPS.Core.Tests.Ledger;

/// <summary>What the queue makes of errors of the database; what it makes of the work itself is in the contract.</summary>
public sealed class WriteQueueTests : IAsyncLifetime
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("klingps-ledger-");
    private Engine _engine = null!;
    private WriteQueue _queue = null!;

    public async ValueTask InitializeAsync()
    {
        _engine = new Engine(Path.Combine(_folder.FullName, "test.db"));
        DatabaseConnection connection = await _engine.ConnectAsync();
        await new SqlSession(connection, null).ExecuteAsync("CREATE TABLE numbers (number INTEGER)");
        _queue = new WriteQueue(_engine, connection);
    }

    public async ValueTask DisposeAsync()
    {
        await _queue.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Work_whose_transaction_lost_a_conflict_is_done_again_from_the_start()
    {
        int runs = 0;
        int result = await _queue.RunAsync(
            async session =>
            {
                await session.ExecuteAsync("INSERT INTO numbers VALUES (@number)", ("number", ++runs));
                return runs < 3 ? throw new Failure(isConflict: true) : runs;
            },
            WriteKind.Durable,
            [WriteScope.All],
            TestContext.Current.CancellationToken);

        Assert.Equal(3, result);
        Assert.Equal([3], await ReadAsync());
    }

    [Fact]
    public async Task Work_that_can_only_conflict_fails_in_the_end_and_has_done_nothing()
    {
        var error = await Assert.ThrowsAsync<KlingException>(() => _queue.RunAsync<int>(
            async session =>
            {
                await session.ExecuteAsync("INSERT INTO numbers VALUES (1)");
                throw new Failure(isConflict: true);
            },
            WriteKind.Durable,
            [WriteScope.All],
            TestContext.Current.CancellationToken));

        Assert.Equal(ErrorKind.LedgerUnusable, error.Kind);
        Assert.Empty(await ReadAsync());
    }

    [Fact]
    public async Task Work_that_failed_for_another_reason_is_not_done_again()
    {
        int runs = 0;
        await Assert.ThrowsAsync<KlingException>(() => _queue.RunAsync<int>(
            _ =>
            {
                runs++;
                throw new Failure(isConflict: false);
            },
            WriteKind.Durable,
            [WriteScope.All],
            TestContext.Current.CancellationToken));

        Assert.Equal(1, runs);
    }

    [Fact]
    public async Task A_connection_that_was_lost_is_replaced()
    {
        await WriteAsync(1);
        _engine.LoseConnections();

        await WriteAsync(2);

        Assert.Equal([1, 2], await ReadAsync());
    }

    private Task<int> WriteAsync(int number)
        => _queue.RunAsync(session => session.ExecuteAsync("INSERT INTO numbers VALUES (@number)", ("number", number)), WriteKind.Durable, [WriteScope.All], TestContext.Current.CancellationToken);

    private async Task<List<long>> ReadAsync()
    {
        await using DatabaseConnection connection = await _engine.ConnectAsync();
        return await new SqlSession(connection, null).QueryAsync("SELECT number FROM numbers ORDER BY number", row => row.Number("number"));
    }

    private sealed class Engine(string path) : IDatabaseEngine
    {
        private readonly List<DbConnection> _connections = [];

        public string Location => path;

        public string? Id => null;

        public int MaxBatch => 64;

        public Task<bool> ExistsAsync(CancellationToken cancellationToken) => Task.FromResult(true);

        public Task<DatabaseConnection> OpenAsync(Func<SqlSession, Task<string?>> prepare, bool isToWrite) => ConnectAsync();

        public Task<DatabaseConnection> ConnectEmptyAsync(Func<SqlSession, Task<string?>> prepare) => ConnectAsync();

        public void Close()
        {
        }

        public async Task<DatabaseConnection> ConnectAsync()
        {
            DbConnection connection = SqliteProvider.Factory.CreateConnection()!;
            connection.ConnectionString = $"Data Source={path};Pooling=False";
            await connection.OpenAsync();
            _connections.Add(connection);
            return new Connection(connection);
        }

        public Task<DatabaseConnection> ConnectReadOnlyAsync() => ConnectAsync();

        public bool IsConflict(DbException exception) => exception is Failure { IsConflict: true };

        public Task<bool?> FindOutcomeAsync(CommitLostException lost) => throw new NotSupportedException();

        public KlingException Translate(DbException exception) => new(ErrorKind.LedgerUnusable, exception.Message, exception);

        public void LoseConnections() => _connections.ForEach(connection => connection.Close());
    }

    private sealed class Connection(DbConnection connection) : DatabaseConnection(connection)
    {
        public override string? LedgerId => null;

        public override async Task<bool> HasTableAsync(SqlSession session, string table)
            => await session.NumberAsync("SELECT COUNT(*) FROM sqlite_master WHERE name = @table", ("table", table)) > 0;

        public override ValueTask<LedgerTime> ReadTimeAsync(SqlSession session) => throw new NotSupportedException();

        protected override async Task<DbTransaction> BeginWriteAsync(WriteKind kind, IReadOnlyCollection<WriteScope> scopes) => await Inner.BeginTransactionAsync(IsolationLevel.Serializable);
    }

    private sealed class Failure(bool isConflict) : DbException("the test's own failure")
    {
        public bool IsConflict => isConflict;
    }
}
