namespace KlingPS.Core.Ledger.Processes;

/// <summary>
/// A moment by both clocks. One stands still while the machine sleeps, and the other can be set back; what matters is the longer time.
/// </summary>
/// <param name="Timestamp">By the monotonic clock.</param>
/// <param name="Time">By the time of day.</param>
internal readonly record struct Moment(long Timestamp, DateTimeOffset Time)
{
    /// <summary>The present moment.</summary>
    public static Moment Now(TimeProvider time) => new(time.GetTimestamp(), time.GetUtcNow());

    /// <summary>How long ago it was, the time in which the machine slept included.</summary>
    public TimeSpan Since(TimeProvider time)
    {
        TimeSpan elapsed = time.GetElapsedTime(Timestamp);
        TimeSpan passed = time.GetUtcNow() - Time;
        return passed > elapsed ? passed : elapsed;
    }
}
