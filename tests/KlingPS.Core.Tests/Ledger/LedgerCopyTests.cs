using System.Data;
using System.Data.Common;
using KlingPS.Core.Files;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Copying;
using KlingPS.Core.Ledger.Processes;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Ledger.Sqlite;
using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Ledger;

/// <summary>A ledger is copied to another file. The same happens to a server: see <c>PostgresCopyTests</c>.</summary>
public sealed class LedgerCopyTests : IAsyncDisposable
{
    private static readonly string s_hash = new('1', 64);

    private readonly TempLedger _temp = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Copied => Path.Combine(_temp.Folder, "copy", "ledger.db");

    public ValueTask DisposeAsync() => _temp.DisposeAsync();

    private SqlLedger Open(LedgerAddress address)
        => SqliteLedger.Create(((FileAddress)address).Path, () => SqliteProvider.Factory, _temp.Time, ProcessIdentity.Current, owner => owner.IsAlive());

    private Task<KlingLedgerCopy> CopyAsync(string? from = null, string? to = null, Action<long, long>? progress = null, CancellationToken? token = null)
        => new LedgerCopier(Open).CopyAsync(new FileAddress(from ?? _temp.Path), new FileAddress(to ?? Copied), progress, token ?? Token);

    private async Task<KlingException> RefusedAsync(string? from = null, string? to = null)
    {
        KlingException error = await Assert.ThrowsAsync<KlingException>(() => CopyAsync(from, to));
        Assert.StartsWith("Nothing was copied", error.Message, StringComparison.Ordinal);
        return error;
    }

    /// <summary>A ledger with one of everything, closed again.</summary>
    private async Task FillAsync(int more = 0)
    {
        await using SqlLedger ledger = await _temp.OpenAsync();
        await FillAsync(ledger, more);
    }

