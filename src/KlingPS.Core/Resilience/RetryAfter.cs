using System.Net.Http.Headers;

namespace KlingPS.Core.Resilience;

/// <summary>Reads how long a server asks to wait.</summary>
internal static class RetryAfter
{
    /// <summary>The pause of a <c>Retry-After</c>; may be negative.</summary>
    /// <param name="headers">The headers. A date in them counts from the date of the response, which is of the same clock; ours may be set wrong.</param>
    /// <param name="time">Our clock, for a response without a date.</param>
    public static TimeSpan? Read(HttpResponseHeaders headers, TimeProvider time)
        => headers.RetryAfter is { } asked ? asked.Delta ?? (asked.Date - (headers.Date ?? time.GetUtcNow())) : null;
}
