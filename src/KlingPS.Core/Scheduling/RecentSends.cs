namespace KlingPS.Core.Scheduling;

/// <summary>When the last create requests were accepted: those that <see cref="CreateRate"/> still counts. Safe for concurrent use.</summary>
/// <param name="time">The clock.</param>
internal sealed class RecentSends(TimeProvider time)
{
    private readonly Queue<Instant> _moments = new();

    /// <summary>How long ago they were accepted, the oldest first.</summary>
    public IReadOnlyCollection<TimeSpan> Ages
    {
        get
        {
            var now = Instant.Now(time);
            lock (_moments)
            {
                return [.. _moments.Select(moment => now - moment).Where(age => age < CreateRate.Window)];
            }
        }
    }

    /// <summary>Called when a request was accepted.</summary>
    public void Add()
    {
        lock (_moments)
        {
            _moments.Enqueue(Instant.Now(time));
            if (_moments.Count > CreateRate.Limit)
            {
                _moments.Dequeue();
            }
        }
    }
}
