using KlingPS.Core.Api;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Scheduling;
using KlingPS.Core.Sessions;
using KlingPS.Core.Stages;

namespace KlingPS.Core.Submitting;

/// <summary>
/// Buys videos, each at most once: decides whether a video is to be bought at all, uploads its images, and has the
/// request sent.
/// </summary>
/// <remarks>
/// An error says that nothing was bought for the image it is about, unless that is not known
/// (<see cref="ErrorKind.AttemptUnknown"/>). It keeps what the service said.
/// </remarks>
internal sealed class VideoSubmitter
{
    /// <summary>How long it may take to record the outcome of a request, even if others hold up the ledger.</summary>
    private static readonly TimeSpan s_recording = TimeSpan.FromMinutes(5);

    private readonly IPipelineObserver? _observer;
    private readonly PipelineEvents _events;
    private readonly KlingService _service;
    private readonly KlingSession _session;
    private readonly ImageUploader _uploader;
    private readonly PurchaseSender _sender;
    private readonly PriceBook _prices;
    private readonly SubmissionIdentifier _identifier;
    private readonly EarlierPurchases _earlier;
    private readonly ChangedFiles _changes;
    private readonly BalanceWatch? _balance;
    private readonly PurchaseGate _gate;

    /// <summary>Creates the submitter.</summary>
    /// <param name="service">The account, and what its commands share.</param>
    /// <param name="balance">Keeps the run within what the account has left; <see langword="null"/> to not ask for that.</param>
    public VideoSubmitter(KlingService service, BalanceWatch? balance = null)
    {
        _balance = balance;
        ArgumentNullException.ThrowIfNull(service);
        _service = service;
        _session = service.Session;
        _observer = service.Observer;
        _events = service.Events;
        _uploader = new ImageUploader(service);
        _prices = service.Prices;
        _sender = new PurchaseSender(service);
        _gate = new PurchaseGate(_session, balance);
        _identifier = new SubmissionIdentifier(_uploader, _session);
        _earlier = new EarlierPurchases(service);
        _changes = new ChangedFiles(service);
    }

    /// <summary>How many requests have left, or are about to, and have no response yet: what they buy is recorded even if the command is stopped.</summary>
    public int UnderWay => _sender.UnderWay;

    /// <inheritdoc cref="PurchaseSender.Waiting"/>
    public int Waiting => _sender.Waiting;

    /// <inheritdoc cref="PurchaseSender.FindUnderWay"/>
    public KlingVideoTask? FindUnderWay(string identity) => _sender.FindUnderWay(identity);

    /// <summary>Submits one video.</summary>
    /// <param name="submission">The image and the parameters.</param>
    /// <param name="cancellationToken">Stops before the request has left; afterwards the purchase is completed and recorded.</param>
    /// <returns>
    /// The accepted task, or the error. An error that every further item would meet (<see cref="KlingException.IsFatal"/>) is given
    /// to all items that have not been bought yet, so nothing more is sent after it.
    /// </returns>
    public Task<Outcome<Submission, KlingVideoTask>> SubmitAsync(Submission submission, CancellationToken cancellationToken)
        => SubmitAsync(submission, static _ => { }, cancellationToken);

    /// <inheritdoc cref="SubmitAsync(Submission, CancellationToken)"/>
    /// <param name="submission">The image and the parameters.</param>
    /// <param name="deadline">When to give up. A request that has left is still completed.</param>
    /// <param name="cancellationToken">Stops before the request has left.</param>
    public async Task<Outcome<Submission, KlingVideoTask>> SubmitAsync(Submission submission, Deadline deadline, CancellationToken cancellationToken)
    {
        string? identity = null;
        try
        {
            return await deadline.RunAsync(
                token => SubmitAsync(submission, found => identity = found, token),
                () => CreateTimeout(submission, identity, deadline.Timeout!.Value),
                cancellationToken).ConfigureAwait(false);
        }
        catch (KlingException exception)
        {
            return new(submission, null, exception);
        }
    }

    /// <summary>The error of a submission whose time is up.</summary>
    /// <param name="submission">The submission.</param>
    /// <param name="identity">What makes two purchases the same, once that is known.</param>
    /// <param name="timeout">How much time there was.</param>
    public KlingException CreateTimeout(Submission submission, string? identity, TimeSpan timeout)
        => identity is null ? TaskErrors.CreatePurchaseTimeout(submission.Subject, timeout)
            : _earlier.CreateTimeout(submission, identity, timeout)
                ?? (_sender.FindUnderWay(identity) is KlingVideoTask task ? TaskErrors.CreateAnswerTimeout(task, timeout)
                    : TaskErrors.CreatePurchaseTimeout(submission.Subject, timeout));

