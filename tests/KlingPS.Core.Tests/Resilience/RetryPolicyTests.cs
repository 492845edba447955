using KlingPS.Core.Resilience;
using KlingPS.Core.Tests.Saving;
using Microsoft.Extensions.Time.Testing;

namespace KlingPS.Core.Tests.Resilience;

public sealed class RetryPolicyTests
{
    private static readonly Backoff s_second = Backoff.Every(TimeSpan.FromSeconds(1));

    /// <summary>A wait tells which step it belongs to: 1, 2, 4 … seconds.</summary>
    private static readonly Backoff s_growing = new(TimeSpan.FromSeconds(1), TimeSpan.FromHours(1), new Middle());

    private readonly EagerTimeProvider _time = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private double[] Waits => [.. _time.Waits.Select(wait => wait.TotalSeconds)];

    [Fact]
    public async Task What_succeeds_is_not_repeated()
    {
        int result = await Policy(new() { Backoff = s_second }).RunAsync<int>(number => Task.FromResult<Attempt<int>>(number), Token);

        Assert.Equal(1, result);
        Assert.Empty(Waits);
    }

    [Fact]
    public async Task Attempts_are_numbered_and_the_waits_between_them_grow()
    {
        int result = await Policy(new() { Backoff = s_growing }).RunAsync<int>(
            number => Task.FromResult<Attempt<int>>(number < 4 ? new Retry(new IOException()) : number),
            Token);

        Assert.Equal(4, result);
        Assert.Equal([1, 2, 4], Waits);
    }

    [Fact]
    public async Task The_last_failure_is_thrown_as_it_was()
    {
        IOException[] failures = [new("first"), new("second"), new("third"), new("never")];

        IOException thrown = await Assert.ThrowsAsync<IOException>(() => Policy(new() { Backoff = s_second, MaxAttempts = 3 })
            .RunAsync<int>(number => Task.FromResult<Attempt<int>>(new Retry(failures[number - 1])), Token));

        Assert.Same(failures[2], thrown);
        Assert.Equal(2, Waits.Length);
    }

    [Fact]
    public async Task What_an_attempt_throws_ends_it_at_once()
    {
        await Assert.ThrowsAsync<InvalidDataException>(() => Policy(new() { Backoff = s_second })
            .RunAsync<int>(_ => throw new InvalidDataException(), Token));

        Assert.Empty(Waits);
    }

    [Fact]
    public async Task Failures_are_counted_anew_after_progress()
    {
        int attempts = 0;

        await Assert.ThrowsAsync<IOException>(() => Policy(new() { Backoff = s_growing, MaxAttempts = 3, FirstStep = 2 })
            .RunAsync<int>(_ => Task.FromResult<Attempt<int>>(new Retry(new IOException(), HasProgressed: ++attempts == 3)), Token));

        // Two in vain, one that came further, three in vain.
        Assert.Equal(6, attempts);
        Assert.Equal([2, 4, 1, 2, 4], Waits);
    }

    [Fact]
    public async Task Patience_is_measured_from_the_start()
    {
        int attempts = 0;

        await Assert.ThrowsAsync<IOException>(() => Policy(new() { Backoff = s_second, Patience = TimeSpan.FromSeconds(3) })
            .RunAsync<int>(_ => Task.FromResult<Attempt<int>>(new Retry(new IOException($"{++attempts}"))), Token));

        Assert.Equal(4, attempts);
    }

    [Fact]
    public async Task A_failure_may_ask_for_a_wait_of_its_own()
    {
        await Policy(new() { Backoff = s_second }).RunAsync<int>(
            number => Task.FromResult<Attempt<int>>(number switch
            {
                1 => new Retry(new IOException(), Backoff.Every(TimeSpan.FromSeconds(5))),
                2 => new Retry(new IOException(), After: TimeSpan.FromSeconds(30)),
                _ => number,
            }),
            Token);

        Assert.Equal(5, Waits[0]);
        Assert.InRange(Waits[1], 30, 31);
    }

    [Fact]
    public async Task Each_wait_is_told_with_its_reason()
    {
        var told = new List<(string Reason, TimeSpan Delay)>();

        await Policy(new() { Backoff = s_second, OnRetry = (error, delay) => told.Add((error.Message, delay)) }).RunAsync<int>(
            number => Task.FromResult<Attempt<int>>(number < 3 ? new Retry(new IOException($"no. {number}")) : number),
            Token);

        Assert.Equal([("no. 1", TimeSpan.FromSeconds(1)), ("no. 2", TimeSpan.FromSeconds(1))], told);
    }

    [Fact]
    public async Task A_wait_can_be_cancelled()
    {
        using var stop = new CancellationTokenSource();
        Task<int> run = new RetryPolicy(new() { Backoff = s_second }, new FakeTimeProvider())
            .RunAsync<int>(_ => Task.FromResult<Attempt<int>>(new Retry(new IOException())), stop.Token);

        Assert.False(run.IsCompleted);
        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
    }

    [Fact]
    public async Task Only_the_exceptions_that_may_pass_are_followed_by_another_attempt()
    {
        int attempts = 0;

        await Assert.ThrowsAsync<InvalidDataException>(() => Policy(new() { Backoff = s_second }).RunAsync<int>(
            () => throw (++attempts < 3 ? new IOException() : new InvalidDataException()),
            exception => exception is IOException ? new Retry(exception) : null,
            Token));

        Assert.Equal(3, attempts);
        Assert.Equal([1, 1], Waits);
    }

    private RetryPolicy Policy(RetryOptions options) => new(options, _time);

    /// <summary>Takes the jitter out of a backoff: half to one and a half times a wait has the wait in its middle.</summary>
    private sealed class Middle : Random
    {
        public override double NextDouble() => 0.5;
    }
}
