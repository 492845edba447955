using System.Globalization;
using KlingPS.Core.Reporting;

namespace KlingPS.Core.Converting;

/// <summary>The result for a batch of images.</summary>
public sealed record ConversionSummary
{
    private IReadOnlyList<RunItem> _items = [];

    /// <summary>The id of the run, which its report, its log and the ledger use too.</summary>
    public string? RunId { get; init; }

    /// <summary>How the run ended, in one word: <c>AllThere</c>, <c>Partly</c>, <c>NothingToDo</c>, <c>LimitReached</c>, <c>NeedsPerson</c>, <c>CouldNotBegin</c> or <c>Stopped</c>.</summary>
    public string Outcome => Ended.ToString();

    /// <summary>The number of <see cref="Outcome"/>, for a script to end with; see <see cref="RunOutcome"/>.</summary>
    public int ExitCode => (int)Ended;

    /// <summary>Videos that were bought in this run and are on disk.</summary>
    public int Made { get; init; }

    /// <summary>Videos that were paid for earlier and were downloaded in this run.</summary>
    public int Downloaded { get; init; }

    /// <summary>Videos that were on disk already.</summary>
    public int Present { get; init; }

    /// <summary>Videos on disk that were paid for earlier: those downloaded and those present.</summary>
    public int Reused => Downloaded + Present;

    /// <summary>Videos that the user has taken elsewhere.</summary>
    public int Taken { get; init; }

    /// <summary>Images that have no video yet but no error either: paid for and being made, or not started when the run ended.</summary>
    public int Pending { get; init; }

    /// <summary>Images that were left out because of a limit of the run or of the day.</summary>
    public int OverLimit { get; init; }

    /// <summary>Images whose video could not be made or downloaded.</summary>
    public int Failed { get; init; }

    /// <summary>Images for which it is not known whether their video was bought.</summary>
    public int Unknown { get; init; }

    /// <summary>Inputs that nothing was bought for, because they cannot be used as they are.</summary>
    public int Refused { get; init; }

    /// <summary>Credits spent in this run, with those set aside for tasks that are still being made. Does not include what unknown ones may have cost.</summary>
    public decimal Credits { get; init; }

    /// <summary>Every input and what was done for it, in the order of the input.</summary>
    public IReadOnlyList<RunItem> Items
    {
        // Hardly anybody who sees a summary looks at its items, and there may be a hundred thousand: so they are only made on demand.
        get => _items is RunItem[] made ? made : _items = _items.ToArray();
        init => _items = value;
    }

    /// <summary>The full path of the report; <see langword="null"/> if none was written.</summary>
    public string? ReportPath { get; init; }

    /// <summary><see cref="Outcome"/> for the engine.</summary>
    internal RunOutcome Ended { get; init; }

    /// <summary>Sums up a run.</summary>
    /// <param name="totals">The counts.</param>
    internal static ConversionSummary From(RunTotals totals)
    {
        ArgumentNullException.ThrowIfNull(totals);
        return new ConversionSummary
        {
            Made = totals.Made,
            Downloaded = totals.Downloaded,
            Present = totals.Present,
            Taken = totals.Taken,
            Pending = totals.Pending,
            OverLimit = totals.OverLimit,
            Failed = totals.Failed,
            Unknown = totals.Unknown,
            Refused = totals.Refused,
            Credits = totals.Credits,
        };
    }

    /// <summary>The summary as one line.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Made} made, {Reused} reused{IfAny(Taken, "taken elsewhere")}{IfAny(Pending, "pending")}{IfAny(OverLimit, "over the limit")}{IfAny(Refused, "refused")}, {Failed} failed, {Unknown} unknown; {Credits:0.##} credits spent.");

    /// <summary>A count as the rest of a list in words; nothing if it is 0.</summary>
    internal static string IfAny(int count, string what) => count == 0 ? string.Empty : string.Create(CultureInfo.InvariantCulture, $", {count} {what}");
}
