using System.ComponentModel;
using System.Management.Automation;
using System.Reflection;
using KlingPS.Core.Saving;

namespace KlingPS.Display;

/// <summary>How a command emits videos that are on disk. On the pipeline thread.</summary>
/// <param name="ask">Asks PowerShell for a file, by its path: <see langword="null"/> if it is not there.</param>
internal sealed class VideoFiles(Func<string, PSObject?> ask)
{
    private const string PathNote = "PSPath";
    private const string NameNote = "PSChildName";

    /// <summary>On Linux and macOS, where PowerShell's view of files and the properties UnixMode, User, Group and Size take their values from.</summary>
    private const string StatNote = "UnixStat";

    /// <summary>What PowerShell adds to each file and is the same for all files of a folder.</summary>
    private static readonly string[] s_common = ["PSParentPath", "PSDrive", "PSProvider", "PSIsContainer"];

    private string? _folder;
    private (string Name, Func<FileInfo, object?> Of)[] _notes = [];

    /// <summary>Videos of a command, which asks PowerShell for them as Get-Item does.</summary>
    /// <param name="items">Gives the files; asked for when there is a video.</param>
    public static VideoFiles Of(Func<ItemCmdletProviderIntrinsics> items) => new(path => items().Get([path], force: true, literalPath: true).FirstOrDefault());

    /// <summary>The file as Get-Item would emit it, so that it pipes and prints like any other, with its task, its source image and what was done for it.</summary>
    /// <param name="video">The video.</param>
    public PSObject From(SavedVideo video)
    {
        PSObject file = Find(video.Path);
        Add(file, "TaskId", video.Task.TaskId);
        Add(file, "SourcePath", video.SourcePath);
        Add(file, "Result", video.Result.ToString());
        return file;
    }

    /// <summary>The file as Get-Item would emit it.</summary>
    /// <param name="path">The full path of the video.</param>
    public PSObject Find(string path)
    {
        // PowerShell reads the list of all mounts for each file that it is asked for. What it says about one holds for the others in its folder.
        var file = new FileInfo(path);
        if (file.DirectoryName == _folder && file.Exists)
        {
            var like = PSObject.AsPSObject(file);
            foreach ((string name, Func<FileInfo, object?> of) in _notes)
            {
                Add(like, name, of(file));
            }

            return like;
        }

        if (Ask(path) is not PSObject found)
        {
            return PSObject.AsPSObject(file);
        }

        Remember(found, file);
        return found;
    }

    /// <summary>Keeps what PowerShell has added to a file, unless some of it is unknown and might differ for the next one: then PowerShell is asked for each.</summary>
    private void Remember(PSObject found, FileInfo file)
    {
        if (found.BaseObject is not FileInfo)
        {
            // A folder has taken the place of the video.
            return;
        }

        var notes = new List<(string Name, Func<FileInfo, object?> Of)>();
        foreach (PSMemberInfo note in found.Properties.Match("*", PSMemberTypes.NoteProperty).Where(note => note.IsInstance))
        {
            if (Generalize(note, file.Name) is not { } of)
            {
                return;
            }

            notes.Add((note.Name, of));
        }

        (_folder, _notes) = (file.DirectoryName, [.. notes]);
    }

    /// <summary>How what was added to a file follows from the file; <see langword="null"/> if that is not known.</summary>
    private static Func<FileInfo, object?>? Generalize(PSMemberInfo note, string fileName)
    {
        object? value = note.Value;
        switch (note.Name)
        {
            case PathNote when value is string path && path.EndsWith(fileName, StringComparison.Ordinal):
                string folder = path[..^fileName.Length];
                return file => folder + file.Name;
            case NameNote when value as string == fileName:
                return file => file.Name;
            case StatNote when FindStatReader(value) is { } read:
                return file => ReadStat(read, file.FullName);
            default:
                return s_common.Contains(note.Name) ? _ => value : null;
        }
    }

    /// <summary>How PowerShell reads the mode and the owner of a file. It has a public method for that, in a class that the standard library does not know.</summary>
    private static Func<string, object>? FindStatReader(object? stat) => stat?.GetType().DeclaringType?
        .GetMethod("GetLStat", BindingFlags.Public | BindingFlags.Static, [typeof(string)])?.CreateDelegate<Func<string, object>>();

    private static object? ReadStat(Func<string, object> read, string path)
    {
        try
        {
            return read(path);
        }
        catch (Win32Exception)
        {
            // The file is gone, or nothing can be said about it; PowerShell leaves the note empty then.
            return null;
        }
    }

    /// <summary>The file; <see langword="null"/> if it has been moved away since it was saved.</summary>
    private PSObject? Ask(string path)
    {
        try
        {
            return ask(path);
        }
        catch (RuntimeException exception) when (exception is not PipelineStoppedException)
        {
            return null;
        }
    }

    private static void Add(PSObject file, string name, object? value) => file.Properties.Add(new PSNoteProperty(name, value), preValidated: true);
}
