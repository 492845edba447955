using System.Globalization;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;

namespace KlingPS.Core.Converting;

/// <summary>What would become of a batch of images.</summary>
public sealed record ConversionPlanTotals
{
    /// <summary>Videos that would be bought.</summary>
    public int Bought { get; init; }

    /// <summary>Videos that are paid for and being made, or would be bought for another image of the same content.</summary>
    public int Awaited { get; init; }

    /// <summary>Videos that are paid for and would be downloaded.</summary>
    public int Downloaded { get; init; }

    /// <summary>Videos that are there.</summary>
    public int Present { get; init; }

    /// <summary>Videos that the limits of the run, or of the day, leave out.</summary>
    public int OverBudget { get; init; }

    /// <summary>Images that could not be converted.</summary>
    public int Failed { get; init; }

    /// <summary>What would be spent, in credits, as far as prices are known.</summary>
    public decimal Credits { get; init; }

    /// <summary>Of the videos that would be bought, those whose price is not known.</summary>
    public int Unpriced { get; init; }

    /// <summary>The totals with one more image.</summary>
    /// <param name="plan">What would be done for it.</param>
    /// <param name="maxCredits">The most credits the run may spend.</param>
    /// <param name="maxTasks">The most tasks the run may buy.</param>
    /// <param name="isWithinBudget">Whether the limits allow it.</param>
    public ConversionPlanTotals With(ConversionPlan plan, decimal? maxCredits, int? maxTasks, out bool isWithinBudget)
    {
        ArgumentNullException.ThrowIfNull(plan);
        isWithinBudget = plan.Step != ConversionStep.Buy
            || (!plan.IsOverDailyCap
                && BudgetRule.FindExcess(new BudgetLimit { MaxCredits = maxCredits, MaxTasks = maxTasks }, new Spending(Credits, Bought, DayCredits: 0), plan.Credits) is null);
        return plan.Step switch
        {
            ConversionStep.Buy when isWithinBudget => this with
            {
                Bought = Bought + 1,
                Credits = Credits + (plan.Credits ?? 0),
                Unpriced = Unpriced + (plan.Credits is null ? 1 : 0),
            },
            ConversionStep.Buy => this with { OverBudget = OverBudget + 1 },
            ConversionStep.Wait => this with { Awaited = Awaited + 1 },
            ConversionStep.Download => this with { Downloaded = Downloaded + 1 },
            _ => this with { Present = Present + 1 },
        };
    }

    /// <summary>The totals as one line.</summary>
    public override string ToString()
    {
        string rest = OverBudget == 0 ? string.Empty : string.Create(CultureInfo.InvariantCulture, $", leave out {OverBudget} over the limit");
        string unpriced = Unpriced == 0 ? string.Empty : string.Create(CultureInfo.InvariantCulture, $" and the unknown price of {Unpriced} of them");
        return string.Create(
            CultureInfo.InvariantCulture,
            $"Plan: buy {Bought} for {Credits:0.##} credits{unpriced}, wait for {Awaited}, download {Downloaded}, leave {Present} as they are{rest}, {Failed} failed. Nothing was sent.");
    }
}
