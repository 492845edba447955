using System.Net;
using KlingPS.Core.Api;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Secrets;
using KlingPS.Core.Sessions;
using KlingPS.Core.Submitting;
using KlingPS.Torture;

namespace KlingPS.Bench.Engine;

/// <summary>
/// Buys the videos of a batch without the client's throttle, so that thousands of tasks need not be bought at two a second:
/// the sandbox has accepted them, and the ledger says so.
/// </summary>
internal static class Seeder
{
    private const int Width = 32;

    /// <summary>Buys the videos.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="sandbox">A sandbox without limits.</param>
    /// <param name="areFinished">Whether to record that the tasks have succeeded, which they must have by then.</param>
    /// <returns>The ids of the tasks at the service.</returns>
    public static async Task<IReadOnlyList<string>> RunAsync(Batch batch, SandboxProcess sandbox, bool areFinished)
    {
        await using Client client = Client.Open(batch.LedgerPath, sandbox.Endpoints, SandboxMode.Key);
        using var http = new HttpMessageInvoker(ApiHandler.Create(new WebProxy()));
        using var key = ApiKey.From(SandboxMode.Key);
        var service = new KlingClient(http, sandbox.Endpoints, key);
        var identifier = new SubmissionIdentifier(new ImageUploader(new KlingService(client.Session, observer: null)), client.Session);
        var ids = new List<string>();
        await Parallel.ForEachAsync(
            Directory.EnumerateFiles(batch.Images),
            new ParallelOptions { MaxDegreeOfParallelism = Width },
            async (path, token) =>
            {
                IdentifiedSubmission identified = await identifier.IdentifyAsync(
                    new Submission { Spec = new VideoSpec { Prompt = ConvertMode.Prompt, Image = MediaSource.FromFile(path) } },
                    isPresent: false,
                    token);
                MediaSource image = identified.Submission.Spec.Image!;
                VideoSpec spec = identified.Submission.Spec with { Image = image with { Uri = $"https://example.com/{image.Hash}.png" } };
                TaskClaim claim = await client.Ledger.Tasks.ClaimAsync(
                    new TaskIntent
                    {
                        Account = client.Session.Account,
                        Spec = spec,
                        Identity = identified.Identity,
                        Credits = identified.Submission.Credits,
                    },
                    token);
                string taskId = await service.CreateTaskAsync(spec, token);
                await client.Ledger.Tasks.RecordAcceptedAsync(claim.Task.Id, taskId);
                if (areFinished)
                {
                    await client.Ledger.Tasks.RecordSnapshotAsync(client.Session.Account, await service.QueryTaskAsync(taskId, token));
                }

                lock (ids)
                {
                    ids.Add(taskId);
                }
            });
        return ids;
    }
}
