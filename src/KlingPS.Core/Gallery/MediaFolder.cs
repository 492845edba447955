using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using KlingPS.Core.Files;
using KlingPS.Core.Imaging;
using KlingPS.Core.Saving;

namespace KlingPS.Core.Gallery;

/// <summary>
/// The folder beside a portable page that holds copies of its videos and images. It keeps a list with the page that it belongs to and what was
/// put into it: nothing else is ever replaced or removed. A copy gets its name when it is complete.
/// </summary>
internal sealed class MediaFolder
{
    private const string ListName = "klingps-gallery.json";
    private const int MaxListLength = 32 * 1024 * 1024;

    private readonly string _path;
    private readonly string _page;
    private readonly Dictionary<string, MediaCopy> _former;
    private readonly Dictionary<string, MediaCopy> _current = new(StringComparer.OrdinalIgnoreCase);

    private MediaFolder(string path, string page, IEnumerable<MediaCopy> former)
    {
        _path = path;
        _page = page;
        Name = Path.GetFileName(path);
        _former = new(StringComparer.OrdinalIgnoreCase);
        foreach (MediaCopy copy in former)
        {
            _former.TryAdd(copy.Name, copy);
        }
    }

    /// <summary>The name of the folder.</summary>
    public string Name { get; }

    /// <summary>Whether a folder is one of these.</summary>
    /// <param name="folder">Its full path.</param>
    public static bool IsOne(string folder) => File.Exists(Path.Combine(folder, ListName));

    /// <summary>The folder that a page has; <see langword="null"/> if it has none. One whose list cannot be read may be anybody's.</summary>
    /// <param name="page">The full path of the page.</param>
    public static string? Find(string page)
    {
        string name = Path.GetFileName(page);
        return PathsOf(page).TakeWhile(Directory.Exists).FirstOrDefault(IsItsOwn);

        bool IsItsOwn(string path)
        {
            try
            {
                return ReadList(Path.Combine(path, ListName)) is { Page: string owner, Copies.Count: > 0 } && owner.Equals(name, StringComparison.OrdinalIgnoreCase);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                return false;
            }
        }
    }

    /// <summary>Opens the folder of a page, or creates it: it is named after the page, with a number if another page has a folder of this name.</summary>
    /// <param name="page">The full path of the page.</param>
    /// <exception cref="IOException">Something else has its name, or it cannot be created.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be created.</exception>
    public static MediaFolder Open(string page)
    {
        string name = Path.GetFileName(page);
        foreach (string path in PathsOf(page))
        {
            if (FileFacts.OfName(path) is { Kind: not FileKind.Folder } other)
            {
                throw new IOException($"'{path}', where the copies of videos and images belong, is {other.Description}. Move it away");
            }

            MediaList list = ReadList(Path.Combine(path, ListName));
            if (list.Page is null || list.Page.Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                OwnFile.CreateFolder(path, FileReaders.Umask);
                var folder = new MediaFolder(path, name, list.Copies ?? []);
                folder.RemoveRemains();
                return folder;
            }
        }

        throw new InvalidOperationException("There is always a further number.");
    }

    /// <summary>Copies files into the folder, except those that have been copied already.</summary>
    /// <param name="files">The files.</param>
    /// <param name="onCopied">Called with how many of how many files are there.</param>
    /// <param name="cancellationToken">Stops the copying; no half-finished copy is left.</param>
    /// <returns>
    /// The names of the copies. Files that are gone are left out, and so is anything that is neither an image nor a video, or is not the file that was
    /// meant.
    /// </returns>
    /// <exception cref="IOException">A copy cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">A copy may not be written.</exception>
    public IReadOnlyDictionary<MediaFile, string> Copy(IEnumerable<MediaFile> files, Action<int, int> onCopied, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(files);
        ArgumentNullException.ThrowIfNull(onCopied);
        var names = new Dictionary<MediaFile, string>();
        var missing = new List<(string Source, MediaCopy Copy)>();
        foreach (IGrouping<string, MediaFile> source in files.Distinct().GroupBy(file => file.Path, StringComparer.Ordinal))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (Plan(source.Key, needsHash: source.Any(file => file.Hash is not null), cancellationToken) is not MediaCopy copy)
            {
                continue;
            }

            MediaFile[] meant = [.. source.Where(file => file.Hash is null || file.Hash == copy.Sha256)];
            if (meant.Length > 0)
            {
                _current.Add(copy.Name, copy);
                Array.ForEach(meant, file => names.Add(file, copy.Name));
                if (!IsThere(copy))
                {
                    missing.Add((source.Key, copy));
                }
            }
        }

