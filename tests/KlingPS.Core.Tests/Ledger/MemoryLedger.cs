using System.Collections.Concurrent;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Tests.Ledger;

/// <summary>A ledger without a file, and so without threads of its own: under a fake clock nothing happens behind a test's back.</summary>
internal sealed class MemoryLedger : ITaskLedger, ITaskJournal, IUploadCache, IFileHashCache, IGenerationHistory, IRateGates
{
    private readonly TimeProvider _time;
    private readonly object _gate = new();
    private readonly SortedDictionary<long, Entry> _entries = [];
    private readonly Dictionary<(string Account, string TaskId), long> _byTaskId = [];
    private readonly ConcurrentDictionary<(string Account, string Hash), UploadRecord> _uploads = [];
    private readonly ConcurrentDictionary<string, (long Length, DateTimeOffset ModifiedAt, string Hash)> _fileHashes = [];
    private long _lastId;
    private int _lookups;

    public MemoryLedger(TimeProvider timeProvider)
    {
        _time = timeProvider;
    }

    public string Location => "memory";

    public ITaskJournal Tasks => this;

    public IUploadCache Uploads => this;

    public IFileHashCache FileHashes => this;

    public IGenerationHistory GenerationTimes => this;

    public IRateGates RateGates => this;

    /// <summary>How often a task was looked up by one of its ids.</summary>
    public int Lookups => _lookups;

    /// <summary>The attempts that count as those of another process, by number.</summary>
    public HashSet<long> Others { get; } = [];

    /// <summary>Done on the thread that asks for saved paths, before they are read.</summary>
    public Action? ListingSavedPaths { get; set; }

    /// <summary>What is wrong with it when it is to record that an answer was lost.</summary>
    public KlingException? Fault { get; set; }

    public Task<KlingVideoTask> BeginAsync(TaskIntent intent, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(intent);
        cancellationToken.ThrowIfCancellationRequested();
        return Task.FromResult(Begin(intent));
    }

    public Task<RecordResult> RecordAcceptedAsync(long id, string taskId)
    {
        KlingVideoTask before = _entries[id].Task;
        return Task.FromResult<RecordResult>(before.TaskId is not null && before.TaskId != taskId
            ? new RecordResult.Superseded(before)
            : new RecordResult.Recorded(Change(id, task => task.TaskId == taskId ? task
                : _byTaskId.TryGetValue((task.Account, taskId), out long twin) && _entries.Remove(twin, out Entry? adopted) ? task.Joined(adopted.Task)!
                : task.Accepted(taskId, _time.GetUtcNow())!)));
    }

    public Task<RecordResult> RecordRejectedAsync(long id, string? code, string reason)
        => Task.FromResult<RecordResult>(_entries[id].Task is { State: not (KlingTaskState.Submitting or KlingTaskState.Unknown) } before
            ? new RecordResult.Superseded(before)
            : new RecordResult.Recorded(Change(id, task => task.Rejected(code, reason, _time.GetUtcNow())!)));

    public Task<RecordResult> RecordUnknownAsync(long id, string reason)
        => Fault is null ? Task.FromResult<RecordResult>(new RecordResult.Recorded(Change(id, task => task.Unknown(reason) ?? task))) : Task.FromException<RecordResult>(Fault);

