using System.Diagnostics;
using System.Globalization;
using KlingPS.Core.Ledger.Spool;
using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>What each operation of the journal does inside its transaction once a request may leave: the checks of the record's state, and the changes. See <see cref="PurchaseTransactions"/> for what comes before.</summary>
internal static class TaskTransactions
{
    public static async Task<RecordResult> AcceptAsync(SqlSession session, long id, string taskId, TaskIntent? intent = null, decimal? price = null)
    {
        price ??= intent?.Credits;
        KlingVideoTask task = intent is null
            ? await TaskTable.GetAsync(session, id).ConfigureAwait(false)
            : await FindOrRestoreAsync(session, id, intent).ConfigureAwait(false);
        bool isRestored = task.Id != id;
        RecordResult result = await AttachAsync(session, task, taskId, price).ConfigureAwait(false);
        if (result is RecordResult.Taken { Other: var other } && isRestored)
        {
            await LoseResponseAsync(session, task, $"The service gave it the id {taskId}, which is that of task {Name(other)} already.", price).ConfigureAwait(false);
        }

        // If it counted as not bought, somebody may have bought the video in its place. Its process may say so again, because a commit had no answer.
        bool isSurprise = isRestored || (task.TaskState != KlingTaskState.Submitting && (task.TaskId is null || intent is not null));
        if (!isSurprise || result is not RecordResult.Recorded { Task: { TaskState: not KlingTaskState.Failed } accepted })
        {
            return result;
        }

        await ReopenAsync(session, task).ConfigureAwait(false);
        return new RecordResult.Recorded(accepted, await Successors.FindAsync(session, accepted).ConfigureAwait(false));
    }

    /// <summary>The record of an attempt. If it was settled while its process stood still, and removed, it is restored. It is restored already if this is repeated because a commit had no answer.</summary>
    private static async Task<KlingVideoTask> FindOrRestoreAsync(SqlSession session, long id, TaskIntent intent)
    {
        if (await TaskTable.FindByNonceAsync(session, intent.Nonce).ConfigureAwait(false) is { } task)
        {
            return task;
        }

        KlingVideoTask begun = TaskTransitions.Begun(intent, await session.GetNowAsync().ConfigureAwait(false));
        return await RestoreAsync(session, begun, id, intent.RecordedRunId).ConfigureAwait(false);
    }

    /// <summary>Adds the record of an attempt again.</summary>
    /// <param name="session">The transaction.</param>
    /// <param name="attempt">The attempt.</param>
    /// <param name="id">The local id that it had.</param>
    /// <param name="runId">Its run, if that is known.</param>
    private static async Task<KlingVideoTask> RestoreAsync(SqlSession session, KlingVideoTask attempt, long id, string? runId = null)
    {
        KlingVideoTask restored = await TaskTable.InsertAsync(session, attempt, runId: runId).ConfigureAwait(false);
        await Successors.ReopenAsync(session, restored.Id, id).ConfigureAwait(false);
        return restored;
    }

    /// <summary>Records that an attempt counts again, if it was settled as one that bought nothing.</summary>
    private static Task ReopenAsync(SqlSession session, KlingVideoTask before)
        => before.TaskState.IsSettled() && before.TaskId is null ? Successors.ReopenAsync(session, before.Id) : Task.CompletedTask;

    public static async Task<RecordResult> RejectAsync(SqlSession session, KlingVideoTask attempt, string? code, string reason)
    {
        DateTimeOffset now = await session.GetNowAsync().ConfigureAwait(false);
        return await RecordAsync(session, attempt, task => task.Rejected(code, reason, now)).ConfigureAwait(false);
    }

    public static async Task<RecordResult> LoseResponseAsync(SqlSession session, long id, string reason, TaskIntent intent)
        => await LoseResponseAsync(session, await FindOrRestoreAsync(session, id, intent).ConfigureAwait(false), reason, intent.Credits).ConfigureAwait(false);

    /// <summary>The process that has sent the request says that there was no response. It knows better than whoever has settled the attempt meanwhile.</summary>
    /// <param name="session">The transaction.</param>
    /// <param name="task">The attempt as it is recorded.</param>
    /// <param name="reason">How the response was lost.</param>
    /// <param name="price">What was set aside for the attempt when it was begun, if that is known.</param>
    public static async Task<RecordResult> LoseResponseAsync(SqlSession session, KlingVideoTask task, string reason, decimal? price)
    {
        RecordResult result = await ChangeAsync(session, task, task => task.Lost(reason, price)).ConfigureAwait(false);
        if (result is not RecordResult.Recorded { Task: var unknown })
        {
            return result;
        }

        await ReopenAsync(session, task).ConfigureAwait(false);
        return new RecordResult.Recorded(unknown, await Successors.FindAsync(session, unknown).ConfigureAwait(false));
    }

