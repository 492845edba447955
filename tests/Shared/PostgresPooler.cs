using System.Diagnostics;

namespace KlingPS.Tests.Shared;

/// <summary>A pgbouncer in front of a server, which gives each transaction another of its connections.</summary>
internal sealed class PostgresPooler : IAsyncDisposable
{
    private const string Executable = "/usr/sbin/pgbouncer";

    private static readonly Lazy<Task<PostgresPooler>> s_shared = new(async () => await StartAsync(await PostgresServer.Shared));

    private readonly string _folder;
    private Process? _process;

    private PostgresPooler(string folder, int port)
    {
        _folder = folder;
        Port = port;
    }

    /// <summary>Why there is no pooler; <see langword="null"/> if there can be one.</summary>
    public static string? Missing { get; } = PostgresServer.Missing ?? (File.Exists(Executable) ? null : "pgbouncer is not installed (on Debian: apt-get install pgbouncer).");

    /// <summary>The pooler in front of <see cref="PostgresServer.Shared"/>.</summary>
    public static Task<PostgresPooler> Shared => s_shared.Value;

    /// <summary>Its port on 127.0.0.1.</summary>
    public int Port { get; }

    /// <summary>Starts a pooler in front of a server.</summary>
    public static async Task<PostgresPooler> StartAsync(PostgresServer server)
    {
        Assert.SkipWhen(Missing is not null, Missing ?? string.Empty);
        var pooler = new PostgresPooler(Directory.CreateTempSubdirectory("klingps-pooler-").FullName, LoopbackPort.Reserve());
        await File.WriteAllTextAsync(
            Path.Combine(pooler._folder, "pgbouncer.ini"),
            FormattableString.Invariant($"""
                [databases]
                * = host=127.0.0.1 port={server.Port} user={PostgresServer.Role}
                [pgbouncer]
                listen_addr = 127.0.0.1
                listen_port = {pooler.Port}
                unix_socket_dir =
                auth_type = any
                pool_mode = transaction
                default_pool_size = 20
                server_tls_sslmode = disable
                """));
        await PostgresServer.RunAsync("chown", ["-R", Unprivileged.User, pooler._folder]);
        await pooler.StartAgainAsync();
        return pooler;
    }

    /// <summary>Stops it at once, with all its connections.</summary>
    public async Task StopAsync()
    {
        _process!.StandardInput.Close();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    /// <summary>Starts it again, on its port.</summary>
    public async Task StartAgainAsync()
        => _process = await Unprivileged.StartAsync(Path.Combine(_folder, "none"), Executable, [Path.Combine(_folder, "pgbouncer.ini")], "process up", "TERM");

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
