namespace KlingPS.Core.Model;

/// <summary>How long a video, or what it is made from, can be, in seconds. What is outside of that is no length, whoever says it.</summary>
internal static class VideoLength
{
    /// <summary>Far more than any model takes.</summary>
    public const int Max = 3600;

    /// <summary>The length; <see langword="null"/> where it is not told, or cannot be one.</summary>
    public static int? From(long? seconds) => seconds is > 0 and <= Max ? (int)seconds : null;

    /// <inheritdoc cref="From(long?)"/>
    public static decimal? From(decimal? seconds) => seconds is > 0 and <= Max ? seconds : null;
}
