using KlingPS.Core.Ledger;
using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Ledger.Contract;

/// <summary>What the caches remember, and for how long.</summary>
public abstract class CacheContract : LedgerContract
{
    private protected CacheContract(LedgerHost host)
        : base(host)
    {
    }

    [Fact]
    public async Task Generation_times_are_told_newest_first_by_the_services_own_clock()
    {
        DateTimeOffset start = Host.Time.GetUtcNow();
        foreach ((string id, int seconds) in ((string, int)[])[("t1", 90), ("t2", 120), ("t3", 60)])
        {
            await Ledger.Tasks.RecordSnapshotAsync(
                TempLedger.Account,
                TempLedger.Snapshot(id, KlingTaskState.Succeeded) with { CreatedAt = start, CompletedAt = start + TimeSpan.FromSeconds(seconds) });
        }

        await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t4", KlingTaskState.Failed) with { CreatedAt = start });

        Assert.Equal([120.0, 90.0], await Ledger.GenerationTimes.ListAsync(ModelCatalog.DefaultId, 5, 2, Token));
        Assert.Empty(await Ledger.GenerationTimes.ListAsync(ModelCatalog.DefaultId, 10, 2, Token));
    }

    [Fact]
    public async Task An_upload_is_known_until_it_expires()
    {
        DateTimeOffset now = Host.Time.GetUtcNow();
        var upload = new UploadRecord(TempLedger.Account, "h", "https://files.example/1.png", now, now + TimeSpan.FromHours(24));
        await Ledger.Uploads.RecordAsync(upload, Token);
        Assert.Equal(upload, await Ledger.Uploads.FindAsync(TempLedger.Account, "h", Token));
        Assert.Null(await Ledger.Uploads.FindAsync("another account", "h", Token));

        upload = upload with { Uri = "https://files.example/2.png", ExpiresAt = now + TimeSpan.FromHours(25) };
        await Ledger.Uploads.RecordAsync(upload, Token);
        Host.Time.Advance(TimeSpan.FromHours(24.5));
        Assert.Equal(upload, await Ledger.Uploads.FindAsync(TempLedger.Account, "h", Token));

        Host.Time.Advance(TimeSpan.FromHours(0.5));
        Assert.Null(await Ledger.Uploads.FindAsync(TempLedger.Account, "h", Token));
    }

    [Fact]
    public async Task The_content_of_an_upload_is_known_by_its_address_also_when_the_upload_has_ended()
    {
        string hash = new('a', 64);
        string uri = $"https://files.example/klingps/{hash}.png";
        DateTimeOffset now = Host.Time.GetUtcNow();
        await Ledger.Uploads.RecordAsync(new UploadRecord(TempLedger.Account, hash, uri, now, now + TimeSpan.FromHours(24)), Token);

        Assert.Equal(hash, await Ledger.Uploads.FindContentAsync(TempLedger.Account, uri, Token));
        Assert.Null(await Ledger.Uploads.FindContentAsync("another account", uri, Token));
        Assert.Null(await Ledger.Uploads.FindContentAsync(TempLedger.Account, $"https://elsewhere.example/klingps/{hash}.png", Token));
        Assert.Null(await Ledger.Uploads.FindContentAsync(TempLedger.Account, "https://files.example/klingps/fox.png", Token));

        MediaSource upload = MediaSource.FromUri(uri, uploadedFrom: "/images/fox.png") with { Hash = hash };
        var spec = new VideoSpec { Prompt = "It moves.", Image = upload };
        KlingVideoTask task = (await Ledger.Tasks.ClaimAsync(TempLedger.Intent("n") with { Spec = spec, Identity = spec.GetIdentity() }, Token)).Task;
        Host.Time.Advance(TimeSpan.FromHours(25));
        string other = new('b', 64);
        await Ledger.Uploads.RecordAsync(new UploadRecord(TempLedger.Account, other, "https://files.example/2.png", Host.Time.GetUtcNow(), Host.Time.GetUtcNow() + TimeSpan.FromHours(24)), Token);

        Assert.Equal(upload, task.Spec.Image);
        Assert.Equal(hash, await Ledger.Uploads.FindContentAsync(TempLedger.Account, uri, Token));
    }

    [Fact]
    public async Task A_files_hash_is_known_as_long_as_length_and_time_are_the_same()
    {
        DateTimeOffset modified = Host.Time.GetUtcNow() - TimeSpan.FromHours(1) + TimeSpan.FromTicks(1);
        await Ledger.FileHashes.RecordAsync("/a.png", new FileStamp(100, modified), "h1", Token);
        Assert.Equal("h1", await Ledger.FileHashes.FindAsync("/a.png", new FileStamp(100, modified), Token));
        Assert.Null(await Ledger.FileHashes.FindAsync("/a.png", new FileStamp(101, modified), Token));
        Assert.Null(await Ledger.FileHashes.FindAsync("/a.png", new FileStamp(100, modified + TimeSpan.FromTicks(1)), Token));

        Assert.Null(await Ledger.FileHashes.FindAsync("/a.png", new FileStamp(100, modified, "4711:1"), Token));

        await Ledger.FileHashes.RecordAsync("/b.png", new FileStamp(100, modified, "4711:1"), "h3", Token);
        Assert.Equal("h3", await Ledger.FileHashes.FindAsync("/b.png", new FileStamp(100, modified, "4711:1"), Token));
        Assert.Null(await Ledger.FileHashes.FindAsync("/b.png", new FileStamp(100, modified, "4711:2"), Token));

        await Ledger.FileHashes.RecordAsync("/a.png", new FileStamp(101, modified), "h2", Token);
        Assert.Equal("h2", await Ledger.FileHashes.FindAsync("/a.png", new FileStamp(101, modified), Token));
    }
}