    /// <summary>Restores the record of an attempt whose response was lost along with it: without the record, the video would be bought again.</summary>
    public static async Task<RecordResult> RestoreUnknownAsync(SqlSession session, SpooledAnswer answer)
    {
        KlingVideoTask unknown = TaskTransitions.Restored(
            answer.Account, answer.Nonce!, answer.Identity, answer.Credits, Describe(answer), await session.GetNowAsync().ConfigureAwait(false));
        unknown = await RestoreAsync(session, unknown, answer.Id).ConfigureAwait(false);
        return new RecordResult.Recorded(unknown, await Successors.FindAsync(session, unknown).ConfigureAwait(false));
    }

    public static async Task<RecordResult> DetachAsync(SqlSession session, long id, string taskId, string reason)
        => await TaskTable.FindAsync(session, id).ConfigureAwait(false) is { } task
            ? await ChangeAsync(session, task, task => task.Detached(taskId, reason)).ConfigureAwait(false)
            : new RecordResult.Removed();

    public static async Task<RecordResult> HoldBackAsync(SqlSession session, KlingVideoTask attempt, string reason)
    {
        DateTimeOffset now = await session.GetNowAsync().ConfigureAwait(false);
        return await RecordAsync(session, attempt, task => task.HeldBack(reason, now)).ConfigureAwait(false);
    }

    public static async Task<KlingVideoTask> ObserveAsync(SqlSession session, string account, TaskSnapshot snapshot)
        => await TaskTable.FindByTaskIdAsync(session, account, snapshot.TaskId).ConfigureAwait(false) is { } task
            ? await ObserveAsync(session, task, snapshot).ConfigureAwait(false)
            : await TaskTable.InsertAsync(session, TaskTransitions.Adopted(account, snapshot, await session.GetNowAsync().ConfigureAwait(false))).ConfigureAwait(false);

    public static async Task<bool> BeginSavingAsync(SqlSession session, KlingVideoTask seen, string path, string hash)
    {
        KlingVideoTask task = await GetCurrentAsync(session, seen).ConfigureAwait(false);
        await SavedFiles.BeginSavingAsync(session, task.Id, path, hash).ConfigureAwait(false);
        return true;
    }

    public static async Task<string?> FindSavingHashAsync(SqlSession session, KlingVideoTask seen)
        => await TaskTable.FindCurrentAsync(session, seen).ConfigureAwait(false) is { Id: var id } ? await SavedFiles.FindSavingHashAsync(session, id).ConfigureAwait(false) : null;

    public static Task<KlingVideoTask> SaveAsync(SqlSession session, KlingVideoTask seen, string path, string hash)
        => RecordFileAsync(session, seen, path, hash, task => task.Saved(path, hash));

    public static Task<KlingVideoTask> RecordFoundAsync(SqlSession session, KlingVideoTask seen, string path, string hash)
        => RecordFileAsync(session, seen, path, hash, task => task.Found(path, hash));

    public static async Task<KlingVideoTask> TakeAsync(SqlSession session, KlingVideoTask seen, bool isTaken)
    {
        KlingVideoTask task = await GetCurrentAsync(session, seen).ConfigureAwait(false);
        KlingVideoTask taken = task.Taken(isTaken, await session.GetNowAsync().ConfigureAwait(false))
            ?? throw new KlingException(ErrorKind.RequestInvalid, $"Task {Name(task)} is {task.State} and has no video that could have been taken elsewhere.");
        return await WriteAsync(session, task, taken).ConfigureAwait(false);
    }

    public static async Task<KlingVideoTask> ResolveAsync(SqlSession session, KlingVideoTask seen, TaskSnapshot snapshot)
    {
        KlingVideoTask attempt = await GetUnknownAsync(session, seen).ConfigureAwait(false);
        return await AttachAsync(session, attempt, snapshot.TaskId, price: null).ConfigureAwait(false) switch
        {
            RecordResult.Recorded { Task: var task } => await ObserveAsync(session, task, snapshot).ConfigureAwait(false),
            RecordResult.Taken { Other: var other } => throw new KlingException(ErrorKind.RequestInvalid, $"The task {snapshot.TaskId} of the service is the video of task {Name(other)} already."),
            _ => throw new UnreachableException(),
        };
    }

