using System.Data.Common;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;

namespace KlingPS.Core.Ledger.Postgres;

/// <summary>
/// Reads the address of a database: <c>postgresql://user@host:port/database?sslmode=…</c> in the form that libpq takes, or an Npgsql connection
/// string. No message repeats what was given: it may contain a password anywhere.
/// </summary>
internal static partial class ServerAddressParser
{
    private const int MaxLength = 4096;
    private const int MaxName = 63;
    private const string Separator = "://";
    private const string HowToEncode = "A character of a name or of the password that has a meaning in addresses is written as %XX: @ as %40, / as %2F, : as %3A";

    private static readonly UTF8Encoding s_strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private static readonly string[] s_schemes = ["postgresql" + Separator, "postgres" + Separator];

    /// <summary>The settings of an address by all their names, in lower case and without blanks, hyphens and underscores.</summary>
    private static readonly Dictionary<string, string> s_names = new(StringComparer.Ordinal)
    {
        ["host"] = "host",
        ["server"] = "host",
        ["port"] = "port",
        ["database"] = "database",
        ["db"] = "database",
        ["dbname"] = "database",
        ["username"] = "user",
        ["userid"] = "user",
        ["user"] = "user",
        ["uid"] = "user",
        ["password"] = "password",
        ["psw"] = "password",
        ["pwd"] = "password",
        ["sslmode"] = "sslmode",
        ["channelbinding"] = "channel_binding",
        ["sslrootcert"] = "sslrootcert",
        ["rootcertificate"] = "sslrootcert",
        ["sslcert"] = "sslcert",
        ["sslcertificate"] = "sslcert",
        ["sslkey"] = "sslkey",
        ["passfile"] = "passfile",
        ["schema"] = "schema",
        ["searchpath"] = "schema",
    };

    /// <summary>Settings in connection strings of other programs, which this program decides itself.</summary>
    private static readonly HashSet<string> s_ignored =
    [
        "pooling", "minimumpoolsize", "maximumpoolsize", "minpoolsize", "maxpoolsize", "connectionidlelifetime", "noresetonclose", "maxautoprepare",
        "multiplexing", "keepalive", "tcpkeepalive", "timeout", "connecttimeout", "commandtimeout", "applicationname", "targetsessionattributes",
        "targetsessionattrs", "persistsecurityinfo", "includeerrordetail", "fallbackapplicationname", "clientencoding", "encoding",
    ];

    /// <summary>Whether a text is the address of a database rather than a path. Full paths and those that begin with a dot never are.</summary>
    public static bool IsAddress(string text) => HasScheme(text) || IsConnectionString(text);

    /// <summary>Whether a text has several settings separated by blanks, as libpq takes them: <c>host=db dbname=ledgers</c>. A full path never has.</summary>
    public static bool HasKeywords(string text) => !Path.IsPathFullyQualified(text) && Keyword().Matches(text).Count(match => IsKnown(match.Groups[1].Value)) > 1;

    /// <summary>Reads an address.</summary>
    /// <param name="text">The text.</param>
    /// <param name="address">The address.</param>
    /// <returns><see langword="null"/>, or why the address cannot be used, as a clause about it.</returns>
    public static string? TryParse(string text, out ServerAddress? address)
    {
        address = null;
        try
        {
            address = Parse(text);
            return null;
        }
        catch (FormatException e)
        {
            return e.Message;
        }
    }

    /// <summary>The name of a mode in an address.</summary>
    public static string NameOf(TlsMode mode) => mode switch
    {
        TlsMode.Disable => "disable",
        TlsMode.Require => "require",
        TlsMode.VerifyCA => "verify-ca",
        _ => "verify-full",
    };

    private static bool HasScheme(string text) => s_schemes.Any(scheme => text.StartsWith(scheme, StringComparison.OrdinalIgnoreCase));

