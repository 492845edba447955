using System.Collections.Concurrent;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Stages;
using KlingPS.Core.Tests.Api;
using KlingPS.Core.Tests.Ledger;
using KlingPS.Core.Tests.Stages;
using KlingPS.Core.Waiting;

namespace KlingPS.Core.Tests.Waiting;

public sealed class WaitStageTests : IAsyncDisposable
{
    private static readonly Reply s_outage = Replies.FailsBefore(new HttpRequestException(HttpRequestError.ConnectionError));

    private readonly PipelineHarness _harness = new();

    public ValueTask DisposeAsync() => _harness.DisposeAsync();

    private WaitStage Waiter(TimeSpan? timeout = null, TimeSpan? interval = null)
        => new(_harness.NewService(), new WaitOptions { Timeout = timeout, PollingInterval = interval });

    private Task<Outcome<TaskReference, KlingVideoTask>> NextAsync(WaitStage waiter) => _harness.Clock.RunAsync(waiter.Results.ReadAsync().AsTask());

    private async Task<List<Outcome<TaskReference, KlingVideoTask>>> WaitAsync(WaitStage waiter, params TaskReference[] references)
    {
        foreach (TaskReference reference in references)
        {
            await waiter.PostAsync(reference, CancellationToken.None);
        }

        waiter.Complete();
        var outcomes = new List<Outcome<TaskReference, KlingVideoTask>>();
        while (await _harness.Clock.RunAsync(waiter.Results.WaitToReadAsync().AsTask()))
        {
            outcomes.Add(await waiter.Results.ReadAsync());
        }

        return outcomes;
    }

    private async Task<Outcome<TaskReference, KlingVideoTask>> WaitForOneAsync(string taskId, params Reply[] replies)
    {
        await _harness.AcceptedAsync(taskId);
        _harness.Tasks[taskId] = PipelineHarness.InTurn(replies);
        using WaitStage waiter = Waiter();
        return Assert.Single(await WaitAsync(waiter, new TaskReference { TaskId = taskId }));
    }

    [Fact]
    public async Task Tasks_come_out_in_the_order_of_finishing()
    {
        using WaitStage waiter = Waiter();
        foreach (string taskId in new[] { "a", "b", "c" })
        {
            _harness.Tasks[taskId] = PipelineHarness.Generating;
            await waiter.PostAsync(new TaskReference { Task = await _harness.AcceptedAsync(taskId) }, CancellationToken.None);
        }

        waiter.Complete();
        foreach (string taskId in new[] { "c", "a", "b" })
        {
            _harness.Tasks[taskId] = PipelineHarness.Succeeded(taskId);
            Outcome<TaskReference, KlingVideoTask> outcome = await NextAsync(waiter);
            Assert.Equal((taskId, KlingTaskState.Succeeded, null), (outcome.Value?.TaskId, outcome.Value?.TaskState, outcome.Error));
            Assert.Equal($"https://videos.example/{taskId}.mp4", outcome.Value!.ResultUri);
            Assert.Equal(taskId, outcome.Item.Task!.TaskId);
        }

        await _harness.Clock.RunAsync(waiter.Results.Completion);
    }

    [Fact]
    public async Task A_task_can_be_posted_while_others_are_waited_for()
    {
        using WaitStage waiter = Waiter();
        await _harness.AcceptedAsync("slow");
        _harness.Tasks["slow"] = PipelineHarness.Generating;
        await waiter.PostAsync(new TaskReference { TaskId = "slow" }, CancellationToken.None);
        await Eventually.TrueAsync(
            async () =>
            {
                await _harness.Clock.PassAsync(TimeSpan.FromSeconds(1));
                return _harness.Queries > 0;
            },
            "a poll");

        await _harness.AcceptedAsync("quick");
        _harness.Tasks["quick"] = PipelineHarness.Succeeded("quick");
        await waiter.PostAsync(new TaskReference { TaskId = "quick" }, CancellationToken.None);

        Assert.Equal("quick", (await NextAsync(waiter)).Value?.TaskId);
        Assert.False(waiter.Results.TryPeek(out _));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(300, 1)]
    public async Task A_task_that_was_accepted_just_now_is_not_looked_up_again(double age, int lookups)
    {
        KlingVideoTask task = await _harness.AcceptedAsync("a");
        _harness.Clock.Advance(TimeSpan.FromSeconds(age));
        _harness.Tasks["a"] = PipelineHarness.InTurn(PipelineHarness.Generating, PipelineHarness.Succeeded("a"));
        int found = 0;
        _harness.Ledger.BeforeCall = name => found += name is nameof(ITaskJournal.FindAsync) or nameof(ITaskJournal.FindByTaskIdAsync) ? 1 : 0;
        using WaitStage waiter = Waiter();

        Assert.Equal("a", Assert.Single(await WaitAsync(waiter, new TaskReference { Task = task })).Value?.TaskId);

        Assert.Equal(lookups, found);
    }