    public static async Task<KlingVideoTask> AbandonAsync(SqlSession session, KlingVideoTask seen)
    {
        KlingVideoTask task = await GetUnknownAsync(session, seen).ConfigureAwait(false);
        if (task.FailMessage != seen.FailMessage)
        {
            // The user has decided that it was not bought, and did not know everything that is known now. Whoever buys it again accepts the doubt.
            throw new KlingException(
                ErrorKind.RequestInvalid,
                $"Meanwhile, more has become known about task {Name(task)}, so it was not given up: {task.FailMessage} If you are still sure that it was not bought: Resolve-KlingVideoTask -Id {task.Id} -Abandon")
            {
                TaskNumber = task.Id,
            };
        }

        return await GiveUpAsync(session, task).ConfigureAwait(false);
    }

    public static async Task<KlingVideoTask> GiveUpAsync(SqlSession session, KlingVideoTask unknown)
        => await TaskTable.UpdateAsync(session, unknown.Abandoned(await session.GetNowAsync().ConfigureAwait(false))!).ConfigureAwait(false);

    public static async Task<KlingVideoTask> ForgetAsync(SqlSession session, long id, string taskId, string reason)
    {
        KlingVideoTask task = await TaskTable.GetAsync(session, id).ConfigureAwait(false);
        return task.Forgotten(taskId, reason, await session.GetNowAsync().ConfigureAwait(false)) is { } forgotten
            ? await TaskTable.UpdateAsync(session, forgotten).ConfigureAwait(false)
            : throw new KlingException(ErrorKind.RequestInvalid, $"Task {Name(task)} has become {task.State} in the meantime. Nothing was given up.");
    }

    public static async Task<KlingVideoTask> RemoveAsync(SqlSession session, KlingVideoTask seen)
    {
        KlingVideoTask task = await GetAttemptAsync(session, seen).ConfigureAwait(false);
        if (!task.TaskState.IsSettled())
        {
            throw new KlingException(ErrorKind.RequestInvalid, task.TaskState == KlingTaskState.Unknown
                ? $"Task {Name(task)} may have been paid for. Resolve it with Resolve-KlingVideoTask before you remove it."
                : $"Task {Name(task)} is not finished. Without its record, the video that is paid for could not be fetched. If the service does not know it any more, Resolve-KlingVideoTask -Abandon gives it up.");
        }

        if (task.TaskState != seen.TaskState && (seen.TaskState.IsSettled() || task.IsUnsaved))
        {
            throw new KlingException(
                ErrorKind.RequestInvalid,
                $"Task {Name(task)} was {seen.State} when it was read and is {task.State} now, so its record was kept. To remove it all the same: Remove-KlingVideoTask -Id {task.Id}")
            {
                TaskNumber = task.Id,
            };
        }

        if (task is { TaskState: KlingTaskState.Abandoned, TaskId: null } && await FindReplacementAsync(session, task, isOpen: true).ConfigureAwait(false) is { } replacement)
        {
            throw new KlingException(
                ErrorKind.RequestInvalid,
                $"Task {Name(task)} was to be replaced by task {replacement.Id}, and is Unknown again if that was not bought. "
                + (replacement.TaskState == KlingTaskState.Unknown ? $"Resolve task {replacement.Id} with Resolve-KlingVideoTask first." : $"Wait for the response to task {replacement.Id} first."));
        }

        await SpendingSums.KeepAsync(session, task.Id).ConfigureAwait(false);
        await TaskTable.DeleteAsync(session, task).ConfigureAwait(false);
        return task;
    }

    /// <summary>The last attempt that was to replace another one. As long as it is not known whether it has, that one may become unknown again.</summary>
    /// <param name="session">The session.</param>
    /// <param name="replaced">The other one.</param>
    /// <param name="isOpen">Whether only attempts count of which that is not known.</param>
    public static async Task<KlingVideoTask?> FindReplacementAsync(SqlSession session, KlingVideoTask replaced, bool isOpen)
    {
        string condition = isOpen ? "t.state IN ('Submitting', 'Unknown')" : "t.state <> 'Rejected'";
        foreach (KlingVideoTask task in await TaskColumns.QueryAsync(session, $"WHERE t.replaces = @id AND {condition} ORDER BY t.id DESC", [("id", replaced.Id)]).ConfigureAwait(false))
        {
            // A ledger that was put back from a backup may have assigned the number again, to an attempt at another video.
            if ((await Successors.ListIdentitiesAsync(session, task).ConfigureAwait(false)).Contains(replaced.Identity))
            {
                return task;
            }
        }

        return null;
    }

