using System.Collections.Concurrent;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Scheduling;
using KlingPS.Core.Sessions;
using KlingPS.Core.Waiting;

namespace KlingPS.Core.Callbacks;

/// <summary>Polls tasks when their callbacks have come, or should have come. Reads from the ledger what other processes and users have recorded.</summary>
internal sealed class CallbackExpectation : IPollTrigger
{
    /// <summary>How old a task is when its callback counts as missed, while it is not known how long tasks take.</summary>
    private static readonly TimeSpan s_unlearned = TimeSpan.FromMinutes(5);

    /// <summary>How late a callback may be: the service gives a receiver 15 seconds, and then tries again.</summary>
    private static readonly TimeSpan s_longestDelay = TimeSpan.FromSeconds(20);

    /// <summary>How often to read the ledger and to check again whether the callback is missed: the callbacks of other tasks show how long tasks take.</summary>
    private static readonly TimeSpan s_recheck = TimeSpan.FromSeconds(10);

    private readonly KlingSession _session;
    private readonly TaskFinder _finder;
    private readonly bool _pollsMissed;

    /// <summary>The local ids of tasks whose callbacks have come since their last turn, or before they were waited for.</summary>
    private readonly ConcurrentDictionary<long, byte> _called = new();

    /// <summary>How many polls are left of those that a callback has caused. A task without an entry has had no callback; callbacks are not repeated.</summary>
    private readonly ConcurrentDictionary<Watch, int> _pollsLeft = new(ReferenceEqualityComparer.Instance);

    /// <summary>When attempts whose answers were lost are given up, by their local ids.</summary>
    private readonly ConcurrentDictionary<long, Instant> _lostUntil = new();

    /// <summary>Creates the trigger.</summary>
    /// <param name="service">The service.</param>
    /// <param name="pollsMissed">Whether a task is polled once its callback is missed.</param>
    public CallbackExpectation(KlingService service, bool pollsMissed)
    {
        _session = service.Session;
        _finder = new TaskFinder(service);
        _pollsMissed = pollsMissed;
    }

    /// <inheritdoc/>
    public bool PollsSteadily => false;

    /// <summary>A callback has come: the task's next turn polls it.</summary>
    /// <param name="id">The local id.</param>
    public void OnCalled(long id) => _called[id] = 0;

    /// <summary>Takes back <see cref="OnCalled"/>.</summary>
    /// <returns>Whether there was anything to take back: not if the task has had its turn since.</returns>
    public bool Forget(long id) => _called.TryRemove(id, out _);

    /// <summary>Gives up an attempt whose answer was lost when its callback would be missed, if none has come for it.</summary>
    public void GiveUpWhenMissed(KlingVideoTask attempt) => _lostUntil[attempt.Id] = MissedAt(attempt, attempt.StartedAt(_session.TimeProvider));

    /// <inheritdoc/>
    public bool MaySettle(KlingVideoTask attempt) => attempt.CallbackUri is not null;

    /// <inheritdoc/>
    public async Task RefreshAsync(Watch watch, CancellationToken cancellationToken)
    {
        // Done before the ledger is read: whatever is recorded afterwards brings another call.
        if (_called.TryRemove(watch.Id, out _))
        {
            _pollsLeft[watch] = PollLimits.MaxPollsForRecord;
        }

        try
        {
            KlingVideoTask recorded = await _finder.FindRecordedAsync(new TaskReference { Task = watch.Task }, cancellationToken).ConfigureAwait(false);
            recorded = recorded with { IsFailureReported = watch.Task.IsFailureReported };
            watch.Task = recorded == watch.Task ? watch.Task : recorded;
        }
        catch (KlingException exception) when (exception.Kind == ErrorKind.TaskNotFound && watch.Task.TaskId is not null)
        {
            // Its record has been removed; the next poll makes a new one.
        }
    }

    /// <inheritdoc/>
    public PollDecision Decide(Watch watch, PollTurn turn)
    {
        if (watch.Task.TaskId is null)
        {
            // It may be settled by a callback, by its user, or by the process that submits it.
            Instant lostAt = _lostUntil.GetValueOrDefault(watch.Id, Instant.Never);
            return lostAt <= turn.Now ? new PollDecision.GiveUp() : new PollDecision.WaitUntil(Instant.Earlier(lostAt, turn.Now + s_recheck));
        }

        bool wasCalled = _pollsLeft.TryGetValue(watch, out int left);
        if (left > 0)
        {
            return new PollDecision.Poll();
        }

        if (!wasCalled && !_pollsMissed)
        {
            return new PollDecision.WaitUntil(Instant.Never);
        }

        Instant next = wasCalled ? turn.PlannedAt : UnlessCalledAt(watch, turn);
        return turn.IsLast || next <= turn.Now ? new PollDecision.Poll() : new PollDecision.WaitUntil(Instant.Earlier(next, turn.Now + s_recheck));
    }

    /// <inheritdoc/>
    public PollDecision DecideNext(Watch watch, PollTurn turn)
    {
        if (!_pollsLeft.TryGetValue(watch, out int left))
        {
            return new PollDecision.WaitUntil(UnlessCalledAt(watch, turn));
        }

        if (left == 0)
        {
            return new PollDecision.WaitForPlan();
        }

        // The callback is ahead of the service's record.
        _pollsLeft[watch] = left - 1;
        return new PollDecision.WaitUntil(turn.Now + PollLimits.Soon);
    }

    /// <inheritdoc/>
    public void OnEnded(Watch watch) => _pollsLeft.TryRemove(watch, out _);

    private Instant UnlessCalledAt(Watch watch, PollTurn turn) => Instant.Later(turn.PlannedAt, MissedAt(watch.Task, watch.StartedAt));

    /// <summary>By then nearly all tasks of its kind have ended, and callbacks have told of it.</summary>
    private Instant MissedAt(KlingVideoTask task, Instant startedAt)
        => startedAt + (_session.GenerationTimes.Get(task.Model, task.Spec.Seconds).Quantile(0.95) ?? s_unlearned) + s_longestDelay;
}
