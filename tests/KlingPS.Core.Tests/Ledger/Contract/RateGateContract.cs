using System.Globalization;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Processes;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Model;
using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Tests.Ledger.Contract;

/// <summary>The service's rate limits, kept by all processes together.</summary>
public abstract class RateGateContract : LedgerContract
{
    private static readonly ProcessIdentity s_other = new(4711, 1, "boot", "machine");

    private readonly WatchedTimeProvider _time = new();
    private readonly WatchedTimeProvider _standing = new();

    private protected RateGateContract(LedgerHost host)
        : base(host)
    {
    }

    [Theory]
    [InlineData(true, 20, 10)]
    [InlineData(false, 10, 1)]
    public async Task Processes_share_the_slots_of_an_account_and_one_is_free_a_window_after_its_request_was_over(bool isCreate, int limit, int seconds)
    {
        IRateGate ours = await OpenAsync(ProcessIdentity.Current, isCreate);
        IRateGate theirs = await OpenAsync(s_other, isCreate);
        var leases = new List<IAsyncDisposable>();
        for (int i = 0; i < limit; i++)
        {
            leases.Add(await (i % 2 == 0 ? ours : theirs).EnterAsync(Token));
        }

        Task<IAsyncDisposable> next = ours.EnterAsync(Token).AsTask();
        await SleepsAsync();
        await leases[1].DisposeAsync();
        _time.Advance(TimeSpan.FromSeconds(seconds * 0.99));
        await SleepsAsync();
        Assert.False(next.IsCompleted);

        // It sleeps a window with a margin at a time while all slots depend on requests under way.
        _time.Advance(TimeSpan.FromSeconds(seconds * 1.1));
        await (await next).DisposeAsync();
    }

    [Fact]
    public async Task Accounts_and_kinds_of_requests_have_slots_of_their_own()
    {
        SqlLedger ledger = await Host.OpenAsync(_time);
        for (int i = 0; i < 20; i++)
        {
            await ledger.RateGates.OpenCreateGate("one").EnterAsync(Token);
            await ledger.RateGates.OpenCreateGate("another").EnterAsync(Token);
        }

        for (int i = 0; i < 10; i++)
        {
            await ledger.RateGates.OpenQueryGate("one").EnterAsync(Token);
        }
    }

    [Fact]
    public async Task A_caller_that_gives_up_takes_nothing_from_those_behind()
    {
        IRateGate gate = await OpenAsync(ProcessIdentity.Current, isCreate: false);
        var leases = new List<IAsyncDisposable>();
        for (int i = 0; i < 10; i++)
        {
            leases.Add(await gate.EnterAsync(Token));
        }

        using var source = new CancellationTokenSource();
        Task<IAsyncDisposable> impatient = gate.EnterAsync(source.Token).AsTask();
        await SleepsAsync();
        Task<IAsyncDisposable> patient = gate.EnterAsync(Token).AsTask();
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => impatient);
        await SleepsAsync();

        await leases[0].DisposeAsync();
        _time.Advance(TimeSpan.FromSeconds(2.1));

