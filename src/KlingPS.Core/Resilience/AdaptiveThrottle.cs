using System.Diagnostics.CodeAnalysis;

namespace KlingPS.Core.Resilience;

/// <summary>
/// Once the service has refused a request as one too many, lets requests through one at a time until enough in a row have been
/// accepted: the others would only be refused as well. Safe for concurrent use.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "A semaphore has nothing to release unless its wait handle is used.")]
internal sealed class AdaptiveThrottle
{
    /// <summary>
    /// As many as the service takes in its window of 10 seconds: one request may have been accepted only because an older one had
    /// left the window.
    /// </summary>
    internal const int AcceptancesToRelease = 20;

    private readonly SemaphoreSlim _turn = new(1);
    private volatile bool _isThrottling;
    private int _acceptancesLeft;

    /// <summary>Waits for the caller's turn while requests are throttled.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>
    /// The turn, to be disposed when the request has been answered and any wait after it is over; <see langword="null"/> while nothing
    /// is throttled.
    /// </returns>
    public async Task<IDisposable?> EnterAsync(CancellationToken cancellationToken)
    {
        if (!_isThrottling)
        {
            return null;
        }

        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        if (_isThrottling)
        {
            return new Turn(_turn);
        }

        _turn.Release();
        return null;
    }

    /// <summary>A request was refused as one too many.</summary>
    public void OnRateLimited()
    {
        Volatile.Write(ref _acceptancesLeft, AcceptancesToRelease);
        _isThrottling = true;
    }

    /// <summary>A request was accepted.</summary>
    public void OnAccepted()
    {
        if (_isThrottling && Interlocked.Decrement(ref _acceptancesLeft) <= 0)
        {
            _isThrottling = false;
        }
    }

    private sealed class Turn(SemaphoreSlim turn) : IDisposable
    {
        private SemaphoreSlim? _turn = turn;

        public void Dispose() => Interlocked.Exchange(ref _turn, null)?.Release();
    }
}
