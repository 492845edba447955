using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using KlingPS.Core.Api.Wire;
using KlingPS.Core.Model;
using KlingPS.Core.Resilience;
using KlingPS.Core.Scheduling;
using KlingPS.Core.Secrets;

namespace KlingPS.Core.Api;

/// <summary>A request to the service.</summary>
/// <param name="Method">The HTTP method.</param>
/// <param name="Uri">The address.</param>
/// <param name="Operation">What is asked for, in words that complete a sentence.</param>
internal sealed record ApiCall(HttpMethod Method, Uri Uri, string Operation)
{
    /// <summary>Makes a fresh body for each attempt.</summary>
    public Func<TrackedContent>? Content { get; init; }

    /// <summary>Like <see cref="Content"/>, for a body that reports its progress, so that only standing still counts against the timeout.</summary>
    public Func<Action, TrackedContent>? ContentWithProgress { get; init; }

    /// <summary>How long it may go unanswered; as the client's options say if <see langword="null"/>.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>See <see cref="RequestReport.Subject"/>.</summary>
    public string? Subject { get; init; }

    /// <summary>Passes the gate before each attempt.</summary>
    public IRateGate? Gate { get; init; }

    /// <summary>Whether what it asks for, such as a task, may be missing: code 404 then says so; otherwise it is about the address.</summary>
    public bool MayBeMissing { get; init; }

    /// <summary>Whether the request spends credits, so that it may have been paid for although no response came.</summary>
    public bool IsPurchase { get; init; }
}

/// <summary>Sends requests with the key, and reports how far a request without a response got.</summary>
/// <param name="http">Sends the requests; must not follow redirects.</param>
/// <param name="key">The account's key.</param>
/// <param name="options">Timeouts, observer and clock.</param>
internal sealed class ApiTransport(HttpMessageInvoker http, ApiKey key, KlingClientOptions options)
{
    /// <summary>Responses are a few kilobytes. Anything beyond this, counted after decompression, is not read, and the response is invalid.</summary>
    private const int MaxResponseLength = 8 * 1024 * 1024;

    /// <summary>How much of a longer response is shown with -Debug, in bytes.</summary>
    private const int KeptOfTooLong = 64 * 1024;

    /// <summary>How much of a response is reported, in characters.</summary>
    private const int MaxReported = 64 * 1024;

    private readonly TimeProvider _time = options.TimeProvider;

    /// <summary>
    /// Sends a request once. Every way it can end without a response becomes a <see cref="KlingApiException"/> that says how far it got; for a
    /// purchase, a response that breaks off is returned as far as it came.
    /// </summary>
    [SuppressMessage("Design", "CA1031", Justification = "Whatever a handler, a decoder or a decompressor throws means that there is no response.")]
    public async Task<ApiResponse> SendAsync(ApiCall call, CancellationToken cancellationToken)
    {
        long start = _time.GetTimestamp();
        TimeSpan timeout = call.Timeout ?? options.RequestTimeout;
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
        catch (Exception exception) when (exception is not KlingException)
        {
            // Once the body has begun to leave, no error proves any more that nothing arrived, whatever it is called.
            bool isNotConnected = IsConnectTimeout(exception) && !timeoutSource.IsCancellationRequested;
            bool isNotSent = exchange.Status is null && (content is null ? IsConnectFailure(exception) || isNotConnected : !content.HasStarted);
            exchange.Error = isNotConnected ? "no connection was made in time" : key.Redact(Describe(exception, timeout, exchange));

            // It is not known either whether an unforeseen error will pass.
            bool mayPass = exception is HttpRequestException or IOException or InvalidDataException or OperationCanceledException or ObjectDisposedException;
            KlingApiException loss = CreateLostException(call, isNotSent, mayPass, exchange.Error, HasKey(exception) ? null : exception);
            return exchange.Part is ApiResponse part ? part with { Loss = loss } : throw loss;
        }
        finally
        {
            Report(call, content, exchange, _time.GetElapsedTime(start));
        }
    }

