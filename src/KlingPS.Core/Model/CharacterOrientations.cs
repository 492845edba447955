namespace KlingPS.Core.Model;

/// <summary>The orientation of a character whose motion comes from a video.</summary>
internal static class CharacterOrientations
{
    /// <summary>That of the video.</summary>
    public const string Video = "video";

    /// <summary>That of the image.</summary>
    public const string Image = "image";

    /// <summary>Used if none is asked for. Part of the identity of what was bought: never to be changed.</summary>
    public const string Default = Video;

    /// <summary>Both.</summary>
    public static IReadOnlyList<string> All { get; } = [Image, Video];

    /// <summary>An orientation as the service spells it, whatever its case; any other text as it is, for the model to refuse.</summary>
    public static string? Normalize(string? text) => All.FirstOrDefault(known => known.Equals(text, StringComparison.OrdinalIgnoreCase)) ?? text;
}
