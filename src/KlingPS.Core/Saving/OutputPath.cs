namespace KlingPS.Core.Saving;

/// <summary>Where a video goes, or lies.</summary>
/// <param name="Path">The full path.</param>
/// <param name="IsThere">Whether the video is there already, whole.</param>
internal sealed record OutputPath(string Path, bool IsThere)
{
    /// <summary>What the place was found for.</summary>
    public required VideoName Name { get; init; }

    /// <summary>What tells the video from others.</summary>
    public required string Video { get; init; }
}
