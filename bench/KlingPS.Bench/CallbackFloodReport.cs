using System.Globalization;
using KlingPS.Core.Callbacks;

namespace KlingPS.Bench;

/// <summary>What a listener did with a flood.</summary>
public sealed record CallbackFloodReport
{
    public required int Requests { get; init; }

    public required TimeSpan Time { get; init; }

    /// <summary>Answers with another status than the request deserved, such as <c>Stale: 200</c>.</summary>
    public required IReadOnlyDictionary<string, int> WrongAnswers { get; init; }

    /// <summary>Bad requests whose connection ended without an answer.</summary>
    public required int Unanswered { get; init; }

    public required long BadAccepted { get; init; }

    /// <summary>Good requests among the bad ones.</summary>
    public required int Good { get; init; }

    /// <summary>The longest that a good one waited for its answer.</summary>
    public required TimeSpan WorstGood { get; init; }

    /// <summary>Bytes alive on the managed heap after a tenth of the flood and a full collection.</summary>
    public required long HeapBefore { get; init; }

    /// <summary>The same at the end.</summary>
    public required long HeapAfter { get; init; }

    public required CallbackCounts Counts { get; init; }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Requests} bad requests in {Time.TotalSeconds:0.0} s: {BadAccepted} accepted, {WrongAnswers.Values.Sum()} answered otherwise than deserved, {Unanswered} unanswered; {Good} good ones among them, the slowest answered after {WorstGood.TotalMilliseconds:0} ms; heap {HeapBefore / 1e6:0.0} MB before, {HeapAfter / 1e6:0.0} MB after; working set {Environment.WorkingSet / 1e6:0} MB; {Counts}");
}
