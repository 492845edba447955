namespace KlingPS.Core.Callbacks;

/// <summary>Remembers which callbacks have come, for as long as they could be sent again. Thread-safe.</summary>
internal sealed class ReplayGuard
{
    /// <summary>Far more than ever come while they are remembered. There has to be a limit because anyone can make unsigned ones.</summary>
    private const int Capacity = 50_000;

    private readonly object _gate = new();
    private readonly TimeSpan _lifetime;
    private readonly TimeProvider _time;
    private readonly Dictionary<string, long> _seen = new(StringComparer.Ordinal);
    private readonly Queue<(string Key, long At)> _order = new();

    /// <summary>Creates the guard.</summary>
    /// <param name="lifetime">How long a key is remembered.</param>
    /// <param name="time">The clock.</param>
    public ReplayGuard(TimeSpan lifetime, TimeProvider time)
    {
        _lifetime = lifetime;
        _time = time;
    }

    /// <summary>Remembers a key.</summary>
    /// <returns>Whether it is new.</returns>
    public bool TryEnter(string key)
    {
        lock (_gate)
        {
            while (_order.TryPeek(out (string Key, long At) oldest) && (_order.Count >= Capacity || _time.GetElapsedTime(oldest.At) > _lifetime))
            {
                _order.Dequeue();

                // It may have been forgotten, and come once more since.
                if (_seen.TryGetValue(oldest.Key, out long at) && at == oldest.At)
                {
                    _seen.Remove(oldest.Key);
                }
            }

            long now = _time.GetTimestamp();
            if (!_seen.TryAdd(key, now))
            {
                return false;
            }

            _order.Enqueue((key, now));
            return true;
        }
    }

    /// <summary>Forgets a key, so that it counts as new again.</summary>
    public void Forget(string key)
    {
        lock (_gate)
        {
            _seen.Remove(key);
        }
    }
}
