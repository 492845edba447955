using KlingPS.Torture;

namespace KlingPS.Core.Tests.Torture;

/// <summary>Several machines that share a ledger on a server; <c>bench torture --machines</c> does the same at length.</summary>
public class MachineTortureTests
{
    [Fact(Timeout = 600_000)]
    public async Task Machines_that_are_killed_and_cut_off_from_their_ledger_pay_for_no_image_twice()
    {
        await using var server = new Server(await PostgresServer.StartAsync(isDurable: true));
        var options = new TortureOptions { Points = 4, Images = 2, Machines = 2, Workers = 1, Seed = 20261126, Server = server };
        TortureReport report = await KillTorture.RunAsync(options, TestContext.Current.CancellationToken);
        TestContext.Current.TestOutputHelper?.WriteLine($"{report}");

        Assert.Empty(report.Problems);
        Assert.InRange(report.Points, options.Points, int.MaxValue);
    }

    private sealed class Server(PostgresServer server) : ITortureServer, IAsyncDisposable
    {
        public string AddressOf(int round)
            => FormattableString.Invariant($"postgresql://{PostgresServer.Role}@127.0.0.1:{server.Port}/ledgers?schema=round_{round}&sslmode=disable");

        public async Task DisturbAsync(Random random, CancellationToken cancellationToken)
        {
            await server.StopAsync();
            await server.StartAgainAsync();
        }

        public ValueTask DisposeAsync() => server.DisposeAsync();
    }
}
