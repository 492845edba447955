using System.Globalization;
using System.Text.Json;
using KlingPS.Core.Api.Wire;
using KlingPS.Core.Model;
using KlingPS.Core.Resilience;
using KlingPS.Core.Secrets;

namespace KlingPS.Core.Api;

/// <summary>
/// The kie.ai jobs API. Reads and uploads are retried within limits; a create request is sent once.
/// </summary>
/// <remarks>Safe for concurrent use. Owns neither the handler nor the key.</remarks>
internal sealed class KlingClient
{
    /// <summary>No account has more, or owes more.</summary>
    private const decimal MaxBalance = 1_000_000_000_000;

    private readonly KlingEndpoints _endpoints;
    private readonly KlingClientOptions _options;
    private readonly ApiTransport _transport;
    private readonly SnapshotReader _snapshots;

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
        _endpoints = endpoints;
        _options = options ?? new KlingClientOptions();
        _transport = new ApiTransport(http, key, _options);
        _snapshots = new SnapshotReader(endpoints.Addresses, _options.TimeProvider);
    }

    /// <summary>The name and version in the User-Agent header; Cloudflare refuses requests without one.</summary>
    public static string UserAgent { get; } = $"KlingPS/{typeof(KlingClient).Assembly.GetName().Version?.ToString(3)}";

    /// <summary>Buys one video. Sends the request once.</summary>
    /// <param name="spec">The video. Its images have been uploaded.</param>
    /// <param name="cancellationToken">
    /// Takes effect only before the request has left; after that the response is awaited, because only it tells what was bought.
    /// </param>
    /// <param name="leaving">Called when the connection is made and the request is about to leave; if it throws, the request does not leave.</param>
    /// <returns>The service's id of the accepted task.</returns>
    /// <exception cref="KlingApiException">
    /// With <see cref="TransportFault.Answered"/> the service refused and nothing was bought; with <see cref="TransportFault.NotSent"/>
    /// the request never left; with <see cref="TransportFault.AnswerUnknown"/> (kind <see cref="ErrorKind.AttemptUnknown"/>) it may have been bought.
    /// </exception>
    public async Task<string> CreateTaskAsync(VideoSpec spec, CancellationToken cancellationToken, Func<Task>? leaving = null)
    {
        ArgumentNullException.ThrowIfNull(spec);
        const string Operation = "the request for a video";
        var call = new ApiCall(HttpMethod.Post, new Uri(_endpoints.Api, "api/v1/jobs/createTask"), Operation)
        {
            Content = () => CreateTaskBody.From(spec, leaving),
            Timeout = _options.CreateTimeout,
            Subject = spec.Subject,
            IsPurchase = true,
        };
        ApiResponse response = await _transport.SendAsync(call, cancellationToken).ConfigureAwait(false);
        string? taskId = response.Data.Text("taskId");
        if (response.IsSuccess && ServiceTaskId.IsValid(taskId))
        {
            return taskId!;
        }

        KlingApiException? problem = response.Loss ?? (response.IsSuccess ? null : ResponseClassifier.FindRefusal(response, Operation));
        var tasks = NamedTasks.Find(response.Body, response.Data);
        if (tasks.IsAny && (tasks.Ids.Count > 0 || !response.IsSuccess))
        {
            throw CreateContradictionException(response, tasks.Ids, problem);
        }

        if (problem is not null)
        {
            throw problem;
        }

        if (response.IsRedirect)
        {
            string redirect = ResponseClassifier.DescribeRedirect(response, "it");
            KlingApiException cause = ResponseClassifier.ToException(response, Operation);
            throw ApiTransport.CreateUnclearAnswerException(response, redirect, cause);
        }

        string? why = !response.IsSuccess ? null
            : taskId is null ? "it reports success, but names no task"
            : $"it reports success, but '{ServiceTaskId.Describe(taskId)}' cannot be the id of a task";
        throw ApiTransport.CreateUnclearAnswerException(response, why, response.IsPage ? ResponseClassifier.ToException(response, Operation) : null);
    }

    /// <inheritdoc cref="QueryTaskAsync(string, string?, CancellationToken)"/>
    public Task<TaskSnapshot> QueryTaskAsync(string taskId, CancellationToken cancellationToken) => QueryTaskAsync(taskId, subject: null, cancellationToken);

    /// <summary>Queries the state of a task.</summary>
    /// <param name="taskId">The service's id.</param>
    /// <param name="subject">What the task is made from, if that is known; see <see cref="RequestReport.Subject"/>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="KlingException">Kind <see cref="ErrorKind.TaskNotFound"/>: this cannot be an id, so the service is not asked.</exception>
    /// <exception cref="KlingApiException">
    /// Kind <see cref="ErrorKind.TaskNotFound"/> also for a task that was accepted a moment ago: the service may need a while to know it.
    /// </exception>
    public async Task<TaskSnapshot> QueryTaskAsync(string taskId, string? subject, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(taskId);
        if (!ServiceTaskId.IsValid(taskId))
        {
            throw ServiceTaskId.CreateInvalidException(taskId);
        }

        var call = new ApiCall(
            HttpMethod.Get,
            new Uri(_endpoints.Api, $"api/v1/jobs/recordInfo?taskId={Uri.EscapeDataString(taskId)}"),
            $"the query of task {taskId}")
        {
            Gate = _options.QueryGate,
            Subject = subject ?? $"task {taskId}",
            MayBeMissing = true,
        };
        try
        {
            // Some routes say 200 with no data for a task they do not know yet.
            // And as in callbacks, the answer about a failed task may have the code of the failure: the record says how it ended.
            ApiResponse response = await ReadAsync(call, cancellationToken, static response => response.Data.Text("state") is not null).ConfigureAwait(false);
            return _snapshots.Read(response.Data, taskId)
                ?? throw CreateUnreadableException(call.Operation, $"it is about another task, '{ServiceTaskId.Describe(response.Data.Text("taskId"))}'");
        }
        catch (KlingApiException exception) when (exception.Kind == ErrorKind.TaskNotFound)
        {
            throw exception.WithMessage($"The service knows no task '{taskId}' for this key.");
        }
        catch (KlingApiException exception) when (exception.Kind == ErrorKind.TaskFailed)
        {
            // Without a record it is not certain that the task failed, and making the video again would pay for it twice.
            throw new KlingApiException(
                ErrorKind.AnswerInvalid,
                exception.Fault,
                $"{exception.Message} It does not say what happened to the task: its video may still be made, and is then paid for.",
                exception)
            {
                Code = exception.Code,
                ServiceMessage = exception.ServiceMessage,
            };
        }
    }

    /// <summary>Asks for the balance, in credits; also the cheapest way to see whether a key is good.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="KlingApiException">The key is refused, or no response came that can be read.</exception>
    public async Task<decimal> GetCreditsAsync(CancellationToken cancellationToken)
    {
        const string Operation = "the query of the credits";
        var call = new ApiCall(HttpMethod.Get, new Uri(_endpoints.Api, "api/v1/chat/credit"), Operation);
        ApiResponse response = await ReadAsync(call, cancellationToken).ConfigureAwait(false);
        string? text = response.Data.ValueKind switch
        {
            JsonValueKind.Number => response.Data.GetRawText(),
            JsonValueKind.String => response.Data.Content(),
            _ => null,
        };
        return decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out decimal credits) && Math.Abs(credits) <= MaxBalance
            ? credits
            : throw CreateUnreadableException(Operation, "it holds no number");
    }

    /// <summary>Asks what the service says about a model: its price, the schema of its request, or how often it succeeds. At most once a second.</summary>
    /// <param name="model">The model's id.</param>
    /// <param name="aspect">What to ask: <c>price</c>, <c>schema</c> or <c>success-rate</c>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Text as it is; anything else as JSON; <see langword="null"/> if the service says nothing.</returns>
    /// <exception cref="KlingApiException">The model is not known, the key is refused, or no response came that can be read.</exception>
    public async Task<string?> DescribeModelAsync(string model, string aspect, CancellationToken cancellationToken)
    {
        // The slash in the id is left as it is; that is how the service wants it.
        string path = string.Join('/', model.Split('/').Select(Uri.EscapeDataString));
        var call = new ApiCall(HttpMethod.Get, new Uri(_endpoints.Api, $"api/v1/models/{path}/{aspect}"), $"the query of the {aspect} of {model}") { MayBeMissing = true };
        ApiResponse response = await ReadAsync(call, cancellationToken).ConfigureAwait(false);
        return response.Data.ValueKind switch
        {
            JsonValueKind.String => response.Data.Content(),
            JsonValueKind.Null or JsonValueKind.Undefined => null,
            _ => response.Data.GetRawText(),
        };
    }

    /// <summary>Uploads a file, reading it while it is sent.</summary>
    /// <param name="upload">The file.</param>
    /// <param name="cancellationToken">Stops the upload.</param>
    /// <returns>The address to use as <c>image_url</c>.</returns>
    /// <exception cref="KlingException">The file cannot be read.</exception>
    /// <exception cref="KlingApiException">
    /// The service refused, was not reached within the limit of attempts, or gave an address that nothing may be fetched from.
    /// </exception>
    public async Task<string> UploadAsync(UploadRequest upload, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(upload);
        var fields = new Dictionary<string, string> { ["uploadPath"] = ServiceAddress.UploadFolder, ["fileName"] = upload.FileName };
        var call = new ApiCall(HttpMethod.Post, new Uri(_endpoints.Upload, "api/file-stream-upload"), $"the upload of '{upload.Path}'")
        {
            Subject = upload.Path,
            ContentWithProgress = onSent => new FileBody(
                upload.Open(),
                upload.MimeType,
                fields,
                upload.FileName,
                upload.Sha256,
                sent =>
                {
                    onSent();
                    upload.Progress?.Report(sent);
                },
                _options.TimeProvider),
        };
        ApiResponse response = await ReadAsync(call, cancellationToken).ConfigureAwait(false);
        if (response.IsDenied)
        {
            throw new KlingApiException(
                ErrorKind.RequestInvalid,
                TransportFault.Answered,
                $"The service refused {call.Operation}: {response.Message?.TrimEnd('.') ?? "it does not say why"}.")
            {
                Code = response.Code,
                ServiceMessage = response.Message,
            };
        }

        string address = response.Data.Text("downloadUrl")
            ?? response.Data.Text("fileUrl")
            ?? throw CreateUnreadableException(call.Operation, response.Message is string message ? $"it names no address, and says only: {message.TrimEnd('.')}" : "it names no address");
        return _endpoints.Addresses.FindProblem(address, out _) is string problem
            ? throw CreateUnreadableException(call.Operation, $"the address it names {problem}")
            : address;
    }

    /// <summary>Renews the link to a file that the service hosts; the new one lives 20 minutes.</summary>
    /// <param name="uri">The old link.</param>
    /// <param name="subject">See <see cref="RequestReport.Subject"/>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="KlingApiException">Kind <see cref="ErrorKind.RequestInvalid"/> for a link that is not the service's own.</exception>
    public async Task<Uri> GetDownloadUriAsync(Uri uri, string? subject, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(uri);
        const string Operation = "the request for a fresh link";
        var call = new ApiCall(HttpMethod.Post, new Uri(_endpoints.Api, "api/v1/common/download-url"), Operation)
        {
            Subject = subject,
            MayBeMissing = true,
            Content = () => JsonBody.From(new DownloadUrlBody(uri.AbsoluteUri), WireContext.Readable.DownloadUrlBody),
        };
        ApiResponse response = await ReadAsync(call, cancellationToken).ConfigureAwait(false);
        if (response.Data.ValueKind != JsonValueKind.String || response.Data.Content() is not string link || !Uri.TryCreate(link, UriKind.Absolute, out _))
        {
            throw CreateUnreadableException(Operation, "it holds no link");
        }

        return _endpoints.Addresses.FindProblem(link, out Uri? fresh) is string problem
            ? throw CreateUnreadableException(Operation, $"the link it holds {problem}")
            : fresh!;
    }

    /// <summary>Sends a request that costs nothing until it succeeds, cannot succeed, or all attempts are used up.</summary>
    /// <param name="call">The request.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <param name="hasContent">Whether a response has what was asked for although its code is an error.</param>
    private Task<ApiResponse> ReadAsync(ApiCall call, CancellationToken cancellationToken, Func<ApiResponse, bool>? hasContent = null) => RetryOf(call).RunAsync(
        async () =>
        {
            ApiResponse response = await SendThroughGateAsync(call, cancellationToken).ConfigureAwait(false);
            return response.IsSuccess || hasContent?.Invoke(response) == true ? response : throw ResponseClassifier.ToException(response, call.Operation, call.MayBeMissing);
        },
        exception => (exception as KlingApiException)?.ToRetry(Backoff.Read),
        cancellationToken);

    private RetryPolicy RetryOf(ApiCall call) => new(
        new RetryOptions
        {
            Backoff = Backoff.Read,
            MaxAttempts = _options.MaxAttempts,
            OnRetry = (failure, delay) => _options.Observer?.OnRetry(call.Subject is null ? failure.Message : $"For '{call.Subject}': {failure.Message}", delay),
        },
        _options.TimeProvider);

    private async Task<ApiResponse> SendThroughGateAsync(ApiCall call, CancellationToken cancellationToken)
    {
        if (call.Gate is null)
        {
            return await _transport.SendAsync(call, cancellationToken).ConfigureAwait(false);
        }

        IAsyncDisposable lease = await call.Gate.EnterAsync(cancellationToken).ConfigureAwait(false);
        await using (lease.ConfigureAwait(false))
        {
            return await _transport.SendAsync(call, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// The error of a purchase whose answer names a task but breaks off or does not report success, or not in the usual form. The service gives no id to a request that it
    /// turns down, so the task may have been made, and the request must not be sent again whatever the code says.
    /// </summary>
    private static KlingApiException CreateContradictionException(ApiResponse response, IReadOnlyList<string> ids, KlingApiException? cause)
    {
        string says = response.IsSuccess ? "it reports success" : response.Loss is not null ? "it breaks off" : $"it does not report success{(response.Message is null ? string.Empty : $" ({response.Message.TrimEnd('.')})")}";
        string named = string.Join(" and ", ids);
        KlingApiException contradiction = ApiTransport.CreateUnclearAnswerException(
            response,
            ids.Count switch
            {
                0 => $"{says}, but has the id of a task, which cannot be read",
                1 when response.IsSuccess => $"{says}, but names the task in an unusual place, as {named}",
                1 => $"{says}, but names a task, {named}",
                _ => $"{says}, but names several tasks, {named}",
            },
            cause);
        if (ids.Count > 0)
        {
            contradiction.Advice = $"To have the service asked for the task that it named: Resolve-KlingVideoTask <id> {string.Join(", or ", ids.Select(id => $"-TaskId {ServiceTaskId.Quote(id)}"))}. "
                + "If it knows no such task, and https://kie.ai/logs shows none for this image: Resolve-KlingVideoTask <id> -Abandon, or -Resubmit to buy it again.";
        }

        return contradiction;
    }

    private static KlingApiException CreateUnreadableException(string operation, string why)
        => new(ErrorKind.AnswerInvalid, TransportFault.Answered, $"The service's answer to {operation} cannot be used: {why}.");
}
