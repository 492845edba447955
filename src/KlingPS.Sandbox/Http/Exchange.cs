using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Text;

namespace KlingPS.Sandbox.Http;

/// <summary>One request and the ways to respond. Each response is logged before its first byte leaves, so that the bill is never behind what a client has seen.</summary>
internal sealed class Exchange(HttpListenerContext context, LoopbackHost host, DateTimeOffset receivedAt, RequestLog log)
{
    private const string JsonType = "application/json;charset=UTF-8";

    internal HttpListenerRequest Request => context.Request;

    internal HttpListenerResponse Response => context.Response;

    internal LoopbackHost Host => host;

    internal string Method => Request.HttpMethod;

    /// <summary>Path and query as sent.</summary>
    internal string Target => Request.RawUrl ?? "/";

    /// <summary>The path, unescaped and without the leading slash.</summary>
    internal string Path { get; } = Uri.UnescapeDataString(context.Request.Url?.AbsolutePath ?? "/").TrimStart('/');

    /// <returns>The body, or null if it is longer than the limit.</returns>
    internal async ValueTask<byte[]?> ReadBodyAsync(int limit, CancellationToken cancellationToken)
    {
        using MemoryStream body = new();
        byte[] buffer = new byte[16 * 1024];
        int read;
        while ((read = await Request.InputStream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
        {
            if (body.Length + read > limit)
            {
                return null;
            }

            body.Write(buffer, 0, read);
        }

        return body.ToArray();
    }

    internal async Task SendJsonAsync(int status, ReadOnlyMemory<byte> body, int? code, CancellationToken cancellationToken)
    {
        Response.ContentType = JsonType;
        bool acceptsGzip = Request.Headers["Accept-Encoding"]?.Contains("gzip", StringComparison.OrdinalIgnoreCase) == true;
        if (acceptsGzip)
        {
            Response.Headers["Content-Encoding"] = "gzip";
            body = Zip(body.Span);
        }

        // The service sends chunks, but here those would leave in several small packets, which costs 40 ms a request.
        Response.ContentLength64 = body.Length;
        await SendAsync(status, body, code, cancellationToken).ConfigureAwait(false);
    }

    internal async Task SendTextAsync(int status, string type, string text, CancellationToken cancellationToken)
    {
        byte[] body = Encoding.UTF8.GetBytes(text);
        Response.ContentType = type;
        Response.ContentLength64 = body.Length;
        await SendAsync(status, Method == "HEAD" ? default : body, null, cancellationToken).ConfigureAwait(false);
    }

    internal async Task SendEmptyAsync(int status, CancellationToken cancellationToken)
    {
        Response.ContentLength64 = 0;
        await SendAsync(status, default, null, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The page that a gateway in front of the service sends when the service itself does not respond.</summary>
    internal Task SendGatewayPageAsync(int status, CancellationToken cancellationToken)
    {
        string title = $"{status.ToString(CultureInfo.InvariantCulture)}: {(status == 502 ? "Bad gateway" : "Service unavailable")}";
        return SendTextAsync(
            status,
            "text/html; charset=UTF-8",
            $"<!DOCTYPE html>\n<html lang=\"en-US\">\n<head><title>api.kie.ai | {title}</title></head>\n<body><h1>{title}</h1><p>cloudflare</p></body>\n</html>\n",
            cancellationToken);
    }

    /// <summary>Sets the status and logs the response; the caller sends the body.</summary>
    internal void Begin(int status, int? code = null)
    {
        Response.StatusCode = status;
        log.Add(new SandboxRequest(receivedAt, Method, Target, status, code));
    }

    /// <summary>Breaks the connection without anything a client could take for a response.</summary>
    internal void Drop()
    {
        log.Add(new SandboxRequest(receivedAt, Method, Target, 0, null));
        Break(Response);
    }

    /// <summary>Breaks the connection, however much of the response has been sent.</summary>
    internal static void Break(HttpListenerResponse response)
    {
        try
        {
            // Outside Windows, Abort sends headers first, and without a length they are a complete, empty response.
            // When a byte is promised that never comes, the client sees that the connection broke.
            response.ContentLength64 = 1;
        }
        catch (InvalidOperationException)
        {
            // The headers have been sent already.
        }

        try
        {
            response.Abort();
        }
        catch (Exception exception) when (exception is HttpListenerException or InvalidOperationException)
        {
            // The client has closed the connection first.
        }
    }

    private async Task SendAsync(int status, ReadOnlyMemory<byte> body, int? code, CancellationToken cancellationToken)
    {
        Begin(status, code);
        await Response.OutputStream.WriteAsync(body, cancellationToken).ConfigureAwait(false);
        Response.Close();
    }

    private static byte[] Zip(ReadOnlySpan<byte> body)
    {
        using MemoryStream zipped = new();
        using (GZipStream zip = new(zipped, CompressionLevel.Fastest))
        {
            zip.Write(body);
        }

        return zipped.ToArray();
    }
}
