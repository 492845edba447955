using KlingPS.Torture;

namespace KlingPS.Core.Tests.Torture;

/// <summary>A short round; <c>bench torture</c> does the same at length.</summary>
public class TortureTests
{
    [Fact(Timeout = 600_000)]
    public async Task Killed_runs_pay_for_no_image_twice_and_lose_no_paid_video()
    {
        var options = new TortureOptions { Points = 8, Workers = 2, ResponsesLost = 0.15, Seed = 20261122 };
        TortureReport report = await KillTorture.RunAsync(options, TestContext.Current.CancellationToken);
        TestContext.Current.TestOutputHelper?.WriteLine($"{report}");

        Assert.Empty(report.Problems);
        Assert.InRange(report.Points, options.Points, int.MaxValue);

        // Otherwise nothing was put to the test: kills have to leave paid tasks that only an unknown attempt stands for.
        Assert.NotEqual(0, report.AcceptedWithoutRecord);
    }
}