    /// <summary>
    /// A connection string has several known settings; a file can have the name <c>host=x.db</c>. One that begins with the name of a setting
    /// and is not written properly still counts as one: a password in it must not become part of a path.
    /// </summary>
    private static bool IsConnectionString(string text)
    {
        int end = text.IndexOf('=', StringComparison.Ordinal);
        if (end < 0 || Path.IsPathFullyQualified(text))
        {
            return false;
        }

        try
        {
            return new DbConnectionStringBuilder { ConnectionString = text }.Keys.Cast<string>().Count(IsKnown) > 1;
        }
        catch (ArgumentException)
        {
            return IsKnown(text[..end]) && text.Contains(';', StringComparison.Ordinal);
        }
    }

    private static bool IsKnown(string name) => s_names.ContainsKey(Simplify(name)) || s_ignored.Contains(Simplify(name));

    private static ServerAddress Parse(string text)
    {
        if (text.Length > MaxLength)
        {
            throw new FormatException("it is too long");
        }

        if (text.Any(char.IsControl))
        {
            throw new FormatException("it has characters in it that no address has");
        }

        var settings = new Dictionary<string, string>(StringComparer.Ordinal);
        List<ServerHost> hosts = [];
        if (HasScheme(text))
        {
            hosts = ReadAddress(text[(text.IndexOf(Separator, StringComparison.Ordinal) + Separator.Length)..], settings);
        }
        else
        {
            ReadSettings(text).ForEach(setting => Add(settings, setting.Name, setting.Value));
        }

        if (settings.TryGetValue("host", out string? named))
        {
            hosts = hosts.Count == 0 ? [.. named.Split(',').Select(ReadHost)] : throw new FormatException("it names the host twice");
        }

        if (settings.TryGetValue("port", out string? ports))
        {
            hosts = AddPorts(hosts, ports);
        }

        if (hosts.Count == 0)
        {
            throw new FormatException("it names no host. Write postgresql://host/database");
        }

        var address = new ServerAddress
        {
            Hosts = hosts,
            Database = settings.GetValueOrDefault("database") ?? throw new FormatException("it names no database. Write postgresql://host/database"),
            User = settings.GetValueOrDefault("user"),
            Password = settings.TryGetValue("password", out string? password) ? new LedgerPassword(password) : null,
            Schema = ReadSchema(settings.GetValueOrDefault("schema")),
            Tls = ReadTls(settings.GetValueOrDefault("sslmode")),
            Binding = ReadBinding(settings.GetValueOrDefault("channel_binding")),
            RootCertificate = settings.GetValueOrDefault("sslrootcert") is string root && root != "system" ? RequireFull(root, "sslrootcert") : null,
            Certificate = RequireFull(settings.GetValueOrDefault("sslcert"), "sslcert"),
            CertificateKey = RequireFull(settings.GetValueOrDefault("sslkey"), "sslkey"),
            PasswordFile = RequireFull(settings.GetValueOrDefault("passfile"), "passfile"),
        };

        // The shown address can be given again, and percent-encoding makes it longer.
        return address.Shown.Length <= MaxLength ? address : throw new FormatException("it is too long");
    }

