using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using KlingPS.Core.Api;
using KlingPS.Core.Files;
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

    /// <summary>The same in 16 bytes.</summary>
    public TextDigest ToDigest() => TextDigest.Of(Identity ?? string.Create(CultureInfo.InvariantCulture, $"task {TaskId}"));
}

/// <summary>The name of a video, relative to the destination and with <c>/</c> between folders.</summary>
/// <param name="Requested">The name that the template makes.</param>
/// <param name="Unique">The same, or with a number that sets it apart from another video of the run.</param>
internal sealed record VideoName(string Requested, string Unique);

/// <summary>Where a video goes, or is.</summary>
/// <param name="Path">The full path.</param>
/// <param name="HasVideo">Whether the complete video is there already.</param>
internal sealed record OutputPath(string Path, bool HasVideo)
{
    /// <summary>The name it was chosen for.</summary>
    public required VideoName Name { get; init; }

    /// <summary>The video it was chosen for.</summary>
    public required VideoKey Video { get; init; }

    /// <summary>The task of the video that is there, as the ledger has it; <see langword="null"/> if no video is there, or the ledger does not know it.</summary>
    public KlingVideoTask? Task { get; init; }

    /// <summary>The SHA-256 of the video that is there, in lower-case hex, if this machine has no record of a file with that content.</summary>
    public string? UnrecordedHash { get; init; }
}

/// <summary>What there is at a path that a video is to get, by what the ledger says at this moment.</summary>
internal sealed record PathFindings
{
    /// <summary>The task of the video; as it was read before, if the ledger is lost or no longer has it. <see langword="null"/> if it has not been bought.</summary>
    public KlingVideoTask? Task { get; init; }

    /// <summary>The video, if it is there, or was saved to a path of its own since.</summary>
    public OutputPath? Video { get; init; }

    /// <summary>Whether anything is there.</summary>
    public bool IsOccupied { get; init; }

    /// <summary>Whether another task's video is there.</summary>
    public bool IsOthers { get; init; }

    /// <summary>Whether the video was saved there, and its file has changed since.</summary>
    public bool HasChanged { get; init; }
}

/// <summary>
/// Decides what each video of a run is called, so that no two have the same name, none replaces a file that it must not
/// replace, and each keeps its name in the next run.
/// </summary>
internal sealed partial class OutputPathResolver
{
    /// <summary>Tokens whose value is only known after the purchase.</summary>
    private static readonly string[] s_tokensOfTask = ["TaskId", "Id", "Date"];

    private readonly KlingSession _session;
    private readonly SaveOptions _options;
    private readonly FileHashes _hashes;
    private readonly LedgerLoss _loss;
    private readonly DistinctNames _names = new();

    /// <summary>The paths that are being chosen, and those that have been: a folder may have a hundred thousand, so a result is kept without the work that led to it.</summary>
    private readonly ConcurrentDictionary<(string Requested, VideoKey Video), Lazy<Task<OutputPath>>> _choosing = new();
    private readonly ConcurrentDictionary<(string Requested, VideoKey Video), OutputPath> _chosen = new();

    /// <summary>The names that are being tried, and those at which a choice has failed: the next try begins there, and meets what is still in the way.</summary>
    private readonly ConcurrentDictionary<(string Requested, VideoKey Video), string> _tried = new();

    /// <summary>Who owns each path that was taken, both as digests: nothing else is needed, and a folder may have a hundred thousand.</summary>
    private readonly ConcurrentDictionary<TextDigest, Owner> _owners = new();
    private readonly ConcurrentDictionary<string, Lazy<Place>> _folders = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Lazy<bool>> _writable = new(StringComparer.Ordinal);

    public OutputPathResolver(KlingService service, SaveOptions options)
    {
        _session = service.Session;
        _options = options;
        _hashes = service.Hashes;
        _loss = service.Loss;
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
        OutputPath output = await ChooseOnceAsync(name, video, task, cancellationToken).ConfigureAwait(false);

        // It may have been saved there since for another image.
        return !output.HasVideo && task is not null && await HasVideoAsync(output.Path, output.Video, task, cancellationToken).ConfigureAwait(false)
            ? CreateFound(output.Path, output.Name, output.Video, task, task.SavedHash!)
            : output;
    }

