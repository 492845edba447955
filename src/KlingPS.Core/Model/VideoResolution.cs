namespace KlingPS.Core.Model;

/// <summary>The resolutions that models make, as they are called here. <see cref="RequestField.Words"/> says what the wire calls them.</summary>
internal static class VideoResolution
{
    /// <summary>1280 by 720 pixels; <c>std</c> where the wire says <c>mode</c>.</summary>
    public const string P720 = "720p";

    /// <summary>1920 by 1080 pixels; <c>pro</c> where the wire says <c>mode</c>.</summary>
    public const string P1080 = "1080p";

    /// <summary>3840 by 2160 pixels.</summary>
    public const string K4 = "4K";

    /// <summary>Every resolution that is known, the lowest first.</summary>
    public static IReadOnlyList<string> All { get; } = [P720, P1080, K4];

    /// <summary>A resolution in the spelling used here, whatever its case; any other text as it is, for the model to refuse.</summary>
    public static string? Normalize(string? text) => All.FirstOrDefault(known => known.Equals(text, StringComparison.OrdinalIgnoreCase)) ?? text;
}
