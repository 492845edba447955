namespace KlingPS.Core.Scheduling;

/// <summary>
/// Decides when a task is looked at next: sleeps while a finish is unlikely, looks often when it is due, and backs off
/// when it is overdue. Asks nobody and keeps no clock; safe for use from several threads.
/// </summary>
public sealed class PollPlanner
{
    /// <summary>
    /// The ages, in seconds, at which a task is looked at while nothing is known. The service's advice (every 2–3 s for
    /// 30 s, every 5–10 s until 2 min, then every 15–30 s) would take about 25 queries for the 93–165 s that its videos
    /// take; these are 12, close together only where a quick task or an early failure may be found.
    /// </summary>
    private static readonly double[] s_unlearned = [1.2, 2.2, 3.3, 5, 8, 13, 21, 40, 75, 105, 135, 165];

    private static readonly TimeSpan s_price = TimeSpan.FromSeconds(0.3);
    private static readonly TimeSpan s_shortestGap = TimeSpan.FromSeconds(0.5);
    private static readonly TimeSpan s_longestOverdue = TimeSpan.FromSeconds(30);

    private readonly DurationStatistics _statistics;
    private readonly TimeSpan? _interval;

    /// <summary>Creates the planner.</summary>
    /// <param name="statistics">How long tasks have taken so far; may grow while the planner is used.</param>
    /// <param name="interval">A fixed interval to use instead of planning, if the user has set one. More than zero.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="interval"/> is zero or less.</exception>
    public PollPlanner(DurationStatistics statistics, TimeSpan? interval = null)
    {
        ArgumentNullException.ThrowIfNull(statistics);
        if (interval is { } fixedInterval)
        {
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(fixedInterval, TimeSpan.Zero, nameof(interval));
        }

        _statistics = statistics;
        _interval = interval;
    }

    /// <summary>When the task should be looked at next.</summary>
    /// <param name="task">The task.</param>
    /// <param name="now">The present moment, by the clock of the task's times.</param>
    /// <returns>
    /// <paramref name="now"/> if the look is due already; otherwise a moment at least half a second and at most about 77
    /// seconds after the last look, unless a longer interval is set.
    /// </returns>
    public DateTimeOffset Next(PollSubject task, DateTimeOffset now)
    {
        DateTimeOffset last = task.LastLookedAt is { } looked && looked > task.CreatedAt ? looked : task.CreatedAt;
        TimeSpan gap = _interval ?? Plan(last - task.CreatedAt, task);
        DateTimeOffset next = last + gap;
        return next > now ? next : now;
    }

    private TimeSpan Plan(TimeSpan age, PollSubject task)
    {
        DurationDistribution known = _statistics.Get(task.Model, task.VideoSeconds);
        TimeSpan shortest = Clamp(age / 100, s_shortestGap, s_longestOverdue);
        TimeSpan gap = known.Count == 0
            ? Unlearned(age, shortest)
            : Clamp(Learned(age, known), shortest, Longest(age, known));

        // Tasks that were created together are spread, in proportion so that it costs little lag.
        return gap + (Share(task.Key) * Shorter(gap / 10, TimeSpan.FromSeconds(2)));
    }

    private static TimeSpan Unlearned(TimeSpan age, TimeSpan shortest)
    {
        foreach (double rung in s_unlearned)
        {
            TimeSpan gap = TimeSpan.FromSeconds(rung) - age;
            if (gap >= shortest)
            {
                return gap;
            }
        }

        return Clamp(age / 10, shortest, s_longestOverdue);
    }

    /// <summary>Until the finish is likely; once it is overdue, as long again as it is overdue.</summary>
    private static TimeSpan Learned(TimeSpan age, DurationDistribution known) =>
        known.NextLook(age, s_price) - age ?? age - known.End;

    /// <summary>
    /// What has been learned may no longer be true, and failures come early. So no sleep is longer than half a minute and
    /// twice the task's age, or than 75 seconds; and half a minute once most tasks would have finished. More looks would be
    /// taken from the ten in a second that the service answers, when others are due.
    /// </summary>
    private static TimeSpan Longest(TimeSpan age, DurationDistribution known) =>
        age < known.Quantile(0.5) ? Clamp(2 * age, TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(75)) : s_longestOverdue;

    /// <summary>A number from 0 up to 1 that is always the same for a task and unlike those of its neighbours (FNV-1a).</summary>
    private static double Share(string key)
    {
        uint hash = 2166136261;
        foreach (char c in key)
        {
            hash = (hash ^ c) * 16777619;
        }

        // The low bits of the hash depend on every character, the high ones hardly on the last.
        return (hash & 0xFFFF) / 65536.0;
    }

    private static TimeSpan Shorter(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private static TimeSpan Longer(TimeSpan a, TimeSpan b) => a > b ? a : b;

    private static TimeSpan Clamp(TimeSpan value, TimeSpan low, TimeSpan high) => Longer(low, Shorter(value, high));
}
