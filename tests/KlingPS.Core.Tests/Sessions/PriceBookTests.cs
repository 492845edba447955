using KlingPS.Core.Model;
using KlingPS.Core.Sessions;
using KlingPS.Core.Tests.Ledger;
using KlingPS.Core.Tests.Stages;

namespace KlingPS.Core.Tests.Sessions;

public sealed class PriceBookTests : IAsyncDisposable
{
    private readonly PipelineHarness _harness = new();

    public ValueTask DisposeAsync() => _harness.DisposeAsync();

    [Theory]
    [InlineData(null, 0)]
    [InlineData(30, 1)]
    public void What_the_service_took_for_a_video_of_unknown_length_is_not_said_to_be_another_price(int? seconds, int warnings)
    {
        VideoSpec spec = new() { Prompt = "a fox runs", Model = "kling-2.6/motion-control", Video = MediaSource.FromUri("https://i.example/a.mp4"), InputSeconds = seconds };
        var task = new KlingVideoTask { Id = 1, Account = TempLedger.Account, TaskState = KlingTaskState.Succeeded, Spec = spec, Identity = spec.GetIdentity() };

        new PriceBook(_harness.Session, _harness.Observer).Learn(task, TempLedger.Snapshot("t1", KlingTaskState.Succeeded, 331));

        Assert.Equal(warnings, _harness.Observer.Warnings.Count);
    }
}