    /// <summary>Connects an attempt with the task that it has bought.</summary>
    private static async Task<RecordResult> AttachAsync(SqlSession session, KlingVideoTask task, string taskId, decimal? price)
    {
        if (task.TaskId is not null)
        {
            return task.TaskId == taskId ? new RecordResult.Recorded(task) : new RecordResult.Superseded(task);
        }

        // Somebody may have asked for the task by its id before it was known whose it is, even with several keys of the account before it was
        // known that they belong together. These records are merged into this one.
        List<KlingVideoTask> twins = await TaskTable.ListByTaskIdAsync(session, task.Account, taskId).ConfigureAwait(false);
        if (twins.Find(twin => twin.Nonce is not null || IsOfOtherOrigin(twin, task)) is { } other)
        {
            return new RecordResult.Taken(other);
        }

        if (twins.Count > 0)
        {
            foreach (KlingVideoTask twin in Enumerable.Reverse(twins))
            {
                await SavedFiles.MoveAsync(session, twin.Id, task.Id).ConfigureAwait(false);
                await TaskTable.DeleteAsync(session, twin).ConfigureAwait(false);
            }

            KlingVideoTask withFiles = await TaskTable.GetAsync(session, task.Id).ConfigureAwait(false);
            KlingVideoTask adopted = twins[0] with { TakenAt = twins.Find(twin => twin.TakenAt is not null)?.TakenAt };
            return new RecordResult.Recorded(await TaskTable.UpdateAsync(session, withFiles.Joined(adopted)!).ConfigureAwait(false));
        }

        KlingVideoTask accepted = task.Accepted(taskId, await session.GetNowAsync().ConfigureAwait(false), price)!;
        return new RecordResult.Recorded(await TaskTable.UpdateAsync(session, accepted).ConfigureAwait(false));
    }

    /// <summary>Whether an adopted task was made from a request other than the attempt's, as far as the service or something kept on a machine says what it was made from.</summary>
    private static bool IsOfOtherOrigin(KlingVideoTask adopted, KlingVideoTask task)
        => adopted.Identity is not null && (adopted.IsDescribed ? task.FindDifferences(adopted.Spec).Any() : adopted.Identity != task.Identity);

    /// <summary>Records a response that bought nothing, a lost response, or the repetition of a request, unless the record has moved on.</summary>
    private static async Task<RecordResult> RecordAsync(SqlSession session, KlingVideoTask attempt, Func<KlingVideoTask, KlingVideoTask?> change)
        => await TaskTable.FindAttemptAsync(session, attempt).ConfigureAwait(false) is { } task
            ? await ChangeAsync(session, task, change).ConfigureAwait(false)
            : new RecordResult.Removed();

    /// <summary>Changes the record of an attempt, and what follows from that.</summary>
    /// <param name="session">The transaction.</param>
    /// <param name="task">The attempt as it is recorded.</param>
    /// <param name="change">The change, which gives <see langword="null"/> if it does not apply.</param>
    public static async Task<RecordResult> ChangeAsync(SqlSession session, KlingVideoTask task, Func<KlingVideoTask, KlingVideoTask?> change)
    {
        if (change(task) is not KlingVideoTask changed)
        {
            return new RecordResult.Superseded(task);
        }

        KlingVideoTask recorded = await TaskTable.UpdateAsync(session, changed).ConfigureAwait(false);
        await EndDeadUploadsAsync(session, task, recorded).ConfigureAwait(false);
        if (recorded is { TaskState: KlingTaskState.Rejected, Replaces: long replaced })
        {
            await ReturnToAsync(session, replaced, task).ConfigureAwait(false);
        }

        return new RecordResult.Recorded(recorded);
    }

    /// <summary>The attempt that was to be replaced is not given up, unless another replacement of it was or may have been bought.</summary>
    /// <param name="session">The transaction.</param>
    /// <param name="id">The local id of the attempt.</param>
    /// <param name="replacement">What was to replace it, before it was rejected.</param>
    private static async Task ReturnToAsync(SqlSession session, long id, KlingVideoTask replacement)
    {
        if (await TaskTable.FindAsync(session, id).ConfigureAwait(false) is not { } attempt || attempt.NotReplaced(replacement.CreditsReserved) is not { } unknown)
        {
            return;
        }

        // As for what is removed, the number may be another video's by now.
        IReadOnlyList<string> identities = await Successors.ListIdentitiesAsync(session, replacement).ConfigureAwait(false);
        if (identities.Contains(attempt.Identity)
            && await TaskTable.FindByIdentitiesAsync(session, attempt.Account, identities, $"t.replaces = @id AND {TaskTable.IsPurchase}", ("id", id)).ConfigureAwait(false) is null)
        {
            await TaskTable.UpdateAsync(session, unknown).ConfigureAwait(false);
        }
    }

