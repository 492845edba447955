using System.Threading.Channels;
using Microsoft.Extensions.Time.Testing;

namespace KlingPS.Tests.Shared;

/// <summary>
/// A clock that stands still until a test advances it, and tells when something has begun to wait for it. A test that
/// advances it before that puts the wait off for good: the wait begins at the new time.
/// </summary>
internal sealed class ManualClock(DateTimeOffset? start = null) : FakeTimeProvider(start ?? DateTimeOffset.UtcNow)
{
    private readonly Channel<TimeSpan> _timers = Channel.CreateUnbounded<TimeSpan>();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ITimer timer = base.CreateTimer(callback, state, dueTime, period);
        _timers.Writer.TryWrite(dueTime);
        return timer;
    }

    /// <summary>Completes when the next timer has been set, or the next for that time.</summary>
    public async Task WaitedForAsync(TimeSpan? time = null)
    {
        TimeSpan next;
        do
        {
            next = await Eventually.DoneAsync(_timers.Reader.ReadAsync().AsTask(), time is null ? "a timer" : $"a timer for {time}");
        }
        while (time is not null && next != time);
    }
}
