using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using KlingPS.Core.Api;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Processes;
using KlingPS.Core.Model;
using KlingPS.Core.Resilience;
using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Submitting;

/// <summary>One video to buy, with as many requests as it takes.</summary>
/// <remarks>
/// The rule that holds whatever happens: once a request has left, its attempt is unknown unless an answer says otherwise. An exception in the
/// meantime, whatever its source and type, does not change that; and no attempt stays open that nobody is working on.
/// </remarks>
/// <param name="sender">Sends the requests.</param>
/// <param name="submission">How the video is bought.</param>
/// <param name="intent">The video, with its images uploaded.</param>
/// <param name="place">Told how far the purchase has come.</param>
/// <param name="failed">The tasks that have failed to make it.</param>
/// <param name="uploads">Uploads its images again where that is needed.</param>
/// <param name="cancellationToken">Stops before a request has left.</param>
internal sealed class Purchase(
    PurchaseSender sender,
    Submission submission,
    TaskIntent intent,
    PurchaseGate.Place place,
    FailedTasks failed,
    PreparedUploads uploads,
    CancellationToken cancellationToken) : IDisposable, IGateCaller
{
    private const string AskedTooLongAgo = "So much time passed before the request could leave that the service is asked once more for an earlier task that had failed.";
    private const string RemovedMeanwhile = "The service refused an earlier request. Before it was sent again, the attempt was settled elsewhere and its record removed, so that request may have been accepted after all.";
    private const string UploadedTooLongAgo = "So much time passed before the request could leave that the service may not have the uploads any more, so they are made again.";
    private const string TakenForDead = "Another process considered this one dead before the request left.";

    /// <summary>
    /// How old the record that a request is about to leave may be. A process that was suspended, or whose machine has slept, may have been
    /// taken for dead by others in the meantime: it checks again whether the attempt is still its own.
    /// </summary>
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(10);

    /// <summary>How long a request that has its slot may wait for the service to say what became of earlier tasks: others could be sent meanwhile.</summary>
    private static readonly TimeSpan s_longestQuestion = TimeSpan.FromSeconds(10);

    private readonly PurchaseRecorder _recorder = new(sender, submission);
    private TaskIntent _intent = intent;
    private volatile KlingVideoTask? _task;
    private IDisposable? _turn;

    /// <summary>How many requests were sent.</summary>
    private int _sent;
    private long? _failingSince;

    /// <summary>When it last began to record that the request is about to leave.</summary>
    private Moment _askedAt;

    /// <summary>Why the request was not sent when it was about to leave, if too much time had passed for it.</summary>
    private string? _late;

    /// <summary>Whether a request has left, or is about to, and its outcome is not known yet.</summary>
    private bool _hasLeft;

    /// <summary>Whether the service has refused a request of the attempt: a callback may tell later that it was accepted all the same.</summary>
    private bool _wasRefused;

    /// <summary>What the ledger said of the attempt when its request was about to leave, and was not sent because of that.</summary>
    private RecordResult? _unsent;

    /// <summary>Why the request was not sent when it was about to leave, if that is an error.</summary>
    private KlingException? _objection;

    /// <summary>Whether the ledger has an attempt under way for which no request has left: it has to be settled if no more is sent.</summary>
    public bool IsOpen => _task is not null && !_hasLeft;

    /// <summary>What makes two purchases the same.</summary>
    public string Identity => _intent.Identity;

    /// <summary>The record of the attempt, while one is under way.</summary>
    public KlingVideoTask? Task => _task;

    /// <summary>Whether an earlier purchase of the same video takes the place of this one.</summary>
    private bool IsReusing => submission.ReusePurchase && !submission.Force;

    /// <summary>The purchase, unless it is made whatever else is bought.</summary>
    private TaskIntent? Conditional => IsReusing || _intent.Former.Count > 0 || _intent.Replaces is not null ? _intent : null;

    private ITaskJournal Tasks => sender.Session.Ledger.Tasks;

    /// <inheritdoc/>
    public void Dispose() => _turn?.Dispose();

    /// <summary>Sends the request once, when its turn has come.</summary>
    /// <param name="number">Which attempt it is, from 1, whether or not each has come to a request.</param>
    /// <returns>The accepted task; <see langword="null"/> if somebody else has bought the video, or is about to. Or when to send the request again.</returns>
    public async Task<Attempt<KlingVideoTask?>> AttemptAsync(int number)
    {
        // A throttled turn includes the wait after its request.
        _turn?.Dispose();
        _turn = await sender.Throttle.EnterAsync(cancellationToken).ConfigureAwait(false);
        if (await AskAgainAsync(number, Timeout.InfiniteTimeSpan).ConfigureAwait(false) is Attempt<KlingVideoTask?> early)
        {
            return early;
        }

        while (true)
        {
            if (await RenewUploadsAsync().ConfigureAwait(false) is KlingVideoTask revealed)
            {
                return revealed;
            }

            (KlingVideoTask? bought, IRateLease? lease) = await PassAsync().ConfigureAwait(false);
            if (lease is null)
            {
                return bought;
            }

            bool isSent = false;
            try
            {
                // The line at the gate may have been long.
                if (_task is not null && await AskAgainAsync(number, s_longestQuestion).ConfigureAwait(false) is Attempt<KlingVideoTask?> end)
                {
                    return end;
                }

                if (await ConfirmAsync().ConfigureAwait(false) is KlingVideoTask settled)
                {
                    return settled;
                }

                // Since the record was made, the command may have been stopped, its time may have run out, or another request may have ended the batch.
                cancellationToken.ThrowIfCancellationRequested();
                RequireWanted();
                if (_task is KlingVideoTask task && !await uploads.HaveEndedAsync(cancellationToken).ConfigureAwait(false))
                {
                    return await sender.Session.ProtectAsync(() =>
                    {
                        isSent = true;
                        return SendProtectedAsync(task);
                    }).ConfigureAwait(false);
                }
            }
            finally
            {
                await ReleaseAsync(lease, isSent).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Makes the uploads again if the machine has slept for so long that the service may not have them any more. The attempt names the former ones, so there will be a new one.</summary>
    /// <returns>The task, if a callback has revealed in the meantime that it was bought after all.</returns>
    private async Task<KlingVideoTask?> RenewUploadsAsync()
    {
        if (!await uploads.HaveEndedAsync(cancellationToken).ConfigureAwait(false))
        {
            return null;
        }

        if (_task is not null && await ForgoAsync(UploadedTooLongAgo).ConfigureAwait(false) is KlingVideoTask bought)
        {
            return bought;
        }

        _intent = _intent with { Spec = await uploads.UploadAsync(cancellationToken).ConfigureAwait(false) };
        return null;
    }

    /// <summary>Asks the service again for tasks that have failed, if its last answer is too old.</summary>
    /// <param name="number">Which attempt it is.</param>
    /// <param name="limit">How long to wait for the answer.</param>
    /// <returns>How the attempt ends without a request; <see langword="null"/> if the request may leave.</returns>
    private async Task<Attempt<KlingVideoTask?>?> AskAgainAsync(int number, TimeSpan limit)
    {
        if (!failed.AreToBeAskedFor)
        {
            return null;
        }

        using var patience = new CancellationTokenSource(limit, sender.Session.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        Retry later;
        try
        {
            if (await failed.FindMadeAsync(either.Token).ConfigureAwait(false) is null)
            {
                return null;
            }

            const string WasMade = "an earlier task that had failed is being made, or has been made, after all.";
            return _task is null ? null : await WithdrawAsync(_sent == 0 ? $"Nothing was sent, because {WasMade}" : $"Nothing more was sent, because {WasMade}").ConfigureAwait(false);
        }
        catch (KlingApiException exception) when (exception.ToRetry(Backoff.Unavailable) is Retry retry && IsPatient(number))
        {
            // A service that does not take the request may not say anything about the task either.
            later = retry;
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            var silence = new KlingException(ErrorKind.ServiceUnavailable, "The service has not said in time what became of an earlier task that had failed.");
            later = IsPatient(number) ? new Retry(silence, Backoff.NotSent) : throw silence;
        }

        // Those that have nothing to ask need not wait for that.
        _turn?.Dispose();
        _turn = null;
        return _task is null ? later : await HoldBackAsync(_task, later).ConfigureAwait(false);
    }

    /// <summary>Whether an attempt that has come to nothing is followed by another one.</summary>
    private bool IsPatient(int number) => sender.IsPatient(number, CountFailing());

    /// <summary>How long ago the first attempt came to nothing: from now on, if this is the first.</summary>
    private TimeSpan CountFailing()
    {
        _failingSince ??= sender.Session.TimeProvider.GetTimestamp();
        return sender.Session.TimeProvider.GetElapsedTime(_failingSince.Value);
    }

    /// <summary>Refuses to send anything once a batch has ended, or while the service takes nothing.</summary>
    private void RequireWanted()
    {
        sender.Fatal.ThrowIfSet();
        if (sender.Session.CreateOutage.FindError() is KlingException error)
        {
            throw error;
        }
    }

    /// <inheritdoc/>
    void IGateCaller.OnHeld(string reason) => sender.TellHeld(reason);

    /// <inheritdoc/>
    void IGateCaller.BeforePass()
    {
        RequireWanted();
        submission.Agreement?.RequireInTime();
        _askedAt = Moment.Now(sender.Session.TimeProvider);
    }

    /// <summary>Settles the attempt as one that bought nothing.</summary>
    /// <returns><see langword="null"/>, or the task if a callback has revealed in the meantime that it was bought after all.</returns>
    public async Task<KlingVideoTask?> WithdrawAsync(string reason, string? code = null)
        => await RejectAsync(reason, code).ConfigureAwait(false) is RecordResult.Superseded { Task: { TaskId: not null } bought } ? bought : null;

    private Task<RecordResult?> RejectAsync(string reason, string? code)
    {
        KlingVideoTask task = _task!;
        _task = null;
        return _recorder.RejectAsync(task, _intent, reason, code);
    }

    private Task<KlingVideoTask> LoseAsync(KlingVideoTask task, Exception exception)
    {
        Close();
        return _recorder.LoseAsync(task, _intent, exception);
    }

    /// <summary>Passes the gate, and records that the request is about to leave.</summary>
    /// <returns>The slot; or none if nothing is to be sent, and the task, if it is known: a callback has revealed it, although an earlier response said otherwise.</returns>
    private async Task<(KlingVideoTask? Bought, IRateLease? Lease)> PassAsync()
    {
        ICreateGate gate = sender.Session.CreateGate;
        if (_task is KlingVideoTask heldBack)
        {
            Passage<RecordResult> again = await gate.SendAgainAsync(heldBack, _intent.AnswerWithin, Conditional, this, cancellationToken).ConfigureAwait(false);
            KlingVideoTask? bought = await ResumeAsync(again.Result).ConfigureAwait(false);
            if (bought is not null || again.Lease is not null)
            {
                return (bought, again.Lease);
            }
        }

        Passage<TaskClaim> passage = await ClaimAsync(gate).ConfigureAwait(false);
        if (passage.Result.IsNew)
        {
            _task = passage.Result.Task;
            place.Record();
        }

        return (null, passage.Lease);
    }

    private async Task<Passage<TaskClaim>> ClaimAsync(ICreateGate gate)
    {
        if (IsReusing)
        {
            return await gate.ClaimAsync(_intent, this, cancellationToken).ConfigureAwait(false);
        }

        Passage<KlingVideoTask> begun = await gate.BeginAsync(_intent, this, cancellationToken).ConfigureAwait(false);
        return new Passage<TaskClaim>(new TaskClaim(begun.Result, IsNew: true), begun.Lease);
    }

    /// <summary>Checks whether the attempt is still this process's own, if that was recorded some time ago.</summary>
    /// <returns>As for <see cref="ResumeAsync"/>.</returns>
    private async Task<KlingVideoTask?> ConfirmAsync()
    {
        while (_task is KlingVideoTask task && _askedAt.Since(sender.Session.TimeProvider) > s_longestPause)
        {
            _askedAt = Moment.Now(sender.Session.TimeProvider);
            RecordResult result = await Tasks.RecordSentAgainAsync(task, _intent.AnswerWithin, Conditional, cancellationToken).ConfigureAwait(false);
            if (await ResumeAsync(result).ConfigureAwait(false) is KlingVideoTask bought)
            {
                return bought;
            }
        }

        return null;
    }

    /// <summary>Checks everything once more when the connection is made: that can take long, too, and if the machine has slept in the meantime, hours may have passed.</summary>
    /// <exception cref="IOException">It is no longer its own, that cannot be found out, or its time is over: nothing may leave.</exception>
    private async Task ConfirmLeavingAsync(KlingVideoTask task)
    {
        RecordResult result;
        try
        {
            submission.Agreement?.RequireInTime();
            _late = failed.AreToBeAskedFor ? AskedTooLongAgo
                : await uploads.HaveEndedAsync(CancellationToken.None).ConfigureAwait(false) ? UploadedTooLongAgo
                : null;
            if (_late is not null)
            {
                throw new IOException(_late);
            }

            if (_askedAt.Since(sender.Session.TimeProvider) <= s_longestPause)
            {
                return;
            }

            _askedAt = Moment.Now(sender.Session.TimeProvider);
            result = await Tasks.RecordSentAgainAsync(task, _intent.AnswerWithin, Conditional, CancellationToken.None).ConfigureAwait(false);
        }
        catch (KlingException exception)
        {
            _objection = exception;
            throw new IOException(exception.Message, exception);
        }

        if (result is not RecordResult.Recorded)
        {
            _unsent = result;
            throw new IOException(ReasonOf(result));
        }
    }

    /// <summary>Goes by the record of the attempt. If that has been settled in the meantime, there will be a new one.</summary>
    /// <param name="result">The result of recording that the request, which was held back, is about to leave.</param>
    /// <returns>The task, if a callback has revealed that an earlier request was accepted, although its response said otherwise.</returns>
    private async Task<KlingVideoTask?> ResumeAsync(RecordResult result)
    {
        switch (result)
        {
            case RecordResult.Recorded { Task: var current }:
                _task = current;
                return null;
            case RecordResult.Superseded { Task: { TaskId: not null } bought }:
                _task = null;
                return bought;
            default:
                return await ForgoAsync(ReasonOf(result)).ConfigureAwait(false);
        }
    }

    /// <summary>Why a request is not sent.</summary>
    private static string ReasonOf(RecordResult result) => result is RecordResult.Forestalled { Other: var other }
        ? string.Create(CultureInfo.InvariantCulture, $"The request was not sent, because the same video has become known as task {other.Id}, which is {other.State}.")
        : TakenForDead;

    /// <summary>Settles the attempt as one that bought nothing; the next request is another attempt.</summary>
    /// <returns>The task, if a callback has revealed in the meantime that it was bought after all.</returns>
    /// <exception cref="KlingException"><see cref="ErrorKind.AttemptUnknown"/>: the record was removed, and nobody knows any more what had become of an earlier request.</exception>
    private async Task<KlingVideoTask?> ForgoAsync(string reason)
    {
        KlingVideoTask task = _task!;
        switch (await RejectAsync(reason, code: null).ConfigureAwait(false))
        {
            case RecordResult.Removed when _wasRefused:
                return await LoseAsync(task, new LostPurchaseException(RemovedMeanwhile, taskId: null, cause: null)).ConfigureAwait(false);
            case RecordResult.Superseded { Task: { TaskId: not null } bought }:
                return bought;
            default:
                place.Forget();
                _intent = _intent.Renew() with { Former = IsReusing ? [] : [.. _intent.Former, task] };
                _wasRefused = false;
                return null;
        }
    }

    /// <summary>Sends the request once and records its outcome, even if nobody waits for it any more.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "Whatever is thrown once the request has left does not tell whether the video was bought.")]
    private async Task<Attempt<KlingVideoTask?>> SendProtectedAsync(KlingVideoTask task)
    {
        _hasLeft = true;
        _sent++;
        sender.OnSending(this);
        try
        {
            return await SendAsync(task).ConfigureAwait(false);
        }
        catch (Exception exception) when (_hasLeft)
        {
            return await LoseAsync(task, exception).ConfigureAwait(false);
        }
        finally
        {
            sender.OnSent(this);
        }
    }

    private async Task<Attempt<KlingVideoTask?>> SendAsync(KlingVideoTask task)
    {
        string taskId;
        try
        {
            VideoSpec sent = _intent.Spec with { CallbackUri = CallbackNonce.Append(_intent.Spec.CallbackUri, _intent.Nonce) };
            taskId = await sender.Client.CreateTaskAsync(sent, CancellationToken.None, () => ConfirmLeavingAsync(task)).ConfigureAwait(false);
        }
        catch (KlingApiException refusal) when (refusal.Fault is TransportFault.Answered or TransportFault.NotSent)
        {
            _hasLeft = false;
            _wasRefused |= refusal.Fault == TransportFault.Answered;

            // If it was not sent because of the ledger or the plan, that says nothing about the service.
            if (_objection is not null)
            {
                throw _objection;
            }

            if (_late is not null)
            {
                KlingApiException late = refusal.WithMessage(_late);
                _late = null;
                return IsPatient(_sent)
                    ? await HoldBackAsync(task, new Retry(late, Backoff.NotSent)).ConfigureAwait(false)
                    : await WithdrawAsync(late.Message).ConfigureAwait(false) ?? throw late.AsFinal();
            }

            if (_unsent is RecordResult changed)
            {
                _unsent = null;
                place.HoldBack();
                return await ResumeAsync(changed).ConfigureAwait(false) is KlingVideoTask bought ? bought : new Retry(refusal.WithMessage(ReasonOf(changed)), Backoff.NotSent);
            }

            (Retry? retry, KlingApiException error) = sender.Judge(refusal, _sent, CountFailing());
            return retry is not null
                ? await HoldBackAsync(task, retry).ConfigureAwait(false)
                : await WithdrawAsync(error.Message, error.Code?.ToString(CultureInfo.InvariantCulture)).ConfigureAwait(false) ?? throw error;
        }

        sender.Throttle.OnAccepted();
        sender.Session.CreateOutage.OnWorking();
        KlingVideoTask accepted = await _recorder.AcceptAsync(task, taskId, _intent).ConfigureAwait(false);
        Close();
        sender.Events.OnSubmitted(accepted);
        return accepted;
    }

    /// <summary>Records that nothing has been bought so far, before the wait for the next attempt begins.</summary>
    private async Task<Attempt<KlingVideoTask?>> HoldBackAsync(KlingVideoTask task, Retry retry)
    {
        RecordResult? result = await _recorder.HoldBackAsync(task, retry.Error.Message).ConfigureAwait(false);
        place.HoldBack();
        return result is not (null or RecordResult.Recorded) && await ForgoAsync(retry.Error.Message).ConfigureAwait(false) is KlingVideoTask bought ? bought : retry;
    }

    /// <summary>The attempt is settled, or has been disowned.</summary>
    private void Close()
    {
        _hasLeft = false;
        _task = null;
    }

    /// <summary>Gives the slot back, at once if it was not used. If that goes wrong, it says nothing about the purchase, and the place becomes free again after a while.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "The outcome of the purchase is known by now and must not be replaced by this error.")]
    private static async Task ReleaseAsync(IRateLease lease, bool isSent)
    {
        try
        {
            if (!isSent)
            {
                await lease.HandBackAsync().ConfigureAwait(false);
            }

            await lease.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception)
        {
        }
    }
}
