using System.Collections.Concurrent;
using KlingPS.Core.Files;
using KlingPS.Core.Ledger;

namespace KlingPS.Core.Saving;

/// <summary>
/// The records of saved videos, found by the file that is there: whatever links, mounts or spellings its path leads through, and by
/// any of its names. Safe for concurrent use.
/// </summary>
internal sealed class SavedVideos
{
    /// <summary>By folder, as recorded, and by name, in a form that all spellings of a name share.</summary>
    private readonly Dictionary<string, ILookup<string, SavedPath>> _folders;
    private readonly ConcurrentDictionary<string, FileId?> _folderIds = new(StringComparer.Ordinal);
    private readonly Lazy<ILookup<FileId, SavedPath>> _byFile;

    /// <summary>Takes the records as they are now.</summary>
    public SavedVideos(IReadOnlyCollection<SavedPath> records)
    {
        _folders = records
            .GroupBy(record => Path.GetDirectoryName(record.Path) ?? string.Empty, StringComparer.Ordinal)
            .ToDictionary(
                folder => folder.Key,
                folder => folder.ToLookup(record => NameOf(record.Path), StringComparer.OrdinalIgnoreCase),
                StringComparer.Ordinal);
        _byFile = new Lazy<ILookup<FileId, SavedPath>>(() => records
            .Select(record => (Id: FileFacts.TryOf(record.Path)?.Id, Record: record))
            .Where(one => one.Id is not null)
            .ToLookup(one => one.Id!.Value, one => one.Record));
    }

    /// <summary>The records of the file at a path.</summary>
    /// <param name="path">The full path.</param>
    public IReadOnlyList<SavedPath> At(string path)
    {
        FileFacts? file = FileFacts.TryOf(path);
        string folder = Path.GetDirectoryName(path)!;
        string name = NameOf(path);
        IEnumerable<SavedPath> here = _folders
            .Where(recorded => recorded.Value.Contains(name) && IsSameFolder(recorded.Key, folder))
            .SelectMany(recorded => recorded.Value[name])
            .Where(record => record.Path == path || IsSameFile(record.Path, file));

        return [.. IsElsewhere(path, file) && file?.Id is FileId id ? here.Union(_byFile.Value[id]) : here];
    }

    /// <summary>Whether all records of the file at a path are among those of files with the same name.</summary>
    /// <param name="path">The full path.</param>
    public static bool IsFoundByName(string path) => !IsElsewhere(path, FileFacts.TryOf(path));

    /// <summary>A file is elsewhere as well only if a link leads there or it has another name.</summary>
    private static bool IsElsewhere(string path, FileFacts? file) => file is { Names: > 1 } || FileFacts.TryOfName(path)?.Kind == FileKind.Link;

    private static string NameOf(string path) => NameRule.Composed(Path.GetFileName(path));

    /// <summary>Whether a file is the one with a recorded path of the same folder and the same name, but perhaps in another spelling.</summary>
    private static bool IsSameFile(string recorded, FileFacts? file)
        => file is not null && (file.Id is not FileId id || FileFacts.TryOf(recorded)?.Id == id);

    private bool IsSameFolder(string recorded, string folder)
        => recorded == folder || (IdOf(folder) is FileId id ? IdOf(recorded) == id : NameRule.IsAlike(recorded, folder));

    private FileId? IdOf(string folder) => _folderIds.GetOrAdd(folder, static folder => FileFacts.TryOf(folder)?.Id);
}
