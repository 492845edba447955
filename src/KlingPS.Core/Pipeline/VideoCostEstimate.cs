using KlingPS.Core.Api;

namespace KlingPS.Core.Pipeline;

/// <summary>What videos would cost.</summary>
public sealed record VideoCostEstimate
{
    /// <summary>How many videos.</summary>
    public required int Count { get; init; }

    /// <summary>Their length in all, in seconds.</summary>
    public required int Seconds { get; init; }

    /// <summary>What they would cost, in credits. Failed tasks cost nothing.</summary>
    public required decimal Credits { get; init; }

    /// <summary>The same in US dollars, at the price of one credit.</summary>
    public decimal Dollars => Credits * KlingModel.DollarsPerCredit;
}
