using CsCheck;
using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Tests.Scheduling;

public class DurationStatisticsTests
{
    private const string Model = "kling/v2-5-turbo-image-to-video-pro";

    [Fact]
    public void Nothing_is_known_of_what_was_never_seen()
    {
        DurationDistribution known = new DurationStatistics().Get(Model, 5);
        Assert.Equal(0, known.Count);
        Assert.Null(known.Quantile(0.5));
    }

    [Fact]
    public void Models_and_lengths_are_kept_apart()
    {
        var statistics = new DurationStatistics();
        statistics.Add(Model, 5, TimeSpan.FromSeconds(100));
        statistics.Add(Model, 10, TimeSpan.FromSeconds(200));
        statistics.Add("other", 5, TimeSpan.FromSeconds(300));
        Assert.Equal(TimeSpan.FromSeconds(100), statistics.Get(Model, 5).Quantile(0.5));
        Assert.Equal(TimeSpan.FromSeconds(200), statistics.Get(Model, 10).Quantile(0.5));
        Assert.Equal(TimeSpan.FromSeconds(300), statistics.Get("other", 5).Quantile(0.5));
    }

    [Fact]
    public void Only_the_latest_times_count()
    {
        var statistics = new DurationStatistics();
        statistics.Add(Model, 5, Enumerable.Repeat(TimeSpan.FromSeconds(500), DurationStatistics.Capacity));
        statistics.Add(Model, 5, Enumerable.Repeat(TimeSpan.FromSeconds(100), DurationStatistics.Capacity));
        DurationDistribution known = statistics.Get(Model, 5);
        Assert.Equal(DurationStatistics.Capacity, known.Count);
        Assert.Equal(TimeSpan.FromSeconds(100), known.Quantile(1));
    }

    [Fact]
    public void A_snapshot_stays_as_it_was()
    {
        var statistics = new DurationStatistics();
        statistics.Add(Model, 5, TimeSpan.FromSeconds(100));
        DurationDistribution before = statistics.Get(Model, 5);
        statistics.Add(Model, 5, TimeSpan.FromSeconds(200));
        Assert.Equal(TimeSpan.FromSeconds(100), before.Quantile(1));
        Assert.Equal(TimeSpan.FromSeconds(200), statistics.Get(Model, 5).Quantile(1));
    }

    [Fact]
    public void A_clock_that_ran_backwards_teaches_nothing()
    {
        var statistics = new DurationStatistics();
        statistics.Add(Model, 5, TimeSpan.FromSeconds(-1));
        Assert.Equal(0, statistics.Get(Model, 5).Count);
    }

    [Fact]
    public void A_quantile_has_its_share_at_or_below_it() =>
        Gen.Select(Gen.Int[0, 10_000].Array[1, 200], Gen.Double[0, 1]).Sample((seconds, share) =>
        {
            var known = new DurationDistribution(seconds.Select(s => TimeSpan.FromSeconds(s)));
            double quantile = known.Quantile(share)!.Value.TotalSeconds;
            Assert.Contains((int)quantile, seconds);
            Assert.True(seconds.Count(s => s <= quantile) >= share * seconds.Length);
            Assert.True(seconds.Count(s => s < quantile) <= share * seconds.Length);
        });

    [Theory]
    [InlineData(-0.1)]
    [InlineData(1.1)]
    [InlineData(double.NaN)]
    public void A_share_outside_its_range_is_refused(double share) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => DurationDistribution.Unknown.Quantile(share));

    [Fact]
    public void The_next_poll_comes_later_while_a_finish_is_expected_and_never_after_that() =>
        Gen.Select(Gen.Int[1, 1_000].Array[1, 60], Gen.Int[0, 1_000], Gen.Double[0.05, 5]).Sample((seconds, age, lag) =>
        {
            var known = new DurationDistribution(seconds.Select(s => TimeSpan.FromSeconds(s)));
            TimeSpan? poll = known.NextPoll(TimeSpan.FromSeconds(age), TimeSpan.FromSeconds(lag));
            Assert.Equal(TimeSpan.FromSeconds(age) < known.End, poll is not null);
            Assert.True(poll is null || poll > TimeSpan.FromSeconds(age));
        });

    [Fact]
    public void A_task_that_has_just_been_polled_at_the_age_of_the_last_finish_expected_is_not_due_at_once() => Assert.All(Enumerable.Range(1, 1_000), seconds =>
    {
        var known = new DurationDistribution([TimeSpan.FromSeconds(seconds)]);
        Assert.Null(known.NextPoll(known.End, TimeSpan.FromSeconds(1)));
    });

    [Fact]
    public void Queries_are_spread_over_the_time_in_which_tasks_finish()
    {
        // Of 1000 tasks that take 152 to 168 s, one finishes every 16 ms.
        var known = new DurationDistribution(Enumerable.Range(0, 1000).Select(i => TimeSpan.FromSeconds(152 + (i * 0.016))));
        var gaps = new List<double>();
        for (TimeSpan age = TimeSpan.FromSeconds(152); age < TimeSpan.FromSeconds(163);)
        {
            TimeSpan next = known.NextPoll(age, TimeSpan.FromSeconds(0.35))!.Value;
            gaps.Add((next - age).TotalSeconds);
            age = next;
        }

        Assert.All(gaps, gap => Assert.InRange(gap, 1, 2));
    }
}
