using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Processes;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Ledger.Contract;

/// <summary>What becomes of attempts whose process is gone.</summary>
public abstract class RecoveryContract : LedgerContract
{
    private protected RecoveryContract(LedgerHost host)
        : base(host)
    {
    }

    private static readonly ProcessIdentity s_other = new(4711, 1, "boot", "machine");

    [Fact]
    public async Task An_earlier_attempt_of_a_dead_process_is_not_taken_for_one_under_way()
    {
        SqlLedger other = await Host.OpenAsync(s_other, _ => true);
        KlingVideoTask theirs = await other.Tasks.BeginAsync(TempLedger.Intent(), Token);
        bool isAlive = true;
        SqlLedger ours = await Host.OpenAsync(ProcessIdentity.Current, _ => isAlive);
        Assert.Equal(KlingTaskState.Submitting, (await ours.Tasks.FindEarlierAsync(TempLedger.Account, theirs.Spec, Token))!.TaskState);

        isAlive = false;

        KlingVideoTask lost = (await ours.Tasks.FindEarlierAsync(TempLedger.Account, theirs.Spec, Token))!;
        Assert.Equal((KlingTaskState.Unknown, "The process that sent the request ended before the response came."), (lost.TaskState, lost.FailMessage));
    }

    [Fact]
    public async Task An_attempt_whose_process_has_died_since_the_ledger_was_opened_is_found_as_unknown()
    {
        bool isAlive = true;
        SqlLedger other = await Host.OpenAsync(s_other, _ => true);
        SqlLedger ours = await Host.OpenAsync(ProcessIdentity.Current, _ => isAlive);
        KlingVideoTask theirs = await other.Tasks.BeginAsync(TempLedger.Intent(), Token);
        Assert.Equal(KlingTaskState.Submitting, (await ours.Tasks.FindAsync(theirs.Id, Token))!.TaskState);

        isAlive = false;

        Assert.Equal(KlingTaskState.Unknown, (await ours.Tasks.FindAsync(theirs.Id, Token))!.TaskState);
    }

    [Fact]
    public async Task A_lost_attempt_is_unknown_as_before_when_the_process_that_was_to_replace_it_dies_while_its_request_is_held_back()
    {
        SqlLedger other = await Host.OpenAsync(s_other, _ => true);
        KlingVideoTask lost = await UnknownAsync();
        var intent = new TaskIntent { Account = lost.Account, Spec = lost.Spec, Identity = lost.Identity!, Credits = lost.CreditsReserved, Replaces = lost };
        KlingVideoTask replacement = await other.Tasks.BeginAsync(intent, Token);
        await other.Tasks.RecordHeldBackAsync(replacement, "Maintenance.");

        SqlLedger opened = await Host.OpenAsync(ProcessIdentity.Current, _ => false);

        Assert.Equal(KlingTaskState.Rejected, (await opened.Tasks.FindAsync(replacement.Id, Token))!.TaskState);
        Assert.Equal(lost, await opened.Tasks.FindAsync(lost.Id, Token));
    }

    [Fact]
    public async Task Own_attempts_are_those_of_this_process_until_their_answer_is_known()
    {
        SqlLedger other = await Host.OpenAsync(s_other, _ => true);
        await other.Tasks.BeginAsync(TempLedger.Intent("theirs on its way"), Token);
        await other.Tasks.LoseAsync((await other.Tasks.BeginAsync(TempLedger.Intent("theirs lost"), Token)).Id, "lost");
        KlingVideoTask begun = await Ledger.Tasks.BeginAsync(TempLedger.Intent("ours on its way"), Token);
        KlingVideoTask lost = await UnknownAsync();
        await AcceptedAsync("t1");

        Assert.Equal([begun.Id, lost.Id], (await Ledger.Tasks.ListAsync(new TaskFilter { IsOwnAttempt = true }, Token)).Select(task => task.Id));

        // When this process has died, they are another's.
        SqlLedger next = await Host.OpenAsync(s_other, _ => false);
        Assert.Equal(KlingTaskState.Unknown, (await next.Tasks.FindAsync(begun.Id, Token))!.TaskState);
        Assert.DoesNotContain(begun.Id, (await next.Tasks.ListAsync(new TaskFilter { IsOwnAttempt = true }, Token)).Select(task => task.Id));
        Assert.Empty(await next.Tasks.RecoverAsync(Token));
    }

