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

        Assert.Equal(TimeSpan.FromSeconds(20), RetryAfter.Read(response.Headers, clock)?.Pause);
    }

    [Fact]
    public void Without_a_date_of_its_own_a_response_goes_by_our_clock()
    {
        using HttpResponseMessage response = Response(s_theirs.AddSeconds(20).ToString("R"));

        Assert.Equal(TimeSpan.FromSeconds(20), RetryAfter.Read(response.Headers, new FakeTimeProvider(s_theirs))?.Pause);
    }

    [Theory]
    [InlineData("20", 20.0)]
    [InlineData("soon", null)]
    public void Seconds_are_seconds_and_what_cannot_be_read_is_nothing(string header, double? seconds)
    {
        using HttpResponseMessage response = Response(header);

        Assert.Equal(seconds, RetryAfter.Read(response.Headers, TimeProvider.System)?.Pause.TotalSeconds);
    }

    [Theory]
    [InlineData("3600", "a pause of 60 minutes")]
    [InlineData("100000", "a pause of 1,667 minutes")]
    [InlineData("2592000", "a pause of 30 days")]
    [InlineData("99999999", "a pause of 1,158 days")]
    [InlineData("Thu, 01 Oct 2026 12:00:00 GMT", "no request before 2026-10-01 12:00 UTC")]
    [InlineData("Thu, 01 Jan 2099 00:00:00 GMT", "no request before 2099-01-01 00:00 UTC")]
    public void A_pause_that_is_not_waited_for_is_told_as_it_was_asked_for(string header, string words)
    {
        using HttpResponseMessage response = Response(header, s_theirs);

        RetryAfter asked = RetryAfter.Read(response.Headers, TimeProvider.System)!;

        Assert.True(asked.IsTooLong);
        Assert.Equal(words, asked.Words);
    }
}
