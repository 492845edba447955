using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using KlingPS.Sandbox.Callbacks;
using KlingPS.Sandbox.Downloads;
using KlingPS.Sandbox.Http;
using KlingPS.Sandbox.State;
using KlingPS.Sandbox.Wire;

namespace KlingPS.Sandbox.Routes;

/// <summary>The routes of the API host: create, query, credit, download-url.</summary>
internal sealed class JobRoutes(ServiceState state, DownloadCatalog catalog, CallbackSender callbacks)
{
    private const int MaxBody = 1024 * 1024;

    internal IEnumerable<ApiRoute> All =>
    [
        new(LoopbackHost.Api, "POST", "api/v1/jobs/createTask", SandboxOperation.Create, PrepareCreateAsync),
        new(LoopbackHost.Api, "GET", "api/v1/jobs/recordInfo", SandboxOperation.Query, PrepareQueryAsync),
        new(LoopbackHost.Api, "GET", "api/v1/chat/credit", SandboxOperation.Credit, PrepareCreditAsync),
        new(LoopbackHost.Api, "POST", "api/v1/common/download-url", SandboxOperation.DownloadUri, PrepareDownloadUriAsync),
        .. from model in ModelRules.All
           from aspect in new (string Name, Func<ModelRules, string> Describe)[] { ("price", ModelPages.DescribePrice), ("schema", ModelPages.DescribeSchema), ("success-rate", _ => ModelPages.SuccessRate) }
           select new ApiRoute(
               LoopbackHost.Api,
               "GET",
               $"api/v1/models/{model.Key}/{aspect.Name}",
               null,
               (exchange, account, _) => ValueTask.FromResult(new PreparedCall(exchange.Target, _ => Describe(account, aspect.Describe(model.Value))))),
    ];

    /// <summary>What the service says about a model: prose, at most once a second.</summary>
    private static ApiResponse Describe(Account account, string text)
        => account.TryEnterDiscovery() ? ApiResponse.Success(writer => writer.WriteStringValue(text)) : ApiResponse.Error(429, ServiceMessages.TooFrequent);

    private async ValueTask<PreparedCall> PrepareCreateAsync(Exchange exchange, Account account, CancellationToken cancellationToken)
    {
        byte[]? body = await exchange.ReadBodyAsync(MaxBody, cancellationToken).ConfigureAwait(false);
        if (body is null)
        {
            return new PreparedCall(exchange.Target, static _ => ApiResponse.Error(413, ServiceMessages.TooLarge));
        }

        string text = Encoding.UTF8.GetString(body);
        return new PreparedCall($"{exchange.Target}\n{text}", fault => Create(account, text, fault?.FaultKind == SandboxFaultKind.DuplicateId));
    }