    public Task<KlingVideoTask> RecordSnapshotAsync(string account, TaskSnapshot snapshot)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        lock (_gate)
        {
            return Task.FromResult(_byTaskId.TryGetValue((account, snapshot.TaskId), out long id)
                ? Change(id, task => task.Observed(snapshot, _time.GetUtcNow()))
                : Add(account, identity: null, TaskTransitions.Adopted(account, snapshot, _time.GetUtcNow())));
        }
    }

    public Task<KlingVideoTask> RecordSavedAsync(long id, string path, string hash)
        => Task.FromResult(Change(id, task => task with { SavedPath = path, SavedHash = hash }));

    public Task<KlingVideoTask?> FindAsync(long id, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _lookups);
        lock (_gate)
        {
            return Task.FromResult(_entries.TryGetValue(id, out Entry? entry) ? entry.Task : null);
        }
    }

    public Task<KlingVideoTask?> FindByTaskIdAsync(string account, string taskId, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _lookups);
        lock (_gate)
        {
            return Task.FromResult(_byTaskId.TryGetValue((account, taskId), out long id) ? _entries[id].Task : null);
        }
    }

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
                        && (!filter.IsOwnAttempt || !Others.Contains(entry.Task.Id))
                        && (!filter.Unsaved || entry.Task is { State: KlingTaskState.Succeeded, SavedPath: null }))
                    .Select(entry => entry.Task),
            ]);
        }
    }

    public Task<UploadRecord?> FindAsync(string account, string hash, CancellationToken cancellationToken)
        => Task.FromResult(_uploads.TryGetValue((account, hash), out UploadRecord? upload) && upload.ExpiresAt > _time.GetUtcNow() ? upload : null);

    public Task RecordAsync(UploadRecord upload, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(upload);
        _uploads[(upload.Account, upload.Hash)] = upload;
        return Task.CompletedTask;
    }

    public Task<IReadOnlyList<double>> ListAsync(string model, int duration, int limit, CancellationToken cancellationToken)
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

    public Task OpenAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task<TaskClaim> ClaimAsync(TaskIntent intent, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_gate)
        {
            return Task.FromResult(FindEarlier(intent.Account, intent.Identity) is { State: not KlingTaskState.Failed } purchase
                ? new TaskClaim(purchase, IsNew: false)
                : new TaskClaim(Begin(intent), IsNew: true));
        }
    }

    public Task<string?> FindBudgetExcessAsync(TaskIntent intent, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            return Task.FromResult(FindExcess(intent));
        }
    }

    public Task<IReadOnlyList<SavedPath>> ListSavedPathsAsync(string folder, CancellationToken cancellationToken)
    {
        ListingSavedPaths?.Invoke();
        lock (_gate)
        {
            KlingVideoTask[] saved = [.. _entries.Values.Select(entry => entry.Task).Where(task => task.SavedPath is not null)];
            return Task.FromResult<IReadOnlyList<SavedPath>>(
            [
                .. saved.Select(task => new SavedPath(task.SavedPath!, task.Id, task.SavedHash!))
                    .Union(_fileHashes.SelectMany(file => saved.Where(task => task.SavedHash == file.Value.Hash).Select(task => new SavedPath(file.Key, task.Id, file.Value.Hash))))
                    .Where(path => path.Path.StartsWith(folder, StringComparison.Ordinal)),
            ]);
        }
    }

    public Task<KlingVideoTask?> FindEarlierAsync(string account, string identity, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            return Task.FromResult(FindEarlier(account, identity));
        }
    }

    public Task<KlingVideoTask?> FindByNonceAsync(string account, string nonce, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            return Task.FromResult(_entries.Values.Select(entry => entry.Task).FirstOrDefault(task => task.Account == account && task.Nonce == nonce));
        }
    }

    public Task<KlingVideoTask> ResolveAsync(long id, TaskSnapshot snapshot)
        => Task.FromResult(Change(id, task => task.Accepted(snapshot.TaskId, _time.GetUtcNow())!.Observed(snapshot, _time.GetUtcNow())));

    public Task<KlingVideoTask> AbandonAsync(long id) => Task.FromResult(Change(id, task => task.Abandoned(_time.GetUtcNow())!));

    public Task RemoveAsync(long id)
    {
        lock (_gate)
        {
            _entries.Remove(id);
            return Task.CompletedTask;
        }
    }

    public Task<IReadOnlyList<KlingVideoTask>> RecoverAsync(CancellationToken cancellationToken) => Task.FromResult<IReadOnlyList<KlingVideoTask>>([]);

    public Task<string?> FindAsync(string path, long length, DateTimeOffset modifiedAt, CancellationToken cancellationToken)
        => Task.FromResult(_fileHashes.TryGetValue(path, out (long Length, DateTimeOffset ModifiedAt, string Hash) file) && (file.Length, file.ModifiedAt) == (length, modifiedAt) ? file.Hash : null);

    public Task RecordAsync(string path, long length, DateTimeOffset modifiedAt, string hash, CancellationToken cancellationToken)
    {
        _fileHashes[path] = (length, modifiedAt, hash);
        return Task.CompletedTask;
    }

    public IRateGate OpenCreateGate(string account) => new SlidingWindowGate(20, TimeSpan.FromSeconds(10), _time);

    public IRateGate OpenQueryGate(string account) => new SlidingWindowGate(10, TimeSpan.FromSeconds(1), _time);

    private KlingVideoTask Begin(TaskIntent intent)
    {
        lock (_gate)
        {
            if (intent.Replaces is long replaced)
            {
                Change(replaced, task => task.Abandoned(_time.GetUtcNow())!);
            }

            if (FindExcess(intent) is string excess)
            {
                throw new KlingException(ErrorKind.BudgetExceeded, excess);
            }

            return Add(intent.Account, intent.Identity, TaskTransitions.Begun(intent, _time.GetUtcNow()), intent.Budget?.RunId);
        }
    }

    /// <summary>What the real ledger finds, in its order.</summary>
    private KlingVideoTask? FindEarlier(string account, string identity) => _entries.Values
        .Where(entry => entry.Account == account && entry.Identity == identity
            && (entry.Task.State is KlingTaskState.Succeeded or KlingTaskState.Failed || !entry.Task.State.IsSettled()))
        .Select(entry => entry.Task)
        .OrderBy(task => task.State switch
        {
            KlingTaskState.Succeeded => 0,
            KlingTaskState.Submitting or KlingTaskState.Unknown => 2,
            KlingTaskState.Failed => 3,
            _ => 1,
        })
        .ThenByDescending(task => task.Id)
        .FirstOrDefault();

    private string? FindExcess(TaskIntent intent)
    {
        if (intent.Budget is not { } limit)
        {
            return null;
        }

        Entry[] run = [.. _entries.Values.Where(entry => entry.RunId is not null && entry.RunId == limit.RunId)];
        var spent = new Spending(
            run.Sum(entry => entry.Task.CreditsReserved + (entry.Task.CreditsConsumed ?? 0)),
            run.Count(entry => entry.Task.State is not (KlingTaskState.Failed or KlingTaskState.Rejected or KlingTaskState.Abandoned)),
            _entries.Values.Sum(entry => entry.Task.CreditsReserved + (entry.Task.CreditsConsumed ?? 0)));
        return BudgetRule.FindExcess(limit, spent, intent.Credits);
    }

    private KlingVideoTask Add(string account, string? identity, KlingVideoTask task, string? runId = null)
    {
        lock (_gate)
        {
            KlingVideoTask numbered = task with { Id = ++_lastId };
            _entries.Add(numbered.Id, new Entry(account, identity, numbered, runId));
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

    private sealed record Entry(string Account, string? Identity, KlingVideoTask Task, string? RunId);
}
