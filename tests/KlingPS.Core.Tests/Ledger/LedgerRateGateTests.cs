using CsCheck;
using KlingPS.Core.Ledger.Processes;
using KlingPS.Core.Ledger.Sql;

namespace KlingPS.Core.Tests.Ledger;

public sealed class LedgerRateGateTests : IAsyncLifetime
{
    private const int Limit = 3;

    private static readonly TimeSpan s_window = TimeSpan.FromSeconds(10);
    private static readonly ProcessIdentity s_other = new(4711, 1, ProcessIdentity.Current.Boot, "machine");

    private readonly TempLedger _temp = new();
    private readonly WatchedTimeProvider _time = new();
    private readonly List<Crowd> _crowds = [];
    private bool? _otherIsAlive = true;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => _temp.DisposeAsync();

    [Fact]
    public async Task Two_processes_share_the_slots_and_one_is_free_a_window_after_its_request_was_over()
    {
        (Crowd ours, Crowd theirs) = (await CrowdAsync(), await CrowdAsync(s_other));
        await ours.EnterAsync();
        await theirs.EnterAsync();
        await theirs.EnterAsync();
        await ours.EnterAsync();
        Assert.Equal((1, 2), (ours.Passed, theirs.Passed));

        _time.Advance(TimeSpan.FromSeconds(30));
        await SettleAsync(ours, theirs);
        Assert.Equal(1, ours.Passed);

        await theirs.LeaveAsync();
        _time.Advance(s_window - TimeSpan.FromMilliseconds(1));
        await SettleAsync(ours, theirs);
        Assert.Equal(1, ours.Passed);

        // It slept through a whole window after it had found all slots taken; nobody told it of the one that has become free.
        _time.Advance(s_window);
        await SettleAsync(ours, theirs);
        Assert.Equal(2, ours.Passed);
    }

    [Fact]
    public async Task One_who_waits_for_a_slot_that_is_over_passes_to_the_millisecond()
    {
        (Crowd ours, Crowd theirs) = (await CrowdAsync(), await CrowdAsync(s_other));
        for (int i = 0; i < Limit; i++)
        {
            await theirs.EnterAsync();
            await theirs.LeaveAsync();
        }

        _time.Advance(TimeSpan.FromSeconds(4));
        await ours.EnterAsync();
        _time.Advance(TimeSpan.FromSeconds(6) - TimeSpan.FromMilliseconds(1));
        await SettleAsync(ours, theirs);
        Assert.Equal(0, ours.Passed);

        _time.Advance(TimeSpan.FromMilliseconds(1));
        await SettleAsync(ours, theirs);
        Assert.Equal(1, ours.Passed);
    }

    [Fact]
    public async Task A_caller_on_a_busy_machine_passes_when_its_moment_comes_while_it_looks()
    {
        Crowd ours = await CrowdAsync();
        for (int i = 0; i < Limit; i++)
        {
            await ours.EnterAsync();
            await ours.LeaveAsync();
        }

        // Every look at the clock takes so long that the window is not over at the first, and long over at the last.
        _time.AutoAdvanceAmount = s_window * 0.4;
        await ours.EnterAsync();

        Assert.Equal(Limit + 1, ours.Passed);
    }

    [Fact]
    public async Task Processes_take_turns_however_many_callers_they_have()
    {
        (Crowd many, Crowd few) = (await CrowdAsync(), await CrowdAsync(s_other));
        for (int i = 0; i < 12; i++)
        {
            await many.EnterAsync();
        }

        for (int i = 0; i < 3; i++)
        {
            await few.EnterAsync();
        }

        for (int passed = 0; passed < few.Entered; passed++)
        {
            Assert.InRange(few.Passed, passed, few.Entered);
            Assert.True(many.HavePassedInOrder);
            await many.LeaveAsync(all: true);
            await few.LeaveAsync(all: true);
            for (int i = 0; i < 2; i++)
            {
                _time.Advance(s_window);
                await SettleAsync(many, few);
            }
        }

        Assert.Equal((9, 3), (many.Passed, few.Passed));
    }

    [Fact]
    public async Task Whoever_gives_up_takes_nothing_from_those_behind()
    {
        Crowd ours = await CrowdAsync();
        for (int i = 0; i < Limit; i++)
        {
            await ours.EnterAsync();
        }

        using var source = new CancellationTokenSource();
        Task<IAsyncDisposable> impatient = ours.Gate.EnterAsync(source.Token).AsTask();
        await Eventually.TrueAsync(() => _time.Armed == 1);
        await ours.StandBehindAsync();
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => impatient);