    [Fact]
    public async Task Two_new_tasks_that_have_the_same_number_in_two_ledgers_both_come_out()
    {
        await using var other = new TestLedger(_harness.Clock);
        KlingVideoTask one = await _harness.AcceptedAsync("a", ledger: other);
        KlingVideoTask two = await _harness.AcceptedAsync("b");
        Assert.Equal(one.Id, two.Id);
        _harness.Tasks["a"] = PipelineHarness.InTurn(PipelineHarness.Generating, PipelineHarness.Succeeded("a"));
        _harness.Tasks["b"] = PipelineHarness.InTurn(PipelineHarness.Generating, PipelineHarness.Succeeded("b"));
        using WaitStage waiter = Waiter();

        List<Outcome<TaskReference, KlingVideoTask>> outcomes = await WaitAsync(waiter, new TaskReference { Task = one }, new TaskReference { Task = two });

        Assert.Equal(["a", "b"], outcomes.Select(outcome => outcome.Value!.TaskId!).Order());
        Assert.All(outcomes, outcome => Assert.Equal((outcome.Item.Task!.TaskId, KlingTaskState.Succeeded), (outcome.Value!.TaskId, outcome.Value.TaskState)));
    }

    [Fact]
    public async Task A_new_task_of_another_ledger_that_has_ended_in_the_one_in_use_is_not_asked_for()
    {
        await using var other = new TestLedger(_harness.Clock);
        KlingVideoTask task = await _harness.AcceptedAsync("a", ledger: other);
        await _harness.FinishedAsync("a");
        _harness.Tasks["a"] = PipelineHarness.Succeeded("a");
        using WaitStage waiter = Waiter();

        Assert.Equal(KlingTaskState.Succeeded, Assert.Single(await WaitAsync(waiter, new TaskReference { Task = task })).Value?.TaskState);

        Assert.Equal(0, _harness.Queries);
    }

    [Fact]
    public async Task A_wait_without_tasks_ends()
    {
        using WaitStage waiter = Waiter();

        Assert.Empty(await WaitAsync(waiter));
    }

