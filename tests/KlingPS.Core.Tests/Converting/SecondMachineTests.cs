using KlingPS.Core.Converting;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Saving;
using KlingPS.Core.Sessions;
using KlingPS.Core.Stages;
using KlingPS.Core.Submitting;
using KlingPS.Core.Tests.Saving;
using KlingPS.Core.Tests.Stages;

namespace KlingPS.Core.Tests.Converting;

/// <summary>The same folder on another machine, with the same ledger.</summary>
public sealed class SecondMachineTests : IAsyncDisposable
{
    private readonly PipelineHarness _harness = new();

    public SecondMachineTests()
    {
        _harness.Makes = PipelineHarness.Succeeded;
        _harness.Videos.ContentOf = uri => TestMp4.Create(3000, uri.AbsolutePath.Aggregate(17, (hash, character) => unchecked((hash * 31) + character)));
    }

    public ValueTask DisposeAsync() => _harness.DisposeAsync();

    private string FolderOf(string machine) => Path.Combine(_harness.Folder, machine);

    private async Task<KlingVideoTask[]> ConvertAsync(KlingSession session, string destination, params Submission[] submissions)
    {
        using var converter = new VideoConverter(new KlingService(session, _harness.Observer), new ConversionOptions { Save = new SaveOptions { Destination = destination } });
        ConversionItem[] items = [.. submissions.Select(converter.Accept).OfType<ConversionItem>()];
        Outcome<ConversionItem, SavedVideo>[] outcomes = await _harness.Clock.RunAsync(
            Task.WhenAll(items.Select(item => Task.Run(() => converter.ConvertAsync(item, CancellationToken.None), CancellationToken.None))));
        Assert.All(outcomes, outcome => Assert.True(outcome.Error is null, outcome.Error?.ToString()));
        return [.. outcomes.Select(outcome => outcome.Value!.Task)];
    }

    private static async Task<int> UnsavedAsync(KlingSession session)
        => (await session.Ledger.Tasks.ListAsync(new TaskFilter { Unsaved = true }, TestContext.Current.CancellationToken)).Count;

    [Fact]
    public async Task It_finds_the_videos_as_paid_for_and_downloads_what_it_lacks_and_buys_nothing()
    {
        await using KlingSession east = _harness.OpenAtMachine("east");
        await using KlingSession west = _harness.OpenAtMachine("west");
        Submission[] submissions = [_harness.Submission("fox.png"), _harness.Submission("hare.png", 1)];
        await ConvertAsync(east, FolderOf("east"), submissions);
        Directory.CreateDirectory(FolderOf("west"));
        File.Copy(Path.Combine(FolderOf("east"), "fox.mp4"), Path.Combine(FolderOf("west"), "fox.mp4"));
        Assert.Equal((2, 2), (_harness.Creates, _harness.Videos.Requests.Count));
        Assert.Equal((0, 2), (await UnsavedAsync(east), await UnsavedAsync(west)));

        KlingVideoTask[] tasks = await ConvertAsync(west, FolderOf("west"), submissions);

        Assert.Equal((2, 3), (_harness.Creates, _harness.Videos.Requests.Count));
        Assert.Equal([Path.Combine(FolderOf("west"), "fox.mp4"), Path.Combine(FolderOf("west"), "hare.mp4")], tasks.Select(task => task.SavedPath));
        Assert.Equal((0, 0), (await UnsavedAsync(east), await UnsavedAsync(west)));
        Assert.Equal(
            Path.Combine(FolderOf("east"), "fox.mp4"),
            (await east.Ledger.Tasks.FindAsync(tasks[0].Id, TestContext.Current.CancellationToken))!.SavedPath);
    }

    [Fact]
    public async Task The_path_of_another_machines_video_is_free()
    {
        await using KlingSession east = _harness.OpenAtMachine("east");
        await using KlingSession west = _harness.OpenAtMachine("west");
        string destination = FolderOf("same");
        await ConvertAsync(east, destination, _harness.Submission("fox.png"));

        // On west, there is nothing at that path, and another image of the name is converted.
        Directory.Delete(destination, recursive: true);
        KlingVideoTask task = Assert.Single(await ConvertAsync(west, destination, _harness.Submission("fox.png", 7)));

        Assert.Equal(Path.Combine(destination, "fox.mp4"), task.SavedPath);
        Assert.Equal(2, _harness.Creates);
    }
}
