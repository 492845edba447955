namespace KlingPS.Core.Model;

/// <summary>How much may be spent. What is not set is not limited.</summary>
/// <remarks>
/// A task counts with the credits set aside for it until it ends, and with what it has cost from then on: nothing, when it has
/// failed, was rejected or was abandoned. An unknown attempt counts: it may be paid for.
/// </remarks>
public sealed record BudgetLimit
{
    /// <summary>What <see cref="MaxCredits"/> and <see cref="MaxTasks"/> hold for: all tasks begun under the same id, in any process.</summary>
    public string? RunId { get; init; }

    /// <summary>The most credits a run may spend.</summary>
    public decimal? MaxCredits { get; init; }

    /// <summary>The most tasks a run may buy; those that failed, were rejected or abandoned are not bought.</summary>
    public int? MaxTasks { get; init; }

    /// <summary>The most credits the account may spend on one day, from midnight to midnight local time.</summary>
    public decimal? DailyCredits { get; init; }
}
