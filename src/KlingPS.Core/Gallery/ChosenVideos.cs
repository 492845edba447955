using KlingPS.Core.Files;
using KlingPS.Core.Model;
using KlingPS.Core.Saving;

namespace KlingPS.Core.Gallery;

/// <summary>Finds the videos that a choice is about: in the ledger, or where the page linked to them.</summary>
internal sealed class ChosenVideos
{
    private static readonly EnumerationOptions s_readable = new() { IgnoreInaccessible = true };

    private readonly GallerySource _source;
    private readonly ChoiceFile _file;
    private readonly IReadOnlyList<string> _folders;
    private Dictionary<string, GalleryEntry>? _inFolders;
    private IReadOnlyList<Place>? _places;

    /// <summary>Creates the search.</summary>
    /// <param name="source">The tasks of the ledger.</param>
    /// <param name="file">The choice.</param>
    /// <param name="folders">The full paths of further folders with videos.</param>
    public ChosenVideos(GallerySource source, ChoiceFile file, IReadOnlyList<string> folders)
    {
        _source = source;
        _file = file;
        _folders = folders;
    }

    /// <summary>The video of a row, with what was chosen for it.</summary>
    /// <returns><see langword="null"/> if it is not found anywhere.</returns>
    /// <exception cref="KlingException"><see cref="ErrorKind.FileUnreadable"/>: one of the further folders has to be searched, and cannot be read.</exception>
    public async Task<GalleryEntry?> FindAsync(ChoiceRow row, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(row);
        GalleryEntry? found = _source.FindByKey(row.Key) is KlingVideoTask task ? _source.WithTime(await _source.OfAsync(task, cancellationToken).ConfigureAwait(false))
            : await FindLinkedAsync(row, cancellationToken).ConfigureAwait(false)
            ?? (await ReadFoldersAsync(cancellationToken).ConfigureAwait(false)).GetValueOrDefault(row.Key);
        return found is null ? null : found with { Choice = row.Choice };
    }

    /// <summary>
    /// All takes known for videos that the ledger does not know: from the sidecars in their folders, and in those that the
    /// user has named.
    /// </summary>
    /// <param name="videos">The videos.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.FileUnreadable"/>: one of those that the user has named cannot be read.</exception>
    public async Task<IReadOnlyList<KlingVideoTask>> ReadTakesAsync(IReadOnlyCollection<GalleryEntry> videos, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(videos);
        if (!videos.Any(video => video.Origin == EntryOrigin.Sidecar))
        {
            return [];
        }

        Dictionary<string, GalleryEntry> named = await ReadFoldersAsync(cancellationToken).ConfigureAwait(false);
        IEnumerable<KlingVideoTask> beside = videos
            .Where(video => video.Origin == EntryOrigin.Sidecar)
            .Select(video => Path.GetDirectoryName(video.VideoPath)!)
            .Distinct(StringComparer.Ordinal)
            .Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateFiles(folder, "*" + Sidecar.Extension, s_readable))
            .Select(path => (Video: path[..^Sidecar.Extension.Length], Sidecar: Sidecar.TryRead(path)))
            .Where(found => found.Sidecar is not null)
            .Select(found => found.Sidecar!.ToTask(found.Video));
        return [.. named.Values.Select(entry => entry.Task!).Concat(beside)];
    }

    /// <summary>What the page linked to: relative to the folder it was in, or to the one that the choice is in.</summary>
    private async Task<GalleryEntry?> FindLinkedAsync(ChoiceRow row, CancellationToken cancellationToken)
    {
        if (row.Video is null || PageText.FromLink(row.Video) is not string relative || !VideoFolder.IsVideo(relative))
        {
            return null;
        }

        GalleryEntry? file = null;
        foreach (Place place in _places ??= FindPlaces())
        {
            // Through a link, it may be anywhere.
            string path = Path.Combine(place.Path, relative);
            if (!Place.Of(path).IsWithin(place) || await _source.FindVideoAsync(path, null, cancellationToken).ConfigureAwait(false) is not GalleryEntry entry)
            {
                continue;
            }

            if (entry.Task is not null && GalleryEntry.KeyOf(entry.Task) == row.Key)
            {
                return entry;
            }

            // A copy in a portable folder has no sidecar: it is the video, and nothing more is known about it. A key of a file says which one is meant.
            bool isMeant = !row.Key.StartsWith(GalleryEntry.FileMark, StringComparison.Ordinal) || row.Key == entry.Key;
            file ??= entry.Task is null && isMeant ? entry : null;
        }

        return file;
    }

    private async Task<Dictionary<string, GalleryEntry>> ReadFoldersAsync(CancellationToken cancellationToken)
    {
        if (_inFolders is null)
        {
            _inFolders = new(StringComparer.Ordinal);
            foreach (string folder in _folders.Where(Directory.Exists))
            {
                foreach (string path in VideoFolder.List(folder, cancellationToken).Where(path => File.Exists(Sidecar.PathOf(path))))
                {
                    if (await _source.FindVideoAsync(path, null, cancellationToken).ConfigureAwait(false) is { Task: not null } entry)
                    {
                        _inFolders.TryAdd(GalleryEntry.KeyOf(entry.Task), entry);
                    }
                }
            }
        }

        return _inFolders;
    }

    /// <summary>Anybody may have written a choice. The folder that it names is searched only if it has a page that the choice may belong to.</summary>
    private IReadOnlyList<Place> FindPlaces()
    {
        IEnumerable<string> places = _folders.Append(Path.GetDirectoryName(_file.Path)!);
        return [.. (_file.Place is string place && IsOfPage(place) ? places.Prepend(place) : places).Select(Place.Of)];
    }

    private bool IsOfPage(string folder)
    {
        try
        {
            return Path.IsPathFullyQualified(folder)
                && !CardMaker.IsElsewhere(folder, _file.Path)
                && Directory.Exists(folder)
                && Directory.EnumerateFiles(folder, "*", s_readable)
                    .Where(path => !VideoFolder.IsVideo(path) && !path.EndsWith(Sidecar.Extension, StringComparison.OrdinalIgnoreCase))
                    .OrderByDescending(path => Path.GetExtension(path.AsSpan()).StartsWith(".htm", StringComparison.OrdinalIgnoreCase))
                    .Any(path => GalleryFile.TryReadId(path) is string id && (_file.Gallery is null || _file.Gallery == id));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
