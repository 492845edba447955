namespace KlingPS.Core.Resilience;

/// <summary>
/// A service that takes nothing at present, as all see it who send to it: an outage is waited out once, and not by one after the other.
/// Safe for concurrent use.
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="patience">How long an outage is waited out.</param>
/// <param name="pause">For how long after the last failure of an outage that has lasted too long nothing is sent at all.</param>
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
    /// <returns>Whether it is still to be waited for.</returns>
    public bool Tolerates(KlingException error)
    {
        lock (_lock)
        {
            if (time.GetElapsedTime(_last) >= patience)
            {
                // Nobody has tried for as long: what was then says nothing of now.
                _since = null;
            }

            _last = time.GetTimestamp();
            _since ??= _last;
            bool isTolerated = time.GetElapsedTime(_since.Value, _last) < patience;
            _error = isTolerated ? null : error;
            return isTolerated;
        }
    }

    /// <summary>What every request would end with at this moment; <see langword="null"/> when one may be sent.</summary>
    public KlingException? FindError()
    {
        lock (_lock)
        {
            return time.GetElapsedTime(_last) < pause ? _error : null;
        }
    }
}
