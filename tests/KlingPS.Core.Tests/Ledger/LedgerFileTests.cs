using System.Data;
using System.Data.Common;
using System.Runtime.Versioning;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Processes;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Ledger.Sqlite;
using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Ledger;

public sealed class LedgerFileTests : IAsyncLifetime
{
    private readonly TempLedger _temp = new();

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => _temp.DisposeAsync();

    [Fact]
    [UnsupportedOSPlatform("windows")]
    public async Task The_ledger_and_its_folder_are_for_their_user_alone()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The user's data folder on Windows is protected as a whole.");
        string path = Path.Combine(_temp.Folder, "data", "KlingPS", "ledger.db");

        await using var ledger = SqliteLedger.Create(path, _temp.Time);
        await ledger.Tasks.BeginAsync(TempLedger.Intent(), TestContext.Current.CancellationToken);

        const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        Assert.All(Directory.GetFiles(Path.GetDirectoryName(path)!), file => Assert.Equal(Owner, File.GetUnixFileMode(file)));
        Assert.Equal(Owner | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.GetDirectoryName(path)!));
    }

    [Fact]
    public async Task What_was_written_is_there_after_opening_again()
    {
        SqlLedger first = await _temp.OpenAsync();
        KlingVideoTask task = await first.Tasks.BeginAsync(TempLedger.Intent(), TestContext.Current.CancellationToken);
        await first.DisposeAsync();

        SqlLedger second = await _temp.OpenAsync();

        Assert.Equal(task, await second.Tasks.FindAsync(task.Id, TestContext.Current.CancellationToken));
        Assert.Equal(Schema.Version, Convert.ToInt32(await _temp.SqlAsync("SELECT MAX(version) FROM schema_version"), null));
    }

    [Fact]
    public void Whoever_looks_while_the_ledger_is_begun_misses_no_part_of_it()
    {
        for (int round = 0; round < 200; round++)
        {
            string path = Path.Combine(_temp.Folder, $"ledger-{round}.db");
            File.WriteAllText(path + ".new", "a ledger");
            var file = new LedgerFile(path, _temp.Time);
            using var looks = new Barrier(2);
            var begins = new Thread(() =>
            {
                looks.SignalAndWait();
                File.Move(path + ".new", path);
                File.WriteAllText(path + "-wal", "its last records");
            });
            begins.Start();
            looks.SignalAndWait();

            while (!file.Exists())
            {
            }

            begins.Join();
        }
    }

    public static TheoryData<int> EarlierVersions => new(Enumerable.Range(1, Schema.Version - 1));

    [Theory]
    [MemberData(nameof(EarlierVersions))]
    public async Task A_ledger_of_an_earlier_version_is_taken_over_with_all_that_is_in_it(int version)
    {
        TaskIntent intent = TempLedger.Intent();
        var engine = new SqliteEngine(_temp.Path, () => SqliteProvider.Factory, _temp.Time, string.Empty);
        await (await engine.OpenAsync(async session =>
        {
            await Schema.MigrateAsync(session, version);
            if (await session.NumberAsync("SELECT COUNT(*) FROM tasks") > 0)
            {
                return null;
            }

            await session.NextAsync("task");
            return await session.ExecuteAsync(
                "INSERT INTO tasks (id, account, state, identity, model, duration, created_at, reserved) VALUES (1, @account, 'Unknown', @identity, @model, 5, @now, 42000)",
                ("account", intent.Account),
                ("identity", intent.Identity),
                ("model", intent.Spec.Model),
                ("now", Stored.FromMoment(_temp.Time.GetUtcNow()))) == 1 ? null : "not inserted";
        }, isToWrite: true)).DisposeAsync();
        engine.Close();

        SqlLedger ledger = await _temp.OpenAsync();

        KlingVideoTask task = (await ledger.Tasks.FindAsync(1, TestContext.Current.CancellationToken))!;
        Assert.Equal((KlingTaskState.Unknown, 1, 42m), (task.TaskState, task.Take, task.CreditsReserved));
        Assert.Equal(new TaskClaim(task, IsNew: false), await ledger.Tasks.ClaimAsync(intent, TestContext.Current.CancellationToken));
        Assert.Equal(Schema.Version, Convert.ToInt32(await _temp.SqlAsync("SELECT version FROM schema_version"), null));
        Assert.IsType<string>(await _temp.SqlAsync("SELECT value FROM settings WHERE name = 'id'"));
        await AssertSpentTodayAsync(ledger, 42);
        Assert.Equal(3, (await ledger.Tasks.BeginAsync(intent with { Spec = intent.Spec with { Take = 3 } }, TestContext.Current.CancellationToken)).Take);
    }

    [Theory]
    [InlineData(null, null, false)]
    [InlineData("a process", null, true)]
    [InlineData("a process", 1, false)]
    public async Task An_attempt_of_an_earlier_version_that_had_been_settled_before_it_was_lost_is_not_replaced_once_more(string? owner, int? replaced, bool isBought)
    {
        TaskIntent intent = TempLedger.Intent();
        var engine = new SqliteEngine(_temp.Path, () => SqliteProvider.Factory, _temp.Time, string.Empty);
        await (await engine.OpenAsync(async session =>
        {
            await Schema.MigrateAsync(session, 10);
            if (await session.NumberAsync("SELECT COUNT(*) FROM tasks") > 0)
            {
                return null;
            }

            await session.NextAsync("task");
            await session.NextAsync("task");
            return await session.ExecuteAsync(
                """
                INSERT INTO tasks (id, account, task_id, state, owner, nonce, identity, replaces, model, duration, created_at, reserved) VALUES
                    (1, @account, NULL, 'Unknown', @owner, 'a', @identity, NULL, @model, 5, @now, 42000),
                    (2, @account, 't2', 'Waiting', NULL, 'b', @identity, @replaced, @model, 5, @now, 42000)
                """,
                ("account", intent.Account),
                ("owner", owner),
                ("replaced", replaced),
                ("identity", intent.Identity),
                ("model", intent.Spec.Model),
                ("now", Stored.FromMoment(_temp.Time.GetUtcNow()))) == 2 ? null : "not inserted";
        }, isToWrite: true)).DisposeAsync();
        engine.Close();

        SqlLedger ledger = await _temp.OpenAsync();
        Exception? refusal = await Record.ExceptionAsync(() => ledger.Tasks.BeginAsync(intent with { Replaces = new KlingVideoTask { Id = 1, Account = intent.Account } }, TestContext.Current.CancellationToken));

        Assert.Equal(isBought, refusal is null);
        Assert.Equal(isBought ? null : 2, (refusal as KlingException)?.TaskNumber);
    }

    [Fact]
    public async Task What_a_process_of_an_earlier_version_buys_that_has_the_ledger_open_counts_for_the_day()
    {
        var engine = new SqliteEngine(_temp.Path, () => SqliteProvider.Factory, _temp.Time, string.Empty);
        await using DatabaseConnection earlier = await engine.OpenAsync(session => Schema.MigrateAsync(session, 6), isToWrite: true);
        SqlLedger ledger = await _temp.OpenAsync();

        await earlier.InTransactionAsync(WriteKind.Durable, [WriteScope.All], async session => await session.ExecuteAsync(
            "INSERT INTO tasks (id, account, state, model, duration, created_at, reserved) VALUES (1, @account, 'Unknown', 'm', 5, @now, 42000)",
            ("account", TempLedger.Account),
            ("now", Stored.FromMoment(_temp.Time.GetUtcNow()))) == 1);

        await AssertSpentTodayAsync(ledger, 42);
        engine.Close();
    }

    private static async Task AssertSpentTodayAsync(SqlLedger ledger, decimal credits)
    {
        TaskIntent WithLimit(decimal limit) => TempLedger.Intent(credits: 1, budget: new BudgetLimit { DailyCredits = limit });
        Assert.Null(await ledger.Tasks.FindBudgetExcessAsync(WithLimit(credits + 1), TestContext.Current.CancellationToken));
        Assert.NotNull(await ledger.Tasks.FindBudgetExcessAsync(WithLimit(credits + 0.999m), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_newer_ledger_is_refused_and_left_as_it_is()
    {
        await (await _temp.OpenAsync()).DisposeAsync();
        await _temp.SqlAsync("UPDATE schema_version SET version = 99");

        KlingException error = await FailAsync();

        Assert.Contains("newer version", error.Message, StringComparison.Ordinal);
        Assert.Equal(99L, await _temp.SqlAsync("SELECT version FROM schema_version"));
    }

    [Fact]
    public async Task A_database_of_another_program_gets_no_tables()
    {
        await _temp.SqlAsync("CREATE TABLE bookmarks (id INTEGER)");

        KlingException error = await FailAsync();

        Assert.Contains("another program", error.Message, StringComparison.Ordinal);
        Assert.Equal(1L, await _temp.SqlAsync("SELECT COUNT(*) FROM sqlite_master"));
    }

    [Fact]
    public async Task A_damaged_ledger_is_kept_and_none_is_begun_in_its_place()
    {
        await (await _temp.OpenAsync()).DisposeAsync();
        byte[] damaged = await File.ReadAllBytesAsync(_temp.Path, TestContext.Current.CancellationToken);
        damaged.AsSpan(100, 1000).Fill(0xFF);
        await File.WriteAllBytesAsync(_temp.Path, damaged, TestContext.Current.CancellationToken);

        KlingException first = await FailAsync();
        KlingException second = await FailAsync();

        string aside = Assert.Single(Directory.GetFiles(_temp.Folder, "*Z"));
        Assert.Equal(_temp.Path + ".corrupt-20261122T120000Z", aside);
        Assert.Equal(damaged, await File.ReadAllBytesAsync(aside, TestContext.Current.CancellationToken));
        Assert.Contains(aside, first.Message, StringComparison.Ordinal);
        Assert.Equal(first.Message, second.Message);

        // Somebody has seen to it.
        File.Delete(aside);
        await _temp.OpenAsync();
    }

    [Fact]
    public async Task A_ledger_cut_in_half_is_kept_aside()
    {
        SqlLedger ledger = await _temp.OpenAsync();
        for (int i = 0; i < 50; i++)
        {
            await ledger.Tasks.BeginAsync(TempLedger.Intent($"image {i}"), TestContext.Current.CancellationToken);
        }

        await ledger.DisposeAsync();
        await using (var file = new FileStream(_temp.Path, FileMode.Open))
        {
            file.SetLength(5000);
        }

        KlingException error = await FailAsync();

        Assert.Contains(".corrupt-", error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(_temp.Path));
    }

    [Fact]
    public async Task A_folder_is_refused()
    {
        Directory.CreateDirectory(_temp.Path);

        Assert.Contains("folder", (await FailAsync()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_place_where_nothing_can_be_created_is_refused()
    {
        // A file is no folder, on every system and for every user.
        string file = Path.Combine(_temp.Folder, "file");
        await File.WriteAllTextAsync(file, string.Empty, TestContext.Current.CancellationToken);

        await FailAsync(Path.Combine(file, "ledger.db"));
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The next place is one of Linux.");
        await FailAsync("/proc/klingps/ledger.db");
    }

    [Fact]
    public async Task A_ledger_that_cannot_be_written_is_refused()
    {
        await (await _temp.OpenAsync()).DisposeAsync();

        KlingException error = await FailAsync(factory: new SettingFactory("PRAGMA query_only = 1"));

        Assert.Contains("read-only", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task When_the_disk_is_full_nothing_is_begun_and_the_rest_can_still_be_read()
    {
        await using SqlLedger ledger = Ledger(_temp.Path, new SettingFactory("PRAGMA max_page_count = 80"));
        int begun = 0;

        var error = await Assert.ThrowsAsync<KlingException>(async () =>
        {
            for (; begun < 1000; begun++)
            {
                await ledger.Tasks.BeginAsync(TempLedger.Intent($"image {begun}"), TestContext.Current.CancellationToken);
            }
        });

        Assert.Equal(ErrorKind.LedgerUnusable, error.Kind);
        Assert.Contains("disk is full", error.Message, StringComparison.Ordinal);
        Assert.Equal(begun, (await ledger.Tasks.ListAsync(new TaskFilter(), TestContext.Current.CancellationToken)).Count);
    }

    [Theory]
    [InlineData(10, "SQLite Error 10: 'disk I/O error'.", "Most likely it is full: free some space, then run the command again.")]
    [InlineData(21, "SQLite Error 21: 'bad parameter or other API misuse'.", "the database reports: SQLite Error 21: 'bad parameter or other API misuse'. Without")]
    public void An_error_of_the_disk_says_that_it_is_most_likely_full_and_no_error_has_two_full_stops(int code, string message, string says)
    {
        // The first is what SQLite says of a full disk where it cannot enlarge the file beside the ledger that its processes share.
        var engine = new SqliteEngine(_temp.Path, () => SqliteProvider.Factory, _temp.Time, string.Empty);

        KlingException error = engine.Translate(new DatabaseFault(message, code));

        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("..", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_fits_on_a_nearly_full_disk_is_written_though_it_came_together_with_what_does_not()
    {
        await using SqlLedger ledger = Ledger(_temp.Path, new SettingFactory("PRAGMA max_page_count = 80"));

        Task<KlingVideoTask>[] begins = [.. Enumerable.Range(0, 500).Select(i => ledger.Tasks.BeginAsync(TempLedger.Intent($"image {i}"), TestContext.Current.CancellationToken))];
        await Task.WhenAll(begins.Select(begin => begin.ContinueWith(_ => { }, TaskScheduler.Default)));

        long[] written = [.. begins.Where(begin => begin.IsCompletedSuccessfully).Select(begin => begin.Result.Id)];
        Assert.InRange(written.Length, 1, 499);
        Assert.Equal(written.Order(), (await ledger.Tasks.ListAsync(new TaskFilter(), TestContext.Current.CancellationToken)).Select(task => task.Id));
    }

    [Fact]
    public async Task An_error_of_opening_is_not_kept_when_its_cause_is_gone()
    {
        Directory.CreateDirectory(_temp.Path);
        await using SqlLedger ledger = Ledger(_temp.Path, SqliteProvider.Factory);
        await Assert.ThrowsAsync<KlingException>(() => ledger.OpenAsync(TestContext.Current.CancellationToken));
        Directory.Delete(_temp.Path);

        await ledger.Tasks.BeginAsync(TempLedger.Intent(), TestContext.Current.CancellationToken);
    }

    private SqlLedger Ledger(string path, DbProviderFactory factory)
        => SqliteLedger.Create(path, () => factory, _temp.Time, ProcessIdentity.Current, owner => owner.IsAlive());

    private async Task<KlingException> FailAsync(string? path = null, DbProviderFactory? factory = null)
    {
        path ??= _temp.Path;
        await using SqlLedger ledger = Ledger(path, factory ?? SqliteProvider.Factory);
        var error = await Assert.ThrowsAsync<KlingException>(() => ledger.Tasks.BeginAsync(TempLedger.Intent(), TestContext.Current.CancellationToken));
        Assert.Equal(ErrorKind.LedgerUnusable, error.Kind);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        Assert.Contains("nothing is bought", error.Message, StringComparison.Ordinal);
        return error;
    }

    /// <summary>Makes connections with a setting of their own.</summary>
    private sealed class SettingFactory(string setting) : DbProviderFactory
    {
        public override DbConnection CreateConnection()
        {
            DbConnection connection = SqliteProvider.Factory.CreateConnection()!;
            connection.StateChange += (_, change) =>
            {
                if (change.CurrentState == ConnectionState.Open)
                {
                    using DbCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // A constant of the test.
                    command.CommandText = setting;
#pragma warning restore CA2100
                    command.ExecuteNonQuery();
                }
            };
            return connection;
        }

        public override DbConnectionStringBuilder? CreateConnectionStringBuilder() => SqliteProvider.Factory.CreateConnectionStringBuilder();
    }

    private sealed class DatabaseFault(string message, int code) : DbException(message)
    {
        public int SqliteErrorCode => code;
    }
}
