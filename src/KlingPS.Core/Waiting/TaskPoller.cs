using KlingPS.Core.Api;
using KlingPS.Core.Model;
using KlingPS.Core.Resilience;
using KlingPS.Core.Scheduling;
using KlingPS.Core.Sessions;

namespace KlingPS.Core.Waiting;

/// <summary>Polls a task once: asks the service for it, and records what has changed.</summary>
internal sealed class TaskPoller
{
    private readonly KlingSession _session;
    private readonly KlingClient _client;
    private readonly OutageTolerance _outage;
    private readonly KlingService _service;

    public TaskPoller(KlingService service, OutageTolerance outage)
    {
        _service = service;
        _session = service.Session;
        _client = service.Client;
        _outage = outage;
    }

    /// <summary>Whether a task has ended for good. One that succeeded still needs its link.</summary>
    public static bool HasEnded(KlingVideoTask task)
        => !task.TaskState.IsPending() && task is not { TaskState: KlingTaskState.Succeeded, ResultUri: null };

    /// <summary>Polls a task that the service has.</summary>
    public async Task<PollResult> PollAsync(Watch watch, CancellationToken cancellationToken)
    {
        try
        {
            TaskSnapshot snapshot = await _client.QueryTaskAsync(watch.Task.TaskId!, watch.Task.Subject, cancellationToken).ConfigureAwait(false);
            _outage.OnAnswered();
            watch.FailingSince = null;
            if (snapshot.IsEmpty)
            {
                return TakeSilence(watch);
            }

            watch.SilentSince = null;
            watch.SilentPolls = 0;
            if (await _service.FindForeignAsync(watch.Task, snapshot).ConfigureAwait(false) is { } foreign)
            {
                _service.Events.OnObserved(watch.Task, foreign.Task);
                watch.Task = foreign.Task;
                return new PollResult.Failed(foreign.Error);
            }

            if (snapshot is { State: KlingTaskState.Succeeded, ResultUris.Count: 0 })
            {
                return ++watch.PollsWithoutLink < PollLimits.MaxPollsForRecord
                    ? new PollResult.Inconclusive()
                    : new PollResult.Failed(new KlingException(
                        ErrorKind.AnswerInvalid,
                        $"The service says that task {watch.Task.Id} ({watch.Task.Subject}) has succeeded, but {snapshot.LinkProblem ?? "names no video"}. "
                        + "Nothing is downloaded. The video is paid for and stays at the service for at least a day; the next run asks for its link again."));
            }

            return await RecordAsync(watch, snapshot, cancellationToken).ConfigureAwait(false);
        }
        catch (KlingException exception)
        {
            return await MayPassAsync(watch, exception, cancellationToken).ConfigureAwait(false) ? new PollResult.Inconclusive()
                : new PollResult.Failed(exception.Kind == ErrorKind.TaskNotFound ? TaskErrors.CreateNotKnown(watch.Task, exception) : exception);
        }
    }

    /// <summary>An answer without a word about the task leaves its record as it is. If there are only such answers for as long as the service may be away, it would be waited for without end.</summary>
    private PollResult TakeSilence(Watch watch)
    {
        var now = Instant.Now(_session.TimeProvider);
        watch.LastPolledAt = now;
        watch.SilentSince ??= now;
        watch.SilentPolls++;
        return watch.SilentPolls < PollLimits.MaxPollsForRecord || now - watch.SilentSince < PollLimits.LongestOutage
            ? new PollResult.Pending()
            : new PollResult.Failed(new KlingException(
                ErrorKind.AnswerInvalid,
                $"The service answers for task {watch.Task.Id} ('{watch.Task.Subject}'), but has said nothing about it for {PollLimits.LongestOutage.TotalMinutes:0} minutes. It is paid for, and nothing was bought again; the next run asks for it again.")
            {
                TaskNumber = watch.Task.Id,
            });
    }

