using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Ledger.Contract;

/// <summary>What the machines that share a ledger know of each other's files.</summary>
public abstract class MachineContract : LedgerContract
{
    private static readonly string s_hash = new('1', 64);

    private protected MachineContract(LedgerHost host)
        : base(host)
    {
    }

    private static async Task<KlingVideoTask> FinishedAsync(SqlLedger ledger, string taskId)
    {
        await ledger.Tasks.AcceptAsync((await ledger.Tasks.BeginAsync(LedgerHost.Intent(taskId), Token)).Id, taskId);
        return await ledger.Tasks.RecordSnapshotAsync(LedgerHost.Account, LedgerHost.Snapshot(taskId, KlingTaskState.Succeeded, 42));
    }

    private static async Task<long[]> UnsavedAsync(SqlLedger ledger)
        => [.. (await ledger.Tasks.ListAsync(new TaskFilter { Unsaved = true }, Token)).Select(task => task.Id)];

    [Fact]
    public async Task A_video_that_one_machine_has_saved_is_unsaved_on_the_other_which_knows_it_by_its_content()
    {
        SqlLedger east = await Host.OpenAtAsync("east");
        SqlLedger west = await Host.OpenAtAsync("west");
        KlingVideoTask task = await FinishedAsync(east, "t1");

        await east.Tasks.RecordSavedAsync(task, "/videos/a.mp4", s_hash);

        KlingVideoTask there = (await east.Tasks.FindAsync(task.Id, Token))!;
        KlingVideoTask here = (await west.Tasks.FindAsync(task.Id, Token))!;
        Assert.Equal(("/videos/a.mp4", s_hash), (there.SavedPath, there.SavedHash));
        Assert.Equal((null, s_hash), (here.SavedPath, here.SavedHash));
        Assert.Empty(await UnsavedAsync(east));
        Assert.Equal([task.Id], await UnsavedAsync(west));
        Assert.Equal([new SavedPath("/videos/a.mp4", task.Id, s_hash)], await east.Tasks.ListSavedPathsAsync(Token));
        Assert.Empty(await west.Tasks.ListSavedPathsAsync(Token));
    }

    [Fact]
    public async Task Each_machine_keeps_the_path_it_has_saved_a_video_to()
    {
        SqlLedger east = await Host.OpenAtAsync("east");
        SqlLedger west = await Host.OpenAtAsync("west");
        KlingVideoTask task = await FinishedAsync(east, "t1");

        await east.Tasks.RecordSavedAsync(task, "/videos/a.mp4", s_hash);
        KlingVideoTask saved = await west.Tasks.RecordSavedAsync(task, @"D:\videos\a.mp4", s_hash);

        Assert.Equal(@"D:\videos\a.mp4", saved.SavedPath);
        Assert.Equal("/videos/a.mp4", (await east.Tasks.FindAsync(task.Id, Token))!.SavedPath);
        Assert.Empty(await UnsavedAsync(west));
    }

    [Fact]
    public async Task The_path_of_a_file_that_is_about_to_get_its_name_is_known_on_its_machine_alone_and_its_content_everywhere()
    {
        SqlLedger east = await Host.OpenAtAsync("east");
        SqlLedger west = await Host.OpenAtAsync("west");
        KlingVideoTask task = await FinishedAsync(east, "t1");

        await east.Tasks.RecordSavingAsync(task, "/videos/a.mp4", s_hash);

        Assert.Equal([new SavedPath("/videos/a.mp4", task.Id, s_hash, IsCertain: false)], await east.Tasks.ListSavedPathsAsync(Token));
        Assert.Equal(s_hash, await east.Tasks.FindSavingHashAsync(task, Token));
        Assert.Empty(await west.Tasks.ListSavedPathsAsync(Token));
        Assert.Equal(s_hash, await west.Tasks.FindSavingHashAsync(task, Token));
        Assert.Equal([task.Id], await UnsavedAsync(east));

        await east.Tasks.RecordSavedAsync(task, "/videos/a.mp4", s_hash);

        Assert.Equal([new SavedPath("/videos/a.mp4", task.Id, s_hash)], await east.Tasks.ListSavedPathsAsync(Token));
    }

