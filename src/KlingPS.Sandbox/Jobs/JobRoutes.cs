using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using KlingPS.Sandbox.Callbacks;
using KlingPS.Sandbox.Downloads;
using KlingPS.Sandbox.Faults;
using KlingPS.Sandbox.Http;
using KlingPS.Sandbox.Uploads;

namespace KlingPS.Sandbox.Jobs;

/// <summary>The routes of the API host: create, query, credit, download-url.</summary>
internal sealed class JobRoutes(
    Account account,
    UploadStore uploads,
    DownloadLinks links,
    DownloadCatalog catalog,
    FaultBook faults,
    CallbackSender callbacks,
    TimeProvider timeProvider)
{
    private const int MaxBody = 1024 * 1024;
    private const int MaxImage = 10 * 1024 * 1024;

    internal IEnumerable<ApiRoute> All =>
    [
        new(LoopbackHost.Api, "POST", "api/v1/jobs/createTask", SandboxOperation.Create, PrepareCreateAsync),
        new(LoopbackHost.Api, "GET", "api/v1/jobs/recordInfo", SandboxOperation.Query, PrepareQueryAsync),
        new(LoopbackHost.Api, "GET", "api/v1/chat/credit", SandboxOperation.Credit, PrepareCreditAsync),
        new(LoopbackHost.Api, "POST", "api/v1/common/download-url", SandboxOperation.DownloadUri, PrepareDownloadUriAsync),
    ];

    private async ValueTask<PreparedCall> PrepareCreateAsync(Exchange exchange, CancellationToken cancellationToken)
    {
        byte[]? body = await exchange.ReadBodyAsync(MaxBody, cancellationToken).ConfigureAwait(false);
        string text = Encoding.UTF8.GetString(body ?? []);
        return new PreparedCall($"{exchange.Target}\n{text}", _ => Create(text));
    }

    private ApiAnswer Create(string text)
    {
        (CreateRequest? request, ApiAnswer? refusal) = CreateParser.Parse(text);
        if (request is null)
        {
            return refusal!;
        }

        (bool imageIsFine, string? sha256) = Inspect(request.ImageUri);
        bool tailIsFine = request.TailImageUri is null || Inspect(request.TailImageUri).IsFine;
        (int code, Job? job) = account.Create(request, sha256, () => DecideFate(request.Prompt, imageIsFine && tailIsFine));
        if (job is null)
        {
            return ApiAnswer.Refusal(code, ServiceTexts.OfCode(code));
        }

        callbacks.SendAtEnd(job);
        return ApiAnswer.Success(
            writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("taskId", job.Id);
                writer.WriteString("recordId", job.Id);
                writer.WriteEndObject();
            },
            $"JSESSIONID={Convert.ToHexString(RandomNumberGenerator.GetBytes(16))}; Path=/; HttpOnly");
    }

    /// <summary>Whether generation would get this image. Images elsewhere are taken on trust: the sandbox never leaves the machine.</summary>
    private (bool IsFine, string? Sha256) Inspect(Uri image)
    {
        if (!links.IsOwn(image))
        {
            return (true, null);
        }

        StoredUpload? upload = uploads.Find(DownloadLinks.PathOf(image));
        return (upload is { IsImage: true, Size: <= MaxImage }, upload?.Sha256);
    }

    private Fate DecideFate(string prompt, bool imagesAreFine)
    {
        TimeSpan extraTime = TimeSpan.Zero;
        (string, string)? failure = imagesAreFine ? null : ("400", ServiceTexts.ImageFetchFailed);
        bool linkIsDead = false;
        foreach (SandboxFault fault in faults.Take(SandboxOperation.Generate, prompt, static _ => true))
        {
            extraTime += fault.Delay;
            linkIsDead |= fault.Kind == SandboxFaultKind.ExpireLink;
            if (fault.Kind == SandboxFaultKind.FailTask)
            {
                failure = (fault.FailCode ?? "500", fault.FailMessage ?? ServiceTexts.InternalError);
            }
        }

        return new Fate(extraTime, failure, linkIsDead);
    }

    private ValueTask<PreparedCall> PrepareQueryAsync(Exchange exchange, CancellationToken cancellationToken)
    {
        string? taskId = exchange.Request.QueryString["taskId"];
        Job? job = string.IsNullOrEmpty(taskId) ? null : account.Find(taskId);
        PreparedCall call = new(exchange.Target, fault => Query(taskId, job, fault))
        {
            Admits = kind => kind switch
            {
                SandboxFaultKind.UnknownId => job is not null,
                SandboxFaultKind.EmptyResult => job?.HasSucceeded(timeProvider.GetUtcNow()) == true,
                _ => true,
            },
        };
        return ValueTask.FromResult(call);
    }

    private ApiAnswer Query(string? taskId, Job? job, SandboxFaultKind? fault)
    {
        if (string.IsNullOrEmpty(taskId))
        {
            return ApiAnswer.Refusal(400, "taskId is required");
        }

        if (!account.TryEnterQuery())
        {
            return ApiAnswer.Refusal(429, ServiceTexts.TooFrequent);
        }

        if (job is null || fault == SandboxFaultKind.UnknownId)
        {
            return ApiAnswer.Refusal(422, ServiceTexts.UnknownTask);
        }

        job.CountQuery();
        Uri? result = fault == SandboxFaultKind.EmptyResult ? null : links.ToUri(job.ResultPath);
        DateTimeOffset now = timeProvider.GetUtcNow();
        return ApiAnswer.Success(writer => RecordWriter.Write(writer, job, now, result));
    }

    private ValueTask<PreparedCall> PrepareCreditAsync(Exchange exchange, CancellationToken cancellationToken) =>
        // Adding 0.0 keeps a fraction in the text, as in the service's answers.
        ValueTask.FromResult(new PreparedCall(
            exchange.Target,
            _ => ApiAnswer.Success(writer => writer.WriteNumberValue(account.CreditsLeft + 0.0m))));

    private async ValueTask<PreparedCall> PrepareDownloadUriAsync(Exchange exchange, CancellationToken cancellationToken)
    {
        byte[]? body = await exchange.ReadBodyAsync(MaxBody, cancellationToken).ConfigureAwait(false);
        string text = Encoding.UTF8.GetString(body ?? []);
        return new PreparedCall($"{exchange.Target}\n{text}", _ => SignLink(text));
    }

    private ApiAnswer SignLink(string text)
    {
        if (ReadUrl(text) is not Uri uri || !links.IsOwn(uri) || catalog.Find(DownloadLinks.PathOf(uri), isSigned: true) is null)
        {
            return ApiAnswer.Refusal(422, ServiceTexts.UrlIsWrong);
        }

        Uri signed = links.Sign(DownloadLinks.PathOf(uri));
        return ApiAnswer.Success(writer => writer.WriteStringValue(signed.AbsoluteUri));
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
