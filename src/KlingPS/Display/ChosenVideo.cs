using System.Management.Automation;
using KlingPS.Core.Gallery;
using KlingPS.Core.Model;

namespace KlingPS.Display;

/// <summary>How a video for which something was chosen is emitted.</summary>
internal static class ChosenVideo
{
    /// <summary>The type name by which the views recognize it.</summary>
    private const string TypeName = "KlingPS.KlingGalleryChoice";

    private const string FileSystem = @"Microsoft.PowerShell.Core\FileSystem::";

    /// <summary>Whether an object is a task for which something was chosen: it stands for the image that it was made from, not for the video.</summary>
    public static bool IsOne(PSObject item)
    {
        ArgumentNullException.ThrowIfNull(item);

        // Nothing else is asked for its type names: PowerShell would make and keep a list of them for each file of a folder.
        return item.BaseObject is KlingVideoTask or PSCustomObject
            && (item.TypeNames.Contains(TypeName, StringComparer.Ordinal) || item.TypeNames.Contains("Deserialized." + TypeName, StringComparer.Ordinal));
    }

    /// <summary>The task, or the file if no task is known, with what was chosen, and with the path of the video for commands that take files.</summary>
    /// <param name="files">Gives the file.</param>
    /// <param name="entry">The video.</param>
    /// <param name="isThere">Whether the video is on disk.</param>
    /// <param name="nextTake">The take that the choice asks for.</param>
    /// <param name="choicePath">The full path of the choice.</param>
    /// <param name="now">The time by the clock of the ledger.</param>
    public static PSObject From(VideoFiles files, GalleryEntry entry, bool isThere, int nextTake, string choicePath, DateTimeOffset now)
    {
        // A copy, because members added to an object appear wherever it is used.
        PSObject video = entry.Task is null ? files.Find(entry.VideoPath!) : PSObject.AsPSObject(entry.Task with { });
        GalleryChoice choice = entry.Choice!;
        Add("Choice", choice.Decision.ToString());
        Add("Rating", choice.Rating);
        Add("Note", choice.Note);
        Add("ChosenAt", choice.At);
        Add("Stamp", ChoiceStamp.Of(choice, now)?.ToString());
        if (entry.Task is not null)
        {
            video.TypeNames.Insert(0, TypeName);
            Add("NextTake", nextTake);
            if (isThere)
            {
                Add("FullName", entry.VideoPath);
            }

            // A command that takes files would otherwise take the id of the task for the name of one. There can be no file below a file.
            Add("PSPath", FileSystem + (isThere ? entry.VideoPath : Path.Combine(choicePath, FormattableString.Invariant($"the video of task {entry.Task.Id}, which is not there"))));
        }

        return video;

        void Add(string name, object? value) => video.Properties.Add(new PSNoteProperty(name, value));
    }
}
