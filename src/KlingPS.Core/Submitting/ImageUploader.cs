using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using KlingPS.Core.Api;
using KlingPS.Core.Clips;
using KlingPS.Core.Files;
using KlingPS.Core.Imaging;
using KlingPS.Core.Ledger;
using KlingPS.Core.Sessions;

namespace KlingPS.Core.Submitting;

/// <summary>An image that the service would accept.</summary>
/// <param name="Report">What the file is; <see langword="null"/> if it has not been opened, because its hash is recorded and nothing has to be bought so far.</param>
/// <param name="Hash">The SHA-256 of its content, in lower-case hex.</param>
internal sealed record IdentifiedImage(ImageReport? Report, string Hash);

/// <summary>A video or audio file of a format that the service takes.</summary>
/// <param name="Report">What the file is.</param>
/// <param name="Hash">The SHA-256 of its content, in lower-case hex.</param>
internal sealed record IdentifiedClip(ClipReport Report, string Hash);

/// <summary>An image that the service can fetch.</summary>
/// <param name="Report">What the file is.</param>
/// <param name="Upload">Where it is.</param>
/// <param name="IsReused">Whether an earlier upload of the same content is used.</param>
internal sealed record PreparedImage(ImageReport Report, UploadRecord Upload, bool IsReused);

/// <summary>Uploads local images to where the service can fetch them, each content once.</summary>
[SuppressMessage("Design", "CA1001", Justification = "A semaphore has nothing to release unless its wait handle is used.")]
internal sealed class ImageUploader
{
    /// <summary>How many files are read at the same time.</summary>
    private const int MaxReads = 8;

    /// <summary>How many uploads run at the same time; more would only share the bandwidth.</summary>
    private const int MaxUploads = 4;

    /// <summary>How long the service keeps an upload, by its current pages (older ones say three days).</summary>
    private static readonly TimeSpan s_lifetime = TimeSpan.FromHours(24);

    /// <summary>How much of it must be left for an upload to be used again: the task may wait before the service fetches the image.</summary>
    private static readonly TimeSpan s_reserve = TimeSpan.FromHours(1);

    /// <summary>How long what was uploaded may be sent to the service without looking again whether it is still there.</summary>
    public static TimeSpan SurelyThere => s_reserve;

    private readonly KlingSession _session;
    private readonly KlingClient _client;
    private readonly IPipelineObserver? _observer;
    private readonly FileHashes _hashes;
    private readonly AccountFinder _account;
    private readonly ConcurrentDictionary<string, byte> _warned = new();
    private readonly SemaphoreSlim _reads = new(MaxReads);
    private readonly SemaphoreSlim _uploads = new(MaxUploads);
    private readonly ConcurrentDictionary<string, SemaphoreSlim> _turns = new();

    /// <summary>Creates the uploader.</summary>
    public ImageUploader(KlingService service)
    {
        ArgumentNullException.ThrowIfNull(service);
        _session = service.Session;
        _observer = service.Observer;
        _client = service.Client;
        _hashes = service.Hashes;
        _account = service.Account;
    }

    /// <summary>Uploads an image, or finds an earlier upload of the same content that can still be used.</summary>
    /// <param name="path">The full path of the image.</param>
    /// <param name="force">Uploads even if there is an earlier one.</param>
    /// <param name="cancellationToken">Stops the upload.</param>
    /// <exception cref="KlingException">The file is not an image that the service takes, cannot be read, or could not be uploaded.</exception>
    public async Task<PreparedImage> UploadAsync(string path, bool force, CancellationToken cancellationToken)
        => await UploadAsync(await IdentifyAsync(path, isPresent: true, ImageInspector.MaximumLength, cancellationToken).ConfigureAwait(false), force, cancellationToken).ConfigureAwait(false);