    /// <summary>Reads what follows the scheme: <c>user:password@host:port,host/database?name=value</c>, percent-encoded.</summary>
    private static List<ServerHost> ReadAddress(string rest, Dictionary<string, string> settings)
    {
        if (Cut(ref rest, '?') is string query)
        {
            foreach (string pair in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
            {
                string name = pair;
                string value = Cut(ref name, '=') ?? throw new FormatException("a setting after the question mark has no value");

                // Behind a question mark in a password that is not encoded properly, there is the rest of it.
                if (NameOf(Decode(name), mayBePassword: query.Contains('@', StringComparison.Ordinal)) is string known)
                {
                    Add(settings, known, Decode(value));
                }
            }
        }

        if (Cut(ref rest, '/') is { Length: > 0 } database)
        {
            Add(settings, "database", database.AsSpan().ContainsAny('@', '/') ? throw new FormatException("the name of its database has an @ or a / in it. " + HowToEncode) : Decode(database));
        }

        // The last one: a password that is not encoded properly must not become part of the host, which is shown.
        int at = rest.LastIndexOf('@');
        if (at >= 0)
        {
            string user = rest[..at];
            if (Cut(ref user, ':') is { Length: > 0 } password)
            {
                Add(settings, "password", Decode(password));
            }

            if (user.Length > 0)
            {
                Add(settings, "user", Decode(user));
            }
        }

        string hosts = rest[(at + 1)..];
        return hosts.Length == 0 ? [] : [.. hosts.Split(',').Select(host => ReadHost(Decode(host)))];
    }

    private static List<(string Name, string Value)> ReadSettings(string text)
    {
        var builder = new DbConnectionStringBuilder();
        try
        {
            builder.ConnectionString = text;
        }
        catch (ArgumentException)
        {
            throw new FormatException("it is not a connection string. Write name=value;name=value, or postgresql://host/database");
        }

        // Behind a semicolon in a password without quotation marks, there is the rest of it.
        bool hasPassword = builder.Keys.Cast<string>().Any(key => s_names.GetValueOrDefault(Simplify(key)) == "password");
        var settings = new List<(string, string)>();
        foreach (string key in builder.Keys)
        {
            if (NameOf(key, mayBePassword: hasPassword) is string name)
            {
                settings.Add((name, builder[key].ToString()!));
            }
        }

        return settings;
    }

    /// <param name="given">The name of a setting.</param>
    /// <param name="mayBePassword">Whether an unknown one may be part of a password, so that no message repeats it.</param>
    /// <returns><see langword="null"/> if the setting is ignored.</returns>
    private static string? NameOf(string given, bool mayBePassword)
    {
        string simple = Simplify(given);
        return s_names.TryGetValue(simple, out string? name) ? name
            : s_ignored.Contains(simple) ? null
            : throw new FormatException(!mayBePassword && simple is { Length: > 0 and <= 40 } && simple.All(char.IsAsciiLetter)
                ? $"it has an unknown setting '{simple}'. The known ones are user, host, port, database, sslmode, channel_binding, sslrootcert, sslcert, sslkey, passfile and schema"
                : "it has an unknown setting. The known ones are user, host, port, database, sslmode, channel_binding, sslrootcert, sslcert, sslkey, passfile and schema");
    }

    private static string Simplify(string name) => string.Concat(name.Where(c => c is not (' ' or '-' or '_'))).ToLowerInvariant();

    private static void Add(Dictionary<string, string> settings, string name, string value)
    {
        if (value.Any(char.IsControl))
        {
            throw new FormatException("it has characters in it that no address has");
        }

        // An empty value counts as none.
        if (value.Length > 0 && !settings.TryAdd(name, value))
        {
            throw new FormatException($"it names the {name} twice");
        }
    }

    private static ServerHost ReadHost(string host)
    {
        string name = host;
        string? port = null;
        if (host.StartsWith('/'))
        {
            // The folder of a socket. A colon in it could not be told from the one before a port.
            port = Cut(ref name, ':');
        }
        else if (host.StartsWith('['))
        {
            int end = host.IndexOf(']', StringComparison.Ordinal);
            name = end > 0 && IPAddress.TryParse(host[1..end], out _) && host[1..end].Contains(':', StringComparison.Ordinal)
                ? host[1..end]
                : throw new FormatException("what is in brackets is not an IPv6 address");
            port = end + 1 == host.Length ? null : host[end + 1] == ':' ? host[(end + 2)..] : throw new FormatException("after the bracket there is more than a port");
        }
        else if (!IPAddress.TryParse(host, out _) || !host.Contains(':', StringComparison.Ordinal))
        {
            port = Cut(ref name, ':');
        }

        return name.Length == 0 || name.Any(c => char.IsWhiteSpace(c) || c is '@' or '?' or '#' or '\\' or '"' or '\'' or ';' or '=' or '[' or ']')
            || (name.Contains('/', StringComparison.Ordinal) && name[0] != '/')
            ? throw new FormatException("its host is not a valid host name. " + HowToEncode)
            : new ServerHost(name, port is null or "" ? null : ReadPort(port));
    }

    private static int ReadPort(string text)
        => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int port) && port is > 0 and <= IPEndPoint.MaxPort
            ? port
            : throw new FormatException("its port is not a number from 1 to 65535. " + HowToEncode);

