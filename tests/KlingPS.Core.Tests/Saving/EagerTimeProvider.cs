using System.Collections.Concurrent;
using Microsoft.Extensions.Time.Testing;

namespace KlingPS.Core.Tests.Saving;

/// <summary>A clock on which waits of less than half an hour are over at once; longer ones, such as a guard against idleness, need the clock to be advanced.</summary>
internal sealed class EagerTimeProvider : FakeTimeProvider
{
    /// <summary>The waits that were over at once.</summary>
    public ConcurrentQueue<TimeSpan> Waits { get; } = new();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ITimer timer = base.CreateTimer(callback, state, dueTime, period);
        if (dueTime > TimeSpan.Zero && dueTime < TimeSpan.FromMinutes(30))
        {
            Waits.Enqueue(dueTime);
            ThreadPool.QueueUserWorkItem(_ => Advance(dueTime));
        }

        return timer;
    }
}
