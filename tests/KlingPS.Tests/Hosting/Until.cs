using System.Diagnostics;

namespace KlingPS.Tests.Hosting;

internal static class Until
{
    /// <summary>Asks again and again until something has come true that gives no sign by itself.</summary>
    public static async Task TrueAsync(Func<Task<bool>> condition)
    {
        var time = Stopwatch.StartNew();
        while (!await condition())
        {
            Assert.True(time.Elapsed < TimeSpan.FromSeconds(20), "What the test waits for did not come true.");
            await Task.Yield();
        }
    }

    /// <inheritdoc cref="TrueAsync(Func{Task{bool}})"/>
    public static Task TrueAsync(Func<bool> condition) => TrueAsync(() => Task.FromResult(condition()));
}
