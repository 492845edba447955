using System.Text.Json.Serialization;

namespace KlingPS.Core.Reporting;

/// <summary>The inputs of a run, counted by what was or would be done for them.</summary>
internal abstract record ItemTotals
{
    protected ItemTotals()
    {
    }

    /// <summary>Counts the results.</summary>
    /// <param name="results">What was done for each input, in the words of <see cref="RunItemResult"/>.</param>
    protected ItemTotals(IReadOnlyCollection<string> results)
    {
        Inputs = results.Count;
        Made = Count(RunItemResult.Made);
        Downloaded = Count(RunItemResult.Downloaded);
        Present = Count(RunItemResult.Present);
        Taken = Count(RunItemResult.Taken);
        Pending = Count(RunItemResult.Pending);
        OverLimit = Count(RunItemResult.OverLimit);
        Failed = Count(RunItemResult.Failed);
        Unknown = Count(RunItemResult.Unknown);
        Refused = Count(RunItemResult.Refused);

        int Count(RunItemResult result) => results.Count(one => one == result.ToString());
    }

    [JsonPropertyOrder(-1)]
    public int Inputs { get; init; }

    [JsonPropertyOrder(-1)]
    public int Made { get; init; }

    [JsonPropertyOrder(-1)]
    public int Downloaded { get; init; }

    [JsonPropertyOrder(-1)]
    public int Present { get; init; }

    [JsonPropertyOrder(-1)]
    public int Taken { get; init; }

    [JsonPropertyOrder(-1)]
    public int Pending { get; init; }

    [JsonPropertyOrder(-1)]
    public int OverLimit { get; init; }

    [JsonPropertyOrder(-1)]
    public int Failed { get; init; }

    [JsonPropertyOrder(-1)]
    public int Unknown { get; init; }

    [JsonPropertyOrder(-1)]
    public int Refused { get; init; }
}
