using KlingPS.Core.Files;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Saving;

namespace KlingPS.Core.Gallery;

/// <summary>
/// Tells what is known about videos and tasks: what the ledger records now, not when they were handed in; otherwise what the sidecar
/// says. Makes no requests.
/// </summary>
internal sealed class GallerySource
{
    private readonly ITaskLedger? _ledger;
    private readonly Dictionary<long, KlingVideoTask> _byId;
    private readonly Dictionary<string, KlingVideoTask> _byTaskId;
    private readonly SavedVideos _saved;
    private readonly ILookup<long, SavedPath> _paths;
    private readonly Dictionary<string, RecordedHash> _hashes;
    private Dictionary<string, KlingVideoTask>? _byAttempt;
    private readonly Dictionary<string, string?> _read = new(StringComparer.Ordinal);
    private ILookup<string, KlingVideoTask>? _byHash;
    private ILookup<string, string>? _elsewhere;

    private GallerySource(ITaskLedger? ledger, IReadOnlyList<KlingVideoTask> recorded, IReadOnlyList<KlingVideoTask> own, IReadOnlyList<SavedPath> saved, IReadOnlyList<RecordedHash> hashes)
    {
        _ledger = ledger;
        Recorded = recorded;
        Own = own;
        _byId = recorded.ToDictionary(task => task.Id);
        _byTaskId = new(StringComparer.Ordinal);
        foreach (KlingVideoTask task in recorded.Where(task => task.TaskId is not null))
        {
            _byTaskId.TryAdd(task.TaskId!, task);
        }

        SavedPath[] known = [.. saved.Where(path => _byId.ContainsKey(path.Id)).OrderBy(path => path.Path, StringComparer.Ordinal)];
        _saved = new SavedVideos(known);
        _hashes = hashes.ToDictionary(hash => hash.Path, StringComparer.Ordinal);
        _paths = known.Where(path => path.IsCertain).ToLookup(path => path.Id);
    }

    /// <summary>All tasks of the ledger, by local id. Ids of the service and videos on disk show by themselves whose they are.</summary>
    public IReadOnlyList<KlingVideoTask> Recorded { get; }

    /// <summary>Those of the account in use; all of them if none is.</summary>
    public IReadOnlyList<KlingVideoTask> Own { get; }

    /// <summary>The time by the clock that the tasks' times come from.</summary>
    public DateTimeOffset Now { get; private init; }

    /// <summary>Reads the ledger.</summary>
    /// <param name="ledger">The ledger, which need not exist.</param>
    /// <param name="account">The account in use, if one is.</param>
    /// <param name="time">The clock of this machine.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>.</exception>
    public static async Task<GallerySource> ReadAsync(ITaskLedger ledger, string? account, TimeProvider time, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(ledger);
        ArgumentNullException.ThrowIfNull(time);
        if (!await ledger.ExistsAsync(cancellationToken).ConfigureAwait(false))
        {
            return new GallerySource(null, [], [], [], []) { Now = time.GetUtcNow() };
        }

        IReadOnlyList<KlingVideoTask> all = await ledger.Tasks.ListAsync(new TaskFilter(), cancellationToken).ConfigureAwait(false);
        return new GallerySource(
            ledger,
            all,
            account is null ? all : OwnOf(all, account, await ledger.Accounts.ListAsync(cancellationToken).ConfigureAwait(false)),
            await ledger.Tasks.ListSavedPathsAsync(cancellationToken).ConfigureAwait(false),
            await ledger.FileHashes.ListAsync(cancellationToken).ConfigureAwait(false))
        {
            Now = await ledger.Tasks.ReadClockAsync(cancellationToken).ConfigureAwait(false),
        };
    }

    /// <summary>The tasks that were bought with any key of an account. They are not read a second time: there may be a million.</summary>
    private static List<KlingVideoTask> OwnOf(IReadOnlyList<KlingVideoTask> all, string account, IReadOnlyList<AccountKey> keys)
    {
        string own = keys.FirstOrDefault(key => key.Fingerprint == account)?.Account ?? account;
        return [.. all.Where(task => task.Account == own)];
    }

    /// <summary>The entry of a task as the ledger records it now, with its video where that is now.</summary>
    /// <param name="task">The task, of this ledger or of another.</param>
    /// <param name="cancellationToken">Stops the search.</param>
    public async ValueTask<GalleryEntry> OfAsync(KlingVideoTask task, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(task);
        KlingVideoTask? recorded = task.TaskId is string taskId ? _byTaskId.GetValueOrDefault(taskId)
            : _byId.TryGetValue(task.Id, out KlingVideoTask? same) && same.CreatedAt == task.CreatedAt ? same
            : null;
        return recorded is not null ? await LocateAsync(recorded, cancellationToken).ConfigureAwait(false)
            : task.SavedPath is string path && await FindOwnerAsync(path, cancellationToken).ConfigureAwait(false) is KlingVideoTask owner
                ? new GalleryEntry(EntryOrigin.Task, task, null) { Holder = owner }
                : new GalleryEntry(EntryOrigin.Task, task, task.SavedPath);
    }