    [Fact]
    public async Task A_wait_of_no_time_polls_exactly_once()
    {
        await _harness.AcceptedAsync("a");
        await _harness.AcceptedAsync("b");
        await _harness.AcceptedAsync("c");
        _harness.Tasks["a"] = PipelineHarness.Generating;
        _harness.Tasks["b"] = PipelineHarness.Succeeded("b");
        _harness.Tasks["c"] = PipelineHarness.Generating;
        using WaitStage waiter = Waiter(timeout: TimeSpan.Zero);

        List<Outcome<TaskReference, KlingVideoTask>> outcomes = await WaitAsync(waiter, new TaskReference { TaskId = "a" }, new TaskReference { TaskId = "b" }, new TaskReference { TaskId = "c" });

        Assert.Equal(3, _harness.Queries);
        Assert.Equal("b", Assert.Single(outcomes, outcome => outcome.Error is null).Value!.TaskId);
        Assert.Equal(["a", "c"], outcomes.Where(outcome => outcome.Error?.Kind == ErrorKind.WaitTimeout).Select(outcome => outcome.Item.TaskId).Order());
        Assert.All(outcomes.Where(outcome => outcome.Error is not null), outcome => Assert.Contains("still paid for", outcome.Error!.Message, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_task_that_outlasts_the_patience_gives_one_error_and_stays_in_the_ledger()
    {
        KlingVideoTask task = await _harness.AcceptedAsync("a");
        _harness.Tasks["a"] = PipelineHarness.Generating;
        using WaitStage waiter = Waiter(timeout: TimeSpan.FromSeconds(90));

        Outcome<TaskReference, KlingVideoTask> outcome = Assert.Single(await WaitAsync(waiter, new TaskReference { Id = task.Id }));

        Assert.Equal(ErrorKind.WaitTimeout, outcome.Error!.Kind);
        Assert.Contains("/images/a.png", outcome.Error.Message, StringComparison.Ordinal);
        Assert.True(_harness.Clock.GetUtcNow() - _harness.Clock.Start >= TimeSpan.FromSeconds(90));
        Assert.Equal(KlingTaskState.Generating, (await _harness.Ledger.Tasks.FindAsync(task.Id, CancellationToken.None))!.TaskState);
    }

    [Fact]
    public async Task A_task_that_is_not_known_yet_is_asked_for_again()
    {
        Outcome<TaskReference, KlingVideoTask> outcome = await WaitForOneAsync(
            "a", Replies.Code(422, "recordInfo is null"), Replies.Code(422, "recordInfo is null"), Replies.Data("null"), PipelineHarness.Succeeded("a"));

        Assert.Null(outcome.Error);
        Assert.Equal(4, _harness.Queries);
    }

    [Fact]
    public async Task A_task_that_is_still_not_known_after_a_minute_is_an_error()
    {
        Outcome<TaskReference, KlingVideoTask> outcome = await WaitForOneAsync("a", Replies.Code(422, "recordInfo is null"));

        Assert.Equal(ErrorKind.TaskNotFound, outcome.Error!.Kind);
        Assert.StartsWith("The service knows no task 'a' for this key, which is that of '", outcome.Error.Message, StringComparison.Ordinal);
        Assert.Contains("Resolve-KlingVideoTask 1 -Abandon gives it up", outcome.Error.Advice, StringComparison.Ordinal);
        Assert.True(_harness.Clock.GetUtcNow() - _harness.Clock.Start >= TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task A_task_that_neither_the_ledger_nor_the_service_knows_is_an_error_at_once()
    {
        using WaitStage waiter = Waiter();

        List<Outcome<TaskReference, KlingVideoTask>> outcomes = await WaitAsync(waiter, new TaskReference { TaskId = "typo" }, new TaskReference { Id = 99 });

        Assert.All(outcomes, outcome => Assert.Equal(ErrorKind.TaskNotFound, outcome.Error!.Kind));
        Assert.Equal((2, 1), (outcomes.Count, _harness.Queries));
    }

    [Fact]
    public async Task A_task_of_another_machine_is_taken_into_the_ledger()
    {
        _harness.Tasks["foreign"] = PipelineHarness.InTurn(
            Replies.Data("""{"taskId":"foreign","state":"waiting","param":"{\"input\":\"{\\\"prompt\\\":\\\"An owl.\\\",\\\"duration\\\":\\\"10\\\"}\"}","creditsConsumed":84}"""),
            PipelineHarness.Generating,
            PipelineHarness.Succeeded("foreign"));
        using WaitStage waiter = Waiter();

        Outcome<TaskReference, KlingVideoTask> outcome = Assert.Single(await WaitAsync(waiter, new TaskReference { TaskId = "foreign" }));

        Assert.Equal((KlingTaskState.Succeeded, "An owl.", 10, 84), (outcome.Value!.TaskState, outcome.Value.Prompt, outcome.Value.Duration, outcome.Value.CreditsConsumed));
        Assert.Equal(outcome.Value, Assert.Single(await _harness.ListAsync()));
    }

    [Fact]
    public async Task A_success_without_its_link_is_asked_for_again()
    {
        Reply bare = Replies.Data("""{"state":"success","resultJson":""}""");

        Outcome<TaskReference, KlingVideoTask> outcome = await WaitForOneAsync("a", bare, bare, bare, bare, bare, PipelineHarness.Succeeded("a"));

        Assert.Null(outcome.Error);
        Assert.Equal("https://videos.example/a.mp4", outcome.Value!.ResultUri);
    }

    [Fact]
    public async Task A_success_that_never_gets_its_link_is_an_error_and_not_recorded_as_finished()
    {
        Outcome<TaskReference, KlingVideoTask> outcome = await WaitForOneAsync("a", Replies.Data("""{"state":"success","resultJson":"{\"resultUrls\":[]}"}"""));

        Assert.Equal(ErrorKind.AnswerInvalid, outcome.Error!.Kind);
        Assert.Equal(6, _harness.Queries);
        Assert.Equal(KlingTaskState.Waiting, Assert.Single(await _harness.ListAsync()).TaskState);
    }

    [Fact]
    public async Task A_failed_task_comes_out_with_its_error_once()
    {
        Outcome<TaskReference, KlingVideoTask> first = await WaitForOneAsync("a", PipelineHarness.Generating, PipelineHarness.Failed("400", "Image fetch failed."));

        Assert.Equal(ErrorKind.TaskFailed, first.Error!.Kind);
        Assert.Contains("Image fetch failed (code 400)", first.Error.Message, StringComparison.Ordinal);
        Assert.Equal((KlingTaskState.Failed, "400", "Image fetch failed.", 0), (first.Value!.TaskState, first.Value.FailCode, first.Value.FailMessage, first.Value.CreditsConsumed));
        int queries = _harness.Queries;

        using WaitStage waiter = Waiter();
        Outcome<TaskReference, KlingVideoTask> again = Assert.Single(await WaitAsync(waiter, new TaskReference { Task = first.Value }));

        Assert.Equal((first.Value, null), (again.Value, again.Error));
        Assert.Equal(queries, _harness.Queries);
    }

    [Fact]
    public async Task A_task_that_was_never_bought_is_no_task_to_wait_for_and_is_reported_once()
    {
        KlingVideoTask unknown = await _harness.Ledger.Tasks.LoseAsync((await _harness.BeganAsync("/images/fox.png")).Id, "lost");
        KlingVideoTask rejected = await _harness.Ledger.Tasks.RejectAsync((await _harness.BeganAsync("/images/owl.png")).Id, "422", "No.");
        using WaitStage waiter = Waiter();

        List<Outcome<TaskReference, KlingVideoTask>> outcomes = await WaitAsync(waiter, new TaskReference { Task = unknown }, new TaskReference { Task = rejected });

        Assert.Equal([ErrorKind.RequestInvalid, ErrorKind.AttemptUnknown], outcomes.Select(outcome => outcome.Error!.Kind).Order());
        Assert.Empty(_harness.Service.Requests);
        using WaitStage second = Waiter();
        Assert.All(await WaitAsync(second, [.. outcomes.Select(outcome => new TaskReference { Task = outcome.Value })]), outcome => Assert.Null(outcome.Error));
    }

    [Fact]
    public async Task A_state_nobody_has_heard_of_is_waited_out()
    {
        Assert.Null((await WaitForOneAsync("a", Replies.Data("""{"state":"reviewing","novelty":[1]}"""), PipelineHarness.Succeeded("a"))).Error);
    }

    [Fact]
    public async Task An_outage_after_the_first_answer_is_waited_out()
    {
        // Each poll gives up after five requests.
        Reply[] outage = [.. Enumerable.Repeat(s_outage, 30)];

        Outcome<TaskReference, KlingVideoTask> outcome = await WaitForOneAsync("a", [PipelineHarness.Generating, .. outage, PipelineHarness.Succeeded("a")]);

        Assert.Null(outcome.Error);
        Assert.Equal(32, _harness.Queries);
    }

    [Fact]
    public async Task An_outage_does_not_last_for_ever()
    {
        Outcome<TaskReference, KlingVideoTask> outcome = await WaitForOneAsync("a", PipelineHarness.Generating, s_outage);

        Assert.Equal(ErrorKind.ServiceUnavailable, outcome.Error!.Kind);
        Assert.True(_harness.Clock.GetUtcNow() - _harness.Clock.Start >= TimeSpan.FromMinutes(10));
        Assert.Equal(KlingTaskState.Generating, Assert.Single(await _harness.ListAsync()).TaskState);
    }

    [Fact]
    public async Task A_service_that_never_answers_is_reported_after_one_poll()
    {
        Outcome<TaskReference, KlingVideoTask> outcome = await WaitForOneAsync("a", s_outage);

        Assert.Equal(ErrorKind.ServiceUnavailable, outcome.Error!.Kind);
        Assert.Equal(5, _harness.Queries);
    }

    [Fact]
    public async Task A_refused_key_is_reported_at_once()
    {
        Outcome<TaskReference, KlingVideoTask> outcome = await WaitForOneAsync("a", PipelineHarness.Generating, Replies.Code(401, "Unauthorized"));

        Assert.Equal(ErrorKind.Unauthorized, outcome.Error!.Kind);
        Assert.Equal(2, _harness.Queries);
    }

    [Fact]
    public async Task A_foreign_task_whose_service_is_away_does_not_outlast_the_patience()
    {
        await _harness.AcceptedAsync("mine");
        _harness.Tasks["mine"] = PipelineHarness.Succeeded("mine");
        _harness.Tasks["foreign"] = s_outage;
        using WaitStage waiter = Waiter(timeout: TimeSpan.FromSeconds(20));
        await waiter.PostAsync(new TaskReference { TaskId = "mine" }, CancellationToken.None);
        Assert.Null((await NextAsync(waiter)).Error);

        Outcome<TaskReference, KlingVideoTask> outcome = Assert.Single(await WaitAsync(waiter, new TaskReference { TaskId = "foreign" }));

        Assert.Equal(ErrorKind.WaitTimeout, outcome.Error!.Kind);
        Assert.InRange(_harness.Clock.GetUtcNow() - _harness.Clock.Start, TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(25));
    }

    [Fact]
    public async Task A_foreign_task_whose_last_look_fails_has_not_come_in_time()
    {
        await _harness.AcceptedAsync("mine");
        _harness.Tasks["mine"] = PipelineHarness.Succeeded("mine");
        int requests = 0;
        DateTimeOffset begun = default;
        _harness.Tasks["foreign"] = (request, cancellationToken) =>
        {
            // The last of a look ends when the time is over, and the limit of the look is not.
            if (++requests == 5)
            {
                _harness.Clock.Advance(begun.AddSeconds(20.5) - _harness.Clock.GetUtcNow());
            }

            return s_outage(request, cancellationToken);
        };
        using WaitStage waiter = Waiter(timeout: TimeSpan.FromSeconds(20));
        await waiter.PostAsync(new TaskReference { TaskId = "mine" }, CancellationToken.None);
        Assert.Null((await NextAsync(waiter)).Error);
        begun = _harness.Clock.GetUtcNow();

        Outcome<TaskReference, KlingVideoTask> outcome = Assert.Single(await WaitAsync(waiter, new TaskReference { TaskId = "foreign" }));

        Assert.Equal((ErrorKind.WaitTimeout, 5), (outcome.Error!.Kind, requests));
    }

    [Fact]
    public async Task A_service_whose_clock_is_ahead_does_not_make_the_wait_longer()
    {
        long ahead = _harness.Clock.GetUtcNow().AddHours(6).ToUnixTimeMilliseconds();
        string waiting = FormattableString.Invariant($$"""{"state":"waiting","createTime":{{ahead}}}""");
        _harness.Tasks["foreign"] = PipelineHarness.InTurn(Replies.Data(waiting), Replies.Data(waiting), Replies.Data(waiting), PipelineHarness.Succeeded("foreign"));
        using WaitStage waiter = Waiter();

        Assert.Null(Assert.Single(await WaitAsync(waiter, new TaskReference { TaskId = "foreign" })).Error);

        Assert.True(_harness.Clock.GetUtcNow() - _harness.Clock.Start < TimeSpan.FromMinutes(2));
    }

    [Fact]
    public async Task An_interval_of_months_does_not_end_the_wait_for_others()
    {
        using WaitStage waiter = Waiter(interval: TimeSpan.FromDays(100));
        foreach (string taskId in new[] { "slow", "one", "two" })
        {
            await _harness.AcceptedAsync(taskId);
        }

        _harness.Clock.Advance(TimeSpan.FromDays(200));
        _harness.Tasks["slow"] = PipelineHarness.Generating;
        _harness.Tasks["one"] = PipelineHarness.Succeeded("one");
        _harness.Tasks["two"] = PipelineHarness.Succeeded("two");
        await waiter.PostAsync(new TaskReference { TaskId = "slow" }, CancellationToken.None);
        await Eventually.TrueAsync(() => _harness.Queries > 0);

        foreach (string taskId in new[] { "one", "two" })
        {
            await waiter.PostAsync(new TaskReference { TaskId = taskId }, CancellationToken.None);
            Assert.Equal(taskId, (await NextAsync(waiter)).Value?.TaskId);
        }
    }

    [Fact]
    public async Task What_earlier_tasks_took_is_taken_into_account_and_added_to()
    {
        for (int i = 0; i < 20; i++)
        {
            KlingVideoTask earlier = await _harness.AcceptedAsync($"earlier-{i}");
            await _harness.Ledger.Tasks.RecordSnapshotAsync(
                _harness.Session.Account,
                new TaskSnapshot { TaskId = earlier.TaskId!, State = KlingTaskState.Succeeded, ResultUris = ["https://a.example/"], CompletedAt = earlier.CreatedAt.AddSeconds(120) });
        }

        KlingVideoTask task = await _harness.AcceptedAsync("a");
        Reply success = Replies.Data(FormattableString.Invariant(
            $$"""{"state":"success","resultJson":{"resultUrls":["https://a.example/"]},"createTime":{{task.CreatedAt.ToUnixTimeMilliseconds()}},"completeTime":{{task.CreatedAt.AddSeconds(130).ToUnixTimeMilliseconds()}}}"""));
        _harness.Tasks["a"] = (request, cancellationToken)
            => (_harness.Clock.GetUtcNow() < task.CreatedAt.AddSeconds(130) ? PipelineHarness.Generating : success)(request, cancellationToken);
        using WaitStage waiter = Waiter();

        Assert.Null(Assert.Single(await WaitAsync(waiter, new TaskReference { Task = task })).Error);

        Assert.Equal(21, _harness.Session.GenerationTimes.Get(ModelCatalog.DefaultId, 5).Count);
        Assert.Equal(TimeSpan.FromSeconds(120), _harness.Session.GenerationTimes.Get(ModelCatalog.DefaultId, 5).Quantile(0.5));
        Assert.Equal(TimeSpan.FromSeconds(130), _harness.Session.GenerationTimes.Get(ModelCatalog.DefaultId, 5).Quantile(1));
        Assert.InRange(_harness.Queries, 1, 12);
    }

    [Fact]
    public async Task Thousands_of_tasks_are_waited_for_by_a_few_polls_at_a_time()
    {
        const int Count = 2_000;
        int polling = 0;
        int most = 0;
        var polls = new ConcurrentDictionary<string, int>();
        _harness.Service.On(FakeService.QueryPath, async (request, cancellationToken) =>
        {
            most = Math.Max(most, Interlocked.Increment(ref polling));
            string taskId = request.Uri.Query["?taskId=".Length..];
            int poll = polls.AddOrUpdate(taskId, 1, (_, before) => before + 1);
            HttpResponseMessage response = await (poll == 1 ? PipelineHarness.Generating : PipelineHarness.Succeeded(taskId))(request, cancellationToken);
            Interlocked.Decrement(ref polling);
            return response;
        });
        KlingVideoTask[] tasks = await Task.WhenAll(Enumerable.Range(0, Count).Select(i => _harness.AcceptedAsync($"t{i}")));
        TaskReference[] references = [.. tasks.Select(task => new TaskReference { Task = task })];

        using WaitStage waiter = Waiter();
        List<Outcome<TaskReference, KlingVideoTask>> outcomes = await WaitAsync(waiter, references);

        Assert.Equal(Count, outcomes.Count(outcome => outcome.Value?.TaskState == KlingTaskState.Succeeded));
        Assert.Equal(Count, outcomes.Select(outcome => outcome.Value!.TaskId).Distinct().Count());
        Assert.Equal(2 * Count, polls.Values.Sum());
        Assert.InRange(most, 1, 10);
    }

    [Fact]
    public async Task Disposing_calls_off_the_poll_under_way_and_ends_the_results()
    {
        var calledOff = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await _harness.AcceptedAsync("a");
        _harness.Tasks["a"] = async (_, cancellationToken) =>
        {
            arrived.SetResult();
            try
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
                return null!;
            }
            finally
            {
                calledOff.SetResult();
            }
        };
        await _harness.AcceptedAsync("b");
        _harness.Tasks["b"] = PipelineHarness.Generating;
        WaitStage waiter = Waiter(timeout: TimeSpan.Zero);
        await waiter.PostAsync(new TaskReference { TaskId = "a" }, CancellationToken.None);
        await Eventually.DoneAsync(arrived.Task);

        waiter.Dispose();

        await Eventually.DoneAsync(calledOff.Task);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiter.Results.Completion);
        await waiter.PostAsync(new TaskReference { TaskId = "b" }, CancellationToken.None);
        await _harness.Clock.PassAsync(TimeSpan.FromMinutes(5));
        Assert.Equal(1, _harness.Queries);
    }

    [Fact]
    public async Task Disposing_ends_a_wait_for_nothing()
    {
        WaitStage waiter = Waiter();

        waiter.Dispose();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiter.Results.Completion);
    }
}