    [Fact]
    public async Task A_file_of_the_same_path_size_and_time_is_another_file_on_another_machine()
    {
        SqlLedger east = await Host.OpenAtAsync("east");
        SqlLedger west = await Host.OpenAtAsync("west");
        var stamp = new FileStamp(100, Host.Time.GetUtcNow());

        await east.FileHashes.RecordAsync("/images/a.png", stamp, "hash of east", Token);

        Assert.Null(await west.FileHashes.FindAsync("/images/a.png", stamp, Token));
        await west.FileHashes.RecordAsync("/images/a.png", stamp, "hash of west", Token);
        Assert.Equal("hash of east", await east.FileHashes.FindAsync("/images/a.png", stamp, Token));
        Assert.Equal("hash of west", await west.FileHashes.FindAsync("/images/a.png", stamp, Token));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_ledger_of_several_machines_that_went_to_a_file_is_copied_from_any_of_them_and_the_newer_hash_of_a_file_counts(bool isOwnNewer)
    {
        await using var file = new TempLedger();
        SqlLedger everybodys = await file.OpenAsync();
        SqlLedger own = await file.OpenAtAsync("west");
        var stamp = new FileStamp(100, Host.Time.GetUtcNow());
        await (isOwnNewer ? everybodys : own).FileHashes.RecordAsync("/images/a.png", stamp, "older", Token);
        await (isOwnNewer ? everybodys : own).FileHashes.RecordAsync("/images/b.png", stamp, "only one", Token);
        file.Time.Advance(TimeSpan.FromMinutes(1));
        await (isOwnNewer ? own : everybodys).FileHashes.RecordAsync("/images/a.png", stamp, "newer", Token);
        await (await file.OpenAtAsync("east")).FileHashes.RecordAsync("/images/a.png", stamp, "of east", Token);
        SqlLedger west = await Host.OpenAtAsync("west");

        await everybodys.CopyToAsync(west, progress: null, Token);

        Assert.Equal("newer", await west.FileHashes.FindAsync("/images/a.png", stamp, Token));
        Assert.Equal("only one", await west.FileHashes.FindAsync("/images/b.png", stamp, Token));
        Assert.Equal("of east", await (await Host.OpenAtAsync("east")).FileHashes.FindAsync("/images/a.png", stamp, Token));
    }

    [Fact]
    public async Task What_is_bought_on_one_machine_is_bought_for_all()
    {
        SqlLedger east = await Host.OpenAtAsync("east");
        SqlLedger west = await Host.OpenAtAsync("west");
        KlingVideoTask task = await FinishedAsync(east, "t1");

        TaskClaim claim = await west.Tasks.ClaimAsync(LedgerHost.Intent("t1"), Token);

        Assert.Equal((task.Id, false), (claim.Task.Id, claim.IsNew));
    }

    [Theory]
    [InlineData("https://service.example")]
    [InlineData("https://gateway.example")]
    [InlineData(null)]
    public async Task A_video_that_two_accounts_ask_for_at_the_same_time_is_bought_by_one_of_them(string? firstService)
    {
        // The first account was first known by a key that was used elsewhere, or before the ledger had addresses.
        SqlLedger[] machines = [await Host.OpenAtAsync("east"), await Host.OpenAtAsync("west")];
        await RecordKeysAsync(firstService, "https://service.example");
        await Ledger.Accounts.RecordAsync(new AccountKey(new string('k', 32), AccountOf(0)) { Service = "https://service.example", IsSettled = true, IsSettledElsewhere = true }, Token);

        for (int video = 0; video < 10; video++)
        {
            TaskClaim[] claims = await Task.WhenAll(machines.Select((ledger, number) => Task.Run(() => ledger.Tasks.ClaimAsync(IntentOf(number, $"video {video}"), Token), Token)));

            Assert.Single(claims, claim => claim.IsNew);
            Assert.Equal(claims[0].Task.Id, claims[1].Task.Id);
        }

        await Ledger.Tasks.ClaimAsync(IntentOf(0, "one after the other"), Token);
        Assert.False((await Ledger.Tasks.ClaimAsync(IntentOf(1, "one after the other"), Token)).IsNew);
    }

    [Theory]
    [InlineData("https://service.example", true, KlingTaskState.Succeeded, false)]
    [InlineData("https://service.example", true, KlingTaskState.Failed, true)]
    [InlineData("https://service.example", false, KlingTaskState.Succeeded, true)]
    [InlineData("https://other.example", true, KlingTaskState.Succeeded, true)]
    public async Task What_another_account_of_the_service_has_bought_is_not_bought_again_unless_that_is_asked_for(
        string service, bool respectsOthers, KlingTaskState state, bool isBought)
    {
        await RecordKeysAsync("https://service.example", service);
        KlingVideoTask theirs = (await Ledger.Tasks.ClaimAsync(IntentOf(0, "video"), Token)).Task;
        await Ledger.Tasks.AcceptAsync(theirs.Id, "t1");
        await Ledger.Tasks.RecordSnapshotAsync(AccountOf(0), LedgerHost.Snapshot("t1", state, 42));

        TaskClaim ours = await Ledger.Tasks.ClaimAsync(IntentOf(1, "video") with { RespectsOtherAccounts = respectsOthers }, Token);

        Assert.Equal(isBought, ours.IsNew);
        Assert.Equal(isBought, ours.Task.Id != theirs.Id);
    }

    [Fact]
    public async Task A_request_is_not_sent_again_once_another_account_has_bought_the_video()
    {
        await RecordKeysAsync("https://service.example", "https://service.example");
        TaskIntent intent = IntentOf(0, "video");
        KlingVideoTask ours = (await Ledger.Tasks.ClaimAsync(intent, Token)).Task;
        await Ledger.Tasks.RecordHeldBackAsync(ours, "The service is busy.");
        KlingVideoTask theirs = (await Ledger.Tasks.ClaimAsync(IntentOf(1, "video") with { RespectsOtherAccounts = false }, Token)).Task;

        RecordResult again = await Ledger.Tasks.RecordSentAgainAsync(ours, intent.AnswerWithin, intent, Token);

        Assert.Equal(theirs.Id, Assert.IsType<RecordResult.Forestalled>(again).Other.Id);
    }

    private static string AccountOf(int number) => new((char)('a' + number), 32);

    private static TaskIntent IntentOf(int account, string video) => LedgerHost.Intent(video) with { Account = AccountOf(account), RespectsOtherAccounts = true };

    /// <summary>Records two keys that are known to be of two accounts.</summary>
    /// <param name="services">Where each is used.</param>
    private async Task RecordKeysAsync(params string?[] services)
    {
        foreach ((int number, string? service) in services.Index())
        {
            await Ledger.Accounts.RecordAsync(new AccountKey(AccountOf(number), AccountOf(number)) { Service = service, IsSettled = true, IsSettledElsewhere = true }, Token);
        }
    }

    [Fact]
    public async Task The_paths_of_a_task_go_with_its_record()
    {
        SqlLedger east = await Host.OpenAtAsync("east");
        KlingVideoTask task = await FinishedAsync(east, "t1");
        await east.Tasks.RecordSavedAsync(task, "/videos/a.mp4", s_hash);

        await east.Tasks.RemoveAsync(task.Id);

        Assert.Empty(await east.Tasks.ListSavedPathsAsync(Token));
    }

    [Fact]
    public async Task A_video_that_was_saved_before_it_was_known_whose_it_is_stays_saved()
    {
        SqlLedger east = await Host.OpenAtAsync("east");
        KlingVideoTask attempt = await east.Tasks.LoseAsync((await east.Tasks.BeginAsync(LedgerHost.Intent(), Token)).Id);
        KlingVideoTask adopted = await east.Tasks.RecordSnapshotAsync(LedgerHost.Account, LedgerHost.Snapshot("t1", KlingTaskState.Succeeded, 42));
        await east.Tasks.RecordSavedAsync(adopted, "/videos/a.mp4", s_hash);

        KlingVideoTask joined = await east.Tasks.AcceptAsync(attempt.Id, "t1");

        Assert.Equal((attempt.Id, "/videos/a.mp4", s_hash), (joined.Id, joined.SavedPath, joined.SavedHash));
        Assert.Equal([new SavedPath("/videos/a.mp4", attempt.Id, s_hash)], await east.Tasks.ListSavedPathsAsync(Token));
    }

    [Fact]
    public async Task A_video_that_was_saved_twice_before_it_was_known_whose_it_is_stays_saved()
    {
        SqlLedger east = await Host.OpenAtAsync("east");
        KlingVideoTask attempt = await east.Tasks.LoseAsync((await east.Tasks.BeginAsync(LedgerHost.Intent(), Token)).Id);
        foreach (string key in new[] { LedgerHost.Account, "key 2" })
        {
            KlingVideoTask adopted = await east.Tasks.RecordSnapshotAsync(key, LedgerHost.Snapshot("t1", KlingTaskState.Succeeded, 42));
            await east.Tasks.RecordSavedAsync(adopted, $"/videos/{key}.mp4", s_hash);
            await east.Accounts.RecordAsync(new AccountKey(key, LedgerHost.Account) { Service = "kie.ai", IsSettled = true }, Token);
        }

        KlingVideoTask joined = await east.Tasks.AcceptAsync(attempt.Id, "t1");

        Assert.Equal((attempt.Id, $"/videos/{LedgerHost.Account}.mp4", s_hash), (joined.Id, joined.SavedPath, joined.SavedHash));
        Assert.Equal([new SavedPath($"/videos/{LedgerHost.Account}.mp4", attempt.Id, s_hash)], await east.Tasks.ListSavedPathsAsync(Token));
    }

    [Fact]
    public async Task What_is_learned_of_a_task_on_one_machine_leaves_the_paths_of_the_other()
    {
        SqlLedger east = await Host.OpenAtAsync("east");
        SqlLedger west = await Host.OpenAtAsync("west");
        KlingVideoTask task = await FinishedAsync(east, "t1");
        await east.Tasks.RecordSavedAsync(task, "/videos/a.mp4", s_hash);

        await west.Tasks.RecordTakenAsync(task.Id, true);

        Assert.Equal("/videos/a.mp4", (await east.Tasks.FindAsync(task.Id, Token))!.SavedPath);
        Assert.Empty(await UnsavedAsync(west));
    }
}