    /// <summary>One port for all hosts, or one for each.</summary>
    private static List<ServerHost> AddPorts(List<ServerHost> hosts, string text)
    {
        int[] ports = [.. text.Split(',').Select(ReadPort)];
        return hosts.Any(host => host.Port is not null) ? throw new FormatException("it names the port twice")
            : ports.Length != 1 && ports.Length != hosts.Count ? throw new FormatException("the numbers of ports and hosts in it differ")
            : [.. hosts.Select((host, i) => host with { Port = ports[ports.Length == 1 ? 0 : i] })];
    }

    private static string ReadSchema(string? schema)
        => schema is null ? ServerAddress.DefaultSchema
            : Encoding.UTF8.GetByteCount(schema) > MaxName || schema.StartsWith("pg_", StringComparison.OrdinalIgnoreCase) || schema.Contains(',', StringComparison.Ordinal)
                ? throw new FormatException("its schema cannot be used. Name one schema, of 63 bytes at most, that does not begin with pg_")
            : schema;

    private static TlsMode? ReadTls(string? mode) => mode is null ? null : Simplify(mode) switch
    {
        "disable" => TlsMode.Disable,
        "require" => TlsMode.Require,
        "verifyca" => TlsMode.VerifyCA,
        "verifyfull" => TlsMode.VerifyFull,
        "allow" or "prefer" => throw new FormatException("its sslmode would go without TLS where the server, or whoever is in between, says so. Write verify-full, or disable where no TLS is needed"),
        _ => throw new FormatException("its sslmode is not known. Write verify-full, verify-ca, require or disable"),
    };

    private static ChannelBinding ReadBinding(string? binding) => binding is null ? ChannelBinding.Prefer : Simplify(binding) switch
    {
        "disable" => ChannelBinding.Disable,
        "prefer" => ChannelBinding.Prefer,
        "require" => ChannelBinding.Require,
        _ => throw new FormatException("its channel_binding is not known. Write require, prefer or disable"),
    };

    private static string? RequireFull(string? path, string name)
        => path is null || Path.IsPathFullyQualified(path) ? path : throw new FormatException($"its {name} is a different file in every folder. Write the full path");

    /// <summary>Cuts a text at the first occurrence of a mark.</summary>
    /// <returns>What comes after the mark; <see langword="null"/> if there is none.</returns>
    private static string? Cut(ref string text, char mark)
    {
        int i = text.IndexOf(mark, StringComparison.Ordinal);
        if (i < 0)
        {
            return null;
        }

        string rest = text[(i + 1)..];
        text = text[..i];
        return rest;
    }

    private static string Decode(string text)
    {
        var bytes = new List<byte>(Encoding.UTF8.GetBytes(text));
        for (int i = bytes.IndexOf((byte)'%'); i >= 0; i = bytes.IndexOf((byte)'%', i + 1))
        {
            if (i + 2 >= bytes.Count || !byte.TryParse($"{(char)bytes[i + 1]}{(char)bytes[i + 2]}", NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value))
            {
                throw new FormatException("a percent sign in it is not followed by two hexadecimal digits. Write a percent sign itself as %25");
            }

            bytes[i] = value;
            bytes.RemoveRange(i + 1, 2);
        }

        try
        {
            return s_strict.GetString([.. bytes]);
        }
        catch (DecoderFallbackException)
        {
            throw new FormatException("it is not UTF-8 where it is percent-encoded");
        }
    }

    [GeneratedRegex(@"(?:^|\s)(\w+)\s*=")]
    private static partial Regex Keyword();
}
