using KlingPS.Torture;

namespace KlingPS.Core.Tests.Callbacks;

public sealed class CallbackFloodTests
{
    [Fact]
    public async Task Of_a_flood_from_many_connections_nothing_bad_is_let_in_and_everything_good_is()
    {
        CallbackFloodReport report = await CallbackFlood.RunAsync(requests: 400, connections: 20, slow: 0);
        TestContext.Current.TestOutputHelper?.WriteLine($"{report}");

        Assert.Empty(report.WrongResponses);
        Assert.Equal(0, report.BadAccepted);
        Assert.NotEqual(0, report.Good);
    }
}
