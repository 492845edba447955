using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Model;

public sealed class PriceEstimateTests
{
    private static readonly DateTimeOffset s_today = new(2026, 12, 24, 12, 0, 0, TimeSpan.Zero);
    private static readonly VideoSpec s_spec = new() { Model = "kling-3.0/video", Prompt = "A fox runs.", Resolution = "720p", Duration = 5 };

    private static PaidVideo Paid(VideoSpec spec, decimal credits, int daysAgo = 0) => new(spec, credits, s_today.AddDays(-daysAgo));

    private static PriceEstimate Estimate(VideoSpec spec, params PaidVideo[] paid) => PriceEstimate.Of(spec, paid.FirstOrDefault(video => PriceKind.Of(video.Spec) == PriceKind.Of(spec)));

    [Fact]
    public void The_price_of_the_row_counts_with_its_day_until_something_else_was_paid()
    {
        var row = new PriceEstimate(70, new DateOnly(2026, 11, 26), IsObserved: false);

        Assert.Equal(row, Estimate(s_spec));
        Assert.Equal(row, Estimate(s_spec, Paid(s_spec, 70)));
        Assert.Equal(new PriceEstimate(75, new DateOnly(2026, 12, 24), IsObserved: true), Estimate(s_spec, Paid(s_spec, 75), Paid(s_spec, 80, daysAgo: 1)));
    }

    [Fact]
    public void The_latest_payment_counts_even_if_it_is_the_price_of_the_row_again()
        => Assert.False(Estimate(s_spec, Paid(s_spec, 70), Paid(s_spec, 80, daysAgo: 1)).IsObserved);

    [Fact]
    public void A_video_of_another_kind_says_nothing_of_the_price_of_this_one()
    {
        PaidVideo[] others =
        [
            Paid(s_spec with { Duration = 10 }, 1), Paid(s_spec with { Resolution = "1080p" }, 2), Paid(s_spec with { Resolution = null }, 3), Paid(s_spec with { Sound = true }, 4),
        ];

        Assert.Equal(70, Estimate(s_spec, others).Credits);
        Assert.Equal(3, Estimate(s_spec with { Resolution = "1080p" }, others[2]).Credits);
        Assert.Equal(9, Estimate(s_spec, Paid(s_spec with { Prompt = "Another.", AspectRatio = "1:1", Take = 7 }, 9)).Credits);
    }

    [Fact]
    public void What_was_paid_before_the_price_of_the_row_was_read_is_out_of_date()
        => Assert.False(Estimate(s_spec, Paid(s_spec, 99, daysAgo: 60)).IsObserved);

    [Fact]
    public void The_price_of_a_model_that_is_not_known_here_becomes_known_by_paying()
    {
        VideoSpec spec = s_spec with { Model = "kling/of-next-year", Resolution = null };

        Assert.Null(Estimate(spec).Credits);
        Assert.Equal(33, Estimate(spec, Paid(spec, 33)).Credits);
    }

    [Fact]
    public void Where_the_length_is_that_of_a_file_the_price_of_a_second_is_learned()
    {
        VideoSpec spec = ModelRequests.Get("kling/ai-avatar-pro").Smallest;

        Assert.Equal(200, Estimate(spec with { InputSeconds = 10 }, Paid(spec with { InputSeconds = 5 }, 100)).Credits);
        Assert.Null(Estimate(spec with { InputSeconds = null }, Paid(spec, 100)).Credits);
    }
}
