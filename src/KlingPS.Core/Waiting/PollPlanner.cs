namespace KlingPS.Core.Waiting;

/// <summary>
/// Decides when a task is looked at next: sleeps while a finish is unlikely, looks often when it is due, and backs off
/// when it is overdue. Asks nobody and keeps no clock; safe for use from several threads.
/// </summary>
/// <remarks>
/// In a crowd a few tasks, the scouts, are looked at for all: as often as one alone, and more often while nothing is known. What they
/// show is known of the others, which are left alone meanwhile.
/// </remarks>
public sealed class PollPlanner
{
    /// <summary>How many tasks of a kind are looked at for the others as well, at most: the oldest ones.</summary>
    public const int MaxScouts = 4;

    /// <summary>How many tasks there must be for each of them.</summary>
    private const int CrowdForScout = 10;

    /// <summary>
    /// The ages, in seconds, at which a task is looked at while nothing is known. The service's advice (every 2–3 s for
    /// 30 s, every 5–10 s until 2 min, then every 15–30 s) would take about 25 queries for the 93–165 s that its videos
    /// take; these are 12, close together only where a quick task or an early failure may be found.
    /// </summary>
    private static readonly double[] s_unlearned = [1.2, 2.2, 3.3, 5, 8, 13, 21, 40, 75, 105, 135, 165];

    /// <summary>The shortest time between two looks at a scout, once it is not quite young any more.</summary>
    private static readonly TimeSpan s_scouting = TimeSpan.FromSeconds(2);

    /// <summary>How long another task is left alone while nothing is known, at most.</summary>
    private static readonly TimeSpan s_longestSpared = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan s_price = TimeSpan.FromSeconds(0.15);
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
    /// <returns>
    /// A moment at least half a second after the last look, unless another interval is set. If it is in the past the look is due
    /// already, and the more urgent the longer ago it was.
    /// </returns>
    public DateTimeOffset Next(PollSubject task)
    {
        DateTimeOffset last = task.LastLookedAt is { } looked && looked > task.CreatedAt ? looked : task.CreatedAt;
        return last + (_interval ?? Plan(last - task.CreatedAt, task));
    }

    private TimeSpan Plan(TimeSpan age, PollSubject task)
    {
        DurationDistribution known = _statistics.Get(task.Model, task.VideoSeconds);
        TimeSpan shortest = Clamp(age / 100, s_shortestGap, s_longestOverdue);
        TimeSpan gap = known.Count == 0
            ? Unlearned(age, shortest, task)
            : Clamp(Learned(age, known), shortest, Longest(age, known, task));

        // Tasks that were created together are spread, in proportion so that it costs little lag.
        return gap + (Share(task.Key) * Shorter(gap / 10, TimeSpan.FromSeconds(2)));
    }

    private static int Scouts(PollSubject task) => Math.Min(MaxScouts, task.Crowd / CrowdForScout);

    private static bool IsScout(PollSubject task) => task.Rank < Scouts(task);

    /// <summary>How long a task is left alone because scouts are looked at for it: so long that all together cost half a query in a second.</summary>
    private static TimeSpan Spared(PollSubject task) => Scouts(task) == 0 || IsScout(task) ? TimeSpan.Zero : TimeSpan.FromSeconds(2 * task.Crowd);

    private static TimeSpan Unlearned(TimeSpan age, TimeSpan shortest, PollSubject task)
    {
        TimeSpan least = Longer(shortest, Shorter(Spared(task), s_longestSpared));
        double rung = s_unlearned.FirstOrDefault(rung => TimeSpan.FromSeconds(rung) - age >= least);
        TimeSpan gap = rung > 0 ? TimeSpan.FromSeconds(rung) - age : Longer(least, Clamp(age / 10, shortest, s_longestOverdue));
        return IsScout(task) ? Shorter(gap, Clamp(age / 30, s_scouting, s_longestOverdue)) : gap;
    }

    /// <summary>Until the finish is likely; once it is overdue, as long again as it is overdue.</summary>
    private static TimeSpan Learned(TimeSpan age, DurationDistribution known) =>
        known.NextLook(age, s_price) - age ?? age - known.End;

    /// <summary>
    /// What has been learned may no longer be true, and failures come early. So no sleep is longer than half a minute and
    /// twice the task's age, or than 75 seconds; and half a minute once most tasks would have finished. In a crowd that is left
    /// to the scouts: the queries are needed for those that are due.
    /// </summary>
    private static TimeSpan Longest(TimeSpan age, DurationDistribution known, PollSubject task) => age < known.Quantile(0.5)
        ? Longer(Clamp(2 * age, TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(75)), Spared(task))
        : s_longestOverdue;

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
