using System.Collections;
using System.Runtime;
using KlingPS.Hosting;
using Microsoft.Extensions.Time.Testing;

namespace KlingPS.Tests;

public sealed class TieringDelayTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly CountedMethods _methods = new(int.MaxValue);
    private TimeSpan _processorTime = TimeSpan.FromSeconds(7);

    [Fact]
    public void Each_method_is_another_one_and_there_are_enough_for_minutes()
    {
        List<RuntimeMethodHandle> methods = [.. TieringDelay.ListUncalled()];
        var delay = new TieringDelay(_time, () => _processorTime, methods);

        int prepared = 0;
        while (delay.Extend())
        {
            prepared++;
        }

        Assert.Equal(methods.Count, prepared);
        Assert.Equal(methods.Count, methods.Distinct().Count());
        Assert.True(prepared * TieringDelay.Interval > TimeSpan.FromMinutes(4), $"{prepared} methods");
    }

    [Fact]
    public void A_shell_that_is_busy_is_optimized_until_it_is_not()
    {
        var delay = new TieringDelay(_time, () => _processorTime, _methods);

        Assert.Equal(15, CountInOneSecond(used: 0.9));
        Assert.Equal(0, CountInOneSecond(used: 0.9));
        Assert.Equal(0, CountInOneSecond(used: 0.7));
        Assert.Equal(15, CountInOneSecond(used: 1.9));
        Assert.Equal(0, CountInOneSecond(used: 0));
        Assert.Equal(15, CountInOneSecond(used: 0));

        int CountInOneSecond(double used)
        {
            int before = _methods.Taken;
            for (TimeSpan passed = TimeSpan.Zero; passed < TimeSpan.FromSeconds(1); passed += TieringDelay.Interval)
            {
                Assert.True(delay.Extend());
                _time.Advance(TieringDelay.Interval);
            }

            _processorTime += TimeSpan.FromSeconds(used);
            return _methods.Taken - before;
        }
    }

    [Fact]
    public void A_shell_that_has_idled_since_the_last_batch_is_not_busy()
    {
        var delay = new TieringDelay(_time, () => _processorTime, _methods);
        _processorTime += TimeSpan.FromSeconds(1);
        _time.Advance(TimeSpan.FromSeconds(1));
        delay.Extend();
        Assert.Equal(0, _methods.Taken);

        _time.Advance(TimeSpan.FromMinutes(5));
        delay.Extend();

        Assert.Equal(1, _methods.Taken);
    }

    [Fact]
    public void Each_extension_has_NET_compile_a_method()
    {
        // Those of the product are compiled once in this process, by whichever test comes first.
        var delay = new TieringDelay(_time, () => _processorTime, TieringDelay.ListUncalled([typeof(One), typeof(Two), typeof(Three)]));

        // What is compiled only the first time does not count.
        delay.Extend();
        Count();

        for (int time = 0; time < 20; time++)
        {
            long before = Count();
            delay.Extend();
            Assert.True(Count() > before);
        }

        static long Count() => JitInfo.GetCompiledMethodCount(currentThread: true);
    }

    [Fact]
    public async Task A_pause_lasts_until_the_last_one_who_asked_for_it_is_done()
    {
        var pause = new OptimizationPause(() => new TieringDelay(_time, () => _processorTime, _methods));
        IDisposable first = pause.Hold();
        IDisposable second = pause.Hold();
        await Eventually.TrueAsync(() => _methods.Taken > 0);

        first.Dispose();
        first.Dispose();
        int taken = _methods.Taken;
        await Eventually.TrueAsync(() => _methods.Taken > taken);
        Assert.True(pause.IsUnderWay);

        second.Dispose();
        await Eventually.TrueAsync(() => !pause.IsUnderWay);

        using IDisposable third = pause.Hold();
        taken = _methods.Taken;
        await Eventually.TrueAsync(() => _methods.Taken > taken);
    }

    [Fact]
    public async Task A_pause_ends_for_good_when_no_method_is_left()
    {
        var methods = new CountedMethods(most: 1);
        var pause = new OptimizationPause(() => new TieringDelay(_time, () => _processorTime, methods));
        IDisposable held = pause.Hold();
        await Eventually.TrueAsync(() => !pause.IsUnderWay);
        Assert.Equal(1, methods.Taken);
        held.Dispose();

        using IDisposable again = pause.Hold();

        Assert.False(pause.IsUnderWay);
    }

    [Fact]
    public async Task A_method_that_cannot_be_prepared_ends_the_pause_and_nothing_else()
    {
        int created = 0;
        var pause = new OptimizationPause(() =>
        {
            Interlocked.Increment(ref created);
            return new TieringDelay(_time, () => _processorTime, [default]);
        });

        using IDisposable held = pause.Hold();
        await Eventually.TrueAsync(() => !pause.IsUnderWay);

        Assert.Equal(1, Volatile.Read(ref created));
    }

    private readonly struct One;

    private readonly struct Two;

    private readonly struct Three;

    /// <summary>The same method again and again, and how often it was taken.</summary>
    private sealed class CountedMethods(int most) : IEnumerable<RuntimeMethodHandle>
    {
        private int _taken;

        public int Taken => Volatile.Read(ref _taken);

        public IEnumerator<RuntimeMethodHandle> GetEnumerator()
        {
            while (Taken < most)
            {
                Interlocked.Increment(ref _taken);
                yield return typeof(CountedMethods).GetMethod(nameof(GetEnumerator))!.MethodHandle;
            }
        }

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
