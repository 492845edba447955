using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Processes;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Ledger;

public sealed class SqlLedgerTests : IAsyncLifetime
{
    private static readonly ProcessIdentity s_other = new(4711, 1, "boot", "machine");

    private readonly TempLedger _temp = new();
    private SqlLedger _ledger = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _ledger = await _temp.OpenAsync();

    public ValueTask DisposeAsync() => _temp.DisposeAsync();

    [Fact]
    public async Task An_intent_is_recorded_with_all_that_was_asked_for()
    {
        var spec = new VideoSpec
        {
            Model = "kling/v2-1-pro",
            Prompt = "ein Fuchs läuft 🦊",
            NegativePrompt = "blur",
            Image = ImageSource.FromFile("/images/a.png") with { Hash = "h", Uri = "https://files.example/a.png" },
            TailImage = ImageSource.FromFile("/images/b.png") with { Uri = "https://files.example/b.png" },
            Duration = 10,
            CfgScale = 0.7m,
            CallbackUri = "https://callback.example/",
        };
        var intent = new TaskIntent
        {
            Account = TempLedger.Account,
            Spec = spec,
            Identity = "identity",
            Credits = 99.125m,
        };

        KlingVideoTask task = await _ledger.Tasks.BeginAsync(intent, Token);

        var expected = new KlingVideoTask
        {
            Id = 1,
            State = KlingTaskState.Submitting,
            Account = TempLedger.Account,
            Identity = intent.Identity,
            Nonce = intent.Nonce,
            Spec = spec,
            CreatedAt = _temp.Time.GetUtcNow(),
            CreditsReserved = 99.125m,
        };
        Assert.Equal(expected, task);
        Assert.Equal(expected, await _ledger.Tasks.FindAsync(1, Token));
        Assert.Equal(expected, await _ledger.Tasks.FindByNonceAsync(TempLedger.Account, intent.Nonce, Token));
        Assert.Matches("^[0-9a-f]{32}$", intent.Nonce);
    }

