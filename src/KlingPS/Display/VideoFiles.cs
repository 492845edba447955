using System.Management.Automation;
using KlingPS.Core.Saving;

namespace KlingPS.Display;

/// <summary>How a command emits videos that are on disk. On the pipeline thread.</summary>
internal sealed class VideoFiles
{
    private const string PathNote = "PSPath";
    private const string NameNote = "PSChildName";

    /// <summary>What PowerShell adds to each file, in its order.</summary>
    private static readonly string[] s_notes = [PathNote, "PSParentPath", NameNote, "PSDrive", "PSProvider"];

    private string? _folder;
    private string _pathOfFolder = string.Empty;
    private (string Name, object Value)[] _notes = [];

    /// <summary>The file as Get-Item would emit it, so that it pipes and prints like any other, with its task, its source image and what was done for it.</summary>
    /// <param name="items">Gives the file.</param>
    /// <param name="video">The video.</param>
    public PSObject From(ItemCmdletProviderIntrinsics items, SavedVideo video)
    {
        PSObject file = Find(items, video.Path);
        Add(file, "TaskId", video.Task.TaskId);
        Add(file, "SourcePath", video.SourcePath);
        Add(file, "Result", video.Result.ToString());
        return file;
    }

    private PSObject Find(ItemCmdletProviderIntrinsics items, string path)
    {
        // PowerShell reads the list of all mounts for each file that it is asked for. What it says about one holds for the others in its folder.
        var file = new FileInfo(path);
        if (file.DirectoryName == _folder && file.Exists)
        {
            var like = PSObject.AsPSObject(file);
            foreach ((string name, object value) in _notes)
            {
                Add(like, name, name == PathNote ? _pathOfFolder + file.Name : name == NameNote ? file.Name : value);
            }

            return like;
        }

        PSObject? found = Ask(items, path);
        if (found is not null)
        {
            Remember(found, file);
        }

        return found ?? PSObject.AsPSObject(file);
    }

    private void Remember(PSObject found, FileInfo file)
    {
        (string Name, object Value)[] notes = [.. s_notes.Select(name => (name, found.Properties[name]?.Value!)).Where(note => note.Item2 is not null)];
        string? path = notes.FirstOrDefault(note => note.Name == PathNote).Value as string;
        if (path?.EndsWith(file.Name, StringComparison.Ordinal) == true && notes.Any(note => note.Name == NameNote && note.Value as string == file.Name))
        {
            (_folder, _pathOfFolder, _notes) = (file.DirectoryName, path[..^file.Name.Length], notes);
        }
    }

    /// <summary>The file; <see langword="null"/> if it has been moved away since it was saved.</summary>
    private static PSObject? Ask(ItemCmdletProviderIntrinsics items, string path)
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

    private static void Add(PSObject file, string name, object? value) => file.Properties.Add(new PSNoteProperty(name, value), preValidated: true);
}
