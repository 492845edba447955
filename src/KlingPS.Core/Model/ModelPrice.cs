namespace KlingPS.Core.Model;

/// <summary>What the price of a second depends on.</summary>
/// <param name="Resolution">The resolution, if the model has several.</param>
/// <param name="HasSound">Whether the video is made with sound.</param>
/// <param name="HasVideo">Whether it is made from a video.</param>
internal readonly record struct PriceFactors(string? Resolution, bool HasSound, bool HasVideo);

/// <summary>What a model costs. Failed tasks cost nothing.</summary>
/// <param name="CreditsPerSecond">The credits for one second of video.</param>
/// <param name="IsPerSecond">Whether the service names its price for a second; otherwise it names one for 5 and one for 10 seconds.</param>
internal sealed record ModelPrice(Func<PriceFactors, decimal> CreditsPerSecond, bool IsPerSecond)
{
    /// <summary>The price is known as of this day.</summary>
    public DateOnly AsOf { get; init; } = new(2026, 11, 26);

    /// <summary>Where the price was read.</summary>
    public string Source { get; init; } = "the pages of kie.ai";

    /// <summary>A price for 5 seconds; 10 seconds cost twice as much.</summary>
    public static ModelPrice For5Seconds(decimal credits) => new(_ => credits / 5, IsPerSecond: false);

    /// <summary>The same, with another price for videos with sound.</summary>
    public static ModelPrice For5Seconds(decimal silent, decimal sound) => new(factors => (factors.HasSound ? sound : silent) / 5, IsPerSecond: false);

    /// <summary>A price for a second.</summary>
    public static ModelPrice ForSecond(Func<PriceFactors, decimal> credits) => new(credits, IsPerSecond: true);
}
