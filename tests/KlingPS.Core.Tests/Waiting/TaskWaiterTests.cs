using CsCheck;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Reporting;
using KlingPS.Core.Resolving;
using KlingPS.Core.Sessions;
using KlingPS.Core.Tests.Api;
using KlingPS.Core.Tests.Ledger;
using KlingPS.Core.Tests.Stages;
using KlingPS.Core.Waiting;

namespace KlingPS.Core.Tests.Waiting;

public sealed class TaskWaiterTests : IAsyncDisposable
{
    private readonly PipelineHarness _harness = new();
    private readonly TaskWaiter _waiter;

    public TaskWaiterTests() => _waiter = new TaskWaiter(_harness.NewService(), pollingInterval: TimeSpan.FromSeconds(10));

    public async ValueTask DisposeAsync()
    {
        _waiter.Dispose();
        await _harness.DisposeAsync();
    }

    private async Task<KlingVideoTask> AcceptedAsync(params Reply[] replies)
    {
        _harness.Tasks["a"] = PipelineHarness.InTurn(replies);
        return await _harness.AcceptedAsync("a");
    }

    private Task<WaitResult> WaitAsync(KlingVideoTask task, double? seconds = null, CancellationToken cancellationToken = default)
        => _waiter.WaitAsync(task, seconds is double timeout ? TimeSpan.FromSeconds(timeout) : null, cancellationToken);

    private Task PassAsync(double seconds) => _harness.Clock.PassAsync(TimeSpan.FromSeconds(seconds));

    [Fact]
    public async Task Those_who_wait_for_the_same_task_share_its_polls()
    {
        KlingVideoTask task = await AcceptedAsync(PipelineHarness.Generating, PipelineHarness.Generating, PipelineHarness.Succeeded("a"));

        WaitResult[] results = await _harness.Clock.RunAsync(Task.WhenAll(WaitAsync(task), WaitAsync(task), WaitAsync(task)));

        Assert.All(results, result => Assert.Equal(KlingTaskState.Succeeded, Assert.IsType<WaitResult.Ended>(result).Task.TaskState));
        Assert.Equal(3, _harness.Queries);
    }

