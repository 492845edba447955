namespace KlingPS.Core.Scheduling;

/// <summary>How long generations of one kind take, from observed times. Immutable.</summary>
internal sealed class DurationDistribution
{
    /// <summary>Some finishes come later than those that were observed: how late, in deviations, and with what weight.</summary>
    private static readonly (double Offset, double Weight)[] s_late = [(2, 0.06), (4, 0.04)];

    /// <summary>The share of the finishes after which there is no point in waiting for the next one, if that is not expected soon.</summary>
    private const double MostOf = 0.85;

    /// <summary>The most observed times that stand for the late ones.</summary>
    private const int MaxLate = 40;

    /// <summary>How far apart expected finishes are, in seconds, between two observed times, and how many there are at most.</summary>
    private const double Step = 0.5;
    private const int MaxSteps = 16;

    private readonly TimeSpan[] _sorted;
    private readonly (double Age, double Weight)[] _finishes;

    /// <summary>Creates the distribution.</summary>
    /// <param name="times">The observed times, in any order; may be empty.</param>
    public DurationDistribution(IEnumerable<TimeSpan> times)
    {
        _sorted = [.. times.Order()];

        // The slowest hundredth is left out: one outlier must not make every task that is merely late wait as long as it took.
        double[] seconds = [.. _sorted.Take(_sorted.Length - (_sorted.Length / 100)).Select(time => time.TotalSeconds)];
        _finishes = seconds.Length == 0 ? [] : [.. Between(seconds).Concat(Late(seconds)).OrderBy(finish => finish.Age)];
    }

    /// <summary>Nothing is known.</summary>
    public static DurationDistribution Unknown { get; } = new([]);

    /// <summary>What takes no time at all.</summary>
    public static DurationDistribution None { get; } = new([TimeSpan.Zero]);

    /// <summary>The number of observed times.</summary>
    public int Count => _sorted.Length;

    /// <summary>The age beyond which no finish is expected any more; zero if nothing is known.</summary>
    internal TimeSpan End => _finishes.Length == 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(_finishes[^1].Age);

    /// <summary>The time within which this share of the observed tasks had finished.</summary>
    /// <param name="share">From 0 to 1; 0.5 is the median.</param>
    /// <returns>One of the observed times, or null if there is none.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="share"/> is outside its range.</exception>
    public TimeSpan? Quantile(double share)
    {
        if (share is not (>= 0 and <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(share), share, "A share is between 0 and 1.");
        }

        return _sorted.Length == 0 ? null : _sorted[Math.Max(0, (int)Math.Ceiling(share * _sorted.Length) - 1)];
    }

    /// <summary>
    /// The age at which to poll a task that was still unfinished at <paramref name="age"/>: when the time for which it
    /// may have been finished without anyone knowing has grown, in the mean of its squares, to that of <paramref name="lag"/>.
    /// </summary>
    /// <remarks>
    /// Where finishes come at rate h, this gives gaps of ∛(3·lag²/h): queries are spread so that long lags are rare, where the mean
    /// of the lags themselves would make them few at first and many for the last tasks. If no finish is expected, it waits; but not
    /// once most have come.
    /// </remarks>
    /// <param name="age">The task's age when it was last seen unfinished.</param>
    /// <param name="lag">The lag that a query is worth.</param>
    /// <returns>The age, or null if no finish is expected beyond <paramref name="age"/>.</returns>
    internal TimeSpan? NextPoll(TimeSpan age, TimeSpan lag)
    {
        // Compared as times are: a finish less than a tick later is not later.
        int first = 0;
        while (first < _finishes.Length && TimeSpan.FromSeconds(_finishes[first].Age) <= age)
        {
            first++;
        }

        double unfinished = 0;
        for (int i = first; i < _finishes.Length; i++)
        {
            unfinished += _finishes[i].Weight;
        }

        // Between two expected finishes the sum of the squared lags at time t is weight · t² − 2 · moment · t + square, over those passed.
        double wanted = lag.TotalSeconds * lag.TotalSeconds * unfinished;
        double weight = 0;
        double moment = 0;
        double square = 0;
        for (int i = first; i < _finishes.Length; i++)
        {
            (double finish, double share) = _finishes[i];
            weight += share;
            moment += share * finish;
            square += share * finish * finish;
            bool isLast = i + 1 == _finishes.Length;
            if (!isLast && weight >= MostOf * unfinished && _finishes[i + 1].Age - finish > lag.TotalSeconds)
            {
                return TimeSpan.FromSeconds(finish);
            }

            double poll = (moment + Math.Sqrt(Math.Max(0, (moment * moment) - (weight * (square - wanted))))) / weight;
            if (isLast || poll < _finishes[i + 1].Age)
            {
                return TimeSpan.FromSeconds(poll);
            }
        }

        return null;
    }

    /// <summary>
    /// The same number of finishes is expected between any two neighbouring observed times, and before the first and after the last: the
    /// less is known, the wider those two are.
    /// </summary>
    private static IEnumerable<(double Age, double Weight)> Between(double[] seconds)
    {
        double weight = (1 - s_late.Sum(late => late.Weight)) / (seconds.Length + 1);
        double edge = 0.002 + (0.05 / seconds.Length);
        double[] marks = [seconds[0] * (1 - edge), .. seconds, seconds[^1] * (1 + edge)];
        for (int i = 1; i < marks.Length; i++)
        {
            double gap = marks[i] - marks[i - 1];
            int steps = Math.Clamp((int)Math.Ceiling(gap / Step), 1, MaxSteps);
            for (int step = 0; step < steps; step++)
            {
                yield return (marks[i - 1] + (gap * (step + 0.5) / steps), weight / steps);
            }
        }
    }

    private static IEnumerable<(double Age, double Weight)> Late(double[] seconds)
    {
        double deviation = 0.02 + (0.05 / seconds.Length);
        int count = Math.Min(seconds.Length, MaxLate);
        return Enumerable.Range(0, count)
            .Select(i => seconds[i * seconds.Length / count])
            .SelectMany(time => s_late.Select(late => (time * (1 + (late.Offset * deviation)), late.Weight / count)));
    }
}
