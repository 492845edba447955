using System.Diagnostics;
using System.Globalization;
using KlingPS.Core.Files;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Spool;
using KlingPS.Core.Model;
using KlingPS.Core.Reporting;
using KlingPS.Core.Resolving;
using KlingPS.Core.Scheduling;
using KlingPS.Core.Sessions;
using KlingPS.Core.Stages;

namespace KlingPS.Core.Saving;

/// <summary>Saves finished videos to disk, each once, so that the name of a video never holds half of one.</summary>
/// <remarks>
/// A video first goes into a partial file beside its name, from where it was saved before or from the service; it is verified, gets its
/// name, and counts as saved from then on. See <see cref="DownloadAsync"/>.
/// </remarks>
internal sealed class VideoSaver
{
    /// <summary>How many downloads run at the same time; more would only share the bandwidth.</summary>
    private const int MaxDownloads = 4;

    /// <summary>How often to ask the ledger whose file it is that has appeared while this one was waiting for its name.</summary>
    private const int LooksForRecord = 4;

    /// <summary>How many videos may wait for the disk at the same time, while others are downloaded.</summary>
    private const int MaxFlushes = 4;

    /// <summary>How long after its end the link of a task may not work yet: the hosts that have the videos can be behind the service.</summary>
    private static readonly TimeSpan s_new = TimeSpan.FromMinutes(5);

    /// <summary>How long between two looks; see <see cref="LooksForRecord"/>.</summary>
    private static readonly TimeSpan s_recordPause = TimeSpan.FromSeconds(0.5);

    private readonly KlingSession _session;
    private readonly SaveOptions _options;
    private readonly IPipelineObserver? _observer;
    private readonly PipelineEvents _events;
    private readonly TaskFinder _finder;
    private readonly VideoLinks _links;
    private readonly VideoDownloader _downloader;
    private readonly FileHashes _hashes;
    private readonly LedgerLoss _loss;
    private readonly PrioritySlots _slots = new(MaxDownloads);
    private readonly PrioritySlots _flushes = new(MaxFlushes);
    private int _lastIndex;

    /// <summary>Creates the saver.</summary>
    public VideoSaver(KlingService service, SaveOptions options)
    {
        ArgumentNullException.ThrowIfNull(service);
        ArgumentNullException.ThrowIfNull(options);
        _session = service.Session;
        _options = options;
        _observer = service.Observer;
        _events = service.Events;
        var questions = new ServiceQuestions(_session.TimeProvider);
        _finder = new TaskFinder(service, questions);
        _links = new VideoLinks(service.Client, _finder, questions, _session.Endpoints.Addresses);
        _downloader = new VideoDownloader(
            _session.GetDownloadHandler(_observer),
            _session.Endpoints.Addresses,
            _session.TimeProvider,
            new VideoDownloaderOptions { OnRetry = (reason, delay) => _observer?.OnRetry(reason, delay) });
        _hashes = service.Hashes;
        _loss = service.Loss;
        OutputPaths = new OutputPathResolver(service, options);
    }

    /// <summary>Names the videos of this saver.</summary>
    internal OutputPathResolver OutputPaths { get; }

    /// <summary>Saves the video of a task.</summary>
    /// <param name="reference">The task.</param>
    /// <param name="cancellationToken">Stops the download; the next one continues it.</param>
    /// <returns>The video, or the error, or neither if the task's failure has been reported already.</returns>
    public async Task<Outcome<TaskReference, SavedVideo>> SaveAsync(TaskReference reference, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(reference);
        KlingVideoTask? task = null;
        try
        {
            task = await FindAsync(reference, cancellationToken).ConfigureAwait(false);
            if (task.TakenAt is not null && reference.Task is not null)
            {
                // If the user names it, it is saved anyway; but a video from a list is not fetched again every night.
                _observer?.OnNotice($"The video of '{task.Subject}' (task {task.Id}) was taken elsewhere and is passed over. Save-KlingVideo -Id {task.Id} saves it.");
                return new(reference, null, null);
            }

            if (task.TaskState.IsPending() || task is { TaskState: KlingTaskState.Succeeded, ResultUri: null })
            {
                task = await _finder.RefreshAsync(task, cancellationToken).ConfigureAwait(false);
            }

            if (task.TaskState == KlingTaskState.Succeeded)
            {
                SavedVideo saved = await SaveAsync(task, cancellationToken).ConfigureAwait(false);
                return new(reference, saved with { Task = saved.Task.DescribedAs(task) }, saved.RecordError);
            }

            return new(reference, null, task.IsFailureReported ? null : TaskErrors.From(task) ?? CreatePendingException(task));
        }
#pragma warning disable CA1031 // What goes wrong with one video is the error of that video alone.
        catch (Exception exception) when (!UnexpectedError.IsStop(exception, cancellationToken))
#pragma warning restore CA1031
        {
            KlingException error = UnexpectedError.From(exception, reference.ToString());
            return new(reference, null, task is null || error.IsFatal ? error : error.About(task.Id));
        }
    }

