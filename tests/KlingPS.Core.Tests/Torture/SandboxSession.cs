using System.Net;
using KlingPS.Core.Api;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Saving;
using KlingPS.Core.Secrets;
using KlingPS.Core.Sessions;
using KlingPS.Core.Submitting;
using KlingPS.Core.Tests.Submitting;
using KlingPS.Core.Waiting;
using KlingPS.Sandbox.Hosting;

namespace KlingPS.Core.Tests.Torture;

/// <summary>Sessions as users have them, with the real ledger and real connections, at a sandbox.</summary>
internal static class SandboxSession
{
    public static KlingSession Open(SandboxServer server, SqlLedger ledger) => new(new SessionOptions
    {
        Endpoints = EndpointsOf(server),
        Key = ApiKey.From(server.ApiKey),
        KeySource = "the test",
        IsSandbox = true,
        ApiHandler = ApiHandler.Create(new WebProxy()),
        DownloadHandler = VideoDownloader.CreateHandler(EndpointsOf(server).Addresses, new WebProxy()),
        Ledger = ledger,
    });

    /// <summary>Tasks are finished when they are accepted; to wait for a likely moment would take real seconds.</summary>
    public static WaitOptions PollOften { get; } = new() { PollingInterval = TimeSpan.FromMilliseconds(50) };

    private static KlingEndpoints EndpointsOf(SandboxServer server) => new(server.Endpoint, server.UploadEndpoint);

    /// <summary>Buys a video and waits for it; nothing is saved.</summary>
    public static async Task<KlingVideoTask> FinishedAsync(KlingSession session, string prompt)
    {
        var service = new KlingService(session, observer: null);
        var submission = await new VideoSubmitter(service).SubmitAsync(Submissions.FromUri("https://files.example/fox.png", prompt), default);
        using var waiter = new WaitStage(service, PollOften);
        await waiter.PostAsync(new TaskReference { Task = submission.Value }, default);
        return (await waiter.Results.ReadAsync()).Value!;
    }
}
