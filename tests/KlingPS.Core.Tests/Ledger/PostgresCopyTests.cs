using System.Data.Common;
using System.Globalization;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Copying;
using KlingPS.Core.Ledger.Postgres;
using KlingPS.Core.Ledger.Processes;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Ledger.Sqlite;
using KlingPS.Core.Model;
using KlingPS.Core.Tests.Ledger.Contract;

namespace KlingPS.Core.Tests.Ledger;

/// <summary>A ledger is copied from a file to a server, and back.</summary>
public sealed class PostgresCopyTests : IAsyncLifetime
{
    private readonly TempLedger _temp = new();
    private readonly PostgresHost _host = new(isPooled: false);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Back => Path.Combine(_temp.Folder, "back.db");

    public ValueTask InitializeAsync() => _host.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await _temp.DisposeAsync();
        await _host.DisposeAsync();
    }

    private Func<LedgerAddress, SqlLedger> OpenAt(string machine) => address => address switch
    {
        FileAddress file => SqliteLedger.Create(file.Path, () => SqliteProvider.Factory, _temp.Time, ProcessIdentity.Current, owner => owner.IsAlive()),
        ServerAddress server => new SqlLedger(
            new PostgresEngine(server, () => PostgresProvider.Factory, new LedgerCredentials(server, _ => null)) { ServerTime = _temp.Time, Machine = machine },
            new HeartbeatOwners(ProcessIdentity.Current with { Machine = machine }, _ => null),
            _temp.Time),
        _ => throw new InvalidOperationException(),
    };

    private Task<KlingLedgerCopy> CopyAsync(LedgerAddress from, LedgerAddress to, Action<long, long>? progress = null)
        => new LedgerCopier(OpenAt("east")).CopyAsync(from, to, progress, Token);

    private async Task FillAsync(int more = 0)
    {
        await using SqlLedger ledger = await _temp.OpenAsync();
        await LedgerCopyTests.FillAsync(ledger, more);
    }

    /// <summary>All records of a file, past the ledger, but for what says that it is a copy.</summary>
    private static async Task<List<string>> DumpAsync(string path)
    {
        await using DbConnection connection = SqliteProvider.Factory.CreateConnection()!;
        connection.ConnectionString = $"Data Source={path};Pooling=False";
        await connection.OpenAsync(Token);
        var records = new List<string>();
        foreach (string table in LedgerTables.Copied.Select(table => table.Name).Append("counters"))
        {
            await using DbCommand command = connection.CreateCommand();
            command.CommandText = $"SELECT * FROM {table}";
            await using DbDataReader reader = await command.ExecuteReaderAsync(Token);
            while (await reader.ReadAsync(Token))
            {
                object[] values = new object[reader.FieldCount];
                reader.GetValues(values);
                records.Add($"{table}: {string.Join(" | ", values.Select(value => Convert.ToString(value, CultureInfo.InvariantCulture)))}");
            }
        }

        // Whatever is kept for one of them is for the other as well.
        await using DbCommand identity = connection.CreateCommand();
        identity.CommandText = "SELECT value FROM settings WHERE name = 'id'";
        records.Add($"id: {await identity.ExecuteScalarAsync(Token)}");

        string[] own = ["counters: lease", "counters: last_copied"];
        return [.. records.Where(record => !own.Any(start => record.StartsWith(start, StringComparison.Ordinal))).Order(StringComparer.Ordinal)];
    }

    [Fact]
    public async Task A_server_knows_what_is_in_a_copy_before_it_is_asked()
    {
        await FillAsync(more: 100);

        await CopyAsync(new FileAddress(_temp.Path), _host.Address);

        Assert.Equal("3 101", await _host.SqlAsync("SELECT string_agg(reltuples::bigint::text, ' ' ORDER BY relname DESC) FROM pg_class WHERE oid IN ('tasks'::regclass, 'machine_hashes'::regclass)"));
    }

    [Fact]
    public async Task A_ledger_that_went_to_a_server_and_back_is_the_same_record_for_record()
    {
        await FillAsync(more: 1200);
        KlingLedgerCopy there = await CopyAsync(new FileAddress(_temp.Path), _host.Address);
        KlingLedgerCopy back = await CopyAsync(_host.Address, new FileAddress(Back));

        Assert.Equal((3, 1, 2, 1201), (there.Tasks, there.Uploads, there.Keys, there.Hashes));
        Assert.Equal((there.Tasks, there.Uploads, there.Keys, there.Hashes), (back.Tasks, back.Uploads, back.Keys, back.Hashes));
        Assert.Equal(await DumpAsync(_temp.Path), await DumpAsync(Back));
    }

    [Fact]
    public async Task On_the_server_the_paths_are_those_of_the_machine_that_copied_them_and_every_machine_knows_what_was_bought()
    {
        await FillAsync();
        await CopyAsync(new FileAddress(_temp.Path), _host.Address);
        await using SqlLedger east = OpenAt("east")(_host.Address);
        await using SqlLedger west = OpenAt("west")(_host.Address);

        Assert.Equal("/videos/Füchsin 🦊.mp4", (await east.Tasks.FindAsync(1, Token))!.SavedPath);
        Assert.Null((await west.Tasks.FindAsync(1, Token))!.SavedPath);
        Assert.NotNull((await west.Tasks.FindAsync(1, Token))!.SavedHash);
        foreach (string image in (string[])["a", "b", "c"])
        {
            Assert.False((await west.Tasks.ClaimAsync(LedgerHost.Intent(image), Token)).IsNew);
        }

        Assert.Null(await west.Tasks.FindBudgetExcessAsync(LedgerHost.Intent("e", budget: new BudgetLimit { DailyCredits = 168 }), Token));
        Assert.NotNull(await west.Tasks.FindBudgetExcessAsync(LedgerHost.Intent("e", budget: new BudgetLimit { DailyCredits = 167 }), Token));
        Assert.Equal(5, (await west.Tasks.BeginAsync(LedgerHost.Intent("e"), Token)).Id);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1001)]
    [InlineData(2400)]
    public async Task A_copy_that_breaks_off_is_used_by_nobody_until_it_is_finished(int after)
    {
        await FillAsync(more: 1200);

        await Assert.ThrowsAsync<InvalidOperationException>(() => CopyAsync(new FileAddress(_temp.Path), _host.Address, (done, _) =>
        {
            if (done >= after)
            {
                throw new InvalidOperationException("broken off");
            }
        }));

        await using (SqlLedger east = OpenAt("east")(_host.Address))
        {
            KlingException error = await Assert.ThrowsAsync<KlingException>(() => east.Tasks.ClaimAsync(LedgerHost.Intent(), Token));
            Assert.Equal(ErrorKind.LedgerUnusable, error.Kind);
            Assert.Contains($"it is to be a copy of '{_temp.Path}' that is not finished", error.Message, StringComparison.Ordinal);
            Assert.Contains($"DROP SCHEMA \"{_host.Address.Schema}\" CASCADE", error.Message, StringComparison.Ordinal);
            Assert.Equal(error.Message, (await Assert.ThrowsAsync<KlingException>(() => east.Tasks.ListAsync(new TaskFilter(), Token))).Message);
            Assert.Equal(0L, await _host.SqlAsync("SELECT COUNT(*) FROM tasks"));
        }

        Assert.Equal(3, (await CopyAsync(new FileAddress(_temp.Path), _host.Address)).Tasks);
        await using SqlLedger west = OpenAt("west")(_host.Address);
        Assert.Equal(3, (await west.Tasks.ListAsync(new TaskFilter(), Token)).Count);
    }

    [Fact]
    public async Task A_role_with_the_least_rights_copies_a_ledger_into_a_file_and_one_with_less_is_told_which_ledger_it_may_not_read()
    {
        await FillAsync();
        await CopyAsync(new FileAddress(_temp.Path), _host.Address);
        string schema = _host.Address.Schema;
        await _host.SqlAsync(
            $"DO $$BEGIN CREATE ROLE copier LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END$$; GRANT USAGE ON SCHEMA {schema} TO copier; "
            + $"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO copier");
        ServerAddress address = _host.Address with { User = "copier" };

        KlingException error = await Assert.ThrowsAsync<KlingException>(() => CopyAsync(address, new FileAddress(Back)));
        Assert.StartsWith($"The ledger '{address.Shown}' cannot be used: the role 'copier' does not have the rights it needs", error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Back));

        await _host.SqlAsync($"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO copier");
        await CopyAsync(address, new FileAddress(Back));
        Assert.Equal(await DumpAsync(_temp.Path), await DumpAsync(Back));
        await _host.SqlAsync($"REVOKE ALL ON ALL SEQUENCES IN SCHEMA {schema} FROM copier");
    }

    [Fact]
    public async Task A_copy_that_begins_a_ledger_on_a_server_marks_it_before_anybody_can_use_it()
    {
        await FillAsync();
        await using (SqlLedger first = OpenAt("east")(_host.Address))
        {
            await first.OpenAsync(Token);
        }

        ServerAddress address = _host.Address with { Schema = $"copied_{Guid.NewGuid():N}" };

        await Assert.ThrowsAsync<InvalidOperationException>(() => CopyAsync(new FileAddress(_temp.Path), address, (_, _) => throw new InvalidOperationException("broken off")));

        await using (SqlLedger east = OpenAt("east")(address))
        {
            Assert.Contains("that is not finished", (await Assert.ThrowsAsync<KlingException>(() => east.OpenAsync(Token))).Message, StringComparison.Ordinal);
        }

        await _host.SqlAsync($"DROP SCHEMA \"{address.Schema}\" CASCADE");
        await using SqlLedger anew = OpenAt("east")(address);
        Assert.Equal(1, (await anew.Tasks.BeginAsync(LedgerHost.Intent(), Token)).Id);
        await _host.SqlAsync($"DROP SCHEMA \"{address.Schema}\" CASCADE");
    }

    [Fact]
    public async Task A_server_that_something_was_bought_with_is_not_written_to()
    {
        await FillAsync();
        await using SqlLedger east = OpenAt("east")(_host.Address);
        await east.Tasks.BeginAsync(LedgerHost.Intent("other"), Token);

        KlingException error = await Assert.ThrowsAsync<KlingException>(() => CopyAsync(new FileAddress(_temp.Path), _host.Address));

        Assert.Contains("is in use already", error.Message, StringComparison.Ordinal);
        await using (SqlLedger west = OpenAt("west")(_host.Address))
        {
            Assert.Single(await west.Tasks.ListAsync(new TaskFilter(), Token));
        }

        Assert.Contains("A request is under way", (await Assert.ThrowsAsync<KlingException>(() => CopyAsync(_host.Address, new FileAddress(Back)))).Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Back));
    }
}
