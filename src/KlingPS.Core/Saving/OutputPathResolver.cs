using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Sessions;

namespace KlingPS.Core.Saving;

/// <summary>
/// Decides what each video of a run is called, so that no two are called the same, none takes the place of a file it may
/// not replace, and each keeps its name in the next run.
/// </summary>
internal sealed partial class OutputPathResolver
{
    /// <summary>Tokens whose value comes with the purchase.</summary>
    private static readonly string[] s_tokensOfTask = ["TaskId", "Id", "Date"];

    private readonly KlingSession _session;
    private readonly SaveOptions _options;
    private readonly FileHashes _hashes;
    private readonly DistinctNames _names = new();
    private readonly ConcurrentDictionary<(string Wanted, string Video), Lazy<Task<OutputPath>>> _choices = new();
    private readonly ConcurrentDictionary<string, string> _owners = new(StringComparer.OrdinalIgnoreCase);
    private readonly object _lock = new();
    private Task<ILookup<string, SavedPath>>? _savedPaths;

    public OutputPathResolver(KlingService service, SaveOptions options)
    {
        _session = service.Session;
        _options = options;
        _hashes = service.Hashes;
    }

    /// <summary>Whether a video can be named before it is bought.</summary>
    public bool NamesBeforePurchase => !_options.Template.Tokens.Overlaps(s_tokensOfTask);

    /// <summary>Takes a name for a video.</summary>
    public VideoName Name(NameTemplateValues values)
    {
        string wanted = _options.Template.Expand(values);
        return new VideoName(wanted, _names.Claim(wanted));
    }

    /// <summary>Finds the place of a video. It stays the same for the whole run; images that want the same name for the same video share it.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="video">What tells the video from others.</param>
    /// <param name="task">Its purchase, if it has been made.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.FileExists"/>: a file that may not be replaced is there.</exception>
    public async Task<OutputPath> FindAsync(VideoName name, string video, KlingVideoTask? task, CancellationToken cancellationToken)
    {
        Lazy<Task<OutputPath>> choice = _choices.GetOrAdd(
            (name.Wanted, video),
            key => new Lazy<Task<OutputPath>>(() => ChooseAsync(name, key.Video, task, cancellationToken)));
        OutputPath place = await choice.Value.ConfigureAwait(false);

        // Another image may have brought it there since.
        return place.IsThere ? place : place with { IsThere = await _hashes.MatchAsync(place.Path, task?.SavedHash, cancellationToken).ConfigureAwait(false) };
    }