    /// <inheritdoc cref="SaveAsync(TaskReference, CancellationToken)"/>
    /// <param name="reference">The task.</param>
    /// <param name="deadline">When to give up.</param>
    /// <param name="cancellationToken">Stops the download; the next one continues it.</param>
    public async Task<Outcome<TaskReference, SavedVideo>> SaveAsync(TaskReference reference, Deadline deadline, CancellationToken cancellationToken)
    {
        try
        {
            return await deadline.RunAsync(token => SaveAsync(reference, token), CreateTimeout, cancellationToken).ConfigureAwait(false);
        }
        catch (KlingException exception)
        {
            return new(reference, null, exception);
        }

        KlingException CreateTimeout() => reference.Task is KlingVideoTask task
            ? TaskErrors.CreateSaveTimeout(task, deadline.Timeout!.Value)
            : new KlingException(
                ErrorKind.WaitTimeout,
                $"The video of {reference} was not on disk within {TaskErrors.Describe(deadline.Timeout!.Value)}. The next run gets it, from where this one stopped if the server allows that.")
            {
                TaskNumber = reference.Id,
                Advice = "Run the command again, with a longer -Timeout or without one.",
            };
    }

    /// <summary>What the tokens of a name stand for.</summary>
    /// <param name="task">The task.</param>
    /// <param name="index">The position of the video in the run, from 1.</param>
    internal static NameTemplateValues ValuesOf(KlingVideoTask task, int index) => new()
    {
        Source = task.Spec.NamedAfter,
        Title = task.Spec.Title,
        Index = index,
        TaskId = task.TaskId!,
        Id = task.Id,
        CreatedAt = task.CreatedAt,
        Duration = task.Duration,
        Take = task.Take,
    };

    /// <summary>Finds a task. If the ledger is lost, what is already known about a finished video is enough to download it.</summary>
    private async Task<KlingVideoTask> FindAsync(TaskReference reference, CancellationToken cancellationToken)
    {
        KlingVideoTask? made = reference.Task is { TaskState: KlingTaskState.Succeeded, ResultUri: not null } task ? task : null;
        if (_loss.Error is null)
        {
            try
            {
                return await _finder.FindAsync(reference, cancellationToken).ConfigureAwait(false);
            }
            catch (KlingException exception) when (_loss.Note(exception))
            {
            }
        }

        // The ledger is not asked for one task after another: each time, it could take just as long to find that the server is gone.
        return made ?? throw _loss.Error!;
    }

    /// <summary>Saves the video of a finished task; of those waiting, the one that expires first goes first.</summary>
    /// <param name="task">The task.</param>
    /// <param name="output">Where it goes.</param>
    /// <param name="cancellationToken">Stops the download; the next one continues it.</param>
    /// <exception cref="KlingException">As <see cref="VideoDownloader.DownloadAsync"/>, and <see cref="ErrorKind.FileExists"/>.</exception>
    internal async Task<SavedVideo> FetchAsync(KlingVideoTask task, OutputPath output, CancellationToken cancellationToken)
    {
        for (; !output.HasVideo; output = await OutputPaths.ResolveAnotherAsync(output, task, cancellationToken).ConfigureAwait(false))
        {
            if (await TryFetchAsync(task, output, cancellationToken).ConfigureAwait(false) is SavedVideo saved)
            {
                return saved;
            }
        }

        return await TakePresentAsync(task, output).ConfigureAwait(false);
    }

