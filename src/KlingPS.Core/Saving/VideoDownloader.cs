using System.Globalization;
using System.Net;
using KlingPS.Core.Network;
using KlingPS.Core.Resilience;
using KlingPS.Core.Scheduling;
using KlingPS.Core.Sessions;

namespace KlingPS.Core.Saving;

/// <summary>How patient a <see cref="VideoDownloader"/> is.</summary>
internal sealed record VideoDownloaderOptions
{
    /// <summary>Larger than any video, in bytes.</summary>
    public const long LargestVideo = 1L << 30;

    /// <summary>How long a connection may bring nothing before it counts as broken; 60 s unless set. More than zero.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How many attempts in a row may bring nothing new, or too little for <see cref="SpeedFloor"/>, before the download is given up; 5 unless set. At least 1.</summary>
    public int MaxFruitlessAttempts { get; init; } = 5;

    /// <summary>The most bytes that a video can have: 1 GiB, ten times the size of the largest, unless set.</summary>
    public long MaxLength { get; init; } = LargestVideo;

    /// <summary>Returns how many bytes are free on the disk of a path; <see langword="null"/> if that is not known.</summary>
    public Func<string, long?> FindFreeSpace { get; init; } = DiskSpace.Find;

    /// <summary>Called with the reason why an attempt did not bring the rest, and with the wait before the next one.</summary>
    public Action<string, TimeSpan>? OnRetry { get; init; }
}

/// <summary>Fills partial files with videos, over as many connections as it takes, and verifies them when they are full.</summary>
/// <remarks>
/// <para>
/// There is no way to give this class a key, and it sends no Authorization header. It follows redirects itself, so that
/// each hop follows the same rule as the link, the <see cref="AddressPolicy"/>.
/// </para>
/// <para>
/// A download is continued only if the server can be asked to send the rest of the very same bytes (<c>If-Range</c>
/// with a strong entity tag or a date that is strong by RFC 9110, section 8.8.2.2). Otherwise it starts over.
/// </para>
/// <para>Memory is constant: two pooled buffers of 256 KiB. Safe for several downloads at the same time.</para>
/// </remarks>
internal sealed class VideoDownloader
{
    /// <summary>How long to ask the service for a better link while the present one may still start working.</summary>
    private static readonly TimeSpan s_renewalLimit = TimeSpan.FromSeconds(10);

    /// <summary>How often to ask the service for a better link if those so far have brought nothing: it has two ways to give one.</summary>
    private const int MaxRenewals = 2;

    private readonly AddressPolicy _addresses;
    private readonly DownloadConnection _connection;
    private readonly VideoDownloaderOptions _options;
    private readonly TimeProvider _time;

    /// <summary>Creates the downloader.</summary>
    /// <param name="handler">
    /// Sends the requests; the caller still owns it. Must neither follow redirects nor decompress, like the one from
    /// <see cref="CreateHandler"/>.
    /// </param>
    /// <param name="addresses">What may be downloaded from.</param>
    /// <param name="time">The clock for timeouts and waits.</param>
    /// <param name="options">How patient to be; the defaults if null.</param>
    public VideoDownloader(HttpMessageHandler handler, AddressPolicy addresses, TimeProvider time, VideoDownloaderOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(handler);
        ArgumentNullException.ThrowIfNull(addresses);
        ArgumentNullException.ThrowIfNull(time);
        options ??= new VideoDownloaderOptions();
        _addresses = addresses;
        _options = options;
        _time = time;
        _connection = new DownloadConnection(handler, addresses, options, time);
    }

    /// <summary>A handler that meets this class's needs: no redirects, no cookies, no decompression, and no connection to places that a name should not lead to.</summary>
    /// <param name="addresses">What may be connected to.</param>
    /// <param name="proxy">The proxy; the system's if null.</param>
    public static SocketsHttpHandler CreateHandler(AddressPolicy addresses, IWebProxy? proxy = null) => new()
    {
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.None,
        ConnectCallback = new Connector(addresses, TimeProvider.System).ConnectAsync,

        // Covers TLS and a proxy's tunnel as well; the connector's own limit leaves time for them.
        ConnectTimeout = Connector.Limit * 2,
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        Proxy = proxy,
        UseCookies = false,
    };

