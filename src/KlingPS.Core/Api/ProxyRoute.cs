using System.Net;
using KlingPS.Core.Network;

namespace KlingPS.Core.Api;

/// <summary>The way out to the network: through a proxy, or as the system and the environment say; never through a proxy to this machine itself.</summary>
/// <remarks>
/// .NET would send even requests for 127.0.0.1 through the proxy of the variable http_proxy, in the clear. Sandboxes run there. And its
/// errors would repeat the name and password that the variable may have in it; they are among the <see cref="Credentials"/>, too.
/// </remarks>
internal sealed class ProxyRoute : IWebProxy
{
    /// <summary>What a proxy's address has to be, in words that follow the name of a setting.</summary>
    public const string Rule =
        "has to be the address of a proxy, such as http://proxy.example.com:8080, without a name and password in it; "
        + "those go to Connect-KlingAccount -ProxyCredential";

    private readonly IWebProxy _proxy;

    private ProxyRoute(IWebProxy proxy, ICredentials? credentials)
    {
        _proxy = proxy;
        Credentials = credentials ?? proxy.Credentials;
    }

    /// <inheritdoc/>
    public ICredentials? Credentials { get; set; }

    /// <summary>Makes the route.</summary>
    /// <param name="proxy">The proxy; that of the system or of the variables HTTPS_PROXY and NO_PROXY when <see langword="null"/>.</param>
    /// <param name="credentials">What to give the proxy when it asks for credentials.</param>
    public static ProxyRoute Through(Uri? proxy, ICredentials? credentials)
        => Over(proxy is null ? HttpClient.DefaultProxy : new WebProxy(proxy), credentials);

    /// <summary>Whether an address can be that of a proxy: http or https, and nothing in it that may be a secret.</summary>
    public static bool IsProxy(Uri uri)
    {
        ArgumentNullException.ThrowIfNull(uri);
        return uri.IsAbsoluteUri
            && (uri.Scheme == Uri.UriSchemeHttp || uri.Scheme == Uri.UriSchemeHttps)
            && uri is { UserInfo.Length: 0, PathAndQuery: "/", Fragment.Length: 0 };
    }

    /// <inheritdoc/>
    public Uri? GetProxy(Uri destination)
    {
        ArgumentNullException.ThrowIfNull(destination);
        Uri? proxy = IsHere(destination) ? null : _proxy.GetProxy(destination);
        return proxy is { UserInfo.Length: > 0 } ? new UriBuilder(proxy) { UserName = string.Empty, Password = string.Empty }.Uri : proxy;
    }

    /// <inheritdoc/>
    public bool IsBypassed(Uri host)
    {
        ArgumentNullException.ThrowIfNull(host);
        return IsHere(host) || _proxy.IsBypassed(host);
    }

    private static bool IsHere(Uri uri) => uri.IsLoopback || AddressRealms.Of(uri) == AddressRealm.Loopback;

    internal static ProxyRoute Over(IWebProxy proxy, ICredentials? credentials) => new(proxy, credentials);
}
