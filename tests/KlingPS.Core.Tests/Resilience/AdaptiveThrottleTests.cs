using KlingPS.Core.Resilience;

namespace KlingPS.Core.Tests.Resilience;

public sealed class AdaptiveThrottleTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Nobody_waits_before_a_refusal()
    {
        var throttle = new AdaptiveThrottle();

        Assert.Null(await throttle.EnterAsync(Token));
        Assert.Null(await throttle.EnterAsync(Token));
    }

    [Fact]
    public async Task After_a_refusal_one_goes_at_a_time()
    {
        var throttle = new AdaptiveThrottle();
        throttle.OnRateLimited();

        IDisposable? first = await throttle.EnterAsync(Token);
        Task<IDisposable?> second = throttle.EnterAsync(Token);

        Assert.NotNull(first);
        Assert.False(second.IsCompleted);
        first.Dispose();
        first.Dispose();
        Assert.NotNull(await second);
        Assert.False(throttle.EnterAsync(Token).IsCompleted);
    }

    [Fact]
    public async Task Once_enough_requests_are_accepted_in_a_row_all_may_go()
    {
        var throttle = new AdaptiveThrottle();
        throttle.OnRateLimited();
        IDisposable? first = await throttle.EnterAsync(Token);
        Task<IDisposable?>[] others = [throttle.EnterAsync(Token), throttle.EnterAsync(Token)];

        for (int i = 1; i < AdaptiveThrottle.AcceptancesToRelease; i++)
        {
            throttle.OnAccepted();
        }

        first!.Dispose();
        IDisposable? second = await await Task.WhenAny(others);
        Assert.NotNull(second);
        throttle.OnRateLimited();
        for (int i = 0; i < AdaptiveThrottle.AcceptancesToRelease; i++)
        {
            throttle.OnAccepted();
        }

        second.Dispose();

        Assert.Single(await Task.WhenAll(others), turn => turn is null);
        Assert.Null(await throttle.EnterAsync(Token));
    }

    [Fact]
    public async Task Who_gives_up_waiting_holds_up_nobody()
    {
        var throttle = new AdaptiveThrottle();
        throttle.OnRateLimited();
        IDisposable? first = await throttle.EnterAsync(Token);
        using var stop = new CancellationTokenSource();
        Task<IDisposable?> second = throttle.EnterAsync(stop.Token);
        Task<IDisposable?> third = throttle.EnterAsync(Token);

        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        first!.Dispose();

        Assert.NotNull(await third);
    }
}
