namespace KlingPS.Core.Scheduling;

/// <summary>How long generations of one kind take, from observed times. Immutable.</summary>
internal sealed class DurationDistribution
{
    /// <summary>Each observation also stands for a few late finishes: how late, in standard deviations, and with what weight.</summary>
    private static readonly (double Offset, double Weight)[] s_late = [(2, 0.06), (4, 0.04)];

    private readonly TimeSpan[] _sorted;
    private readonly (double Age, double Weight)[] _finishes;

    /// <summary>Creates the distribution.</summary>
    /// <param name="times">The observed times, in any order; may be empty.</param>
    public DurationDistribution(IEnumerable<TimeSpan> times)
    {
        _sorted = [.. times.Order()];

        // With few observations, little is known of the spread. The slowest hundredth is left out: one outlier must not
        // make every task that is merely late wait as long as it took.
        double deviation = 0.02 + (0.1 / Math.Max(1, _sorted.Length));
        (double Offset, double Weight)[] kernel = [.. KernelOf(Math.Clamp(64 / Math.Max(1, _sorted.Length), 2, 16)), .. s_late];
        _finishes =
        [
            .. _sorted
                .Take(_sorted.Length - (_sorted.Length / 100))
                .SelectMany(time => kernel.Select(point => (Age: time.TotalSeconds * Math.Max(0, 1 + (point.Offset * deviation)), point.Weight)))
                .OrderBy(finish => finish.Age),
        ];
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
    /// may have been finished without anyone knowing has grown, on average, to <paramref name="price"/>.
    /// </summary>
    /// <remarks>
    /// Where finishes come at rate h, this gives gaps of √(2·price/h), which minimises the sum of lag and queries when a
    /// query is worth <paramref name="price"/> of lag. Where no finish is expected, it waits.
    /// </remarks>
    /// <param name="age">The task's age when it was last seen unfinished.</param>
    /// <param name="price">The average lag that a query is worth.</param>
    /// <returns>The age, or null if no finish is expected beyond <paramref name="age"/>.</returns>
    internal TimeSpan? NextPoll(TimeSpan age, TimeSpan price)
    {
        double now = age.TotalSeconds;
        int first = 0;
        while (first < _finishes.Length && _finishes[first].Age <= now)
        {
            first++;
        }

        double unfinished = 0;
        for (int i = first; i < _finishes.Length; i++)
        {
            unfinished += _finishes[i].Weight;
        }

        // Between two expected finishes the average lag at time t is (weight · t − moment) / unfinished, summed over those passed.
        double weight = 0;
        double moment = 0;
        for (int i = first; i < _finishes.Length; i++)
        {
            weight += _finishes[i].Weight;
            moment += _finishes[i].Weight * _finishes[i].Age;
            double poll = ((price.TotalSeconds * unfinished) + moment) / weight;
            if (i + 1 == _finishes.Length || poll < _finishes[i + 1].Age)
            {
                return TimeSpan.FromSeconds(poll);
            }
        }

        return null;
    }

    /// <summary>
    /// The finishes that an observation stands for: around it, up to one standard deviation away, and the fewer the farther.
    /// With many observations, a few points for each will do.
    /// </summary>
    private static IEnumerable<(double Offset, double Weight)> KernelOf(int steps) => Enumerable
        .Range(-steps, (2 * steps) + 1)
        .Select(step => ((double)step / steps, 0.9 * (steps + 1 - Math.Abs(step)) / ((steps + 1) * (steps + 1))));
}
