using System.Runtime.ExceptionServices;

namespace KlingPS.Core.Resilience;

/// <summary>How often and for how long a failed attempt is repeated.</summary>
internal sealed record RetryOptions
{
    /// <summary>How long to wait between two attempts, unless the failure says otherwise.</summary>
    public required Backoff Backoff { get; init; }

    /// <summary>How many attempts in a row may fail, the first included; at least 1, and without limit unless set.</summary>
    public int MaxAttempts { get; init; } = int.MaxValue;

    /// <summary>How long after the start a failure still leads to another attempt; without limit unless set.</summary>
    public TimeSpan? Patience { get; init; }

    /// <summary>Which step of the backoff follows the first failure, from 1. An attempt that made progress is always followed by step 1.</summary>
    public int FirstStep { get; init; } = 1;

    /// <summary>Called with the failure and the wait before the next attempt.</summary>
    public Action<Exception, TimeSpan>? OnRetry { get; init; }
}

/// <summary>A failed attempt that should be repeated.</summary>
/// <param name="Error">Why it failed; thrown when it is not repeated any more.</param>
/// <param name="Backoff">How long to wait; the policy's own backoff if <see langword="null"/>.</param>
/// <param name="After">The shortest wait that the other side asked for; one above <see cref="Resilience.Backoff.LongestRetryAfter"/> ends the attempts.</param>
/// <param name="HasProgressed">Whether it got further than any attempt before, so that the count of failures starts again.</param>
internal sealed record Retry(Exception Error, Backoff? Backoff = null, TimeSpan? After = null, bool HasProgressed = false);

/// <summary>How an attempt ended: with a value, or with a <see cref="Resilience.Retry"/>. An attempt that is not worth repeating throws.</summary>
/// <typeparam name="T">The value.</typeparam>
internal readonly struct Attempt<T>
{
    private Attempt(T? value, Retry? retry)
    {
        Value = value;
        Retry = retry;
    }

    /// <summary>The value, if there is no <see cref="Retry"/>.</summary>
    public T? Value { get; }

    /// <summary>Why and when to repeat the attempt.</summary>
    public Retry? Retry { get; }

    public static implicit operator Attempt<T>(T value) => new(value, null);

    public static implicit operator Attempt<T>(Retry retry) => new(default, retry);
}

/// <summary>Repeats what failed for a reason that may pass. Safe for concurrent use.</summary>
/// <param name="options">How often and for how long.</param>
/// <param name="time">The clock.</param>
internal sealed class RetryPolicy(RetryOptions options, TimeProvider time)
{
    /// <summary>Makes attempts until one succeeds, throws, or is the last that may fail.</summary>
    /// <param name="attempt">Makes one attempt; takes its number in the current row of failures, from 1.</param>
    /// <param name="cancellationToken">Ends the wait between two attempts; an attempt observes its own.</param>
    /// <exception cref="OperationCanceledException">The wait was cancelled.</exception>
    /// <remarks>What an attempt throws is thrown at once; in the end, the <see cref="Retry.Error"/> of the last one is thrown.</remarks>
    public async Task<T> RunAsync<T>(Func<int, Task<Attempt<T>>> attempt, CancellationToken cancellationToken)
    {
        long start = time.GetTimestamp();
        for (int failures = 0; ;)
        {
            Attempt<T> result = await attempt(failures + 1).ConfigureAwait(false);
            if (result.Retry is not Retry retry)
            {
                return result.Value!;
            }

            failures = retry.HasProgressed ? 0 : failures + 1;
            if (failures >= options.MaxAttempts || time.GetElapsedTime(start) >= options.Patience || retry.After > Backoff.LongestRetryAfter)
            {
                ExceptionDispatchInfo.Throw(retry.Error);
            }

            int step = retry.HasProgressed ? 1 : failures + options.FirstStep - 1;
            TimeSpan delay = (retry.Backoff ?? options.Backoff).Next(step, retry.After);
            options.OnRetry?.Invoke(retry.Error, delay);
            await Task.Delay(delay, time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Repeats work that fails with exceptions.</summary>
    /// <param name="work">Makes one attempt.</param>
    /// <param name="judge">Says whether the cause of an exception may pass; for <see langword="null"/> the exception is thrown.</param>
    /// <param name="cancellationToken">Ends the wait between two attempts.</param>
    public Task<T> RunAsync<T>(Func<Task<T>> work, Func<Exception, Retry?> judge, CancellationToken cancellationToken) => RunAsync<T>(
        async _ =>
        {
            Retry? retry = null;
            try
            {
                return await work().ConfigureAwait(false);
            }
            catch (Exception exception) when ((retry = judge(exception)) is not null)
            {
                return retry!;
            }
        },
        cancellationToken);
}