    private async Task<Outcome<Submission, KlingVideoTask>> SubmitAsync(Submission submission, Action<string> onIdentified, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(submission);
        try
        {
            if (_sender.Fatal.Error is KlingException fatal)
            {
                return new(submission, null, fatal);
            }

            Outcome<Submission, KlingVideoTask> outcome = await Outcome.OfAsync(
                submission,
                $"'{submission.Subject}'",
                () => PrepareAndBuyAsync(submission, onIdentified, cancellationToken),
                cancellationToken).ConfigureAwait(false);

            // It was bought, and whatever keeps it from being recorded ends the batch.
            return outcome.Value is { IsUnrecorded: true } ? outcome with { Error = _sender.Fatal.Error } : outcome;
        }
        finally
        {
            submission.Turn?.Pass();
        }
    }

    private async Task<KlingVideoTask> PrepareAndBuyAsync(Submission submission, Action<string> onIdentified, CancellationToken cancellationToken)
    {
        IdentifiedSubmission? identified = null;
        KlingVideoTask? earlier = null;
        try
        {
            (identified, earlier) = await PrepareAsync(submission, cancellationToken, onIdentified).ConfigureAwait(false);
        }
        finally
        {
            _balance?.Note(earlier is null ? identified?.Submission.Credits : null, identity: null);
        }

        if (earlier is not null)
        {
            return earlier;
        }

        _events.OnPlanned(submission.Subject, "Buy", earlier: null, identified.Submission.Credits);
        return (await BuyAsync(identified, cancellationToken).ConfigureAwait(false)).Task;
    }

    /// <summary>Finds out which video is asked for and whether it is to be bought; sends nothing.</summary>
    /// <param name="submission">The image and the parameters.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    /// <param name="onIdentified">Called with what makes two purchases the same, as soon as that is known.</param>
    /// <returns>The submission, and an earlier purchase if it is used again, or <see langword="null"/> if the video is to be bought.</returns>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.AttemptUnknown"/>: it is not known whether it was bought before.
    /// <see cref="ErrorKind.TaskFailed"/>: it failed before and is not to be bought again.
    /// <see cref="ErrorKind.TaskNotFound"/>: it was bought before, the service has forgotten it, and the user has given it up.
    /// <see cref="ErrorKind.BoughtElsewhere"/>: another account has bought it, and it is not on disk.
    /// <see cref="ErrorKind.ImageChanged"/>: it was bought before with other content of the files, and such images are to be left out.
    /// Other kinds: as for <see cref="SubmissionIdentifier.IdentifyAsync(Submission, bool, CancellationToken)"/> and <see cref="IdentifiedSubmission.Validate"/>.
    /// </exception>
    public async Task<(IdentifiedSubmission Identified, KlingVideoTask? Earlier)> PrepareAsync(
        Submission submission, CancellationToken cancellationToken, Action<string>? onIdentified = null)
    {
        try
        {
            if (_sender.Loss.Error is KlingException lost)
            {
                throw lost;
            }

            IdentifiedSubmission identified = await _identifier.IdentifyAsync(submission, isPresent: false, cancellationToken).ConfigureAwait(false);
            onIdentified?.Invoke(identified.Identity);
            KlingVideoTask? earlier = await _earlier.FindAsync(identified, cancellationToken).ConfigureAwait(false);
            if (earlier is null && submission.Spec.Sources.Any(source => source.Source.IsFile))
            {
                // What is bought is what is on disk now, whatever the records say. If nothing is to be bought, no file is read again.
                IdentifiedSubmission present = await _identifier.IdentifyAsync(submission, isPresent: true, cancellationToken).ConfigureAwait(false);
                onIdentified?.Invoke(present.Identity);
                earlier = present.Identity == identified.Identity ? null : await _earlier.FindAsync(present, cancellationToken).ConfigureAwait(false);
                identified = present;
            }

            return (earlier is null ? await CheckAsync(identified, cancellationToken).ConfigureAwait(false) : identified, earlier);
        }
        catch (KlingException exception) when (exception.IsFatal)
        {
            throw submission.SayNothingBought(exception);
        }
        catch (Exception exception) when (exception is not KlingException && !UnexpectedError.IsStop(exception, cancellationToken))
        {
            throw submission.SayNothingBought(UnexpectedError.From(exception, $"'{submission.Subject}'"));
        }
    }

