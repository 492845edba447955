using KlingPS.Core.Callbacks;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Stages;
using KlingPS.Core.Tests.Api;
using KlingPS.Core.Tests.Ledger;
using KlingPS.Core.Tests.Stages;

namespace KlingPS.Core.Tests.Callbacks;

public sealed class CallbackReceiverTests : IAsyncDisposable
{
    private const string HookUri = "https://hooks.example/kling/";

    private readonly PipelineHarness _harness = new();
    private readonly CallbackGate _gate;
    private CallbackReceiver? _receiver;

    public CallbackReceiverTests() => _gate = GateOf(isVerifying: true);

    public ValueTask DisposeAsync()
    {
        _receiver?.Dispose();
        return _harness.DisposeAsync();
    }

    private CallbackGate GateOf(bool isVerifying)
        => new("/kling/", isVerifying ? new CallbackVerifier(CallbackTexts.Key, CallbackVerifier.DefaultMaxAge, _harness.Clock) : null, _harness.Clock);

    private CallbackReceiver Receive(ReceiveOptions? options = null, CallbackGate? gate = null)
        => _receiver = CallbackReceiver.Start(_harness.NewService(), gate ?? _gate, new MemoryStream(), options ?? new ReceiveOptions());

    private CallbackResult Call(string taskId, string? nonce = null)
        => _gate.Admit(CallbackTexts.Head(taskId, _harness.Clock.GetUtcNow(), nonce is null ? "/kling/" : $"/kling/?klingps={nonce}"), CallbackTexts.Bytes(CallbackTexts.Body(taskId)));

    private Task PassAsync(TimeSpan time) => _harness.Clock.PassAsync(time);

    /// <summary>What comes out next without any time passing.</summary>
    private Task<Outcome<TaskReference, KlingVideoTask>> NextAsync() => Eventually.DoneAsync(_receiver!.Results.ReadAsync().AsTask(), "a task to come out");

    private async Task<List<Outcome<TaskReference, KlingVideoTask>>> FinishAsync(TimeSpan? longestWait = null)
    {
        _receiver!.Complete();
        var outcomes = new List<Outcome<TaskReference, KlingVideoTask>>();
        while (true)
        {
            Task<bool> next = _receiver.Results.WaitToReadAsync().AsTask();
            await _harness.Clock.RunAsync(next, longestWait: longestWait);
            if (!await next)
            {
                return outcomes;
            }

            outcomes.Add(await _receiver.Results.ReadAsync());
        }
    }

    private async Task<KlingVideoTask> PostAsync(string taskId)
    {
        KlingVideoTask task = await _harness.AcceptedAsync(taskId);
        _harness.Tasks.TryAdd(taskId, PipelineHarness.Generating);
        await _receiver!.PostAsync(new TaskReference { Task = task }, CancellationToken.None);
        return task;
    }

    private int QueriesOf(string taskId) => _harness.Service.To(FakeService.QueryPath).Count(request => request.Uri.Query == $"?taskId={taskId}");

    /// <summary>The record of a task that was made from <see cref="ClientHarness.Video"/>.</summary>
    private static Reply RecordOf(string taskId, string? callbackUri, string? prompt = null, int? credits = null)
    {
        string param = System.Text.Json.JsonSerializer.Serialize(CallbackTexts.Param(prompt ?? ClientHarness.Video.Prompt!, ClientHarness.Video.Image!.Uri!, callbackUri));
        return Replies.Data($$"""{"taskId":"{{taskId}}","state":"success","creditsConsumed":{{credits?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "null"}},"param":{{param}},"resultJson":"{\"resultUrls\":[\"https://videos.example/{{taskId}}.mp4\"]}"}""");
    }

    private Task<KlingVideoTask> BeganAsync(string image) => BeganAsync(_harness.Ledger, image);

    private Task<KlingVideoTask> BeganAsync(ITaskLedger ledger, string image) => ledger.Tasks.BeginAsync(
        new TaskIntent
        {
            Account = _harness.Session.Account,
            Spec = ClientHarness.Video with { Image = ClientHarness.Video.Image! with { Path = image }, CallbackUri = HookUri },
            Identity = image,
            Credits = 42,
        },
        CancellationToken.None);

    private async Task<KlingVideoTask> LostAsync(string image) => await _harness.Ledger.Tasks.LoseAsync((await BeganAsync(image)).Id, "The line broke.");