    /// <summary>Looks at a path again that was chosen for a video: by now, it may be there, or have been saved elsewhere.</summary>
    /// <param name="output">The path.</param>
    /// <param name="task">The task of the video, as it was read before.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    public Task<PathFindings> LookAsync(OutputPath output, KlingVideoTask task, CancellationToken cancellationToken)
        => LookAsync(output.Path, output.Name, output.Video, task, cancellationToken);

    /// <summary>Those of several files that the ledger does not know as files of videos.</summary>
    /// <param name="paths">The full paths.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    public async Task<IReadOnlyList<string>> ListUnrecordedAsync(IReadOnlyCollection<string> paths, CancellationToken cancellationToken)
    {
        if (paths.Count == 0)
        {
            return [];
        }

        SavedVideos videos = await ReadSavedVideosAsync(paths, cancellationToken).ConfigureAwait(false);
        return [.. paths.Where(path => videos.At(path).Count == 0)];
    }

    /// <summary>Leaves a video that the ledger does not know where it is: no other video of this run gets its path.</summary>
    /// <param name="path">The full path.</param>
    /// <param name="name">The name that it was requested under.</param>
    /// <param name="video">The video.</param>
    public OutputPath Keep(string path, VideoName name, VideoKey video)
    {
        Take(path, video, Claim.Recorded);
        return new OutputPath(path, HasVideo: true) { Name = name, Video = video };
    }

    /// <summary>Keeps a path for the video that is about to get it, even from one that was recorded there before.</summary>
    /// <returns>Whether the path is still that of the video: another one may have turned out to be there.</returns>
    public bool Confirm(OutputPath output) => Take(output.Path, output.Video, Claim.Present);