    /// <summary>Refuses what cannot be bought, and tells of what may be a surprise.</summary>
    /// <returns>The submission, with its price.</returns>
    private async Task<IdentifiedSubmission> CheckAsync(IdentifiedSubmission identified, CancellationToken cancellationToken)
    {
        if (_session.TakeLedgerNotice() is string notice)
        {
            _observer?.OnWarning(notice);
        }

        if (await _session.TakeCopyNoticeAsync(cancellationToken).ConfigureAwait(false) is string copy)
        {
            _observer?.OnWarning(copy);
        }

        PriceEstimate price = await _prices.EstimateAsync(identified.Submission.Spec).ConfigureAwait(false);
        identified = identified with { Submission = identified.Submission with { Price = price } };
        identified.Validate();
        RequireReachable(identified.Submission);
        return identified.Submission.Replaces is null
            ? identified with { EarlierVersion = await _changes.FindAsync(identified, cancellationToken).ConfigureAwait(false) }
            : identified;
    }

    /// <summary>Refuses addresses that would be of no use to the service, or that would reveal a password to it, to the ledger and in every listing.</summary>
    private void RequireReachable(Submission submission)
    {
        IEnumerable<string?> given = submission.Spec.Sources.Where(source => !source.Source.IsFile).Select(source => source.Source.Uri).Append(submission.Spec.CallbackUri);
        foreach (string uri in given.OfType<string>())
        {
            if (_session.Endpoints.Addresses.FindReachProblem(uri) is string problem)
            {
                throw new KlingException(ErrorKind.RequestInvalid, $"Nothing was bought for '{submission.Subject}': the address {problem}.");
            }
        }
    }

    /// <summary>Whether the day's limit has room for a purchase; records nothing.</summary>
    /// <param name="identified">The submission.</param>
    /// <param name="credits">What it costs, including what is to be bought before it; <see langword="null"/> if that is not known.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    internal async Task<bool> IsWithinDailyCapAsync(IdentifiedSubmission identified, decimal? credits, CancellationToken cancellationToken)
    {
        TaskIntent intent = CreateIntent(identified) with { Credits = credits, Budget = new BudgetLimit { DailyCredits = _session.DailyCreditCap } };
        return await _session.Ledger.Tasks.FindBudgetExcessAsync(intent, cancellationToken).ConfigureAwait(false) is null;
    }

