using CsCheck;
using KlingPS.Core.Scheduling;
using Microsoft.Extensions.Time.Testing;

namespace KlingPS.Core.Tests.Scheduling;

public class SlidingWindowGateTests
{
    private static readonly TimeSpan s_window = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_step = TimeSpan.FromMilliseconds(10);

    private sealed record Call(int EntersAt, int Takes, double ArrivesAfter, int? GivesUpAfter);

    private static readonly Gen<Call[]> s_calls =
        Gen.Select(Gen.Int[0, 300], Gen.Int[0, 150], Gen.Double[0, 1], Gen.Int[0, 200], Gen.Int[0, 3])
            .Select((enters, takes, arrives, givesUp, chance) => new Call(enters, takes, arrives, chance == 0 ? givesUp : null))
            .Array[1, 40];

    [Fact]
    public Task No_window_of_the_service_ever_sees_more_arrivals_than_the_limit_and_all_pass() =>
        Gen.Select(s_calls, Gen.Int[1, 6]).SampleAsync(async (calls, limit) =>
        {
            var time = new FakeTimeProvider();
            var gate = new SlidingWindowGate(limit, s_window, time);
            (List<double> arrivals, int passed, int gaveUp) = await SimulateAsync(gate, time, calls);

            Assert.Equal(calls.Length, passed + gaveUp);
            Assert.Equal(0, gate.Waiting);
            arrivals.Sort();
            for (int i = limit; i < arrivals.Count; i++)
            {
                Assert.True(arrivals[i] - arrivals[i - limit] >= s_window / s_step, $"{limit + 1} arrivals within a window, from step {arrivals[i - limit]}");
            }
        }, iter: 200);

    /// <summary>Plays the calls on a clock of 10 ms steps. Arrival times are in steps.</summary>
    private static async Task<(List<double> Arrivals, int Passed, int GaveUp)> SimulateAsync(SlidingWindowGate gate, FakeTimeProvider time, Call[] calls)
    {
        var queue = new List<(Call Call, Task<IAsyncDisposable> Turn, CancellationTokenSource Source, int Since)>();
        var inFlight = new List<(IAsyncDisposable Lease, int Until)>();
        var arrivals = new List<double>();
        int passed = 0;
        int gaveUp = 0;
        var coming = new Queue<Call>(calls.OrderBy(c => c.EntersAt));
        for (int step = 0; coming.Count + queue.Count + inFlight.Count > 0; step++)
        {
            Assert.True(step < 100_000, "somebody waits for ever");
            foreach ((IAsyncDisposable lease, int until) in inFlight.ToArray().Where(f => f.Until <= step))
            {
                await lease.DisposeAsync();
                inFlight.Remove((lease, until));
            }

            while (coming.TryPeek(out Call? next) && next.EntersAt <= step)
            {
                var source = new CancellationTokenSource();
                queue.Add((coming.Dequeue(), gate.EnterAsync(source.Token).AsTask(), source, step));
            }

            // Turns are granted in order, so those who still wait are the last.
            while (queue.Count > gate.Waiting)
            {
                (Call call, Task<IAsyncDisposable> turn, _, _) = queue[0];
                queue.RemoveAt(0);
                inFlight.Add((await Eventually.DoneAsync(turn), step + call.Takes));
                arrivals.Add(step + (call.Takes * call.ArrivesAfter));
                passed++;
            }

            foreach (var waiter in queue.ToArray().Where(w => step - w.Since >= w.Call.GivesUpAfter))
            {
                await waiter.Source.CancelAsync();
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiter.Turn);
                queue.Remove(waiter);
                gaveUp++;
            }

            time.Advance(s_step);
        }

