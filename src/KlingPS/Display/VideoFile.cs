using System.Management.Automation;
using KlingPS.Core.Saving;

namespace KlingPS.Display;

/// <summary>How commands emit a video that is on disk.</summary>
internal static class VideoFile
{
    /// <summary>The file as Get-Item would emit it, so that it pipes and prints like any other, with its task and its source image.</summary>
    /// <param name="items">Gives the file.</param>
    /// <param name="video">The video.</param>
    public static PSObject From(ItemCmdletProviderIntrinsics items, SavedVideo video)
    {
        PSObject file = items.Get([video.Path], force: true, literalPath: true)[0];
        file.Properties.Add(new PSNoteProperty("TaskId", video.Task.TaskId));
        file.Properties.Add(new PSNoteProperty("SourcePath", video.SourcePath));
        return file;
    }
}
