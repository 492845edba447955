using System.Collections.Concurrent;
using System.Globalization;
using KlingPS.Core.Api;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Resilience;
using KlingPS.Core.Sessions;

namespace KlingPS.Core.Submitting;

/// <summary>
/// Sends create requests, as fast as the service takes them. The intent is recorded before a request leaves, and the response before
/// anything else is done. A request is sent again only if it provably bought nothing.
/// </summary>
internal sealed class PurchaseSender
{
    /// <summary>How many attempts a request is given that bought nothing, before it counts as refused.</summary>
    private const int MaxAttempts = 5;

    private const string LedgerIsClosed = "The ledger has been closed.";

    private readonly KlingSession _session;
    private readonly KlingClient _client;
    private readonly IPipelineObserver? _observer;
    private readonly AdaptiveThrottle _throttle = new();
    private readonly RetryPolicy _sending;
    private readonly RetryPolicy _recording;
    private readonly ConcurrentDictionary<Purchase, byte> _underWay = new();

    /// <summary>Creates the sender.</summary>
    public PurchaseSender(KlingService service)
    {
        _session = service.Session;
        _client = service.Client;
        _observer = service.Observer;
        _sending = new RetryPolicy(
            new RetryOptions
            {
                Backoff = Backoff.Unavailable,
                MaxAttempts = MaxAttempts,
                OnRetry = (failure, delay) => _observer?.OnRetry(failure.Message, delay),
            },
            _session.TimeProvider);
        _recording = new RetryPolicy(new RetryOptions { Backoff = Backoff.NotSent, MaxAttempts = MaxAttempts }, _session.TimeProvider);
    }

    /// <summary>How many requests have left, or are about to, and have no response.</summary>
    public int UnderWay => _underWay.Count;

    /// <summary>What ends the batch: once it is set, nothing more is sent.</summary>
    public FatalError Fatal { get; } = new();

    /// <summary>The task whose request has left, or is about to, and has no response.</summary>
    /// <param name="identity">What makes two purchases the same.</param>
    public KlingVideoTask? FindUnderWay(string? identity) => _underWay.Keys.FirstOrDefault(purchase => purchase.Identity == identity)?.Task;