        await ours.LeaveAsync();
        _time.Advance(s_window);
        await SettleAsync(ours);
        _time.Advance(s_window);
        await SettleAsync(ours);
        Assert.Equal(Limit + 1, ours.Passed);
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(null, 2)]
    public async Task The_requests_of_a_dead_process_are_over_and_its_waiting_callers_gone(bool? alive, int hours)
    {
        (Crowd ours, Crowd theirs) = (await CrowdAsync(), await CrowdAsync(s_other));
        for (int i = 0; i < Limit + 1; i++)
        {
            await theirs.EnterAsync();
        }

        // The dead leave everything as it is.
        await theirs.Ledger.DisposeAsync();
        _otherIsAlive = alive;
        _time.Advance(TimeSpan.FromHours(hours));
        await Eventually.TrueAsync(() => _time.Armed == (hours == 0 ? 1 : 0));
        await ours.EnterAsync();
        Assert.Equal(0, ours.Passed);

        _time.Advance(s_window);
        await SettleAsync(ours);
        Assert.Equal(1, ours.Passed);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    public async Task A_step_of_the_clock_changes_nothing(int direction)
    {
        Crowd ours = await CrowdAsync();
        for (int i = 0; i < Limit; i++)
        {
            await ours.EnterAsync();
            await ours.LeaveAsync();
        }

        _time.ClockStep = TimeSpan.FromDays(direction);
        await ours.EnterAsync();
        Assert.Equal(Limit, ours.Passed);
        _time.Advance(s_window);
        await SettleAsync(ours);
        Assert.Equal(Limit + 1, ours.Passed);
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(11, true)]
    [InlineData(-1000, false)]
    public async Task What_an_earlier_run_of_the_machine_left_goes_by_the_clock(int seconds, bool passes)
    {
        Crowd theirs = await CrowdAsync(s_other with { Boot = "an earlier one" });
        for (int i = 0; i < Limit; i++)
        {
            await theirs.EnterAsync();
            await theirs.LeaveAsync();
        }

        await theirs.Ledger.DisposeAsync();
        _time.ClockStep = TimeSpan.FromSeconds(seconds);
        Crowd ours = await CrowdAsync();
        await ours.EnterAsync();
        Assert.Equal(passes ? 1 : 0, ours.Passed);

        _time.Advance(s_window);
        await SettleAsync(ours);
        Assert.Equal(1, ours.Passed);
    }

    [Fact]
    public async Task Gates_of_different_names_do_not_know_each_other()
    {
        SqlLedger ledger = await _temp.OpenAsync(_time);
        for (int account = 0; account < 2; account++)
        {
            for (int i = 0; i < 20; i++)
            {
                await ledger.RateGates.OpenCreateGate($"{account}").EnterAsync(Token);
            }
        }
    }

    [Fact]
    public async Task A_lease_can_outlive_its_ledger()
    {
        SqlLedger ledger = await _temp.OpenAsync(_time);
        IAsyncDisposable lease = await ledger.RateGates.OpenQueryGate("a").EnterAsync(Token);
        await ledger.DisposeAsync();

        await lease.DisposeAsync();
        await lease.DisposeAsync();
    }

    [Fact]
    public Task No_window_ever_sees_more_arrivals_than_the_limit_and_everybody_arrives()
        => Gen.Select(Gen.Bool, Gen.Int[0, 3000], Gen.Int[0, 15_000]).Array[1, 25].SampleAsync(
            async requests =>
            {
                await using var temp = new TempLedger();
                var time = new WatchedTimeProvider();
                SqlLedger[] ledgers = [await temp.OpenAsync(time), await temp.OpenAsync(time)];
                SqlRateGate[] gates = [.. ledgers.Select(Gate)];
                var arrivals = new List<long>();
                int running = 0;
                int[] waiting = [0, 0];
                int underWay = 0;

                // A request arrives somewhere between entering and leaving.
                async Task RequestAsync(int process, int before, int after)
                {
                    Interlocked.Increment(ref waiting[process]);
                    IAsyncDisposable lease = await gates[process].EnterAsync(Token);
                    Interlocked.Increment(ref underWay);
                    Interlocked.Decrement(ref waiting[process]);
                    await Task.Delay(TimeSpan.FromMilliseconds(before + 1), time, Token);
                    lock (arrivals)
                    {
                        arrivals.Add(time.GetTimestamp());
                    }

                    await Task.Delay(TimeSpan.FromMilliseconds(after + 1), time, Token);
                    await lease.DisposeAsync();
                    Interlocked.Decrement(ref underWay);
                    Interlocked.Decrement(ref running);
                }

                // Those under way, and the first of those who wait in each process.
                int Sleeping() => Volatile.Read(ref underWay) + waiting.Count(callers => callers > 0);

                running = requests.Length;
                Task[] all = [.. requests.Select(request => RequestAsync(request.Item1 ? 0 : 1, request.Item2, request.Item3))];
                for (int step = 0; Volatile.Read(ref running) > 0; step++)
                {
                    Assert.InRange(step, 0, 10_000);
                    await Eventually.TrueAsync(() => time.Armed == Sleeping());

                    time.Advance(TimeSpan.FromMilliseconds(500));
                }

                await Task.WhenAll(all);
                arrivals.Sort();
                for (int i = Limit; i < arrivals.Count; i++)
                {
                    Assert.True(arrivals[i] - arrivals[i - Limit] >= s_window.Ticks);
                }

                Assert.Equal(requests.Length, arrivals.Count);
            },
            iter: 25,
            threads: 1);

    private static SqlRateGate Gate(SqlLedger ledger) => ((SqlRateGates)ledger.RateGates).Open("gate", Limit, s_window);

    private async Task<Crowd> CrowdAsync(ProcessIdentity? owner = null)
    {
        SqlLedger ledger = await _temp.OpenAsync(owner ?? ProcessIdentity.Current, other => other == ProcessIdentity.Current ? true : _otherIsAlive, _time);
        var crowd = new Crowd(ledger, Gate(ledger), _time);
        _crowds.Add(crowd);
        return crowd;
    }

    /// <summary>Waits until the first of those who have not passed sleeps, in each process, and whoever has taken a slot has come out with it.</summary>
    /// <remarks>The next caller may sleep before the one that has passed is seen to have.</remarks>
    private Task SettleAsync(params Crowd[] crowds) => Eventually.TrueAsync(async () =>
        _time.Armed == crowds.Count(crowd => crowd.IsWaiting) && await _temp.CountRequestsUnderWayAsync() <= _crowds.Sum(crowd => crowd.UnderWay));

    /// <summary>The callers in one process.</summary>
    private sealed class Crowd(SqlLedger ledger, SqlRateGate gate, WatchedTimeProvider time)
    {
        private readonly List<Task<IAsyncDisposable>> _callers = [];
        private readonly HashSet<Task> _over = [];

        public SqlLedger Ledger => ledger;

        public SqlRateGate Gate => gate;

        public int Entered => _callers.Count;

        public int Passed => _callers.Count(caller => caller.IsCompleted);

        public int UnderWay => RequestsUnderWay.Count();

        public bool IsWaiting => Entered > Passed;

        public bool HavePassedInOrder => _callers.Take(Passed).All(caller => caller.IsCompleted);

        private IEnumerable<Task<IAsyncDisposable>> RequestsUnderWay => _callers.Where(caller => caller.IsCompletedSuccessfully && !_over.Contains(caller));

        /// <summary>Comes to the gate; returns when the caller has passed, sleeps, or stands behind one that sleeps.</summary>
        public async Task EnterAsync()
        {
            if (IsWaiting)
            {
                await StandBehindAsync();
                return;
            }

            int armed = time.Armed;
            Task<IAsyncDisposable> caller = gate.EnterAsync(Token).AsTask();
            _callers.Add(caller);
            await Eventually.TrueAsync(() => caller.IsCompleted || time.Armed > armed);
        }

        /// <summary>Comes to the gate while another one waits there.</summary>
        public Task StandBehindAsync()
        {
            _callers.Add(gate.EnterAsync(Token).AsTask());
            return Task.CompletedTask;
        }

        /// <summary>Ends the oldest request under way, or all.</summary>
        public async Task LeaveAsync(bool all = false)
        {
            foreach (Task<IAsyncDisposable> caller in RequestsUnderWay.Take(all ? int.MaxValue : 1).ToList())
            {
                _over.Add(caller);
                await (await caller).DisposeAsync();
            }
        }
    }
}
