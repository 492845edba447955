using System.Diagnostics.CodeAnalysis;
using KlingPS.Core.Model;
using KlingPS.Core.Scheduling;
using KlingPS.Core.Sessions;

namespace KlingPS.Core.Waiting;

/// <summary>
/// Waits for tasks. One loop polls them all, so that a task that is waited for costs an entry in a queue rather than a thread; and callers
/// who wait for the same task share its polls.
/// </summary>
/// <remarks>
/// A task that is due has its turn: the trigger decides whether it is polled, and what the poll shows decides whether the wait is over
/// or when the task is due again. The list of tasks and the schedule each have a lock, and never take the other's; either may take the
/// queue's.
/// </remarks>
internal sealed class TaskWaiter : IDisposable
{
    /// <summary>How many polls run at the same time; their rate is limited by the session's gate.</summary>
    private const int MaxConcurrentPolls = 16;

    /// <summary>From this many tasks on, those that become due within a short time are polled together: waking for each costs more than the poll.</summary>
    private const int BatchFrom = 20;

    private static readonly TimeSpan s_batchWindow = TimeSpan.FromSeconds(0.15);

    private readonly TimeProvider _time;
    private readonly LedgerLoss _loss;
    private readonly IPollTrigger _trigger;
    private readonly PollQueue<Watch> _queue;
    private readonly WatchList _watches;
    private readonly PollSchedule _schedule;
    private readonly TaskPoller _poller;
    private readonly SemaphoreSlim _slots = new(MaxConcurrentPolls);
    private readonly CancellationTokenSource _stop = new();
    private int _isRunning;

    /// <summary>Creates a waiter that polls when tasks are likely to be ready. Nothing runs until there is something to wait for.</summary>
    /// <param name="service">The service.</param>
    /// <param name="pollingInterval">A fixed time between two polls of a task; learned from how long tasks take if it is left out.</param>
    public TaskWaiter(KlingService service, TimeSpan? pollingInterval)
        : this(service, pollingInterval, new PlannedPolling())
    {
    }

    /// <summary>Creates a waiter that polls when a trigger says so.</summary>
    internal TaskWaiter(KlingService service, TimeSpan? pollingInterval, IPollTrigger trigger)
    {
        ArgumentNullException.ThrowIfNull(service);
        _time = service.Session.TimeProvider;
        _loss = service.Loss;
        _trigger = trigger;

        // More than the limit could not be polled at once anyway.
        _queue = new PollQueue<Watch>(_time, BatchFrom, s_batchWindow, QueryRate.Limit);
        _watches = new WatchList(_queue, OnForgotten);
        _schedule = new PollSchedule(service.Session, _queue, pollingInterval);
        Outage = new OutageTolerance(_time, trigger.PollsSteadily);
        _poller = new TaskPoller(service, Outage);

        // Then each task is polled once more, so that finished videos are saved to disk.
        _loss.Happened += _watches.SignalAll;
    }

    /// <summary>What polls have shown of the service's availability.</summary>
    internal OutageTolerance Outage { get; }

    /// <summary>Waits until a task has ended.</summary>
    /// <param name="task">The task as the ledger has it now: it is not read again.</param>
    /// <param name="timeout">How long to wait; the task is polled once more when this is over. Null to wait however long it takes.</param>
    /// <param name="cancellationToken">Ends the wait. The task keeps running.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled, or the waiter has been disposed.</exception>
    public Task<WaitResult> WaitAsync(KlingVideoTask task, TimeSpan? timeout, CancellationToken cancellationToken)
        => WaitUntilAsync(task, Instant.Now(_time) + timeout, cancellationToken);

