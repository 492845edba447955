using System.Collections.Concurrent;
using System.Text;
using System.Text.RegularExpressions;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Sessions;

namespace KlingPS.Core.Saving;

/// <summary>Which video an output path is for: that of a purchase, or that of a task.</summary>
/// <param name="Identity">What makes two purchases the same; <see langword="null"/> for the video of a task.</param>
/// <param name="TaskId">The local id of the task; <see langword="null"/> for the video of a purchase.</param>
internal readonly record struct VideoKey(string? Identity, long? TaskId)
{
    /// <summary>The video of a purchase: images of the same content and parameters share it.</summary>
    /// <param name="identity">What makes two purchases the same.</param>
    public static VideoKey FromIdentity(string identity) => new(identity, null);

    /// <summary>The video of one task.</summary>
    public static VideoKey FromTask(KlingVideoTask task) => new(null, task.Id);
}

/// <summary>What a video is called, below the destination and with <c>/</c> between folders.</summary>
/// <param name="Requested">As the template makes it.</param>
/// <param name="Unique">The same, or with a number that sets it apart from another video of the run.</param>
internal sealed record VideoName(string Requested, string Unique);

/// <summary>Where a video goes, or is.</summary>
/// <param name="Path">The full path.</param>
/// <param name="HasVideo">Whether the video is there already, whole.</param>
internal sealed record OutputPath(string Path, bool HasVideo)
{
    /// <summary>The name it was chosen for.</summary>
    public required VideoName Name { get; init; }

    /// <summary>The video it was chosen for.</summary>
    public required VideoKey Video { get; init; }

    /// <summary>The SHA-256 of the video, in lower-case hex, where it is there but not recorded as saved.</summary>
    public string? UnrecordedHash { get; init; }
}

/// <summary>
/// Decides what each video of a run is called, so that no two are called the same, none replaces a file it must not
/// replace, and each keeps its name in the next run.
/// </summary>
internal sealed partial class OutputPathResolver
{
    /// <summary>Tokens whose value is only known after the purchase.</summary>
    private static readonly string[] s_tokensOfTask = ["TaskId", "Id", "Date"];

    private readonly KlingSession _session;
    private readonly SaveOptions _options;
    private readonly FileHashes _hashes;
    private readonly DistinctNames _names = new();
    private readonly ConcurrentDictionary<(string Requested, VideoKey Video), Lazy<Task<OutputPath>>> _choices = new();
    private readonly ConcurrentDictionary<string, VideoKey> _owners = new(StringComparer.OrdinalIgnoreCase);
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

    /// <summary>Claims a name for a video.</summary>
    public VideoName ClaimName(NameTemplateValues values)
    {
        string requested = _options.Template.Expand(values);
        return new VideoName(requested, _names.Claim(requested));
    }

    /// <summary>Chooses the path of a video. It stays the same for the whole run; images that request the same name for the same video share it.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="video">The video.</param>
    /// <param name="task">Its purchase, if it has been made.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.FileExists"/>: a file that may not be replaced is there.</exception>
    public async Task<OutputPath> ResolveAsync(VideoName name, VideoKey video, KlingVideoTask? task, CancellationToken cancellationToken)
    {
        Lazy<Task<OutputPath>> choice = _choices.GetOrAdd(
            (name.Requested, video),
            key => new Lazy<Task<OutputPath>>(() => ChooseAsync(name, key.Video, task, cancellationToken)));
        OutputPath output = await choice.Value.ConfigureAwait(false);

        // Another image may have had it saved there since.
        return output.HasVideo
            ? output
            : output with { HasVideo = await _hashes.MatchAsync(output.Path, task?.SavedHash, cancellationToken).ConfigureAwait(false) };
    }

