using CsCheck;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Spool;
using KlingPS.Core.Model;
using Microsoft.Extensions.Time.Testing;

namespace KlingPS.Core.Tests.Ledger.Spool;

/// <summary>What was kept while the ledger could not be written, and what becomes of it.</summary>
public sealed class SpoolReplayTests : IAsyncDisposable
{
    private static readonly string s_hash = new('1', 64);

    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 22, 12, 0, 0, TimeSpan.Zero));
    private readonly TestLedger _ledger;

    public SpoolReplayTests() => _ledger = new TestLedger(_time, keeps: true);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _ledger.DisposeAsync();

    private Task<KlingVideoTask> BeginAsync() => _ledger.Tasks.BeginAsync(TempLedger.Intent(), Token);

    private async Task<KlingVideoTask?> KeptAsync(SpooledAnswer answer)
    {
        Assert.Equal(_ledger.Spool.Folder, await _ledger.Tasks.KeepAsync(answer));
        await _ledger.Tasks.RecoverAsync(Token);
        Assert.False(_ledger.Spool.HasAny);
        return await _ledger.Tasks.FindAsync(answer.Id, Token);
    }

    /// <summary>The task as a command has seen it, made two minutes after it was accepted.</summary>
    private KlingVideoTask Made(KlingVideoTask begun, string taskId) => Seen(begun, TempLedger.Snapshot(taskId, KlingTaskState.Succeeded, 41.5m));

    private KlingVideoTask Failed(KlingVideoTask begun, string taskId)
        => Seen(begun, TempLedger.Snapshot(taskId, KlingTaskState.Failed, 0) with { FailCode = "501", FailMessage = "The service is overloaded." });

    private KlingVideoTask Seen(KlingVideoTask begun, TaskSnapshot snapshot)
    {
        DateTimeOffset now = _time.GetUtcNow();
        return begun.Accepted(snapshot.TaskId, now)!.Observed(snapshot with { CreatedAt = now.AddMinutes(-3), CompletedAt = now.AddMinutes(-1) }, now);
    }

    [Fact]
    public async Task A_purchase_is_recorded_as_soon_as_the_ledger_is_used_again()
    {
        KlingVideoTask task = (await KeptAsync(SpooledAnswer.Accepted(await BeginAsync(), "t1")))!;

        Assert.Equal((KlingTaskState.Waiting, "t1", 42m), (task.TaskState, task.TaskId, task.CreditsReserved));
        Assert.Equal("The ledger can be reached again: an answer that was kept on this machine meanwhile is recorded now.", _ledger.TakeNotice());
        Assert.Null(_ledger.TakeNotice());
    }

    [Fact]
    public async Task What_many_find_at_the_same_time_is_told_once()
    {
        Assert.NotNull(await _ledger.Tasks.KeepAsync(SpooledAnswer.Accepted(await BeginAsync(), "t1")));

        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Task.Run(() => _ledger.Tasks.RecoverAsync(Token), Token)));

        Assert.Equal("The ledger can be reached again: an answer that was kept on this machine meanwhile is recorded now.", _ledger.TakeNotice());
    }

    [Fact]
    public async Task Any_later_process_of_the_machine_records_it_and_the_attempt_is_unknown_until_then()
    {
        KlingVideoTask task = await BeginAsync();
        KlingVideoTask lost = (await _ledger.OfSurvivor.Tasks.FindEarlierAsync(TempLedger.Account, task.Spec, Token))!;
        Assert.Equal(KlingTaskState.Unknown, lost.TaskState);
        Assert.NotNull(await _ledger.Tasks.KeepAsync(SpooledAnswer.Accepted(task, "t1")));

        TaskClaim claim = await _ledger.OfOtherProcess.Tasks.ClaimAsync(TempLedger.Intent(), Token);

        Assert.Equal((task.Id, false, "t1", KlingTaskState.Waiting), (claim.Task.Id, claim.IsNew, claim.Task.TaskId, claim.Task.TaskState));
    }

    [Fact]
    public async Task What_was_kept_before_the_machine_got_another_name_is_recorded_and_nothing_of_it_is_bought_again()
    {
        KlingVideoTask fox = await BeginAsync();
        KlingVideoTask owl = await BeginElsewhereAsync("b");
        Assert.True(_ledger.SpoolOf("before").TryKeep(SpooledAnswer.Accepted(fox, "t1")));
        Assert.True(_ledger.SpoolOf("before").TryKeep(SpooledAnswer.Unknown(owl, "The connection broke.") with { Ledger = _ledger.Location }));
        Assert.True(_ledger.SpoolOf("long before").TryKeep(SpooledAnswer.Unknown(owl, "The connection broke.") with { Ledger = "elsewhere" }));

        Assert.Equal((false, "t1"), await FindAsync("a"));
        Assert.Equal((false, null), await FindAsync("b"));
    }

    [Fact]
    public async Task A_video_that_was_saved_before_the_machine_got_another_name_is_known_once_its_content_says_so()
    {
        KlingVideoTask task = await BeginAsync();
        Assert.True(_ledger.SpoolOf("before").TryKeep(SpooledAnswer.Saved(Made(task, "t1"), "/v/a.mp4", s_hash)));

        KlingVideoTask made = (await _ledger.Tasks.ClaimAsync(TempLedger.Intent(), Token)).Task;

        Assert.Equal(("t1", KlingTaskState.Succeeded, null, s_hash), (made.TaskId, made.TaskState, made.SavedPath, made.SavedHash));
        Assert.Equal([new SavedPath("/v/a.mp4", task.Id, s_hash, IsCertain: false)], await _ledger.Tasks.ListSavedPathsAsync(Token));
        Assert.False(_ledger.Spool.HasAny);
    }

    [Fact]
    public async Task A_command_that_only_looks_records_it_as_well()
    {
        Assert.NotNull(await _ledger.Tasks.KeepAsync(SpooledAnswer.Accepted(await BeginAsync(), "t1")));

        Assert.Equal("t1", Assert.Single(await _ledger.OfOtherProcess.Tasks.ListAsync(new TaskFilter(), Token)).TaskId);
    }

    [Fact]
    public async Task An_answer_may_be_recorded_any_number_of_times()
    {
        KlingVideoTask task = await BeginAsync();
        await KeptAsync(SpooledAnswer.Accepted(task, "t1"));
        await _ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Succeeded, 40));

        KlingVideoTask again = (await KeptAsync(SpooledAnswer.Accepted(task, "t1")))!;
        await KeptAsync(SpooledAnswer.Rejected(task, "500", "late"));
        await KeptAsync(SpooledAnswer.Unknown(task, "late"));

        Assert.Equal((KlingTaskState.Succeeded, 40m), (again.TaskState, again.CreditsConsumed));
        Assert.Equal(again, Assert.Single(await _ledger.Tasks.ListAsync(new TaskFilter(), Token)));
    }

    [Fact]
    public async Task A_request_that_bought_nothing_sets_nothing_aside()
    {
        KlingVideoTask task = (await KeptAsync(SpooledAnswer.Rejected(await BeginAsync(), "402", "No credits.")))!;

        Assert.Equal((KlingTaskState.Rejected, 0m, "402", "No credits."), (task.TaskState, task.CreditsReserved, task.FailCode, task.FailMessage));
    }

    [Fact]
    public async Task A_response_that_was_lost_is_unknown_and_says_how()
    {
        KlingVideoTask task = (await KeptAsync(SpooledAnswer.Unknown(await BeginAsync(), "The connection broke.")))!;

        Assert.Equal((KlingTaskState.Unknown, "The connection broke."), (task.TaskState, task.FailMessage));
    }

    [Fact]
    public async Task A_request_that_was_given_up_before_its_answer_was_lost_is_unknown_again()
    {
        KlingVideoTask task = await BeginAsync();
        await _ledger.Tasks.LoseAsync(task.Id);
        await _ledger.Tasks.AbandonAsync(task.Id);

        KlingVideoTask unknown = (await KeptAsync(SpooledAnswer.Unknown(task, "The connection broke.")))!;

        Assert.Equal((KlingTaskState.Unknown, 42m, "The connection broke."), (unknown.TaskState, unknown.CreditsReserved, unknown.FailMessage));
        Assert.Contains(
            $"Task {task.Id} ('{task.Subject}') is Unknown again: when it was settled, nobody knew that its request was still under way, and the response to that request is lost. Resolve it with Resolve-KlingVideoTask.",
            _ledger.TakeNotice(),
            StringComparison.Ordinal);

        // Whoever gives it up now knows all there is to know.
        KlingVideoTask given = await _ledger.Tasks.AbandonAsync(task.Id);
        Assert.Equal(given, await KeptAsync(SpooledAnswer.Unknown(task, "The connection broke.")));
    }

    [Fact]
    public async Task A_purchase_that_was_given_up_meanwhile_counts_again()
    {
        KlingVideoTask task = await BeginAsync();
        await _ledger.Tasks.LoseAsync(task.Id);
        await _ledger.Tasks.AbandonAsync(task.Id);

        KlingVideoTask bought = (await KeptAsync(SpooledAnswer.Accepted(task, "t1")))!;

        Assert.Equal((KlingTaskState.Waiting, 42m), (bought.TaskState, bought.CreditsReserved));
    }

    [Fact]
    public async Task A_purchase_that_somebody_has_looked_up_meanwhile_is_one_and_the_same()
    {
        KlingVideoTask task = await BeginAsync();
        await _ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Succeeded, 42));

        await KeptAsync(SpooledAnswer.Accepted(task, "t1"));

        KlingVideoTask bought = Assert.Single(await _ledger.Tasks.ListAsync(new TaskFilter(), Token));
        Assert.Equal((task.Id, KlingTaskState.Succeeded), (bought.Id, bought.TaskState));
    }

    [Fact]
    public async Task A_second_purchase_of_an_attempt_is_in_the_ledger_too()
    {
        KlingVideoTask task = await BeginAsync();
        await _ledger.Tasks.AcceptAsync(task.Id, "t1");

        await KeptAsync(SpooledAnswer.Accepted(task, "t2"));

        Assert.Equal(["t1", "t2"], (await _ledger.Tasks.ListAsync(new TaskFilter(), Token)).Select(one => one.TaskId));
    }

    [Fact]
    public async Task A_purchase_is_known_even_if_the_record_of_its_attempt_is_gone()
    {
        // As where an older backup was put back.
        TaskIntent intent = TempLedger.Intent();
        KlingVideoTask task = await _ledger.Tasks.BeginAsync(intent, Token);
        await _ledger.Tasks.RecordRejectedAsync(task, null, "no");
        await _ledger.Tasks.RemoveAsync(task.Id);

        Assert.Null(await KeptAsync(SpooledAnswer.Accepted(task, "t1")));

        TaskClaim claim = await _ledger.Tasks.ClaimAsync(intent.Renew(), Token);
        Assert.Equal((false, "t1"), (claim.IsNew, claim.Task.TaskId));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_purchase_is_known_even_if_the_record_of_its_attempt_is_gone_and_its_task_was_looked_up_without_what_it_was_made_from(bool hasEnded)
    {
        KlingVideoTask task = await BeginElsewhereAsync();
        await _ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Generating));

        await KeptAsync(hasEnded
            ? SpooledAnswer.Ended(task with { TaskId = "t1", TaskState = KlingTaskState.Succeeded, CreditsConsumed = 42 })
            : SpooledAnswer.Accepted(task, "t1"));

        TaskClaim claim = await _ledger.Tasks.ClaimAsync(TempLedger.Intent(), Token);
        Assert.Equal((false, "t1"), (claim.IsNew, claim.Task.TaskId));
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task A_purchase_that_was_made_again_meanwhile_is_told_of(bool hasEnded, bool isRemoved)
    {
        TaskIntent intent = TempLedger.Intent() with { RunId = "ours" };
        KlingVideoTask task = await _ledger.Tasks.BeginAsync(intent, Token);
        await _ledger.Tasks.LoseAsync(task.Id);
        await _ledger.Tasks.AbandonAsync(task.Id);
        KlingVideoTask other = await _ledger.Tasks.AcceptAsync((await _ledger.Tasks.BeginAsync(intent.Renew() with { RunId = "theirs" }, Token)).Id, "t2");

        if (isRemoved)
        {
            await _ledger.Tasks.RemoveAsync(task.Id);
        }

        await KeptAsync(hasEnded ? SpooledAnswer.Ended(Made(task, "t1")) : SpooledAnswer.Accepted(task, "t1"));

        long bought = (await _ledger.Tasks.FindByTaskIdAsync(TempLedger.Account, "t1", Token))!.Id;
        Assert.Contains($"was bought twice: as task {bought}, whose response came late, and meanwhile as task {other.Id}.", _ledger.TakeNotice(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_purchase_that_was_made_again_in_a_ledger_that_was_put_back_is_told_of_whatever_its_number_was()
    {
        KlingVideoTask task = await BeginElsewhereAsync() with { Id = 100 };
        KlingVideoTask other = await _ledger.Tasks.AcceptAsync((await _ledger.Tasks.ClaimAsync(TempLedger.Intent() with { RunId = "theirs" }, Token)).Task.Id, "t2");

        await KeptAsync(SpooledAnswer.Accepted(task, "t1"));

        long bought = (await _ledger.Tasks.FindByTaskIdAsync(TempLedger.Account, "t1", Token))!.Id;
        Assert.Contains($"was bought twice: as task {bought}, whose response came late, and meanwhile as task {other.Id}.", _ledger.TakeNotice(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_request_whose_response_was_lost_is_not_bought_again_where_the_ledger_lost_its_record_as_well()
    {
        // A backup was put back that is older than the request, or a server took over that had not received it yet.
        KlingVideoTask task = await BeginElsewhereAsync();
        await KeptAsync(SpooledAnswer.Unknown(task, "The connection broke."));

        TaskClaim claim = await _ledger.Tasks.ClaimAsync(TempLedger.Intent(), Token);
        Assert.Equal((false, KlingTaskState.Unknown, task.Nonce, 42m), (claim.IsNew, claim.Task.TaskState, claim.Task.Nonce, claim.Task.CreditsReserved));
        Assert.StartsWith("The connection broke. The ledger has no record of this request, which was for '/images/a.png'", claim.Task.FailMessage, StringComparison.Ordinal);

        // Its callback tells which task it is; else, whoever settles it says so.
        var own = new VideoSpec { Prompt = "a fox runs", CallbackUri = CallbackNonce.Append("https://hooks.example/", task.Nonce!) };
        Assert.Empty(claim.Task.FindDifferences(own));
        Assert.Empty(claim.Task.FindDifferences(own with { CallbackUri = null }));
        Assert.Single(claim.Task.FindDifferences(own with { CallbackUri = CallbackNonce.Append("https://hooks.example/", new string('0', 32)) }));

        // What settles any other settles it as well, and recording it once more changes nothing.
        KlingVideoTask settled = await _ledger.Tasks.ResolveAsync(claim.Task.Id, TempLedger.Snapshot("t1", KlingTaskState.Succeeded, 42));
        await KeptAsync(SpooledAnswer.Unknown(task, "The connection broke."));
        Assert.Equal(settled, Assert.Single(await _ledger.Tasks.ListAsync(new TaskFilter(), Token)));
        Assert.Equal("t1", (await _ledger.Tasks.ClaimAsync(TempLedger.Intent(), Token)).Task.TaskId);
    }

    [Fact]
    public async Task A_request_whose_record_was_lost_and_whose_video_was_bought_since_is_said_to_be_unknown_and_what_was_bought_is_named()
    {
        KlingVideoTask task = await BeginElsewhereAsync();
        await _ledger.Tasks.BeginAsync(TempLedger.Intent("another image"), Token);
        KlingVideoTask other = await _ledger.Tasks.AcceptAsync((await _ledger.Tasks.ClaimAsync(TempLedger.Intent() with { RunId = "theirs" }, Token)).Task.Id, "t2");

        await KeptAsync(SpooledAnswer.Unknown(task, "The connection broke."));

        KlingVideoTask unknown = (await _ledger.Tasks.FindByNonceAsync(TempLedger.Account, task.Nonce!, Token))!;
        Assert.Equal(KlingTaskState.Unknown, unknown.TaskState);
        Assert.StartsWith(
            $"Task {unknown.Id} ('/images/a.png') is Unknown: the response to its request is lost, and the ledger no longer had a record of it. Meanwhile, task {other.Id} was bought, which is the same video. Resolve it with Resolve-KlingVideoTask.",
            _ledger.TakeNotice(),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_video_that_was_saved_is_known_where_the_ledger_lost_the_record_of_its_purchase()
    {
        KlingVideoTask task = await BeginElsewhereAsync();
        await KeptAsync(SpooledAnswer.Saved(Made(task, "t1"), "/v/a.mp4", s_hash));

        TaskClaim claim = await _ledger.Tasks.ClaimAsync(TempLedger.Intent(), Token);

        Assert.Equal((false, "t1", KlingTaskState.Succeeded, "/v/a.mp4"), (claim.IsNew, claim.Task.TaskId, claim.Task.TaskState, claim.Task.SavedPath));
    }

    [Fact]
    public async Task A_purchase_whose_record_was_lost_counts_against_the_limits_with_what_it_cost()
    {
        KlingVideoTask task = await BeginElsewhereAsync();
        await KeptAsync(SpooledAnswer.Accepted(task with { CreditsReserved = 84 }, "t1"));

        Assert.Equal(84, Assert.Single(await _ledger.Tasks.ListAsync(new TaskFilter(), Token)).CreditsReserved);
    }

    [Fact]
    public async Task A_video_whose_record_was_lost_is_not_given_to_another_image_whose_record_was_lost()
    {
        await KeptAsync(SpooledAnswer.Accepted(await BeginElsewhereAsync(), "t1"));
        await KeptAsync(SpooledAnswer.Unknown(await BeginElsewhereAsync("b"), "The connection broke."));
        KlingVideoTask unknown = (await _ledger.Tasks.ClaimAsync(TempLedger.Intent("b"), Token)).Task;

        // Somebody takes the one for the other.
        KlingException error = await Assert.ThrowsAsync<KlingException>(() => _ledger.Tasks.ResolveAsync(unknown.Id, TempLedger.Snapshot("t1", KlingTaskState.Succeeded, 42)));

        Assert.Contains("is the video of task", error.Message, StringComparison.Ordinal);
        Assert.Equal((false, "t1"), await FindAsync("a"));
        Assert.Equal((false, null), await FindAsync("b"));
    }

    /// <summary>What becomes of an image that is to be bought.</summary>
    private async Task<(bool IsNew, string? TaskId)> FindAsync(string image)
    {
        TaskClaim claim = await _ledger.Tasks.ClaimAsync(TempLedger.Intent(image), Token);
        return (claim.IsNew, claim.Task.TaskId);
    }

    /// <summary>An attempt that this ledger has no record of.</summary>
    private async Task<KlingVideoTask> BeginElsewhereAsync(string image = "a")
    {
        await using var before = new TestLedger(_time, keeps: true);
        return await before.Tasks.BeginAsync(TempLedger.Intent(image), Token);
    }

    [Fact]
    public async Task A_file_that_has_its_name_is_saved_and_one_that_was_about_to_get_it_is_known()
    {
        await _ledger.Tasks.AcceptAsync((await BeginAsync()).Id, "t1");
        KlingVideoTask task = await _ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Succeeded, 42));

        Assert.Null((await KeptAsync(SpooledAnswer.Saving(task, "/v/a.mp4", s_hash)))!.SavedPath);
        Assert.Equal([new SavedPath("/v/a.mp4", task.Id, s_hash, IsCertain: false)], await _ledger.Tasks.ListSavedPathsAsync(Token));

        KlingVideoTask saved = (await KeptAsync(SpooledAnswer.Saved(task, "/v/a.mp4", s_hash)))!;
        Assert.Equal(("/v/a.mp4", s_hash), (saved.SavedPath, saved.SavedHash));

        // What was saved since is newer.
        await _ledger.Tasks.RecordSavedAsync(task, "/v/b.mp4", s_hash);
        Assert.Equal("/v/b.mp4", (await KeptAsync(SpooledAnswer.Saved(task, "/v/a.mp4", s_hash)))!.SavedPath);
    }

    [Fact]
    public async Task A_video_that_was_taken_elsewhere_stays_so_when_it_is_recorded_late_that_it_was_saved()
    {
        await _ledger.Tasks.AcceptAsync((await BeginAsync()).Id, "t1");
        KlingVideoTask task = await _ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Succeeded, 42));
        KlingVideoTask taken = await _ledger.Tasks.RecordTakenAsync(task.Id, isTaken: true);

        KlingVideoTask saved = (await KeptAsync(SpooledAnswer.Saved(task, "/v/a.mp4", s_hash)))!;

        Assert.NotNull(taken.TakenAt);
        Assert.Equal(taken with { SavedPath = "/v/a.mp4", SavedHash = s_hash }, saved);
    }

    [Fact]
    public async Task In_whatever_order_and_however_often_it_is_recorded_a_task_that_has_ended_comes_out_the_same()
    {
        int count = 0;
        await Gen.Select(Gen.Shuffle(Enumerable.Range(0, 4).ToArray()), Gen.Int[0, 3].Array[0, 5], Gen.Bool, Gen.Bool).SampleAsync(
            async (order, again, isMade, isLost) =>
            {
                KlingVideoTask begun = await BeginAsync();
                string taskId = $"t{++count}";
                KlingVideoTask ended = isMade ? Made(begun, taskId) : Failed(begun, taskId);
                if (isLost)
                {
                    await _ledger.Tasks.LoseAsync(begun.Id);
                    await _ledger.Tasks.AbandonAsync(begun.Id);
                }

                SpooledAnswer accepted = SpooledAnswer.Accepted(begun, taskId);
                SpooledAnswer[] answers = isMade
                    ? [accepted, SpooledAnswer.Ended(ended), SpooledAnswer.Saving(ended, "/v/a.mp4", s_hash), SpooledAnswer.Saved(ended, "/v/a.mp4", s_hash)]
                    : [accepted, SpooledAnswer.Ended(ended), accepted, SpooledAnswer.Ended(ended)];
                foreach (int i in order.Concat(again))
                {
                    await KeptAsync(answers[i]);
                }

                KlingVideoTask expected = isMade ? ended.Saved("/v/a.mp4", s_hash) with { ExpiresAt = ended.CompletedAt + TaskTransitions.LinkLifetime } : ended;
                Assert.Equal(expected, await _ledger.Tasks.FindAsync(begun.Id, Token));
            },
            iter: 60,
            threads: 1);
        Assert.Equal(count, (await _ledger.Tasks.ListAsync(new TaskFilter(), Token)).Count);
    }

    [Fact]
    public async Task What_the_ledger_has_learnt_since_of_a_video_stands()
    {
        KlingVideoTask task = await BeginAsync();
        await _ledger.Tasks.AcceptAsync(task.Id, "t1");
        KlingVideoTask later = await _ledger.Tasks.RecordSnapshotAsync(
            TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Succeeded, 40) with { ResultUris = ["https://videos.example/fresh.mp4"] });

        Assert.Equal(later, await KeptAsync(SpooledAnswer.Ended(Made(task, "t1"))));
        Assert.Equal(later, await KeptAsync(SpooledAnswer.Ended(Failed(task, "t1"))));
    }

    [Fact]
    public async Task A_video_that_a_machine_had_seen_is_there_although_the_ledger_has_its_task_as_failed()
    {
        KlingVideoTask task = await BeginAsync();
        await _ledger.Tasks.AcceptAsync(task.Id, "t1");
        KlingVideoTask later = await _ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Failed));

        Assert.Equal(later, await KeptAsync(SpooledAnswer.Ended(Failed(task, "t1"))));
        KlingVideoTask made = (await KeptAsync(SpooledAnswer.Ended(Made(task, "t1"))))!;

        Assert.Equal((KlingTaskState.Succeeded, Made(task, "t1").ResultUri), (made.TaskState, made.ResultUri));
    }

    [Fact]
    public async Task A_failure_that_was_kept_does_not_count_once_the_service_has_taken_the_task_up_again()
    {
        KlingVideoTask task = await BeginAsync();
        await _ledger.Tasks.AcceptAsync(task.Id, "t1");
        KlingVideoTask failed = await _ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Failed));
        KlingVideoTask again = await _ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Generating).After(failed));

        Assert.Equal(again, await KeptAsync(SpooledAnswer.Ended(failed)));
        Assert.Equal(KlingTaskState.Generating, again.TaskState);
        KlingVideoTask ended = again.Observed(TempLedger.Snapshot("t1", KlingTaskState.Failed).After(again), _time.GetUtcNow());
        Assert.Equal(KlingTaskState.Failed, (await KeptAsync(SpooledAnswer.Ended(ended)))!.TaskState);
    }

    [Fact]
    public async Task A_task_that_was_seen_earlier_by_another_machine_ends_all_the_same()
    {
        KlingVideoTask task = await BeginAsync();
        await _ledger.Tasks.AcceptAsync(task.Id, "t1");
        await _ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Generating));

        KlingVideoTask ended = (await KeptAsync(SpooledAnswer.Ended(Failed(task, "t1"))))!;

        Assert.Equal((KlingTaskState.Failed, "501", 0m, 0m), (ended.TaskState, ended.FailCode, ended.CreditsReserved, ended.CreditsConsumed));
    }

    [Fact]
    public async Task A_purchase_that_has_ended_is_known_even_if_the_record_of_its_attempt_is_gone()
    {
        TaskIntent intent = TempLedger.Intent();
        KlingVideoTask task = await _ledger.Tasks.BeginAsync(intent, Token);
        await _ledger.Tasks.RecordRejectedAsync(task, null, "no");
        await _ledger.Tasks.RemoveAsync(task.Id);

        await KeptAsync(SpooledAnswer.Ended(Made(task, "t1")));

        TaskClaim claim = await _ledger.Tasks.ClaimAsync(intent.Renew(), Token);
        Assert.Equal((false, "t1", KlingTaskState.Succeeded), (claim.IsNew, claim.Task.TaskId, claim.Task.TaskState));
    }

    [Fact]
    public async Task Of_the_end_of_a_task_what_cannot_be_so_counts_as_not_said()
    {
        KlingVideoTask task = await BeginAsync();
        SpooledAnswer answer = SpooledAnswer.Ended(Made(task, "t1")) with
        {
            Credits = -5,
            AcceptedAt = DateTimeOffset.MinValue,
            CompletedAt = DateTimeOffset.MaxValue,
            Reason = new string('x', 5000),
        };

        KlingVideoTask ended = (await KeptAsync(answer))!;

        Assert.Equal((KlingTaskState.Succeeded, 42m, _time.GetUtcNow(), _time.GetUtcNow()), (ended.TaskState, ended.CreditsConsumed, ended.AcceptedAt, ended.CompletedAt));
    }

    [Fact]
    public async Task A_file_of_an_earlier_version_says_nothing_of_the_end_and_is_recorded()
    {
        KlingVideoTask task = await _ledger.Tasks.AcceptAsync((await BeginAsync()).Id, "t1");
        Directory.CreateDirectory(_ledger.Spool.Folder);
        await File.WriteAllTextAsync(
            Path.Combine(_ledger.Spool.Folder, "1.json"),
            $$"""{"version":1,"kind":"Saved","account":"{{TempLedger.Account}}","id":{{task.Id}},"nonce":"{{task.Nonce}}","taskId":"t1","path":"/v/a.mp4","hash":"{{s_hash}}"}""",
            Token);

        KlingVideoTask recorded = Assert.Single(await _ledger.Tasks.ListAsync(new TaskFilter(), Token));

        Assert.Equal(("/v/a.mp4", KlingTaskState.Waiting, false), (recorded.SavedPath, recorded.TaskState, _ledger.Spool.HasAny));
    }

    [Fact]
    public async Task A_damaged_file_is_told_once_and_left_and_keeps_nothing_from_being_recorded()
    {
        KlingVideoTask task = await BeginAsync();
        Directory.CreateDirectory(_ledger.Spool.Folder);
        string damaged = Path.Combine(_ledger.Spool.Folder, "0.json");
        await File.WriteAllTextAsync(damaged, "{", Token);
        Assert.NotNull(await _ledger.Tasks.KeepAsync(SpooledAnswer.Accepted(task, "t1")));

        await _ledger.Tasks.RecoverAsync(Token);
        await _ledger.Tasks.RecoverAsync(Token);

        Assert.Equal("t1", (await _ledger.Tasks.FindAsync(task.Id, Token))!.TaskId);
        Assert.Equal([damaged], Directory.GetFiles(_ledger.Spool.Folder));
        string notice = _ledger.TakeNotice()!;
        Assert.StartsWith($"'{damaged}' should hold what came of a request", notice, StringComparison.Ordinal);
        Assert.Null(_ledger.TakeNotice());
    }

    [Fact]
    public async Task A_file_that_cannot_be_read_for_now_is_told_once_and_recorded_as_soon_as_it_can_be()
    {
        KlingVideoTask task = await BeginAsync();
        Assert.NotNull(await _ledger.Tasks.KeepAsync(SpooledAnswer.Accepted(task, "t1")));
        string kept = Assert.Single(Directory.GetFiles(_ledger.Spool.Folder));
        using (new FileStream(kept, FileMode.Open, FileAccess.Read, FileShare.None))
        {
            await _ledger.Tasks.RecoverAsync(Token);
            Assert.Null((await _ledger.Tasks.FindAsync(task.Id, Token))!.TaskId);
        }

        string notice = _ledger.TakeNotice()!;
        Assert.StartsWith($"'{kept}', which holds what came of a request while the ledger could not be reached, cannot be read: ", notice, StringComparison.Ordinal);
        Assert.EndsWith("do not resolve it, but give this user permission to read the file.", notice, StringComparison.Ordinal);
        Assert.Single(notice.Split("cannot be read").Skip(1));

        await _ledger.Tasks.RecoverAsync(Token);

        Assert.Equal("t1", (await _ledger.Tasks.FindAsync(task.Id, Token))!.TaskId);
        Assert.False(_ledger.Spool.HasAny);
    }

    [Fact]
    public async Task What_is_for_another_ledger_waits_for_that_one()
    {
        await using var other = new TestLedger(_time, keeps: true);
        Assert.True(_ledger.Spool.TryKeep(SpooledAnswer.Accepted(await other.Tasks.BeginAsync(TempLedger.Intent(), Token), "t1") with { Ledger = other.Location }));

        await BeginAsync();
        await _ledger.Tasks.RecoverAsync(Token);

        Assert.True(_ledger.Spool.HasAny);
        Assert.Null(await _ledger.Tasks.FindByTaskIdAsync(TempLedger.Account, "t1", Token));

        // As an earlier version has kept it: only its user can tell whether it is this one.
        Assert.Equal(
            $"An answer that this machine has kept for the ledger at '{other.Location}' waits in '{_ledger.Spool.Root}' until a command on this machine uses that address. "
            + $"If that ledger is now at '{_ledger.Location}', write this address into the file in place of the other one; otherwise, what was bought is bought again.",
            _ledger.TakeNotice());
    }

    [Fact]
    public async Task A_ledger_that_has_another_address_by_now_is_known_by_its_attempt()
    {
        Assert.True(_ledger.Spool.TryKeep(SpooledAnswer.Accepted(await BeginAsync(), "t1") with { Ledger = "postgresql://the.server.before/ledgers" }));

        await _ledger.Tasks.RecoverAsync(Token);

        Assert.NotNull(await _ledger.Tasks.FindByTaskIdAsync(TempLedger.Account, "t1", Token));
        Assert.False(_ledger.Spool.HasAny);
    }
}
