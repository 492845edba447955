using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Threading.Channels;
using KlingPS.Core.Api;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Scheduling;
using KlingPS.Core.Sessions;
using KlingPS.Core.Stages;

namespace KlingPS.Core.Waiting;

/// <summary>
/// Waits for tasks and hands out each as it finishes. One loop serves them all: a waiting task costs an entry in a queue, not a thread.
/// </summary>
public sealed class TaskWaiter : IPipelineStage<TaskReference, Outcome<TaskReference, KlingVideoTask>>
{
    /// <summary>Looks under way at the same time; the rate is the gate's business.</summary>
    private const int MaxLooks = 16;

    /// <summary>How often a finished task may come without its link, which sometimes appears a moment after.</summary>
    private const int MaxLooksForLink = 6;

    /// <summary>A task may be unknown to the service for a moment after its creation.</summary>
    private static readonly TimeSpan s_birth = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(2);

    /// <summary>From how many tasks on those are looked at together that become due within a short time: to wake for each costs more than the look.</summary>
    private const int Crowd = 20;

    private static readonly TimeSpan s_together = TimeSpan.FromSeconds(0.3);

    /// <summary>How old a task is when its callback is first missed, while nothing is known of how long tasks take.</summary>
    private static readonly TimeSpan s_unlearnedCallback = TimeSpan.FromMinutes(5);

    /// <summary>How late a callback may be: the service gives a receiver 15 seconds, and then tries again.</summary>
    private static readonly TimeSpan s_lateCallback = TimeSpan.FromSeconds(20);

    /// <summary>How often it is thought over when to miss a callback: others, which come meanwhile, teach how long tasks take.</summary>
    private static readonly TimeSpan s_secondThought = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long the service may be away once it has answered. Before its first answer, the client's own retries are enough; but where
    /// callbacks are awaited it is not asked for long, so that the time counts from its first failure.
    /// </summary>
    private static readonly TimeSpan s_longestOutage = TimeSpan.FromMinutes(10);

    private readonly KlingSession _session;
    private readonly KlingClient _client;
    private readonly TaskFinder _resolver;
    private readonly PollPlanner _planner;
    private readonly TimeSpan? _timeout;
    private readonly CallbackUse _callbacks;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _looks = new(MaxLooks);
    private readonly Channel<Outcome<TaskReference, KlingVideoTask>> _results = Channel.CreateUnbounded<Outcome<TaskReference, KlingVideoTask>>();
    private readonly HashSet<(string Model, int Duration)> _seeded = [];

    private readonly Dictionary<(string Model, int Duration), Kind> _kinds = [];
    private readonly object _gate = new();
    private readonly PriorityQueue<Entry, DateTimeOffset> _due = new();
    private readonly Dictionary<long, List<Entry>> _byId = [];

    /// <summary>Tasks that were announced before they came.</summary>
    private readonly HashSet<long> _announced = [];
    private TaskCompletionSource _changed = NewSignal();

    /// <summary>When the loop wakes by itself.</summary>
    private DateTimeOffset _wakesAt = DateTimeOffset.MaxValue;
    private int _open;
    private long _joined;
    private bool _isComplete;

    /// <summary>When the service last answered, as a timestamp; 0 before it has.</summary>
    private long _lastAnswer;

    /// <summary>Starts waiting; there is nothing to wait for yet.</summary>
    public TaskWaiter(KlingService service, WaitOptions options)
    {
        ArgumentNullException.ThrowIfNull(service);
        ArgumentNullException.ThrowIfNull(options);
        _session = service.Session;
        _time = service.Session.TimeProvider;
        _timeout = options.Timeout;
        _callbacks = options.Callbacks;
        _client = service.Client;
        _resolver = new TaskFinder(service);
        _planner = new PollPlanner(service.Session.GenerationTimes, options.PollingInterval);
        _ = RunAsync();
    }

    /// <inheritdoc/>
    public ChannelReader<Outcome<TaskReference, KlingVideoTask>> Results => _results.Reader;

