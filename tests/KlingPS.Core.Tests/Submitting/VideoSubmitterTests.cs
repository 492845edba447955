using System.Collections.Concurrent;
using KlingPS.Core.Api;
using KlingPS.Core.Files;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Stages;
using KlingPS.Core.Submitting;
using KlingPS.Core.Tests.Api;
using KlingPS.Core.Tests.Imaging;
using KlingPS.Core.Tests.Ledger;
using KlingPS.Core.Tests.Stages;

namespace KlingPS.Core.Tests.Submitting;

public sealed class VideoSubmitterTests : IAsyncDisposable
{
    private readonly PipelineHarness _harness = new();
    private readonly VideoSubmitter _submitter;

    public VideoSubmitterTests() => _submitter = new VideoSubmitter(_harness.NewService());

    public ValueTask DisposeAsync() => _harness.DisposeAsync();

    private Task<Outcome<Submission, KlingVideoTask>> SubmitAsync(Submission request, CancellationToken cancellationToken = default)
        => _harness.SubmitAsync(_submitter, request, cancellationToken);

    /// <summary>Buys videos at the same time. No time passes for the others while one has passed the gate and has no answer: after a minute its place would be free.</summary>
    private async Task<Outcome<Submission, KlingVideoTask>[]> BuyAtOnceAsync(int count)
    {
        Task<Outcome<Submission, KlingVideoTask>[]> buying = Task.WhenAll(
            Enumerable.Range(0, count).Select(i => _submitter.SubmitAsync(Submissions.FromUri($"https://images.example/{i}.png"), CancellationToken.None)));
        await _harness.Clock.RunAsync((Task)buying, () => _harness.Ledger.PlacesTaken == 0);
        return await buying;
    }

    private async Task<KlingVideoTask> RecordAsync() => Assert.Single(await _harness.ListAsync());

    [Fact]
    public async Task The_intent_is_recorded_before_the_request_leaves_and_the_answer_before_it_is_seen()
    {
        KlingTaskState? atArrival = null;
        _harness.Service.On(FakeService.CreatePath, async (request, cancellationToken) =>
        {
            KlingVideoTask intent = await RecordAsync();
            atArrival = intent.TaskState;
            Assert.Equal((null, 42), (intent.TaskId, intent.CreditsReserved));
            return await Replies.Accepts("t1")(request, cancellationToken);
        });

        Outcome<Submission, KlingVideoTask> outcome = await SubmitAsync(_harness.Submission("fox.png"));

        Assert.Null(outcome.Error);
        Assert.Equal(KlingTaskState.Submitting, atArrival);
        KlingVideoTask task = await RecordAsync();
        Assert.Equal(outcome.Value, task);
        Assert.Equal(("t1", KlingTaskState.Waiting, 42), (task.TaskId, task.TaskState, task.CreditsReserved));
        Assert.Equal($"https://uploads.example/{task.SourceHash}.png", task.ImageUri);
    }

    [Fact]
    public async Task A_lost_answer_leaves_an_unknown_attempt_that_names_its_image_and_is_not_sent_again()
    {
        Submission request = _harness.Submission("fox.png");
        _harness.Service.On(FakeService.CreatePath, Replies.FailsAfter(new HttpRequestException(HttpRequestError.ResponseEnded)), Replies.Accepts("t2"), Replies.Accepts("t3"));

        Outcome<Submission, KlingVideoTask> lost = await SubmitAsync(request);

        Assert.Null(lost.Value);
        Assert.Equal(ErrorKind.AttemptUnknown, lost.Error!.Kind);
        Assert.Contains(request.Subject, lost.Error.Message, StringComparison.Ordinal);
        Assert.Contains("42 credits", lost.Error.Message, StringComparison.Ordinal);
        KlingVideoTask unknown = await RecordAsync();
        Assert.Equal((KlingTaskState.Unknown, 42, null), (unknown.TaskState, unknown.CreditsReserved, unknown.TaskId));
        Assert.StartsWith($"It is not known whether the video of '{request.Subject}' was bought (task {unknown.Id}). The request for a video was sent", lost.Error.Message, StringComparison.Ordinal);
        Assert.EndsWith(" 42 credits may have been spent; the request is not sent again automatically.", lost.Error.Message, StringComparison.Ordinal);

        // The same again, from another command and another file of the same content.
        Outcome<Submission, KlingVideoTask> refused = await _harness.SubmitAsync(new VideoSubmitter(_harness.NewService(isObserved: false)), _harness.Submission("copy.png"));

        Assert.Equal(ErrorKind.AttemptUnknown, refused.Error!.Kind);
        Assert.Contains($"task {unknown.Id}", refused.Error.Message, StringComparison.Ordinal);
        Assert.Equal(1, _harness.Creates);
        await RecordAsync();

        // Other parameters make another video.
        Assert.Equal("t2", (await SubmitAsync(request.Asking(spec => spec with { Prompt = "A fox sleeps." }))).Value?.TaskId);
        Assert.Equal("t3", (await SubmitAsync(request with { Force = true })).Value?.TaskId);
        Assert.Equal(3, _harness.Creates);
    }

    [Theory]
    [InlineData(429)]
    [InlineData(455)]
    [InlineData(500)]
    public async Task A_request_that_is_turned_down_and_given_the_id_of_a_task_is_sent_once_and_later_runs_name_the_id(int code)
    {
        _harness.Service.On(
            FakeService.CreatePath,
            Replies.Json(FormattableString.Invariant($$"""{ "code": {{code}}, "msg": "Please try again later", "data": { "taskId": "t1" } }""")),
            Replies.Accepts("t2"));

        KlingException lost = (await SubmitAsync(_harness.Submission("fox.png"))).Error!;
        KlingException refused = (await _harness.SubmitAsync(new VideoSubmitter(_harness.NewService(isObserved: false)), _harness.Submission("copy.png"))).Error!;

        KlingVideoTask unknown = await RecordAsync();
        Assert.Equal((KlingTaskState.Unknown, 42m, null), (unknown.TaskState, unknown.CreditsReserved, unknown.TaskId));
        Assert.All([lost, refused], error => Assert.Equal((ErrorKind.AttemptUnknown, unknown.Id), (error.Kind, error.TaskNumber)));
        Assert.All([lost, refused], error => Assert.Contains("names a task, t1.", error.Message, StringComparison.Ordinal));
        Assert.Contains("Resolve-KlingVideoTask <id> -TaskId t1.", lost.Advice, StringComparison.Ordinal);
        Assert.Equal(1, _harness.Creates);
    }

    [Fact]
    public async Task A_lost_answer_is_told_of_though_the_disk_is_full_and_nothing_else_is_bought()
    {
        _harness.Service.On(FakeService.CreatePath, Replies.FailsAfter(new HttpRequestException(HttpRequestError.ResponseEnded)));
        _harness.Ledger.BeforeCall = name =>
        {
            if (name == nameof(ITaskJournal.RecordUnknownAsync))
            {
                throw new KlingException(ErrorKind.LedgerUnusable, "The disk is full.");
            }
        };
        var submitter = new VideoSubmitter(_harness.NewService(isObserved: false));

        Outcome<Submission, KlingVideoTask> lost = await _harness.SubmitAsync(submitter, _harness.Submission("fox.png"));
        Outcome<Submission, KlingVideoTask> next = await _harness.SubmitAsync(submitter, _harness.Submission("cat.png", seed: 1));

        Assert.Equal((ErrorKind.AttemptUnknown, ErrorKind.LedgerUnusable), (lost.Error!.Kind, next.Error!.Kind));
        Assert.Contains("42 credits", lost.Error.Message, StringComparison.Ordinal);
        Assert.Equal(1, _harness.Creates);
    }

