namespace KlingPS.Core.Resilience;

/// <summary>
/// What all senders know about a service that takes nothing at present: an outage is waited out once, not by one sender after the other.
/// Safe for concurrent use.
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="patience">How long an outage is waited out.</param>
/// <param name="pause">How long nothing at all is sent after the last failure of an outage that has lasted too long.</param>
internal sealed class SharedOutage(TimeProvider time, TimeSpan patience, TimeSpan pause)
{
    private readonly object _lock = new();
    private bool _hasAnswered;
    private long? _since;
    private long _last;
    private KlingException? _error;

    /// <summary>How long an outage is waited out.</summary>
    public TimeSpan Patience => patience;

    /// <summary>Whether the service has ever answered. Otherwise it may not be there at all, and there is no reason to wait long for it.</summary>
    public bool HasAnswered
    {
        get
        {
            lock (_lock)
            {
                return _hasAnswered;
            }
        }
    }

    /// <summary>The service has answered, whatever it said.</summary>
    public void OnAnswered()
    {
        lock (_lock)
        {
            _hasAnswered = true;
        }
    }

    /// <summary>The service has taken a request, or refused it for what is in it: it works.</summary>
    public void OnWorking()
    {
        lock (_lock)
        {
            _hasAnswered = true;
            _since = null;
            _error = null;
        }
    }

    /// <summary>The service has not taken a request.</summary>
    /// <param name="error">What the request ended with.</param>
    /// <returns>Whether to keep waiting for the service.</returns>
    public bool Tolerates(KlingException error)
    {
        lock (_lock)
        {
            if (time.GetElapsedTime(_last) >= patience)
            {
                // Nobody has tried for that long: the state then says nothing about now.
                _since = null;
            }

            _last = time.GetTimestamp();
            _since ??= _last;
            bool isTolerated = time.GetElapsedTime(_since.Value, _last) < patience;
            _error = isTolerated ? null : error;
            return isTolerated;
        }
    }

    /// <summary>The error that every request would end with right now; <see langword="null"/> when one may be sent.</summary>
    public KlingException? FindError()
    {
        lock (_lock)
        {
            return time.GetElapsedTime(_last) < pause ? _error : null;
        }
    }
}
