using System.Globalization;
using System.Text;

namespace KlingPS.Core.Ledger.Postgres;

/// <summary>How much TLS a connection uses.</summary>
internal enum TlsMode
{
    /// <summary>None: for this machine, and for networks whose owner says so.</summary>
    Disable,

    /// <summary>Encrypted, but without checking whose server it is.</summary>
    Require,

    /// <summary>Encrypted, and the server's certificate is from a trusted authority.</summary>
    VerifyCA,

    /// <summary>The same, and the certificate is for the host of the address.</summary>
    VerifyFull,
}

/// <summary>Whether a password is given only to the server at the other end of the TLS connection, and not to anybody in between.</summary>
internal enum ChannelBinding
{
    /// <summary>That is not checked.</summary>
    Disable,

    /// <summary>It is checked if the server can prove it, which is the default.</summary>
    Prefer,

    /// <summary>A server that cannot prove it is refused.</summary>
    Require,
}

/// <summary>A host that may have the database.</summary>
/// <param name="Name">A name, an IP address without brackets, or the folder of a Unix socket.</param>
/// <param name="Port">The port; <see langword="null"/> for 5432.</param>
internal readonly record struct ServerHost(string Name, int? Port)
{
    /// <summary>Whether it is the folder of a Unix socket.</summary>
    public bool IsSocket => Name.StartsWith('/');
}

/// <summary>A ledger in a PostgreSQL database.</summary>
internal sealed record ServerAddress : LedgerAddress
{
    /// <summary>The schema that has the tables, unless another is named.</summary>
    public const string DefaultSchema = "klingps";

    /// <summary>The port of PostgreSQL.</summary>
    public const int DefaultPort = 5432;

    /// <summary>The hosts to try, in this order. At least one.</summary>
    public required IReadOnlyList<ServerHost> Hosts { get; init; }

    /// <summary>The name of the database.</summary>
    public required string Database { get; init; }

    /// <summary>The role; <see langword="null"/> for PGUSER, else the name of the user.</summary>
    public string? User { get; init; }

    /// <summary>The schema that has the tables.</summary>
    public string Schema { get; init; } = DefaultSchema;

    /// <summary>What the address says about TLS; <see langword="null"/> if it says nothing.</summary>
    public TlsMode? Tls { get; init; }

    /// <summary>What the address says about channel binding.</summary>
    public ChannelBinding Binding { get; init; } = ChannelBinding.Prefer;

    /// <summary>The full path of the trusted certificates; <see langword="null"/> for those that the system trusts.</summary>
    public string? RootCertificate { get; init; }

    /// <summary>The full path of this client's own certificate.</summary>
    public string? Certificate { get; init; }

    /// <summary>The full path of its key.</summary>
    public string? CertificateKey { get; init; }

    /// <summary>The full path of a file of passwords; <see langword="null"/> for PGPASSFILE, else the usual one.</summary>
    public string? PasswordFile { get; init; }

    /// <summary>The password, if the address carried one.</summary>
    public LedgerPassword? Password { get; init; }

    /// <summary>How much TLS a connection to these hosts uses.</summary>
    public TlsMode EffectiveTls => Tls ?? (Hosts.All(host => host.IsSocket) ? TlsMode.Disable : TlsMode.VerifyFull);

    /// <inheritdoc/>
    public override string Shown
    {
        get
        {
            var text = new StringBuilder("postgresql://");
            if (User is not null)
            {
                text.Append(Uri.EscapeDataString(User)).Append('@');
            }

            text.AppendJoin(',', Hosts.Select(Show)).Append('/').Append(Uri.EscapeDataString(Database));
            char mark = '?';
            foreach ((string name, string? value) in (ReadOnlySpan<(string, string?)>)
            [
                ("sslmode", Tls is TlsMode mode ? ServerAddressParser.NameOf(mode) : null),
                ("channel_binding", Binding == ChannelBinding.Prefer ? null : Binding.ToString().ToLowerInvariant()),
                ("sslrootcert", RootCertificate),
                ("sslcert", Certificate),
                ("sslkey", CertificateKey),
                ("passfile", PasswordFile),
                ("schema", Schema == DefaultSchema ? null : Schema),
            ])
            {
                if (value is not null)
                {
                    text.Append(mark).Append(name).Append('=').Append(Uri.EscapeDataString(value));
                    mark = '&';
                }
            }

            return text.ToString();
        }
    }

    /// <inheritdoc/>
    public bool Equals(ServerAddress? other) => other is not null && Shown == other.Shown && Password == other.Password;

    /// <inheritdoc/>
    public override int GetHashCode() => Shown.GetHashCode(StringComparison.Ordinal);

    private static string Show(ServerHost host)
    {
        string name = host.Name.Contains(':', StringComparison.Ordinal) && !host.IsSocket ? $"[{host.Name}]" : Uri.EscapeDataString(host.Name);
        return host.Port is int port ? string.Create(CultureInfo.InvariantCulture, $"{name}:{port}") : name;
    }
}

/// <summary>A password for the database. It is never shown.</summary>
/// <param name="Text">The password.</param>
internal sealed record LedgerPassword(string Text)
{
    /// <inheritdoc/>
    public override string ToString() => "***";
}