    [Theory]
    [InlineData(true, 0, KlingTaskState.Submitting)]
    [InlineData(true, 48, KlingTaskState.Submitting)]
    [InlineData(false, 0, KlingTaskState.Unknown)]
    [InlineData(null, 0, KlingTaskState.Submitting)]
    [InlineData(null, 2, KlingTaskState.Unknown)]
    public async Task Opening_makes_attempts_of_the_dead_unknown_and_leaves_the_living_alone(bool? alive, int hours, KlingTaskState expected)
    {
        SqlLedger other = await Host.OpenAsync(s_other, _ => true);
        KlingVideoTask theirs = await other.Tasks.BeginAsync(TempLedger.Intent("theirs"), Token);
        KlingVideoTask ours = await Ledger.Tasks.BeginAsync(TempLedger.Intent("ours"), Token);
        Host.Time.Advance(TimeSpan.FromHours(hours));

        SqlLedger opened = await Host.OpenAsync(ProcessIdentity.Current, owner => owner == s_other ? alive : throw new InvalidOperationException());

        Assert.Equal(expected, (await opened.Tasks.FindAsync(theirs.Id, Token))!.TaskState);
        Assert.Equal(42, (await opened.Tasks.FindAsync(theirs.Id, Token))!.CreditsReserved);
        Assert.Equal(KlingTaskState.Submitting, (await opened.Tasks.FindAsync(ours.Id, Token))!.TaskState);
    }

    [Fact]
    public async Task An_attempt_whose_owner_cannot_be_seen_is_unknown_when_its_response_is_overdue_and_says_what_that_means()
    {
        SqlLedger other = await Host.OpenAsync(s_other, _ => true);
        KlingVideoTask theirs = await other.Tasks.BeginAsync(TempLedger.Intent() with { AnswerWithin = TimeSpan.FromMinutes(7) }, Token);
        SqlLedger ours = await Host.OpenAsync(ProcessIdentity.Current, _ => null);
        Host.Time.Advance(TimeSpan.FromMinutes(7) - TimeSpan.FromMilliseconds(1));
        Assert.Empty(await ours.Tasks.RecoverAsync(Token));
        await RefusedAsync(() => ours.Tasks.AbandonAsync(theirs.Id));

        Host.Time.Advance(TimeSpan.FromMilliseconds(1));

        KlingVideoTask lost = Assert.Single(await ours.Tasks.RecoverAsync(Token));
        Assert.Equal((theirs.Id, KlingTaskState.Unknown), (lost.Id, lost.TaskState));
        Assert.Equal(
            "It was sent from another machine or container, or before this machine was last started. No response was recorded by 2026-11-22 12:07:00 UTC, "
            + "7 minutes after it began. Make sure that nothing is running there any more before you give it up or buy it again.",
            lost.FailMessage);
    }

    [Fact]
    public async Task An_attempt_whose_owner_cannot_be_seen_does_not_stay_under_way_for_a_year_where_the_clock_was_a_year_ahead()
    {
        SqlLedger other = await Host.OpenAsync(s_other, _ => true);
        DateTimeOffset right = Host.Time.GetUtcNow();
        Host.Time.AdjustTime(right + TimeSpan.FromDays(365));
        KlingVideoTask theirs = await other.Tasks.BeginAsync(TempLedger.Intent() with { AnswerWithin = TimeSpan.FromMinutes(7) }, Token);
        Host.Time.AdjustTime(right + TimeSpan.FromDays(1));

        SqlLedger ours = await Host.OpenAsync(ProcessIdentity.Current, _ => null);

        Assert.Equal(KlingTaskState.Unknown, (await ours.Tasks.FindAsync(theirs.Id, Token))!.TaskState);
    }

    [Theory]
    [InlineData(false, KlingTaskState.Rejected)]
    [InlineData(true, KlingTaskState.Submitting)]
    public async Task A_request_that_is_sent_again_has_as_much_time_for_its_response_as_before(bool isSentAgain, KlingTaskState expected)
    {
        SqlLedger other = await Host.OpenAsync(s_other, _ => true);
        KlingVideoTask theirs = await other.Tasks.BeginAsync(TempLedger.Intent() with { AnswerWithin = TimeSpan.FromMinutes(7) }, Token);
        await other.Tasks.RecordHeldBackAsync(theirs, "Maintenance.");
        Host.Time.Advance(TimeSpan.FromMinutes(6));
        if (isSentAgain)
        {
            await other.Tasks.RecordSentAgainAsync(theirs, TimeSpan.FromMinutes(7), intent: null, Token);
        }

        Host.Time.Advance(TimeSpan.FromMinutes(6));
        SqlLedger ours = await Host.OpenAsync(ProcessIdentity.Current, _ => null);

        Assert.Equal(expected, (await ours.Tasks.FindAsync(theirs.Id, Token))!.TaskState);
    }

