using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using KlingPS.Core.Api;
using KlingPS.Core.Resilience;
using KlingPS.Core.Sessions;

namespace KlingPS.Core.Saving;

/// <summary>
/// Downloads videos so that the target name never holds half of one: into a partial file beside the target, which
/// survives broken connections and killed processes, is verified when full, and only then gets its name.
/// </summary>
/// <remarks>
/// <para>
/// There is no way to give this class a key, and it sends no Authorization header. It follows redirects itself, so that
/// each hop is held to the same rule as the link: https, or http to a loopback address.
/// </para>
/// <para>
/// A download is continued only if the server can be asked to send the rest of the very same bytes (<c>If-Range</c>
/// with a strong entity tag or a date that is strong by RFC 9110, section 8.8.2.2). Otherwise it starts over.
/// </para>
/// <para>Memory is constant: two pooled buffers of 128 KiB. Safe for several downloads at the same time.</para>
/// </remarks>
public sealed class VideoDownloader
{
    private const int BufferSize = 128 * 1024;
    private const int MaxRedirects = 10;

    /// <summary>How long between two looks whether another download of the same name is over.</summary>
    private static readonly TimeSpan s_busyPause = TimeSpan.FromSeconds(0.5);

    /// <summary>The download hosts turn away what does not look like a browser.</summary>
    private static readonly string s_userAgent = $"Mozilla/5.0 (compatible; {KlingClient.UserAgent})";

    private readonly HttpMessageHandler _handler;
    private readonly TimeProvider _time;
    private readonly VideoDownloaderOptions _options;

    /// <summary>Creates the downloader.</summary>
    /// <param name="handler">
    /// What sends the requests; stays the caller's. Must neither follow redirects nor decompress, as the one from
    /// <see cref="CreateHandler"/>.
    /// </param>
    /// <param name="time">The clock for timeouts and waits.</param>
    /// <param name="options">How patient to be; the defaults if null.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is outside its range.</exception>
    public VideoDownloader(HttpMessageHandler handler, TimeProvider time, VideoDownloaderOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(handler);
        ArgumentNullException.ThrowIfNull(time);
        _options = options ?? new VideoDownloaderOptions();
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(_options.IdleTimeout, TimeSpan.Zero, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.MaxFruitlessAttempts, 1, nameof(options));
        _handler = handler;
        _time = time;
    }

    /// <summary>A handler as this class needs it: no redirects, no cookies, no decompression.</summary>
    /// <param name="proxy">The proxy; the system's if null.</param>
    public static SocketsHttpHandler CreateHandler(IWebProxy? proxy = null) => new()
    {
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.None,
        ConnectTimeout = TimeSpan.FromSeconds(30),
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        Proxy = proxy,
        UseCookies = false,
    };

