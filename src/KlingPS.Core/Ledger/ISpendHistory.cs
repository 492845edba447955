using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger;

/// <summary>What was spent so far.</summary>
/// <remarks>Safe for concurrent use.</remarks>
internal interface ISpendHistory
{
    /// <summary>
    /// Adds up what was asked for and what it has cost. Days, months and the outcomes of a run are in order of time; other groups
    /// are ordered by what they have cost, the dearest first.
    /// </summary>
    /// <param name="filter">Which tasks count.</param>
    /// <param name="group">What they are grouped by.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    Task<IReadOnlyList<KlingSpend>> SumAsync(SpendFilter filter, KlingSpendGroup group, CancellationToken cancellationToken);

    /// <summary>When the present day began, as a daily limit counts it.</summary>
    /// <param name="cancellationToken">Cancels the look.</param>
    Task<DateTimeOffset> FindTodayAsync(CancellationToken cancellationToken);

    /// <summary>The credits that count against a daily limit by now. Those of tasks whose records were removed since are among them.</summary>
    /// <param name="account">The account.</param>
    /// <param name="cancellationToken">Cancels the look.</param>
    Task<decimal> SumTodayAsync(string account, CancellationToken cancellationToken);
}

/// <summary>Which tasks count. A property that is not set lets every task through.</summary>
internal sealed record SpendFilter
{
    /// <summary>Only tasks of this account.</summary>
    public string? Account { get; init; }

    /// <summary>Only tasks asked for at or after this moment.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>Only tasks asked for before this moment.</summary>
    public DateTimeOffset? Until { get; init; }
}
