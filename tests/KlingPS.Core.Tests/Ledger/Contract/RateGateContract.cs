using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Processes;
using KlingPS.Core.Ledger.Sql;
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
}
