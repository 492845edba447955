using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Text;

namespace KlingPS.Sandbox.Http;

/// <summary>One request and the ways to answer it. Each answer is logged before its first byte leaves, so that a client never sees more than the bill.</summary>
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
        bool zipped = Request.Headers["Accept-Encoding"]?.Contains("gzip", StringComparison.OrdinalIgnoreCase) == true;
        if (zipped)
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

    /// <summary>The page a gateway in front of the service shows when it gets no answer from behind.</summary>
    internal Task SendGatewayPageAsync(int status, CancellationToken cancellationToken)
    {
        string title = $"{status.ToString(CultureInfo.InvariantCulture)}: {(status == 502 ? "Bad gateway" : "Service unavailable")}";
        return SendTextAsync(
            status,
            "text/html; charset=UTF-8",
            $"<!DOCTYPE html>\n<html lang=\"en-US\">\n<head><title>api.kie.ai | {title}</title></head>\n<body><h1>{title}</h1><p>cloudflare</p></body>\n</html>\n",
            cancellationToken);
    }

    /// <summary>Sets the status and logs the answer; the body is sent by the caller.</summary>
    internal void Begin(int status, int? code = null)
    {
        Response.StatusCode = status;
        log.Add(new SandboxRequest(receivedAt, Method, Target, status, code));
    }

    /// <summary>Breaks the connection without an answer a client could take for one.</summary>
    internal void Drop()
    {
        log.Add(new SandboxRequest(receivedAt, Method, Target, 0, null));
        Break(Response);
    }

    /// <summary>Breaks the connection, whatever has been sent of the answer.</summary>
    internal static void Break(HttpListenerResponse response)
    {
        try
        {
            // Outside Windows, Abort sends headers first, and with no length they make a complete, empty answer.
            // With the promise of a byte that never comes, the client sees the break.
            response.ContentLength64 = 1;
        }
        catch (InvalidOperationException)
        {
            // The headers have left already.
        }

        try
        {
            response.Abort();
        }
        catch (Exception exception) when (exception is HttpListenerException or InvalidOperationException)
        {
            // The client was faster.
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
