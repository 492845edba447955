using System.Runtime.CompilerServices;
using KlingPS.Core.Ledger.Spool;
using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>The journal in a database. Each operation is one transaction; see <see cref="PurchaseTransactions"/> and <see cref="TaskTransactions"/> for its content.</summary>
/// <param name="store">The database.</param>
/// <param name="owners">Who makes attempts.</param>
/// <param name="time">The clock of this process, for its time zone.</param>
/// <param name="spool">Keeps what cannot be recorded; <see langword="null"/> if nothing is kept.</param>
internal sealed class SqlTaskJournal(SqlStore store, IAttemptOwners owners, TimeProvider time, SpoolReplay? spool) : ITaskJournal, IAsyncDisposable
{
    private readonly PurchaseTransactions _purchases = new(owners, time);
    private readonly LostAttempts _lostAttempts = new(store, owners, spool);
    private readonly Heartbeat _heartbeat = new(store, owners, time);

    /// <inheritdoc/>
    public async Task<KlingVideoTask> BeginAsync(TaskIntent intent, CancellationToken cancellationToken)
    {
        await PrepareAsync(intent, cancellationToken).ConfigureAwait(false);
        return await _heartbeat.BeginAsync(
            () => WritePurchaseAsync(intent, _purchases.BeginAsync, cancellationToken),
            task => task.Id).ConfigureAwait(false);
    }

