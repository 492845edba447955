using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Tests.Ledger;

/// <summary>
/// The gate of the ledger in memory, for the requests of one process: however slow or fast they travel, the service never sees more than the limit
/// arrive within any window.
/// </summary>
/// <remarks>
/// <para>
/// There are as many slots as the limit allows requests. A lease takes a slot, and the slot is free again one window
/// after the lease was <em>released</em>. A request arrives at the service between the two. So if two requests used the
/// same slot, the second left more than a window after the first had arrived, and a window holds at most one arrival
/// per slot. Counting from the moment of entering would not do: with one request delayed on its way and its successors
/// quick, one too many could arrive together.
/// </para>
/// <para>
/// The price is that a slot turns over once per window plus the time of the request, instead of once per window: next
/// to nothing for a create request of half a second in a window of 10 s.
/// </para>
/// <para>
/// The margin is added to the window. It covers clocks that run differently, and a request that was given up here but
/// still arrives there. There is a timer only while somebody waits.
/// </para>
/// </remarks>
internal sealed class SlidingWindowGate : IRateGate
{
    private readonly object _lock = new();
    private readonly int _limit;
    private readonly TimeSpan _hold;
    private readonly TimeProvider _time;

    /// <summary>When leases of the last window were released, the oldest first. Their slots are still taken.</summary>
    private readonly Queue<long> _released = new();

    private readonly LinkedList<TaskCompletionSource> _waiting = new();
    private int _inFlight;
    private ITimer? _timer;

    /// <summary>Creates the gate.</summary>
    /// <param name="limit">How many requests the service takes in one window. At least 1.</param>
    /// <param name="window">The length of the window. More than zero.</param>
    /// <param name="time">The clock.</param>
    /// <param name="margin">What is added to the window for safety; a fortieth of it (250 ms of 10 s) if null. Not negative.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is outside its range.</exception>
    public SlidingWindowGate(int limit, TimeSpan window, TimeProvider time, TimeSpan? margin = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(window, TimeSpan.Zero);
        ArgumentNullException.ThrowIfNull(time);
        TimeSpan added = margin ?? window / 40;
        ArgumentOutOfRangeException.ThrowIfLessThan(added, TimeSpan.Zero, nameof(margin));

        _limit = limit;
        _hold = window + added;
        _time = time;
    }

    /// <summary>How many callers are waiting.</summary>
    public int Waiting
    {
        get
        {
            lock (_lock)
            {
                return _waiting.Count;
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask<IAsyncDisposable> EnterAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();

        // The continuation must not run under the lock in which the turn is granted.
        var turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        LinkedListNode<TaskCompletionSource> place;
        lock (_lock)
        {
            place = _waiting.AddLast(turn);
            Advance();
        }

        CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(_ => GiveUp(place, cancellationToken), null);
        await using (registration.ConfigureAwait(false))
        {
            await turn.Task.ConfigureAwait(false);
        }

        var lease = new Lease(this);
        if (cancellationToken.IsCancellationRequested)
        {
            // The turn came in the same moment as the cancellation. Nothing has been sent, so nothing is counted.
            lease.End(counts: false);
            cancellationToken.ThrowIfCancellationRequested();
        }

        return lease;
    }

    private void GiveUp(LinkedListNode<TaskCompletionSource> place, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (place.List is null)
            {
                return;
            }

            _waiting.Remove(place);
            Advance();
        }

        place.Value.SetCanceled(cancellationToken);
    }

    private void Leave(bool counts)
    {
        lock (_lock)
        {
            _inFlight--;
            if (counts)
            {
                _released.Enqueue(_time.GetTimestamp());
            }

            Advance();
        }
    }

    /// <summary>Grants every turn that can be granted, and sets the timer for the next. Called under the lock.</summary>
    private void Advance()
    {
        while (_released.TryPeek(out long oldest) && _time.GetElapsedTime(oldest) >= _hold)
        {
            _released.Dequeue();
        }

        while (_waiting.First is { } first && _inFlight + _released.Count < _limit)
        {
            _waiting.RemoveFirst();
            _inFlight++;
            first.Value.SetResult();
        }

        _timer?.Dispose();
        _timer = null;
        if (_waiting.Count > 0 && _released.TryPeek(out long next))
        {
            // Timers take whole milliseconds; rounded down, the last one would be spent in circles. The moment may have
            // come since it was looked for above, and a timer of less than no time never rings or is refused.
            double remaining = Math.Max(0, Math.Ceiling((_hold - _time.GetElapsedTime(next)).TotalMilliseconds));
            _timer = _time.CreateTimer(static gate => ((SlidingWindowGate)gate!).OnTimer(), this, TimeSpan.FromMilliseconds(remaining), Timeout.InfiniteTimeSpan);
        }
    }

    private void OnTimer()
    {
        lock (_lock)
        {
            Advance();
        }
    }

    private sealed class Lease(SlidingWindowGate gate) : IAsyncDisposable
    {
        private SlidingWindowGate? _gate = gate;

        public void End(bool counts) => Interlocked.Exchange(ref _gate, null)?.Leave(counts);

        public ValueTask DisposeAsync()
        {
            End(counts: true);
            return ValueTask.CompletedTask;
        }
    }
}
