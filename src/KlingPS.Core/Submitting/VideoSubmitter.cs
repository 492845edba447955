using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Diagnostics;
using KlingPS.Core.Api;
using KlingPS.Core.Imaging;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Reporting;
using KlingPS.Core.Resilience;
using KlingPS.Core.Scheduling;
using KlingPS.Core.Sessions;
using KlingPS.Core.Stages;

namespace KlingPS.Core.Submitting;

/// <summary>A submission whose local images have been read: it is known which video it stands for.</summary>
/// <param name="Submission">The submission, with the hashes of its images and its texts as they are sent to the service.</param>
/// <param name="Image">The image, if it is a local file.</param>
/// <param name="TailImage">The image that the video ends with, likewise.</param>
/// <param name="Identity">What makes two purchases the same.</param>
internal sealed record IdentifiedSubmission(Submission Submission, IdentifiedImage? Image, IdentifiedImage? TailImage, string Identity)
{
    /// <summary>What was asked for, with its texts as they were given.</summary>
    public required VideoSpec Given { get; init; }

    /// <summary>An earlier purchase, if this one differs from it only in the content of the files.</summary>
    public EarlierVersion? EarlierVersion { get; init; }

    /// <summary>The reference images that are local files, by their paths.</summary>
    public IReadOnlyDictionary<string, IdentifiedImage> References { get; init; } = FrozenDictionary<string, IdentifiedImage>.Empty;

    /// <summary>The video that it is made from, if that is a local file.</summary>
    public IdentifiedClip? Video { get; init; }

    /// <summary>What is heard in it, likewise.</summary>
    public IdentifiedClip? Audio { get; init; }

