using System.Collections.Concurrent;
using System.Data.Common;
using System.Text.RegularExpressions;
using KlingPS.Core.Ledger.Postgres;
using KlingPS.Core.Ledger.Processes;
using KlingPS.Core.Ledger.Sql;

namespace KlingPS.Core.Tests.Ledger.Contract;

/// <summary>A ledger in PostgreSQL: a schema of its own on the server of the tests. Processes have clocks that are ten minutes off.</summary>
/// <param name="isPooled">Whether it is reached through pgbouncer.</param>
internal sealed partial class PostgresHost(bool isPooled) : LedgerHost
{
    /// <summary>Schemas that are in use no more. To make the tables anew takes longer than most tests.</summary>
    private static readonly ConcurrentBag<string> s_free = [];

    private readonly string _schema = s_free.TryTake(out string? free) ? free : $"test_{Guid.NewGuid():N}";
    private ServerAddress? _address;

    /// <summary>Where it is.</summary>
    public ServerAddress Address => _address!;

    public override async ValueTask StartAsync()
    {
        PostgresServer server = await PostgresServer.Shared;
        _address = server.Address(_schema, isPooled ? (await PostgresPooler.Shared).Port : null);
    }

    private protected override string RestartOfNumbers => RestartOf("task");

    /// <remarks>The connections are kept for all tests, since a new one costs the server more than most statements. The schema ends with its use.</remarks>
    public override async Task<object?> SqlAsync(string sql)
    {
        await using DbConnection connection = PostgresProvider.Factory.CreateConnection()!;
        connection.ConnectionString = $"Host=127.0.0.1;Port={(await PostgresServer.Shared).Port};Username={PostgresServer.Role};Database=ledgers;SSL Mode=Disable";
        await connection.OpenAsync();
        await using DbCommand command = connection.CreateCommand();
        command.CommandText = $"SET search_path = {_schema}; {sql}";
        return await command.ExecuteScalarAsync();
    }

    public override Task FillDiskAsync() => SqlAsync(
        "CREATE FUNCTION full_disk() RETURNS trigger AS $$BEGIN RAISE SQLSTATE '53100' USING MESSAGE = 'could not extend file'; END$$ LANGUAGE plpgsql; CREATE TRIGGER full_disk BEFORE UPDATE ON tasks EXECUTE FUNCTION full_disk()");

    public override Task FreeDiskAsync() => SqlAsync("DROP FUNCTION IF EXISTS full_disk CASCADE");

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        if (_address is not null)
        {
            await FreeDiskAsync();
            string[] emptied = [.. Schema.Statements.Concat(PostgresSql.OwnTables).Select(sql => CreatedTable().Match(sql).Groups[1].Value).Where(table => table is not ("" or "schema_version" or "settings")).Distinct()];
            await SqlAsync("DELETE FROM settings WHERE name = 'unfinished_copy'; UPDATE settings SET value = md5(random()::text) WHERE name = 'id';" + string.Concat(emptied.Select(table => $"DELETE FROM {table};")) + string.Concat(Schema.Counters.Select(RestartOf)));
            s_free.Add(_schema);
        }
    }

    protected override SqlLedger Create(ProcessIdentity owner, Func<ProcessIdentity, bool?> isAlive, TimeProvider time)
        => Create(string.Empty, new ProcessOwners(owner, isAlive), time, time);

    protected override SqlLedger CreateAt(ProcessIdentity owner, Func<ProcessIdentity, bool?> isAlive, TimeProvider time)
        => Create(owner.Machine, new HeartbeatOwners(owner, isAlive), time, Time);

    private static string RestartOf(string counter) => $"SELECT setval('{counter}_ids', 1, false);";

    private SqlLedger Create(string machine, IAttemptOwners owners, TimeProvider time, TimeProvider serverTime)
        => new(
            new PostgresEngine(Address, () => isPooled ? PostgresProvider.Factory : KeptConnections.Factory, new LedgerCredentials(Address, _ => null)) { ServerTime = serverTime, Machine = machine },
            owners,
            new ShiftedTimeProvider(time, TimeSpan.FromMinutes(10)),
            Spool);

    [GeneratedRegex("^CREATE TABLE (?:IF NOT EXISTS )?([a-z_]+)")]
    private static partial Regex CreatedTable();
}
