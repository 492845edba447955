using System.Net.Http.Headers;
using KlingPS.Core.Converting;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Saving;
using KlingPS.Core.Scheduling;
using KlingPS.Core.Stages;
using KlingPS.Core.Submitting;
using KlingPS.Core.Tests.Api;
using KlingPS.Core.Tests.Stages;
using KlingPS.Core.Tests.Submitting;
using KlingPS.Core.Waiting;

namespace KlingPS.Core.Tests.Converting;

/// <summary>Whatever a command waits for, it hears when its time is over, and says what that means for the money.</summary>
public sealed class TimeoutTests : IAsyncDisposable
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan s_longest = s_timeout + TimeSpan.FromSeconds(10);

    private readonly PipelineHarness _harness = new() { Makes = PipelineHarness.Succeeded };

    public static TheoryData<string> SlowPlaces => ["upload pauses", "upload is silent", "create pauses", "shells take turns"];

    private Instant Now => Instant.Now(_harness.Clock);

    private string Destination => Path.Combine(_harness.Folder, "videos");

    public ValueTask DisposeAsync() => _harness.DisposeAsync();

    private static Reply AsksToWait() => Replies.Text(429, """{"code":429,"msg":"busy"}""", retryAfter: new RetryConditionHeaderValue(TimeSpan.FromSeconds(20)));

    private VideoConverter Converter(TimeSpan timeout)
        => new(_harness.NewService(), new ConversionOptions { Save = new SaveOptions { Destination = Destination }, Wait = new WaitOptions { Timeout = timeout } });

    /// <summary>
    /// Waits for something while time passes in steps, requests under way or not. From <paramref name="atMost"/> on, time stands still, so
    /// that a slow machine does not make anything late.
    /// </summary>
    private async Task<T> PassUntilAsync<T>(Task<T> task, TimeSpan? atMost = null, double step = 0.25)
    {
        Instant? end = atMost is TimeSpan most ? Now + most : null;
        await Eventually.TrueAsync(async () =>
        {
            // Whoever has something to do has done it, or waits for the clock.
            await Task.Delay(2, TestContext.Current.CancellationToken);
            if (end is null || Now < end)
            {
                _harness.Clock.Advance(TimeSpan.FromSeconds(step));
            }

            return task.IsCompleted;
        });
        return await task;
    }

    private async Task SlowDownAsync(string place)
    {
        switch (place)
        {
            case "upload pauses":
                _harness.Service.On(FakeService.UploadPath, AsksToWait());
                break;
            case "upload is silent":
                _harness.Service.On(FakeService.UploadPath, Replies.Silence());
                break;
            case "create pauses":
                _harness.Service.On(FakeService.CreatePath, AsksToWait());
                break;
            default:
                for (int i = 0; i < 20; i++)
                {
                    await _harness.Session.CreateGate.EnterAsync(CancellationToken.None);
                }

                break;
        }
    }

    [Theory]
    [MemberData(nameof(SlowPlaces))]
    public async Task A_conversion_ends_in_time_and_says_that_nothing_was_bought(string place)
    {
        await SlowDownAsync(place);
        using VideoConverter converter = Converter(s_timeout);
        Instant start = Now;

        Outcome<ConversionItem, SavedVideo> outcome = await PassUntilAsync(converter.ConvertAsync(converter.Accept(_harness.Submission("fox.png"))!, CancellationToken.None), s_longest);

        Assert.Equal(ErrorKind.WaitTimeout, outcome.Error!.Kind);
        Assert.StartsWith("Nothing was bought for '", outcome.Error.Message, StringComparison.Ordinal);
        Assert.Contains("within 3 seconds", outcome.Error.Message, StringComparison.Ordinal);
        Assert.InRange(Now - start, s_timeout, s_longest);
        await Eventually.TrueAsync(async () => (await _harness.ListAsync()).All(task => task.TaskState == KlingTaskState.Rejected));
        Assert.Equal((1, 0m), (converter.Counts.Pending, converter.Counts.Credits));
    }

    [Theory]
    [MemberData(nameof(SlowPlaces))]
    public async Task A_submission_ends_in_time_and_says_that_nothing_was_bought(string place)
    {
        await SlowDownAsync(place);
        using var deadline = new Deadline(_harness.Clock, s_timeout);
        Instant start = Now;

        Outcome<Submission, KlingVideoTask> outcome = await PassUntilAsync(
            new VideoSubmitter(_harness.NewService()).SubmitAsync(_harness.Submission("fox.png"), deadline, CancellationToken.None), s_longest);

        Assert.Equal(ErrorKind.WaitTimeout, outcome.Error!.Kind);
        Assert.StartsWith("Nothing was bought for '", outcome.Error.Message, StringComparison.Ordinal);
        Assert.InRange(Now - start, s_timeout, s_longest);
    }

    [Fact]
    public async Task A_request_that_has_left_is_recorded_although_the_time_is_over()
    {
        var arrived = new TaskCompletionSource();
        var released = new TaskCompletionSource();
        _harness.Service.On(FakeService.CreatePath, Replies.Held(arrived, released.Task, _harness.AcceptTask));
        using var deadline = new Deadline(_harness.Clock, s_timeout);
        Task<Outcome<Submission, KlingVideoTask>> submission = new VideoSubmitter(_harness.NewService()).SubmitAsync(_harness.Submission("fox.png"), deadline, CancellationToken.None);
        await Eventually.DoneAsync(arrived.Task);

        Outcome<Submission, KlingVideoTask> outcome = await PassUntilAsync(submission);

        KlingVideoTask begun = Assert.Single(await _harness.ListAsync());
        Assert.Equal((ErrorKind.WaitTimeout, begun.Id), (outcome.Error!.Kind, outcome.Error.TaskNumber));
        Assert.Contains("was sent, and was not answered", outcome.Error.Message, StringComparison.Ordinal);
        released.SetResult();
        await Eventually.TrueAsync(async () => (await _harness.ListAsync()) is [{ TaskState: KlingTaskState.Waiting, TaskId: "task-1" }]);
    }

    [Fact]
    public async Task An_answer_that_comes_a_little_late_is_taken()
    {
        var arrived = new TaskCompletionSource();
        var released = new TaskCompletionSource();
        _harness.Service.On(FakeService.CreatePath, Replies.Held(arrived, released.Task, _harness.AcceptTask));
        using var deadline = new Deadline(_harness.Clock, s_timeout);
        Task<Outcome<Submission, KlingVideoTask>> submission = new VideoSubmitter(_harness.NewService()).SubmitAsync(_harness.Submission("fox.png"), deadline, CancellationToken.None);
        await Eventually.DoneAsync(arrived.Task);
        _harness.Clock.Advance(TimeSpan.FromSeconds(4));

        released.SetResult();

        Assert.Equal("task-1", (await Eventually.DoneAsync(submission)).Value!.TaskId);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_wait_ends_in_time_when_the_service_asks_to_wait_or_is_silent(bool isSilent)
    {
        KlingVideoTask task = await _harness.AcceptedAsync("a");
        _harness.Tasks["a"] = _harness.Tasks["unheard"] = isSilent ? Replies.Silence() : AsksToWait();
        using var stage = new WaitStage(_harness.NewService(), new WaitOptions { Timeout = s_timeout });
        Instant start = Now;
        await stage.PostAsync(new TaskReference { Task = task }, CancellationToken.None);
        await stage.PostAsync(new TaskReference { TaskId = "unheard" }, CancellationToken.None);
        await Eventually.TrueAsync(() => _harness.Queries > 0, "the service to be asked");

        Outcome<TaskReference, KlingVideoTask>[] outcomes = await PassUntilAsync(
            Task.WhenAll(stage.Results.ReadAsync().AsTask(), stage.Results.ReadAsync().AsTask()), s_timeout + PollLimits.LastLook + TimeSpan.FromSeconds(1));

        Assert.All(outcomes, outcome => Assert.Equal(ErrorKind.WaitTimeout, outcome.Error!.Kind));
        Assert.InRange(Now - start, s_timeout, s_timeout + PollLimits.LastLook + TimeSpan.FromSeconds(1));
    }

    [Fact]
    public async Task A_download_ends_in_time_in_the_middle_of_the_video_and_is_continued_later()
    {
        KlingVideoTask task = await _harness.FinishedAsync("a");
        var begun = new TaskCompletionSource();
        _harness.Videos.Script.Enqueue(request =>
        {
            HttpResponseMessage response = _harness.Videos.Serve(request);
            response.Content = new StreamContent(new StoppingStream(response.Content.ReadAsStream(), 1000, begun)) { Headers = { ContentLength = response.Content.Headers.ContentLength } };
            return response;
        });
        var saver = new VideoSaver(_harness.NewService(), new SaveOptions { Destination = Destination });
        using var deadline = new Deadline(_harness.Clock, s_timeout);
        Task<Outcome<TaskReference, SavedVideo>> save = saver.SaveAsync(new TaskReference { Task = task }, deadline, CancellationToken.None);
        await Eventually.DoneAsync(begun.Task);

        _harness.Clock.Advance(s_timeout);

        KlingException error = (await Eventually.DoneAsync(save)).Error!;
        Assert.Equal((ErrorKind.WaitTimeout, task.Id), (error.Kind, error.TaskNumber));
        Assert.Contains("is paid for and was not on disk within 3 seconds", error.Message, StringComparison.Ordinal);
        Assert.Null((await _harness.Clock.RunAsync(saver.SaveAsync(new TaskReference { Task = task }, CancellationToken.None))).Error);
        Assert.Equal(1000, _harness.Videos.Requests[1].Headers.Range!.Ranges.Single().From);
    }

    [Fact]
    public async Task Who_waits_for_the_places_that_a_hanging_shell_holds_is_told_which_one_it_is()
    {
        IRateGate theirs = _harness.Ledger.OfOtherProcess.RateGates.OpenCreateGate(_harness.Session.Account);
        for (int i = 0; i < 20; i++)
        {
            await theirs.EnterAsync(CancellationToken.None);
        }

        using var deadline = new Deadline(_harness.Clock, TimeSpan.FromSeconds(30));
        Outcome<Submission, KlingVideoTask> outcome = await PassUntilAsync(
            new VideoSubmitter(_harness.NewService()).SubmitAsync(_harness.Submission("fox.png"), deadline, CancellationToken.None), step: 1);

        Assert.Equal(ErrorKind.WaitTimeout, outcome.Error!.Kind);
        Assert.Contains("process 4711", Assert.Single(_harness.Observer.Warnings), StringComparison.Ordinal);
        Assert.Equal(0, _harness.Creates);
    }

    [Fact]
    public async Task Who_waits_for_the_same_video_in_another_process_is_told_to_end_that_if_it_hangs()
    {
        Submission submission = _harness.Submission("fox.png");
        KlingVideoTask theirs = await _harness.BeginElsewhereAsync(submission);
        using VideoConverter converter = Converter(TimeSpan.FromSeconds(10));

        Outcome<ConversionItem, SavedVideo> outcome = await PassUntilAsync(converter.ConvertAsync(converter.Accept(submission)!, CancellationToken.None));

        Assert.Equal((ErrorKind.WaitTimeout, theirs.Id), (outcome.Error!.Kind, outcome.Error.TaskNumber));
        Assert.Contains($"another command is submitting the same video as task {theirs.Id}", outcome.Error.Message, StringComparison.Ordinal);
        Assert.Contains("If its process hangs, end that", outcome.Error.Advice, StringComparison.Ordinal);
        Assert.EndsWith("If that command hangs, end its process.", Assert.Single(_harness.Observer.Warnings), StringComparison.Ordinal);
        Assert.Equal(0, _harness.Creates);
    }

    [Fact]
    public async Task Who_waits_for_two_videos_of_one_image_in_another_process_is_told_the_task_of_each()
    {
        Submission[] submissions =
        [
            _harness.Submission("fox.png") with { ReusePurchase = true },
            (_harness.Submission("fox.png") with { ReusePurchase = true }).Asking(spec => spec with { Prompt = "Another one." }),
        ];
        var theirs = new List<long>();
        foreach (Submission submission in submissions)
        {
            theirs.Add((await _harness.BeginElsewhereAsync(submission)).Id);
        }

        using var deadline = new Deadline(_harness.Clock, TimeSpan.FromSeconds(10));
        var submitter = new VideoSubmitter(_harness.NewService());

        Outcome<Submission, KlingVideoTask>[] outcomes = await PassUntilAsync(
            Task.WhenAll(submissions.Select(submission => submitter.SubmitAsync(submission, deadline, CancellationToken.None))));

        Assert.Equal(theirs, outcomes.Select(outcome => outcome.Error!.TaskNumber!.Value));
        Assert.Equal(2, _harness.Observer.Warnings.Count);
    }

    [Fact]
    public async Task Who_buys_what_another_command_was_refused_is_told_of_its_own_request_when_time_is_up()
    {
        var released = new TaskCompletionSource();
        _harness.Service.On(FakeService.CreatePath, Replies.Held(new TaskCompletionSource(), released.Task, _harness.AcceptTask));
        Submission submission = _harness.Submission("fox.png") with { ReusePurchase = true };
        KlingVideoTask theirs = await _harness.BeginElsewhereAsync(submission);
        var isWaiting = new TaskCompletionSource();
        _harness.Ledger.BeforeCall = name =>
        {
            if (name == nameof(ITaskJournal.ListAsync))
            {
                isWaiting.TrySetResult();
            }
        };
        using var deadline = new Deadline(_harness.Clock, TimeSpan.FromSeconds(30));
        Task<Outcome<Submission, KlingVideoTask>> buying = new VideoSubmitter(_harness.NewService()).SubmitAsync(submission, deadline, CancellationToken.None);
        await Eventually.DoneAsync(isWaiting.Task);
        await _harness.Ledger.OfOtherProcess.Tasks.RecordRejectedAsync(theirs, "500", "Internal error.");

        Outcome<Submission, KlingVideoTask> outcome = await PassUntilAsync(buying);

        released.SetResult();
        Assert.Equal((ErrorKind.WaitTimeout, theirs.Id + 1), (outcome.Error!.Kind, outcome.Error.TaskNumber));
    }

    [Fact]
    public async Task Who_waits_for_the_same_video_in_another_command_of_this_shell_is_told_to_leave_it_open_and_buys_nothing()
    {
        var arrived = new TaskCompletionSource();
        var released = new TaskCompletionSource();
        _harness.Service.On(FakeService.CreatePath, Replies.Held(arrived, released.Task, _harness.AcceptTask));
        Submission submission = _harness.Submission("fox.png");
        Task<Outcome<Submission, KlingVideoTask>> first = new VideoSubmitter(_harness.NewService()).SubmitAsync(submission, CancellationToken.None);
        await Eventually.DoneAsync(arrived.Task);
        using VideoConverter converter = Converter(TimeSpan.FromSeconds(10));

        Outcome<ConversionItem, SavedVideo> outcome = await PassUntilAsync(converter.ConvertAsync(converter.Accept(submission)!, CancellationToken.None));

        long id = Assert.Single(await _harness.ListAsync()).Id;
        Assert.Equal((ErrorKind.WaitTimeout, id), (outcome.Error!.Kind, outcome.Error.TaskNumber));
        Assert.Contains($"another command of this shell is submitting the same video as task {id}", outcome.Error.Message, StringComparison.Ordinal);
        Assert.StartsWith("Leave this shell open", outcome.Error.Advice, StringComparison.Ordinal);
        string warning = Assert.Single(_harness.Observer.Warnings);
        Assert.Contains($"as task {id} and has no answer yet", warning, StringComparison.Ordinal);
        Assert.Contains("Leave the shell open", warning, StringComparison.Ordinal);
        Assert.DoesNotContain("end its process", warning, StringComparison.Ordinal);
        released.SetResult();
        Assert.Null((await Eventually.DoneAsync(first)).Error);
        Assert.Equal(1, _harness.Creates);
    }

    [Fact]
    public async Task Who_waits_for_another_download_of_the_same_file_is_told()
    {
        KlingVideoTask task = await _harness.FinishedAsync("a");
        using PartialFile held = await PartialFile.OpenAsync(Path.Combine(Destination, "a.mp4"), "a", () => Task.CompletedTask, _harness.Clock, CancellationToken.None);
        var saver = new VideoSaver(_harness.NewService(), new SaveOptions { Destination = Destination });
        using var deadline = new Deadline(_harness.Clock, TimeSpan.FromSeconds(5));

        Outcome<TaskReference, SavedVideo> outcome = await PassUntilAsync(saver.SaveAsync(new TaskReference { Task = task }, deadline, CancellationToken.None));

        Assert.Equal(ErrorKind.WaitTimeout, outcome.Error!.Kind);
        Assert.StartsWith("Another command is downloading to '", Assert.Single(_harness.Observer.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_timeout_of_0_submits_and_waits_for_nothing()
    {
        _harness.Makes = _ => PipelineHarness.Generating;
        using VideoConverter converter = Converter(TimeSpan.Zero);

        Outcome<ConversionItem, SavedVideo> outcome = await _harness.Clock.RunAsync(converter.ConvertAsync(converter.Accept(_harness.Submission("fox.png"))!, CancellationToken.None));

        Assert.Equal(ErrorKind.WaitTimeout, outcome.Error!.Kind);
        Assert.Contains("still paid for", outcome.Error.Message, StringComparison.Ordinal);
        Assert.Equal((1, 1), (_harness.Creates, _harness.Queries));
    }

    /// <summary>Gives some bytes of another stream, and then nothing more.</summary>
    private sealed class StoppingStream(Stream source, int bytes, TaskCompletionSource stopped) : MemoryStream
    {
        private int _left = bytes;

        public override bool CanSeek => false;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_left == 0)
            {
                stopped.TrySetResult();
                await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
            }

            int count = await source.ReadAsync(buffer[..Math.Min(_left, buffer.Length)], cancellationToken);
            _left -= count;
            return count;
        }
    }
}
