using KlingPS.Core.Api;
using KlingPS.Core.Api.Wire;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Scheduling;
using KlingPS.Core.Sessions;
using KlingPS.Core.Submitting;

namespace KlingPS.Core.Resolving;

/// <summary>
/// Settles tasks in the way that the user has chosen: unknown ones, whose answers were lost, those that the service has forgotten, and those
/// whose videos were taken elsewhere.
/// </summary>
internal sealed class UnknownTaskResolver
{
    private readonly KlingSession _session;
    private readonly KlingClient _client;
    private readonly VideoSubmitter _submitter;
    private readonly TaskFinder _finder;

    /// <summary>Creates the resolver.</summary>
    public UnknownTaskResolver(KlingService service)
    {
        ArgumentNullException.ThrowIfNull(service);
        _session = service.Session;
        _client = service.Client;
        _submitter = new VideoSubmitter(service);
        _finder = new TaskFinder(service);
    }

    /// <inheritdoc cref="VideoSubmitter.UnderWay"/>
    public int UnderWay => _submitter.UnderWay;

    /// <summary>Refuses a task that is not unknown.</summary>
    /// <param name="tasks">The journal.</param>
    /// <param name="task">The task.</param>
    /// <param name="cancellationToken">Ends the search for what has replaced it.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.RequestInvalid"/>: there is nothing to resolve.</exception>
    public static async Task RequireUnknownAsync(ITaskJournal tasks, KlingVideoTask task, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(tasks);
        ArgumentNullException.ThrowIfNull(task);
        if (task.TaskState == KlingTaskState.Unknown)
        {
            return;
        }

        KlingVideoTask? replacement = task.TaskState == KlingTaskState.Abandoned ? await tasks.FindReplacementAsync(task, cancellationToken).ConfigureAwait(false) : null;
        string name = $"Task {task.Id} ('{task.Subject}')";
        throw new KlingException(
            ErrorKind.RequestInvalid,
            task.TaskState == KlingTaskState.Submitting
                ? $"{name} is being submitted, and its response may still come: wait for it. If none comes, the task becomes Unknown, and can be resolved then."
                : replacement is not null ? $"{name} was replaced by task {replacement.Id}, so there is nothing to resolve. Task {replacement.Id} is {replacement.State}."
                : $"{name} is {task.State}, not Unknown, so there is nothing to resolve."
                    + (task.TaskState.IsPending() ? " If the service does not know it any more, -Abandon gives it up." : string.Empty))
        {
            TaskNumber = task.Id,
            Advice = "Get-KlingVideoTask -State Unknown lists the tasks that can be resolved.",
        };
    }

    /// <summary>Whether the service has to be asked before a task is given up: it was accepted, so only the service can say that there is nothing to wait for.</summary>
    public static bool MayBeForgotten(KlingVideoTask task)
    {
        ArgumentNullException.ThrowIfNull(task);
        return task is { TaskId: not null } && task.TaskState.IsPending();
    }

    /// <summary>Resolves a task as the one that the user has found at the service.</summary>
    /// <param name="task">The unknown task.</param>
    /// <param name="taskId">The service's id of the task that it turned out to be.</param>
    /// <param name="cancellationToken">Ends the wait for the service.</param>
    /// <returns>The task, now known.</returns>
    /// <exception cref="KlingException"><see cref="ErrorKind.RequestInvalid"/>: the two were made from different requests; the message says what differs.</exception>
    public async Task<KlingVideoTask> ResolveAsync(KlingVideoTask task, string taskId, CancellationToken cancellationToken)
    {
        await RequireUnknownAsync(_session.Ledger.Tasks, task, cancellationToken).ConfigureAwait(false);
        KlingVideoTask? known = await _session.Ledger.Tasks.FindByTaskIdAsync(_session.Account, taskId, cancellationToken).ConfigureAwait(false);
        TaskSnapshot snapshot = await _client.QueryTaskAsync(taskId, task.Subject, cancellationToken).ConfigureAwait(false);

        // It may be recorded in another spelling than the one the service uses now.
        snapshot = snapshot.After(known) with { TaskId = known?.TaskId ?? snapshot.TaskId };
        string[] differences = [.. task.FindDifferences(snapshot.Spec)];
        if (differences.Length > 0)
        {
            throw new KlingException(
                ErrorKind.RequestInvalid,
                $"Task {taskId} is not the one that was asked for as task {task.Id} ('{task.Subject}'): {string.Join(", ", differences)}. "
                + "Nothing was changed.");
        }

        return await _session.Ledger.Tasks.ResolveAsync(task, snapshot).ConfigureAwait(false);
    }

