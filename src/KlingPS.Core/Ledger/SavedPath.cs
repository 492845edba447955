namespace KlingPS.Core.Ledger;

/// <summary>A file that a video was saved to.</summary>
/// <param name="Path">The full path.</param>
/// <param name="Id">The local id of the video's task.</param>
/// <param name="Hash">The SHA-256 of the video, in lower-case hex. The file may have changed since.</param>
public sealed record SavedPath(string Path, long Id, string Hash);