    /// <summary>Chooses another path for a video whose path another process has taken for a video of its own.</summary>
    /// <exception cref="KlingException">As <see cref="ResolveAsync"/>.</exception>
    public async Task<OutputPath> ResolveAnotherAsync(OutputPath taken, KlingVideoTask task, CancellationToken cancellationToken)
    {
        (string, VideoKey) key = (taken.Name.Requested, taken.Video);
        lock (_lock)
        {
            _savedPaths = null;
        }

        // Another image that shares the video may have moved on already.
        if (_choices.TryGetValue(key, out Lazy<Task<OutputPath>>? choice) && (await choice.Value.ConfigureAwait(false)).Path == taken.Path)
        {
            _choices.TryRemove(new(key, choice));
        }

        return await ResolveAsync(taken.Name, taken.Video, task, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Whether a file belongs to another task by the records of this moment, those of other processes included.</summary>
    public async Task<bool> IsOthersAsync(string path, KlingVideoTask task, CancellationToken cancellationToken)
    {
        ILookup<string, SavedPath> savedPaths = await ReadSavedPathsAsync(Path.GetDirectoryName(path)!, cancellationToken).ConfigureAwait(false);
        return await IsOthersAsync(savedPaths, path, task, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Whether a file is the video of a task that was about to get this name, and got it, but nobody has recorded that.</summary>
    /// <returns>Its SHA-256, in lower-case hex; <see langword="null"/> if it is not.</returns>
    public async Task<string?> FindUnrecordedAsync(string path, KlingVideoTask task, CancellationToken cancellationToken)
    {
        ILookup<string, SavedPath> savedPaths = await ReadSavedPathsAsync(Path.GetDirectoryName(path)!, cancellationToken).ConfigureAwait(false);
        return await FindUnrecordedAsync(savedPaths, path, task, cancellationToken).ConfigureAwait(false);
    }

    private async Task<OutputPath> ChooseAsync(VideoName name, VideoKey video, KlingVideoTask? task, CancellationToken cancellationToken)
    {
        // An earlier run, with other videos, may have given it another number.
        if (task?.SavedPath is string saved
            && (IsVariantOf(saved, PathOf(name.Requested)) || IsVariantOf(PathOfToday(saved), PathOf(name.Requested)))
            && await HasVideoAsync(saved).ConfigureAwait(false))
        {
            _names.Claim(Path.GetRelativePath(_options.Destination, saved).Replace(Path.DirectorySeparatorChar, '/'));
            return CreateOutput(saved, hasVideo: true);
        }

        string path = PathOf(name.Unique);
        while (true)
        {
            if (await HasVideoAsync(path).ConfigureAwait(false))
            {
                return CreateOutput(path, hasVideo: true);
            }

            bool exists = File.Exists(path);
            bool isOthers = false;
            if (exists)
            {
                ILookup<string, SavedPath> savedPaths = await GetSavedPathsAsync(cancellationToken).ConfigureAwait(false);
                if (task is not null
                    && await FindUnrecordedAsync(savedPaths, path, task, cancellationToken).ConfigureAwait(false) is string unrecorded
                    && Take(path, video))
                {
                    return CreateOutput(path, hasVideo: true) with { UnrecordedHash = unrecorded };
                }

                isOthers = await IsOthersAsync(savedPaths, path, task, cancellationToken).ConfigureAwait(false);
            }

            if (exists && !isOthers && !_options.Overwrite)
            {
                throw PartialFile.CreateExistsException(path);
            }

            if (!isOthers && Take(path, video))
            {
                return CreateOutput(path, hasVideo: false);
            }

            // Another task's video, which is paid for as well, is or will be there; not even -Force replaces it.
            path = PathOf(_names.Claim(name.Requested));
        }

        OutputPath CreateOutput(string path, bool hasVideo) => new(path, hasVideo) { Name = name, Video = video };

        async Task<bool> HasVideoAsync(string path)
            => await _hashes.MatchAsync(path, task?.SavedHash, cancellationToken).ConfigureAwait(false) && Take(path, video);
    }

    /// <summary>Takes a path for a video, unless another of this run has it.</summary>
    private bool Take(string path, VideoKey video) => _owners.GetOrAdd(path, video) == video;

    private string PathOf(string name) => NameTemplate.Combine(_options.Destination, name);

    /// <summary>What a video would be called today that an earlier version has called by rules of its own: it keeps its name.</summary>
    private string PathOfToday(string saved)
    {
        string relative = Path.GetRelativePath(_options.Destination, saved);
        return Path.IsPathRooted(relative) || relative.StartsWith("..", StringComparison.Ordinal)
            ? saved
            : PathOf(NameTemplate.MakeSafe(relative.Replace(Path.DirectorySeparatorChar, '/')));
    }

    /// <summary>
    /// Whether a file belongs to another task. If this task's video has been there as well, the other's may have been moved away long
    /// ago: then its record counts only if it matches the file. Otherwise it counts even if the file has been edited.
    /// </summary>
    private async Task<bool> IsOthersAsync(ILookup<string, SavedPath> savedPaths, string path, KlingVideoTask? task, CancellationToken cancellationToken)
    {
        bool wasHere = savedPaths[path].Any(saved => saved.Id == task?.Id && saved.IsCertain);
        foreach (SavedPath saved in savedPaths[path].Where(saved => saved.Id != task?.Id))
        {
            if ((saved.IsCertain && !wasHere) || await _hashes.MatchAsync(path, saved.Hash, cancellationToken).ConfigureAwait(false))
            {
                return true;
            }
        }

        return false;
    }

    private async Task<string?> FindUnrecordedAsync(ILookup<string, SavedPath> savedPaths, string path, KlingVideoTask task, CancellationToken cancellationToken)
    {
        foreach (SavedPath saving in savedPaths[path].Where(saved => saved.Id == task.Id && !saved.IsCertain))
        {
            if (await _hashes.MatchAsync(path, saving.Hash, cancellationToken).ConfigureAwait(false))
            {
                return saving.Hash;
            }
        }

        return null;
    }

    private Task<ILookup<string, SavedPath>> GetSavedPathsAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_savedPaths is null or { IsCanceled: true } or { IsFaulted: true })
            {
                // The ledger reads on the calling thread; here it would keep all others waiting at the lock.
                _savedPaths = Task.Run(() => ReadSavedPathsAsync(_options.Destination, cancellationToken), cancellationToken);
            }

            return _savedPaths;
        }
    }

    private async Task<ILookup<string, SavedPath>> ReadSavedPathsAsync(string folder, CancellationToken cancellationToken)
        => (await _session.Ledger.Tasks.ListSavedPathsAsync(folder, cancellationToken).ConfigureAwait(false))
            .ToLookup(saved => saved.Path, StringComparer.OrdinalIgnoreCase);

    /// <summary>Whether a path is the requested one, or that with a number behind its name that keeps names distinct.</summary>
    private static bool IsVariantOf(string path, string requested)
    {
        string name = Path.GetFileNameWithoutExtension(path);
        string stem = Path.GetFileNameWithoutExtension(requested);
        return Path.GetDirectoryName(path) == Path.GetDirectoryName(requested)
            && Path.GetExtension(path) == Path.GetExtension(requested)
            && name.StartsWith(stem, StringComparison.Ordinal)
            && (name.Length == stem.Length || DistinguishingNumber().IsMatch(name.AsSpan(stem.Length)));
    }

    [GeneratedRegex(@"^-\d+$")]
    private static partial Regex DistinguishingNumber();
}

/// <summary>
/// Hands out every name once in a run: <c>photo.mp4</c>, then <c>photo-2.mp4</c>, and so on. Upper and lower case are
/// the same, as they are on Windows and macOS. Safe for concurrent use.
/// </summary>
internal sealed class DistinctNames
{
    private readonly object _lock = new();
    private readonly HashSet<string> _taken = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, int> _last = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Takes a name, or the nearest one that is free.</summary>
    /// <param name="relativePath">A name as <see cref="NameTemplate.Expand"/> makes it.</param>
    /// <returns>The name itself or, if it was handed out before, with a number before its extension.</returns>
    public string Claim(string relativePath)
    {
        ArgumentException.ThrowIfNullOrEmpty(relativePath);
        lock (_lock)
        {
            if (_taken.Add(relativePath))
            {
                return relativePath;
            }

            int start = relativePath.LastIndexOf('/') + 1;
            string name = relativePath[start..];
            string extension = SafeName.ExtensionOf(name);
            string stem = name[..^extension.Length];
            int number = _last.GetValueOrDefault(relativePath, 1);
            string candidate;
            do
            {
                string ending = FormattableString.Invariant($"-{++number}{extension}");
                int room = SafeName.MaximumFileBytes - Encoding.UTF8.GetByteCount(ending);
                candidate = relativePath[..start] + SafeName.Shorten(stem, room) + ending;
            }
            while (!_taken.Add(candidate));

            _last[relativePath] = number;
            return candidate;
        }
    }
}