    internal static async Task FillAsync(SqlLedger ledger, int more = 0)
    {
        DateTimeOffset now = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);
        await ledger.Accounts.RecordAsync(new AccountKey(LedgerHostAccount, LedgerHostAccount) { Service = "kie.ai", Number = "4711", IsSettled = true }, Token);
        await ledger.Accounts.RecordAsync(new AccountKey("fedcba9876543210", LedgerHostAccount) { Service = "kie.ai", IsSettled = true }, Token);
        await ledger.Tasks.AcceptAsync((await ledger.Tasks.BeginAsync(TempLedger.Intent("a"), Token)).Id, "t1");
        KlingVideoTask saved = await ledger.Tasks.RecordSnapshotAsync(LedgerHostAccount, TempLedger.Snapshot("t1", KlingTaskState.Succeeded, 42) with { CreatedAt = now, CompletedAt = now + TimeSpan.FromSeconds(90) });
        await ledger.Tasks.RecordSavedAsync(saved, "/videos/Füchsin 🦊.mp4", s_hash);
        await ledger.Tasks.AcceptAsync((await ledger.Tasks.BeginAsync(TempLedger.Intent("b"), Token)).Id, "t2");
        await ledger.Tasks.LoseAsync((await ledger.Tasks.BeginAsync(TempLedger.Intent("c"), Token)).Id, "The connection broke.");
        KlingVideoTask removed = await ledger.Tasks.BeginAsync(TempLedger.Intent("d"), Token);
        await ledger.Tasks.RecordRejectedAsync(removed, "422", "No.");
        await ledger.Tasks.RemoveAsync(removed.Id);
        await ledger.Uploads.RecordAsync(new UploadRecord(LedgerHostAccount, "a", "https://files.example/a.png", now, now + TimeSpan.FromHours(24)), Token);
        await ledger.FileHashes.RecordAsync("/images/a.png", new FileStamp(100, now, "1:2"), "a", Token);
        for (int i = 0; i < more; i++)
        {
            await ledger.FileHashes.RecordAsync($"/images/{i}.png", new FileStamp(i, now), "h", Token);
        }
    }

    private const string LedgerHostAccount = TempLedger.Account;

    [Fact]
    public async Task A_copied_ledger_has_everything_and_buys_nothing_again()
    {
        await FillAsync(more: 2500);
        byte[] before = await File.ReadAllBytesAsync(_temp.Path, Token);
        var told = new List<(long, long)>();

        KlingLedgerCopy copy = await CopyAsync(progress: (done, total) => told.Add((done, total)));

        Assert.Equal((3, 1, 2, 2501), (copy.Tasks, copy.Uploads, copy.Keys, copy.Hashes));
        Assert.Equal((_temp.Path, Copied), (copy.Path, copy.Destination));
        Assert.Equal(told[^1].Item2, told[^1].Item1);
        Assert.Equal(before, await File.ReadAllBytesAsync(_temp.Path, Token));
        await using SqlLedger source = Open(new FileAddress(_temp.Path));
        await using SqlLedger ledger = Open(new FileAddress(Copied));
        Assert.Equal(await source.Tasks.ListAsync(new TaskFilter(), Token), await ledger.Tasks.ListAsync(new TaskFilter(), Token));
        Assert.Equal(await source.Tasks.ListSavedPathsAsync(Token), await ledger.Tasks.ListSavedPathsAsync(Token));
        Assert.Equal(await source.Accounts.ListAsync(Token), await ledger.Accounts.ListAsync(Token));
        Assert.Equal([90.0], await ledger.GenerationTimes.ListAsync(ModelCatalog.DefaultId, 5, 5, Token));
        Assert.NotNull(await ledger.Prices.FindLastAsync(LedgerHostAccount, TempLedger.Intent("a").Spec, DateTimeOffset.UnixEpoch, Token));
        foreach (string image in (string[])["a", "b", "c"])
        {
            Assert.False((await ledger.Tasks.ClaimAsync(TempLedger.Intent(image), Token)).IsNew);
        }

        // What is bought today counts today, and the cap is not begun anew; nor is a number given twice.
        Assert.NotNull(await ledger.Tasks.FindBudgetExcessAsync(TempLedger.Intent("e", budget: new BudgetLimit { DailyCredits = 130 }), Token));
        Assert.Equal(5, (await ledger.Tasks.BeginAsync(TempLedger.Intent("e"), Token)).Id);
    }

    [Fact]
    public async Task What_was_removed_today_counts_against_the_daily_limit_of_a_copy_as_well()
    {
        await using (SqlLedger source = await _temp.OpenAsync())
        {
            await FillAsync(source);
            await source.Tasks.RemoveAsync(1);
        }

        await CopyAsync();

        await using SqlLedger ledger = Open(new FileAddress(Copied));
        Assert.Null(await ledger.Tasks.FindBudgetExcessAsync(TempLedger.Intent("e", budget: new BudgetLimit { DailyCredits = 168 }), Token));
        Assert.NotNull(await ledger.Tasks.FindBudgetExcessAsync(TempLedger.Intent("e", budget: new BudgetLimit { DailyCredits = 167 }), Token));
    }

    [Fact]
    public async Task A_copy_says_that_it_is_one_until_something_is_bought_with_it()
    {
        await FillAsync();
        await CopyAsync();

        await using SqlLedger source = Open(new FileAddress(_temp.Path));
        await using SqlLedger ledger = Open(new FileAddress(Copied));
        Assert.False(await source.IsUnusedCopyAsync(Token));
        Assert.True(await ledger.IsUnusedCopyAsync(Token));

        await ledger.Tasks.BeginAsync(TempLedger.Intent("e"), Token);
        Assert.False(await ledger.IsUnusedCopyAsync(Token));
    }

    [Fact]
    public async Task A_ledger_of_an_earlier_version_is_copied_as_this_one_has_it()
    {
        await using (Stream recorded = typeof(LedgerCopyTests).Assembly.GetManifestResourceStream("ledger-schema-3.db.gz")!)
        await using (var unpacked = new System.IO.Compression.GZipStream(recorded, System.IO.Compression.CompressionMode.Decompress))
        await using (FileStream file = File.Create(_temp.Path))
        {
            await unpacked.CopyToAsync(file, Token);
        }

        _temp.Time.Advance(TimeSpan.FromHours(1));

        KlingLedgerCopy copy = await CopyAsync();

        Assert.True(copy.Tasks >= 9);
        await using SqlLedger ledger = Open(new FileAddress(Copied));
        Assert.Equal([new SavedPath("/videos/saved.mp4", 1, s_hash)], await ledger.Tasks.ListSavedPathsAsync(Token));
    }

    [Fact]
    public async Task A_request_under_way_is_waited_for_and_nothing_is_copied()
    {
        await using SqlLedger ledger = await _temp.OpenAsync();
        KlingVideoTask open = await ledger.Tasks.BeginAsync(TempLedger.Intent(), Token);

        KlingException error = await RefusedAsync();

        Assert.Equal(ErrorKind.RequestInvalid, error.Kind);
        Assert.Contains("that of task 1 ('/images/a.png')", error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Copied));

        await ledger.Tasks.AcceptAsync(open.Id, "t1");
        Assert.Equal(1, (await CopyAsync()).Tasks);
    }

    [Fact]
    public async Task A_ledger_that_something_was_bought_with_is_not_written_to()
    {
        await FillAsync();
        await using (SqlLedger other = Open(new FileAddress(Copied)))
        {
            await other.Tasks.BeginAsync(TempLedger.Intent("other"), Token);
        }

        KlingException error = await RefusedAsync();

        Assert.Equal(ErrorKind.RequestInvalid, error.Kind);
        Assert.Contains($"'{Copied}' is in use already", error.Message, StringComparison.Ordinal);
        await using SqlLedger there = Open(new FileAddress(Copied));
        Assert.Single(await there.Tasks.ListAsync(new TaskFilter(), Token));
    }

    [Fact]
    public async Task A_ledger_that_nothing_was_bought_with_may_be_there()
    {
        await FillAsync();
        await using (SqlLedger other = Open(new FileAddress(Copied)))
        {
            await other.Accounts.RecordAsync(new AccountKey(LedgerHostAccount, "another account"), Token);
        }

        Assert.Equal(3, (await CopyAsync()).Tasks);
        await using SqlLedger there = Open(new FileAddress(Copied));
        Assert.All(await there.Accounts.ListAsync(Token), key => Assert.Equal(LedgerHostAccount, key.Account));
    }

    [Fact]
    public async Task Neither_itself_nor_nothing_is_copied()
    {
        Assert.Contains("There is no ledger", (await RefusedAsync()).Message, StringComparison.Ordinal);
        Assert.False(File.Exists(_temp.Path));
        await FillAsync();
        Assert.Contains("both what is to be copied and where to", (await RefusedAsync(to: Path.Combine(_temp.Folder, ".", "ledger.db"))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2000)]
    [InlineData(4000)]
    public async Task A_copy_that_breaks_off_leaves_nothing_behind_and_the_source_as_it_was(int after)
    {
        await FillAsync(more: 2500);
        byte[] before = await File.ReadAllBytesAsync(_temp.Path, Token);

        await Assert.ThrowsAsync<InvalidOperationException>(() => CopyAsync(progress: (done, _) =>
        {
            if (done >= after)
            {
                throw new InvalidOperationException("broken off");
            }
        }));

        Assert.Empty(Directory.GetFileSystemEntries(Path.GetDirectoryName(Copied)!));
        Assert.Equal(before, await File.ReadAllBytesAsync(_temp.Path, Token));
        Assert.Equal(3, (await CopyAsync()).Tasks);
    }

    [Fact]
    public async Task What_a_killed_copy_has_left_is_gone_with_the_next_and_one_that_is_being_made_is_left_alone()
    {
        await FillAsync();
        string folder = Directory.CreateDirectory(Path.GetDirectoryName(Copied)!).FullName;
        string killed = Path.Combine(folder, ".klingps-killed");
        string alive = Path.Combine(folder, ".klingps-alive");
        foreach (string suffix in (string[])["", "-wal", "-shm", ".copy"])
        {
            File.WriteAllText(killed + suffix, "x");
        }

        File.WriteAllText(alive, "x");
        using (OwnFile.TryOpenExclusive(alive + ".copy", FileReaders.Owner))
        {
            await CopyAsync();
        }

        Assert.Equal([".klingps-alive", ".klingps-alive.copy"], Directory.GetFiles(folder, ".klingps-*").Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_copy_that_is_stopped_leaves_nothing_behind()
    {
        await FillAsync(more: 2500);
        using var stop = new CancellationTokenSource();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => CopyAsync(progress: (_, _) => stop.Cancel(), token: stop.Token));

        Assert.Empty(Directory.GetFileSystemEntries(Path.GetDirectoryName(Copied)!));
    }

    [Fact]
    public async Task A_copy_whose_records_do_not_get_into_the_file_itself_is_an_error_and_not_there()
    {
        // On a full disk as well, they stay in the -wal. Here they do because somebody reads what was there before them.
        await FillAsync();
        string begun = string.Empty;
        await using (DbConnection reader = SqliteProvider.Factory.CreateConnection()!)
        {
            var copier = new LedgerCopier(address =>
            {
                begun = ((FileAddress)address).Path;
                return Open(address);
            });

            KlingException error = await Assert.ThrowsAsync<KlingException>(() => copier.CopyAsync(new FileAddress(_temp.Path), new FileAddress(Copied), (_, _) => Read(reader), Token));

            Assert.Equal(ErrorKind.LedgerUnusable, error.Kind);
            Assert.StartsWith($"Nothing was copied: '{Copied}' could not be completed.", error.Message, StringComparison.Ordinal);
            Assert.False(File.Exists(Copied));
        }

        Assert.Equal(3, (await CopyAsync()).Tasks);

        void Read(DbConnection reader)
        {
            if (reader.State == ConnectionState.Closed)
            {
                reader.ConnectionString = $"Data Source={begun};Pooling=False";
                reader.Open();
                using DbCommand command = reader.CreateCommand();
                command.CommandText = "BEGIN; SELECT COUNT(*) FROM tasks";
                command.ExecuteScalar();
            }
        }
    }

    [Fact]
    public async Task Every_table_is_copied_or_left_on_purpose()
    {
        await FillAsync();
        await using DbConnection connection = SqliteProvider.Factory.CreateConnection()!;
        connection.ConnectionString = $"Data Source={_temp.Path};Pooling=False";
        await connection.OpenAsync(Token);
        await using DbCommand command = connection.CreateCommand();
        command.CommandText = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name";
        var tables = new List<string>();
        await using DbDataReader reader = await command.ExecuteReaderAsync(Token);
        while (await reader.ReadAsync(Token))
        {
            tables.Add(reader.GetString(0));
        }

        Assert.Equal(LedgerTables.Copied.Select(table => table.Name).Concat(LedgerTables.Left).Order(StringComparer.Ordinal), tables);
    }
}
