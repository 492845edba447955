using System.Collections.Concurrent;
using System.Diagnostics;
using KlingPS.Core.Api;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Reporting;
using KlingPS.Core.Resolving;
using KlingPS.Core.Saving;
using KlingPS.Core.Scheduling;
using KlingPS.Core.Sessions;
using KlingPS.Core.Stages;
using KlingPS.Core.Submitting;
using KlingPS.Core.Waiting;

namespace KlingPS.Core.Converting;

/// <summary>
/// Turns images into videos on disk, doing only what is missing: a video that is paid for is waited for, downloaded, or already
/// there. Images are independent of each other: one that is slow or fails does not hold up the others.
/// </summary>
internal sealed class VideoConverter : IDisposable
{
    /// <summary>Images on their way to the service: enough to have the next ones uploaded while the rate limit holds back their requests.</summary>
    private const int MaxSubmissions = 32;

    private readonly KlingSession _session;
    private readonly ConversionOptions _options;
    private readonly VideoSubmitter _submitter;
    private readonly VideoSaver _saver;
    private readonly ConversionPreparer _preparer;
    private readonly IPipelineObserver? _observer;
    private readonly PipelineEvents _events;
    private readonly TaskWaiter _waiter;
    private readonly Deadline _deadline;
    private readonly ConversionTally _tally = new();
    private readonly SemaphoreSlim _submissions = new(MaxSubmissions);
    private readonly SemaphoreSlim? _inFlight;

    /// <summary>The images that were accepted, by everything else that was asked for. Those of a folder mostly differ in nothing but the image.</summary>
    private readonly Dictionary<Submission, HashSet<TextDigest>> _accepted = [];
    private readonly ConcurrentDictionary<long, KlingVideoTask> _unfinished = new();
    private readonly ConcurrentDictionary<long, byte> _doubted = new();
    private readonly VideoForecast _forecast;
    private readonly TurnLine _line = new();
    private int _lastIndex;

    /// <summary>Creates the converter. Nothing is done yet.</summary>
    public VideoConverter(KlingService service, ConversionOptions options)
    {
        ArgumentNullException.ThrowIfNull(service);
        ArgumentNullException.ThrowIfNull(options);
        _session = service.Session;
        _options = options;
        _submitter = new VideoSubmitter(service, options.Balance);
        _saver = new VideoSaver(service, options.Save);
        _preparer = new ConversionPreparer(service, options, _submitter, _saver.OutputPaths);
        Planner = new ConversionPlanner(_session, _submitter, _preparer);
        Runs = new RunRecorder(service, options.Plan);
        _observer = service.Observer;
        _events = service.Events;
        _waiter = new TaskWaiter(service, options.Wait.PollingInterval);

        // A timeout of 0 means that no video is waited for; submitting then takes as long as it needs.
        _deadline = new Deadline(_session.TimeProvider, options.Wait.Timeout == TimeSpan.Zero ? null : options.Wait.Timeout);
        _inFlight = options.ThrottleLimit is int limit ? new SemaphoreSlim(limit) : null;
        _forecast = new VideoForecast(_session, options.ThrottleLimit);
    }

    /// <summary>Raised when an image has moved on, on any thread.</summary>
    public event Action? Changed
    {
        add => _tally.Changed += value;
        remove => _tally.Changed -= value;
    }

    /// <summary>Finds out what would be done for its images.</summary>
    public ConversionPlanner Planner { get; }

    /// <summary>Records the run.</summary>
    public RunRecorder Runs { get; }

    /// <summary>How far the images have come at this moment.</summary>
    public ConversionCounts Counts => _tally.Counts;

    /// <summary>The tasks that are paid for and whose video is not yet on disk, by number.</summary>
    public IReadOnlyList<KlingVideoTask> Unfinished => [.. _unfinished.Values.OrderBy(task => task.Id)];

    /// <inheritdoc cref="VideoSubmitter.UnderWay"/>
    public int UnderWay => _submitter.UnderWay;

    /// <summary>The task of an image whose request has left, or is about to, and has no response yet.</summary>
    /// <param name="identity">What makes two purchases the same.</param>
    public KlingVideoTask? FindUnderWay(string identity) => _submitter.FindUnderWay(identity);

