using System.Globalization;
using KlingPS.Tests.Shared;
using KlingPS.Torture;

namespace KlingPS.Bench.Postgres;

/// <summary>A PostgreSQL server with a pgbouncer in front of it, for the time of a measurement. What it commits reaches the disk.</summary>
internal sealed class BenchServer : ITortureServer, IAsyncDisposable
{
    private readonly PostgresServer _server;
    private readonly PostgresPooler _pooler;

    private BenchServer(PostgresServer server, PostgresPooler pooler)
    {
        _server = server;
        _pooler = pooler;
    }

    public static async Task<BenchServer> StartAsync()
    {
        PostgresServer server = await PostgresServer.StartAsync(isDurable: true);
        return new BenchServer(server, await PostgresPooler.StartAsync(server));
    }

    /// <summary>The address of a ledger.</summary>
    /// <param name="name">What it is called.</param>
    /// <param name="isPooled">Whether it is reached through pgbouncer.</param>
    public string Address(string name, bool isPooled)
        => string.Create(CultureInfo.InvariantCulture, $"postgresql://{PostgresServer.Role}@127.0.0.1:{(isPooled ? _pooler.Port : _server.Port)}/ledgers?schema={name}&sslmode=disable");

    /// <inheritdoc/>
    /// <remarks>Every second round goes through pgbouncer.</remarks>
    public string AddressOf(int round) => Address(string.Create(CultureInfo.InvariantCulture, $"round_{round}"), round % 2 == 1);

    /// <summary>Runs SQL as the superuser, in the database of the ledgers.</summary>
    public Task<string> SqlAsync(string sql) => _server.SqlAsync(sql, "ledgers");

    /// <inheritdoc/>
    public async Task DisturbAsync(Random random, CancellationToken cancellationToken)
    {
        var pause = TimeSpan.FromMilliseconds(random.Next(0, 1500));
        if (random.Next(2) == 0)
        {
            await _server.StopAsync(isImmediate: true);
            await Task.Delay(pause, cancellationToken);
            await _server.StartAgainAsync();
        }
        else
        {
            await _pooler.StopAsync();
            await Task.Delay(pause, cancellationToken);
            await _pooler.StartAgainAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _pooler.DisposeAsync();
        await _server.DisposeAsync();
    }
}
