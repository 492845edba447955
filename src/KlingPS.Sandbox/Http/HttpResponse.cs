using System.Globalization;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;

namespace KlingPS.Sandbox.Http;

/// <summary>The response to one request. Status and headers leave together with the first bytes of the body.</summary>
internal sealed partial class HttpResponse(HttpConnection connection, HttpRequest request)
{
    private readonly List<(string Name, string Value)> _headers = [];
    private bool _isBroken;

    internal int Status { get; set; } = 200;

    /// <summary>The length of the body in bytes. A response that is not complete by then breaks its connection.</summary>
    internal long ContentLength { get; set; }

    /// <summary>Whether status and headers have been sent.</summary>
    internal bool HasBegun { get; private set; }

    private long Sent { get; set; }

    /// <summary>Whether another request can follow on the connection.</summary>
    internal bool IsComplete => HasBegun && !_isBroken && (request.Method == "HEAD" || Sent == ContentLength);

    internal void AddHeader(string name, string value) => _headers.Add((name, value));

    /// <summary>Sends a part of the body, after the headers if they have not been sent. The response to HEAD has no body.</summary>
    internal async Task WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        if (request.Method == "HEAD")
        {
            bytes = default;
        }

        Sent += bytes.Length;
        if (HasBegun)
        {
            await connection.SendAsync(bytes, cancellationToken).ConfigureAwait(false);
            return;
        }

        // In one piece: a second small packet waits for the acknowledgement of the first.
        HasBegun = true;
        byte[] head = Encoding.Latin1.GetBytes(WriteHead());
        byte[] both = new byte[head.Length + Math.Min(bytes.Length, 64 * 1024)];
        head.CopyTo(both, 0);
        bytes.Span[..(both.Length - head.Length)].CopyTo(both.AsSpan(head.Length));
        await connection.SendAsync(both, cancellationToken).ConfigureAwait(false);
        await connection.SendAsync(bytes[(both.Length - head.Length)..], cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Ends the connection, however much of the response has been sent.</summary>
    internal void Break()
    {
        _isBroken = true;
        connection.Close();
    }

    /// <summary>Ends the connection before there is a response. What has been sent is not a status line, but a client knows that its request arrived.</summary>
    internal async Task DropAsync()
    {
        _isBroken = true;
        HasBegun = true;
        await connection.SendAsync("HTTP/1.1 "u8.ToArray(), default).ConfigureAwait(false);
        connection.Close();
    }

    private string WriteHead()
    {
        StringBuilder head = new();
        string reason = WordStart().Replace(Enum.GetName((HttpStatusCode)Status) ?? string.Empty, " ");
        head.Append(CultureInfo.InvariantCulture, $"HTTP/1.1 {Status} {reason}\r\n");
        foreach ((string name, string value) in _headers)
        {
            // Whatever a fault is told to send remains a single header.
            head.Append(CultureInfo.InvariantCulture, $"{name}: {value.ReplaceLineEndings(" ")}\r\n");
        }

        head.Append(CultureInfo.InvariantCulture, $"Date: {DateTimeOffset.UtcNow:R}\r\n");
        if (Status is not (204 or 304))
        {
            head.Append(CultureInfo.InvariantCulture, $"Content-Length: {ContentLength}\r\n");
        }

        head.Append(request.KeepsAlive ? (request.IsVersion11 ? string.Empty : "Connection: keep-alive\r\n") : "Connection: close\r\n");
        return head.Append("\r\n").ToString();
    }

    [GeneratedRegex("(?<=[a-z])(?=[A-Z])")]
    private static partial Regex WordStart();
}