    [Fact]
    public async Task A_task_is_followed_from_acceptance_to_the_saved_video()
    {
        KlingVideoTask task = await _ledger.Tasks.BeginAsync(TempLedger.Intent(), Token);

        task = await _ledger.Tasks.AcceptAsync(task.Id, "t1");
        Assert.Equal((KlingTaskState.Waiting, "t1"), (task.State, task.TaskId));

        task = await _ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Generating, 40));
        Assert.Equal((KlingTaskState.Generating, 40m, null), (task.State, task.CreditsReserved, task.CreditsConsumed));

        DateTimeOffset end = _temp.Time.GetUtcNow() + TimeSpan.FromMinutes(2);
        task = await _ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Succeeded, 41.5m) with { CompletedAt = end });
        Assert.Equal((KlingTaskState.Succeeded, 0m, 41.5m), (task.State, task.CreditsReserved, task.CreditsConsumed));
        Assert.Equal(("https://files.example/t1.mp4", end, end + TimeSpan.FromHours(24)), (task.ResultUri, task.CompletedAt, task.ExpiresAt));
        Assert.Equal([task], await _ledger.Tasks.ListAsync(new TaskFilter { Unsaved = true }, Token));

        task = await _ledger.Tasks.RecordSavedAsync(task.Id, "/videos/a.mp4", "cafe");
        Assert.Equal(("/videos/a.mp4", "cafe"), (task.SavedPath, task.SavedHash));
        Assert.Empty(await _ledger.Tasks.ListAsync(new TaskFilter { Unsaved = true }, Token));
    }

    [Fact]
    public async Task A_settled_task_stays_settled_but_takes_a_newer_link()
    {
        await AcceptedAsync("t1");
        KlingVideoTask task = await _ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Succeeded, 42) with { ResultUris = [] });
        Assert.Null(task.ResultUri);

        Assert.Equal(task, await _ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Failed)));
        Assert.Equal(task, await _ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Waiting)));
        Assert.Equal(
            task with { ResultUri = "https://files.example/t1.mp4" },
            await _ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Succeeded, 1)));
    }

    [Fact]
    public async Task A_failed_task_costs_nothing_and_a_price_left_out_is_what_was_set_aside()
    {
        await AcceptedAsync("t1");
        await AcceptedAsync("t2");

        KlingVideoTask failed = await _ledger.Tasks.RecordSnapshotAsync(
            TempLedger.Account,
            TempLedger.Snapshot("t1", KlingTaskState.Failed) with { FailCode = "501", FailMessage = "no video" });
        KlingVideoTask succeeded = await _ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t2", KlingTaskState.Succeeded));

        Assert.Equal((0m, 0m, "501", "no video"), (failed.CreditsReserved, failed.CreditsConsumed, failed.FailCode, failed.FailMessage));
        Assert.Null(failed.ExpiresAt);
        Assert.Equal((0m, 42m), (succeeded.CreditsReserved, succeeded.CreditsConsumed));
    }

    [Fact]
    public async Task A_rejected_attempt_costs_nothing_and_does_not_stand_in_the_way()
    {
        KlingVideoTask task = await _ledger.Tasks.BeginAsync(TempLedger.Intent(), Token);

        task = await _ledger.Tasks.RejectAsync(task.Id, "422", "no such model");

        Assert.Equal((KlingTaskState.Rejected, 0m, 0m, "422", "no such model"), (task.State, task.CreditsReserved, task.CreditsConsumed, task.FailCode, task.FailMessage));
        Assert.True((await _ledger.Tasks.ClaimAsync(TempLedger.Intent(), Token)).IsNew);
    }

    [Fact]
    public async Task A_lost_answer_keeps_its_credits_until_it_is_found()
    {
        KlingVideoTask task = await _ledger.Tasks.BeginAsync(TempLedger.Intent(), Token);

        task = await _ledger.Tasks.LoseAsync(task.Id, "the connection broke");
        Assert.Equal((KlingTaskState.Unknown, 42m, "the connection broke"), (task.State, task.CreditsReserved, task.FailMessage));
        Assert.Equal(task, await _ledger.Tasks.FindUnknownAsync(TempLedger.Account, task.Identity!, Token));

        task = await _ledger.Tasks.ResolveAsync(task.Id, TempLedger.Snapshot("t1", KlingTaskState.Succeeded, 42));
        Assert.Equal((KlingTaskState.Succeeded, "t1", 42m, null), (task.State, task.TaskId, task.CreditsConsumed, task.FailMessage));
        Assert.Null(await _ledger.Tasks.FindUnknownAsync(TempLedger.Account, task.Identity!, Token));

        // The news that the answer was lost may come after the callback that has brought it.
        Assert.Equal(task, Assert.IsType<RecordResult.Superseded>(await _ledger.Tasks.RecordUnknownAsync(task.Id, "too late")).Task);
    }

    [Fact]
    public async Task Only_unknown_attempts_can_be_resolved_or_given_up()
    {
        KlingVideoTask submitting = await _ledger.Tasks.BeginAsync(TempLedger.Intent(), Token);
        KlingVideoTask accepted = await AcceptedAsync("t1");

        foreach (long id in (long[])[submitting.Id, accepted.Id])
        {
            await RefusedAsync(() => _ledger.Tasks.ResolveAsync(id, TempLedger.Snapshot("t2", KlingTaskState.Waiting)));
            await RefusedAsync(() => _ledger.Tasks.AbandonAsync(id));
            await RefusedAsync(() => _ledger.Tasks.BeginAsync(TempLedger.Intent(replaces: id), Token));
        }

        Assert.Equal(2, (await _ledger.Tasks.ListAsync(new TaskFilter(), Token)).Count);
        Assert.Equal(ErrorKind.TaskNotFound, (await Assert.ThrowsAsync<KlingException>(() => _ledger.Tasks.AbandonAsync(99))).Kind);
    }

    [Fact]
    public async Task A_resubmitted_attempt_takes_the_place_of_the_old_one()
    {
        KlingVideoTask old = await UnknownAsync();

        KlingVideoTask task = await _ledger.Tasks.BeginAsync(TempLedger.Intent(replaces: old.Id), Token);

        Assert.Equal(old.Id, task.Replaces);
        Assert.NotEqual(old.Nonce, task.Nonce);
        old = (await _ledger.Tasks.FindAsync(old.Id, Token))!;
        Assert.Equal((KlingTaskState.Abandoned, 0m), (old.State, old.CreditsReserved));
    }

    [Fact]
    public async Task An_answer_that_comes_after_all_is_recorded_even_if_the_attempt_was_given_up()
    {
        KlingVideoTask task = await UnknownAsync();
        await _ledger.Tasks.AbandonAsync(task.Id);

        task = await _ledger.Tasks.AcceptAsync(task.Id, "t1");

        Assert.Equal((KlingTaskState.Waiting, "t1", 42m), (task.State, task.TaskId, task.CreditsReserved));
    }

    [Fact]
    public async Task A_task_that_only_the_service_knew_is_taken_in()
    {
        var spec = new VideoSpec { Prompt = "a fox", Image = ImageSource.FromUri("https://files.example/a.png"), Duration = 10 };
        DateTimeOffset created = _temp.Time.GetUtcNow() - TimeSpan.FromHours(1);

        KlingVideoTask task = await _ledger.Tasks.RecordSnapshotAsync(
            TempLedger.Account,
            TempLedger.Snapshot("t9", KlingTaskState.Generating) with { Spec = spec, CreatedAt = created });

        Assert.Equal(("t9", "a fox", 10, created, null, 84m), (task.TaskId, task.Prompt, task.Duration, task.CreatedAt, task.SourcePath, task.CreditsReserved));
        Assert.Equal(task, await _ledger.Tasks.FindByTaskIdAsync(TempLedger.Account, "t9", Token));
        Assert.Null(await _ledger.Tasks.FindByTaskIdAsync("another account", "t9", Token));
    }

    [Fact]
    public async Task A_task_that_was_looked_up_before_it_was_known_whose_it_is_becomes_one_with_its_attempt()
    {
        KlingVideoTask attempt = await UnknownAsync();
        KlingVideoTask adopted = await _ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Succeeded, 42));
        await _ledger.Tasks.RecordSavedAsync(adopted.Id, "/videos/a.mp4", "cafe");

        KlingVideoTask task = await _ledger.Tasks.AcceptAsync(attempt.Id, "t1");

        Assert.Equal((attempt.Id, KlingTaskState.Succeeded, "/videos/a.mp4", 0m, 42m), (task.Id, task.State, task.SavedPath, task.CreditsReserved, task.CreditsConsumed));
        Assert.Equal([task], await _ledger.Tasks.ListAsync(new TaskFilter(), Token));
    }

    [Fact]
    public async Task A_task_cannot_be_the_video_of_two_attempts()
    {
        await AcceptedAsync("t1");
        KlingVideoTask attempt = await UnknownAsync();

        await RefusedAsync(() => _ledger.Tasks.ResolveAsync(attempt.Id, TempLedger.Snapshot("t1", KlingTaskState.Waiting)));

        Assert.Equal(KlingTaskState.Unknown, (await _ledger.Tasks.FindAsync(attempt.Id, Token))!.State);
    }

    [Theory]
    [InlineData(KlingTaskState.Submitting)]
    [InlineData(KlingTaskState.Unknown)]
    [InlineData(KlingTaskState.Waiting)]
    [InlineData(KlingTaskState.Succeeded)]
    public async Task What_is_or_may_be_bought_is_not_claimed_again(KlingTaskState state)
    {
        KlingVideoTask first = (await _ledger.Tasks.ClaimAsync(TempLedger.Intent(), Token)).Task;
        KlingVideoTask expected = state switch
        {
            KlingTaskState.Submitting => first,
            KlingTaskState.Unknown => await _ledger.Tasks.LoseAsync(first.Id, "lost"),
            _ => await _ledger.Tasks.AcceptAsync(first.Id, "t1"),
        };
        if (state == KlingTaskState.Succeeded)
        {
            expected = await _ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", state));
        }

        Assert.Equal(new TaskClaim(expected, IsNew: false), await _ledger.Tasks.ClaimAsync(TempLedger.Intent(), Token));
        Assert.Equal(expected, await _ledger.Tasks.FindEarlierAsync(TempLedger.Account, first.Identity!, Token));
        Assert.True((await _ledger.Tasks.ClaimAsync(TempLedger.Intent("another image"), Token)).IsNew);
        Assert.True((await _ledger.Tasks.ClaimAsync(TempLedger.Intent(account: "another account"), Token)).IsNew);
    }

    [Fact]
    public async Task Of_several_purchases_of_a_video_the_finished_one_is_found_first()
    {
        await UnknownAsync();
        await AcceptedAsync("t1");
        await AcceptedAsync("t2");
        KlingVideoTask finished = await _ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Succeeded));

        Assert.Equal(finished, await _ledger.Tasks.FindEarlierAsync(TempLedger.Account, finished.Identity!, Token));
    }

    [Fact]
    public async Task Only_settled_tasks_are_removed_and_their_numbers_are_not_used_again()
    {
        KlingVideoTask unknown = await UnknownAsync();
        KlingVideoTask pending = await AcceptedAsync("t1");
        await RefusedAsync(() => _ledger.Tasks.RemoveAsync(unknown.Id));
        await RefusedAsync(() => _ledger.Tasks.RemoveAsync(pending.Id));

        await _ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Failed));
        await _ledger.Tasks.RemoveAsync(pending.Id);
        Assert.Null(await _ledger.Tasks.FindAsync(pending.Id, Token));
        Assert.Equal(unknown.Prompt, (await _ledger.Tasks.FindAsync(unknown.Id, Token))!.Prompt);
        Assert.Equal(pending.Id + 1, (await _ledger.Tasks.BeginAsync(TempLedger.Intent(), Token)).Id);
        Assert.Equal(ErrorKind.TaskNotFound, (await Assert.ThrowsAsync<KlingException>(() => _ledger.Tasks.RemoveAsync(pending.Id))).Kind);
    }

    [Fact]
    public async Task An_attempt_that_was_bought_although_it_was_refused_costs_what_it_costs()
    {
        KlingVideoTask task = await _ledger.Tasks.BeginAsync(TempLedger.Intent(), Token);
        await _ledger.Tasks.RejectAsync(task.Id, "500", "no");

        KlingVideoTask accepted = await _ledger.Tasks.AcceptAsync(task.Id, "t1");

        Assert.Equal(
            (KlingTaskState.Waiting, "t1", task.CreditsReserved, null, null, null, null),
            (accepted.State, accepted.TaskId, accepted.CreditsReserved, accepted.CreditsConsumed, accepted.CompletedAt, accepted.FailCode, accepted.FailMessage));
        Assert.Equal(task.Id, (await _ledger.Tasks.FindEarlierAsync(TempLedger.Account, task.Identity!, Token))!.Id);
    }

    [Fact]
    public async Task Removing_a_task_leaves_nothing_of_its_prompt_behind()
    {
        KlingVideoTask task = await _ledger.Tasks.BeginAsync(TempLedger.Intent(), Token);
        await _ledger.Tasks.RejectAsync(task.Id, null, "no");

        await _ledger.Tasks.RemoveAsync(task.Id);

        Assert.Equal(0L, await _temp.SqlAsync("SELECT COUNT(*) FROM texts"));
    }

    [Fact]
    public async Task Tasks_are_listed_by_what_the_filter_asks_for()
    {
        KlingVideoTask unknown = await UnknownAsync("a");
        _temp.Time.Advance(TimeSpan.FromHours(1));
        DateTimeOffset later = _temp.Time.GetUtcNow();
        KlingVideoTask pending = await AcceptedAsync("t1", "b");
        await AcceptedAsync("t2", "b");
        KlingVideoTask done = await _ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t2", KlingTaskState.Succeeded));
        KlingVideoTask foreign = await _ledger.Tasks.BeginAsync(TempLedger.Intent(account: "another account"), Token);

        await ListsAsync(new TaskFilter(), unknown, pending, done, foreign);
        await ListsAsync(new TaskFilter { Account = TempLedger.Account }, unknown, pending, done);
        await ListsAsync(new TaskFilter { States = [KlingTaskState.Unknown, KlingTaskState.Waiting] }, unknown, pending);
        await ListsAsync(new TaskFilter { States = [] });
        await ListsAsync(new TaskFilter { Since = later }, pending, done, foreign);
        await ListsAsync(new TaskFilter { Account = TempLedger.Account, Unsaved = true }, done);
        await ListsAsync(new TaskFilter { ExpiresBy = later + TimeSpan.FromHours(24) }, done);
        await ListsAsync(new TaskFilter { ExpiresBy = later + TimeSpan.FromHours(23) });

        async Task ListsAsync(TaskFilter filter, params KlingVideoTask[] expected)
            => Assert.Equal(expected, await _ledger.Tasks.ListAsync(filter, Token));
    }

    [Fact]
    public async Task Generation_times_are_told_newest_first_by_the_services_own_clock()
    {
        DateTimeOffset start = _temp.Time.GetUtcNow();
        foreach ((string id, int seconds) in ((string, int)[])[("t1", 90), ("t2", 120), ("t3", 60)])
        {
            await _ledger.Tasks.RecordSnapshotAsync(
                TempLedger.Account,
                TempLedger.Snapshot(id, KlingTaskState.Succeeded) with { CreatedAt = start, CompletedAt = start + TimeSpan.FromSeconds(seconds) });
        }

        await _ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t4", KlingTaskState.Failed) with { CreatedAt = start });

        Assert.Equal([120.0, 90.0], await _ledger.GenerationTimes.ListAsync(ModelCatalog.DefaultId, 5, 2, Token));
        Assert.Empty(await _ledger.GenerationTimes.ListAsync(ModelCatalog.DefaultId, 10, 2, Token));
    }

    [Fact]
    public async Task An_upload_is_known_until_it_expires()
    {
        DateTimeOffset now = _temp.Time.GetUtcNow();
        var upload = new UploadRecord(TempLedger.Account, "h", "https://files.example/1.png", now, now + TimeSpan.FromHours(24));
        await _ledger.Uploads.RecordAsync(upload, Token);
        Assert.Equal(upload, await _ledger.Uploads.FindAsync(TempLedger.Account, "h", Token));
        Assert.Null(await _ledger.Uploads.FindAsync("another account", "h", Token));

        upload = upload with { Uri = "https://files.example/2.png", ExpiresAt = now + TimeSpan.FromHours(25) };
        await _ledger.Uploads.RecordAsync(upload, Token);
        _temp.Time.Advance(TimeSpan.FromHours(24.5));
        Assert.Equal(upload, await _ledger.Uploads.FindAsync(TempLedger.Account, "h", Token));

        _temp.Time.Advance(TimeSpan.FromHours(0.5));
        Assert.Null(await _ledger.Uploads.FindAsync(TempLedger.Account, "h", Token));
    }

    [Fact]
    public async Task A_files_hash_is_known_as_long_as_length_and_time_are_the_same()
    {
        DateTimeOffset modified = _temp.Time.GetUtcNow() - TimeSpan.FromHours(1) + TimeSpan.FromTicks(1);
        await _ledger.FileHashes.RecordAsync("/a.png", 100, modified, "h1", Token);
        Assert.Equal("h1", await _ledger.FileHashes.FindAsync("/a.png", 100, modified, Token));
        Assert.Null(await _ledger.FileHashes.FindAsync("/a.png", 101, modified, Token));
        Assert.Null(await _ledger.FileHashes.FindAsync("/a.png", 100, modified + TimeSpan.FromTicks(1), Token));

        await _ledger.FileHashes.RecordAsync("/a.png", 101, modified, "h2", Token);
        Assert.Equal("h2", await _ledger.FileHashes.FindAsync("/a.png", 101, modified, Token));
    }

    [Fact]
    public async Task A_take_is_recorded_and_one_more_does_not_stand_in_the_way_of_the_first()
    {
        TaskIntent intent = TempLedger.Intent();
        await _ledger.Tasks.ClaimAsync(intent, Token);

        VideoSpec take = intent.Spec with { Take = 2 };
        TaskClaim second = await _ledger.Tasks.ClaimAsync(intent with { Spec = take, Nonce = "2", Identity = take.GetIdentity() }, Token);

        Assert.True(second.IsNew);
        Assert.Equal([1, 2], (await _ledger.Tasks.ListAsync(new TaskFilter(), Token)).Select(task => task.Take));
    }

    [Fact]
    public async Task An_earlier_attempt_is_the_best_that_there_is()
    {
        KlingVideoTask rejected = await _ledger.Tasks.BeginAsync(TempLedger.Intent(), Token);
        string identity = rejected.Identity!;
        await _ledger.Tasks.RejectAsync(rejected.Id, "422", "no");
        Assert.Null(await _ledger.Tasks.FindEarlierAsync(TempLedger.Account, identity, Token));

        await AcceptedAsync("t1");
        await _ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Failed));
        await AcceptedAsync("t2");
        KlingVideoTask failed = await _ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t2", KlingTaskState.Failed));
        await IsFoundAsync(failed);

        await IsFoundAsync(await UnknownAsync());
        await IsFoundAsync(await AcceptedAsync("t3"));
        await IsFoundAsync(await _ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t3", KlingTaskState.Succeeded)));
        await AcceptedAsync("t4");
        Assert.Equal("t3", (await _ledger.Tasks.FindEarlierAsync(TempLedger.Account, identity, Token))!.TaskId);
        Assert.Null(await _ledger.Tasks.FindEarlierAsync("another account", identity, Token));

        async Task IsFoundAsync(KlingVideoTask expected) => Assert.Equal(expected, await _ledger.Tasks.FindEarlierAsync(TempLedger.Account, identity, Token));
    }

    [Fact]
    public async Task An_earlier_attempt_of_a_dead_process_is_not_taken_for_one_under_way()
    {
        SqlLedger other = await _temp.OpenAsync(s_other, _ => true);
        KlingVideoTask theirs = await other.Tasks.BeginAsync(TempLedger.Intent(), Token);
        bool isAlive = true;
        SqlLedger ours = await _temp.OpenAsync(ProcessIdentity.Current, _ => isAlive);
        Assert.Equal(KlingTaskState.Submitting, (await ours.Tasks.FindEarlierAsync(TempLedger.Account, theirs.Identity!, Token))!.State);

        isAlive = false;

        Assert.Equal(KlingTaskState.Unknown, (await ours.Tasks.FindEarlierAsync(TempLedger.Account, theirs.Identity!, Token))!.State);
    }

    [Fact]
    public async Task A_budget_can_be_asked_without_spending_it()
    {
        var budget = new BudgetLimit { RunId = "run", MaxTasks = 1 };
        Assert.Null(await _ledger.Tasks.FindBudgetExcessAsync(TempLedger.Intent(), Token));
        Assert.Null(await _ledger.Tasks.FindBudgetExcessAsync(TempLedger.Intent(budget: budget), Token));
        Assert.Empty(await _ledger.Tasks.ListAsync(new TaskFilter(), Token));

        await _ledger.Tasks.BeginAsync(TempLedger.Intent(budget: budget), Token);

        Assert.Contains("1 videos", await _ledger.Tasks.FindBudgetExcessAsync(TempLedger.Intent(budget: budget), Token), StringComparison.Ordinal);
        Assert.Null(await _ledger.Tasks.FindBudgetExcessAsync(TempLedger.Intent(budget: budget with { RunId = "another run" }), Token));
        Assert.Single(await _ledger.Tasks.ListAsync(new TaskFilter(), Token));
    }

    [Fact]
    public async Task The_paths_that_videos_were_saved_to_are_those_in_the_folder_and_below()
    {
        string folder = Path.GetFullPath("/videos");
        foreach ((string id, string path) in ((string, string)[])[("t1", "a.mp4"), ("t2", "sub/b.mp4"), ("t3", "../videos-2/c.mp4"), ("t4", "../d.mp4")])
        {
            await _ledger.Tasks.RecordSavedAsync((await AcceptedAsync(id)).Id, Path.GetFullPath(Path.Combine(folder, path)), id);
        }

        SavedPath[] expected = [new(Path.Combine(folder, "a.mp4"), 1, "t1"), new(Path.Combine(folder, "sub", "b.mp4"), 2, "t2")];
        Assert.Equal(expected, (await _ledger.Tasks.ListSavedPathsAsync(folder, Token)).OrderBy(path => path.Id));
        Assert.Equal(expected, (await _ledger.Tasks.ListSavedPathsAsync(folder + Path.DirectorySeparatorChar, Token)).OrderBy(path => path.Id));
    }

    [Fact]
    public async Task A_video_that_was_saved_twice_is_known_in_both_places()
    {
        KlingVideoTask task = await AcceptedAsync("t1");
        string folder = Path.GetFullPath("/videos");
        foreach (string name in (string[])["a.mp4", "b.mp4"])
        {
            await _ledger.Tasks.RecordSavedAsync(task.Id, Path.Combine(folder, name), "cafe");
            await _ledger.FileHashes.RecordAsync(Path.Combine(folder, name), 100, _temp.Time.GetUtcNow(), "cafe", Token);
        }

        await _ledger.FileHashes.RecordAsync(Path.Combine(folder, "image.png"), 100, _temp.Time.GetUtcNow(), "beef", Token);

        Assert.Equal(
            [new(Path.Combine(folder, "a.mp4"), task.Id, "cafe"), new(Path.Combine(folder, "b.mp4"), task.Id, "cafe")],
            (await _ledger.Tasks.ListSavedPathsAsync(folder, Token)).OrderBy(path => path.Path, StringComparer.Ordinal));
    }

    [Fact]
    public async Task Own_attempts_are_those_of_this_process_until_their_answer_is_known()
    {
        SqlLedger other = await _temp.OpenAsync(s_other, _ => true);
        await other.Tasks.BeginAsync(TempLedger.Intent("theirs on its way"), Token);
        await other.Tasks.LoseAsync((await other.Tasks.BeginAsync(TempLedger.Intent("theirs lost"), Token)).Id, "lost");
        KlingVideoTask begun = await _ledger.Tasks.BeginAsync(TempLedger.Intent("ours on its way"), Token);
        KlingVideoTask lost = await UnknownAsync();
        await AcceptedAsync("t1");

        Assert.Equal([begun.Id, lost.Id], (await _ledger.Tasks.ListAsync(new TaskFilter { IsOwnAttempt = true }, Token)).Select(task => task.Id));

        // When this process has died, they are another's.
        SqlLedger next = await _temp.OpenAsync(s_other, _ => false);
        Assert.Equal(KlingTaskState.Unknown, (await next.Tasks.FindAsync(begun.Id, Token))!.State);
        Assert.DoesNotContain(begun.Id, (await next.Tasks.ListAsync(new TaskFilter { IsOwnAttempt = true }, Token)).Select(task => task.Id));
        Assert.Empty(await next.Tasks.RecoverAsync(Token));
    }

    [Theory]
    [InlineData(true, 0, KlingTaskState.Submitting)]
    [InlineData(true, 48, KlingTaskState.Submitting)]
    [InlineData(false, 0, KlingTaskState.Unknown)]
    [InlineData(null, 0, KlingTaskState.Submitting)]
    [InlineData(null, 2, KlingTaskState.Unknown)]
    public async Task Opening_makes_attempts_of_the_dead_unknown_and_leaves_the_living_alone(bool? alive, int hours, KlingTaskState expected)
    {
        SqlLedger other = await _temp.OpenAsync(s_other, _ => true);
        KlingVideoTask theirs = await other.Tasks.BeginAsync(TempLedger.Intent("theirs"), Token);
        KlingVideoTask ours = await _ledger.Tasks.BeginAsync(TempLedger.Intent("ours"), Token);
        _temp.Time.Advance(TimeSpan.FromHours(hours));

        SqlLedger opened = await _temp.OpenAsync(ProcessIdentity.Current, owner => owner == s_other ? alive : throw new InvalidOperationException());

        Assert.Equal(expected, (await opened.Tasks.FindAsync(theirs.Id, Token))!.State);
        Assert.Equal(42, (await opened.Tasks.FindAsync(theirs.Id, Token))!.CreditsReserved);
        Assert.Equal(KlingTaskState.Submitting, (await opened.Tasks.FindAsync(ours.Id, Token))!.State);
    }

    [Fact]
    public async Task An_owner_that_was_taken_for_dead_can_still_bring_its_answer()
    {
        SqlLedger other = await _temp.OpenAsync(s_other, _ => true);
        KlingVideoTask task = await other.Tasks.BeginAsync(TempLedger.Intent(), Token);
        SqlLedger opened = await _temp.OpenAsync(ProcessIdentity.Current, _ => false);
        Assert.Equal(KlingTaskState.Unknown, (await opened.Tasks.FindAsync(task.Id, Token))!.State);

        task = await other.Tasks.AcceptAsync(task.Id, "t1");

        Assert.Equal((KlingTaskState.Waiting, "t1", null), (task.State, task.TaskId, task.FailMessage));
    }

    [Fact]
    public async Task An_intent_that_was_called_off_is_not_recorded()
    {
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _ledger.Tasks.BeginAsync(TempLedger.Intent(), new CancellationToken(canceled: true)));

        Assert.Empty(await _ledger.Tasks.ListAsync(new TaskFilter(), Token));
    }

    [Fact]
    public async Task A_closed_ledger_says_so()
    {
        await _ledger.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => _ledger.Tasks.BeginAsync(TempLedger.Intent(), Token));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => _ledger.Tasks.FindAsync(1, Token));
    }

    private async Task<KlingVideoTask> AcceptedAsync(string taskId, string image = "a")
        => await _ledger.Tasks.AcceptAsync((await _ledger.Tasks.BeginAsync(TempLedger.Intent(image), Token)).Id, taskId);

    private async Task<KlingVideoTask> UnknownAsync(string image = "a")
        => await _ledger.Tasks.LoseAsync((await _ledger.Tasks.BeginAsync(TempLedger.Intent(image), Token)).Id, "lost");

    private static async Task RefusedAsync(Func<Task> act)
        => Assert.Equal(ErrorKind.RequestInvalid, (await Assert.ThrowsAsync<KlingException>(act)).Kind);
}
