using System.ComponentModel;
using System.Management.Automation;
using System.Reflection;
using KlingPS.Core.Saving;

namespace KlingPS.Display;

/// <summary>How a command emits videos that are on disk. On the pipeline thread.</summary>
internal sealed class VideoFiles
{
    private const string PathNote = "PSPath";
    private const string NameNote = "PSChildName";

    /// <summary>On Linux and macOS, where PowerShell's view of files and the properties UnixMode, User, Group and Size take their values from.</summary>
    private const string StatNote = "UnixStat";

    /// <summary>What PowerShell adds to each file, in its order.</summary>
    private static readonly string[] s_notes = [PathNote, "PSParentPath", NameNote, "PSDrive", "PSProvider"];

    private string? _folder;
    private string _pathOfFolder = string.Empty;
    private (string Name, object Value)[] _notes = [];
    private Func<string, object>? _readStat;

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

            if (_readStat is not null)
            {
                Add(like, StatNote, ReadStat(file.FullName));
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
        _readStat = FindStatReader(found);
        if (KnowsAllNotes(found) && path?.EndsWith(file.Name, StringComparison.Ordinal) == true && notes.Any(note => note.Name == NameNote && note.Value as string == file.Name))
        {
            (_folder, _pathOfFolder, _notes) = (file.DirectoryName, path[..^file.Name.Length], notes);
        }
    }

    /// <summary>Whether nothing was added to the file that the next one would lack; otherwise PowerShell is asked for each of them.</summary>
    private bool KnowsAllNotes(PSObject found) => found.Properties.Match("*", PSMemberTypes.NoteProperty)
        .All(note => !note.IsInstance || s_notes.Contains(note.Name) || (note.Name == StatNote && _readStat is not null));

    /// <summary>How PowerShell reads the mode and the owner of a file. It has a public method for that, in a class that the standard library does not know.</summary>
    private static Func<string, object>? FindStatReader(PSObject found) => found.Properties[StatNote]?.Value?.GetType().DeclaringType?
        .GetMethod("GetLStat", BindingFlags.Public | BindingFlags.Static, [typeof(string)])?.CreateDelegate<Func<string, object>>();

    private object? ReadStat(string path)
    {
        try
        {
            return _readStat!(path);
        }
        catch (Win32Exception)
        {
            // The file is gone, or nothing can be said about it; PowerShell leaves the note empty then.
            return null;
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
