using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Processes;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Ledger.Contract;

/// <summary>What the machines that share a ledger know of each other's requests.</summary>
public abstract class OwnerContract : LedgerContract
{
    /// <summary>How long one may not say that it is running.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(10);

    private static readonly TaskIntent s_intent = LedgerHost.Intent() with { AnswerWithin = TimeSpan.FromMinutes(7) };

    private protected OwnerContract(LedgerHost host)
        : base(host)
    {
    }

    private async Task<long> BeatsAsync() => Convert.ToInt64(await Host.SqlAsync("SELECT COUNT(*) FROM owners"), System.Globalization.CultureInfo.InvariantCulture);

    [Fact]
    public async Task An_attempt_of_a_machine_that_has_stopped_beating_is_unknown_and_is_not_bought_again()
    {
        SqlLedger east = await Host.OpenAtAsync("east");
        SqlLedger west = await Host.OpenAtAsync("west");
        KlingVideoTask theirs = await east.Tasks.BeginAsync(s_intent, Token);
        Host.Time.Advance(s_patience);
        Assert.Empty(await west.Tasks.RecoverAsync(Token));

        Host.Time.Advance(TimeSpan.FromMilliseconds(1));

        TaskClaim claim = await west.Tasks.ClaimAsync(s_intent, Token);
        Assert.Equal((theirs.Id, false, KlingTaskState.Unknown, 42m), (claim.Task.Id, claim.IsNew, claim.Task.TaskState, claim.Task.CreditsReserved));
        Assert.Equal(
            $"Process {Environment.ProcessId} on east was about to send the request, or has sent it, and has not been heard of since. "
            + "If it is only cut off from the ledger, it records what came of it when it is back. "
            + "Make sure that it is not running any more before you give the attempt up or buy it again.",
            claim.Task.FailMessage);
    }

    [Fact]
    public async Task An_attempt_of_a_machine_that_goes_on_beating_is_its_own_however_long_it_takes()
    {
        var clock = new ManualClock();
        SqlLedger east = await Host.OpenAtAsync("east", time: clock);
        SqlLedger west = await Host.OpenAtAsync("west");
        KlingVideoTask theirs = await east.Tasks.BeginAsync(s_intent, Token);

        for (int beat = 0; beat < 20; beat++)
        {
            await clock.WaitedForAsync(s_interval);
            Host.Time.Advance(s_patience);
            Assert.Empty(await west.Tasks.RecoverAsync(Token));
            clock.Advance(s_interval);
        }

        await clock.WaitedForAsync(s_interval);
        Assert.Equal(KlingTaskState.Submitting, (await west.Tasks.FindAsync(theirs.Id, Token))!.TaskState);
        await RefusedAsync(() => west.Tasks.AbandonAsync(theirs.Id));
    }

    [Fact]
    public async Task A_machine_beats_while_something_is_under_way_and_not_longer()
    {
        var clock = new ManualClock();
        SqlLedger east = await Host.OpenAtAsync("east", time: clock);
        Assert.Equal(0, await BeatsAsync());
        KlingVideoTask first = await east.Tasks.BeginAsync(LedgerHost.Intent("a"), Token);
        KlingVideoTask second = await east.Tasks.BeginAsync(LedgerHost.Intent("b"), Token);
        KlingVideoTask third = await east.Tasks.BeginAsync(LedgerHost.Intent("c"), Token);
        Assert.Equal(1, await BeatsAsync());

        await east.Tasks.AcceptAsync(first.Id, "t1");
        await east.Tasks.LoseAsync(second.Id);
        await clock.WaitedForAsync(s_interval);
        clock.Advance(s_interval);
        await clock.WaitedForAsync(s_interval);
        Assert.Equal(1, await BeatsAsync());

        await east.Tasks.RecordRejectedAsync(third, null, "No.");
        clock.Advance(s_interval);
        await Eventually.TrueAsync(async () => await BeatsAsync() == 0);

        await east.Tasks.BeginAsync(LedgerHost.Intent("d"), Token);
        Assert.Equal(1, await BeatsAsync());
    }

    [Fact]
    public async Task A_machine_that_closes_the_ledger_with_nothing_under_way_leaves_no_beat()
    {
        SqlLedger east = await Host.OpenAtAsync("east");
        KlingVideoTask task = await east.Tasks.BeginAsync(s_intent, Token);
        await east.Tasks.AcceptAsync(task.Id, "t1");

        await east.DisposeAsync();

        Assert.Equal(0, await BeatsAsync());
    }

