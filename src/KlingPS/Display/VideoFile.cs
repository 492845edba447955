using System.Management.Automation;
using KlingPS.Core.Model;

namespace KlingPS.Display;

/// <summary>How commands emit a video that is on disk.</summary>
internal static class VideoFile
{
    /// <summary>The file as Get-Item would emit it, so that it pipes and prints like any other, with the task and the image it comes from.</summary>
    public static PSObject Of(PSCmdlet command, string path, KlingVideoTask task, string? sourcePath)
    {
        PSObject file = command.InvokeProvider.Item.Get([path], force: true, literalPath: true)[0];
        file.Properties.Add(new PSNoteProperty("TaskId", task.TaskId));
        file.Properties.Add(new PSNoteProperty("SourcePath", sourcePath));
        return file;
    }
}
