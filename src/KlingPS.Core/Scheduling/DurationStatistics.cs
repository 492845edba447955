using System.Collections.Concurrent;

namespace KlingPS.Core.Scheduling;

/// <summary>
/// How long generations take, by model and length of the video, from the last <see cref="Capacity"/> observed times of
/// each. Thread-safe.
/// </summary>
internal sealed class DurationStatistics
{
    /// <summary>How many of the latest times count, for each model and length.</summary>
    public const int Capacity = 200;

    private readonly ConcurrentDictionary<(string Model, int VideoSeconds), Recent> _recent = new();

    /// <summary>Adds a generation time.</summary>
    /// <param name="model">The model's id at the service.</param>
    /// <param name="videoSeconds">The length of the video in seconds.</param>
    /// <param name="generation">From the task's creation to its completion, by the service's clock. Negative times are ignored.</param>
    public void Add(string model, int videoSeconds, TimeSpan generation) => Add(model, videoSeconds, [generation]);

    /// <summary>Adds generation times that were observed earlier.</summary>
    /// <param name="model">The model's id at the service.</param>
    /// <param name="videoSeconds">The length of the video in seconds.</param>
    /// <param name="generations">The times, the oldest first.</param>
    public void Add(string model, int videoSeconds, IEnumerable<TimeSpan> generations)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(generations);
        _recent.GetOrAdd((model, videoSeconds), static _ => new Recent()).Add(generations);
    }

    /// <summary>What is known now.</summary>
    /// <param name="model">The model's id at the service.</param>
    /// <param name="videoSeconds">The length of the video in seconds.</param>
    /// <returns>A snapshot that later observations do not change.</returns>
    public DurationDistribution Get(string model, int videoSeconds) =>
        _recent.TryGetValue((model, videoSeconds), out Recent? recent) ? recent.Snapshot() : DurationDistribution.Unknown;

    private sealed class Recent
    {
        private readonly Queue<TimeSpan> _times = new(Capacity);
        private DurationDistribution? _snapshot;

        public void Add(IEnumerable<TimeSpan> generations)
        {
            lock (_times)
            {
                foreach (TimeSpan generation in generations)
                {
                    if (generation < TimeSpan.Zero)
                    {
                        continue;
                    }

                    if (_times.Count == Capacity)
                    {
                        _times.Dequeue();
                    }

                    _times.Enqueue(generation);
                }

                _snapshot = null;
            }
        }

        public DurationDistribution Snapshot()
        {
            lock (_times)
            {
                return _snapshot ??= new DurationDistribution(_times);
            }
        }
    }
}
