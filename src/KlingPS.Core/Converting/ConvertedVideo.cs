using KlingPS.Core.Model;

namespace KlingPS.Core.Converting;

/// <summary>An image's video, whole on disk.</summary>
/// <param name="Path">Its full path.</param>
/// <param name="Task">The task it comes from.</param>
/// <param name="SourcePath">The image. The task may have been bought for another file of the same content.</param>
public sealed record ConvertedVideo(string Path, KlingVideoTask Task, string? SourcePath);
