using System.Collections.Concurrent;
using KlingPS.Core.Api;

namespace KlingPS.Core.Ledger;

/// <summary>A ledger that lasts as long as the process.</summary>
public sealed class MemoryLedger : ITaskLedger
{
    private readonly TimeProvider _time;
    private readonly object _gate = new();
    private readonly SortedDictionary<long, Entry> _entries = [];
    private readonly Dictionary<(string Account, string TaskId), long> _byTaskId = [];
    private readonly ConcurrentDictionary<(string Account, string Hash), UploadRecord> _uploads = [];
    private long _lastId;

    /// <summary>Creates an empty ledger.</summary>
    public MemoryLedger(TimeProvider timeProvider)
    {
        _time = timeProvider;
    }

    /// <inheritdoc/>
    public Task<KlingVideoTask> BeginAsync(TaskIntent intent, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(intent);
        cancellationToken.ThrowIfCancellationRequested();
        return Task.FromResult(Add(intent.Account, intent.Identity, TaskTransitions.Begun(intent, _time.GetUtcNow())));
    }

    /// <inheritdoc/>
    public Task<KlingVideoTask> RecordAcceptedAsync(long id, string taskId) => Task.FromResult(Change(id, task => task.Accepted(taskId)));

    /// <inheritdoc/>
    public Task<KlingVideoTask> RecordRejectedAsync(long id, string? code, string reason)
        => Task.FromResult(Change(id, task => task.Rejected(code, reason, _time.GetUtcNow())));

    /// <inheritdoc/>
    public Task<KlingVideoTask> RecordUnknownAsync(long id, string reason) => Task.FromResult(Change(id, task => task.Unknown(reason)));

    /// <inheritdoc/>
    public Task<KlingVideoTask> RecordSnapshotAsync(string account, TaskSnapshot snapshot)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        lock (_gate)
        {
            return Task.FromResult(_byTaskId.TryGetValue((account, snapshot.TaskId), out long id)
                ? Change(id, task => task.Observed(snapshot, _time.GetUtcNow()))
                : Add(account, identity: null, TaskTransitions.Adopted(snapshot, _time.GetUtcNow())));
        }
    }

    /// <inheritdoc/>
    public Task<KlingVideoTask> RecordSavedAsync(long id, string path, string hash)
        => Task.FromResult(Change(id, task => task with { SavedPath = path, SavedHash = hash }));

    /// <inheritdoc/>
    public Task<KlingVideoTask?> FindAsync(long id, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            return Task.FromResult(_entries.TryGetValue(id, out Entry? entry) ? entry.Task : null);
        }
    }

    /// <inheritdoc/>
    public Task<KlingVideoTask?> FindByTaskIdAsync(string account, string taskId, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            return Task.FromResult(_byTaskId.TryGetValue((account, taskId), out long id) ? _entries[id].Task : null);
        }
    }

    /// <inheritdoc/>
    public Task<KlingVideoTask?> FindUnknownAsync(string account, string identity, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            return Task.FromResult(_entries.Values
                .Where(entry => entry.Task.State == KlingTaskState.Unknown && entry.Account == account && entry.Identity == identity)
                .Select(entry => entry.Task)
                .FirstOrDefault());
        }
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<KlingVideoTask>> ListAsync(TaskFilter filter, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(filter);
        lock (_gate)
        {
            return Task.FromResult<IReadOnlyList<KlingVideoTask>>(
            [
                .. _entries.Values
                    .Where(entry => (filter.Account is null || entry.Account == filter.Account)
                        && (filter.States is null || filter.States.Contains(entry.Task.State))
                        && (filter.Since is null || entry.Task.CreatedAt >= filter.Since)
                        && (!filter.Unsaved || entry.Task is { State: KlingTaskState.Succeeded, SavedPath: null }))
                    .Select(entry => entry.Task),
            ]);
        }
    }

    /// <inheritdoc/>
    public Task<UploadRecord?> FindUploadAsync(string account, string hash, CancellationToken cancellationToken)
        => Task.FromResult(_uploads.TryGetValue((account, hash), out UploadRecord? upload) && upload.ExpiresAt > _time.GetUtcNow() ? upload : null);

    /// <inheritdoc/>
    public Task RecordUploadAsync(UploadRecord upload, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(upload);
        _uploads[(upload.Account, upload.Hash)] = upload;
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<double>> ListGenerationTimesAsync(string model, int duration, int limit, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            return Task.FromResult<IReadOnlyList<double>>(
            [
                .. _entries.Values
                    .Select(entry => entry.Task)
                    .Where(task => task.State == KlingTaskState.Succeeded && task.Model == model && task.Duration == duration)
                    .OrderByDescending(task => task.CompletedAt)
                    .Take(limit)
                    .Select(task => (task.CompletedAt!.Value - task.CreatedAt).TotalSeconds),
            ]);
        }
    }

    private KlingVideoTask Add(string account, string? identity, KlingVideoTask task)
    {
        lock (_gate)
        {
            KlingVideoTask numbered = task with { Id = ++_lastId };
            _entries.Add(numbered.Id, new Entry(account, identity, numbered));
            Index(account, numbered);
            return numbered;
        }
    }

    private KlingVideoTask Change(long id, Func<KlingVideoTask, KlingVideoTask> change)
    {
        lock (_gate)
        {
            Entry entry = _entries[id];
            KlingVideoTask next = change(entry.Task);
            _entries[id] = entry with { Task = next };
            Index(entry.Account, next);
            return next;
        }
    }

    private void Index(string account, KlingVideoTask task)
    {
        if (task.TaskId is string taskId)
        {
            _byTaskId[(account, taskId)] = task.Id;
        }
    }

    private sealed record Entry(string Account, string? Identity, KlingVideoTask Task);
}