    /// <summary>Refuses a task without a video.</summary>
    /// <exception cref="KlingException"><see cref="ErrorKind.RequestInvalid"/>: nothing can have been taken elsewhere.</exception>
    public static void RequireVideo(KlingVideoTask task)
    {
        ArgumentNullException.ThrowIfNull(task);
        if (task.TaskState != KlingTaskState.Succeeded)
        {
            throw new KlingException(
                ErrorKind.RequestInvalid,
                $"Task {task.Id} ('{task.Subject}') is {task.State}: it has no video that could have been taken elsewhere. Only tasks in state Succeeded have one.");
        }
    }

    /// <summary>Records that the video of a task was taken elsewhere, or withdraws that.</summary>
    /// <param name="tasks">The journal; the service is not involved.</param>
    /// <param name="task">The finished task.</param>
    /// <param name="isTaken">Whether it was taken.</param>
    public static Task<KlingVideoTask> TakeAsync(ITaskJournal tasks, KlingVideoTask task, bool isTaken)
    {
        RequireVideo(task);
        return tasks.RecordTakenAsync(task, isTaken);
    }

    /// <summary>Abandons a task: the user knows that it was not bought.</summary>
    /// <param name="tasks">The journal; the service is not involved.</param>
    /// <param name="task">The unknown task.</param>
    /// <param name="cancellationToken">Stops before anything is changed.</param>
    public static async Task<KlingVideoTask> AbandonAsync(ITaskJournal tasks, KlingVideoTask task, CancellationToken cancellationToken)
    {
        await RequireUnknownAsync(tasks, task, cancellationToken).ConfigureAwait(false);
        return await tasks.AbandonAsync(task).ConfigureAwait(false);
    }

    /// <summary>Gives up a task that the service has accepted but no longer knows. The service is asked once more to be sure; what was set aside counts as spent.</summary>
    /// <param name="task">The task; see <see cref="MayBeForgotten"/>.</param>
    /// <param name="cancellationToken">Ends the wait for the service.</param>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.RequestInvalid"/>: the service knows it, or may not know it yet. <see cref="ErrorKind.TaskNotFound"/>: it belongs
    /// to another account, and the service answers only that account's keys. Other kinds: the service did not say. Nothing is given up.
    /// </exception>
    public async Task<KlingVideoTask> ForgetAsync(KlingVideoTask task, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(task);
        if (task.Account != _session.Account)
        {
            throw RecordedTasks.CreateOthersException(task);
        }

        try
        {
            KlingVideoTask known = await _finder.RefreshAsync(task, cancellationToken).ConfigureAwait(false);
            throw new KlingException(
                ErrorKind.RequestInvalid,
                $"The service does not say that it no longer knows task {task.Id} ('{task.Subject}'), which is {known.State}. Nothing was given up. To get its video: Get-KlingVideoTask -Id {task.Id} | Wait-KlingVideoTask | Save-KlingVideo.")
            {
                TaskNumber = task.Id,
            };
        }
        catch (KlingApiException answer) when (answer.Kind == ErrorKind.TaskNotFound)
        {
            if (answer.Code != ResponseClassifier.NoSuchTask)
            {
                throw answer.WithMessage($"{answer.Message} But the answer has code {answer.Code}, which a wrong address can also cause, so task {task.Id} ('{task.Subject}') was not given up.");
            }

            DateTimeOffset now = await _session.Ledger.Tasks.ReadClockAsync(cancellationToken).ConfigureAwait(false);
            DateTimeOffset bought = task.AcceptedAt > task.CreatedAt ? task.AcceptedAt.Value : task.CreatedAt;
            if (now - bought < TaskTransitions.LongestInvisible)
            {
                throw new KlingException(
                    ErrorKind.RequestInvalid,
                    $"Task {task.Id} ('{task.Subject}') was bought a moment ago, and the service may need a while to know it. Nothing was given up; try again in a minute.")
                {
                    TaskNumber = task.Id,
                };
            }
        }

        return await _session.Ledger.Tasks.RecordForgottenAsync(
            task.Id, task.TaskId!, "The service, which had accepted it, did not know the task any more when it was given up. What was set aside for it counts as spent.").ConfigureAwait(false);
    }

