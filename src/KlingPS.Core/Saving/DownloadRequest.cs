using KlingPS.Core.Sessions;

namespace KlingPS.Core.Saving;

/// <summary>One video to download.</summary>
public sealed class DownloadRequest
{
    /// <summary>The link to the video: https, or http to a loopback address.</summary>
    public required Uri Uri { get; init; }

    /// <summary>The full path of the file the video becomes. Its folder is created if missing.</summary>
    public required string TargetPath { get; init; }

    /// <summary>
    /// What names the video however its link changes, such as the task's id: part of a video that an earlier run left
    /// is used only for the same one. The link itself if null.
    /// </summary>
    public string? Identity { get; init; }

    /// <summary>Whether an existing file may be replaced.</summary>
    public bool Overwrite { get; init; }

    /// <summary>
    /// Is asked before an existing file is replaced, at last when the video is whole and no other download of the same name,
    /// also of another process, can come between. What it throws ends the download.
    /// </summary>
    public Func<Task>? Replacing { get; init; }

    /// <summary>
    /// Asks for a fresh link when the present one answers 403, 404 or 410; null, or a null answer, if there is none.
    /// Asked once, and again only after the fresh link has brought the download forward. What it throws ends the download.
    /// </summary>
    public Func<CancellationToken, Task<Uri?>>? RenewLink { get; init; }

    /// <summary>Is told the SHA-256 of the whole video, in lower-case hex, before the file gets its name. What it throws ends the download; the next one continues it.</summary>
    public Func<string, Task>? Publishing { get; init; }

    /// <summary>Is told how far the download has come, on threads of its own choice.</summary>
    public IProgress<TransferProgress>? Progress { get; init; }
}
