using KlingPS.Core.Resilience;
using Microsoft.Extensions.Time.Testing;

namespace KlingPS.Core.Tests.Resilience;

public sealed class RetryAfterTests
{
    private static readonly DateTimeOffset s_theirs = new(2026, 10, 1, 8, 0, 0, TimeSpan.Zero);

    private static HttpResponseMessage Response(string retryAfter, DateTimeOffset? date = null)
    {
        var response = new HttpResponseMessage();
        response.Headers.TryAddWithoutValidation("Retry-After", retryAfter);
        response.Headers.Date = date;
        return response;
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(2)]
    public void A_pause_until_a_date_is_as_long_whatever_our_clock_says(double hoursOff)
    {
        var clock = new FakeTimeProvider(s_theirs.AddHours(hoursOff));
        using HttpResponseMessage response = Response(s_theirs.AddSeconds(20).ToString("R"), s_theirs);

        Assert.Equal(TimeSpan.FromSeconds(20), RetryAfter.Read(response.Headers, clock));
    }

    [Fact]
    public void Without_a_date_of_its_own_a_response_goes_by_our_clock()
    {
        using HttpResponseMessage response = Response(s_theirs.AddSeconds(20).ToString("R"));

        Assert.Equal(TimeSpan.FromSeconds(20), RetryAfter.Read(response.Headers, new FakeTimeProvider(s_theirs)));
    }

    [Theory]
    [InlineData("20", 20.0)]
    [InlineData("soon", null)]
    public void Seconds_are_seconds_and_what_cannot_be_read_is_nothing(string header, double? seconds)
    {
        using HttpResponseMessage response = Response(header);

        Assert.Equal(seconds, RetryAfter.Read(response.Headers, TimeProvider.System)?.TotalSeconds);
    }
}
