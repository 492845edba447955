using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;
using KlingPS.Core.Api;
using KlingPS.Core.Ledger;
using KlingPS.Core.Scheduling;
using KlingPS.Core.Sessions;

namespace KlingPS.Core.Pipeline;

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

    /// <summary>How long the service may be away once it has answered. Before its first answer, the client's own retries are enough.</summary>
    private static readonly TimeSpan s_longestOutage = TimeSpan.FromMinutes(10);

    private readonly KlingSession _session;
    private readonly KlingClient _client;
    private readonly TaskResolver _resolver;
    private readonly PollPlanner _planner;
    private readonly TimeSpan? _timeout;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _looks = new(MaxLooks);
    private readonly Channel<Outcome<TaskReference, KlingVideoTask>> _results = Channel.CreateUnbounded<Outcome<TaskReference, KlingVideoTask>>();
    private readonly HashSet<(string Model, int Duration)> _seeded = [];
    private readonly object _gate = new();
    private readonly PriorityQueue<Entry, DateTimeOffset> _due = new();
    private TaskCompletionSource _changed = NewSignal();
    private int _open;
    private bool _isComplete;

    /// <summary>When the service last answered, as a timestamp; 0 before it has.</summary>
    private long _lastAnswer;

    /// <summary>Starts waiting; there is nothing to wait for yet.</summary>
    public TaskWaiter(KlingSession session, WaitOptions options, IRequestObserver? observer)
    {
        ArgumentNullException.ThrowIfNull(session);
        ArgumentNullException.ThrowIfNull(options);
        _session = session;
        _time = session.TimeProvider;
        _timeout = options.Timeout;
        _client = session.CreateClient(observer);
        _resolver = new TaskResolver(session, observer);
        _planner = new PollPlanner(session.GenerationTimes, options.PollingInterval);
        _ = RunAsync();
    }

    /// <inheritdoc/>
    public ChannelReader<Outcome<TaskReference, KlingVideoTask>> Results => _results.Reader;

    /// <summary>How many tasks are still waited for.</summary>
    public int OpenCount
    {
        get
        {
            lock (_gate)
            {
                return _open;
            }
        }
    }

    /// <inheritdoc/>
    public Task PostAsync(TaskReference item, CancellationToken cancellationToken)
    {
        DateTimeOffset now = _time.GetUtcNow();
        lock (_gate)
        {
            _open++;
            _due.Enqueue(new Entry(item, now + _timeout), now);
            Signal();
        }

        return Task.CompletedTask;
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
                if (_due.TryPeek(out Entry? entry, out DateTimeOffset at))
                {
                    wait = at - _time.GetUtcNow();
                    if (wait <= TimeSpan.Zero)
                    {
                        ready = _due.Dequeue();
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
                HandOut(outcome);
            }
            else if (entry.Looks > 0 && entry.Deadline <= _time.GetUtcNow())
            {
                HandOut(new Outcome<TaskReference, KlingVideoTask>(entry.Reference, null, TaskFaults.Timeout(entry.Task!, _timeout!.Value)));
            }
            else
            {
                Enqueue(entry, entry.Deadline < again ? entry.Deadline.Value : again);
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
            if (entry.Task is null)
            {
                entry.Task = await _resolver.ResolveAsync(entry.Reference, _stop.Token).ConfigureAwait(false);
                await LearnAsync(entry.Task).ConfigureAwait(false);
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
            if (snapshot is { State: KlingTaskState.Succeeded, ResultUris.Count: 0 })
            {
                return ++entry.LooksForLink < MaxLooksForLink
                    ? (null, _time.GetUtcNow() + s_soon)
                    : (Failed(entry, new KlingException(ErrorKind.AnswerInvalid, $"The service says that {entry.Reference} has succeeded, but names no video.")), default);
            }

            KlingVideoTask task = await _session.Ledger.RecordSnapshotAsync(_session.Account, snapshot).ConfigureAwait(false);
            entry.Task = task;
            if (task is { State: KlingTaskState.Succeeded, CompletedAt: DateTimeOffset completed })
            {
                _session.GenerationTimes.Add(task.Model, task.Duration, completed - (snapshot.CreatedAt ?? task.CreatedAt));
            }

            return IsOver(entry) ? (Finished(entry), default) : (null, NextLook(entry, _time.GetUtcNow()));
        }
        catch (KlingException exception)
        {
            // A task that could not even be found has nothing else to show for the wait when its time is over.
            bool isOver = entry.Task is null && entry.Deadline <= _time.GetUtcNow();
            return !isOver && IsPassing(entry, exception) ? (null, _time.GetUtcNow() + s_soon) : (Failed(entry, exception), default);
        }
    }

    /// <summary>Whether an error may be gone at the next look.</summary>
    private bool IsPassing(Entry entry, KlingException exception) => exception.Kind switch
    {
        ErrorKind.TaskNotFound => entry.Task is not null && _time.GetUtcNow() - entry.Task.CreatedAt < s_birth,
        _ => exception is KlingApiException { IsTransient: true }
            && Volatile.Read(ref _lastAnswer) is not 0 and long answered
            && _time.GetElapsedTime(answered) < s_longestOutage,
    };

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

        IReadOnlyList<double> seconds = await _session.Ledger
            .ListGenerationTimesAsync(task.Model, task.Duration, DurationStatistics.Capacity, _stop.Token).ConfigureAwait(false);
        _session.GenerationTimes.Add(task.Model, task.Duration, seconds.Reverse().Select(TimeSpan.FromSeconds));
    }

    private DateTimeOffset NextLook(Entry entry, DateTimeOffset? lastLook)
    {
        KlingVideoTask task = entry.Task!;
        DateTimeOffset now = _time.GetUtcNow();

        // The service's clock may be ahead of this one; the task is not left alone until this one has caught up.
        DateTimeOffset created = task.CreatedAt < now ? task.CreatedAt : now;
        return _planner.Next(new PollSubject(task.TaskId!, task.Model, task.Duration, created, lastLook), now);
    }

    private static bool IsOver(Entry entry)
        => !entry.Task!.State.IsPending() && entry.Task is not { State: KlingTaskState.Succeeded, ResultUri: null };

    private static Outcome<TaskReference, KlingVideoTask> Finished(Entry entry)
    {
        KlingVideoTask task = entry.Task!;
        KlingException? error = task.IsFailureReported ? null : TaskFaults.Of(task);
        return new(entry.Reference, task with { IsFailureReported = task.IsFailureReported || error is not null }, error);
    }

    private static Outcome<TaskReference, KlingVideoTask> Failed(Entry entry, KlingException error) => new(entry.Reference, null, error);

    private void HandOut(Outcome<TaskReference, KlingVideoTask> outcome)
    {
        _results.Writer.TryWrite(outcome);
        lock (_gate)
        {
            _open--;
            Signal();
        }
    }

    private void Enqueue(Entry entry, DateTimeOffset at)
    {
        lock (_gate)
        {
            _due.Enqueue(entry, at);
            Signal();
        }
    }

    private sealed class Entry(TaskReference reference, DateTimeOffset? deadline)
    {
        public TaskReference Reference { get; } = reference;

        public DateTimeOffset? Deadline { get; } = deadline;

        public KlingVideoTask? Task { get; set; }

        public int Looks { get; set; }

        public int LooksForLink { get; set; }
    }
}
