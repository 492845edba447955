namespace KlingPS.Core.Model;

/// <summary>What a video can cost, in credits. Anything outside of that is not a price, whoever says so.</summary>
internal static class VideoPrice
{
    /// <summary>Hundreds of times what the most expensive video costs. Any number of such prices can be added up.</summary>
    public const decimal Max = 100_000;

    /// <summary>What one credit costs, in US dollars.</summary>
    public const decimal DollarsPerCredit = 0.005m;

    /// <summary>The price; <see langword="null"/> if it is not given, or cannot be one.</summary>
    public static decimal? From(decimal? credits) => credits is >= 0 and <= Max ? credits : null;

    /// <summary>
    /// The price of a video that was made, or is being made: none costs less than a credit. <see langword="null"/> if it is not given, or
    /// cannot be one.
    /// </summary>
    public static decimal? OfVideo(decimal? credits) => credits is >= 1 and <= Max ? credits : null;

    /// <summary>The same number without the zeros that a multiplication leaves at its end: 42, and not 42.0.</summary>
    public static decimal Plain(decimal credits) => credits / 1.0000000000000000000000000000m;
}
