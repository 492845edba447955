using CsCheck;
using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Tests.Scheduling;

/// <summary>How long a batch is said to take, held against batches that are played through to their end.</summary>
public sealed class BatchForecastTests
{
    private static DurationDistribution Always(double seconds) => new([TimeSpan.FromSeconds(seconds)]);

    private static RunningVideo Running(double age, double takes, bool holdsPlace = true) => new(TimeSpan.FromSeconds(age), Always(takes), holdsPlace);

    [Fact]
    public void A_video_that_is_being_made_takes_what_is_left_of_the_time_of_others()
        => Assert.Equal(TimeSpan.FromSeconds(40), new BatchForecast { Running = [Running(20, 60)] }.FindRemaining());

    [Fact]
    public void What_is_queued_behind_a_limit_counts_with_every_round_it_waits()
        => Assert.Equal(
            TimeSpan.FromSeconds(40 + (3 * 60)),
            new BatchForecast { Limit = 1, ToSend = 3, Running = [Running(20, 60)], Times = Always(60) }.FindRemaining());

    [Fact]
    public void What_the_rate_limit_holds_back_counts_with_the_time_it_is_held()
    {
        TimeSpan[] sent = [.. Enumerable.Repeat(TimeSpan.FromSeconds(4), CreateRate.Limit)];

        Assert.Equal(
            (CreateRate.Window - TimeSpan.FromSeconds(4) + CreateRate.Window + TimeSpan.FromSeconds(60)).TotalSeconds,
            new BatchForecast { ToSend = CreateRate.Limit + 1, Sent = sent, Times = Always(60) }.FindRemaining()!.Value.TotalSeconds,
            tolerance: 0.000001);
    }

    [Fact]
    public void Earlier_tasks_that_are_waited_for_take_no_place_of_the_limit()
        => Assert.Equal(
            TimeSpan.FromSeconds(60),
            new BatchForecast { Limit = 1, ToSend = 1, Running = [Running(20, 60, holdsPlace: false)], Times = Always(60) }.FindRemaining());

    [Fact]
    public void Of_many_the_slowest_counts()
    {
        var times = new DurationDistribution(Enumerable.Range(1, 100).Select(i => TimeSpan.FromSeconds(i)));

        Assert.Equal(TimeSpan.FromSeconds(50), new BatchForecast { Running = [new(TimeSpan.Zero, times, true)] }.FindRemaining());
        Assert.InRange(new BatchForecast { Running = [.. Enumerable.Repeat(new RunningVideo(TimeSpan.Zero, times, true), 30)] }.FindRemaining()!.Value.TotalSeconds, 95, 100);
    }

    [Fact]
    public void Nothing_is_said_where_nothing_is_known_or_left_or_where_it_takes_longer_than_ever()
    {
        Assert.Null(new BatchForecast().FindRemaining());
        Assert.Null(new BatchForecast { ToSend = 1 }.FindRemaining());
        Assert.Null(new BatchForecast { Running = [new(TimeSpan.Zero, DurationDistribution.Unknown, true)] }.FindRemaining());
        Assert.Null(new BatchForecast { Running = [Running(61, 60)] }.FindRemaining());
    }

    [Fact]
    public void A_batch_of_any_size_is_foreseen_at_once()
    {
        double seconds = new BatchForecast { ToSend = 1_000_000, Times = Always(60) }.FindRemaining()!.Value.TotalSeconds;

        Assert.InRange(seconds, 0.95 * 1_000_000 / CreateRate.Limit * CreateRate.Window.TotalSeconds, 1.05 * 1_000_000 / CreateRate.Limit * CreateRate.Window.TotalSeconds);
        Assert.NotNull(new BatchForecast { ToSend = 1_000_000, Limit = 100_000, Times = Always(60) }.FindRemaining());
    }

    [Fact]
    public void It_is_never_below_zero_and_never_forgets_what_is_to_be_sent() => Gen.Select(
        Gen.Int[0, 200], Gen.Int[0, 30], Gen.Int[0, 40], Gen.Double[0, 300], Gen.Double[0.1, 200]).Sample((toSend, running, limit, age, takes) =>
    {
        var forecast = new BatchForecast
        {
            ToSend = toSend,
            Running = [.. Enumerable.Range(0, running).Select(i => Running(age * i / 30, takes))],
            Times = Always(takes),
            Limit = limit == 0 ? null : limit,
        };
        double? seconds = forecast.FindRemaining()?.TotalSeconds;
        double? more = (forecast with { ToSend = toSend + 1 }).FindRemaining()?.TotalSeconds;
        return seconds is null ? toSend == 0 : seconds > 0 && more >= seconds && seconds >= (toSend > 0 ? takes : 0) - 1e-6;
    });

