using System.Globalization;
using KlingPS.Core.Callbacks;

namespace KlingPS.Torture;

/// <summary>What a listener did with a flood.</summary>
internal sealed record CallbackFloodReport
{
    public required int Requests { get; init; }

    public required TimeSpan Time { get; init; }

    /// <summary>Responses with a status other than the request deserved, such as <c>Stale: 200</c>.</summary>
    public required IReadOnlyDictionary<string, int> WrongResponses { get; init; }

    /// <summary>Bad requests whose connection ended without a response.</summary>
    public required int Unanswered { get; init; }

    public required long BadAccepted { get; init; }

    /// <summary>Good requests among the bad ones.</summary>
    public required int Good { get; init; }

    /// <summary>The longest that a good one waited for its response.</summary>
    public required TimeSpan WorstGood { get; init; }

    /// <summary>Live bytes on the managed heap after a tenth of the flood and a full collection.</summary>
    public required long HeapBefore { get; init; }

    /// <summary>The same at the end.</summary>
    public required long HeapAfter { get; init; }

    public required CallbackCounts Counts { get; init; }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Requests} bad requests in {Time.TotalSeconds:0.0} s: {BadAccepted} accepted, {WrongResponses.Values.Sum()} answered with the wrong status, {Unanswered} unanswered; {Good} good ones among them, the slowest answered after {WorstGood.TotalMilliseconds:0} ms; heap {HeapBefore / 1e6:0.0} MB before, {HeapAfter / 1e6:0.0} MB after; working set {Environment.WorkingSet / 1e6:0} MB; {Counts}");
}
