using System.Runtime.CompilerServices;

namespace KlingPS.Tests.Shared;

/// <summary>Waits for what can only be known by waiting, and fails by saying what it waited for instead of hanging.</summary>
internal static class Eventually
{
    /// <summary>How long a test waits before it gives up. Only a hang lasts that long, however slow or busy the machine is.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    /// <summary>The pauses between two looks spare the processor; nothing depends on their length.</summary>
    private const int ShortestPause = 2;
    private const int LongestPause = 50;

    /// <summary>Waits until a condition holds that raises no event.</summary>
    public static async Task TrueAsync(Func<Task<bool>> condition, [CallerArgumentExpression(nameof(condition))] string what = "")
    {
        long start = Environment.TickCount64;
        for (int attempt = 0; !await condition(); attempt++)
        {
            if (Environment.TickCount64 - start > Patience.TotalMilliseconds)
            {
                throw GaveUp(what);
            }

            if (attempt < 20)
            {
                await Task.Yield();
            }
            else
            {
                // What has taken long may take a little longer: some looks cost more than what they wait for, such as those at a page.
                long waited = Environment.TickCount64 - start;
                await Task.Delay((int)Math.Clamp(waited / 20, ShortestPause, LongestPause), TestContext.Current.CancellationToken);
            }
        }
    }

    /// <inheritdoc cref="TrueAsync(Func{Task{bool}}, string)"/>
    public static Task TrueAsync(Func<bool> condition, [CallerArgumentExpression(nameof(condition))] string what = "")
        => TrueAsync(() => Task.FromResult(condition()), what);

    /// <summary>Waits for a task that something else completes, such as a signal.</summary>
    public static async Task DoneAsync(Task task, [CallerArgumentExpression(nameof(task))] string what = "")
    {
        try
        {
            await task.WaitAsync(Patience, TestContext.Current.CancellationToken);
        }
        catch (TimeoutException) when (!task.IsCompleted)
        {
            throw GaveUp(what);
        }
    }

    /// <inheritdoc cref="DoneAsync(Task, string)"/>
    public static async Task<T> DoneAsync<T>(Task<T> task, [CallerArgumentExpression(nameof(task))] string what = "")
    {
        await DoneAsync((Task)task, what);
        return await task;
    }

    private static Xunit.Sdk.XunitException GaveUp(string what)
        => new($"Waited {Patience.TotalMinutes:0} minutes in vain for: {what}");
}
