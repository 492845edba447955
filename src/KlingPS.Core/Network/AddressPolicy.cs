using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace KlingPS.Core.Network;

/// <summary>
/// Decides which addresses that somebody else names are followed: https anywhere on the internet, and addresses where the service itself
/// is, such as a sandbox on this machine or a gateway in a private network. Plain http goes to this machine only, and only if the
/// service is on it.
/// </summary>
/// <remarks>
/// What is written in an address is checked by <see cref="FindProblem(Uri)"/>, before it is taken from an answer and at every hop of a
/// redirect. Where its name leads is checked by <see cref="PermitsAsync"/>, for the address that is about to be connected to. Through a
/// proxy only the former is possible, because the proxy looks the name up.
/// </remarks>
internal sealed class AddressPolicy
{
    /// <summary>Signed links are long, but no usable address is this long.</summary>
    public const int MaxLength = 8192;

    /// <summary>Worked out when the first address is checked: most commands that only read check none.</summary>
    private readonly Lazy<OwnPlaces> _own;
    private readonly Func<string, CancellationToken, Task<IPAddress[]>> _resolve;
    private readonly ConcurrentDictionary<string, AddressRealm[]> _resolved = new();

    /// <summary>Creates the policy.</summary>
    /// <param name="own">The addresses of the service, as the user gave them.</param>
    /// <param name="known">The hosts of these that are known to be on the internet, so that they are never looked up.</param>
    /// <param name="resolve">Looks a name up; the system does when it is <see langword="null"/>.</param>
    public AddressPolicy(IReadOnlyCollection<Uri> own, IReadOnlyCollection<string>? known = null, Func<string, CancellationToken, Task<IPAddress[]>>? resolve = null)
    {
        ArgumentNullException.ThrowIfNull(own);
        _own = new(() => OwnPlaces.Of(own, known ?? []));
        _resolve = resolve ?? Dns.GetHostAddressesAsync;
    }