    private ApiResponse Create(Account account, string text, bool repeatsId)
    {
        (CreateRequest? request, ApiResponse? error) = CreateParser.Parse(text, FindSeconds);
        if (request is null)
        {
            return error!;
        }

        request = request with { Credits = request.Credits * state.PriceFactor };
        bool areFilesUsable = request.Files.All(file => IsUsable(file.Uri, file.Kind, ModelRules.All[request.Model]));
        string? sha256 = request.ImageUri is Uri image ? FindUpload(image)?.Sha256 : null;
        (int code, Job? job) = account.Create(request, sha256, () => DecideOutcome(request.Prompt, areFilesUsable), repeatsId);
        if (job is null)
        {
            return ApiResponse.Error(code, ServiceMessages.OfCode(code));
        }

        callbacks.SendAtEnd(job);
        return ApiResponse.Success(
            writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("taskId", job.Id);
                writer.WriteString("recordId", job.Id);
                writer.WriteEndObject();
            },
            $"JSESSIONID={Convert.ToHexString(RandomNumberGenerator.GetBytes(16))}; Path=/; HttpOnly");
    }

    /// <summary>
    /// Whether generation could use this file. Files on public hosts are trusted, as the sandbox never leaves the machine; the service cannot reach any
    /// others.
    /// </summary>
    private bool IsUsable(Uri file, FileKind kind, ModelRules rules)
    {
        if (!state.Links.IsOwn(file))
        {
            return PublicHosts.IsPublic(file);
        }

        return FindUpload(file) is StoredUpload upload && (kind != FileKind.Image || rules.Takes(upload));
    }

    private StoredUpload? FindUpload(Uri file) => state.Links.IsOwn(file) ? state.Uploads.Find(DownloadLinks.PathOf(file)) : null;

    private decimal? FindSeconds(Uri file) => FindUpload(file)?.Seconds;

    private JobOutcome DecideOutcome(string prompt, bool areFilesUsable)
    {
        TimeSpan extraTime = TimeSpan.Zero;
        (string, string)? failure = areFilesUsable ? null : ("400", ServiceMessages.ImageFetchFailed);
        bool linkIsExpired = false;
        foreach (SandboxFault fault in state.Faults.Take(SandboxOperation.Generate, prompt, static _ => true))
        {
            extraTime += fault.Delay;
            linkIsExpired |= fault.FaultKind == SandboxFaultKind.ExpireLink;
            if (fault.FaultKind == SandboxFaultKind.FailTask)
            {
                failure = (fault.FailCode ?? "500", fault.FailMessage ?? ServiceMessages.InternalError);
            }
        }

        return new JobOutcome(extraTime, failure, linkIsExpired);
    }

    private ValueTask<PreparedCall> PrepareQueryAsync(Exchange exchange, Account account, CancellationToken cancellationToken)
    {
        string? taskId = exchange.Request.Query["taskId"];
        Job? job = string.IsNullOrEmpty(taskId) ? null : account.Find(taskId);
        PreparedCall call = new(exchange.Target, fault => Query(account, taskId, job, fault))
        {
            Admits = kind => kind switch
            {
                SandboxFaultKind.UnknownId => job is not null,
                SandboxFaultKind.EmptyResult or SandboxFaultKind.WrongLink => job?.HasSucceeded(state.TimeProvider.GetUtcNow()) == true,
                _ => true,
            },
        };
        return ValueTask.FromResult(call);
    }

    private ApiResponse Query(Account account, string? taskId, Job? job, SandboxFault? fault)
    {
        if (string.IsNullOrEmpty(taskId))
        {
            return ApiResponse.Error(400, "taskId is required");
        }

        if (!account.TryEnterQuery())
        {
            return ApiResponse.Error(429, ServiceMessages.TooFrequent);
        }

        if (job is null || fault?.FaultKind == SandboxFaultKind.UnknownId)
        {
            return ApiResponse.Error(422, ServiceMessages.UnknownTask);
        }

        job.CountQuery();
        string? result = fault?.FaultKind switch
        {
            SandboxFaultKind.EmptyResult => null,
            SandboxFaultKind.WrongLink => fault.Link,
            _ => state.Links.ToUri(job.ResultPath).AbsoluteUri,
        };
        DateTimeOffset now = state.TimeProvider.GetUtcNow();
        return ApiResponse.Success(writer => TaskRecordWriter.Write(writer, job, now, result));
    }

    private ValueTask<PreparedCall> PrepareCreditAsync(Exchange exchange, Account account, CancellationToken cancellationToken) =>
        // Adding 0.0 keeps a fraction in the text, as in the service's responses.
        ValueTask.FromResult(new PreparedCall(
            exchange.Target,
            _ => ApiResponse.Success(writer => writer.WriteNumberValue(account.CreditsLeft + 0.0m))));

    private async ValueTask<PreparedCall> PrepareDownloadUriAsync(Exchange exchange, Account account, CancellationToken cancellationToken)
    {
        if (await exchange.ReadBodyAsync(MaxBody, cancellationToken).ConfigureAwait(false) is not byte[] body)
        {
            return new PreparedCall(exchange.Target, static _ => ApiResponse.Error(413, ServiceMessages.TooLarge));
        }

        string text = Encoding.UTF8.GetString(body);
        return new PreparedCall($"{exchange.Target}\n{text}", _ => SignLink(text));
    }

    private ApiResponse SignLink(string text)
    {
        if (ReadUrl(text) is not Uri uri || !state.Links.IsOwn(uri) || catalog.Find(DownloadLinks.PathOf(uri), isSigned: true) is null)
        {
            return ApiResponse.Error(422, ServiceMessages.UrlIsWrong);
        }

        Uri signed = state.Links.Sign(DownloadLinks.PathOf(uri));
        return ApiResponse.Success(writer => writer.WriteStringValue(signed.AbsoluteUri));
    }

    private static Uri? ReadUrl(string text)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(text);
            return document.RootElement.ValueKind == JsonValueKind.Object
                && document.RootElement.TryGetProperty("url", out JsonElement url)
                && url.ValueKind == JsonValueKind.String
                && Uri.TryCreate(url.GetString(), UriKind.Absolute, out Uri? uri)
                ? uri
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
