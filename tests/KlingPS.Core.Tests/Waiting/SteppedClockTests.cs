using KlingPS.Core.Callbacks;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Scheduling;
using KlingPS.Core.Sessions;
using KlingPS.Core.Stages;
using KlingPS.Core.Submitting;
using KlingPS.Core.Tests.Api;
using KlingPS.Core.Tests.Ledger;
using KlingPS.Core.Tests.Stages;
using KlingPS.Core.Waiting;

namespace KlingPS.Core.Tests.Waiting;

/// <summary>The time of day is set while something waits, as by a time server, a user, or a virtual machine that resumes.</summary>
public sealed class SteppedClockTests : IAsyncDisposable
{
    private readonly PipelineHarness _harness = new();

    public static TheoryData<double> Steps => [-24, -1, 2, 24 * 365];

    public ValueTask DisposeAsync() => _harness.DisposeAsync();

    private Instant Now => Instant.Now(_harness.Clock);

    [Theory]
    [MemberData(nameof(Steps))]
    public async Task A_task_is_polled_as_if_the_clock_had_not_been_set(double hours)
    {
        KlingVideoTask task = await _harness.AcceptedAsync("a");
        _harness.Tasks["a"] = PipelineHarness.InTurn([.. Enumerable.Repeat(PipelineHarness.Generating, 5), PipelineHarness.Succeeded("a")]);
        using var waiter = new TaskWaiter(_harness.NewService(), pollingInterval: TimeSpan.FromSeconds(10));
        Instant start = Now;
        Task<WaitResult> wait = waiter.WaitAsync(task, TimeSpan.FromSeconds(600), CancellationToken.None);
        await _harness.Clock.PassAsync(TimeSpan.FromSeconds(15));

        _harness.Clock.SetTimeOfDay(TimeSpan.FromHours(hours));

        Assert.IsType<WaitResult.Ended>(await _harness.Clock.RunAsync(wait));
        Assert.Equal(6, _harness.Queries);
        Assert.InRange(Now - start, TimeSpan.FromSeconds(50), TimeSpan.FromSeconds(75));
    }

    [Theory]
    [MemberData(nameof(Steps))]
    public async Task A_timeout_is_as_long_as_it_says(double hours)
    {
        KlingVideoTask task = await _harness.AcceptedAsync("a");
        _harness.Tasks["a"] = PipelineHarness.Generating;
        using var stage = new WaitStage(_harness.NewService(), new WaitOptions { Timeout = TimeSpan.FromSeconds(600) });
        Instant start = Now;
        await stage.PostAsync(new TaskReference { Task = task }, CancellationToken.None);
        await _harness.Clock.PassAsync(TimeSpan.FromSeconds(5));

        _harness.Clock.SetTimeOfDay(TimeSpan.FromHours(hours));

        Outcome<TaskReference, KlingVideoTask> outcome = await _harness.Clock.RunAsync(stage.Results.ReadAsync().AsTask());
        Assert.Equal(ErrorKind.WaitTimeout, outcome.Error!.Kind);
        Assert.InRange(Now - start, TimeSpan.FromSeconds(600), TimeSpan.FromSeconds(601));
    }

    [Theory]
    [MemberData(nameof(Steps))]
    public async Task A_task_that_the_service_does_not_know_is_given_up_after_a_minute(double hours)
    {
        KlingVideoTask task = await _harness.AcceptedAsync("a");
        using var waiter = new TaskWaiter(_harness.NewService(), pollingInterval: null);
        Instant start = Now;
        Task<WaitResult> wait = waiter.WaitAsync(task, timeout: null, CancellationToken.None);
        await _harness.Clock.PassAsync(TimeSpan.FromSeconds(5));

        _harness.Clock.SetTimeOfDay(TimeSpan.FromHours(hours));

        var failed = Assert.IsType<WaitResult.Failed>(await _harness.Clock.RunAsync(wait));
        Assert.Equal(ErrorKind.TaskNotFound, failed.Error.Kind);
        Assert.InRange(Now - start, TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(63));
    }

