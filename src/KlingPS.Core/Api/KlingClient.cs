using System.Globalization;
using System.Text;
using System.Text.Json;
using KlingPS.Core.Api.Wire;
using KlingPS.Core.Model;
using KlingPS.Core.Resilience;
using KlingPS.Core.Scheduling;
using KlingPS.Core.Secrets;

namespace KlingPS.Core.Api;

/// <summary>
/// The kie.ai jobs API. Reads and uploads are retried within limits; a create request is sent once and never again from here.
/// </summary>
/// <remarks>Safe for concurrent use. Owns neither the handler nor the key.</remarks>
public sealed class KlingClient
{
    /// <summary>The folder on the upload host that everything goes to.</summary>
    private const string UploadFolder = "klingps";

    /// <summary>Responses are a few kilobytes; larger ones are cut off, and invalid.</summary>
    private const int MaxResponseLength = 4 * 1024 * 1024;

    private readonly HttpMessageInvoker _http;
    private readonly KlingEndpoints _endpoints;
    private readonly ApiKey _key;
    private readonly KlingClientOptions _options;
    private readonly TimeProvider _time;
    private readonly RetryPolicy _retry;

    /// <summary>Creates a client.</summary>
    /// <param name="http">Sends the requests; must not follow redirects, or the key could travel to another host.</param>
    /// <param name="endpoints">Where the service is.</param>
    /// <param name="key">The account's key.</param>
    /// <param name="options">Timeouts, retries, gate, observer and clock.</param>
    public KlingClient(HttpMessageInvoker http, KlingEndpoints endpoints, ApiKey key, KlingClientOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(http);
        ArgumentNullException.ThrowIfNull(endpoints);
        ArgumentNullException.ThrowIfNull(key);
        _http = http;
        _endpoints = endpoints;
        _key = key;
        _options = options ?? new KlingClientOptions();
        _time = _options.TimeProvider;
        _retry = new RetryPolicy(
            new RetryOptions
            {
                Backoff = Backoff.Read,
                MaxAttempts = _options.MaxAttempts,
                OnRetry = (failure, delay) => _options.Observer?.OnRetry(failure.Message, delay),
            },
            _time);
    }

    /// <summary>The name and version this client tells the service; Cloudflare refuses requests without one.</summary>
    public static string UserAgent { get; } = $"KlingPS/{typeof(KlingClient).Assembly.GetName().Version?.ToString(3)}";

    /// <summary>Buys one video. Sends the request once.</summary>
    /// <param name="spec">The video. Its images have been uploaded.</param>
    /// <param name="cancellationToken">Takes effect only before the request has left; after that the response is awaited, because only it tells what was bought.</param>
    /// <returns>The service's id of the accepted task.</returns>
    /// <exception cref="KlingApiException">
    /// With <see cref="TransportFault.Answered"/> the service refused and nothing was bought; with <see cref="TransportFault.NotSent"/>
    /// the request never left; with <see cref="TransportFault.AnswerUnknown"/> (kind <see cref="ErrorKind.AttemptUnknown"/>) it may have been bought.
    /// </exception>
    public async Task<string> CreateTaskAsync(VideoSpec spec, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(spec);
        const string Operation = "the request for a video";
        var call = new Call(HttpMethod.Post, new Uri(_endpoints.Api, "api/v1/jobs/createTask"), Operation)
        {
            Content = () => CreateTaskBody.From(spec),
            Timeout = _options.CreateTimeout,
            IsPurchase = true,
        };
        ApiResponse response = await SendAsync(call, cancellationToken).ConfigureAwait(false);
        if (response.IsSuccess && response.Data.Text("taskId") is string taskId)
        {
            return taskId;
        }

        if (!response.IsSuccess && ResponseClassifier.FindRefusal(response, Operation) is KlingApiException refusal)
        {
            throw refusal;
        }

        if (response.IsRedirect)
        {
            string redirect = ResponseClassifier.DescribeRedirect(response, "it");
            throw CreateUnknownException($"{redirect}; that does not say whether the task was made", ResponseClassifier.ToException(response, Operation), response);
        }

        string why = response.IsSuccess
            ? "the service said yes but named no task"
            : $"what came back (HTTP {response.Status}) does not say whether the task was made";
        throw CreateUnknownException(why, cause: null, response);
    }

