using System.Globalization;
using System.Net.Http.Headers;

namespace KlingPS.Core.Resilience;

/// <summary>The pause that a server asks for with <c>Retry-After</c>.</summary>
/// <param name="Pause">How long to wait; not negative, and no longer than anything here would be kept.</param>
/// <param name="Words">The pause as the server put it, in words that follow "asks for".</param>
internal sealed record RetryAfter(TimeSpan Pause, string Words)
{
    private static readonly TimeSpan s_longest = TimeSpan.FromDays(30);

    /// <summary>Whether that is longer than anything here waits.</summary>
    public bool IsTooLong => Pause > Backoff.LongestRetryAfter;

    /// <summary>Reads the header.</summary>
    /// <param name="headers">The headers. A date in them counts from the date of the response, which comes from the same clock; ours may be wrong.</param>
    /// <param name="time">Our clock, for a response without a date.</param>
    /// <returns><see langword="null"/> if the header is missing or cannot be read.</returns>
    public static RetryAfter? Read(HttpResponseHeaders headers, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(headers);
        return headers.RetryAfter switch
        {
            { Delta: TimeSpan pause } => new(Clamp(pause), Describe(pause)),
            { Date: DateTimeOffset date } => new(
                Clamp(date - (headers.Date ?? time.GetUtcNow())),
                string.Create(CultureInfo.InvariantCulture, $"no request before {date.UtcDateTime:yyyy-MM-dd HH:mm} UTC")),
            _ => null,
        };
    }

    private static string Describe(TimeSpan pause) => pause < TimeSpan.FromDays(2)
        ? string.Create(CultureInfo.InvariantCulture, $"a pause of {Math.Ceiling(pause.TotalMinutes):N0} minutes")
        : string.Create(CultureInfo.InvariantCulture, $"a pause of {Math.Ceiling(pause.TotalDays):N0} days");

    private static TimeSpan Clamp(TimeSpan pause) => TimeSpan.FromTicks(Math.Clamp(pause.Ticks, 0, s_longest.Ticks));
}
