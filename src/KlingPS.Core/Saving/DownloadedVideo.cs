namespace KlingPS.Core.Saving;

/// <summary>A video that is whole on disk.</summary>
/// <param name="Path">The full path of the file.</param>
/// <param name="Length">Its length in bytes.</param>
/// <param name="Sha256">The SHA-256 of its content, 64 lower-case hex digits.</param>
public sealed record DownloadedVideo(string Path, long Length, string Sha256);