    /// <summary>Stops polling. Waits that are not over are cancelled, and so are polls under way.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _watches.FailAll(new OperationCanceledException(_stop.Token));
        _queue.Dispose();
    }

    /// <inheritdoc cref="WaitAsync"/>
    /// <param name="task">The task as the ledger has it now.</param>
    /// <param name="deadline">Until when to wait.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    internal Task<WaitResult> WaitUntilAsync(KlingVideoTask task, Instant? deadline, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(task);
        if (cancellationToken.IsCancellationRequested)
        {
            return Task.FromCanceled<WaitResult>(cancellationToken);
        }

        Caller caller = _watches.Join(task, task.StartedAt(_time), deadline ?? Instant.Never, cancellationToken);
        if (Interlocked.Exchange(ref _isRunning, 1) == 0)
        {
            _ = Task.Run(RunAsync, CancellationToken.None);
        }

        return deadline is Instant end ? ReadUntilAsync(caller, PollLimits.EndOfLastLook(end, _time)) : caller.Result;
    }

    /// <summary>Waits for the result no longer than the last look may take: the service may be slow to answer, or ask to wait.</summary>
    private async Task<WaitResult> ReadUntilAsync(Caller caller, Instant end)
    {
        using var limit = new Deadline(_time, end - Instant.Now(_time));
        using CancellationTokenRegistration registration = limit.Token.UnsafeRegister(
            static caller =>
            {
                var late = (Caller)caller!;
                late.Leave();
                late.Complete(new WaitResult.TimedOut(late.Watch.Task));
            },
            caller);
        return await caller.Result.ConfigureAwait(false);
    }

    /// <summary>Gives a task its turn now; if it is having one, it gets another.</summary>
    /// <param name="id">The local id that it is waited for by.</param>
    /// <returns>Whether it is waited for.</returns>
    internal bool Signal(long id) => _watches.Signal(id);

    /// <summary>Whether nothing happens until a timer fires: nothing is due, and every poll under way waits at the rate gate. A simulation advances its clock only then.</summary>
    /// <param name="queued">How many polls wait at the gate.</param>
    internal bool IsIdle(int queued)
        => queued == MaxConcurrentPolls || (_queue.IsAsleep && queued == MaxConcurrentPolls - 1 - _slots.CurrentCount);

    [SuppressMessage("Design", "CA1031", Justification = "Whatever ends the loop is passed on to those who wait.")]
    private async Task RunAsync()
    {
        try
        {
            while (true)
            {
                await _slots.WaitAsync(_stop.Token).ConfigureAwait(false);
                _ = TakeTurnAsync(await _queue.TakeAsync(_stop.Token).ConfigureAwait(false));
            }
        }
        catch (Exception exception)
        {
            _watches.FailAll(exception);
        }
    }

    /// <summary>Gives a task its turn; afterwards it is no longer waited for, or due again later.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "Whatever ends the turn is passed on to those who wait.")]
    private async Task TakeTurnAsync(Watch watch)
    {
        try
        {
            if (await TryFinishAsync(watch).ConfigureAwait(false) is WaitResult result)
            {
                _watches.Complete(watch, result);
            }
        }
        catch (KlingException exception)
        {
            _watches.Complete(watch, new WaitResult.Failed(watch.Task, exception));
        }
        catch (Exception exception)
        {
            _watches.Fail(watch, exception);
        }
        finally
        {
            // Its callers may have given up during the turn.
            _watches.ForgetIfUnused(watch);
            _slots.Release();
        }
    }

    private async Task<WaitResult?> TryFinishAsync(Watch watch)
    {
        await BeginTurnAsync(watch).ConfigureAwait(false);
        if (HasEnded(watch.Task))
        {
            return new WaitResult.Ended(watch.Task);
        }

        PollTurn turn = CreateTurn(watch);
        watch.IsNew = false;
        PollDecision decision = _trigger.Decide(watch, turn);
        if (decision is PollDecision.GiveUp)
        {
            return new WaitResult.TimedOut(watch.Task);
        }

        bool isPolled = decision is PollDecision.Poll || (_loss.Error is not null && watch.Task.TaskId is not null);
        if (isPolled)
        {
            PollResult poll = await _poller.PollAsync(watch, _stop.Token).ConfigureAwait(false);
            if (Conclude(watch, poll) is WaitResult result)
            {
                return result;
            }

            decision = poll is PollResult.Pending ? _trigger.DecideNext(watch, CreateTurn(watch)) : new PollDecision.WaitUntil(Instant.Now(_time) + PollLimits.Soon);
        }

        // That was the last look.
        if (_loss.Error is KlingException lost)
        {
            return new WaitResult.Failed(watch.Task, lost);
        }

        if (isPolled || turn.IsLast)
        {
            _watches.TimeOut(watch, Instant.Now(_time));
        }

        if (decision is PollDecision.WaitUntil next)
        {
            _schedule.ScheduleAt(watch, next.Time);
        }
        else
        {
            _schedule.ScheduleAsPlanned(watch);
        }

        return null;
    }

    /// <summary>Takes in what the ledger knows about a task. What it said before is enough for one more look at the task.</summary>
    private async Task BeginTurnAsync(Watch watch)
    {
        try
        {
            await _schedule.BeginTurnAsync(watch, _loss.Error is null, _stop.Token).ConfigureAwait(false);
            if (_loss.Error is null)
            {
                await _trigger.RefreshAsync(watch, _stop.Token).ConfigureAwait(false);
            }
        }
        catch (KlingException exception) when (_loss.Note(exception))
        {
            await _schedule.BeginTurnAsync(watch, isToLearn: false, _stop.Token).ConfigureAwait(false);
        }
    }

    /// <returns>How the wait ends; <see langword="null"/> if it continues.</returns>
    private WaitResult? Conclude(Watch watch, PollResult poll)
    {
        switch (poll)
        {
            case PollResult.Ended ended:
                if (ended.Generation is TimeSpan generation)
                {
                    _schedule.Learn(watch, generation);
                }

                return new WaitResult.Ended(watch.Task);
            case PollResult.Failed failed:
                return new WaitResult.Failed(watch.Task, failed.Error);
            default:
                return null;
        }
    }

    private bool HasEnded(KlingVideoTask task)
        => TaskPoller.HasEnded(task) && !(task.TaskState is KlingTaskState.Unknown or KlingTaskState.Submitting && _trigger.MaySettle(task));

    private PollTurn CreateTurn(Watch watch)
    {
        Instant planned = _schedule.NextPollAt(watch);
        var now = Instant.Now(_time);
        return new PollTurn(now, watch.IsNew, _watches.HasLateCaller(watch, now), planned);
    }

    private void OnForgotten(Watch watch)
    {
        _schedule.Leave(watch);
        _trigger.OnEnded(watch);
    }
}
