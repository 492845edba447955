using System.Collections.Concurrent;
using KlingPS.Core.Converting;
using KlingPS.Core.Files;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Ledger.Sqlite;
using KlingPS.Core.Model;
using KlingPS.Core.Saving;
using KlingPS.Core.Sessions;
using KlingPS.Core.Stages;
using KlingPS.Core.Tests.Imaging;
using KlingPS.Core.Tests.Submitting;
using KlingPS.Sandbox;
using KlingPS.Sandbox.Hosting;

namespace KlingPS.Core.Tests.Torture;

/// <summary>Several commands with the same folder at the same time, each with a session and a ledger of its own, as in processes of their own.</summary>
public sealed class SharedFolderTests : IAsyncDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("klingps-shared-");
    private readonly ConcurrentBag<SqlLedger> _ledgers = [];

    public async ValueTask DisposeAsync()
    {
        foreach (SqlLedger ledger in _ledgers)
        {
            await ledger.DisposeAsync();
        }

        _folder.Delete(recursive: true);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_name_that_another_command_has_taken_during_the_download_is_passed_over_also_with_force(bool overwrite)
    {
        await using SandboxServer server = SandboxServer.Start(new SandboxOptions { GenerationTime = TimeSpan.Zero });
        await using KlingSession one = Open(server);
        await using KlingSession other = Open(server);
        KlingVideoTask theirs = await SandboxSession.FinishedAsync(one, "it runs");
        KlingVideoTask ours = await SandboxSession.FinishedAsync(other, "it sleeps");
        VideoSaver first = Saver(one, overwrite);
        VideoSaver second = Saver(other, overwrite);

        // Both have seen that the name is free before either has its video.
        OutputPath place = await FindAsync(first, theirs);
        OutputPath same = await FindAsync(second, ours);
        Assert.Equal(place.Path, same.Path);
        SavedVideo run = await first.FetchAsync(theirs, place, default);
        SavedVideo sleep = await second.FetchAsync(ours, same, default);

        Assert.Equal(("fox.mp4", "fox-2.mp4"), (Path.GetFileName(run.Path), Path.GetFileName(sleep.Path)));
        await AssertWholeAsync(one, run, sleep);
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(true, true)]
    [InlineData(false, true)]
    public async Task Commands_with_other_prompts_that_finish_at_the_same_time_all_keep_their_videos(bool overwrite, bool isThroughLinks)
    {
        const int Commands = 3;
        const int Images = 6;
        await using SandboxServer server = SandboxServer.Start(new SandboxOptions { GenerationTime = TimeSpan.Zero });
        string[] images = [.. Enumerable.Range(0, Images).Select(Image)];
        string[] names = ["videos", "link", "link to the link"];
        if (isThroughLinks)
        {
            Directory.CreateDirectory(Destination);
            OddFiles.FolderLink(Path.Combine(_folder.FullName, names[1]), Destination);
            OddFiles.FolderLink(Path.Combine(_folder.FullName, names[2]), names[1]);
        }

        SavedVideo[][] saved = await Task.WhenAll(Enumerable.Range(0, Commands).Select(number => Task.Run(async () =>
        {
            await using KlingSession session = Open(server);
            return await ConvertAsync(session, images, $"prompt {number}", overwrite, isThroughLinks ? names[number] : names[0]);
        })));

        SavedVideo[] videos = [.. saved.SelectMany(video => video)];
        Assert.Equal(Commands * Images, videos.DistinctBy(video => Place.Of(video.Path).Path).Count());
        Assert.Equal(Commands * Images, server.GetBill().CreatesAccepted);
        await using KlingSession later = Open(server);
        await AssertWholeAsync(later, videos);
    }

    [Fact]
    public async Task A_video_that_was_deleted_does_not_take_its_old_name_from_the_one_that_has_it_now()
    {
        await using SandboxServer server = SandboxServer.Start(new SandboxOptions { GenerationTime = TimeSpan.Zero });
        await using KlingSession session = Open(server);
        string[] image = [Image(0)];
        File.Delete((await ConvertAsync(session, image, "it runs", overwrite: false))[0].Path);
        SavedVideo sleep = Assert.Single(await ConvertAsync(session, image, "it sleeps", overwrite: false));

        SavedVideo run = Assert.Single(await ConvertAsync(session, image, "it runs", overwrite: true));

        Assert.Equal(("image-0.mp4", "image-0-2.mp4"), (Path.GetFileName(sleep.Path), Path.GetFileName(run.Path)));
        await AssertWholeAsync(session, sleep, run);
    }

    /// <summary>Each video lies where its task says, and is that task's.</summary>
    private static async Task AssertWholeAsync(KlingSession session, params SavedVideo[] videos)
    {
        Assert.Empty(Directory.GetFiles(Path.GetDirectoryName(videos[0].Path)!, "*.partial*"));
        foreach (SavedVideo video in videos)
        {
            KlingVideoTask task = (await session.Ledger.Tasks.FindAsync(video.Task.Id, default))!;
            Assert.Equal(video.Path, task.SavedPath);
            Assert.Equal(task.SavedHash, await ContentHash.Sha256Async(video.Path));
        }
    }

    private async Task<SavedVideo[]> ConvertAsync(KlingSession session, string[] images, string prompt, bool overwrite, string folder = "videos")
    {
        SaveOptions save = Save(overwrite) with { Destination = Path.Combine(_folder.FullName, folder) };
        using var converter = new VideoConverter(new KlingService(session, observer: null), new ConversionOptions { Save = save, Wait = SandboxSession.PollOften });
        ConversionItem[] items = [.. images.Select(image => converter.Accept(Submissions.FromFile(image, prompt))!)];
        Outcome<ConversionItem, SavedVideo>[] outcomes = await Task.WhenAll(items.Select(item => Task.Run(() => converter.ConvertAsync(item, default))));
        Assert.All(outcomes, outcome => Assert.True(outcome.Error is null, outcome.Error?.ToString()));
        return [.. outcomes.Select(outcome => new SavedVideo(outcome.Value!.Path, outcome.Value.Task))];
    }

    private string Image(int number)
    {
        string path = Path.Combine(_folder.FullName, $"image-{number}.png");
        File.WriteAllBytes(path, ImageBytes.Png(640, 360 + (uint)number));
        return path;
    }

    private string Destination => Path.Combine(_folder.FullName, "videos");

    private SaveOptions Save(bool overwrite) => new() { Destination = Destination, Overwrite = overwrite };

    private VideoSaver Saver(KlingSession session, bool overwrite) => new(new KlingService(session, observer: null), Save(overwrite));

    private static Task<OutputPath> FindAsync(VideoSaver saver, KlingVideoTask task)
        => saver.OutputPaths.ResolveAsync(saver.OutputPaths.ClaimName(VideoSaver.ValuesOf(task, 1)), VideoKey.FromTask(task), task, default);

    private KlingSession Open(SandboxServer server)
    {
        var ledger = SqliteLedger.Create(Path.Combine(_folder.FullName, "ledger.db"), TimeProvider.System);
        _ledgers.Add(ledger);
        return SandboxSession.Open(server, ledger);
    }
}