    private static async Task<KlingVideoTask> ObserveAsync(SqlSession session, KlingVideoTask task, TaskSnapshot snapshot)
    {
        KlingVideoTask changed = task.Observed(snapshot, await session.GetNowAsync().ConfigureAwait(false));
        if (!task.IsDescribed && changed.IsDescribed)
        {
            await TaskTable.DescribeAsync(session, changed).ConfigureAwait(false);
        }

        KlingVideoTask observed = await WriteAsync(session, task, changed).ConfigureAwait(false);
        await EndDeadUploadsAsync(session, task, observed).ConfigureAwait(false);
        return observed;
    }

    /// <summary>
    /// Ends the uploads of a video that was not made because the service could not fetch them: otherwise they would be used for hours. What they
    /// were is remembered, because other videos may have been bought with their addresses.
    /// </summary>
    private static async Task EndDeadUploadsAsync(SqlSession session, KlingVideoTask before, KlingVideoTask after)
    {
        if (before.TaskState != after.TaskState && after.TaskState is KlingTaskState.Failed or KlingTaskState.Rejected && FailureReason.BlamesFiles(after.FailMessage))
        {
            DateTimeOffset now = await session.GetNowAsync().ConfigureAwait(false);
            foreach (string uri in after.Spec.Sources.Select(source => source.Source.Uri).OfType<string>())
            {
                await session.ExecuteAsync("UPDATE uploads SET expires_at = @now WHERE uri = @uri AND expires_at > @now", ("uri", uri), ("now", Stored.FromMoment(now))).ConfigureAwait(false);
            }
        }
    }

    private static async Task<KlingVideoTask> RecordFileAsync(SqlSession session, KlingVideoTask seen, string path, string hash, Func<KlingVideoTask, KlingVideoTask> change)
    {
        KlingVideoTask task = await GetCurrentAsync(session, seen).ConfigureAwait(false);
        await SavedFiles.RecordAsync(session, task.Id, path, hash).ConfigureAwait(false);
        return await WriteAsync(session, task, change(task)).ConfigureAwait(false);
    }

    /// <summary>Most snapshots bring nothing new, and then nothing is written.</summary>
    private static async Task<KlingVideoTask> WriteAsync(SqlSession session, KlingVideoTask before, KlingVideoTask after)
        => before == after ? before : await TaskTable.UpdateAsync(session, after).ConfigureAwait(false);

    /// <summary>The record of a task that the user has seen; by its nonce, because a ledger that was put back from a backup may have assigned its number again.</summary>
    /// <exception cref="KlingException"><see cref="ErrorKind.TaskNotFound"/>.</exception>
    private static async Task<KlingVideoTask> GetAttemptAsync(SqlSession session, KlingVideoTask seen)
        => await TaskTable.FindAttemptAsync(session, seen).ConfigureAwait(false) ?? throw TaskTable.CreateNotFound(seen.Id);

    /// <summary>See <see cref="TaskTable.FindCurrentAsync"/>.</summary>
    /// <exception cref="KlingException"><see cref="ErrorKind.TaskNotFound"/>.</exception>
    private static async Task<KlingVideoTask> GetCurrentAsync(SqlSession session, KlingVideoTask seen)
        => await TaskTable.FindCurrentAsync(session, seen).ConfigureAwait(false) ?? throw TaskTable.CreateNotFound(seen.Id);

    /// <summary>An attempt that the user can settle.</summary>
    private static async Task<KlingVideoTask> GetUnknownAsync(SqlSession session, KlingVideoTask seen)
        => RequireUnknown(await GetAttemptAsync(session, seen).ConfigureAwait(false));

    public static KlingVideoTask RequireUnknown(KlingVideoTask task)
        => task.TaskState == KlingTaskState.Unknown
            ? task
            : throw new KlingException(ErrorKind.RequestInvalid, task.TaskState == KlingTaskState.Submitting
                ? $"Task {Name(task)} is being submitted, and the process that does so may be running. Wait for the response. If none comes, the task becomes Unknown, and can be resolved then."
                : $"Task {Name(task)} is {task.State}: there is nothing to resolve. Only attempts in state Unknown can be resolved.");

    private static string Describe(SpooledAnswer answer)
        => $"{answer.Reason} The ledger has no record of this request, which was for '{answer.Subject}', and so knows no more of it than this machine has kept: it can be settled with -TaskId or -Abandon.";

    /// <summary>How a message names a task.</summary>
    public static string Name(KlingVideoTask task)
        => string.Create(CultureInfo.InvariantCulture, $"{task.Id} ({task.Subject})");
}
