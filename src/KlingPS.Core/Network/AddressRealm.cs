using System.Net;
using System.Net.Sockets;

namespace KlingPS.Core.Network;

/// <summary>Where an address leads.</summary>
internal enum AddressRealm
{
    /// <summary>To the internet.</summary>
    Public,

    /// <summary>To this machine itself.</summary>
    Loopback,

    /// <summary>Into a private network: a company, a home, a cloud's own network, the inside of a provider.</summary>
    Private,

    /// <summary>To the same link, where clouds have their metadata services.</summary>
    LinkLocal,

    /// <summary>
    /// To the range for benchmarks, 198.18.0.0/15. Proxies that take over a whole machine resolve public names to it and carry each
    /// connection to where the name really leads. Written as an address, it leads nowhere.
    /// </summary>
    Benchmark,

    /// <summary>To no single host: unspecified, multicast, broadcast, documentation, reserved.</summary>
    Nowhere,
}

/// <summary>Tells where addresses and names lead, however they are written.</summary>
internal static class AddressRealms
{
    private static readonly (IPNetwork Network, AddressRealm Realm)[] s_v4 =
    [
        (IPNetwork.Parse("0.0.0.0/8"), AddressRealm.Nowhere),
        (IPNetwork.Parse("10.0.0.0/8"), AddressRealm.Private),
        (IPNetwork.Parse("100.64.0.0/10"), AddressRealm.Private),
        (IPNetwork.Parse("127.0.0.0/8"), AddressRealm.Loopback),
        (IPNetwork.Parse("169.254.0.0/16"), AddressRealm.LinkLocal),
        (IPNetwork.Parse("172.16.0.0/12"), AddressRealm.Private),
        (IPNetwork.Parse("192.0.0.0/24"), AddressRealm.Private),
        (IPNetwork.Parse("192.0.2.0/24"), AddressRealm.Nowhere),
        (IPNetwork.Parse("192.88.99.0/24"), AddressRealm.Nowhere),
        (IPNetwork.Parse("192.168.0.0/16"), AddressRealm.Private),
        (IPNetwork.Parse("198.18.0.0/15"), AddressRealm.Benchmark),
        (IPNetwork.Parse("198.51.100.0/24"), AddressRealm.Nowhere),
        (IPNetwork.Parse("203.0.113.0/24"), AddressRealm.Nowhere),
        (IPNetwork.Parse("224.0.0.0/3"), AddressRealm.Nowhere),
    ];

    /// <summary>The last parts of names that no public name has: such a name leads into whichever network this machine is in.</summary>
    private static readonly string[] s_privateSuffixes = ["local", "internal", "intranet", "lan", "home", "corp", "private", "home.arpa"];

    /// <summary>Where an address leads; one that contains another, as in 6to4, NAT64 or ::ffff:127.0.0.1, leads where the inner one does.</summary>
    public static AddressRealm Of(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (address.AddressFamily == AddressFamily.InterNetwork)
        {
            return Find(s_v4, address, AddressRealm.Public);
        }

        byte[] bytes = address.GetAddressBytes();
        address = new IPAddress(bytes);
        if (address.IsIPv4MappedToIPv6 || V6.Nat64.Contains(address))
        {
            return Of(new IPAddress(bytes.AsSpan(12)));
        }

        if (V6.SixToFour.Contains(address))
        {
            return Of(new IPAddress(bytes.AsSpan(2, 4)));
        }

        // ISATAP: the last eight bytes are 0:5efe or 200:5efe and an address.
        bool isIsatap = (bytes[8] & 0xFD) == 0 && bytes[9] == 0 && bytes[10] == 0x5E && bytes[11] == 0xFE;
        if (isIsatap && Of(new IPAddress(bytes.AsSpan(12))) is not AddressRealm.Public and var inner)
        {
            return inner;
        }

        AddressRealm realm = Find(V6.Rows, address, V6.Global.Contains(address) ? AddressRealm.Public : AddressRealm.Nowhere);
        return realm == AddressRealm.Nowhere && V6.Compatible.Contains(address) && bytes[12] != 0 ? Of(new IPAddress(bytes.AsSpan(12))) : realm;
    }

    /// <summary>Where the host of an address leads, judging by its text; a name that could be anybody's counts as public.</summary>
    /// <param name="uri">An absolute address with a host.</param>
    public static AddressRealm Of(Uri uri)
    {
        ArgumentNullException.ThrowIfNull(uri);
        string host = HostOf(uri);
        if (IPAddress.TryParse(host, out IPAddress? address))
        {
            return Of(address);
        }

        if (IsOrEndsIn(host, "localhost") || host is "loopback" or "ip6-localhost" or "ip6-loopback" or "localhost.localdomain")
        {
            return AddressRealm.Loopback;
        }

        return !host.Contains('.', StringComparison.Ordinal) || s_privateSuffixes.Any(suffix => IsOrEndsIn(host, suffix)) ? AddressRealm.Private : AddressRealm.Public;
    }

    /// <summary>The host as it is looked up: in lower case, without brackets and without the dot at the end of a complete name.</summary>
    public static string HostOf(Uri uri)
    {
        ArgumentNullException.ThrowIfNull(uri);
        return Normalize(uri.IdnHost);
    }

    /// <inheritdoc cref="HostOf"/>
    public static string Normalize(string host)
    {
        ArgumentNullException.ThrowIfNull(host);
        return host.Trim('[', ']').TrimEnd('.').ToLowerInvariant();
    }

    private static bool IsOrEndsIn(string host, string suffix)
        => host.EndsWith(suffix, StringComparison.Ordinal) && (host.Length == suffix.Length || host[^(suffix.Length + 1)] == '.');

    private static AddressRealm Find((IPNetwork Network, AddressRealm Realm)[] rows, IPAddress address, AddressRealm otherwise)
    {
        foreach ((IPNetwork network, AddressRealm realm) in rows)
        {
            if (network.Contains(address))
            {
                return realm;
            }
        }

        return otherwise;
    }

    /// <summary>The networks of IPv6. They are parsed when the first such address is checked, because that takes longer than everything else in this class.</summary>
    private static class V6
    {
        public static readonly (IPNetwork Network, AddressRealm Realm)[] Rows =
        [
            (IPNetwork.Parse("::1/128"), AddressRealm.Loopback),
            (IPNetwork.Parse("64:ff9b:1::/48"), AddressRealm.Private),
            (IPNetwork.Parse("fc00::/7"), AddressRealm.Private),
            (IPNetwork.Parse("fec0::/10"), AddressRealm.Private),
            (IPNetwork.Parse("fe80::/10"), AddressRealm.LinkLocal),
            (IPNetwork.Parse("2001::/23"), AddressRealm.Nowhere),
            (IPNetwork.Parse("2001:db8::/32"), AddressRealm.Nowhere),
            (IPNetwork.Parse("3fff::/20"), AddressRealm.Nowhere),
        ];

        public static readonly IPNetwork Global = IPNetwork.Parse("2000::/3");
        public static readonly IPNetwork Compatible = IPNetwork.Parse("::/96");
        public static readonly IPNetwork Nat64 = IPNetwork.Parse("64:ff9b::/96");
        public static readonly IPNetwork SixToFour = IPNetwork.Parse("2002::/16");
    }
}