    /// <summary>Asks how a task stands.</summary>
    /// <param name="taskId">The service's id.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="KlingApiException">Kind <see cref="ErrorKind.TaskNotFound"/> also for a task that was accepted a moment ago: the service may need a while to know it.</exception>
    public async Task<TaskSnapshot> QueryTaskAsync(string taskId, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(taskId);
        var call = new Call(
            HttpMethod.Get,
            new Uri(_endpoints.Api, $"api/v1/jobs/recordInfo?taskId={Uri.EscapeDataString(taskId)}"),
            $"the query of task {taskId}")
        {
            Gate = _options.QueryGate,
        };
        try
        {
            // Some routes say 200 with no data for a task they do not know yet: that is a task that waits.
            ApiResponse response = await ReadAsync(call, cancellationToken).ConfigureAwait(false);
            return SnapshotReader.Read(response.Data, taskId);
        }
        catch (KlingApiException exception) when (exception.Kind == ErrorKind.TaskNotFound)
        {
            throw exception.WithMessage($"The service knows no task '{taskId}' for this key.");
        }
    }

    /// <summary>Asks for the balance, in credits; also the cheapest way to see whether a key is good.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="KlingApiException">The key is refused, or no response came that can be read.</exception>
    public async Task<decimal> GetCreditsAsync(CancellationToken cancellationToken)
    {
        const string Operation = "the query of the credits";
        var call = new Call(HttpMethod.Get, new Uri(_endpoints.Api, "api/v1/chat/credit"), Operation);
        ApiResponse response = await ReadAsync(call, cancellationToken).ConfigureAwait(false);
        return response.Data.ValueKind switch
        {
            JsonValueKind.Number when response.Data.TryGetDecimal(out decimal credits) => credits,
            JsonValueKind.String when decimal.TryParse(response.Data.Content(), NumberStyles.Float, CultureInfo.InvariantCulture, out decimal credits) => credits,
            _ => throw CreateUnreadableException(Operation, "it holds no number"),
        };
    }

    /// <summary>Uploads a file, reading it while it is sent.</summary>
    /// <param name="upload">The file.</param>
    /// <param name="cancellationToken">Stops the upload.</param>
    /// <returns>The address to use as <c>image_url</c>.</returns>
    /// <exception cref="KlingException">The file cannot be read.</exception>
    /// <exception cref="KlingApiException">The service refused, or was not reached within the limit of attempts.</exception>
    public async Task<string> UploadAsync(UploadRequest upload, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(upload);
        var fields = new Dictionary<string, string> { ["uploadPath"] = UploadFolder, ["fileName"] = upload.FileName };
        var call = new Call(HttpMethod.Post, new Uri(_endpoints.Upload, "api/file-stream-upload"), $"the upload of '{upload.Path}'")
        {
            ContentWithProgress = onSent => new FileBody(upload.Open(), upload.MimeType, fields, upload.FileName, upload.Sha256, sent =>
            {
                onSent();
                upload.Progress?.Report(sent);
            }),
        };
        ApiResponse response = await ReadAsync(call, cancellationToken).ConfigureAwait(false);
        return response.Data.Text("downloadUrl") ?? response.Data.Text("fileUrl") ?? throw CreateUnreadableException(call.Operation, "it names no address");
    }

    /// <summary>Renews the link to a file that the service hosts; the new one lives 20 minutes.</summary>
    /// <param name="uri">The old link.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="KlingApiException">Kind <see cref="ErrorKind.RequestInvalid"/> for a link that is not the service's own.</exception>
    public async Task<Uri> GetDownloadUriAsync(Uri uri, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(uri);
        const string Operation = "the request for a fresh link";
        var call = new Call(HttpMethod.Post, new Uri(_endpoints.Api, "api/v1/common/download-url"), Operation)
        {
            Content = () => JsonBody.From(new DownloadUrlBody(uri.AbsoluteUri), WireContext.Readable.DownloadUrlBody),
        };
        ApiResponse response = await ReadAsync(call, cancellationToken).ConfigureAwait(false);
        return response.Data.ValueKind == JsonValueKind.String && Uri.TryCreate(response.Data.Content(), UriKind.Absolute, out Uri? fresh)
            ? fresh
            : throw CreateUnreadableException(Operation, "it holds no link");
    }