    /// <summary>Downloads a video, continuing where an earlier run stopped.</summary>
    /// <param name="file">Receives the video, and is complete afterwards.</param>
    /// <param name="link">The link to the video.</param>
    /// <param name="renewLink">
    /// Asks for a fresh link when the present one answers 403, 404 or 410, leads astray, brings nothing, or brings something that is not a video; null,
    /// or a null answer, if there is none. Asked twice, and again only after a fresh link has advanced the download. What it throws
    /// ends the download, unless the present link may still start working.
    /// </param>
    /// <param name="progress">Told how far the download has come, on any thread.</param>
    /// <param name="turn">The slot of the download, which it already has; given up while it waits for its next attempt.</param>
    /// <param name="isNew">Whether the video was made a moment ago, so that a link which answers 403 or 404 is tried again.</param>
    /// <param name="cancellationToken">Stops the download; what is there stays, and the next run continues.</param>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.DestinationUnusable"/>: the file cannot be written, or the disk has no room for it.
    /// <see cref="ErrorKind.LinkExpired"/>: the link answers 403, 404 or 410 and no fresh one helps; where the video is new, for a while.
    /// <see cref="ErrorKind.ServiceUnavailable"/>: the connection broke too often; the next run continues.
    /// <see cref="ErrorKind.AnswerInvalid"/>: the link leads to a place that nothing is fetched from, or the server answered with something other
    /// than a file, or with more than any video has.
    /// <see cref="ErrorKind.DownloadIncomplete"/>: twice, what the server sent was not a complete video.
    /// <see cref="ErrorKind.ApiKeyMissing"/>: the session has ended; the next run continues.
    /// </exception>
    /// <exception cref="OperationCanceledException">The download was stopped.</exception>
    public Task DownloadAsync(
        PartialFile file,
        Uri link,
        Func<CancellationToken, Task<Uri?>>? renewLink,
        IProgress<TransferProgress>? progress,
        DownloadTurn? turn,
        Func<bool> isNew,
        CancellationToken cancellationToken)
    {
        var download = new Download(_connection, _addresses, file, link, renewLink, isNew, progress, _time);
        var attempts = new RetryOptions
        {
            Backoff = Backoff.Read,
            MaxAttempts = _options.MaxFruitlessAttempts,

            // After an attempt that brought nothing, the wait is longer than after one that was cut off.
            FirstStep = 2,
            OnRetry = (_, delay) =>
            {
                turn?.Leave();
                _options.OnRetry?.Invoke($"The video for '{file.Target}' is not whole yet: {download.Problem}.", delay);
            },
        };
        return new RetryPolicy(attempts, _time).RunAsync<bool>(
            async _ =>
            {
                await (turn?.EnterAgainAsync(cancellationToken) ?? Task.CompletedTask).ConfigureAwait(false);
                return await download.ContinueAsync(cancellationToken).ConfigureAwait(false);
            },
            cancellationToken);
    }