    /// <summary>Downloads a video, continuing where an earlier run stopped.</summary>
    /// <param name="request">Which video, and where to.</param>
    /// <param name="cancellationToken">Stops the download; what is there stays and the next run continues.</param>
    /// <returns>The video, whole on disk.</returns>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.FileExists"/>: the target exists and may not be overwritten.
    /// <see cref="ErrorKind.DestinationUnusable"/>: the target cannot be written.
    /// <see cref="ErrorKind.RequestInvalid"/>: the link is not https.
    /// <see cref="ErrorKind.LinkExpired"/>: the link answers 403, 404 or 410 and no fresh one helps.
    /// <see cref="ErrorKind.ServiceUnavailable"/>: the connection broke too often; the next run continues.
    /// <see cref="ErrorKind.AnswerInvalid"/>: the server answered with something other than a file.
    /// <see cref="ErrorKind.DownloadIncomplete"/>: what the server sends is not a whole video, twice.
    /// <see cref="ErrorKind.ApiKeyMissing"/>: the session has ended meanwhile; the next run continues.
    /// </exception>
    /// <exception cref="OperationCanceledException">The download was stopped.</exception>
    public async Task<DownloadedVideo> DownloadAsync(DownloadRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        RequireFullPath(request);
        string target = request.TargetPath;
        Uri link = request.Uri;
        if (!KlingEndpoints.IsSafe(link))
        {
            throw new KlingException(ErrorKind.RequestInvalid, $"The link {Describe(link)} is not https, so the video is not downloaded from it.");
        }

        using PartialFile partial = await OpenAsync(request, cancellationToken).ConfigureAwait(false);
        long furthest = partial.Length;
        bool renewed = false;
        bool unsound = false;
        int fruitless = 0;
        while (true)
        {
            Attempt attempt = partial.IsFull
                ? new Attempt(Outcome.Full)
                : await TryAsync(link, partial, request.Progress, cancellationToken).ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
            fruitless++;
            if (partial.Length > furthest)
            {
                furthest = partial.Length;
                fruitless = 0;
                renewed = false;
            }

            if (attempt.Outcome == Outcome.Full)
            {
                string? problem = attempt.Problem ?? partial.FindProblem();
                if (problem is null)
                {
                    long length = partial.Length;
                    string sha256 = await PublishAsync(request, partial).ConfigureAwait(false);
                    return new DownloadedVideo(target, length, sha256);
                }

                partial.Restart();
                if (unsound)
                {
                    throw new KlingException(
                        ErrorKind.DownloadIncomplete,
                        $"The video for '{target}' was downloaded twice and is no whole video: the file {problem}. Nothing was kept. Ask for the task again later, or open {Describe(link)} in a browser.");
                }

                unsound = true;
                attempt = new Attempt(Outcome.Broken, $"the file {problem}");
            }
            else if (attempt.Outcome == Outcome.LinkDead && !renewed)
            {
                link = await RenewAsync(request, attempt, link, cancellationToken).ConfigureAwait(false);
                renewed = true;
                continue;
            }
            else if (attempt.Outcome == Outcome.LinkDead)
            {
                throw Expired(target, attempt, link);
            }

            if (fruitless >= _options.MaxFruitlessAttempts)
            {
                throw new KlingException(ErrorKind.ServiceUnavailable, GaveUp(target, attempt, partial), attempt.Cause);
            }

            await Task.Delay((attempt.Backoff ?? Backoff.Read).Next(fruitless + 1, attempt.RetryAfter), _time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Takes a video from another file of this machine instead of downloading it, with the same care for the target.</summary>
    /// <param name="request">Where to; its link is not used.</param>
    /// <param name="source">The full path of a whole video.</param>
    /// <param name="sha256">The SHA-256 it must have, in lower-case hex.</param>
    /// <param name="cancellationToken">Stops the copying.</param>
    /// <exception cref="KlingException">As <see cref="DownloadAsync"/>.</exception>
    /// <exception cref="IOException">The source cannot be read, or has other content.</exception>
    public async Task CopyAsync(DownloadRequest request, string source, string sha256, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        RequireFullPath(request);
        using PartialFile partial = await OpenAsync(request, cancellationToken).ConfigureAwait(false);
        var file = new FileStream(source, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.Asynchronous | FileOptions.SequentialScan);
        await using (file.ConfigureAwait(false))
        {
            partial.Restart();
            byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
            try
            {
                for (int read; (read = await file.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0;)
                {
                    partial.Append(buffer.AsSpan(0, read));
                }
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }

        if (partial.Seal() != sha256)
        {
            partial.Restart();
            throw new IOException($"'{source}' has changed.");
        }

        await PublishAsync(request, partial).ConfigureAwait(false);
    }

    /// <summary>Has the partial file to itself, as soon as no other download of the same name has it.</summary>
    private async Task<PartialFile> OpenAsync(DownloadRequest request, CancellationToken cancellationToken)
    {
        while (true)
        {
            await RequireFreeAsync(request).ConfigureAwait(false);
            if (await PartialFile.OpenAsync(request.TargetPath, request.Identity ?? request.Uri.AbsoluteUri, cancellationToken).ConfigureAwait(false) is { } partial)
            {
                try
                {
                    // Once more: another download may have finished before this one had the partial file to itself.
                    await RequireFreeAsync(request).ConfigureAwait(false);
                    return partial;
                }
                catch
                {
                    partial.Dispose();
                    throw;
                }
            }

            await Task.Delay(s_busyPause, _time, cancellationToken).ConfigureAwait(false);
        }
    }

    private static async Task<string> PublishAsync(DownloadRequest request, PartialFile partial)
    {
        string sha256 = partial.Seal();
        await RequireFreeAsync(request).ConfigureAwait(false);
        if (request.Publishing is not null)
        {
            await request.Publishing(sha256).ConfigureAwait(false);
        }

        partial.Publish(request.Overwrite);
        return sha256;
    }

    private static void RequireFullPath(DownloadRequest request)
    {
        if (!Path.IsPathFullyQualified(request.TargetPath))
        {
            throw new ArgumentException("The target must be a full path.", nameof(request));
        }
    }

    private static async Task<Uri> RenewAsync(DownloadRequest request, Attempt attempt, Uri link, CancellationToken cancellationToken)
    {
        Uri? fresh = request.RenewLink is null ? null : await request.RenewLink(cancellationToken).ConfigureAwait(false);
        return fresh is not null && KlingEndpoints.IsSafe(fresh) ? fresh : throw Expired(request.TargetPath, attempt, link);
    }

    private static async Task RequireFreeAsync(DownloadRequest request)
    {
        if (File.Exists(request.TargetPath))
        {
            await (request.Overwrite ? request.Replacing?.Invoke() ?? Task.CompletedTask : throw PartialFile.Exists(request.TargetPath)).ConfigureAwait(false);
        }
    }

    private static KlingException Expired(string target, Attempt attempt, Uri link) =>
        new(ErrorKind.LinkExpired, $"The link {Describe(link)} to the video for '{target}' no longer works: {attempt.Problem}. The service keeps videos for a limited time only.");

    private static string GaveUp(string target, Attempt attempt, PartialFile partial)
    {
        string kept = partial.Length == 0 || !partial.State.CanContinue
            ? "Run the command again later."
            : string.Create(
                CultureInfo.InvariantCulture,
                $"{partial.Length:N0} of {(partial.State.Total is { } total ? $"{total:N0}" : "an unknown number of")} bytes are there already; run the command again to get the rest.");
        return $"The video for '{target}' could not be downloaded: {attempt.Problem}. {kept}";
    }

    /// <summary>One connection: asks for what is missing and takes as much as comes.</summary>
    private async Task<Attempt> TryAsync(Uri link, PartialFile partial, IProgress<TransferProgress>? progress, CancellationToken cancellationToken)
    {
        using var idle = new CancellationTokenSource(_options.IdleTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, idle.Token);
        try
        {
            using HttpResponseMessage response = await SendAsync(link, partial, either.Token).ConfigureAwait(false);
            bool fromStart = response.StatusCode == HttpStatusCode.OK;
            if (Judge(response, partial) is { } refused)
            {
                return refused;
            }

            long? end = fromStart ? partial.State.Total : response.Content.Headers.ContentRange!.To + 1;
            Stream body = await response.Content.ReadAsStreamAsync(either.Token).ConfigureAwait(false);
            await using (body.ConfigureAwait(false))
            {
                bool fits = await CopyAsync(body, partial, end, idle, progress, either.Token).ConfigureAwait(false);
                return fits
                    ? partial.Length < (partial.State.Total ?? 0)
                        ? new Attempt(Outcome.Broken, "the connection ended early")
                        : new Attempt(Outcome.Full)
                    : new Attempt(Outcome.Full, "is longer than announced");
            }
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            string waited = string.Create(CultureInfo.InvariantCulture, $"nothing came for {_options.IdleTimeout.TotalSeconds:0.#} s");
            return new Attempt(Outcome.Broken, idle.IsCancellationRequested ? waited : "the connection timed out", Cause: e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            return new Attempt(Outcome.Broken, $"the connection broke ({e.Message.TrimEnd('.')})", Cause: e);
        }
        catch (ObjectDisposedException e)
        {
            throw SessionErrors.CreateEndedException(e);
        }
    }

    private async Task<HttpResponseMessage> SendAsync(Uri link, PartialFile partial, CancellationToken cancellationToken)
    {
        // Not HttpClient: that one has default headers, buffers whole answers and cuts long transfers off.
        using var http = new HttpMessageInvoker(_handler, disposeHandler: false);
        for (int hop = 0; hop <= MaxRedirects; hop++)
        {
            using var message = new HttpRequestMessage(HttpMethod.Get, link);
            message.Headers.TryAddWithoutValidation("User-Agent", s_userAgent);
            message.Headers.TryAddWithoutValidation("Accept-Encoding", "identity");
            if (partial.Length > 0 && partial.State.CanContinue)
            {
                message.Headers.Range = new RangeHeaderValue(partial.Length, null);
                message.Headers.IfRange = partial.State.EntityTag is { } tag
                    ? new RangeConditionHeaderValue(EntityTagHeaderValue.Parse(tag))
                    : new RangeConditionHeaderValue(partial.State.LastModified!.Value);
            }

            HttpResponseMessage response = await http.SendAsync(message, cancellationToken).ConfigureAwait(false);
            if ((int)response.StatusCode is not (301 or 302 or 303 or 307 or 308) || response.Headers.Location is not { } location)
            {
                return response;
            }

            response.Dispose();
            Uri next = new(link, location);
            if (!KlingEndpoints.IsSafe(next))
            {
                throw new KlingException(ErrorKind.AnswerInvalid, $"The link {Describe(link)} leads on to {Describe(next)}, which is not https. The video is not downloaded from there.");
            }

            link = next;
        }

        throw new KlingException(ErrorKind.AnswerInvalid, $"The link leads on more than {MaxRedirects} times, at last to {Describe(link)}. The video is not downloaded.");
    }

    /// <summary>Whether the answer brings what was asked for; if so the partial file is ready for its body.</summary>
    private Attempt? Judge(HttpResponseMessage response, PartialFile partial)
    {
        int status = (int)response.StatusCode;
        string answered = $"the server answered {status}";
        HttpContentHeaders headers = response.Content.Headers;
        switch (status)
        {
            case 200:
                partial.Restart(StrongTag(response), StrongDate(response), headers.ContentLength);
                return null;

            case 206 when Continues(response, partial):
                return null;

            case 416 when partial.Length > 0 && headers.ContentRange?.Length == partial.Length:
                return new Attempt(Outcome.Full);

            case 206 or 416:
                // What is on disk and what the server has do not fit together.
                partial.Restart();
                return new Attempt(Outcome.Broken, $"{answered} with a part that does not fit");

            case 403 or 404 or 410:
                return new Attempt(Outcome.LinkDead, answered);

            case 408 or 429 or >= 500:
                TimeSpan? retryAfter = response.Headers.RetryAfter?.Delta ?? (response.Headers.RetryAfter?.Date - _time.GetUtcNow());
                return new Attempt(Outcome.Broken, answered, status == 429 ? Backoff.RateLimited : Backoff.Unavailable, retryAfter);

            case >= 300 and < 400:
                throw new KlingException(ErrorKind.AnswerInvalid, $"The video cannot be downloaded from {Describe(response.RequestMessage?.RequestUri)}: {answered}, a redirect that leads nowhere. The video is paid for and stays at the service for at least a day.");

            default:
                throw new KlingException(ErrorKind.AnswerInvalid, $"The video cannot be downloaded from {Describe(response.RequestMessage?.RequestUri)}: {answered}.");
        }
    }

    private static bool Continues(HttpResponseMessage response, PartialFile partial)
    {
        PartialState state = partial.State;
        return partial.Length > 0
            && response.Content.Headers.ContentRange is { Unit: "bytes", From: { } from, To: { } to, Length: { } total }
            && from == partial.Length
            && to < total
            && total == state.Total
            && (state.EntityTag is null || response.Headers.ETag is not { } tag || tag.ToString() == state.EntityTag)
            && (state.EntityTag is not null || response.Content.Headers.LastModified is not { } date || date == state.LastModified);
    }

    private static string? StrongTag(HttpResponseMessage response) =>
        response.Headers.ETag is { IsWeak: false } tag && tag.Tag != "*" ? tag.Tag : null;

    /// <summary>A file may change twice within the second its date names, unless that second was over.</summary>
    private static DateTimeOffset? StrongDate(HttpResponseMessage response) =>
        response.Content.Headers.LastModified is { } changed && response.Headers.Date - changed >= TimeSpan.FromSeconds(1) ? changed : null;

    /// <summary>Copies the body to disk, hashing and writing one buffer while the next one fills. False if there is more of it than announced.</summary>
    private async Task<bool> CopyAsync(
        Stream body,
        PartialFile partial,
        long? end,
        CancellationTokenSource idle,
        IProgress<TransferProgress>? progress,
        CancellationToken cancellationToken)
    {
        byte[] filling = ArrayPool<byte>.Shared.Rent(BufferSize);
        byte[] writing = ArrayPool<byte>.Shared.Rent(BufferSize);
        Task write = Task.CompletedTask;
        try
        {
            while (true)
            {
                idle.CancelAfter(_options.IdleTimeout);
                int count = await body.ReadAsync(filling.AsMemory(0, BufferSize), cancellationToken).ConfigureAwait(false);
                idle.CancelAfter(Timeout.InfiniteTimeSpan);

                await write.ConfigureAwait(false);
                progress?.Report(new TransferProgress(partial.Length, partial.State.Total));
                if (count == 0 || partial.Length + count > end)
                {
                    return count == 0;
                }

                (filling, writing) = (writing, filling);
                byte[] full = writing;
                write = Task.Run(() => partial.Append(full.AsSpan(0, count)), CancellationToken.None);
            }
        }
        finally
        {
            // What has come stays, whatever ends the copying.
            await write.ConfigureAwait(false);
            ArrayPool<byte>.Shared.Return(filling);
            ArrayPool<byte>.Shared.Return(writing);
        }
    }

    /// <summary>A link without its query, which may hold a signature.</summary>
    private static string Describe(Uri? link) => link is { IsAbsoluteUri: true } ? $"'{link.GetLeftPart(UriPartial.Path)}'" : $"'{link}'";

    private enum Outcome
    {
        /// <summary>The body came to its end, or further.</summary>
        Full,

        /// <summary>Less came than there is, or nothing; worth another attempt.</summary>
        Broken,

        /// <summary>The link is no longer good for anything.</summary>
        LinkDead,
    }

    /// <summary>How a connection went.</summary>
    private sealed record Attempt(
        Outcome Outcome,
        string? Problem = null,
        Backoff? Backoff = null,
        TimeSpan? RetryAfter = null,
        Exception? Cause = null);
}
