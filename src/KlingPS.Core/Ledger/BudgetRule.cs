using System.Globalization;
using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger;

/// <summary>What counts against the limits of a <see cref="BudgetLimit"/> so far.</summary>
/// <param name="RunCredits">Credits that the run has spent or set aside.</param>
/// <param name="RunTasks">Tasks that the run has bought or may have bought.</param>
/// <param name="DayCredits">Credits that the account has spent or set aside today.</param>
internal readonly record struct Spending(decimal RunCredits, long RunTasks, decimal DayCredits);

/// <summary>Decides whether one more video may be bought. The ledger decides by it when it records an intent, and a plan when it is made.</summary>
internal static class BudgetRule
{
    /// <summary>Why a video may not be bought.</summary>
    /// <param name="limit">The limits.</param>
    /// <param name="spent">What counts against them so far. What has no limit need not be known.</param>
    /// <param name="price">Credits for the video; <see langword="null"/> if the price is not known, which is over every limit of credits.</param>
    /// <returns>A sentence for the user; <see langword="null"/> if the video may be bought.</returns>
    public static string? FindExcess(BudgetLimit limit, Spending spent, decimal? price)
    {
        if (price is null && (limit.MaxCredits ?? limit.DailyCredits) is not null)
        {
            return "The price of the video is not known, so it is over every limit of credits: leave out -MaxCredits and the daily cap, and limit the run with -MaxTasks.";
        }

        if (spent.RunCredits + price > limit.MaxCredits)
        {
            return Describe(price, spent.RunCredits, "of this run's limit of", limit.MaxCredits);
        }

        if (spent.RunTasks >= limit.MaxTasks)
        {
            return string.Create(CultureInfo.InvariantCulture, $"This run may buy {limit.MaxTasks} {(limit.MaxTasks == 1 ? "video" : "videos")} and has bought {spent.RunTasks}.");
        }

        return spent.DayCredits + price > limit.DailyCredits
            ? Describe(price, spent.DayCredits, "of the day's limit of", limit.DailyCredits)
            : null;
    }

    private static string Describe(decimal? price, decimal spent, string whose, decimal? limit) => string.Create(
        CultureInfo.InvariantCulture,
        $"A video for {price:0.###} credits would go over the budget: {spent:0.###} {whose} {limit:0.###} credits are spent or set aside.");
}
