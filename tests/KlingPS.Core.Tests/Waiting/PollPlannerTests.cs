using CsCheck;
using KlingPS.Core.Scheduling;
using KlingPS.Core.Waiting;

namespace KlingPS.Core.Tests.Waiting;

public class PollPlannerTests
{
    private const string Model = "kling/v2-5-turbo-image-to-video-pro";
    private static readonly Instant s_created = Instant.Now(TimeProvider.System);

    /// <summary>Follows the plan for one task with queries that take 100 ms, until one sees the finish.</summary>
    private static (int Queries, double Lag) Follow(PollPlanner planner, double finishesAfter)
    {
        Instant finish = s_created + TimeSpan.FromSeconds(finishesAfter);
        Instant now = s_created;
        Instant? last = null;
        for (int queries = 1; ; queries++)
        {
            Instant next = planner.Next(new PollSubject(Model, 5, s_created, last));
            now = next > now ? next : now;
            if (now >= finish)
            {
                return (queries, (now - finish).TotalSeconds);
            }

            last = now;
            now = now + TimeSpan.FromSeconds(0.1);
        }
    }

    private static PollPlanner PlannerOf(IEnumerable<double> learned)
    {
        var statistics = new DurationStatistics();
        statistics.Add(Model, 5, learned.Select(TimeSpan.FromSeconds));
        return new PollPlanner(statistics);
    }

    private static (int[] Queries, double[] Lags) FollowAll(IReadOnlyList<double> learned, IReadOnlyList<double> finishes)
    {
        PollPlanner planner = PlannerOf(learned);
        (int Queries, double Lag)[] tasks = [.. finishes.Select(finish => Follow(planner, finish))];
        return ([.. tasks.Select(t => t.Queries).Order()], [.. tasks.Select(t => t.Lag).Order()]);
    }

    private static double Percentile(double[] sorted, double share) => sorted[(int)Math.Ceiling(share * sorted.Length) - 1];