    /// <summary>Sends a request that costs nothing until it succeeds, cannot succeed, or all attempts are used up.</summary>
    private Task<ApiResponse> ReadAsync(Call call, CancellationToken cancellationToken) => _retry.RunAsync(
        async () =>
        {
            ApiResponse response = await SendThroughGateAsync(call, cancellationToken).ConfigureAwait(false);
            return response.IsSuccess ? response : throw ResponseClassifier.ToException(response, call.Operation);
        },
        exception => (exception as KlingApiException)?.ToRetry(Backoff.Read),
        cancellationToken);

    private async Task<ApiResponse> SendThroughGateAsync(Call call, CancellationToken cancellationToken)
    {
        if (call.Gate is null)
        {
            return await SendAsync(call, cancellationToken).ConfigureAwait(false);
        }

        IAsyncDisposable lease = await call.Gate.EnterAsync(cancellationToken).ConfigureAwait(false);
        await using (lease.ConfigureAwait(false))
        {
            return await SendAsync(call, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Sends a request once. Every way it can end without a response becomes a <see cref="KlingApiException"/> that says how far it came.</summary>
    private async Task<ApiResponse> SendAsync(Call call, CancellationToken cancellationToken)
    {
        long start = _time.GetTimestamp();
        TimeSpan timeout = call.Timeout ?? _options.RequestTimeout;
        using var timeoutSource = new CancellationTokenSource(timeout, _time);

        // A purchase that is under way is not cancelled: only its response tells what was bought.
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(call.IsPurchase ? CancellationToken.None : cancellationToken, timeoutSource.Token);
        using TrackedContent? content = call.ContentWithProgress?.Invoke(() => timeoutSource.CancelAfter(timeout)) ?? call.Content?.Invoke();
        using HttpRequestMessage request = CreateRequest(call, content);
        var exchange = new Exchange();
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            return await ReceiveAsync(call, request, exchange, linked.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested && !call.IsPurchase)
        {
            exchange.Error = "cancelled";
            throw;
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or InvalidDataException or OperationCanceledException or ObjectDisposedException)
        {
            // Once the body has begun to leave, no error proves any more that nothing arrived, whatever it is called.
            bool isNotConnected = IsConnectTimeout(exception) && !timeoutSource.IsCancellationRequested;
            bool isNotSent = exchange.Status is null && (content is null ? IsConnectFailure(exception) || isNotConnected : !content.HasStarted);
            exchange.Error = isNotConnected ? "no connection was made in time" : Describe(exception, timeout);
            throw CreateLostException(call, isNotSent, exchange.Error, exception);
        }
        finally
        {
            Report(call, content, exchange, _time.GetElapsedTime(start));
        }
    }

    private HttpRequestMessage CreateRequest(Call call, TrackedContent? content)
    {
        var request = new HttpRequestMessage(call.Method, call.Uri) { Content = content };
        request.Headers.Authorization = _key.ToAuthorizationHeader();
        request.Headers.UserAgent.ParseAdd(UserAgent);
        request.Headers.Accept.ParseAdd("application/json");
        return request;
    }

    private async Task<ApiResponse> ReceiveAsync(Call call, HttpRequestMessage request, Exchange exchange, CancellationToken cancellationToken)
    {
        using HttpResponseMessage message = await _http.SendAsync(request, cancellationToken).ConfigureAwait(false);
        exchange.Status = (int)message.StatusCode;
        exchange.Body = _key.Redact(await ReadBodyAsync(message, cancellationToken).ConfigureAwait(false));
        exchange.Response = ApiResponse.Read(exchange.Status.Value, exchange.Body, RetryAfter(message)) with
        {
            From = call.Uri,
            Location = message.Headers.Location is Uri location && Uri.TryCreate(call.Uri, location, out Uri? elsewhere) ? elsewhere : null,
        };
        return exchange.Response;
    }

    private void Report(Call call, TrackedContent? content, Exchange exchange, TimeSpan elapsed)
    {
        if (_options.Observer is not IRequestObserver observer)
        {
            return;
        }

        bool wantsBodies = observer.WantsBodies;
        observer.OnRequest(new RequestReport(
            call.Method.Method,
            call.Uri,
            exchange.Status,
            exchange.Response?.EnvelopeCode,
            elapsed,
            exchange.Error,
            wantsBodies && content is JsonBody json ? json.ToString() : null,
            wantsBodies ? exchange.Body : null));
    }

    private static async Task<string> ReadBodyAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        using Stream stream = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        using var memory = new MemoryStream();
        byte[] buffer = new byte[8192];
        int read;
        while ((read = await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
        {
            memory.Write(buffer, 0, read);
            if (memory.Length > MaxResponseLength)
            {
                break;
            }
        }

        return Encoding.UTF8.GetString(memory.GetBuffer(), 0, (int)memory.Length);
    }

    private TimeSpan? RetryAfter(HttpResponseMessage response)
        => response.Headers.RetryAfter is not { } header ? null
            : header.Delta ?? (header.Date - _time.GetUtcNow());

    private static bool IsConnectFailure(Exception exception) => exception is HttpRequestException
    {
        HttpRequestError: HttpRequestError.NameResolutionError
            or HttpRequestError.ConnectionError
            or HttpRequestError.SecureConnectionError
            or HttpRequestError.ProxyTunnelError,
    };

    /// <summary>How the handler says that its own limit for connecting is over.</summary>
    private static bool IsConnectTimeout(Exception exception) => exception is OperationCanceledException { InnerException: TimeoutException };

    private static string Describe(Exception exception, TimeSpan timeout) => exception switch
    {
        OperationCanceledException => string.Create(CultureInfo.InvariantCulture, $"nothing came within {timeout.TotalSeconds:0} seconds"),
        HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError } => "the name of the host was not found",
        HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } => "the TLS connection failed (" + Innermost(exception) + ")",
        _ => Innermost(exception),
    };

    private static string Innermost(Exception exception)
    {
        while (exception.InnerException is not null)
        {
            exception = exception.InnerException;
        }

        return exception.Message.TrimEnd('.');
    }

    /// <summary>The error of a request without a response.</summary>
    private static KlingApiException CreateLostException(Call call, bool isNotSent, string error, Exception cause)
    {
        if (isNotSent)
        {
            string host = call.Uri.GetLeftPart(UriPartial.Authority);
            return new KlingApiException(ErrorKind.ServiceUnavailable, TransportFault.NotSent, $"The service at {host} was not reached: {error}.", cause)
            {
                IsTransient = true,
            };
        }

        return call.IsPurchase
            ? CreateUnknownException(error, cause)
            : new KlingApiException(ErrorKind.ServiceUnavailable, TransportFault.AnswerUnknown, $"No answer came to {call.Operation}: {error}.", cause)
            {
                IsTransient = true,
            };
    }

    private static KlingApiException CreateUnknownException(string why, Exception? cause, ApiResponse? response = null)
        => new(ErrorKind.AttemptUnknown, TransportFault.AnswerUnknown, $"The request for a video left, but its answer was lost: {why}.", cause)
        {
            Code = response?.Code,
            ServiceMessage = response?.Message,
        };

    private static KlingApiException CreateUnreadableException(string operation, string why)
        => new(ErrorKind.AnswerInvalid, TransportFault.Answered, $"The service's answer to {operation} cannot be used: {why}.");

    /// <summary>How far a request has come.</summary>
    private sealed class Exchange
    {
        public int? Status { get; set; }

        /// <summary>The body of the response, without the key.</summary>
        public string? Body { get; set; }

        public ApiResponse? Response { get; set; }

        public string? Error { get; set; }
    }

    private sealed record Call(HttpMethod Method, Uri Uri, string Operation)
    {
        /// <summary>Makes a fresh body for each attempt.</summary>
        public Func<TrackedContent>? Content { get; init; }

        /// <summary>As <see cref="Content"/>, for a body that tells when it moves on, so that only standing still counts against the timeout.</summary>
        public Func<Action, TrackedContent>? ContentWithProgress { get; init; }

        public TimeSpan? Timeout { get; init; }

        public IRateGate? Gate { get; init; }

        /// <summary>Whether the request spends credits, so that it may be paid for although no response came.</summary>
        public bool IsPurchase { get; init; }
    }
}