    /// <summary>While nothing is sent and nothing ends, a second later it is a second less.</summary>
    [Fact]
    public void It_falls_by_a_second_in_a_second_while_nothing_happens() => Gen.Select(
        Gen.Int[0, 60], Gen.Int[1, 20], Gen.Double[0, 60], Gen.Double[0, 30]).Sample((toSend, limit, age, passed) =>
    {
        // All places are taken, so that nothing can be sent before one of them has ended.
        BatchForecast At(double more) => new()
        {
            ToSend = toSend,
            Limit = limit,
            Times = Always(100),
            Running = [.. Enumerable.Range(0, limit).Select(i => Running((age * (i + 1) / limit) + more, 100))],
        };
        double before = At(0).FindRemaining()!.Value.TotalSeconds;
        double after = At(passed).FindRemaining()!.Value.TotalSeconds;
        return Math.Abs(before - passed - after) < 1e-3;
    });

    /// <summary>
    /// Batches played through with times that vary by a tenth of the usual one: what is foreseen at every moment of them is near to what
    /// comes. What is foreseen of one video is off by two tenths at most, and of one that waits for others by as much for each of them.
    /// </summary>
    [Fact]
    public void What_is_foreseen_is_near_to_what_comes() => Gen.Select(Gen.Int[1, 90], Gen.Int[0, 12], Gen.Double[5, 120], Gen.Int[0, int.MaxValue - 1]).Sample((images, limit, usual, seed) =>
    {
        var random = new Random(seed);
        double Draw() => usual * (0.9 + (0.2 * random.NextDouble()));
        var times = new DurationDistribution([.. Enumerable.Range(0, 50).Select(_ => TimeSpan.FromSeconds(Draw()))]);
        Played batch = Played.Play(images, limit == 0 ? int.MaxValue : limit, Draw);

        foreach (double now in batch.Moments)
        {
            TimeSpan? foreseen = batch.At(now, times, limit == 0 ? null : limit).FindRemaining();
            double left = batch.End - now;
            double waitForEachOther = 1 + Math.Floor(Math.Max(foreseen?.TotalSeconds ?? 0, left) / (0.9 * usual));
            if (foreseen is TimeSpan time && Math.Abs(time.TotalSeconds - left) > 2 + (0.2 * usual * waitForEachOther))
            {
                return false;
            }
        }

        return true;
    });

    /// <summary>When each request of a batch was sent and each video made.</summary>
    private sealed record Played(IReadOnlyList<(double Sent, double Made)> Videos)
    {
        public double End => Videos.Max(video => video.Made);

        public IEnumerable<double> Moments => Videos.SelectMany(video => new[] { video.Sent, video.Made }).Where(moment => moment < End).Order();

        public static Played Play(int images, int limit, Func<double> draw)
        {
            var videos = new List<(double Sent, double Made)>();
            var places = new PriorityQueue<double, double>();
            double sent = 0;
            for (int i = 0; i < images; i++)
            {
                sent = Math.Max(sent, i < CreateRate.Limit ? 0 : videos[i - CreateRate.Limit].Sent + CreateRate.Window.TotalSeconds);
                sent = Math.Max(sent, places.Count < limit ? 0 : places.Dequeue());
                double made = sent + draw();
                places.Enqueue(made, made);
                videos.Add((sent, made));
            }

            return new Played(videos);
        }

        public BatchForecast At(double now, DurationDistribution times, int? limit) => new()
        {
            ToSend = Videos.Count(video => video.Sent > now),
            Sent = [.. Videos.Select(video => now - video.Sent).Where(age => age >= 0 && age < CreateRate.Window.TotalSeconds).Select(age => TimeSpan.FromSeconds(age))],
            Running = [.. Videos.Where(video => video.Sent <= now && video.Made > now).Select(video => new RunningVideo(TimeSpan.FromSeconds(now - video.Sent), times, true))],
            Times = times,
            Limit = limit,
        };
    }
}
