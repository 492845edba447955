using System.Collections.Concurrent;
using KlingPS.Core.Model;
using KlingPS.Core.Scheduling;
using KlingPS.Core.Sessions;

namespace KlingPS.Core.Waiting;

/// <summary>Brings the generation times that the ledger remembers into the session, once for each kind of task.</summary>
internal sealed class DurationHistory(KlingSession session)
{
    private readonly ConcurrentDictionary<(string Model, int Duration), Lazy<Task>> _loads = new();

    /// <summary>Waits until it is known what the ledger remembers about tasks of this kind.</summary>
    /// <exception cref="KlingException">The ledger could not be read; the next call tries again.</exception>
    public Task LoadAsync(KlingVideoTask task, CancellationToken cancellationToken)
    {
        (string Model, int Duration) kind = (task.Model, task.Spec.Seconds);
        return _loads.GetOrAdd(kind, _ => new Lazy<Task>(() => LoadAsync(kind))).Value.WaitAsync(cancellationToken);
    }

    private async Task LoadAsync((string Model, int Duration) kind)
    {
        if (session.GenerationTimes.Get(kind.Model, kind.Duration).Count > 0)
        {
            return;
        }

        try
        {
            IReadOnlyList<double> seconds = await session.Ledger.GenerationTimes
                .ListAsync(kind.Model, kind.Duration, DurationStatistics.Capacity, CancellationToken.None).ConfigureAwait(false);
            session.GenerationTimes.Add(kind.Model, kind.Duration, seconds.Reverse().Select(TimeSpan.FromSeconds));
        }
        catch (KlingException)
        {
            _loads.TryRemove(kind, out _);
            throw;
        }
    }
}
