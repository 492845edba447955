using KlingPS.Core.Model;
using KlingPS.Core.Reporting;

namespace KlingPS.Core.Saving;

/// <summary>A video that is completely on disk.</summary>
/// <param name="Path">Its full path.</param>
/// <param name="Task">The task it comes from.</param>
internal sealed record SavedVideo(string Path, KlingVideoTask Task)
{
    private readonly string? _sourcePath;

    /// <summary>The image it was asked for; the task may have been bought for another file of the same content.</summary>
    public string? SourcePath
    {
        get => _sourcePath ?? Task.SourcePath;
        init => _sourcePath = value;
    }

    /// <summary>
    /// Why it is not recorded that the video is saved: the ledger is lost, and that fact is kept on this machine; or its task was removed meanwhile.
    /// <see langword="null"/> if it is recorded.
    /// </summary>
    public KlingException? RecordError { get; init; }

    /// <summary>Whether it was there already.</summary>
    public bool IsPresent { get; init; }

    /// <summary>Whether it was bought in this run.</summary>
    public bool IsNew { get; init; }

    /// <summary>What was done for it.</summary>
    public RunItemResult Result => IsNew ? RunItemResult.Made : IsPresent ? RunItemResult.Present : RunItemResult.Downloaded;
}