    /// <summary>Waits for the purchase of the same video, if this run is about to make it for another image. Meanwhile this one does not hold up the others.</summary>
    /// <param name="identified">The submission, when its turn has come.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The purchase; <see langword="null"/> if the video is to be bought for this image.</returns>
    /// <exception cref="KlingException">As for <see cref="PrepareAsync"/>.</exception>
    public async Task<KlingVideoTask?> AwaitTwinAsync(IdentifiedSubmission identified, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(identified);
        if (!identified.Submission.ReusePurchase || _gate.FindTwin(identified.Identity) is not Task twin)
        {
            return null;
        }

        identified.Submission.Turn?.Pass();
        await twin.WaitAsync(cancellationToken).ConfigureAwait(false);
        return await _earlier.FindAsync(identified, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Buys the video, or finds that somebody else has done so.</summary>
    /// <param name="identified">The submission, as <see cref="PrepareAsync"/> returns it.</param>
    /// <param name="cancellationToken">Stops before the request has left; afterwards the purchase is carried to its end and recorded.</param>
    /// <param name="onUploaded">Called when the images are at the service, and the request waits to be accepted.</param>
    /// <returns>The accepted task, and whether it was bought just now.</returns>
    /// <exception cref="KlingException">Nothing was bought, or it is not known; see <see cref="SubmitAsync(Submission, CancellationToken)"/>.</exception>
    public async Task<TaskClaim> BuyAsync(IdentifiedSubmission identified, CancellationToken cancellationToken, Action? onUploaded = null)
    {
        ArgumentNullException.ThrowIfNull(identified);
        while (true)
        {
            bool mayBeBought = false;
            PurchaseGate.Place? place = null;
            var failed = new FailedTasks(_service, identified);
            var uploads = new PreparedUploads(_uploader, identified, _session.TimeProvider);
            TaskIntent intent = CreateIntent(identified);
            string purchase = identified.Submission.ReusePurchase ? identified.Identity : intent.Nonce;
            try
            {
                _sender.Fatal.ThrowIfSet();
                place = await _gate.EnterAsync(intent, purchase, identified.Submission.Turn, cancellationToken).ConfigureAwait(false);
                _sender.Fatal.ThrowIfSet();
                identified.Submission.Agreement?.RequireInTime();

                // As it is before anything is asked for, since an upload for another image may show whose the key is.
                string account = _session.Account;
                if (await failed.FindMadeAsync(cancellationToken).ConfigureAwait(false) is KlingVideoTask made)
                {
                    return new TaskClaim(made, IsNew: false);
                }

                intent = intent with { Spec = await uploads.UploadAsync(cancellationToken).ConfigureAwait(false) };

                // An upload may have shown that the key belongs to an account that has bought before.
                if (account != _session.Account)
                {
                    KlingVideoTask? others = await _earlier.FindAsync(identified, cancellationToken).ConfigureAwait(false) ?? await failed.FindMadeAsync(cancellationToken).ConfigureAwait(false);
                    if (others is not null)
                    {
                        return new TaskClaim(others, IsNew: false);
                    }
                }

                // Only now, when the last failure has been read: the claim finds those that come later.
                if (identified.Submission.Agreement is IAgreement agreement)
                {
                    await agreement.RequireStillAsync(identified, cancellationToken).ConfigureAwait(false);
                }

                intent = intent with { LastFailure = failed.LastFailure };
                onUploaded?.Invoke();
                mayBeBought = true;
                if (await _sender.SendAsync(identified.Submission, intent, place, failed, uploads, cancellationToken).ConfigureAwait(false) is KlingVideoTask task)
                {
                    return new TaskClaim(task, IsNew: true);
                }

                mayBeBought = false;

                // It was made after all; or somebody has bought it, or is about to: perhaps with a key that nobody had used when this command began.
                await _service.Account.FindAsync(cancellationToken).ConfigureAwait(false);
                if (await _earlier.FindAsync(identified, cancellationToken).ConfigureAwait(false) is KlingVideoTask earlier)
                {
                    return new TaskClaim(earlier, IsNew: false);
                }
            }
#pragma warning disable CA1031 // Whatever it is, it is the error of this item, and nothing was bought: the sender makes sure of that.
            catch (Exception exception) when (exception is not KlingException { Kind: ErrorKind.AttemptUnknown } && !UnexpectedError.IsStop(exception, cancellationToken))
#pragma warning restore CA1031
            {
                mayBeBought = false;

                // The error that has ended the batch is the error of all later items.
                KlingException refusal = exception == _sender.Fatal.Error
                    ? _sender.Fatal.Error
                    : identified.Submission.SayNothingBought(UnexpectedError.From(exception, $"'{identified.Submission.Subject}'"));

                // That one image cannot be uploaded does not mean that the others cannot.
                if (refusal.IsFatal && !(uploads.AreUnderWay && refusal is KlingApiException { Fault: not TransportFault.NotSent, Kind: ErrorKind.ServiceUnavailable }))
                {
                    _sender.Fatal.Set(refusal);
                    _sender.Loss.Note(refusal);
                }

                return await FindTwinAsync(identified, refusal, cancellationToken).ConfigureAwait(false) is KlingVideoTask twin
                    ? new TaskClaim(twin, IsNew: false)
                    : throw refusal;
            }
            finally
            {
                place?.End(mayBeBought);
            }
        }
    }

    /// <summary>
    /// The purchase for another image of the same content, made in the meantime, or a video that was paid for before: then it does not matter why
    /// this one was refused.
    /// </summary>
    private async Task<KlingVideoTask?> FindTwinAsync(IdentifiedSubmission identified, KlingException refusal, CancellationToken cancellationToken)
    {
        if (!identified.Submission.ReusePurchase || refusal is not ({ Kind: ErrorKind.BudgetExceeded } or { IsFatal: true, Kind: not ErrorKind.LedgerUnusable }))
        {
            return null;
        }

        try
        {
            return await _earlier.FindAsync(identified, cancellationToken).ConfigureAwait(false)
                ?? (refusal.Kind is ErrorKind.BudgetExceeded or ErrorKind.CreditsInsufficient or ErrorKind.KeyCapReached
                    ? await new FailedTasks(_service, identified).FindMadeAsync(cancellationToken).ConfigureAwait(false)
                    : null);
        }
#pragma warning disable CA1031 // In that case the refusal stands.
        catch (Exception exception) when (exception is not KlingException { Kind: ErrorKind.AttemptUnknown } && !UnexpectedError.IsStop(exception, cancellationToken))
#pragma warning restore CA1031
        {
            return null;
        }
    }

    private TaskIntent CreateIntent(IdentifiedSubmission identified)
    {
        Submission submission = identified.Submission;
        return new TaskIntent
        {
            Account = _session.Account,
            Spec = submission.Spec,
            Identity = identified.Identity,
            Credits = submission.Credits,
            RunId = submission.RunId,
            Budget = _session.DailyCreditCap is decimal cap ? (submission.Budget ?? new BudgetLimit()) with { DailyCredits = cap } : submission.Budget,
            Replaces = submission.Replaces,
            RespectsOtherAccounts = submission is { ReusePurchase: true, Force: false, AllowRepurchase: false, Replaces: null },
            AnswerWithin = _session.CreateTimeout + s_recording,
        };
    }
}