    /// <summary>An entry of a task of the ledger with the time of its oldest remaining file.</summary>
    public GalleryEntry WithTime(GalleryEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        IEnumerable<DateTimeOffset> times = _paths[entry.Task?.Id ?? 0]
            .Select(saved => saved.Path)
            .Where(path => entry.VideoPath is not null && FileFacts.IsOrdinary(path))
            .Select(path => (DateTimeOffset)File.GetLastWriteTimeUtc(path));
        return entry with { SavedAt = times.Select(time => (DateTimeOffset?)time).Min() };
    }

    /// <summary>A task of the ledger; <see langword="null"/> if there is none with this id.</summary>
    /// <param name="taskId">The service's id.</param>
    public KlingVideoTask? Find(string taskId) => _byTaskId.GetValueOrDefault(taskId);

    /// <inheritdoc cref="Find(string)"/>
    /// <param name="id">The local id.</param>
    public KlingVideoTask? Find(long id) => _byId.GetValueOrDefault(id);

    /// <summary>A task of the ledger by the key of its card, even one that it had before its id at the service was known; <see langword="null"/> if there is none.</summary>
    public KlingVideoTask? FindByKey(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        if (Find(key) is KlingVideoTask found)
        {
            return found;
        }

        if (!GalleryEntry.IsOfAttempt(key))
        {
            return null;
        }

        _byAttempt ??= Recorded.ToDictionary(GalleryEntry.AttemptKeyOf, StringComparer.Ordinal);
        return _byAttempt.GetValueOrDefault(key);
    }

    /// <summary>The key that a card has now, of all the keys that it may have had.</summary>
    public string KeyOf(string key) => FindByKey(key) is KlingVideoTask task ? GalleryEntry.KeyOf(task) : key;

    /// <summary>The entry of a video on disk, by what the ledger knows about its path, its sidecar, or its content.</summary>
    /// <param name="path">The full path. The video itself need not be there if its sidecar is.</param>
    /// <param name="taskId">The service's id of its task, if that is known.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns><see langword="null"/> if there is neither the video nor a sidecar of it.</returns>
    public async Task<GalleryEntry?> FindVideoAsync(string path, string? taskId, CancellationToken cancellationToken)
    {
        KlingVideoTask? owner = await FindOwnerAsync(path, cancellationToken).ConfigureAwait(false);
        if (taskId is not null && Find(taskId) is KlingVideoTask named)
        {
            return owner is null || owner.Id == named.Id
                ? new GalleryEntry(EntryOrigin.Ledger, named, path)
                : await LocateAsync(named, cancellationToken).ConfigureAwait(false);
        }

        if (owner is not null)
        {
            return new GalleryEntry(EntryOrigin.Ledger, owner, path);
        }

        if (Sidecar.TryRead(Sidecar.PathOf(path)) is Sidecar sidecar && await IsOfAsync(sidecar, path, cancellationToken).ConfigureAwait(false))
        {
            KlingVideoTask task = sidecar.ToTask(path);
            return (task.TaskId is string id ? Find(id) : null) is KlingVideoTask recorded
                ? new GalleryEntry(EntryOrigin.Ledger, recorded, path)
                : new GalleryEntry(EntryOrigin.Sidecar, task, path);
        }

        if (!FileFacts.IsOrdinary(path))
        {
            return null;
        }

        // It may have been moved or copied there.
        string? hash = await FindHashAsync(path, cancellationToken).ConfigureAwait(false);
        return hash is not null && FindByHash(hash) is KlingVideoTask same
            ? new GalleryEntry(EntryOrigin.Ledger, same, path)
            : new GalleryEntry(EntryOrigin.File, null, path) { VideoHash = hash };
    }

    /// <summary>
    /// Whether a sidecar is that of the video which has its name now, or had it last. Only one that was written after it may be another, as when the
    /// first was moved away: that is read.
    /// </summary>
    private async Task<bool> IsOfAsync(Sidecar sidecar, string path, CancellationToken cancellationToken)
        => FileStamp.Of(path) is not FileStamp video
            || video.ModifiedAt <= FileStamp.Of(Sidecar.PathOf(path))?.ModifiedAt
            || await FindHashAsync(path, cancellationToken).ConfigureAwait(false) == sidecar.Video.Sha256;

    private KlingVideoTask? FindByHash(string hash)
    {
        _byHash ??= Recorded.Where(task => task.SavedHash is not null).ToLookup(task => task.SavedHash!, StringComparer.Ordinal);
        return _byHash[hash].LastOrDefault();
    }

