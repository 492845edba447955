namespace KlingPS.Core.Scheduling;

/// <summary>A number of slots; of the callers that wait for one, the most urgent is next. Safe for concurrent use.</summary>
internal sealed class PrioritySlots
{
    private readonly object _lock = new();
    private readonly PriorityQueue<TaskCompletionSource, (DateTimeOffset Deadline, long Number)> _waiting = new();
    private int _free;
    private long _last;

    /// <summary>Creates the slots.</summary>
    /// <param name="count">How many there are; at least 1.</param>
    public PrioritySlots(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        _free = count;
    }

    /// <summary>Waits for a slot.</summary>
    /// <param name="deadline">The earlier, the more urgent; equals go in order of arrival.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The slot; it is free again once this is disposed.</returns>
    public async Task<IDisposable> EnterAsync(DateTimeOffset deadline, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        TaskCompletionSource? turn = null;
        lock (_lock)
        {
            if (_free > 0)
            {
                _free--;
            }
            else
            {
                turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                _waiting.Enqueue(turn, (deadline, _last++));
            }
        }

        if (turn is not null)
        {
            // A caller that gives up stays in the queue until its turn comes, and is skipped then.
            using CancellationTokenRegistration registration = cancellationToken.Register(() => turn.TrySetCanceled(cancellationToken));
            await turn.Task.ConfigureAwait(false);
        }

        return new Slot(this);
    }

    private void Leave()
    {
        lock (_lock)
        {
            while (_waiting.TryDequeue(out TaskCompletionSource? next, out _))
            {
                if (next.TrySetResult())
                {
                    return;
                }
            }

            _free++;
        }
    }

    private sealed class Slot(PrioritySlots slots) : IDisposable
    {
        private PrioritySlots? _slots = slots;

        public void Dispose() => Interlocked.Exchange(ref _slots, null)?.Leave();
    }
}