    [Fact]
    public async Task A_task_does_not_end_with_another_one_that_has_its_number_in_another_ledger()
    {
        await using var other = new TestLedger(_harness.Clock);
        KlingVideoTask one = await AcceptedAsync(PipelineHarness.Generating, PipelineHarness.Succeeded("a"));
        KlingVideoTask two = await _harness.AcceptedAsync("b", ledger: other);
        Assert.Equal(one.Id, two.Id);
        _harness.Tasks["b"] = PipelineHarness.Succeeded("b");
        Task<WaitResult[]> waiting = Task.WhenAll(WaitAsync(one), WaitAsync(two));

        Assert.True(_waiter.Signal(one.Id));
        WaitResult[] results = await _harness.Clock.RunAsync(waiting);

        Assert.Equal(["a", "b"], results.Select(result => Assert.IsType<WaitResult.Ended>(result).Task.TaskId));
        Assert.False(_waiter.Signal(one.Id));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_task_that_another_shell_has_heard_to_have_failed_and_that_is_being_made_is_waited_for(bool isMade)
    {
        Reply end = isMade ? PipelineHarness.Succeeded("a") : PipelineHarness.Failed("501", "no video");
        KlingVideoTask task = await AcceptedAsync(PipelineHarness.Generating, isMade ? PipelineHarness.Generating : end, end);
        await _harness.Ledger.OfOtherProcess.Tasks.RecordSnapshotAsync(task.Account, new TaskSnapshot { TaskId = "a", State = KlingTaskState.Failed });

        var observer = new RecordingObserver { WantsEvents = true };
        using var waiter = new TaskWaiter(new KlingService(_harness.Session, observer), pollingInterval: TimeSpan.FromSeconds(10));

        WaitResult result = await _harness.Clock.RunAsync(waiter.WaitAsync(task, null, CancellationToken.None));

        Assert.Single(observer.Events, happened => happened is { Kind: RunEventKind.State, Task.CompletedAt: not null });
        Assert.Equal(isMade ? KlingTaskState.Succeeded : KlingTaskState.Failed, Assert.IsType<WaitResult.Ended>(result).Task.TaskState);
        Assert.Equal(isMade ? 3 : 2, _harness.Queries);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_task_that_another_process_has_found_to_be_made_again_is_asked_for_once_more_before_it_has_failed(bool isMade)
    {
        Reply failed = PipelineHarness.Failed("500", "internal error");
        KlingVideoTask task = await AcceptedAsync(failed, isMade ? PipelineHarness.Succeeded("a") : failed);
        ITaskJournal others = _harness.Ledger.OfOtherProcess.Tasks;
        KlingVideoTask ended = await others.RecordSnapshotAsync(task.Account, new TaskSnapshot { TaskId = "a", State = KlingTaskState.Failed });
        await others.RecordSnapshotAsync(task.Account, new TaskSnapshot { TaskId = "a", State = KlingTaskState.Generating }.After(ended));

        WaitResult result = await _harness.Clock.RunAsync(WaitAsync(task));

        Assert.Equal(isMade ? KlingTaskState.Succeeded : KlingTaskState.Failed, Assert.IsType<WaitResult.Ended>(result).Task.TaskState);
        Assert.Equal(2, _harness.Queries);
    }

    [Fact]
    public async Task A_task_that_was_made_from_something_else_is_not_taken_for_the_video_that_was_asked_for()
    {
        var boat = new VideoSpec { Prompt = "A boat.", Image = MediaSource.FromUri("https://uploads.example/boat.webp") };
        KlingVideoTask lost = await _harness.Ledger.Tasks.BeginAsync(new TaskIntent { Account = _harness.Session.Account, Spec = boat, Identity = "boat", Credits = 42 }, CancellationToken.None);
        await _harness.Ledger.Tasks.LoseAsync(lost.Id, "The answer was lost.");
        KlingVideoTask task = await AcceptedAsync(Replies.Data("""
            {"taskId":"a","state":"success","resultJson":"{\"resultUrls\":[\"https://videos.example/a.mp4\"]}",
             "param":"{\"input\":{\"prompt\":\"A boat.\",\"image_url\":\"https://uploads.example/boat.webp\"}}"}
            """));

        WaitResult.Failed failed = Assert.IsType<WaitResult.Failed>(await _harness.Clock.RunAsync(WaitAsync(task)));

        Assert.Equal((ErrorKind.AttemptUnknown, task.Id), (failed.Error.Kind, failed.Error.TaskNumber));
        Assert.Contains("made from something else (its prompt is different", failed.Error.Message, StringComparison.Ordinal);
        Assert.Contains($"Task a of the service is that of '{lost.Subject}' (task {lost.Id}), and this gives it its video: Resolve-KlingVideoTask -Id {lost.Id} -TaskId a", failed.Error.Message, StringComparison.Ordinal);
        KlingVideoTask recorded = (await _harness.Ledger.Tasks.FindAsync(task.Id, CancellationToken.None))!;
        Assert.Equal((KlingTaskState.Unknown, null, 42m), (recorded.TaskState, recorded.TaskId, recorded.CreditsReserved));
        Assert.Equal(recorded, failed.Task);

        KlingVideoTask resolved = await new UnknownTaskResolver(_harness.NewService()).ResolveAsync((await _harness.Ledger.Tasks.FindAsync(lost.Id, CancellationToken.None))!, "a", CancellationToken.None);
        Assert.Equal((lost.Id, KlingTaskState.Succeeded), (resolved.Id, resolved.TaskState));
    }

    /// <summary>What the service says of its task, whose id is <c>9b1f</c>, to whoever asks for it in whatever case.</summary>
    private static Reply NamedInLowerCase { get; } = Replies.Data("""
        {"taskId":"9b1f","state":"success","resultJson":"{\"resultUrls\":[\"https://videos.example/a.mp4\"]}",
         "param":"{\"input\":{\"prompt\":\"A boat.\",\"image_url\":\"https://uploads.example/boat.webp\"}}"}
        """);

    private async Task<KlingVideoTask> BeginBoatAsync()
    {
        var boat = new VideoSpec { Prompt = "A boat.", Image = MediaSource.FromUri("https://uploads.example/boat.webp") };
        return await _harness.Ledger.Tasks.BeginAsync(new TaskIntent { Account = _harness.Session.Account, Spec = boat, Identity = "boat", Credits = 42 }, CancellationToken.None);
    }

    [Fact]
    public async Task A_lost_attempt_does_not_get_the_video_of_another_one_by_its_id_in_capitals()
    {
        _harness.Tasks["9B1F"] = NamedInLowerCase;
        KlingVideoTask bought = await BeginBoatAsync();
        await _harness.Ledger.Tasks.RecordAcceptedAsync(bought.Id, "9b1f");
        KlingVideoTask lost = await _harness.Ledger.Tasks.LoseAsync((await BeginBoatAsync()).Id, "The answer was lost.");

        KlingException error = await Assert.ThrowsAsync<KlingException>(() => new UnknownTaskResolver(_harness.NewService()).ResolveAsync(lost, "9B1F", CancellationToken.None));

        Assert.Equal($"The task 9b1f of the service is the video of task {bought.Id} ({bought.Subject}) already.", error.Message);
        Assert.Equal(KlingTaskState.Unknown, (await _harness.Ledger.Tasks.FindAsync(lost.Id, CancellationToken.None))!.TaskState);
    }

    [Fact]
    public async Task A_task_that_is_asked_for_by_its_id_in_capitals_is_the_one_that_is_recorded()
    {
        _harness.Tasks["9B1F"] = NamedInLowerCase;
        KlingVideoTask bought = await BeginBoatAsync();
        await _harness.Ledger.Tasks.RecordAcceptedAsync(bought.Id, "9b1f");

        KlingVideoTask found = await new TaskFinder(_harness.NewService()).FindAsync(new TaskReference { TaskId = "9B1F" }, CancellationToken.None);

        Assert.Equal((bought.Id, "9b1f", KlingTaskState.Succeeded), (found.Id, found.TaskId, found.TaskState));
        Assert.Single(await _harness.ListAsync());
    }

    [Fact]
    public async Task A_task_keeps_the_id_that_the_service_has_given_it_though_it_is_spelled_in_another_way_later()
    {
        _harness.Tasks["9B1F"] = NamedInLowerCase;
        KlingVideoTask bought = await BeginBoatAsync();
        await _harness.Ledger.Tasks.RecordAcceptedAsync(bought.Id, "9B1F");

        WaitResult.Ended ended = Assert.IsType<WaitResult.Ended>(await _harness.Clock.RunAsync(WaitAsync((await _harness.Ledger.Tasks.FindAsync(bought.Id, CancellationToken.None))!)));

        Assert.Equal((bought.Id, "9B1F", KlingTaskState.Succeeded), (ended.Task.Id, ended.Task.TaskId, ended.Task.TaskState));
        Assert.Single(await _harness.ListAsync());
    }

    [Fact]
    public async Task Each_waits_as_long_as_it_likes_for_a_task_that_others_wait_for()
    {
        KlingVideoTask task = await AcceptedAsync([.. Enumerable.Repeat(PipelineHarness.Generating, 5), PipelineHarness.Succeeded("a")]);
        DateTimeOffset start = _harness.Clock.GetUtcNow();
        Task<WaitResult> patient = WaitAsync(task);
        Task<WaitResult> hurried = WaitAsync(task, seconds: 15);
        Task<WaitResult> once = WaitAsync(task, seconds: 0);

        Assert.IsType<WaitResult.TimedOut>(await Eventually.DoneAsync(once));
        Assert.Equal(start, _harness.Clock.GetUtcNow());
        await PassAsync(14);
        Assert.False(hurried.IsCompleted);
        await PassAsync(1);
        Assert.IsType<WaitResult.TimedOut>(await Eventually.DoneAsync(hurried));
        Assert.False(patient.IsCompleted);
        Assert.IsType<WaitResult.Ended>(await _harness.Clock.RunAsync(patient));
    }

    [Fact]
    public async Task A_task_that_the_service_says_nothing_about_is_not_waited_for_without_end()
    {
        KlingVideoTask task = await AcceptedAsync(PipelineHarness.Generating, Replies.Data("null"));

        // Long enough to show that it is not the limit that ends the wait.
        WaitResult result = await _harness.Clock.RunAsync(WaitAsync(task, seconds: 7200));

        KlingException error = Assert.IsType<WaitResult.Failed>(result).Error;
        Assert.Equal((ErrorKind.AnswerInvalid, task.Id), (error.Kind, error.TaskNumber));
        Assert.InRange(_harness.Queries, PollLimits.MaxPollsForRecord, 120);
        Assert.Equal(KlingTaskState.Generating, Assert.Single(await _harness.ListAsync()).TaskState);
    }

    [Fact]
    public async Task A_task_that_the_service_says_nothing_about_for_a_while_is_waited_for()
    {
        Reply silent = Replies.Data("null");
        KlingVideoTask task = await AcceptedAsync([.. Enumerable.Repeat(silent, 8), PipelineHarness.Generating, .. Enumerable.Repeat(silent, 8), PipelineHarness.Succeeded("a")]);

        WaitResult result = await _harness.Clock.RunAsync(WaitAsync(task));

        Assert.Equal(KlingTaskState.Succeeded, Assert.IsType<WaitResult.Ended>(result).Task.TaskState);
    }

    [Fact]
    public async Task One_who_gives_up_does_so_alone()
    {
        KlingVideoTask task = await AcceptedAsync(PipelineHarness.Generating, PipelineHarness.Succeeded("a"));
        using var source = new CancellationTokenSource();
        Task<WaitResult> given = WaitAsync(task, cancellationToken: source.Token);
        Task<WaitResult> kept = WaitAsync(task);

        await source.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => given);
        Assert.IsType<WaitResult.Ended>(await _harness.Clock.RunAsync(kept));
    }

    [Fact]
    public async Task A_task_that_nobody_waits_for_any_more_is_not_polled()
    {
        KlingVideoTask task = await AcceptedAsync(PipelineHarness.Generating);
        using var source = new CancellationTokenSource();
        Task<WaitResult> given = WaitAsync(task, cancellationToken: source.Token);
        Task<WaitResult> late = WaitAsync(task, seconds: 45);
        await PassAsync(25);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => given);
        Assert.IsType<WaitResult.TimedOut>(await _harness.Clock.RunAsync(late));
        int queries = _harness.Queries;

        await PassAsync(300);

        Assert.InRange(queries, 3, 6);
        Assert.Equal(queries, _harness.Queries);
        Assert.False(_waiter.Signal(task.Id));
    }