    /// <summary>An address without the parts that may hold a secret: user information, query, fragment. Safe for messages.</summary>
    public static string Describe(Uri? uri)
    {
        const int Longest = 200;
        if (uri is not { IsAbsoluteUri: true } || !HasHost(uri))
        {
            return "(not an absolute address)";
        }

        string text = uri.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped);
        return text.Length <= Longest ? text : text[..Longest] + "…";
    }

    /// <summary>An address without the user name and password in it.</summary>
    /// <param name="text">The address, or the text that was given as one.</param>
    public static string MaskUser(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        int scheme = text.IndexOf("//", StringComparison.Ordinal);
        int start = scheme < 0 ? 0 : scheme + 2;

        // Where a password that is not encoded has one of these characters in it, there is no address that can be read.
        bool isReadable = Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) && HasHost(uri);
        int end = isReadable && text.AsSpan(start).IndexOfAny('/', '?', '#') is >= 0 and int path ? start + path : text.Length;
        int at = text.LastIndexOf('@', Math.Max(0, end - 1), Math.Max(0, end - start));
        return at < 0 ? text : $"{text[..start]}…{text[at..]}";
    }

    /// <summary>Whether a text is an address with a user name or password in it.</summary>
    public static bool HasUser(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Contains("://", StringComparison.Ordinal) && MaskUser(text) != text;
    }

    /// <summary>Like <see cref="FindProblem(string, out Uri?)"/>, in a clause that names the address as far as it may be shown.</summary>
    /// <param name="what">What the address is, such as <c>the link to its video</c>.</param>
    /// <param name="text">The address as it came.</param>
    /// <param name="uri">The address, if nothing is wrong with it.</param>
    public string? FindProblem(string what, string text, out Uri? uri)
    {
        string? problem = FindProblem(text, out uri);
        return problem is null ? null
            : Uri.TryCreate(text, UriKind.Absolute, out Uri? named) && HasHost(named) ? $"{what}, {Describe(named)}, {problem}"
            : $"{what} {problem}";
    }

    /// <inheritdoc cref="FindProblem(Uri)"/>
    /// <param name="text">The address as it came.</param>
    /// <param name="uri">The address, if nothing is wrong with it.</param>
    public string? FindProblem(string text, out Uri? uri)
    {
        ArgumentNullException.ThrowIfNull(text);
        uri = null;
        if (text.Length > MaxLength)
        {
            return "is too long";
        }

        if (!Uri.TryCreate(text, UriKind.Absolute, out Uri? parsed))
        {
            return "is not an absolute address";
        }

        string? problem = FindProblem(parsed);
        uri = problem is null ? parsed : null;
        return problem;
    }

    /// <summary>What is wrong with an address that the user gives to the service, which is to fetch an image from it or to post a callback there.</summary>
    /// <param name="text">The address; http or https.</param>
    /// <returns>Words that follow "the address"; <see langword="null"/> if nothing wrong can be seen from here.</returns>
    public string? FindReachProblem(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length > MaxLength)
        {
            return $"has {text.Length} characters, and {MaxLength} are the most";
        }

        if (!Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) || !HasHost(uri))
        {
            return "is not an absolute address";
        }

        if (uri.UserInfo.Length > 0)
        {
            return $"{Describe(uri)} has a user name or password in it, which the service and every listing of tasks would show. Use an address that needs none, such as a signed link";
        }

        AddressRealm realm = AddressRealms.Of(uri);
        return realm == AddressRealm.Public || _own.Value.Realms.Contains(realm) || _own.Value.Hosts.Contains(AddressRealms.HostOf(uri))
            ? null
            : $"{Describe(uri)} {Describe(realm)}, where the service cannot reach it";
    }

    /// <summary>What is wrong with an address that somebody else names, as far as it can be read from it.</summary>
    /// <returns>Words that follow the address, such as <c>is not https</c>; <see langword="null"/> if it may be connected to.</returns>
    public string? FindProblem(Uri uri)
    {
        ArgumentNullException.ThrowIfNull(uri);
        if (!uri.IsAbsoluteUri || !HasHost(uri))
        {
            return "is not an absolute address";
        }

        if (uri.OriginalString.Length > MaxLength || uri.AbsoluteUri.Length > MaxLength)
        {
            return "is too long";
        }

        if (uri.UserInfo.Length > 0)
        {
            return "has a user name or password in it";
        }

        AddressRealm realm = AddressRealms.Of(uri);
        if (uri.Scheme != Uri.UriSchemeHttps && (uri.Scheme != Uri.UriSchemeHttp || realm != AddressRealm.Loopback))
        {
            return "is not https";
        }

        // The name of the service may be a private one, wherever it leads.
        bool isOwn = realm == AddressRealm.Public || _own.Value.Realms.Contains(realm) || (uri.Scheme == Uri.UriSchemeHttps && _own.Value.Hosts.Contains(AddressRealms.HostOf(uri)));
        return isOwn ? null : Describe(realm);
    }

    /// <summary>Whether a connection may be made to an address that a name has led to.</summary>
    /// <param name="uri">The address that was asked for; <see cref="FindProblem(Uri)"/> has found nothing wrong with it.</param>
    /// <param name="address">Where the host leads.</param>
    /// <param name="cancellationToken">Ends the look-up of where the service is.</param>
    public async ValueTask<bool> PermitsAsync(Uri uri, IPAddress address, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(uri);
        AddressRealm realm = AddressRealms.Of(address);
        if (IsPlain(uri) && realm != AddressRealm.Loopback)
        {
            return false;
        }

        string host = AddressRealms.HostOf(uri);
        if (realm == AddressRealm.Public
            || (realm == AddressRealm.Benchmark && !IPAddress.TryParse(host, out _))
            || _own.Value.Realms.Contains(realm)
            || _own.Value.Hosts.Contains(host))
        {
            return true;
        }

        foreach (string name in _own.Value.Names)
        {
            if ((await ResolveAsync(name, cancellationToken).ConfigureAwait(false)).Contains(realm))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether what is sent to an address can be read on the way.</summary>
    public static bool IsPlain(Uri uri)
    {
        ArgumentNullException.ThrowIfNull(uri);
        return uri.Scheme == Uri.UriSchemeHttp;
    }

    /// <summary>Where an address leads, in words that follow it.</summary>
    public static string Describe(AddressRealm realm) => realm switch
    {
        AddressRealm.Loopback => "leads to this machine itself",
        AddressRealm.Private => "leads into a private network",
        AddressRealm.LinkLocal => "leads to a link-local address, where clouds keep their metadata",
        AddressRealm.Public => "leads to the internet",
        _ => "leads to an address that no host on the internet has",
    };

    /// <summary>Whether there is a host that can be looked up: not every host that can be written can be.</summary>
    private static bool HasHost(Uri uri)
    {
        try
        {
            return AddressRealms.HostOf(uri).Length > 0;
        }
        catch (UriFormatException)
        {
            return false;
        }
    }

    private async Task<AddressRealm[]> ResolveAsync(string name, CancellationToken cancellationToken)
    {
        if (_resolved.TryGetValue(name, out AddressRealm[]? known))
        {
            return known;
        }

        try
        {
            IPAddress[] addresses = await _resolve(name, cancellationToken).ConfigureAwait(false);
            return _resolved[name] = [.. addresses.Select(AddressRealms.Of).Distinct()];
        }
        catch (SocketException)
        {
            return [];
        }
    }

    /// <summary>Where the service itself is.</summary>
    /// <param name="Hosts">Its hosts.</param>
    /// <param name="Realms">Where they lead according to their text, except to the internet.</param>
    /// <param name="Names">Those that may lead anywhere, and are looked up.</param>
    private sealed record OwnPlaces(HashSet<string> Hosts, HashSet<AddressRealm> Realms, string[] Names)
    {
        public static OwnPlaces Of(IReadOnlyCollection<Uri> own, IEnumerable<string> known)
        {
            HashSet<string> hosts = [.. own.Select(AddressRealms.HostOf)];
            return new(
                hosts,
                [.. own.Select(AddressRealms.Of).Where(realm => realm is not (AddressRealm.Public or AddressRealm.Nowhere))],
                [.. hosts.Where(host => !IPAddress.TryParse(host, out _)).Except(known)]);
        }
    }
}