        // The list of what will be there comes first: if this is interrupted, the next run recognizes the files as its own.
        WriteList(_current.Values.Concat(_former.Values));
        for (int done = 0; done < missing.Count; done++)
        {
            onCopied(done, missing.Count);
            Write(missing[done].Source, missing[done].Copy, cancellationToken);
        }

        return names;
    }

    /// <summary>Removes the copies that the page no longer shows. Call it when the new page is there.</summary>
    public void RemoveStale()
    {
        foreach (MediaCopy copy in _former.Values.Where(copy => !_current.ContainsKey(copy.Name) && IsUntouched(copy)))
        {
            OwnFile.TryDelete(Path.Combine(_path, copy.Name));
        }

        WriteList(_current.Values);
    }

    /// <summary>The folders that a page may have: named after it, with a number if others have that name.</summary>
    private static IEnumerable<string> PathsOf(string page)
    {
        for (int number = 1; ; number++)
        {
            string suffix = number == 1 ? "_files" : FormattableString.Invariant($"-{number}_files");
            yield return Path.Combine(Path.GetDirectoryName(page)!, SafeName.Make(Path.GetFileNameWithoutExtension(page), suffix, SafeName.MaximumFolderBytes));
        }
    }

    /// <summary>What the copy of a file will be; <see langword="null"/> if none is made.</summary>
    private MediaCopy? Plan(string source, bool needsHash, CancellationToken cancellationToken)
    {
        try
        {
            using FileStream stream = OrdinaryFile.Open(source);
            if (!IsMedia(stream, source, cancellationToken))
            {
                return null;
            }

            var copy = new MediaCopy(ChooseName(Path.GetFileName(source)), stream.Length, File.GetLastWriteTimeUtc(source));
            return needsHash ? copy with { Sha256 = (IsThere(copy) ? _former[copy.Name].Sha256 : null) ?? HashOf(stream) } : copy;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private void Write(string source, MediaCopy copy, CancellationToken cancellationToken)
    {
        const int BufferSize = 1024 * 1024;
        string path = Path.Combine(_path, copy.Name);
        bool isPresent = FileFacts.OfName(path) is not null;
        using FileStream stream = OrdinaryFile.Open(source);
        using var temporary = new TemporaryFile(path, FileReaders.Umask);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[BufferSize];
        for (int count; (count = stream.Read(buffer)) > 0;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            hash.AppendData(buffer, 0, count);
            temporary.Stream.Write(buffer, 0, count);
        }

        if (copy.Sha256 is not null && copy.Sha256 != Hex(hash.GetHashAndReset()))
        {
            throw new IOException($"'{source}' was changed while it was copied. Try again");
        }

        temporary.Keep(isPresent, mode: null, copy.WrittenAt);
    }

    /// <summary>
    /// Whether a planned copy was made before and is still as it was. Files of one name may have changed places, and those of one run
    /// are written within a second and may be of one length: so the time of the source has to be exactly what it was.
    /// </summary>
    private bool IsThere(MediaCopy planned)
        => _former.TryGetValue(planned.Name, out MediaCopy? former)
            && former.Length == planned.Length
            && former.WrittenAt == planned.WrittenAt
            && IsUntouched(former);

    /// <summary>The name of a file, with a number if another copy or a file that is not ours already has it.</summary>
    private string ChooseName(string fileName)
    {
        string extension = SafeName.ExtensionOf(fileName);
        string stem = fileName[..^extension.Length];
        for (int number = 1; ; number++)
        {
            // A long name is shortened, and its number must not be.
            string name = SafeName.Make(stem, number == 1 ? extension : FormattableString.Invariant($"-{number}{extension}"), SafeName.MaximumFileBytes);
            bool isFree = !_current.ContainsKey(name)
                && !name.Equals(ListName, StringComparison.OrdinalIgnoreCase)
                && (FileFacts.OfName(Path.Combine(_path, name)) is null || (_former.TryGetValue(name, out MediaCopy? former) && IsUntouched(former)));
            if (isFree)
            {
                return name;
            }
        }
    }

    /// <summary>Whether what has the name of a copy is still that copy.</summary>
    private bool IsUntouched(MediaCopy copy)
    {
        string path = Path.Combine(_path, copy.Name);
        return FileFacts.OfName(path) is { Kind: FileKind.Ordinary, Names: 1 } facts && facts.Length == copy.Length && IsSameTime(File.GetLastWriteTimeUtc(path), copy.WrittenAt);
    }

    /// <summary>The file systems of memory cards store times to within two seconds.</summary>
    private static bool IsSameTime(DateTime one, DateTime other) => (one - other).Duration() <= TimeSpan.FromSeconds(2);

    /// <summary>A record or a sidecar may name any file of this machine; only images and videos are passed on.</summary>
    private static bool IsMedia(FileStream stream, string source, CancellationToken cancellationToken)
    {
        if (VideoFolder.IsVideo(source))
        {
            return Mp4Structure.FindProblem(stream) is null;
        }

        return ImageInspector.Inspect(stream, source, ImageInspector.LargestLength, cancellationToken).ImageFormat != ImageFormat.Unknown;
    }

    /// <summary>Removes what a killed run has left. A run that is at work keeps its file open.</summary>
    private void RemoveRemains()
    {
        foreach (string path in Directory.EnumerateFiles(_path, TemporaryFile.Prefix + "*"))
        {
            try
            {
                using (new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None))
                {
                }

                File.Delete(path);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                // It is in use.
            }
        }
    }

    private static string HashOf(FileStream stream)
    {
        stream.Position = 0;
        return Hex(SHA256.HashData(stream));
    }

    private static string Hex(byte[] hash) => Convert.ToHexString(hash).ToLowerInvariant();

    private void WriteList(IEnumerable<MediaCopy> copies) => OwnFile.Replace(
        Path.Combine(_path, ListName),
        JsonSerializer.SerializeToUtf8Bytes(
            new MediaList(_page, [.. copies.DistinctBy(copy => copy.Name, StringComparer.OrdinalIgnoreCase).OrderBy(copy => copy.Name, StringComparer.Ordinal)]),
            MediaListContext.Default.MediaList),
        FileReaders.Umask);

    private static MediaList ReadList(string path)
    {
        var none = new MediaList(null, []);
        try
        {
            MediaList? list = FileFacts.OfName(path) is null ? null
                : JsonSerializer.Deserialize(OrdinaryFile.ReadAllBytes(path, MaxListLength), MediaListContext.Default.MediaList);
            return list is null ? none
                : list with { Copies = [.. (list.Copies ?? []).Where(copy => copy?.Name is { Length: > 0 } name && Path.GetFileName(name) == name)] };
        }
        catch (JsonException)
        {
            // Then nothing there is known to be ours, and nothing is touched.
            return none;
        }
    }
}

/// <summary>A file that a portable page shows.</summary>
/// <param name="Path">The full path.</param>
/// <param name="Hash">The SHA-256 that it must have to be passed on; <see langword="null"/> if it may have any.</param>
internal readonly record struct MediaFile(string Path, string? Hash = null);

/// <summary>A copy in the folder of a portable page.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Length">Its length in bytes.</param>
/// <param name="WrittenAt">When the original was last written, which is also the time of the copy; in UTC.</param>
/// <param name="Sha256">The SHA-256 of its content, if that was computed.</param>
internal sealed record MediaCopy(string Name, long Length, DateTime WrittenAt, string? Sha256 = null);

/// <summary>What was put into the folder of a portable page.</summary>
/// <param name="Page">The name of the page.</param>
/// <param name="Copies">The copies.</param>
internal sealed record MediaList(string? Page, IReadOnlyList<MediaCopy> Copies);

/// <summary>How the list is written as JSON.</summary>
[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(MediaList))]
internal sealed partial class MediaListContext : JsonSerializerContext;