    /// <summary>Finds another place for a video whose place another process has taken for a video of its own.</summary>
    /// <exception cref="KlingException">As <see cref="FindAsync"/>.</exception>
    public async Task<OutputPath> FindAnotherAsync(OutputPath taken, KlingVideoTask task, CancellationToken cancellationToken)
    {
        (string, string) key = (taken.Name.Wanted, taken.Video);
        lock (_lock)
        {
            _savedPaths = null;
        }

        // Another image that shares the video may have moved on already.
        if (_choices.TryGetValue(key, out Lazy<Task<OutputPath>>? choice) && (await choice.Value.ConfigureAwait(false)).Path == taken.Path)
        {
            _choices.TryRemove(new(key, choice));
        }

        return await FindAsync(taken.Name, taken.Video, task, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Whether a file is another task's by the records of this moment, whatever process has made them.</summary>
    public async Task<bool> IsOthersAsync(string path, KlingVideoTask task, CancellationToken cancellationToken)
        => await IsOthersAsync(await ReadSavedPathsAsync(Path.GetDirectoryName(path)!, cancellationToken).ConfigureAwait(false), path, task, cancellationToken).ConfigureAwait(false);

    private async Task<OutputPath> ChooseAsync(VideoName name, string video, KlingVideoTask? task, CancellationToken cancellationToken)
    {
        // It may have another number from an earlier run, among other videos.
        if (task?.SavedPath is string saved
            && IsVariantOf(saved, PathOf(name.Wanted))
            && await IsThereAsync(saved).ConfigureAwait(false))
        {
            _names.Claim(Path.GetRelativePath(_options.Destination, saved).Replace(Path.DirectorySeparatorChar, '/'));
            return Place(saved, isThere: true);
        }

        string path = PathOf(name.Claimed);
        while (true)
        {
            if (await IsThereAsync(path).ConfigureAwait(false))
            {
                return Place(path, isThere: true);
            }

            bool exists = File.Exists(path);
            bool isOthers = exists
                && await IsOthersAsync(await GetSavedPathsAsync(cancellationToken).ConfigureAwait(false), path, task, cancellationToken).ConfigureAwait(false);
            if (exists && !isOthers && !_options.Overwrite)
            {
                throw PartialFile.Exists(path);
            }

            if (!isOthers && Take(path, video))
            {
                return Place(path, isThere: false);
            }

            // Another task's video, which is paid for as well, is or will be there; not even force replaces it.
            path = PathOf(_names.Claim(name.Wanted));
        }

        OutputPath Place(string path, bool isThere) => new(path, isThere) { Name = name, Video = video };

        async Task<bool> IsThereAsync(string path)
            => await _hashes.MatchAsync(path, task?.SavedHash, cancellationToken).ConfigureAwait(false) && Take(path, video);
    }

    /// <summary>Takes a path for a video, unless another of this run has it.</summary>
    private bool Take(string path, string video) => _owners.GetOrAdd(path, video) == video;

    private string PathOf(string name) => NameTemplate.Combine(_options.Destination, name);

    /// <summary>
    /// Whether a file is another task's. Where this task's video has been as well, the other's may have been moved away long ago:
    /// then its record counts only if it is that of the very file. Elsewhere it counts also if the file has been edited.
    /// </summary>
    private async Task<bool> IsOthersAsync(ILookup<string, SavedPath> savedPaths, string path, KlingVideoTask? task, CancellationToken cancellationToken)
    {
        bool wasHere = savedPaths[path].Any(saved => saved.Id == task?.Id);
        foreach (SavedPath saved in savedPaths[path].Where(saved => saved.Id != task?.Id))
        {
            if (!wasHere || await _hashes.MatchAsync(path, saved.Hash, cancellationToken).ConfigureAwait(false))
            {
                return true;
            }
        }

        return false;
    }

    private Task<ILookup<string, SavedPath>> GetSavedPathsAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_savedPaths is null or { IsCanceled: true } or { IsFaulted: true })
            {
                // The ledger reads on the thread that asks. Were it this one, all others would wait at the lock for as long.
                _savedPaths = Task.Run(() => ReadSavedPathsAsync(_options.Destination, cancellationToken), cancellationToken);
            }

            return _savedPaths;
        }
    }

    private async Task<ILookup<string, SavedPath>> ReadSavedPathsAsync(string folder, CancellationToken cancellationToken)
        => (await _session.Ledger.Tasks.ListSavedPathsAsync(folder, cancellationToken).ConfigureAwait(false))
            .ToLookup(saved => saved.Path, StringComparer.OrdinalIgnoreCase);

    /// <summary>Whether a file is another with, at most, the number behind its name that keeps names distinct.</summary>
    private static bool IsVariantOf(string path, string wanted)
    {
        string name = Path.GetFileNameWithoutExtension(path);
        string stem = Path.GetFileNameWithoutExtension(wanted);
        return Path.GetDirectoryName(path) == Path.GetDirectoryName(wanted)
            && Path.GetExtension(path) == Path.GetExtension(wanted)
            && name.StartsWith(stem, StringComparison.Ordinal)
            && (name.Length == stem.Length || DistinguishingNumber().IsMatch(name.AsSpan(stem.Length)));
    }

    [GeneratedRegex(@"^-\d+$")]
    private static partial Regex DistinguishingNumber();
}
