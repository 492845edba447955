using CsCheck;
using KlingPS.Core.Resilience;

namespace KlingPS.Core.Tests.Resilience;

public class BackoffTests
{
    [Fact]
    public void A_wait_lies_around_the_doubled_base_and_never_above_the_cap() =>
        Gen.Select(Gen.Int[1, 2_000], Gen.Int[100, 10_000], Gen.Int[1, 50], Gen.Int)
            .Sample((attempt, baseMilliseconds, capFactor, seed) =>
            {
                var backoff = new Backoff(
                    TimeSpan.FromMilliseconds(baseMilliseconds),
                    TimeSpan.FromMilliseconds((double)baseMilliseconds * capFactor),
                    new Random(seed));
                TimeSpan wait = backoff.Next(attempt);
                double middle = Math.Min(baseMilliseconds * Math.Pow(2, attempt - 1), backoff.Cap.TotalMilliseconds);
                Assert.InRange(wait.TotalMilliseconds, (middle / 2) - 1, Math.Min(middle * 1.5, backoff.Cap.TotalMilliseconds) + 1);
            });

    [Fact]
    public void A_wait_is_never_shorter_than_the_service_asked_for() =>
        Gen.Select(Gen.Int[1, 20], Gen.Int[-5, 600], Gen.Int)
            .Sample((attempt, asked, seed) =>
            {
                var backoff = new Backoff(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(30), new Random(seed));
                TimeSpan wait = backoff.Next(attempt, TimeSpan.FromSeconds(asked));
                Assert.InRange(wait.TotalSeconds, Math.Max(1, asked), Math.Max(30, asked + 1));
            });

    [Fact]
    public void A_service_that_asks_for_days_gets_ten_minutes()
    {
        var backoff = new Backoff(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(30), new Random(1));
        Assert.InRange(backoff.Next(1, TimeSpan.MaxValue).TotalSeconds, 600, 601);
    }

    [Fact]
    public void Clients_that_failed_together_come_back_apart()
    {
        var random = new Random(7);
        var backoff = new Backoff(TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(60), random);
        TimeSpan[] plain = [.. Enumerable.Range(0, 50).Select(_ => backoff.Next(1))];
        TimeSpan[] asked = [.. Enumerable.Range(0, 50).Select(_ => backoff.Next(1, TimeSpan.FromSeconds(30)))];
        Assert.True(plain.Max() - plain.Min() > TimeSpan.FromSeconds(5));
        Assert.True(asked.Max() - asked.Min() > TimeSpan.FromSeconds(3));
    }

    [Fact]
    public void Attempts_are_counted_from_one() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Backoff.Read.Next(0));

    [Fact]
    public void A_refused_rate_waits_about_one_window_of_the_service() =>
        Assert.InRange(Backoff.RateLimited.Next(1).TotalSeconds, 5, 15);
}