        await (await patient).DisposeAsync();
    }

    [Fact]
    public async Task The_slots_of_a_dead_process_are_free_a_window_later()
    {
        IRateGate theirs = await OpenAsync(s_other, isCreate: false);
        for (int i = 0; i < 10; i++)
        {
            await theirs.EnterAsync(Token);
        }

        IRateGate ours = (await Host.OpenAsync(ProcessIdentity.Current, owner => owner == ProcessIdentity.Current, _time)).RateGates.OpenQueryGate(LedgerHost.Account);
        Task<IAsyncDisposable> next = ours.EnterAsync(Token).AsTask();
        await SleepsAsync();
        Assert.False(next.IsCompleted);

        _time.Advance(TimeSpan.FromSeconds(1.1));
        await (await next).DisposeAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_stopped_process_keeps_no_slot_and_no_place_for_longer_than_a_minute(bool isCreate)
    {
        (int limit, double window) = isCreate ? (20, 10.5) : (10, 1.1);
        IRateGate theirs = await OpenAsync(s_other, isCreate);
        for (int i = 0; i < limit; i++)
        {
            await theirs.EnterAsync(Token);
        }

        // It does not look again, as if it had been stopped.
        using var stopped = new CancellationTokenSource();
        Task<IAsyncDisposable> waiting = (await OpenStoppedAsync(isCreate)).EnterAsync(stopped.Token).AsTask();
        await Eventually.TrueAsync(() => _standing.Armed == 1, "the stopped one to wait");
        Task<IAsyncDisposable> next = (await OpenAsync(ProcessIdentity.Current, isCreate)).EnterAsync(Token).AsTask();
        await SleepsAsync();
        _time.Advance(TimeSpan.FromSeconds(59));
        await SleepsAsync();
        _time.Advance(TimeSpan.FromSeconds(window));
        await SleepsAsync();
        Assert.False(next.IsCompleted);

        _time.Advance(TimeSpan.FromSeconds(window));
        await (await next).DisposeAsync();
        Assert.False(waiting.IsCompleted);
        await stopped.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [Fact]
    public async Task A_slot_that_could_not_be_given_back_is_not_lost_to_its_own_process()
    {
        // As a connection to a server is lost under the requests, or a session is ended while they are under way.
        (ICreateGate lost, SqlLedger ledger) = await OpenCreateGateAsync(ProcessIdentity.Current);
        var leases = new List<IAsyncDisposable>();
        for (int i = 0; i < 20; i++)
        {
            leases.Add(await lost.EnterAsync(Token));
        }

        using var source = new CancellationTokenSource();
        Task<IAsyncDisposable> waiting = lost.EnterAsync(source.Token).AsTask();
        await SleepsAsync();
        await ledger.DisposeAsync();
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        foreach (IAsyncDisposable lease in leases)
        {
            await lease.DisposeAsync();
        }

        (ICreateGate again, _) = await OpenCreateGateAsync(ProcessIdentity.Current);
        Task<IAsyncDisposable> next = again.EnterAsync(Token).AsTask();
        await SleepsAsync();
        _time.Advance(TimeSpan.FromMinutes(1));
        await SleepsAsync();
        _time.Advance(TimeSpan.FromSeconds(11));

        await using (await Eventually.DoneAsync(next))
        {
            // Nobody is left in the line, either.
            Assert.Equal(0L, Convert.ToInt64(await Host.SqlAsync("SELECT COUNT(*) FROM rate_leases WHERE state = 'waiting'"), CultureInfo.InvariantCulture));
        }
    }

    [Fact]
    public async Task A_request_that_is_under_way_for_minutes_keeps_its_slot_in_its_own_process()
    {
        (ICreateGate gate, SqlLedger ledger) = await OpenCreateGateAsync(ProcessIdentity.Current);
        IAsyncDisposable last = await EnterAsync(gate, 20);
        Task<IAsyncDisposable> next = ledger.RateGates.OpenCreateGate(LedgerHost.Account).EnterAsync(Token).AsTask();
        for (int i = 0; i < 3; i++)
        {
            await SleepsAsync();
            _time.Advance(TimeSpan.FromMinutes(1));
        }

        await SleepsAsync();
        Assert.False(next.IsCompleted);
        await last.DisposeAsync();
        _time.Advance(TimeSpan.FromSeconds(11));

        await (await Eventually.DoneAsync(next)).DisposeAsync();
    }

    [Fact]
    public async Task A_video_that_is_bought_already_is_told_at_once_and_takes_no_slot()
    {
        await AcceptedAsync("t1", "a");
        ICreateGate gate = (await Host.OpenAsync(_time)).RateGates.OpenCreateGate(LedgerHost.Account);
        await EnterAsync(gate, 19);
        Assert.Null((await gate.ClaimAsync(LedgerHost.Intent("a"), Passing, Token)).Lease);
        await EnterAsync(gate, 1);

        Passage<TaskClaim> passage = await Eventually.DoneAsync(gate.ClaimAsync(LedgerHost.Intent("a"), Passing, Token));

        Assert.Equal((false, "t1", null), (passage.Result.IsNew, passage.Result.Task.TaskId, passage.Lease));
    }

    [Fact]
    public async Task A_video_that_another_process_has_bought_meanwhile_leaves_the_slot_to_the_next()
    {
        (ICreateGate ours, SqlLedger ledger) = await OpenCreateGateAsync(ProcessIdentity.Current);
        await using IAsyncDisposable last = await EnterAsync(ours, 20);
        Task<Passage<TaskClaim>> late = ours.ClaimAsync(LedgerHost.Intent("a"), Passing, Token);
        await SleepsAsync();
        Task<Passage<TaskClaim>> next = ours.ClaimAsync(LedgerHost.Intent("b"), Passing, Token);
        await ledger.Tasks.AcceptAsync((await Ledger.Tasks.BeginAsync(LedgerHost.Intent("a"), Token)).Id, "t1");
        await last.DisposeAsync();
        _time.Advance(TimeSpan.FromSeconds(10.3));

        Assert.Null((await Eventually.DoneAsync(late)).Lease);
        Assert.True((await Eventually.DoneAsync(next)) is { Result.IsNew: true, Lease: not null });
    }

    [Fact]
    public async Task A_purchase_over_a_limit_takes_no_slot_and_does_not_wait_for_one()
    {
        (ICreateGate gate, _) = await OpenCreateGateAsync(ProcessIdentity.Current);
        await EnterAsync(gate, 19);
        var limit = new BudgetLimit { DailyCredits = 41 };
        async Task<ErrorKind> RefuseAsync()
            => (await Assert.ThrowsAsync<KlingException>(() => Eventually.DoneAsync(gate.ClaimAsync(LedgerHost.Intent("a", budget: limit), Passing, Token)))).Kind;

        Assert.Equal(ErrorKind.BudgetExceeded, await RefuseAsync());
        await Eventually.DoneAsync(gate.EnterAsync(Token).AsTask());

        Assert.Equal(ErrorKind.BudgetExceeded, await RefuseAsync());
    }

    [Fact]
    public async Task A_purchase_that_waits_for_a_slot_is_recorded_when_it_has_one_and_not_before()
    {
        (ICreateGate gate, SqlLedger ledger) = await OpenCreateGateAsync(ProcessIdentity.Current);
        await using IAsyncDisposable last = await EnterAsync(gate, 20);
        Task<Passage<TaskClaim>> waiting = gate.ClaimAsync(LedgerHost.Intent("a"), Passing, Token);
        await SleepsAsync();
        Assert.Empty(await ledger.Tasks.ListAsync(new TaskFilter(), Token));
        await last.DisposeAsync();
        _time.Advance(TimeSpan.FromSeconds(10.3));

        Passage<TaskClaim> passage = await Eventually.DoneAsync(waiting);

        Assert.NotNull(passage.Lease);
        Assert.Equal((passage.Result.Task.Id, KlingTaskState.Submitting), Assert.Single(await ledger.Tasks.ListAsync(new TaskFilter(), Token)) is var task ? (task.Id, task.TaskState) : default);
    }

    [Fact]
    public async Task A_request_that_was_held_back_and_waits_for_a_slot_has_not_been_sent_for_those_who_find_its_process_dead()
    {
        (ICreateGate gate, SqlLedger ledger) = await OpenCreateGateAsync(s_other);
        KlingVideoTask task = await ledger.Tasks.BeginAsync(LedgerHost.Intent("a"), Token);
        await ledger.Tasks.RecordHeldBackAsync(task, "Maintenance");
        await EnterAsync(gate, 20);
        using var source = new CancellationTokenSource();
        Task<Passage<RecordResult>> waiting = gate.SendAgainAsync(task, TimeSpan.FromMinutes(5), intent: null, Passing, source.Token);
        await SleepsAsync();

        SqlLedger survivor = await Host.OpenAsync(ProcessIdentity.Current, owner => owner == ProcessIdentity.Current);

        Assert.Equal(KlingTaskState.Rejected, Assert.Single(await survivor.Tasks.ListAsync(new TaskFilter(), Token)).TaskState);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [Fact]
    public async Task An_attempt_that_has_been_settled_meanwhile_is_not_sent_again_and_takes_no_slot()
    {
        (ICreateGate gate, SqlLedger ledger) = await OpenCreateGateAsync(ProcessIdentity.Current);
        KlingVideoTask task = await ledger.Tasks.BeginAsync(LedgerHost.Intent("a"), Token);
        await ledger.Tasks.AcceptAsync(task.Id, "t1");
        await EnterAsync(gate, 20);

        Passage<RecordResult> passage = await Eventually.DoneAsync(gate.SendAgainAsync(task, TimeSpan.FromMinutes(5), intent: null, Passing, Token));

        Assert.True(passage is { Result: RecordResult.Superseded, Lease: null });
    }

    [Fact]
    public async Task A_slot_that_is_handed_back_is_free_at_once()
    {
        (ICreateGate gate, _) = await OpenCreateGateAsync(ProcessIdentity.Current);
        await EnterAsync(gate, 19);
        Passage<TaskClaim> passage = await gate.ClaimAsync(LedgerHost.Intent("a"), Passing, Token);

        await passage.Lease!.HandBackAsync();
        await passage.Lease.DisposeAsync();

        await Eventually.DoneAsync(gate.EnterAsync(Token).AsTask());
    }

    [Fact]
    public async Task When_the_one_ahead_has_nothing_to_send_any_more_the_one_behind_takes_its_slot_and_does_not_sleep_a_window()
    {
        Line line = await LineUpAsync("a", "b");
        await line.BuyAsync("a");

        Assert.Null((await line.OpenOneAsync(line.First)).Lease);
        _time.Advance(TimeSpan.FromSeconds(0.2));

        Assert.True(await Eventually.DoneAsync(line.Second) is { Result.IsNew: true, Lease: not null });
    }

    [Fact]
    public async Task When_the_one_ahead_buys_the_very_same_video_the_one_behind_learns_it_and_does_not_sleep_a_window()
    {
        Line line = await LineUpAsync("a", "a");

        Assert.NotNull((await line.OpenOneAsync(line.First)).Lease);
        _time.Advance(TimeSpan.FromSeconds(0.2));

        Assert.True(await Eventually.DoneAsync(line.Second) is { Result.IsNew: false, Lease: null });
    }

    [Fact]
    public async Task A_caller_that_has_nothing_to_send_leaves_its_place_to_the_next_of_its_process()
    {
        Line line = await LineUpAsync("a", "c");

        // It stands in the line at once; a claim looks for lost attempts first.
        Task<IAsyncDisposable> next = line.Ours.EnterAsync(Token).AsTask();
        await line.BuyAsync("a");

        Assert.Null((await line.OpenOneAsync(line.First)).Lease);

        await Eventually.DoneAsync(next);
        _time.Advance(TimeSpan.FromSeconds(0.2));
        await SleepsAsync();
        Assert.False(line.Second.IsCompleted);
    }

    [Fact]
    public async Task A_process_whose_callers_have_all_given_up_has_no_place_any_more()
    {
        using var source = new CancellationTokenSource();
        Line line = await LineUpAsync("a", "c", source.Token);
        Task<Passage<TaskClaim>> next = line.Ours.ClaimAsync(LedgerHost.Intent("b"), Passing, source.Token);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => line.First);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => next);
        Assert.Equal(1L, Convert.ToInt64(await Host.SqlAsync("SELECT COUNT(*) FROM rate_leases WHERE state = 'waiting'"), CultureInfo.InvariantCulture));

        Passage<TaskClaim> passage = await line.OpenOneAsync(line.Second, TimeSpan.FromSeconds(0.2));

        Assert.NotNull(passage.Lease);
    }

    [Fact]
    public async Task A_purchase_that_comes_to_be_over_a_limit_while_it_waits_is_refused_and_leaves_the_slot_to_the_one_behind()
    {
        var limit = new BudgetLimit { DailyCredits = 100 };
        Line line = await LineUpAsync("a", "b", limit: limit);
        await line.BuyAsync("c");
        await line.BuyAsync("d");

        KlingException refusal = await Assert.ThrowsAsync<KlingException>(() => line.OpenOneAsync(line.First));
        _time.Advance(TimeSpan.FromSeconds(0.2));

        Assert.Equal(ErrorKind.BudgetExceeded, refusal.Kind);
        Assert.NotNull((await Eventually.DoneAsync(line.Second)).Lease);
    }

    [Fact]
    public async Task One_who_waits_behind_a_stopped_process_looks_less_and_less_often()
    {
        (ICreateGate ours, _) = await OpenCreateGateAsync(ProcessIdentity.Current);
        IAsyncDisposable last = await EnterAsync(ours, 20);

        // It does not look again, as if it had been stopped.
        using var stopped = new CancellationTokenSource();
        Task<IAsyncDisposable> ahead = (await OpenStoppedAsync(isCreate: true)).EnterAsync(stopped.Token).AsTask();
        await Eventually.TrueAsync(() => _standing.Armed == 1, "the stopped one to wait");
        await last.DisposeAsync();
        var caller = new PassingCaller();
        Task<Passage<TaskClaim>> behind = ours.ClaimAsync(LedgerHost.Intent("a"), caller, Token);
        for (int step = 0; !behind.IsCompleted && step < 1000; step++)
        {
            await Eventually.TrueAsync(() => behind.IsCompleted || _time.Armed == 1, "the one behind to sleep");
            _time.Advance(TimeSpan.FromSeconds(behind.IsCompleted ? 0 : 0.1));
        }

        Assert.NotNull((await Eventually.DoneAsync(behind)).Lease);
        Assert.InRange(caller.Looks, 10, 50);
        await stopped.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ahead);
    }

    [Theory]
    [InlineData(2, 60)]
    [InlineData(3, 50)]
    public async Task Runs_over_the_same_images_at_the_same_time_take_the_slots_and_the_time_of_one(int processes, int images)
    {
        // A request takes this long, so that slots depend on requests under way.
        var request = TimeSpan.FromSeconds(0.2);
        var step = TimeSpan.FromSeconds(0.5);
        var runs = new List<Run>();
        for (int i = 0; i < processes; i++)
        {
            (ICreateGate gate, SqlLedger ledger) = await OpenCreateGateAsync(i == 0 ? ProcessIdentity.Current : s_other with { ProcessId = 4711 + i });
            runs.Add(new Run(gate, ledger));
        }

        DateTimeOffset begun = _time.GetUtcNow();
        Task[] all = [.. runs.Select(run => Task.WhenAll(Enumerable.Range(0, images).Select(image => run.BuyAsync($"{image}", request, _time))))];
        while (!Array.TrueForAll(all, run => run.IsCompleted))
        {
            await Eventually.TrueAsync(
                async () => Array.TrueForAll(all, run => run.IsCompleted)
                    || (_time.Armed > 0 && _time.Armed == runs.Sum(run => run.Asleep) && await Host.CountRequestsUnderWayAsync() == runs.Sum(run => run.UnderWay)),
                "all to sleep, or to be done");
            _time.Advance(Array.TrueForAll(all, run => run.IsCompleted) ? TimeSpan.Zero : step);
        }

        await Task.WhenAll(all);
        Assert.Equal(images, runs.Sum(run => run.Bought));

        // Two windows, each begun and ended with a request, and a step late each time.
        Assert.InRange(_time.GetUtcNow() - begun, CreateRate.Window * 2, (CreateRate.Window * 2) + (step * 6));
    }

    private static IGateCaller Passing { get; } = new PassingCaller();

    private async Task<(ICreateGate Gate, SqlLedger Ledger)> OpenCreateGateAsync(ProcessIdentity owner)
    {
        SqlLedger ledger = await Host.OpenAsync(owner, _ => true, _time);
        return (ledger.RateGates.OpenCreateGate(LedgerHost.Account), ledger);
    }

    /// <summary>Takes slots; returns the last of them.</summary>
    private static async Task<IAsyncDisposable> EnterAsync(ICreateGate gate, int count)
    {
        for (int i = 1; i < count; i++)
        {
            await gate.EnterAsync(Token);
        }

        return await gate.EnterAsync(Token);
    }

    /// <summary>The gate as a process passes it whose timers do not run any more.</summary>
    private async Task<IRateGate> OpenStoppedAsync(bool isCreate)
    {
        IRateGates gates = (await Host.OpenAsync(s_other, _ => true, _standing)).RateGates;
        return isCreate ? gates.OpenCreateGate(LedgerHost.Account) : gates.OpenQueryGate(LedgerHost.Account);
    }

    private async Task<IRateGate> OpenAsync(ProcessIdentity owner, bool isCreate)
    {
        IRateGates gates = (await Host.OpenAsync(owner, _ => true, _time)).RateGates;
        return isCreate ? gates.OpenCreateGate(LedgerHost.Account) : gates.OpenQueryGate(LedgerHost.Account);
    }

    /// <summary>Waits until the one who waits at the gate sleeps.</summary>
    private Task SleepsAsync() => Eventually.TrueAsync(() => _time.Armed == 1, "a caller to sleep at the gate");

    /// <summary>Lines two processes up at a gate of which all slots are taken: those of requests that are still under way but for one.</summary>
    private async Task<Line> LineUpAsync(string first, string second, CancellationToken? stop = null, BudgetLimit? limit = null)
    {
        (ICreateGate ours, _) = await OpenCreateGateAsync(ProcessIdentity.Current);
        (ICreateGate theirs, SqlLedger ledger) = await OpenCreateGateAsync(s_other);
        await (await EnterAsync(ours, 20)).DisposeAsync();
        Task<Passage<TaskClaim>> ahead = ours.ClaimAsync(LedgerHost.Intent(first, budget: limit), Passing, stop ?? Token);
        await SleepsAsync();
        Task<Passage<TaskClaim>> behind = theirs.ClaimAsync(LedgerHost.Intent(second), Passing, Token);
        await Eventually.TrueAsync(() => _time.Armed == 2, "both to sleep at the gate");
        return new Line(this, ledger, ours, ahead, behind);
    }

    /// <summary>Two that wait for the same slot.</summary>
    private sealed record Line(RateGateContract Contract, SqlLedger Ledger, ICreateGate Ours, Task<Passage<TaskClaim>> First, Task<Passage<TaskClaim>> Second)
    {
        /// <summary>Buys a video past the gate.</summary>
        public async Task BuyAsync(string image)
            => await Ledger.Tasks.AcceptAsync((await Ledger.Tasks.BeginAsync(LedgerHost.Intent(image), Token)).Id, $"task {image}");

        /// <summary>Lets the one slot become free that is not under way, and waits for what comes of it.</summary>
        public Task<Passage<TaskClaim>> OpenOneAsync(Task<Passage<TaskClaim>> whose, TimeSpan more = default)
        {
            Contract._time.Advance(CreateRate.Window + more);
            return Eventually.DoneAsync(whose);
        }
    }

    /// <summary>A process that buys many videos at the same time.</summary>
    private sealed class Run(ICreateGate gate, SqlLedger ledger)
    {
        private int _waiting;
        private int _underWay;
        private int _bought;

        public int UnderWay => Volatile.Read(ref _underWay);

        public int Bought => Volatile.Read(ref _bought);

        /// <summary>How many of its timers run once nothing can happen without time: that of its first at the gate, and those of its requests.</summary>
        /// <remarks>A request that has just taken a slot may not be among them yet, while the next one is.</remarks>
        public int Asleep => UnderWay + (Volatile.Read(ref _waiting) > 0 ? 1 : 0);

        public async Task BuyAsync(string image, TimeSpan request, TimeProvider time)
        {
            Interlocked.Increment(ref _waiting);
            Passage<TaskClaim> passage = await gate.ClaimAsync(LedgerHost.Intent(image), Passing, Token);
            if (passage.Lease is null)
            {
                Interlocked.Decrement(ref _waiting);
                return;
            }

            Interlocked.Increment(ref _bought);
            Interlocked.Increment(ref _underWay);
            Interlocked.Decrement(ref _waiting);
            await Task.Delay(request, time, Token);
            await ledger.Tasks.AcceptAsync(passage.Result.Task.Id, $"task {image}");
            await passage.Lease.DisposeAsync();
            Interlocked.Decrement(ref _underWay);
        }
    }

    private sealed class PassingCaller : IGateCaller
    {
        private int _looks;

        /// <summary>How often it has looked for a slot.</summary>
        public int Looks => Volatile.Read(ref _looks);

        public void OnHeld(string reason)
        {
        }

        public void BeforePass() => Interlocked.Increment(ref _looks);
    }
}
