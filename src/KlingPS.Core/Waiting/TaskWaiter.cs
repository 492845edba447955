using System.Diagnostics.CodeAnalysis;
using KlingPS.Core.Model;
using KlingPS.Core.Sessions;

namespace KlingPS.Core.Waiting;

/// <summary>
/// Waits for tasks. One loop polls them all, so that a task that is waited for costs an entry in a queue and not a thread; and callers
/// who wait for the same task share its polls.
/// </summary>
/// <remarks>
/// A task that is due has its turn: its trigger decides whether it is polled, and what the poll shows decides whether the wait is over
/// or when it is due again. The waiter and the schedule each have a lock, and never take the other's; either may take the queue's.
/// </remarks>
public sealed class TaskWaiter : IDisposable
{
    /// <summary>Polls at the same time; their rate is limited by the session's gate.</summary>
    private const int MaxConcurrentPolls = 16;

    /// <summary>From how many tasks on, those that become due within a short time are polled together: waking for each costs more than the poll.</summary>
    private const int BatchFrom = 20;

    private static readonly TimeSpan s_batchWindow = TimeSpan.FromSeconds(0.3);

    private readonly TimeProvider _time;
    private readonly IPollTrigger _trigger;
    private readonly PollQueue<Watch> _queue;
    private readonly PollSchedule _schedule;
    private readonly TaskPoller _poller;
    private readonly SemaphoreSlim _slots = new(MaxConcurrentPolls);
    private readonly CancellationTokenSource _stop = new();
    private readonly object _lock = new();
    private readonly Dictionary<long, Watch> _watches = [];
    private Task? _loop;

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
        _trigger = trigger;
        _queue = new PollQueue<Watch>(_time, BatchFrom, s_batchWindow);
        _schedule = new PollSchedule(service.Session, _queue, pollingInterval);
        Outage = new OutageTolerance(_time, trigger.PollsSteadily);
        _poller = new TaskPoller(service, Outage);
    }

    /// <summary>What the polls have shown of the service's availability.</summary>
    internal OutageTolerance Outage { get; }

    /// <summary>Waits until a task has ended.</summary>
    /// <param name="task">The task as the ledger has it now: it is not read again.</param>
    /// <param name="timeout">How long to wait; the task is polled once more when this is over. Null to wait however long it takes.</param>
    /// <param name="cancellationToken">Ends the wait. The task goes on.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled, or the waiter has been disposed.</exception>
    public Task<WaitResult> WaitAsync(KlingVideoTask task, TimeSpan? timeout, CancellationToken cancellationToken)
        => WaitUntilAsync(task, _time.GetUtcNow() + timeout, cancellationToken);

    /// <summary>Stops polling. Waits that are not over are cancelled, and so are polls under way.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        Caller[] callers;
        lock (_lock)
        {
            callers = [.. _watches.Values.SelectMany(watch => watch.Callers)];
            _watches.Clear();
        }

        _queue.Dispose();
        foreach (Caller caller in callers)
        {
            caller.Result.TrySetCanceled(_stop.Token);
        }
    }

    /// <inheritdoc cref="WaitAsync"/>
    /// <param name="task">The task as the ledger has it now.</param>
    /// <param name="deadline">Until when to wait.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    internal async Task<WaitResult> WaitUntilAsync(KlingVideoTask task, DateTimeOffset? deadline, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(task);
        cancellationToken.ThrowIfCancellationRequested();
        var caller = new Caller(deadline ?? DateTimeOffset.MaxValue);
        Watch watch = Join(task, caller);
        CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(_ => GiveUp(watch, caller, cancellationToken), null);
        await using (registration.ConfigureAwait(false))
        {
            return await caller.Result.Task.ConfigureAwait(false);
        }
    }

    /// <summary>Gives a task its turn now; if it is having it, once more.</summary>
    /// <param name="id">The local id that it is waited for by.</param>
    /// <returns>Whether it is waited for.</returns>
    internal bool Signal(long id)
    {
        lock (_lock)
        {
            if (!_watches.TryGetValue(id, out Watch? watch))
            {
                return false;
            }

            _queue.Signal(watch);
            return true;
        }
    }

    private Watch Join(KlingVideoTask task, Caller caller)
    {
        lock (_lock)
        {
            _stop.Token.ThrowIfCancellationRequested();
            if (!_watches.TryGetValue(task.Id, out Watch? watch))
            {
                _watches.Add(task.Id, watch = new Watch(task));
                _queue.Add(watch);
            }

            watch.Callers.Add(caller);
            SetDeadline(watch);
            _loop ??= Task.Run(RunAsync, CancellationToken.None);
            return watch;
        }
    }

    private void GiveUp(Watch watch, Caller caller, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            watch.Callers.Remove(caller);
        }

        ForgetIfUnused(watch);
        caller.Result.TrySetCanceled(cancellationToken);
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever ends the loop is carried to those who wait.")]
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
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Those who wait have been told.
        }
        catch (Exception exception)
        {
            Watch[] watches;
            lock (_lock)
            {
                watches = [.. _watches.Values];
            }

            foreach (Watch watch in watches)
            {
                End(watch, caller => caller.Result.TrySetException(exception));
            }
        }
    }

    /// <summary>Gives a task its turn; afterwards it is no longer waited for, or due again later.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "Whatever ends the turn is carried to those who wait.")]
    private async Task TakeTurnAsync(Watch watch)
    {
        try
        {
            if (await TryFinishAsync(watch).ConfigureAwait(false) is WaitResult result)
            {
                End(watch, caller => caller.Result.TrySetResult(result));
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Those who wait have been told.
        }
        catch (KlingException exception)
        {
            End(watch, caller => caller.Result.TrySetResult(new WaitResult.Failed(watch.Task, exception)));
        }
        catch (Exception exception)
        {
            End(watch, caller => caller.Result.TrySetException(exception));
        }
        finally
        {
            // Its callers may have given up during the turn.
            ForgetIfUnused(watch);
            _slots.Release();
        }
    }

    private async Task<WaitResult?> TryFinishAsync(Watch watch)
    {
        await _schedule.BeginTurnAsync(watch, _stop.Token).ConfigureAwait(false);
        await _trigger.RefreshAsync(watch, _stop.Token).ConfigureAwait(false);
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

        bool isPolled = decision is PollDecision.Poll;
        if (isPolled)
        {
            PollResult poll = await _poller.PollAsync(watch, _stop.Token).ConfigureAwait(false);
            if (Conclude(watch, poll) is WaitResult result)
            {
                return result;
            }

            decision = poll is PollResult.Pending ? _trigger.DecideNext(watch, CreateTurn(watch)) : new PollDecision.WaitUntil(_time.GetUtcNow() + PollLimits.Soon);
        }

        if (isPolled || turn.IsLast)
        {
            TimeOut(watch);
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

    /// <returns>How the wait ends; <see langword="null"/> if it goes on.</returns>
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
        => TaskPoller.HasEnded(task) && !(task.State is KlingTaskState.Unknown or KlingTaskState.Submitting && _trigger.MaySettle(task));

    private PollTurn CreateTurn(Watch watch)
    {
        DateTimeOffset planned = _schedule.NextPollAt(watch);
        DateTimeOffset now = _time.GetUtcNow();
        lock (_lock)
        {
            return new PollTurn(now, watch.IsNew, watch.Callers.Exists(caller => caller.Deadline <= now), planned);
        }
    }

    /// <summary>Ends the waits whose time is over.</summary>
    private void TimeOut(Watch watch)
    {
        DateTimeOffset now = _time.GetUtcNow();
        List<Caller> late;
        lock (_lock)
        {
            late = watch.Callers.FindAll(caller => caller.Deadline <= now);
            watch.Callers.RemoveAll(late.Contains);
            SetDeadline(watch);
        }

        ForgetIfUnused(watch);
        late.ForEach(caller => caller.Result.TrySetResult(new WaitResult.TimedOut(watch.Task)));
    }

    /// <summary>Ends all waits for a task.</summary>
    private void End(Watch watch, Action<Caller> complete)
    {
        Caller[] callers;
        lock (_lock)
        {
            callers = [.. watch.Callers];
            watch.Callers.Clear();
            Forget(watch);
        }

        _schedule.Leave(watch);
        _trigger.OnEnded(watch);
        foreach (Caller caller in callers)
        {
            complete(caller);
        }
    }

    private void ForgetIfUnused(Watch watch)
    {
        lock (_lock)
        {
            if (watch.Callers.Count > 0)
            {
                return;
            }

            Forget(watch);
        }

        _schedule.Leave(watch);
        _trigger.OnEnded(watch);
    }

    private void Forget(Watch watch)
    {
        _queue.Remove(watch);
        if (_watches.TryGetValue(watch.Id, out Watch? current) && current == watch)
        {
            _watches.Remove(watch.Id);
        }
    }

    private void SetDeadline(Watch watch)
        => _queue.SetDeadline(watch, watch.Callers.Count == 0 ? DateTimeOffset.MaxValue : watch.Callers.Min(caller => caller.Deadline));
}
