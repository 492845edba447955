using KlingPS.Core.Ledger.Sqlite;
using KlingPS.Core.Resolving;
using KlingPS.Core.Saving;
using KlingPS.Core.Sessions;
using KlingPS.Core.Stages;
using KlingPS.Sandbox;
using KlingPS.Sandbox.Hosting;

namespace KlingPS.Core.Tests.Torture;

public sealed class SavedTwiceTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("klingps-saved-");

    [Fact]
    public async Task A_video_that_another_process_has_just_saved_is_there_and_no_error()
    {
        await using SandboxServer server = SandboxServer.Start(new SandboxOptions { GenerationTime = TimeSpan.Zero });
        await using var ledger = SqliteLedger.Create(Path.Combine(_folder.FullName, "ledger.db"), TimeProvider.System);
        await using KlingSession session = SandboxSession.Open(server, ledger);
        TaskReference reference = await BuyAsync(session);

        Outcome<TaskReference, SavedVideo> first = await SaveAsync(session, reference);
        Outcome<TaskReference, SavedVideo> second = await SaveAsync(session, reference);

        Assert.Null(first.Error);
        Assert.Null(second.Error);
        Assert.Equal(first.Value!.Path, second.Value!.Path);
        Assert.Equal(1, server.GetBill().Downloads);
    }

    [Fact]
    public async Task A_file_of_the_same_name_that_is_something_else_is_still_an_error()
    {
        await using SandboxServer server = SandboxServer.Start(new SandboxOptions { GenerationTime = TimeSpan.Zero });
        await using var ledger = SqliteLedger.Create(Path.Combine(_folder.FullName, "ledger.db"), TimeProvider.System);
        await using KlingSession session = SandboxSession.Open(server, ledger);
        TaskReference reference = await BuyAsync(session);
        await File.WriteAllTextAsync(Path.Combine(_folder.FullName, "fox.mp4"), "not this one");

        Outcome<TaskReference, SavedVideo> outcome = await SaveAsync(session, reference);

        Assert.Equal(ErrorKind.FileExists, outcome.Error?.Kind);
        Assert.Null((await ledger.Tasks.FindAsync(reference.Task!.Id, default))!.SavedPath);
    }

    public void Dispose() => _folder.Delete(recursive: true);

    /// <returns>The finished task as it was read before anything was saved.</returns>
    private static async Task<TaskReference> BuyAsync(KlingSession session) => new() { Task = await SandboxSession.FinishedAsync(session, "a fox runs") };

    private Task<Outcome<TaskReference, SavedVideo>> SaveAsync(KlingSession session, TaskReference reference)
        => new VideoSaver(new KlingService(session, observer: null), new SaveOptions { Destination = _folder.FullName }).SaveAsync(reference, default);
}
