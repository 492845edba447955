using KlingPS.Core.Network;

namespace KlingPS.Core.Api;

/// <summary>Where the service is.</summary>
internal sealed record KlingEndpoints
{
    private const string KnownApi = "api.kie.ai";
    private const string KnownUpload = "kieai.redpandaai.co";

    private static readonly string[] s_known = [KnownApi, KnownUpload];

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
        Addresses = new AddressPolicy([Api, Upload], s_known);
    }

    /// <summary>The service's own addresses.</summary>
    public static KlingEndpoints Default { get; } = new(
        new Uri($"https://{KnownApi}/"),
        new Uri($"https://{KnownUpload}/"));

    /// <summary>Whether an address is that of the service's own jobs API, in whatever spelling. It need not be one that can be used.</summary>
    public static bool IsDefaultApi(Uri api)
        => api is { IsAbsoluteUri: true, IsDefaultPort: true, AbsolutePath: "/" }
            && api.Scheme == Uri.UriSchemeHttps
            && string.Equals(api.Host.TrimEnd('.'), KnownApi, StringComparison.OrdinalIgnoreCase);

    /// <summary>The host of the jobs API, ending in a slash.</summary>
    public Uri Api { get; }

    /// <summary>The host that takes uploads, ending in a slash.</summary>
    public Uri Upload { get; }

    /// <summary>Which of the addresses that the service names are followed.</summary>
    public AddressPolicy Addresses { get; }

    /// <inheritdoc/>
    public bool Equals(KlingEndpoints? other) => other is not null && Api == other.Api && Upload == other.Upload;

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Api, Upload);

    /// <summary>Why an address cannot be an endpoint, in a sentence that repeats nothing that may be a secret; <see langword="null"/> if it can.</summary>
    public static string? FindProblem(Uri uri)
    {
        ArgumentNullException.ThrowIfNull(uri);
        if (!uri.IsAbsoluteUri || !(uri.Scheme == Uri.UriSchemeHttps || (AddressPolicy.IsPlain(uri) && AddressRealms.Of(uri) == AddressRealm.Loopback)))
        {
            return $"{AddressPolicy.Describe(uri)} cannot be an endpoint: it has to be an absolute https address. "
                + "Plain http would send the key in the clear and is accepted for this machine (localhost) only.";
        }

        return uri.UserInfo.Length > 0 || uri.Query.Length > 0 || uri.Fragment.Length > 0
            ? $"{AddressPolicy.Describe(uri)} cannot be an endpoint with a user name, a password, a query or a fragment in it; give the address alone."
            : null;
    }

    private static Uri Normalize(Uri uri)
    {
        if (FindProblem(uri) is string problem)
        {
            throw new KlingException(ErrorKind.RequestInvalid, problem);
        }

        return uri.AbsoluteUri.EndsWith('/') ? uri : new Uri(uri.AbsoluteUri + "/");
    }
}
