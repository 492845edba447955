using System.Threading.Channels;
using Microsoft.Extensions.Time.Testing;

namespace KlingPS.Tests.Hosting;

/// <summary>A sandbox's clock that stands still, so that a delayed answer is held back until the test lets it go.</summary>
internal sealed class HeldClock : FakeTimeProvider
{
    private readonly Channel<TimeSpan> _held = Channel.CreateUnbounded<TimeSpan>();

    public HeldClock()
        : base(DateTimeOffset.UtcNow)
    {
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ITimer timer = base.CreateTimer(callback, state, dueTime, period);
        _held.Writer.TryWrite(dueTime);
        return timer;
    }

    /// <summary>Done when one more answer is held back.</summary>
    public Task HeldAsync() => _held.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20));
}
