using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Waiting;

/// <summary>
/// Items that each become due at some moment, handed out one at a time, the longest due first. The taker waits until
/// something is due. Thread-safe, for one taker.
/// </summary>
/// <remarks>
/// An item that has been taken is not handed out again until it is scheduled again. The taker also wakes when an item is scheduled
/// that is due already: a timer can be late, as after the machine was suspended.
/// </remarks>
/// <typeparam name="T">An item; the same object is the same item.</typeparam>
internal sealed class PollQueue<T> : IDisposable
    where T : class
{
    private readonly TimeProvider _time;
    private readonly int _batchFrom;
    private readonly TimeSpan _batchWindow;
    private readonly int _batchSize;
    private readonly object _lock = new();
    private readonly Dictionary<T, Entry> _entries = new(ReferenceEqualityComparer.Instance);

    /// <summary>By due time. An item that was moved also has an old entry, which is skipped because its time is no longer the item's.</summary>
    private readonly PriorityQueue<Entry, Instant> _due = new();
    private readonly ITimer _timer;
    private TaskCompletionSource _changed = CreateSignal();

    /// <summary>When the next item is due, as far as the sleeping taker knows.</summary>
    private Instant _wakesAt = Instant.Never;

    /// <summary>When the timer fires; later than <see cref="_wakesAt"/> if items are gathered.</summary>
    private Instant _batchEndsAt = Instant.Never;
    private bool _isAsleep;
    private bool _isDisposed;

    /// <summary>Creates an empty queue.</summary>
    /// <param name="time">The clock.</param>
    /// <param name="batchFrom">The number of items from which on the taker sleeps until several are due, so that it wakes once for all of them.</param>
    /// <param name="batchWindow">How late an item may be handed out then.</param>
    /// <param name="batchSize">How many due items are enough to wake for.</param>
    public PollQueue(TimeProvider time, int batchFrom = int.MaxValue, TimeSpan batchWindow = default, int batchSize = int.MaxValue)
    {
        _time = time;
        _batchFrom = batchFrom;
        _batchWindow = batchWindow;
        _batchSize = batchSize;
        _timer = time.CreateTimer(static queue => ((PollQueue<T>)queue!).Wake(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>How many items there are, including those that have been taken.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _entries.Count;
            }
        }
    }

    /// <summary>Whether the taker sleeps and has no reason to wake before its timer fires.</summary>
    public bool IsAsleep
    {
        get
        {
            lock (_lock)
            {
                return _isAsleep && !_changed.Task.IsCompleted;
            }
        }
    }

    /// <summary>Adds an item that is due at once.</summary>
    /// <exception cref="ArgumentException">The queue has it already.</exception>
    public void Add(T item)
    {
        lock (_lock)
        {
            var entry = new Entry(item) { At = Instant.Now(_time) };
            _entries.Add(item, entry);
            Enqueue(entry);
        }
    }

    /// <summary>Says when an item that was taken is due again. Does nothing if the item has been removed.</summary>
    public void Schedule(T item, Instant at)
    {
        lock (_lock)
        {
            if (_entries.TryGetValue(item, out Entry? entry))
            {
                entry.At = at;
                Enqueue(entry);
            }
        }
    }

    /// <summary>Moves an item that is scheduled. Does nothing if it has been taken, signalled or removed.</summary>
    public void Reschedule(T item, Instant at)
    {
        lock (_lock)
        {
            if (_entries.TryGetValue(item, out Entry? entry) && entry is { DueAt: not null, IsSignalled: false })
            {
                entry.At = at;
                Enqueue(entry);
            }
        }
    }

    /// <summary>Says until when an item must be due at the latest, whatever it is scheduled for.</summary>
    /// <param name="item">The item; nothing happens if it has been removed.</param>
    /// <param name="deadline">The moment; replaces the deadline that was set before.</param>
    public void SetDeadline(T item, Instant deadline)
    {
        lock (_lock)
        {
            if (_entries.TryGetValue(item, out Entry? entry))
            {
                entry.Deadline = deadline;
                if (entry is { DueAt: not null, IsSignalled: false })
                {
                    Enqueue(entry);
                }
            }
        }
    }

    /// <summary>Makes an item due now; one that has been taken, as soon as it is scheduled again.</summary>
    /// <param name="item">The item; nothing happens if it has been removed.</param>
    public void Signal(T item)
    {
        lock (_lock)
        {
            if (_entries.TryGetValue(item, out Entry? entry) && !entry.IsSignalled)
            {
                entry.IsSignalled = true;
                if (entry.DueAt is not null)
                {
                    Enqueue(entry);
                }
            }
        }
    }

    /// <summary>Removes an item, taken or not.</summary>
    public void Remove(T item)
    {
        lock (_lock)
        {
            if (_entries.Remove(item, out Entry? entry))
            {
                entry.DueAt = null;
            }
        }
    }

    /// <summary>Takes the item that has been due longest, as soon as there is one.</summary>
    public async Task<T> TakeAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Task changed;
            lock (_lock)
            {
                _isAsleep = false;
                if (TryTake() is T item)
                {
                    return item;
                }

                changed = Sleep();
                _isAsleep = true;
            }

            await changed.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Stops the timer: from now on only the cancellation of its token wakes a taker.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            _timer.Dispose();
        }
    }

    private static TaskCompletionSource CreateSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private T? TryTake()
    {
        while (_due.TryPeek(out Entry? entry, out Instant at) && (entry.DueAt != at || at <= Instant.Now(_time)))
        {
            _due.Dequeue();
            if (entry.DueAt == at)
            {
                entry.DueAt = null;
                entry.IsSignalled = false;
                return entry.Item;
            }
        }

        return null;
    }

    /// <summary>Sets the timer for the next item, or for the batch that begins with it. Called when nothing is due.</summary>
    /// <returns>Ends when it is time to look again.</returns>
    private Task Sleep()
    {
        if (_changed.Task.IsCompleted)
        {
            _changed = CreateSignal();
        }

        _wakesAt = _due.TryPeek(out _, out Instant next) ? next : Instant.Never;
        SetTimer(_entries.Count < _batchFrom ? _wakesAt : FindBatchEnd(_wakesAt + _batchWindow));
        return _changed.Task;
    }

    private void SetTimer(Instant end)
    {
        _batchEndsAt = end;
        if (_isDisposed)
        {
            return;
        }

        // Timers take whole milliseconds, and not more than 49 days of them. Rounded down, the last millisecond would be a busy wait.
        double milliseconds = Math.Clamp(Math.Ceiling((end - Instant.Now(_time)).TotalMilliseconds), 0, int.MaxValue);
        _timer.Change(end == Instant.Never ? Timeout.InfiniteTimeSpan : TimeSpan.FromMilliseconds(milliseconds), Timeout.InfiniteTimeSpan);
    }

    /// <summary>When enough items are due to wake for; <paramref name="latest"/> if that is sooner.</summary>
    private Instant FindBatchEnd(Instant latest)
    {
        var passed = new List<Entry>();
        while (passed.Count < _batchSize && _due.TryPeek(out Entry? entry, out Instant at) && at < latest)
        {
            _due.Dequeue();

            // An item that was moved to the same time is there twice.
            if (entry.DueAt == at && !passed.Contains(entry))
            {
                passed.Add(entry);
            }
        }

        foreach (Entry entry in passed)
        {
            _due.Enqueue(entry, entry.DueAt!.Value);
        }

        return passed.Count < _batchSize ? latest : passed[^1].DueAt!.Value;
    }

    private void Enqueue(Entry entry)
    {
        Instant now = Instant.Now(_time);
        entry.DueAt = entry.IsSignalled ? now : entry.Deadline < entry.At ? entry.Deadline : entry.At;
        _due.Enqueue(entry, entry.DueAt.Value);
        if (entry.DueAt < _wakesAt || entry.DueAt <= now)
        {
            _changed.TrySetResult();
        }
        else if (_isAsleep && entry.DueAt < _batchEndsAt)
        {
            // Enough items may be due sooner now.
            SetTimer(FindBatchEnd(_wakesAt + _batchWindow));
        }
    }

    private void Wake()
    {
        lock (_lock)
        {
            _changed.TrySetResult();
        }
    }

    private sealed class Entry(T item)
    {
        public T Item => item;

        /// <summary>What it was scheduled for.</summary>
        public Instant At { get; set; }

        public Instant Deadline { get; set; } = Instant.Never;

        public bool IsSignalled { get; set; }

        /// <summary>When it is handed out; <see langword="null"/> once it has been taken or removed.</summary>
        public Instant? DueAt { get; set; }
    }
}
