namespace KlingPS.Core.Api;

/// <summary>Where the service is.</summary>
internal sealed record KlingEndpoints
{
    /// <summary>Creates the pair.</summary>
    /// <param name="api">The host of the jobs API.</param>
    /// <param name="upload">The host that takes uploads; the jobs API does not.</param>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.RequestInvalid"/>: not an absolute https address (plain http is accepted for loopback only), or one with a user
    /// name, a query or a fragment.
    /// </exception>
    public KlingEndpoints(Uri api, Uri upload)
    {
        Api = Normalize(api);
        Upload = Normalize(upload);
    }

    /// <summary>The service's own addresses.</summary>
    public static KlingEndpoints Default { get; } = new(
        new Uri("https://api.kie.ai/"),
        new Uri("https://kieai.redpandaai.co/"));

    /// <summary>The host of the jobs API, ending in a slash.</summary>
    public Uri Api { get; }

    /// <summary>The host that takes uploads, ending in a slash.</summary>
    public Uri Upload { get; }

    /// <summary>Whether nothing would travel in the clear: the rule for the service, its links and their redirects.</summary>
    /// <param name="uri">The address.</param>
    /// <returns>Whether it is https, or http to this machine itself.</returns>
    public static bool IsSafe(Uri uri)
    {
        ArgumentNullException.ThrowIfNull(uri);
        return uri.IsAbsoluteUri
            && (uri.Scheme == Uri.UriSchemeHttps || (uri.Scheme == Uri.UriSchemeHttp && uri.IsLoopback));
    }

    private static Uri Normalize(Uri uri)
    {
        ArgumentNullException.ThrowIfNull(uri);
        if (!IsSafe(uri))
        {
            throw new KlingException(
                ErrorKind.RequestInvalid,
                $"'{Describe(uri)}' cannot be an endpoint: it has to be an absolute https address. "
                + "Plain http would send the key in the clear and is accepted for this machine (localhost) only.");
        }

        if (uri.UserInfo.Length > 0 || uri.Query.Length > 0 || uri.Fragment.Length > 0)
        {
            throw new KlingException(
                ErrorKind.RequestInvalid,
                $"'{Describe(uri)}' cannot be an endpoint with a user name, a query or a fragment in it; give the address alone.");
        }

        return uri.AbsoluteUri.EndsWith('/') ? uri : new Uri(uri.AbsoluteUri + "/");
    }

    /// <summary>The address without the parts that may hold a secret.</summary>
    private static string Describe(Uri uri)
        => uri.IsAbsoluteUri ? uri.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped) : uri.OriginalString;
}
