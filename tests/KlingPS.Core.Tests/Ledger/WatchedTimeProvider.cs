using Microsoft.Extensions.Time.Testing;

namespace KlingPS.Core.Tests.Ledger;

/// <summary>A fake clock that knows how many timers wait for it, so that a test can tell when everybody sleeps.</summary>
internal sealed class WatchedTimeProvider() : FakeTimeProvider(new DateTimeOffset(2026, 11, 22, 12, 0, 0, TimeSpan.Zero))
{
    private int _armed;

    /// <summary>Timers that have been set and neither fired nor been given up.</summary>
    public int Armed => Volatile.Read(ref _armed);

    /// <summary>How far the wall clock is off the running counter.</summary>
    public TimeSpan ClockStep { get; set; }

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + ClockStep;

    // The counter is derived from the clock there; a step of the clock is none of it.
    public override long GetTimestamp() => base.GetUtcNow().Ticks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new WatchedTimer(this);
        timer.Inner = base.CreateTimer(
            _ =>
            {
                timer.Disarm();
                callback(state);
            },
            null,
            dueTime,
            period);

        // Not before it is set: a clock that is moved on in between would put it off.
        Interlocked.Increment(ref _armed);
        return timer;
    }

    private sealed class WatchedTimer : ITimer
    {
        private readonly WatchedTimeProvider _owner;
        private int _isOver;

        public WatchedTimer(WatchedTimeProvider owner)
        {
            _owner = owner;
        }

        public ITimer? Inner { get; set; }

        public void Disarm()
        {
            if (Interlocked.Exchange(ref _isOver, 1) == 0)
            {
                Interlocked.Decrement(ref _owner._armed);
            }
        }

        public bool Change(TimeSpan dueTime, TimeSpan period) => Inner!.Change(dueTime, period);

        public void Dispose()
        {
            Disarm();
            Inner?.Dispose();
        }

        public ValueTask DisposeAsync()
        {
            Disarm();
            return Inner?.DisposeAsync() ?? ValueTask.CompletedTask;
        }
    }
}
