namespace KlingPS.Core.Pipeline;

/// <summary>Where a video goes, or lies.</summary>
/// <param name="Path">The full path.</param>
/// <param name="IsThere">Whether the video is there already, whole.</param>
public sealed record VideoPlace(string Path, bool IsThere);
