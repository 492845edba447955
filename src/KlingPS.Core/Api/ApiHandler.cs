using System.Net;
using KlingPS.Core.Network;

namespace KlingPS.Core.Api;

/// <summary>Makes the handler that connects to the service.</summary>
internal static class ApiHandler
{
    /// <summary>For requests that carry the key: never follows a redirect, which could lead to another host.</summary>
    /// <param name="proxy">The proxy to use; the system's and the environment's when <see langword="null"/>.</param>
    public static SocketsHttpHandler Create(IWebProxy? proxy) => new()
    {
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.All,
        ConnectCallback = new Connector(policy: null, TimeProvider.System).ConnectAsync,

        // Covers TLS and a proxy's tunnel as well; the connector's own limit leaves time for them.
        ConnectTimeout = Connector.Limit * 2,

        // If the service has closed a connection meanwhile, the answer to a create request that is sent over it is lost,
        // so connections are not kept for long.
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(20),
        PooledConnectionLifetime = TimeSpan.FromMinutes(10),
        Proxy = proxy,
        UseCookies = false,
    };
}
