using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Model;
using KlingPS.Core.Tests.Model;

namespace KlingPS.Core.Tests.Ledger;

/// <summary>
/// A ledger written by version 0.1.0 (commit d6d87f7), with a task in every state, as users have it. Whatever becomes of the tables,
/// what is recorded there was paid for: it must be found again under what was asked for, and never be bought again.
/// </summary>
public sealed class RecordedLedgerTests : IAsyncLifetime
{
    private const string Default = "kling/v2-5-turbo-image-to-video-pro";
    private const string Tail = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752";

    /// <summary>What was asked for, the task that FindEarlier gives for it, and that task's state.</summary>
    private static readonly (RecordedPurchase Purchase, long Id, KlingTaskState State)[] s_purchases =
    [
        (new(Default, "A fox runs.", ImageHash: HashOf("saved")), 1, KlingTaskState.Succeeded),
        (new(Default, "Ein Fuchs läuft über die Straße. 🦊", "unscharf, Text", 10, 0.3m, ImageHash: HashOf("everything"), TailHash: Tail, Take: 2), 2, KlingTaskState.Succeeded),
        (new(Default, "A fox runs.", ImageUri: "https://images.example/fox.png", TailUri: "https://images.example/end.png"), 3, KlingTaskState.Succeeded),
        (new("kling/v2-1-standard", "A fox runs.", ImageHash: HashOf("standard")), 4, KlingTaskState.Succeeded),
        (new("kling/v2-1-pro", "A fox runs.", Duration: 10, CfgScale: 0m, ImageHash: HashOf("pro")), 5, KlingTaskState.Succeeded),
        (new("kling/v2-1-master-image-to-video", "A fox runs.", string.Empty, CfgScale: 1m, ImageHash: HashOf("master")), 6, KlingTaskState.Generating),
        (new("kling/of-next-year", "A fox runs.", Duration: 5, ImageHash: HashOf("unpriced")), 7, KlingTaskState.Waiting),
        (new(Default, "A fox\r\nruns.", ImageHash: HashOf("queuing")), 8, KlingTaskState.Queuing),
        (new(Default, "A fox runs.", ImageHash: HashOf("failed")), 9, KlingTaskState.Failed),
        (new(Default, "A fox runs.", ImageHash: HashOf("unknown")), 11, KlingTaskState.Unknown),
        (new(Default, "A fox runs.", ImageHash: HashOf("replaced")), 13, KlingTaskState.Waiting),
        (new(Default, "A fox runs.", Duration: 10, CfgScale: 0.5m, ImageUri: "https://images.example/adopted.png"), 15, KlingTaskState.Succeeded),
        (new(Default, "A fox runs.", ImageHash: HashOf("submitting")), 17, KlingTaskState.Submitting),
    ];

    private readonly TempLedger _temp = new();

    public static TheoryData<int> Purchases => new(Enumerable.Range(0, s_purchases.Length));

    /// <summary>Those of them that may have been paid for.</summary>
    public static TheoryData<int> PaidPurchases => new(Enumerable.Range(0, s_purchases.Length).Where(row => s_purchases[row].State != KlingTaskState.Failed));

    public async ValueTask InitializeAsync()
    {
        // The clock stands two minutes after the last record: its owner, on another machine, may still be waiting for the response.
        await using Stream recorded = typeof(RecordedLedgerTests).Assembly.GetManifestResourceStream("ledger-0.1.0.db.gz")!;
        await using var unpacked = new GZipStream(recorded, CompressionMode.Decompress);
        await using FileStream file = File.Create(_temp.Path);
        await unpacked.CopyToAsync(file, TestContext.Current.CancellationToken);
    }

    public ValueTask DisposeAsync() => _temp.DisposeAsync();

    [Theory]
    [MemberData(nameof(Purchases))]
    public async Task What_the_first_version_bought_is_found_again(int row)
    {
        (RecordedPurchase purchase, long id, KlingTaskState state) = s_purchases[row];
        SqlLedger ledger = await _temp.OpenAsync();

        KlingVideoTask? task = await ledger.Tasks.FindEarlierAsync(TempLedger.Account, purchase.Spec, TestContext.Current.CancellationToken);

        Assert.Equal((id, state), (task?.Id, task?.TaskState));
        Assert.Equal(
            (purchase.Model, purchase.Prompt, purchase.NegativePrompt, purchase.Duration ?? 5, purchase.CfgScale, purchase.Take),
            (task!.Model, task.Prompt, task.NegativePrompt, task.Duration, task.CfgScale, task.Take));
        if (purchase.ImageHash is null)
        {
            Assert.Equal((null, purchase.ImageUri, purchase.TailUri), (task.SourceHash, task.ImageUri, task.TailImageUri));
        }
        else
        {
            Assert.Equal(purchase.ImageHash, task.SourceHash);
        }
    }

    [Theory]
    [MemberData(nameof(PaidPurchases))]
    public async Task What_the_first_version_bought_cannot_be_claimed_again(int row)
    {
        (RecordedPurchase purchase, long id, _) = s_purchases[row];
        SqlLedger ledger = await _temp.OpenAsync();

        TaskClaim claim = await ledger.Tasks.ClaimAsync(TempLedger.Intent() with { Identity = purchase.Identity }, TestContext.Current.CancellationToken);

        Assert.Equal((id, false), (claim.Task.Id, claim.IsNew));
    }

