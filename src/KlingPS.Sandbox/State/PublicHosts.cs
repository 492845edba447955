using System.Net;
using System.Net.Sockets;

namespace KlingPS.Sandbox.State;

/// <summary>Which addresses a service on the internet could reach, judging by their text alone: the sandbox looks no names up.</summary>
internal static class PublicHosts
{
    /// <summary>Names that no host on the internet has.</summary>
    private static readonly string[] s_private = ["localhost", ".localhost", ".local", ".internal", ".lan", ".home.arpa", ".invalid"];

    /// <summary>Whether it is an http or https address on a host that is not obviously private.</summary>
    internal static bool IsPublic(Uri uri)
    {
        if (uri.Scheme is not ("http" or "https"))
        {
            return false;
        }

        string host = uri.IdnHost.TrimEnd('.');
        return IPAddress.TryParse(host, out IPAddress? address)
            ? IsPublic(address)
            : host.Contains('.', StringComparison.Ordinal) && !s_private.Any(name => host.EndsWith(name, StringComparison.OrdinalIgnoreCase));
    }

    private static bool IsPublic(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
        {
            address = address.MapToIPv4();
        }

        if (address.AddressFamily == AddressFamily.InterNetworkV6)
        {
            return !IPAddress.IsLoopback(address) && !address.IsIPv6LinkLocal && !address.IsIPv6UniqueLocal && !address.Equals(IPAddress.IPv6Any);
        }

        return address.GetAddressBytes() is not ([0 or 10 or 127, ..] or [192, 168, ..] or [172, >= 16 and <= 31, ..] or [169, 254, ..] or [100, >= 64 and <= 127, ..]);
    }
}