    /// <summary>Inspects an image and identifies its content; sends nothing.</summary>
    /// <param name="path">The full path of the image.</param>
    /// <param name="isPresent">
    /// Whether its content is read even if its hash is recorded, because it will be bought or sent. Otherwise a file whose hash is
    /// recorded is not even opened, which applies to most images of a finished folder.
    /// </param>
    /// <param name="maxLength">The largest file that is taken, in bytes.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <exception cref="KlingException">The file is not an image that the service takes, or cannot be read.</exception>
    public async Task<IdentifiedImage> IdentifyAsync(string path, bool isPresent, long maxLength, CancellationToken cancellationToken)
    {
        if (!isPresent && await _hashes.FindAsync(path, cancellationToken).ConfigureAwait(false) is string recorded)
        {
            return new IdentifiedImage(null, recorded);
        }

        await _reads.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            ImageReport report = (await ImageInspector.InspectAsync(path, maxLength, cancellationToken).ConfigureAwait(false)).EnsureSupported();
            foreach (string warning in report.Warnings.Length > 0 && _warned.TryAdd(path, 0) ? report.Warnings : [])
            {
                _observer?.OnWarning($"'{path}': {warning}");
            }

            return new IdentifiedImage(report, await HashAsync(path, isPresent, cancellationToken).ConfigureAwait(false));
        }
        finally
        {
            _reads.Release();
        }
    }

    /// <summary>Inspects a video or audio file and identifies its content; sends nothing.</summary>
    /// <param name="path">The full path of the file.</param>
    /// <param name="isPresent">As for an image.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <exception cref="KlingException">The file cannot be read.</exception>
    public async Task<IdentifiedClip> IdentifyClipAsync(string path, bool isPresent, CancellationToken cancellationToken)
    {
        await _reads.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            ClipReport report = await ClipInspector.InspectAsync(path, cancellationToken).ConfigureAwait(false);
            return new IdentifiedClip(report, await HashAsync(path, isPresent, cancellationToken).ConfigureAwait(false));
        }
        finally
        {
            _reads.Release();
        }
    }

    /// <summary>Uploads a video or audio file, or finds an earlier upload of the same content that can still be used.</summary>
    /// <param name="clip">The file.</param>
    /// <param name="cancellationToken">Stops the upload.</param>
    /// <exception cref="KlingException">The file cannot be read, or could not be uploaded.</exception>
    public async Task<UploadRecord> UploadAsync(IdentifiedClip clip, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(clip);
        (UploadRecord upload, _) = await UploadAsync(
            new LocalFile(clip.Report.Path, clip.Report.Length, clip.Report.MimeType, clip.Report.Extension, clip.Hash), force: false, cancellationToken).ConfigureAwait(false);
        return upload;
    }

    /// <summary>Uploads an image that has been identified, or finds an earlier upload of the same content that can still be used.</summary>
    /// <param name="image">The image.</param>
    /// <param name="force">Uploads even if there is an earlier one.</param>
    /// <param name="cancellationToken">Stops the upload.</param>
    /// <exception cref="KlingException">The file cannot be read, or could not be uploaded.</exception>
    public async Task<PreparedImage> UploadAsync(IdentifiedImage image, bool force, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(image);
        (ImageReport? report, string hash) = image;
        ArgumentNullException.ThrowIfNull(report, nameof(image));
        (UploadRecord upload, bool isReused) = await UploadAsync(
            new LocalFile(report.Path, report.Length, report.MimeType!, Extension(report.ImageFormat), hash), force, cancellationToken).ConfigureAwait(false);
        return new PreparedImage(report, upload, isReused);
    }

    private async Task<(UploadRecord Upload, bool IsReused)> UploadAsync(LocalFile file, bool force, CancellationToken cancellationToken)
    {
        // Two files of the same content wait for each other, so that the second finds the upload of the first.
        SemaphoreSlim turn = _turns.GetOrAdd(file.Hash, static _ => new SemaphoreSlim(1));
        await turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            UploadRecord? earlier = force ? null : await _session.Ledger.Uploads.FindAsync(_session.Account, file.Hash, cancellationToken).ConfigureAwait(false);
            if (earlier is null || !await AreUsableAsync([earlier], cancellationToken).ConfigureAwait(false))
            {
                return (await SendAsync(file, cancellationToken).ConfigureAwait(false), false);
            }

            await RequireUnchangedAsync(file, cancellationToken).ConfigureAwait(false);
            return (earlier, true);
        }
        finally
        {
            turn.Release();
        }
    }

    private Task<string> HashAsync(string path, bool isPresent, CancellationToken cancellationToken)
        => isPresent ? _hashes.GetPresentAsync(path, cancellationToken) : _hashes.GetAsync(path, cancellationToken);

    /// <summary>What is sent is compared as it leaves. What was sent before has to match what the file holds now.</summary>
    /// <exception cref="KlingException"><see cref="ErrorKind.FileUnreadable"/>: it has changed since it was identified.</exception>
    private async Task RequireUnchangedAsync(LocalFile file, CancellationToken cancellationToken)
    {
        if (await _hashes.GetPresentAsync(file.Path, cancellationToken).ConfigureAwait(false) != file.Hash)
        {
            throw new KlingException(
                ErrorKind.FileUnreadable,
                $"'{file.Path}' was changed while it was in use, so it was not used. Run the command again to take it as it is now.");
        }
    }

    /// <summary>
    /// Whether the service will still have all of some uploads when it fetches the images. Uploads outlive the process and are used by every machine that
    /// shares the ledger, so their age goes by the ledger's time of day; if that was set back by more than the reserve since, the age cannot be known.
    /// </summary>
    /// <param name="uploads">The uploads.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    public async Task<bool> AreUsableAsync(IReadOnlyCollection<UploadRecord> uploads, CancellationToken cancellationToken)
    {
        DateTimeOffset now = await _session.Ledger.Tasks.ReadClockAsync(cancellationToken).ConfigureAwait(false);
        return uploads.All(upload
            => upload.UploadedAt - s_reserve <= now && now < upload.ExpiresAt - s_reserve && _session.Endpoints.Addresses.FindProblem(upload.Uri, out _) is null);
    }

    private async Task<UploadRecord> SendAsync(LocalFile file, CancellationToken cancellationToken)
    {
        await _uploads.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            // It cannot be older than that, even if the machine sleeps before it is recorded.
            DateTimeOffset begun = await _session.Ledger.Tasks.ReadClockAsync(cancellationToken).ConfigureAwait(false);
            using var reporter = new TransferReporter(_observer, _session.TimeProvider, Path.GetFileName(file.Path), isUpload: true, file.Length);
            string uri = await _client.UploadAsync(
                new UploadRequest
                {
                    Path = file.Path,
                    Open = () => SourceFile.OpenToReadOnce(file.Path),
                    FileName = file.Hash + file.Extension,
                    Sha256 = file.Hash,
                    MimeType = file.MimeType,
                    Progress = reporter,
                },
                cancellationToken).ConfigureAwait(false);
            await _account.LearnAsync(uri, cancellationToken).ConfigureAwait(false);
            var upload = new UploadRecord(_session.Account, file.Hash, uri, begun, begun + s_lifetime);
            await _session.Ledger.Uploads.RecordAsync(upload, cancellationToken).ConfigureAwait(false);
            return upload;
        }
        catch (KlingException exception) when (exception.Kind == ErrorKind.FileUnreadable)
        {
            // Its hash may come from the ledger, and would otherwise be used in every later run.
            await _hashes.RenewAsync(file.Path, cancellationToken).ConfigureAwait(false);
            throw;
        }
        finally
        {
            _uploads.Release();
        }
    }

    private static string Extension(ImageFormat format) => format switch
    {
        ImageFormat.Jpeg => ".jpg",
        ImageFormat.Png => ".png",
        _ => ".webp",
    };

    /// <summary>A file to upload.</summary>
    private sealed record LocalFile(string Path, long Length, string MimeType, string Extension, string Hash);
}