    [Theory]
    [InlineData("A fox\nruns.")]
    [InlineData("A fox\rruns.\r\n")]
    [InlineData("\uFEFF\r\n A fox \u2028runs. ")]
    public async Task What_the_first_version_bought_is_found_however_its_lines_end_now(string prompt)
    {
        SqlLedger ledger = await _temp.OpenAsync();
        VideoSpec video = new RecordedPurchase(Default, prompt, ImageHash: HashOf("queuing")).Spec.Normalized();

        Assert.Equal(8, (await ledger.Tasks.FindEarlierAsync(TempLedger.Account, video, TestContext.Current.CancellationToken))?.Id);
        TaskClaim claim = await ledger.Tasks.ClaimAsync(TempLedger.Intent() with { Spec = video, Identity = video.GetIdentity() }, TestContext.Current.CancellationToken);
        Assert.Equal((8, false), (claim.Task.Id, claim.IsNew));
    }

    [Theory]
    [InlineData("rejected")]
    [InlineData("abandoned")]
    public async Task What_the_first_version_did_not_buy_is_bought(string image)
    {
        SqlLedger ledger = await _temp.OpenAsync();
        var purchase = new RecordedPurchase(Default, "A fox runs.", ImageHash: HashOf(image));

        Assert.Null(await ledger.Tasks.FindEarlierAsync(TempLedger.Account, purchase.Spec, TestContext.Current.CancellationToken));
        Assert.True((await ledger.Tasks.ClaimAsync(TempLedger.Intent() with { Identity = purchase.Identity }, TestContext.Current.CancellationToken)).IsNew);
    }

    [Fact]
    public async Task Another_account_keeps_its_own_purchase()
    {
        SqlLedger ledger = await _temp.OpenAsync();
        VideoSpec video = new RecordedPurchase(Default, "A fox runs.", ImageHash: HashOf("saved")).Spec;

        Assert.Equal(16, (await ledger.Tasks.FindEarlierAsync("fedcba9876543210", video, TestContext.Current.CancellationToken))?.Id);
    }

    [Fact]
    public async Task A_request_of_the_first_version_that_nobody_waits_for_any_more_is_unknown()
    {
        _temp.Time.Advance(TimeSpan.FromHours(2));
        SqlLedger ledger = await _temp.OpenAsync();
        VideoSpec video = new RecordedPurchase(Default, "A fox runs.", ImageHash: HashOf("submitting")).Spec;

        KlingVideoTask? task = await ledger.Tasks.FindUnknownAsync(TempLedger.Account, video, TestContext.Current.CancellationToken);

        Assert.Equal((17, KlingTaskState.Unknown, 42m), (task?.Id ?? 0, task?.TaskState, task?.CreditsReserved));
    }

    [Fact]
    public async Task Every_record_of_the_first_version_says_what_it_said()
    {
        SqlLedger ledger = await _temp.OpenAsync();

        IReadOnlyList<KlingVideoTask> tasks = await ledger.Tasks.ListAsync(new TaskFilter(), TestContext.Current.CancellationToken);

        Assert.Equal(Enumerable.Range(1, 17).Select(id => (long)id), tasks.Select(task => task.Id));
        KlingVideoTask saved = tasks[0];
        Assert.Equal(
            ("/photos/saved.png", "https://uploads.example/saved.png", "https://videos.example/eeeeeeeeeeeeeeeeeeeeeeeeeeeeeee1.mp4", "/videos/saved.mp4", new string('1', 64)),
            (saved.SourcePath, saved.ImageUri, saved.ResultUri, saved.SavedPath, saved.SavedHash));
        Assert.Equal((0m, 42m, saved.CompletedAt + TimeSpan.FromHours(24)), (saved.CreditsReserved, saved.CreditsConsumed, saved.ExpiresAt));
        KlingVideoTask everything = tasks[1];
        Assert.Equal(
            ("/photos/end.png", "https://uploads.example/end.png", "https://callback.example/kling?a=1", "00000000000000000000000000000002", 84m),
            (everything.TailImagePath, everything.TailImageUri, everything.CallbackUri, everything.Nonce, everything.CreditsConsumed));
        Assert.Equal(new DateTimeOffset(2026, 11, 22, 11, 51, 0, TimeSpan.Zero), everything.CreatedAt);
        Assert.Equal(("501", "generation failed", 0m), (tasks[8].FailCode, tasks[8].FailMessage, tasks[8].CreditsConsumed));
        Assert.Equal((KlingTaskState.Rejected, "402"), (tasks[9].TaskState, tasks[9].FailCode));
        Assert.Equal((KlingTaskState.Abandoned, 12L), (tasks[11].TaskState, tasks[12].Replaces));
        Assert.Equal(160m + (4 * 42m), tasks.Where(task => task.Account == TempLedger.Account).Sum(task => task.CreditsReserved));
        Assert.Equal(42m + 84 + 42 + 25 + 100 + 84, tasks.Sum(task => task.CreditsConsumed ?? 0));
    }

    [Fact]
    public async Task Uploads_and_hashes_of_the_first_version_are_used()
    {
        SqlLedger ledger = await _temp.OpenAsync();
        var recordedAt = new DateTimeOffset(2026, 11, 22, 11, 58, 0, TimeSpan.Zero);

        UploadRecord? upload = await ledger.Uploads.FindAsync(TempLedger.Account, HashOf("saved"), TestContext.Current.CancellationToken);

        Assert.Equal(("https://uploads.example/saved.png", recordedAt.AddHours(24)), (upload?.Uri, upload?.ExpiresAt));
        Assert.Equal(HashOf("saved"), await ledger.FileHashes.FindAsync("/photos/saved.png", new FileStamp(12345, recordedAt), TestContext.Current.CancellationToken));
    }

    private static string HashOf(string image) => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(image))).ToLowerInvariant();
}