    /// <summary>One download, and what its attempts know about each other.</summary>
    private sealed class Download(
        DownloadConnection connection,
        AddressPolicy addresses,
        PartialFile file,
        Uri link,
        Func<CancellationToken, Task<Uri?>>? renewLink,
        Func<bool> isNew,
        IProgress<TransferProgress>? progress,
        TimeProvider time)
    {
        private long _furthest = file.Length;
        private (long Length, Instant At) _counted = (file.Length, Instant.Now(time));
        private readonly HashSet<Uri> _dead = [];
        private int _renewals;
        private bool _wasUnsound;

        /// <summary>Why the latest attempt did not bring the rest, as a clause.</summary>
        public string? Problem { get; private set; }

        /// <summary>Makes one attempt to get the rest.</summary>
        public async Task<Attempt<bool>> ContinueAsync(CancellationToken cancellationToken)
        {
            bool hasProgressed = false;
            ConnectionResult result;
            while (true)
            {
                result = file.IsFull ? new ConnectionResult(ConnectionEnd.Full)
                    : addresses.FindProblem(link) is string wrong ? new ConnectionResult(ConnectionEnd.LinkRefused, wrong)
                    : await connection.ReceiveAsync(link, file, progress, cancellationToken).ConfigureAwait(false);
                cancellationToken.ThrowIfCancellationRequested();
                if (file.Length > _furthest)
                {
                    _furthest = file.Length;
                    _renewals = 0;
                    _dead.Clear();
                    hasProgressed = CountProgress();
                }

                if (result.End is not (ConnectionEnd.LinkDead or ConnectionEnd.LinkRefused))
                {
                    break;
                }

                if (await FindFreshAsync(cancellationToken).ConfigureAwait(false) is Uri fresh)
                {
                    link = fresh;
                    continue;
                }

                if (!result.MayAppear || !isNew())
                {
                    throw CreateDeadException(result);
                }

                Problem = result.Problem;
                return new Retry(CreateNotThereException(result), HasProgressed: hasProgressed);
            }

            if (result.End == ConnectionEnd.Full)
            {
                string? problem = result.Problem ?? file.FindProblem();
                if (problem is null)
                {
                    return true;
                }

                Discard(problem);
                result = new ConnectionResult(ConnectionEnd.Broken, $"the file {problem}");
                await TryRenewAsync(cancellationToken).ConfigureAwait(false);
            }
            else if (!hasProgressed)
            {
                await TryRenewAsync(cancellationToken).ConfigureAwait(false);
            }

            Problem = result.Problem;
            var error = new KlingException(ErrorKind.ServiceUnavailable, DescribeFailure(result), result.Cause)
            {
                Advice = "Check the network. The video is paid for, and the service keeps it for at least a day: nothing is bought when the same command is run again, or Get-KlingVideoTask -Unsaved | Save-KlingVideo.",
            };
            return new Retry(error, result.Backoff, result.RetryAfter, hasProgressed);
        }

        /// <summary>Whether the file has grown fast enough since this was last the case: with a few bytes in each attempt, a download would never end.</summary>
        private bool CountProgress()
        {
            var now = Instant.Now(time);
            if (SpeedFloor.IsBelow(file.Length - _counted.Length, now - _counted.At))
            {
                return false;
            }

            _counted = (file.Length, now);
            return true;
        }

        /// <summary>Asks whether there is a better link than one that brings nothing. If that cannot be found out soon, the present one is tried again.</summary>
        private async Task TryRenewAsync(CancellationToken cancellationToken)
        {
            if (_renewals >= MaxRenewals || renewLink is null)
            {
                return;
            }

            _renewals++;
            using var limit = new CancellationTokenSource(s_renewalLimit, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
            try
            {
                link = await renewLink(either.Token).ConfigureAwait(false) ?? link;
            }
            catch (Exception exception) when (exception is KlingException || (exception is OperationCanceledException && limit.IsCancellationRequested))
            {
                cancellationToken.ThrowIfCancellationRequested();
            }
        }

        /// <summary>A link that has not been found dead yet, if there is one.</summary>
        private async Task<Uri?> FindFreshAsync(CancellationToken cancellationToken)
        {
            _dead.Add(link);
            Uri? fresh = _renewals >= MaxRenewals || renewLink is null ? null : await renewLink(cancellationToken).ConfigureAwait(false);
            _renewals++;
            return fresh is not null && !_dead.Contains(fresh) ? fresh : null;
        }

        private KlingException CreateDeadException(ConnectionResult result)
        {
            string what = $"The link {DownloadConnection.Describe(link)} to the video for '{file.Target}'";
            return result.End == ConnectionEnd.LinkRefused
                ? new KlingException(
                    ErrorKind.AnswerInvalid,
                    $"{what} {result.Problem}. Nothing is downloaded from there. The video is paid for and stays at the service for at least a day; the next run asks for its link again.",
                    result.Cause)
                : new KlingException(ErrorKind.LinkExpired, $"{what} no longer works: {result.Problem}. The service keeps videos for a limited time only.");
        }

        private KlingException CreateNotThereException(ConnectionResult result) => new(
            ErrorKind.LinkExpired,
            $"The video for '{file.Target}' was made a moment ago, and its link {DownloadConnection.Describe(link)} does not work yet: {result.Problem}. It is paid for; the next run fetches it.")
        {
            Advice = "Run the command again in a few minutes: nothing is bought again.",
        };

        /// <summary>Drops anything that is not a whole video; the second time, that is simply what the server has.</summary>
        private void Discard(string problem)
        {
            file.Restart();
            if (_wasUnsound)
            {
                throw new KlingException(
                    ErrorKind.DownloadIncomplete,
                    $"What the service sent for '{file.Target}' was not a whole video, twice: the file {problem}. None of it was kept. "
                    + $"It came from {DownloadConnection.Describe(link)}.");
            }

            _wasUnsound = true;
        }

        private string DescribeFailure(ConnectionResult result)
        {
            string kept = "Run the command again later.";
            if (file.Length > 0 && file.State.CanContinue)
            {
                string total = file.State.Total?.ToString("N0", CultureInfo.InvariantCulture) ?? "an unknown number of";
                kept = string.Create(
                    CultureInfo.InvariantCulture,
                    $"{file.Length:N0} of {total} bytes are there already; run the command again to get the rest.");
            }

            return $"The video for '{file.Target}' could not be downloaded: {result.Problem}. {kept}";
        }
    }
}
