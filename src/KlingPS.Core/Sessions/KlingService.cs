using KlingPS.Core.Api;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Spool;
using KlingPS.Core.Model;

namespace KlingPS.Core.Sessions;

/// <summary>What the parts of one command share: the session, one client, the hashes of files, and the observer.</summary>
/// <remarks>Made once per command, and cheap. The session stays its owner's.</remarks>
internal sealed class KlingService
{
    /// <summary>Creates the service. Nothing is sent.</summary>
    /// <param name="session">The account.</param>
    /// <param name="observer">Notified of requests, warnings and transfers; may be <see langword="null"/>.</param>
    public KlingService(KlingSession session, IPipelineObserver? observer)
    {
        ArgumentNullException.ThrowIfNull(session);
        Session = session;
        Observer = observer is null ? null : new SafeObserver(observer);
        Events = new PipelineEvents(Observer);
        Loss = new LedgerLoss(session.Ledger);
        Client = session.CreateClient(Observer, Loss);
        Hashes = new FileHashes(session, Loss);
        Account = new AccountFinder(session, Observer);
        Prices = new PriceBook(session, Observer);
    }

    /// <summary>The account, its ledger and its clock.</summary>
    public KlingSession Session { get; }

    /// <summary>The client of the command.</summary>
    public KlingClient Client { get; }

    /// <summary>Notified of requests, warnings and transfers.</summary>
    public IPipelineObserver? Observer { get; }

    /// <summary>Notified of what happens to images, tasks and videos.</summary>
    internal PipelineEvents Events { get; }

    /// <summary>Finds out whose key the session has.</summary>
    internal AccountFinder Account { get; }

    /// <summary>The hashes of local files.</summary>
    internal FileHashes Hashes { get; }

    /// <summary>Whether the command has lost its ledger.</summary>
    internal LedgerLoss Loss { get; }

    /// <summary>What videos are expected to cost.</summary>
    internal PriceBook Prices { get; }

    /// <summary>Asks the service for a task, records what it says, and tells whoever has to know.</summary>
    /// <param name="taskId">The service's id of the task.</param>
    /// <param name="before">The task as it is recorded; <see langword="null"/> if it is not.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The task as it is now; as it was before if the service answers and says nothing about it.</returns>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.AttemptUnknown"/>: the task was made from something else, see <see cref="FindForeignAsync"/>.
    /// <see cref="ErrorKind.TaskNotFound"/>: neither the service nor the ledger knows it. Other kinds: the service could not be asked.
    /// </exception>
    internal async Task<KlingVideoTask> QueryAsync(string taskId, KlingVideoTask? before, CancellationToken cancellationToken)
    {
        TaskSnapshot snapshot = await Client.QueryTaskAsync(taskId, before?.Subject, cancellationToken).ConfigureAwait(false);
        if (snapshot.IsEmpty)
        {
            // What nothing shows to exist is not recorded: that would set credits aside for a video that nobody is making.
            return before ?? throw new KlingException(ErrorKind.TaskNotFound, $"The service shows no task '{taskId}' for this key.");
        }

        if (before is not null && await FindForeignAsync(before, snapshot).ConfigureAwait(false) is { } foreign)
        {
            Events.OnObserved(before, foreign.Task);
            throw foreign.Error;
        }

        return (await RecordAsync(before, snapshot).ConfigureAwait(false)).Task;
    }

    /// <summary>Records what the service says about a task, and tells whoever has to know.</summary>
    /// <param name="before">The task as it is recorded; <see langword="null"/> if it is not.</param>
    /// <param name="snapshot">What the service says about it.</param>
    /// <param name="attempt">The attempt that has turned out to have bought the task, as it was before; otherwise <see langword="null"/>.</param>
    /// <returns>The task as it is now, and what was bought in its place while it counted as failed.</returns>
    internal async Task<(KlingVideoTask Task, KlingVideoTask? Other)> RecordAsync(KlingVideoTask? before, TaskSnapshot snapshot, KlingVideoTask? attempt = null)
    {
        KlingVideoTask? other = await FindOtherPurchaseAsync(before, snapshot).ConfigureAwait(false);
        snapshot = snapshot.After(before);
        KlingVideoTask task = before is null || attempt is not null
            ? await Session.Ledger.Tasks.RecordSnapshotAsync(Session.Account, snapshot).ConfigureAwait(false)
            : await RecordOrKeepAsync(before, snapshot).ConfigureAwait(false);
        Events.OnObserved(attempt ?? before, task);
        WarnOfFurtherVideos(task, snapshot);
        WarnOfOtherPurchase(task, other);
        Prices.Learn(task, snapshot);
        return (task, other);
    }

    /// <summary>What was bought in the place of a task that had failed, if the service says now that it has not.</summary>
    /// <param name="before">The task as it is recorded.</param>
    /// <param name="snapshot">What the service says about it.</param>
    private async Task<KlingVideoTask?> FindOtherPurchaseAsync(KlingVideoTask? before, TaskSnapshot snapshot)
    {
        if (before is not { TaskState: KlingTaskState.Failed, IsDescribed: true }
            || snapshot.State == KlingTaskState.Failed
            || Loss.Error is not null
            || before.Spec.Sources.Any(source => source.Source is { IsFile: true, Hash: null }))
        {
            return null;
        }

        try
        {
            KlingVideoTask? other = await Session.Ledger.Tasks.FindEarlierAsync(Session.Account, before.Spec, CancellationToken.None).ConfigureAwait(false);
            return other is null or { TaskState: KlingTaskState.Failed or KlingTaskState.Abandoned } || other.Id == before.Id ? null : other;
        }
        catch (KlingException exception) when (Loss.Note(exception))
        {
            return null;
        }
    }

