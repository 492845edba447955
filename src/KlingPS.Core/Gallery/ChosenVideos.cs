using KlingPS.Core.Saving;

namespace KlingPS.Core.Gallery;

/// <summary>Finds the videos that a choice is about: in the ledger, or where the page linked to them.</summary>
internal sealed class ChosenVideos
{
    private readonly GallerySource _source;
    private readonly ChoiceFile _file;
    private readonly IReadOnlyList<string> _folders;
    private Dictionary<string, GalleryEntry>? _inFolders;

    /// <summary>Creates the search.</summary>
    /// <param name="source">What the ledger has.</param>
    /// <param name="file">The choice.</param>
    /// <param name="folders">The full paths of further folders with videos.</param>
    public ChosenVideos(GallerySource source, ChoiceFile file, IReadOnlyList<string> folders)
    {
        _source = source;
        _file = file;
        _folders = folders;
    }

    /// <summary>The video of a row, with what was chosen for it.</summary>
    /// <returns><see langword="null"/> if it is nowhere.</returns>
    public async Task<GalleryEntry?> FindAsync(ChoiceRow row, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(row);
        GalleryEntry? found = _source.FindByKey(row.Key)
            ?? await FindLinkedAsync(row, cancellationToken).ConfigureAwait(false)
            ?? (await ReadFoldersAsync(cancellationToken).ConfigureAwait(false)).GetValueOrDefault(row.Key);
        return found is null ? null : found with { Choice = row.Choice };
    }

    /// <summary>Where the page linked to: relative to the folder it was in, or to the one that the choice lies in.</summary>
    private async Task<GalleryEntry?> FindLinkedAsync(ChoiceRow row, CancellationToken cancellationToken)
    {
        if (row.Video is null || PageText.FromLink(row.Video) is not string relative || !VideoFolder.IsVideo(relative))
        {
            return null;
        }

        GalleryEntry? file = null;
        foreach (string folder in Places().Where(Path.IsPathFullyQualified))
        {
            string path = Path.GetFullPath(Path.Combine(folder, relative));
            if (await _source.FindVideoAsync(path, null, cancellationToken).ConfigureAwait(false) is not GalleryEntry entry)
            {
                continue;
            }

            if (entry.Task is not null && GalleryEntry.KeyOf(entry.Task) == row.Key)
            {
                return entry;
            }

            // A copy in a portable folder has no sidecar: it is the video, and more is not known of it here. A key of a file says which one is meant.
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

    private IEnumerable<string> Places()
    {
        IEnumerable<string> places = _folders.Append(Path.GetDirectoryName(_file.Path)!);
        return _file.Place is null ? places : places.Prepend(_file.Place);
    }
}
