using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace KlingPS.Core.Callbacks;

/// <summary>Where to listen: <c>http://host:port/path/</c>, the host being <c>localhost</c>, an address of this machine, or <c>+</c> for all of them.</summary>
internal sealed record CallbackPrefix
{
    /// <summary>This machine only, for use behind a tunnel or a proxy that runs on it.</summary>
    public const string Default = "http://localhost:8080/kling/";

    private CallbackPrefix(string host, int port, string path, IReadOnlyList<IPAddress> addresses)
    {
        Host = host;
        Port = port;
        Path = path;
        Addresses = addresses;
    }

    /// <summary>The port: 1 to 65535, or 0 for any free one.</summary>
    public int Port { get; private init; }

    /// <summary>The path; begins and ends with a slash.</summary>
    public string Path { get; }

    /// <summary>The addresses to listen on; the first one has to be available.</summary>
    internal IReadOnlyList<IPAddress> Addresses { get; }

    private string Host { get; }

    /// <summary>Reads a prefix.</summary>
    /// <param name="text">The prefix. A port of 80 and a slash at the end may be left out.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.RequestInvalid"/>: it is not a prefix, and why.</exception>
    public static CallbackPrefix Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);

        // Uri does not accept these hosts, so another name stands in for them.
        const string Scheme = "http://";
        string trimmed = text.Trim();
        bool isAny = trimmed.StartsWith(Scheme + "+", StringComparison.OrdinalIgnoreCase) || trimmed.StartsWith(Scheme + "*", StringComparison.OrdinalIgnoreCase);
        if (!Uri.TryCreate(isAny ? $"{Scheme}any{trimmed[(Scheme.Length + 1)..]}" : trimmed, UriKind.Absolute, out Uri? uri)
            || uri.UserInfo.Length > 0 || uri.Query.Length > 0 || uri.Fragment.Length > 0
            || (isAny && uri.Host != "any")
            || (uri.Scheme != Uri.UriSchemeHttp && uri.Scheme != Uri.UriSchemeHttps))
        {
            throw CreateInvalidException(text, $"it has to look like {Default}");
        }

        if (uri.Scheme != Uri.UriSchemeHttp)
        {
            throw CreateInvalidException(text, "only http can be listened on; TLS is the business of the proxy or tunnel in front of it");
        }

        IPAddress[] addresses = isAny ? [Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any]
            : string.Equals(uri.Host, "localhost", StringComparison.OrdinalIgnoreCase) ? (Socket.OSSupportsIPv6 ? [IPAddress.Loopback, IPAddress.IPv6Loopback] : [IPAddress.Loopback])
            : IPAddress.TryParse(uri.IdnHost, out IPAddress? address) ? [address]
            : throw CreateInvalidException(text, "its host has to be localhost, an address of this machine, or + for all of them");
        string path = uri.AbsolutePath.EndsWith('/') ? uri.AbsolutePath : uri.AbsolutePath + "/";
        return new CallbackPrefix(isAny ? "+" : uri.Host, uri.Port, path, addresses);
    }

    /// <summary>The same prefix with another port.</summary>
    internal CallbackPrefix At(int port) => this with { Port = port };

    /// <summary>The complete prefix.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"http://{Host}:{Port}{Path}");

    private static KlingException CreateInvalidException(string text, string why) => new(ErrorKind.RequestInvalid, $"'{text}' cannot be listened on: {why}.");
}
