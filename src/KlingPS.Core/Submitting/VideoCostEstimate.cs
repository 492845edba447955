using System.Globalization;

namespace KlingPS.Core.Submitting;

/// <summary>What videos would cost.</summary>
public sealed record VideoCostEstimate
{
    private const decimal DollarsPerCredit = 0.005m;

    /// <summary>How many videos.</summary>
    public required int Count { get; init; }

    /// <summary>Their length in all, in seconds.</summary>
    public required int Seconds { get; init; }

    /// <summary>What they would cost, in credits. Failed tasks cost nothing.</summary>
    public required decimal Credits { get; init; }

    /// <summary>The same in US dollars, at the price of one credit.</summary>
    public decimal Dollars => Credits * DollarsPerCredit;

    /// <summary>In words, such as <c>3 videos, 15 seconds: 126 credits (0.63 US dollars)</c>.</summary>
    public override string ToString()
    {
        string videos = Count == 1 ? "video" : "videos";
        return string.Create(CultureInfo.InvariantCulture, $"{Count} {videos}, {Seconds} seconds: {Credits:0.##} credits ({Dollars:0.00} US dollars)");
    }
}
