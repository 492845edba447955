using System.Globalization;
using KlingPS.Core.Files;
using KlingPS.Core.Model;

namespace KlingPS.Core.Gallery;

/// <summary>How much is known about what a card of a gallery shows.</summary>
internal enum EntryOrigin
{
    /// <summary>The ledger has its task.</summary>
    Ledger,

    /// <summary>A task without the ledger that it was recorded in.</summary>
    Task,

    /// <summary>The file beside the video says what it was made from.</summary>
    Sidecar,

    /// <summary>There is a video, and nothing else is known about it.</summary>
    File,
}

/// <summary>One video of a gallery, or a task that has none.</summary>
/// <param name="Origin">How much is known about it.</param>
/// <param name="Task">Its task; <see langword="null"/> if nothing is known but the file.</param>
/// <param name="VideoPath">The full path at which the video is, or was last; <see langword="null"/> if it was never saved, or another video is there now.</param>
internal sealed record GalleryEntry(EntryOrigin Origin, KlingVideoTask? Task, string? VideoPath)
{
    /// <summary>What the keys of videos without a known task begin with.</summary>
    public const string FileMark = "file:";

    private const string AttemptMark = "attempt-";
    private const string AttemptTime = "yyyyMMdd'T'HHmmssfff'Z'";

    /// <summary>The task whose video has since been saved where this one was; <see langword="null"/> if none was.</summary>
    public KlingVideoTask? Holder { get; init; }

    /// <summary>When it was first on disk, if that can still be found out; <see langword="null"/> otherwise.</summary>
    public DateTimeOffset? SavedAt { get; init; }

    /// <summary>What was chosen for it before.</summary>
    public GalleryChoice? Choice { get; init; }

    /// <summary>The SHA-256 of a video without a known task; <see langword="null"/> if there is a task, or if it cannot be read.</summary>
    public string? VideoHash { get; init; }

    /// <summary>
    /// The name by which a choice finds it again, in another shell and on another machine: the service's id, wherever there is one; else
    /// the content of the video. It does not reveal where the video is, because pages are passed on.
    /// </summary>
    public string Key => Task is not null ? KeyOf(Task) : FileMark + (VideoHash ?? ContentHash.OfText(VideoPath!));

    /// <summary>The key of a task.</summary>
    public static string KeyOf(KlingVideoTask task)
    {
        ArgumentNullException.ThrowIfNull(task);
        return task.TaskId ?? AttemptKeyOf(task);
    }

    /// <summary>The key that a task had before its id at the service was known. A local id alone belongs to other tasks in other ledgers.</summary>
    public static string AttemptKeyOf(KlingVideoTask task)
    {
        ArgumentNullException.ThrowIfNull(task);
        return string.Create(CultureInfo.InvariantCulture, $"{AttemptMark}{task.Id}-{task.CreatedAt.UtcDateTime.ToString(AttemptTime, CultureInfo.InvariantCulture)}");
    }

    /// <summary>Whether a key is one of <see cref="AttemptKeyOf"/>.</summary>
    public static bool IsOfAttempt(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return key.StartsWith(AttemptMark, StringComparison.Ordinal);
    }
}
