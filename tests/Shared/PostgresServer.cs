using System.Diagnostics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using KlingPS.Core.Ledger.Postgres;

namespace KlingPS.Tests.Shared;

/// <summary>
/// A PostgreSQL server on loopback, in a folder of its own, from the programs that Debian installs. It ends with its process, however that
/// ends: a shell beside it waits for the end of its input.
/// </summary>
/// <remarks>
/// Everybody is trusted, but for the role <see cref="ScramRole"/>, which has the password <see cref="Password"/>. It speaks TLS with a
/// certificate for <c>localhost</c> by an authority of its own.
/// </remarks>
internal sealed class PostgresServer : IAsyncDisposable
{
    public const string Role = "postgres";
    public const string ScramRole = "scram";
    public const string Password = "pässword: 1\\2";

    private static readonly string? s_programs = Enumerable.Range(13, 20).Reverse().Select(version => $"/usr/lib/postgresql/{version}/bin").FirstOrDefault(folder => File.Exists(Path.Combine(folder, "initdb")));
    private static readonly Lazy<Task<PostgresServer>> s_shared = new(() => StartAsync());

    private readonly List<Process> _processes = [];
    private readonly string[] _options;

    private PostgresServer(string folder, int port, bool isDurable)
    {
        Folder = folder;
        Port = port;
        _options =
        [
            "-D", Data, "-c", "listen_addresses=127.0.0.1", "-c", FormattableString.Invariant($"port={port}"), "-c", $"unix_socket_directories={folder}",
            "-c", "shared_buffers=32MB", "-c", "max_connections=200", "-c", "timezone=UTC", "-c", "logging_collector=off",
            "-c", "ssl=on", "-c", $"ssl_cert_file={folder}/server.crt", "-c", $"ssl_key_file={folder}/server.key",
            .. isDurable ? (string[])[] : ["-c", "fsync=off", "-c", "full_page_writes=off"],
        ];
    }

    /// <summary>Why there is no server; <see langword="null"/> if there can be one.</summary>
    public static string? Missing { get; } = OperatingSystem.IsLinux() && s_programs is not null ? null : "PostgreSQL is not installed (on Debian: apt-get install postgresql).";

    /// <summary>The server of this process, started when it is first needed. It loses what it holds when the power goes.</summary>
    public static Task<PostgresServer> Shared => s_shared.Value;

    /// <summary>Its folder, which holds its socket.</summary>
    public string Folder { get; }

    /// <summary>Its port on 127.0.0.1.</summary>
    public int Port { get; }

    /// <summary>The certificate of the authority that has signed the server's.</summary>
    public string RootCertificate => Path.Combine(Folder, "root.crt");

    private string Data => Path.Combine(Folder, "data");

    /// <summary>Starts a server.</summary>
    /// <param name="isDurable">Whether it survives <see cref="StopAsync"/> at any moment with all that was committed.</param>
    public static async Task<PostgresServer> StartAsync(bool isDurable = false)
    {
        Assert.SkipWhen(Missing is not null, Missing ?? string.Empty);
        string folder = Directory.CreateTempSubdirectory("klingps-pg-").FullName;
        var server = new PostgresServer(folder, LoopbackPort.Reserve(), isDurable);
        server.WriteCertificates();
        await File.WriteAllTextAsync(Path.Combine(folder, "password"), Password);
        await RunAsync("chmod", ["755", folder]);
        await RunAsync("chmod", ["600", Path.Combine(folder, "server.key")]);
        await RunAsync("chown", ["-R", Unprivileged.User, folder]);
        await RunAsync(
            Unprivileged.Program,
            [.. Unprivileged.Arguments, Path.Combine(s_programs!, "initdb"), "-D", server.Data, "-U", Role, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"]);
        await File.WriteAllTextAsync(Path.Combine(server.Data, "pg_hba.conf"), $"host all {ScramRole} all scram-sha-256\nlocal all all trust\nhost all all all trust\n");
        await server.StartAgainAsync();
        await server.SqlAsync($"CREATE ROLE {ScramRole} LOGIN PASSWORD '{Password.Replace("'", "''", StringComparison.Ordinal)}'");
        await server.SqlAsync("CREATE DATABASE ledgers");
        return server;
    }

    /// <summary>Starts the server after <see cref="StopAsync"/>, in its folder and on its port.</summary>
    public async Task StartAgainAsync()
        => _processes.Add(await Unprivileged.StartAsync(Folder, Path.Combine(s_programs!, "postgres"), _options, "ready to accept connections", "QUIT"));

    /// <summary>Stops the server.</summary>
    /// <param name="isImmediate">Whether it drops everything, as at a loss of power; otherwise it ends its connections first.</param>
    public Task StopAsync(bool isImmediate = true)
        => RunAsync(Unprivileged.Program, [.. Unprivileged.Arguments, Path.Combine(s_programs!, "pg_ctl"), "-D", Data, "stop", "-m", isImmediate ? "immediate" : "fast"]);

    /// <summary>The address of a ledger on the server.</summary>
    /// <param name="schema">The schema of the ledger.</param>
    /// <param name="port">The port, where it is reached through something else.</param>
    /// <param name="user">The role.</param>
    /// <param name="settings">More settings.</param>
    public ServerAddress Address(string schema = ServerAddress.DefaultSchema, int? port = null, string user = Role, string settings = "sslmode=disable")
    {
        Assert.Null(ServerAddressParser.TryParse(FormattableString.Invariant($"postgresql://{user}@127.0.0.1:{port ?? Port}/ledgers?schema={schema}&{settings}"), out ServerAddress? address));
        return address!;
    }

    /// <summary>Runs SQL as the superuser.</summary>
    /// <param name="sql">One statement, or several that are one transaction.</param>
    /// <param name="database">The database.</param>
    /// <returns>The first value of the last row, as text.</returns>
    public Task<string> SqlAsync(string sql, string database = "postgres")
        => RunAsync(Path.Combine(s_programs!, "psql"), ["-h", "127.0.0.1", "-p", FormattableString.Invariant($"{Port}"), "-U", Role, "-d", database, "-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-c", sql]);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (Process process in _processes)
        {
            process.StandardInput.Close();
            await process.WaitForExitAsync();
            process.Dispose();
        }
    }

    internal static async Task<string> RunAsync(string program, IEnumerable<string> arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true })!;
        process.StandardInput.Close();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0 ? output.Trim() : throw new InvalidOperationException($"{program}: {output}{await errors}");
    }

    private void WriteCertificates()
    {
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var root = new CertificateRequest("CN=KlingPS tests", rootKey, HashAlgorithmName.SHA256);
        root.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        using X509Certificate2 authority = root.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(2));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var server = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        server.CertificateExtensions.Add(names.Build());
        using X509Certificate2 certificate = server.Create(authority, DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1), [1]);
        File.WriteAllText(RootCertificate, authority.ExportCertificatePem());
        File.WriteAllText(Path.Combine(Folder, "server.crt"), certificate.ExportCertificatePem());
        File.WriteAllText(Path.Combine(Folder, "server.key"), key.ExportPkcs8PrivateKeyPem());
    }
}