    /// <summary>Chooses another path for a video if another process has used its path for a video of its own.</summary>
    /// <exception cref="KlingException">As <see cref="ResolveAsync"/>.</exception>
    public async Task<OutputPath> ResolveAnotherAsync(OutputPath taken, KlingVideoTask task, CancellationToken cancellationToken)
    {
        (string, VideoKey) key = (taken.Name.Requested, taken.Video);

        // Another image that shares the video may have moved on already.
        if (_chosen.TryGetValue(key, out OutputPath? chosen) && chosen.Path == taken.Path)
        {
            _chosen.TryRemove(new(key, chosen));
        }

        return await ResolveAsync(taken.Name, taken.Video, task, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Whether a file belongs to another task by the current records, including those of other processes.</summary>
    public async Task<bool> IsOthersAsync(string path, KlingVideoTask task, CancellationToken cancellationToken)
    {
        SavedVideos videos = await ReadSavedVideosAsync([path], cancellationToken).ConfigureAwait(false);
        return await IsOthersAsync(videos, path, await FindCurrentAsync(task, cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Refuses a path that could not be written, as far as that can be known without writing; see <see cref="VideoTarget.Require"/>.</summary>
    /// <param name="values">The values that the name is made of; if it depends on the purchase, values of the same form.</param>
    /// <param name="output">The path that was chosen, if one was.</param>
    /// <param name="isAboutToWrite">Whether a file may be created in its folder, to see whether one can be.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.DestinationUnusable"/>.</exception>
    public void RequireUsable(NameTemplateValues values, OutputPath? output, bool isAboutToWrite)
    {
        string path = output?.Path ?? PathOf(_options.Template.Expand(values));
        VideoTarget.Require(path, _options.Destination);
        if (isAboutToWrite)
        {
            // The folder itself is not created if it is missing: it might stay empty. An error is not kept: the disk may have room again by the next video.
            _ = _writable.GetOrAdd(Path.GetDirectoryName(path)!, static folder => new Lazy<bool>(
                () =>
                {
                    DestinationFolder.RequireCreatable(folder);
                    return true;
                },
                LazyThreadSafetyMode.PublicationOnly)).Value;
        }
    }

    private async Task<OutputPath> ChooseOnceAsync(VideoName name, VideoKey video, KlingVideoTask? task, CancellationToken cancellationToken)
    {
        (string, VideoKey) key = (name.Requested, video);
        if (_chosen.TryGetValue(key, out OutputPath? chosen))
        {
            return chosen;
        }

        // A video that is where its task says will be found there again, so nothing about it is kept: a finished folder has no others.
        if (await FindSavedAsync(name, video, task, cancellationToken).ConfigureAwait(false) is OutputPath saved)
        {
            return saved;
        }

        var own = new Lazy<Task<OutputPath>>(ChooseAndKeepAsync);
        while (true)
        {
            Lazy<Task<OutputPath>> choosing = _choosing.GetOrAdd(key, own);
            try
            {
                return await choosing.Value.ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (choosing != own && !cancellationToken.IsCancellationRequested)
            {
                // Another image that shares the video was choosing, and only that one was stopped.
            }
            finally
            {
                _choosing.TryRemove(new(key, choosing));
            }
        }

        async Task<OutputPath> ChooseAndKeepAsync()
        {
            // In the meantime, it may have been chosen for another image.
            if (_chosen.TryGetValue(key, out OutputPath? chosen))
            {
                return chosen;
            }

            chosen = await ChooseAsync(name, video, task, cancellationToken).ConfigureAwait(false);

            // The caller's own task need not be kept: there may be a hundred thousand.
            _chosen[key] = ReferenceEquals(chosen.Task, task) ? chosen with { Task = null } : chosen;
            _tried.TryRemove(key, out _);
            return chosen;
        }
    }

    private async Task<OutputPath> ChooseAsync(VideoName name, VideoKey video, KlingVideoTask? task, CancellationToken cancellationToken)
    {
        (string, VideoKey) key = (name.Requested, video);
        string path = PathOf(_tried.GetOrAdd(key, name.Unique));
        while (true)
        {
            VideoTarget.RequireNoObstacle(path);

            // A copy of a video that has its record elsewhere. The ledger is not asked again: a finished folder may have a hundred thousand.
            if (task is { SavedPath: not null, SavedHash: string recorded } && await HasVideoAsync(path, video, task, cancellationToken).ConfigureAwait(false))
            {
                return CreateFound(path, name, video, task, recorded);
            }

            // Usually such a video is left alone, so the ledger is not asked. If it is fetched after all, VideoSaver looks again.
            PathFindings findings = task is { TakenAt: not null } && !PartialFile.IsTaken(path)
                ? new PathFindings { Task = task }
                : await LookAsync(path, name, video, task, cancellationToken).ConfigureAwait(false);
            if (findings.Video is OutputPath found)
            {
                return found;
            }

            if (findings is { IsOccupied: true, IsOthers: false } && !_options.Overwrite)
            {
                throw findings.HasChanged ? PartialFile.CreateChangedException(path, task!.Id) : PartialFile.CreateExistsException(path);
            }

            if (!findings.IsOthers && Take(path, video, Claim.Intended))
            {
                return new OutputPath(path, HasVideo: false) { Name = name, Video = video };
            }

            // Another task's video, which is paid for as well, is or will be there; not even -Force replaces it.
            path = PathOf(_tried[key] = _names.Claim(name.Requested));
        }
    }

    private async Task<PathFindings> LookAsync(string path, VideoName name, VideoKey video, KlingVideoTask? task, CancellationToken cancellationToken)
    {
        SavedVideos? videos = PartialFile.IsTaken(path) ? await ReadSavedVideosAsync([path], cancellationToken).ConfigureAwait(false) : null;

        // In this order: by the time of the second question, what was about to be recorded as saved may have been, but never the other way round.
        string? saving = videos is null || task is null ? null : await _session.Ledger.Tasks.FindSavingHashAsync(task, cancellationToken).ConfigureAwait(false);
        KlingVideoTask? current = task is null ? null : await FindCurrentAsync(task, cancellationToken).ConfigureAwait(false);
        var findings = new PathFindings { Task = current };
        if (current is { SavedHash: string hash })
        {
            // It may have been saved since its task was read: to a path of its own or, for another image that shares it, to this one as well.
            OutputPath? saved = await FindSavedAsync(name, video, current, cancellationToken).ConfigureAwait(false);
            if (saved is null && await HasVideoAsync(path, video, current, cancellationToken).ConfigureAwait(false))
            {
                saved = CreateFound(path, name, video, current, hash);
            }

            if (saved is not null)
            {
                return findings with { Video = saved };
            }
        }

        if (videos is null)
        {
            return findings;
        }

        // It may have got its name although nobody has recorded that; if another download of it, to another name, came later, only its content tells.
        bool isSaving = await _hashes.MatchAsync(path, saving, cancellationToken).ConfigureAwait(false);
        SavedPath[] own = [.. videos.At(path).Where(record => record.Id == current?.Id)];
        bool isOthers = await IsOthersAsync(videos, path, current, cancellationToken).ConfigureAwait(false)
            || await IsDescribedAsOthersAsync(path, video, task, cancellationToken).ConfigureAwait(false);
        return isSaving && (!isOthers || own.Any(record => !record.IsCertain)) && Take(path, video, Claim.Present)
            ? findings with { Video = CreateFound(path, name, video, current!, saving!) }
            : findings with { IsOccupied = true, IsOthers = isOthers, HasChanged = own.Any(record => record.IsCertain) };
    }

    /// <summary>A task as the ledger has it now; as it was read before, if the ledger is lost or no longer has it, and without its number if another task has that now.</summary>
    private async Task<KlingVideoTask> FindCurrentAsync(KlingVideoTask task, CancellationToken cancellationToken)
    {
        if (_loss.Error is null)
        {
            try
            {
                return await _session.Ledger.Tasks.FindCurrentAsync(task, cancellationToken).ConfigureAwait(false)
                    ?? (await _session.Ledger.Tasks.FindAsync(task.Id, cancellationToken).ConfigureAwait(false) is null ? task : task with { Id = 0 });
            }
            catch (KlingException exception) when (_loss.Note(exception))
            {
            }
        }

        return task;
    }

    /// <summary>A path at which a video is. If this machine has recorded another file with the same content, that record stays as it is.</summary>
    private static OutputPath CreateFound(string path, VideoName name, VideoKey video, KlingVideoTask task, string hash) => new(path, HasVideo: true)
    {
        Name = name,
        Video = video,
        Task = task,
        UnrecordedHash = task.SavedPath is not null && task.SavedHash == hash ? null : hash,
    };

    /// <summary>The video at its recorded path, if it is there. An earlier run, with other videos, may have given it another number.</summary>
    private async Task<OutputPath?> FindSavedAsync(VideoName name, VideoKey video, KlingVideoTask? task, CancellationToken cancellationToken)
    {
        if (task is not { SavedPath: string saved, SavedHash: string hash }
            || FindVariant(saved, PathOf(name.Requested)) is not string variant
            || !await HasVideoAsync(variant, video, task, cancellationToken, Claim.Recorded).ConfigureAwait(false))
        {
            return null;
        }

        _names.Reserve(Path.GetRelativePath(_options.Destination, variant).Replace(Path.DirectorySeparatorChar, '/'));
        return CreateFound(variant, name, video, task, hash);
    }

    private async Task<bool> HasVideoAsync(string path, VideoKey video, KlingVideoTask? task, CancellationToken cancellationToken, Claim claim = Claim.Present)
        => await _hashes.MatchAsync(path, task?.SavedHash, cancellationToken).ConfigureAwait(false) && Take(path, video, claim);

    /// <summary>Takes a path for a video, unless another video of this run has it.</summary>
    private bool Take(string path, VideoKey video, Claim claim)
    {
        // Two paths may lead to one folder. Similar names are treated as the same, as they are on Windows and macOS.
        string folder = _folders.GetOrAdd(Path.GetDirectoryName(path)!, static folder => new Lazy<Place>(() => Place.Of(folder))).Value.Path;
        string place = NameRule.Composed(Path.Combine(folder, Path.GetFileName(path)));
        var own = new Owner(video.ToDigest(), HasVideo: claim != Claim.Intended);
        return _owners.AddOrUpdate(
            TextDigest.IgnoringCase(place),
            own,
            (_, owner) => owner.Video == own.Video ? owner with { HasVideo = owner.HasVideo || own.HasVideo }
                : claim == Claim.Recorded && !owner.HasVideo ? own
                : owner).Video == own.Video;
    }

    /// <summary>Whether a file that the ledger does not know is another video according to its sidecar: it was paid for too, with another ledger.</summary>
    private async Task<bool> IsDescribedAsOthersAsync(string path, VideoKey video, KlingVideoTask? task, CancellationToken cancellationToken)
        => Sidecar.TryRead(Sidecar.PathOf(path)) is Sidecar sidecar
            && !sidecar.IsFreeClip(ServiceAddress.From(_session.Endpoints.Api))
            && sidecar.FindIdentity() is string described
            && (task is null || ((video.Identity ?? task.Identity) is string own && own != described) || IsOfOther(sidecar, task))
            && await _hashes.MatchAsync(path, sidecar.Video.Sha256, cancellationToken).ConfigureAwait(false);

    /// <summary>Whether a sidecar names another task of the service: the same video may have been bought again on purpose.</summary>
    private static bool IsOfOther(Sidecar sidecar, KlingVideoTask task)
        => sidecar.TaskId is string described && task.TaskId is string own && !string.Equals(described, own, StringComparison.OrdinalIgnoreCase);

    private string PathOf(string name) => NameTemplate.Combine(_options.Destination, name);

    /// <summary>
    /// Whether a file belongs to another task. If this task's video has been there as well, the other's may have been moved away long
    /// ago: then its record counts only if it matches the file. Otherwise it counts even if the file has been edited.
    /// </summary>
    /// <remarks>
    /// A file with the content of another task's video is that video, wherever its folder has been moved or it has been copied to.
    /// </remarks>
    private async Task<bool> IsOthersAsync(SavedVideos videos, string path, KlingVideoTask? task, CancellationToken cancellationToken)
    {
        IReadOnlyList<SavedPath> here = videos.At(path);
        bool wasHere = here.Any(saved => saved.Id == task?.Id && saved.IsCertain);
        if (!wasHere && here.Any(saved => saved.Id != task?.Id && saved.IsCertain))
        {
            return true;
        }

        return FileFacts.Of(path) is { Kind: FileKind.Ordinary, Length: <= VideoDownloaderOptions.LargestVideo }
            && await _session.Ledger.Tasks.IsSavedForAnotherAsync(
                await _hashes.GetAsync(path, cancellationToken).ConfigureAwait(false),
                task?.Id,
                cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The records of a few files, and of others with the same names.</summary>
    /// <remarks>The ledger reads on the calling thread, for which others may be waiting.</remarks>
    private async Task<SavedVideos> ReadSavedVideosAsync(IReadOnlyCollection<string> paths, CancellationToken cancellationToken)
        => _loss.Error is KlingException lost
            ? throw lost
            : new(await Task.Run(
                () => paths.All(SavedVideos.IsFoundByName)
                    ? _session.Ledger.Tasks.ListSavedPathsAsync(paths, cancellationToken)
                    : _session.Ledger.Tasks.ListSavedPathsAsync(cancellationToken),
                cancellationToken).ConfigureAwait(false));

    /// <summary>
    /// Where a video was saved, spelled like this destination, if that is the requested path, or has a number after its name that keeps
    /// names distinct. An earlier version may have named it by rules of its own: it keeps its name.
    /// </summary>
    private string? FindVariant(string saved, string requested)
    {
        if (!Path.IsPathFullyQualified(saved) || Path.GetDirectoryName(saved) is not string folder)
        {
            return null;
        }

        string path = Path.Combine(Path.GetDirectoryName(requested)!, Path.GetFileName(saved));
        if (!Place.IsSame(folder, Path.GetDirectoryName(requested)!))
        {
            string below = Path.GetRelativePath(Place.Of(_options.Destination).Path, Path.Combine(Place.Of(folder).Path, Path.GetFileName(saved)));
            if (Path.IsPathRooted(below) || below.StartsWith("..", StringComparison.Ordinal))
            {
                return null;
            }

            path = Path.GetFullPath(Path.Combine(_options.Destination, below));
        }

        string today = PathOf(NameTemplate.MakeSafe(Path.GetRelativePath(_options.Destination, path).Replace(Path.DirectorySeparatorChar, '/')));
        return IsVariantOf(path, requested) || IsVariantOf(today, requested) ? path : null;
    }

    /// <summary>Whether a path is the requested one, or the same with a number after its name that keeps names distinct.</summary>
    private static bool IsVariantOf(string path, string requested)
    {
        string name = Path.GetFileNameWithoutExtension(path);
        string stem = Path.GetFileNameWithoutExtension(requested);
        string extension = Path.GetExtension(requested);
        return Path.GetDirectoryName(path) == Path.GetDirectoryName(requested)
            && Path.GetExtension(path) == extension
            && (name == stem || (DistinguishingNumber().Match(name) is { Success: true, Value: var number } && name == DistinctNames.Shorten(stem, number + extension) + number));
    }

    [GeneratedRegex(@"-\d+$")]
    private static partial Regex DistinguishingNumber();

    /// <summary>Why a path is taken for a video.</summary>
    private enum Claim
    {
        /// <summary>The video is to be saved there.</summary>
        Intended,

        /// <summary>The video is there.</summary>
        Present,

        /// <summary>The video is there, as its record or its sidecar says, so another one that is only to be saved there goes elsewhere.</summary>
        Recorded,
    }

    /// <summary>The video that has a path.</summary>
    /// <param name="Video">The digest of its key.</param>
    /// <param name="HasVideo">Whether it is there, or about to be; otherwise it is only to be saved there.</param>
    private readonly record struct Owner(TextDigest Video, bool HasVideo);
}

/// <summary>
/// Hands out every name once in a run: <c>photo.mp4</c>, then <c>photo-2.mp4</c>, and so on. Upper and lower case are
/// the same, as they are on Windows and macOS. Safe for concurrent use.
/// </summary>
internal sealed class DistinctNames
{
    private readonly object _lock = new();
    private readonly HashSet<TextDigest> _taken = [];
    private readonly Dictionary<string, int> _last = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Reserves a name whose owner is known, so that no other video gets it.</summary>
    /// <param name="relativePath">A name as <see cref="NameTemplate.Expand"/> makes it.</param>
    public void Reserve(string relativePath)
    {
        lock (_lock)
        {
            Take(relativePath);
        }
    }

    /// <summary>Takes a name, or the nearest one that is free.</summary>
    /// <param name="relativePath">A name as <see cref="NameTemplate.Expand"/> makes it.</param>
    /// <returns>The name itself or, if it was handed out before, with a number before its extension.</returns>
    public string Claim(string relativePath)
    {
        ArgumentException.ThrowIfNullOrEmpty(relativePath);
        lock (_lock)
        {
            if (Take(relativePath))
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
                candidate = relativePath[..start] + Shorten(stem, ending) + ending;
            }
            while (!Take(candidate));

            _last[relativePath] = number;
            return candidate;
        }
    }

    /// <summary>A name without its extension, as short as it has to be before an ending.</summary>
    public static string Shorten(string stem, string ending) => SafeName.Shorten(stem, SafeName.MaximumFileBytes - Encoding.UTF8.GetByteCount(ending));

    private bool Take(string relativePath) => _taken.Add(TextDigest.IgnoringCase(NameRule.Composed(relativePath)));
}