    /// <summary>Takes a video that is there. If an earlier run, or another machine, gave the file its name and could not record that, it is recorded now.</summary>
    private async Task<SavedVideo> TakePresentAsync(KlingVideoTask task, OutputPath found)
    {
        var present = new SavedVideo(found.Path, found.Task is { Id: > 0 } recorded ? recorded : task) { IsPresent = true };
        try
        {
            return found.UnrecordedHash is string hash
                ? present with { Task = await _session.Ledger.Tasks.RecordFoundAsync(task, found.Path, hash).ConfigureAwait(false) }
                : present;
        }
        catch (KlingException exception) when (exception.Kind == ErrorKind.TaskNotFound)
        {
            return present with { RecordError = TaskErrors.CreateRemovedWhileSaved(task, found.Path) };
        }
    }

    /// <returns>The video; <see langword="null"/> if another task's video is there.</returns>
    private async Task<SavedVideo?> TryFetchAsync(KlingVideoTask task, OutputPath output, CancellationToken cancellationToken)
    {
        using var turn = new DownloadTurn(_slots);
        await turn.EnterAsync(task.ExpiresAt ?? DateTimeOffset.MaxValue, cancellationToken).ConfigureAwait(false);
        try
        {
            return await DownloadAsync(task, output, turn, cancellationToken).ConfigureAwait(false);
        }
        catch (KlingException exception) when (exception.Kind == ErrorKind.FileExists)
        {
            for (int looks = 1; ; looks++)
            {
                // It may be this very video, saved by another process since the task was read.
                PathFindings findings = await OutputPaths.LookAsync(output, task, cancellationToken).ConfigureAwait(false);
                if (findings.Video is OutputPath found)
                {
                    return await TakePresentAsync(task, found).ConfigureAwait(false);
                }

                if (findings.IsOthers)
                {
                    return null;
                }

                if (looks == LooksForRecord)
                {
                    throw;
                }

                // Or it has its name, and is being recorded between the questions that were asked.
                await Task.Delay(s_recordPause, _session.TimeProvider, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task<SavedVideo> SaveAsync(KlingVideoTask task, CancellationToken cancellationToken)
    {
        VideoName name = OutputPaths.ClaimName(ValuesOf(task, Interlocked.Increment(ref _lastIndex)));
        OutputPath output = await OutputPaths.ResolveAsync(name, VideoKey.FromTask(task), task, cancellationToken).ConfigureAwait(false);
        return await FetchAsync(task, output, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Fills the partial file, gives the video its name and records that it is saved.</summary>
    /// <returns>The video, recorded or, if the ledger can no longer be written, kept to be recorded; see <see cref="SavedVideo.RecordError"/>. <see langword="null"/> if the path is that of another video.</returns>
    private async Task<SavedVideo?> DownloadAsync(KlingVideoTask task, OutputPath output, DownloadTurn turn, CancellationToken cancellationToken)
    {
        string target = output.Path;
        using Activity? activity = KlingTelemetry.Start("download video", task.Subject);
        activity?.TagIf(task);
        long start = _session.TimeProvider.GetTimestamp();
        using var reporter = new TransferReporter(_observer, _session.TimeProvider, Path.GetFileName(target), isUpload: false, total: null);
        VideoTarget.Require(target, _options.Destination);
        using PartialFile file = await PartialFile
            .OpenAsync(target, task.TaskId!, RequireFreeAsync, _session.TimeProvider, cancellationToken, TellHeld).ConfigureAwait(false);
        file.Subject = task.Subject;

        // While this one waited for its turn and for the file, another may have saved the video: here, for another image that shares it, or elsewhere.
        PathFindings findings = await OutputPaths.LookAsync(output, task, cancellationToken).ConfigureAwait(false);
        if (findings.Video is OutputPath found)
        {
            return await TakePresentAsync(task, found).ConfigureAwait(false);
        }

        // Or another video of this run has turned out to be there, or under a name that differs in nothing but its case.
        if (!OutputPaths.Confirm(output))
        {
            return null;
        }

        if (!await TryCopyAsync(findings.Task!, file, cancellationToken).ConfigureAwait(false))
        {
            Uri link = await _links.GetAsync(task, cancellationToken).ConfigureAwait(false);
            await _downloader.DownloadAsync(file, link, _links.CreateRenewal(task, link), reporter, turn, () => IsNew(task), cancellationToken).ConfigureAwait(false);
        }

        _events.OnDownloaded(task, target, file.Length);
        file.MarkWhole();
        string sha256 = await SealAsync().ConfigureAwait(false);
        await RequireFreeAsync().ConfigureAwait(false);

        // It counts as saved only when it has its name. But whose it is has to be known before that: a process killed in between
        // would leave a file that no record mentions.
        ITaskJournal tasks = _session.Ledger.Tasks;
        KlingException? error = await RecordOrKeepAsync(
            () => tasks.RecordSavingAsync(task, target, sha256), task, SpooledAnswer.Saving(task, target, sha256)).ConfigureAwait(false);
        file.Publish(_options.Overwrite);
        KlingVideoTask saved = task.Saved(target, sha256);
        error = await RecordOrKeepAsync(
            async () =>
            {
                saved = await tasks.RecordSavedAsync(task, target, sha256).ConfigureAwait(false);
                await _hashes.RecordAsync(target, sha256, cancellationToken).ConfigureAwait(false);
            },
            task,
            SpooledAnswer.Saved(task, target, sha256)).ConfigureAwait(false) ?? error;
        _events.OnVerified(saved, target, file.Length, sha256, _session.TimeProvider.GetElapsedTime(start));
        return new SavedVideo(target, saved) { RecordError = error };

        void TellHeld() => _observer?.OnWarning($"Another command is downloading to '{target}'; waiting for it. If that command hangs, end its process.");

        // A video that waits for the disk does not need the connection. If the disk is slower, downloads wait for it.
        async Task<string> SealAsync()
        {
            using IDisposable flush = await _flushes.EnterAsync(task.ExpiresAt ?? DateTimeOffset.MaxValue, cancellationToken).ConfigureAwait(false);
            turn.Leave();
            return await file.SealAsync().ConfigureAwait(false);
        }

        // Not even -Force replaces another task's video, which is paid for as well.
        async Task RequireFreeAsync()
        {
            VideoTarget.RequireNoObstacle(target);
            if (PartialFile.IsTaken(target) && (!_options.Overwrite || await OutputPaths.IsOthersAsync(target, task, cancellationToken).ConfigureAwait(false)))
            {
                throw PartialFile.CreateExistsException(target);
            }
        }
    }

    /// <summary>
    /// Records something. A complete video is not given up because the ledger cannot be written, in which case what should have been recorded is kept
    /// for later; nor because its task was removed while it was fetched.
    /// </summary>
    /// <returns><see langword="null"/>, or the error if it could not be recorded.</returns>
    private async Task<KlingException?> RecordOrKeepAsync(Func<Task> record, KlingVideoTask task, SpooledAnswer answer)
    {
        if (_loss.Error is null)
        {
            try
            {
                await record().ConfigureAwait(false);
                return null;
            }
            catch (KlingException exception) when (exception.Kind == ErrorKind.TaskNotFound)
            {
                return TaskErrors.CreateRemovedWhileSaved(task, answer.Path!);
            }
            catch (KlingException exception) when (_loss.Note(exception))
            {
            }
        }

        return await _session.Ledger.Tasks.KeepAsync(answer).ConfigureAwait(false) is string kept
            ? AnswerSpool.CreateKeptException(_loss.Error!, kept)
            : throw _loss.Error!;
    }

    /// <summary>Copies the video from another path of this machine if it is still there: the service keeps it only for days.</summary>
    private async Task<bool> TryCopyAsync(KlingVideoTask task, PartialFile file, CancellationToken cancellationToken)
    {
        if (task is not { SavedPath: string earlier, SavedHash: string hash }
            || !Path.IsPathFullyQualified(earlier)
            || Place.IsSame(earlier, file.Target))
        {
            return false;
        }

        try
        {
            return await _hashes.MatchAsync(earlier, hash, cancellationToken).ConfigureAwait(false)
                && await file.CopyFromAsync(earlier, hash, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException
            or KlingException { Kind: ErrorKind.FileUnreadable or ErrorKind.PathNotFound })
        {
            // The file has just disappeared, or cannot be read; there is still the service.
            return false;
        }
    }

    /// <summary>Whether a video was made a moment ago, as far as the clocks agree.</summary>
    private bool IsNew(KlingVideoTask task) => task.CompletedAt is DateTimeOffset made && _session.TimeProvider.GetUtcNow() - made < s_new;

    private static KlingException CreatePendingException(KlingVideoTask task) => new(
        ErrorKind.TaskPending,
        string.Create(CultureInfo.InvariantCulture, $"The video of '{task.Subject}' (task {task.Id}) is not ready yet; it is still being made."))
    {
        TaskNumber = task.Id,
    };
}
