using System.Globalization;
using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Tests.Api;

/// <summary>A virtual clock. It stands still until a test lets time pass, and then jumps from timer to timer.</summary>
/// <remarks>
/// <para>
/// What it promises: time passes only in <see cref="RunAsync{T}(Task{T})"/> and <see cref="Advance"/>; never further than to the next
/// timer; and in <see cref="RunAsync{T}(Task{T})"/> not at all while a request is under way, that is, while a time limit runs, or while
/// nothing but deadlines is waited for. So steps that follow one another happen at exact times.
/// </para>
/// <para>
/// What it does not promise: it cannot see work that has no timer. If several things are under way, one of them may find that the time
/// has passed for which another waited, as on a slow machine. tests/README.md says how tests are written so that this never matters.
/// </para>
/// </remarks>
internal sealed class TestClock : TimeProvider
{
    private static readonly TimeSpan s_longJump = TimeSpan.FromHours(1);
    private static readonly TimeSpan s_courtesy = TimeSpan.FromMilliseconds(2);

    /// <summary>Whether threads that ask for the time are held up at random, as on a machine that is far too busy.</summary>
    private static readonly bool s_stalls = Environment.GetEnvironmentVariable("KLINGPS_TEST_STALLS") is { Length: > 0 };

    private readonly Lock _lock = new();

    /// <summary>The timers that are set, ordered by the time they are due.</summary>
    private readonly SortedSet<Timer> _timers = new(Comparer<Timer>.Create((one, other) => (one.DueAt, one.Number).CompareTo((other.DueAt, other.Number))));

    private DateTimeOffset _now;
    private TimeSpan _step;
    private long _lastNumber;
    private int _limits;
    private TaskCompletionSource _changed = CreateSignal();

    public TestClock() => _now = Start;

    /// <summary>The time at which the clock starts.</summary>
    public DateTimeOffset Start { get; } = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>How many flows wait in <see cref="Task.Delay(TimeSpan, TimeProvider)"/>.</summary>
    public int Delays
    {
        get
        {
            lock (_lock)
            {
                return _timers.Count(timer => timer.IsDelay);
            }
        }
    }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    public override DateTimeOffset GetUtcNow()
    {
        if (s_stalls && Random.Shared.Next(40) == 0)
        {
            Thread.Sleep(Random.Shared.Next(1, 4));
        }

        lock (_lock)
        {
            return _now + _step;
        }
    }

    public override long GetTimestamp()
    {
        DateTimeOffset now = GetUtcNow();
        lock (_lock)
        {
            return (now - _step).Ticks;
        }
    }

