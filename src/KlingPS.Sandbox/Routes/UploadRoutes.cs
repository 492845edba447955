using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using KlingPS.Sandbox.Http;
using KlingPS.Sandbox.State;
using KlingPS.Sandbox.Wire;

namespace KlingPS.Sandbox.Routes;

/// <summary>The three routes of the upload host.</summary>
internal sealed class UploadRoutes(ServiceState state, HttpClient http)
{
    private const int MaxJson = 64 * 1024 * 1024;
    private const int MaxField = 16 * 1024;
    private const int MaxFetch = 100 * 1024 * 1024;

    internal IEnumerable<ApiRoute> All =>
    [
        new(LoopbackHost.Upload, "POST", "api/file-stream-upload", SandboxOperation.Upload, (exchange, account, token) => PrepareAsync(exchange, account, ReadMultipartAsync, token)),
        new(LoopbackHost.Upload, "POST", "api/file-base64-upload", SandboxOperation.Upload, (exchange, account, token) => PrepareAsync(exchange, account, ReadBase64Async, token)),
        new(LoopbackHost.Upload, "POST", "api/file-url-upload", SandboxOperation.Upload, (exchange, account, token) => PrepareAsync(exchange, account, FetchAsync, token)),
    ];

    private async ValueTask<PreparedCall> PrepareAsync(
        Exchange exchange,
        Account account,
        Func<Exchange, UploadForm, CancellationToken, ValueTask> readAsync,
        CancellationToken cancellationToken)
    {
        UploadForm form = new();
        try
        {
            await readAsync(exchange, form, cancellationToken).ConfigureAwait(false);
        }
        catch (InvalidDataException exception)
        {
            form.Problem = exception.Message;
        }
        catch
        {
            form.Dispose();
            throw;
        }

        string? problem = form.Problem ?? FindProblem(form);
        if (problem is not null)
        {
            return new PreparedCall(exchange.Target, _ => ApiResponse.Error(LoopbackHost.Upload, 400, problem), form);
        }

        string name = string.IsNullOrEmpty(form.FileName) ? MakeName(form.OriginalName) : form.FileName;

        // The service puts the account's number into every path.
        string filePath = $"kieai/{account.Number}/{form.UploadPath}/{name}";
        return new PreparedCall($"{exchange.Target}\n{filePath}", _ => Commit(form.File!, filePath, name), form);
    }

    private static string? FindProblem(UploadForm form)
    {
        if (form.File is null)
        {
            return "file is required";
        }

        if (string.IsNullOrWhiteSpace(form.UploadPath))
        {
            return "uploadPath is required";
        }

        if (form.UploadPath.Split('/').Any(static segment => segment is "" or "." or "..") || form.UploadPath.Contains('\\'))
        {
            return "uploadPath is invalid";
        }

        return form.FileName is "." or ".." || form.FileName?.AsSpan().ContainsAny('/', '\\') == true ? "fileName is invalid" : null;
    }

    private string MakeName(string? originalName)
    {
        string random = Convert.ToHexString(RandomNumberGenerator.GetBytes(5)).ToLowerInvariant();
        string extension = Path.GetExtension(originalName) ?? "";
        return string.Create(CultureInfo.InvariantCulture, $"{state.TimeProvider.GetUtcNow().ToUnixTimeMilliseconds()}-{random}{extension}");
    }

