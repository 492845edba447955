using CsCheck;
using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Tests.Scheduling;

public sealed class LocalDayTests
{
    private static readonly DateTimeOffset s_from = new(2024, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly TimeZoneInfo[] s_all = [.. TimeZoneInfo.GetSystemTimeZones()];
    private static readonly Gen<TimeZoneInfo> s_zones = Gen.Int[0, s_all.Length - 1].Select(index => s_all[index]);
    private static readonly Gen<DateTimeOffset> s_moments = Gen.Long[s_from.ToUnixTimeMilliseconds(), s_from.AddYears(3).ToUnixTimeMilliseconds()].Select(DateTimeOffset.FromUnixTimeMilliseconds);

    [Fact]
    public void The_offsets_of_every_zone_give_the_date_on_the_users_calendar()
        => Gen.Select(s_zones, s_moments).Sample(
            (zone, moment) =>
            {
                IReadOnlyList<(TimeSpan Offset, DateTimeOffset? Until)> offsets = LocalDay.FindOffsets(zone, s_from, s_from.AddYears(3));
                TimeSpan offset = offsets.First(offset => offset.Until is null || moment < offset.Until).Offset;

                Assert.Equal(TimeZoneInfo.ConvertTime(moment, zone).Date, (moment.UtcDateTime + offset).Date);
            },
            iter: 200);

    [Fact]
    public void A_moment_lies_in_the_day_that_it_is_said_to()
        => Gen.Select(s_zones, s_moments).Sample(
            (zone, moment) =>
            {
                DateTimeOffset beginning = LocalDay.BeginningOf(moment, zone);

                Assert.True(beginning <= moment, $"{moment:O} in {zone.Id} is before the beginning of its day, {beginning:O}.");
                Assert.True(moment - beginning < TimeSpan.FromHours(26), $"{moment:O} in {zone.Id} is long after the beginning of its day, {beginning:O}.");
            },
            iter: 500);

    [Theory]
    [InlineData("Europe/Berlin", "2026-03-29T12:00Z", "2026-03-28T23:00Z")]
    [InlineData("Europe/Berlin", "2026-10-25T12:00Z", "2026-10-24T22:00Z")]
    [InlineData("Atlantic/Azores", "2026-10-25T00:30Z", "2026-10-25T00:00Z")]
    [InlineData("Atlantic/Azores", "2026-10-25T01:30Z", "2026-10-25T00:00Z")]
    [InlineData("Africa/Cairo", "2026-04-24T12:00Z", "2026-04-23T22:00Z")]
    [InlineData("America/Scoresbysund", "2024-03-31T01:07Z", "2024-03-31T01:00Z")]
    [InlineData("America/Scoresbysund", "2024-03-31T12:00Z", "2024-03-31T01:00Z")]
    [InlineData("Asia/Kathmandu", "2026-11-22T18:14Z", "2026-11-21T18:15Z")]
    public void The_day_begins_with_its_first_moment_also_when_clocks_change(string zone, string moment, string beginning)
        => Assert.Equal(Parse(beginning), LocalDay.BeginningOf(Parse(moment), TimeZoneInfo.FindSystemTimeZoneById(zone)));

    private static DateTimeOffset Parse(string text) => DateTimeOffset.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
}