    /// <summary>See <see cref="ICreateGate.BeginAsync"/>.</summary>
    public async Task<Passage<KlingVideoTask>> BeginAsync(TaskIntent intent, SqlRateGate gate, IGateCaller caller, CancellationToken cancellationToken)
    {
        await PrepareAsync(intent, cancellationToken).ConfigureAwait(false);
        return await _heartbeat.BeginAsync(
            () => WritePurchaseAsync(intent, gate, _purchases.BeginAsync, caller, cancellationToken),
            passage => passage.Result.Id).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<TaskClaim> ClaimAsync(TaskIntent intent, CancellationToken cancellationToken)
    {
        await PrepareAsync(intent, cancellationToken).ConfigureAwait(false);
        return await _heartbeat.BeginAsync(
            () => WritePurchaseAsync(intent, _purchases.ClaimAsync, cancellationToken),
            claim => claim.IsNew ? claim.Task.Id : null).ConfigureAwait(false);
    }

    /// <summary>See <see cref="ICreateGate.ClaimAsync"/>.</summary>
    public async Task<Passage<TaskClaim>> ClaimAsync(TaskIntent intent, SqlRateGate gate, IGateCaller caller, CancellationToken cancellationToken)
    {
        await PrepareAsync(intent, cancellationToken).ConfigureAwait(false);
        return await _heartbeat.BeginAsync(
            () => WritePurchaseAsync(intent, gate, _purchases.ClaimAsync, caller, cancellationToken),
            passage => passage.Result.IsNew ? passage.Result.Task.Id : null).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public Task<string?> FindBudgetExcessAsync(TaskIntent intent, CancellationToken cancellationToken)
    {
        RequireRunId(intent);
        return intent.Budget is null
            ? Task.FromResult<string?>(null)
            : store.ReadAsync(session => _purchases.FindBudgetExcessAsync(session, intent), cancellationToken);
    }

    /// <inheritdoc/>
    public Task<RecordResult> RecordAcceptedAsync(long id, string taskId, TaskIntent? intent)
    {
        ArgumentException.ThrowIfNullOrEmpty(taskId);

        // A record that is gone does not say which account it belonged to.
        WriteScope scope = intent is null ? WriteScope.Task(id) : WriteScope.Account(intent.Account);
        return EndAsync(id, session => TaskTransactions.AcceptAsync(session, id, taskId, intent), scope);
    }

    /// <inheritdoc/>
    public Task<RecordResult> RecordRejectedAsync(KlingVideoTask attempt, string? code, string reason)
        => EndAsync(attempt.Id, session => TaskTransactions.RejectAsync(session, attempt, code, reason), WriteScope.Account(attempt.Account));

    /// <inheritdoc/>
    public Task<RecordResult> RecordUnknownAsync(long id, string reason, TaskIntent intent)
        => EndAsync(id, session => TaskTransactions.LoseResponseAsync(session, id, reason, intent), WriteScope.Account(intent.Account));

    /// <inheritdoc/>
    public Task<RecordResult> RecordHeldBackAsync(KlingVideoTask attempt, string reason)

        // If a power failure erases this, it counts as a request that may have left.
        => store.WriteLightlyAsync(session => TaskTransactions.HoldBackAsync(session, attempt, reason), WriteScope.Account(attempt.Account), CancellationToken.None);

    /// <inheritdoc/>
    public Task<RecordResult> RecordSentAgainAsync(KlingVideoTask attempt, TimeSpan answerWithin, TaskIntent? intent, CancellationToken cancellationToken)
        => store.WriteAsync(session => _purchases.SendAgainAsync(session, attempt, answerWithin, intent), ScopeOf(attempt, intent), cancellationToken);

    /// <summary>See <see cref="ICreateGate.SendAgainAsync"/>.</summary>
    public Task<Passage<RecordResult>> RecordSentAgainAsync(
        KlingVideoTask attempt, TimeSpan answerWithin, TaskIntent? intent, SqlRateGate gate, IGateCaller caller, CancellationToken cancellationToken)
        => gate.PassAsync(
            (session, tryTake) => _purchases.SendAgainAsync(session, attempt, answerWithin, intent, tryTake), ScopeOf(attempt, intent), caller, cancellationToken);

    /// <inheritdoc/>
    public void Disown(long id, TaskIntent intent, bool mayBeBought, string reason)
    {
        _lostAttempts.Disown(id, intent, mayBeBought, reason);
        _heartbeat.End(id);
    }

    /// <inheritdoc/>
    public Task<KlingVideoTask> RecordSnapshotAsync(string account, TaskSnapshot snapshot)
    {
        ArgumentException.ThrowIfNullOrEmpty(account);
        RequireStateOfService(snapshot);

        // If a power failure erases this, the service can be asked again.
        return store.WriteLightlyAsync(session => TaskTransactions.ObserveAsync(session, account, snapshot), WriteScope.Account(account), CancellationToken.None);
    }

    /// <inheritdoc/>
    public Task<RecordResult> RecordDetachedAsync(long id, string taskId, string reason)
        => store.WriteAsync(session => TaskTransactions.DetachAsync(session, id, taskId, reason), WriteScope.Task(id), CancellationToken.None);

    /// <inheritdoc/>
    public Task RecordSavingAsync(KlingVideoTask task, string path, string hash)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentException.ThrowIfNullOrEmpty(hash);
        return store.WriteAsync(session => TaskTransactions.BeginSavingAsync(session, task, path, hash), WriteScope.Account(task.Account), CancellationToken.None);
    }

    /// <inheritdoc/>
    public Task<string?> FindSavingHashAsync(KlingVideoTask task, CancellationToken cancellationToken)
        => store.ReadAsync(session => TaskTransactions.FindSavingHashAsync(session, task), cancellationToken);

    /// <inheritdoc/>
    public Task<KlingVideoTask> RecordSavedAsync(KlingVideoTask task, string path, string hash)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentException.ThrowIfNullOrEmpty(hash);

        // If a power failure erases this, it can be learned again from the file, which was recorded before it got its name.
        return store.WriteLightlyAsync(session => TaskTransactions.SaveAsync(session, task, path, hash), WriteScope.Account(task.Account), CancellationToken.None);
    }

    /// <inheritdoc/>
    public Task<KlingVideoTask> RecordFoundAsync(KlingVideoTask task, string path, string hash)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentException.ThrowIfNullOrEmpty(hash);

