namespace KlingPS.Core.Scheduling;

/// <summary>The days of a user: from midnight to midnight in the user's time zone, which are 23 or 25 hours long when the clocks change.</summary>
internal static class LocalDay
{
    private static readonly TimeSpan s_day = TimeSpan.FromDays(1);

    /// <summary>A day on which the clocks are put back, by two hours at most.</summary>
    private static readonly TimeSpan s_longestDay = TimeSpan.FromHours(26);

    /// <summary>When the day of a moment began.</summary>
    /// <param name="moment">The moment.</param>
    /// <param name="zone">The user's time zone.</param>
    public static DateTimeOffset BeginningOf(DateTimeOffset moment, TimeZoneInfo zone)
    {
        ArgumentNullException.ThrowIfNull(zone);
        DateTime midnight = TimeZoneInfo.ConvertTime(moment, zone).Date;

        // Asked which moment a local time is, a zone whose rules change may contradict what it says about the moments themselves. A midnight
        // that the clocks skip never comes, and where they are put back to it, it comes twice: the day begins with its first moment.
        DateTimeOffset since = moment - s_longestDay;
        foreach ((TimeSpan offset, DateTimeOffset? until) in FindOffsets(zone, since, moment))
        {
            var beginning = new DateTimeOffset(midnight, offset);
            beginning = beginning < since ? since.ToOffset(offset) : beginning;
            if (beginning <= moment && !(beginning >= until))
            {
                return beginning;
            }

            since = until ?? moment;
        }

        return moment;
    }

    /// <summary>How far local time is ahead of UTC within a span of time: each offset, until when it holds, the last one without end.</summary>
    /// <param name="zone">The time zone.</param>
    /// <param name="from">The beginning of the span.</param>
    /// <param name="to">Its end.</param>
    public static IReadOnlyList<(TimeSpan Offset, DateTimeOffset? Until)> FindOffsets(TimeZoneInfo zone, DateTimeOffset from, DateTimeOffset to)
    {
        ArgumentNullException.ThrowIfNull(zone);
        var offsets = new List<(TimeSpan, DateTimeOffset?)>();
        TimeSpan current = zone.GetUtcOffset(from);
        for (DateTimeOffset at = from; at < to;)
        {
            DateTimeOffset next = to - at < s_day ? to : at + s_day;
            if (zone.GetUtcOffset(next) is TimeSpan changed && changed != current)
            {
                offsets.Add((current, FindChange(zone, current, at, next)));
                current = changed;
            }

            at = next;
        }

        return [.. offsets, (current, null)];
    }

    /// <summary>The first millisecond at which another offset holds.</summary>
    private static DateTimeOffset FindChange(TimeZoneInfo zone, TimeSpan before, DateTimeOffset from, DateTimeOffset to)
    {
        long low = from.ToUnixTimeMilliseconds();
        long high = to.ToUnixTimeMilliseconds();
        while (high - low > 1)
        {
            long middle = low + ((high - low) / 2);
            if (zone.GetUtcOffset(DateTimeOffset.FromUnixTimeMilliseconds(middle)) == before)
            {
                low = middle;
            }
            else
            {
                high = middle;
            }
        }

        return DateTimeOffset.FromUnixTimeMilliseconds(high);
    }
}