    private HttpRequestMessage CreateRequest(ApiCall call, TrackedContent? content)
    {
        var request = new HttpRequestMessage(call.Method, call.Uri) { Content = content };
        request.Headers.Authorization = key.ToAuthorizationHeader();
        request.Headers.UserAgent.ParseAdd(KlingClient.UserAgent);
        request.Headers.Accept.ParseAdd("application/json");
        return request;
    }

    private async Task<ApiResponse> ReceiveAsync(ApiCall call, HttpRequestMessage request, Exchange exchange, CancellationToken cancellationToken)
    {
        using HttpResponseMessage message = await http.SendAsync(request, cancellationToken).ConfigureAwait(false);
        exchange.Status = (int)message.StatusCode;
        using var received = new MemoryStream();
        try
        {
            await ReadBodyAsync(message, received, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (call.IsPurchase && received.Length > 0 && exception is HttpRequestException or IOException or OperationCanceledException)
        {
            // Not if it is damaged: then nothing in it can be relied on.
            exchange.Part = Read(call, message, key.Redact(Decode(received)), isWhole: true);
            throw;
        }

        bool isWhole = received.Length <= MaxResponseLength;
        if (!isWhole)
        {
            received.SetLength(KeptOfTooLong);
        }

        exchange.Body = key.Redact(Decode(received));
        exchange.Response = Read(call, message, exchange.Body, isWhole);
        return isWhole ? exchange.Response : exchange.Response with { Foreign = "more than 8 MiB long" };
    }

    private ApiResponse Read(ApiCall call, HttpResponseMessage message, string body, bool isWhole)
        => ApiResponse.Read((int)message.StatusCode, isWhole ? body : string.Empty, RetryAfter.Read(message.Headers, _time)) with
        {
            Body = body,
            From = call.Uri,
            Location = FindLocation(call, message),
        };

    private void Report(ApiCall call, TrackedContent? content, Exchange exchange, TimeSpan elapsed)
    {
        if (options.Observer is not IRequestObserver observer)
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
            wantsBodies ? ReceivedText.Cut(exchange.Body, MaxReported) : null)
        {
            Subject = call.Subject,
        });
    }

