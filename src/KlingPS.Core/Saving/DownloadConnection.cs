using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using KlingPS.Core.Api;
using KlingPS.Core.Files;
using KlingPS.Core.Model;
using KlingPS.Core.Network;
using KlingPS.Core.Resilience;
using KlingPS.Core.Sessions;

namespace KlingPS.Core.Saving;

/// <summary>How a connection ended.</summary>
internal enum ConnectionEnd
{
    /// <summary>The body came to its end, or beyond.</summary>
    Full,

    /// <summary>The body was incomplete, or nothing came; worth another attempt.</summary>
    Broken,

    /// <summary>The link no longer works.</summary>
    LinkDead,

    /// <summary>The link leads to a place that nothing is fetched from.</summary>
    LinkRefused,
}

/// <summary>How the body of a response ended.</summary>
internal enum BodyEnd
{
    /// <summary>It came to its end.</summary>
    Reached,

    /// <summary>It is longer than announced.</summary>
    TooLong,

    /// <summary>It is larger than any video.</summary>
    TooLarge,

    /// <summary>It came so slowly that another connection may be better.</summary>
    TooSlow,
}

/// <summary>The result of a connection.</summary>
/// <param name="End">How it ended.</param>
/// <param name="Problem">What was wrong, in words that complete a sentence.</param>
/// <param name="Backoff">How long to wait before the next one, if the server asked for other waits than usual.</param>
/// <param name="RetryAfter">The shortest wait that the server has asked for.</param>
/// <param name="Cause">The exception that ended it.</param>
internal sealed record ConnectionResult(
    ConnectionEnd End,
    string? Problem = null,
    Backoff? Backoff = null,
    TimeSpan? RetryAfter = null,
    Exception? Cause = null)
{
    /// <summary>Whether a link that does not work may only be too new: the hosts that have the videos can be behind the service.</summary>
    public bool MayAppear { get; init; }
}

/// <summary>Makes one connection at a time: asks for what a partial file lacks, and takes as much as comes.</summary>
/// <param name="handler">Sends the requests; must neither follow redirects nor decompress.</param>
/// <param name="addresses">Where a redirect may lead.</param>
/// <param name="options">How patient to be, and how much to take.</param>
/// <param name="time">The clock.</param>
internal sealed class DownloadConnection(HttpMessageHandler handler, AddressPolicy addresses, VideoDownloaderOptions options, TimeProvider time)
{
    private const int BufferSize = 256 * 1024;
    private const int MaxRedirects = 10;

    /// <summary>How much a message says about why a connection broke, in characters: it may quote what the server has sent.</summary>
    private const int MaxCause = 300;

    /// <summary>The download hosts refuse clients that do not look like a browser.</summary>
    private static readonly string s_userAgent = $"Mozilla/5.0 (compatible; {KlingClient.UserAgent})";

    private readonly TimeSpan _idleTimeout = options.IdleTimeout;

    /// <summary>Makes one connection.</summary>
    /// <param name="link">The link to the video.</param>
    /// <param name="file">The part of the video that is there so far.</param>
    /// <param name="progress">Told how far it has come.</param>
    /// <param name="cancellationToken">Ends the connection.</param>
    public async Task<ConnectionResult> ReceiveAsync(Uri link, PartialFile file, IProgress<TransferProgress>? progress, CancellationToken cancellationToken)
    {
        using var idle = new CancellationTokenSource(_idleTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, idle.Token);
        try
        {
            (HttpResponseMessage? answer, ConnectionResult? astray) = await SendAsync(link, file, either.Token).ConfigureAwait(false);
            if (answer is null)
            {
                return astray!;
            }

            using HttpResponseMessage response = answer;
            bool isFromStart = IsFromStart(response);
            if (Classify(response, file) is ConnectionResult refused)
            {
                return refused;
            }

            long? end = isFromStart ? file.State.Total : response.Content.Headers.ContentRange!.To + 1;
            Stream body = await response.Content.ReadAsStreamAsync(either.Token).ConfigureAwait(false);
            body = PackedBody.IsOne(response.Content.Headers) ? new PackedBody(body, [.. response.Content.Headers.ContentEncoding]) : body;
            await using (body.ConfigureAwait(false))
            {
                switch (await CopyAsync(body, file, end, idle, progress, either.Token).ConfigureAwait(false))
                {
                    case BodyEnd.TooLong:
                        return new ConnectionResult(ConnectionEnd.Full, "is longer than announced");
                    case BodyEnd.TooLarge:
                        return RefuseTooLarge(file);
                    case BodyEnd.TooSlow:
                        return new ConnectionResult(ConnectionEnd.Broken, SpeedFloor.Problem);
                }
            }

            return file.Length < (file.State.Total ?? 0)
                ? new ConnectionResult(ConnectionEnd.Broken, "the connection ended early")
                : new ConnectionResult(ConnectionEnd.Full);
        }
        catch (OperationCanceledException exception) when (!cancellationToken.IsCancellationRequested)
        {
            string waited = string.Create(CultureInfo.InvariantCulture, $"nothing came for {_idleTimeout.TotalSeconds:0.#} s");
            return new ConnectionResult(ConnectionEnd.Broken, idle.IsCancellationRequested ? waited : "the connection timed out", Cause: exception);
        }
        catch (Exception exception) when (exception.InnerException is AddressRefusedException or AddressRefusedException)
        {
            return new ConnectionResult(ConnectionEnd.LinkRefused, (exception.InnerException ?? exception).Message, Cause: exception);
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException)
        {
            return new ConnectionResult(ConnectionEnd.Broken, HttpFailure.Describe(exception) ?? $"the connection broke ({ReceivedText.Cut(exception.Message, MaxCause).TrimEnd('.')})", Cause: exception);
        }
        catch (ObjectDisposedException exception)
        {
            throw SessionErrors.CreateEndedException(exception);
        }
    }

