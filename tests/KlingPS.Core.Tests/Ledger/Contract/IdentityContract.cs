using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Processes;
using KlingPS.Core.Ledger.Spool;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Ledger.Contract;

/// <summary>What makes a ledger the same one wherever it is, and what becomes of what a machine has kept for it.</summary>
public abstract class IdentityContract : LedgerContract
{
    private const string FindId = "SELECT value FROM settings WHERE name = 'id'";

    private static readonly ProcessIdentity s_other = new(4711, 1, "boot", "machine");

    private readonly Func<LedgerHost> _create;

    private protected IdentityContract(Func<LedgerHost> create)
        : base(create())
    {
        _create = create;
        Host.Spool = new AnswerSpool(Path.Combine(Host.Folder, "unrecorded"), Host.Time);
    }

    private AnswerSpool Spool => Host.Spool!;

    private async Task<string> FindIdAsync() => (string)(await Host.SqlAsync(FindId))!;

    /// <summary>The ledger as the version before the id left it.</summary>
    private Task<object?> ForgetIdAsync() => Host.SqlAsync(
        "DELETE FROM settings WHERE name = 'id'; ALTER TABLE account_keys DROP COLUMN is_settled_elsewhere; ALTER TABLE tasks DROP COLUMN reopened_from; ALTER TABLE tasks DROP COLUMN reversals; UPDATE schema_version SET version = 8");

    /// <summary>Another ledger at another address, which this machine uses.</summary>
    private async Task<LedgerHost> StartAnotherAsync(string id)
    {
        LedgerHost other = _create();
        await (await other.OpenAsync()).DisposeAsync();
        await other.SqlAsync($"UPDATE settings SET value = '{id}' WHERE name = 'id'");
        other.Spool = Spool;
        return other;
    }

    private async Task KeepAsync(Func<KlingVideoTask, SpooledAnswer> answer)
        => Assert.NotNull(await Ledger.Tasks.KeepAsync(answer(await Ledger.Tasks.BeginAsync(TempLedger.Intent(), Token))));

    [Fact]
    public async Task A_ledger_has_one_id_whoever_opens_it()
    {
        string id = await FindIdAsync();
        Assert.Equal(32, id.Length);

        await Host.OpenAtAsync("another machine");

        Assert.Equal(id, await FindIdAsync());
    }

