using System.Globalization;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Submitting;

namespace KlingPS.Core.Converting;

/// <summary>What has to be done for an image to get its video.</summary>
internal enum ConversionStep
{
    /// <summary>The video has to be bought. The only step that costs something.</summary>
    Buy,

    /// <summary>It is paid for and is being made.</summary>
    Wait,

    /// <summary>It is paid for and finished, but not where it belongs.</summary>
    Download,

    /// <summary>The video is there.</summary>
    Nothing,

    /// <summary>The user has taken it elsewhere.</summary>
    Taken,
}

/// <summary>What would be done for an image.</summary>
/// <param name="Step">The next step; the later ones follow from it.</param>
/// <param name="Submission">The submission, with the prompt it would be bought with.</param>
/// <param name="Path">The full path the video would have; <see langword="null"/> while that depends on the purchase.</param>
internal sealed record ConversionPlan(ConversionStep Step, Submission Submission, string? Path)
{
    /// <summary>What it would cost, in credits; <see langword="null"/> if the price is not known.</summary>
    public decimal? Credits => Step == ConversionStep.Buy ? Submission.Credits : 0;

    /// <summary>
    /// Whether it would be left out because the day's limit does not allow it after the purchases before it. Known only for plans
    /// that are not carried out as they are made.
    /// </summary>
    public bool IsOverDailyCap { get; init; }

    /// <summary>What else the user should know before anything is bought, as a clause; <see langword="null"/> if there is nothing.</summary>
    public string? Remark { get; init; }

    /// <summary>The task that it depends on: what was bought before, or what failed and will be bought again.</summary>
    public KlingVideoTask? Task { get; init; }

    /// <summary>What makes two purchases the same.</summary>
    internal string Identity { get; init; } = string.Empty;
}

/// <summary>Decides which plans the limits of a run allow, one after the other.</summary>
/// <param name="limit">The limits.</param>
internal sealed class PlanBudget(BudgetLimit limit)
{
    private Spending _planned;

    /// <summary>Whether the limits allow a plan after those before it. What it would buy then counts against them.</summary>
    public bool TryAdd(ConversionPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        if (plan.Step != ConversionStep.Buy)
        {
            return true;
        }

        if (plan.IsOverDailyCap || BudgetRule.FindExcess(limit, _planned, plan.Credits) is not null)
        {
            return false;
        }

        _planned = _planned with { RunCredits = _planned.RunCredits + (plan.Credits ?? 0), RunTasks = _planned.RunTasks + 1 };
        return true;
    }
}

/// <summary>What would be done for a batch of images.</summary>
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

    /// <summary>Videos that the user has taken elsewhere.</summary>
    public int Taken { get; init; }

    /// <summary>Videos that the limits of the run, or of the day, leave out.</summary>
    public int OverBudget { get; init; }

    /// <summary>Inputs that nothing would be bought for, because they cannot be used as they are.</summary>
    public int Refused { get; init; }

    /// <summary>Images whose plan could not be made.</summary>
    public int Failed { get; init; }

    /// <summary>Images for which it is not known whether their video was bought.</summary>
    public int Unknown { get; init; }

    /// <summary>What would be spent, in credits, as far as prices are known.</summary>
    public decimal Credits { get; init; }

    /// <summary>Those of the videos to be bought whose price is not known.</summary>
    public int Unpriced { get; init; }

    /// <summary>Sums up a plan.</summary>
    /// <param name="totals">The counts.</param>
    internal static ConversionPlanTotals From(PlanTotals totals)
    {
        ArgumentNullException.ThrowIfNull(totals);
        return new ConversionPlanTotals
        {
            Bought = totals.Made,
            Awaited = totals.Pending,
            Downloaded = totals.Downloaded,
            Present = totals.Present,
            Taken = totals.Taken,
            OverBudget = totals.OverLimit,
            Refused = totals.Refused,
            Failed = totals.Failed,
            Unknown = totals.Unknown,
            Credits = totals.Credits,
            Unpriced = totals.Unpriced,
        };
    }

    /// <summary>The totals as one line.</summary>
    public override string ToString()
    {
        string rest = OverBudget == 0 ? string.Empty : string.Create(CultureInfo.InvariantCulture, $", leave out {OverBudget} over the limit");
        string taken = Taken == 0 ? string.Empty : string.Create(CultureInfo.InvariantCulture, $", pass over {Taken} that were taken elsewhere");
        string unpriced = Unpriced == 0 ? string.Empty : string.Create(CultureInfo.InvariantCulture, $" and the unknown price of {Unpriced} of them");
        return string.Create(
            CultureInfo.InvariantCulture,
            $"Plan: buy {Bought} for {Credits:0.##} credits{unpriced}, wait for {Awaited}, download {Downloaded}, leave {Present} as they are{taken}{rest}"
            + $"{ConversionSummary.IfAny(Refused, "refused")}, {Failed} failed{ConversionSummary.IfAny(Unknown, "unknown")}. Nothing was sent.");
    }
}