    [Fact]
    public async Task An_attempt_of_a_living_owner_is_its_own_however_long_its_response_is_overdue()
    {
        SqlLedger other = await Host.OpenAsync(s_other, _ => true);
        KlingVideoTask theirs = await other.Tasks.BeginAsync(TempLedger.Intent() with { AnswerWithin = TimeSpan.FromMinutes(7) }, Token);
        Host.Time.Advance(TimeSpan.FromDays(30));

        SqlLedger ours = await Host.OpenAsync(ProcessIdentity.Current, _ => true);

        Assert.Equal(KlingTaskState.Submitting, (await ours.Tasks.FindAsync(theirs.Id, Token))!.TaskState);
        await RefusedAsync(() => ours.Tasks.AbandonAsync(theirs.Id));
    }

    [Fact]
    public async Task An_attempt_that_its_dead_process_was_holding_back_bought_nothing_and_sets_nothing_aside()
    {
        SqlLedger other = await Host.OpenAsync(s_other, _ => true);
        KlingVideoTask held = await other.Tasks.BeginAsync(TempLedger.Intent("held"), Token);
        KlingVideoTask sent = await other.Tasks.BeginAsync(TempLedger.Intent("sent"), Token);
        Assert.IsType<RecordResult.Recorded>(await other.Tasks.RecordHeldBackAsync(held, "Maintenance."));
        Assert.IsType<RecordResult.Recorded>(await other.Tasks.RecordHeldBackAsync(sent, "Maintenance."));
        Assert.IsType<RecordResult.Recorded>(await other.Tasks.RecordSentAgainAsync(sent, TimeSpan.FromHours(1), intent: null, Token));
        Assert.Equal(84, (await Ledger.Tasks.ListAsync(new TaskFilter(), Token)).Sum(task => task.CreditsReserved));

        SqlLedger survivor = await Host.OpenAsync(ProcessIdentity.Current, owner => owner != s_other);

        KlingVideoTask settled = (await survivor.Tasks.FindAsync(held.Id, Token))!;
        Assert.Equal((KlingTaskState.Rejected, 0m), (settled.TaskState, settled.CreditsReserved));
        Assert.Equal("The request was not sent again: Maintenance.", settled.FailMessage);
        Assert.Equal(KlingTaskState.Unknown, (await survivor.Tasks.FindAsync(sent.Id, Token))!.TaskState);
        Assert.IsType<RecordResult.Superseded>(await other.Tasks.RecordSentAgainAsync(held, TimeSpan.FromHours(1), intent: null, Token));
    }

    [Theory]
    [InlineData(true, KlingTaskState.Unknown, 42)]
    [InlineData(false, KlingTaskState.Rejected, 0)]
    public async Task What_could_not_be_recorded_of_an_attempt_is_settled_as_soon_as_the_ledger_is_used_again(bool mayBeBought, KlingTaskState expected, int reserved)
    {
        TaskIntent intent = TempLedger.Intent();
        KlingVideoTask ours = await Ledger.Tasks.BeginAsync(intent, Token);
        KlingVideoTask known = await Ledger.Tasks.BeginAsync(TempLedger.Intent("known"), Token);
        Ledger.Tasks.Disown(ours.Id, intent, mayBeBought, "The disk was full.");
        Ledger.Tasks.Disown(known.Id, TempLedger.Intent() with { Nonce = known.Nonce! }, mayBeBought, "The disk was full.");
        await Ledger.Tasks.AcceptAsync(known.Id, "t1");

        KlingVideoTask? earlier = await Ledger.Tasks.FindEarlierAsync(ours.Account, ours.Spec, Token);

        Assert.Equal(mayBeBought ? ours.Id : null, earlier?.Id);
        KlingVideoTask settled = (await Ledger.Tasks.FindAsync(ours.Id, Token))!;
        Assert.Equal((expected, reserved, "The disk was full."), (settled.TaskState, settled.CreditsReserved, settled.FailMessage));
        Assert.Equal(KlingTaskState.Waiting, (await Ledger.Tasks.FindAsync(known.Id, Token))!.TaskState);
        Assert.Empty(await Ledger.Tasks.RecoverAsync(Token));
    }