    [Fact]
    public async Task Two_that_bring_a_ledger_up_to_date_at_the_same_time_give_it_one_id()
    {
        await ForgetIdAsync();

        SqlLedger[] opened = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => Task.Run(() => Host.OpenAsync(), Token)));

        KlingVideoTask task = await Ledger.Tasks.BeginAsync(TempLedger.Intent(), Token);
        foreach (SqlLedger ledger in opened)
        {
            await ledger.Tasks.KeepAsync(SpooledAnswer.Accepted(task, "t1"));
        }

        string id = await FindIdAsync();
        Assert.Equal([id, id], Spool.Read().Select(file => file.Answer!.LedgerId));
    }

    [Fact]
    public async Task A_backup_that_is_older_than_the_id_gets_the_one_that_the_ledger_has()
    {
        await Ledger.Accounts.RecordAsync(new AccountKey(LedgerHost.Account, LedgerHost.Account), Token);
        string[] ids = [await UpdateAsync(), await UpdateAsync()];

        Assert.Equal(ids[0], ids[1]);

        async Task<string> UpdateAsync()
        {
            await ForgetIdAsync();
            await Host.OpenAsync();
            return await FindIdAsync();
        }
    }

    [Theory]
    [InlineData(true, KlingTaskState.Waiting)]
    [InlineData(false, KlingTaskState.Unknown)]
    public async Task An_image_is_not_bought_again_when_a_server_at_another_address_takes_over_without_its_record(bool isAccepted, KlingTaskState expected)
    {
        await KeepAsync(task => isAccepted ? SpooledAnswer.Accepted(task, "t1") : SpooledAnswer.Unknown(task, "The connection broke."));
        await using LedgerHost standby = await StartAnotherAsync(await FindIdAsync());

        SqlLedger ledger = await standby.OpenAsync();
        TaskClaim claim = await ledger.Tasks.ClaimAsync(TempLedger.Intent(), Token);

        Assert.Equal((false, expected), (claim.IsNew, claim.Task.TaskState));
        Assert.False(Spool.HasAny);
        string notice = ledger.TakeNotice()!;
        Assert.Contains("The ledger can be reached again", notice, StringComparison.Ordinal);
        Assert.Equal(
            !isAccepted,
            notice.StartsWith(
                $"Task {claim.Task.Id} ('{TempLedger.Intent().Spec.Subject}') is Unknown: the response to its request is lost, and the ledger no longer had a record of it. Resolve it with Resolve-KlingVideoTask. ",
                StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_file_of_an_earlier_version_is_found_by_the_address_of_the_ledger()
    {
        KlingVideoTask task = await Ledger.Tasks.BeginAsync(TempLedger.Intent(), Token);
        Assert.NotNull(await Ledger.Tasks.KeepAsync(SpooledAnswer.Accepted(task, "t1")));
        SpooledFile kept = Assert.Single(Spool.Read());
        AnswerSpool.Remove(kept);
        Assert.True(Spool.TryKeep(kept.Answer! with { LedgerId = null }));
        await Host.SqlAsync("DELETE FROM tasks");

        TaskClaim claim = await Ledger.Tasks.ClaimAsync(TempLedger.Intent(), Token);

        Assert.Equal((false, "t1"), (claim.IsNew, claim.Task.TaskId));
        Assert.False(Spool.HasAny);
    }

    [Fact]
    public async Task An_image_is_not_bought_again_with_an_empty_ledger_in_the_place_of_the_lost_one_and_is_known_when_that_one_is_back()
    {
        await KeepAsync(task => SpooledAnswer.Accepted(task, "t1"));
        string id = await FindIdAsync();
        await BecomeAsync(new string('f', 32));

        SqlLedger empty = await Host.OpenAsync(s_other, _ => true);
        TaskClaim claim = await empty.Tasks.ClaimAsync(TempLedger.Intent(), Token);

        Assert.Equal((false, "t1"), (claim.IsNew, claim.Task.TaskId));
        string notice = empty.TakeNotice()!;
        Assert.StartsWith($"The ledger '{empty.Location}' is not the one that this machine has kept an answer for.", notice, StringComparison.Ordinal);
        Assert.Contains(Spool.Folder, notice, StringComparison.Ordinal);

        // It is told and recorded once, by whichever process, and stays for the other.
        await empty.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Failed, 0));
        await empty.Tasks.RemoveAsync(claim.Task.Id);
        SqlLedger later = await Host.OpenAsync(s_other, _ => true);
        Assert.Empty(await later.Tasks.ListAsync(new TaskFilter(), Token));
        Assert.Null(later.TakeNotice());
        Assert.True(Spool.HasAny);

        // A backup is put back that does not have it either.
        await BecomeAsync(id);
        SqlLedger restored = await Host.OpenAsync(s_other, _ => true);
        claim = await restored.Tasks.ClaimAsync(TempLedger.Intent(), Token);
        Assert.Equal((false, "t1"), (claim.IsNew, claim.Task.TaskId));
        Assert.False(Spool.HasAny);

        Task BecomeAsync(string ledger) => Host.SqlAsync($"DELETE FROM tasks; UPDATE settings SET value = '{ledger}' WHERE name = 'id'");
    }

    [Fact]
    public async Task What_is_kept_for_another_ledger_waits_for_it_and_is_told_once()
    {
        await KeepAsync(task => SpooledAnswer.Accepted(task, "t1"));
        await using LedgerHost other = await StartAnotherAsync(new string('f', 32));

        SqlLedger ledger = await other.OpenAsync();
        await ledger.Tasks.RecoverAsync(Token);

        Assert.Equal(
            $"An answer that this machine has kept for another ledger than '{ledger.Location}', which was at '{Assert.Single(Spool.Read()).Answer!.Ledger}', waits in '{Spool.Folder}' "
            + "until a command on this machine uses that ledger. This one does not know what was bought there.",
            ledger.TakeNotice());
        Assert.True((await ledger.Tasks.ClaimAsync(TempLedger.Intent(), Token)).IsNew);
        Assert.Null(ledger.TakeNotice());

        await Ledger.Tasks.RecoverAsync(Token);
        Assert.Equal("t1", Assert.Single(await Ledger.Tasks.ListAsync(new TaskFilter(), Token)).TaskId);
        Assert.False(Spool.HasAny);
    }
}
