using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Tests.Scheduling;

public sealed class DeadlineTests
{
    private static readonly TimeSpan s_second = TimeSpan.FromSeconds(1);

    private readonly ManualClock _clock = new();

    private static KlingException Late() => new(ErrorKind.WaitTimeout, "Too late.");

    private Deadline Create(double seconds) => new(_clock, TimeSpan.FromSeconds(seconds));

    private static async Task<int> UntilCancelledAsync(CancellationToken cancellationToken)
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
        return 0;
    }

    [Fact]
    public async Task Work_is_broken_off_when_the_time_is_over_and_not_before()
    {
        using Deadline deadline = Create(3);
        Task<int> work = deadline.RunAsync(UntilCancelledAsync, Late, CancellationToken.None);

        _clock.Advance(2.9 * s_second);
        Assert.False(deadline.IsOver);
        Assert.False(work.IsCompleted);
        _clock.Advance(0.1 * s_second);

        Assert.True(deadline.IsOver);
        Assert.Equal(ErrorKind.WaitTimeout, (await Assert.ThrowsAsync<KlingException>(() => Eventually.DoneAsync(work))).Kind);
    }

    [Fact]
    public void A_deadline_is_over_when_its_time_has_passed_whatever_the_clock_shows()
    {
        for (int ticks = 0; ticks < 256; ticks++)
        {
            var clock = new ManualClock(new DateTimeOffset(2026, 11, 26, 12, 0, 0, TimeSpan.Zero).AddTicks(ticks));
            using var deadline = new Deadline(clock, 3 * s_second);

            clock.Advance((3 * s_second) - new TimeSpan(1));
            Assert.False(deadline.IsOver, $"a tick before, {ticks} ticks after noon");
            clock.Advance(new TimeSpan(1));
            Assert.True(deadline.IsOver, $"{ticks} ticks after noon");
        }
    }

    [Fact]
    public async Task Work_that_cannot_be_broken_off_goes_on_by_itself()
    {
        var end = new TaskCompletionSource<int>();
        using Deadline deadline = Create(3);
        Task<int> work = deadline.RunAsync(_ => end.Task, Late, CancellationToken.None);

        _clock.Advance(3 * s_second);
        Assert.False(work.IsCompleted);
        _clock.Advance(Deadline.Grace);

        await Assert.ThrowsAsync<KlingException>(() => Eventually.DoneAsync(work));
        Assert.False(end.Task.IsCompleted);
    }

    [Fact]
    public async Task Work_that_ends_a_little_late_has_its_result()
    {
        var end = new TaskCompletionSource<int>();
        using Deadline deadline = Create(3);
        Task<int> work = deadline.RunAsync(_ => end.Task, Late, CancellationToken.None);
        _clock.Advance(4 * s_second);

        end.SetResult(7);

        Assert.Equal(7, await Eventually.DoneAsync(work));
    }

    [Fact]
    public async Task Who_stops_the_work_is_not_told_of_the_time()
    {
        using var stop = new CancellationTokenSource();
        using Deadline deadline = Create(3);
        Task<int> work = deadline.RunAsync(UntilCancelledAsync, Late, stop.Token);

        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Eventually.DoneAsync(work));
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(-5, true)]
    [InlineData(10_000_000, false)]
    public void A_deadline_is_over_at_once_or_in_months(double seconds, bool isOver)
    {
        using Deadline deadline = Create(seconds);

        _clock.Advance(TimeSpan.FromDays(110));

        Assert.Equal(isOver, deadline.Token.IsCancellationRequested);
        Assert.Equal(isOver, deadline.IsOver);
    }

    [Fact]
    public void A_deadline_of_months_comes_in_the_end()
    {
        using Deadline deadline = Create(10_000_000);

        for (int day = 0; day < 116; day++)
        {
            _clock.Advance(TimeSpan.FromDays(1));
        }

        Assert.True(deadline.Token.IsCancellationRequested);
    }

    [Fact]
    public async Task Without_a_timeout_nothing_is_ever_over()
    {
        using var deadline = new Deadline(_clock, null);

        _clock.Advance(TimeSpan.FromDays(1000));

        Assert.False(deadline.IsOver);
        Assert.Equal(7, await deadline.RunAsync(_ => Task.FromResult(7), Late, CancellationToken.None));
    }
}
