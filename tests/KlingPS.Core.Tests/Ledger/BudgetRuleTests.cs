using KlingPS.Core.Ledger;
using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Ledger;

public sealed class BudgetRuleTests
{
    [Theory]
    [InlineData(58, null)]
    [InlineData(58.001, "A video for 42 credits would go over the budget: 58.001 of this run's limit of 100 credits are spent or set aside.")]
    [InlineData(200, "A video for 42 credits would go over the budget: 200 of this run's limit of 100 credits are spent or set aside.")]
    public void The_credits_of_a_run_can_be_spent_to_the_last(double spent, string? excess)
        => Assert.Equal(excess, BudgetRule.FindExcess(new BudgetLimit { MaxCredits = 100 }, new Spending((decimal)spent, RunTasks: 1000, DayCredits: 1000), 42));

    [Theory]
    [InlineData(58, null)]
    [InlineData(58.001, "A video for 42 credits would go over the budget: 58.001 of the day's limit of 100 credits are spent or set aside.")]
    public void The_credits_of_a_day_can_be_spent_to_the_last(double spent, string? excess)
        => Assert.Equal(excess, BudgetRule.FindExcess(new BudgetLimit { DailyCredits = 100 }, new Spending(RunCredits: 1000, RunTasks: 1000, (decimal)spent), 42));

    [Theory]
    [InlineData(2, 1, null)]
    [InlineData(2, 2, "This run may buy 2 videos and has bought 2.")]
    [InlineData(2, 3, "This run may buy 2 videos and has bought 3.")]
    [InlineData(1, 1, "This run may buy 1 video and has bought 1.")]
    public void A_run_buys_as_many_videos_as_it_may(int most, long bought, string? excess)
        => Assert.Equal(excess, BudgetRule.FindExcess(new BudgetLimit { MaxTasks = most }, new Spending(RunCredits: 1000, bought, DayCredits: 1000), 42));

    [Theory]
    [InlineData(null, null, null, true)]
    [InlineData(null, 1, null, true)]
    [InlineData(1_000_000, null, null, false)]
    [InlineData(null, null, 1_000_000, false)]
    [InlineData(1_000_000, 1, null, false)]
    [InlineData(null, 1, 1_000_000, false)]
    public void A_price_that_is_not_known_is_over_every_limit_of_credits(int? maxCredits, int? maxTasks, int? daily, bool isAllowed)
    {
        var limit = new BudgetLimit { MaxCredits = maxCredits, MaxTasks = maxTasks, DailyCredits = daily };

        Assert.Equal(isAllowed, BudgetRule.FindExcess(limit, default, price: null) is null);
    }

    [Fact]
    public void Of_several_limits_each_is_kept()
    {
        var limit = new BudgetLimit { MaxCredits = 100, MaxTasks = 2, DailyCredits = 200 };

        Assert.Null(BudgetRule.FindExcess(limit, new Spending(58, 1, 158), 42));
        Assert.Contains("run's limit", BudgetRule.FindExcess(limit, new Spending(59, 1, 158), 42), StringComparison.Ordinal);
        Assert.Contains("may buy 2", BudgetRule.FindExcess(limit, new Spending(58, 2, 158), 42), StringComparison.Ordinal);
        Assert.Contains("day's limit", BudgetRule.FindExcess(limit, new Spending(58, 1, 159), 42), StringComparison.Ordinal);
    }
}
