using System.Globalization;

namespace KlingPS.Core.Callbacks;

/// <summary>The request line and headers of a request.</summary>
internal sealed class RequestHead
{
    private readonly Dictionary<string, string> _headers;

    private RequestHead(string method, string target, Dictionary<string, string> headers, long? contentLength, bool isChunked)
    {
        Method = method;
        Target = target;
        _headers = headers;
        ContentLength = contentLength;
        IsChunked = isChunked;
        int end = target.IndexOf('?', StringComparison.Ordinal);
        Path = end < 0 ? target : target[..end];
    }

    /// <summary>The method, as it was sent.</summary>
    public string Method { get; }

    /// <summary>Path and query, as they were sent; begins with a slash.</summary>
    public string Target { get; }

    /// <summary>The path, as it was sent.</summary>
    public string Path { get; }

    /// <summary>The announced length of the body.</summary>
    public long? ContentLength { get; }

    /// <summary>Whether the body is chunked.</summary>
    public bool IsChunked { get; }

    /// <summary>Whether the client waits for permission to send the body.</summary>
    public bool ExpectsContinue => string.Equals(Header("Expect"), "100-continue", StringComparison.OrdinalIgnoreCase);

    /// <summary>Parses a head strictly: ambiguous heads are rejected.</summary>
    /// <param name="lines">Request line and header lines, without line ends.</param>
    /// <returns>The head; <see langword="null"/> when it is malformed.</returns>
    public static RequestHead? Parse(IReadOnlyList<string> lines)
    {
        string[] start = lines[0].Split(' ');
        if (start.Length != 3 || start[0].Length == 0 || !start[0].All(IsTokenChar) || start[2] is not ("HTTP/1.1" or "HTTP/1.0") || ToOriginForm(start[1]) is not string target)
        {
            return null;
        }

        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (string line in lines.Skip(1))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon < 1 || !line.AsSpan(0, colon).ToString().All(IsTokenChar))
            {
                return null;
            }

            string name = line[..colon];
            string value = line[(colon + 1)..].Trim(' ', '\t');
            headers[name] = headers.TryGetValue(name, out string? before) ? $"{before}, {value}" : value;
        }

        bool hasLength = headers.TryGetValue("Content-Length", out string? lengthText);
        bool isChunked = headers.TryGetValue("Transfer-Encoding", out string? encoding);
        if ((isChunked && (hasLength || !string.Equals(encoding, "chunked", StringComparison.OrdinalIgnoreCase)))
            || !long.TryParse(lengthText ?? "0", NumberStyles.None, CultureInfo.InvariantCulture, out long length))
        {
            return null;
        }

        return new RequestHead(start[0], target, headers, hasLength ? length : null, isChunked);
    }

    /// <summary>The value of a header; if it was sent several times, a list. <see langword="null"/> when it is missing.</summary>
    public string? Header(string name) => _headers.GetValueOrDefault(name);

    private static bool IsTokenChar(char c) => char.IsAsciiLetterOrDigit(c) || "!#$%&'*+-.^_`|~".Contains(c, StringComparison.Ordinal);

    /// <summary>A proxy may send an absolute address.</summary>
    private static string? ToOriginForm(string target)
        => target.StartsWith('/') ? target
            : Uri.TryCreate(target, UriKind.Absolute, out Uri? uri) && uri.Scheme is "http" or "https" ? uri.PathAndQuery
            : null;
}
