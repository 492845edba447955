using System.Globalization;
using KlingPS.Core.Api;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Resilience;
using KlingPS.Core.Sessions;
using KlingPS.Core.Stages;

namespace KlingPS.Core.Submitting;

/// <summary>
/// Buys videos, each at most once: the intent is recorded before the request leaves, and the answer before anything else
/// is done. A request is sent again only when it provably bought nothing.
/// </summary>
public sealed class VideoSubmitter
{
    /// <summary>How often a request that bought nothing is sent before it counts as refused.</summary>
    private const int MaxTries = 5;

    /// <summary>How long between two looks whether somebody else's request has been answered.</summary>
    private static readonly TimeSpan s_answerPause = TimeSpan.FromSeconds(0.5);

    /// <summary>No request is tried for longer, with all its pauses.</summary>
    private static readonly TimeSpan s_longestAnswer = TimeSpan.FromMinutes(15);

    private readonly KlingSession _session;
    private readonly ImageUploader _uploader;
    private readonly KlingClient _client;
    private readonly IPipelineObserver? _observer;
    private readonly AdaptiveThrottle _throttle = new();
    private volatile KlingException? _batchFault;
    private int _underWay;

    /// <summary>Creates the submitter.</summary>
    public VideoSubmitter(KlingService service)
    {
        ArgumentNullException.ThrowIfNull(service);
        _session = service.Session;
        _observer = service.Observer;
        _uploader = new ImageUploader(service);
        _client = service.Client;
    }

    /// <summary>How many requests have left, or are about to, and are not answered: what they buy is recorded, also when the command is stopped.</summary>
    public int UnderWay => Volatile.Read(ref _underWay);

    /// <summary>Submits one video.</summary>
    /// <param name="request">The image and the parameters.</param>
    /// <param name="cancellationToken">Stops before the request has left; afterwards the purchase is carried to its end and recorded.</param>
    /// <returns>
    /// The accepted task; or the error. An error that every further item would meet (<see cref="KlingException.IsFatal"/>) is given
    /// to all items that have not been bought yet, so nothing more is sent after it.
    /// </returns>
    public async Task<Outcome<SubmissionRequest, KlingVideoTask>> SubmitAsync(SubmissionRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        try
        {
            ThrowIfBatchIsOver();
            IdentifiedRequest identified = await IdentifyAsync(request, cancellationToken).ConfigureAwait(false);
            KlingVideoTask task = await FindEarlierAsync(identified, cancellationToken).ConfigureAwait(false)
                ?? (await BuyAsync(identified, cancellationToken).ConfigureAwait(false)).Task;
            return new Outcome<SubmissionRequest, KlingVideoTask>(request, task, null);
        }
        catch (KlingException exception)
        {
            return new Outcome<SubmissionRequest, KlingVideoTask>(request, null, exception);
        }
    }

    /// <summary>Tells which video is asked for; sends nothing.</summary>
    /// <exception cref="KlingException">A parameter is outside its range, or an image cannot be read or is none the service takes.</exception>
    public async Task<IdentifiedRequest> IdentifyAsync(SubmissionRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        RequestRules.Check(request);
        IdentifiedImage? image = request.SourcePath is null ? null : await _uploader.IdentifyAsync(request.SourcePath, cancellationToken).ConfigureAwait(false);
        IdentifiedImage? tail = request.TailImagePath is null ? null : await _uploader.IdentifyAsync(request.TailImagePath, cancellationToken).ConfigureAwait(false);
        string identity = AttemptIdentity.Of(ToVideo(request, request.ImageUri, request.TailImageUri), image?.Hash, tail?.Hash, request.Take);
        return new IdentifiedRequest(request, image, tail, identity);
    }

