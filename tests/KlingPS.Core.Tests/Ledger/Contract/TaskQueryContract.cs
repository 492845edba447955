using KlingPS.Core.Ledger;
using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Ledger.Contract;

/// <summary>What is found in a journal, and in which order.</summary>
public abstract class TaskQueryContract : LedgerContract
{
    private protected TaskQueryContract(LedgerHost host)
        : base(host)
    {
    }

    [Fact]
    public async Task A_file_is_recorded_for_the_record_that_was_read_of_a_task_that_has_two()
    {
        const string Other = "another-key";
        TaskSnapshot snapshot = TempLedger.Snapshot("t1", KlingTaskState.Succeeded);
        KlingVideoTask first = await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, snapshot);
        KlingVideoTask second = await Ledger.Tasks.RecordSnapshotAsync(Other, snapshot);
        await Ledger.Accounts.RecordAsync(new AccountKey(Other, TempLedger.Account) { Service = "kie.ai", IsSettled = true }, Token);

        foreach (KlingVideoTask task in (KlingVideoTask[])[second, first])
        {
            await Ledger.Tasks.RecordSavingAsync(task, $"/videos/{task.Id}.mp4", "cafe");
            KlingVideoTask saved = await Ledger.Tasks.RecordSavedAsync(task, $"/videos/{task.Id}.mp4", "cafe");
            Assert.Equal((task.Id, $"/videos/{task.Id}.mp4"), (saved.Id, saved.SavedPath));
        }

