using System.Globalization;
using System.IO.Compression;
using System.Text;

namespace KlingPS.Sandbox.Http;

/// <summary>One request and the ways to respond. Each response is logged before its first byte leaves, so that the bill is never behind what a client has seen.</summary>
internal sealed class Exchange(HttpRequest request, HttpResponse response, LoopbackHost host, DateTimeOffset receivedAt, RequestLog log, TimeProvider timeProvider)
{
    private const string JsonType = "application/json;charset=UTF-8";
    private const int PieceLength = 64 * 1024;

    internal HttpRequest Request => request;

    internal HttpResponse Response => response;

    internal LoopbackHost Host => host;

    internal string Method => request.Method;

    /// <summary>Path and query, as sent.</summary>
    internal string Target => request.Target;

    /// <summary>The path, unescaped and without the leading slash.</summary>
    internal string Path => request.Path;

    /// <summary>How many bytes of a body are sent per second; null sends it as fast as it can be received.</summary>
    internal int? BytesPerSecond { get; set; }

    /// <summary>The compression that a JSON body claims to have, although it is damaged; null sends it whole.</summary>
    internal string? DamagedEncoding { get; set; }

    /// <returns>The body, or null if it is longer than the limit.</returns>
    internal async ValueTask<byte[]?> ReadBodyAsync(int limit, CancellationToken cancellationToken)
    {
        using MemoryStream body = new();
        byte[] buffer = new byte[16 * 1024];
        int read;
        while ((read = await request.Body.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
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
        response.AddHeader("Content-Type", JsonType);
        if (DamagedEncoding is string encoding)
        {
            response.AddHeader("Content-Encoding", encoding);
            body = Damage(Compress(body.Span, encoding));
        }
        else if (request.AcceptsGzip)
        {
            response.AddHeader("Content-Encoding", "gzip");
            body = Compress(body.Span, "gzip");
        }

        // The service sends chunks, but here those would leave in several small packets, which would cost 40 ms per request.
        await SendAsync(status, body, code, cancellationToken).ConfigureAwait(false);
    }

    internal async Task SendTextAsync(int status, string type, string text, CancellationToken cancellationToken)
    {
        response.AddHeader("Content-Type", type);
        await SendAsync(status, Encoding.UTF8.GetBytes(text), null, cancellationToken).ConfigureAwait(false);
    }

    internal Task SendEmptyAsync(int status, CancellationToken cancellationToken) => SendAsync(status, default, null, cancellationToken);

    /// <summary>Redirects the client.</summary>
    internal Task SendRedirectAsync(string location, CancellationToken cancellationToken)
    {
        response.AddHeader("Location", location);
        return SendEmptyAsync(302, cancellationToken);
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

    /// <summary>Sets status and length and logs the response; the caller sends the body.</summary>
    internal void Begin(int status, long length, int? code = null)
    {
        response.Status = status;
        response.ContentLength = length;
        log.Add(new SandboxRequest(receivedAt, Method, Target, status, code));
    }

    /// <summary>Sends a part of the body, no faster than <see cref="BytesPerSecond"/>.</summary>
    internal async Task WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        if (BytesPerSecond is not int rate || Method == "HEAD")
        {
            await response.WriteAsync(bytes, cancellationToken).ConfigureAwait(false);
            return;
        }

        do
        {
            int count = Math.Min(Math.Min(bytes.Length, rate), PieceLength);
            await response.WriteAsync(bytes[..count], cancellationToken).ConfigureAwait(false);
            bytes = bytes[count..];
            await Task.Delay(TimeSpan.FromSeconds((double)count / rate), timeProvider, cancellationToken).ConfigureAwait(false);
        }
        while (bytes.Length > 0);
    }

    /// <summary>Breaks the connection without anything a client could take for a response.</summary>
    internal Task DropAsync()
    {
        log.Add(new SandboxRequest(receivedAt, Method, Target, 0, null));
        return response.DropAsync();
    }

    private async Task SendAsync(int status, ReadOnlyMemory<byte> body, int? code, CancellationToken cancellationToken)
    {
        Begin(status, body.Length, code);
        await WriteAsync(body, cancellationToken).ConfigureAwait(false);
    }

    private static byte[] Compress(ReadOnlySpan<byte> body, string encoding)
    {
        using MemoryStream compressed = new();
        using (Stream stream = encoding switch
        {
            "br" => new BrotliStream(compressed, CompressionLevel.Fastest),
            "deflate" => new ZLibStream(compressed, CompressionLevel.Fastest),
            _ => new GZipStream(compressed, CompressionLevel.Fastest),
        })
        {
            stream.Write(body);
        }

        return compressed.ToArray();
    }

    /// <summary>Overwrites the second half, so that the damage shows only after some of it has been read.</summary>
    private static byte[] Damage(byte[] compressed)
    {
        compressed.AsSpan(compressed.Length / 2).Fill(0xFF);
        return compressed;
    }
}
