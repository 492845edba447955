using Microsoft.Extensions.Time.Testing;

namespace KlingPS.Core.Tests.Api;

/// <summary>
/// A clock that knows its timers, so that a test can jump from one to the next until a task has ended. While a request
/// is under way it stands still: the timeouts of requests (60 s and 120 s) pass only when a test advances the clock itself.
/// </summary>
internal sealed class TestClock : FakeTimeProvider
{
    /// <summary>Less than the timeout of a request, so that a request which begins during a jump does not run out in it.</summary>
    private static readonly TimeSpan s_longestJump = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan s_shortestJump = TimeSpan.FromMilliseconds(50);

    private const int QuietYields = 10;

    /// <summary>Far more than any work takes: something blocks a thread of the pool then, and the test shows what.</summary>
    private const int MostYields = 100_000;

    private readonly HashSet<Timer> _running = [];
    private int _firing;

    /// <summary>Lets time pass, as far as it is waited for, until the task has ended.</summary>
    public async Task<T> RunAsync<T>(Task<T> task)
    {
        await RunAsync((Task)task);
        return await task;
    }

    public async Task RunAsync(Task task)
    {
        while (true)
        {
            await LetWorkGoOnAsync();
            if (task.IsCompleted)
            {
                break;
            }

            if (NextJump() is TimeSpan jump)
            {
                Advance(jump);
            }
        }

        await task;
    }

    /// <summary>What is under way without a timer goes before time does, on a busy machine too.</summary>
    private static async Task LetWorkGoOnAsync()
    {
        for (int i = 0, quiet = 0; i < MostYields && quiet < QuietYields; i++)
        {
            await Task.Yield();
            Thread.Yield();
            quiet = IsQuiet() ? quiet + 1 : 0;
        }
    }

    /// <summary>Whether nothing waits for a thread of the pool, and no thread but this one works.</summary>
    private static bool IsQuiet()
    {
        ThreadPool.GetMaxThreads(out int most, out _);
        ThreadPool.GetAvailableThreads(out int idle, out _);
        int mine = Thread.CurrentThread.IsThreadPoolThread ? 1 : 0;
        return ThreadPool.PendingWorkItemCount == 0 && most - idle <= mine;
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this);
        timer.Start(dueTime);
        timer.Inner = base.CreateTimer(
            _ => Fire(timer, callback, state),
            null,
            dueTime,
            period);
        return timer;
    }

    /// <summary>Calls back as real timers do: never on the thread that happens to ask for the time, which may hold a lock.</summary>
    private void Fire(Timer timer, TimerCallback callback, object? state)
    {
        lock (_running)
        {
            _firing++;
            timer.Stop();
        }

        ThreadPool.UnsafeQueueUserWorkItem(
            _ =>
            {
                callback(state);
                lock (_running)
                {
                    _firing--;
                }
            },
            null);
    }

    private TimeSpan? NextJump()
    {
        lock (_running)
        {
            if (_firing > 0 || _running.Count == 0 || _running.Any(timer => timer.GuardsRequest))
            {
                return null;
            }

            // A timer that was made during a jump is due a little later than is known here, so the jump is never none.
            TimeSpan next = _running.Min(timer => timer.DueAt) - GetUtcNow();
            return next < s_shortestJump ? s_shortestJump : next < s_longestJump ? next : s_longestJump;
        }
    }

    private sealed class Timer(TestClock clock) : ITimer
    {
        public ITimer? Inner { get; set; }

        public DateTimeOffset DueAt { get; private set; }

        public bool GuardsRequest { get; private set; }

        public void Start(TimeSpan dueTime)
        {
            lock (clock._running)
            {
                Stop();
                if (dueTime >= TimeSpan.Zero)
                {
                    DueAt = clock.GetUtcNow() + dueTime;
                    GuardsRequest = dueTime == TimeSpan.FromSeconds(60) || dueTime == TimeSpan.FromSeconds(120);
                    clock._running.Add(this);
                }
            }
        }

        public void Stop()
        {
            lock (clock._running)
            {
                clock._running.Remove(this);
            }
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            Start(dueTime);
            return Inner!.Change(dueTime, period);
        }

        public void Dispose()
        {
            Stop();
            Inner?.Dispose();
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
