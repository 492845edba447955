namespace KlingPS.Core.Scheduling;

/// <summary>
/// A moment by the machine's monotonic clock, which no change of the time of day moves. Moments can be compared within a process,
/// and mean nothing outside of it.
/// </summary>
internal readonly record struct Instant : IComparable<Instant>
{
    /// <summary>A moment that never comes.</summary>
    public static readonly Instant Never = new(TimeSpan.MaxValue);

    private readonly TimeSpan _reading;

    private Instant(TimeSpan reading) => _reading = reading;

    /// <summary>The present moment.</summary>
    /// <remarks>Worked out in whole numbers: a reading may have more digits than a <see cref="double"/>, and a deadline would come a little late.</remarks>
    public static Instant Now(TimeProvider time)
        => new(new TimeSpan((long)((Int128)time.GetTimestamp() * TimeSpan.TicksPerSecond / time.TimestampFrequency)));

    /// <summary>A moment later by some time; never, if it is too far away to be expressed.</summary>
    public static Instant operator +(Instant moment, TimeSpan time)
        => moment == Never || time >= TimeSpan.MaxValue - moment._reading ? Never : new(moment._reading + time);

    /// <summary>A moment earlier by some time.</summary>
    public static Instant operator -(Instant moment, TimeSpan time) => moment == Never ? Never : new(moment._reading - time);

    /// <summary>The time from one moment to another.</summary>
    public static TimeSpan operator -(Instant later, Instant earlier) => later == Never ? TimeSpan.MaxValue : later._reading - earlier._reading;

    public static bool operator <(Instant one, Instant other) => one._reading < other._reading;

    public static bool operator >(Instant one, Instant other) => one._reading > other._reading;

    public static bool operator <=(Instant one, Instant other) => one._reading <= other._reading;

    public static bool operator >=(Instant one, Instant other) => one._reading >= other._reading;

    /// <summary>The earlier of two moments.</summary>
    public static Instant Earlier(Instant one, Instant other) => one < other ? one : other;

    /// <summary>The later of two moments.</summary>
    public static Instant Later(Instant one, Instant other) => one > other ? one : other;

    /// <inheritdoc/>
    public int CompareTo(Instant other) => _reading.CompareTo(other._reading);
}