    [Fact]
    public async Task A_callback_proves_a_purchase_although_the_record_of_the_refused_attempt_is_removed_while_the_service_is_asked()
    {
        KlingVideoTask attempt = await _harness.Ledger.Tasks.RejectAsync((await BeganAsync("/images/fox.png")).Id, "500", "No.");
        _harness.Tasks["a"] = async (request, cancellationToken) =>
        {
            await _harness.Ledger.OfOtherProcess.Tasks.RemoveAsync(attempt);
            return await RecordOf("a", CallbackNonce.Append(HookUri, attempt.Nonce!))(request, cancellationToken);
        };
        Receive();

        Assert.Equal(CallbackResult.Accepted, Call("a", attempt.Nonce));

        Outcome<TaskReference, KlingVideoTask> outcome = await NextAsync();
        KlingVideoTask task = Assert.Single(await _harness.ListAsync());
        Assert.Equal((null, "a", attempt.Nonce, attempt.Identity), (outcome.Error, task.TaskId, task.Nonce, task.Identity));
        Assert.StartsWith($"'/images/fox.png' (task {task.Id}) was bought after all, as task a of the service", Assert.Single(_harness.Observer.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_attempt_that_a_callback_restores_is_still_known_to_replace_another_one()
    {
        KlingVideoTask lost = await LostAsync("/images/fox.png");
        KlingVideoTask began = await _harness.Ledger.Tasks.BeginAsync(
            new TaskIntent { Account = lost.Account, Spec = lost.Spec, Identity = lost.Identity!, Credits = 42, Replaces = lost }, CancellationToken.None);
        KlingVideoTask attempt = await _harness.Ledger.Tasks.RejectAsync(began.Id, "500", "No.");
        _harness.Tasks["a"] = async (request, cancellationToken) =>
        {
            await _harness.Ledger.OfOtherProcess.Tasks.RemoveAsync(attempt);
            return await RecordOf("a", CallbackNonce.Append(HookUri, attempt.Nonce!))(request, cancellationToken);
        };
        Receive();

        Assert.Equal(CallbackResult.Accepted, Call("a", attempt.Nonce));

        KlingVideoTask bought = (await NextAsync()).Value!;
        Assert.Equal(("a", lost.Id), (bought.TaskId, bought.Replaces));
    }

    [Theory]
    [InlineData(nameof(ITaskJournal.FindByNonceAsync), true)]
    [InlineData(nameof(ITaskJournal.FindByTaskIdAsync), true)]
    [InlineData(nameof(ITaskJournal.RecordAcceptedAsync), true)]
    [InlineData(nameof(ITaskJournal.RecordAcceptedAsync), false)]
    public async Task A_purchase_that_a_callback_proves_is_kept_on_this_machine_while_the_ledger_is_away(string step, bool isEchoed)
    {
        await using var harness = new PipelineHarness(keeps: true);
        KlingVideoTask began = await BeganAsync(harness.Ledger, "/images/fox.png");
        KlingVideoTask attempt = await harness.Ledger.Tasks.RejectAsync(began.Id, "500", "No.");
        harness.Tasks["a"] = RecordOf("a", isEchoed ? CallbackNonce.Append(HookUri, attempt.Nonce!) : HookUri);
        bool isAway = false;
        harness.Ledger.BeforeCall = name =>
        {
            isAway |= name == step;
            if (isAway && name != nameof(ITaskJournal.KeepAsync))
            {
                throw new KlingException(ErrorKind.LedgerUnusable, "The server is away.");
            }
        };
        var gate = new CallbackGate("/kling/", new CallbackVerifier(CallbackTexts.Key, CallbackVerifier.DefaultMaxAge, harness.Clock), harness.Clock);
        using CallbackReceiver receiver = CallbackReceiver.Start(harness.NewService(), gate, new MemoryStream(), new ReceiveOptions());
        gate.Admit(CallbackTexts.Head("a", harness.Clock.GetUtcNow(), $"/kling/?klingps={attempt.Nonce}"), CallbackTexts.Bytes(CallbackTexts.Body("a")));
        Outcome<TaskReference, KlingVideoTask> outcome = await Eventually.DoneAsync(receiver.Results.ReadAsync().AsTask(), "the error to come out");
        harness.Ledger.BeforeCall = null;

        await harness.Ledger.Tasks.RecoverAsync(TestContext.Current.CancellationToken);

        Assert.Equal(ErrorKind.LedgerUnusable, outcome.Error?.Kind);
        Assert.Contains($"is kept in '{harness.Ledger.Spool.Folder}'", outcome.Error!.Message, StringComparison.Ordinal);
        KlingVideoTask task = Assert.Single(await harness.ListAsync());
        Assert.Equal((attempt.Id, "a", KlingTaskState.Waiting), (task.Id, task.TaskId, task.TaskState));
    }

    [Fact]
    public async Task A_task_is_asked_for_once_when_its_callback_comes_and_not_before()
    {
        Receive();
        await PostAsync("a");
        await PassAsync(TimeSpan.FromMinutes(4));
        Assert.Equal(0, _harness.Queries);

        _harness.Tasks["a"] = PipelineHarness.Succeeded("a");
        Assert.Equal(CallbackResult.Accepted, Call("a"));

        Outcome<TaskReference, KlingVideoTask> outcome = await NextAsync();
        Assert.Equal(("a", KlingTaskState.Succeeded, null), (outcome.Value!.TaskId, outcome.Value.TaskState, outcome.Error));
        Assert.Empty(await FinishAsync());
        Assert.Equal(1, _harness.Queries);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Two_tasks_that_have_the_same_number_in_two_ledgers_both_come_out(bool isCopy)
    {
        await using var other = new TestLedger(_harness.Clock);
        Receive();
        KlingVideoTask one = await PostAsync("a");
        KlingVideoTask two = await _harness.AcceptedAsync("b", ledger: other);
        Assert.Equal(one.Id, two.Id);
        _harness.Tasks["a"] = PipelineHarness.Succeeded("a");
        _harness.Tasks["b"] = PipelineHarness.InTurn(PipelineHarness.Generating, PipelineHarness.Succeeded("b"));
        await _receiver!.PostAsync(new TaskReference { Task = isCopy ? two with { LedgerId = one.LedgerId } : two }, CancellationToken.None);

        Call("a");
        Call("b");

        Assert.Equal(["a", "b"], (await FinishAsync()).Select(outcome => outcome.Value!.TaskId!).Order());
    }

    [Fact]
    public async Task A_callback_that_is_quicker_than_the_task_is_not_missed()
    {
        Receive();
        KlingVideoTask task = await _harness.AcceptedAsync("a");
        _harness.Tasks["a"] = PipelineHarness.Succeeded("a");
        Call("a");
        await Eventually.TrueAsync(async () => (await _harness.Ledger.Tasks.FindAsync(task.Id, CancellationToken.None))!.TaskState == KlingTaskState.Succeeded);

        await _receiver!.PostAsync(new TaskReference { Task = task }, CancellationToken.None);

        Assert.Equal("a", (await NextAsync()).Value!.TaskId);
        Assert.Empty(await FinishAsync());
        Assert.Equal(1, _harness.Queries);
    }

    [Fact]
    public async Task A_callback_that_is_ahead_of_the_record_is_looked_into_again()
    {
        Receive(new ReceiveOptions { IsPolling = false });
        await PostAsync("a");
        _harness.Tasks["a"] = PipelineHarness.InTurn(PipelineHarness.Generating, PipelineHarness.Generating, PipelineHarness.Succeeded("a"));
        DateTimeOffset start = _harness.Clock.GetUtcNow();
        Call("a");
        await Eventually.TrueAsync(() => _harness.Queries > 0);

        Assert.Equal("a", Assert.Single(await FinishAsync(longestWait: TimeSpan.FromSeconds(20))).Value!.TaskId);
        Assert.InRange(_harness.Queries, 3, 4);
        Assert.InRange(_harness.Clock.GetUtcNow() - start, TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task Of_forty_tasks_with_half_the_callbacks_lost_and_some_doubled_each_comes_out_once()
    {
        Receive();
        string[] ids = [.. Enumerable.Range(0, 40).Select(i => $"task{i}")];
        foreach (string id in ids)
        {
            await PostAsync(id);
        }

        await PassAsync(TimeSpan.FromSeconds(100));
        long created = _harness.Clock.Start.ToUnixTimeMilliseconds();
        foreach (string id in ids)
        {
            _harness.Tasks[id] = Replies.Data($$"""
                {"taskId":"{{id}}","state":"success","resultJson":"{\"resultUrls\":[\"https://videos.example/{{id}}.mp4\"]}","createTime":{{created}},"completeTime":{{created + 100_000}}}
                """);
        }

        var outcomes = new List<Outcome<TaskReference, KlingVideoTask>>();
        for (int i = 0; i < ids.Length; i += 2)
        {
            Assert.Equal(CallbackResult.Accepted, Call(ids[i]));
            if (i % 8 == 0)
            {
                Assert.Equal(CallbackResult.Replayed, Call(ids[i]));
            }

            // No more time passes than the limit of ten queries a second takes: the others are not to be missed yet.
            outcomes.Add(await NextAsync());
            await PassAsync(TimeSpan.FromSeconds(0.2));
        }

        // The same callbacks once more, with signatures of their own.
        await PassAsync(TimeSpan.FromSeconds(1));
        Assert.Equal(CallbackResult.Accepted, Call(ids[0]));

        DateTimeOffset start = _harness.Clock.GetUtcNow();
        outcomes.AddRange(await FinishAsync(longestWait: TimeSpan.FromSeconds(20)));

        Assert.Equal(ids.Order(), outcomes.Select(outcome => outcome.Value!.TaskId).Order());
        Assert.All(ids, id => Assert.Equal(1, QueriesOf(id)));

        // Those that came have taught how long it takes, so the others are missed soon.
        Assert.InRange(_harness.Clock.GetUtcNow() - start, TimeSpan.Zero, TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task A_lost_callback_of_the_first_task_ever_is_missed_after_five_minutes()
    {
        Receive();
        await PostAsync("a");
        _harness.Tasks["a"] = PipelineHarness.Succeeded("a");
        DateTimeOffset start = _harness.Clock.GetUtcNow();

        Assert.Equal("a", Assert.Single(await FinishAsync(longestWait: TimeSpan.FromSeconds(20))).Value!.TaskId);
        Assert.InRange(_harness.Clock.GetUtcNow() - start, TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(6));
    }

    [Fact]
    public async Task A_task_whose_callback_is_lost_is_asked_for_as_often_as_its_user_has_set()
    {
        Receive(new ReceiveOptions { PollingInterval = TimeSpan.FromMinutes(10) });
        await PostAsync("a");
        _harness.Tasks["a"] = PipelineHarness.InTurn(PipelineHarness.Generating, PipelineHarness.Generating, PipelineHarness.Succeeded("a"));
        DateTimeOffset start = _harness.Clock.GetUtcNow();

        Assert.Equal("a", Assert.Single(await FinishAsync(longestWait: TimeSpan.FromMinutes(10))).Value!.TaskId);
        Assert.InRange(_harness.Clock.GetUtcNow() - start, TimeSpan.FromMinutes(30), TimeSpan.FromMinutes(31));
    }

    [Fact]
    public async Task Without_polling_nothing_is_asked_and_the_time_runs_out()
    {
        Receive(new ReceiveOptions { IsPolling = false, Timeout = TimeSpan.FromHours(1) });
        await PostAsync("a");
        await PostAsync("b");

        List<Outcome<TaskReference, KlingVideoTask>> outcomes = await FinishAsync();

        Assert.Equal([ErrorKind.WaitTimeout, ErrorKind.WaitTimeout], outcomes.Select(outcome => outcome.Error!.Kind));
        Assert.Equal(0, _harness.Queries);
    }

    [Fact]
    public async Task When_the_time_is_over_a_task_is_looked_at_once_before_it_is_given_up()
    {
        Receive(new ReceiveOptions { Timeout = TimeSpan.FromSeconds(30) });
        await PostAsync("a");
        await PostAsync("b");
        _harness.Tasks["b"] = PipelineHarness.Succeeded("b");

        List<Outcome<TaskReference, KlingVideoTask>> outcomes = await FinishAsync();

        Assert.Equal(ErrorKind.WaitTimeout, outcomes.Single(outcome => outcome.Value is null).Error!.Kind);
        Assert.Equal("b", outcomes.Single(outcome => outcome.Error is null).Value!.TaskId);
        Assert.Equal(2, _harness.Queries);
    }

    [Fact]
    public async Task A_failed_task_comes_out_with_its_error()
    {
        Receive();
        await PostAsync("a");
        _harness.Tasks["a"] = PipelineHarness.Failed("501", "The picture shows nothing.");
        Call("a");

        Outcome<TaskReference, KlingVideoTask> outcome = await NextAsync();

        Assert.Empty(await FinishAsync());
        Assert.Equal((KlingTaskState.Failed, ErrorKind.TaskFailed, true), (outcome.Value!.TaskState, outcome.Error!.Kind, outcome.Value.IsFailureReported));
    }

    [Fact]
    public async Task Twenty_attempts_whose_answers_were_lost_are_found_by_their_numbers()
    {
        KlingVideoTask[] attempts = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => LostAsync($"/images/{i}.png")));
        Receive(new ReceiveOptions { TakesAll = true, Count = 20 });
        foreach (KlingVideoTask attempt in attempts)
        {
            string taskId = $"task{attempt.Id}";
            _harness.Tasks[taskId] = RecordOf(taskId, CallbackNonce.Append(HookUri, attempt.Nonce!));
            Call(taskId, attempt.Id % 2 == 0 ? attempt.Nonce : null);
        }

        List<Outcome<TaskReference, KlingVideoTask>> outcomes = await FinishAsync();

        Assert.All(outcomes, outcome => Assert.Null(outcome.Error));
        Assert.Equal(
            attempts.Select(attempt => (attempt.Id, $"task{attempt.Id}", attempt.SourcePath)).OrderBy(task => task.Id),
            outcomes.Select(outcome => (outcome.Value!.Id, outcome.Value.TaskId!, outcome.Value.SourcePath)).OrderBy(task => task.Id));
        Assert.All(await _harness.ListAsync(), task => Assert.Equal(KlingTaskState.Succeeded, task.TaskState));
        Assert.Equal((20, 20), ((await _harness.ListAsync()).Count, _harness.Queries));
        Assert.Equal(0, _harness.Creates);
    }

    [Fact]
    public async Task An_unknown_attempt_can_be_waited_for()
    {
        KlingVideoTask attempt = await LostAsync("/images/fox.png");
        KlingVideoTask other = await LostAsync("/images/cat.png");
        Receive(new ReceiveOptions { Timeout = TimeSpan.FromMinutes(15) });
        await _receiver!.PostAsync(new TaskReference { Task = attempt }, CancellationToken.None);
        await _receiver.PostAsync(new TaskReference { Task = other }, CancellationToken.None);
        _harness.Tasks["a"] = RecordOf("a", CallbackNonce.Append(HookUri, attempt.Nonce!));
        Call("a", attempt.Nonce);

        List<Outcome<TaskReference, KlingVideoTask>> outcomes = [await NextAsync(), .. await FinishAsync()];

        Assert.Equal((attempt.Id, "a", KlingTaskState.Succeeded), outcomes[0].Value is { } task ? (task.Id, task.TaskId, task.TaskState) : default);
        Assert.Equal((ErrorKind.AttemptUnknown, other.Id), (outcomes[1].Error!.Kind, outcomes[1].Item.Task!.Id));
        Assert.Equal(2, outcomes.Count);
    }

    [Fact]
    public async Task An_unknown_attempt_that_is_settled_by_hand_meanwhile_is_waited_for_no_more()
    {
        KlingVideoTask attempt = await LostAsync("/images/fox.png");
        Receive(new ReceiveOptions { IsPolling = false });
        await _receiver!.PostAsync(new TaskReference { Task = attempt }, CancellationToken.None);
        await PassAsync(TimeSpan.FromSeconds(50));

        await _harness.Ledger.Tasks.AbandonAsync(attempt.Id);

        Assert.Equal(KlingTaskState.Abandoned, Assert.Single(await FinishAsync()).Value!.TaskState);
    }

    [Fact]
    public async Task A_callback_may_be_quicker_than_the_answer_to_the_request()
    {
        KlingVideoTask attempt = await BeganAsync("/images/fox.png");
        Receive(new ReceiveOptions { TakesAll = true, Count = 1 });
        _harness.Tasks["a"] = RecordOf("a", CallbackNonce.Append(HookUri, attempt.Nonce!));
        Call("a", attempt.Nonce);

        Assert.Equal(attempt.Id, Assert.Single(await FinishAsync()).Value!.Id);
        Assert.Equal(("a", KlingTaskState.Succeeded), Assert.Single(await _harness.ListAsync()) is { } task ? (task.TaskId, task.TaskState) : default);
    }

    [Theory]
    [InlineData("A cat sleeps.", false)]
    [InlineData(null, true)]
    public async Task A_task_made_from_another_request_settles_nothing(string? prompt, bool isOthersNonce)
    {
        KlingVideoTask attempt = await LostAsync("/images/fox.png");
        Receive();
        string nonce = isOthersNonce ? "00112233445566778899aabbccddeeff" : attempt.Nonce!;
        _harness.Tasks["a"] = RecordOf("a", CallbackNonce.Append(HookUri, nonce), prompt);
        Call("a", attempt.Nonce);
        await Eventually.TrueAsync(() => !_harness.Observer.Warnings.IsEmpty);

        Assert.Contains("it is not", Assert.Single(_harness.Observer.Warnings), StringComparison.Ordinal);
        Assert.Equal((KlingTaskState.Unknown, null), ((await _harness.Ledger.Tasks.FindAsync(attempt.Id, CancellationToken.None))!.TaskState, attempt.TaskId));
        Assert.Single(await _harness.ListAsync());
    }

    [Fact]
    public async Task An_unsigned_callback_about_a_task_nobody_knows_makes_no_request()
    {
        CallbackGate gate = GateOf(isVerifying: false);
        Receive(new ReceiveOptions { TakesAll = true, Count = 1 }, gate);
        KlingVideoTask task = await _harness.AcceptedAsync("mine");
        _harness.Tasks["mine"] = PipelineHarness.Succeeded("mine");

        gate.Admit(CallbackTexts.Unsigned(), CallbackTexts.Bytes(CallbackTexts.Body("foreign")));
        gate.Admit(CallbackTexts.Unsigned(), CallbackTexts.Bytes(CallbackTexts.Body("mine")));

        Assert.Equal(task.Id, (await NextAsync()).Value!.Id);
        await Eventually.TrueAsync(() => _receiver!.Ignored > 0);
        Assert.Empty(await FinishAsync());

        Assert.Equal((0, 1), (QueriesOf("foreign"), QueriesOf("mine")));
    }

    [Fact]
    public async Task A_signed_callback_about_a_task_from_elsewhere_brings_it_into_the_ledger()
    {
        Receive(new ReceiveOptions { TakesAll = true, Timeout = TimeSpan.FromMinutes(5) });
        _harness.Tasks["a"] = RecordOf("a", HookUri);
        Call("a");

        Assert.Equal("A fox runs.", (await NextAsync()).Value!.Prompt);
        Assert.Empty(await FinishAsync());
        Assert.Equal("a", Assert.Single(await _harness.ListAsync()).TaskId);
    }

    [Fact]
    public async Task Tasks_that_were_not_asked_for_are_recorded_and_not_handed_out()
    {
        Receive();
        await PostAsync("mine");
        KlingVideoTask other = await _harness.AcceptedAsync("other");
        _harness.Tasks["mine"] = PipelineHarness.Succeeded("mine");
        _harness.Tasks["other"] = PipelineHarness.Succeeded("other");

        Call("other");
        await Eventually.TrueAsync(async () => (await _harness.Ledger.Tasks.FindAsync(other.Id, CancellationToken.None))!.TaskState == KlingTaskState.Succeeded);

        Call("mine");
        Assert.Equal("mine", (await NextAsync()).Value!.TaskId);
        Assert.Empty(await FinishAsync());
    }

    [Fact]
    public async Task The_callback_of_a_lost_task_survives_an_outage()
    {
        KlingVideoTask attempt = await LostAsync("/images/fox.png");
        Receive(new ReceiveOptions { TakesAll = true, Count = 1 });
        _harness.Tasks["a"] = PipelineHarness.InTurn([.. Enumerable.Repeat(Replies.Html(502), 12), RecordOf("a", CallbackNonce.Append(HookUri, attempt.Nonce!))]);
        Call("a", attempt.Nonce);

        Assert.Equal((attempt.Id, "a"), Assert.Single(await FinishAsync()).Value is { } task ? (task.Id, task.TaskId) : default);
    }

    [Fact]
    public async Task A_hiccup_of_the_service_when_the_first_callback_comes_does_not_end_the_wait()
    {
        Receive(new ReceiveOptions { IsPolling = false });
        await PostAsync("a");
        _harness.Tasks["a"] = PipelineHarness.InTurn([.. Enumerable.Repeat(Replies.Html(502), 12), PipelineHarness.Succeeded("a")]);
        Call("a");

        Outcome<TaskReference, KlingVideoTask> outcome = Assert.Single(await FinishAsync(longestWait: TimeSpan.FromMinutes(1)));

        Assert.Equal(("a", null), (outcome.Value?.TaskId, outcome.Error));
    }

    [Fact]
    public async Task A_service_that_stays_away_after_the_callback_ends_the_wait_at_last()
    {
        Receive(new ReceiveOptions { IsPolling = false });
        await PostAsync("a");
        _harness.Tasks["a"] = Replies.Html(502);
        Call("a");
        await Eventually.TrueAsync(() => _harness.Queries > 0);

        Assert.Equal(ErrorKind.ServiceUnavailable, Assert.Single(await FinishAsync(longestWait: TimeSpan.FromMinutes(1))).Error!.Kind);
        Assert.True(_harness.Clock.GetUtcNow() - _harness.Clock.Start >= TimeSpan.FromMinutes(10));
    }

    [Fact]
    public async Task A_callback_of_somebody_elses_task_during_an_outage_does_not_end_the_wait()
    {
        Receive(new ReceiveOptions { IsPolling = false });
        await PostAsync("mine");
        await _harness.AcceptedAsync("other");
        _harness.Tasks["other"] = Replies.Html(502);
        Call("other");
        await Eventually.TrueAsync(
            async () =>
            {
                await PassAsync(TimeSpan.FromSeconds(10));
                return !_harness.Observer.Warnings.IsEmpty;
            },
            "a warning");

        _harness.Tasks["mine"] = PipelineHarness.Succeeded("mine");
        Call("mine");

        Outcome<TaskReference, KlingVideoTask> outcome = await NextAsync();
        Assert.Empty(await FinishAsync());
        Assert.Equal(("mine", null), (outcome.Value?.TaskId, outcome.Error));
        Assert.Contains("skipped", Assert.Single(_harness.Observer.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Callbacks_that_were_answered_are_recorded_though_the_wait_is_over(bool takesAll)
    {
        var released = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Receive(new ReceiveOptions { TakesAll = takesAll, Count = 1 });
        KlingVideoTask late = await _harness.AcceptedAsync("late");
        KlingVideoTask prompt = await _harness.AcceptedAsync("prompt");
        if (!takesAll)
        {
            await _receiver!.PostAsync(new TaskReference { Task = prompt }, CancellationToken.None);
        }

        _harness.Tasks["prompt"] = PipelineHarness.Succeeded("prompt");
        _harness.Tasks["late"] = async (request, cancellationToken) =>
        {
            await released.Task.WaitAsync(cancellationToken);
            return await PipelineHarness.Succeeded("late")(request, cancellationToken);
        };
        Assert.Equal(CallbackResult.Accepted, Call("late"));
        await Eventually.TrueAsync(() => QueriesOf("late") > 0);

        Assert.Equal(CallbackResult.Accepted, Call("prompt"));
        Assert.Equal("prompt", (await NextAsync()).Value!.TaskId);
        released.SetResult();
        await Eventually.DoneAsync(_receiver!.Results.Completion);

        Assert.Equal(KlingTaskState.Succeeded, (await _harness.Ledger.Tasks.FindAsync(late.Id, CancellationToken.None))!.TaskState);
    }

    [Fact]
    public async Task Attempts_whose_answers_were_lost_upstream_are_waited_for()
    {
        KlingVideoTask old = await LostAsync("/images/old.png");
        await PassAsync(TimeSpan.FromSeconds(30));
        Receive(new ReceiveOptions { TakesLost = true });
        await PostAsync("a");
        KlingVideoTask attempt = await LostAsync("/images/fox.png");
        KlingVideoTask never = await LostAsync("/images/cat.png");
        _harness.Tasks["a"] = PipelineHarness.Succeeded("a");
        Call("a");
        Assert.Equal("a", (await NextAsync()).Value!.TaskId);

        _receiver!.Complete();
        _harness.Tasks["b"] = RecordOf("b", CallbackNonce.Append(HookUri, attempt.Nonce!));
        Call("b", attempt.Nonce);

        Assert.Equal(("b", attempt.Id, KlingTaskState.Succeeded), (await NextAsync()).Value is { } task ? (task.TaskId, task.Id, task.TaskState) : default);
        Assert.Empty(await FinishAsync());
        Assert.Equal(KlingTaskState.Unknown, (await _harness.Ledger.Tasks.FindAsync(old.Id, CancellationToken.None))!.TaskState);

        // Whoever lost its answer has reported it.
        Assert.Equal((1, KlingTaskState.Unknown), (_receiver.StillLost, (await _harness.Ledger.Tasks.FindAsync(never.Id, CancellationToken.None))!.TaskState));
        Assert.InRange(_harness.Clock.GetUtcNow() - never.CreatedAt, TimeSpan.FromSeconds(20), TimeSpan.FromMinutes(6));
    }

    [Theory]
    [InlineData(KlingTaskState.Submitting)]
    [InlineData(KlingTaskState.Unknown)]
    public async Task Attempts_of_another_process_are_neither_waited_for_nor_counted_as_reported(KlingTaskState state)
    {
        Receive(new ReceiveOptions { TakesLost = true });
        await PostAsync("a");
        KlingVideoTask theirs = await BeganAsync(_harness.Ledger.OfOtherProcess, "/images/fox.png");
        if (state == KlingTaskState.Unknown)
        {
            await _harness.Ledger.OfOtherProcess.Tasks.LoseAsync(theirs.Id);
        }

        _harness.Tasks["a"] = PipelineHarness.Succeeded("a");
        DateTimeOffset start = _harness.Clock.GetUtcNow();
        Call("a");

        Assert.Equal("a", (await NextAsync()).Value!.TaskId);
        Assert.Empty(await FinishAsync(longestWait: TimeSpan.FromSeconds(20)));

        Assert.Equal(0, _receiver!.StillLost);
        Assert.InRange(_harness.Clock.GetUtcNow() - start, TimeSpan.Zero, TimeSpan.FromMinutes(1));
        Assert.Equal(state, (await _harness.Ledger.Tasks.FindAsync(theirs.Id, CancellationToken.None))!.TaskState);
    }

    [Fact]
    public async Task A_callback_that_is_far_ahead_of_the_record_is_not_forgotten_without_polling()
    {
        Receive(new ReceiveOptions { IsPolling = false });
        await PostAsync("a");
        _harness.Tasks["a"] = PipelineHarness.InTurn([.. Enumerable.Repeat(PipelineHarness.Generating, 20), PipelineHarness.Succeeded("a")]);
        Call("a");

        Assert.Equal("a", Assert.Single(await FinishAsync()).Value!.TaskId);
    }

    [Fact]
    public async Task A_lost_task_whose_record_comes_after_its_callback_is_found()
    {
        KlingVideoTask attempt = await LostAsync("/images/fox.png");
        Receive(new ReceiveOptions { TakesAll = true, Count = 1 });
        _harness.Tasks["a"] = PipelineHarness.InTurn(
            Replies.Code(422, "recordInfo is null"),
            PipelineHarness.Succeeded("a"),
            RecordOf("a", CallbackNonce.Append(HookUri, attempt.Nonce!)));
        Call("a", attempt.Nonce);

        Assert.Equal((attempt.Id, "a"), Assert.Single(await FinishAsync()).Value is { } task ? (task.Id, task.TaskId) : default);
        Assert.Empty(_harness.Observer.Warnings);
    }

    [Fact]
    public async Task A_task_that_turns_out_to_be_a_lost_attempt_comes_out_once()
    {
        KlingVideoTask attempt = await LostAsync("/images/fox.png");
        KlingVideoTask adopted = await _harness.Ledger.Tasks.RecordSnapshotAsync(_harness.Session.Account, new TaskSnapshot { TaskId = "a", State = KlingTaskState.Generating });
        Receive(new ReceiveOptions { IsPolling = false });
        await _receiver!.PostAsync(new TaskReference { Task = adopted }, CancellationToken.None);
        _harness.Tasks["a"] = RecordOf("a", CallbackNonce.Append(HookUri, attempt.Nonce!));
        await PassAsync(TimeSpan.FromSeconds(1));
        Call("a", attempt.Nonce);

        Outcome<TaskReference, KlingVideoTask> outcome = await NextAsync();
        Assert.Equal((attempt.Id, "/images/fox.png", KlingTaskState.Succeeded), outcome.Value is { } task ? (task.Id, task.SourcePath, task.TaskState) : default);
        Assert.Empty(await FinishAsync());
    }

    [Fact]
    public async Task Tasks_that_come_when_the_count_is_reached_are_left_with_one_warning()
    {
        Receive(new ReceiveOptions { Count = 1 });
        await PostAsync("a");
        _harness.Tasks["a"] = PipelineHarness.Succeeded("a");
        Call("a");
        Assert.Equal("a", (await NextAsync()).Value!.TaskId);

        await PostAsync("b");
        await PostAsync("c");

        Assert.Empty(await FinishAsync());
        Assert.Contains("/images/b.png", Assert.Single(_harness.Observer.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_payload_that_another_server_received_is_confirmed_before_it_counts()
    {
        KlingVideoTask attempt = await LostAsync("/images/fox.png");
        var processor = new CallbackProcessor(_harness.NewService(isObserved: false));
        _harness.Tasks["a"] = RecordOf("a", CallbackNonce.Append(HookUri, attempt.Nonce!));
        byte[] body = CallbackTexts.Bytes(CallbackTexts.Body("a", "fail"));

        KlingException refused = await Assert.ThrowsAsync<KlingException>(() => processor.ProcessAsync(body, null, null, CancellationToken.None));
        Assert.Equal((ErrorKind.CallbackRefused, 0), (refused.Kind, _harness.Queries));

        KlingVideoTask task = await _harness.Clock.RunAsync(processor.ProcessAsync(body, CallbackNonce.Append(HookUri, attempt.Nonce!), null, CancellationToken.None));
        Assert.Equal((attempt.Id, "a", KlingTaskState.Succeeded), (task.Id, task.TaskId, task.TaskState));
    }

    [Fact]
    public async Task Another_price_that_comes_with_the_callback_of_a_lost_task_is_told()
    {
        KlingVideoTask attempt = await LostAsync("/images/fox.png");
        _harness.Tasks["a"] = RecordOf("a", CallbackNonce.Append(HookUri, attempt.Nonce!), credits: 63);

        await _harness.Clock.RunAsync(new CallbackProcessor(_harness.NewService(isObserved: true))
            .ProcessAsync(CallbackTexts.Bytes(CallbackTexts.Body("a")), CallbackNonce.Append(HookUri, attempt.Nonce!), null, CancellationToken.None));

        Assert.Contains("took 63 credits", Assert.Single(_harness.Observer.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, "has become another task")]
    [InlineData(true, "owl.png")]
    public async Task A_callback_that_another_process_overtakes_changes_nothing_and_says_why(bool isTaken, string reason)
    {
        KlingVideoTask attempt = await LostAsync("/images/fox.png");
        KlingVideoTask other = await LostAsync("/images/owl.png");
        _harness.Tasks["a"] = RecordOf("a", CallbackNonce.Append(HookUri, attempt.Nonce!));
        _harness.Ledger.BeforeCall = name =>
        {
            if (name == nameof(ITaskJournal.RecordAcceptedAsync))
            {
                ITaskJournal theirs = _harness.Ledger.OfOtherProcess.Tasks;
                (isTaken ? theirs.RecordAcceptedAsync(other.Id, "a") : theirs.RecordAcceptedAsync(attempt.Id, "b")).GetAwaiter().GetResult();
            }
        };

        KlingException refused = await Assert.ThrowsAsync<KlingException>(() => _harness.Clock.RunAsync(new CallbackProcessor(_harness.NewService(isObserved: false))
            .ProcessAsync(CallbackTexts.Bytes(CallbackTexts.Body("a")), CallbackNonce.Append(HookUri, attempt.Nonce!), null, CancellationToken.None)));

        Assert.Equal(ErrorKind.CallbackRefused, refused.Kind);
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
        Assert.Equal(isTaken ? [null, "a"] : ["b", null], (await _harness.ListAsync()).Select(task => task.TaskId));
    }

    [Fact]
    public async Task A_payload_whose_signature_was_found_wrong_is_not_processed()
    {
        byte[] body = CallbackTexts.Bytes(CallbackTexts.Body("a"));
        string timestamp = CallbackTexts.Seconds(_harness.Clock.GetUtcNow());
        CallbackReport report = new CallbackVerifier(CallbackTexts.Key, CallbackVerifier.DefaultMaxAge, _harness.Clock).Check(body, timestamp, CallbackTexts.Signature("another", timestamp));

        KlingException refused = await Assert.ThrowsAsync<KlingException>(
            () => new CallbackProcessor(_harness.NewService(isObserved: false)).ProcessAsync(body, null, report, CancellationToken.None));

        Assert.Equal((ErrorKind.CallbackRefused, 0), (refused.Kind, _harness.Queries));
        Assert.Contains("signature is wrong", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Callbacks_are_received_for_as_many_weeks_as_were_asked_for()
    {
        Receive(new ReceiveOptions { TakesAll = true, Timeout = TimeSpan.FromDays(60) });
        _harness.Clock.Advance(TimeSpan.FromDays(59));
        await _harness.AcceptedAsync("a");
        _harness.Tasks["a"] = PipelineHarness.Succeeded("a");
        Assert.Equal(CallbackResult.Accepted, Call("a"));
        Assert.Equal("a", (await NextAsync()).Value!.TaskId);

        _harness.Clock.Advance(TimeSpan.FromDays(1));

        Assert.Empty(await FinishAsync());
    }

    [Fact]
    public async Task A_video_that_was_charged_though_the_answer_was_no_is_the_attempts()
    {
        KlingVideoTask attempt = await _harness.Ledger.Tasks.RejectAsync((await BeganAsync("/images/fox.png")).Id, "500", "Server exception, please try again later.");
        Receive(new ReceiveOptions { TakesAll = true, Count = 1 });
        _harness.Tasks["a"] = RecordOf("a", CallbackNonce.Append(HookUri, attempt.Nonce!));
        Call("a", attempt.Nonce);

        KlingVideoTask task = Assert.Single(await FinishAsync()).Value!;

        Assert.Equal((attempt.Id, "a", "/images/fox.png", KlingTaskState.Succeeded, 42m), (task.Id, task.TaskId, task.SourcePath, task.TaskState, task.CreditsConsumed));
        Assert.Single(await _harness.ListAsync());
        Assert.Contains("'/images/fox.png' (task 1) was bought after all", Assert.Single(_harness.Observer.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_callback_for_a_task_that_was_given_up_as_forgotten_has_it_asked_for_again(bool isKnownAgain)
    {
        KlingVideoTask attempt = await _harness.Ledger.Tasks.AcceptAsync((await BeganAsync("/images/fox.png")).Id, "a");
        KlingVideoTask forgotten = await _harness.Ledger.Tasks.RecordForgottenAsync(attempt.Id, "a", "gone");
        if (isKnownAgain)
        {
            _harness.Tasks["a"] = RecordOf("a", CallbackNonce.Append(HookUri, attempt.Nonce!));
        }

        Receive(new ReceiveOptions { TakesAll = true });
        Call("a", attempt.Nonce);
        await _harness.Clock.RunAsync(Eventually.TrueAsync(() => !_harness.Observer.Warnings.IsEmpty));

        KlingVideoTask task = Assert.Single(await _harness.ListAsync());
        string warning = Assert.Single(_harness.Observer.Warnings);
        if (isKnownAgain)
        {
            Assert.Equal((attempt.Id, KlingTaskState.Succeeded, 42m), (task.Id, task.TaskState, task.CreditsConsumed));
            Assert.Contains("The service knows '/images/fox.png' (task 1) again", warning, StringComparison.Ordinal);
        }
        else
        {
            Assert.Equal(forgotten, task);
            Assert.StartsWith("A callback was skipped. The service knows no task 'a'", warning, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(nameof(KlingTaskState.Succeeded), 42)]
    [InlineData(nameof(KlingTaskState.Generating), null)]
    public async Task A_callback_for_a_task_that_had_failed_has_it_asked_for_again(string state, int? consumed)
    {
        KlingVideoTask attempt = await _harness.Ledger.Tasks.AcceptAsync((await BeganAsync("/images/fox.png")).Id, "a");
        await _harness.Ledger.Tasks.RecordSnapshotAsync(_harness.Session.Account, new TaskSnapshot { TaskId = "a", State = KlingTaskState.Failed });
        _harness.Tasks["a"] = state == nameof(KlingTaskState.Succeeded) ? RecordOf("a", CallbackNonce.Append(HookUri, attempt.Nonce!)) : PipelineHarness.Generating;

        Receive();
        Call("a", attempt.Nonce);
        await _harness.Clock.RunAsync(Eventually.TrueAsync(() => !_harness.Observer.Warnings.IsEmpty));

        KlingVideoTask task = Assert.Single(await _harness.ListAsync());
        Assert.Equal((attempt.Id, state, (decimal?)consumed), (task.Id, task.State, task.CreditsConsumed));
        Assert.StartsWith($"'/images/fox.png' (task 1), which had failed, is {state} at the service now.", Assert.Single(_harness.Observer.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_task_made_from_another_request_is_not_that_of_a_refused_attempt()
    {
        KlingVideoTask attempt = await _harness.Ledger.Tasks.RejectAsync((await BeganAsync("/images/fox.png")).Id, "500", "No.");
        Receive();
        _harness.Tasks["a"] = RecordOf("a", CallbackNonce.Append(HookUri, attempt.Nonce!), "A cat sleeps.");
        Call("a", attempt.Nonce);
        await Eventually.TrueAsync(() => !_harness.Observer.Warnings.IsEmpty);

        Assert.Equal((KlingTaskState.Rejected, 0m), Assert.Single(await _harness.ListAsync()) is { } task ? (task.TaskState, task.CreditsReserved) : default);
    }
}
