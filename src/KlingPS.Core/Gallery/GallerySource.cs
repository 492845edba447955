using KlingPS.Core.Files;
using KlingPS.Core.Imaging;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Saving;

namespace KlingPS.Core.Gallery;

/// <summary>
/// Tells what is known of videos and tasks: what the ledger has of them now, whatever it had when they were handed in; else what the sidecar
/// says. Asks nobody but the disk.
/// </summary>
internal sealed class GallerySource
{
    private readonly Dictionary<long, KlingVideoTask> _byId;
    private readonly Dictionary<string, KlingVideoTask> _byTaskId;
    private readonly SavedVideos _saved;
    private Dictionary<string, KlingVideoTask>? _byKey;

    private GallerySource(IReadOnlyList<KlingVideoTask> recorded, IReadOnlyList<KlingVideoTask> own, IReadOnlyList<SavedPath> saved)
    {
        Recorded = recorded;
        Own = own;
        _byId = recorded.ToDictionary(task => task.Id);
        _byTaskId = new(StringComparer.Ordinal);
        foreach (KlingVideoTask task in recorded.Where(task => task.TaskId is not null))
        {
            _byTaskId.TryAdd(task.TaskId!, task);
        }

        _saved = new SavedVideos([.. saved.Where(path => path.IsCertain && _byId.ContainsKey(path.Id))]);
    }

    /// <summary>All tasks of the ledger, by local id. Ids of the service and videos on disk tell for themselves whose they are.</summary>
    public IReadOnlyList<KlingVideoTask> Recorded { get; }

    /// <summary>Those of the account in use; all of them where none is.</summary>
    public IReadOnlyList<KlingVideoTask> Own { get; }

    /// <summary>Reads the ledger.</summary>
    /// <param name="ledger">The ledger, which need not exist.</param>
    /// <param name="account">The account in use, if one is.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>.</exception>
    public static async Task<GallerySource> ReadAsync(ITaskLedger ledger, string? account, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(ledger);
        if (!await ledger.ExistsAsync(cancellationToken).ConfigureAwait(false))
        {
            return new GallerySource([], [], []);
        }

        IReadOnlyList<KlingVideoTask> all = await ledger.Tasks.ListAsync(new TaskFilter(), cancellationToken).ConfigureAwait(false);
        return new GallerySource(
            all,
            account is null ? all : await ledger.Tasks.ListAsync(new TaskFilter { Account = account }, cancellationToken).ConfigureAwait(false),
            await ledger.Tasks.ListSavedPathsAsync(cancellationToken).ConfigureAwait(false));
    }

    /// <summary>The entry of a task, as the ledger has it by now.</summary>
    public GalleryEntry Of(KlingVideoTask task)
    {
        ArgumentNullException.ThrowIfNull(task);
        KlingVideoTask? recorded = task.TaskId is string taskId ? _byTaskId.GetValueOrDefault(taskId)
            : _byId.TryGetValue(task.Id, out KlingVideoTask? same) && same.CreatedAt == task.CreatedAt ? same
            : null;
        return new GalleryEntry(recorded is null ? EntryOrigin.Task : EntryOrigin.Ledger, recorded ?? task, (recorded ?? task).SavedPath);
    }

    /// <summary>The entry of a task of the ledger; <see langword="null"/> if there is none with this id.</summary>
    /// <param name="taskId">The service's id.</param>
    public GalleryEntry? Find(string taskId) => _byTaskId.GetValueOrDefault(taskId) is KlingVideoTask task ? Of(task) : null;

    /// <inheritdoc cref="Find(string)"/>
    /// <param name="id">The local id.</param>
    public GalleryEntry? Find(long id) => _byId.GetValueOrDefault(id) is KlingVideoTask task ? new GalleryEntry(EntryOrigin.Ledger, task, task.SavedPath) : null;

    /// <summary>The entry of a task of the ledger by the key of its card; <see langword="null"/> if there is none.</summary>
    public GalleryEntry? FindByKey(string key)
    {
        _byKey ??= Recorded.Where(task => task.TaskId is null).ToDictionary(GalleryEntry.KeyOf, StringComparer.Ordinal);
        return Find(key) ?? (_byKey.GetValueOrDefault(key) is KlingVideoTask task ? Of(task) : null);
    }

    /// <summary>The entry of a video on disk, by what the ledger has of its path, its sidecar, or its content.</summary>
    /// <param name="path">The full path. The video itself need not be there if its sidecar is.</param>
    /// <param name="taskId">The service's id of its task, where that is known.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns><see langword="null"/> if there is neither the video nor a sidecar of it.</returns>
    public async Task<GalleryEntry?> FindVideoAsync(string path, string? taskId, CancellationToken cancellationToken)
    {
        if (taskId is not null && Find(taskId) is GalleryEntry named)
        {
            return named with { VideoPath = path };
        }

        if (_saved.At(path) is [.., SavedPath saved])
        {
            return new GalleryEntry(EntryOrigin.Ledger, _byId[saved.Id], path);
        }

        if (Sidecar.TryRead(Sidecar.PathOf(path)) is Sidecar sidecar)
        {
            KlingVideoTask task = sidecar.ToTask(path);
            return (task.TaskId is string id ? Find(id) : null) is GalleryEntry recorded
                ? recorded with { VideoPath = path }
                : new GalleryEntry(EntryOrigin.Sidecar, task, path);
        }

        if (!IsThere(path))
        {
            return null;
        }

        // A video that was moved or copied there.
        string? hash = await TryHashAsync(path, cancellationToken).ConfigureAwait(false);
        return hash is not null && _saved.With(hash).LastOrDefault() is SavedPath same
            ? new GalleryEntry(EntryOrigin.Ledger, _byId[same.Id], path)
            : new GalleryEntry(EntryOrigin.File, null, path) { ContentHash = hash };
    }

    private static async Task<string?> TryHashAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            return await ContentHash.Sha256Async(path, cancellationToken).ConfigureAwait(false);
        }
        catch (KlingException)
        {
            // Then it is a video of which nothing is known.
            return null;
        }
    }

    private static bool IsThere(string path)
    {
        try
        {
            return FileFacts.Of(path) is { Kind: FileKind.Ordinary };
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
