using System.Data.Common;
using System.Diagnostics;
using System.Security.Cryptography;
using CsCheck;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Processes;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Ledger.Sqlite;
using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Ledger;

/// <summary>What is at the ledger's path: something else, a part of a ledger, or another file than the one that was opened.</summary>
public sealed class LedgerPlaceTests : IAsyncLifetime
{
    private readonly TempLedger _temp = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<string> Others => new(["text", "empty", "image of SQLite", "another program's", "another program's at work", "without tables", .. OddFiles.Kinds.Except(["link", "hard link"])]);

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => _temp.DisposeAsync();

    [Theory]
    [MemberData(nameof(Others))]
    public async Task What_never_was_a_ledger_is_refused_and_left_as_it_is(string kind)
    {
        using DbConnection? atWork = await PutAsync(kind, _temp.Path);
        IReadOnlyDictionary<string, string> before = Snapshot();

        KlingException buying = await FailAsync(ledger => ledger.Tasks.ClaimAsync(TempLedger.Intent(), Token));
        KlingException looking = await FailAsync(ledger => ledger.Tasks.ListAsync(new TaskFilter(), Token));
        await Assert.ThrowsAnyAsync<Exception>(() => SqliteLedger.OpenReadOnlyAsync(_temp.Path));

        Assert.Equal(before, Snapshot());
        Assert.Equal(buying.Message, looking.Message);
        Assert.DoesNotContain(".corrupt-", buying.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task To_look_begins_no_ledger()
    {
        SqlLedger ledger = Ledger(_temp.Path);
        await using (ledger)
        {
            Assert.Empty(await ledger.Tasks.ListAsync(new TaskFilter(), Token));
            Assert.Null(await ledger.Tasks.FindAsync(1, Token));
            Assert.Null(await ledger.Tasks.FindBudgetExcessAsync(TempLedger.Intent(budget: new BudgetLimit { DailyCredits = 42 }), Token));
            Assert.NotNull(await ledger.Tasks.FindBudgetExcessAsync(TempLedger.Intent(budget: new BudgetLimit { DailyCredits = 41 }), Token));
            Assert.Empty(Directory.GetFileSystemEntries(_temp.Folder));

            KlingVideoTask task = await ledger.Tasks.BeginAsync(TempLedger.Intent(), Token);
            Assert.Equal([task], await ledger.Tasks.ListAsync(new TaskFilter(), Token));
        }
    }

    [Fact]
    public async Task To_look_at_a_damaged_ledger_moves_nothing()
    {
        await RecordAsync(_temp.Path);
        await using (var file = new FileStream(_temp.Path, FileMode.Open))
        {
            file.SetLength(5000);
        }

        byte[] before = await File.ReadAllBytesAsync(_temp.Path, Token);
        KlingException looking = await FailAsync(ledger => ledger.Tasks.ListAsync(new TaskFilter(), Token));
        Assert.Equal(before, await File.ReadAllBytesAsync(_temp.Path, Token));
        Assert.Contains("damaged", looking.Message, StringComparison.Ordinal);

        await FailAsync(ledger => ledger.OpenAsync(Token));
        Assert.EndsWith(".corrupt-20261122T120000Z", Assert.Single(Directory.GetFiles(_temp.Folder, "*Z")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_link_to_a_ledger_is_that_ledger()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need a privilege there.");
        string link = Path.Combine(_temp.Folder, "link.db");
        OddFiles.Link(link, _temp.Path);
        await RecordAsync(_temp.Path);

        await using SqlLedger ledger = Ledger(link);

        Assert.Equal(20, (await ledger.Tasks.ListAsync(new TaskFilter(), Token)).Count);
        await ledger.Tasks.BeginAsync(TempLedger.Intent("b"), Token);
    }

    [Fact]
    public async Task The_file_of_a_closed_ledger_holds_all_that_was_recorded()
    {
        SqlLedger first = await _temp.OpenAsync();
        SqlLedger second = await _temp.OpenAsync();
        KlingVideoTask task = await first.Tasks.BeginAsync(TempLedger.Intent(), Token);

        await first.DisposeAsync();

        // Others have it open still, and go on with it.
        Assert.Equal([task], await ListCopyAsync());
        KlingVideoTask other = await second.Tasks.BeginAsync(TempLedger.Intent("b"), Token);
        await second.DisposeAsync();
        Assert.Equal([task, other], await ListCopyAsync());
        Assert.Equal([_temp.Path], Directory.GetFiles(_temp.Folder, "ledger*"));
    }

    [Fact]
    public async Task A_copy_without_the_wal_of_a_ledger_at_work_is_not_taken_for_all_there_is()
    {
        SqlLedger ledger = await _temp.OpenAsync();
        KlingVideoTask task = await ledger.Tasks.BeginAsync(TempLedger.Intent(), Token);
        string copy = CopyOf(_temp.Path);

        KlingException error = await FailAsync(ledger => ledger.Tasks.ClaimAsync(TempLedger.Intent(), Token), copy);

        Assert.Contains($"'{copy}-wal', which is not beside it", error.Message, StringComparison.Ordinal);
        File.Copy(_temp.Path + "-wal", copy + "-wal");
        Assert.Equal([task], await ListAsync(copy));
    }

    /// <summary>A shell has no -wal, then one, then marks the file, takes the mark back, and has no -wal any more.</summary>
    [Fact]
    public void A_shell_that_begins_or_ends_at_that_moment_is_not_taken_for_a_lost_wal()
    {
        int[] steps = [0, 1, 2, 3, 4, 5];
        foreach ((int first, int second, int third, int fourth) in
            from first in steps
            from second in steps
            from third in steps
            from fourth in steps
            where second + third + fourth <= 5
            select (first, second, third, fourth))
        {
            var waits = new Queue<int>([first, second, third, fourth]);
            int step = 0;
            int Step() => (step += waits.Dequeue()) % 4;

            Assert.False(LedgerFile.LacksWal(() => Step() != 0, () => Step() == 2));
        }

        Assert.True(LedgerFile.LacksWal(() => false, () => true));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_process_that_is_killed_while_it_marks_the_file_leaves_a_ledger_that_can_be_used(bool isOpenElsewhere)
    {
        SqlLedger ledger = await _temp.OpenAsync();
        KlingVideoTask task = await ledger.Tasks.BeginAsync(TempLedger.Intent(), Token);
        long mark = (long)(await _temp.SqlAsync("PRAGMA user_version"))!;
        await _temp.SqlAsync($"PRAGMA user_version = {mark + 1}");
        if (isOpenElsewhere)
        {
            await ledger.DisposeAsync();
        }
        else
        {
            await (await _temp.OpenAsync()).DisposeAsync();
            Assert.Equal(mark, await _temp.SqlAsync("PRAGMA user_version"));
            await ledger.DisposeAsync();
        }

        Assert.Equal([task], await ListCopyAsync());
    }

    [Fact]
    public async Task Whoever_has_lost_the_wal_for_good_can_say_so()
    {
        SqlLedger ledger = await _temp.OpenAsync();
        await ledger.Tasks.BeginAsync(TempLedger.Intent(), Token);
        string copy = CopyOf(_temp.Path);

        await File.WriteAllBytesAsync(copy + "-wal", [], Token);

        Assert.Empty(await ListAsync(copy));
    }

    [Fact]
    public async Task A_copy_that_the_tools_of_SQLite_make_of_a_ledger_at_work_is_whole()
    {
        SqlLedger ledger = await _temp.OpenAsync();
        KlingVideoTask task = await ledger.Tasks.BeginAsync(TempLedger.Intent(), Token);
        string copy = Path.Combine(_temp.Folder, "copy.db");

        await _temp.SqlAsync($"VACUUM INTO '{copy}'");

        Assert.Equal([task], await ListAsync(copy));
    }

    [Fact]
    public async Task A_killed_process_leaves_a_ledger_that_lacks_something_only_without_its_wal()
    {
        using (Process child = ChildProcess.Start(nameof(ChildProcess.Begins_a_task_and_hangs), _temp.Path))
        {
            while (await child.StandardOutput.ReadLineAsync(Token) is { } line && !line.Contains("begun", StringComparison.Ordinal))
            {
            }

            child.Kill();
            await child.WaitForExitAsync(Token);
        }

        string copy = CopyOf(_temp.Path);
        await FailAsync(ledger => ledger.Tasks.ListAsync(new TaskFilter(), Token), copy);
        File.Delete(copy);

        // Whoever opens and closes it writes the last records to where they belong, be it another program.
        Assert.Equal(1L, await _temp.SqlAsync("SELECT COUNT(*) FROM tasks"));
        Assert.False(File.Exists(_temp.Path + "-wal"));
        Assert.Single(await ListCopyAsync());
    }

    [Fact]
    public async Task A_copy_of_a_ledger_that_an_earlier_version_has_just_begun_is_not_taken_for_an_empty_one()
    {
        await using DbConnection earlier = await OpenAsync(_temp.Path);
        await ExecuteAsync(earlier, "PRAGMA journal_mode = WAL; CREATE TABLE schema_version (version INTEGER NOT NULL); CREATE TABLE rate_leases (id BIGINT)");
        string copy = CopyOf(_temp.Path);
        Assert.Equal(4096, new FileInfo(copy).Length);

        KlingException error = await FailAsync(ledger => ledger.Tasks.ClaimAsync(TempLedger.Intent(), Token), copy);

        Assert.Contains($"'{copy}-wal', which is not beside it", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_wal_of_a_ledger_whose_file_is_missing_keeps_a_new_one_from_being_begun()
    {
        SqlLedger ledger = await _temp.OpenAsync();
        await ledger.Tasks.BeginAsync(TempLedger.Intent(), Token);
        string lost = Path.Combine(_temp.Folder, "lost.db");
        File.Copy(_temp.Path + "-wal", lost + "-wal");

        KlingException error = await FailAsync(ledger => ledger.Tasks.ClaimAsync(TempLedger.Intent(), Token), lost);

        Assert.Contains($"'{lost}-wal'", error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(lost));
    }

    [Theory]
    [InlineData("removed")]
    [InlineData("removed with its other files")]
    [InlineData("moved")]
    [InlineData("folder moved")]
    [InlineData("folder removed")]
    [InlineData("replaced")]
    [InlineData("wal removed")]
    [InlineData("link repointed")]
    public async Task A_ledger_that_is_not_in_its_place_any_more_buys_nothing_and_what_it_held_is_kept(string how)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "An open file stays in its place there.");
        (SqlLedger ledger, KlingVideoTask task, string path) = await LoseAsync(how);
        await using (ledger)
        {
            var error = await Assert.ThrowsAsync<KlingException>(() => ledger.Tasks.ClaimAsync(TempLedger.Intent("b"), Token));

            Assert.Equal(ErrorKind.LedgerUnusable, error.Kind);
            string kept = Assert.Single(Directory.GetFiles(Path.GetDirectoryName(path)!, "ledger.db.kept-*"));
            Assert.Contains(kept, error.Message, StringComparison.Ordinal);
            Assert.Equal(error.Message, (await Assert.ThrowsAsync<KlingException>(() => ledger.Tasks.BeginAsync(TempLedger.Intent("b"), Token))).Message);
            Assert.Equal([task], await ListAsync(kept));
            Assert.True(OperatingSystem.IsWindows() || File.GetUnixFileMode(kept) == (UnixFileMode.UserRead | UnixFileMode.UserWrite));
        }

        if (how is not ("replaced" or "wal removed" or "link repointed"))
        {
            // Nor does the next shell begin an empty one there.
            KlingException next = await FailAsync(ledger => ledger.Tasks.ClaimAsync(TempLedger.Intent(), Token), path);
            Assert.Contains(how is "removed" or "moved" ? "-wal" : ".kept-", next.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task An_answer_that_comes_when_the_ledger_is_gone_is_kept_with_all_the_rest()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "An open file stays in its place there.");
        (SqlLedger ledger, KlingVideoTask task, string path) = await LoseAsync("removed with its other files");
        await using (ledger)
        {
            var error = await Assert.ThrowsAsync<KlingException>(() => ledger.Tasks.RecordAcceptedAsync(task.Id, "t1"));

            Assert.Equal(ErrorKind.LedgerUnusable, error.Kind);
            string kept = Assert.Single(Directory.GetFiles(Path.GetDirectoryName(path)!, "ledger.db.kept-*"));
            KlingVideoTask recorded = Assert.Single(await ListAsync(kept));
            Assert.Equal((task.Id, "t1", KlingTaskState.Waiting), (recorded.Id, recorded.TaskId, recorded.TaskState));

            // It is put in its place, as the message says.
            File.Move(kept, path);
        }

        Assert.Equal("t1", Assert.Single(await ListAsync(path)).TaskId);
    }

    [Fact]
    public async Task A_ledger_that_is_back_in_its_place_is_used_again()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "An open file stays in its place there.");
        (SqlLedger ledger, KlingVideoTask task, string path) = await LoseAsync("folder moved");
        await using (ledger)
        {
            Directory.Move(Path.GetDirectoryName(path)! + "-moved", Path.GetDirectoryName(path)!);

            Assert.Equal(task.Id, (await ledger.Tasks.ClaimAsync(TempLedger.Intent(), Token)).Task.Id);
            Assert.True((await ledger.Tasks.ClaimAsync(TempLedger.Intent("b"), Token)).IsNew);
        }
    }

    /// <summary>What SQLite would make of it is damage, or a ledger that lists a task and does not find it.</summary>
    [Theory]
    [InlineData("a backup", true)]
    [InlineData("a backup", false)]
    [InlineData("what was kept", true)]
    [InlineData("another ledger", true)]
    public async Task The_wal_of_a_ledger_is_not_written_to_a_file_that_was_put_in_its_place(string what, bool hasBought)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "An open file stays in its place there.");
        string other = Path.Combine(_temp.Folder, "other.db");
        await RecordAsync(_temp.Path);
        if (what == "a backup")
        {
            File.Copy(_temp.Path, other);
            await BuyAsync("before");
        }
        else if (what == "another ledger")
        {
            await RecordAsync(other);
        }

        SqlLedger killed = await _temp.OpenAsync();
        await (hasBought
            ? killed.Tasks.BeginAsync(TempLedger.Intent("last"), Token)
            : killed.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("elsewhere", KlingTaskState.Generating)));
        if (what == "what was kept")
        {
            File.Delete(_temp.Path);
            await Assert.ThrowsAsync<KlingException>(() => killed.Tasks.ClaimAsync(TempLedger.Intent("b"), Token));
            other = Assert.Single(Directory.GetFiles(_temp.Folder, "*.kept-*"));
        }

        string path = Path.Combine(Directory.CreateDirectory(Path.Combine(_temp.Folder, "data")).FullName, "ledger.db");
        File.Copy(other, path);
        File.Copy(_temp.Path + "-wal", path + "-wal");
        byte[][] before = [await File.ReadAllBytesAsync(path, Token), await File.ReadAllBytesAsync(path + "-wal", Token)];

        KlingException error = await FailAsync(ledger => ledger.Tasks.ClaimAsync(TempLedger.Intent("b"), Token), path);

        Assert.Contains($"move '{path}-wal' and '{path}-shm' to another folder", error.Message, StringComparison.Ordinal);
        Assert.Equal(before, [await File.ReadAllBytesAsync(path, Token), await File.ReadAllBytesAsync(path + "-wal", Token)]);
        File.Delete(path + "-wal");
        Assert.Equal(what == "what was kept" ? 21 : 20, (await ListAsync(path)).Count);
        await killed.DisposeAsync();

        async Task BuyAsync(string image)
        {
            await using SqlLedger ledger = await _temp.OpenAsync();
            await ledger.Tasks.BeginAsync(TempLedger.Intent(image), Token);
        }
    }

    [Fact]
    public async Task A_copy_that_was_made_while_a_shell_was_at_work_is_not_given_the_wal_of_a_later_one()
    {
        string copy = Path.Combine(Directory.CreateDirectory(Path.Combine(_temp.Folder, "data")).FullName, "ledger.db");
        await RecordAsync(_temp.Path);
        await using (SqlLedger first = await _temp.OpenAsync())
        {
            await first.Tasks.BeginAsync(TempLedger.Intent("first"), Token);
            File.Copy(_temp.Path, copy);
            await first.Tasks.BeginAsync(TempLedger.Intent("more"), Token);
        }

        await using SqlLedger killed = await _temp.OpenAsync();
        await killed.Tasks.BeginAsync(TempLedger.Intent("last"), Token);
        File.Copy(_temp.Path + "-wal", copy + "-wal");

        await FailAsync(ledger => ledger.Tasks.ClaimAsync(TempLedger.Intent("b"), Token), copy);
    }

    [Fact]
    public async Task What_a_shell_of_an_earlier_version_has_written_last_belongs_to_its_file()
    {
        await RecordAsync(_temp.Path);
        await using DbConnection reader = await OpenAsync(_temp.Path);
        await ExecuteAsync(reader, "BEGIN; SELECT COUNT(*) FROM tasks");
        await using DbConnection earlier = await OpenAsync(_temp.Path);
        await ExecuteAsync(earlier, "PRAGMA busy_timeout = 1; PRAGMA user_version = 1; PRAGMA wal_checkpoint(FULL); PRAGMA user_version = 0; UPDATE tasks SET duration = 10 WHERE id = 1");

        Assert.Equal(10, (await ListAsync(_temp.Path)).Single(task => task.Id == 1).Duration);
    }

    [Fact]
    public async Task A_wal_that_is_cut_off_anywhere_is_still_that_of_its_file()
    {
        await RecordAsync(_temp.Path);
        SqlLedger killed = await _temp.OpenAsync();
        await killed.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("elsewhere", KlingTaskState.Generating));
        await killed.Tasks.BeginAsync(TempLedger.Intent("last"), Token);
        byte[] file = await File.ReadAllBytesAsync(_temp.Path, Token);
        byte[] wal = await File.ReadAllBytesAsync(_temp.Path + "-wal", Token);
        await killed.DisposeAsync();
        string path = Path.Combine(Directory.CreateDirectory(Path.Combine(_temp.Folder, "data")).FullName, "ledger.db");

        // With pages that did not reach the disk, as after a power failure, or without any more.
        await Gen.Select(Gen.Int[0, wal.Length], Gen.Bool).SampleAsync(
            async cut =>
            {
                await File.WriteAllBytesAsync(path, file);
                await File.WriteAllBytesAsync(path + "-wal", [.. wal.AsSpan(0, cut.Item1), .. new byte[cut.Item2 ? wal.Length - cut.Item1 : 0]]);

                Assert.InRange((await ListAsync(path)).Count, 20, 22);
            },
            iter: 60,
            threads: 1);
    }

