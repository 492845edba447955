using System.Collections.Concurrent;
using KlingPS.Core.Files;
using KlingPS.Core.Ledger;

namespace KlingPS.Core.Saving;

/// <summary>
/// The records of saved videos, found by the file that is there: through whichever links, mounts or spellings its path leads, and under
/// whichever of its names.
/// </summary>
internal sealed class SavedVideos
{
    private readonly ILookup<string, SavedPath> _byFolder;
    private readonly ILookup<string, SavedPath> _byHash;
    private readonly HashSet<string> _paths;
    private readonly ConcurrentDictionary<string, FileId?> _folders = new(StringComparer.Ordinal);

    /// <summary>Takes the records as they are at this moment.</summary>
    public SavedVideos(IReadOnlyCollection<SavedPath> records)
    {
        _byFolder = records.ToLookup(record => Path.GetDirectoryName(record.Path) ?? string.Empty, StringComparer.Ordinal);
        _paths = records.Select(record => record.Path).ToHashSet(StringComparer.Ordinal);
        _byHash = records.ToLookup(record => record.Hash, StringComparer.Ordinal);
    }

    /// <summary>The records of the file at a path.</summary>
    /// <param name="path">The full path.</param>
    public IReadOnlyList<SavedPath> At(string path)
    {
        FileFacts? file = TryLook(path);
        string folder = Path.GetDirectoryName(path)!;
        FileId? folderId = IdOf(folder);

        // A file is elsewhere as well only if a link leads there or it has another name.
        bool isElsewhere = file is { Names: > 1 } || TryLookAtName(path)?.Kind == FileKind.Link;
        return
        [
            .. _byFolder
                .Where(group => isElsewhere || group.Key == folder || (folderId is null ? NameRule.IsAlike(group.Key, folder) : IdOf(group.Key) == folderId))
                .SelectMany(group => group)
                .Where(record => record.Path == path || IsSameFile(record.Path, path, file)),
        ];
    }

    /// <summary>Whether there is a record of just this path. The file is not looked at.</summary>
    public bool Names(string path) => _paths.Contains(path);

    /// <summary>The records of videos with a content.</summary>
    /// <param name="hash">Its SHA-256, in lower-case hex.</param>
    public IEnumerable<SavedPath> With(string hash) => _byHash[hash];

    private static bool IsSameFile(string recorded, string path, FileFacts? file)
        => file?.Id is FileId id
            ? TryLook(recorded)?.Id == id
            : file is not null && NameRule.IsAlike(Path.GetFileName(recorded), Path.GetFileName(path));

    private FileId? IdOf(string folder) => _folders.GetOrAdd(folder, static folder => TryLook(folder)?.Id);

    private static FileFacts? TryLook(string path) => TryLook(path, FileFacts.Of);

    private static FileFacts? TryLookAtName(string path) => TryLook(path, FileFacts.OfName);

    private static FileFacts? TryLook(string path, Func<string, FileFacts?> look)
    {
        try
        {
            // Another machine may have recorded a path of its own.
            return Path.IsPathFullyQualified(path) ? look(path) : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
