using System.Globalization;
using KlingPS.Core.Api;
using KlingPS.Core.Ledger;
using KlingPS.Core.Scheduling;
using KlingPS.Core.Sessions;

namespace KlingPS.Core.Pipeline;

/// <summary>
/// Buys videos, each at most once: the intent is recorded before the request leaves, and the answer before anything else
/// is done. A request is sent again only when it provably bought nothing.
/// </summary>
public sealed class VideoSubmitter
{
    /// <summary>How often a request that bought nothing is sent before it counts as refused.</summary>
    private const int MaxTries = 5;

    private readonly KlingSession _session;
    private readonly ImageUploader _uploader;
    private readonly KlingClient _client;
    private readonly IPipelineObserver? _observer;
    private volatile KlingException? _batchFault;

    /// <summary>Creates the submitter.</summary>
    public VideoSubmitter(KlingSession session, IPipelineObserver? observer)
    {
        ArgumentNullException.ThrowIfNull(session);
        _session = session;
        _observer = observer;
        _uploader = new ImageUploader(session, observer);
        _client = session.CreateClient(observer);
    }

    /// <summary>Submits one video.</summary>
    /// <param name="request">The image and the parameters.</param>
    /// <param name="cancellationToken">Stops before the request has left; afterwards the purchase is carried to its end and recorded.</param>
    /// <returns>
    /// The accepted task; or the error. An error that every further item would meet (<see cref="BatchFaults"/>) is given
    /// to all items that have not been bought yet, so nothing more is sent after it.
    /// </returns>
    public async Task<Outcome<SubmissionRequest, KlingVideoTask>> SubmitAsync(SubmissionRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        try
        {
            ThrowIfBatchIsOver();
            RequestRules.Check(request);
            KlingVideoTask task = await PrepareAndBuyAsync(request, cancellationToken).ConfigureAwait(false);
            return new Outcome<SubmissionRequest, KlingVideoTask>(request, task, null);
        }
        catch (KlingException exception)
        {
            if (exception.StopsBatch())
            {
                Interlocked.CompareExchange(ref _batchFault, exception, null);
            }

            return new Outcome<SubmissionRequest, KlingVideoTask>(request, null, exception);
        }
    }