    /// <summary>Tells the user that a video is paid for twice: commands use one purchase of a video and leave the other one alone.</summary>
    /// <param name="task">The task that had failed, as it is now.</param>
    /// <param name="other">See <see cref="FindOtherPurchaseAsync"/>.</param>
    private void WarnOfOtherPurchase(KlingVideoTask task, KlingVideoTask? other)
    {
        if (other is not null && task.TaskState != KlingTaskState.Failed)
        {
            Observer?.OnWarning(
                $"Task {task.Id} ('{task.Subject}') had failed and is {task.State} at the service now, so the video is paid for twice: it was bought again as task {other.Id}. "
                + $"To get both: Get-KlingVideoTask -Id {task.Id}, {other.Id} | Wait-KlingVideoTask | Save-KlingVideo.");
        }
    }

    /// <summary>Lets go of a task that the service has named for an attempt and that was made from something else: its video belongs to another one.</summary>
    /// <param name="task">The attempt.</param>
    /// <param name="snapshot">What the service says about the task.</param>
    /// <returns>The attempt as it is now, and the error; <see langword="null"/> if nothing speaks against the task.</returns>
    internal async Task<(KlingVideoTask Task, KlingException Error)?> FindForeignAsync(KlingVideoTask task, TaskSnapshot snapshot)
    {
        string[] contradictions = task.TaskState.IsPending() ? [.. task.FindContradictions(snapshot.Spec)] : [];
        if (contradictions.Length == 0)
        {
            return null;
        }

        string reason = $"The service answered the request for '{task.Subject}' with the id of a task that was made from something else ({string.Join(", ", contradictions)}).";
        KlingVideoTask? owner = null;
        if (Loss.Error is null)
        {
            try
            {
                var unknown = new TaskFilter { Account = Session.Account, States = [KlingTaskState.Unknown] };
                IReadOnlyList<KlingVideoTask> attempts = await Session.Ledger.Tasks.ListAsync(unknown, CancellationToken.None).ConfigureAwait(false);
                owner = attempts.FirstOrDefault(attempt => attempt.Id != task.Id && attempt.IsDescribed && !attempt.FindDifferences(snapshot.Spec).Any());
                task = await Session.Ledger.Tasks.RecordDetachedAsync(task.Id, task.TaskId!, reason).ConfigureAwait(false) switch
                {
                    RecordResult.Recorded { Task: var detached } => detached,
                    RecordResult.Superseded { Task: var changed } => changed,
                    _ => task,
                };
            }
            catch (KlingException exception) when (Loss.Note(exception))
            {
            }
        }

        string whose = owner is null ? $"Task {snapshot.TaskId} of the service is not its video"
            : $"Task {snapshot.TaskId} of the service is that of '{owner.Subject}' (task {owner.Id}), and this gives it its video: Resolve-KlingVideoTask -Id {owner.Id} -TaskId {ServiceTaskId.Quote(snapshot.TaskId)}";
        return (task, new KlingException(
            ErrorKind.AttemptUnknown,
            $"It is not known whether the video of '{task.Subject}' was bought (task {task.Id}). {reason} {whose}. Nothing is downloaded for '{task.Subject}'.")
        {
            TaskNumber = task.Id,
        });
    }

    /// <summary>
    /// Records what the service says about a task. If the ledger is lost, the command still knows it, and keeps the end of a task to be
    /// recorded later: nobody asks for it again once the video is on disk.
    /// </summary>
    /// <param name="task">The task as the command knows it.</param>
    /// <param name="snapshot">What the service says about it.</param>
    /// <returns>The task as it is now.</returns>
    internal async Task<KlingVideoTask> RecordOrKeepAsync(KlingVideoTask task, TaskSnapshot snapshot)
    {
        // It may be recorded in another spelling than the one the service uses now.
        snapshot = snapshot with { TaskId = task.TaskId ?? snapshot.TaskId };
        if (Loss.Error is null)
        {
            try
            {
                return (await Session.Ledger.Tasks.RecordSnapshotAsync(Session.Account, snapshot).ConfigureAwait(false)).DescribedAs(task);
            }
            catch (KlingException exception) when (Loss.Note(exception))
            {
            }
        }

        KlingVideoTask observed = task.Observed(snapshot, Session.TimeProvider.GetUtcNow());
        if (observed.TaskState is KlingTaskState.Succeeded or KlingTaskState.Failed)
        {
            // If it cannot be kept, the next command asks for it: a video is not saved then either.
            await Session.Ledger.Tasks.KeepAsync(SpooledAnswer.Ended(observed)).ConfigureAwait(false);
        }

        return observed;
    }

    /// <summary>Tells the user about links that are not followed: a task has one video, and its record one link.</summary>
    /// <param name="task">The task.</param>
    /// <param name="snapshot">What the service says about it.</param>
    internal void WarnOfFurtherVideos(KlingVideoTask task, TaskSnapshot snapshot)
    {
        if (snapshot is { State: KlingTaskState.Succeeded, ResultUris.Count: > 1 and int count })
        {
            Observer?.OnWarning($"The service names {count} videos for task {task.Id} ('{task.Subject}'). The first one is used; the others are at https://kie.ai/logs as long as the service keeps them.");
        }
    }
}
