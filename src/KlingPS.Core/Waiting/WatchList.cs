using KlingPS.Core.Model;
using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Waiting;

/// <summary>The tasks that are waited for, and by whom. A task without callers is forgotten. Thread-safe.</summary>
internal sealed class WatchList
{
    private readonly PollQueue<Watch> _queue;
    private readonly Action<Watch> _onForgotten;
    private readonly object _lock = new();
    private readonly Dictionary<string, Watch> _watches = new(StringComparer.Ordinal);

    /// <summary>The same by local id, of which tasks of several ledgers may have the same one.</summary>
    private readonly Dictionary<long, List<Watch>> _byId = [];
    private Exception? _end;

    /// <summary>Creates an empty list.</summary>
    /// <param name="queue">Has each task due at the latest when the first of its callers' deadlines comes.</param>
    /// <param name="onForgotten">Called for a task that nobody waits for any more, maybe more than once; without a lock.</param>
    public WatchList(PollQueue<Watch> queue, Action<Watch> onForgotten)
    {
        _queue = queue;
        _onForgotten = onForgotten;
    }

    /// <summary>Adds a caller; the task is due at once if nobody else waits for it. After <see cref="FailAll"/> the caller fails.</summary>
    /// <param name="task">The task.</param>
    /// <param name="startedAt">When the service accepted it.</param>
    /// <param name="deadline">Until when the caller waits.</param>
    /// <param name="cancellationToken">Ends the caller's wait.</param>
    public Caller Join(KlingVideoTask task, Instant startedAt, Instant deadline, CancellationToken cancellationToken)
    {
        var caller = new Caller(this, deadline);
        lock (_lock)
        {
            if (_end is not null)
            {
                caller.Watch = new Watch(task, startedAt);
                caller.Fail(_end);
                return caller;
            }

            if (!_watches.TryGetValue(task.Key, out Watch? watch))
            {
                watch = new Watch(task, startedAt);
                Remember(watch);
                _queue.Add(watch);
            }

            caller.Watch = watch;
            watch.Callers.Add(caller);
            SetDeadline(watch);
        }

        caller.EndWith(cancellationToken);
        return caller;
    }

    /// <summary>Removes a caller who has given up.</summary>
    public void Leave(Caller caller)
    {
        ArgumentNullException.ThrowIfNull(caller);
        lock (_lock)
        {
            caller.Watch.Callers.Remove(caller);
            SetDeadline(caller.Watch);
        }

        ForgetIfUnused(caller.Watch);
    }

    /// <summary>Makes a task due now; if it is having its turn, it gets another.</summary>
    /// <param name="id">The local id that it is waited for by.</param>
    /// <returns>Whether it is waited for.</returns>
    public bool Signal(long id)
    {
        lock (_lock)
        {
            if (!_byId.TryGetValue(id, out List<Watch>? watches))
            {
                return false;
            }

            watches.ForEach(_queue.Signal);
            return true;
        }
    }

    /// <summary>Makes all tasks due now.</summary>
    public void SignalAll()
    {
        lock (_lock)
        {
            foreach (Watch watch in _watches.Values)
            {
                _queue.Signal(watch);
            }
        }
    }

    /// <summary>Whether the deadline of one of the callers has come.</summary>
    public bool HasLateCaller(Watch watch, Instant now)
    {
        lock (_lock)
        {
            return watch.Callers.Exists(caller => caller.Deadline <= now);
        }
    }

    /// <summary>Ends the waits of the callers whose deadlines have come.</summary>
    public void TimeOut(Watch watch, Instant now)
    {
        List<Caller> late;
        lock (_lock)
        {
            late = watch.Callers.FindAll(caller => caller.Deadline <= now);
            watch.Callers.RemoveAll(late.Contains);
            SetDeadline(watch);
        }

        ForgetIfUnused(watch);
        late.ForEach(caller => caller.Complete(new WaitResult.TimedOut(watch.Task)));
    }