    /// <summary>A link without its query, which may hold a signature.</summary>
    public static string Describe(Uri? link) => $"'{AddressPolicy.Describe(link)}'";

    /// <summary>Sends the request and follows redirects, each by the same rule as the link.</summary>
    /// <returns>The response, or what is wrong with the place that the link leads to.</returns>
    private async Task<(HttpResponseMessage? Response, ConnectionResult? Astray)> SendAsync(Uri link, PartialFile file, CancellationToken cancellationToken)
    {
        // Not HttpClient: that one has default headers, buffers whole responses and cuts long transfers off.
        using var http = new HttpMessageInvoker(handler, disposeHandler: false);
        for (int hop = 0; hop <= MaxRedirects; hop++)
        {
            using HttpRequestMessage request = CreateRequest(link, file);
            HttpResponseMessage response = await http.SendAsync(request, cancellationToken).ConfigureAwait(false);
            if ((int)response.StatusCode is not (301 or 302 or 303 or 307 or 308) || response.Headers.Location is not Uri location)
            {
                return (response, null);
            }

            response.Dispose();
            if (!Uri.TryCreate(link, location, out Uri? next))
            {
                return (null, new ConnectionResult(ConnectionEnd.LinkRefused, "redirects to something that is not an address"));
            }

            if (addresses.FindProblem(next) is string problem)
            {
                return (null, new ConnectionResult(ConnectionEnd.LinkRefused, $"leads on to {Describe(next)}, which {problem}"));
            }

            link = next;
        }

        return (null, new ConnectionResult(ConnectionEnd.LinkRefused, $"leads on more than {MaxRedirects} times, at last to {Describe(link)}"));
    }