    /// <summary>Takes an image into the batch and names its video. Call it for one image after another.</summary>
    /// <param name="submission">The video to make of it.</param>
    /// <returns>The item; <see langword="null"/> if the batch has the very same one already.</returns>
    public ConversionItem? Accept(Submission submission)
    {
        ArgumentNullException.ThrowIfNull(submission);
        submission = submission with { ReusePurchase = true };
        Submission request = submission with { Spec = submission.Spec.Normalized().WithoutDefaults() with { Image = null } };
        if (!_accepted.TryGetValue(request, out HashSet<TextDigest>? images))
        {
            _accepted.Add(request, images = []);
        }

        MediaSource? image = submission.Spec.Image;
        if (!images.Add(TextDigest.Of(image is null ? string.Empty : $"{image.IsFile}\0{image.Path}\0{image.Hash}\0{image.Uri}")))
        {
            return null;
        }

        int index = ++_lastIndex;
        VideoName? name = _preparer.ClaimName(submission, index);
        return new ConversionItem(submission with { Turn = _line.Next() }, index, name);
    }

    /// <summary>Removes from the batch an image that is not converted after all.</summary>
    public static void Leave(ConversionItem item)
    {
        ArgumentNullException.ThrowIfNull(item);
        item.Submission.Turn?.Pass();
    }

    /// <summary>Called when no more images will come.</summary>
    /// <param name="images">How many to convert.</param>
    public void CompleteInput(int images) => _options.Balance?.Complete(images);

    /// <summary>Does what is missing for an image to get its video.</summary>
    /// <param name="item">The image, as <see cref="Accept"/> has taken it.</param>
    /// <param name="cancellationToken">Stops the work; what is paid for stays in the ledger, and the next run continues with it.</param>
    /// <returns>
    /// The video, or the error; both, when the video is there and its sidecar could not be written. After an error that every further
    /// purchase would meet (<see cref="KlingException.IsFatal"/>) no image is bought any more; what is paid for is still fetched.
    /// </returns>
    public Task<Outcome<ConversionItem, SavedVideo>> ConvertAsync(ConversionItem item, CancellationToken cancellationToken)
        => ConvertAsync(item, static () => { }, cancellationToken);

