using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Model;
using KlingPS.Core.Tests.Model;

namespace KlingPS.Core.Tests.Ledger;

/// <summary>A ledger in the third form of the tables (commit 8e91a12), as that version wrote it: what is recorded there was paid for.</summary>
public sealed class RecordedSchema3LedgerTests : IAsyncLifetime
{
    private const string Default = "kling/v2-5-turbo-image-to-video-pro";

    /// <summary>What was asked for, its task, and the state of that.</summary>
    private static readonly (RecordedPurchase Purchase, long Id, KlingTaskState State)[] s_purchases =
    [
        (new(Default, "A fox runs.", ImageHash: HashOf("saved")), 1, KlingTaskState.Succeeded),
        (new(Default, "Ein Fuchs läuft über die Straße. 🦊", "unscharf, Text", 10, 0.3m, ImageHash: HashOf("everything"), TailHash: HashOf("end"), Take: 2), 2, KlingTaskState.Succeeded),
        (new(Default, "A fox runs.", ImageHash: HashOf("generating")), 3, KlingTaskState.Generating),
        (new(Default, "A fox runs.", ImageHash: HashOf("unknown")), 6, KlingTaskState.Unknown),
        (new(Default, "A fox runs.", ImageHash: HashOf("submitting")), 9, KlingTaskState.Submitting),
    ];

    private readonly TempLedger _temp = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<int> Purchases => new(Enumerable.Range(0, s_purchases.Length));

    public async ValueTask InitializeAsync()
    {
        // The last request began twenty minutes before the clock of the tests begins, and its owner is of another machine.
        await using Stream recorded = typeof(RecordedSchema3LedgerTests).Assembly.GetManifestResourceStream("ledger-schema-3.db.gz")!;
        await using var unpacked = new GZipStream(recorded, CompressionMode.Decompress);
        await using FileStream file = File.Create(_temp.Path);
        await unpacked.CopyToAsync(file, Token);
    }

    public ValueTask DisposeAsync() => _temp.DisposeAsync();

    [Theory]
    [MemberData(nameof(Purchases))]
    public async Task What_was_bought_is_found_and_cannot_be_claimed_again(int row)
    {
        (RecordedPurchase purchase, long id, KlingTaskState state) = s_purchases[row];
        SqlLedger ledger = await _temp.OpenAsync();

        KlingVideoTask? task = await ledger.Tasks.FindEarlierAsync(TempLedger.Account, purchase.Spec, Token);
        TaskClaim claim = await ledger.Tasks.ClaimAsync(TempLedger.Intent() with { Identity = purchase.Identity }, Token);

        Assert.Equal((id, state), (task?.Id, task?.TaskState));
        Assert.Equal((id, false), (claim.Task.Id, claim.IsNew));
        Assert.Equal((purchase.Prompt, purchase.ImageHash, purchase.TailHash), (task!.Prompt, task.SourceHash, task.Spec.TailImage?.Hash));
    }

    [Fact]
    public async Task The_key_it_was_written_with_is_that_of_an_account_which_another_key_can_belong_to()
    {
        SqlLedger ledger = await _temp.OpenAsync();
        AccountKey key = Assert.Single(await ledger.Accounts.ListAsync(Token), key => key.Fingerprint == TempLedger.Account);
        Assert.Equal((TempLedger.Account, null, false), (key.Account, key.Service, key.IsSettled));

        await ledger.Accounts.RecordAsync(new AccountKey("fedcba9876543210", TempLedger.Account) { IsSettled = true }, Token);

        foreach ((RecordedPurchase purchase, long id, _) in s_purchases)
        {
            Assert.Equal(id, (await ledger.Tasks.FindEarlierAsync("fedcba9876543210", purchase.Spec, Token))?.Id);
        }
    }

    [Theory]
    [InlineData("failed")]
    [InlineData("rejected")]
    [InlineData("abandoned")]
    public async Task What_was_not_bought_is_bought(string image)
    {
        SqlLedger ledger = await _temp.OpenAsync();
        string identity = new RecordedPurchase(Default, "A fox runs.", ImageHash: HashOf(image)).Identity;

        Assert.True((await ledger.Tasks.ClaimAsync(TempLedger.Intent() with { Identity = identity }, Token)).IsNew);
    }

    [Fact]
    public async Task A_request_that_nobody_waits_for_any_more_is_unknown()
    {
        _temp.Time.Advance(TimeSpan.FromHours(1));
        SqlLedger ledger = await _temp.OpenAsync();

        KlingVideoTask task = (await ledger.Tasks.FindAsync(9, Token))!;

        Assert.Equal((KlingTaskState.Unknown, 42m), (task.TaskState, task.CreditsReserved));
    }

    [Fact]
    public async Task Videos_uploads_hashes_and_slots_are_where_they_were()
    {
        SqlLedger ledger = await _temp.OpenAsync();
        var recordedAt = new DateTimeOffset(2026, 11, 22, 11, 38, 0, TimeSpan.Zero);

        Assert.Equal([new SavedPath("/videos/saved.mp4", 1, new string('1', 64))], await ledger.Tasks.ListSavedPathsAsync(Token));
        Assert.Equal([2L], (await ledger.Tasks.ListAsync(new TaskFilter { Unsaved = true }, Token)).Select(task => task.Id));
        Assert.Equal("https://uploads.example/saved.png", (await ledger.Uploads.FindAsync(TempLedger.Account, HashOf("saved"), Token))?.Uri);
        Assert.Equal(HashOf("saved"), await ledger.FileHashes.FindAsync("/photos/saved.png", new FileStamp(12345, recordedAt), Token));
        Assert.Equal(1L, await _temp.SqlAsync("SELECT COUNT(*) FROM rate_leases WHERE state = 'over'"));
    }

    private static string HashOf(string image) => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(image))).ToLowerInvariant();
}