        // If a power failure erases this, the file is found again.
        return store.WriteLightlyAsync(session => TaskTransactions.RecordFoundAsync(session, task, path, hash), WriteScope.Account(task.Account), CancellationToken.None);
    }

    /// <inheritdoc/>
    public Task<KlingVideoTask> RecordTakenAsync(KlingVideoTask task, bool isTaken)
    {
        ArgumentNullException.ThrowIfNull(task);
        return store.WriteAsync(session => TaskTransactions.TakeAsync(session, task, isTaken), WriteScope.Account(task.Account), CancellationToken.None);
    }

    /// <inheritdoc/>
    public async Task<KlingVideoTask> ResolveAsync(KlingVideoTask seen, TaskSnapshot snapshot)
    {
        ArgumentNullException.ThrowIfNull(seen);
        RequireStateOfService(snapshot);
        await RecoverAsync(CancellationToken.None).ConfigureAwait(false);
        return await store.WriteAsync(session => TaskTransactions.ResolveAsync(session, seen, snapshot), WriteScope.Account(seen.Account), CancellationToken.None).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<KlingVideoTask> AbandonAsync(KlingVideoTask seen)
    {
        ArgumentNullException.ThrowIfNull(seen);
        await RecoverAsync(CancellationToken.None).ConfigureAwait(false);
        return await store.WriteAsync(session => TaskTransactions.AbandonAsync(session, seen), WriteScope.Account(seen.Account), CancellationToken.None).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public Task<KlingVideoTask> RecordForgottenAsync(long id, string taskId, string reason)
        => store.WriteAsync(session => TaskTransactions.ForgetAsync(session, id, taskId, reason), WriteScope.Task(id), CancellationToken.None);

    /// <inheritdoc/>
    public async Task<KlingVideoTask> RemoveAsync(KlingVideoTask seen)
    {
        ArgumentNullException.ThrowIfNull(seen);

        // The process that was to replace it may have ended.
        if (await store.ReadAsync(FindOpenReplacementAsync, CancellationToken.None).ConfigureAwait(false) is not null)
        {
            await RecoverAsync(CancellationToken.None).ConfigureAwait(false);
        }

        return await store.WriteAsync(session => TaskTransactions.RemoveAsync(session, seen), CancellationToken.None).ConfigureAwait(false);

        async Task<KlingVideoTask?> FindOpenReplacementAsync(SqlSession session)
            => await TaskTable.FindAttemptAsync(session, seen).ConfigureAwait(false) is { } task ? await TaskTransactions.FindReplacementAsync(session, task, isOpen: true).ConfigureAwait(false) : null;
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<KlingVideoTask>> RecoverAsync(CancellationToken cancellationToken) => _lostAttempts.RecoverAsync(cancellationToken);

    /// <summary>The same before something is only shown: a ledger that cannot be written, as on a full disk, can still be read.</summary>
    public async Task TryRecoverAsync(CancellationToken cancellationToken)
    {
        try
        {
            await RecoverAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (KlingException exception) when (exception.Kind == ErrorKind.LedgerUnusable)
        {
        }
    }

    /// <inheritdoc/>
    public async Task<KlingVideoTask?> FindAsync(long id, CancellationToken cancellationToken)
    {
        KlingVideoTask? task = await ReadAsync().ConfigureAwait(false);
        if (task is not { TaskState: KlingTaskState.Submitting })
        {
            return task;
        }

        // Its process may have ended since the ledger was opened.
        await TryRecoverAsync(cancellationToken).ConfigureAwait(false);
        return await ReadAsync().ConfigureAwait(false);

        Task<KlingVideoTask?> ReadAsync() => store.ReadAsync(session => TaskTable.FindAsync(session, id), cancellationToken);
    }

    /// <inheritdoc/>
    public Task<KlingVideoTask?> FindCurrentAsync(KlingVideoTask task, CancellationToken cancellationToken)
        => store.ReadAsync(session => TaskTable.FindCurrentAsync(session, task), cancellationToken);

    /// <inheritdoc/>
    public Task<KlingVideoTask?> FindReplacementAsync(KlingVideoTask replaced, CancellationToken cancellationToken)
        => store.ReadAsync(session => TaskTransactions.FindReplacementAsync(session, replaced, isOpen: false), cancellationToken);

    /// <inheritdoc/>
    public Task<KlingVideoTask?> FindByTaskIdAsync(string? account, string taskId, CancellationToken cancellationToken)
        => store.ReadAsync(
            session => account is null
                ? TaskTable.FindAsync(session, "t.task_id = @taskId ORDER BY t.id", ("taskId", taskId))
                : TaskTable.FindByTaskIdAsync(session, account, taskId),
            cancellationToken);

    /// <inheritdoc/>
    public Task<KlingVideoTask?> FindByNonceAsync(string account, string nonce, CancellationToken cancellationToken)
        => store.ReadAsync(
            session => TaskTable.FindAsync(session, $"t.nonce = @nonce AND {AccountTable.IsOwn("t.account")}", ("nonce", nonce), ("account", account)),
            cancellationToken);

    /// <inheritdoc/>
    public async Task<KlingVideoTask?> FindUnknownAsync(string account, VideoSpec spec, CancellationToken cancellationToken)
    {
        await RecoverAsync(cancellationToken).ConfigureAwait(false);
        return await store.ReadAsync(session => TaskQueries.FindUnknownAsync(session, account, spec), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<KlingVideoTask?> FindEarlierAsync(string account, VideoSpec spec, CancellationToken cancellationToken)
    {
        // Recovery cannot find anything better than a finished video. But what is kept on this machine may say where that is.
        if (spool is null && await LookAsync().ConfigureAwait(false) is { TaskState: KlingTaskState.Succeeded } made)
        {
            return made;
        }

        await RecoverAsync(cancellationToken).ConfigureAwait(false);
        return await LookAsync().ConfigureAwait(false);

        Task<KlingVideoTask?> LookAsync() => store.ReadAsync(session => TaskQueries.FindEarlierAsync(session, account, spec), cancellationToken);
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<KlingVideoTask>> ListFailedAsync(string account, VideoSpec spec, int limit, CancellationToken cancellationToken)
        => store.ReadAsync(session => TaskQueries.ListFailedAsync(session, account, spec, limit), cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<SavedPath>> ListSavedPathsAsync(CancellationToken cancellationToken)
        => store.ReadAsync(SavedFiles.ListAsync, cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<SavedPath>> ListSavedPathsAsync(IReadOnlyCollection<string> paths, CancellationToken cancellationToken)
        => store.ReadAsync(session => SavedFiles.ListAsync(session, paths), cancellationToken);

    /// <inheritdoc/>
    public Task<bool> IsSavedForAnotherAsync(string hash, long? id, CancellationToken cancellationToken)
        => store.ReadAsync(session => SavedFiles.IsSavedForAnotherAsync(session, hash, id), cancellationToken);

    /// <inheritdoc/>
    public Task<DateTimeOffset> ReadClockAsync(CancellationToken cancellationToken)
        => store.ReadAsync(async session => await session.GetNowAsync().ConfigureAwait(false), cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<KlingVideoTask>> ListByFilesAsync(string account, string? path, string? tailPath, int limit, CancellationToken cancellationToken)
        => store.ReadAsync(session => TaskQueries.ListByFilesAsync(session, account, path, tailPath, limit), cancellationToken);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<KlingVideoTask>> ListAsync(TaskFilter filter, CancellationToken cancellationToken)
    {
        var tasks = new List<KlingVideoTask>();
        await foreach (IReadOnlyList<KlingVideoTask> page in ReadPagesAsync(filter, cancellationToken).ConfigureAwait(false))
        {
            tasks.AddRange(page);
        }

        return tasks;
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<IReadOnlyList<KlingVideoTask>> ReadPagesAsync(TaskFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(filter);
        await TryRecoverAsync(cancellationToken).ConfigureAwait(false);
        var pages = new TaskPages(filter, owners.Current);
        while (!pages.IsAtEnd)
        {
            if (await store.ReadAsync(pages.ReadNextAsync, cancellationToken).ConfigureAwait(false) is { Count: > 0 } page)
            {
                yield return page;
            }
        }
    }

    private async Task PrepareAsync(TaskIntent intent, CancellationToken cancellationToken)
    {
        RequireRunId(intent);
        await store.OpenAsync(cancellationToken).ConfigureAwait(false);
        await RecoverAsync(cancellationToken).ConfigureAwait(false);
    }

    private Task<T> WritePurchaseAsync<T>(TaskIntent intent, Func<SqlSession, TaskIntent, Task<T>> work, CancellationToken cancellationToken)
        => WritePurchaseAsync(intent, scope => store.WriteAsync(session => work(session, intent), scope, cancellationToken));

    private Task<Passage<T>> WritePurchaseAsync<T>(
        TaskIntent intent,
        SqlRateGate gate,
        Func<SqlSession, TaskIntent, Func<Task<bool>>, Task<T?>> work,
        IGateCaller caller,
        CancellationToken cancellationToken)
        where T : class
        => WritePurchaseAsync(intent, scope => gate.PassAsync((session, tryTake) => work(session, intent, tryTake), scope, caller, cancellationToken));

    private async Task<T> WritePurchaseAsync<T>(TaskIntent intent, Func<WriteScope, Task<T>> write)
    {
        try
        {
            return await write(WriteScope.Purchase(intent)).ConfigureAwait(false);
        }
        catch (KlingException e) when (e.InnerException is CommitLostException)
        {
            // It may be recorded, but its request is not sent.
            _lostAttempts.DisownNonce(intent.Nonce);
            throw;
        }
    }

    private static WriteScope ScopeOf(KlingVideoTask attempt, TaskIntent? intent) => intent is null ? WriteScope.Account(attempt.Account) : WriteScope.Purchase(intent);

    private static void RequireRunId(TaskIntent intent)
    {
        ArgumentNullException.ThrowIfNull(intent);
        if (intent.Budget is { RunId: null } budget && (budget.MaxCredits ?? budget.MaxTasks) is not null)
        {
            throw new ArgumentException("The limits of a run need the id of the run.", nameof(intent));
        }
    }

    /// <inheritdoc/>
    public async Task<string?> KeepAsync(SpooledAnswer answer)
    {
        string? kept = spool is null ? null : await spool.KeepAsync(answer).ConfigureAwait(false);
        if (kept is not null && answer.Kind is SpooledKind.Accepted or SpooledKind.Rejected or SpooledKind.Unknown)
        {
            _heartbeat.End(answer.Id);
        }

        return kept;
    }

    /// <summary>Ends the heartbeat.</summary>
    public ValueTask DisposeAsync() => _heartbeat.DisposeAsync();

    /// <summary>Records the outcome of an attempt, which is no longer under way.</summary>
    private async Task<RecordResult> EndAsync(long id, Func<SqlSession, Task<RecordResult>> record, WriteScope scope)
    {
        RecordResult result = await store.WriteAnswerAsync(record, scope).ConfigureAwait(false);
        _heartbeat.End(id);
        return result;
    }

    private static void RequireStateOfService(TaskSnapshot snapshot)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        if (!snapshot.State.IsPending() && snapshot.State is not (KlingTaskState.Succeeded or KlingTaskState.Failed))
        {
            throw new ArgumentException($"The service knows no state {snapshot.State}.", nameof(snapshot));
        }
    }
}
