using KlingPS.Core.Model;
using KlingPS.Core.Reporting;
using KlingPS.Core.Submitting;
using KlingPS.Core.Tests.Api;
using KlingPS.Core.Tests.Stages;

namespace KlingPS.Core.Tests.Submitting;

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
    public async Task The_balance_is_asked_for_while_images_are_still_read_and_the_warning_counts_them_all()
    {
        _harness.Service.On(FakeService.CreditPath, Replies.Data("60"));
        var watch = new BalanceWatch(_harness.NewService(), new BudgetLimit { RunId = "run" });
        watch.Note(42, identity: null);
        Task<bool> taking = watch.TryTakeAsync(42, "a", CancellationToken.None);
        await Eventually.TrueAsync(() => _harness.Session.LastBalance is not null);

        watch.Note(42, identity: null);
        Assert.False(taking.IsCompleted);
        Assert.Empty(_harness.Observer.Warnings);
        watch.Complete(2);

        Assert.True(await _harness.Clock.RunAsync(taking));
        Assert.Contains("2 videos are to be bought for 84", Assert.Single(_harness.Observer.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_that_is_stopped_while_images_are_still_read_is_not_warned_of_its_balance()
    {
        _harness.Service.On(FakeService.CreditPath, Replies.Data("60"));
        var watch = new BalanceWatch(_harness.NewService(), new BudgetLimit { RunId = "run" });
        watch.Note(84, identity: null);
        using var stop = new CancellationTokenSource();
        Task<bool> taking = watch.TryTakeAsync(84, "a", stop.Token);
        await Eventually.TrueAsync(() => _harness.Session.LastBalance is not null);

        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => taking);
        watch.Complete(1);

        // Ends as the question does, which all purchases share.
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => watch.TryTakeAsync(84, "b", CancellationToken.None));
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
            await _harness.Ledger.Tasks.RemoveAsync(await _harness.FinishedAsync(id));
        }
    }
}