    /// <inheritdoc cref="ConvertAsync(ConversionItem, CancellationToken)"/>
    /// <param name="item">The image, as <see cref="Accept"/> has taken it.</param>
    /// <param name="onPrepared">Called once it is known what has to be done for it, before anything is sent.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public Task<Outcome<ConversionItem, SavedVideo>> ConvertAsync(ConversionItem item, Action onPrepared, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(item);
        return KlingTelemetry.IsTraced ? TraceAsync(item, onPrepared, cancellationToken) : ConvertOneAsync(item, onPrepared, cancellationToken);
    }

    private async Task<Outcome<ConversionItem, SavedVideo>> TraceAsync(ConversionItem item, Action onPrepared, CancellationToken cancellationToken)
    {
        using Activity? activity = KlingTelemetry.Start("convert image", item.Submission.Subject);
        Outcome<ConversionItem, SavedVideo> outcome = await ConvertOneAsync(item, onPrepared, cancellationToken).ConfigureAwait(false);
        if (activity is not null)
        {
            activity.TagIf(item.Progress?.Task);
            activity.SetTag("klingps.result", item.Progress?.Result?.ToString());
            if (outcome.Error is not null)
            {
                activity.Fail(outcome.Error);
            }
        }

        return outcome;
    }

    private async Task<Outcome<ConversionItem, SavedVideo>> ConvertOneAsync(ConversionItem item, Action onPrepared, CancellationToken cancellationToken)
    {
        var progress = new ConversionProgress(_tally);
        item.Progress = progress;
        try
        {
            return await _deadline.RunAsync(
                token => ConvertAsync(item, progress, onPrepared, token, cancellationToken),
                () => CreateTimeout(item, progress),
                cancellationToken).ConfigureAwait(false);
        }
        catch (KlingException exception)
        {
            progress.End(exception);
            return new(item, null, progress.Task is KlingVideoTask task && !exception.IsFatal ? exception.About(task.Id) : exception);
        }
#pragma warning disable CA1031 // What goes wrong with one image is the error of that image alone.
        catch (Exception exception) when (!UnexpectedError.IsStop(exception, cancellationToken))
#pragma warning restore CA1031
        {
            progress.End(RunItemResult.Failed);
            KlingException error = UnexpectedError.From(exception, $"'{item.Submission.Subject}'");
            return new(item, null, progress.Task is not KlingVideoTask paid
                ? item.Submission.SayNothingBought(error)
                : error.WithMessage($"{error.Message} Its video is bought (task {paid.Id}) and not lost: the same command goes on with it."));
        }
        finally
        {
            item.Submission.Turn?.Pass();
        }
    }

    /// <summary>Does what is missing for an image.</summary>
    /// <param name="item">The image.</param>
    /// <param name="progress">Follows it.</param>
    /// <param name="onPrepared">Called once it is known what has to be done.</param>
    /// <param name="inTime">Ends the work, also at the deadline.</param>
    /// <param name="stop">Ends the wait for the task, which observes the deadline itself and then checks once more.</param>
    private async Task<Outcome<ConversionItem, SavedVideo>> ConvertAsync(
        ConversionItem item, ConversionProgress progress, Action onPrepared, CancellationToken inTime, CancellationToken stop)
    {
        if (await BeginAsync(item, progress, onPrepared, inTime).ConfigureAwait(false) is not Begun begun)
        {
            return new(item, null, null);
        }

        KlingVideoTask task;
        try
        {
            task = begun.IsMade ? begun.Task : await WaitAsync(begun.Task, progress, begun.HoldsPlace, stop).ConfigureAwait(false);
        }
        finally
        {
            if (begun.HoldsPlace)
            {
                _inFlight?.Release();
            }
        }

        progress.Enter(ConversionStage.Downloading);
        OutputPath output = begun.Output ?? await _preparer.ResolveOutputAsync(item, begun.Identity, task, inTime).ConfigureAwait(false);
        SavedVideo saved = await _saver.FetchAsync(task, output, inTime).ConfigureAwait(false);
        SavedVideo video = saved with { SourcePath = item.Submission.Spec.Main?.Path, IsNew = begun.IsNew };
        KlingException? sidecarError = begun.IsKept ? null : await TryWriteSidecarAsync(video, begun, inTime).ConfigureAwait(false);
        _unfinished.TryRemove(begun.Task.Id, out _);
        progress.Task = begun.IsKept ? null : saved.Task;
        progress.End(video.Result);
        return new(item, video, saved.RecordError ?? sidecarError);
    }

    /// <summary>Starts the video of an image, unless it has been started: afterwards it is paid for, and may already be there.</summary>
    /// <returns><see langword="null"/> if there is nothing to do, because the user has taken the video elsewhere.</returns>
    private async Task<Begun?> BeginAsync(ConversionItem item, ConversionProgress progress, Action onPrepared, CancellationToken inTime)
    {
        PreparedConversion? prepared = null;
        try
        {
            prepared = await _preparer.PrepareAsync(item, isAboutToWrite: true, inTime, identity => progress.Identity = identity).ConfigureAwait(false);
        }
        finally
        {
            _options.Balance?.Note(prepared is { Earlier: null } ? prepared.Identified.Submission.Credits : null, progress.Identity);
        }

        onPrepared();
        if (prepared.Earlier is not null)
        {
            // Nothing is bought for it.
            item.Submission.Turn?.Pass();
        }

        progress.Task = prepared.IsKept ? null : prepared.Earlier;
        if (prepared is { IsTaken: true, HasVideo: false })
        {
            return LeaveTaken(prepared.Earlier!);
        }

        if (!prepared.HasVideo)
        {
            ConversionStep step = prepared.Earlier?.TaskState switch
            {
                null => ConversionStep.Buy,
                KlingTaskState.Succeeded => ConversionStep.Download,
                _ => ConversionStep.Wait,
            };
            _events.OnPlanned(item.Submission.Subject, step.ToString(), prepared.Earlier, step == ConversionStep.Buy ? prepared.Identified.Submission.Credits : null);
        }

        if (prepared.Earlier is KlingVideoTask earlier)
        {
            return new Begun(earlier, prepared) { IsMade = IsMade(earlier) };
        }

        await PurchaseGate.WaitForTurnAsync(prepared.Identified.Submission.Turn, inTime).ConfigureAwait(false);
        if (await _submitter.AwaitTwinAsync(prepared.Identified, inTime).ConfigureAwait(false) is KlingVideoTask twin)
        {
            await RequireOwnAsync(prepared.Identified, new TaskClaim(twin, IsNew: false), inTime).ConfigureAwait(false);
            return twin.TakenAt is null ? new Begun(twin, prepared) { IsMade = IsMade(twin) } : LeaveTaken(twin);
        }

        await (_inFlight?.WaitAsync(inTime) ?? Task.CompletedTask).ConfigureAwait(false);
        TaskClaim claim;
        try
        {
            claim = await BuyAsync(prepared.Identified, progress, inTime).ConfigureAwait(false);
        }
        catch
        {
            _inFlight?.Release();
            throw;
        }

        if (claim is { IsNew: false, Task.TakenAt: not null })
        {
            _inFlight?.Release();
            return LeaveTaken(claim.Task);
        }

        return new Begun(claim.Task, prepared) { IsNew = claim.IsNew, IsMade = !claim.IsNew && IsMade(claim.Task), HoldsPlace = true };

        // A video of another account is only used if it is on disk, and the service would not tell this key about its task: there is nothing to wait for.
        bool IsMade(KlingVideoTask task) => prepared.HasVideo || (task.TaskState == KlingTaskState.Succeeded && task.Account != _session.Account);

        Begun? LeaveTaken(KlingVideoTask taken)
        {
            _observer?.OnNotice($"The video of '{item.Submission.Subject}' was taken elsewhere (task {taken.Id}), so nothing is done for it. Resolve-KlingVideoTask {taken.Id} -TakenElsewhere:$false takes that back.");
            progress.Task = taken;
            progress.End(RunItemResult.Taken);
            return null;
        }
    }

    /// <summary>The error of an image whose time is up.</summary>
    private KlingException CreateTimeout(ConversionItem item, ConversionProgress progress)
    {
        TimeSpan timeout = _deadline.Timeout!.Value;
        return progress.Task is not KlingVideoTask task ? _submitter.CreateTimeout(item.Submission, progress.Identity, timeout)
            : progress.Stage == ConversionStage.Downloading ? TaskErrors.CreateSaveTimeout(task, timeout)
            : TaskErrors.CreateTimeout(task, timeout);
    }

    /// <summary>How long the batch will still take, as far as that is known.</summary>
    public TimeSpan? EstimateRemaining()
    {
        ConversionCounts counts = Counts;
        return _forecast.FindRemaining(counts.Queued + counts.Uploading + counts.Sending);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _waiter.Dispose();
        _deadline.Dispose();
    }

    private Task RequireOwnAsync(IdentifiedSubmission identified, TaskClaim claim, CancellationToken cancellationToken)
        => _options.Plan?.RequireOwnAsync(identified, claim, cancellationToken) ?? Task.CompletedTask;

    private async Task<TaskClaim> BuyAsync(IdentifiedSubmission identified, ConversionProgress progress, CancellationToken cancellationToken)
    {
        await _submissions.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            progress.Enter(ConversionStage.Uploading);
            identified = identified with { Submission = identified.Submission with { Agreement = _options.Plan } };
            TaskClaim claim = await _submitter.BuyAsync(identified, cancellationToken, () => progress.Enter(ConversionStage.Sending)).ConfigureAwait(false);
            await RequireOwnAsync(identified, claim, cancellationToken).ConfigureAwait(false);
            if (claim.IsNew)
            {
                _forecast.OnSent(claim.Task);
                progress.Spend(claim.Task.CreditsReserved);
            }

            return claim;
        }
        catch (KlingException exception) when (exception is { Kind: ErrorKind.AttemptUnknown, TaskNumber: long id } && _doubted.TryAdd(id, 0))
        {
            // If two images have the same content, one has lost the answer, and the other only learns about it.
            progress.Doubt(identified.Submission.Credits ?? 0);
            throw;
        }
        finally
        {
            _submissions.Release();
        }
    }

    private async Task<KlingVideoTask> WaitAsync(KlingVideoTask task, ConversionProgress progress, bool holdsPlace, CancellationToken cancellationToken)
    {
        _unfinished[task.Id] = task;
        progress.Task = task;
        if (task is { TaskState: KlingTaskState.Succeeded, ResultUri: not null })
        {
            return task;
        }

        _forecast.OnMaking(task, holdsPlace);
        progress.Enter(ConversionStage.Generating);
        Instant? deadline = _options.Wait.Timeout is null ? null : Instant.Earlier(_deadline.At, Instant.Now(_session.TimeProvider) + _options.Wait.Timeout.Value);
        WaitResult result;
        try
        {
            result = await _waiter.WaitUntilAsync(task, deadline, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _forecast.OnMade(task);
        }

        Outcome<TaskReference, KlingVideoTask> outcome = WaitOutcomes.From(new TaskReference { Task = task }, result, _options.Wait.Timeout);
        if (outcome.Error is { Kind: ErrorKind.AttemptUnknown })
        {
            _unfinished.TryRemove(task.Id, out _);
        }

        if (outcome.Value is KlingVideoTask ended)
        {
            progress.Task = ended;
            progress.Settle(ended.CreditsConsumed ?? ended.CreditsReserved);
            if (ended.TaskState == KlingTaskState.Succeeded)
            {
                _unfinished[task.Id] = ended;
            }
            else
            {
                _unfinished.TryRemove(task.Id, out _);
            }
        }

        return outcome.Error is null ? outcome.Value! : throw outcome.Error;
    }

    /// <summary>Writes the sidecar of a video, if one was asked for.</summary>
    /// <returns>What kept it from being written.</returns>
    private async Task<KlingException?> TryWriteSidecarAsync(SavedVideo video, Begun begun, CancellationToken cancellationToken)
    {
        if (!_options.WritesSidecar)
        {
            return null;
        }

        try
        {
            VideoTarget.RequireInside(video.Path, _options.Save.Destination);
            Sidecar sidecar = Sidecar.From(video, begun.TailHash) with { Service = ServiceAddress.From(_session.Endpoints.Api), Identity = begun.Identity };
            await sidecar.WriteAsync(video.Path, _options.Save.Overwrite, cancellationToken).ConfigureAwait(false);
            return null;
        }
#pragma warning disable CA1031 // The video is there, whatever happened to its sidecar.
        catch (Exception exception) when (!UnexpectedError.IsStop(exception, cancellationToken))
#pragma warning restore CA1031
        {
            return UnexpectedError.From(exception, $"the sidecar of '{video.Path}'").About(video.Task.Id);
        }
    }

    /// <summary>A video that is paid for or already there. Ten thousand may be made at the same time, so only what is needed once its video is made is kept of each image.</summary>
    /// <param name="task">Its task.</param>
    /// <param name="prepared">What was known about the image before.</param>
    private sealed class Begun(KlingVideoTask task, PreparedConversion prepared)
    {
        public KlingVideoTask Task { get; } = task;

        /// <summary>Where it goes; <see langword="null"/> while that depends on the purchase.</summary>
        public OutputPath? Output { get; } = prepared.Output;

        /// <summary>What makes two purchases the same.</summary>
        public string Identity { get; } = prepared.Identified.Identity;

        /// <summary>The hash of the image that it ends with, if that is a local file.</summary>
        public string? TailHash { get; } = prepared.Identified.TailImage?.Hash;

        /// <inheritdoc cref="PreparedConversion.IsKept"/>
        public bool IsKept { get; } = prepared.IsKept;

        /// <summary>Whether there is no need to wait for it.</summary>
        public bool IsMade { get; init; }

        /// <summary>Whether it was bought in this run.</summary>
        public bool IsNew { get; init; }

        /// <summary>Whether it counts for the limit of tasks at the same time.</summary>
        public bool HoldsPlace { get; init; }
    }
}
