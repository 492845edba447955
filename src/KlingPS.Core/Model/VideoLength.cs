namespace KlingPS.Core.Model;

/// <summary>How long a video, or what it is made from, can be, in seconds. Anything outside of that is not a length, whoever says so.</summary>
internal static class VideoLength
{
    /// <summary>Far more than any model takes.</summary>
    public const int Max = 3600;

    /// <summary>The length; <see langword="null"/> if it is not given, or cannot be one.</summary>
    public static int? From(long? seconds) => seconds is > 0 and <= Max ? (int)seconds : null;

    /// <inheritdoc cref="From(long?)"/>
    public static decimal? From(decimal? seconds) => seconds is > 0 and <= Max ? seconds : null;
}
