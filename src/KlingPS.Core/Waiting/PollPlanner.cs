using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Waiting;

/// <summary>What the planner must know about a task that is waited for.</summary>
/// <param name="Model">The model's id at the service.</param>
/// <param name="VideoSeconds">The length of the video in seconds.</param>
/// <param name="StartedAt">When the service accepted the task.</param>
/// <param name="LastPolledAt">When a poll last found the task unfinished; null if it has not been polled.</param>
/// <param name="PendingCount">How many tasks are waited for, including this one: they share the ten queries per second that the service answers.</param>
/// <param name="AgeRank">How many pending tasks of its kind are older. Exact only below <see cref="PollPlanner.MaxProbes"/>.</param>
internal readonly record struct PollSubject(
    string Model,
    int VideoSeconds,
    Instant StartedAt,
    Instant? LastPolledAt,
    int PendingCount = 1,
    int AgeRank = 0);

/// <summary>
/// Decides when a task is polled next: waits while a finish is unlikely, polls often when it is due, and backs off when
/// it is overdue. A pure calculation without a clock; thread-safe.
/// </summary>
/// <remarks>
/// Among many tasks, a few probes are polled on behalf of all: as often as a task on its own, and more often while nothing
/// is known. What they show holds for the others too, which therefore need fewer polls.
/// </remarks>
internal sealed class PollPlanner
{
    /// <summary>The most tasks of a kind that are probes: the oldest ones.</summary>
    public const int MaxProbes = 4;

    /// <summary>How many pending tasks there must be for each probe.</summary>
    private const int PendingPerProbe = 10;

    /// <summary>
    /// The ages, in seconds, at which a task is polled while nothing is known. The service's advice (every 2–3 s for
    /// 30 s, every 5–10 s until 2 min, then every 15–30 s) would take about 25 queries for the 93–165 s that its videos
    /// take; these are 8, close together only where a quick task or an early failure may be found.
    /// </summary>
    private static readonly double[] s_unlearned = [3.4, 6.2, 11.4, 20.6, 60.8, 104, 134, 162.8];

    /// <summary>The gap between two polls of a young probe; it grows with the age of the probe.</summary>
    private static readonly TimeSpan s_probeGap = TimeSpan.FromSeconds(2);

    /// <summary>The longest time for which probes replace polls of the other tasks while nothing is known.</summary>
    private static readonly TimeSpan s_longestSpared = TimeSpan.FromMinutes(5);

    /// <summary>The lag that a query is worth; see <see cref="DurationDistribution.NextPoll"/>.</summary>
    private static readonly TimeSpan s_lag = TimeSpan.FromSeconds(0.35);

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

    /// <summary>When the task should be polled next.</summary>
    /// <param name="task">The task.</param>
    /// <returns>
    /// A moment at least half a second after the last poll, unless another interval is set. A moment in the past means that the
    /// poll is due already, and the more urgent the longer ago it was.
    /// </returns>
    public Instant Next(PollSubject task)
    {
        Instant last = task.LastPolledAt is { } polled && polled > task.StartedAt ? polled : task.StartedAt;
        return last + (_interval ?? Plan(last - task.StartedAt, task));
    }

    private TimeSpan Plan(TimeSpan age, PollSubject task)
    {
        DurationDistribution known = _statistics.Get(task.Model, task.VideoSeconds);
        TimeSpan shortest = Clamp(age / 150, s_shortestGap, s_longestOverdue);
        return known.Count == 0
            ? Unlearned(age, shortest, task)
            : Clamp(Learned(age, known), shortest, Longest(age, known, task));
    }

    private static int ProbeCount(PollSubject task) => Math.Min(MaxProbes, task.PendingCount / PendingPerProbe);

    private static bool IsProbe(PollSubject task) => task.AgeRank < ProbeCount(task);

    /// <summary>How long a task goes without polls because probes are polled instead: so long that all others together cost half a query per second.</summary>
    private static TimeSpan Spared(PollSubject task) => ProbeCount(task) == 0 || IsProbe(task) ? TimeSpan.Zero : TimeSpan.FromSeconds(2 * task.PendingCount);

    private static TimeSpan Unlearned(TimeSpan age, TimeSpan shortest, PollSubject task)
    {
        TimeSpan least = Longer(shortest, Shorter(Spared(task), s_longestSpared));
        double rung = s_unlearned.FirstOrDefault(rung => TimeSpan.FromSeconds(rung) - age >= least);
        TimeSpan gap = rung > 0 ? TimeSpan.FromSeconds(rung) - age : Longer(least, Clamp(age / 10, shortest, s_longestOverdue));

        // The more tasks there are, the more a probe's result is worth.
        return IsProbe(task) ? Shorter(gap, Clamp(Shorter(age / 30, age * 3 / task.PendingCount), s_probeGap, s_longestOverdue)) : gap;
    }

    /// <summary>Until a finish is likely; for a task that is overdue, as long again as it is overdue.</summary>
    private static TimeSpan Learned(TimeSpan age, DurationDistribution known) =>
        known.NextPoll(age, s_lag) - age ?? age - known.End;

    /// <summary>
    /// What has been learned may no longer be true, and failures come early. So no gap is longer than 45 seconds and two and a half
    /// times the task's age, or than 110 seconds; or than 30 seconds once most tasks would have finished. That is one query more for a
    /// task of 160 seconds. Among many tasks that is left to the probes: the queries are needed for the tasks that are due.
    /// </summary>
    private static TimeSpan Longest(TimeSpan age, DurationDistribution known, PollSubject task) => age < known.Quantile(0.5)
        ? Longer(Clamp(2.5 * age, TimeSpan.FromSeconds(45), TimeSpan.FromSeconds(110)), Spared(task))
        : s_longestOverdue;

    private static TimeSpan Shorter(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private static TimeSpan Longer(TimeSpan a, TimeSpan b) => a > b ? a : b;

    private static TimeSpan Clamp(TimeSpan value, TimeSpan low, TimeSpan high) => Longer(low, Shorter(value, high));
}