    [Theory]
    [InlineData(-10)]
    [InlineData(10)]
    public async Task The_clocks_of_the_machines_decide_nothing(int minutes)
    {
        var wrong = new ManualClock(Host.Time.GetUtcNow() + TimeSpan.FromMinutes(minutes));
        SqlLedger east = await Host.OpenAtAsync("east", time: wrong);
        SqlLedger west = await Host.OpenAtAsync("west");
        KlingVideoTask theirs = await east.Tasks.BeginAsync(s_intent, Token);
        KlingVideoTask ours = await west.Tasks.BeginAsync(LedgerHost.Intent("b"), Token);

        Assert.Empty(await west.Tasks.RecoverAsync(Token));
        Assert.Empty(await east.Tasks.RecoverAsync(Token));
        Assert.Equal((Host.Time.GetUtcNow(), Host.Time.GetUtcNow()), (theirs.CreatedAt, ours.CreatedAt));

        Host.Time.Advance(s_patience + TimeSpan.FromMilliseconds(1));
        Assert.Equal(theirs.Id, Assert.Single(await west.Tasks.RecoverAsync(Token)).Id);
    }

    [Theory]
    [InlineData("east", "boot", "east", "other boot", "1")]
    [InlineData("east", "boot", "east", "boot", "2")]
    [InlineData("east", "", "west", "", "1")]
    public async Task A_living_owner_is_left_alone_behind_another_machine_boot_or_container(string machine, string boot, string otherMachine, string otherBoot, string otherNamespace)
    {
        // The same process id everywhere, as in containers. What cannot be seen must not be taken for what runs here.
        var theirs = new ProcessIdentity(1, 17, boot, machine, "1");
        var ours = new ProcessIdentity(1, 17, otherBoot, otherMachine, otherNamespace);
        bool? Look(ProcessIdentity owner) => owner.Boot == otherBoot && owner.Namespace == otherNamespace ? false : null;
        SqlLedger east = await Host.OpenAtAsync(machine, theirs);
        KlingVideoTask task = await east.Tasks.BeginAsync(s_intent, Token);
        Host.Time.Advance(s_patience);

        SqlLedger west = await Host.OpenAtAsync(otherMachine, ours, Look);

        Assert.Equal(KlingTaskState.Submitting, (await west.Tasks.FindAsync(task.Id, Token))!.TaskState);
        Assert.False((await west.Tasks.ClaimAsync(s_intent, Token)).IsNew);
    }

    [Fact]
    public async Task A_process_that_was_killed_on_the_same_machine_is_not_waited_for()
    {
        SqlLedger killed = await Host.OpenAtAsync("east", new ProcessIdentity(4711, 1, "boot", "east"));
        KlingVideoTask task = await killed.Tasks.BeginAsync(s_intent, Token);

        SqlLedger next = await Host.OpenAtAsync("east", new ProcessIdentity(4712, 2, "boot", "east"), owner => owner.ProcessId == 4711 ? false : null);

        Assert.Equal(KlingTaskState.Unknown, (await next.Tasks.FindAsync(task.Id, Token))!.TaskState);
    }

    [Fact]
    public async Task A_machine_that_wakes_up_learns_that_it_was_taken_for_dead_before_it_sends()
    {
        SqlLedger east = await Host.OpenAtAsync("east");
        SqlLedger west = await Host.OpenAtAsync("west");
        KlingVideoTask asleep = await east.Tasks.BeginAsync(s_intent, Token);
        KlingVideoTask held = await east.Tasks.BeginAsync(LedgerHost.Intent("b"), Token);
        await east.Tasks.RecordHeldBackAsync(held, "Maintenance.");
        Host.Time.Advance(s_patience + TimeSpan.FromMilliseconds(1));
        await west.Tasks.RecoverAsync(Token);

        Assert.Equal(KlingTaskState.Unknown, Assert.IsType<RecordResult.Superseded>(await east.Tasks.RecordSentAgainAsync(asleep, TimeSpan.FromHours(1), intent: null, Token)).Task.TaskState);
        Assert.Equal(KlingTaskState.Rejected, Assert.IsType<RecordResult.Superseded>(await east.Tasks.RecordSentAgainAsync(held, TimeSpan.FromHours(1), intent: null, Token)).Task.TaskState);

        // What it has not sent was not bought, and it knows that.
        await east.Tasks.RecordRejectedAsync(asleep, null, "It was taken for dead.");
        Assert.True((await west.Tasks.ClaimAsync(s_intent.Renew(), Token)).IsNew);
    }

    [Fact]
    public async Task An_answer_of_a_machine_that_was_cut_off_is_recorded_when_it_is_back()
    {
        SqlLedger east = await Host.OpenAtAsync("east");
        SqlLedger west = await Host.OpenAtAsync("west");
        KlingVideoTask task = await east.Tasks.BeginAsync(s_intent, Token);
        Host.Time.Advance(TimeSpan.FromHours(1));
        Assert.Single(await west.Tasks.RecoverAsync(Token));

        await east.Tasks.AcceptAsync(task.Id, "t1");

        KlingVideoTask known = (await west.Tasks.FindAsync(task.Id, Token))!;
        Assert.Equal((KlingTaskState.Waiting, "t1"), (known.TaskState, known.TaskId));
    }
}
