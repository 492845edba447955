using System.Collections.Specialized;
using System.Diagnostics.CodeAnalysis;
using System.Web;

namespace KlingPS.Sandbox.Http;

/// <summary>One request as it was read from a connection.</summary>
internal sealed class HttpRequest
{
    private HttpRequest(string method, string target, bool isVersion11, NameValueCollection headers)
    {
        Method = method;
        Target = target;
        IsVersion11 = isVersion11;
        Headers = headers;
        int query = target.IndexOf('?', StringComparison.Ordinal);
        Path = Uri.UnescapeDataString(query < 0 ? target : target[..query]).TrimStart('/');
        Query = HttpUtility.ParseQueryString(query < 0 ? string.Empty : target[query..]);
    }

    internal string Method { get; }

    /// <summary>Path and query as sent, with the leading slash.</summary>
    internal string Target { get; }

    /// <summary>The path, unescaped and without the leading slash.</summary>
    internal string Path { get; }

    internal NameValueCollection Query { get; }

    /// <summary>The headers, whatever the case of their names. Repeated ones are joined by commas.</summary>
    internal NameValueCollection Headers { get; }

    /// <summary>HTTP/1.1, not 1.0.</summary>
    internal bool IsVersion11 { get; }

    /// <summary>The body; any unread rest is skipped.</summary>
    internal Stream Body { get; set; } = Stream.Null;

    internal bool IsChunked => string.Equals(Headers["Transfer-Encoding"], "chunked", StringComparison.OrdinalIgnoreCase);

    internal bool ExpectsContinue => string.Equals(Headers["Expect"], "100-continue", StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether the client takes a response compressed by gzip: named in Accept-Encoding with a weight other than 0.</summary>
    internal bool AcceptsGzip
    {
        get
        {
            double? named = null;
            double? any = null;
            foreach (string entry in (Headers["Accept-Encoding"] ?? string.Empty).Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            {
                string[] parts = entry.Split(';', StringSplitOptions.TrimEntries);
                string? weight = parts.Skip(1).FirstOrDefault(part => part.StartsWith("q=", StringComparison.OrdinalIgnoreCase));
                double value = weight is null ? 1 : double.TryParse(weight.AsSpan(2), System.Globalization.CultureInfo.InvariantCulture, out double q) ? q : 0;
                if (parts[0].Equals("gzip", StringComparison.OrdinalIgnoreCase))
                {
                    named = value;
                }
                else if (parts[0] == "*")
                {
                    any = value;
                }
            }

            return (named ?? any) > 0;
        }
    }

    /// <summary>Whether the connection takes another request after this one.</summary>
    internal bool KeepsAlive
    {
        get
        {
            string connection = Headers["Connection"] ?? string.Empty;
            return IsVersion11
                ? !connection.Contains("close", StringComparison.OrdinalIgnoreCase)
                : connection.Contains("keep-alive", StringComparison.OrdinalIgnoreCase);
        }
    }

    /// <summary>The announced length of the body; null if it is not a number.</summary>
    internal long? ContentLength
        => Headers["Content-Length"] is not string text ? 0
            : long.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out long length) ? length
            : null;

    /// <summary>Parses a request line and its headers.</summary>
    internal static bool TryParse(IReadOnlyList<string> lines, [NotNullWhen(true)] out HttpRequest? request)
    {
        request = null;
        if (lines.Count == 0 || lines[0].Split(' ') is not [{ Length: > 0 } method, { Length: > 0 } target, "HTTP/1.1" or "HTTP/1.0"])
        {
            return false;
        }

        // A client that takes the sandbox for a proxy sends the whole address.
        if (target[0] != '/')
        {
            if (!Uri.TryCreate(target, UriKind.Absolute, out Uri? uri) || uri.Scheme != Uri.UriSchemeHttp)
            {
                return false;
            }

            target = uri.PathAndQuery;
        }

        NameValueCollection headers = new(StringComparer.OrdinalIgnoreCase);
        foreach (string line in lines.Skip(1))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon <= 0 || line[colon - 1] is ' ' or '\t')
            {
                return false;
            }

            headers.Add(line[..colon], line[(colon + 1)..].Trim());
        }

        request = new HttpRequest(method, target, lines[0].EndsWith('1'), headers);
        return request.IsChunked || (request.Headers["Transfer-Encoding"] is null && request.ContentLength is not null);
    }
}
