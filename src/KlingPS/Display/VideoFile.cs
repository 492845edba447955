using System.Management.Automation;
using KlingPS.Core.Model;

namespace KlingPS.Display;

/// <summary>How commands emit a video that is on disk.</summary>
internal static class VideoFile
{
    /// <summary>The file as Get-Item would emit it, so that it pipes and prints like any other, with its task and its source image.</summary>
    /// <param name="items">Gives the file.</param>
    /// <param name="path">Its full path.</param>
    /// <param name="task">Its task.</param>
    /// <param name="sourcePath">The image it was made from, if that is a file here.</param>
    public static PSObject From(ItemCmdletProviderIntrinsics items, string path, KlingVideoTask task, string? sourcePath)
    {
        PSObject file = items.Get([path], force: true, literalPath: true)[0];
        file.Properties.Add(new PSNoteProperty("TaskId", task.TaskId));
        file.Properties.Add(new PSNoteProperty("SourcePath", sourcePath));
        return file;
    }
}
