using KlingPS.Core.Api;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Reporting;
using KlingPS.Core.Resilience;
using KlingPS.Core.Sessions;
using KlingPS.Core.Stages;
using KlingPS.Core.Submitting;
using KlingPS.Core.Tests.Api;
using KlingPS.Core.Tests.Ledger;
using KlingPS.Core.Tests.Stages;

namespace KlingPS.Core.Tests.Submitting;

/// <summary>Whether a request that bought nothing is sent again, and what is told meanwhile.</summary>
public sealed class PurchaseSenderTests : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(10);

    private readonly PipelineHarness _harness = new(keeps: true);
    private readonly KlingService _service;
    private readonly PurchaseSender _sender;

    public PurchaseSenderTests()
    {
        _service = _harness.NewService();
        _sender = new PurchaseSender(_service);
    }

    public ValueTask DisposeAsync() => _harness.DisposeAsync();

    private SharedOutage Outage => _harness.Session.CreateOutage;

    private static KlingApiException Unavailable(TransportFault fault = TransportFault.Answered)
        => new(ErrorKind.ServiceUnavailable, fault, "Maintenance.") { IsTransient = true };

    private static KlingApiException Refused(TransportFault fault = TransportFault.Answered) => new(ErrorKind.RequestInvalid, fault, "No.");

    private bool IsSentAgain(KlingApiException refusal, int number = 1, TimeSpan failing = default) => _sender.Judge(refusal, number, failing).Retry is not null;

    [Theory]
    [InlineData(4, true)]
    [InlineData(5, false)]
    public void Where_nothing_has_ever_answered_a_request_is_sent_five_times(int number, bool isSentAgain)
        => Assert.Equal(isSentAgain, IsSentAgain(Unavailable(TransportFault.NotSent), number));

    [Fact]
    public void A_service_that_has_answered_before_is_waited_for_when_it_cannot_be_reached()
    {
        Outage.OnAnswered();

        Assert.True(IsSentAgain(Unavailable(TransportFault.NotSent), number: 50));
    }

    [Fact]
    public void A_service_that_refuses_for_now_has_answered()
    {
        Assert.True(IsSentAgain(Unavailable()));

        Assert.True(Outage.HasAnswered);
        Assert.True(IsSentAgain(Unavailable(TransportFault.NotSent), number: 50));
    }

    [Fact]
    public void A_service_that_cannot_be_reached_has_not_answered()
    {
        Assert.True(IsSentAgain(Unavailable(TransportFault.NotSent)));

        Assert.False(Outage.HasAnswered);
    }

    [Theory]
    [InlineData(TransportFault.Answered, true)]
    [InlineData(TransportFault.NotSent, false)]
    public void A_refusal_for_good_shows_that_the_service_works_if_it_is_the_service_s(TransportFault fault, bool works)
    {
        Assert.True(IsSentAgain(Unavailable()));
        _harness.Clock.Advance(s_patience / 2);
        Assert.True(IsSentAgain(Unavailable()));
        _harness.Clock.Advance(s_patience / 2);
        Assert.False(IsSentAgain(Unavailable()));
        Assert.NotNull(Outage.FindError());

        (Retry? retry, KlingApiException error) = _sender.Judge(Refused(fault), 1, TimeSpan.Zero);

        Assert.Null(retry);
        Assert.Equal("No.", error.Message);
        Assert.Equal(works, Outage.FindError() is null);
    }

    [Theory]
    [InlineData(599.9, true)]
    [InlineData(600, false)]
    public void An_outage_is_waited_out_for_ten_minutes(double seconds, bool isSentAgain)
    {
        // The outage began with another request.
        Assert.True(IsSentAgain(Unavailable()));
        for (double passed = 0; passed < seconds; passed += 100)
        {
            _harness.Clock.Advance(TimeSpan.FromSeconds(Math.Min(100, seconds - passed)));
            Assert.Equal(isSentAgain || passed + 100 < seconds, IsSentAgain(Unavailable(), number: 2));
        }
    }

    [Theory]
    [InlineData(4, 600, true)]
    [InlineData(5, 599.9, true)]
    [InlineData(5, 600, false)]
    public void One_request_that_fails_while_others_are_taken_is_given_up_after_ten_minutes_and_five_attempts(int number, double seconds, bool isSentAgain)
    {
        (Retry? retry, KlingApiException error) = _sender.Judge(Unavailable(), number, TimeSpan.FromSeconds(seconds));

        Assert.Equal((isSentAgain, isSentAgain), (retry is not null, error.IsTransient));
    }

    [Theory]
    [InlineData(ErrorKind.RateLimited, true)]
    [InlineData(ErrorKind.ServiceUnavailable, false)]
    public async Task After_a_refusal_as_one_too_many_requests_go_one_at_a_time(ErrorKind kind, bool isThrottled)
    {
        _sender.Judge(new KlingApiException(kind, TransportFault.Answered, "Later.") { IsTransient = true }, 1, TimeSpan.Zero);

        using IDisposable? turn = await _sender.Throttle.EnterAsync(CancellationToken.None);
        Assert.Equal(isThrottled, turn is not null);
    }

    [Fact]
    public void When_the_ledger_is_lost_nothing_more_is_bought()
    {
        var error = new KlingException(ErrorKind.LedgerUnusable, "The server is gone.");

        _service.Loss.Note(error);

        Assert.Same(error, _sender.Fatal.Error);
    }

    [Fact]
    public void For_whom_requests_wait_is_told_once()
    {
        _sender.TellHeld("first");
        _sender.TellHeld("second");

        Assert.Equal(["first"], _harness.Observer.Warnings);
    }

    [Fact]
    public async Task A_request_at_the_service_is_under_way_and_one_that_waits_for_its_next_attempt_is_waiting()
    {
        var submitter = new VideoSubmitter(_harness.NewService());
        var arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var released = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _harness.Service.On(FakeService.CreatePath, Replies.Held(arrived, released.Task, Replies.Code(455, "Maintenance")), Replies.Accepts("t1"));
        Assert.Equal((0, 0), (submitter.UnderWay, submitter.Waiting));

        Task<Outcome<Submission, KlingVideoTask>> submit = submitter.SubmitAsync(_harness.Submission("fox.png"), CancellationToken.None);
        await Eventually.DoneAsync(arrived.Task);
        Assert.Equal((1, 0), (submitter.UnderWay, submitter.Waiting));
        string identity = Assert.Single(await _harness.ListAsync()).Identity!;
        Assert.Equal(identity, submitter.FindUnderWay(identity)?.Identity);
        Assert.Null(submitter.FindUnderWay("another"));

        released.SetResult();
        await Eventually.DoneAsync(_harness.Observer.Paused.Task);
        Assert.Equal((0, 1), (submitter.UnderWay, submitter.Waiting));

        Assert.Null((await _harness.Clock.RunAsync(submit)).Error);
        Assert.Equal((0, 0), (submitter.UnderWay, submitter.Waiting));
    }

    [Fact]
    public async Task Requests_go_at_once_again_when_twenty_in_a_row_were_accepted()
    {
        var submitter = new VideoSubmitter(_harness.NewService());
        _harness.Service.On(FakeService.CreatePath, Replies.Code(429, "Too often"), _harness.AcceptTask);

        // The first is sent again; the twentieth that is accepted ends the throttling.
        for (int i = 0; i < AdaptiveThrottle.AcceptancesToRelease; i++)
        {
            Assert.Null((await _harness.SubmitAsync(submitter, Submissions.FromUri($"https://images.example/{i}.png"))).Error);
        }

        // Two at once: neither waits for the other's answer.
        int atOnce = 0;
        var both = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _harness.Service.On(FakeService.CreatePath, async (request, token) =>
        {
            if (Interlocked.Increment(ref atOnce) == 2)
            {
                both.SetResult();
            }

            await both.Task.WaitAsync(token);
            return await _harness.AcceptTask(request, token);
        });
        _harness.Clock.Advance(TimeSpan.FromMinutes(1));
        Task<Outcome<Submission, KlingVideoTask>[]> buying = Task.WhenAll(
            submitter.SubmitAsync(Submissions.FromUri("https://images.example/a.png"), CancellationToken.None),
            submitter.SubmitAsync(Submissions.FromUri("https://images.example/b.png"), CancellationToken.None));

        await Eventually.DoneAsync(both.Task);
        Assert.All(await Eventually.DoneAsync(buying), outcome => Assert.Null(outcome.Error));
    }

    [Fact]
    public async Task The_wait_for_the_next_attempt_names_the_image_and_why()
    {
        _harness.Service.On(FakeService.CreatePath, Replies.Code(455, "Maintenance"), Replies.Accepts("t1"));

        await _harness.SubmitAsync(new VideoSubmitter(_harness.NewService()), _harness.Submission("fox.png"));

        string reason = Assert.Single(_harness.Observer.Reasons);
        Assert.StartsWith($"'{Path.Combine(_harness.Folder, "fox.png")}' is not bought yet. ", reason, StringComparison.Ordinal);
        Assert.Contains("Maintenance", reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_request_that_is_stopped_behind_the_gate_is_not_sent_and_hands_its_slot_back()
    {
        CancellationTokenSource? cancel = null;
        var submitter = new VideoSubmitter(_harness.NewService());
        _harness.Ledger.BehindCreateGate = () => cancel?.Cancel();

        // As many as the window holds: were the slots used up, the next one would wait for it.
        for (int i = 0; i < 20; i++)
        {
            using var stop = new CancellationTokenSource();
            cancel = stop;
            await Assert.ThrowsAnyAsync<OperationCanceledException>(
                () => _harness.SubmitAsync(submitter, Submissions.FromUri($"https://images.example/{i}.png"), stop.Token));
        }

        _harness.Ledger.BehindCreateGate = null;
        DateTimeOffset start = _harness.Clock.GetUtcNow();
        Assert.Null((await _harness.SubmitAsync(submitter, _harness.Submission("fox.png"))).Error);
        Assert.Equal((start, 1), (_harness.Clock.GetUtcNow(), _harness.Creates));
    }

    [Fact]
    public async Task A_task_that_was_accepted_is_told_of_as_submitted()
    {
        var observer = new RecordingObserver { WantsEvents = true };
        _harness.Service.On(FakeService.CreatePath, Replies.Accepts("t1"));

        await _harness.SubmitAsync(new VideoSubmitter(new KlingService(_harness.Session, observer)), _harness.Submission("fox.png"));

        RunEvent submitted = Assert.Single(observer.Events, told => told.Kind == RunEventKind.Submitted);
        Assert.Equal("t1", submitted.Task?.TaskId);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(6)]
    public async Task A_purchase_that_a_lost_ledger_cannot_record_is_kept_on_this_machine_and_is_the_last(int secondsToFail)
    {
        var submitter = new VideoSubmitter(_harness.NewService());
        int calls = 0;
        _harness.Service.On(FakeService.CreatePath, Replies.Accepts("t1"));
        _harness.Ledger.BeforeCall = name =>
        {
            if (name == nameof(ITaskJournal.RecordAcceptedAsync))
            {
                calls++;
                _harness.Clock.Advance(TimeSpan.FromSeconds(secondsToFail));
                throw new KlingException(ErrorKind.LedgerUnusable, "The ledger cannot be reached.");
            }
        };

        Outcome<Submission, KlingVideoTask> kept = await _harness.SubmitAsync(submitter, _harness.Submission("fox.png"));
        Outcome<Submission, KlingVideoTask> next = await _harness.SubmitAsync(submitter, _harness.Submission("cat.png", seed: 1));

        // Where each call takes its time to fail, there is only one.
        Assert.InRange(calls, secondsToFail > 0 ? 1 : 2, secondsToFail > 0 ? 1 : 5);
        Assert.Equal(("t1", true), (kept.Value?.TaskId, kept.Value?.IsUnrecorded));
        Assert.True(_harness.Ledger.Spool.HasAny);
        string warning = Assert.Single(_harness.Observer.Warnings);
        Assert.Contains("fox.png' was bought as task t1 of the service, and the ledger cannot be written.", warning, StringComparison.Ordinal);
        Assert.Contains("is kept in '", warning, StringComparison.Ordinal);
        Assert.Equal((ErrorKind.LedgerUnusable, 1), (next.Error!.Kind, _harness.Creates));
        Assert.Contains("is kept in '", next.Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_lost_answer_that_a_lost_ledger_cannot_record_is_kept_on_this_machine_and_is_the_last()
    {
        KlingService service = _harness.NewService();
        var submitter = new VideoSubmitter(service);
        _harness.Service.On(FakeService.CreatePath, Replies.FailsAfter(new HttpRequestException(HttpRequestError.ResponseEnded)));
        _harness.Ledger.BeforeCall = name =>
        {
            if (name == nameof(ITaskJournal.RecordUnknownAsync))
            {
                throw new KlingException(ErrorKind.LedgerUnusable, "The ledger cannot be reached.");
            }
        };

        KlingException lost = (await _harness.SubmitAsync(submitter, _harness.Submission("fox.png"))).Error!;
        KlingException next = (await _harness.SubmitAsync(submitter, _harness.Submission("cat.png", seed: 1))).Error!;

        Assert.Equal((ErrorKind.AttemptUnknown, ErrorKind.LedgerUnusable, 1), (lost.Kind, next.Kind, _harness.Creates));
        Assert.Contains("is kept in '", next.Message, StringComparison.Ordinal);
        Assert.True(_harness.Ledger.Spool.HasAny);
        Assert.NotNull(service.Loss.Error);
        Assert.Equal((0, 0), (submitter.UnderWay, submitter.Waiting));
    }

    [Fact]
    public async Task A_purchase_that_could_not_be_recorded_is_unknown_and_its_record_says_as_what_it_was_bought()
    {
        await using var harness = new PipelineHarness();
        harness.Service.On(FakeService.CreatePath, Replies.Accepts("t1"));
        harness.Ledger.BeforeCall = name =>
        {
            if (name is nameof(ITaskJournal.RecordAcceptedAsync))
            {
                throw new KlingException(ErrorKind.RequestInvalid, "This cannot be recorded.");
            }
        };

        Outcome<Submission, KlingVideoTask> outcome = await harness.SubmitAsync(new VideoSubmitter(harness.NewService()), harness.Submission("fox.png"));

        Assert.Equal(ErrorKind.AttemptUnknown, outcome.Error!.Kind);
        KlingVideoTask task = Assert.Single(await harness.ListAsync());
        Assert.Equal(KlingTaskState.Unknown, task.TaskState);
        Assert.StartsWith($"The video of '{task.Subject}' was bought as task t1 of the service, but that could not be recorded: This cannot be recorded.", task.FailMessage, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_lost_answer_that_could_not_be_recorded_is_unknown_as_soon_as_the_ledger_works_again()
    {
        await using var harness = new PipelineHarness();
        Submission submission = harness.Submission("fox.png") with { ReusePurchase = true };
        harness.Service.On(FakeService.CreatePath, Replies.FailsAfter(new HttpRequestException(HttpRequestError.ResponseEnded)), harness.AcceptTask);
        harness.Ledger.BeforeCall = name =>
        {
            if (name == nameof(ITaskJournal.RecordUnknownAsync))
            {
                throw new KlingException(ErrorKind.LedgerUnusable, "The disk is full.");
            }
        };
        Assert.Equal(ErrorKind.AttemptUnknown, (await harness.SubmitAsync(new VideoSubmitter(harness.NewService()), submission)).Error?.Kind);
        harness.Ledger.BeforeCall = null;

        // Neither bought once more nor taken for one that this process still works on.
        Assert.Equal(ErrorKind.AttemptUnknown, (await harness.SubmitAsync(new VideoSubmitter(harness.NewService()), submission)).Error?.Kind);

        Assert.Equal(KlingTaskState.Unknown, Assert.Single(await harness.ListAsync()).TaskState);
        Assert.Equal(1, harness.Creates);
    }

    [Fact]
    public async Task A_second_purchase_that_cannot_be_recorded_is_told_with_what_takes_it_into_the_ledger()
    {
        _harness.Service.On(FakeService.CreatePath, Replies.Code(500, "Server exception"), async (request, cancellationToken) =>
        {
            await _harness.Ledger.Tasks.AcceptAsync(Assert.Single(await _harness.ListAsync()).Id, "first");
            return await Replies.Accepts("second")(request, cancellationToken);
        });
        _harness.Ledger.BeforeCall = name =>
        {
            if (name == nameof(ITaskJournal.RecordSnapshotAsync))
            {
                throw new KlingException(ErrorKind.LedgerUnusable, "The disk is full.");
            }
        };

        Outcome<Submission, KlingVideoTask> outcome = await _harness.SubmitAsync(
            new VideoSubmitter(_harness.NewService()), _harness.Submission("fox.png").Asking(spec => spec with { CallbackUri = "https://hooks.example/kling" }));

        Assert.Equal(("first", null), (outcome.Value?.TaskId, outcome.Error));
        Assert.Contains(
            "and as task second (which could not be recorded: The disk is full. Get-KlingVideoTask -TaskId second records it in the ledger).",
            Assert.Single(_harness.Observer.Warnings),
            StringComparison.Ordinal);
    }
}