    /// <inheritdoc/>
    public Task PostAsync(TaskReference item, CancellationToken cancellationToken)
    {
        Post(item, _time.GetUtcNow() + _timeout, isAnnounced: false);
        return Task.CompletedTask;
    }

    /// <summary>Takes note that a callback has come for a task: it is looked at now.</summary>
    /// <param name="id">The local id.</param>
    /// <param name="isKept">Whether a task that is not waited for yet is looked at as soon as it is.</param>
    /// <returns>Whether the task is waited for already.</returns>
    public bool Announce(long id, bool isKept = false)
    {
        lock (_gate)
        {
            if (!_byId.TryGetValue(id, out List<Entry>? entries))
            {
                if (isKept)
                {
                    _announced.Add(id);
                }

                return false;
            }

            foreach (Entry entry in entries)
            {
                entry.IsAnnounced = true;
                if (entry.DueAt is not null)
                {
                    Enqueue(entry, _time.GetUtcNow());
                }
            }

            return true;
        }
    }

    /// <inheritdoc/>
    public void Complete()
    {
        lock (_gate)
        {
            _isComplete = true;
            Signal();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _stop.Cancel();

    /// <summary>Takes a task.</summary>
    /// <param name="item">The task.</param>
    /// <param name="deadline">When its time is over.</param>
    /// <param name="isAnnounced">Whether its callback has come already.</param>
    internal void Post(TaskReference item, DateTimeOffset? deadline, bool isAnnounced)
    {
        lock (_gate)
        {
            _open++;
            Enqueue(new Entry(item, deadline) { IsAnnounced = isAnnounced }, _time.GetUtcNow());
        }
    }

    /// <summary>Takes an attempt whose answer was lost; it is waited for until its callback is missed, or as long as for any other.</summary>
    internal void PostLost(KlingVideoTask attempt)
    {
        lock (_gate)
        {
            _open++;
            DateTimeOffset now = _time.GetUtcNow();
            var entry = new Entry(new TaskReference { Task = attempt }, now + _timeout) { LostAt = _timeout is null ? MissedAt(attempt, now) : null };
            Enqueue(entry, now);
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Signal() => _changed.TrySetResult();

    [SuppressMessage("Design", "CA1031", Justification = "Whatever ended the loop is carried to the reader of the results.")]
    private async Task RunAsync()
    {
        try
        {
            await foreach (Entry entry in DueEntriesAsync().ConfigureAwait(false))
            {
                await _looks.WaitAsync(_stop.Token).ConfigureAwait(false);
                _ = LookAsync(entry);
            }

            _results.Writer.TryComplete();
        }
        catch (Exception exception)
        {
            _results.Writer.TryComplete(exception);
        }
    }

    /// <summary>The entries whose time has come, until there are none and no more will come.</summary>
    private async IAsyncEnumerable<Entry> DueEntriesAsync()
    {
        while (true)
        {
            Entry? ready = null;
            Task changed;
            TimeSpan? wait = null;
            lock (_gate)
            {
                if (_isComplete && _open == 0)
                {
                    yield break;
                }

                if (_changed.Task.IsCompleted)
                {
                    _changed = NewSignal();
                }

                changed = _changed.Task;
                _wakesAt = DateTimeOffset.MaxValue;
                Entry? entry;
                DateTimeOffset at;
                while (_due.TryPeek(out entry, out at) && entry.DueAt != at)
                {
                    // It has become due at another time since.
                    _due.Dequeue();
                }

                if (entry is not null)
                {
                    _wakesAt = at;
                    wait = at - _time.GetUtcNow();
                    if (wait <= TimeSpan.Zero)
                    {
                        ready = _due.Dequeue();
                        ready.DueAt = null;
                    }
                    else if (_open >= Crowd)
                    {
                        wait += s_together;
                    }
                }
            }

            if (ready is not null)
            {
                yield return ready;
            }
            else
            {
                await WaitForChangeAsync(changed, wait).ConfigureAwait(false);
            }
        }
    }

    private async Task WaitForChangeAsync(Task changed, TimeSpan? wait)
    {
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);

        // Timers take whole milliseconds, and not more than 49 days of them. Rounded down, the last one would be spent in circles.
        double milliseconds = wait is TimeSpan span ? Math.Min(Math.Ceiling(span.TotalMilliseconds), int.MaxValue) : Timeout.Infinite;
        Task pause = Task.Delay(TimeSpan.FromMilliseconds(milliseconds), _time, timer.Token);
        await Task.WhenAny(changed, pause).ConfigureAwait(false);
        await timer.CancelAsync().ConfigureAwait(false);
        _stop.Token.ThrowIfCancellationRequested();
    }

    /// <summary>Looks once; afterwards the task has either come out or is due again later.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "Whatever ended the look ends the stage and is carried to its reader.")]
    private async Task LookAsync(Entry entry)
    {
        try
        {
            (Outcome<TaskReference, KlingVideoTask>? outcome, DateTimeOffset again) = await TryFinishAsync(entry).ConfigureAwait(false);
            if (outcome is not null)
            {
                HandOut(entry, outcome);
            }
            else if (entry.Looks > 0 && entry.Deadline <= _time.GetUtcNow())
            {
                HandOut(entry, TimedOut(entry));
            }
            else
            {
                Enqueue(entry, again);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Nobody reads the results any more.
        }
        catch (Exception exception)
        {
            _results.Writer.TryComplete(exception);
        }
        finally
        {
            _looks.Release();
        }
    }

    private async Task<(Outcome<TaskReference, KlingVideoTask>? Outcome, DateTimeOffset Again)> TryFinishAsync(Entry entry)
    {
        try
        {
            bool isNew = entry.Task is null;
            if (entry.Task is null)
            {
                entry.Task = await _resolver.ResolveAsync(entry.Reference, _stop.Token).ConfigureAwait(false);
                await LearnAsync(entry.Task).ConfigureAwait(false);
                Join(entry, entry.Task);
            }

            if (_callbacks != CallbackUse.None)
            {
                if (await AwaitsCallbackAsync(entry).ConfigureAwait(false) is DateTimeOffset again)
                {
                    return entry.Deadline <= _time.GetUtcNow() ? (TimedOut(entry), default) : (null, again);
                }

                if (IsOver(entry))
                {
                    return (Finished(entry), default);
                }
            }
            else if (isNew)
            {
                if (IsOver(entry))
                {
                    return (Finished(entry), default);
                }

                // A task that was created just now is not asked for before it can be ready.
                DateTimeOffset first = NextLook(entry, lastLook: null);
                if (first > _time.GetUtcNow())
                {
                    return (null, first);
                }
            }

            entry.Looks++;
            TaskSnapshot snapshot = await _client.QueryTaskAsync(entry.Task.TaskId!, _stop.Token).ConfigureAwait(false);
            Volatile.Write(ref _lastAnswer, _time.GetTimestamp());
            entry.FailingSince = null;
            if (snapshot is { State: KlingTaskState.Succeeded, ResultUris.Count: 0 })
            {
                return ++entry.LooksForLink < MaxLooksForLink
                    ? (null, _time.GetUtcNow() + s_soon)
                    : (Failed(entry, new KlingException(ErrorKind.AnswerInvalid, $"The service says that {entry.Reference} has succeeded, but names no video.")), default);
            }

            // Most looks bring nothing new.
            KlingVideoTask task = entry.Task.Observed(snapshot, _time.GetUtcNow()) == entry.Task
                ? entry.Task
                : await _session.Ledger.Tasks.RecordSnapshotAsync(_session.Account, snapshot).ConfigureAwait(false);
            entry.Task = task;
            if (task is { State: KlingTaskState.Succeeded, CompletedAt: DateTimeOffset completed })
            {
                Learn(entry.Kind!, completed - (snapshot.CreatedAt ?? AcceptedAt(task)));
            }

            if (IsOver(entry))
            {
                return (Finished(entry), default);
            }

            entry.LastLook = _time.GetUtcNow();
            if (entry.LooksForCall == 0)
            {
                return (null, NextLook(entry, entry.LastLook));
            }

            // The callback is ahead of the record.
            entry.LooksForCall--;
            return (null, _time.GetUtcNow() + s_soon);
        }
        catch (KlingException exception)
        {
            // A task that could not even be found has nothing else to show for the wait when its time is over.
            bool isOver = entry.Task is null && entry.Deadline <= _time.GetUtcNow();
            return !isOver && IsPassing(entry, exception) ? (null, _time.GetUtcNow() + s_soon) : (Failed(entry, exception), default);
        }
    }

    /// <summary>Reads what a callback may have brought into the ledger, and decides whether to look or to wait for one.</summary>
    /// <returns>When to think it over again; <see langword="null"/>: it is time to look, or nothing is left to wait for.</returns>
    private async Task<DateTimeOffset?> AwaitsCallbackAsync(Entry entry)
    {
        lock (_gate)
        {
            if (entry.AnnouncedId == 0)
            {
                // Before the ledger is read: what is recorded afterwards is announced.
                entry.IsAnnounced |= _announced.Remove(entry.Task!.Id);
                entry.AnnouncedId = entry.Task.Id;
                if (!_byId.TryGetValue(entry.Task.Id, out List<Entry>? entries))
                {
                    _byId.Add(entry.Task.Id, entries = []);
                }

                entries.Add(entry);
            }

            entry.LooksForCall = entry.IsAnnounced ? MaxLooksForLink : entry.LooksForCall;
            entry.WasCalled |= entry.IsAnnounced;
            entry.IsAnnounced = false;
        }

        entry.Task = await _resolver.ResolveAsync(new TaskReference { Task = entry.Task }, _stop.Token).ConfigureAwait(false);
        if (IsOver(entry) || (entry.Task.TaskId is not null && entry.LooksForCall > 0))
        {
            return null;
        }

        DateTimeOffset now = _time.GetUtcNow();
        if (entry.Task.TaskId is null)
        {
            // It may be settled by hand, or by the process that submits it.
            return now + s_secondThought;
        }

        if (_callbacks == CallbackUse.WithoutPolling && !entry.WasCalled)
        {
            return DateTimeOffset.MaxValue;
        }

        DateTimeOffset next = NextLook(entry, entry.LastLook);
        return next <= now || entry.Deadline <= now ? null : next < now + s_secondThought ? next : now + s_secondThought;
    }

    /// <summary>Whether an error may be gone at the next look.</summary>
    private bool IsPassing(Entry entry, KlingException exception) => exception.Kind switch
    {
        ErrorKind.TaskNotFound => entry.Task is not null && _time.GetUtcNow() - AcceptedAt(entry.Task) < s_birth,
        _ => exception is KlingApiException { IsTransient: true } && LastGood(entry) is not 0 and long good && _time.GetElapsedTime(good) < s_longestOutage,
    };

    /// <summary>Since when the service has been away, as a timestamp; 0 when it has not been there yet.</summary>
    private long LastGood(Entry entry) => _callbacks == CallbackUse.None ? Volatile.Read(ref _lastAnswer) : entry.FailingSince ??= _time.GetTimestamp();

    /// <summary>Takes what the ledger knows of generation times into account, once for each kind of task.</summary>
    private async Task LearnAsync(KlingVideoTask task)
    {
        lock (_seeded)
        {
            if (!_seeded.Add((task.Model, task.Duration)) || _session.GenerationTimes.Get(task.Model, task.Duration).Count > 0)
            {
                return;
            }
        }

        IReadOnlyList<double> seconds = await _session.Ledger.GenerationTimes
            .ListAsync(task.Model, task.Duration, DurationStatistics.Capacity, _stop.Token).ConfigureAwait(false);
        _session.GenerationTimes.Add(task.Model, task.Duration, seconds.Reverse().Select(TimeSpan.FromSeconds));
    }

    private DateTimeOffset NextLook(Entry entry, DateTimeOffset? lastLook)
    {
        KlingVideoTask task = entry.Task!;
        DateTimeOffset now = _time.GetUtcNow();
        DateTimeOffset created = CreatedBy(task, now);
        (int crowd, int rank) = SizeUp(entry);
        DateTimeOffset next = _planner.Next(new PollSubject(task.TaskId!, task.Model, task.Duration, created, lastLook, crowd, rank));
        if (_callbacks == CallbackUse.None || entry.WasCalled)
        {
            // No other callback will come.
            entry.PlannedAt = next;
            return next;
        }

        DateTimeOffset missed = MissedAt(task, now);
        return next > missed ? next : missed;
    }

    private void Join(Entry entry, KlingVideoTask task)
    {
        lock (_gate)
        {
            if (!_kinds.TryGetValue((task.Model, task.Duration), out Kind? kind))
            {
                _kinds.Add((task.Model, task.Duration), kind = new Kind(task.Model, task.Duration));
            }

            entry.Kind = kind;
            entry.Place = (AcceptedAt(task), ++_joined);
            kind.Entries.Add(entry);
        }
    }

    /// <summary>How many are waited for, and how many of its kind are older than the task, as far as the planner cares.</summary>
    private (int Crowd, int Rank) SizeUp(Entry entry)
    {
        lock (_gate)
        {
            entry.News = entry.Kind!.News;
            return (_open, entry.Kind.Eldest.TakeWhile(older => older != entry).Count());
        }
    }

    /// <summary>Takes note of how long a task has taken, and plans the looks at others of its kind again if that is news.</summary>
    private void Learn(Kind kind, TimeSpan generation)
    {
        lock (_gate)
        {
            DurationDistribution before = _session.GenerationTimes.Get(kind.Model, kind.Duration);
            _session.GenerationTimes.Add(kind.Model, kind.Duration, generation);

            // It is while little is known, each time that has doubled, and when the service is much quicker than it was.
            if (BitOperations.IsPow2(before.Count + 1) || generation < 0.8 * before.Quantile(0))
            {
                kind.News++;
                PlanAgain(kind.Entries);
            }
        }
    }

    /// <summary>Plans anew when to look at tasks that wait for a look.</summary>
    private void PlanAgain(IEnumerable<Entry> entries)
    {
        foreach (Entry entry in entries.Where(entry => entry.DueAt is not null && entry.QueuedAt == entry.PlannedAt))
        {
            Enqueue(entry, NextLook(entry, entry.LastLook));
        }
    }

    /// <summary>By then nearly all tasks of its kind have ended, and been called back for.</summary>
    private DateTimeOffset MissedAt(KlingVideoTask task, DateTimeOffset now)
        => CreatedBy(task, now) + (_session.GenerationTimes.Get(task.Model, task.Duration).Quantile(0.95) ?? s_unlearnedCallback) + s_lateCallback;

    /// <summary>When the service took the task, but not later than now: its clock may be ahead, and the task is not left alone until this one has caught up.</summary>
    private static DateTimeOffset CreatedBy(KlingVideoTask task, DateTimeOffset now) => AcceptedAt(task) is DateTimeOffset accepted && accepted < now ? accepted : now;

    /// <summary>When the service took the task; its record may have been made some time before.</summary>
    private static DateTimeOffset AcceptedAt(KlingVideoTask task) => task.AcceptedAt ?? task.CreatedAt;

    private bool IsOver(Entry entry) => entry.Task switch
    {
        { State: KlingTaskState.Succeeded, ResultUri: null } => false,

        // A callback settles it.
        { State: KlingTaskState.Unknown or KlingTaskState.Submitting, CallbackUri: not null } => _callbacks == CallbackUse.None,
        _ => !entry.Task!.State.IsPending(),
    };

    /// <summary>The error of a task whose time is over; for one that may not exist, that it may not.</summary>
    private Outcome<TaskReference, KlingVideoTask> TimedOut(Entry entry)
        => Failed(entry, TaskErrors.From(entry.Task!) ?? TaskErrors.CreateTimeout(entry.Task!, _timeout!.Value));

    private static Outcome<TaskReference, KlingVideoTask> Finished(Entry entry) => WaitOutcomes.From(entry.Task!) with { Item = entry.Reference };

    private static Outcome<TaskReference, KlingVideoTask> Failed(Entry entry, KlingException error) => new(entry.Reference, null, error);

    private void HandOut(Entry entry, Outcome<TaskReference, KlingVideoTask> outcome)
    {
        _results.Writer.TryWrite(outcome);
        lock (_gate)
        {
            _open--;
            if (entry.Kind is Kind kind)
            {
                bool wasScout = kind.Eldest.Contains(entry);
                kind.Entries.Remove(entry);
                if (wasScout)
                {
                    // Another one takes its place.
                    PlanAgain([.. kind.Eldest]);
                }
            }

            if (_byId.TryGetValue(entry.AnnouncedId, out List<Entry>? entries) && entries.Remove(entry) && entries.Count == 0)
            {
                _byId.Remove(entry.AnnouncedId);
            }

            if (_open == 0)
            {
                Signal();
            }
        }
    }

    private void Enqueue(Entry entry, DateTimeOffset at)
    {
        lock (_gate)
        {
            if (at == entry.PlannedAt && entry.News != entry.Kind!.News)
            {
                // It was planned while others learned.
                at = NextLook(entry, entry.LastLook);
            }

            // A callback may have come during the look.
            DateTimeOffset now = _time.GetUtcNow();
            entry.QueuedAt = at;
            entry.DueAt = entry.IsAnnounced ? now : entry.Deadline < at ? entry.Deadline : at;
            _due.Enqueue(entry, entry.DueAt.Value);

            // The loop sleeps by a clock that is never set and stands still while the machine sleeps.
            if (entry.DueAt < _wakesAt || entry.DueAt <= now)
            {
                Signal();
            }
        }
    }

    /// <summary>The tasks of a model and duration that are waited for.</summary>
    private sealed class Kind(string model, int duration)
    {
        public string Model => model;

        public int Duration => duration;

        /// <summary>Those first that the service took first.</summary>
        public SortedSet<Entry> Entries { get; } = new(Comparer<Entry>.Create((one, other) => one.Place.CompareTo(other.Place)));

        /// <summary>Those that may be scouts.</summary>
        public IEnumerable<Entry> Eldest => Entries.Take(PollPlanner.MaxProbes);

        /// <summary>How often something was learned that changes all plans.</summary>
        public int News { get; set; }
    }

    private sealed class Entry(TaskReference reference, DateTimeOffset? deadline)
    {
        public TaskReference Reference { get; } = reference;

        public DateTimeOffset? Deadline => deadline ?? (Task is { TaskId: null } ? LostAt : null);

        /// <summary>When an attempt is given up whose answer was lost, if no callback has brought its task.</summary>
        public DateTimeOffset? LostAt { get; init; }

        /// <summary>When it is looked at; <see langword="null"/> while it is.</summary>
        public DateTimeOffset? DueAt { get; set; }

        /// <summary>Whether a callback has come since the last look.</summary>
        public bool IsAnnounced { get; set; }

        public KlingVideoTask? Task { get; set; }

        /// <summary>Its kind, once it is known what it is.</summary>
        public Kind? Kind { get; set; }

        /// <summary>Where it stands among those of its kind: when the service took it, and its number.</summary>
        public (DateTimeOffset AcceptedAt, long Number) Place { get; set; }

        /// <summary>The local id that callbacks are announced by; it stays though the task may join another record.</summary>
        public long AnnouncedId { get; set; }

        public DateTimeOffset? LastLook { get; set; }

        /// <summary>When it is to be looked at next, its deadline aside.</summary>
        public DateTimeOffset QueuedAt { get; set; }

        /// <summary>When the planner would have the next look, and by which news of its kind.</summary>
        public DateTimeOffset PlannedAt { get; set; }

        public int News { get; set; }

        /// <summary>When the first of the looks failed that have failed in a row, as a timestamp.</summary>
        public long? FailingSince { get; set; }

        /// <summary>Whether a callback has ever come: the service does not send it again.</summary>
        public bool WasCalled { get; set; }

        /// <summary>Looks left that a callback has called for.</summary>
        public int LooksForCall { get; set; }

        public int Looks { get; set; }

        public int LooksForLink { get; set; }
    }
}