    /// <summary>Ends all waits for a task with a result.</summary>
    public void Complete(Watch watch, WaitResult result) => End(watch, caller => caller.Complete(result));

    /// <summary>Ends all waits for a task with an exception.</summary>
    public void Fail(Watch watch, Exception exception) => End(watch, caller => caller.Fail(exception));

    /// <summary>Ends all waits, and those that are still to come.</summary>
    public void FailAll(Exception exception)
    {
        Watch[] watches;
        lock (_lock)
        {
            _end ??= exception;
            watches = [.. _watches.Values];
        }

        foreach (Watch watch in watches)
        {
            Fail(watch, exception);
        }
    }

    /// <summary>Forgets a task if nobody waits for it.</summary>
    public void ForgetIfUnused(Watch watch)
    {
        lock (_lock)
        {
            if (watch.Callers.Count > 0)
            {
                return;
            }

            Forget(watch);
        }

        _onForgotten(watch);
    }

    private void End(Watch watch, Action<Caller> end)
    {
        Caller[] callers;
        lock (_lock)
        {
            callers = [.. watch.Callers];
            watch.Callers.Clear();
            Forget(watch);
        }

        _onForgotten(watch);
        foreach (Caller caller in callers)
        {
            end(caller);
        }
    }

    private void Remember(Watch watch)
    {
        _watches.Add(watch.Key, watch);
        if (!_byId.TryGetValue(watch.Id, out List<Watch>? watches))
        {
            _byId.Add(watch.Id, watches = new List<Watch>(1));
        }

        watches.Add(watch);
    }

    private void Forget(Watch watch)
    {
        _queue.Remove(watch);
        if (!_watches.TryGetValue(watch.Key, out Watch? current) || current != watch)
        {
            return;
        }

        _watches.Remove(watch.Key);
        List<Watch> watches = _byId[watch.Id];
        watches.Remove(watch);
        if (watches.Count == 0)
        {
            _byId.Remove(watch.Id);
        }
    }

    private void SetDeadline(Watch watch)
        => _queue.SetDeadline(watch, watch.Callers.Count == 0 ? Instant.Never : watch.Callers.Min(caller => caller.Deadline));
}

/// <summary>A caller who waits for a task.</summary>
/// <param name="list">The list that has it.</param>
/// <param name="deadline">Until when.</param>
internal sealed class Caller(WatchList list, Instant deadline)
{
    private readonly TaskCompletionSource<WaitResult> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private CancellationTokenRegistration _registration;

    /// <summary>What it waits for; set by the list.</summary>
    public Watch Watch { get; set; } = null!;

    public Instant Deadline => deadline;

    /// <summary>How the wait ends.</summary>
    public Task<WaitResult> Result => _result.Task;

    /// <summary>Ends the wait as cancelled when a token is cancelled.</summary>
    public void EndWith(CancellationToken cancellationToken)
    {
        _registration = cancellationToken.UnsafeRegister(
            static (caller, token) =>
            {
                var stopped = (Caller)caller!;
                stopped.Leave();
                stopped._result.TrySetCanceled(token);
            },
            this);

        // The wait may be over already, and then nobody else removes the registration.
        Interlocked.MemoryBarrier();
        if (Result.IsCompleted)
        {
            _registration.Unregister();
        }
    }

    /// <summary>The caller no longer waits.</summary>
    public void Leave() => list.Leave(this);

    public void Complete(WaitResult result)
    {
        _result.TrySetResult(result);
        _registration.Unregister();
    }

    /// <summary>Ends the wait with an exception; for an <see cref="OperationCanceledException"/>, as cancelled.</summary>
    public void Fail(Exception exception)
    {
        if (exception is OperationCanceledException cancelled)
        {
            _result.TrySetCanceled(cancelled.CancellationToken);
        }
        else
        {
            _result.TrySetException(exception);
        }

        _registration.Unregister();
    }
}