    /// <summary>Buys the video of a task again.</summary>
    /// <param name="task">The unknown task; abandoned in the same step in which the new one is recorded.</param>
    /// <param name="deadline">When to give up. A request that has left is still completed.</param>
    /// <param name="cancellationToken">Stops before the request has left.</param>
    /// <returns>The new task.</returns>
    /// <exception cref="KlingException">A file has changed since, or the request was refused or lost again.</exception>
    public async Task<KlingVideoTask> ResubmitAsync(KlingVideoTask task, Deadline deadline, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(deadline);
        string? identity = null;
        var submission = new Submission { Spec = task.Spec, Replaces = task };
        return await deadline.RunAsync(
            inTime => ResubmitAsync(task, submission, found => identity = found, inTime),
            () => _submitter.CreateTimeout(submission, identity, deadline.Timeout!.Value),
            cancellationToken).ConfigureAwait(false);
    }

    private async Task<KlingVideoTask> ResubmitAsync(KlingVideoTask task, Submission submission, Action<string> onIdentified, CancellationToken cancellationToken)
    {
        await RequireUnknownAsync(_session.Ledger.Tasks, task, cancellationToken).ConfigureAwait(false);
        if (!task.IsDescribed)
        {
            throw new KlingException(
                ErrorKind.RequestInvalid,
                $"Nothing was bought: the ledger does not know any more what was asked for as task {task.Id}. Give the task up with -Abandon, and submit it with New-KlingVideoTask.")
            {
                TaskNumber = task.Id,
            };
        }

        (IdentifiedSubmission identified, _) = await _submitter.PrepareAsync(submission, cancellationToken, onIdentified).ConfigureAwait(false);
        if (FindChangedFile(task, identified) is string changed)
        {
            throw new KlingException(
                ErrorKind.RequestInvalid,
                $"'{changed}' has other content now than when it was submitted as task {task.Id}. "
                + "Give the task up with -Abandon, and submit it with New-KlingVideoTask.");
        }

        return (await _submitter.BuyAsync(identified, cancellationToken).ConfigureAwait(false)).Task;
    }

    /// <summary>The first file whose content has changed. The first version did not record the content of tail images; the identity shows it.</summary>
    private static string? FindChangedFile(KlingVideoTask task, IdentifiedSubmission identified)
    {
        string? tailHash = identified.Submission.Spec.TailImage?.Hash;
        return task.Spec.Sources.Zip(identified.Submission.Spec.Sources)
            .Where(pair => pair.First.Source is { IsFile: true, Hash: string hash } && pair.Second.Source.Hash != hash)
            .Select(pair => pair.First.Source.Path)
            .FirstOrDefault()
            ?? (task.Spec.TailImage is { IsFile: true, Hash: null } tail && !IsMadeFrom(tail with { Hash = tailHash }) ? task.TailImagePath : null);

        // Earlier versions took texts as they came, as the record has them.
        bool IsMadeFrom(MediaSource tail)
            => (task.Spec with { TailImage = tail }).ListIdentities().Concat(identified.Submission.Spec.ListIdentities()).Contains(task.Identity);
    }
}