    private ApiResponse Commit(PendingUpload file, string filePath, string name)
    {
        StoredUpload upload = state.Uploads.Commit(file, filePath);
        state.Meter.CountUpload(upload.Size);
        return ApiResponse.Uploaded(writer =>
        {
            writer.WriteStartObject();
            writer.WriteBoolean("success", true);
            writer.WriteString("fileName", name);
            writer.WriteString("filePath", upload.FilePath);
            writer.WriteString("downloadUrl", state.Links.ToUri(upload.FilePath).AbsoluteUri);
            writer.WriteNumber("fileSize", upload.Size);
            writer.WriteString("mimeType", upload.MediaType);
            writer.WriteString("uploadedAt", upload.UploadedAt.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
            writer.WriteEndObject();
        });
    }

    private async ValueTask ReadMultipartAsync(Exchange exchange, UploadForm form, CancellationToken cancellationToken)
    {
        string boundary = MultipartReader.BoundaryOf(exchange.Request.Headers["Content-Type"])
            ?? throw new InvalidDataException("The request body is not multipart/form-data");
        MultipartReader reader = new(exchange.Request.Body, boundary);
        while (await reader.NextAsync(cancellationToken).ConfigureAwait(false) is ContentDispositionHeaderValue part)
        {
            switch (part.Name?.Trim('"'))
            {
                case "file" when form.File is null:
                    form.OriginalName = part.FileNameStar ?? part.FileName?.Trim('"');
                    form.File = state.Uploads.Begin();
                    await reader.CopyPartAsync(form.File.WriteAsync, cancellationToken).ConfigureAwait(false);
                    break;
                case "uploadPath":
                    form.UploadPath = await ReadFieldAsync(reader, cancellationToken).ConfigureAwait(false);
                    break;
                case "fileName":
                    form.FileName = await ReadFieldAsync(reader, cancellationToken).ConfigureAwait(false);
                    break;
            }
        }
    }

    private static async ValueTask<string> ReadFieldAsync(MultipartReader reader, CancellationToken cancellationToken)
    {
        using MemoryStream field = new();
        await reader.CopyPartAsync(
            (bytes, _) =>
            {
                if (field.Length + bytes.Length > MaxField)
                {
                    throw new InvalidDataException("A field is too long");
                }

                field.Write(bytes.Span);
                return ValueTask.CompletedTask;
            },
            cancellationToken).ConfigureAwait(false);
        return Encoding.UTF8.GetString(field.GetBuffer(), 0, (int)field.Length);
    }

    private async ValueTask ReadBase64Async(Exchange exchange, UploadForm form, CancellationToken cancellationToken)
    {
        using JsonDocument document = await ReadJsonAsync(exchange, form, cancellationToken).ConfigureAwait(false);
        string text = ReadText(document.RootElement, "base64Data") ?? throw new InvalidDataException("base64Data is required");
        if (text.StartsWith("data:", StringComparison.OrdinalIgnoreCase))
        {
            text = text[(text.IndexOf(',', StringComparison.Ordinal) + 1)..];
        }

        byte[] bytes = new byte[(text.Length / 4 * 3) + 3];
        if (!Convert.TryFromBase64String(text, bytes, out int length))
        {
            throw new InvalidDataException("base64Data is not valid base64");
        }

        form.File = state.Uploads.Begin();
        await form.File.WriteAsync(bytes.AsMemory(0, length), cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask FetchAsync(Exchange exchange, UploadForm form, CancellationToken cancellationToken)
    {
        using JsonDocument document = await ReadJsonAsync(exchange, form, cancellationToken).ConfigureAwait(false);
        string text = ReadText(document.RootElement, "fileUrl") ?? throw new InvalidDataException("fileUrl is required");
        if (!Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) || uri.Scheme is not ("http" or "https"))
        {
            throw new InvalidDataException("fileUrl is not a valid URL");
        }

        if (!uri.IsLoopback)
        {
            throw new InvalidDataException("The sandbox never leaves the machine: it fetches files from loopback addresses only");
        }

        form.OriginalName = uri.AbsolutePath;
        form.File = state.Uploads.Begin();
        try
        {
            using Stream source = await http.GetStreamAsync(uri, cancellationToken).ConfigureAwait(false);
            byte[] buffer = new byte[64 * 1024];
            int read;
            while ((read = await source.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
            {
                if (form.File.Size + read > MaxFetch)
                {
                    throw new InvalidDataException("The file at fileUrl is larger than 100 MB");
                }

                await form.File.WriteAsync(buffer.AsMemory(0, read), cancellationToken).ConfigureAwait(false);
            }
        }
        catch (HttpRequestException exception)
        {
            throw new InvalidDataException($"The file at fileUrl could not be fetched: {exception.Message}", exception);
        }
    }

    private static async ValueTask<JsonDocument> ReadJsonAsync(Exchange exchange, UploadForm form, CancellationToken cancellationToken)
    {
        byte[] body = await exchange.ReadBodyAsync(MaxJson, cancellationToken).ConfigureAwait(false)
            ?? throw new InvalidDataException(ServiceMessages.TooLarge);
        JsonDocument document = ServiceJson.Parse(body);
        form.UploadPath = ReadText(document.RootElement, "uploadPath");
        form.FileName = ReadText(document.RootElement, "fileName");
        return document;
    }

    private static string? ReadText(JsonElement body, string field) =>
        body.ValueKind == JsonValueKind.Object && body.TryGetProperty(field, out JsonElement value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;
}

/// <summary>What an upload request contains, whatever its format.</summary>
internal sealed class UploadForm : IDisposable
{
    internal PendingUpload? File { get; set; }

    internal string? UploadPath { get; set; }

    /// <summary>The requested name.</summary>
    internal string? FileName { get; set; }

    /// <summary>The name of the file on the client; only its extension is used.</summary>
    internal string? OriginalName { get; set; }

    /// <summary>What is wrong with the request, if that is already known.</summary>
    internal string? Problem { get; set; }

    public void Dispose() => File?.Dispose();
}