        return (arrivals, passed, gaveUp);
    }

    [Fact]
    public async Task A_slot_is_free_one_window_and_the_margin_after_the_answer_not_after_the_request()
    {
        var time = new FakeTimeProvider();
        var gate = new SlidingWindowGate(1, TimeSpan.FromSeconds(10), time);
        IAsyncDisposable slow = await gate.EnterAsync(default);
        Task<IAsyncDisposable> next = gate.EnterAsync(default).AsTask();

        time.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal(1, gate.Waiting);

        await slow.DisposeAsync();
        time.Advance(TimeSpan.FromMilliseconds(10_249));
        Assert.Equal(1, gate.Waiting);
        time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(0, gate.Waiting);
        await next;
    }

    [Fact]
    public async Task Who_gives_up_leaves_no_hole()
    {
        var time = new FakeTimeProvider();
        var gate = new SlidingWindowGate(1, s_window, time, TimeSpan.Zero);
        await (await gate.EnterAsync(default)).DisposeAsync();
        using var impatient = new CancellationTokenSource();
        Task<IAsyncDisposable> first = gate.EnterAsync(impatient.Token).AsTask();
        Task<IAsyncDisposable> second = gate.EnterAsync(default).AsTask();

        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        time.Advance(s_window);
        await second;
    }

    [Fact]
    public async Task Who_comes_cancelled_takes_no_slot()
    {
        var gate = new SlidingWindowGate(1, s_window, new FakeTimeProvider());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => gate.EnterAsync(new CancellationToken(true)).AsTask());
        Assert.True(gate.EnterAsync(default).AsTask().IsCompletedSuccessfully);
    }

    [Fact]
    public async Task Disposing_a_lease_twice_frees_one_slot_once()
    {
        var time = new FakeTimeProvider();
        var gate = new SlidingWindowGate(2, s_window, time, TimeSpan.Zero);
        IAsyncDisposable first = await gate.EnterAsync(default);
        _ = await gate.EnterAsync(default);
        await first.DisposeAsync();
        await first.DisposeAsync();
        time.Advance(s_window);
        Assert.True(gate.EnterAsync(default).AsTask().IsCompletedSuccessfully);
        Assert.False(gate.EnterAsync(default).AsTask().IsCompleted);
    }

    [Fact]
    public async Task There_is_no_timer_while_nobody_waits()
    {
        var time = new CountingTimeProvider();
        var gate = new SlidingWindowGate(1, s_window, time, TimeSpan.Zero);
        await (await gate.EnterAsync(default)).DisposeAsync();
        Assert.Equal(0, time.Timers);

        using var impatient = new CancellationTokenSource();
        Task<IAsyncDisposable> waiting = gate.EnterAsync(impatient.Token).AsTask();
        Assert.Equal(1, time.Timers);
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        Assert.Equal(0, time.Timers);
    }

    [Fact]
    public async Task Many_callers_at_once_pass_in_turn_whatever_the_threads_do()
    {
        var gate = new SlidingWindowGate(4, TimeSpan.FromTicks(1), TimeProvider.System, TimeSpan.Zero);
        int inside = 0;
        int most = 0;
        await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => Task.Run(async () =>
        {
            await using IAsyncDisposable lease = await gate.EnterAsync(default);
            int now = Interlocked.Increment(ref inside);
            InterlockedMax(ref most, now);
            await Task.Yield();
            Interlocked.Decrement(ref inside);
        })));
        Assert.InRange(most, 1, 4);
        Assert.Equal(0, gate.Waiting);
    }

    private static void InterlockedMax(ref int most, int value)
    {
        int seen;
        while ((seen = Volatile.Read(ref most)) < value && Interlocked.CompareExchange(ref most, value, seen) != seen)
        {
        }
    }

    private sealed class CountingTimeProvider : FakeTimeProvider
    {
        private int _timers;

        public int Timers => _timers;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Interlocked.Increment(ref _timers);
            return new Counted(this, base.CreateTimer(callback, state, dueTime, period));
        }

        private sealed class Counted(CountingTimeProvider owner, ITimer timer) : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => timer.Change(dueTime, period);

            public void Dispose()
            {
                Interlocked.Decrement(ref owner._timers);
                timer.Dispose();
            }

            public ValueTask DisposeAsync()
            {
                Dispose();
                return ValueTask.CompletedTask;
            }
        }
    }
}
