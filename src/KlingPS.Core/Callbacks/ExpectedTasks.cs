using System.Collections.Concurrent;
using System.Threading.Channels;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Scheduling;
using KlingPS.Core.Sessions;
using KlingPS.Core.Stages;
using KlingPS.Core.Waiting;

namespace KlingPS.Core.Callbacks;

/// <summary>The tasks that a receiver waits for; each comes out once. Thread-safe.</summary>
internal sealed class ExpectedTasks : IDisposable
{
    private readonly CallbackExpectation _expectation;
    private readonly TaskWaiter _waiter;
    private readonly WaitStage _stage;
    private readonly KlingSession _session;
    private readonly TimeProvider _time;
    private readonly TimeSpan? _timeout;
    private readonly object _lock = new();

    /// <summary>Every name by which a task that was added may come again: its nonce and its id at the service; <see cref="KlingVideoTask.Key"/> if it has neither.</summary>
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);

    /// <summary>The local ids of the tasks that have been added, as far as they are those of the ledger in use.</summary>
    private readonly HashSet<long> _ids = [];

    /// <summary>Those of <see cref="_ids"/> of which nothing else is known.</summary>
    private readonly HashSet<long> _bareIds = [];

    /// <summary>The attempts among the tasks whose answers were lost upstream, by <see cref="KlingVideoTask.Key"/>.</summary>
    private readonly ConcurrentDictionary<string, byte> _lost = new(StringComparer.Ordinal);
    private volatile bool _isClosed;

    public ExpectedTasks(KlingService service, ReceiveOptions options)
    {
        _session = service.Session;
        _time = _session.TimeProvider;
        _timeout = options.Timeout;
        _expectation = new CallbackExpectation(service, options.IsPolling);
        _waiter = new TaskWaiter(service, options.PollingInterval, _expectation);
        _stage = new WaitStage(service, _waiter, _timeout);
    }

    /// <summary>The results of the tasks.</summary>
    public ChannelReader<Outcome<TaskReference, KlingVideoTask>> Results => _stage.Results;

    /// <summary>Whether it takes no more tasks.</summary>
    public bool IsClosed => _isClosed;

    /// <summary>Adds a task as its user names it, unless it has been added already.</summary>
    public void Add(TaskReference item)
    {
        // Its callback may have come first, and then it has been added already.
        if (item.Task is KlingVideoTask task ? TryAdd(task) : item.Id is not long id || TryAdd(id))
        {
            _stage.Post(item, Instant.Now(_time) + _timeout, isCurrent: item.Task is not null && _session.Has(item.Task));
        }
    }

    /// <summary>Adds a task whose callback has come.</summary>
    /// <param name="task">The task, as the ledger has it.</param>
    /// <param name="deadline">How long to wait for it.</param>
    /// <returns>Whether it is new.</returns>
    public bool TryAddCalled(KlingVideoTask task, Instant? deadline)
    {
        if (!TryAdd(task))
        {
            return false;
        }

        _expectation.OnCalled(task.Id);
        _stage.Post(new TaskReference { Task = task }, deadline, isCurrent: true);
        return true;
    }

    /// <summary>Adds an attempt whose answer was lost upstream. It is waited for until its callback is missed, or as long as any other.</summary>
    public void AddLost(KlingVideoTask attempt)
    {
        if (TryAdd(attempt))
        {
            _lost.TryAdd(attempt.Key, 0);
            if (_timeout is null)
            {
                _expectation.GiveUpWhenMissed(attempt);
            }

            _stage.Post(new TaskReference { Task = attempt }, Instant.Now(_time) + _timeout, isCurrent: true);
        }
    }

    /// <summary>Whether a task of the ledger in use has been added.</summary>
    /// <param name="id">The local id.</param>
    public bool Contains(long id)
    {
        lock (_lock)
        {
            return _ids.Contains(id);
        }
    }

    /// <summary>Whether a result only says that an answer that was lost upstream is still missing; that has been reported there.</summary>
    public bool IsStillLost(Outcome<TaskReference, KlingVideoTask> outcome)
        => outcome is { Error.Kind: ErrorKind.AttemptUnknown, Item.Task: KlingVideoTask attempt } && _lost.ContainsKey(attempt.Key);

    /// <summary>Has a task polled because its callback has come.</summary>
    /// <param name="id">The local id.</param>
    /// <param name="isKept">Whether to poll a task that nobody is waiting for yet as soon as somebody does.</param>
    /// <returns>Whether somebody is waiting for the task.</returns>
    public bool Announce(long id, bool isKept = false)
    {
        _expectation.OnCalled(id);

        // A task that came after the signal may have been polled for this callback already.
        return _waiter.Signal(id) || (!isKept && !_expectation.Forget(id));
    }

    /// <summary>Ends the adding of tasks.</summary>
    public void Complete() => _stage.Complete();

    /// <summary>Takes no more tasks, not even those whose callbacks come.</summary>
    public void Close() => _isClosed = true;

    /// <inheritdoc/>
    public void Dispose() => _stage.Dispose();

    /// <summary>Remembers a task, unless it has been added already. That another one has its number, in another ledger, does not count.</summary>
    private bool TryAdd(KlingVideoTask task)
    {
        string[] names = [.. new[] { task.Nonce, task.TaskId }.OfType<string>().DefaultIfEmpty(task.Key)];
        bool isHere = _session.Has(task);
        lock (_lock)
        {
            if (_names.Overlaps(names) || (isHere && _bareIds.Contains(task.Id)))
            {
                return false;
            }

            _names.UnionWith(names);
            if (isHere)
            {
                _ids.Add(task.Id);
            }

            return true;
        }
    }

    /// <summary>Remembers a task of the ledger in use that is named by its local id, unless it has been added already.</summary>
    private bool TryAdd(long id)
    {
        lock (_lock)
        {
            return _ids.Add(id) && _bareIds.Add(id);
        }
    }
}
