using System.Globalization;
using KlingPS.Core.Model;

namespace KlingPS.Core.Submitting;

/// <summary>What videos would cost.</summary>
public sealed record VideoCostEstimate
{
    /// <summary>How many videos.</summary>
    public required int Count { get; init; }

    /// <summary>Their total length in seconds.</summary>
    public required int Seconds { get; init; }

    /// <summary>What they would cost, in credits. Failed tasks cost nothing.</summary>
    public required decimal Credits { get; init; }

    /// <summary>The same in US dollars, at the price of one credit.</summary>
    public decimal Dollars => Credits * VideoPrice.DollarsPerCredit;

    /// <summary>The day of the prices that were used, the oldest if there are several; <see langword="null"/> without videos.</summary>
    public DateOnly? PriceAsOf { get; init; }

    /// <summary>The prices that were used, each once: model, credits, seconds, and the day or the video that they are known from.</summary>
    public string[] Prices { get; init; } = [];

    /// <summary>The sum of this and another estimate.</summary>
    internal VideoCostEstimate Add(VideoCostEstimate other) => new()
    {
        Count = Count + other.Count,
        Seconds = Seconds + other.Seconds,
        Credits = Credits + other.Credits,
        PriceAsOf = PriceAsOf is null || other.PriceAsOf < PriceAsOf ? other.PriceAsOf : PriceAsOf,
        Prices = [.. Prices.Union(other.Prices)],
    };

    /// <summary>The estimate in words, such as <c>3 videos, 15 seconds: 126 credits (0.63 US dollars)</c>.</summary>
    public override string ToString()
    {
        string videos = Count == 1 ? "video" : "videos";
        return string.Create(CultureInfo.InvariantCulture, $"{Count} {videos}, {Seconds} seconds: {Credits:0.##} credits ({Dollars:0.00} US dollars)");
    }
}