    /// <summary>Sets the time of day forward or back, as a user or a time server does. No time passes.</summary>
    public void SetTimeOfDay(TimeSpan step)
    {
        lock (_lock)
        {
            _step += step;
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        Assert.Equal(Timeout.InfiniteTimeSpan, period);
        var timer = new Timer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Advances the clock and fires every timer that is due then, time limits too.</summary>
    public void Advance(TimeSpan time)
    {
        lock (_lock)
        {
            _now += time;
        }

        FireDue();
    }

    /// <summary>Lets a time pass, and with it what is waited for meanwhile.</summary>
    public Task PassAsync(TimeSpan time) => RunAsync(Task.Delay(time, this));

    /// <summary>Lets as much time pass as is waited for until a task has ended.</summary>
    public async Task<T> RunAsync<T>(Task<T> task)
    {
        await RunAsync((Task)task);
        return await task;
    }

    /// <summary>Lets as much time pass as is waited for until a task has ended.</summary>
    /// <param name="task">The task.</param>
    /// <param name="isQuiet">Whether nothing can happen before the next timer fires; time passes only then.</param>
    /// <param name="longestWait">How far the clock may jump at once. When the next timer is due later than that, something else has to happen first.</param>
    public async Task RunAsync(Task task, Func<bool>? isQuiet = null, TimeSpan? longestWait = null)
    {
        // Timers fire on this thread, and what waited for them runs on here; so no context must be current.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        while (!task.IsCompleted)
        {
            Task changed = NextChange();
            if (isQuiet is not null)
            {
                await Eventually.TrueAsync(() => task.IsCompleted || isQuiet(), "all to be quiet").ConfigureAwait(false);
            }

            if (FindJump(longestWait) is TimeSpan jump)
            {
                // Work that has just begun goes first. That is a courtesy and no promise, and greater before a long jump.
                await (jump < s_longJump ? Task.CompletedTask : Task.Delay(s_courtesy)).ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
                if (!task.IsCompleted)
                {
                    Jump(longestWait);
                }
            }
            else
            {
                await Eventually.DoneAsync(Task.WhenAny(task, changed), $"a task to end or to set a timer; the clock has {this}").ConfigureAwait(false);
            }
        }

        await task.ConfigureAwait(false);
    }

    public override string ToString()
    {
        lock (_lock)
        {
            return string.Create(
                CultureInfo.InvariantCulture,
                $"{_timers.Count} timers, {_limits} of them time limits; the next is due in {(_timers.Min?.DueAt - _now)?.ToString() ?? "no time"}");
        }
    }

    private static TaskCompletionSource CreateSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private Task NextChange()
    {
        lock (_lock)
        {
            if (_changed.Task.IsCompleted)
            {
                _changed = CreateSignal();
            }

            return _changed.Task;
        }
    }

    private TimeSpan? FindJump(TimeSpan? longest)
    {
        lock (_lock)
        {
            bool isWaitedFor = _limits == 0 && _timers.Any(timer => !timer.IsDeadline);
            return isWaitedFor && _timers.Min is Timer next && !(next.DueAt - _now > longest) ? next.DueAt - _now : null;
        }
    }

    private void Jump(TimeSpan? longest)
    {
        lock (_lock)
        {
            if (FindJump(longest) is not TimeSpan jump)
            {
                return;
            }

            _now += jump;
        }

        FireDue();
    }

    private void FireDue()
    {
        while (TakeDue() is Timer due)
        {
            due.Fire();
        }
    }

    private Timer? TakeDue()
    {
        lock (_lock)
        {
            if (_timers.Min is not Timer next || next.DueAt > _now)
            {
                return null;
            }

            Remove(next);
            return next;
        }
    }

    private void Set(Timer timer, TimeSpan dueTime)
    {
        lock (_lock)
        {
            Remove(timer);
            if (dueTime == TimeSpan.Zero)
            {
                // Not on the thread that sets it, which may hold a lock.
                ThreadPool.UnsafeQueueUserWorkItem(static timer => timer.Fire(), timer, preferLocal: false);
            }
            else if (dueTime != Timeout.InfiniteTimeSpan)
            {
                timer.DueAt = _now + dueTime;
                timer.Number = ++_lastNumber;
                _timers.Add(timer);
                _limits += timer.IsLimit ? 1 : 0;
                _changed.TrySetResult();
            }
        }
    }

    private void Remove(Timer timer)
    {
        lock (_lock)
        {
            if (_timers.Remove(timer))
            {
                _limits -= timer.IsLimit ? 1 : 0;
                _changed.TrySetResult();
            }
        }
    }

    private sealed class Timer(TestClock clock, TimerCallback callback, object? state) : ITimer
    {
        public DateTimeOffset DueAt { get; set; }

        /// <summary>Of timers that are due at the same time, the one that was set first fires first.</summary>
        public long Number { get; set; }

        /// <summary>Whether it ends something that takes too long, such as a request.</summary>
        public bool IsLimit => state is CancellationTokenSource;

        public bool IsDelay => state is Task;

        /// <summary>Whether it belongs to a deadline: that alone is no reason to let time pass.</summary>
        public bool IsDeadline => state is Deadline;

        public void Fire() => callback(state);

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            clock.Set(this, dueTime);
            return true;
        }

        public void Dispose() => clock.Remove(this);

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