    /// <summary>Sends the request until it is accepted or refused.</summary>
    /// <param name="submission">How the video is bought.</param>
    /// <param name="intent">The video, its images uploaded.</param>
    /// <param name="cancellationToken">Stops before the request has left; afterwards the purchase is carried to its end and recorded.</param>
    /// <returns>The accepted task; <see langword="null"/> if somebody else has bought the video, or is about to.</returns>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.AttemptUnknown"/>: it may have been bought. Otherwise nothing was bought, and the exception says why.
    /// </exception>
    public async Task<KlingVideoTask?> SendAsync(Submission submission, TaskIntent intent, CancellationToken cancellationToken)
    {
        using var purchase = new Purchase(this, submission, intent, cancellationToken);
        try
        {
            return await _sending.RunAsync<KlingVideoTask?>(purchase.AttemptAsync, cancellationToken).ConfigureAwait(false);
        }
        catch when (purchase is { Task: KlingVideoTask task, IsUnderWay: false })
        {
            // What was sent bought nothing, and nothing more will be sent.
            await RejectAsync(task, code: null, "It was stopped before the service had accepted it.").ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Records that nothing was bought.</summary>
    /// <returns><see langword="null"/>; or the task, if a callback has told in the meantime that it was bought after all.</returns>
    private async Task<KlingVideoTask?> RejectAsync(KlingVideoTask task, string? code, string reason)
    {
        RecordResult result = await _session.Ledger.Tasks.RecordRejectedAsync(task.Id, code, reason).ConfigureAwait(false);
        return result is RecordResult.Superseded { Task: var settled } ? settled : null;
    }

    /// <summary>One video to buy, over as many attempts as it takes.</summary>
    private sealed class Purchase(PurchaseSender sender, Submission submission, TaskIntent intent, CancellationToken cancellationToken) : IDisposable
    {
        private readonly VideoSpec _sent = intent.Spec with { CallbackUri = CallbackNonce.Append(intent.Spec.CallbackUri, intent.Nonce) };
        private IDisposable? _turn;

        /// <summary>The record of the purchase, once there is one.</summary>
        public KlingVideoTask? Task { get; private set; }

        /// <summary>What makes two purchases the same.</summary>
        public string Identity => intent.Identity;

        /// <summary>Whether a request has left whose outcome is not recorded.</summary>
        public bool IsUnderWay { get; private set; }

        private ITaskJournal Tasks => sender._session.Ledger.Tasks;

        public void Dispose() => _turn?.Dispose();

        public async Task<Attempt<KlingVideoTask?>> AttemptAsync(int number)
        {
            // A throttled turn lasts through the wait after its request.
            _turn?.Dispose();
            _turn = await sender._throttle.EnterAsync(cancellationToken).ConfigureAwait(false);
            IAsyncDisposable lease = await sender._session.CreateGate.EnterAsync(cancellationToken).ConfigureAwait(false);
            await using (lease.ConfigureAwait(false))
            {
                sender.Fatal.ThrowIfSet();
                if (Task is null)
                {
                    TaskClaim claim = await ClaimAsync().ConfigureAwait(false);
                    if (!claim.IsNew)
                    {
                        return (KlingVideoTask?)null;
                    }

                    Task = claim.Task;
                }
                else if (await FindSettledAsync(Task).ConfigureAwait(false) is KlingVideoTask settled)
                {
                    return settled;
                }

                // Between the claim and here the command may have been stopped, or its time may have run out.
                cancellationToken.ThrowIfCancellationRequested();
                return await sender._session.ProtectAsync(() => SendCountedAsync(Task, number)).ConfigureAwait(false);
            }
        }

        private async Task<TaskClaim> ClaimAsync()
            => submission.ReusePurchase && !submission.Force
                ? await Tasks.ClaimAsync(intent, cancellationToken).ConfigureAwait(false)
                : new TaskClaim(await Tasks.BeginAsync(intent, cancellationToken).ConfigureAwait(false), IsNew: true);

        /// <summary>The task, if a callback has told that an earlier request was accepted, although its response said otherwise.</summary>
        private async Task<KlingVideoTask?> FindSettledAsync(KlingVideoTask task)
            => task.CallbackUri is not null
                && await Tasks.FindAsync(task.Id, cancellationToken).ConfigureAwait(false) is { State: not KlingTaskState.Submitting } settled
                    ? settled
                    : null;

        private async Task<Attempt<KlingVideoTask?>> SendCountedAsync(KlingVideoTask task, int number)
        {
            IsUnderWay = true;
            sender._underWay.TryAdd(this, 0);
            try
            {
                Attempt<KlingVideoTask?> attempt = await SendAsync(task, number).ConfigureAwait(false);
                IsUnderWay = attempt.Retry is null;
                return attempt;
            }
            finally
            {
                sender._underWay.TryRemove(this, out _);
            }
        }

        /// <summary>Sends the request once and records what came of it, even if nobody waits for it any more.</summary>
        private async Task<Attempt<KlingVideoTask?>> SendAsync(KlingVideoTask task, int number)
        {
            string taskId;
            try
            {
                taskId = await sender._client.CreateTaskAsync(_sent, CancellationToken.None).ConfigureAwait(false);
            }
            catch (KlingApiException exception) when (exception.Fault == TransportFault.AnswerUnknown)
            {
                return await RecordUnknownAsync(task, exception).ConfigureAwait(false)
                    ?? throw exception.WithMessage(DescribeUnknown(task, exception.Message));
            }
            catch (KlingApiException exception) when (number < MaxAttempts && exception.ToRetry(Backoff.Unavailable) is Retry retry)
            {
                if (exception.Kind == ErrorKind.RateLimited)
                {
                    sender._throttle.OnRateLimited();
                }

                return retry;
            }
            catch (KlingApiException exception)
            {
                string? code = exception.Code?.ToString(CultureInfo.InvariantCulture);
                if (await sender.RejectAsync(task, code, exception.Message).ConfigureAwait(false) is KlingVideoTask settled)
                {
                    return settled;
                }

                throw;
            }

            sender._throttle.OnAccepted();
            return await RecordAcceptedAsync(task, taskId).ConfigureAwait(false);
        }

        /// <summary>Records that the response was lost.</summary>
        /// <returns><see langword="null"/>; or the task, if a callback has told in the meantime that it was bought.</returns>
        private async Task<KlingVideoTask?> RecordUnknownAsync(KlingVideoTask task, KlingApiException exception)
        {
            RecordResult? result = null;
            try
            {
                result = await Tasks.RecordUnknownAsync(task.Id, exception.Message).ConfigureAwait(false);
            }
            catch (Exception failure) when (failure is KlingException or ObjectDisposedException)
            {
                // The record stays as it was begun, and becomes unknown when this process ends. Nothing else is bought with such a ledger.
                sender.Fatal.Set(failure as KlingException ?? new KlingException(ErrorKind.LedgerUnusable, LedgerIsClosed, failure));
            }

            if (exception.InnerException is KlingApiException { IsFatal: true } cause)
            {
                // All other requests would end in the same way.
                sender.Fatal.Set(cause);
            }

            return result is RecordResult.Superseded { Task: { TaskId: not null } settled } ? settled : null;
        }

        /// <summary>Records that the video was bought, persistently: without the record, nobody knows whose the task is.</summary>
        private async Task<KlingVideoTask> RecordAcceptedAsync(KlingVideoTask task, string taskId)
        {
            try
            {
                return await sender._recording.RunAsync(
                    () => RecordPurchaseAsync(task, taskId),
                    exception => exception is KlingException { Kind: ErrorKind.LedgerUnusable } ? new Retry(exception) : null,
                    CancellationToken.None).ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is ObjectDisposedException or KlingException { Kind: not ErrorKind.AttemptUnknown })
            {
                // Whatever it is: as an error of another kind it would say that nothing was bought.
                throw new KlingException(
                    ErrorKind.AttemptUnknown,
                    $"The video of '{submission.Subject}' was bought as task {taskId} of the service, but that could not be recorded: {(exception is ObjectDisposedException ? LedgerIsClosed : exception.Message)} "
                    + $"Once the ledger works again: Resolve-KlingVideoTask {task.Id} -TaskId {taskId}.",
                    exception);
            }
        }

        private async Task<KlingVideoTask> RecordPurchaseAsync(KlingVideoTask task, string taskId)
        {
            RecordResult result = await Tasks.RecordAcceptedAsync(task.Id, taskId).ConfigureAwait(false);
            switch (result)
            {
                case RecordResult.Superseded { Task: var settled }:
                    await RecordSecondAsync(settled, taskId).ConfigureAwait(false);
                    return settled;

                case RecordResult.Taken { Task: var other }:
                    string reason = $"The service gave it the id {taskId}, which is that of '{other.Subject}' (task {other.Id}) already.";
                    await Tasks.RecordUnknownAsync(task.Id, reason).ConfigureAwait(false);
                    throw new KlingException(ErrorKind.AttemptUnknown, DescribeUnknown(task, reason));

                default:
                    return result.Task;
            }
        }

        /// <summary>Records the second task of a purchase: a callback has told that an earlier request, which seemed to be refused, was accepted.</summary>
        private async Task RecordSecondAsync(KlingVideoTask settled, string taskId)
        {
            var snapshot = new TaskSnapshot { TaskId = taskId, State = KlingTaskState.Waiting, Spec = settled.Spec };
            KlingVideoTask second = await Tasks.RecordSnapshotAsync(sender._session.Account, snapshot).ConfigureAwait(false);
            sender._observer?.OnWarning(
                $"The video of '{submission.Subject}' was bought twice: as task {settled.TaskId} of the service (task {settled.Id} here), "
                + $"although the answer to that request was an error, and as task {taskId} ({second.Id} here).");
        }

        private string DescribeUnknown(KlingVideoTask task, string reason)
        {
            string price = submission.Credits is decimal credits ? string.Create(CultureInfo.InvariantCulture, $"{credits:0.##} credits") : "Its credits";
            return $"Whether the video of '{submission.Subject}' was bought is not known (task {task.Id}). {reason} "
                + $"{price} may have been spent; it is not sent again by itself.";
        }
    }
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
