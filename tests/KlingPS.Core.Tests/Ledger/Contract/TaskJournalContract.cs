using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Tests.Model;

namespace KlingPS.Core.Tests.Ledger.Contract;

/// <summary>What each operation of a journal records, refuses and returns.</summary>
public abstract class TaskJournalContract : LedgerContract
{
    private protected TaskJournalContract(LedgerHost host)
        : base(host)
    {
    }

    [Fact]
    public async Task An_intent_is_recorded_with_all_that_was_asked_for()
    {
        var spec = new VideoSpec
        {
            Model = "kling/v2-1-pro",
            Prompt = "ein Fuchs läuft 🦊",
            NegativePrompt = "blur",
            Image = MediaSource.FromFile("/images/a.png") with { Hash = "h", Uri = "https://files.example/a.png" },
            TailImage = MediaSource.FromFile("/images/b.png") with { Uri = "https://files.example/b.png" },
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

        KlingVideoTask task = await Ledger.Tasks.BeginAsync(intent, Token);

        var expected = new KlingVideoTask
        {
            Id = 1,
            LedgerId = Ledger.Id,
            TaskState = KlingTaskState.Submitting,
            Account = TempLedger.Account,
            Identity = intent.Identity,
            Nonce = intent.Nonce,
            Spec = spec,
            CreatedAt = Host.Time.GetUtcNow(),
            CreditsReserved = 99.125m,
        };
        Assert.Equal(expected, task);
        Assert.Equal(expected, await Ledger.Tasks.FindAsync(1, Token));
        Assert.Equal(expected, await Ledger.Tasks.FindByNonceAsync(TempLedger.Account, intent.Nonce, Token));
        Assert.Matches("^[0-9a-f]{32}$", intent.Nonce);
    }

    /// <summary>A parameter that is added to the spec and not to the record would be lost between a purchase and its resubmission.</summary>
    [Fact]
    public async Task Every_parameter_of_a_video_comes_back_from_the_record()
    {
        var spec = new VideoSpec
        {
            Model = "kling/v2-1-pro",
            Prompt = "a fox runs",
            NegativePrompt = "blur",
            Duration = 10,
            AspectRatio = "9:16",
            Resolution = "4K",
            Sound = true,
            CfgScale = 0.7m,
            Image = MediaSource.FromFile("/images/a.png") with { Hash = "h", Uri = "https://files.example/a.png" },
            TailImage = MediaSource.FromFile("/images/b.png") with { Hash = "i", Uri = "https://files.example/b.png" },
            ReferenceImages = new([MediaSource.FromFile("/images/c.png") with { Hash = "j", Uri = "https://files.example/c.png" }, MediaSource.FromUri("https://images.example/d.png")]),
            Video = MediaSource.FromFile("/clips/a.mp4") with { Hash = "k", Uri = "https://files.example/a.mp4" },
            Audio = MediaSource.FromUri("https://clips.example/a.mp3"),
            CharacterOrientation = "image",
            InputSeconds = 7.25m,
            Name = "scene",
            CallbackUri = "https://callback.example/",
            Take = 2,
        };
        var plain = new VideoSpec { Prompt = null };
        Assert.All(typeof(VideoSpec).GetProperties().Where(property => property.CanWrite), property => Assert.NotEqual(property.GetValue(plain), property.GetValue(spec)));

        KlingVideoTask task = await Ledger.Tasks.BeginAsync(TempLedger.Intent() with { Spec = spec }, Token);

        Assert.Equal(spec, task.Spec);
        Assert.Equal(spec, (await Ledger.Tasks.FindAsync(task.Id, Token))!.Spec);
    }

    [Fact]
    public async Task A_video_that_is_as_long_as_its_audio_was_not_asked_for_with_a_duration()
    {
        VideoSpec spec = ModelRequests.Get("kling/ai-avatar-pro").Smallest with { InputSeconds = 7.25m };

        KlingVideoTask task = await Ledger.Tasks.BeginAsync(TempLedger.Intent() with { Spec = spec }, Token);

        Assert.Equal((null, 8), (task.Spec.Duration, task.Duration));
        task.Spec.Validate();
    }

    [Fact]
    public async Task A_task_is_followed_from_acceptance_to_the_saved_video()
    {
        KlingVideoTask task = await Ledger.Tasks.BeginAsync(TempLedger.Intent(), Token);

        task = await Ledger.Tasks.AcceptAsync(task.Id, "t1");
        Assert.Equal((KlingTaskState.Waiting, "t1"), (task.TaskState, task.TaskId));

        task = await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Generating, 40));
        Assert.Equal((KlingTaskState.Generating, 40m, null), (task.TaskState, task.CreditsReserved, task.CreditsConsumed));

