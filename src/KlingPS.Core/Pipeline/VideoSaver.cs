using System.Globalization;
using System.Text.RegularExpressions;
using KlingPS.Core.Api;
using KlingPS.Core.Downloads;
using KlingPS.Core.Imaging;
using KlingPS.Core.Ledger;
using KlingPS.Core.Sessions;

namespace KlingPS.Core.Pipeline;

/// <summary>Brings finished videos to disk.</summary>
public sealed partial class VideoSaver
{
    private readonly KlingSession _session;
    private readonly SaveOptions _options;
    private readonly IPipelineObserver? _observer;
    private readonly TaskResolver _resolver;
    private readonly KlingClient _client;
    private readonly VideoDownloader _downloader;
    private readonly DistinctNames _names = new();
    private int _lastIndex;

    /// <summary>Creates the saver.</summary>
    public VideoSaver(KlingSession session, SaveOptions options, IPipelineObserver? observer)
    {
        ArgumentNullException.ThrowIfNull(session);
        ArgumentNullException.ThrowIfNull(options);
        _session = session;
        _options = options;
        _observer = observer;
        _resolver = new TaskResolver(session, observer);
        _client = session.CreateClient(observer);
        _downloader = session.CreateDownloader(observer);
    }

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
                : new(reference, null, task.IsFailureReported ? null : TaskFaults.Of(task) ?? Pending(task));
        }
        catch (KlingException exception)
        {
            return new(reference, null, exception);
        }
    }

    private async Task<SavedVideo> SaveAsync(KlingVideoTask task, CancellationToken cancellationToken)
    {
        string name = _options.Template.Expand(new NameTemplateValues
        {
            Source = task.SourcePath ?? PathOf(task.ImageUri),
            Index = Interlocked.Increment(ref _lastIndex),
            TaskId = task.TaskId!,
            Id = task.Id,
            CreatedAt = task.CreatedAt,
            Duration = task.Duration,
        });
        if (!_options.Overwrite && await IsSavedAsync(task, NameTemplate.Combine(_options.Destination, name), cancellationToken).ConfigureAwait(false))
        {
            _names.Claim(Path.GetRelativePath(_options.Destination, task.SavedPath!).Replace(Path.DirectorySeparatorChar, '/'));
            return new SavedVideo(task.SavedPath!, task);
        }

        string target = NameTemplate.Combine(_options.Destination, _names.Claim(name));
        try
        {
            return new SavedVideo(target, await DownloadAsync(task, target, cancellationToken).ConfigureAwait(false));
        }
        catch (KlingException exception) when (exception.Kind == ErrorKind.FileExists)
        {
            // It may be this very video, which another process has saved since the task was read.
            if (await _session.Ledger.FindAsync(task.Id, cancellationToken).ConfigureAwait(false) is { } current
                && await IsSavedAsync(current, target, cancellationToken).ConfigureAwait(false))
            {
                return new SavedVideo(current.SavedPath!, current);
            }

            throw;
        }
    }

    /// <summary>Downloads the video. It is recorded before it has its name: a process that is killed between would leave a file that nobody knows.</summary>
    private async Task<KlingVideoTask> DownloadAsync(KlingVideoTask task, string target, CancellationToken cancellationToken)
    {
        using var reporter = new TransferReporter(_observer, _session.TimeProvider, Path.GetFileName(target), isUpload: false, total: null);
        KlingVideoTask saved = task;
        await _downloader.DownloadAsync(
            new DownloadRequest
            {
                Uri = ToUri(task),
                TargetPath = target,
                Identity = task.TaskId,
                Overwrite = _options.Overwrite,
                RenewLink = token => RenewAsync(task, token),
                Publishing = async hash => saved = await _session.Ledger.RecordSavedAsync(task.Id, target, hash).ConfigureAwait(false),
                Progress = reporter,
            },
            cancellationToken).ConfigureAwait(false);
        return saved;
    }

    /// <summary>Whether the task's video lies where it would be put, whole, so that nothing has to be done.</summary>
    private static async Task<bool> IsSavedAsync(KlingVideoTask task, string target, CancellationToken cancellationToken)
    {
        if (task.SavedPath is not string saved
            || !File.Exists(saved)
            || Path.GetDirectoryName(saved) != Path.GetDirectoryName(target)
            || !IsVariantOf(Path.GetFileNameWithoutExtension(saved), Path.GetFileNameWithoutExtension(target)))
        {
            return false;
        }

        return await ContentHash.Sha256Async(saved, cancellationToken).ConfigureAwait(false) == task.SavedHash;
    }

    /// <summary>Whether a name is another with, at most, the number behind it that keeps names distinct.</summary>
    private static bool IsVariantOf(string name, string stem)
        => name.StartsWith(stem, StringComparison.Ordinal) && (name.Length == stem.Length || DistinguishingNumber().IsMatch(name.AsSpan(stem.Length)));

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

    private static string? PathOf(string? uri) => Uri.TryCreate(uri, UriKind.Absolute, out Uri? parsed) ? Uri.UnescapeDataString(parsed.AbsolutePath) : null;

    private static KlingException Pending(KlingVideoTask task) => new(
        ErrorKind.TaskPending,
        string.Create(CultureInfo.InvariantCulture, $"The video of '{task.Subject}' (task {task.Id}) is not ready yet; it is still being made."));

    [GeneratedRegex(@"^-\d+$")]
    private static partial Regex DistinguishingNumber();
}
