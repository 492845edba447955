namespace KlingPS.Core.Scheduling;

/// <summary>A video that is being made.</summary>
/// <param name="Age">How long it has been under way.</param>
/// <param name="Times">How long videos of its kind take.</param>
/// <param name="HoldsPlace">Whether no other may be sent in its place until it has ended, if the number at the same time is limited.</param>
internal readonly record struct RunningVideo(TimeSpan Age, DurationDistribution Times, bool HoldsPlace);

/// <summary>
/// Foresees how long a batch will take: what will be sent passes the rate limit of the service and, if there is a limit of tasks at the
/// same time, waits for a place; then it takes as long as others of its kind took. Immutable.
/// </summary>
internal sealed record BatchForecast
{
    /// <summary>How many sends are played through one by one. The rest of a larger batch follows at the same pace.</summary>
    private const int MaxPlayed = 2000;

    /// <summary>Videos whose request has not been accepted yet.</summary>
    public int ToSend { get; init; }

    /// <summary>How long ago the last requests were accepted; those that the rate limit still counts.</summary>
    public IReadOnlyCollection<TimeSpan> Sent { get; init; } = [];

    /// <summary>The videos that are being made.</summary>
    public IReadOnlyCollection<RunningVideo> Running { get; init; } = [];

    /// <summary>How long videos of the kind to be sent take.</summary>
    public DurationDistribution Times { get; init; } = DurationDistribution.Unknown;

    /// <summary>The most tasks at the same time; <see langword="null"/> for no limit. At least 1.</summary>
    public int? Limit { get; init; }

    /// <summary>The time until the last video is made, from now on.</summary>
    /// <returns>More than zero; <see langword="null"/> if nothing is known, if nothing is left, and if all that is left takes longer than any before.</returns>
    public TimeSpan? FindRemaining()
    {
        // Among many at the same time the slowest counts, and the more there are, the slower it is.
        int together = Math.Min(ToSend + Running.Count, Limit ?? int.MaxValue);
        double share = together / (together + 1.0);
        double last = 0;
        foreach (RunningVideo video in Running)
        {
            if (video.Times.Quantile(share) is not TimeSpan time)
            {
                return null;
            }

            last = Math.Max(last, (time - video.Age).TotalSeconds);
        }

        if (ToSend > 0)
        {
            if (Times.Quantile(share) is not TimeSpan time)
            {
                return null;
            }

            last = Math.Max(last, FindLastSend(share) + time.TotalSeconds);
        }

        return last > 0 ? TimeSpan.FromSeconds(last) : null;
    }

    /// <summary>When the last request is sent, in seconds from now.</summary>
    private double FindLastSend(double share)
    {
        double usual = Times.Quantile(0.5)!.Value.TotalSeconds;
        var sends = new Queue<double>(Sent.Select(age => -age.TotalSeconds).Order().TakeLast(CreateRate.Limit));
        PriorityQueue<double, double>? places = FindPlaces(share);
        double first = 0;
        double sent = 0;
        int played = Math.Min(ToSend, MaxPlayed);
        for (int i = 0; i < played; i++)
        {
            double allowed = sends.Count < CreateRate.Limit ? 0 : sends.Dequeue() + CreateRate.Window.TotalSeconds;
            sent = Math.Max(Math.Max(sent, allowed), places?.Dequeue() ?? 0);
            sends.Enqueue(sent);
            places?.Enqueue(sent + usual, sent + usual);
            first = i == 0 ? sent : first;
        }

        return sent + ((sent - first) / Math.Max(1, played - 1) * (ToSend - played));
    }

    /// <summary>When each place becomes free, in seconds from now; <see langword="null"/> if there is no limit.</summary>
    private PriorityQueue<double, double>? FindPlaces(double share)
    {
        if (Limit is not int limit)
        {
            return null;
        }

        var places = new PriorityQueue<double, double>();
        foreach (RunningVideo video in Running.Where(video => video.HoldsPlace).Take(limit))
        {
            // One that takes longer than usual may take as long as the slowest.
            double rest = (video.Times.Quantile(0.5)!.Value - video.Age).TotalSeconds;
            rest = rest > 0 ? rest : Math.Max(0, (video.Times.Quantile(share)!.Value - video.Age).TotalSeconds);
            places.Enqueue(rest, rest);
        }

        for (int free = Math.Min(limit - places.Count, MaxPlayed); free > 0; free--)
        {
            places.Enqueue(0, 0);
        }

        return places;
    }
}
