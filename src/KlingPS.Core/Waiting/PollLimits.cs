using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Waiting;

/// <summary>How patient polls are with the service.</summary>
internal static class PollLimits
{
    /// <summary>How many times a task is polled if its record lags behind what is known: a success without its link, a callback ahead of the record.</summary>
    public const int MaxPollsForRecord = 6;

    /// <summary>The time between such polls, and after one that failed.</summary>
    public static readonly TimeSpan Soon = TimeSpan.FromSeconds(2);

    /// <summary>How long the last look at a task may take, once the time to wait is over.</summary>
    public static readonly TimeSpan LastLook = TimeSpan.FromSeconds(1);

    /// <summary>The least time that the first look may take, however short the time to wait.</summary>
    public static readonly TimeSpan FirstLook = TimeSpan.FromSeconds(3);

    /// <summary>How long the service may be away.</summary>
    public static readonly TimeSpan LongestOutage = TimeSpan.FromMinutes(10);

    /// <summary>When nobody waits any more for an answer to the last look.</summary>
    /// <param name="deadline">When the time to wait, which begins now, is over.</param>
    /// <param name="time">The clock.</param>
    public static Instant EndOfLastLook(Instant deadline, TimeProvider time) => Instant.Later(deadline + LastLook, Instant.Now(time) + FirstLook);
}