        Assert.NotEqual(first.Id, second.Id);
    }

    [Fact]
    public async Task A_path_that_a_video_was_about_to_get_is_listed_and_the_video_is_not_saved_yet()
    {
        string folder = Path.GetFullPath("/videos");
        KlingVideoTask task = await AcceptedAsync("t1");
        await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Succeeded));
        string path = Path.Combine(folder, "a.mp4");

        await Ledger.Tasks.RecordSavingAsync(task, path, "cafe");

        Assert.Equal([new SavedPath(path, task.Id, "cafe", IsCertain: false)], await Ledger.Tasks.ListSavedPathsAsync(Token));
        Assert.Equal("cafe", await Ledger.Tasks.FindSavingHashAsync(task, Token));
        Assert.Null(Assert.Single(await Ledger.Tasks.ListAsync(new TaskFilter { Unsaved = true }, Token)).SavedPath);

        await Ledger.Tasks.RecordSavedAsync(task, path, "cafe");

        Assert.Equal([new SavedPath(path, task.Id, "cafe")], await Ledger.Tasks.ListSavedPathsAsync(Token));
        Assert.Null(await Ledger.Tasks.FindSavingHashAsync(task, Token));
        Assert.Empty(await Ledger.Tasks.ListAsync(new TaskFilter { Unsaved = true }, Token));
    }

    [Fact]
    public async Task Of_several_purchases_of_a_video_the_finished_one_is_found_first()
    {
        await UnknownAsync();
        await AcceptedAsync("t1");
        await AcceptedAsync("t2");
        KlingVideoTask finished = await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Succeeded));

        Assert.Equal(finished, await Ledger.Tasks.FindEarlierAsync(TempLedger.Account, finished.Spec, Token));
    }

    [Theory]
    [InlineData("https://images.example/end.png?X-Amz-Date=1&X-Amz-Signature=1")]
    [InlineData("HTTPS://Images.Example:443/end.png")]
    public async Task A_purchase_that_an_earlier_version_recorded_under_an_address_as_it_was_spelled_is_found(string address)
    {
        TaskIntent intent = TempLedger.Intent();
        VideoSpec spec = intent.Spec with { TailImage = MediaSource.FromUri(address) };
        VideoSpec recorded = spec with { TailImage = spec.TailImage with { IsAsSpelled = true } };
        KlingVideoTask task = await Ledger.Tasks.BeginAsync(intent with { Spec = spec, Identity = recorded.GetIdentity() }, Token);
        await Ledger.Tasks.AcceptAsync(task.Id, "t1");

        Assert.NotEqual(spec.GetIdentity(), recorded.GetIdentity());
        Assert.Equal(task.Id, (await Ledger.Tasks.FindEarlierAsync(TempLedger.Account, spec, Token))?.Id);
        Assert.False((await Ledger.Tasks.ClaimAsync(intent with { Spec = spec, Identity = spec.GetIdentity() }, Token)).IsNew);
    }

    [Fact]
    public async Task Tasks_are_listed_by_what_the_filter_asks_for()
    {
        KlingVideoTask unknown = await UnknownAsync("a");
        Host.Time.Advance(TimeSpan.FromHours(1));
        DateTimeOffset later = Host.Time.GetUtcNow();
        KlingVideoTask pending = await AcceptedAsync("t1", "b");
        await AcceptedAsync("t2", "b");
        KlingVideoTask done = await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t2", KlingTaskState.Succeeded));
        KlingVideoTask foreign = await Ledger.Tasks.BeginAsync(TempLedger.Intent(account: "another account"), Token);

        await ListsAsync(new TaskFilter(), unknown, pending, done, foreign);
        await ListsAsync(new TaskFilter { Account = TempLedger.Account }, unknown, pending, done);
        await ListsAsync(new TaskFilter { States = [KlingTaskState.Unknown, KlingTaskState.Waiting] }, unknown, pending);
        await ListsAsync(new TaskFilter { States = [] });
        await ListsAsync(new TaskFilter { Since = later }, pending, done, foreign);
        await ListsAsync(new TaskFilter { Account = TempLedger.Account, Unsaved = true }, done);
        await ListsAsync(new TaskFilter { ExpiresBy = later + TimeSpan.FromHours(24) }, done);
        await ListsAsync(new TaskFilter { ExpiresBy = later + TimeSpan.FromHours(23) });

        async Task ListsAsync(TaskFilter filter, params KlingVideoTask[] expected)
            => Assert.Equal(expected, await Ledger.Tasks.ListAsync(filter, Token));
    }

    [Fact]
    public async Task More_tasks_than_a_page_has_are_listed_by_every_filter_in_their_order()
    {
        const string Alias = "another key";
        await Ledger.Accounts.RecordAsync(new AccountKey(Alias, TempLedger.Account) { Service = "kie.ai", IsSettled = true }, Token);
        await Ledger.Accounts.RecordAsync(new AccountKey(TempLedger.Account, TempLedger.Account) { Service = "kie.ai", IsSettled = true }, Token);
        string[] accounts = [TempLedger.Account, Alias, "another account"];
        for (int i = 0; i < 120; i++)
        {
            string account = accounts[i % 20 == 7 ? 2 : i % 5 == 3 ? 1 : 0];
            KlingVideoTask task = await Ledger.Tasks.BeginAsync(TempLedger.Intent($"image {i}", account: account), Token);
            Host.Time.Advance(TimeSpan.FromMinutes(i == 70 ? 600 : 1));
            if (i % 4 != 0)
            {
                await Ledger.Tasks.AcceptAsync(task.Id, $"t{i}");
                await Ledger.Tasks.RecordSnapshotAsync(account, TempLedger.Snapshot($"t{i}", i % 4 == 1 ? KlingTaskState.Generating : i % 40 == 2 ? KlingTaskState.Failed : KlingTaskState.Succeeded));
            }
            else if (i % 8 == 0)
            {
                await Ledger.Tasks.LoseAsync(task.Id);
            }
        }

        IReadOnlyList<KlingVideoTask> all = await Ledger.Tasks.ListAsync(new TaskFilter(), Token);
        Assert.Equal(Enumerable.Range(1, 120).Select(id => (long)id), all.Select(task => task.Id));
        foreach (string? account in (string?[])[null, TempLedger.Account, Alias, "another account", "nobody's"])
        {
            foreach (KlingTaskState[]? states in (KlingTaskState[]?[])[null, [KlingTaskState.Unknown], [KlingTaskState.Failed, KlingTaskState.Succeeded, KlingTaskState.Failed], [KlingTaskState.Rejected]])
            {
                foreach (DateTimeOffset? since in (DateTimeOffset?[])[null, all[30].CreatedAt, all[110].CreatedAt, all[^1].CreatedAt + TimeSpan.FromDays(1)])
                {
                    foreach (DateTimeOffset? expiry in (DateTimeOffset?[])[null, all[75].CreatedAt + TaskTransitions.LinkLifetime])
                    {
                        var filter = new TaskFilter { Account = account, States = states, Since = since, ExpiresBy = expiry };
                        Assert.Equal(
                            all.Where(task => (account is null || task.Account == (account == Alias ? TempLedger.Account : account))
                                && (states is null || states.Contains(task.TaskState))
                                && (since is null || task.CreatedAt >= since)
                                && (expiry is null || (task.TaskState == KlingTaskState.Succeeded && task.ExpiresAt <= expiry))),
                            await Ledger.Tasks.ListAsync(filter, Token));
                    }
                }
            }
        }
    }

    [Fact]
    public async Task What_changes_while_tasks_are_listed_neither_doubles_nor_hides_any()
    {
        for (int i = 0; i < 120; i++)
        {
            await UnknownAsync($"image {i}");
        }

        var listed = new List<KlingVideoTask>();
        await foreach (IReadOnlyList<KlingVideoTask> page in Ledger.Tasks.ReadPagesAsync(new TaskFilter { Account = TempLedger.Account, States = [KlingTaskState.Unknown] }, Token))
        {
            if (listed.Count == 0)
            {
                // One that was listed, one that will be, and one more.
                await Ledger.Tasks.AbandonAsync(3);
                await Ledger.Tasks.RemoveAsync(3);
                await Ledger.Tasks.AbandonAsync(100);
                await UnknownAsync("one more");
            }

            listed.AddRange(page);
        }

        Assert.Equal(Enumerable.Range(1, 120).Where(id => id != 100).Select(id => (long)id), listed.Select(task => task.Id));
    }

    [Fact]
    public async Task An_earlier_attempt_is_the_best_that_there_is()
    {
        KlingVideoTask rejected = await Ledger.Tasks.BeginAsync(TempLedger.Intent(), Token);
        VideoSpec video = rejected.Spec;
        await Ledger.Tasks.RejectAsync(rejected.Id, "422", "no");
        Assert.Null(await Ledger.Tasks.FindEarlierAsync(TempLedger.Account, video, Token));

        await AcceptedAsync("t1");
        await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Failed));
        await AcceptedAsync("t2");
        KlingVideoTask failed = await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t2", KlingTaskState.Failed));
        await IsFoundAsync(failed);

        await IsFoundAsync(await UnknownAsync());
        await IsFoundAsync(await AcceptedAsync("t3"));
        await IsFoundAsync(await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t3", KlingTaskState.Succeeded)));
        await AcceptedAsync("t4");
        Assert.Equal("t3", (await Ledger.Tasks.FindEarlierAsync(TempLedger.Account, video, Token))!.TaskId);
        Assert.Null(await Ledger.Tasks.FindEarlierAsync("another account", video, Token));

        async Task IsFoundAsync(KlingVideoTask expected) => Assert.Equal(expected, await Ledger.Tasks.FindEarlierAsync(TempLedger.Account, video, Token));
    }

    [Fact]
    public async Task All_paths_that_videos_were_saved_to_are_known()
    {
        string folder = Path.GetFullPath("/videos");
        foreach ((string id, string path) in ((string, string)[])[("t1", "a.mp4"), ("t2", "sub/b.mp4")])
        {
            await Ledger.Tasks.RecordSavedAsync(await AcceptedAsync(id), Path.GetFullPath(Path.Combine(folder, path)), id);
        }

        await AcceptedAsync("t3");

        SavedPath[] expected = [new(Path.Combine(folder, "a.mp4"), 1, "t1"), new(Path.Combine(folder, "sub", "b.mp4"), 2, "t2")];
        Assert.Equal(expected, (await Ledger.Tasks.ListSavedPathsAsync(Token)).OrderBy(path => path.Id));
    }

    [Fact]
    public async Task A_video_that_was_saved_twice_is_known_in_both_places()
    {
        KlingVideoTask task = await AcceptedAsync("t1");
        string folder = Path.GetFullPath("/videos");
        foreach (string name in (string[])["a.mp4", "b.mp4"])
        {
            await Ledger.Tasks.RecordSavedAsync(task, Path.Combine(folder, name), "cafe");
            await Ledger.FileHashes.RecordAsync(Path.Combine(folder, name), new FileStamp(100, Host.Time.GetUtcNow()), "cafe", Token);
        }

        await Ledger.FileHashes.RecordAsync(Path.Combine(folder, "image.png"), new FileStamp(100, Host.Time.GetUtcNow()), "beef", Token);

        Assert.Equal(
            [new(Path.Combine(folder, "a.mp4"), task.Id, "cafe"), new(Path.Combine(folder, "b.mp4"), task.Id, "cafe")],
            (await Ledger.Tasks.ListSavedPathsAsync(Token)).OrderBy(path => path.Path, StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_file_is_looked_up_by_its_name_in_whichever_folder_and_spelling_it_was_recorded()
    {
        string[] paths =
        [
            "/videos/fox.mp4", "/other/FOX.MP4", "/videos/owl.mp4", "/videos/Caf\u00E9.mp4", "/mnt/cafe\u0301.MP4", "/videos/\u212Aing (1).mp4",
            "/videos/king (1).mp4", @"C:\videos\fox.mp4", "/videos/fox.mp4/", "fox.mp4", "/videos/\u72D0.mp4", "/videos/fo'x.mp4",
        ];
        foreach (string path in paths)
        {
            await Ledger.Tasks.RecordSavedAsync(await AcceptedAsync($"t{path}", path), path, $"hash of {path}");
        }

        await IsFoundAsync("/elsewhere/Fox.mp4", "/videos/fox.mp4", "/other/FOX.MP4", @"C:\videos\fox.mp4", "fox.mp4");
        await IsFoundAsync("/videos/CAFE\u0301.mp4", "/videos/Caf\u00E9.mp4", "/mnt/cafe\u0301.MP4");
        await IsFoundAsync("/videos/King (1).mp4", "/videos/\u212Aing (1).mp4", "/videos/king (1).mp4");
        await IsFoundAsync("/videos/\u72D0.mp4", "/videos/\u72D0.mp4");
        await IsFoundAsync("/videos/FO'X.mp4", "/videos/fo'x.mp4");
        await IsFoundAsync("/videos/wolf.mp4");
        Assert.Equal(
            ["/videos/owl.mp4", "/videos/\u72D0.mp4"],
            (await Ledger.Tasks.ListSavedPathsAsync(["/a/owl.mp4", "/b/OWL.mp4", "/videos/\u72D0.mp4", "/videos/wolf.mp4"], Token)).Select(saved => saved.Path).Order(StringComparer.Ordinal));

        async Task IsFoundAsync(string path, params string[] expected) => Assert.Equal(
            expected.Order(StringComparer.Ordinal),
            (await Ledger.Tasks.ListSavedPathsAsync([path], Token)).Select(saved => saved.Path).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task More_files_than_fit_into_one_question_are_all_looked_up()
    {
        string[] paths = [.. Enumerable.Range(0, 250).Select(i => $"/videos/{i}.mp4")];
        foreach (int i in (int[])[0, 99, 100, 249])
        {
            await Ledger.Tasks.RecordSavedAsync(await AcceptedAsync($"t{i}", paths[i]), paths[i], $"hash {i}");
        }

        Assert.Equal(
            [paths[0], paths[99], paths[100], paths[249]],
            (await Ledger.Tasks.ListSavedPathsAsync(paths, Token)).OrderBy(saved => saved.Id).Select(saved => saved.Path));
    }

    [Fact]
    public async Task Every_place_that_a_video_had_or_was_about_to_get_is_found_by_its_name()
    {
        KlingVideoTask task = await AcceptedAsync("t1");
        foreach (string path in (string[])["/videos/a.mp4", "/videos/b.mp4"])
        {
            await Ledger.FileHashes.RecordAsync(path, new FileStamp(100, Host.Time.GetUtcNow()), "cafe", Token);
            await Ledger.Tasks.RecordSavingAsync(task, path, "cafe");
            Assert.Contains(new SavedPath(path, task.Id, "cafe", IsCertain: false), await Ledger.Tasks.ListSavedPathsAsync([path], Token));
            await Ledger.Tasks.RecordSavedAsync(task, path, "cafe");
            Assert.Equal([new SavedPath(path, task.Id, "cafe")], await Ledger.Tasks.ListSavedPathsAsync([path], Token));
        }

        await Ledger.FileHashes.RecordAsync("/copies/c.mp4", new FileStamp(100, Host.Time.GetUtcNow()), "cafe", Token);
        await Ledger.FileHashes.RecordAsync("/images/d.png", new FileStamp(100, Host.Time.GetUtcNow()), "beef", Token);

        foreach (string path in (string[])["/videos/a.mp4", "/videos/b.mp4", "/copies/c.mp4"])
        {
            Assert.Equal([new SavedPath(path, task.Id, "cafe")], await Ledger.Tasks.ListSavedPathsAsync([path], Token));
        }

        Assert.Empty(await Ledger.Tasks.ListSavedPathsAsync(["/images/d.png"], Token));

        // One that is replaced by another video is that one's, and one that is replaced by no video is nobody's.
        await Ledger.FileHashes.RecordAsync("/images/d.png", new FileStamp(101, Host.Time.GetUtcNow()), "cafe", Token);
        Assert.Equal([new SavedPath("/images/d.png", task.Id, "cafe")], await Ledger.Tasks.ListSavedPathsAsync(["/images/d.png"], Token));
        await Ledger.FileHashes.RecordAsync("/copies/c.mp4", new FileStamp(102, Host.Time.GetUtcNow()), "beef", Token);
        Assert.Empty(await Ledger.Tasks.ListSavedPathsAsync(["/copies/c.mp4"], Token));
    }

    [Fact]
    public async Task A_content_is_another_task_s_if_that_was_saved_or_is_about_to_be()
    {
        KlingVideoTask one = await AcceptedAsync("t1", "a");
        KlingVideoTask two = await AcceptedAsync("t2", "b");
        Assert.False(await Ledger.Tasks.IsSavedForAnotherAsync("cafe", null, Token));

        await Ledger.Tasks.RecordSavingAsync(one, "/videos/a.mp4", "cafe");
        Assert.True(await Ledger.Tasks.IsSavedForAnotherAsync("cafe", null, Token));
        await Ledger.Tasks.RecordSavedAsync(one, "/videos/a.mp4", "cafe");

        Assert.True(await Ledger.Tasks.IsSavedForAnotherAsync("cafe", null, Token));
        Assert.True(await Ledger.Tasks.IsSavedForAnotherAsync("cafe", two.Id, Token));
        Assert.False(await Ledger.Tasks.IsSavedForAnotherAsync("cafe", one.Id, Token));
        Assert.False(await Ledger.Tasks.IsSavedForAnotherAsync("beef", two.Id, Token));
    }

    [Fact]
    public async Task What_a_shell_of_an_earlier_version_records_is_found_by_its_name()
    {
        await AcceptedAsync("t1", "a");
        await AcceptedAsync("t2", "b");
        foreach ((long id, string path) in ((long, string)[])[(1, "/videos/a.mp4"), (2, "/videos/cafe\u0301.mp4"), (1, "/videos/c.mp4")])
        {
            await Host.SqlAsync($"UPDATE tasks SET saving_path = '{path}', saving_hash = 'cafe' WHERE id = {id}");
            Assert.Contains(new SavedPath(path, id, "cafe", IsCertain: false), await Ledger.Tasks.ListSavedPathsAsync([path.ToUpperInvariant()], Token));
            await Host.SqlAsync($"UPDATE tasks SET saved_path = '{path}', saved_hash = 'cafe', saving_path = NULL, saving_hash = NULL WHERE id = {id}");
            Assert.Contains(new SavedPath(path, id, "cafe"), await Ledger.Tasks.ListSavedPathsAsync([path.ToUpperInvariant().Normalize()], Token));
        }

        // The next one that this version saves gives it its name.
        await Ledger.Tasks.RecordSavedAsync(1, "/videos/\u00FC.mp4", "cafe");
        Assert.Equal(0L, Convert.ToInt64(await Host.SqlAsync("SELECT COUNT(*) FROM saved_names WHERE name IS NULL"), null));
        Assert.Equal([new SavedPath("/videos/cafe\u0301.mp4", 2, "cafe")], await Ledger.Tasks.ListSavedPathsAsync(["/b/CAF\u00C9.mp4"], Token));
    }
}
