using System.Collections.Concurrent;
using System.Diagnostics;
using KlingPS.Core.Api;
using KlingPS.Core.Model;
using KlingPS.Core.Reporting;
using KlingPS.Core.Resilience;
using KlingPS.Core.Sessions;

namespace KlingPS.Core.Submitting;

/// <summary>
/// Sends create requests, as fast as the service takes them. The intent is recorded before a request leaves, and the response before
/// anything else is done. A request is sent again only if it provably bought nothing.
/// </summary>
internal sealed class PurchaseSender
{
    /// <summary>How many attempts are made with a request that does not reach the service, if the service has never answered.</summary>
    private const int MaxAttemptsUnanswered = 5;

    /// <summary>The least number of attempts, however long a request had to wait for its turn in between.</summary>
    private const int LeastAttempts = 5;

    private readonly ConcurrentDictionary<Purchase, byte> _underWay = new();
    private int _hasToldHeld;
    private int _open;

    /// <summary>Creates the sender.</summary>
    public PurchaseSender(KlingService service)
    {
        ArgumentNullException.ThrowIfNull(service);
        Session = service.Session;
        Client = service.Client;
        Observer = service.Observer;
        Events = service.Events;
        Loss = service.Loss;
        Loss.Happened += () => Fatal.Set(Loss.Error!);
        Recording = new RetryPolicy(new RetryOptions { Backoff = Backoff.NotSent, MaxAttempts = 5 }, Session.TimeProvider);
    }

    /// <summary>How many requests have left, or are about to, and have no response yet.</summary>
    public int UnderWay => _underWay.Count;

    /// <summary>How many requests wait for their turn: for the rate limit of the service, or until it takes requests again.</summary>
    public int Waiting => Math.Max(0, Volatile.Read(ref _open) - UnderWay);

    /// <summary>The error that ends the batch: once it is set, nothing more is sent.</summary>
    public FatalError Fatal { get; } = new();

    /// <summary>The task whose request has left, or is about to, and has no response yet.</summary>
    /// <param name="identity">What makes two purchases the same.</param>
    public KlingVideoTask? FindUnderWay(string? identity) => _underWay.Keys.FirstOrDefault(purchase => purchase.Identity == identity)?.Task;

    /// <summary>Tells, once in a command, what its requests are waiting for.</summary>
    internal void TellHeld(string reason)
    {
        if (Interlocked.Exchange(ref _hasToldHeld, 1) == 0)
        {
            Observer?.OnWarning(reason);
        }
    }

    /// <summary>The account, its ledger and its clock.</summary>
    internal KlingSession Session { get; }

    /// <summary>Sends the requests.</summary>
    internal KlingClient Client { get; }

    /// <summary>Notified of what happens.</summary>
    internal IPipelineObserver? Observer { get; }

    /// <summary>Whether the ledger is lost; then nothing more is bought.</summary>
    internal LedgerLoss Loss { get; }

    /// <summary>Notified of tasks.</summary>
    internal PipelineEvents Events { get; }

    /// <summary>Lets requests through one at a time while the service refuses them as too many.</summary>
    internal AdaptiveThrottle Throttle { get; } = new();

    /// <summary>How persistently a purchase is recorded.</summary>
    internal RetryPolicy Recording { get; }

