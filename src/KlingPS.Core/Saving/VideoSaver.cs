using System.Globalization;
using KlingPS.Core.Api;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Scheduling;
using KlingPS.Core.Sessions;
using KlingPS.Core.Stages;

namespace KlingPS.Core.Saving;

/// <summary>Brings finished videos to disk.</summary>
public sealed class VideoSaver
{
    /// <summary>Downloads at the same time; more would only share the line.</summary>
    private const int MaxDownloads = 4;

    private readonly KlingSession _session;
    private readonly SaveOptions _options;
    private readonly IPipelineObserver? _observer;
    private readonly TaskFinder _resolver;
    private readonly KlingClient _client;
    private readonly VideoDownloader _downloader;
    private readonly FileHashes _hashes;
    private readonly OutputPathResolver _placer;
    private readonly PrioritySlots _slots = new(MaxDownloads);
    private int _lastIndex;

    /// <summary>Creates the saver.</summary>
    public VideoSaver(KlingService service, SaveOptions options)
    {
        ArgumentNullException.ThrowIfNull(service);
        ArgumentNullException.ThrowIfNull(options);
        _session = service.Session;
        _options = options;
        _observer = service.Observer;
        _resolver = new TaskFinder(service);
        _client = service.Client;
        _downloader = new VideoDownloader(service.Session.GetDownloadHandler(service.Observer), service.Session.TimeProvider);
        _hashes = service.Hashes;
        _placer = new OutputPathResolver(service, options);
    }

    /// <summary>Names the videos of this saver.</summary>
    internal OutputPathResolver Placer => _placer;

    /// <summary>Saves the video of a task.</summary>
    /// <param name="reference">The task.</param>
    /// <param name="cancellationToken">Stops the download; the next one continues it.</param>
    /// <returns>The video; or the error; or neither, when the task's failure has been reported already.</returns>
    public async Task<Outcome<TaskReference, SavedVideo>> SaveAsync(TaskReference reference, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(reference);
        try
        {
            KlingVideoTask task = await _resolver.ResolveAsync(reference, cancellationToken).ConfigureAwait(false);
            if (task.State.IsPending() || task is { State: KlingTaskState.Succeeded, ResultUri: null })
            {
                task = await _resolver.RefreshAsync(task, cancellationToken).ConfigureAwait(false);
            }

            return task.State == KlingTaskState.Succeeded
                ? new(reference, await SaveAsync(task, cancellationToken).ConfigureAwait(false), null)
                : new(reference, null, task.IsFailureReported ? null : TaskErrors.From(task) ?? Pending(task));
        }
        catch (KlingException exception)
        {
            return new(reference, null, exception);
        }
    }

    /// <summary>Tells the tokens of a name apart from the task.</summary>
    /// <param name="task">The task.</param>
    /// <param name="index">The place of the video in the run, from 1.</param>
    internal static NameTemplateValues ValuesOf(KlingVideoTask task, int index) => new()
    {
        Source = task.SourcePath ?? task.ImageUri,
        Index = index,
        TaskId = task.TaskId!,
        Id = task.Id,
        CreatedAt = task.CreatedAt,
        Duration = task.Duration,
        Take = task.Take,
    };

    /// <summary>Brings the video of a finished task to its place; what expires first goes first.</summary>
    /// <param name="task">The task.</param>
    /// <param name="place">Where to.</param>
    /// <param name="cancellationToken">Stops the download; the next one continues it.</param>
    /// <exception cref="KlingException">As <see cref="VideoDownloader.DownloadAsync"/>.</exception>
    internal async Task<SavedVideo> FetchAsync(KlingVideoTask task, OutputPath place, CancellationToken cancellationToken)
    {
        for (; !place.IsThere; place = await _placer.FindAnotherAsync(place, task, cancellationToken).ConfigureAwait(false))
        {
            if (await TryFetchAsync(task, place, cancellationToken).ConfigureAwait(false) is SavedVideo saved)
            {
                return saved;
            }
        }

        return new SavedVideo(place.Path, task);
    }