    /// <summary>What stands in the way of buying; sends nothing.</summary>
    /// <returns>An earlier purchase, where one may be used again; <see langword="null"/> when the video is to be bought.</returns>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.AttemptUnknown"/>: it is not known whether it was bought before.
    /// <see cref="ErrorKind.TaskFailed"/>: it failed before and is not to be tried again.
    /// </exception>
    public async Task<KlingVideoTask?> FindEarlierAsync(IdentifiedRequest identified, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(identified);
        SubmissionRequest request = identified.Request;
        if (request.Force || request.Replaces is not null)
        {
            return null;
        }

        if (!request.ReusePurchase)
        {
            return Usable(request, await _session.Ledger.Tasks.FindUnknownAsync(_session.Account, identified.Identity, cancellationToken).ConfigureAwait(false));
        }

        for (long start = _session.TimeProvider.GetTimestamp(); ;)
        {
            KlingVideoTask? earlier = await _session.Ledger.Tasks.FindEarlierAsync(_session.Account, identified.Identity, cancellationToken).ConfigureAwait(false);
            if (earlier?.State != KlingTaskState.Submitting)
            {
                return Usable(request, earlier);
            }

            if (_session.TimeProvider.GetElapsedTime(start) > s_longestAnswer)
            {
                throw new KlingException(
                    ErrorKind.AttemptUnknown,
                    $"Nothing was sent for '{request.Subject}': another command is submitting the same video as task {earlier.Id}, and has had no answer for {s_longestAnswer.TotalMinutes:0} minutes.");
            }

            // Another command or process is buying it at this moment.
            await Task.Delay(s_answerPause, _session.TimeProvider, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Whether the day's limit has room for a purchase; records nothing.</summary>
    /// <param name="identified">The request.</param>
    /// <param name="credits">What it costs, with what is to be bought before it.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    internal async Task<bool> IsWithinDailyCapAsync(IdentifiedRequest identified, decimal credits, CancellationToken cancellationToken)
    {
        try
        {
            await _session.Ledger.Tasks.RequireBudgetAsync(
                ToIntent(identified) with { Credits = credits, Budget = new BudgetLimit { DailyCredits = _session.DailyCreditCap } },
                cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (KlingException exception) when (exception.Kind == ErrorKind.BudgetExceeded)
        {
            return false;
        }
    }

    /// <summary>Buys the video, or finds that somebody else has done so meanwhile.</summary>
    /// <param name="identified">The request.</param>
    /// <param name="cancellationToken">Stops before the request has left; afterwards the purchase is carried to its end and recorded.</param>
    /// <returns>The accepted task, and whether it was bought just now.</returns>
    /// <exception cref="KlingException">Nothing was bought, or it is not known; see <see cref="SubmitAsync"/>.</exception>
    public async Task<TaskClaim> BuyAsync(IdentifiedRequest identified, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(identified);
        bool isUploading = false;
        try
        {
            ThrowIfBatchIsOver();
            TaskIntent intent = ToIntent(identified);
            if (intent.Replaces is null)
            {
                // Not where the lost attempt still holds what the one in its place is to spend: the ledger looks when it has let go.
                await _session.Ledger.Tasks.RequireBudgetAsync(intent, cancellationToken).ConfigureAwait(false);
            }

            isUploading = true;
            intent = intent with { Request = await UploadAsync(identified, cancellationToken).ConfigureAwait(false) };
            isUploading = false;
            while (true)
            {
                if (await TryBuyAsync(identified.Request, intent, cancellationToken).ConfigureAwait(false) is KlingVideoTask task)
                {
                    return new TaskClaim(task, IsNew: true);
                }

                if (await FindEarlierAsync(identified, cancellationToken).ConfigureAwait(false) is KlingVideoTask earlier)
                {
                    return new TaskClaim(earlier, IsNew: false);
                }
            }
        }
        catch (KlingException exception) when (exception.Kind == ErrorKind.BudgetExceeded || exception.IsFatal)
        {
            // That one image cannot be uploaded says nothing of the others.
            if (exception.IsFatal && !(isUploading && exception is KlingApiException { Fault: not TransportFault.NotSent, Kind: ErrorKind.ServiceUnavailable }))
            {
                Interlocked.CompareExchange(ref _batchFault, exception, null);
            }

            // An image of the same content may have been bought meanwhile; then there is nothing to buy.
            if (exception.Kind != ErrorKind.LedgerUnusable
                && identified.Request.ReusePurchase
                && await FindEarlierAsync(identified, cancellationToken).ConfigureAwait(false) is KlingVideoTask twin)
            {
                return new TaskClaim(twin, IsNew: false);
            }

            throw exception.Kind == ErrorKind.BudgetExceeded
                ? new KlingException(exception.Kind, $"Nothing was bought for '{identified.Request.Subject}'. {exception.Message}", exception)
                : exception;
        }
    }

    private TaskIntent ToIntent(IdentifiedRequest identified)
    {
        SubmissionRequest request = identified.Request;
        return new TaskIntent
        {
            Account = _session.Account,
            Request = ToVideo(request, request.ImageUri, request.TailImageUri),
            Identity = identified.Identity,
            SourcePath = request.SourcePath ?? request.UploadedFrom,
            SourceHash = identified.Image?.Hash,
            TailImagePath = request.TailImagePath,
            Take = request.Take,
            Credits = request.Credits,
            Budget = _session.DailyCreditCap is decimal cap ? (request.Budget ?? new BudgetLimit()) with { DailyCredits = cap } : request.Budget,
            Replaces = request.Replaces,
        };
    }

    /// <summary>Brings the local images to where the service can fetch them.</summary>
    private async Task<VideoRequest> UploadAsync(IdentifiedRequest identified, CancellationToken cancellationToken)
    {
        SubmissionRequest request = identified.Request;
        return ToVideo(
            request,
            await UploadAsync(identified.Image, cancellationToken).ConfigureAwait(false) ?? request.ImageUri,
            await UploadAsync(identified.TailImage, cancellationToken).ConfigureAwait(false) ?? request.TailImageUri);
    }

    private async Task<string?> UploadAsync(IdentifiedImage? image, CancellationToken cancellationToken)
        => image is null ? null : (await _uploader.UploadAsync(image, force: false, cancellationToken).ConfigureAwait(false)).Upload.Uri;

    /// <summary>Takes an earlier purchase for the result, unless it is not known whether it is one, or it has failed.</summary>
    private static KlingVideoTask? Usable(SubmissionRequest request, KlingVideoTask? earlier) => earlier?.State switch
    {
        KlingTaskState.Unknown => throw new KlingException(
            ErrorKind.AttemptUnknown,
            $"Nothing was sent for '{request.Subject}': the same video was asked for before as task {earlier.Id}, and whether it was bought is not known."),
        KlingTaskState.Failed => request.RetryFailed ? null : throw TaskErrors.CreateFailedBefore(request.Subject, earlier),
        _ => earlier,
    };

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

    /// <summary>Sends the request until it is accepted or refused.</summary>
    /// <returns>The accepted task; <see langword="null"/> if somebody else has bought the video, or is about to.</returns>
    private async Task<KlingVideoTask?> TryBuyAsync(SubmissionRequest request, TaskIntent intent, CancellationToken cancellationToken)
    {
        KlingVideoTask? task = null;
        bool isUnderWay = false;
        VideoRequest video = intent.Request with { CallbackUri = CallbackNonce.Append(intent.Request.CallbackUri, intent.Nonce) };
        try
        {
            for (int tries = 1; ; tries++)
            {
                TimeSpan delay;
                using IDisposable? turn = await _throttle.EnterAsync(cancellationToken).ConfigureAwait(false);
                IAsyncDisposable lease = await _session.CreateGate.EnterAsync(cancellationToken).ConfigureAwait(false);
                await using (lease.ConfigureAwait(false))
                {
                    ThrowIfBatchIsOver();
                    if (task is null)
                    {
                        TaskClaim claim = await ClaimAsync(request, intent, cancellationToken).ConfigureAwait(false);
                        if (!claim.IsNew)
                        {
                            return null;
                        }

                        task = claim.Task;
                    }
                    else if (await FindSettledAsync(task, cancellationToken).ConfigureAwait(false) is KlingVideoTask settled)
                    {
                        return settled;
                    }

                    (KlingVideoTask? accepted, delay) = await _session.ProtectAsync(() =>
                    {
                        isUnderWay = true;
                        return SendCountedAsync(request, task, video, tries);
                    }).ConfigureAwait(false);
                    if (accepted is not null)
                    {
                        return accepted;
                    }

                    isUnderWay = false;
                }

                await Task.Delay(delay, _session.TimeProvider, cancellationToken).ConfigureAwait(false);
            }
        }
        catch when (task is not null && !isUnderWay)
        {
            // What was sent bought nothing, and nothing more will be sent.
            await RejectAsync(task, code: null, "It was stopped before the service had accepted it.").ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>The task, if a callback has told that an earlier try was accepted, whatever its answer said.</summary>
    private async Task<KlingVideoTask?> FindSettledAsync(KlingVideoTask task, CancellationToken cancellationToken)
        => task.CallbackUri is not null
            && await _session.Ledger.Tasks.FindAsync(task.Id, cancellationToken).ConfigureAwait(false) is { State: not KlingTaskState.Submitting } settled
                ? settled
                : null;

    private async Task<TaskClaim> ClaimAsync(SubmissionRequest request, TaskIntent intent, CancellationToken cancellationToken)
        => request.ReusePurchase && !request.Force
            ? await _session.Ledger.Tasks.ClaimAsync(intent, cancellationToken).ConfigureAwait(false)
            : new TaskClaim(await _session.Ledger.Tasks.BeginAsync(intent, cancellationToken).ConfigureAwait(false), IsNew: true);

    private async Task<(KlingVideoTask? Accepted, TimeSpan Delay)> SendCountedAsync(SubmissionRequest request, KlingVideoTask task, VideoRequest video, int tries)
    {
        Interlocked.Increment(ref _underWay);
        try
        {
            return await SendAsync(request, task, video, tries).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref _underWay);
        }
    }

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
            try
            {
                await _session.Ledger.Tasks.RecordUnknownAsync(task.Id, exception.Message).ConfigureAwait(false);
            }
            catch (KlingException failure)
            {
                // It stays as it was begun, which becomes unknown with the end of this process. Nothing else is bought with such a ledger.
                Interlocked.CompareExchange(ref _batchFault, failure, null);
            }

            if (exception.InnerException is KlingApiException cause && cause.IsFatal)
            {
                // The same would become of all the others.
                Interlocked.CompareExchange(ref _batchFault, cause, null);
            }

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
            if (exception.Kind == ErrorKind.RateLimited)
            {
                _throttle.OnRateLimited();
            }

            TimeSpan delay = backoff.Next(tries, exception.RetryAfter);
            _observer?.OnRetry(exception.Message, delay);
            return (null, delay);
        }
        catch (KlingApiException exception)
        {
            if (await RejectAsync(task, exception.Code?.ToString(CultureInfo.InvariantCulture), exception.Message).ConfigureAwait(false) is KlingVideoTask settled)
            {
                return (settled, TimeSpan.Zero);
            }

            throw new KlingApiException(exception.Kind, exception.Fault, $"Nothing was bought for '{request.Subject}'. {exception.Message}", exception)
            {
                IsTransient = exception.IsTransient,
                Code = exception.Code,
                ServiceMessage = exception.ServiceMessage,
                SaysNothingBought = true,
            };
        }

        _throttle.OnAccepted();
        return (await RecordAcceptedAsync(request, task, taskId).ConfigureAwait(false), TimeSpan.Zero);
    }

    /// <summary>Records that nothing was bought.</summary>
    /// <returns><see langword="null"/>; or the task, if a callback has told meanwhile that it was bought after all.</returns>
    private async Task<KlingVideoTask?> RejectAsync(KlingVideoTask task, string? code, string reason)
    {
        try
        {
            await _session.Ledger.Tasks.RecordRejectedAsync(task.Id, code, reason).ConfigureAwait(false);
            return null;
        }
        catch (InvalidOperationException)
        {
            return await _session.Ledger.Tasks.FindAsync(task.Id, CancellationToken.None).ConfigureAwait(false);
        }
    }

    /// <summary>Records that the video was bought, stubbornly: without that, nobody knows whose the task is.</summary>
    private async Task<KlingVideoTask> RecordAcceptedAsync(SubmissionRequest request, KlingVideoTask task, string taskId)
    {
        for (int tries = 1; ; tries++)
        {
            try
            {
                return await RecordPurchaseAsync(request, task, taskId).ConfigureAwait(false);
            }
            catch (KlingException exception) when (exception.Kind == ErrorKind.LedgerUnusable)
            {
                if (tries == MaxTries)
                {
                    throw new KlingException(
                        ErrorKind.AttemptUnknown,
                        $"The video of '{request.Subject}' was bought as task {taskId} of the service, but that could not be recorded: {exception.Message} Once the ledger works again: Resolve-KlingVideoTask {task.Id} -TaskId {taskId}.",
                        exception);
                }

                await Task.Delay(Backoff.NotSent.Next(tries, retryAfter: null), _session.TimeProvider).ConfigureAwait(false);
            }
        }
    }

    private async Task<KlingVideoTask> RecordPurchaseAsync(SubmissionRequest request, KlingVideoTask task, string taskId)
    {
        try
        {
            return await _session.Ledger.Tasks.RecordAcceptedAsync(task.Id, taskId).ConfigureAwait(false);
        }
        catch (InvalidOperationException)
        {
            return await RecordTwiceBoughtAsync(request, task, taskId).ConfigureAwait(false);
        }
    }

    /// <summary>Records the second task of an attempt: a callback has told meanwhile that an earlier try, which seemed to be refused, was accepted.</summary>
    /// <returns>The task that the attempt is by the callback.</returns>
    private async Task<KlingVideoTask> RecordTwiceBoughtAsync(SubmissionRequest request, KlingVideoTask task, string taskId)
    {
        KlingVideoTask settled = (await _session.Ledger.Tasks.FindAsync(task.Id, CancellationToken.None).ConfigureAwait(false))!;
        KlingVideoTask second = await _session.Ledger.Tasks.RecordSnapshotAsync(
            _session.Account,
            new TaskSnapshot { TaskId = taskId, State = KlingTaskState.Waiting, Request = ToVideo(request, settled.ImageUri, settled.TailImageUri) }).ConfigureAwait(false);
        _observer?.OnWarning(
            $"The video of '{request.Subject}' was bought twice: as task {settled.TaskId} of the service (task {settled.Id} here), although the answer to that request was an error, and as task {taskId} ({second.Id} here).");
        return settled;
    }

    private void ThrowIfBatchIsOver()
    {
        if (_batchFault is KlingException fault)
        {
            throw fault;
        }
    }
}
