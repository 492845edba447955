using System.Diagnostics.CodeAnalysis;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Stages;

namespace KlingPS.Core.Waiting;

/// <summary>Waits for tasks, each once, however many images wait for the same.</summary>
internal sealed class SharedWaits : IDisposable
{
    private readonly TaskWaiter _waiter;
    private readonly object _lock = new();
    private readonly Dictionary<long, TaskCompletionSource<Outcome<TaskReference, KlingVideoTask>>> _waits = [];

    /// <summary>Creates the waits.</summary>
    /// <param name="waiter">What looks at the tasks; belongs to this object from now on.</param>
    public SharedWaits(TaskWaiter waiter)
    {
        _waiter = waiter;
        _ = HandOutAsync();
    }

    /// <summary>Waits until a task has ended, or its time is over.</summary>
    public async Task<Outcome<TaskReference, KlingVideoTask>> WaitAsync(KlingVideoTask task, CancellationToken cancellationToken)
    {
        TaskCompletionSource<Outcome<TaskReference, KlingVideoTask>>? wait;
        bool isFirst;
        lock (_lock)
        {
            isFirst = !_waits.TryGetValue(task.Id, out wait);
            if (isFirst)
            {
                _waits[task.Id] = wait = new(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }

        if (isFirst)
        {
            await _waiter.PostAsync(new TaskReference { Task = task }, cancellationToken).ConfigureAwait(false);
        }

        return await wait!.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void Dispose() => _waiter.Dispose();

    [SuppressMessage("Design", "CA1031", Justification = "Whatever ended the waiter is carried to those who wait.")]
    private async Task HandOutAsync()
    {
        try
        {
            await foreach (Outcome<TaskReference, KlingVideoTask> outcome in _waiter.Results.ReadAllAsync().ConfigureAwait(false))
            {
                lock (_lock)
                {
                    _waits[outcome.Item.Task!.Id].TrySetResult(outcome);
                }
            }
        }
        catch (Exception exception)
        {
            lock (_lock)
            {
                foreach (TaskCompletionSource<Outcome<TaskReference, KlingVideoTask>> wait in _waits.Values)
                {
                    wait.TrySetException(exception);
                }
            }
        }
    }
}
