using System.Security.Cryptography;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Sessions;
using KlingPS.Core.Submitting;
using KlingPS.Torture;

namespace KlingPS.Bench.Engine;

/// <summary>Makes a batch look as if all its videos had been made: its ledger says so, and the files are there. The service is not asked.</summary>
internal static class FinishedFolder
{
    private const int Together = 500;

    /// <summary>Finishes a batch.</summary>
    public static async Task FinishAsync(Batch batch, SandboxProcess sandbox)
    {
        Directory.CreateDirectory(batch.Videos);
        await using Client client = Client.Open(batch.LedgerPath, sandbox.Endpoints, SandboxMode.Key);
        await client.Ledger.OpenAsync(default);
        var identifier = new SubmissionIdentifier(new ImageUploader(new KlingService(client.Session, observer: null)), client.Session);
        foreach (string[] paths in Directory.EnumerateFiles(batch.Images).Order(StringComparer.Ordinal).Chunk(Together))
        {
            // What is recorded at the same time is committed at once.
            await Task.WhenAll(paths.Select(path => Task.Run(() => FinishAsync(client, identifier, batch, path))));
        }
    }

    private static async Task FinishAsync(Client client, SubmissionIdentifier identifier, Batch batch, string path)
    {
        IdentifiedSubmission identified = await identifier.IdentifyAsync(
            new Submission { Spec = new VideoSpec { Prompt = ConvertMode.Prompt, Image = MediaSource.FromFile(path) } }, isPresent: false, default);
        MediaSource image = identified.Submission.Spec.Image!;
        ITaskJournal tasks = client.Ledger.Tasks;
        TaskClaim claim = await tasks.ClaimAsync(
            new TaskIntent
            {
                Account = client.Session.Account,
                Spec = identified.Submission.Spec with { Image = image with { Uri = $"https://example.com/{image.Hash}.png" } },
                Identity = identified.Identity,
                Credits = identified.Submission.Credits,
            },
            default);
        string taskId = Guid.NewGuid().ToString("N");
        await tasks.RecordAcceptedAsync(claim.Task.Id, taskId);
        await tasks.RecordSnapshotAsync(client.Session.Account, new TaskSnapshot
        {
            TaskId = taskId,
            State = KlingTaskState.Succeeded,
            ResultUris = [$"https://tempfile.aiquickdraw.com/k/{taskId}_1_1790000120_4821.mp4"],
            CreditsConsumed = identified.Submission.Credits,
            CreatedAt = DateTimeOffset.UtcNow.AddMinutes(-50),
        });

        string video = Path.Combine(batch.Videos, Path.GetFileNameWithoutExtension(path) + ".mp4");
        byte[] content = Guid.NewGuid().ToByteArray();
        await File.WriteAllBytesAsync(video, content);
        File.SetLastWriteTimeUtc(video, DateTime.UtcNow.AddMinutes(-50));
        string hash = Convert.ToHexString(SHA256.HashData(content)).ToLowerInvariant();
        await tasks.RecordSavingAsync(claim.Task, video, hash);
        await tasks.RecordSavedAsync(claim.Task, video, hash);
        await client.Ledger.FileHashes.RecordAsync(video, FileStamp.Of(video)!.Value, hash, default);
    }
}
