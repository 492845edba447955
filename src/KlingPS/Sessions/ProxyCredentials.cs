using System.Management.Automation;
using System.Net;
using KlingPS.Core;
using KlingPS.Core.Api;

namespace KlingPS.Sessions;

/// <summary>Chooses the credentials for a proxy that asks for a name and password.</summary>
internal static class ProxyCredentials
{
    /// <summary>The credentials; <see langword="null"/> for none.</summary>
    /// <param name="given">The proxy that was given as a parameter, if one was.</param>
    /// <param name="inForce">The proxy that is used, if it is named anywhere but in the environment.</param>
    /// <param name="credential">The name and password that were given.</param>
    /// <param name="useDefault">Whether the user of this process is meant.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.RequestInvalid"/>: the parameters do not fit together.</exception>
    public static ICredentials? Choose(Uri? given, Uri? inForce, PSCredential? credential, bool useDefault)
    {
        if (given is not null && !ProxyRoute.IsProxy(given))
        {
            throw new KlingException(ErrorKind.RequestInvalid, $"-Proxy {ProxyRoute.Rule}.");
        }

        if (credential is not null && useDefault)
        {
            throw new KlingException(ErrorKind.RequestInvalid, "-ProxyCredential and -ProxyUseDefaultCredentials cannot be used together.");
        }

        // A password is meant for a particular proxy, not for the one that the environment happens to name.
        if (credential is not null && inForce is null)
        {
            throw new KlingException(ErrorKind.RequestInvalid, "-ProxyCredential needs a named proxy, given with -Proxy or in the configuration, so that the password goes to that one only.");
        }

        return useDefault ? CredentialCache.DefaultCredentials : credential?.GetNetworkCredential();
    }
}