        DateTimeOffset end = Host.Time.GetUtcNow() + TimeSpan.FromMinutes(2);
        task = await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Succeeded, 41.5m) with { CompletedAt = end });
        Assert.Equal((KlingTaskState.Succeeded, 0m, 41.5m), (task.TaskState, task.CreditsReserved, task.CreditsConsumed));
        Assert.Equal(("https://files.example/t1.mp4", end, end + TimeSpan.FromHours(24)), (task.ResultUri, task.CompletedAt, task.ExpiresAt));
        Assert.Equal([task], await Ledger.Tasks.ListAsync(new TaskFilter { Unsaved = true }, Token));

        task = await Ledger.Tasks.RecordSavedAsync(task, "/videos/a.mp4", "cafe");
        Assert.Equal(("/videos/a.mp4", "cafe"), (task.SavedPath, task.SavedHash));
        Assert.Empty(await Ledger.Tasks.ListAsync(new TaskFilter { Unsaved = true }, Token));
    }

    [Fact]
    public async Task A_video_that_is_found_where_it_was_saved_stays_taken_elsewhere_until_it_is_saved_again()
    {
        await AcceptedAsync("t1");
        KlingVideoTask task = await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Succeeded, 42));
        KlingVideoTask taken = await Ledger.Tasks.RecordTakenAsync(task.Id, isTaken: true);

        KlingVideoTask found = await Ledger.Tasks.RecordFoundAsync(task, "/videos/a.mp4", "cafe");

        Assert.NotNull(taken.TakenAt);
        Assert.Equal(taken with { SavedPath = "/videos/a.mp4", SavedHash = "cafe" }, found);
        Assert.Equal(found, await Ledger.Tasks.FindAsync(task.Id, Token));
        Assert.Equal([new SavedPath("/videos/a.mp4", task.Id, "cafe")], await Ledger.Tasks.ListSavedPathsAsync(Token));

        Assert.Equal(found with { TakenAt = null }, await Ledger.Tasks.RecordSavedAsync(task, "/videos/a.mp4", "cafe"));
    }

    [Fact]
    public async Task A_settled_task_stays_settled_but_takes_a_newer_link()
    {
        await AcceptedAsync("t1");
        KlingVideoTask task = await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Succeeded, 42) with { ResultUris = [] });
        Assert.Null(task.ResultUri);

        Assert.Equal(task, await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Failed)));
        Assert.Equal(task, await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Waiting)));
        Assert.Equal(
            task with { ResultUri = "https://files.example/t1.mp4" },
            await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Succeeded, 1)));
    }

    [Fact]
    public async Task A_failed_task_costs_nothing_and_a_price_left_out_is_what_was_set_aside()
    {
        await AcceptedAsync("t1");
        await AcceptedAsync("t2");

        KlingVideoTask failed = await Ledger.Tasks.RecordSnapshotAsync(
            TempLedger.Account,
            TempLedger.Snapshot("t1", KlingTaskState.Failed) with { FailCode = "501", FailMessage = "no video" });
        KlingVideoTask succeeded = await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t2", KlingTaskState.Succeeded));

        Assert.Equal((0m, 0m, "501", "no video"), (failed.CreditsReserved, failed.CreditsConsumed, failed.FailCode, failed.FailMessage));
        Assert.Null(failed.ExpiresAt);
        Assert.Equal((0m, 42m), (succeeded.CreditsReserved, succeeded.CreditsConsumed));
    }

    [Fact]
    public async Task A_rejected_attempt_costs_nothing_and_does_not_stand_in_the_way()
    {
        KlingVideoTask task = await Ledger.Tasks.BeginAsync(TempLedger.Intent(), Token);

        task = await Ledger.Tasks.RejectAsync(task.Id, "422", "no such model");

        Assert.Equal((KlingTaskState.Rejected, 0m, 0m, "422", "no such model"), (task.TaskState, task.CreditsReserved, task.CreditsConsumed, task.FailCode, task.FailMessage));
        Assert.True((await Ledger.Tasks.ClaimAsync(TempLedger.Intent(), Token)).IsNew);
    }

    [Fact]
    public async Task A_lost_answer_keeps_its_credits_until_it_is_found()
    {
        KlingVideoTask task = await Ledger.Tasks.BeginAsync(TempLedger.Intent(), Token);

        task = await Ledger.Tasks.LoseAsync(task.Id, "the connection broke");
        Assert.Equal((KlingTaskState.Unknown, 42m, "the connection broke"), (task.TaskState, task.CreditsReserved, task.FailMessage));
        Assert.Equal(task, await Ledger.Tasks.FindUnknownAsync(TempLedger.Account, task.Spec, Token));

        task = await Ledger.Tasks.ResolveAsync(task.Id, TempLedger.Snapshot("t1", KlingTaskState.Succeeded, 42));
        Assert.Equal((KlingTaskState.Succeeded, "t1", 42m, null), (task.TaskState, task.TaskId, task.CreditsConsumed, task.FailMessage));
        Assert.Null(await Ledger.Tasks.FindUnknownAsync(TempLedger.Account, task.Spec, Token));

        // The news that the answer was lost may come after the callback that has brought it.
        Assert.Equal(task, Assert.IsType<RecordResult.Superseded>(await Ledger.Tasks.ReportLostAsync(task.Id)).Task);
    }

    [Fact]
    public async Task Only_unknown_attempts_can_be_resolved_or_given_up()
    {
        KlingVideoTask submitting = await Ledger.Tasks.BeginAsync(TempLedger.Intent(), Token);
        KlingVideoTask accepted = await AcceptedAsync("t1");

        foreach (long id in (long[])[submitting.Id, accepted.Id])
        {
            await RefusedAsync(() => Ledger.Tasks.ResolveAsync(id, TempLedger.Snapshot("t2", KlingTaskState.Waiting)));
            await RefusedAsync(() => Ledger.Tasks.AbandonAsync(id));
            await RefusedAsync(() => Ledger.Tasks.BeginAsync(TempLedger.Intent(replaces: id), Token));
        }

        Assert.Equal(2, (await Ledger.Tasks.ListAsync(new TaskFilter(), Token)).Count);
        Assert.Equal(ErrorKind.TaskNotFound, (await Assert.ThrowsAsync<KlingException>(() => Ledger.Tasks.AbandonAsync(99))).Kind);
    }

    [Fact]
    public async Task A_task_that_the_service_has_forgotten_is_given_up_stays_spent_and_is_found_before_its_video_is_bought_again()
    {
        KlingVideoTask task = await AcceptedAsync("t1");
        var cap = new BudgetLimit { DailyCredits = 80 };
        Assert.NotNull(await Ledger.Tasks.FindBudgetExcessAsync(TempLedger.Intent(budget: cap), Token));

        KlingVideoTask forgotten = await Ledger.Tasks.RecordForgottenAsync(task.Id, "t1", "gone");

        Assert.Equal((KlingTaskState.Abandoned, "t1", 0m, 42m, "gone"), (forgotten.TaskState, forgotten.TaskId, forgotten.CreditsReserved, forgotten.CreditsConsumed, forgotten.FailMessage));
        Assert.NotNull(await Ledger.Tasks.FindBudgetExcessAsync(TempLedger.Intent(budget: cap), Token));
        Assert.Equal(42m, Assert.Single(await Ledger.Spending.SumAsync(new SpendFilter(), KlingSpendGroup.Model, Token)).CreditsConsumed);
        Assert.Equal(forgotten, await Ledger.Tasks.FindEarlierAsync(TempLedger.Account, task.Spec, Token));
        Assert.Null(await Ledger.Tasks.FindUnknownAsync(TempLedger.Account, task.Spec, Token));
        Assert.Empty(await Ledger.Accounts.ListTasksAsync(TempLedger.Account, 3, Token));

        KlingVideoTask again = await Ledger.Tasks.BeginAsync(TempLedger.Intent(), Token);
        Assert.Equal(again, await Ledger.Tasks.FindEarlierAsync(TempLedger.Account, task.Spec, Token));
        await Ledger.Tasks.RejectAsync(again.Id, "422", "no");
        Assert.Equal(forgotten, await Ledger.Tasks.FindEarlierAsync(TempLedger.Account, task.Spec, Token));
    }

    [Fact]
    public async Task A_forgotten_task_that_the_service_knows_again_is_open_again_with_its_credits()
    {
        KlingVideoTask task = await AcceptedAsync("t1");
        await Ledger.Tasks.RecordForgottenAsync(task.Id, "t1", "gone");

        KlingVideoTask known = await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Generating));
        Assert.Equal((task.Id, KlingTaskState.Generating, 42m, null, null, null), (known.Id, known.TaskState, known.CreditsReserved, known.CreditsConsumed, known.CompletedAt, known.FailMessage));

        await Ledger.Tasks.RecordForgottenAsync(task.Id, "t1", "gone");
        known = await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Succeeded, 42));
        Assert.Equal((task.Id, KlingTaskState.Succeeded, 0m, 42m), (known.Id, known.TaskState, known.CreditsReserved, known.CreditsConsumed));
    }

    [Fact]
    public async Task A_forgotten_task_whose_answer_is_recorded_late_stays_given_up_and_its_record_can_be_removed()
    {
        KlingVideoTask task = await AcceptedAsync("t1");
        KlingVideoTask forgotten = await Ledger.Tasks.RecordForgottenAsync(task.Id, "t1", "gone");

        Assert.Equal(forgotten, Assert.IsType<RecordResult.Recorded>(await Ledger.Tasks.RecordAcceptedAsync(task.Id, "t1")).Task);
        await Ledger.Tasks.RemoveAsync(task.Id);

        Assert.Empty(await Ledger.Tasks.ListAsync(new TaskFilter(), Token));
    }

    [Fact]
    public async Task A_resubmitted_attempt_takes_the_place_of_the_old_one()
    {
        KlingVideoTask old = await UnknownAsync();

        KlingVideoTask task = await Ledger.Tasks.BeginAsync(TempLedger.Intent(replaces: old.Id), Token);

        Assert.Equal(old.Id, task.Replaces);
        Assert.NotEqual(old.Nonce, task.Nonce);
        old = (await Ledger.Tasks.FindAsync(old.Id, Token))!;
        Assert.Equal((KlingTaskState.Abandoned, 0m), (old.TaskState, old.CreditsReserved));
    }

    [Fact]
    public async Task An_answer_that_comes_after_all_is_recorded_even_if_the_attempt_was_given_up()
    {
        KlingVideoTask task = await UnknownAsync();
        await Ledger.Tasks.AbandonAsync(task.Id);

        task = await Ledger.Tasks.AcceptAsync(task.Id, "t1");

        Assert.Equal((KlingTaskState.Waiting, "t1", 42m), (task.TaskState, task.TaskId, task.CreditsReserved));
    }

    [Fact]
    public async Task A_task_that_only_the_service_knew_is_taken_in()
    {
        var spec = new VideoSpec { Prompt = "a fox", Image = MediaSource.FromUri("https://files.example/a.png"), Duration = 10 };
        DateTimeOffset created = Host.Time.GetUtcNow() - TimeSpan.FromHours(1);

        KlingVideoTask task = await Ledger.Tasks.RecordSnapshotAsync(
            TempLedger.Account,
            TempLedger.Snapshot("t9", KlingTaskState.Generating) with { Spec = spec, CreatedAt = created });

        Assert.Equal(("t9", "a fox", 10, created, null, 84m), (task.TaskId, task.Prompt, task.Duration, task.CreatedAt, task.SourcePath, task.CreditsReserved));
        Assert.Equal(task, await Ledger.Tasks.FindByTaskIdAsync(TempLedger.Account, "t9", Token));
        Assert.Null(await Ledger.Tasks.FindByTaskIdAsync("another account", "t9", Token));
    }

    [Fact]
    public async Task A_task_that_was_looked_up_before_it_was_known_whose_it_is_becomes_one_with_its_attempt()
    {
        KlingVideoTask attempt = await UnknownAsync();
        KlingVideoTask adopted = await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Succeeded, 42));
        await Ledger.Tasks.RecordSavedAsync(adopted, "/videos/a.mp4", "cafe");

        KlingVideoTask task = await Ledger.Tasks.AcceptAsync(attempt.Id, "t1");

        Assert.Equal((attempt.Id, KlingTaskState.Succeeded, "/videos/a.mp4", 0m, 42m), (task.Id, task.TaskState, task.SavedPath, task.CreditsReserved, task.CreditsConsumed));
        Assert.Equal([task], await Ledger.Tasks.ListAsync(new TaskFilter(), Token));
    }

    [Fact]
    public async Task A_task_that_was_taken_up_again_has_not_failed_because_of_an_answer_that_was_given_before()
    {
        KlingVideoTask accepted = await AcceptedAsync("t1");
        KlingVideoTask failed = await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Failed).After(accepted));
        KlingVideoTask again = await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Generating).After(failed));

        foreach (KlingVideoTask asked in new[] { accepted, failed })
        {
            Assert.Equal(again, await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Failed).After(asked)));
        }

        TaskClaim claim = await Ledger.Tasks.ClaimAsync(TempLedger.Intent() with { LastFailure = again.Id }, Token);
        Assert.Equal((KlingTaskState.Generating, again.Id, false), (again.TaskState, claim.Task.Id, claim.IsNew));
        KlingVideoTask ended = await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Failed).After(again));
        Assert.Equal(ended, await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Generating).After(again)));
        Assert.Equal(KlingTaskState.Failed, ended.TaskState);
    }

    [Fact]
    public async Task A_task_that_was_looked_up_before_the_service_said_what_it_was_made_from_is_a_purchase_of_its_video_once_it_does()
    {
        TaskIntent intent = TempLedger.Intent();
        intent = intent with { Spec = intent.Spec with { Duration = 10 } };
        KlingVideoTask looked = await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Waiting));
        Assert.Equal((false, null), (looked.IsDescribed, looked.Identity));

        KlingVideoTask known = await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Waiting) with { Spec = intent.Spec });

        Assert.Equal((intent.Spec.GetIdentity(), intent.Spec.Prompt, intent.Spec.Model, intent.Spec.Image?.Uri), (known.Identity, known.Prompt, known.Model, known.ImageUri));
        Assert.Equal(intent.Spec.GetCredits(), known.CreditsReserved);
        Assert.Equal(known, await Ledger.Tasks.FindAsync(looked.Id, Token));
        TaskClaim claim = await Ledger.Tasks.ClaimAsync(intent with { Identity = intent.Spec.GetIdentity() }, Token);
        Assert.Equal((looked.Id, false), (claim.Task.Id, claim.IsNew));
        await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Failed));
        await Ledger.Tasks.RemoveAsync(looked.Id);
        Assert.Equal(0L, await Host.SqlAsync("SELECT COUNT(*) FROM texts"));
    }

    [Fact]
    public async Task A_task_that_was_looked_up_with_two_keys_before_they_were_known_to_be_of_one_account_becomes_one_with_its_attempt()
    {
        KlingVideoTask attempt = await UnknownAsync();
        KlingVideoTask finished = await Ledger.Tasks.RecordSnapshotAsync("key 2", TempLedger.Snapshot("t1", KlingTaskState.Succeeded, 42));
        KlingVideoTask pending = await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Generating));
        await Ledger.Tasks.RecordSavedAsync(pending, "/videos/a.mp4", "cafe");
        foreach (string key in new[] { TempLedger.Account, "key 2" })
        {
            await Ledger.Accounts.RecordAsync(new AccountKey(key, TempLedger.Account) { Service = "kie.ai", IsSettled = true }, Token);
        }

        Assert.Equal(finished.Id, (await Ledger.Tasks.FindByTaskIdAsync(TempLedger.Account, "t1", Token))!.Id);

        KlingVideoTask task = await Ledger.Tasks.AcceptAsync(attempt.Id, "t1");

        Assert.Equal((attempt.Id, KlingTaskState.Succeeded, "/videos/a.mp4", "cafe", 42m), (task.Id, task.TaskState, task.SavedPath, task.SavedHash, task.CreditsConsumed));
        Assert.Equal([task], await Ledger.Tasks.ListAsync(new TaskFilter(), Token));
    }

    [Theory]
    [InlineData(TempLedger.Account)]
    [InlineData("key 2")]
    public async Task A_video_that_was_taken_elsewhere_stays_taken_when_it_turns_out_whose_it_is(string key)
    {
        KlingVideoTask attempt = await UnknownAsync();
        foreach (string known in new[] { TempLedger.Account, "key 2" })
        {
            await Ledger.Tasks.RecordSnapshotAsync(known, TempLedger.Snapshot("t1", KlingTaskState.Succeeded, 42));
        }

        KlingVideoTask taken = await Ledger.Tasks.RecordTakenAsync((await Ledger.Tasks.FindByTaskIdAsync(key, "t1", Token))!.Id, isTaken: true);
        foreach (string known in new[] { TempLedger.Account, "key 2" })
        {
            await Ledger.Accounts.RecordAsync(new AccountKey(known, TempLedger.Account) { Service = "kie.ai", IsSettled = true }, Token);
        }

        KlingVideoTask task = await Ledger.Tasks.AcceptAsync(attempt.Id, "t1");

        Assert.NotNull(taken.TakenAt);
        Assert.Equal((attempt.Id, taken.TakenAt), (task.Id, task.TakenAt));
    }

    [Fact]
    public async Task A_key_that_joins_an_account_while_that_one_joins_another_has_what_all_of_them_bought()
    {
        foreach (string key in new[] { "key 1", "key 2", "key 3" })
        {
            await Ledger.Accounts.RecordAsync(new AccountKey(key, key) { Service = "kie.ai" }, Token);
        }

        await Ledger.Accounts.RecordAsync(new AccountKey("key 2", "key 1") { Service = "kie.ai", IsSettled = true }, Token);
        await Ledger.Accounts.RecordAsync(new AccountKey("key 3", "key 2") { Service = "kie.ai", IsSettled = true }, Token);

        Assert.Equal(["key 1"], (await Ledger.Accounts.ListAsync(Token)).Select(key => key.Account).Distinct());
        await Ledger.Tasks.RecordSnapshotAsync("key 1", TempLedger.Snapshot("t1", KlingTaskState.Waiting));
        Assert.NotNull(await Ledger.Tasks.FindByTaskIdAsync("key 3", "t1", Token));
    }

    [Fact]
    public async Task What_is_known_of_a_key_with_regard_to_other_addresses_is_kept()
    {
        foreach (bool? elsewhere in new bool?[] { null, false, true, false })
        {
            var key = new AccountKey("key 1", "key 1") { Service = "kie.ai:443/", IsSettled = true, IsSettledElsewhere = elsewhere };
            await Ledger.Accounts.RecordAsync(key, Token);
            Assert.Equal(key, Assert.Single(await Ledger.Accounts.ListAsync(Token)));
        }
    }

    [Theory]
    [InlineData("gateway.example:443/", false, true)]
    [InlineData("gateway.example:443/", true, false)]
    [InlineData("gateway.example:443/", null, false)]
    [InlineData("localhost:4711/", false, false)]
    public async Task A_key_at_another_address_counts_against_the_daily_limit_while_it_may_be_of_the_same_account(string service, bool? elsewhere, bool isShared)
    {
        await Ledger.Accounts.RecordAsync(new AccountKey(TempLedger.Account, TempLedger.Account) { Service = "kie.ai:443/", IsSettled = true, IsSettledElsewhere = true }, Token);
        await Ledger.Accounts.RecordAsync(new AccountKey("key 2", "key 2") { Service = service, IsSettled = true, IsSettledElsewhere = elsewhere }, Token);
        await Ledger.Tasks.BeginAsync(TempLedger.Intent("one", account: "key 2") with { Credits = 42 }, Token);

        foreach (string key in new[] { TempLedger.Account, "key 2" })
        {
            TaskIntent intent = TempLedger.Intent("two", account: key) with { Credits = 42, Budget = new BudgetLimit { DailyCredits = 60 } };
            Assert.Equal(isShared || key == "key 2", await Ledger.Tasks.FindBudgetExcessAsync(intent, Token) is not null);
        }
    }

    [Fact]
    public async Task A_task_cannot_be_the_video_of_two_attempts()
    {
        await AcceptedAsync("t1");
        KlingVideoTask attempt = await UnknownAsync();

        await RefusedAsync(() => Ledger.Tasks.ResolveAsync(attempt.Id, TempLedger.Snapshot("t1", KlingTaskState.Waiting)));

        Assert.Equal(KlingTaskState.Unknown, (await Ledger.Tasks.FindAsync(attempt.Id, Token))!.TaskState);
    }

    [Theory]
    [InlineData(KlingTaskState.Submitting)]
    [InlineData(KlingTaskState.Unknown)]
    [InlineData(KlingTaskState.Waiting)]
    [InlineData(KlingTaskState.Succeeded)]
    public async Task What_is_or_may_be_bought_is_not_claimed_again(KlingTaskState state)
    {
        KlingVideoTask first = (await Ledger.Tasks.ClaimAsync(TempLedger.Intent(), Token)).Task;
        KlingVideoTask expected = state switch
        {
            KlingTaskState.Submitting => first,
            KlingTaskState.Unknown => await Ledger.Tasks.LoseAsync(first.Id, "lost"),
            _ => await Ledger.Tasks.AcceptAsync(first.Id, "t1"),
        };
        if (state == KlingTaskState.Succeeded)
        {
            expected = await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", state));
        }

        Assert.Equal(new TaskClaim(expected, IsNew: false), await Ledger.Tasks.ClaimAsync(TempLedger.Intent(), Token));
        Assert.Equal(expected, await Ledger.Tasks.FindEarlierAsync(TempLedger.Account, first.Spec, Token));
        Assert.True((await Ledger.Tasks.ClaimAsync(TempLedger.Intent("another image"), Token)).IsNew);
        Assert.True((await Ledger.Tasks.ClaimAsync(TempLedger.Intent(account: "another account"), Token)).IsNew);
    }

    [Theory]
    [InlineData(null, true)]
    [InlineData(0L, false)]
    [InlineData(1L, false)]
    [InlineData(2L, true)]
    public async Task A_claim_finds_the_failures_that_its_buyer_does_not_know_of(long? known, bool isNew)
    {
        foreach (string taskId in (string[])["t1", "t2"])
        {
            await Ledger.Tasks.AcceptAsync((await Ledger.Tasks.BeginAsync(TempLedger.Intent(), Token)).Id, taskId);
            await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot(taskId, KlingTaskState.Failed, 0));
        }

        TaskClaim claim = await Ledger.Tasks.ClaimAsync(TempLedger.Intent() with { LastFailure = known }, Token);

        Assert.Equal((isNew, isNew ? 3 : 2), (claim.IsNew, claim.Task.Id));
    }

    [Theory]
    [InlineData(KlingTaskState.Generating, true)]
    [InlineData(KlingTaskState.Succeeded, true)]
    [InlineData(KlingTaskState.Failed, true)]
    [InlineData(KlingTaskState.Generating, false)]
    public async Task A_claimed_request_that_was_held_back_is_not_sent_again_once_the_same_video_is_known_from_elsewhere(KlingTaskState state, bool isClaimed)
    {
        TaskIntent intent = TempLedger.Intent() with { LastFailure = 0 };
        KlingVideoTask task = (await Ledger.Tasks.ClaimAsync(intent, Token)).Task;
        await Ledger.Tasks.RecordHeldBackAsync(task, "Too many requests.");
        Assert.IsType<RecordResult.Recorded>(await Ledger.Tasks.RecordSentAgainAsync(task, TimeSpan.FromHours(1), intent, Token));
        await Ledger.Tasks.RecordHeldBackAsync(task, "Too many requests.");
        KlingVideoTask other = await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("theirs", state, 42) with { Spec = intent.Spec });

        RecordResult result = await Ledger.Tasks.RecordSentAgainAsync(task, TimeSpan.FromHours(1), isClaimed ? intent : null, Token);

        KlingVideoTask after = (await Ledger.Tasks.FindAsync(task.Id, Token))!;
        Assert.Equal((KlingTaskState.Submitting, 42m), (after.TaskState, after.CreditsReserved));
        Assert.Equal(isClaimed ? new RecordResult.Forestalled(other) : new RecordResult.Recorded(after), result);
    }

    [Fact]
    public async Task An_attempt_that_was_removed_and_turns_out_to_be_bought_is_recorded_anew_however_often_that_is_said()
    {
        TaskIntent intent = TempLedger.Intent() with { Credits = 50, RunId = "run" };
        KlingVideoTask removed = (await Ledger.Tasks.ClaimAsync(intent, Token)).Task;
        await Ledger.Tasks.RejectAsync(removed.Id, null, "given up");
        await Ledger.Tasks.RemoveAsync(removed.Id);
        Assert.Equal(ErrorKind.TaskNotFound, (await Assert.ThrowsAsync<KlingException>(() => Ledger.Tasks.RecordAcceptedAsync(removed.Id, "t1"))).Kind);

        RecordResult first = await Ledger.Tasks.RecordAcceptedAsync(removed.Id, "t1", intent);
        RecordResult again = await Ledger.Tasks.RecordAcceptedAsync(removed.Id, "t1", intent);

        KlingVideoTask restored = Assert.IsType<RecordResult.Recorded>(first).Task;
        Assert.Equal(first, again);
        Assert.Equal(("t1", KlingTaskState.Waiting, intent.Nonce, 50m), (restored.TaskId, restored.TaskState, restored.Nonce, restored.CreditsReserved));
        Assert.Equal(restored, Assert.Single(await Ledger.Tasks.ListAsync(new TaskFilter(), Token)));
        Assert.NotNull(await Ledger.Tasks.FindBudgetExcessAsync(TempLedger.Intent("another image", budget: new BudgetLimit { RunId = "run", MaxTasks = 1 }), Token));
    }

    [Fact]
    public async Task An_attempt_that_was_removed_and_got_the_id_of_another_task_is_unknown()
    {
        TaskIntent intent = TempLedger.Intent();
        KlingVideoTask removed = (await Ledger.Tasks.ClaimAsync(intent, Token)).Task;
        await Ledger.Tasks.RejectAsync(removed.Id, null, "given up");
        await Ledger.Tasks.RemoveAsync(removed.Id);
        KlingVideoTask other = await Ledger.Tasks.AcceptAsync((await Ledger.Tasks.BeginAsync(TempLedger.Intent("another image"), Token)).Id, "t1");

        RecordResult result = await Ledger.Tasks.RecordAcceptedAsync(removed.Id, "t1", intent);

        KlingVideoTask unknown = Assert.Single(await Ledger.Tasks.ListAsync(new TaskFilter { States = [KlingTaskState.Unknown] }, Token));
        Assert.Equal(new RecordResult.Taken(other), result);
        Assert.Equal(intent.Nonce, unknown.Nonce);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_request_whose_answer_is_lost_after_its_attempt_was_given_up_is_unknown_and_not_bought_again(bool isRemoved)
    {
        TaskIntent intent = TempLedger.Intent() with { Credits = 42, RunId = "run" };
        KlingVideoTask given = (await Ledger.Tasks.ClaimAsync(intent, Token)).Task;
        await Ledger.Tasks.LoseAsync(given.Id);
        await Ledger.Tasks.AbandonAsync(given.Id);
        if (isRemoved)
        {
            await Ledger.Tasks.RemoveAsync(given.Id);
        }

        RecordResult first = await Ledger.Tasks.RecordUnknownAsync(given.Id, "The line broke.", intent);
        RecordResult again = await Ledger.Tasks.RecordUnknownAsync(given.Id, "The line broke.", intent);

        KlingVideoTask unknown = Assert.IsType<RecordResult.Recorded>(first).Task;
        Assert.Equal(first, again);
        Assert.Equal(
            (KlingTaskState.Unknown, intent.Nonce, 42m, "The line broke.", null),
            (unknown.TaskState, unknown.Nonce, unknown.CreditsReserved, unknown.FailMessage, unknown.CompletedAt));
        Assert.Equal(unknown, (await Ledger.Tasks.ClaimAsync(intent.Renew(), Token)).Task);
        Assert.Equal(unknown, Assert.Single(await Ledger.Tasks.ListAsync(new TaskFilter(), Token)));
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    [InlineData(false, true)]
    public async Task A_request_whose_answer_is_lost_after_its_video_was_bought_in_its_place_names_that_and_is_not_replaced_again(bool isResubmitted, bool isRemoved)
    {
        TaskIntent intent = TempLedger.Intent() with { RunId = "ours" };
        KlingVideoTask attempt = (await Ledger.Tasks.ClaimAsync(intent, Token)).Task;
        await Ledger.Tasks.LoseAsync(attempt.Id);
        if (!isResubmitted)
        {
            await Ledger.Tasks.AbandonAsync(attempt.Id);
        }

        TaskIntent again = isResubmitted ? Replacing(intent, attempt.Id) : intent.Renew() with { RunId = "theirs" };
        KlingVideoTask other = await Ledger.Tasks.AcceptAsync((await Ledger.Tasks.BeginAsync(again, Token)).Id, "t2");
        if (isRemoved)
        {
            await Ledger.Tasks.RemoveAsync(attempt.Id);
        }

        RecordResult.Recorded result = Assert.IsType<RecordResult.Recorded>(await Ledger.Tasks.RecordUnknownAsync(attempt.Id, "The line broke.", intent));
        RecordResult repeated = await Ledger.Tasks.RecordUnknownAsync(attempt.Id, "The line broke.", intent);
        long unknown = result.Task.Id;

        Assert.Equal((KlingTaskState.Unknown, other), (result.Task.TaskState, result.Successor));
        Assert.Equal(result, repeated);
        Assert.Equal(
            $"The video of task {unknown} was bought already, as task {other.Id} ({other.Subject}). If task {unknown} was not bought, give it up with -Abandon. After that, New-KlingVideoTask makes one more.",
            await RefusedInPlaceOfAsync(intent, unknown, other.Id));
        Assert.Equal(2, (await Ledger.Tasks.ListAsync(new TaskFilter(), Token)).Count);

        await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t2", KlingTaskState.Failed));
        Assert.Equal(unknown, (await Ledger.Tasks.BeginAsync(Replacing(intent, unknown), Token)).Replaces);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_lost_attempt_is_not_replaced_again_as_long_as_the_replacement_of_its_replacement_is_bought(bool isRemoved)
    {
        TaskIntent intent = TempLedger.Intent() with { RunId = "ours" };
        KlingVideoTask first = (await Ledger.Tasks.ClaimAsync(intent, Token)).Task;
        await Ledger.Tasks.LoseAsync(first.Id);
        KlingVideoTask second = await Ledger.Tasks.BeginAsync(Replacing(intent, first.Id), Token);
        await Ledger.Tasks.LoseAsync(second.Id);
        KlingVideoTask third = await Ledger.Tasks.AcceptAsync((await Ledger.Tasks.BeginAsync(Replacing(intent, second.Id), Token)).Id, "t3");
        if (isRemoved)
        {
            await Ledger.Tasks.RemoveAsync(second.Id);
        }

        RecordResult.Recorded lost = Assert.IsType<RecordResult.Recorded>(await Ledger.Tasks.RecordUnknownAsync(first.Id, "The line broke.", intent));

        Assert.Equal(third, lost.Successor);
        await RefusedInPlaceOfAsync(intent, first.Id, third.Id);
    }

    [Fact]
    public async Task A_lost_attempt_is_not_replaced_again_as_long_as_any_of_several_that_took_its_place_is_bought()
    {
        TaskIntent intent = TempLedger.Intent() with { RunId = "ours" };
        KlingVideoTask attempt = (await Ledger.Tasks.ClaimAsync(intent, Token)).Task;
        await Ledger.Tasks.LoseAsync(attempt.Id);
        await Ledger.Tasks.AbandonAsync(attempt.Id);
        KlingVideoTask second = await Ledger.Tasks.BeginAsync(intent.Renew() with { RunId = "second" }, Token);
        await Ledger.Tasks.LoseAsync(second.Id);
        KlingVideoTask third = await Ledger.Tasks.AcceptAsync((await Ledger.Tasks.BeginAsync(Replacing(intent, second.Id), Token)).Id, "t3");
        await Ledger.Tasks.AcceptAsync((await Ledger.Tasks.BeginAsync(intent.Renew() with { RunId = "fourth" }, Token)).Id, "t4");

        await Ledger.Tasks.RecordUnknownAsync(attempt.Id, "The line broke.", intent);
        await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t4", KlingTaskState.Failed));

        await RefusedInPlaceOfAsync(intent, attempt.Id, third.Id);
    }

    [Fact]
    public async Task A_lost_replacement_whose_video_another_replacement_has_bought_is_not_replaced_again_and_its_late_answer_says_that_both_are_paid_for()
    {
        TaskIntent intent = TempLedger.Intent() with { RunId = "ours" };
        KlingVideoTask first = (await Ledger.Tasks.ClaimAsync(intent, Token)).Task;
        await Ledger.Tasks.LoseAsync(first.Id);
        TaskIntent replacement = Replacing(intent, first.Id);
        KlingVideoTask second = await Ledger.Tasks.BeginAsync(replacement, Token);
        await Ledger.Tasks.LoseAsync(second.Id);
        await Ledger.Tasks.AbandonAsync(second.Id);
        KlingVideoTask third = await Ledger.Tasks.BeginAsync(intent.Renew() with { RunId = "theirs" }, Token);
        await Ledger.Tasks.LoseAsync(third.Id);
        await Ledger.Tasks.RecordUnknownAsync(second.Id, "The line broke.", replacement);
        Assert.StartsWith(
            $"The video of task {second.Id} may have been bought already, as task {third.Id} ({third.Subject}). "
                + $"If task {second.Id} was not bought, give it up with -Abandon, and resolve task {third.Id} with Resolve-KlingVideoTask. After that, New-KlingVideoTask makes one more.",
            await RefusedInPlaceOfAsync(intent, second.Id, third.Id),
            StringComparison.Ordinal);
        KlingVideoTask fourth = await Ledger.Tasks.AcceptAsync((await Ledger.Tasks.BeginAsync(Replacing(intent, third.Id), Token)).Id, "t4");

        RecordResult.Recorded lost = Assert.IsType<RecordResult.Recorded>(await Ledger.Tasks.RecordUnknownAsync(second.Id, "The line broke.", replacement));
        await RefusedInPlaceOfAsync(intent, second.Id, fourth.Id);
        RecordResult.Recorded late = Assert.IsType<RecordResult.Recorded>(await Ledger.Tasks.RecordAcceptedAsync(second.Id, "t2", replacement));

        Assert.Equal((fourth, fourth), (lost.Successor, late.Successor));
        Assert.Equal(late, await Ledger.Tasks.RecordAcceptedAsync(second.Id, "t2", replacement));
    }

    [Fact]
    public async Task Lost_attempts_at_the_same_video_that_nobody_has_given_up_can_all_be_bought_again()
    {
        TaskIntent intent = TempLedger.Intent() with { RunId = "ours" };
        KlingVideoTask[] lost =
        [
            await Ledger.Tasks.BeginAsync(intent, Token), await Ledger.Tasks.BeginAsync(intent.Renew(), Token), await Ledger.Tasks.BeginAsync(intent.Renew() with { RunId = "theirs" }, Token),
        ];
        foreach (KlingVideoTask attempt in lost)
        {
            await Ledger.Tasks.LoseAsync(attempt.Id);
        }

        foreach (KlingVideoTask attempt in lost)
        {
            Assert.Equal(attempt.Id, (await Ledger.Tasks.BeginAsync(Replacing(intent, attempt.Id), Token)).Replaces);
        }
    }

    [Fact]
    public async Task Replacements_of_lost_attempts_at_the_same_video_are_made_again_after_their_process_stood_still_each_in_place_of_its_own()
    {
        TaskIntent intent = TempLedger.Intent() with { RunId = "ours" };
        var lost = new List<KlingVideoTask>();
        for (int i = 0; i < 3; i++)
        {
            lost.Add(await Ledger.Tasks.LoseAsync((await Ledger.Tasks.BeginAsync(intent.Renew(), Token)).Id));
        }

        var former = new List<KlingVideoTask>();
        foreach (KlingVideoTask attempt in lost)
        {
            former.Add(await Ledger.Tasks.LoseAsync((await Ledger.Tasks.BeginAsync(Replacing(intent, attempt.Id), Token)).Id));
        }

        var made = new List<KlingVideoTask>();
        foreach ((KlingVideoTask attempt, KlingVideoTask replacement) in lost.Zip(former))
        {
            await Ledger.Tasks.RejectAsync(replacement.Id, null, "not sent");
            made.Add(await Ledger.Tasks.BeginAsync(Replacing(intent, attempt.Id) with { Former = [replacement] }, Token));
        }

        Assert.Equal(lost.Select(attempt => (long?)attempt.Id), made.Select(task => task.Replaces));
        Assert.IsType<RecordResult.Recorded>(
            await Ledger.Tasks.RecordSentAgainAsync(made[1], TimeSpan.FromHours(1), Replacing(intent, lost[1].Id) with { Former = [former[1]] }, Token));
        RecordResult.Recorded unknown = Assert.IsType<RecordResult.Recorded>(await Ledger.Tasks.ReportLostAsync(lost[0].Id, "The line broke."));
        Assert.Equal(made[0], unknown.Successor);
        await Ledger.Tasks.RejectAsync(made[0].Id, null, "no");
        Assert.Equal(lost[0].Id, (await Ledger.Tasks.BeginAsync(Replacing(intent, lost[0].Id), Token)).Replaces);
    }

    [Fact]
    public async Task A_replacement_whose_process_stood_still_is_not_made_again_if_another_one_has_replaced_the_same_attempt()
    {
        (TaskIntent intent, KlingVideoTask lost, KlingVideoTask replacement) = await ReplacedAsync();
        await Ledger.Tasks.RejectAsync(replacement.Id, null, "not sent");
        await Ledger.Tasks.RecordUnknownAsync(lost.Id, "The line broke.", intent);
        KlingVideoTask other = await Ledger.Tasks.AcceptAsync((await Ledger.Tasks.BeginAsync(Replacing(intent, lost.Id), Token)).Id, "t2");

        KlingException error = await Assert.ThrowsAsync<KlingException>(() => Ledger.Tasks.BeginAsync(Replacing(intent, lost.Id) with { Former = [replacement] }, Token));

        Assert.Equal((ErrorKind.RequestInvalid, other.Id), (error.Kind, error.TaskNumber));
        Assert.Equal($"Meanwhile, task {other.Id} was bought, which is the same video. New-KlingVideoTask makes one more.", error.Message);
    }

    [Theory]
    [InlineData(KlingTaskState.Generating)]
    [InlineData(KlingTaskState.Failed)]
    public async Task A_replacement_is_neither_sent_again_nor_made_again_once_the_attempt_that_it_replaces_turns_out_to_have_bought_a_video(KlingTaskState state)
    {
        (TaskIntent intent, KlingVideoTask lost, KlingVideoTask replacement) = await ReplacedAsync();
        TaskIntent again = Replacing(intent, lost.Id);
        await Ledger.Tasks.RecordHeldBackAsync(replacement, "Maintenance.");
        await Ledger.Tasks.AcceptAsync(lost.Id, "t1");
        KlingVideoTask bought = await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", state));
        bool isBought = state != KlingTaskState.Failed;

        RecordResult result = await Ledger.Tasks.RecordSentAgainAsync(replacement, TimeSpan.FromHours(1), again, Token);
        await Ledger.Tasks.RejectAsync(replacement.Id, null, "not sent");
        KlingVideoTask? made = null;
        Exception? error = await Record.ExceptionAsync(async () => made = await Ledger.Tasks.BeginAsync(again.Renew() with { Former = [replacement] }, Token));

        Assert.Equal(isBought ? null : lost.Id, made?.Replaces);
        Assert.Equal(isBought ? bought : null, (result as RecordResult.Forestalled)?.Other);
        Assert.Equal(
            isBought ? $"Task {lost.Id}, an earlier attempt, turned out to have been bought after all. To get its video: Get-KlingVideoTask -Id {lost.Id} | Wait-KlingVideoTask | Save-KlingVideo." : null,
            error?.Message);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task A_replacement_is_neither_sent_again_nor_made_again_once_the_same_video_has_become_known(bool isLookedUp, bool isMadeAgain)
    {
        (TaskIntent intent, KlingVideoTask lost, KlingVideoTask other) = await ReplacedAsync();
        await Ledger.Tasks.RejectAsync(other.Id, null, "not sent");
        await Ledger.Tasks.RecordUnknownAsync(lost.Id, "The line broke.", intent);
        TaskIntent again = Replacing(intent, lost.Id);
        KlingVideoTask replacement = await Ledger.Tasks.BeginAsync(again, Token);
        other = isLookedUp
            ? await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t2", KlingTaskState.Generating) with { Spec = intent.Spec })
            : await Ledger.Tasks.AcceptAsync(other.Id, "t2");

        if (isMadeAgain)
        {
            await Ledger.Tasks.RejectAsync(replacement.Id, null, "not sent");
            KlingException error = await Assert.ThrowsAsync<KlingException>(() => Ledger.Tasks.BeginAsync(again.Renew() with { Former = [replacement] }, Token));
            Assert.Equal(
                isLookedUp
                    ? $"The ledger has task {other.Id} ({other.Subject}), which is the same video and was not bought by any attempt that the ledger knows, so it may be what became of the request for task {lost.Id}. "
                        + $"If it is: Resolve-KlingVideoTask {lost.Id} -TaskId t2. If it is another one, give task {lost.Id} up with -Abandon, and New-KlingVideoTask buys the video."
                    : $"Meanwhile, task {other.Id} was bought, which is the same video. New-KlingVideoTask makes one more.",
                error.Message);
            return;
        }

        Assert.Equal(new RecordResult.Forestalled(other), await Ledger.Tasks.RecordSentAgainAsync(replacement, TimeSpan.FromHours(1), again, Token));
    }

    [Fact]
    public async Task A_replacement_is_not_sent_again_once_a_later_request_that_seemed_to_be_refused_turns_out_to_have_been_accepted()
    {
        TaskIntent intent = TempLedger.Intent() with { RunId = "ours" };
        KlingVideoTask lost = await Ledger.Tasks.LoseAsync((await Ledger.Tasks.ClaimAsync(intent, Token)).Task.Id);
        await Ledger.Tasks.AbandonAsync(lost.Id);
        KlingVideoTask later = await Ledger.Tasks.BeginAsync(intent.Renew() with { RunId = "theirs" }, Token);
        await Ledger.Tasks.RejectAsync(later.Id, "500", "no");
        await Ledger.Tasks.RecordUnknownAsync(lost.Id, "The line broke.", intent);
        TaskIntent again = Replacing(intent, lost.Id);
        KlingVideoTask replacement = await Ledger.Tasks.BeginAsync(again, Token);
        later = await Ledger.Tasks.AcceptAsync(later.Id, "t2");

        Assert.Equal(new RecordResult.Forestalled(later), await Ledger.Tasks.RecordSentAgainAsync(replacement, TimeSpan.FromHours(1), again, Token));
        await Ledger.Tasks.RejectAsync(replacement.Id, null, "not sent");
        await RefusedAsync(() => Ledger.Tasks.BeginAsync(again.Renew() with { Former = [replacement] }, Token));
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public async Task A_replacement_of_a_replacement_is_neither_made_nor_sent_again_once_the_first_attempt_turns_out_to_have_been_bought(bool isRemoved, bool isMade)
    {
        (TaskIntent intent, KlingVideoTask first, KlingVideoTask second) = await ReplacedAsync();
        await Ledger.Tasks.LoseAsync(second.Id);
        TaskIntent again = Replacing(intent, second.Id);
        KlingVideoTask? third = isMade ? await Ledger.Tasks.BeginAsync(again, Token) : null;
        if (isRemoved)
        {
            await Ledger.Tasks.RemoveAsync(first.Id);
        }

        RecordResult.Recorded late = Assert.IsType<RecordResult.Recorded>(await Ledger.Tasks.RecordAcceptedAsync(first.Id, "t1", intent));

        Assert.Equal(isRemoved, late.Task.Id != first.Id);
        Assert.Equal(third?.Id ?? second.Id, late.Successor?.Id);
        if (third is null)
        {
            Assert.StartsWith($"The video of task {second.Id} was bought already, as task {late.Task.Id} ", await RefusedInPlaceOfAsync(intent, second.Id, late.Task.Id), StringComparison.Ordinal);
            return;
        }

        await ForestalledAsync(again, third, late.Task);
    }

    [Fact]
    public async Task A_replacement_is_not_sent_again_once_an_attempt_turns_out_to_have_been_bought_that_one_between_them_replaced_whose_record_is_gone()
    {
        (TaskIntent intent, KlingVideoTask first, KlingVideoTask second) = await ReplacedAsync();
        await Ledger.Tasks.LoseAsync(second.Id);
        KlingVideoTask third = await Ledger.Tasks.LoseAsync((await Ledger.Tasks.BeginAsync(Replacing(intent, second.Id), Token)).Id);
        TaskIntent again = Replacing(intent, third.Id);
        KlingVideoTask fourth = await Ledger.Tasks.BeginAsync(again, Token);
        await Ledger.Tasks.RemoveAsync(second.Id);

        await ForestalledAsync(again, fourth, await Ledger.Tasks.AcceptAsync(first.Id, "t1"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_record_of_a_lost_attempt_is_not_removed_as_long_as_it_is_not_known_whether_its_replacement_is_bought(bool isLost)
    {
        (_, KlingVideoTask lost, KlingVideoTask replacement) = await ReplacedAsync();
        replacement = isLost ? await Ledger.Tasks.LoseAsync(replacement.Id) : replacement;

        KlingException error = await Assert.ThrowsAsync<KlingException>(() => Ledger.Tasks.RemoveAsync(lost.Id));
        await Ledger.Tasks.AcceptAsync(replacement.Id, "t2");
        await Ledger.Tasks.RemoveAsync(lost.Id);

        Assert.Equal(
            $"Task {lost.Id} ({lost.Subject}) was to be replaced by task {replacement.Id}, and is Unknown again if that was not bought. "
            + (isLost ? $"Resolve task {replacement.Id} with Resolve-KlingVideoTask first." : $"Wait for the response to task {replacement.Id} first."),
            error.Message);
    }

    [Theory]
    [InlineData(false, "given up with Resolve-KlingVideoTask")]
    [InlineData(true, "settled and its record removed")]
    public async Task A_replacement_is_not_made_again_once_its_user_has_given_up_the_attempt_that_it_was_to_replace(bool isRemoved, string end)
    {
        (TaskIntent intent, KlingVideoTask lost, KlingVideoTask replacement) = await ReplacedAsync();
        await Ledger.Tasks.RejectAsync(replacement.Id, null, "not sent");
        await Ledger.Tasks.AbandonAsync(lost.Id);
        if (isRemoved)
        {
            await Ledger.Tasks.RemoveAsync(lost.Id);
        }

        KlingException error = await Assert.ThrowsAsync<KlingException>(() => Ledger.Tasks.BeginAsync(Replacing(intent, lost.Id) with { Former = [replacement] }, Token));

        Assert.Equal($"While this process stood still, task {lost.Id}, which it was to buy again, was {end}. If the video is still wanted, New-KlingVideoTask buys it.", error.Message);
        Assert.Equal(lost.Id, error.TaskNumber);
    }

    [Fact]
    public async Task A_replacement_is_not_made_again_once_another_command_has_bought_the_video_and_the_lost_attempt_has_to_be_given_up_first()
    {
        (TaskIntent intent, KlingVideoTask lost, KlingVideoTask replacement) = await ReplacedAsync();
        await Ledger.Tasks.RejectAsync(replacement.Id, null, "not sent");
        KlingVideoTask theirs = await Ledger.Tasks.AcceptAsync((await Ledger.Tasks.BeginAsync(intent.Renew() with { RunId = "theirs" }, Token)).Id, "t3");

        KlingException error = await Assert.ThrowsAsync<KlingException>(() => Ledger.Tasks.BeginAsync(Replacing(intent, lost.Id) with { Former = [replacement] }, Token));

        Assert.Equal(
            $"Meanwhile, task {theirs.Id} was bought, which is the same video. If task {lost.Id} was not bought, give it up with -Abandon. After that, New-KlingVideoTask makes one more.",
            error.Message);
        Assert.Equal(theirs.Id, error.TaskNumber);
    }

    [Fact]
    public async Task An_attempt_that_is_being_replaced_is_not_replaced_a_second_time()
    {
        (TaskIntent intent, KlingVideoTask lost, _) = await ReplacedAsync();

        KlingException error = await Assert.ThrowsAsync<KlingException>(() => Ledger.Tasks.BeginAsync(Replacing(intent, lost.Id), Token));

        Assert.Equal($"Task {lost.Id} ({lost.Subject}) is Abandoned: there is nothing to resolve. Only attempts in state Unknown can be resolved.", error.Message);
    }

    [Fact]
    public async Task A_lost_attempt_of_which_it_is_not_known_what_it_asked_for_has_no_successor()
    {
        (TaskIntent intent, KlingVideoTask lost, _) = await ReplacedAsync();
        await Host.SqlAsync("UPDATE tasks SET identity = NULL");

        Assert.Null(Assert.IsType<RecordResult.Recorded>(await Ledger.Tasks.RecordUnknownAsync(lost.Id, "The line broke.", intent)).Successor);
    }

    [Fact]
    public async Task A_lost_replacement_is_not_replaced_once_another_replacement_of_the_same_attempt_is_bought()
    {
        (TaskIntent intent, KlingVideoTask first, KlingVideoTask second) = await ReplacedAsync();
        TaskIntent replacement = Replacing(intent, first.Id) with { Nonce = second.Nonce! };
        await Ledger.Tasks.LoseAsync(second.Id);
        await Ledger.Tasks.AbandonAsync(second.Id);
        await Ledger.Tasks.RecordUnknownAsync(first.Id, "The line broke.", intent);
        KlingVideoTask third = await Ledger.Tasks.AcceptAsync((await Ledger.Tasks.BeginAsync(Replacing(intent, first.Id), Token)).Id, "t3");

        RecordResult.Recorded lost = Assert.IsType<RecordResult.Recorded>(await Ledger.Tasks.RecordUnknownAsync(second.Id, "The line broke.", replacement));

        Assert.Equal((KlingTaskState.Unknown, third), (lost.Task.TaskState, lost.Successor));
        await RefusedInPlaceOfAsync(intent, second.Id, third.Id);
        Assert.Equal(third, Assert.IsType<RecordResult.Recorded>(await Ledger.Tasks.RecordAcceptedAsync(second.Id, "t2", replacement)).Successor);
    }

    [Fact]
    public async Task A_lost_attempt_whose_replacement_is_rejected_is_unknown_as_before_and_can_be_replaced_again()
    {
        (TaskIntent intent, KlingVideoTask lost, KlingVideoTask replacement) = await ReplacedAsync();
        KlingVideoTask abandoned = (await Ledger.Tasks.FindAsync(lost.Id, Token))!;

        await Ledger.Tasks.RejectAsync(replacement.Id, "402", "There are not enough credits.");

        Assert.Equal((KlingTaskState.Abandoned, 0m), (abandoned.TaskState, abandoned.CreditsReserved));
        Assert.Equal(lost, await Ledger.Tasks.FindAsync(lost.Id, Token));
        Assert.Equal(lost.Id, (await Ledger.Tasks.ClaimAsync(intent.Renew(), Token)).Task.Id);
        Assert.Equal(lost.Id, (await Ledger.Tasks.BeginAsync(Replacing(intent, lost.Id), Token)).Replaces);
    }

    [Fact]
    public async Task An_attempt_that_was_not_given_up_for_a_replacement_stays_what_it_is_when_that_is_rejected()
    {
        (TaskIntent intent, KlingVideoTask lost, KlingVideoTask replacement) = await ReplacedAsync();
        KlingVideoTask bought = Assert.IsType<RecordResult.Recorded>(await Ledger.Tasks.RecordAcceptedAsync(lost.Id, "t1", intent)).Task;
        await Ledger.Tasks.RejectAsync(replacement.Id, null, "not sent");
        Assert.Equal(bought, await Ledger.Tasks.FindAsync(lost.Id, Token));

        KlingVideoTask another = await Ledger.Tasks.LoseAsync((await Ledger.Tasks.ClaimAsync(TempLedger.Intent("another image"), Token)).Task.Id);
        replacement = await Ledger.Tasks.BeginAsync(Replacing(intent, another.Id), Token);
        KlingVideoTask abandoned = (await Ledger.Tasks.FindAsync(another.Id, Token))!;
        await Ledger.Tasks.RejectAsync(replacement.Id, null, "not sent");
        Assert.Equal((KlingTaskState.Abandoned, abandoned), (abandoned.TaskState, await Ledger.Tasks.FindAsync(another.Id, Token)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_lost_attempt_stays_given_up_when_one_of_its_replacements_is_rejected_and_another_is_bought(bool isForgotten)
    {
        (TaskIntent intent, KlingVideoTask lost, KlingVideoTask first) = await ReplacedAsync();
        await Ledger.Tasks.RejectAsync(first.Id, null, "not sent");
        KlingVideoTask second = await Ledger.Tasks.BeginAsync(Replacing(intent, lost.Id), Token);
        await Ledger.Tasks.AcceptAsync(first.Id, "t1");
        if (isForgotten)
        {
            await Ledger.Tasks.RecordForgottenAsync(first.Id, "t1", "It is not known.");
        }

        await Ledger.Tasks.RejectAsync(second.Id, null, "not sent");

        Assert.Equal(KlingTaskState.Abandoned, (await Ledger.Tasks.FindAsync(lost.Id, Token))!.TaskState);
    }

    [Fact]
    public async Task What_was_set_aside_for_a_replacement_that_is_rejected_is_set_aside_for_the_lost_attempt()
    {
        TaskIntent intent = TempLedger.Intent();
        KlingVideoTask lost = await Ledger.Tasks.LoseAsync((await Ledger.Tasks.ClaimAsync(intent, Token)).Task.Id);
        KlingVideoTask replacement = await Ledger.Tasks.BeginAsync(Replacing(intent, lost.Id) with { Credits = 60 }, Token);

        await Ledger.Tasks.RejectAsync(replacement.Id, null, "not sent");

        Assert.Equal(60, (await Ledger.Tasks.FindAsync(lost.Id, Token))!.CreditsReserved);
    }

    [Fact]
    public async Task A_lost_attempt_whose_address_an_earlier_version_spelled_in_another_way_is_unknown_again_when_its_replacement_is_rejected()
    {
        VideoSpec spec = TempLedger.Intent().Spec with { TailImage = MediaSource.FromUri("HTTPS://Images.Example:443/end.png") };
        VideoSpec spelled = spec with { TailImage = spec.TailImage with { IsAsSpelled = true } };
        TaskIntent intent = TempLedger.Intent() with { Spec = spec, Identity = spelled.GetIdentity() };
        KlingVideoTask lost = await Ledger.Tasks.LoseAsync((await Ledger.Tasks.ClaimAsync(intent, Token)).Task.Id);
        KlingVideoTask replacement = await Ledger.Tasks.BeginAsync(Replacing(intent, lost.Id) with { Identity = spec.GetIdentity() }, Token);

        await Ledger.Tasks.RejectAsync(replacement.Id, null, "not sent");

        Assert.NotEqual(replacement.Identity, lost.Identity);
        Assert.Equal(lost, await Ledger.Tasks.FindAsync(lost.Id, Token));
    }

    [Fact]
    public async Task Of_several_attempts_one_after_the_other_that_are_all_lost_the_last_one_is_bought_again()
    {
        (TaskIntent intent, KlingVideoTask first, KlingVideoTask second) = await ReplacedAsync();
        await Ledger.Tasks.LoseAsync(second.Id);
        await Ledger.Tasks.RecordUnknownAsync(first.Id, "The line broke.", intent);

        KlingVideoTask third = await Ledger.Tasks.BeginAsync(Replacing(intent, second.Id), Token);

        Assert.Equal(second.Id, third.Replaces);
        Assert.Equal(KlingTaskState.Unknown, (await Ledger.Tasks.FindAsync(first.Id, Token))!.TaskState);
    }

    [Fact]
    public async Task An_attempt_that_is_unknown_again_is_given_up_once_more_when_its_replacement_is_made_again()
    {
        (TaskIntent intent, KlingVideoTask lost, KlingVideoTask replacement) = await ReplacedAsync();
        await Ledger.Tasks.RejectAsync(replacement.Id, null, "not sent");
        await Ledger.Tasks.RecordUnknownAsync(lost.Id, "The line broke.", intent);

        KlingVideoTask again = await Ledger.Tasks.BeginAsync(Replacing(intent, lost.Id) with { Former = [replacement] }, Token);

        Assert.Equal(lost.Id, again.Replaces);
        Assert.Equal(KlingTaskState.Abandoned, (await Ledger.Tasks.FindAsync(lost.Id, Token))!.TaskState);
    }

    [Fact]
    public async Task Another_attempt_at_a_purchase_is_not_made_once_another_command_has_bought_the_video()
    {
        TaskIntent intent = TempLedger.Intent() with { RunId = "ours" };
        KlingVideoTask first = await Ledger.Tasks.BeginAsync(intent, Token);
        await Ledger.Tasks.RejectAsync(first.Id, null, "not sent");
        await Ledger.Tasks.AcceptAsync((await Ledger.Tasks.BeginAsync(intent.Renew(), Token)).Id, "one more of the same command");
        TaskIntent again = intent.Renew() with { Former = [first] };
        KlingVideoTask second = await Ledger.Tasks.BeginAsync(again, Token);
        await Ledger.Tasks.RejectAsync(second.Id, null, "not sent");
        KlingVideoTask theirs = await Ledger.Tasks.BeginAsync(intent.Renew() with { RunId = "theirs" }, Token);

        KlingException error = await Assert.ThrowsAsync<KlingException>(() => Ledger.Tasks.BeginAsync(again.Renew() with { Former = [first, second] }, Token));

        Assert.Equal(theirs.Id, error.TaskNumber);
        Assert.Equal($"Meanwhile, task {theirs.Id} may have been bought, which is the same video. New-KlingVideoTask makes one more.", error.Message);

        await Ledger.Tasks.LoseAsync(theirs.Id);
        error = await Assert.ThrowsAsync<KlingException>(() => Ledger.Tasks.BeginAsync(again.Renew() with { Former = [first, second] }, Token));
        Assert.Equal(
            $"Meanwhile, task {theirs.Id} may have been bought, which is the same video. To make one more, resolve task {theirs.Id} with Resolve-KlingVideoTask, and run New-KlingVideoTask after that.",
            error.Message);
    }

    [Fact]
    public async Task Another_attempt_at_a_purchase_is_not_sent_again_once_the_first_one_turns_out_to_have_been_bought()
    {
        TaskIntent intent = TempLedger.Intent() with { RunId = "ours" };
        KlingVideoTask first = await Ledger.Tasks.BeginAsync(intent, Token);
        await Ledger.Tasks.RejectAsync(first.Id, null, "not sent");
        TaskIntent again = intent.Renew() with { Former = [first] };
        KlingVideoTask second = await Ledger.Tasks.BeginAsync(again, Token);
        Assert.IsType<RecordResult.Recorded>(await Ledger.Tasks.RecordSentAgainAsync(second, TimeSpan.FromHours(1), again, Token));
        KlingVideoTask bought = await Ledger.Tasks.AcceptAsync(first.Id, "t1");

        Assert.Equal(new RecordResult.Forestalled(bought), await Ledger.Tasks.RecordSentAgainAsync(second, TimeSpan.FromHours(1), again, Token));
    }

    [Fact]
    public async Task A_replacement_that_the_service_has_forgotten_may_be_paid_for_and_is_not_bought_once_more()
    {
        TaskIntent intent = TempLedger.Intent() with { RunId = "ours" };
        KlingVideoTask attempt = (await Ledger.Tasks.ClaimAsync(intent, Token)).Task;
        await Ledger.Tasks.LoseAsync(attempt.Id);
        KlingVideoTask other = await Ledger.Tasks.AcceptAsync((await Ledger.Tasks.BeginAsync(Replacing(intent, attempt.Id), Token)).Id, "t2");
        await Ledger.Tasks.RecordForgottenAsync(other.Id, "t2", "It is not known.");
        await Ledger.Tasks.RecordUnknownAsync(attempt.Id, "The line broke.", intent);

        await RefusedInPlaceOfAsync(intent, attempt.Id, other.Id);
    }

    [Fact]
    public async Task What_an_earlier_version_bought_in_place_of_an_attempt_is_found_under_the_address_as_it_was_spelled()
    {
        VideoSpec spec = TempLedger.Intent().Spec with { TailImage = MediaSource.FromUri("HTTPS://Images.Example:443/end.png") };
        VideoSpec spelled = spec with { TailImage = spec.TailImage with { IsAsSpelled = true } };
        TaskIntent intent = TempLedger.Intent() with { Spec = spec, Identity = spec.GetIdentity(), RunId = "ours" };
        KlingVideoTask attempt = await Ledger.Tasks.LoseAsync((await Ledger.Tasks.ClaimAsync(intent, Token)).Task.Id);
        await Ledger.Tasks.AbandonAsync(attempt.Id);
        TaskIntent theirs = intent.Renew() with { Identity = spelled.GetIdentity(), RunId = "theirs" };
        KlingVideoTask other = await Ledger.Tasks.AcceptAsync((await Ledger.Tasks.BeginAsync(theirs, Token)).Id, "t2");

        Assert.NotEqual(intent.Identity, theirs.Identity);
        Assert.Equal(other, Assert.IsType<RecordResult.Recorded>(await Ledger.Tasks.RecordUnknownAsync(attempt.Id, "The line broke.", intent)).Successor);
        await RefusedInPlaceOfAsync(intent, attempt.Id, other.Id);
    }

    [Fact]
    public async Task An_answer_that_comes_late_is_recorded_for_an_attempt_of_an_earlier_version_whose_tail_image_has_no_hash()
    {
        VideoSpec spec = TempLedger.Intent().Spec with { TailImage = MediaSource.FromFile("/images/tail.png") with { Hash = "tail" } };
        TaskIntent intent = TempLedger.Intent() with { Spec = spec, Identity = spec.GetIdentity(), RunId = "ours" };
        KlingVideoTask attempt = await Ledger.Tasks.BeginAsync(intent, Token);
        await Host.SqlAsync("UPDATE tasks SET parameters = NULL");
        await Ledger.Tasks.LoseAsync(attempt.Id);
        await Ledger.Tasks.AbandonAsync(attempt.Id);
        await Ledger.Tasks.BeginAsync(TempLedger.Intent() with { Spec = spec with { Duration = 10 }, Identity = "longer", RunId = "theirs" }, Token);

        KlingVideoTask bought = await Ledger.Tasks.AcceptAsync(attempt.Id, "t1");

        Assert.Equal(("t1", null), (bought.TaskId, Assert.Single(bought.Spec.Sources, source => source.Source.Path == "/images/tail.png").Source.Hash));
    }

    [Fact]
    public async Task What_comes_of_an_attempt_is_not_recorded_for_another_one_that_got_its_number_when_the_ledger_was_put_back()
    {
        KlingVideoTask attempt = await Ledger.Tasks.BeginAsync(TempLedger.Intent(), Token);
        await Host.PutBackAsync();
        KlingVideoTask other = await Ledger.Tasks.BeginAsync(TempLedger.Intent("another image"), Token);

        RecordResult[] results =
        [
            await Ledger.Tasks.RecordHeldBackAsync(attempt, "later"),
            await Ledger.Tasks.RecordSentAgainAsync(attempt, TimeSpan.FromHours(1), intent: null, Token),
            await Ledger.Tasks.RecordRejectedAsync(attempt, "422", "no"),
        ];

        Assert.Equal(attempt.Id, other.Id);
        Assert.All(results, result => Assert.IsType<RecordResult.Removed>(result));
        Assert.Equal(other, await Ledger.Tasks.FindAsync(other.Id, Token));
    }

    [Fact]
    public async Task Another_attempt_that_got_the_number_of_a_lost_one_when_the_ledger_was_put_back_is_not_given_up_in_its_place()
    {
        TaskIntent intent = TempLedger.Intent();
        KlingVideoTask lost = await Ledger.Tasks.LoseAsync((await Ledger.Tasks.ClaimAsync(intent, Token)).Task.Id);
        await Host.PutBackAsync();
        KlingVideoTask other = await Ledger.Tasks.LoseAsync((await Ledger.Tasks.ClaimAsync(TempLedger.Intent("another image"), Token)).Task.Id);

        KlingException error = await Assert.ThrowsAsync<KlingException>(() => Ledger.Tasks.BeginAsync(intent.Renew() with { Replaces = lost }, Token));

        Assert.Equal(lost.Id, other.Id);
        Assert.Equal((ErrorKind.TaskNotFound, $"The ledger has no record of task {lost.Id} ({lost.Subject}) any more, so nothing is bought in its place."), (error.Kind, error.Message));
        Assert.Equal([other], await Ledger.Tasks.ListAsync(new TaskFilter(), Token));
    }

    [Theory]
    [InlineData("kling/v2-5-turbo-image-to-video-pro", false)]
    [InlineData("kling/v2-5-turbo-image-to-video-pro", true)]
    [InlineData("kling-9/new", false)]
    public async Task An_attempt_that_counts_again_counts_with_what_was_set_aside_for_it(string model, bool isLost)
    {
        TaskIntent intent = TempLedger.Intent(credits: 99);
        intent = intent with { Spec = intent.Spec with { Model = model } };
        KlingVideoTask attempt = (await Ledger.Tasks.ClaimAsync(intent, Token)).Task;
        await Ledger.Tasks.LoseAsync(attempt.Id);
        await Ledger.Tasks.AbandonAsync(attempt.Id);
        Assert.Equal(0, await Ledger.Spending.SumTodayAsync(TempLedger.Account, Token));

        // Its process had only stood still.
        await (isLost ? Ledger.Tasks.RecordUnknownAsync(attempt.Id, "The line broke.", intent) : Ledger.Tasks.RecordAcceptedAsync(attempt.Id, "t1", intent));

        Assert.Equal(99, await Ledger.Spending.SumTodayAsync(TempLedger.Account, Token));
    }

    [Fact]
    public async Task Another_attempt_that_got_the_number_of_a_lost_one_when_the_ledger_was_put_back_is_not_settled_in_its_place()
    {
        KlingVideoTask lost = await Ledger.Tasks.LoseAsync((await Ledger.Tasks.ClaimAsync(TempLedger.Intent(), Token)).Task.Id);
        await Host.PutBackAsync();
        KlingVideoTask other = await Ledger.Tasks.LoseAsync((await Ledger.Tasks.ClaimAsync(TempLedger.Intent("another image"), Token)).Task.Id);

        KlingException error = await Assert.ThrowsAsync<KlingException>(() => Ledger.Tasks.ResolveAsync(lost, TempLedger.Snapshot("t1", KlingTaskState.Waiting)));

        Assert.Equal((lost.Id, ErrorKind.TaskNotFound), (other.Id, error.Kind));
        Assert.Equal([other], await Ledger.Tasks.ListAsync(new TaskFilter(), Token));
    }

    [Fact]
    public async Task Another_video_that_got_the_number_of_one_when_the_ledger_was_put_back_is_not_said_to_have_been_taken_elsewhere()
    {
        KlingVideoTask first = await MakeAsync(TempLedger.Intent(), "t1");
        await Host.PutBackAsync();
        KlingVideoTask other = await MakeAsync(TempLedger.Intent("another image"), "t2");

        KlingException error = await Assert.ThrowsAsync<KlingException>(() => Ledger.Tasks.RecordTakenAsync(first, isTaken: true));

        Assert.Equal((first.Id, ErrorKind.TaskNotFound), (other.Id, error.Kind));
        Assert.Equal([other], await Ledger.Tasks.ListAsync(new TaskFilter(), Token));

        async Task<KlingVideoTask> MakeAsync(TaskIntent intent, string taskId)
        {
            await Ledger.Tasks.AcceptAsync((await Ledger.Tasks.ClaimAsync(intent, Token)).Task.Id, taskId);
            return await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot(taskId, KlingTaskState.Succeeded, 42));
        }
    }

    [Fact]
    public async Task A_lost_attempt_that_was_removed_and_restored_before_its_replacement_is_begun_is_replaced_under_its_new_number()
    {
        TaskIntent intent = TempLedger.Intent();
        KlingVideoTask lost = await Ledger.Tasks.LoseAsync((await Ledger.Tasks.ClaimAsync(intent, Token)).Task.Id);
        await Ledger.Tasks.AbandonAsync(lost.Id);
        await Ledger.Tasks.RemoveAsync(lost.Id);
        KlingVideoTask restored = Assert.IsType<RecordResult.Recorded>(await Ledger.Tasks.RecordUnknownAsync(lost.Id, "The line broke.", intent)).Task;

        Assert.Equal(restored.Id, (await Ledger.Tasks.BeginAsync(intent.Renew() with { Replaces = lost }, Token)).Replaces);
        Assert.Equal(KlingTaskState.Abandoned, (await Ledger.Tasks.FindAsync(restored.Id, Token))!.TaskState);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task What_was_bought_in_a_ledger_that_was_put_back_takes_the_place_of_an_attempt_whatever_its_number(int more)
    {
        TaskIntent intent = TempLedger.Intent() with { RunId = "ours" };
        await Ledger.Tasks.BeginAsync(TempLedger.Intent("another image"), Token);
        KlingVideoTask attempt = await Ledger.Tasks.BeginAsync(intent, Token);
        await Host.PutBackAsync();
        KlingVideoTask other = await Ledger.Tasks.AcceptAsync((await Ledger.Tasks.ClaimAsync(intent.Renew() with { RunId = "theirs" }, Token)).Task.Id, "t2");
        for (int i = 0; i < more; i++)
        {
            await Ledger.Tasks.BeginAsync(TempLedger.Intent("another image"), Token);
        }

        RecordResult.Recorded lost = Assert.IsType<RecordResult.Recorded>(await Ledger.Tasks.RecordUnknownAsync(attempt.Id, "The line broke.", intent));

        Assert.Equal((1L, 2L, 2L + more, other), (other.Id, attempt.Id, lost.Task.Id, lost.Successor));
        await RefusedInPlaceOfAsync(intent, lost.Task.Id, other.Id);
    }

    [Fact]
    public async Task A_task_that_was_looked_up_is_not_said_to_be_bought_in_the_place_of_a_lost_attempt_which_may_have_bought_it()
    {
        TaskIntent intent = TempLedger.Intent() with { RunId = "ours" };
        KlingVideoTask attempt = (await Ledger.Tasks.ClaimAsync(intent, Token)).Task;
        await Ledger.Tasks.LoseAsync(attempt.Id);
        await Ledger.Tasks.AbandonAsync(attempt.Id);
        KlingVideoTask found = await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Generating) with { Spec = intent.Spec });

        Assert.Null(Assert.IsType<RecordResult.Recorded>(await Ledger.Tasks.RecordUnknownAsync(attempt.Id, "The line broke.", intent)).Successor);
        KlingException error = await Assert.ThrowsAsync<KlingException>(() => Ledger.Tasks.BeginAsync(intent.Renew() with { Replaces = attempt }, Token));
        Assert.Contains($"Resolve-KlingVideoTask {attempt.Id} -TaskId t1", error.Message, StringComparison.Ordinal);
        Assert.Equal(found.Id, error.TaskNumber);
    }

    [Fact]
    public async Task A_request_whose_answer_is_lost_says_nothing_of_another_one_for_the_same_video_that_did_not_take_its_place()
    {
        TaskIntent intent = TempLedger.Intent() with { RunId = "ours" };
        KlingVideoTask attempt = await Ledger.Tasks.BeginAsync(intent, Token);
        await Ledger.Tasks.AcceptAsync((await Ledger.Tasks.BeginAsync(intent.Renew() with { RunId = "theirs" }, Token)).Id, "t2");

        Assert.Null(Assert.IsType<RecordResult.Recorded>(await Ledger.Tasks.RecordUnknownAsync(attempt.Id, "The line broke.", intent)).Successor);
        Assert.Null(Assert.IsType<RecordResult.Recorded>(await Ledger.Tasks.RecordAcceptedAsync(attempt.Id, "t1", intent)).Warning);
    }

    [Fact]
    public async Task An_answer_that_comes_late_says_nothing_of_what_was_bought_after_its_task_had_failed()
    {
        TaskIntent intent = TempLedger.Intent() with { RunId = "ours" };
        KlingVideoTask attempt = (await Ledger.Tasks.ClaimAsync(intent, Token)).Task;
        await Ledger.Tasks.AcceptAsync(attempt.Id, "t1");
        await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Failed));
        await Ledger.Tasks.AcceptAsync((await Ledger.Tasks.BeginAsync(intent.Renew() with { RunId = "theirs" }, Token)).Id, "t2");

        Assert.Null(Assert.IsType<RecordResult.Recorded>(await Ledger.Tasks.RecordAcceptedAsync(attempt.Id, "t1", intent)).Warning);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task An_answer_that_comes_after_the_video_was_bought_in_place_of_its_attempt_says_so(bool isRemoved, bool isResubmitted)
    {
        TaskIntent intent = TempLedger.Intent() with { RunId = "ours" };
        KlingVideoTask attempt = (await Ledger.Tasks.ClaimAsync(intent, Token)).Task;
        await Ledger.Tasks.LoseAsync(attempt.Id);
        if (!isResubmitted)
        {
            await Ledger.Tasks.AbandonAsync(attempt.Id);
        }

        if (isRemoved)
        {
            await Ledger.Tasks.RemoveAsync(attempt.Id);
        }

        TaskIntent again = isResubmitted ? Replacing(intent, attempt.Id) : intent.Renew() with { RunId = "theirs" };
        KlingVideoTask successor = await Ledger.Tasks.AcceptAsync((await Ledger.Tasks.BeginAsync(again, Token)).Id, "t2");
        KlingVideoTask another = await Ledger.Tasks.BeginAsync(TempLedger.Intent("another image") with { RunId = "theirs" }, Token);

        RecordResult.Recorded result = Assert.IsType<RecordResult.Recorded>(await Ledger.Tasks.RecordAcceptedAsync(attempt.Id, "t1", intent));

        Assert.Equal(successor, result.Successor);
        Assert.Equal(
            $"The video of '{result.Task.Subject}' was bought twice: as task {result.Task.Id}, whose response came late, and meanwhile as task {successor.Id}. "
            + $"To get both: Get-KlingVideoTask -Id {result.Task.Id}, {successor.Id} | Wait-KlingVideoTask | Save-KlingVideo.",
            result.Warning);
        Assert.Null(Assert.IsType<RecordResult.Recorded>(await Ledger.Tasks.RecordAcceptedAsync(another.Id, "t3")).Successor);
    }

    /// <summary>A lost attempt, and the one that -Resubmit has made in its place.</summary>
    private async Task<(TaskIntent Intent, KlingVideoTask Lost, KlingVideoTask Replacement)> ReplacedAsync()
    {
        TaskIntent intent = TempLedger.Intent() with { RunId = "ours" };
        KlingVideoTask lost = await Ledger.Tasks.LoseAsync((await Ledger.Tasks.ClaimAsync(intent, Token)).Task.Id);
        return (intent, lost, await Ledger.Tasks.BeginAsync(Replacing(intent, lost.Id), Token));
    }

    /// <summary>A request is not sent again, nor is another attempt made, because of another task.</summary>
    private async Task ForestalledAsync(TaskIntent intent, KlingVideoTask attempt, KlingVideoTask other)
    {
        Assert.Equal(new RecordResult.Forestalled(other), await Ledger.Tasks.RecordSentAgainAsync(attempt, TimeSpan.FromHours(1), intent, Token));
        await Ledger.Tasks.RejectAsync(attempt.Id, null, "not sent");
        KlingException error = await Assert.ThrowsAsync<KlingException>(() => Ledger.Tasks.BeginAsync(intent.Renew() with { Former = [attempt] }, Token));
        Assert.Equal(other.Id, error.TaskNumber);
    }

    /// <summary>A purchase as -Resubmit makes it, which is part of no run.</summary>
    private static TaskIntent Replacing(TaskIntent intent, long id) => intent.Renew() with { RunId = null, Replaces = new KlingVideoTask { Id = id, Account = intent.Account } };

    /// <summary>Tries to buy in place of an attempt what was bought in its place.</summary>
    /// <returns>The message of the error.</returns>
    private async Task<string> RefusedInPlaceOfAsync(TaskIntent intent, long id, long other)
    {
        KlingException error = await Assert.ThrowsAsync<KlingException>(() => Ledger.Tasks.BeginAsync(Replacing(intent, id), Token));
        Assert.Equal((ErrorKind.RequestInvalid, other), (error.Kind, error.TaskNumber));
        return error.Message;
    }

    [Fact]
    public async Task Only_settled_tasks_are_removed_and_their_numbers_are_not_used_again()
    {
        KlingVideoTask unknown = await UnknownAsync();
        KlingVideoTask pending = await AcceptedAsync("t1");
        await RefusedAsync(() => Ledger.Tasks.RemoveAsync(unknown.Id));
        await RefusedAsync(() => Ledger.Tasks.RemoveAsync(pending.Id));

        await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Failed));
        await Ledger.Tasks.RemoveAsync(pending.Id);
        Assert.Null(await Ledger.Tasks.FindAsync(pending.Id, Token));
        Assert.Equal(unknown.Prompt, (await Ledger.Tasks.FindAsync(unknown.Id, Token))!.Prompt);
        Assert.Equal(pending.Id + 1, (await Ledger.Tasks.BeginAsync(TempLedger.Intent(), Token)).Id);
        Assert.Equal(ErrorKind.TaskNotFound, (await Assert.ThrowsAsync<KlingException>(() => Ledger.Tasks.RemoveAsync(pending.Id))).Kind);
    }

    [Theory]
    [InlineData(KlingTaskState.Failed, KlingTaskState.Succeeded)]
    [InlineData(KlingTaskState.Abandoned, KlingTaskState.Succeeded)]
    [InlineData(KlingTaskState.Rejected, KlingTaskState.Failed)]
    public async Task A_task_that_was_to_be_removed_because_it_bought_nothing_is_kept_if_that_has_changed(KlingTaskState seen, KlingTaskState end)
    {
        KlingVideoTask task = seen == KlingTaskState.Failed ? await AcceptedAsync("t1") : await UnknownAsync();
        KlingVideoTask read = seen switch
        {
            KlingTaskState.Failed => await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Failed)),
            KlingTaskState.Abandoned => await Ledger.Tasks.AbandonAsync(task),
            _ => await Ledger.Tasks.RejectAsync(task.Id, "500", "no"),
        };
        await Ledger.Tasks.RecordAcceptedAsync(task.Id, "t1");
        KlingVideoTask now = await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", end, 42));

        KlingException error = await Assert.ThrowsAsync<KlingException>(() => Ledger.Tasks.RemoveAsync(read));

        Assert.Equal((ErrorKind.RequestInvalid, task.Id, seen, end), (error.Kind, error.TaskNumber, read.TaskState, now.TaskState));
        Assert.Contains($"was {seen} when it was read and is {end} now", error.Message, StringComparison.Ordinal);
        Assert.Equal(now, await Ledger.Tasks.FindAsync(task.Id, Token));
        Assert.Equal(now, await Ledger.Tasks.RemoveAsync(now));
        Assert.Null(await Ledger.Tasks.FindAsync(task.Id, Token));
    }

    [Theory]
    [InlineData(KlingTaskState.Unknown, false)]
    [InlineData(KlingTaskState.Unknown, true)]
    [InlineData(KlingTaskState.Generating, false)]
    [InlineData(KlingTaskState.Generating, true)]
    public async Task A_task_that_had_no_video_when_it_was_listed_is_kept_if_it_has_one_that_is_not_saved(KlingTaskState seen, bool isSaved)
    {
        KlingVideoTask read = seen == KlingTaskState.Unknown ? await UnknownAsync() : await AcceptedAsync("t1");
        read = read with { TaskState = seen };
        await Ledger.Tasks.RecordAcceptedAsync(read.Id, "t1");
        await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Succeeded, 42));
        if (isSaved)
        {
            await Ledger.Tasks.RecordSavedAsync(read, "/videos/fox.mp4", new string('a', 64));
            Assert.Equal(read.Id, (await Ledger.Tasks.RemoveAsync(read)).Id);
            return;
        }

        KlingException error = await Assert.ThrowsAsync<KlingException>(() => Ledger.Tasks.RemoveAsync(read));

        Assert.Equal((ErrorKind.RequestInvalid, read.Id), (error.Kind, error.TaskNumber));
        Assert.Contains($"was {seen} when it was read and is Succeeded now", error.Message, StringComparison.Ordinal);
        await Ledger.Tasks.RemoveAsync(read.Id);
        Assert.Null(await Ledger.Tasks.FindAsync(read.Id, Token));
    }

    [Fact]
    public async Task An_attempt_about_which_more_has_become_known_is_not_given_up_for_what_was_known_before()
    {
        KlingVideoTask task = await Ledger.Tasks.BeginAsync(TempLedger.Intent(), Token);
        KlingVideoTask read = await Ledger.Tasks.LoseAsync(task.Id, "Its process is gone.");
        KlingVideoTask now = await Ledger.Tasks.LoseAsync(task.Id, "The connection broke after the request had left.");

        KlingException error = await Assert.ThrowsAsync<KlingException>(() => Ledger.Tasks.AbandonAsync(read));

        Assert.Equal((ErrorKind.RequestInvalid, task.Id), (error.Kind, error.TaskNumber));
        Assert.EndsWith($"was not given up: The connection broke after the request had left. If you are still sure that it was not bought: Resolve-KlingVideoTask -Id {task.Id} -Abandon", error.Message, StringComparison.Ordinal);
        Assert.Equal(now, await Ledger.Tasks.FindAsync(task.Id, Token));
        Assert.Equal(KlingTaskState.Abandoned, (await Ledger.Tasks.AbandonAsync(now)).TaskState);
    }

    [Fact]
    public async Task An_attempt_that_was_bought_although_it_was_refused_costs_what_it_costs()
    {
        KlingVideoTask task = await Ledger.Tasks.BeginAsync(TempLedger.Intent(), Token);
        await Ledger.Tasks.RejectAsync(task.Id, "500", "no");

        KlingVideoTask accepted = await Ledger.Tasks.AcceptAsync(task.Id, "t1");

        Assert.Equal(
            (KlingTaskState.Waiting, "t1", task.CreditsReserved, null, null, null, null),
            (accepted.TaskState, accepted.TaskId, accepted.CreditsReserved, accepted.CreditsConsumed, accepted.CompletedAt, accepted.FailCode, accepted.FailMessage));
        Assert.Equal(task.Id, (await Ledger.Tasks.FindEarlierAsync(TempLedger.Account, task.Spec, Token))!.Id);
    }

    [Fact]
    public async Task Removing_a_task_leaves_nothing_of_its_prompt_behind()
    {
        KlingVideoTask task = await Ledger.Tasks.BeginAsync(TempLedger.Intent(), Token);
        await Ledger.Tasks.RejectAsync(task.Id, null, "no");

        await Ledger.Tasks.RemoveAsync(task.Id);

        Assert.Equal(0L, await Host.SqlAsync("SELECT COUNT(*) FROM texts"));
    }

    [Fact]
    public async Task A_take_is_recorded_and_one_more_does_not_stand_in_the_way_of_the_first()
    {
        TaskIntent intent = TempLedger.Intent();
        await Ledger.Tasks.ClaimAsync(intent, Token);

        VideoSpec take = intent.Spec with { Take = 2 };
        TaskClaim second = await Ledger.Tasks.ClaimAsync(intent with { Spec = take, Nonce = "2", Identity = take.GetIdentity() }, Token);

        Assert.True(second.IsNew);
        Assert.Equal([1, 2], (await Ledger.Tasks.ListAsync(new TaskFilter(), Token)).Select(task => task.Take));
    }

    [Fact]
    public async Task An_intent_that_was_called_off_is_not_recorded()
    {
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Ledger.Tasks.BeginAsync(TempLedger.Intent(), new CancellationToken(canceled: true)));

        Assert.Empty(await Ledger.Tasks.ListAsync(new TaskFilter(), Token));
    }

    [Fact]
    public async Task A_closed_ledger_says_so()
    {
        await Ledger.DisposeAsync();

        await Assert.ThrowsAsync<LedgerClosedException>(() => Ledger.Tasks.BeginAsync(TempLedger.Intent(), Token));
        LedgerClosedException closed = await Assert.ThrowsAsync<LedgerClosedException>(() => Ledger.Tasks.FindAsync(1, Token));
        Assert.StartsWith("The session was ended while this command was working", UnexpectedError.From(closed, "'fox.png'").Message, StringComparison.Ordinal);
    }
}
