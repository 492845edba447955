using KlingPS.Core.Model;
using KlingPS.Core.Reporting;
using KlingPS.Core.Submitting;
using KlingPS.Core.Tests.Api;
using KlingPS.Core.Tests.Stages;

namespace KlingPS.Core.Tests.Submitting;

/// <summary>What is left of a day's limit, where what was bought that day is not in the records any more.</summary>
public sealed class BalanceWatchTests : IAsyncDisposable
{
    private readonly PipelineHarness _harness = new();

    public ValueTask DisposeAsync() => _harness.DisposeAsync();

    [Fact]
    public async Task A_run_is_not_said_to_be_too_dear_for_videos_that_the_limit_of_the_day_leaves_out()
    {
        await RemoveTwoAsync();
        _harness.Session.DailyCreditCap = 126;
        _harness.Service.On(FakeService.CreditPath, Replies.Data("60"));
        var watch = new BalanceWatch(_harness.NewService(), new BudgetLimit { RunId = "run" });
        for (int i = 0; i < 3; i++)
        {
            watch.Note(42, identity: null);
        }

        watch.Complete(3);

        Assert.True(await _harness.Clock.RunAsync(watch.TryTakeAsync(42, "a", CancellationToken.None)));
        Assert.Empty(_harness.Observer.Warnings);
    }

    [Fact]
    public async Task A_monitor_is_not_told_that_more_may_be_spent_than_the_limit_of_the_day_allows()
    {
        await RemoveTwoAsync();

        LedgerMetrics metrics = await LedgerMetrics.ReadAsync(_harness.Ledger, _harness.Session.Account, CancellationToken.None);

        Assert.Matches(@"klingps_daily_cap_left_credits\{[^}]*\} 42\n", LedgerMetrics.Write([metrics with { DailyCap = 126 }], "0.1.0", _harness.Clock.GetUtcNow()));
    }

    /// <summary>Buys two videos today and removes their records, as a script does that tidies up.</summary>
    private async Task RemoveTwoAsync()
    {
        foreach (string id in (string[])["t1", "t2"])
        {
            await _harness.Ledger.Tasks.RemoveAsync((await _harness.FinishedAsync(id)).Id);
        }
    }
}