    private async Task<PollResult> RecordAsync(Watch watch, TaskSnapshot snapshot, CancellationToken cancellationToken)
    {
        // Most polls bring nothing new.
        snapshot = snapshot.After(watch.Task);
        if (watch.Task.Observed(snapshot, _session.TimeProvider.GetUtcNow()) != watch.Task)
        {
            KlingVideoTask before = watch.Task;
            KlingVideoTask recorded = await _service.RecordOrKeepAsync(before, snapshot).ConfigureAwait(false);
            bool isContradicted = recorded.TaskState == KlingTaskState.Failed ? snapshot.State.IsPending() : recorded.TaskState.IsPending() && snapshot.State == KlingTaskState.Failed;
            if (isContradicted)
            {
                // Somebody else has heard that it failed, or that it is being made again, before or after this answer was given. Another answer tells.
                recorded = await _service.QueryAsync(before.TaskId!, recorded, cancellationToken).ConfigureAwait(false);
            }

            watch.Task = recorded;
            if (!isContradicted || recorded.TaskState == KlingTaskState.Failed)
            {
                _service.Events.OnObserved(before, recorded);
            }
        }

        KlingVideoTask task = watch.Task;
        if (!HasEnded(task))
        {
            watch.LastPolledAt = Instant.Now(_session.TimeProvider);
            return new PollResult.Pending();
        }

        _service.WarnOfFurtherVideos(task, snapshot);
        _service.Prices.Learn(task, snapshot);
        return new PollResult.Ended(task.TaskState == KlingTaskState.Succeeded ? GenerationOf(watch, snapshot) : null);
    }

    /// <summary>How long the video took to make, by the service's clock; by ours, if the service does not say and an earlier poll found it pending.</summary>
    private TimeSpan? GenerationOf(Watch watch, TaskSnapshot snapshot)
        => snapshot is { CreatedAt: DateTimeOffset created, CompletedAt: DateTimeOffset completed } ? completed - created
            : watch.LastPolledAt is null ? null
            : Instant.Now(_session.TimeProvider) - watch.StartedAt;

    /// <summary>Whether the next poll may succeed although this one failed.</summary>
    private async Task<bool> MayPassAsync(Watch watch, KlingException exception, CancellationToken cancellationToken)
    {
        var now = Instant.Now(_session.TimeProvider);
        watch.FailingSince ??= now;

        // Such a pause is too long to wait for, and asking again before it is over would be of no use.
        if (exception is KlingApiException { RetryAfter: TimeSpan pause } && pause > Backoff.LongestRetryAfter)
        {
            return false;
        }

        return exception.Kind != ErrorKind.TaskNotFound ? _outage.Tolerates(exception, watch.FailingSince.Value)
            : now - watch.StartedAt < TaskTransitions.LongestInvisible
                || (now - watch.FailingSince < TaskTransitions.LongestInvisible && await IsNewAsync(watch.Task, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Whether a task was accepted a moment ago by the ledger's clock, which has recorded that: the clock of this machine may be ahead of it.</summary>
    private async Task<bool> IsNewAsync(KlingVideoTask task, CancellationToken cancellationToken)
    {
        try
        {
            return _service.Loss.Error is null
                && await _session.Ledger.Tasks.ReadClockAsync(cancellationToken).ConfigureAwait(false) - task.StartedAt() is TimeSpan age
                && age >= TimeSpan.Zero
                && age < TaskTransitions.LongestInvisible;
        }
        catch (KlingException exception) when (_service.Loss.Note(exception))
        {
            return false;
        }
    }
}

/// <summary>What a poll has shown; what it has found out about the task is in <see cref="Watch.Task"/>.</summary>
internal abstract record PollResult
{
    private PollResult()
    {
    }

    /// <summary>The task has ended.</summary>
    /// <param name="Generation">How long its video took to make, if it has one.</param>
    public sealed record Ended(TimeSpan? Generation) : PollResult;

    /// <summary>The service is still working on it.</summary>
    public sealed record Pending : PollResult;

    /// <summary>The task should be polled again soon: the service was away, or did not have the whole record yet.</summary>
    public sealed record Inconclusive : PollResult;

    /// <summary>There is no point in polling it again.</summary>
    /// <param name="Error">What went wrong.</param>
    public sealed record Failed(KlingException Error) : PollResult;
}