    private async Task<KlingVideoTask> PrepareAndBuyAsync(SubmissionRequest request, CancellationToken cancellationToken)
    {
        IdentifiedImage? image = request.SourcePath is null ? null : await _uploader.IdentifyAsync(request.SourcePath, cancellationToken).ConfigureAwait(false);
        IdentifiedImage? tail = request.TailImagePath is null ? null : await _uploader.IdentifyAsync(request.TailImagePath, cancellationToken).ConfigureAwait(false);
        string identity = AttemptIdentity.Of(ToVideo(request, request.ImageUri, request.TailImageUri), image?.Hash, tail?.Hash);
        if (await FindEarlierAsync(request, identity, cancellationToken).ConfigureAwait(false) is KlingVideoTask earlier)
        {
            return Reused(request, earlier);
        }

        string? imageUri = request.ImageUri;
        if (image is not null)
        {
            imageUri = (await _uploader.UploadAsync(image, force: false, cancellationToken).ConfigureAwait(false)).Upload.Uri;
        }

        string? tailUri = request.TailImageUri;
        if (tail is not null)
        {
            tailUri = (await _uploader.UploadAsync(tail, force: false, cancellationToken).ConfigureAwait(false)).Upload.Uri;
        }

        var intent = new TaskIntent
        {
            Account = _session.Account,
            Request = ToVideo(request, imageUri, tailUri),
            Identity = identity,
            SourcePath = request.SourcePath,
            SourceHash = image?.Hash,
            TailImagePath = request.TailImagePath,
            Credits = request.Credits,
            Budget = _session.DailyCreditCap is decimal cap ? (request.Budget ?? new BudgetLimit()) with { DailyCredits = cap } : request.Budget,
            Replaces = request.Replaces,
        };
        return await BuyAsync(request, intent, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>What stands in the way of buying: an earlier purchase where one may be used again, else an attempt whose end is not known.</summary>
    private async Task<KlingVideoTask?> FindEarlierAsync(SubmissionRequest request, string identity, CancellationToken cancellationToken)
        => request.Force || request.Replaces is not null ? null
            : request.ReusePurchase
                ? await _session.Ledger.FindPurchaseAsync(_session.Account, identity, cancellationToken).ConfigureAwait(false)
                : await _session.Ledger.FindUnknownAsync(_session.Account, identity, cancellationToken).ConfigureAwait(false);

    /// <summary>Takes an earlier purchase for the result, unless it is not known whether it is one.</summary>
    private static KlingVideoTask Reused(SubmissionRequest request, KlingVideoTask earlier)
        => earlier.State == KlingTaskState.Unknown
            ? throw new KlingException(
                ErrorKind.AttemptUnknown,
                $"Nothing was sent for '{request.Subject}': the same video was asked for before as task {earlier.Id}, and whether it was bought is not known.")
            : earlier;

    private static VideoRequest ToVideo(SubmissionRequest request, string? imageUri, string? tailUri) => new()
    {
        Model = request.Model,
        Prompt = request.Prompt,
        ImageUri = imageUri ?? string.Empty,
        TailImageUri = tailUri,
        Duration = request.Duration,
        NegativePrompt = request.NegativePrompt,
        CfgScale = request.CfgScale,
        CallbackUri = request.CallbackUri,
    };

    private async Task<KlingVideoTask> BuyAsync(SubmissionRequest request, TaskIntent intent, CancellationToken cancellationToken)
    {
        KlingVideoTask? task = null;
        try
        {
            for (int tries = 1; ; tries++)
            {
                TimeSpan delay;
                IAsyncDisposable lease = await _session.CreateGate.EnterAsync(cancellationToken).ConfigureAwait(false);
                await using (lease.ConfigureAwait(false))
                {
                    ThrowIfBatchIsOver();
                    if (task is null)
                    {
                        TaskClaim claim = await ClaimAsync(request, intent, cancellationToken).ConfigureAwait(false);
                        if (!claim.IsNew)
                        {
                            return Reused(request, claim.Task);
                        }

                        task = claim.Task;
                    }

                    (KlingVideoTask? accepted, delay) = await _session.ProtectAsync(() => SendAsync(request, task, intent.Request, tries)).ConfigureAwait(false);
                    if (accepted is not null)
                    {
                        return accepted;
                    }
                }

                await Task.Delay(delay, _session.TimeProvider, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception exception) when (task is not null && (exception is OperationCanceledException || ReferenceEquals(exception, _batchFault)))
        {
            // Between two tries: what was sent bought nothing, and nothing more will be sent.
            await _session.Ledger.RecordRejectedAsync(task.Id, code: null, "It was stopped before the service had accepted it.").ConfigureAwait(false);
            throw;
        }
    }

    private async Task<TaskClaim> ClaimAsync(SubmissionRequest request, TaskIntent intent, CancellationToken cancellationToken)
        => request.ReusePurchase && !request.Force
            ? await _session.Ledger.ClaimAsync(intent, cancellationToken).ConfigureAwait(false)
            : new TaskClaim(await _session.Ledger.BeginAsync(intent, cancellationToken).ConfigureAwait(false), IsNew: true);

    /// <summary>Sends the request once and records what came of it, whoever has stopped waiting meanwhile.</summary>
    /// <returns>The accepted task; or how long to wait before the request, which bought nothing, is sent again.</returns>
    private async Task<(KlingVideoTask? Accepted, TimeSpan Delay)> SendAsync(SubmissionRequest request, KlingVideoTask task, VideoRequest video, int tries)
    {
        string taskId;
        try
        {
            taskId = await _client.CreateTaskAsync(video, CancellationToken.None).ConfigureAwait(false);
        }
        catch (KlingApiException exception) when (exception.Fault == TransportFault.AnswerUnknown)
        {
            await _session.Ledger.RecordUnknownAsync(task.Id, exception.Message).ConfigureAwait(false);
            throw new KlingApiException(
                ErrorKind.AttemptUnknown,
                TransportFault.AnswerUnknown,
                string.Create(CultureInfo.InvariantCulture, $"Whether the video of '{request.Subject}' was bought is not known (task {task.Id}). {exception.Message} {request.Credits:0.##} credits may have been spent; it is not sent again by itself."),
                exception);
        }
        catch (KlingApiException exception) when (exception.IsTransient && tries < MaxTries)
        {
            Backoff backoff = exception.Fault == TransportFault.NotSent ? Backoff.NotSent
                : exception.Kind == ErrorKind.RateLimited ? Backoff.RateLimited
                : Backoff.Unavailable;
            TimeSpan delay = backoff.Next(tries, exception.RetryAfter);
            _observer?.OnRetry(exception.Message, delay);
            return (null, delay);
        }
        catch (KlingApiException exception)
        {
            await _session.Ledger.RecordRejectedAsync(task.Id, exception.Code?.ToString(CultureInfo.InvariantCulture), exception.Message).ConfigureAwait(false);
            throw new KlingApiException(exception.Kind, exception.Fault, $"Nothing was bought for '{request.Subject}'. {exception.Message}", exception)
            {
                IsTransient = exception.IsTransient,
                Code = exception.Code,
                ServiceMessage = exception.ServiceMessage,
            };
        }

        return (await _session.Ledger.RecordAcceptedAsync(task.Id, taskId).ConfigureAwait(false), TimeSpan.Zero);
    }

    private void ThrowIfBatchIsOver()
    {
        if (_batchFault is KlingException fault)
        {
            throw fault;
        }
    }
}