    private static HttpRequestMessage CreateRequest(Uri link, PartialFile file)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, link);
        request.Options.Set(ObservedHandler.Subject, file.Subject ?? file.Target);
        request.Headers.TryAddWithoutValidation("User-Agent", s_userAgent);
        request.Headers.TryAddWithoutValidation("Accept-Encoding", "identity");
        if (file.Length > 0 && file.State.CanContinue)
        {
            request.Headers.Range = new RangeHeaderValue(file.Length, null);
            request.Headers.IfRange = file.State.EntityTag is string tag
                ? new RangeConditionHeaderValue(EntityTagHeaderValue.Parse(tag))
                : new RangeConditionHeaderValue(file.State.LastModified!.Value);
        }

        return request;
    }

    /// <summary>What is wrong with a response; <see langword="null"/> if it brings what was asked for, and the file is ready for its body.</summary>
    private ConnectionResult? Classify(HttpResponseMessage response, PartialFile file)
    {
        int status = (int)response.StatusCode;
        string answered = $"the server answered {status}";
        HttpContentHeaders headers = response.Content.Headers;
        switch (status)
        {
            case 200 or 206 when IsFromStart(response):
                file.Restart();
                if (headers.ContentLength > options.MaxLength)
                {
                    return RefuseTooLarge(file);
                }

                RequireRoom(file, headers.ContentLength);
                if (PackedBody.IsOne(headers))
                {
                    // Length and tag are those of the compressed bytes, but what is kept is decompressed.
                    file.Restart();
                }
                else
                {
                    file.Restart(StrongTag(response), StrongDate(response), headers.ContentLength ?? headers.ContentRange?.Length);
                }

                return null;

            case 206 when IsContinuation(response, file):
                RequireRoom(file, file.State.Total);
                return null;

            case 416 when file.Length > 0 && headers.ContentRange?.Length == file.Length:
                return new ConnectionResult(ConnectionEnd.Full);

            case 206 or 416:
                // What is on disk does not match what the server has.
                file.Restart();
                return new ConnectionResult(ConnectionEnd.Broken, $"{answered} with a part that does not fit");

            case 403 or 404 or 410:
                return new ConnectionResult(ConnectionEnd.LinkDead, answered) { MayAppear = status != 410 };

            case 408 or 429 or >= 500:
                var pause = RetryAfter.Read(response.Headers, time);
                string asks = pause is { IsTooLong: true } ? $" and asks for {pause.Words}, which is not waited for" : string.Empty;
                return new ConnectionResult(ConnectionEnd.Broken, answered + asks, status == 429 ? Backoff.RateLimited : Backoff.Unavailable, pause?.Pause);

            case >= 300 and < 400:
                return new ConnectionResult(ConnectionEnd.LinkRefused, $"leads nowhere: {answered}, which is a redirect, and does not say where to");

            default:
                return new ConnectionResult(ConnectionEnd.LinkRefused, $"does not work: {answered}");
        }
    }

    /// <summary>Refuses a download that the disk has no room for, before it begins.</summary>
    private void RequireRoom(PartialFile file, long? total)
    {
        if (total - file.Length is long missing && options.FindFreeSpace(file.Target) is long free && free < missing)
        {
            throw new KlingException(
                ErrorKind.DestinationUnusable,
                string.Create(CultureInfo.InvariantCulture, $"There is no room for the video '{file.Target}': {missing:N0} bytes of it are still missing, and the disk has {free:N0} bytes left."),
                FileTrouble.CreateDiskFull());
        }
    }

    /// <summary>Drops what is larger than any video. Whatever it is, another link may lead to the video.</summary>
    private ConnectionResult RefuseTooLarge(PartialFile file)
    {
        file.Restart();
        return new ConnectionResult(ConnectionEnd.LinkRefused, string.Create(CultureInfo.InvariantCulture, $"leads to more than {options.MaxLength:N0} bytes, which is larger than any video"));
    }

    /// <summary>Whether a response continues exactly where the file ends, with bytes of the same video.</summary>
    private static bool IsContinuation(HttpResponseMessage response, PartialFile file)
    {
        PartialState state = file.State;
        return file.Length > 0
            && response.Content.Headers.ContentRange is { Unit: "bytes", From: { } from, To: { } to, Length: { } total }
            && from == file.Length
            && to < total
            && total == state.Total
            && !PackedBody.IsOne(response.Content.Headers)

            // A server that follows RFC 9110, section 15.3.7, sends the tag with each part.
            && (state.EntityTag is null || response.Headers.ETag?.ToString() == state.EntityTag)
            && (state.EntityTag is not null || response.Content.Headers.LastModified is not { } date || date == state.LastModified);
    }

    /// <summary>Whether a response brings the whole file: some servers call that a part, too: the first and only one.</summary>
    private static bool IsFromStart(HttpResponseMessage response)
        => response.StatusCode == HttpStatusCode.OK
            || (response.StatusCode == HttpStatusCode.PartialContent
                && response.Content.Headers.ContentRange is { Unit: "bytes", From: 0, To: { } to, Length: { } total }
                && to == total - 1
                && (response.Content.Headers.ContentLength ?? total) == total);

    private static string? StrongTag(HttpResponseMessage response)
        => response.Headers.ETag is { IsWeak: false } tag && tag.Tag != "*" ? tag.Tag : null;

    /// <summary>A file may change twice within the second its date names, unless that second was over.</summary>
    private static DateTimeOffset? StrongDate(HttpResponseMessage response)
        => response.Content.Headers.LastModified is { } changed && response.Headers.Date - changed >= TimeSpan.FromSeconds(1) ? changed : null;

    /// <summary>Copies the body to disk, hashing one buffer while the next one fills.</summary>
    private async Task<BodyEnd> CopyAsync(
        Stream body,
        PartialFile file,
        long? end,
        CancellationTokenSource idle,
        IProgress<TransferProgress>? progress,
        CancellationToken cancellationToken)
    {
        byte[] filling = ArrayPool<byte>.Shared.Rent(BufferSize);
        byte[] hashing = ArrayPool<byte>.Shared.Rent(BufferSize);
        var speed = new SpeedFloor();
        try
        {
            while (true)
            {
                long asked = time.GetTimestamp();
                idle.CancelAfter(_idleTimeout);
                int count = await body.ReadAsync(filling.AsMemory(0, BufferSize), cancellationToken).ConfigureAwait(false);
                idle.CancelAfter(Timeout.InfiniteTimeSpan);
                bool isTooSlow = speed.Count(count, time.GetElapsedTime(asked));
                if (count == 0 || file.Length + count > end)
                {
                    return count == 0 ? BodyEnd.Reached : BodyEnd.TooLong;
                }

                if (file.Length + count > options.MaxLength)
                {
                    return BodyEnd.TooLarge;
                }

                await file.AppendAsync(filling.AsMemory(0, count)).ConfigureAwait(false);
                (filling, hashing) = (hashing, filling);
                progress?.Report(new TransferProgress(file.Length, file.State.Total));
                if (isTooSlow)
                {
                    return BodyEnd.TooSlow;
                }
            }
        }
        finally
        {
            await file.Hashing.ConfigureAwait(false);
            ArrayPool<byte>.Shared.Return(filling);
            ArrayPool<byte>.Shared.Return(hashing);
        }
    }
}
