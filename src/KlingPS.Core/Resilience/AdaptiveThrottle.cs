using System.Diagnostics.CodeAnalysis;

namespace KlingPS.Core.Resilience;

/// <summary>
/// Once the service has refused a request as one too many, lets one through at a time, until some in a row have been accepted: the
/// others would only be refused as well. Safe for use from several threads.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "A semaphore holds nothing to free unless its wait handle is asked for.")]
public sealed class AdaptiveThrottle
{
    /// <summary>As many as the service takes in its window of 10 seconds: one alone may have been let in for one that has ended.</summary>
    internal const int AcceptancesToRelease = 20;

    private readonly SemaphoreSlim _turn = new(1);
    private volatile bool _isOn;
    private int _acceptancesLeft;

    /// <summary>Waits for the caller's turn, as long as the brake is on.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The turn, to be disposed when the request has been answered and any pause after it is over; <see langword="null"/> while the brake is off.</returns>
    public async Task<IDisposable?> EnterAsync(CancellationToken cancellationToken)
    {
        if (!_isOn)
        {
            return null;
        }

        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        if (_isOn)
        {
            return new Turn(_turn);
        }

        _turn.Release();
        return null;
    }

    /// <summary>A request was refused as one too many.</summary>
    public void Apply()
    {
        Volatile.Write(ref _acceptancesLeft, AcceptancesToRelease);
        _isOn = true;
    }

    /// <summary>A request was accepted.</summary>
    public void Ease()
    {
        if (_isOn && Interlocked.Decrement(ref _acceptancesLeft) <= 0)
        {
            _isOn = false;
        }
    }

    private sealed class Turn(SemaphoreSlim turn) : IDisposable
    {
        private SemaphoreSlim? _turn = turn;

        public void Dispose() => Interlocked.Exchange(ref _turn, null)?.Release();
    }
}
