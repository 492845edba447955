namespace KlingPS.Core.Ledger.Processes;

/// <summary>
/// A moment by both clocks. One stands still while the machine sleeps, and the other can be set back; the longer time counts.
/// </summary>
/// <param name="Timestamp">The monotonic clock.</param>
/// <param name="Time">The time of day.</param>
internal readonly record struct Moment(long Timestamp, DateTimeOffset Time)
{
    /// <summary>The present moment.</summary>
    public static Moment Now(TimeProvider time) => new(time.GetTimestamp(), time.GetUtcNow());

    /// <summary>How long ago it was, including the time for which the machine slept.</summary>
    public TimeSpan Since(TimeProvider time)
    {
        TimeSpan elapsed = time.GetElapsedTime(Timestamp);
        TimeSpan passed = time.GetUtcNow() - Time;
        return passed > elapsed ? passed : elapsed;
    }
}
