using System.Management.Automation;
using KlingPS.Core.Saving;

namespace KlingPS.Display;

/// <summary>How commands emit a video that is on disk.</summary>
internal static class VideoFile
{
    /// <summary>The file as Get-Item would emit it, so that it pipes and prints like any other, with its task, its source image and what was done for it.</summary>
    /// <param name="items">Gives the file.</param>
    /// <param name="video">The video.</param>
    public static PSObject From(ItemCmdletProviderIntrinsics items, SavedVideo video)
    {
        PSObject file = Find(items, video.Path) ?? PSObject.AsPSObject(new FileInfo(video.Path));
        file.Properties.Add(new PSNoteProperty("TaskId", video.Task.TaskId));
        file.Properties.Add(new PSNoteProperty("SourcePath", video.SourcePath));
        file.Properties.Add(new PSNoteProperty("Result", video.Result.ToString()));
        return file;
    }

    /// <summary>The file; <see langword="null"/> if it has been moved away since it was saved.</summary>
    private static PSObject? Find(ItemCmdletProviderIntrinsics items, string path)
    {
        try
        {
            return items.Get([path], force: true, literalPath: true).FirstOrDefault();
        }
        catch (RuntimeException exception) when (exception is not PipelineStoppedException)
        {
            return null;
        }
    }
}