    /// <summary>Refuses what the model would not take. Only for what is to be bought: an earlier purchase is used even if the rules have changed.</summary>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.RequestInvalid"/>: see <see cref="ModelSpec.Validate(VideoSpec, string, string)"/>.
    /// <see cref="ErrorKind.ImageUnsupported"/>: the model takes no images like this one.
    /// </exception>
    public void Validate()
    {
        ModelSpec model = ModelCatalog.Get(Submission.Spec.Model);
        model.Validate(Given, Submission.PromptPath is string path ? $"the prompt in '{path}'" : "the prompt");
        foreach (ImageReport image in new[] { Image, TailImage }.Concat(References.Values).OfType<IdentifiedImage>().Select(image => image.Report!))
        {
            model.Validate(image);
        }

        if (Video is not null)
        {
            model.ValidateVideo(Video.Report);
        }

        if (Audio is not null)
        {
            model.ValidateAudio(Audio.Report);
        }
    }
}

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
    /// <summary>For a video that somebody else is buying. It is theirs, however long that takes.</summary>
    private static readonly RetryOptions s_othersPurchase = new() { Backoff = Backoff.Every(TimeSpan.FromSeconds(0.5)) };

    /// <summary>How long it may take to record the outcome of a request, even if others hold up the ledger.</summary>
    private static readonly TimeSpan s_recording = TimeSpan.FromMinutes(5);

    /// <summary>How long to wait for somebody else's purchase before a message says so.</summary>
    private static readonly TimeSpan s_othersPatience = TimeSpan.FromSeconds(2);

    /// <summary>The videos that somebody else is buying, by the image that they are for.</summary>
    private readonly ConcurrentDictionary<string, AwaitedPurchase> _awaited = new();
    private readonly IPipelineObserver? _observer;
    private readonly PipelineEvents _events;
    private readonly KlingService _service;
    private readonly KlingSession _session;
    private readonly ImageUploader _uploader;
    private readonly PurchaseSender _sender;
    private readonly PriceBook _prices;
    private readonly OtherPurchases _others;
    private readonly ChangedFiles _changes;
    private readonly BalanceWatch? _balance;
    private readonly PurchaseGate _gate;
    private readonly RetryPolicy _othersPurchase;

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
        _others = new OtherPurchases(service);
        _changes = new ChangedFiles(service);
        _othersPurchase = new RetryPolicy(s_othersPurchase, _session.TimeProvider);
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
                token => SubmitAsync(submission, identified => identity = identified.Identity, token),
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
        => _awaited.TryGetValue(submission.Subject, out AwaitedPurchase? awaited) ? TaskErrors.CreateOthersTimeout(submission.Subject, awaited.Task, awaited.IsOwn, timeout)
            : identity is not null && _sender.FindUnderWay(identity) is KlingVideoTask task ? TaskErrors.CreateAnswerTimeout(task, timeout)
            : TaskErrors.CreatePurchaseTimeout(submission.Subject, timeout);

    private Task<Outcome<Submission, KlingVideoTask>> SubmitAsync(Submission submission, Action<IdentifiedSubmission> onIdentified, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(submission);
        return SubmitInTurnAsync();

        async Task<Outcome<Submission, KlingVideoTask>> SubmitInTurnAsync()
        {
            try
            {
                return _sender.Fatal.Error is KlingException fatal ? new(submission, null, fatal) : await SubmitPreparedAsync().ConfigureAwait(false);
            }
            finally
            {
                submission.Turn?.Pass();
            }
        }

        async Task<Outcome<Submission, KlingVideoTask>> SubmitPreparedAsync()
        {
            Outcome<Submission, KlingVideoTask> outcome = await Outcome.OfAsync(
                submission,
                $"'{submission.Subject}'",
                async () =>
                {
                    IdentifiedSubmission? identified = null;
                    KlingVideoTask? earlier = null;
                    try
                    {
                        (identified, earlier) = await PrepareAsync(submission, cancellationToken).ConfigureAwait(false);
                    }
                    finally
                    {
                        _balance?.Note(earlier is null ? identified?.Submission.Credits : null, identity: null);
                    }

                    onIdentified(identified);
                    if (earlier is null)
                    {
                        _events.OnPlanned(submission.Subject, "Buy", earlier: null, identified.Submission.Credits);
                    }

                    return earlier ?? (await BuyAsync(identified, cancellationToken).ConfigureAwait(false)).Task;
                },
                cancellationToken).ConfigureAwait(false);

            // It was bought, and whatever keeps it from being recorded ends the batch.
            return outcome.Value is { IsUnrecorded: true } ? outcome with { Error = _sender.Fatal.Error } : outcome;
        }
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
    /// Other kinds: as for <see cref="IdentifyAsync(Submission, CancellationToken)"/> and <see cref="IdentifiedSubmission.Validate"/>.
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

            IdentifiedSubmission identified = await IdentifyAsync(submission, isPresent: false, cancellationToken).ConfigureAwait(false);
            onIdentified?.Invoke(identified.Identity);
            KlingVideoTask? earlier = await FindEarlierAsync(identified, cancellationToken).ConfigureAwait(false);
            if (earlier is null && submission.Spec.Sources.Any(source => source.Source.IsFile))
            {
                // What is bought is what is on disk now, whatever the records say. If nothing is to be bought, no file is read again.
                IdentifiedSubmission present = await IdentifyAsync(submission, isPresent: true, cancellationToken).ConfigureAwait(false);
                earlier = present.Identity == identified.Identity ? null : await FindEarlierAsync(present, cancellationToken).ConfigureAwait(false);
                identified = present;
                onIdentified?.Invoke(identified.Identity);
            }

            if (earlier is null)
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
                identified = identified with { EarlierVersion = submission.Replaces is null ? await _changes.FindAsync(identified, cancellationToken).ConfigureAwait(false) : null };
            }

            return (identified, earlier);
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

    /// <summary>Finds out which video is asked for; sends nothing.</summary>
    /// <exception cref="KlingException">An image cannot be read, or no model takes it.</exception>
    public Task<IdentifiedSubmission> IdentifyAsync(Submission submission, CancellationToken cancellationToken)
        => IdentifyAsync(submission, isPresent: false, cancellationToken);

    private async Task<IdentifiedSubmission> IdentifyAsync(Submission submission, bool isPresent, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(submission);
        long maxLength = ModelCatalog.Get(submission.Spec.Model).MaxImageLength;
        IdentifiedImage? image = await IdentifyAsync(submission.Spec.Image, isPresent, maxLength, cancellationToken).ConfigureAwait(false);
        IdentifiedImage? tail = await IdentifyAsync(submission.Spec.TailImage, isPresent, maxLength, cancellationToken).ConfigureAwait(false);
        var references = new Dictionary<string, IdentifiedImage>();
        foreach (MediaSource reference in submission.Spec.ReferenceImages.Where(reference => reference.IsFile))
        {
            references[reference.Path!] = (await IdentifyAsync(reference, isPresent, maxLength, cancellationToken).ConfigureAwait(false))!;
        }

        IdentifiedClip? video = await IdentifyClipAsync(submission.Spec.Video, isPresent, cancellationToken).ConfigureAwait(false);
        IdentifiedClip? audio = await IdentifyClipAsync(submission.Spec.Audio, isPresent, cancellationToken).ConfigureAwait(false);
        var known = new List<MediaSource>();
        foreach (MediaSource reference in submission.Spec.ReferenceImages)
        {
            known.Add((await KnowAsync(reference, reference.IsFile ? references[reference.Path!].Hash : null, cancellationToken).ConfigureAwait(false))!);
        }

        VideoSpec spec = submission.Spec.Normalized() with
        {
            Image = await KnowAsync(submission.Spec.Image, image?.Hash, cancellationToken).ConfigureAwait(false),
            TailImage = await KnowAsync(submission.Spec.TailImage, tail?.Hash, cancellationToken).ConfigureAwait(false),
            ReferenceImages = new(known),
            Video = await KnowAsync(submission.Spec.Video, video?.Hash, cancellationToken).ConfigureAwait(false),
            Audio = await KnowAsync(submission.Spec.Audio, audio?.Hash, cancellationToken).ConfigureAwait(false),
            InputSeconds = VideoLength.From((video ?? audio)?.Report.Seconds),
        };
        return new IdentifiedSubmission(submission with { Spec = spec }, image, tail, spec.GetIdentity())
        {
            Given = submission.Spec,
            References = references.Count == 0 ? FrozenDictionary<string, IdentifiedImage>.Empty : references,
            Video = video,
            Audio = audio,
        };
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
        return await FindEarlierAsync(identified, cancellationToken).ConfigureAwait(false);
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
            var uploads = new PreparedUploads(_uploader, (made, token) => UploadAsync(identified, made, token), _session.TimeProvider);
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
                    KlingVideoTask? others = await FindEarlierAsync(identified, cancellationToken).ConfigureAwait(false) ?? await failed.FindMadeAsync(cancellationToken).ConfigureAwait(false);
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
                if (await FindEarlierAsync(identified, cancellationToken).ConfigureAwait(false) is KlingVideoTask earlier)
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

    /// <summary>An earlier purchase, if it is used again; <see langword="null"/> if the video is to be bought.</summary>
    private async Task<KlingVideoTask?> FindEarlierAsync(IdentifiedSubmission identified, CancellationToken cancellationToken)
    {
        Submission submission = identified.Submission;
        if (submission.Force || submission.Replaces is not null)
        {
            return null;
        }

        KlingVideoTask? earlier = submission.ReusePurchase
            ? await AwaitAnswerAsync(identified, () => _session.Ledger.Tasks.FindEarlierAsync(_session.Account, submission.Spec, cancellationToken), cancellationToken).ConfigureAwait(false)
            : await _session.Ledger.Tasks.FindUnknownAsync(_session.Account, submission.Spec, cancellationToken).ConfigureAwait(false);
        return earlier?.TaskState switch
        {
            null => await FindOtherAsync().ConfigureAwait(false),
            KlingTaskState.Unknown => throw new KlingException(
                ErrorKind.AttemptUnknown,
                $"Nothing was sent for '{submission.Subject}': the same video was asked for before as task {earlier.Id}, "
                + $"and it is not known whether it was bought.{(earlier.FailMessage is string why ? " " + why : string.Empty)}")
            {
                TaskNumber = earlier.Id,
            },
            KlingTaskState.Abandoned => throw TaskErrors.CreateForgottenBefore(submission.Subject, earlier),
            KlingTaskState.Failed when !submission.RetryFailed => throw TaskErrors.CreateFailedBefore(submission.Subject, earlier),
            KlingTaskState.Failed => await FindOtherAsync().ConfigureAwait(false),
            _ => earlier,
        };

        Task<KlingVideoTask?> FindOtherAsync() => AwaitAnswerAsync(identified, () => _others.FindAsync(identified, cancellationToken), cancellationToken);
    }

    /// <summary>An earlier purchase, once it has been answered: another command or process may be buying the video right now.</summary>
    /// <param name="identified">The submission.</param>
    /// <param name="find">Finds the purchase.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    private Task<KlingVideoTask?> AwaitAnswerAsync(IdentifiedSubmission identified, Func<Task<KlingVideoTask?>> find, CancellationToken cancellationToken)
        => _othersPurchase.RunAsync<KlingVideoTask?>(_ => FindAnsweredAsync(identified, find, cancellationToken), cancellationToken);

    private async Task<Attempt<KlingVideoTask?>> FindAnsweredAsync(IdentifiedSubmission identified, Func<Task<KlingVideoTask?>> find, CancellationToken cancellationToken)
    {
        KlingVideoTask? earlier = await find().ConfigureAwait(false);
        string subject = identified.Submission.Subject;
        if (earlier is not { TaskState: KlingTaskState.Submitting })
        {
            _awaited.TryRemove(subject, out _);
            return earlier;
        }

        // A video that somebody else is buying does not hold up those behind it.
        identified.Submission.Turn?.Pass();
        if (!_awaited.TryGetValue(subject, out AwaitedPurchase? awaited))
        {
            var own = new TaskFilter { States = [KlingTaskState.Submitting], IsOwnAttempt = true };
            bool isOwn = (await _session.Ledger.Tasks.ListAsync(own, cancellationToken).ConfigureAwait(false)).Any(task => task.Id == earlier.Id);
            awaited = _awaited.GetOrAdd(subject, new AwaitedPurchase(earlier, isOwn, Instant.Now(_session.TimeProvider) + s_othersPatience));
        }

        if (awaited.TellsAt <= Instant.Now(_session.TimeProvider) && _awaited.TryUpdate(subject, awaited with { TellsAt = Instant.Never }, awaited))
        {
            // The message must not advise ending a process that may be this very one.
            _observer?.OnWarning(awaited.IsOwn
                ? $"Another command of this shell is submitting the video of '{subject}' as task {earlier.Id} and has no answer yet; waiting for it, so that it is not bought twice. Leave the shell open: without it, nobody would know whether the video was bought."
                : $"Another command is submitting the video of '{subject}' as task {earlier.Id} and has no answer yet; waiting for it, so that it is not bought twice. If that command hangs, end its process.");
        }

        return new Retry(new KlingException(ErrorKind.TaskPending, $"Another command is submitting the video of '{subject}' as task {earlier.Id} and has no answer yet."));
    }

    /// <param name="Task">The task that somebody else is submitting.</param>
    /// <param name="IsOwn">Whether it is this process itself, for another command.</param>
    /// <param name="TellsAt">When a message says that this one is waiting for the purchase.</param>
    private sealed record AwaitedPurchase(KlingVideoTask Task, bool IsOwn, Instant TellsAt);

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
            return await FindEarlierAsync(identified, cancellationToken).ConfigureAwait(false)
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

    /// <summary>Uploads the local images to where the service can fetch them.</summary>
    private async Task<VideoSpec> UploadAsync(IdentifiedSubmission identified, List<UploadRecord> uploads, CancellationToken cancellationToken)
    {
        VideoSpec spec = identified.Submission.Spec;
        using Activity? activity = KlingTelemetry.Start("upload image", identified.Submission.Subject);
        var references = new List<MediaSource>();
        foreach (MediaSource reference in spec.ReferenceImages)
        {
            references.Add((await UploadAsync(reference, reference.IsFile ? identified.References[reference.Path!] : null, uploads, cancellationToken).ConfigureAwait(false))!);
        }

        return spec with
        {
            Image = await UploadAsync(spec.Image, identified.Image, uploads, cancellationToken).ConfigureAwait(false),
            TailImage = await UploadAsync(spec.TailImage, identified.TailImage, uploads, cancellationToken).ConfigureAwait(false),
            ReferenceImages = new(references),
            Video = await UploadAsync(spec.Video, identified.Video, uploads, cancellationToken).ConfigureAwait(false),
            Audio = await UploadAsync(spec.Audio, identified.Audio, uploads, cancellationToken).ConfigureAwait(false),
        };
    }

    private async Task<MediaSource?> UploadAsync(MediaSource? source, IdentifiedImage? image, List<UploadRecord> uploads, CancellationToken cancellationToken)
        => source is null || image is null ? source : Use((await _uploader.UploadAsync(image, force: false, cancellationToken).ConfigureAwait(false)).Upload, source, uploads);

    private async Task<MediaSource?> UploadAsync(MediaSource? source, IdentifiedClip? clip, List<UploadRecord> uploads, CancellationToken cancellationToken)
        => source is null || clip is null ? source : Use(await _uploader.UploadAsync(clip, cancellationToken).ConfigureAwait(false), source, uploads);

    private static MediaSource Use(UploadRecord upload, MediaSource source, List<UploadRecord> uploads)
    {
        uploads.Add(upload);
        return source with { Uri = upload.Uri };
    }

    private async Task<IdentifiedClip?> IdentifyClipAsync(MediaSource? source, bool isPresent, CancellationToken cancellationToken)
        => source is { IsFile: true, Path: string path } ? await _uploader.IdentifyClipAsync(path, isPresent, cancellationToken).ConfigureAwait(false) : null;

    private async Task<IdentifiedImage?> IdentifyAsync(MediaSource? source, bool isPresent, long maxLength, CancellationToken cancellationToken)
        => source is { IsFile: true, Path: string path } ? await _uploader.IdentifyAsync(path, isPresent, maxLength, cancellationToken).ConfigureAwait(false) : null;

    /// <summary>
    /// A source with what is known about its content. For a local file, that is what has been read; where an earlier attempt uploaded it says
    /// nothing about its content now. An upload of ours is what was uploaded: given by its address, as by a task or an upload from the pipeline,
    /// it makes the same video as its file.
    /// </summary>
    private async Task<MediaSource?> KnowAsync(MediaSource? source, string? hash, CancellationToken cancellationToken)
        => source is not null && hash is not null ? source with { Hash = hash, Uri = null }
            : source is { IsFile: false, Hash: null, Uri: string uri }
                ? source with { Hash = await _session.Ledger.Uploads.FindContentAsync(_session.Account, uri, cancellationToken).ConfigureAwait(false) }
                : source;
}