    /// <summary>Sends the request until it is accepted or refused.</summary>
    /// <param name="submission">How the video is bought.</param>
    /// <param name="intent">The video, with its images uploaded.</param>
    /// <param name="place">Told how far the purchase has come.</param>
    /// <param name="failed">The tasks that have failed to make it.</param>
    /// <param name="uploads">Uploads its images again where that is needed.</param>
    /// <param name="cancellationToken">Stops before the request has left; afterwards the purchase is completed and recorded.</param>
    /// <returns>The accepted task; <see langword="null"/> if the video is there by now, or somebody else has bought it or is about to.</returns>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.AttemptUnknown"/>: it may have been bought. Every other exception, of whatever type: nothing was bought.
    /// </exception>
    public async Task<KlingVideoTask?> SendAsync(Submission submission, TaskIntent intent, PurchaseGate.Place place, FailedTasks failed, PreparedUploads uploads, CancellationToken cancellationToken)
    {
        using var purchase = new Purchase(this, submission, intent, place, failed, uploads, cancellationToken);
        var sending = new RetryPolicy(
            new RetryOptions
            {
                Backoff = Backoff.Unavailable,
                OnRetry = (failure, delay) => Observer?.OnRetry($"'{submission.Subject}' is not bought yet. {failure.Message}", delay),
            },
            Session.TimeProvider);
        using Activity? activity = KlingTelemetry.Start("submit task", submission.Subject);
        Interlocked.Increment(ref _open);
        try
        {
            KlingVideoTask? task = await sending.RunAsync<KlingVideoTask?>(purchase.AttemptAsync, cancellationToken).ConfigureAwait(false);
            activity?.TagIf(task);
            return task;
        }
        catch (KlingException exception) when (activity is not null && activity.Fail(exception))
        {
            throw;
        }
        catch when (purchase.IsOpen)
        {
            // What was sent bought nothing, and nothing more will be sent.
            await purchase.WithdrawAsync("It was stopped before the service had accepted it.").ConfigureAwait(false);
            throw;
        }
        finally
        {
            Interlocked.Decrement(ref _open);
        }
    }

    /// <summary>Called when a request is about to leave.</summary>
    internal void OnSending(Purchase purchase) => _underWay.TryAdd(purchase, 0);

    /// <summary>Called when a request has been answered or is lost.</summary>
    internal void OnSent(Purchase purchase) => _underWay.TryRemove(purchase, out _);

    /// <summary>Decides whether a request that has bought nothing is sent again.</summary>
    /// <param name="refusal">How it ended.</param>
    /// <param name="number">How often it was sent.</param>
    /// <param name="failing">How long ago its first attempt ended.</param>
    /// <returns>When to send it; <see langword="null"/> when it is given up, and the error that it is given up with.</returns>
    internal (Retry? Retry, KlingApiException Error) Judge(KlingApiException refusal, int number, TimeSpan failing)
    {
        SharedOutage outage = Session.CreateOutage;
        if (refusal.Fault == TransportFault.Answered)
        {
            outage.OnAnswered();
        }

        if (refusal.ToRetry(Backoff.Unavailable) is not Retry retry)
        {
            if (refusal.Fault == TransportFault.Answered)
            {
                outage.OnWorking();
            }

            return (null, refusal);
        }

        if (refusal.Kind == ErrorKind.RateLimited)
        {
            Throttle.OnRateLimited();
        }

        bool isTolerated = outage.Tolerates(refusal);
        if (refusal.Fault == TransportFault.NotSent && !outage.HasAnswered)
        {
            return (number < MaxAttemptsUnanswered ? retry : null, refusal);
        }

        if (!isTolerated)
        {
            return (null, refusal);
        }

        // Others are accepted in the meantime: the problem is this one request, which does not end the batch.
        return IsPatient(number, failing) ? (retry, refusal) : (null, refusal.AsFinal());
    }

    /// <summary>Whether a request that the service refuses for a reason that may pass is sent again.</summary>
    /// <param name="number">How many attempts have been made.</param>
    /// <param name="failing">How long they have failed.</param>
    internal bool IsPatient(int number, TimeSpan failing) => number < LeastAttempts || failing < Session.CreateOutage.Patience;
}

/// <summary>The first error that every further purchase would meet. Safe for concurrent use.</summary>
internal sealed class FatalError
{
    private volatile KlingException? _error;

    /// <summary>The error; <see langword="null"/> while there is none.</summary>
    public KlingException? Error => _error;

    /// <summary>Keeps an error, unless there is one already.</summary>
    public void Set(KlingException error) => Interlocked.CompareExchange(ref _error, error, null);

    /// <summary>Throws the error, if there is one.</summary>
    public void ThrowIfSet()
    {
        if (_error is KlingException error)
        {
            throw error;
        }
    }
}