    /// <returns>The video; <see langword="null"/> if another process has put another task's video there meanwhile.</returns>
    private async Task<SavedVideo?> TryFetchAsync(KlingVideoTask task, OutputPath place, CancellationToken cancellationToken)
    {
        using IDisposable slot = await _slots.EnterAsync(task.ExpiresAt ?? DateTimeOffset.MaxValue, cancellationToken).ConfigureAwait(false);
        if (_options.Overwrite
            && await _session.Ledger.Tasks.FindAsync(task.Id, cancellationToken).ConfigureAwait(false) is { } now
            && await _hashes.MatchAsync(place.Path, now.SavedHash, cancellationToken).ConfigureAwait(false))
        {
            // Another image that shares the video has brought it meanwhile.
            return new SavedVideo(place.Path, now);
        }

        try
        {
            return new SavedVideo(place.Path, await DownloadAsync(task, place.Path, cancellationToken).ConfigureAwait(false));
        }
        catch (KlingException exception) when (exception.Kind == ErrorKind.FileExists)
        {
            // It may be this very video, which another process has saved since the task was read.
            KlingVideoTask? current = await _session.Ledger.Tasks.FindAsync(task.Id, cancellationToken).ConfigureAwait(false);
            if (await _hashes.MatchAsync(place.Path, current?.SavedHash, cancellationToken).ConfigureAwait(false))
            {
                return new SavedVideo(place.Path, current!);
            }

            if (!await _placer.IsOthersAsync(place.Path, task, cancellationToken).ConfigureAwait(false))
            {
                throw;
            }

            return null;
        }
    }

    private async Task<SavedVideo> SaveAsync(KlingVideoTask task, CancellationToken cancellationToken)
    {
        VideoName name = _placer.Name(ValuesOf(task, Interlocked.Increment(ref _lastIndex)));
        OutputPath place = await _placer.FindAsync(name, $"task {task.Id}", task, cancellationToken).ConfigureAwait(false);
        return await FetchAsync(task, place, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Downloads the video, or takes it from where it was saved before.</summary>
    private async Task<KlingVideoTask> DownloadAsync(KlingVideoTask task, string target, CancellationToken cancellationToken)
    {
        using var reporter = new TransferReporter(_observer, _session.TimeProvider, Path.GetFileName(target), isUpload: false, total: null);
        KlingVideoTask saved = task;
        string? sha256 = null;
        var request = new DownloadRequest
        {
            Uri = ToUri(task),
            TargetPath = target,
            Identity = task.TaskId,
            Overwrite = _options.Overwrite,

            // Not even force replaces another task's video, which is paid for as well.
            Replacing = async () =>
            {
                if (await _placer.IsOthersAsync(target, task, cancellationToken).ConfigureAwait(false))
                {
                    throw PartialFile.Exists(target);
                }
            },
            RenewLink = token => RenewAsync(task, token),

            // Recorded before it has its name: a process that is killed between would leave a file that nobody knows.
            Publishing = async hash => saved = await _session.Ledger.Tasks.RecordSavedAsync(task.Id, target, sha256 = hash).ConfigureAwait(false),
            Progress = reporter,
        };
        if (!await TryCopyAsync(task, request, cancellationToken).ConfigureAwait(false))
        {
            await _downloader.DownloadAsync(request, cancellationToken).ConfigureAwait(false);
        }

        await _hashes.RecordAsync(target, sha256!, cancellationToken).ConfigureAwait(false);
        return saved;
    }

    /// <summary>Takes the video from another place of this machine, where it still is: the service keeps it for days only.</summary>
    private async Task<bool> TryCopyAsync(KlingVideoTask task, DownloadRequest request, CancellationToken cancellationToken)
    {
        if (task is not { SavedPath: string earlier, SavedHash: string hash } || earlier == request.TargetPath)
        {
            return false;
        }

        try
        {
            if (!await _hashes.MatchAsync(earlier, hash, cancellationToken).ConfigureAwait(false))
            {
                return false;
            }

            await _downloader.CopyAsync(request, earlier, hash, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or KlingException { Kind: ErrorKind.FileUnreadable or ErrorKind.PathNotFound })
        {
            // It has gone this moment, or cannot be read: there is still the service.
            return false;
        }
    }

    /// <summary>Asks for a link that works: a renewed one, or the one the service tells now.</summary>
    private async Task<Uri?> RenewAsync(KlingVideoTask task, CancellationToken cancellationToken)
    {
        try
        {
            return await _client.GetDownloadUriAsync(ToUri(task), cancellationToken).ConfigureAwait(false);
        }
        catch (KlingApiException exception) when (exception.Fault == TransportFault.Answered)
        {
            KlingVideoTask fresh = await _resolver.RefreshAsync(task, cancellationToken).ConfigureAwait(false);
            return fresh.ResultUri != task.ResultUri ? ToUri(fresh) : null;
        }
    }

    private static Uri ToUri(KlingVideoTask task)
        => Uri.TryCreate(task.ResultUri, UriKind.Absolute, out Uri? uri)
            ? uri
            : throw new KlingException(ErrorKind.AnswerInvalid, $"The service says that task {task.Id} ('{task.Subject}') has succeeded, but names no video that could be fetched.");

    private static KlingException Pending(KlingVideoTask task) => new(
        ErrorKind.TaskPending,
        string.Create(CultureInfo.InvariantCulture, $"The video of '{task.Subject}' (task {task.Id}) is not ready yet; it is still being made."));
}
