namespace KlingPS.Core.Scheduling;

/// <summary>
/// Lets requests through no faster than the service takes them, so that the excess waits here instead of being
/// rejected there.
/// </summary>
/// <remarks>
/// The service counts a request when it arrives, which is some time after the caller passed the gate and before the
/// caller has the answer. So a pass is a lease: it begins when the gate opens and must be disposed when the answer is
/// in, or the request has failed.
/// </remarks>
internal interface IRateGate
{
    /// <summary>Waits for the caller's turn; callers pass in the order in which they came.</summary>
    /// <param name="cancellationToken">Gives up the wait, at no cost to those behind.</param>
    /// <returns>The lease; disposing it says that the request is over. Disposing it again has no effect.</returns>
    /// <exception cref="OperationCanceledException">The wait was given up; no lease is held.</exception>
    ValueTask<IAsyncDisposable> EnterAsync(CancellationToken cancellationToken);
}