    /// <summary>Reads the body, and no more of it than shows that it is too long.</summary>
    private static async Task ReadBodyAsync(HttpResponseMessage response, MemoryStream received, CancellationToken cancellationToken)
    {
        using Stream stream = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        byte[] buffer = new byte[8192];
        int read;
        while (received.Length <= MaxResponseLength && (read = await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
        {
            received.Write(buffer, 0, read);
        }
    }

    /// <summary>Reads UTF-8, or the encoding that a byte order mark names.</summary>
    private static string Decode(MemoryStream received)
    {
        ReadOnlySpan<byte> body = received.GetBuffer().AsSpan(0, (int)received.Length);
        foreach (Encoding encoding in new[] { Encoding.UTF8, Encoding.Unicode, Encoding.BigEndianUnicode })
        {
            if (body.StartsWith(encoding.Preamble))
            {
                return encoding.GetString(body[encoding.Preamble.Length..]);
            }
        }

        return Encoding.UTF8.GetString(body);
    }

    private Uri? FindLocation(ApiCall call, HttpResponseMessage message)
        => message.Headers.Location is Uri location && Uri.TryCreate(call.Uri, location, out Uri? elsewhere) && !HasKey(elsewhere.ToString()) ? elsewhere : null;

    /// <summary>Whether the message of the exception, or of one within it, contains the key. Stack traces cannot, and take long to format.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "An exception that cannot be shown must not hide what happened to the request.")]
    private bool HasKey(Exception exception)
    {
        try
        {
            return SelfAndInner(exception).Any(one => HasKey(one.Message));
        }
        catch (Exception)
        {
            // What cannot be read here may be readable elsewhere.
            return true;
        }
    }

    private bool HasKey(string text) => !string.Equals(key.Redact(text), text, StringComparison.Ordinal);

    private static IEnumerable<Exception> SelfAndInner(Exception exception)
    {
        IEnumerable<Exception> inner = exception is AggregateException several ? several.InnerExceptions : exception.InnerException is Exception one ? [one] : [];
        return inner.SelectMany(SelfAndInner).Prepend(exception);
    }

    private static bool IsConnectFailure(Exception exception) => exception is HttpRequestException
    {
        HttpRequestError: HttpRequestError.NameResolutionError
            or HttpRequestError.ConnectionError
            or HttpRequestError.SecureConnectionError
            or HttpRequestError.ProxyTunnelError,
    };

    /// <summary>Whether the handler's own limit for connecting is over.</summary>
    private static bool IsConnectTimeout(Exception exception) => exception is OperationCanceledException { InnerException: TimeoutException };

    private static string Describe(Exception exception, TimeSpan timeout, Exchange exchange) => exception switch
    {
        // How decompression fails depends on the method, and means nothing to a user.
        InvalidDataException or InvalidOperationException when exchange.Status is int status
            => string.Create(CultureInfo.InvariantCulture, $"what came back (HTTP {status}) is compressed, and damaged"),
        OperationCanceledException when exchange.Status is not null => $"not all of it came within {TaskErrors.Describe(timeout)}",
        OperationCanceledException => $"nothing came within {TaskErrors.Describe(timeout)}",
        HttpRequestException or IOException or InvalidDataException or ObjectDisposedException => HttpFailure.Describe(exception) ?? HttpFailure.Innermost(exception),
        _ => UnexpectedError.Describe(exception),
    };

    /// <summary>The error of a request without a response.</summary>
    private static KlingApiException CreateLostException(ApiCall call, bool isNotSent, bool mayPass, string error, Exception? cause)
    {
        if (isNotSent)
        {
            string host = call.Uri.GetLeftPart(UriPartial.Authority);
            return new KlingApiException(ErrorKind.ServiceUnavailable, TransportFault.NotSent, $"The service at {host} was not reached: {error}.", cause)
            {
                IsTransient = mayPass,
            };
        }

        return call.IsPurchase
            ? CreateLostAnswerException(error, cause)
            : new KlingApiException(ErrorKind.ServiceUnavailable, TransportFault.AnswerUnknown, $"No answer came to {call.Operation}: {error}.", cause)
            {
                IsTransient = true,
            };
    }

    /// <summary>The error of a purchase that left and whose response was lost.</summary>
    /// <param name="why">How it was lost.</param>
    /// <param name="cause">The exception that caused it.</param>
    public static KlingApiException CreateLostAnswerException(string why, Exception? cause)
        => new(ErrorKind.AttemptUnknown, TransportFault.AnswerUnknown, $"The request for a video was sent, but its answer was lost: {why}.", cause);

    /// <summary>The error of a purchase whose response does not say whether it was made.</summary>
    /// <param name="response">The response.</param>
    /// <param name="why">What it says instead; <see langword="null"/> if it says nothing about it.</param>
    /// <param name="cause">How the response would be judged if it were not about a purchase.</param>
    public static KlingApiException CreateUnclearAnswerException(ApiResponse response, string? why, Exception? cause)
    {
        string code = response.EnvelopeCode is null ? string.Empty : string.Create(CultureInfo.InvariantCulture, $", code {response.EnvelopeCode}");
        string answer = string.Create(CultureInfo.InvariantCulture, $"its answer (HTTP {response.Status}{code})");
        return new(ErrorKind.AttemptUnknown, TransportFault.AnswerUnknown, $"The request for a video was sent, but {answer} cannot be used{(why is null ? string.Empty : $": {why}")}.", cause)
        {
            Code = response.Code,
            ServiceMessage = response.Message,
        };
    }

    /// <summary>How far a request has got.</summary>
    private sealed class Exchange
    {
        public int? Status { get; set; }

        /// <summary>The body of the response, without the key.</summary>
        public string? Body { get; set; }

        public ApiResponse? Response { get; set; }

        /// <summary>The response to a purchase as far as it came.</summary>
        public ApiResponse? Part { get; set; }

        public string? Error { get; set; }
    }
}