    [Fact]
    public async Task What_could_not_be_recorded_of_an_attempt_is_settled_although_the_ledger_was_closed_and_opened_again()
    {
        TaskIntent intent = TempLedger.Intent();
        SqlLedger first = await Host.OpenAsync(ProcessIdentity.Current, _ => true);
        KlingVideoTask ours = await first.Tasks.BeginAsync(intent, Token);
        first.Tasks.Disown(ours.Id, intent, mayBeBought: true, "The disk was full.");
        await first.DisposeAsync();

        SqlLedger again = await Host.OpenAsync(ProcessIdentity.Current, _ => true);

        KlingVideoTask unknown = (await again.Tasks.FindEarlierAsync(ours.Account, ours.Spec, Token))!;
        Assert.Equal((ours.Id, KlingTaskState.Unknown, "The disk was full."), (unknown.Id, unknown.TaskState, unknown.FailMessage));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_lost_answer_that_could_not_be_recorded_counts_even_if_its_attempt_was_given_up_meanwhile(bool isRemoved)
    {
        TaskIntent intent = TempLedger.Intent();
        KlingVideoTask ours = await Ledger.Tasks.BeginAsync(intent, Token);
        await Ledger.Tasks.LoseAsync(ours.Id);
        await Ledger.Tasks.AbandonAsync(ours.Id);
        if (isRemoved)
        {
            await Ledger.Tasks.RemoveAsync(ours.Id);
        }

        Ledger.Tasks.Disown(ours.Id, intent, mayBeBought: true, "The disk was full.");

        KlingVideoTask unknown = Assert.Single(await Ledger.Tasks.RecoverAsync(Token));
        Assert.Equal((KlingTaskState.Unknown, intent.Nonce, "The disk was full."), (unknown.TaskState, unknown.Nonce, unknown.FailMessage));
        Assert.Equal(unknown, (await Ledger.Tasks.ClaimAsync(intent.Renew(), Token)).Task);
    }

    [Fact]
    public async Task A_ledger_in_which_a_lost_attempt_cannot_be_settled_shows_what_is_there_and_nothing_is_bought_with_it()
    {
        SqlLedger other = await Host.OpenAsync(s_other, _ => true);
        TaskIntent next = TempLedger.Intent("b");
        KlingVideoTask accepted = await other.Tasks.AcceptAsync((await other.Tasks.BeginAsync(TempLedger.Intent("c"), Token)).Id, "t1");
        KlingVideoTask lost = await other.Tasks.BeginAsync(TempLedger.Intent(), Token);
        await Host.FillDiskAsync();

        SqlLedger ours = await Host.OpenAsync(ProcessIdentity.Current, _ => false);

        Assert.Equal(lost, await ours.Tasks.FindAsync(lost.Id, Token));
        Assert.Equal(accepted, await ours.Tasks.FindByTaskIdAsync(null, "t1", Token));
        Assert.Equal([accepted, lost], (await ours.Tasks.ListAsync(new TaskFilter(), Token)).OrderBy(task => task.Id));
        Assert.Empty(await ours.Accounts.ListAsync(Token));
        Assert.Null(await ours.Runs.FindLastAsync(new RunFilter(), Token));
        Assert.Equal(84, await ours.Spending.SumTodayAsync(TempLedger.Account, Token));
        Assert.Equal(84, Assert.Single(await ours.Spending.SumAsync(new SpendFilter(), KlingSpendGroup.Day, Token)).CreditsReserved);
        foreach (Func<Task> decide in (Func<Task>[])
            [
                () => ours.Tasks.BeginAsync(next, Token),
                () => ours.Tasks.ClaimAsync(next, Token),
                () => ours.Tasks.FindEarlierAsync(next.Account, next.Spec, Token),
                () => ours.Tasks.FindUnknownAsync(next.Account, next.Spec, Token),
                () => ours.Tasks.AbandonAsync(lost),
            ])
        {
            Assert.Equal(ErrorKind.LedgerUnusable, (await Assert.ThrowsAsync<KlingException>(decide)).Kind);
        }

        await Host.FreeDiskAsync();
        Assert.True((await ours.Tasks.ClaimAsync(next, Token)).IsNew);
        Assert.Equal(KlingTaskState.Unknown, (await ours.Tasks.FindAsync(lost.Id, Token))!.TaskState);
    }

    [Fact]
    public async Task An_owner_that_was_taken_for_dead_can_still_bring_its_answer()
    {
        SqlLedger other = await Host.OpenAsync(s_other, _ => true);
        KlingVideoTask task = await other.Tasks.BeginAsync(TempLedger.Intent(), Token);
        SqlLedger opened = await Host.OpenAsync(ProcessIdentity.Current, _ => false);
        Assert.Equal(KlingTaskState.Unknown, (await opened.Tasks.FindAsync(task.Id, Token))!.TaskState);

        task = await other.Tasks.AcceptAsync(task.Id, "t1");

        Assert.Equal((KlingTaskState.Waiting, "t1", null), (task.TaskState, task.TaskId, task.FailMessage));
    }
}
