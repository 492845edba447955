namespace KlingPS.Core.Model;

/// <summary>How much may be spent. A limit that is not set does not apply.</summary>
/// <remarks>
/// Until a task ends, the credits set aside for it count; from then on, what it has cost: nothing, if it has failed, was rejected or
/// was abandoned. An unknown attempt counts, because it may be paid for.
/// </remarks>
internal sealed record BudgetLimit
{
    /// <summary>The run that <see cref="MaxCredits"/> and <see cref="MaxTasks"/> apply to: all tasks begun under the same id, in any process.</summary>
    public string? RunId { get; init; }

    /// <summary>The most credits a run may spend.</summary>
    public decimal? MaxCredits { get; init; }

    /// <summary>The most tasks a run may buy. Those that failed, were rejected or were abandoned do not count.</summary>
    public int? MaxTasks { get; init; }

    /// <summary>The most credits the account may spend on one day, from midnight to midnight local time, with a ledger on a server in its time zone.</summary>
    public decimal? DailyCredits { get; init; }
}