    [Fact]
    public async Task A_task_can_be_waited_for_again_after_the_time_was_over()
    {
        KlingVideoTask task = await AcceptedAsync(PipelineHarness.Generating, PipelineHarness.Succeeded("a"));

        WaitResult late = await _harness.Clock.RunAsync(WaitAsync(task, seconds: 0));

        Assert.Equal(KlingTaskState.Generating, Assert.IsType<WaitResult.TimedOut>(late).Task.TaskState);
        Assert.IsType<WaitResult.Ended>(await _harness.Clock.RunAsync(WaitAsync(late.Task)));
    }

    [Fact]
    public async Task Disposing_ends_every_wait()
    {
        KlingVideoTask task = await AcceptedAsync(PipelineHarness.Generating);
        Task<WaitResult> before = WaitAsync(task);
        await PassAsync(15);

        _waiter.Dispose();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => before);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => WaitAsync(task));
        int queries = _harness.Queries;
        await PassAsync(90);
        Assert.Equal(queries, _harness.Queries);
    }

    [Fact]
    public async Task What_nobody_foresaw_reaches_those_who_wait()
    {
        KlingVideoTask task = await AcceptedAsync(PipelineHarness.Succeeded("a"));
        _harness.Ledger.BeforeCall = _ => throw new InvalidOperationException("A bug.");
        Task<WaitResult>[] waits = [WaitAsync(task), WaitAsync(task)];

        foreach (Task<WaitResult> wait in waits)
        {
            Assert.Equal("A bug.", (await Assert.ThrowsAsync<InvalidOperationException>(() => _harness.Clock.RunAsync(wait))).Message);
        }
    }

    private enum Answer
    {
        Waiting,
        Generating,
        SucceededWithoutLink,
        Unavailable,
        Succeeded,
        Failed,
        Refused,
    }

    /// <summary>What a wait makes of a script of replies: the state machine in its simplest form.</summary>
    /// <returns>The kind of error, none for a task that ended; and how many replies it takes.</returns>
    private static (ErrorKind? Error, int Replies) Expect(IReadOnlyList<Answer> script)
    {
        bool hasAnswered = false;
        int withoutLink = 0;
        int failures = 0;
        for (int i = 0; ; i++)
        {
            Answer answer = script[Math.Min(i, script.Count - 1)];
            if (answer == Answer.Unavailable)
            {
                // A poll is five requests at most, and an outage is put up with once the service has answered.
                failures++;
                if (failures % 5 == 0 && !hasAnswered)
                {
                    return (ErrorKind.ServiceUnavailable, i + 1);
                }

                continue;
            }

            failures = 0;
            switch (answer)
            {
                case Answer.Refused:
                    return (ErrorKind.Unauthorized, i + 1);
                case Answer.Succeeded or Answer.Failed:
                    return (null, i + 1);
                case Answer.SucceededWithoutLink when ++withoutLink == 6:
                    return (ErrorKind.AnswerInvalid, i + 1);
            }

            hasAnswered = true;
        }
    }

    [Fact]
    public Task Whatever_the_service_says_a_wait_ends_as_it_should_after_no_more_polls_than_that_takes()
        => Gen.Select(Gen.Enum<Answer>().Array[0, 12], Gen.Int[(int)Answer.Succeeded, (int)Answer.Refused]).SampleAsync(
            async (answers, end) =>
            {
                await using var harness = new PipelineHarness();
                using var waiter = new TaskWaiter(harness.NewService(), pollingInterval: null);
                Answer[] script = [.. answers, (Answer)end];
                harness.Tasks["a"] = PipelineHarness.InTurn([.. script.Select(ToReply)]);
                KlingVideoTask task = await harness.AcceptedAsync("a");

                WaitResult result = await harness.Clock.RunAsync(waiter.WaitAsync(task, timeout: null, CancellationToken.None));

                (ErrorKind? error, int replies) = Expect(script);
                Assert.Equal(error, (result as WaitResult.Failed)?.Error.Kind);
                Assert.Equal(replies, harness.Queries);
                KlingVideoTask recorded = Assert.Single(await harness.ListAsync());
                Assert.Equal(recorded, result.Task);
                Assert.Equal(error is null, recorded.TaskState is KlingTaskState.Succeeded or KlingTaskState.Failed);
            },
            iter: 100,
            threads: 1);

    private static Reply ToReply(Answer answer) => answer switch
    {
        Answer.Waiting => Replies.Data("""{"state":"waiting","resultJson":""}"""),
        Answer.Generating => PipelineHarness.Generating,
        Answer.SucceededWithoutLink => Replies.Data("""{"state":"success","resultJson":""}"""),
        Answer.Unavailable => Replies.Html(502),
        Answer.Succeeded => PipelineHarness.Succeeded("a"),
        Answer.Failed => PipelineHarness.Failed("500", "No."),
        _ => Replies.Code(401, "Unauthorized"),
    };
}