    /// <summary>
    /// A task of the ledger with its video: where it was last saved, or else at another path where it was saved and still is, or at any other
    /// that the ledger knows and that has its content, as after it was moved over another video. A path that another task's video has now
    /// counts only for that one.
    /// </summary>
    private async ValueTask<GalleryEntry> LocateAsync(KlingVideoTask task, CancellationToken cancellationToken)
    {
        KlingVideoTask? holder = null;
        if (task.SavedPath is string last && FileFacts.IsOrdinary(last))
        {
            holder = await FindOwnerAsync(last, cancellationToken).ConfigureAwait(false);
            if (holder is null || holder.Id == task.Id)
            {
                return new GalleryEntry(EntryOrigin.Ledger, task, last);
            }
        }

        foreach (SavedPath earlier in _paths[task.Id].Where(earlier => earlier.Path != task.SavedPath && FileFacts.IsOrdinary(earlier.Path)))
        {
            if (await FindHashAsync(earlier.Path, cancellationToken).ConfigureAwait(false) == earlier.Hash)
            {
                return new GalleryEntry(EntryOrigin.Ledger, task, earlier.Path);
            }
        }

        return task.SavedHash is string hash && await FindElsewhereAsync(hash, cancellationToken).ConfigureAwait(false) is string path
            ? new GalleryEntry(EntryOrigin.Ledger, task, path)
            : new GalleryEntry(EntryOrigin.Ledger, task, holder is null ? task.SavedPath : null) { Holder = holder };
    }

    /// <summary>A file that the ledger knows and that now has this content. Only files that have changed since they were recorded are read, and only if a video is missing.</summary>
    private async ValueTask<string?> FindElsewhereAsync(string hash, CancellationToken cancellationToken)
    {
        if (_elsewhere is null)
        {
            var found = new List<(string Hash, string Path)>();
            HashSet<string> saved = [.. _paths.SelectMany(paths => paths).Select(saved => saved.Path)];
            foreach (string path in saved.Concat(_hashes.Keys).Distinct().Where(FileFacts.IsOrdinary))
            {
                string? content = _hashes.TryGetValue(path, out RecordedHash? recorded) && recorded.IsOf(new FileInfo(path)) ? recorded.Hash
                    : saved.Contains(path) ? await FindHashAsync(path, cancellationToken).ConfigureAwait(false)
                    : null;
                if (content is not null)
                {
                    found.Add((content, path));
                }
            }

            _elsewhere = found.ToLookup(file => file.Hash, file => file.Path, StringComparer.Ordinal);
        }

        foreach (string path in _elsewhere[hash])
        {
            if (await FindHashAsync(path, cancellationToken).ConfigureAwait(false) == hash)
            {
                return path;
            }
        }

        return null;
    }

    /// <summary>
    /// Which of the tasks whose videos were saved at a path has its video there; <see langword="null"/> if none does. If there are several, the content decides;
    /// if that has changed since, it is the last one. If there is only one, the video is another task's only if that task's video was moved over it.
    /// </summary>
    private async ValueTask<KlingVideoTask?> FindOwnerAsync(string path, CancellationToken cancellationToken)
    {
        if (!Path.IsPathFullyQualified(path))
        {
            return null;
        }

        IReadOnlyList<SavedPath> here = _saved.At(path);
        if (here.Count == 0 || here.All(saved => saved.IsCertain && saved.Id == here[0].Id))
        {
            return here.Count == 0 ? null
                : await FindMovedAsync(path, here, cancellationToken).ConfigureAwait(false) ?? _byId[here[0].Id];
        }

        string? hash = FileFacts.IsOrdinary(path) ? await FindHashAsync(path, cancellationToken).ConfigureAwait(false) : null;
        return here.Where(saved => saved.Hash == hash).Select(saved => _byId[saved.Id]).FirstOrDefault()
            ?? here.Where(saved => saved.IsCertain).Select(saved => _byId[saved.Id]).MaxBy(task => (task.CompletedAt ?? task.CreatedAt, task.Id));
    }

    /// <summary>The other task whose video has been moved over a saved one. Only a file that has changed since it was recorded is read.</summary>
    private async ValueTask<KlingVideoTask?> FindMovedAsync(string path, IReadOnlyList<SavedPath> here, CancellationToken cancellationToken)
    {
        if (!_hashes.TryGetValue(here[0].Path, out RecordedHash? recorded) || new FileInfo(path) is not { Exists: true } file)
        {
            return null;
        }

        string? hash = recorded.IsOf(file) ? recorded.Hash : await FindHashAsync(path, cancellationToken).ConfigureAwait(false);
        return hash is null || here.Any(saved => saved.Hash == hash) ? null : FindByHash(hash);
    }

    /// <summary>The content of a file, which is read only if the ledger does not have its hash, and only once.</summary>
    private async ValueTask<string?> FindHashAsync(string path, CancellationToken cancellationToken)
    {
        if (!_read.TryGetValue(path, out string? hash))
        {
            hash = await ReadHashAsync(path, cancellationToken).ConfigureAwait(false);
            _read.Add(path, hash);
        }

        return hash;
    }

    private async Task<string?> ReadHashAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            return (_ledger is not null && FileStamp.Of(path) is FileStamp stamp
                    ? await _ledger.FileHashes.FindAsync(path, stamp, cancellationToken).ConfigureAwait(false)
                    : null)
                ?? await ContentHash.Sha256Async(path, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is KlingException { Kind: not ErrorKind.LedgerUnusable } or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