    [Theory]
    [MemberData(nameof(Steps))]
    public async Task A_callback_counts_as_missed_when_as_much_time_has_passed_as_before(double hours)
    {
        KlingVideoTask task = await _harness.AcceptedAsync("a");
        _harness.Tasks["a"] = PipelineHarness.Succeeded("a");
        using var expected = new ExpectedTasks(_harness.NewService(), new ReceiveOptions());
        Instant start = Now;
        expected.Add(new TaskReference { Task = task });
        await _harness.Clock.PassAsync(TimeSpan.FromSeconds(30));

        _harness.Clock.SetTimeOfDay(TimeSpan.FromHours(hours));

        Outcome<TaskReference, KlingVideoTask> outcome = await _harness.Clock.RunAsync(expected.Results.ReadAsync().AsTask());
        Assert.Equal(KlingTaskState.Succeeded, outcome.Value!.TaskState);
        Assert.InRange(Now - start, TimeSpan.FromSeconds(320), TimeSpan.FromSeconds(335));
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(2, 1)]
    [InlineData(-5, 2)]
    [InlineData(24, 2)]
    public async Task An_upload_is_used_again_while_the_service_is_sure_to_have_it(double hours, int uploads)
    {
        var uploader = new ImageUploader(_harness.NewService());
        string image = _harness.Image("fox.png");
        await _harness.Clock.RunAsync(uploader.UploadAsync(image, force: false, CancellationToken.None));

        _harness.Clock.SetTimeOfDay(TimeSpan.FromHours(hours));

        await _harness.Clock.RunAsync(uploader.UploadAsync(image, force: false, CancellationToken.None));
        Assert.Equal(uploads, _harness.Uploads);
    }

    [Fact]
    public async Task A_task_that_the_service_does_not_know_yet_is_asked_for_again_also_on_a_machine_whose_clock_is_ahead_of_the_ledgers()
    {
        await using var ahead = new PipelineHarness(clock => new ShiftedTimeProvider(clock, TimeSpan.FromMinutes(10)));
        KlingVideoTask task = await ahead.AcceptedAsync("a");
        ahead.Tasks["a"] = PipelineHarness.InTurn(Replies.Code(422, "recordInfo is null"), PipelineHarness.Succeeded("a"));
        using var waiter = new TaskWaiter(ahead.NewService(), pollingInterval: null);

        WaitResult result = await ahead.Clock.RunAsync(waiter.WaitAsync(task, timeout: null, CancellationToken.None));

        Assert.Equal(KlingTaskState.Succeeded, Assert.IsType<WaitResult.Ended>(result).Task.TaskState);
    }

    [Fact]
    public async Task An_upload_is_no_younger_for_the_sleep_of_the_machine_before_its_answer_was_recorded()
    {
        string image = _harness.Image("fox.png");
        int asleep = 0;
        _harness.Service.On(FakeService.UploadPath, async (request, cancellationToken) =>
        {
            HttpResponseMessage answer = await PipelineHarness.AcceptUpload(request, cancellationToken);
            _harness.Clock.SetTimeOfDay(TimeSpan.FromHours(asleep++ == 0 ? 20 : 0));
            return answer;
        });
        var uploader = new ImageUploader(_harness.NewService());
        await _harness.Clock.RunAsync(uploader.UploadAsync(image, force: false, CancellationToken.None));
        _harness.Clock.SetTimeOfDay(TimeSpan.FromHours(5));

        await _harness.Clock.RunAsync(uploader.UploadAsync(image, force: false, CancellationToken.None));

        Assert.Equal(2, _harness.Uploads);
    }

    [Fact]
    public async Task An_upload_of_a_machine_whose_clock_is_ahead_is_not_used_by_another_after_it_has_ended()
    {
        await using var ahead = new PipelineHarness(clock => new ShiftedTimeProvider(clock, TimeSpan.FromHours(10)));
        string image = ahead.Image("fox.png");
        await ahead.Clock.RunAsync(new ImageUploader(ahead.NewService()).UploadAsync(image, force: false, CancellationToken.None));
        ahead.Clock.Advance(TimeSpan.FromHours(25));

        await using KlingSession right = ahead.OpenSession(ClientHarness.Secret);
        await ahead.Clock.RunAsync(new ImageUploader(new KlingService(right, null)).UploadAsync(image, force: false, CancellationToken.None));

        Assert.Equal(2, ahead.Uploads);
    }
}
