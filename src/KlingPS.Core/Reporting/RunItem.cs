using System.Text.Json.Serialization;

namespace KlingPS.Core.Reporting;

/// <summary>One input of a run and what was done for it.</summary>
public sealed record RunItem
{
    /// <summary>The full path of the image, or what the input gave as one; <see langword="null"/> if it gave none.</summary>
    public string? Path { get; init; }

    /// <summary>The name of the input if it has no image.</summary>
    public string? Name { get; init; }

    /// <summary>What makes two videos the same, in lower-case hex; <see langword="null"/> while it is not known.</summary>
    public string? Identity { get; init; }

    /// <summary>
    /// What was done: <c>Made</c>, <c>Downloaded</c>, <c>Present</c>, <c>Taken</c>, <c>Pending</c>, <c>OverLimit</c>, <c>Failed</c>,
    /// <c>Unknown</c> or <c>Refused</c>.
    /// </summary>
    public string Result => What.ToString();

    /// <summary>The local id of its task.</summary>
    public long? Id { get; init; }

    /// <summary>The service's id of its task.</summary>
    public string? TaskId { get; init; }

    /// <summary>Where its task stood at the end of the run.</summary>
    public string? State { get; init; }

    /// <summary>Credits that this run has set aside for it and that are not settled: its video is being made, or it is not known whether it was bought. Does not include what earlier runs paid for.</summary>
    public decimal CreditsReserved { get; init; }

    /// <summary>The cost, in credits, of the task that this run has bought for it. Does not include what earlier runs paid for.</summary>
    public decimal CreditsConsumed { get; init; }

    /// <summary>The full path of its video.</summary>
    public string? File { get; init; }

    /// <summary>The SHA-256 of its video, in lower-case hex.</summary>
    public string? Hash { get; init; }

    /// <summary>The id of its error.</summary>
    public string? ErrorId { get; init; }

    /// <summary>What went wrong with it.</summary>
    public string? ErrorMessage { get; init; }

    /// <summary><see cref="Result"/> for the engine.</summary>
    [JsonIgnore]
    internal RunItemResult What { get; init; }
}

/// <summary>What a run has done, in numbers.</summary>
internal sealed record RunTotals : ItemTotals
{
    public RunTotals()
    {
    }

    private RunTotals(IReadOnlyCollection<string> results)
        : base(results)
    {
    }

    /// <summary>Spent or set aside in this run: what was consumed, plus what is set aside for tasks that are still being made.</summary>
    public decimal Credits { get; init; }

    public decimal CreditsConsumed { get; init; }

    /// <summary>Set aside for tasks that are still being made.</summary>
    public decimal CreditsReserved { get; init; }

    /// <summary>What the videos may have cost that may or may not have been bought.</summary>
    public decimal CreditsUnknown { get; init; }

    /// <summary>Counts items.</summary>
    public static RunTotals Of(IReadOnlyCollection<RunItem> items)
    {
        ArgumentNullException.ThrowIfNull(items);
        var results = new List<string>(items.Count);
        decimal consumed = 0;
        decimal reserved = 0;
        decimal unknown = 0;
        foreach (RunItem item in items)
        {
            results.Add(item.Result);
            consumed += item.CreditsConsumed;
            reserved += item.CreditsReserved;
            if (item.What == RunItemResult.Unknown)
            {
                unknown += item.CreditsReserved;
            }
        }

        reserved -= unknown;
        return new RunTotals(results)
        {
            Credits = consumed + reserved,
            CreditsConsumed = consumed,
            CreditsReserved = reserved,
            CreditsUnknown = unknown,
        };
    }
}
