namespace KlingPS.Core.Waiting;

/// <summary>How patient polls are with the service.</summary>
internal static class PollLimits
{
    /// <summary>How often a task is polled whose record lags behind what is known: a success without its link, a callback ahead of the record.</summary>
    public const int MaxPollsForRecord = 6;

    /// <summary>The time between such polls, and after one that failed.</summary>
    public static readonly TimeSpan Soon = TimeSpan.FromSeconds(2);

    /// <summary>How long the last look at a task may take that is made when the time to wait is over.</summary>
    public static readonly TimeSpan LastLook = TimeSpan.FromSeconds(3);

    /// <summary>How long the service may be away.</summary>
    public static readonly TimeSpan LongestOutage = TimeSpan.FromMinutes(10);
}
