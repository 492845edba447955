using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using KlingPS.Core.Files;
using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger.Postgres;

/// <summary>
/// Finds out why the provider has rejected the certificate of a server: it only says that it did, and allows no other check
/// beside its own verification. The server is asked once more for its certificate, and for nothing else: the handshake ends there, whatever
/// the certificate is, and nothing is sent.
/// </summary>
internal static class CertificateProbe
{
    private const int MaxRootLength = 1024 * 1024;
    private const int MaxNames = 5;
    private const int LongestName = 200;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(8);

    /// <summary>The request for TLS: its length, and the number that stands for it.</summary>
    private static readonly byte[] s_request = [0, 0, 0, 8, 0x04, 0xD2, 0x16, 0x2F];

    /// <summary>What is wrong with the first faulty certificate of a host.</summary>
    /// <param name="address">Where the ledger is.</param>
    /// <returns>The problem in words, with what to do; <see langword="null"/> if nothing is found.</returns>
    public static async Task<string?> FindProblemAsync(ServerAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        using var limit = new CancellationTokenSource(s_patience);
        foreach (ServerHost host in address.Hosts.Where(host => !host.IsSocket))
        {
            try
            {
                if (await FindProblemAsync(host, address, limit.Token).ConfigureAwait(false) is string problem)
                {
                    return problem;
                }
            }
            catch (Exception e) when (e is SocketException or IOException or OperationCanceledException or CryptographicException or UnauthorizedAccessException)
            {
                // Then all that is known is what the provider said.
            }
        }

        return null;
    }

    private static async Task<string?> FindProblemAsync(ServerHost host, ServerAddress address, CancellationToken cancellationToken)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(host.Name, host.Port ?? ServerAddress.DefaultPort, cancellationToken).ConfigureAwait(false);
        NetworkStream stream = client.GetStream();
        await stream.WriteAsync(s_request, cancellationToken).ConfigureAwait(false);
        byte[] answer = new byte[1];
        await stream.ReadExactlyAsync(answer, cancellationToken).ConfigureAwait(false);
        if (answer[0] != (byte)'S')
        {
            return null;
        }

        X509Certificate2Collection? roots = address.RootCertificate is string path ? ReadRoots(path) : null;
        string? problem = null;
        var tls = new SslStream(stream);
        await using (tls.ConfigureAwait(false))
        {
            try
            {
                await tls.AuthenticateAsClientAsync(
                    new SslClientAuthenticationOptions
                    {
                        TargetHost = host.Name,
                        RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
                        {
                            problem = certificate is null ? null : Judge(new X509Certificate2(certificate), chain, errors, roots, host, address);
                            return false;
                        },
                    },
                    cancellationToken).ConfigureAwait(false);
            }
            catch (AuthenticationException)
            {
                // This always happens; by now it is known what is wrong.
            }
        }

        return problem;
    }

    private static X509Certificate2Collection ReadRoots(string path)
    {
        X509Certificate2Collection roots = [];
        roots.ImportFromPem(Encoding.Latin1.GetString(OrdinaryFile.ReadAllBytes(path, MaxRootLength)));
        return roots;
    }

    private static string? Judge(X509Certificate2 certificate, X509Chain? chain, SslPolicyErrors errors, X509Certificate2Collection? roots, ServerHost host, ServerAddress address)
    {
        X509ChainStatusFlags flags = FindFlags(certificate, chain, roots);
        List<string> problems = [];
        if (address.EffectiveTls == TlsMode.VerifyFull && errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
        {
            problems.Add(
                $"the certificate of the server is not for '{host.Name}' but for {ListNames(certificate)}, so this may be another server than yours. "
                + $"Give the host in the address as the certificate has it, or the server a certificate for '{host.Name}'");
        }

        if ((flags & (X509ChainStatusFlags.UntrustedRoot | X509ChainStatusFlags.PartialChain)) != 0)
        {
            string issuer = ReceivedText.Cut(certificate.Issuer, LongestName);
            problems.Add(address.RootCertificate is string path
                ? $"the certificate of the server is not from an authority whose certificate is in '{path}' (sslrootcert), but from '{issuer}'. If that authority is your own, put its certificate there"
                : $"the authority of the server's certificate, '{issuer}', is not trusted here. If it is your own, name its certificate in the address, with sslrootcert=/full/path (Root Certificate= in a connection string)");
        }

        if (flags.HasFlag(X509ChainStatusFlags.NotTimeValid))
        {
            problems.Add(DateTime.Now > certificate.NotAfter ? string.Create(CultureInfo.InvariantCulture, $"the certificate of the server expired on {certificate.NotAfter:yyyy-MM-dd}. Renew it there")
                : DateTime.Now < certificate.NotBefore ? string.Create(CultureInfo.InvariantCulture, $"the certificate of the server is not valid before {certificate.NotBefore:yyyy-MM-dd}. Check the clock of this machine")
                : "the certificate of an authority of the server has expired, or is not valid yet. Renew it");
        }

        return problems.Count == 0 ? null : string.Join(". Besides, ", problems);
    }

    /// <summary>What is wrong with the chain, judged by the authorities that count: those of the address if it names any, else those of the system.</summary>
    private static X509ChainStatusFlags FindFlags(X509Certificate2 certificate, X509Chain? given, X509Certificate2Collection? roots)
    {
        if (roots is null)
        {
            return FlagsOf(given);
        }

        using var chain = new X509Chain();
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(roots);
        chain.ChainPolicy.ExtraStore.AddRange((X509Certificate2[])[.. given?.ChainElements.Select(element => element.Certificate) ?? []]);
        chain.Build(certificate);
        return FlagsOf(chain);
    }

    private static X509ChainStatusFlags FlagsOf(X509Chain? chain)
        => (chain?.ChainStatus ?? []).Aggregate(X509ChainStatusFlags.NoError, (flags, status) => flags | status.Status);

    private static string ListNames(X509Certificate2 certificate)
    {
        X509SubjectAlternativeNameExtension[] extensions = [.. certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>()];
        string[] names = [.. extensions.SelectMany(extension => extension.EnumerateDnsNames().Concat(extension.EnumerateIPAddresses().Select(ip => ip.ToString())))];
        names = names.Length > 0 ? names : [certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false)];
        string shown = string.Join(", ", names.Take(MaxNames).Select(name => $"'{ReceivedText.Cut(name, LongestName)}'"));
        return names.Length > MaxNames ? string.Create(CultureInfo.InvariantCulture, $"{shown} and {names.Length - MaxNames} more") : shown;
    }
}
