namespace KlingPS.Core.Model;

/// <summary>Times from outside. What cannot be the time of something that the service has done counts as not said.</summary>
internal static class ReceivedTime
{
    /// <summary>Nothing was bought before that: the service is younger.</summary>
    private static readonly TimeSpan s_longestAgo = TimeSpan.FromDays(3650);

    /// <summary>How far two clocks may be apart.</summary>
    private static readonly TimeSpan s_longestSkew = TimeSpan.FromDays(1);

    /// <summary>The time; <see langword="null"/> if it is not given, or cannot be one.</summary>
    /// <param name="moment">What is said.</param>
    /// <param name="now">The time now: what is said to have happened later has not happened yet.</param>
    public static DateTimeOffset? From(DateTimeOffset? moment, DateTimeOffset now)
        => moment - now is TimeSpan ahead && ahead >= -s_longestAgo && ahead <= s_longestSkew ? moment : null;

    /// <summary>The same for the end of something, which does not come before its beginning.</summary>
    /// <param name="end">What is said about the end.</param>
    /// <param name="beginning">When it began, if that is known.</param>
    /// <param name="now">The time now.</param>
    public static DateTimeOffset? FromEnd(DateTimeOffset? end, DateTimeOffset? beginning, DateTimeOffset now)
        => From(end, now) is DateTimeOffset moment && !(moment < beginning) ? moment : null;
}