    [Fact]
    public async Task The_same_task_id_for_two_purchases_leaves_the_second_unknown_and_names_both()
    {
        _harness.Service.On(FakeService.CreatePath, Replies.Accepts("t1"));
        var submitter = new VideoSubmitter(_harness.NewService(isObserved: false));
        KlingVideoTask first = (await _harness.SubmitAsync(submitter, _harness.Submission("fox.png"))).Value!;

        KlingException error = (await _harness.SubmitAsync(submitter, _harness.Submission("cat.png", seed: 1))).Error!;

        KlingVideoTask second = (await _harness.ListAsync())[1];
        Assert.Equal((KlingTaskState.Unknown, null, 42m), (second.TaskState, second.TaskId, second.CreditsReserved));
        Assert.Equal(ErrorKind.AttemptUnknown, error.Kind);
        Assert.All(["cat.png", $"task {second.Id}", "t1", "fox.png", $"task {first.Id}"], named => Assert.Contains(named, error.Message, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_purchase_whose_ledger_is_closed_meanwhile_is_told_with_its_task_id_and_not_called_bought_twice()
    {
        _harness.Service.On(FakeService.CreatePath, async (request, cancellationToken) =>
        {
            await _harness.Ledger.CloseAsync();
            return await Replies.Accepts("t1")(request, cancellationToken);
        });

        KlingException error = (await SubmitAsync(_harness.Submission("fox.png"))).Error!;

        Assert.Equal(ErrorKind.AttemptUnknown, error.Kind);
        Assert.Contains("was bought as task t1", error.Message, StringComparison.Ordinal);
        Assert.Contains("ledger has been closed", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("Once the ledger works again: Resolve-KlingVideoTask 1 -TaskId t1.", error.Message, StringComparison.Ordinal);
        Assert.Empty(_harness.Observer.Warnings);
    }

    [Fact]
    public async Task A_lost_answer_is_told_of_though_the_ledger_is_closed_and_nothing_else_is_bought()
    {
        _harness.Service.On(FakeService.CreatePath, async (request, cancellationToken) =>
        {
            await _harness.Ledger.CloseAsync();
            return await Replies.FailsAfter(new HttpRequestException(HttpRequestError.ResponseEnded))(request, cancellationToken);
        });
        var submitter = new VideoSubmitter(_harness.NewService(isObserved: false));

        Outcome<Submission, KlingVideoTask> lost = await _harness.SubmitAsync(submitter, _harness.Submission("fox.png"));
        Outcome<Submission, KlingVideoTask> next = await _harness.SubmitAsync(submitter, _harness.Submission("cat.png", seed: 1));

        Assert.Equal((ErrorKind.AttemptUnknown, ErrorKind.LedgerUnusable), (lost.Error!.Kind, next.Error!.Kind));
        Assert.Equal(1, _harness.Creates);
    }

    [Fact]
    public async Task A_purchase_whose_callback_came_before_its_answer_was_lost_is_not_called_unknown()
    {
        _harness.Service.On(FakeService.CreatePath, async (request, cancellationToken) =>
        {
            await _harness.Ledger.Tasks.AcceptAsync((await RecordAsync()).Id, "t1");
            return await Replies.FailsAfter(new HttpRequestException(HttpRequestError.ResponseEnded))(request, cancellationToken);
        });

        Outcome<Submission, KlingVideoTask> outcome = await SubmitAsync(_harness.Submission("fox.png").Asking(spec => spec with { CallbackUri = "https://hooks.example/kling" }));

        Assert.Equal(("t1", null), (outcome.Value?.TaskId, outcome.Error));
        Assert.Equal(outcome.Value, await RecordAsync());
    }

    [Fact]
    public async Task A_purchase_whose_record_was_given_up_and_removed_while_its_request_was_under_way_gets_another_and_is_not_made_again()
    {
        var limit = new BudgetLimit { RunId = "run", MaxTasks = 1 };
        Submission request = _harness.Submission("fox.png") with { ReusePurchase = true, RunId = "run", Budget = limit };
        Exception? problem = null;
        _harness.Ledger.BeforeCall = name =>
        {
            if (name == nameof(ITaskJournal.RecordAcceptedAsync))
            {
                _harness.Ledger.BeforeCall = null;
                ITaskJournal other = _harness.Ledger.OfSurvivor.Tasks;
                problem = Record.Exception(() =>
                {
                    long lost = Assert.Single(other.ListAsync(new TaskFilter { States = [KlingTaskState.Unknown] }, CancellationToken.None).GetAwaiter().GetResult()).Id;
                    other.AbandonAsync(lost).GetAwaiter().GetResult();
                    other.RemoveAsync(lost).GetAwaiter().GetResult();
                });
            }
        };

        Outcome<Submission, KlingVideoTask> outcome = await SubmitAsync(request);

        Assert.Null(problem);
        Assert.Equal((null, KlingTaskState.Waiting), (outcome.Error, outcome.Value?.TaskState));
        Assert.Equal(outcome.Value, Assert.Single(await _harness.ListAsync()));
        Assert.Equal((outcome.Value?.Id, 1), ((await SubmitAsync(request)).Value?.Id, _harness.Creates));
        Assert.Equal(ErrorKind.BudgetExceeded, (await SubmitAsync(_harness.Submission("owl.png", 1) with { ReusePurchase = true, RunId = "run", Budget = limit })).Error?.Kind);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_request_that_was_held_back_is_not_sent_again_once_the_video_is_known_to_be_bought(bool wasRefused)
    {
        Submission request = _harness.Submission("fox.png") with { ReusePurchase = true };
        IdentifiedSubmission identified = await _harness.IdentifyAsync(request);
        ITaskJournal other = _harness.Ledger.OfOtherProcess.Tasks;
        KlingVideoTask? refused = null;
        if (wasRefused)
        {
            refused = await other.BeginAsync(new TaskIntent { Account = _harness.Session.Account, Spec = identified.Submission.Spec, Identity = identified.Identity, Credits = 42 }, CancellationToken.None);
            await other.RecordRejectedAsync(refused, "500", "Internal error.");
        }

        _harness.Service.On(FakeService.CreatePath, Replies.Code(429, "Too many requests."), _harness.AcceptTask);
        _harness.Ledger.BeforeCall = name =>
        {
            if (name == nameof(ITaskJournal.RecordHeldBackAsync))
            {
                // A callback has shown what became of the first request, or somebody has looked the task up.
                _harness.Ledger.BeforeCall = null;
                if (refused is not null)
                {
                    other.RecordAcceptedAsync(refused.Id, "theirs").GetAwaiter().GetResult();
                }
                else
                {
                    other.RecordSnapshotAsync(_harness.Session.Account, new TaskSnapshot { TaskId = "theirs", State = KlingTaskState.Generating, Spec = identified.Submission.Spec }).GetAwaiter().GetResult();
                }
            }
        };

        Outcome<Submission, KlingVideoTask> outcome = await SubmitAsync(request);

        Assert.Equal(("theirs", null, 1), (outcome.Value?.TaskId, outcome.Error, _harness.Creates));
        Assert.Equal(1, (await _harness.ListAsync()).Count(task => task.TaskState != KlingTaskState.Rejected));
    }

    [Fact]
    public async Task A_video_that_another_command_begins_to_buy_at_the_last_moment_is_not_bought_here()
    {
        Submission request = _harness.Submission("fox.png") with { ReusePurchase = true };
        IdentifiedSubmission identified = await _harness.IdentifyAsync(request);
        var intent = new TaskIntent
        {
            Account = _harness.Session.Account,
            Spec = identified.Submission.Spec,
            Identity = identified.Identity,
            Credits = 42,
        };
        _harness.Ledger.BeforeCall = name =>
        {
            if (name is nameof(ITaskJournal.ClaimAsync) or nameof(ITaskJournal.BeginAsync))
            {
                _harness.Ledger.BeforeCall = null;
                ITaskJournal other = _harness.Ledger.OfOtherProcess.Tasks;
                KlingVideoTask begun = other.BeginAsync(intent, CancellationToken.None).GetAwaiter().GetResult();
                other.RecordAcceptedAsync(begun.Id, "theirs").GetAwaiter().GetResult();
            }
        };

        Outcome<Submission, KlingVideoTask> outcome = await SubmitAsync(request);

        Assert.Equal(("theirs", null, 0), (outcome.Value?.TaskId, outcome.Error, _harness.Creates));
        await RecordAsync();
    }

    [Fact]
    public async Task The_purchase_of_a_living_process_is_waited_for_however_long_it_takes_and_the_wait_is_told_once()
    {
        Submission request = _harness.Submission("fox.png") with { ReusePurchase = true };
        KlingVideoTask begun = await _harness.BeginElsewhereAsync(request);
        Task<Outcome<Submission, KlingVideoTask>> submit = _submitter.SubmitAsync(request, CancellationToken.None);
        await _harness.Clock.RunAsync(Eventually.TrueAsync(() => !_harness.Observer.Warnings.IsEmpty));
        for (int minute = 0; minute < 20; minute++)
        {
            await _harness.Clock.PassAsync(TimeSpan.FromMinutes(1));
        }

        Assert.False(submit.IsCompleted);
        string warning = Assert.Single(_harness.Observer.Warnings);
        Assert.Contains($"as task {begun.Id} and has no answer yet", warning, StringComparison.Ordinal);
        await _harness.Ledger.OfOtherProcess.Tasks.RecordAcceptedAsync(begun.Id, "theirs");
        Assert.Equal("theirs", (await _harness.Clock.RunAsync(submit)).Value?.TaskId);
        Assert.Equal(0, _harness.Creates);
    }

    [Theory]
    [InlineData(4, true)]
    [InlineData(5, false)]
    public async Task A_purchase_is_recorded_as_soon_as_the_ledger_works_again_and_after_five_failures_told_with_its_task_id(int failures, bool isRecorded)
    {
        _harness.Service.On(FakeService.CreatePath, Replies.Accepts("t1"));
        int calls = 0;
        _harness.Ledger.BeforeCall = name =>
        {
            if (name == nameof(ITaskJournal.RecordAcceptedAsync) && ++calls <= failures)
            {
                throw new KlingException(ErrorKind.LedgerUnusable, "The disk is full.");
            }
        };

        Outcome<Submission, KlingVideoTask> outcome = await SubmitAsync(_harness.Submission("fox.png"));

        Assert.Equal((5, 1), (calls, _harness.Creates));
        Assert.Equal(isRecorded ? "t1" : null, outcome.Value?.TaskId);
        Assert.Equal(isRecorded ? null : ErrorKind.AttemptUnknown, outcome.Error?.Kind);
        if (!isRecorded)
        {
            Assert.Contains("Resolve-KlingVideoTask 1 -TaskId t1", outcome.Error!.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_callback_carries_the_number_of_the_attempt_also_when_the_request_is_sent_again()
    {
        const string Uri = "https://hooks.example/kling?code=a%2Bb#part";
        _harness.Service.On(FakeService.CreatePath, Replies.Code(455, "Maintenance"), Replies.Accepts("t1"));

        Outcome<Submission, KlingVideoTask> outcome = await SubmitAsync(_harness.Submission("fox.png").Asking(spec => spec with { CallbackUri = Uri }));

        KlingVideoTask task = outcome.Value!;
        Assert.Equal(32, task.Nonce!.Length);
        Assert.Equal(
            Enumerable.Repeat($"https://hooks.example/kling?code=a%2Bb&klingps={task.Nonce}#part", 2),
            _harness.Service.To(FakeService.CreatePath).Select(request => request.Json.GetProperty("callBackUrl").GetString()));
        Assert.Equal(Uri, task.CallbackUri);
    }

    [Fact]
    public async Task A_video_that_was_bought_twice_is_recorded_twice_and_the_user_is_told()
    {
        // The try that failed was accepted all the same, and its callback comes while the next is under way.
        _harness.Service.On(FakeService.CreatePath, Replies.Code(500, "Server exception"), async (request, cancellationToken) =>
        {
            await _harness.Ledger.Tasks.AcceptAsync(Assert.Single(await _harness.ListAsync()).Id, "first");
            return await Replies.Accepts("second")(request, cancellationToken);
        });

        Outcome<Submission, KlingVideoTask> outcome = await _harness.SubmitAsync(
            new VideoSubmitter(_harness.NewService()), _harness.Submission("fox.png").Asking(spec => spec with { CallbackUri = "https://hooks.example/kling" }));

        Assert.Equal(("first", null), (outcome.Value?.TaskId, outcome.Error));
        Assert.Equal(["first", "second"], (await _harness.ListAsync()).Select(task => task.TaskId));
        string warning = Assert.Single(_harness.Observer.Warnings);
        Assert.Contains("was bought twice: as task first of the service (task 1 here), although", warning, StringComparison.Ordinal);
        Assert.Contains("an error, and as task second (2 here).", warning, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_video_whose_callback_comes_between_two_attempts_is_not_sent_again()
    {
        _harness.Service.On(FakeService.CreatePath, Replies.Code(500, "Server exception"), Replies.Accepts("second"));
        Submission request = _harness.Submission("fox.png").Asking(spec => spec with { CallbackUri = "https://hooks.example/kling" });
        Task<Outcome<Submission, KlingVideoTask>> submit = _submitter.SubmitAsync(request, CancellationToken.None);
        await Eventually.DoneAsync(_harness.Observer.Paused.Task);

        await _harness.Ledger.Tasks.AcceptAsync((await RecordAsync()).Id, "first");
        Outcome<Submission, KlingVideoTask> outcome = await _harness.Clock.RunAsync(submit);

        Assert.Equal(("first", null, 1), (outcome.Value?.TaskId, outcome.Error, _harness.Creates));
    }

    [Fact]
    public async Task Every_attempt_has_a_number_of_its_own_and_is_the_same_purchase_all_the_same()
    {
        Submission request = _harness.Submission("fox.png").Asking(spec => spec with { CallbackUri = "https://hooks.example/kling" });

        KlingVideoTask first = (await SubmitAsync(request)).Value!;
        KlingVideoTask second = (await SubmitAsync(request)).Value!;

        Assert.NotEqual(first.Nonce, second.Nonce);
        Assert.Equal(first.Identity, second.Identity);
        Assert.Equal(first.Identity, (await SubmitAsync(request.Asking(spec => spec with { CallbackUri = null }))).Value!.Identity);
        Assert.False(_harness.Service.To(FakeService.CreatePath)[2].Json.TryGetProperty("callBackUrl", out _));
    }

    [Theory]
    [InlineData(429, "Your call frequency is too high", ErrorKind.RateLimited)]
    [InlineData(455, "Maintenance", ErrorKind.ServiceUnavailable)]
    [InlineData(500, "Server exception, please try again later", ErrorKind.ServiceUnavailable)]
    public async Task A_service_that_takes_nothing_is_waited_for_ten_minutes_and_then_nothing_was_bought(int code, string message, ErrorKind kind)
    {
        _harness.Service.On(FakeService.CreatePath, Replies.Code(code, message));
        DateTimeOffset start = _harness.Clock.GetUtcNow();

        Outcome<Submission, KlingVideoTask> outcome = await SubmitAsync(_harness.Submission("fox.png"));

        Assert.Equal(kind, outcome.Error!.Kind);
        Assert.StartsWith("Nothing was bought for", outcome.Error.Message, StringComparison.Ordinal);
        Assert.InRange(_harness.Clock.GetUtcNow() - start, TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(11));
        KlingVideoTask task = await RecordAsync();
        Assert.Equal((KlingTaskState.Rejected, code.ToString(System.Globalization.CultureInfo.InvariantCulture), 0), (task.TaskState, task.FailCode, task.CreditsReserved));
    }

    [Theory]
    [InlineData(429, "Your call frequency is too high")]
    [InlineData(455, "Maintenance")]
    [InlineData(500, "Server exception, please try again later")]
    public async Task Maintenance_of_nine_minutes_costs_nine_minutes_and_no_video(int code, string message)
    {
        DateTimeOffset over = _harness.Clock.GetUtcNow() + TimeSpan.FromMinutes(9);
        _harness.Service.On(FakeService.CreatePath, (request, token)
            => (_harness.Clock.GetUtcNow() < over ? Replies.Code(code, message) : _harness.AcceptTask)(request, token));

        Outcome<Submission, KlingVideoTask>[] outcomes = await _harness.Clock.RunAsync(Task.WhenAll(
            Enumerable.Range(0, 8).Select(i => _submitter.SubmitAsync(Submissions.FromUri($"https://images.example/{i}.png"), CancellationToken.None))));

        Assert.All(outcomes, outcome => Assert.Null(outcome.Error));
        Assert.Equal(8, (await _harness.ListAsync()).Count(task => task.TaskState == KlingTaskState.Waiting));
    }

    [Theory]
    [InlineData(429, "Your call frequency is too high", ErrorKind.RateLimited)]
    [InlineData(455, "Maintenance", ErrorKind.ServiceUnavailable)]
    public async Task An_outage_is_waited_out_once_and_not_by_one_item_after_the_other(int code, string message, ErrorKind kind)
    {
        _harness.Service.On(FakeService.CreatePath, Replies.Code(code, message));
        DateTimeOffset start = _harness.Clock.GetUtcNow();

        Outcome<Submission, KlingVideoTask>[] outcomes = await BuyAtOnceAsync(30);

        // One after the other, they would take five hours.
        Assert.All(outcomes, outcome => Assert.Equal(kind, outcome.Error!.Kind));
        Assert.InRange(_harness.Clock.GetUtcNow() - start, TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(30));
        Assert.All(await _harness.ListAsync(), task => Assert.Equal((KlingTaskState.Rejected, 0), (task.TaskState, task.CreditsReserved)));

        // So do the next commands, which would wait one after the other.
        DateTimeOffset over = _harness.Clock.GetUtcNow();
        var next = new VideoSubmitter(_harness.NewService(isObserved: false));
        Assert.Equal(kind, (await _harness.SubmitAsync(next, _harness.Submission("fox.png"))).Error!.Kind);
        Assert.InRange(_harness.Clock.GetUtcNow() - over, TimeSpan.Zero, TimeSpan.FromMinutes(1));

        // And one that comes when the service works again buys.
        _harness.Service.On(FakeService.CreatePath, _harness.AcceptTask);
        _harness.Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Null((await _harness.SubmitAsync(new VideoSubmitter(_harness.NewService(isObserved: false)), _harness.Submission("fox.png"))).Error);
    }

    [Fact]
    public async Task One_request_that_the_service_never_takes_does_not_end_the_batch_while_others_are_taken()
    {
        _harness.Service.On(FakeService.CreatePath, async (request, token) =>
        {
            await request.ReadAsync(token);
            return await (request.Text.Contains("poison", StringComparison.Ordinal) ? Replies.Code(500, "Server exception") : _harness.AcceptTask)(request, token);
        });
        Task<Outcome<Submission, KlingVideoTask>> poison = _submitter.SubmitAsync(Submissions.FromUri("https://images.example/poison.png"), CancellationToken.None);
        await Eventually.DoneAsync(_harness.Observer.Paused.Task);
        DateTimeOffset start = _harness.Clock.GetUtcNow();
        for (int i = 0; _harness.Clock.GetUtcNow() - start < TimeSpan.FromMinutes(9); i++)
        {
            Assert.Null((await SubmitAsync(Submissions.FromUri($"https://images.example/{i}.png"))).Error);
            await _harness.Clock.PassAsync(TimeSpan.FromMinutes(1));
        }

        KlingException error = (await _harness.Clock.RunAsync(poison)).Error!;

        Assert.Equal((ErrorKind.ServiceUnavailable, false), (error.Kind, error.IsFatal));
        Assert.Null((await SubmitAsync(Submissions.FromUri("https://images.example/last.png"))).Error);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_is_bought_is_what_is_on_disk_and_not_what_is_recorded_of_it(bool isTail)
    {
        Submission Ask(string prompt)
        {
            Submission submission = isTail ? Submissions.FromUri("https://images.example/fox.png", prompt) : Submissions.FromFile(_harness.Image("fox.png"), prompt);
            return isTail ? submission.Asking(spec => spec with { TailImage = MediaSource.FromFile(_harness.Image("fox.png")) }) : submission;
        }

        string path = _harness.Image("fox.png");
        string uploaded = (await SubmitAsync(Ask("It runs."))).Value is var first && isTail ? first!.TailImageUri! : first!.ImageUri!;

        // Another content under the stamp of the old one, as on a file system that keeps no time of change.
        string hash = await ContentHash.Sha256Async(path, CancellationToken.None);
        Submission second = Ask("It sleeps.");
        _harness.Image("fox.png", 1);
        await _harness.Ledger.FileHashes.RecordAsync(path, FileStamp.Of(path)!.Value, hash, CancellationToken.None);
        KlingVideoTask bought = (await SubmitAsync(second)).Value!;

        Assert.Equal(2, _harness.Uploads);
        Assert.NotEqual(uploaded, isTail ? bought.TailImageUri : bought.ImageUri);
    }

    [Fact]
    public async Task An_image_whose_video_is_bought_is_not_read_again()
    {
        Submission request = _harness.Submission("fox.png") with { ReusePurchase = true };
        KlingVideoTask bought = (await SubmitAsync(request)).Value!;
        string path = Path.Combine(_harness.Folder, "fox.png");
        _harness.Image("fox.png", 1);
        await _harness.Ledger.FileHashes.RecordAsync(path, FileStamp.Of(path)!.Value, bought.SourceHash!, CancellationToken.None);

        KlingVideoTask? found = (await _harness.SubmitAsync(new VideoSubmitter(_harness.NewService(isObserved: false)), request)).Value;

        Assert.Equal((bought.Id, 1), (found?.Id, _harness.Creates));
    }

    [Theory]
    [InlineData("Image fetch failed. Check access settings or use our File Upload API instead.", false, 2)]
    [InlineData("Image fetch failed. Check access settings or use our File Upload API instead.", true, 2)]
    [InlineData("image_url returned 404", false, 2)]
    [InlineData("internal error, please try again later", false, 1)]
    public async Task An_upload_that_the_service_could_not_fetch_is_not_used_again(string message, bool isTail, int uploads)
    {
        Submission request = (isTail
            ? Submissions.FromUri("https://images.example/fox.png").Asking(spec => spec with { TailImage = MediaSource.FromFile(_harness.Image("tail.png")) })
            : _harness.Submission("fox.png")) with
        { ReusePurchase = true };
        KlingVideoTask task = (await SubmitAsync(request)).Value!;
        _harness.Tasks[task.TaskId!] = PipelineHarness.Failed("400", message);
        Assert.Equal(KlingTaskState.Failed, (await _harness.Clock.RunAsync(new TaskFinder(_harness.NewService(isObserved: false)).RefreshAsync(task, CancellationToken.None))).TaskState);

        KlingVideoTask again = (await SubmitAsync(request with { RetryFailed = true })).Value!;

        Assert.Equal((uploads, 2), (_harness.Uploads, _harness.Creates));
        Assert.Equal(KlingTaskState.Waiting, again.TaskState);
    }

    [Fact]
    public async Task A_link_that_was_signed_anew_does_not_buy_the_video_again()
    {
        KlingVideoTask bought = (await SubmitAsync(SignedOn("20261126") with { ReusePurchase = true })).Value!;

        Assert.Equal(bought.Id, (await SubmitAsync(SignedOn("20261127") with { ReusePurchase = true })).Value!.Id);
        Assert.Equal(1, _harness.Creates);

        Submission SignedOn(string day) => _harness.Submission("fox.png").Asking(spec => spec with
        {
            TailImage = MediaSource.FromUri($"https://images.example/end.png?X-Amz-Date={day}T000000Z&X-Amz-Signature=a{day}"),
        });
    }

    [Fact]
    public async Task What_was_bought_with_an_upload_that_the_ledger_has_forgotten_is_not_bought_again()
    {
        string hash = new('a', 64);
        string upload = $"https://uploads.example/kieai/7/klingps/{hash}.png";
        DateTimeOffset now = _harness.Clock.GetUtcNow();
        await _harness.Session.Ledger.Uploads.RecordAsync(new UploadRecord(_harness.Session.Account, hash, upload, now, now.AddDays(1)), TestContext.Current.CancellationToken);
        Submission request = _harness.Submission("fox.png").Asking(spec => spec with { TailImage = MediaSource.FromUri(upload) }) with { ReusePurchase = true };
        KlingVideoTask bought = (await SubmitAsync(request)).Value!;

        _harness.Clock.Advance(TimeSpan.FromDays(2));
        Assert.Null((await SubmitAsync(_harness.Submission("cat.png", seed: 1))).Error);

        Assert.Equal(bought.Id, (await SubmitAsync(request)).Value!.Id);
        Assert.Equal(2, _harness.Creates);
    }

    [Fact]
    public async Task What_was_bought_with_an_upload_is_not_bought_again_after_the_service_could_not_fetch_that_for_another_video()
    {
        string hash = new('a', 64);
        string upload = $"https://uploads.example/kieai/7/klingps/{hash}.png";
        DateTimeOffset now = _harness.Clock.GetUtcNow();
        await _harness.Session.Ledger.Uploads.RecordAsync(new UploadRecord(_harness.Session.Account, hash, upload, now, now.AddDays(1)), TestContext.Current.CancellationToken);
        Submission request = _harness.Submission("fox.png").Asking(spec => spec with { TailImage = MediaSource.FromUri(upload) }) with { ReusePurchase = true };
        Submission other = _harness.Submission("cat.png", seed: 1).Asking(spec => spec with { TailImage = MediaSource.FromUri(upload) }) with { ReusePurchase = true };
        _harness.Service.On(FakeService.CreatePath, _harness.AcceptTask, Replies.Code(422, "The tail_image_url cannot be accessed"), _harness.AcceptTask);
        KlingVideoTask bought = (await SubmitAsync(request)).Value!;

        Assert.Equal(ErrorKind.RequestInvalid, (await SubmitAsync(other)).Error!.Kind);

        Assert.Equal(bought.Id, (await SubmitAsync(request)).Value!.Id);
        Assert.Null(await _harness.Session.Ledger.Uploads.FindAsync(_harness.Session.Account, hash, TestContext.Current.CancellationToken));
        Assert.Equal(2, _harness.Creates);
    }

    [Fact]
    public async Task A_request_whose_answer_was_lost_is_not_sent_again_with_a_link_that_was_signed_anew()
    {
        _harness.Service.On(FakeService.CreatePath, Replies.FailsAfter(new HttpRequestException(HttpRequestError.ResponseEnded)), _harness.AcceptTask);
        Assert.Equal(ErrorKind.AttemptUnknown, (await SubmitAsync(SignedOn("1"))).Error!.Kind);

        Assert.Equal(ErrorKind.AttemptUnknown, (await SubmitAsync(SignedOn("2"))).Error?.Kind);
        Assert.Equal(1, _harness.Creates);

        static Submission SignedOn(string day) => Submissions.FromUri($"https://images.example/fox.png?sv=2024-11-04&se={day}&sr=b&sp=r&sig=a{day}");
    }

    /// <summary>A purchase whose task the service reports as failed.</summary>
    private async Task<KlingVideoTask> FailAsync(Submission request)
    {
        KlingVideoTask task = (await SubmitAsync(request with { RetryFailed = true })).Value!;
        _harness.Tasks[task.TaskId!] = PipelineHarness.Failed("500", "internal error, please try again later");
        return await _harness.Clock.RunAsync(new TaskFinder(_harness.NewService(isObserved: false)).RefreshAsync(task, CancellationToken.None));
    }

    [Fact]
    public async Task What_failed_and_was_made_after_all_is_not_bought_again()
    {
        Submission request = _harness.Submission("fox.png") with { ReusePurchase = true };
        KlingVideoTask task = await FailAsync(request);
        _harness.Tasks[task.TaskId!] = PipelineHarness.Succeeded(task.TaskId!);

        KlingVideoTask again = (await SubmitAsync(request with { RetryFailed = true })).Value!;

        Assert.Equal((task.Id, KlingTaskState.Succeeded), (again.Id, again.TaskState));
        Assert.Equal(1, _harness.Creates);
    }

    [Fact]
    public async Task What_failed_and_is_being_made_again_is_waited_for_and_not_bought_again()
    {
        Submission request = _harness.Submission("fox.png") with { ReusePurchase = true };
        KlingVideoTask task = await FailAsync(request);
        _harness.Tasks[task.TaskId!] = PipelineHarness.Generating;

        KlingVideoTask again = (await SubmitAsync(request with { RetryFailed = true })).Value!;

        Assert.Equal((task.Id, KlingTaskState.Generating, 42m, null), (again.Id, again.TaskState, again.CreditsReserved, again.CompletedAt));
        Assert.Equal(1, _harness.Creates);
    }

    [Theory]
    [InlineData(455, 1)]
    [InlineData(429, 1)]
    [InlineData(455, 3)]
    public async Task What_failed_and_is_made_while_the_service_refuses_to_take_it_again_is_not_bought_again(int code, int refusals)
    {
        Submission request = _harness.Submission("fox.png") with { ReusePurchase = true };
        KlingVideoTask task = await FailAsync(request);
        Reply refuse = async (sent, cancellationToken) =>
        {
            if (--refusals == 0)
            {
                _harness.Tasks[task.TaskId!] = PipelineHarness.Succeeded(task.TaskId!);
            }

            _harness.Clock.Advance(TimeSpan.FromSeconds(15));
            return await Replies.Code(code, "not now")(sent, cancellationToken);
        };
        _harness.Service.On(FakeService.CreatePath, [.. Enumerable.Repeat(refuse, refusals), _harness.AcceptTask]);

        KlingVideoTask? again = (await SubmitAsync(request with { RetryFailed = true })).Value;

        Assert.Equal((task.Id, KlingTaskState.Succeeded), (again?.Id, again?.TaskState));
        Assert.Single(_harness.Tasks);
        Assert.DoesNotContain(await _harness.ListAsync(), other => other.TaskState == KlingTaskState.Submitting);
    }

    [Fact]
    public async Task What_failed_and_is_made_while_its_request_waits_for_the_rate_limit_is_not_bought_again()
    {
        Submission request = _harness.Submission("fox.png") with { ReusePurchase = true };
        KlingVideoTask task = await FailAsync(request);

        Outcome<Submission, KlingVideoTask> outcome = await RetryBehindOthersAsync(request, () => _harness.Tasks[task.TaskId!] = PipelineHarness.Succeeded(task.TaskId!));

        Assert.Equal((task.Id, KlingTaskState.Succeeded), (outcome.Value?.Id, outcome.Value?.TaskState));
        Assert.Equal((1, 0), (_harness.Creates, _harness.Ledger.PlacesTaken));
        KlingVideoTask withdrawn = Assert.Single(await _harness.ListAsync(), other => other.Id != task.Id);
        Assert.Equal((KlingTaskState.Rejected, "Nothing was sent, because an earlier task that had failed is being made, or has been made, after all."), (withdrawn.TaskState, withdrawn.FailMessage));
    }

    [Fact]
    public async Task What_failed_is_bought_again_when_the_service_says_so_although_it_said_nothing_when_the_request_had_its_place()
    {
        Submission request = _harness.Submission("fox.png") with { ReusePurchase = true };
        KlingVideoTask task = await FailAsync(request);
        Reply failed = _harness.Tasks[task.TaskId!];
        int heldBack = 0;
        _harness.Ledger.BeforeCall = name => heldBack += name == nameof(ITaskJournal.RecordHeldBackAsync) ? 1 : 0;

        Outcome<Submission, KlingVideoTask> outcome = await RetryBehindOthersAsync(request, () => _harness.Tasks[task.TaskId!] = async (query, cancellationToken) =>
        {
            _harness.Tasks[task.TaskId!] = failed;
            _harness.Clock.Advance(TimeSpan.FromSeconds(15));
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
            return await failed(query, cancellationToken);
        });

        Assert.Null(outcome.Error);
        Assert.NotEqual(task.Id, outcome.Value!.Id);
        Assert.Equal((2, 1), (_harness.Creates, heldBack));
    }

    [Fact]
    public async Task A_question_for_a_failed_task_that_was_not_answered_is_asked_again_before_the_video_is_bought_again()
    {
        Submission request = _harness.Submission("fox.png") with { ReusePurchase = true };
        KlingVideoTask task = await FailAsync(request);
        _harness.Service.On(
            FakeService.CreatePath,
            async (sent, cancellationToken) =>
            {
                _harness.Clock.Advance(TimeSpan.FromSeconds(15));
                int silent = 5;
                _harness.Tasks[task.TaskId!] = (query, token) => (--silent < 0
                    ? PipelineHarness.Succeeded(task.TaskId!)
                    : Replies.FailsBefore(new HttpRequestException(HttpRequestError.ConnectionError)))(query, token);
                return await Replies.Code(455, "maintenance")(sent, cancellationToken);
            },
            _harness.AcceptTask);

        KlingVideoTask? again = (await SubmitAsync(request with { RetryFailed = true })).Value;

        Assert.Equal((task.Id, KlingTaskState.Succeeded), (again?.Id, again?.TaskState));
        Assert.Equal(2, _harness.Creates);
    }

    [Fact]
    public async Task What_failed_and_is_made_while_the_machine_sleeps_before_its_request_leaves_is_not_bought_again()
    {
        Submission request = _harness.Submission("fox.png") with { ReusePurchase = true };
        KlingVideoTask task = await FailAsync(request);
        int left = 0;
        _harness.Service.On(FakeService.CreatePath, async (sent, cancellationToken) =>
        {
            _harness.Clock.SetTimeOfDay(TimeSpan.FromHours(3));
            _harness.Tasks[task.TaskId!] = PipelineHarness.Succeeded(task.TaskId!);
            await sent.ReadAsync(cancellationToken);
            left++;
            return await Replies.Accepts("again")(sent, cancellationToken);
        });

        KlingVideoTask? again = (await SubmitAsync(request with { RetryFailed = true })).Value;

        Assert.Equal((task.Id, KlingTaskState.Succeeded, 0), (again?.Id, again?.TaskState, left));
        Assert.DoesNotContain(await _harness.ListAsync(), other => other.TaskState is KlingTaskState.Submitting or KlingTaskState.Unknown);
    }

    [Fact]
    public async Task Nothing_is_bought_once_the_batch_has_ended_while_the_service_was_asked_for_a_failed_task()
    {
        Submission request = _harness.Submission("fox.png") with { ReusePurchase = true };
        KlingVideoTask task = await FailAsync(request);
        Reply failed = _harness.Tasks[task.TaskId!];
        _harness.Service.On(FakeService.UploadPath, Replies.Code(401, "Unauthorized"));

        Outcome<Submission, KlingVideoTask> outcome = await RetryBehindOthersAsync(request, () => _harness.Tasks[task.TaskId!] = async (query, cancellationToken) =>
        {
            Assert.NotNull((await _submitter.SubmitAsync(_harness.Submission("owl.png", 1), cancellationToken)).Error);
            return await failed(query, cancellationToken);
        });

        Assert.Equal(ErrorKind.Unauthorized, outcome.Error?.Kind);
        Assert.Equal(1, _harness.Creates);
    }

    /// <summary>Has what failed made again, and the line at the gate is longer than an answer about a failed task counts.</summary>
    /// <param name="request">What has failed.</param>
    /// <param name="change">What happens while the request is in the line.</param>
    private Task<Outcome<Submission, KlingVideoTask>> RetryBehindOthersAsync(Submission request, Action change)
    {
        _harness.Ledger.BehindCreateGate = () =>
        {
            _harness.Ledger.BehindCreateGate = null;
            _harness.Clock.Advance(TimeSpan.FromSeconds(15));
            change();
        };
        return SubmitAsync(request with { RetryFailed = true });
    }

    [Fact]
    public async Task What_failed_and_is_made_while_its_image_is_uploaded_again_is_not_bought_again()
    {
        Submission request = _harness.Submission("fox.png") with { ReusePurchase = true };
        KlingVideoTask task = await FailAsync(request);
        _harness.Clock.Advance(TimeSpan.FromDays(5));
        _harness.Service.On(FakeService.UploadPath, async (upload, cancellationToken) =>
        {
            _harness.Clock.Advance(TimeSpan.FromSeconds(15));
            _harness.Tasks[task.TaskId!] = PipelineHarness.Succeeded(task.TaskId!);
            return await PipelineHarness.AcceptUpload(upload, cancellationToken);
        });

        KlingVideoTask? again = (await SubmitAsync(request with { RetryFailed = true })).Value;

        Assert.Equal(2, _harness.Uploads);
        Assert.Equal((task.Id, KlingTaskState.Succeeded), (again?.Id, again?.TaskState));
        Assert.Equal(1, _harness.Creates);
    }

    [Fact]
    public async Task What_failed_is_bought_again_once_a_service_that_said_nothing_for_a_while_takes_requests_again()
    {
        Submission request = _harness.Submission("fox.png") with { ReusePurchase = true };
        KlingVideoTask task = await FailAsync(request);
        Reply failed = _harness.Tasks[task.TaskId!];
        _harness.Service.On(
            FakeService.CreatePath,
            async (sent, cancellationToken) =>
            {
                _harness.Clock.Advance(TimeSpan.FromSeconds(15));
                int silent = 30;
                _harness.Tasks[task.TaskId!] = (query, token) => (--silent < 0 ? failed : Replies.Code(455, "maintenance"))(query, token);
                return await Replies.Code(455, "maintenance")(sent, cancellationToken);
            },
            _harness.AcceptTask);

        Outcome<Submission, KlingVideoTask> outcome = await SubmitAsync(request with { RetryFailed = true });

        Assert.Null(outcome.Error);
        Assert.NotEqual(task.Id, outcome.Value!.Id);
    }

    [Fact]
    public async Task A_key_that_is_refused_while_a_failed_task_waits_to_be_bought_again_ends_the_command_at_once()
    {
        Submission request = _harness.Submission("fox.png") with { ReusePurchase = true };
        KlingVideoTask task = await FailAsync(request);
        int questions = 0;
        _harness.Service.On(
            FakeService.CreatePath,
            async (sent, cancellationToken) =>
            {
                _harness.Clock.Advance(TimeSpan.FromSeconds(15));
                _harness.Tasks[task.TaskId!] = (query, token) =>
                {
                    questions++;
                    return Replies.Code(401, "You do not have access permissions")(query, token);
                };
                return await Replies.Code(455, "maintenance")(sent, cancellationToken);
            });

        KlingException refusal = (await SubmitAsync(request with { RetryFailed = true })).Error!;

        Assert.Equal((true, 1), (refusal.IsFatal, questions));
        Assert.DoesNotContain(await _harness.ListAsync(), other => other.TaskState == KlingTaskState.Submitting);
    }

    [Fact]
    public async Task A_failed_task_that_is_being_made_is_used_although_the_service_says_nothing_about_another_one()
    {
        Submission request = _harness.Submission("fox.png") with { ReusePurchase = true };
        KlingVideoTask first = await FailAsync(request);
        KlingVideoTask second = await FailAsync(request);
        _harness.Tasks[first.TaskId!] = Replies.Code(500, "no answer");
        _harness.Tasks[second.TaskId!] = PipelineHarness.Generating;

        KlingVideoTask? again = (await SubmitAsync(request with { RetryFailed = true })).Value;

        Assert.Equal((second.Id, KlingTaskState.Generating), (again?.Id, again?.TaskState));
        Assert.Equal(2, _harness.Creates);
    }

    [Fact]
    public async Task The_first_of_several_failed_tasks_was_made_after_all_and_nothing_is_bought_again()
    {
        Submission request = _harness.Submission("fox.png") with { ReusePurchase = true };
        KlingVideoTask first = await FailAsync(request);
        await FailAsync(request);
        _harness.Tasks[first.TaskId!] = PipelineHarness.Succeeded(first.TaskId!);

        Assert.Equal(first.Id, (await SubmitAsync(request with { RetryFailed = true })).Value!.Id);
        Assert.Equal(2, _harness.Creates);
    }

    [Theory]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(501)]
    public async Task What_failed_is_not_bought_again_while_the_service_does_not_say_what_became_of_it(int code)
    {
        Submission request = _harness.Submission("fox.png") with { ReusePurchase = true };
        KlingVideoTask task = await FailAsync(request);
        _harness.Tasks[task.TaskId!] = Replies.Code(code, "try again later");

        KlingException refusal = (await SubmitAsync(request with { RetryFailed = true })).Error!;

        // An error that ends the batch is not about this image.
        string why = refusal.IsFatal ? "The service answered the query of task" : $"It failed before, as task {task.Id}, and ";
        Assert.StartsWith($"Nothing was bought for '{request.Subject}'. {why}", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(1, _harness.Creates);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task One_failed_task_that_the_service_says_nothing_about_does_not_keep_the_other_images_from_being_bought(bool answersOtherwise)
    {
        Submission fox = _harness.Submission("fox.png", 1) with { ReusePurchase = true };
        Submission owl = _harness.Submission("owl.png", 2) with { ReusePurchase = true };
        KlingVideoTask task = await FailAsync(fox);
        _harness.Service.On(FakeService.CreditPath, answersOtherwise ? Replies.Data("100") : Replies.Code(500, "Server exception, please try again later"));
        _harness.Tasks[task.TaskId!] = Replies.Code(500, "Server exception, please try again later");

        KlingException refusal = (await SubmitAsync(fox with { RetryFailed = true })).Error!;
        Outcome<Submission, KlingVideoTask> other = await SubmitAsync(owl with { RetryFailed = true });

        Assert.Equal((answersOtherwise, answersOtherwise), (other.Error is null, !refusal.IsFatal));
        Assert.Equal(answersOtherwise ? 2 : 1, _harness.Creates);
        if (answersOtherwise)
        {
            Assert.StartsWith($"Nothing was bought for '{fox.Subject}'. It failed before, as task {task.Id}, and", refusal.Message, StringComparison.Ordinal);
            Assert.Contains("Remove-KlingVideoTask -Id <id>", refusal.Advice, StringComparison.Ordinal);
            Assert.Equal(task.Id, refusal.TaskNumber);
        }
    }

    [Theory]
    [InlineData("\"state\":\"archived\",")]
    [InlineData("\"state\":\"\",")]
    [InlineData("")]
    public async Task What_failed_is_bought_again_although_the_service_names_no_state_of_it_any_more(string state)
    {
        Submission request = _harness.Submission("fox.png") with { ReusePurchase = true };
        KlingVideoTask task = await FailAsync(request);
        _harness.Tasks[task.TaskId!] = Replies.Data($$"""{"taskId":"{{task.TaskId}}",{{state}}"createTime":{{_harness.Clock.GetUtcNow().ToUnixTimeMilliseconds()}} }""");

        Assert.NotEqual(task.Id, (await SubmitAsync(request with { RetryFailed = true })).Value?.Id);
        Assert.Equal(2, _harness.Creates);
    }

    [Fact]
    public async Task What_another_shell_has_found_to_be_made_again_is_not_bought_by_one_that_was_told_a_moment_earlier_that_it_had_failed()
    {
        Submission request = _harness.Submission("fox.png") with { ReusePurchase = true };
        KlingVideoTask task = await FailAsync(request);
        Reply failed = _harness.Tasks[task.TaskId!];
        _harness.Tasks[task.TaskId!] = async (sent, cancellationToken) =>
        {
            HttpResponseMessage answer = await failed(sent, cancellationToken);
            _harness.Tasks[task.TaskId!] = PipelineHarness.Generating;
            await new TaskFinder(_harness.NewService(isObserved: false)).RefreshAsync(task, cancellationToken);
            return answer;
        };

        KlingVideoTask again = (await SubmitAsync(request with { RetryFailed = true })).Value!;

        Assert.Equal((task.Id, KlingTaskState.Generating), (again.Id, again.TaskState));
        Assert.Equal(1, _harness.Creates);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_another_shell_has_bought_meanwhile_and_failed_is_not_bought_again_unless_that_was_asked_for(bool retriesFailed)
    {
        Submission request = _harness.Submission("fox.png") with { ReusePurchase = true, RetryFailed = retriesFailed };
        IdentifiedSubmission identified = await _harness.IdentifyAsync(request);
        KlingVideoTask? theirs = null;
        _harness.Ledger.BeforeCall = name =>
        {
            if (name is nameof(ITaskJournal.ClaimAsync) or nameof(ITaskJournal.BeginAsync))
            {
                _harness.Ledger.BeforeCall = null;
                ITaskJournal other = _harness.Ledger.OfOtherProcess.Tasks;
                var intent = new TaskIntent { Account = _harness.Session.Account, Spec = identified.Submission.Spec, Identity = identified.Identity, Credits = 42 };
                theirs = other.AcceptAsync(other.BeginAsync(intent, CancellationToken.None).GetAwaiter().GetResult().Id, "theirs").GetAwaiter().GetResult();
                theirs = other.RecordSnapshotAsync(theirs.Account, new TaskSnapshot { TaskId = "theirs", State = KlingTaskState.Failed }).GetAwaiter().GetResult();
            }
        };

        // It has failed by the ledger; by now, the service is making it after all.
        _harness.Tasks["theirs"] = PipelineHarness.Generating;
        Outcome<Submission, KlingVideoTask> outcome = await SubmitAsync(request);

        Assert.Equal(0, _harness.Creates);
        Assert.Equal((retriesFailed ? theirs!.Id : null, retriesFailed ? null : ErrorKind.TaskFailed), (outcome.Value?.Id, outcome.Error?.Kind));
        Assert.StartsWith(retriesFailed ? "Generating" : "Failed", Assert.Single(await _harness.ListAsync()).State, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_made_after_all_is_fetched_although_the_limit_leaves_nothing_to_buy()
    {
        Submission request = _harness.Submission("fox.png") with { ReusePurchase = true };
        KlingVideoTask task = await FailAsync(request);
        _harness.Tasks[task.TaskId!] = PipelineHarness.Succeeded(task.TaskId!);

        Outcome<Submission, KlingVideoTask> outcome = await SubmitAsync(request with { RetryFailed = true, Budget = new BudgetLimit { RunId = "run", MaxCredits = 41 } });

        Assert.Equal(task.Id, outcome.Value?.Id);
        Assert.Equal(1, _harness.Creates);
    }

    [Fact]
    public async Task That_a_failed_task_was_made_after_its_video_was_bought_again_is_told()
    {
        Submission request = _harness.Submission("fox.png") with { ReusePurchase = true };
        KlingVideoTask failed = await FailAsync(request);
        KlingVideoTask again = (await SubmitAsync(request with { RetryFailed = true })).Value!;
        _harness.Tasks[failed.TaskId!] = PipelineHarness.Succeeded(failed.TaskId!);

        await _harness.Clock.RunAsync(new TaskFinder(_harness.NewService()).RefreshAsync(failed, CancellationToken.None));

        string warning = Assert.Single(_harness.Observer.Warnings);
        Assert.StartsWith($"Task {failed.Id} ('{request.Subject}') had failed and is Succeeded at the service now, so the video is paid for twice: it was bought again as task {again.Id}.", warning, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_made_after_all_is_told_like_any_other_video()
    {
        Submission request = _harness.Submission("fox.png") with { ReusePurchase = true };
        KlingVideoTask task = await FailAsync(request);
        _harness.Tasks[task.TaskId!] = Replies.Data($$"""{"taskId":"{{task.TaskId}}","state":"success","creditsConsumed":63,"resultJson":"{\"resultUrls\":[\"https://videos.example/1.mp4\",\"https://videos.example/2.mp4\"]}"}""");

        await SubmitAsync(request with { RetryFailed = true });

        Assert.Contains(_harness.Observer.Warnings, warning => warning.StartsWith($"The service names 2 videos for task {task.Id}", StringComparison.Ordinal));
        Assert.Contains(_harness.Observer.Warnings, warning => warning.StartsWith("The service took 63 credits", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_failed_and_is_not_known_any_more_is_bought_again()
    {
        foreach (Reply unknown in new[] { Replies.Code(422, "recordInfo is null"), Replies.Data("{}") })
        {
            Submission request = _harness.Submission("fox.png") with { ReusePurchase = true };
            KlingVideoTask task = await FailAsync(request);
            _harness.Tasks[task.TaskId!] = unknown;

            Assert.NotEqual(task.Id, (await FailAsync(request)).Id);
        }
    }

    [Fact]
    public async Task An_upload_that_was_refused_with_its_request_is_not_used_again()
    {
        _harness.Service.On(FakeService.CreatePath, Replies.Code(422, "The image_url cannot be accessed"), _harness.AcceptTask);

        Assert.Equal(ErrorKind.RequestInvalid, (await SubmitAsync(_harness.Submission("fox.png"))).Error!.Kind);
        Assert.Null((await SubmitAsync(_harness.Submission("fox.png"))).Error);

        Assert.Equal(2, _harness.Uploads);
    }

    public static TheoryData<object> Refusals => new()
    {
        Replies.Code(429, "Too often"),
        Replies.Text(429, """{"code":429,"msg":"Too often"}""", retryAfter: new System.Net.Http.Headers.RetryConditionHeaderValue(TimeSpan.FromSeconds(90))),
        Replies.Code(455, "Maintenance"),
        Replies.Code(500, "Server exception"),
        Replies.FailsBefore(new HttpRequestException(HttpRequestError.ConnectionError)),
    };

    [Theory]
    [MemberData(nameof(Refusals), DisableDiscoveryEnumeration = true)]
    public async Task A_shell_that_is_killed_while_a_refused_request_waits_leaves_nothing_unknown_and_the_next_one_buys(object refusal)
    {
        _harness.Service.On(FakeService.CreatePath, (Reply)refusal);
        Submission request = Submissions.FromUri("https://images.example/fox.png") with { ReusePurchase = true };
        using var killed = new CancellationTokenSource();
        Task<Outcome<Submission, KlingVideoTask>> waiting = _submitter.SubmitAsync(request, killed.Token);
        await Eventually.DoneAsync(_harness.Observer.Paused.Task);
        KlingVideoTask task = await RecordAsync();
        Assert.Equal((KlingTaskState.Submitting, 42m), (task.TaskState, task.CreditsReserved));

        ITaskJournal survivor = _harness.Ledger.OfSurvivor.Tasks;

        Assert.Null(await survivor.FindEarlierAsync(task.Account, task.Spec, CancellationToken.None));
        KlingVideoTask settled = await RecordAsync();
        Assert.Equal((KlingTaskState.Rejected, 0m), (settled.TaskState, settled.CreditsReserved));
        Assert.Contains("was not sent again", settled.FailMessage, StringComparison.Ordinal);
        TaskIntent intent = new() { Account = task.Account, Spec = task.Spec, Identity = task.Identity!, Credits = 42 };
        Assert.True((await survivor.ClaimAsync(intent, CancellationToken.None)).IsNew);
        Assert.Empty(await survivor.RecoverAsync(CancellationToken.None));
        await killed.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [Fact]
    public async Task A_shell_that_is_killed_while_a_refused_request_is_on_its_way_again_leaves_it_unknown()
    {
        var arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var released = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _harness.Service.On(FakeService.CreatePath, Replies.Code(455, "Maintenance"), Replies.Held(arrived, released.Task, Replies.Accepts("t1")));
        Task<Outcome<Submission, KlingVideoTask>> submit = _submitter.SubmitAsync(Submissions.FromUri("https://images.example/fox.png"), CancellationToken.None);
        await _harness.Clock.RunAsync(arrived.Task);

        await _harness.Ledger.OfSurvivor.Tasks.RecoverAsync(CancellationToken.None);
        KlingTaskState state = (await RecordAsync()).TaskState;

        // It lives after all, and brings its answer.
        released.SetResult();
        Assert.Equal((KlingTaskState.Unknown, "t1"), (state, (await submit).Value?.TaskId));
    }

    [Fact]
    public async Task A_request_that_waits_keeps_its_credits()
    {
        _harness.Session.DailyCreditCap = 42;
        _harness.Service.On(FakeService.CreatePath, Replies.Code(455, "Maintenance"), _harness.AcceptTask);
        Task<Outcome<Submission, KlingVideoTask>> waiting = _submitter.SubmitAsync(Submissions.FromUri("https://images.example/fox.png"), CancellationToken.None);
        await Eventually.DoneAsync(_harness.Observer.Paused.Task);

        Assert.Equal(ErrorKind.BudgetExceeded, (await _submitter.SubmitAsync(Submissions.FromUri("https://images.example/owl.png"), CancellationToken.None)).Error!.Kind);

        Assert.Null((await _harness.Clock.RunAsync(waiting)).Error);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_request_whose_process_was_taken_for_dead_while_it_waited_is_not_sent_under_its_old_record(bool isBoughtByOthers)
    {
        _harness.Service.On(FakeService.CreatePath, Replies.Code(455, "Maintenance"), _harness.AcceptTask);
        Submission request = Submissions.FromUri("https://images.example/fox.png") with { ReusePurchase = true };
        Task<Outcome<Submission, KlingVideoTask>> waiting = _submitter.SubmitAsync(request, CancellationToken.None);
        await Eventually.DoneAsync(_harness.Observer.Paused.Task);
        KlingVideoTask task = await RecordAsync();
        ITaskJournal survivor = _harness.Ledger.OfSurvivor.Tasks;
        await survivor.RecoverAsync(CancellationToken.None);
        if (isBoughtByOthers)
        {
            var intent = new TaskIntent { Account = task.Account, Spec = task.Spec, Identity = task.Identity!, Credits = 42 };
            await survivor.AcceptAsync((await survivor.ClaimAsync(intent, CancellationToken.None)).Task.Id, "theirs");
        }

        KlingVideoTask bought = (await _harness.Clock.RunAsync(waiting)).Value!;

        Assert.Equal((isBoughtByOthers ? "theirs" : "task-1", isBoughtByOthers ? 1 : 2), (bought.TaskId, _harness.Creates));
        Assert.Equal([KlingTaskState.Rejected, KlingTaskState.Waiting], (await _harness.ListAsync()).Select(record => record.TaskState));
    }

    [Theory]
    [InlineData("bought again", "theirs")]
    [InlineData("resubmitted", "theirs")]
    [InlineData("given up", null)]
    public async Task A_machine_that_wakes_up_does_not_buy_what_was_bought_or_given_up_elsewhere_meanwhile(string what, string? theirs)
    {
        _harness.Service.On(FakeService.CreatePath, Replies.Code(455, "Maintenance"), _harness.AcceptTask);
        Submission request = Submissions.FromUri("https://images.example/fox.png") with { RunId = "ours" };
        Task<Outcome<Submission, KlingVideoTask>> waiting = _submitter.SubmitAsync(request, CancellationToken.None);
        await Eventually.DoneAsync(_harness.Observer.Paused.Task);
        KlingVideoTask task = await RecordAsync();
        var intent = new TaskIntent { Account = task.Account, Spec = task.Spec, Identity = task.Identity!, Credits = 42, RunId = "theirs" };
        if (what != "bought again")
        {
            await _harness.Ledger.Tasks.LoseAsync(task.Id);
            intent = intent with { Replaces = task };
        }

        // Whoever opens the ledger settles what seems to be nobody's.
        ITaskJournal others = _harness.Ledger.OfSurvivor.Tasks;
        await others.RecoverAsync(CancellationToken.None);
        if (theirs is null)
        {
            await others.AbandonAsync(task.Id);
        }
        else
        {
            await others.AcceptAsync((await others.BeginAsync(intent, CancellationToken.None)).Id, theirs);
        }

        KlingException? error = (await _harness.Clock.RunAsync(waiting)).Error;

        Assert.Equal((1, ErrorKind.RequestInvalid), (_harness.Creates, error?.Kind));
        Assert.StartsWith(
            theirs is null ? "Nothing was bought for 'https://images.example/fox.png'. While this process stood still, its attempt (task 1) was given up with Resolve-KlingVideoTask."
                : "Nothing was bought for 'https://images.example/fox.png'. Meanwhile, task 2 was bought, which is the same video.",
            error!.Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bought", "Meanwhile, task 3 was bought, which is the same video. New-KlingVideoTask makes one more.")]
    [InlineData("given up", "(task 2) was given up with Resolve-KlingVideoTask. If the video is still wanted, New-KlingVideoTask buys it.")]
    [InlineData("removed", "(task 2) was settled and its record removed. If the video is still wanted, New-KlingVideoTask buys it.")]
    public async Task A_machine_that_stands_still_again_does_not_buy_what_was_bought_or_given_up_in_place_of_its_second_attempt(string what, string expected)
    {
        _harness.Service.On(FakeService.CreatePath, Replies.Code(455, "Maintenance"), Replies.Code(455, "Maintenance"), _harness.AcceptTask);
        int attempts = 0;
        _harness.Ledger.BeforeCall = name =>
        {
            if (name == nameof(ITaskJournal.RecordSentAgainAsync))
            {
                SettleAsync(++attempts).GetAwaiter().GetResult();
            }
            else if (name == nameof(ITaskJournal.BeginAsync) && attempts == 2 && what == "removed")
            {
                // While it waits for its turn.
                _harness.Ledger.OfOtherProcess.Tasks.RemoveAsync(2).GetAwaiter().GetResult();
            }
        };

        // As -Resubmit buys it, it is part of no run.
        KlingException? error = (await SubmitAsync(Submissions.FromUri("https://images.example/fox.png"))).Error;

        Assert.Equal((2, 2, ErrorKind.RequestInvalid), (attempts, _harness.Creates, error?.Kind));
        Assert.EndsWith(expected, error!.Message, StringComparison.Ordinal);

        async Task SettleAsync(int attempt)
        {
            ITaskJournal others = _harness.Ledger.OfOtherProcess.Tasks;
            KlingVideoTask lost = await others.LoseAsync(attempt);
            if (attempt == 2 && what == "bought")
            {
                var intent = new TaskIntent { Account = lost.Account, Spec = lost.Spec, Identity = lost.Identity!, Credits = 42, Replaces = lost };
                await others.AcceptAsync((await others.BeginAsync(intent, CancellationToken.None)).Id, "theirs");
            }
            else if (attempt == 2)
            {
                await others.AbandonAsync(lost.Id);
            }
        }
    }

    [Fact]
    public async Task A_machine_that_wakes_up_does_not_buy_again_what_its_own_earlier_attempt_turns_out_to_have_bought()
    {
        _harness.Service.On(FakeService.CreatePath, Replies.Code(455, "Maintenance"), _harness.AcceptTask);
        ITaskJournal others = _harness.Ledger.OfOtherProcess.Tasks;
        int begun = 0;
        _harness.Ledger.BeforeCall = name =>
        {
            if (name == nameof(ITaskJournal.RecordSentAgainAsync))
            {
                others.LoseAsync(1).GetAwaiter().GetResult();
            }
            else if (name == nameof(ITaskJournal.BeginAsync) && ++begun == 2)
            {
                // A callback says that the request was accepted, although it had seemed to be refused.
                others.AcceptAsync(1, "ours").GetAwaiter().GetResult();
            }
        };

        KlingException? error = (await SubmitAsync(Submissions.FromUri("https://images.example/fox.png") with { RunId = "ours" })).Error;

        Assert.Equal((1, ErrorKind.RequestInvalid, 1L), (_harness.Creates, error?.Kind, error?.TaskNumber));
        Assert.Equal(
            "Nothing was bought for 'https://images.example/fox.png'. Task 1, an earlier attempt, turned out to have been bought after all. To get its video: Get-KlingVideoTask -Id 1 | Wait-KlingVideoTask | Save-KlingVideo.",
            error!.Message);
    }

    [Fact]
    public async Task A_machine_that_wakes_up_buys_the_same_video_as_often_as_its_own_command_asked_for_it()
    {
        _harness.Service.On(FakeService.CreatePath, Replies.Code(455, "Maintenance"), Replies.Code(455, "Maintenance"), _harness.AcceptTask);
        Submission request = Submissions.FromUri("https://images.example/fox.png") with { RunId = "ours" };
        Task<Outcome<Submission, KlingVideoTask>[]> waiting = Task.WhenAll(_submitter.SubmitAsync(request, CancellationToken.None), _submitter.SubmitAsync(request, CancellationToken.None));
        await Eventually.TrueAsync(async () => (await _harness.ListAsync()).Count(task => task.HeldBackAt is not null) == 2);
        await _harness.Ledger.OfSurvivor.Tasks.RecoverAsync(CancellationToken.None);

        Outcome<Submission, KlingVideoTask>[] outcomes = await _harness.Clock.RunAsync(waiting);

        Assert.All(outcomes, outcome => Assert.Null(outcome.Error));
        Assert.Equal(4, _harness.Creates);
    }

    [Theory]
    [InlineData(" ")]
    [InlineData("")]
    public async Task A_task_without_a_name_is_not_called_bought(string taskId)
    {
        _harness.Service.On(FakeService.CreatePath, Replies.Accepts(taskId));

        Assert.Equal(ErrorKind.AttemptUnknown, (await SubmitAsync(_harness.Submission("fox.png"))).Error!.Kind);
        Assert.Equal(KlingTaskState.Unknown, (await RecordAsync()).TaskState);
    }

    [Fact]
    public async Task The_id_of_a_task_of_other_origin_is_not_taken_for_the_purchase()
    {
        _harness.Tasks["old"] = Replies.Data("""{"taskId":"old","state":"success","param":"{\"model\":\"kling/v2-5-turbo-image-to-video-pro\",\"input\":{\"prompt\":\"An owl sleeps.\",\"image_url\":\"https://images.example/owl.png\"}}","resultJson":"{\"resultUrls\":[\"https://videos.example/old.mp4\"]}"}""");
        await _harness.Clock.RunAsync(new TaskFinder(_harness.NewService()).FindAsync(new TaskReference { TaskId = "old" }, CancellationToken.None));
        _harness.Service.On(FakeService.CreatePath, Replies.Accepts("old"));

        KlingException error = (await SubmitAsync(Submissions.FromUri("https://images.example/fox.png"))).Error!;

        Assert.Equal(ErrorKind.AttemptUnknown, error.Kind);
        Assert.Equal([KlingTaskState.Succeeded, KlingTaskState.Unknown], (await _harness.ListAsync()).Select(record => record.TaskState));
        Assert.All(["fox.png", "task 2", "old", "owl.png", "task 1"], named => Assert.Contains(named, error.Message, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(400, "Content policy", ErrorKind.RequestInvalid)]
    [InlineData(422, "The model name you specified is not supported", ErrorKind.RequestInvalid)]
    [InlineData(500, "This field is required", ErrorKind.RequestInvalid)]
    [InlineData(500, "Something new", ErrorKind.ServiceUnavailable)]
    [InlineData(501, "Generation failed", ErrorKind.TaskFailed)]
    public async Task A_refusal_of_one_item_is_final_and_does_not_stop_the_others(int code, string message, ErrorKind kind)
    {
        _harness.Service.On(FakeService.CreatePath, Replies.Code(code, message), Replies.Accepts("t2"));

        Outcome<Submission, KlingVideoTask> refused = await SubmitAsync(_harness.Submission("fox.png"));

        Assert.Equal(kind, refused.Error!.Kind);
        KlingVideoTask rejected = await RecordAsync();
        Assert.Equal(KlingTaskState.Rejected, rejected.TaskState);
        Assert.Contains(message, rejected.FailMessage, StringComparison.Ordinal);
        Assert.Equal("t2", (await SubmitAsync(_harness.Submission("owl.png", 1))).Value?.TaskId);
        Assert.Equal(2, _harness.Creates);
    }

    [Fact]
    public async Task A_request_that_bought_nothing_is_sent_again_under_the_same_record()
    {
        _harness.Service.On(
            FakeService.CreatePath,
            Replies.FailsBefore(new HttpRequestException(HttpRequestError.ConnectionError)),
            Replies.Code(429, "Too often"),
            Replies.Code(455, "Maintenance"),
            Replies.Accepts("t1"));

        Assert.Equal("t1", (await SubmitAsync(_harness.Submission("fox.png"))).Value?.TaskId);

        Assert.Equal(4, _harness.Creates);
        KlingVideoTask task = await RecordAsync();
        Assert.Equal((KlingTaskState.Waiting, null), (task.TaskState, task.FailMessage));
    }

    [Theory]
    [InlineData(401, ErrorKind.Unauthorized)]
    [InlineData(402, ErrorKind.CreditsInsufficient)]
    [InlineData(433, ErrorKind.KeyCapReached)]
    [InlineData(455, ErrorKind.ServiceUnavailable)]
    [InlineData(505, ErrorKind.FeatureDisabled)]
    [InlineData(null, ErrorKind.ServiceUnavailable)]
    public async Task What_every_further_item_would_meet_is_met_once(int? code, ErrorKind kind)
    {
        _harness.Service.On(
            FakeService.CreatePath,
            code is int answered ? Replies.Code(answered, "No") : Replies.FailsBefore(new HttpRequestException(HttpRequestError.NameResolutionError)));
        Outcome<Submission, KlingVideoTask> first = await SubmitAsync(_harness.Submission("fox.png"));
        int sent = _harness.Service.Requests.Count;

        Outcome<Submission, KlingVideoTask> second = await SubmitAsync(_harness.Submission("owl.png", 1));

        Assert.Equal(kind, first.Error!.Kind);
        Assert.Same(first.Error, second.Error);
        Assert.Equal(sent, _harness.Service.Requests.Count);
        Assert.Equal(KlingTaskState.Rejected, (await RecordAsync()).TaskState);
    }

    [Theory]
    [InlineData(302, ErrorKind.AttemptUnknown, KlingTaskState.Unknown)]
    [InlineData(308, ErrorKind.ServiceUnavailable, KlingTaskState.Rejected)]
    public async Task Where_requests_are_redirected_only_the_first_image_is_sent(int status, ErrorKind kind, KlingTaskState state)
    {
        _harness.Service.On(FakeService.CreatePath, Replies.Text(status, string.Empty));

        Outcome<Submission, KlingVideoTask> first = await SubmitAsync(_harness.Submission("fox.png"));
        Outcome<Submission, KlingVideoTask> second = await SubmitAsync(_harness.Submission("owl.png", 1));

        Assert.Equal((kind, ErrorKind.ServiceUnavailable), (first.Error!.Kind, second.Error!.Kind));
        Assert.Contains($"a redirect (HTTP {status})", second.Error.Message, StringComparison.Ordinal);
        Assert.Equal((state, 1), ((await RecordAsync()).TaskState, _harness.Creates));
    }

    [Fact]
    public async Task An_upload_host_that_refuses_the_key_stops_the_batch_before_anything_is_recorded()
    {
        _harness.Service.On(FakeService.UploadPath, Replies.Code(401, "Unauthorized"));

        Outcome<Submission, KlingVideoTask> first = await SubmitAsync(_harness.Submission("fox.png"));
        Outcome<Submission, KlingVideoTask> second = await SubmitAsync(_harness.Submission("owl.png", 1));

        Assert.Equal(ErrorKind.Unauthorized, first.Error!.Kind);
        Assert.Same(first.Error, second.Error);
        Assert.Equal((1, 0), (_harness.Uploads, _harness.Creates));
        Assert.Empty(await _harness.ListAsync());
    }

    [Theory]
    [InlineData(502, "<html>Bad gateway</html>", null)]
    [InlineData(200, """{"code":510,"msg":"Something of our own"}""", "Something of our own")]
    public async Task A_lost_answer_keeps_what_the_service_has_told(int status, string body, string? message)
    {
        _harness.Service.On(FakeService.CreatePath, Replies.Text(status, body));

        Outcome<Submission, KlingVideoTask> lost = await SubmitAsync(_harness.Submission("fox.png"));

        KlingApiException error = Assert.IsType<KlingApiException>(lost.Error);
        Assert.Equal((ErrorKind.AttemptUnknown, TransportFault.AnswerUnknown), (error.Kind, error.Fault));
        Assert.Equal((status == 200 ? 510 : status, message), (error.Code, error.ServiceMessage));
        Assert.DoesNotContain("Nothing was bought", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_upload_that_is_refused_says_that_nothing_was_bought_and_keeps_what_the_service_has_told()
    {
        _harness.Service.On(FakeService.UploadPath, Replies.Code(422, "The file is broken"));

        KlingApiException error = Assert.IsType<KlingApiException>((await SubmitAsync(_harness.Submission("fox.png"))).Error);

        Assert.StartsWith("Nothing was bought for", error.Message, StringComparison.Ordinal);
        Assert.Equal((ErrorKind.RequestInvalid, 422, "The file is broken"), (error.Kind, error.Code, error.ServiceMessage));
    }

    [Fact]
    public async Task Those_that_wait_for_a_place_when_the_credits_run_out_are_not_sent()
    {
        const int Places = 20;
        int arrived = 0;
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _harness.Service.On(FakeService.CreatePath, async (request, cancellationToken) =>
        {
            if (Interlocked.Increment(ref arrived) == Places)
            {
                all.SetResult();
            }

            await all.Task;
            return await Replies.Code(402, "Credits insufficient")(request, cancellationToken);
        });

        Outcome<Submission, KlingVideoTask>[] outcomes = await BuyAtOnceAsync(Places + 5);

        Assert.All(outcomes, outcome => Assert.Equal(ErrorKind.CreditsInsufficient, outcome.Error!.Kind));
        Assert.Equal(Places, _harness.Creates);
        Assert.Equal(Enumerable.Repeat(KlingTaskState.Rejected, Places), (await _harness.ListAsync()).Select(task => task.TaskState));
    }

    [Theory]
    [InlineData("t1", true)]
    [InlineData("another", false)]
    public async Task A_purchase_that_cannot_be_recorded_is_done_all_the_same_if_its_callback_has_recorded_it(string told, bool isDone)
    {
        _harness.Service.On(FakeService.CreatePath, Replies.Accepts("t1"));
        _harness.Ledger.BeforeCall = name =>
        {
            if (name == nameof(ITaskJournal.RecordAcceptedAsync))
            {
                _harness.Ledger.BeforeCall = null;
                ITaskJournal other = _harness.Ledger.OfOtherProcess.Tasks;
                other.AcceptAsync(1, told).GetAwaiter().GetResult();
                throw new KlingException(ErrorKind.RequestInvalid, "This cannot be recorded.");
            }
        };

        Outcome<Submission, KlingVideoTask> outcome = await SubmitAsync(_harness.Submission("fox.png"));

        Assert.Equal(isDone ? (null, "t1") : (ErrorKind.AttemptUnknown, null), (outcome.Error?.Kind, outcome.Value?.TaskId));
        Assert.Equal(told, (await RecordAsync()).TaskId);
    }

    [Fact]
    public async Task An_item_between_two_attempts_is_given_up_when_the_batch_is_over()
    {
        _harness.Service.On(FakeService.CreatePath, Replies.Code(429, "Too often"), Replies.Code(402, "Credits insufficient"));
        Task<Outcome<Submission, KlingVideoTask>> waiting = _submitter.SubmitAsync(_harness.Submission("fox.png"), CancellationToken.None);
        await Eventually.DoneAsync(_harness.Observer.Paused.Task);

        // Without letting time pass: the first is not to be sent again before the second.
        Outcome<Submission, KlingVideoTask> fault = await _submitter.SubmitAsync(_harness.Submission("owl.png", 1), CancellationToken.None);

        Assert.Equal(ErrorKind.CreditsInsufficient, fault.Error!.Kind);
        Assert.Same(fault.Error, (await _harness.Clock.RunAsync(waiting)).Error);
        Assert.Equal(2, _harness.Creates);
        Assert.All(await _harness.ListAsync(), task => Assert.Equal(KlingTaskState.Rejected, task.TaskState));
    }

    [Fact]
    public async Task Cancelling_between_two_tries_leaves_nothing_bought()
    {
        using var cancel = new CancellationTokenSource();
        _harness.Service.On(FakeService.CreatePath, Replies.Code(429, "Too often"));
        Task<Outcome<Submission, KlingVideoTask>> submit = _submitter.SubmitAsync(_harness.Submission("fox.png"), cancel.Token);
        await Eventually.DoneAsync(_harness.Observer.Paused.Task);

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => submit);
        Assert.Equal((1, 0), (_harness.Creates, _submitter.UnderWay));
        KlingVideoTask task = await RecordAsync();
        Assert.Equal((KlingTaskState.Rejected, "It was stopped before the service had accepted it."), (task.TaskState, task.FailMessage));
    }

    [Fact]
    public async Task Cancelling_before_anything_has_left_leaves_nothing_at_all()
    {
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => SubmitAsync(_harness.Submission("fox.png"), new CancellationToken(canceled: true)));

        Assert.Empty(_harness.Service.Requests);
        Assert.Empty(await _harness.ListAsync());
    }

    [Fact]
    public async Task A_purchase_under_way_is_recorded_though_its_command_and_its_session_are_ended()
    {
        var arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var released = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _harness.Service.On(FakeService.CreatePath, Replies.Held(arrived, released.Task, Replies.Accepts("t1")));
        var stage = new ConcurrentStage<Submission, Outcome<Submission, KlingVideoTask>>(_submitter.SubmitAsync, 4, inOrder: true);
        await stage.PostAsync(_harness.Submission("fox.png"), CancellationToken.None);
        await Eventually.DoneAsync(arrived.Task);
        Assert.Equal(1, _submitter.UnderWay);

        stage.Dispose();
        Task ended = _harness.Session.DisposeAsync().AsTask();
        Assert.False(ended.IsCompleted);
        Assert.Equal(KlingTaskState.Submitting, (await RecordAsync()).TaskState);
        released.SetResult();
        await ended;

        KlingVideoTask task = await RecordAsync();
        Assert.Equal(("t1", KlingTaskState.Waiting), (task.TaskId, task.TaskState));
    }

    [Fact]
    public async Task An_attempt_that_had_not_left_when_the_session_was_ended_is_not_left_open()
    {
        _harness.Service.On(FakeService.UploadPath, async (request, cancellationToken) =>
        {
            await _harness.Session.DisposeAsync();
            return await Replies.Data("""{"downloadUrl":"https://files.example/fox.png"}""")(request, cancellationToken);
        });
        Outcome<Submission, KlingVideoTask> uploaded = await SubmitAsync(_harness.Submission("fox.png"));
        Outcome<Submission, KlingVideoTask> bought = await new VideoSubmitter(_harness.NewService())
            .SubmitAsync(Submissions.FromUri("https://files.example/owl.png", "It moves."), CancellationToken.None);

        Assert.All([uploaded, bought], outcome => Assert.Equal(ErrorKind.ApiKeyMissing, outcome.Error!.Kind));
        Assert.Equal((0, KlingTaskState.Rejected), (_harness.Creates, (await RecordAsync()).TaskState));
    }

    [Fact]
    public async Task Images_of_the_same_content_are_uploaded_once()
    {
        Submission[] requests =
        [
            .. Enumerable.Range(0, 6).Select(i => _harness.Submission($"fox{i}.png")),
            _harness.Submission("owl.png", 1).Asking(spec => spec with { TailImage = MediaSource.FromFile(_harness.Image("tail.png")) }),
        ];

        Outcome<Submission, KlingVideoTask>[] outcomes = await _harness.Clock.RunAsync(
            Task.WhenAll(requests.Select(request => _submitter.SubmitAsync(request, CancellationToken.None))));

        Assert.All(outcomes, outcome => Assert.Null(outcome.Error));
        Assert.Equal((2, 7), (_harness.Uploads, _harness.Creates));
        Assert.Equal(7, outcomes.Select(outcome => outcome.Value!.TaskId).Distinct().Count());
        Assert.Equal(outcomes[0].Value!.ImageUri, outcomes[6].Value!.TailImageUri);
    }

    [Fact]
    public async Task An_upload_is_used_again_until_an_hour_before_it_expires()
    {
        Submission request = _harness.Submission("fox.png");
        await SubmitAsync(request);
        _harness.Clock.Advance(TimeSpan.FromHours(22.9));
        await SubmitAsync(request);
        Assert.Equal((1, 2), (_harness.Uploads, _harness.Creates));

        _harness.Clock.Advance(TimeSpan.FromHours(0.2));
        await SubmitAsync(request);

        Assert.Equal((2, 3), (_harness.Uploads, _harness.Creates));
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task What_was_uploaded_before_the_machine_slept_for_a_weekend_is_uploaded_again_before_it_is_asked_for(bool isConnecting, bool isReusing)
    {
        int slept = 0;
        int left = 0;
        void Sleep()
        {
            if (slept++ == 0)
            {
                _harness.Clock.SetTimeOfDay(TimeSpan.FromHours(60));
            }
        }

        _harness.Ledger.BehindCreateGate = () =>
        {
            if (!isConnecting)
            {
                Sleep();
            }
        };
        _harness.Service.On(FakeService.CreatePath, async (request, cancellationToken) =>
        {
            Sleep();
            await request.ReadAsync(cancellationToken);
            left++;
            return await Replies.Accepts("t1")(request, cancellationToken);
        });

        Outcome<Submission, KlingVideoTask> outcome = await SubmitAsync(_harness.Submission("fox.png") with { ReusePurchase = isReusing });

        Assert.True(outcome.Error is null, outcome.Error?.ToString());
        Assert.Equal((2, 1, "t1"), (_harness.Uploads, left, outcome.Value!.TaskId));
        Assert.Equal([KlingTaskState.Rejected, KlingTaskState.Waiting], (await _harness.ListAsync()).Select(task => task.TaskState));
    }

    private void SleepOnceBehindGate(TimeSpan span)
    {
        int slept = 0;
        _harness.Ledger.BehindCreateGate = () =>
        {
            if (slept++ == 0)
            {
                _harness.Clock.SetTimeOfDay(span);
            }
        };
    }

    /// <summary>The machine sleeps when the service has refused the first request for now, and the second is accepted.</summary>
    private void SleepOnceHeldBack(TimeSpan span) => _harness.Service.On(
        FakeService.CreatePath,
        async (request, token) =>
        {
            HttpResponseMessage answer = await Replies.Code(455, "Maintenance")(request, token);
            _harness.Clock.SetTimeOfDay(span);
            return answer;
        },
        _harness.AcceptTask);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_request_that_was_held_back_over_a_weekend_leaves_with_new_uploads(bool isReusing)
    {
        SleepOnceHeldBack(TimeSpan.FromHours(60));

        Outcome<Submission, KlingVideoTask> outcome = await SubmitAsync(_harness.Submission("fox.png") with { ReusePurchase = isReusing });

        Assert.True(outcome.Error is null, outcome.Error?.ToString());
        Assert.Equal((2, 2, 0), (_harness.Uploads, _harness.Creates, _harness.Ledger.PlacesTaken));
        Assert.Equal([KlingTaskState.Rejected, KlingTaskState.Waiting], (await _harness.ListAsync()).Select(task => task.TaskState));
    }

    [Fact]
    public async Task A_request_that_is_made_again_over_a_weekend_still_takes_the_place_of_the_lost_one()
    {
        _harness.Session.DailyCreditCap = 42;
        _harness.Service.On(FakeService.CreatePath, Replies.FailsAfter(new HttpRequestException(HttpRequestError.ResponseEnded)), Replies.Accepts("t2"));
        await SubmitAsync(_harness.Submission("fox.png"));
        KlingVideoTask lost = await RecordAsync();
        SleepOnceBehindGate(TimeSpan.FromHours(60));

        using var deadline = new KlingPS.Core.Scheduling.Deadline(_harness.Clock, null);
        KlingVideoTask again = await _harness.Clock.RunAsync(new UnknownTaskResolver(_harness.NewService(isObserved: false)).ResubmitAsync(lost, deadline, CancellationToken.None));

        Assert.Equal(("t2", lost.Id), (again.TaskId, again.Replaces));
        Assert.Equal((2, 2), (_harness.Uploads, _harness.Creates));
        Assert.Equal(["Abandoned", "Rejected", "Waiting"], (await _harness.ListAsync()).Select(task => task.TaskState.ToString()));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_upload_that_fails_the_second_time_is_the_error_of_its_image_alone(bool isReusing)
    {
        SleepOnceBehindGate(TimeSpan.FromHours(60));
        int uploads = 0;
        _harness.Service.On(FakeService.UploadPath, (request, token) => ++uploads == 1 ? PipelineHarness.AcceptUpload(request, token) : Replies.Code(500, "broken")(request, token));

        Outcome<Submission, KlingVideoTask> outcome = await SubmitAsync(_harness.Submission("fox.png") with { ReusePurchase = isReusing });

        Assert.NotNull(outcome.Error);
        Assert.Equal((0, 0), (_harness.Creates, _harness.Ledger.PlacesTaken));
        Assert.Equal([KlingTaskState.Rejected], (await _harness.ListAsync()).Select(task => task.TaskState));
        Assert.Null((await SubmitAsync(Submissions.FromUri("https://images.example/owl.png"))).Error);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_image_that_is_gone_when_it_is_to_be_uploaded_again_buys_nothing(bool isReusing)
    {
        SleepOnceBehindGate(TimeSpan.FromHours(60));
        Submission request = _harness.Submission("fox.png") with { ReusePurchase = isReusing };
        _harness.Ledger.BeforeCall = name =>
        {
            if (name == nameof(ITaskJournal.RecordRejectedAsync))
            {
                File.Delete(request.Spec.Image!.Path!);
            }
        };

        Outcome<Submission, KlingVideoTask> outcome = await SubmitAsync(request);

        Assert.Equal(ErrorKind.PathNotFound, outcome.Error?.Kind);
        Assert.Equal(0, _harness.Creates);
        Assert.Null((await SubmitAsync(Submissions.FromUri("https://images.example/owl.png"))).Error);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_attempt_that_turns_out_to_be_bought_while_it_is_uploaded_again_is_not_sent_again(bool isReusing)
    {
        SleepOnceHeldBack(TimeSpan.FromHours(60));
        int uploads = 0;
        _harness.Service.On(FakeService.UploadPath, async (request, token) =>
        {
            if (++uploads == 2)
            {
                KlingVideoTask first = await RecordAsync();
                await _harness.Ledger.Tasks.RecordAcceptedAsync(first.Id, "revealed", new TaskIntent { Account = first.Account, Spec = first.Spec, Identity = first.Identity!, Credits = 42, Nonce = first.Nonce! });
            }

            return await PipelineHarness.AcceptUpload(request, token);
        });

        Outcome<Submission, KlingVideoTask> outcome = await SubmitAsync(_harness.Submission("fox.png") with { ReusePurchase = isReusing });

        Assert.Equal(1, _harness.Creates);
        Assert.Contains("revealed", (await _harness.ListAsync()).Select(task => task.TaskId));
        Assert.True(outcome.Value is { TaskId: "revealed" } || outcome.Error is not null);
    }

    [Fact]
    public async Task A_limit_goes_to_the_first_image_though_it_is_uploaded_again()
    {
        _harness.Session.DailyCreditCap = 42;
        SleepOnceBehindGate(TimeSpan.FromHours(60));
        Task<Outcome<Submission, KlingVideoTask>>? second = null;
        int checks = 0;
        _harness.Ledger.BeforeCall = name => checks += name == nameof(ITaskJournal.FindBudgetExcessAsync) ? 1 : 0;
        int uploads = 0;
        _harness.Service.On(FakeService.UploadPath, async (request, token) =>
        {
            if (++uploads == 2)
            {
                int before = checks;
                second = _submitter.SubmitAsync(Submissions.FromUri("https://images.example/owl.png"), CancellationToken.None);
                await Eventually.TrueAsync(() => checks > before, "the check of the second image");
            }

            return await PipelineHarness.AcceptUpload(request, token);
        });

        Outcome<Submission, KlingVideoTask> first = await SubmitAsync(_harness.Submission("fox.png"));

        Assert.Null(first.Error);
        Assert.Equal(ErrorKind.BudgetExceeded, (await second!).Error?.Kind);
    }

    [Fact]
    public async Task An_image_that_changed_is_another_image()
    {
        await SubmitAsync(_harness.Submission("fox.png"));
        await SubmitAsync(_harness.Submission("fox.png", 1));

        Assert.Equal(2, _harness.Service.To(FakeService.CreatePath).Select(sent => sent.Json.GetProperty("input").GetProperty("image_url").GetString()).Distinct().Count());
    }

    [Fact]
    public async Task An_address_is_sent_as_it_is()
    {
        var request = Submissions.FromUri("https://images.example/fox.png").Asking(spec => spec with { TailImage = MediaSource.FromUri("https://images.example/tail.png") });

        Assert.Null((await SubmitAsync(request)).Error);

        Assert.Equal((0, 1), (_harness.Uploads, _harness.Creates));
        Assert.Contains("\"tail_image_url\":\"https://images.example/tail.png\"", _harness.Service.To(FakeService.CreatePath)[0].Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_no_image_is_not_sent()
    {
        string path = Path.Combine(_harness.Folder, "notes.png");
        await File.WriteAllTextAsync(path, "no image");

        Assert.Equal(ErrorKind.ImageUnsupported, (await SubmitAsync(Submissions.FromFile(path, "x"))).Error!.Kind);
        Assert.Equal(ErrorKind.PathNotFound, (await SubmitAsync(Submissions.FromFile(path + "x", "x"))).Error!.Kind);
        Assert.Empty(_harness.Service.Requests);
        Assert.Empty(await _harness.ListAsync());
    }

    [Theory]
    [InlineData("kling/v2-1-standard")]
    [InlineData("kling/v2-1-master-image-to-video")]
    public async Task A_tail_image_that_the_model_would_ignore_and_bill_is_refused_before_anything_is_uploaded(string model)
    {
        foreach (MediaSource tail in new[] { MediaSource.FromFile(_harness.Image("end.png", 1)), MediaSource.FromUri("https://images.example/end.png") })
        {
            KlingException error = (await SubmitAsync(_harness.Submission("fox.png").Asking(spec => spec with { Model = model, TailImage = tail }))).Error!;

            Assert.Equal(ErrorKind.RequestInvalid, error.Kind);
            Assert.Contains("fox.png", error.Message, StringComparison.Ordinal);
            Assert.Contains("kling/v2-1-pro", error.Message, StringComparison.Ordinal);
        }

        Assert.Empty(_harness.Service.Requests);
        Assert.Empty(await _harness.ListAsync());
    }

    [Fact]
    public async Task A_WebP_image_is_refused_for_a_model_that_does_not_take_it_and_sent_to_one_that_does()
    {
        string path = Path.Combine(_harness.Folder, "fox.webp");
        await File.WriteAllBytesAsync(path, ImageBytes.WebPLossy());
        Submission submission = Submissions.FromFile(path);

        KlingException error = (await SubmitAsync(submission.Asking(spec => spec with { Model = "kling/v2-1-pro" }))).Error!;
        KlingException tail = (await SubmitAsync(_harness.Submission("owl.png").Asking(spec => spec with { Model = "kling/v2-1-pro", TailImage = submission.Spec.Image }))).Error!;

        Assert.All([error, tail], refused => Assert.Equal(ErrorKind.ImageUnsupported, refused.Kind));
        Assert.All([error, tail], refused => Assert.Contains($"kling/v2-1-pro does not take '{path}'. It is WebP; convert it to JPEG or PNG first.", refused.Message, StringComparison.Ordinal));
        Assert.Empty(_harness.Service.Requests);
        Assert.Null((await SubmitAsync(submission)).Error);
    }

    [Fact]
    public async Task A_video_at_an_unknown_price_is_not_uploaded_under_a_limit_of_credits()
    {
        Submission submission = _harness.Submission("fox.png").Asking(spec => spec with { Model = "kling/of-next-year" });

        KlingException run = (await SubmitAsync(submission with { Budget = new BudgetLimit { RunId = "run", MaxCredits = 1_000_000 } })).Error!;
        _harness.Session.DailyCreditCap = 1_000_000;
        KlingException day = (await SubmitAsync(submission with { Budget = new BudgetLimit { RunId = "run", MaxTasks = 1 } })).Error!;

        Assert.All([run, day], error => Assert.Equal(ErrorKind.BudgetExceeded, error.Kind));
        Assert.All([run, day], error => Assert.Contains("price of the video is not known", error.Message, StringComparison.Ordinal));
        Assert.Empty(_harness.Service.Requests);

        _harness.Session.DailyCreditCap = null;
        KlingVideoTask bought = (await SubmitAsync(submission with { Budget = new BudgetLimit { RunId = "run", MaxTasks = 1 } })).Value!;
        Assert.Equal(("kling/of-next-year", 0m), (bought.Model, bought.CreditsReserved));
    }

    [Fact]
    public async Task A_lost_answer_for_a_video_at_an_unknown_price_does_not_say_that_nothing_was_spent()
    {
        _harness.Service.On(FakeService.CreatePath, Replies.FailsAfter(new HttpRequestException(HttpRequestError.ResponseEnded)));

        KlingException error = (await SubmitAsync(_harness.Submission("fox.png").Asking(spec => spec with { Model = "kling/of-next-year" }))).Error!;

        Assert.Contains("Its credits may have been spent", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_prompt_may_be_as_long_as_the_model_takes_it()
    {
        Submission submission = _harness.Submission("fox.png").Asking(spec => spec with { Model = "kling/v2-1-pro", Prompt = new string('x', 5000) });

        Assert.Equal(50, (await SubmitAsync(submission)).Value?.CreditsReserved);
    }

    [Fact]
    public async Task No_more_than_twenty_purchases_reach_the_service_in_ten_seconds()
    {
        var arrivals = new ConcurrentQueue<DateTimeOffset>();
        _harness.Service.On(FakeService.CreatePath, (request, cancellationToken) =>
        {
            arrivals.Enqueue(_harness.Clock.GetUtcNow());
            return Replies.Accepts(request.Text.GetHashCode(StringComparison.Ordinal).ToString(System.Globalization.CultureInfo.InvariantCulture))(request, cancellationToken);
        });

        await BuyAtOnceAsync(50);

        DateTimeOffset[] times = [.. arrivals.Order()];
        Assert.Equal(50, times.Length);
        Assert.All(Enumerable.Range(0, 30), i => Assert.True(times[i + 20] - times[i] > TimeSpan.FromSeconds(10)));
    }

    public static TheoryData<object, string> BadRequests => new()
    {
        { Submissions.FromUri("https://a.example/", "  "), "the prompt is empty" },
        { Submissions.FromUri("https://a.example/", new string('x', 2501)), "2501 characters" },
        { Submissions.FromUri("https://a.example/", "x").Asking(spec => spec with { NegativePrompt = new string('x', 2497) }), "2497 characters" },
        { Submissions.FromUri("https://a.example/", "x").Asking(spec => spec with { Duration = 7 }), "7 seconds" },
        { Submissions.FromUri("https://a.example/", "x").Asking(spec => spec with { CfgScale = 1.1m }), "CFG scale" },
        { Submissions.FromUri("https://a.example/", "x").Asking(spec => spec with { CfgScale = -0.1m }), "CFG scale" },
        { Submissions.FromUri("fox.png", "x"), "'fox.png' is not an absolute" },
        { Submissions.FromUri("file:///fox.png", "x"), "image address" },
        { Submissions.FromUri("https://a.example/", "x").Asking(spec => spec with { TailImage = MediaSource.FromUri("") }), "tail image address" },
        { Submissions.FromUri("https://a.example/", "x").Asking(spec => spec with { CallbackUri = "ftp://a.example/" }), "callback address" },
        { new Submission { Spec = new VideoSpec { Prompt = "x" } }, "no image" },
    };

    [Theory]
    [MemberData(nameof(BadRequests), DisableDiscoveryEnumeration = true)]
    public async Task A_parameter_outside_its_range_is_named_before_anything_is_sent(object request, string named)
    {
        KlingException error = (await SubmitAsync((Submission)request)).Error!;

        Assert.Equal(ErrorKind.RequestInvalid, error.Kind);
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
        Assert.Empty(_harness.Service.Requests);
        Assert.Empty(await _harness.ListAsync());
    }

    [Fact]
    public async Task Parameters_at_the_end_of_their_range_are_taken()
    {
        Submission request = Submissions.FromUri("https://a.example/", new string('x', 2500)).Asking(spec => spec with
        {
            NegativePrompt = new string('x', 2496),
            Duration = 10,
            CfgScale = 1,
            CallbackUri = "http://a.example/",
        });

        Assert.Equal(84, (await SubmitAsync(request)).Value?.CreditsReserved);
    }

    [Fact]
    public async Task A_lost_attempt_is_bought_again_with_the_credits_that_it_holds_of_the_day_s_limit()
    {
        _harness.Session.DailyCreditCap = 42;
        _harness.Service.On(FakeService.CreatePath, Replies.FailsAfter(new HttpRequestException(HttpRequestError.ResponseEnded)), Replies.Accepts("t2"));
        await SubmitAsync(_harness.Submission("fox.png"));
        KlingVideoTask lost = await RecordAsync();

        using var deadline = new KlingPS.Core.Scheduling.Deadline(_harness.Clock, null);
        KlingVideoTask again = await _harness.Clock.RunAsync(new UnknownTaskResolver(_harness.NewService(isObserved: false)).ResubmitAsync(lost, deadline, CancellationToken.None));

        Assert.Equal(("t2", lost.Id), (again.TaskId, again.Replaces));
        Assert.Equal(ErrorKind.BudgetExceeded, (await SubmitAsync(_harness.Submission("owl.png", 1))).Error?.Kind);
        Assert.Equal(1, _harness.Uploads);
    }

    [Theory]
    [InlineData(true, "an identity that an earlier version made in another way", "It moves.", true)]
    [InlineData(false, null, "It moves.", true)]
    [InlineData(false, null, " It  moves.\r\n", true)]
    [InlineData(false, "an identity of another tail image", "It moves.", false)]
    public async Task A_lost_attempt_is_bought_again_unless_its_tail_image_may_have_changed(bool hasTailHash, string? identity, string prompt, bool isBought)
    {
        _harness.Service.On(FakeService.CreatePath, Replies.FailsAfter(new HttpRequestException(HttpRequestError.ResponseEnded)), Replies.Accepts("t2"));
        await SubmitAsync(_harness.Submission("fox.png").Asking(spec => spec with { TailImage = MediaSource.FromFile(_harness.Image("tail.png", 1)) }));
        KlingVideoTask lost = await RecordAsync();
        VideoSpec recorded = lost.Spec with { Prompt = prompt };
        lost = lost with
        {
            Identity = identity ?? recorded.GetIdentity(),
            Spec = hasTailHash ? recorded : recorded with { TailImage = recorded.TailImage! with { Hash = null } },
        };

        using var deadline = new KlingPS.Core.Scheduling.Deadline(_harness.Clock, null);
        Exception? error = await Record.ExceptionAsync(
            () => _harness.Clock.RunAsync(new UnknownTaskResolver(_harness.NewService(isObserved: false)).ResubmitAsync(lost, deadline, CancellationToken.None)));

        Assert.Equal(isBought, error is null);
        Assert.Equal(!isBought, error?.Message.Contains("tail.png' has other content now", StringComparison.Ordinal) == true);
    }

    [Fact]
    public async Task A_lost_attempt_that_turns_out_to_have_been_bought_while_its_replacement_is_held_back_is_not_paid_for_twice()
    {
        _harness.Service.On(FakeService.CreatePath, Replies.FailsAfter(new HttpRequestException(HttpRequestError.ResponseEnded)), Replies.Code(455, "Maintenance"), Replies.Accepts("t2"));
        await SubmitAsync(_harness.Submission("fox.png"));
        KlingVideoTask lost = await RecordAsync();
        _harness.Ledger.BeforeCall = name =>
        {
            if (name == nameof(ITaskJournal.RecordSentAgainAsync))
            {
                // A callback says so.
                _harness.Ledger.BeforeCall = null;
                _harness.Ledger.OfOtherProcess.Tasks.AcceptAsync(lost.Id, "t1").GetAwaiter().GetResult();
            }
        };

        using var deadline = new KlingPS.Core.Scheduling.Deadline(_harness.Clock, null);
        KlingException error = await Assert.ThrowsAsync<KlingException>(
            () => _harness.Clock.RunAsync(new UnknownTaskResolver(_harness.NewService(isObserved: false)).ResubmitAsync(lost, deadline, CancellationToken.None)));

        Assert.EndsWith($"Task {lost.Id}, an earlier attempt, turned out to have been bought after all. To get its video: Get-KlingVideoTask -Id {lost.Id} | Wait-KlingVideoTask | Save-KlingVideo.", error.Message, StringComparison.Ordinal);
        Assert.Equal(2, _harness.Creates);
        Assert.Equal([KlingTaskState.Waiting, KlingTaskState.Rejected], (await _harness.ListAsync()).Select(task => task.TaskState));
    }

    [Fact]
    public async Task An_upload_is_told_from_its_beginning_to_its_end()
    {
        await SubmitAsync(_harness.Submission("fox.png"));

        Assert.Equal([false, true], _harness.Observer.Transfers.Select(transfer => transfer.IsOver));
        Assert.All(_harness.Observer.Transfers, transfer => Assert.Equal(("fox.png", true, transfer.Total), (transfer.Name, transfer.IsUpload, transfer.Bytes)));
    }

    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 0)]
    public async Task A_machine_that_slept_before_its_request_left_asks_whether_the_attempt_is_still_its_own(bool isBoughtElsewhere, int creates)
    {
        var submission = _harness.Submission("fox.png") with { ReusePurchase = true };
        int claims = 0;
        int confirmations = 0;
        _harness.Ledger.BeforeCall = name =>
        {
            if (name == nameof(ITaskJournal.ClaimAsync) && Interlocked.Increment(ref claims) == 1)
            {
                // The machine sleeps while the claim is recorded.
                _harness.Clock.Advance(TimeSpan.FromMinutes(3));
            }
            else if (name == nameof(ITaskJournal.RecordSentAgainAsync) && Interlocked.Increment(ref confirmations) == 1)
            {
                KlingVideoTask lost = _harness.Ledger.OfSurvivor.Tasks.ListAsync(new TaskFilter { States = [KlingTaskState.Unknown] }, CancellationToken.None).GetAwaiter().GetResult().Single();
                if (isBoughtElsewhere)
                {
                    _harness.Ledger.OfSurvivor.Tasks.AcceptAsync(lost.Id, "bought elsewhere").GetAwaiter().GetResult();
                }
            }
        };

        Outcome<Submission, KlingVideoTask> outcome = await _harness.SubmitAsync(new VideoSubmitter(_harness.NewService()), submission);

        Assert.True(outcome.Error is null, outcome.Error?.ToString());
        Assert.Equal((1, creates), (confirmations, _harness.Creates));
        Assert.Equal(isBoughtElsewhere ? "bought elsewhere" : "task-1", outcome.Value!.TaskId);
        Assert.Equal(
            isBoughtElsewhere ? [KlingTaskState.Waiting] : [KlingTaskState.Rejected, KlingTaskState.Waiting],
            (await _harness.ListAsync()).Select(task => task.TaskState));
    }

    [Fact]
    public async Task Who_works_on_with_a_copied_ledger_is_told_before_the_first_purchase_that_the_other_one_must_not_be_used_any_more()
    {
        _harness.Ledger.IsCopy = true;
        string[] toldBefore = [];
        _harness.Service.On(FakeService.CreatePath, (request, cancellationToken) =>
        {
            toldBefore = [.. toldBefore, .. _harness.Observer.Warnings];
            return Replies.Accepts("t1")(request, cancellationToken);
        });

        Assert.Null((await SubmitAsync(_harness.Submission("fox.png"))).Error);
        Assert.Contains("is a copy", Assert.Single(toldBefore), StringComparison.Ordinal);
        await SubmitAsync(_harness.Submission("owl.png", 1));
        Assert.Single(_harness.Observer.Warnings);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_machine_that_slept_while_the_connection_was_made_asks_once_more_before_the_request_leaves(bool isBoughtElsewhere)
    {
        int confirmed = 0;
        int left = 0;
        _harness.Ledger.BeforeCall = name => confirmed += name == nameof(ITaskJournal.RecordSentAgainAsync) ? 1 : 0;
        _harness.Service.On(FakeService.CreatePath, async (request, cancellationToken) =>
        {
            _harness.Clock.SetTimeOfDay(TimeSpan.FromHours(3));
            KlingVideoTask lost = await RecordAsync();
            if (isBoughtElsewhere)
            {
                await _harness.Ledger.Tasks.LoseAsync(lost.Id);
                var intent = new TaskIntent { Account = lost.Account, Spec = lost.Spec, Identity = lost.Identity!, Credits = 42, RunId = "theirs", Replaces = lost };
                await _harness.Ledger.Tasks.AcceptAsync((await _harness.Ledger.Tasks.BeginAsync(intent, CancellationToken.None)).Id, "theirs");
            }

            await request.ReadAsync(cancellationToken);
            left++;
            return await Replies.Accepts("ours")(request, cancellationToken);
        });

        Outcome<Submission, KlingVideoTask> outcome = await SubmitAsync(_harness.Submission("fox.png") with { RunId = "ours" });

        Assert.Equal((1, isBoughtElsewhere ? 0 : 1), (confirmed, left));
        Assert.Equal(isBoughtElsewhere ? null : "ours", outcome.Value?.TaskId);
        Assert.Equal(isBoughtElsewhere, outcome.Error?.Message.Contains("Meanwhile, task 2 was bought, which is the same video.", StringComparison.Ordinal) == true);
    }

    [Fact]
    public async Task A_video_that_becomes_known_while_the_machine_sleeps_before_its_request_leaves_is_used_and_not_called_an_outage()
    {
        int left = 0;
        _harness.Service.On(FakeService.CreatePath, async (request, cancellationToken) =>
        {
            _harness.Clock.SetTimeOfDay(TimeSpan.FromHours(3));
            KlingVideoTask own = await RecordAsync();
            await _harness.Ledger.OfOtherProcess.Tasks.RecordSnapshotAsync(own.Account, new TaskSnapshot { TaskId = "theirs", State = KlingTaskState.Generating, Spec = own.Spec });
            await request.ReadAsync(cancellationToken);
            left++;
            return await Replies.Accepts("ours")(request, cancellationToken);
        });

        Outcome<Submission, KlingVideoTask> outcome = await SubmitAsync(_harness.Submission("fox.png") with { ReusePurchase = true });

        Assert.Equal(("theirs", null, 0), (outcome.Value?.TaskId, outcome.Error, left));
        Assert.Contains("the same video has become known as task 2", Assert.Single(await _harness.ListAsync(), task => task.TaskState == KlingTaskState.Rejected).FailMessage, StringComparison.Ordinal);
        Assert.Null(_harness.Session.CreateOutage.FindError());
        Assert.EndsWith("The request was not sent, because the same video has become known as task 2, which is Generating.", Assert.Single(_harness.Observer.Reasons), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_request_whose_attempt_was_settled_and_removed_while_the_machine_slept_before_it_left_is_sent_as_another_one_if_that_may_be_claimed(bool isClaimed)
    {
        int left = 0;
        int slept = 0;
        _harness.Service.On(FakeService.CreatePath, async (request, cancellationToken) =>
        {
            if (slept++ == 0)
            {
                _harness.Clock.SetTimeOfDay(TimeSpan.FromHours(3));
                await _harness.Ledger.OfOtherProcess.Tasks.RejectAsync((await RecordAsync()).Id, null, "Its process was dead.");
                await _harness.Ledger.OfOtherProcess.Tasks.RemoveAsync((await RecordAsync()).Id);
            }

            await request.ReadAsync(cancellationToken);
            left++;
            return await Replies.Accepts("ours")(request, cancellationToken);
        });

        Outcome<Submission, KlingVideoTask> outcome = await SubmitAsync(_harness.Submission("fox.png") with { ReusePurchase = isClaimed });

        Assert.Null(_harness.Session.CreateOutage.FindError());
        if (!isClaimed)
        {
            Assert.Equal((ErrorKind.RequestInvalid, 0), (outcome.Error?.Kind, left));
            Assert.EndsWith(
                "While this process stood still, its attempt (task 1) was settled and its record removed. If the video is still wanted, New-KlingVideoTask buys it.",
                outcome.Error!.Message,
                StringComparison.Ordinal);
            Assert.Empty(await _harness.ListAsync());
            return;
        }

        Assert.Equal((null, "ours", 1), (outcome.Error, outcome.Value?.TaskId, left));
        Assert.Equal((2L, KlingTaskState.Waiting), ((await RecordAsync()).Id, (await RecordAsync()).TaskState));
        Assert.EndsWith("Another process considered this one dead before the request left.", Assert.Single(_harness.Observer.Reasons), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_request_is_made_anew_if_its_attempt_was_removed_and_only_the_one_before_it_had_been_refused()
    {
        _harness.Service.On(
            FakeService.CreatePath,
            Replies.Code(455, "Maintenance"),
            async (request, cancellationToken) =>
            {
                _harness.Clock.SetTimeOfDay(TimeSpan.FromHours(3));
                await _harness.Ledger.OfOtherProcess.Tasks.RejectAsync(2, null, "Its process was dead.");
                await _harness.Ledger.OfOtherProcess.Tasks.RemoveAsync(2);
                await request.ReadAsync(cancellationToken);
                return await Replies.Accepts("not sent")(request, cancellationToken);
            },
            Replies.Accepts("ours"));
        _harness.Ledger.BeforeCall = name =>
        {
            if (name == nameof(ITaskJournal.RecordSentAgainAsync))
            {
                _harness.Ledger.BeforeCall = null;
                _harness.Ledger.OfOtherProcess.Tasks.LoseAsync(1).GetAwaiter().GetResult();
            }
        };

        Outcome<Submission, KlingVideoTask> outcome = await SubmitAsync(_harness.Submission("fox.png") with { ReusePurchase = true });

        Assert.Equal(("ours", 3L), (outcome.Value?.TaskId, outcome.Value?.Id));
    }

    [Fact]
    public async Task A_request_for_one_more_video_that_is_held_back_is_sent_whatever_else_is_bought_meanwhile()
    {
        _harness.Service.On(FakeService.CreatePath, Replies.Code(455, "Maintenance"), Replies.Accepts("ours"));
        _harness.Ledger.BeforeCall = name =>
        {
            if (name == nameof(ITaskJournal.RecordSentAgainAsync))
            {
                _harness.Ledger.BeforeCall = null;
                BuyAsync().GetAwaiter().GetResult();
            }
        };

        Outcome<Submission, KlingVideoTask> outcome = await SubmitAsync(_harness.Submission("fox.png") with { RunId = "ours" });

        Assert.Equal(("ours", 2), (outcome.Value?.TaskId, _harness.Creates));

        async Task BuyAsync()
        {
            KlingVideoTask own = await RecordAsync();
            var theirs = new TaskIntent { Account = own.Account, Spec = own.Spec, Identity = own.Identity!, Credits = 42, RunId = "theirs" };
            ITaskJournal others = _harness.Ledger.OfOtherProcess.Tasks;
            await others.AcceptAsync((await others.BeginAsync(theirs, CancellationToken.None)).Id, "theirs");
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_request_that_was_refused_is_not_sent_again_if_what_came_of_it_was_settled_and_removed_elsewhere(int refusals)
    {
        _harness.Service.On(FakeService.CreatePath, [.. Enumerable.Repeat(Replies.Code(429, "Too many requests."), refusals), Replies.Accepts("ours")]);
        int sentAgain = 0;
        _harness.Ledger.BeforeCall = name =>
        {
            if (name == nameof(ITaskJournal.RecordSentAgainAsync) && ++sentAgain == refusals)
            {
                // A callback has told that it was accepted all the same, and its video was saved.
                _harness.Ledger.BeforeCall = null;
                FinishAndRemoveAsync().GetAwaiter().GetResult();
            }
        };

        Submission submission = _harness.Submission("fox.png") with { ReusePurchase = true };
        Outcome<Submission, KlingVideoTask> outcome = await SubmitAsync(submission);
        Outcome<Submission, KlingVideoTask> again = await SubmitAsync(submission);

        KlingVideoTask unknown = await RecordAsync();
        Assert.Equal((KlingTaskState.Unknown, 2L), (unknown.TaskState, unknown.Id));
        Assert.Equal((ErrorKind.AttemptUnknown, unknown.Id), (outcome.Error?.Kind, outcome.Error?.TaskNumber));
        Assert.StartsWith(
            $"It is not known whether the video of '{unknown.Subject}' was bought (task 2). The service refused an earlier request. Before it was sent again, the attempt was settled elsewhere and its record removed, so that request may have been accepted after all. ",
            outcome.Error!.Message,
            StringComparison.Ordinal);
        Assert.Equal((ErrorKind.AttemptUnknown, refusals), (again.Error?.Kind, _harness.Creates));

        async Task FinishAndRemoveAsync()
        {
            ITaskJournal others = _harness.Ledger.OfOtherProcess.Tasks;
            KlingVideoTask own = await others.AcceptAsync(1, "theirs");
            await others.RecordSnapshotAsync(own.Account, new TaskSnapshot { TaskId = "theirs", State = KlingTaskState.Succeeded });
            await others.RemoveAsync(own.Id);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_request_whose_answer_is_lost_after_its_attempt_was_given_up_is_not_bought_again_and_can_be_resolved(bool isRemoved)
    {
        _harness.Service.On(FakeService.CreatePath, async (request, cancellationToken) =>
        {
            await request.ReadAsync(cancellationToken);
            await GiveUpAsync(isRemoved);
            throw new HttpRequestException(HttpRequestError.ResponseEnded);
        });

        Outcome<Submission, KlingVideoTask> outcome = await SubmitAsync(_harness.Submission("fox.png") with { ReusePurchase = true });
        Outcome<Submission, KlingVideoTask> again = await SubmitAsync(_harness.Submission("fox.png") with { ReusePurchase = true });

        KlingVideoTask unknown = await RecordAsync();
        Assert.Equal(KlingTaskState.Unknown, unknown.TaskState);
        Assert.Equal((ErrorKind.AttemptUnknown, unknown.Id), (outcome.Error?.Kind, outcome.Error?.TaskNumber));
        Assert.Contains($"(task {unknown.Id})", outcome.Error!.Message, StringComparison.Ordinal);
        Assert.Equal((ErrorKind.AttemptUnknown, 1), (again.Error?.Kind, _harness.Creates));
        Assert.Equal("t1", (await _harness.Ledger.Tasks.ResolveAsync(unknown.Id, new TaskSnapshot { TaskId = "t1", State = KlingTaskState.Waiting })).TaskId);
    }

    [Fact]
    public async Task A_request_whose_answer_is_lost_after_it_was_replaced_names_what_was_bought_in_its_place()
    {
        _harness.Service.On(FakeService.CreatePath, async (request, cancellationToken) =>
        {
            await request.ReadAsync(cancellationToken);
            KlingVideoTask own = await RecordAsync();
            ITaskJournal others = _harness.Ledger.OfOtherProcess.Tasks;
            await others.LoseAsync(own.Id);
            var theirs = new TaskIntent { Account = own.Account, Spec = own.Spec, Identity = own.Identity!, Credits = 42, RunId = "theirs", Replaces = own };
            await others.AcceptAsync((await others.BeginAsync(theirs, cancellationToken)).Id, "theirs");
            throw new HttpRequestException(HttpRequestError.ResponseEnded);
        });

        Outcome<Submission, KlingVideoTask> outcome = await SubmitAsync(_harness.Submission("fox.png") with { ReusePurchase = true, RunId = "ours" });
        Outcome<Submission, KlingVideoTask> again = await SubmitAsync(_harness.Submission("fox.png") with { ReusePurchase = true, RunId = "ours" });

        Assert.Equal(ErrorKind.AttemptUnknown, outcome.Error?.Kind);
        Assert.Contains(" Meanwhile, task 2 was bought, which is the same video. ", outcome.Error!.Message, StringComparison.Ordinal);
        Assert.Equal(("theirs", 1), (again.Value?.TaskId, _harness.Creates));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_video_that_was_bought_in_place_of_an_attempt_whose_answer_comes_after_all_is_said_to_be_paid_for_twice(bool isRemoved)
    {
        _harness.Service.On(FakeService.CreatePath, async (request, cancellationToken) =>
        {
            await request.ReadAsync(cancellationToken);
            KlingVideoTask own = await GiveUpAsync(isRemoved);
            var theirs = new TaskIntent { Account = own.Account, Spec = own.Spec, Identity = own.Identity!, Credits = 42, RunId = "theirs" };
            ITaskJournal others = _harness.Ledger.OfOtherProcess.Tasks;
            await others.AcceptAsync((await others.ClaimAsync(theirs, cancellationToken)).Task.Id, "theirs");
            return await Replies.Accepts("ours")(request, cancellationToken);
        });

        Outcome<Submission, KlingVideoTask> outcome = await SubmitAsync(_harness.Submission("fox.png") with { ReusePurchase = true, RunId = "ours" });

        Assert.Equal((null, "ours"), (outcome.Error, outcome.Value?.TaskId));
        Assert.Equal(
            $"The video of '{outcome.Value!.Subject}' was bought twice: as task {outcome.Value.Id}, whose response came late, and meanwhile as task 2. "
            + $"To get both: Get-KlingVideoTask -Id {outcome.Value.Id}, 2 | Wait-KlingVideoTask | Save-KlingVideo.",
            Assert.Single(_harness.Observer.Warnings));
    }

    /// <summary>What somebody else does whose own command has found that the attempt's process is silent.</summary>
    private async Task<KlingVideoTask> GiveUpAsync(bool isRemoved)
    {
        KlingVideoTask own = await RecordAsync();
        ITaskJournal others = _harness.Ledger.OfOtherProcess.Tasks;
        await others.LoseAsync(own.Id);
        await others.AbandonAsync(own.Id);
        if (isRemoved)
        {
            await others.RemoveAsync(own.Id);
        }

        return own;
    }

    [Fact]
    public async Task A_plan_that_ends_while_the_connection_is_made_is_not_called_an_outage()
    {
        int left = 0;
        var agreement = new EndingAgreement();
        _harness.Service.On(FakeService.CreatePath, async (request, cancellationToken) =>
        {
            agreement.HasEnded = true;
            await request.ReadAsync(cancellationToken);
            left++;
            return await Replies.Accepts("ours")(request, cancellationToken);
        });

        Outcome<Submission, KlingVideoTask> outcome = await SubmitAsync(_harness.Submission("fox.png") with { Agreement = agreement });

        Assert.Equal((ErrorKind.PlanDiffers, 0, 1), (outcome.Error?.Kind, left, _harness.Creates));
        Assert.EndsWith("The plan ended.", outcome.Error!.Message, StringComparison.Ordinal);
        Assert.Empty(_harness.Observer.Reasons);
        Assert.Null(_harness.Session.CreateOutage.FindError());
        Assert.Equal((KlingTaskState.Rejected, 0m), ((await RecordAsync()).TaskState, (await RecordAsync()).CreditsReserved));
    }

    private sealed class EndingAgreement : IAgreement
    {
        public bool HasEnded { get; set; }

        public void RequireInTime()
        {
            if (HasEnded)
            {
                throw new KlingException(ErrorKind.PlanDiffers, "The plan ended.");
            }
        }

        public Task RequireStillAsync(IdentifiedSubmission identified, CancellationToken cancellationToken) => Task.CompletedTask;
    }

    [Theory]
    [InlineData(9, 0, 0)]
    [InlineData(11, 0, 1)]
    [InlineData(0, 11, 1)]
    [InlineData(11, -600, 1)]
    public async Task Before_a_request_leaves_its_record_is_as_old_as_the_clock_says_by_which_more_time_has_passed(int seconds, int step, int confirmations)
    {
        int confirmed = 0;
        int begun = 0;
        _harness.Ledger.BeforeCall = name =>
        {
            if (name == nameof(ITaskJournal.BeginAsync) && Interlocked.Increment(ref begun) == 1)
            {
                _harness.Clock.Advance(TimeSpan.FromSeconds(seconds));
                _harness.Clock.SetTimeOfDay(TimeSpan.FromSeconds(step));
            }

            confirmed += name == nameof(ITaskJournal.RecordSentAgainAsync) ? 1 : 0;
        };

        Outcome<Submission, KlingVideoTask> outcome = await SubmitAsync(_harness.Submission("fox.png"));

        Assert.Equal((null, confirmations, 1), (outcome.Error, confirmed, _harness.Creates));
    }
}
