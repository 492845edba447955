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
    /// <param name="submission">The image and the parameters.</param>
    /// <param name="cancellationToken">Stops before the request has left; afterwards the purchase is carried to its end and recorded.</param>
    /// <returns>
    /// The accepted task; or the error. An error that every further item would meet (<see cref="KlingException.IsFatal"/>) is given
    /// to all items that have not been bought yet, so nothing more is sent after it.
    /// </returns>
    public async Task<Outcome<Submission, KlingVideoTask>> SubmitAsync(Submission submission, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(submission);
        try
        {
            ThrowIfBatchIsOver();
            IdentifiedSubmission identified = await IdentifyAsync(submission, cancellationToken).ConfigureAwait(false);
            KlingVideoTask task = await FindEarlierAsync(identified, cancellationToken).ConfigureAwait(false)
                ?? (await BuyAsync(identified, cancellationToken).ConfigureAwait(false)).Task;
            return new Outcome<Submission, KlingVideoTask>(submission, task, null);
        }
        catch (KlingException exception)
        {
            return new Outcome<Submission, KlingVideoTask>(submission, null, exception);
        }
    }

    /// <summary>Tells which video is asked for; sends nothing.</summary>
    /// <exception cref="KlingException">An image cannot be read, or no model takes it.</exception>
    public async Task<IdentifiedSubmission> IdentifyAsync(Submission submission, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(submission);
        IdentifiedImage? image = await IdentifyAsync(submission.Spec.Image, cancellationToken).ConfigureAwait(false);
        IdentifiedImage? tail = await IdentifyAsync(submission.Spec.TailImage, cancellationToken).ConfigureAwait(false);
        VideoSpec spec = submission.Spec with { Image = Identified(submission.Spec.Image, image), TailImage = Identified(submission.Spec.TailImage, tail) };
        return new IdentifiedSubmission(submission with { Spec = spec }, image, tail, spec.GetIdentity());
    }

    /// <summary>What stands in the way of buying; sends nothing.</summary>
    /// <returns>An earlier purchase, where one may be used again; <see langword="null"/> when the video is to be bought.</returns>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.AttemptUnknown"/>: it is not known whether it was bought before.
    /// <see cref="ErrorKind.TaskFailed"/>: it failed before and is not to be tried again.
    /// </exception>
    public async Task<KlingVideoTask?> FindEarlierAsync(IdentifiedSubmission identified, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(identified);
        Submission submission = identified.Submission;
        if (submission.Force || submission.Replaces is not null)
        {
            return null;
        }

        if (!submission.ReusePurchase)
        {
            return Usable(submission, await _session.Ledger.Tasks.FindUnknownAsync(_session.Account, identified.Identity, cancellationToken).ConfigureAwait(false));
        }

        for (long start = _session.TimeProvider.GetTimestamp(); ;)
        {
            KlingVideoTask? earlier = await _session.Ledger.Tasks.FindEarlierAsync(_session.Account, identified.Identity, cancellationToken).ConfigureAwait(false);
            if (earlier?.State != KlingTaskState.Submitting)
            {
                return Usable(submission, earlier);
            }

            if (_session.TimeProvider.GetElapsedTime(start) > s_longestAnswer)
            {
                throw new KlingException(
                    ErrorKind.AttemptUnknown,
                    $"Nothing was sent for '{submission.Subject}': another command is submitting the same video as task {earlier.Id}, and has had no answer for {s_longestAnswer.TotalMinutes:0} minutes.");
            }

            // Another command or process is buying it at this moment.
            await Task.Delay(s_answerPause, _session.TimeProvider, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Whether the day's limit has room for a purchase; records nothing.</summary>
    /// <param name="identified">The submission.</param>
    /// <param name="credits">What it costs, with what is to be bought before it; <see langword="null"/> where that is not known.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    internal async Task<bool> IsWithinDailyCapAsync(IdentifiedSubmission identified, decimal? credits, CancellationToken cancellationToken)
    {
        TaskIntent intent = ToIntent(identified) with { Credits = credits, Budget = new BudgetLimit { DailyCredits = _session.DailyCreditCap } };
        return await _session.Ledger.Tasks.FindBudgetExcessAsync(intent, cancellationToken).ConfigureAwait(false) is null;
    }

    /// <summary>Buys the video, or finds that somebody else has done so meanwhile.</summary>
    /// <param name="identified">The submission.</param>
    /// <param name="cancellationToken">Stops before the request has left; afterwards the purchase is carried to its end and recorded.</param>
    /// <returns>The accepted task, and whether it was bought just now.</returns>
    /// <exception cref="KlingException">Nothing was bought, or it is not known; see <see cref="SubmitAsync"/>.</exception>
    public async Task<TaskClaim> BuyAsync(IdentifiedSubmission identified, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(identified);
        bool isUploading = false;
        try
        {
            ThrowIfBatchIsOver();
            identified.Validate();
            TaskIntent intent = ToIntent(identified);

            // Not where the lost attempt still holds what the one in its place is to spend: the ledger checks once it is abandoned.
            if (intent.Replaces is null && await _session.Ledger.Tasks.FindBudgetExcessAsync(intent, cancellationToken).ConfigureAwait(false) is string excess)
            {
                throw new KlingException(ErrorKind.BudgetExceeded, excess);
            }

            isUploading = true;
            intent = intent with { Spec = await UploadAsync(identified, cancellationToken).ConfigureAwait(false) };
            isUploading = false;
            while (true)
            {
                if (await TryBuyAsync(identified.Submission, intent, cancellationToken).ConfigureAwait(false) is KlingVideoTask task)
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
                && identified.Submission.ReusePurchase
                && await FindEarlierAsync(identified, cancellationToken).ConfigureAwait(false) is KlingVideoTask twin)
            {
                return new TaskClaim(twin, IsNew: false);
            }

            throw exception.Kind == ErrorKind.BudgetExceeded
                ? new KlingException(exception.Kind, $"Nothing was bought for '{identified.Submission.Subject}'. {exception.Message}", exception)
                : exception;
        }
    }

    private TaskIntent ToIntent(IdentifiedSubmission identified)
    {
        Submission submission = identified.Submission;
        return new TaskIntent
        {
            Account = _session.Account,
            Spec = submission.Spec,
            Identity = identified.Identity,
            Credits = submission.Credits,
            Budget = _session.DailyCreditCap is decimal cap ? (submission.Budget ?? new BudgetLimit()) with { DailyCredits = cap } : submission.Budget,
            Replaces = submission.Replaces,
        };
    }

    private static string DescribeCredits(Submission submission)
        => submission.Credits is decimal credits ? string.Create(CultureInfo.InvariantCulture, $"{credits:0.##} credits") : "Its credits";

    /// <summary>Brings the local images to where the service can fetch them.</summary>
    private async Task<VideoSpec> UploadAsync(IdentifiedSubmission identified, CancellationToken cancellationToken)
    {
        VideoSpec spec = identified.Submission.Spec;
        return spec with
        {
            Image = await UploadAsync(spec.Image, identified.Image, cancellationToken).ConfigureAwait(false),
            TailImage = await UploadAsync(spec.TailImage, identified.TailImage, cancellationToken).ConfigureAwait(false),
        };
    }

    private async Task<ImageSource?> UploadAsync(ImageSource? source, IdentifiedImage? image, CancellationToken cancellationToken)
        => source is null || image is null
            ? source
            : source with { Uri = (await _uploader.UploadAsync(image, force: false, cancellationToken).ConfigureAwait(false)).Upload.Uri };

    private async Task<IdentifiedImage?> IdentifyAsync(ImageSource? source, CancellationToken cancellationToken)
        => source is { IsFile: true, Path: string path } ? await _uploader.IdentifyAsync(path, cancellationToken).ConfigureAwait(false) : null;

    /// <summary>What has been read of a local image. Where an earlier attempt had uploaded it says nothing of what it is now.</summary>
    private static ImageSource? Identified(ImageSource? source, IdentifiedImage? image)
        => source is null || image is null ? source : source with { Hash = image.Hash, Uri = null };

    /// <summary>Takes an earlier purchase for the result, unless it is not known whether it is one, or it has failed.</summary>
    private static KlingVideoTask? Usable(Submission submission, KlingVideoTask? earlier) => earlier?.State switch
    {
        KlingTaskState.Unknown => throw new KlingException(
            ErrorKind.AttemptUnknown,
            $"Nothing was sent for '{submission.Subject}': the same video was asked for before as task {earlier.Id}, and whether it was bought is not known."),
        KlingTaskState.Failed => submission.RetryFailed ? null : throw TaskErrors.CreateFailedBefore(submission.Subject, earlier),
        _ => earlier,
    };

    /// <summary>Sends the request until it is accepted or refused.</summary>
    /// <returns>The accepted task; <see langword="null"/> if somebody else has bought the video, or is about to.</returns>
    private async Task<KlingVideoTask?> TryBuyAsync(Submission submission, TaskIntent intent, CancellationToken cancellationToken)
    {
        KlingVideoTask? task = null;
        bool isUnderWay = false;
        VideoSpec sent = intent.Spec with { CallbackUri = CallbackNonce.Append(intent.Spec.CallbackUri, intent.Nonce) };
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
                        TaskClaim claim = await ClaimAsync(submission, intent, cancellationToken).ConfigureAwait(false);
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
                        return SendCountedAsync(submission, task, sent, tries);
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

    private async Task<TaskClaim> ClaimAsync(Submission submission, TaskIntent intent, CancellationToken cancellationToken)
        => submission.ReusePurchase && !submission.Force
            ? await _session.Ledger.Tasks.ClaimAsync(intent, cancellationToken).ConfigureAwait(false)
            : new TaskClaim(await _session.Ledger.Tasks.BeginAsync(intent, cancellationToken).ConfigureAwait(false), IsNew: true);

    private async Task<(KlingVideoTask? Accepted, TimeSpan Delay)> SendCountedAsync(Submission submission, KlingVideoTask task, VideoSpec spec, int tries)
    {
        Interlocked.Increment(ref _underWay);
        try
        {
            return await SendAsync(submission, task, spec, tries).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref _underWay);
        }
    }

    /// <summary>Sends the request once and records what came of it, whoever has stopped waiting meanwhile.</summary>
    /// <returns>The accepted task; or how long to wait before the request, which bought nothing, is sent again.</returns>
    private async Task<(KlingVideoTask? Accepted, TimeSpan Delay)> SendAsync(Submission submission, KlingVideoTask task, VideoSpec spec, int tries)
    {
        string taskId;
        try
        {
            taskId = await _client.CreateTaskAsync(spec, CancellationToken.None).ConfigureAwait(false);
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
                string.Create(CultureInfo.InvariantCulture, $"Whether the video of '{submission.Subject}' was bought is not known (task {task.Id}). {exception.Message} {DescribeCredits(submission)} may have been spent; it is not sent again by itself."),
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

            throw new KlingApiException(exception.Kind, exception.Fault, $"Nothing was bought for '{submission.Subject}'. {exception.Message}", exception)
            {
                IsTransient = exception.IsTransient,
                Code = exception.Code,
                ServiceMessage = exception.ServiceMessage,
                SaysNothingBought = true,
            };
        }

        _throttle.OnAccepted();
        return (await RecordAcceptedAsync(submission, task, taskId).ConfigureAwait(false), TimeSpan.Zero);
    }

    /// <summary>Records that nothing was bought.</summary>
    /// <returns><see langword="null"/>; or the task, if a callback has told in the meantime that it was bought after all.</returns>
    private async Task<KlingVideoTask?> RejectAsync(KlingVideoTask task, string? code, string reason)
        => await _session.Ledger.Tasks.RecordRejectedAsync(task.Id, code, reason).ConfigureAwait(false) is RecordResult.Superseded { Task: var settled } ? settled : null;

    /// <summary>Records that the video was bought, stubbornly: without that, nobody knows whose the task is.</summary>
    private async Task<KlingVideoTask> RecordAcceptedAsync(Submission submission, KlingVideoTask task, string taskId)
    {
        for (int tries = 1; ; tries++)
        {
            try
            {
                return await RecordPurchaseAsync(submission, task, taskId).ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is ObjectDisposedException or KlingException { Kind: ErrorKind.LedgerUnusable })
            {
                // A ledger that is closed stays closed.
                if (tries == MaxTries || exception is ObjectDisposedException)
                {
                    throw new KlingException(
                        ErrorKind.AttemptUnknown,
                        $"The video of '{submission.Subject}' was bought as task {taskId} of the service, but that could not be recorded: {exception.Message} Once the ledger works again: Resolve-KlingVideoTask {task.Id} -TaskId {taskId}.",
                        exception);
                }

                await Task.Delay(Backoff.NotSent.Next(tries, retryAfter: null), _session.TimeProvider).ConfigureAwait(false);
            }
        }
    }

    private async Task<KlingVideoTask> RecordPurchaseAsync(Submission submission, KlingVideoTask task, string taskId)
    {
        RecordResult result = await _session.Ledger.Tasks.RecordAcceptedAsync(task.Id, taskId).ConfigureAwait(false);
        switch (result)
        {
            case RecordResult.Superseded { Task: var settled }:
                await RecordTwiceBoughtAsync(submission, settled, taskId).ConfigureAwait(false);
                return settled;

            case RecordResult.Taken { Task: var other }:
                string reason = string.Create(CultureInfo.InvariantCulture, $"The service gave it the id {taskId}, which is that of '{other.Subject}' (task {other.Id}) already.");
                await _session.Ledger.Tasks.RecordUnknownAsync(task.Id, reason).ConfigureAwait(false);
                throw new KlingException(
                    ErrorKind.AttemptUnknown,
                    string.Create(CultureInfo.InvariantCulture, $"Whether the video of '{submission.Subject}' was bought is not known (task {task.Id}). {reason} {DescribeCredits(submission)} may have been spent; it is not sent again by itself."));

            default:
                return result.Task;
        }
    }

    /// <summary>Records the second task of an attempt: a callback has told meanwhile that an earlier try, which seemed to be refused, was accepted.</summary>
    private async Task RecordTwiceBoughtAsync(Submission submission, KlingVideoTask settled, string taskId)
    {
        KlingVideoTask second = await _session.Ledger.Tasks.RecordSnapshotAsync(
            _session.Account,
            new TaskSnapshot { TaskId = taskId, State = KlingTaskState.Waiting, Spec = settled.Spec }).ConfigureAwait(false);
        _observer?.OnWarning(
            $"The video of '{submission.Subject}' was bought twice: as task {settled.TaskId} of the service (task {settled.Id} here), although the answer to that request was an error, and as task {taskId} ({second.Id} here).");
    }

    private void ThrowIfBatchIsOver()
    {
        if (_batchFault is KlingException fault)
        {
            throw fault;
        }
    }
}
