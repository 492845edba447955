using KlingPS.Core.Reporting;
using KlingPS.Core.Saving;
using KlingPS.Core.Stages;

namespace KlingPS.Core.Converting;

/// <summary>Keeps every input of a conversion with its result, and closes the run once, with its summary and its report.</summary>
/// <param name="runId">Which run it is.</param>
/// <param name="report">Writes the report; <see langword="null"/> if none is wanted.</param>
internal sealed class ConversionBook(string runId, RunReportFile? report)
{
    private readonly PackedRunItems _items = new();
    private readonly HashSet<long> _counted = [];

    /// <summary>The inputs in their order; for those that are done, only the number of the record of what was done.</summary>
    private readonly List<(ConversionInput? Open, int Done)> _inputs = [];

    /// <summary>The summary, once the run is closed.</summary>
    public ConversionSummary? Summary { get; private set; }

    /// <summary>What happened to the report, in words, if it is not at its path; known once the run is closed.</summary>
    public string? Trouble { get; private set; }

    /// <summary>Whether no input has come so far.</summary>
    public bool IsEmpty => _inputs.Count == 0;

    /// <summary>Whether all input has come.</summary>
    public bool IsInputComplete { get; set; }

    /// <summary>Writes that the run is under way, if a report is wanted.</summary>
    /// <returns>What to tell the user if it cannot be written.</returns>
    /// <exception cref="KlingException"><see cref="ErrorKind.FileExists"/>: something other than a report is there.</exception>
    public string? Begin() => report?.Begin();

    /// <summary>Adds the next input.</summary>
    /// <param name="path">The image.</param>
    /// <param name="name">The name of the input if it has no image.</param>
    public ConversionInput Add(string? path, string? name)
    {
        var input = new ConversionInput(path, path is null ? name : null) { Index = _inputs.Count };
        _inputs.Add((input, default));
        return input;
    }

    /// <summary>Removes the last input again, because it does not count as one of its own.</summary>
    public void RemoveLast() => _inputs.RemoveAt(_inputs.Count - 1);

    /// <summary>Called when an input comes out of the batch. If nothing is wrong with it, only what is reported at the end is kept: a folder may have a hundred thousand.</summary>
    /// <param name="input">The input.</param>
    /// <param name="outcome">Its outcome.</param>
    public void End(ConversionInput input, Outcome<ConversionItem, SavedVideo> outcome)
    {
        ArgumentNullException.ThrowIfNull(input);
        input.End(outcome);
        if (Summary is null && input.Error is null)
        {
            _inputs[input.Index] = (null, _items.Add(input.ToItem(converter: null, ending: null, _counted)));
        }
    }

    /// <summary>What would be done for each input, in the order of the input, before anything has been done.</summary>
    public IReadOnlyList<PlanItem> ToPlanItems() => [.. _inputs.Select(input => input.Open!.ToPlanItem())];

    /// <summary>Closes the run. Nothing that comes later changes it.</summary>
    /// <param name="ending">Why it ended.</param>
    /// <param name="error">The error that ended it, or the buying in it.</param>
    /// <param name="converter">The converter, if there was one.</param>
    /// <returns>The summary; <see langword="null"/> if the run had been closed already.</returns>
    public ConversionSummary? Close(RunEnding ending, KlingException? error, VideoConverter? converter)
    {
        if (Summary is not null)
        {
            return null;
        }

        IReadOnlyList<RunItem> items = _items.List([.. _inputs.Select(input => input.Open is null ? input.Done : _items.Add(input.Open.ToItem(converter, error, _counted)))]);
        RunOutcome outcome = RunResults.Decide(items, ending, error?.Kind);
        string? written = null;
        if (report is not null)
        {
            (written, Trouble) = report.Close(new RunEnd(outcome, items, IsInputComplete, error));
        }

        Summary = ConversionSummary.From(RunTotals.Of(items)) with { RunId = runId, Ended = outcome, Items = items, ReportPath = written };
        return Summary;
    }
}