    private static double[] Draw(int count, int seed, Func<Random, double> draw)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => draw(random))];
    }

    /// <summary>Nine of ten within 93–165 s, as generations were observed to take.</summary>
    private static double LogNormal(Random random)
    {
        double normal = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
        return Math.Exp(Math.Log(Math.Sqrt(93.0 * 165.0)) + (normal * Math.Log(165.0 / 93.0) / (2 * 1.645)));
    }

    [Theory]
    [InlineData(3, 1, 1.1)]
    [InlineData(5, 2, 2.0)]
    [InlineData(10, 3, 2.0)]
    [InlineData(20, 4, 2.0)]
    [InlineData(60, 5, 2.0)]
    [InlineData(100, 6, 8.0)]
    [InlineData(160, 8, 5.0)]
    public void Unlearned_a_task_takes_few_queries_and_a_short_one_is_found_promptly(double seconds, int mostQueries, double mostLag)
    {
        (int[] queries, double[] lags) = FollowAll([], [.. Enumerable.Repeat(seconds, 200)]);
        Assert.InRange(queries[^1], 1, mostQueries);
        Assert.InRange(lags[^1], 0, mostLag);
    }

    [Theory]
    [InlineData(2, 1)]
    [InlineData(20, 1)]
    [InlineData(160, 1)]
    [InlineData(160, 5)]
    [InlineData(160, 200)]
    public void Learned_a_task_that_always_takes_the_same_is_found_at_once(double seconds, int samples)
    {
        (int[] queries, double[] lags) = FollowAll([.. Enumerable.Repeat(seconds, samples)], [.. Enumerable.Repeat(seconds, 500)]);
        Assert.InRange(queries[^1], 1, 8);
        Assert.InRange(Percentile(lags, 0.95), 0, Math.Clamp(seconds / 10, 1, 3));
    }

    [Fact]
    public void Learned_a_task_of_about_160_s_takes_six_queries_and_two_seconds()
    {
        (int[] queries, double[] lags) = FollowAll(
            Draw(200, 1, r => 158 + (4 * r.NextDouble())),
            Draw(2_000, 2, r => 158 + (4 * r.NextDouble())));
        Assert.InRange(queries.Average(), 1, 4.5);
        Assert.InRange(queries[^1], 1, 6);
        Assert.InRange(Percentile(lags, 0.95), 0, 2);
    }

    [Theory]
    [InlineData(20, 8)]
    [InlineData(20, 16)]
    [InlineData(200, 16)]
    [InlineData(20, 30)]
    public void Learned_a_task_alone_is_found_within_two_seconds_however_far_tasks_are_spread(int samples, double spread)
    {
        (int[] queries, double[] lags) = FollowAll(
            Draw(samples, 1, r => 160 + (spread * (r.NextDouble() - 0.5))),
            Draw(2_000, 2, r => 160 + (spread * (r.NextDouble() - 0.5))));
        Assert.InRange(queries.Average(), 1, spread <= 16 ? 6 + (spread / 10) : 11);
        Assert.InRange(Percentile(lags, 0.95), 0, spread <= 16 ? 2.5 : 3);
    }

    [Fact]
    public void Learned_tasks_that_vary_as_real_ones_do_cost_a_few_seconds_and_queries()
    {
        (int[] queries, double[] lags) = FollowAll(Draw(200, 1, LogNormal), Draw(5_000, 2, LogNormal));
        Assert.InRange(queries.Average(), 1, 17);
        Assert.InRange(Percentile(lags, 0.95), 0, 4);
    }

    [Fact]
    public void Learned_tasks_of_two_kinds_are_found_in_both_places()
    {
        (int[] queries, double[] lags) = FollowAll(
            Draw(200, 1, r => r.Next(2) == 0 ? 20 : 160),
            Draw(2_000, 2, r => r.Next(2) == 0 ? 20 : 160));
        Assert.InRange(queries[^1], 1, 14);
        Assert.InRange(Percentile(lags, 0.95), 0, 3);
    }

    [Fact]
    public void A_stray_slow_task_does_not_make_the_merely_late_wait_for_its_time()
    {
        double[] learned = [.. Enumerable.Repeat(160.0, 198), 900, 900];
        (_, double[] lags) = FollowAll(learned, [175]);
        Assert.InRange(lags[0], 0, 12);
    }

    [Theory]
    [InlineData(14)]
    [InlineData(40)]
    [InlineData(80)]
    public void What_finishes_much_earlier_than_learned_is_found_soon_and_within_110_seconds(double seconds)
    {
        (_, double[] lags) = FollowAll([.. Enumerable.Repeat(160.0, 200)], [seconds]);
        Assert.InRange(lags[0], 0, Math.Min(111, Math.Max(2.5 * seconds, 33)));
    }

    [Fact]
    public void A_task_that_is_long_overdue_is_polled_every_half_minute()
    {
        (int queries, double lag) = FollowAll([.. Enumerable.Repeat(160.0, 200)], [1_800]) switch { var (q, l) => (q[0], l[0]) };
        Assert.InRange(queries, 50, 75);
        Assert.InRange(lag, 0, 32.1);
    }

    [Fact]
    public void The_users_own_interval_is_kept_to()
    {
        var planner = new PollPlanner(new DurationStatistics(), TimeSpan.FromSeconds(7));
        Assert.Equal(s_created + TimeSpan.FromSeconds(7), planner.Next(new PollSubject(Model, 5, s_created, null)));
        Assert.Equal(s_created + TimeSpan.FromSeconds(107), planner.Next(new PollSubject(Model, 5, s_created, s_created + TimeSpan.FromSeconds(100))));
    }

    [Fact]
    public void An_interval_of_nothing_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new PollPlanner(new DurationStatistics(), TimeSpan.Zero));

    [Fact]
    public void Whatever_was_learned_the_next_poll_is_a_bounded_time_after_the_last() =>
        Gen.Select(Gen.Double[0, 5_000].Array[0, 300], Gen.Double[0, 20_000], Gen.Int[0, 10]).Sample((learned, age, rank) =>
        {
            Instant last = s_created + TimeSpan.FromSeconds(age);
            Instant next = PlannerOf(learned).Next(new PollSubject(Model, 5, s_created, last, AgeRank: rank));
            Assert.InRange((next - last).TotalSeconds, 0.5, 111);
        });

    [Fact]
    public void Among_many_tasks_probes_are_polled_as_often_as_one_alone_and_the_others_less_often() =>
        Gen.Select(Gen.Double[0, 5_000].Array[0, 300], Gen.Double[0, 20_000], Gen.Int[40, 10_000], Gen.Int[0, 10]).Sample((learned, age, pending, rank) =>
        {
            Instant last = s_created + TimeSpan.FromSeconds(age);
            TimeSpan Gap(int among, int at) => PlannerOf(learned).Next(new PollSubject(Model, 5, s_created, last, among, at)) - last;
            if (rank < PollPlanner.MaxProbes)
            {
                Assert.True(Gap(pending, rank) <= Gap(1, 0));
            }
            else
            {
                Assert.InRange(Gap(pending, rank), Gap(1, 0), TimeSpan.FromSeconds((2 * pending) + 120));
            }
        });

    [Theory]
    [InlineData(152, true)]
    [InlineData(164, true)]
    [InlineData(152, false)]
    public void A_first_finish_tells_when_to_poll_the_others(double learned, bool isSeen)
    {
        // A task of 160 s that was polled at 40 s: while nothing is known it is not polled again for long; once something is, it is polled in time.
        Instant last = s_created + TimeSpan.FromSeconds(40);
        Instant next = PlannerOf(isSeen ? [learned] : []).Next(new PollSubject(Model, 5, s_created, last, PendingCount: 100, AgeRank: 4));
        Assert.InRange((next - s_created).TotalSeconds, isSeen ? 120 : 240, isSeen ? 160 : 300);
    }

    [Fact]
    public void A_clock_behind_the_services_does_no_harm()
    {
        var planner = new PollPlanner(new DurationStatistics());
        Instant next = planner.Next(new PollSubject(Model, 5, s_created, s_created - TimeSpan.FromSeconds(30)));
        Assert.InRange((next - s_created).TotalSeconds, 0.5, 4);
    }
}