    [Fact]
    public async Task Shells_that_begin_write_and_end_at_any_moment_do_not_take_the_wal_for_that_of_another_file()
    {
        const int Shells = 4;
        const int Times = 40;
        await Task.WhenAll(Enumerable.Range(0, Shells).Select(shell => Task.Run(async () =>
        {
            for (int time = 0; time < Times; time++)
            {
                await using SqlLedger ledger = Ledger(_temp.Path);
                string name = $"shell{shell}-{time}";
                await (time % 2 == 0
                    ? ledger.Tasks.BeginAsync(TempLedger.Intent(name), Token)
                    : ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot(name, KlingTaskState.Generating)));
            }
        })));

        Assert.Equal(Shells * Times, (await ListAsync(_temp.Path)).Count);
    }

    [Fact]
    public async Task A_ledger_that_is_only_looked_at_is_not_written()
    {
        await RecordAsync(_temp.Path);
        byte[] before = await File.ReadAllBytesAsync(_temp.Path, Token);

        Assert.Equal(20, (await ListAsync(_temp.Path)).Count);

        Assert.Equal(before, await File.ReadAllBytesAsync(_temp.Path, Token));
    }

    [Fact]
    public async Task A_shell_that_closes_a_ledger_it_has_lost_leaves_the_one_in_its_place_alone()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "An open file stays in its place there.");
        (SqlLedger lost, _, string path) = await LoseAsync("removed with its other files");
        await using SqlLedger next = Ledger(path);
        KlingVideoTask task = await next.Tasks.BeginAsync(TempLedger.Intent("b"), Token);

        await lost.DisposeAsync();

        Assert.True(File.Exists(path + "-wal"));
        Assert.Equal(task, (await next.Tasks.ClaimAsync(TempLedger.Intent("b"), Token)).Task);
        Assert.Empty(Directory.GetFiles(Path.GetDirectoryName(path)!, "*.kept-*"));
    }

    private SqlLedger Ledger(string path) => SqliteLedger.Create(path, () => SqliteProvider.Factory, _temp.Time, ProcessIdentity.Current, owner => owner.IsAlive());

    /// <summary>Opens a ledger, records a task in it, and takes it away.</summary>
    private async Task<(SqlLedger Ledger, KlingVideoTask Task, string Path)> LoseAsync(string how)
    {
        string folder = Path.Combine(_temp.Folder, "data");
        string path = Path.Combine(folder, "ledger.db");
        string other = Path.Combine(_temp.Folder, "other.db");
        await RecordAsync(other);
        if (how == "link repointed")
        {
            string target = Path.Combine(_temp.Folder, "target.db");
            await (await _temp.OpenAsync()).DisposeAsync();
            File.Move(_temp.Path, target);
            Directory.CreateDirectory(folder);
            OddFiles.Link(path, target);
        }

        SqlLedger ledger = Ledger(path);
        KlingVideoTask task = await ledger.Tasks.BeginAsync(TempLedger.Intent(), Token);
        switch (how)
        {
            case "removed":
                File.Delete(path);
                break;
            case "removed with its other files":
                Array.ForEach(Directory.GetFiles(folder), File.Delete);
                break;
            case "moved":
                File.Move(path, path + ".moved");
                break;
            case "folder moved":
                Directory.Move(folder, folder + "-moved");
                break;
            case "folder removed":
                Directory.Delete(folder, recursive: true);
                break;
            case "replaced":
                File.Move(other, path, overwrite: true);
                break;
            case "wal removed":
                File.Delete(path + "-wal");
                break;
            default:
                File.Delete(path);
                OddFiles.Link(path, other);
                break;
        }

        return (ledger, task, path);
    }

    private async Task RecordAsync(string path)
    {
        await using SqlLedger ledger = Ledger(path);
        for (int i = 0; i < 20; i++)
        {
            await ledger.Tasks.BeginAsync(TempLedger.Intent($"image {i}"), Token);
        }
    }

    private async Task<IReadOnlyList<KlingVideoTask>> ListAsync(string path)
    {
        await using SqlLedger ledger = Ledger(path);
        return await ledger.Tasks.ListAsync(new TaskFilter(), Token);
    }

    private async Task<IReadOnlyList<KlingVideoTask>> ListCopyAsync()
    {
        string copy = CopyOf(_temp.Path);
        try
        {
            return await ListAsync(copy);
        }
        finally
        {
            File.Delete(copy);
        }
    }

    /// <summary>Copies the file alone.</summary>
    private string CopyOf(string path)
    {
        string copy = Path.Combine(_temp.Folder, "copy.db");
        File.Copy(path, copy);
        return copy;
    }

    private async Task<KlingException> FailAsync(Func<SqlLedger, Task> use, string? path = null)
    {
        await using SqlLedger ledger = Ledger(path ?? _temp.Path);
        var error = await Assert.ThrowsAsync<KlingException>(() => use(ledger));
        Assert.Equal(ErrorKind.LedgerUnusable, error.Kind);
        Assert.Contains(path ?? _temp.Path, error.Message, StringComparison.Ordinal);
        return error;
    }

    /// <returns>A connection of the other program, where it has the file open.</returns>
    private async Task<DbConnection?> PutAsync(string kind, string path)
    {
        switch (kind)
        {
            case "text":
                await File.WriteAllTextAsync(path, string.Concat(Enumerable.Repeat("milk, eggs, bread\n", 500)), Token);
                return null;
            case "empty":
                await File.WriteAllBytesAsync(path, [], Token);
                return null;
            case "image of SQLite":
                // It begins like a database, and that is all.
                await File.WriteAllBytesAsync(path, [.. "SQLite format 3\0"u8, .. RandomNumberGenerator.GetBytes(8000)], Token);
                return null;
            case "another program's":
                await using (DbConnection program = await OpenAsync(path))
                {
                    await ExecuteAsync(program, "CREATE TABLE bookmarks (id INTEGER)");
                }

                return null;
            case "another program's at work":
                DbConnection atWork = await OpenAsync(path);
                await ExecuteAsync(atWork, "PRAGMA journal_mode = WAL; CREATE TABLE bookmarks (id INTEGER)");
                return atWork;
            case "without tables":
                await using (DbConnection program = await OpenAsync(path))
                {
                    await ExecuteAsync(program, "CREATE TABLE bookmarks (id INTEGER); DROP TABLE bookmarks");
                }

                return null;
            default:
                OddFiles.Put(kind, path, Path.Combine(_temp.Folder, "theirs"));
                return null;
        }
    }

    private static async Task<DbConnection> OpenAsync(string path)
    {
        DbConnection connection = SqliteProvider.Factory.CreateConnection()!;
        connection.ConnectionString = $"Data Source={path};Pooling=False";
        await connection.OpenAsync(Token);
        return connection;
    }

    private static async Task ExecuteAsync(DbConnection connection, string sql)
    {
        await using DbCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // Constants of the tests.
        command.CommandText = sql;
#pragma warning restore CA2100
        await command.ExecuteNonQueryAsync(Token);
    }

    /// <summary>What is in the folder, with the content of files. A -shm is a cache that every reader may change.</summary>
    private SortedDictionary<string, string> Snapshot() => new(Directory.EnumerateFileSystemEntries(_temp.Folder).Where(entry => !entry.EndsWith("-shm", StringComparison.Ordinal)).ToDictionary(
        entry => entry,
        entry => new FileInfo(entry) is { Exists: true, LinkTarget: null, Length: > 0 } ? Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(entry))) : string.Empty));
}
