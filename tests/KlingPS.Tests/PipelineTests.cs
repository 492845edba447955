using System.Collections.Concurrent;
using KlingPS.Sandbox;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

public sealed class PipelineTests
{
    private const string WholePipe = "$images | New-KlingVideoTask -Prompt 'It moves.' | Wait-KlingVideoTask -PollingInterval 0.1 | Save-KlingVideo -Destination $destination";

    [Fact]
    public async Task Three_sample_images_become_three_videos_each_that_of_its_own_task()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        FileInfo[] images = new DirectoryInfo(Path.Combine(AppContext.BaseDirectory, "images")).GetFiles();
        Assert.Equal(3, images.Length);

        ShellResult result = (await shell.RunAsync(WholePipe, new { images, destination = shell.Destination })).Clean();

        FileInfo[] videos = result.Of<FileInfo>();
        Assert.Equal(
            images.Select(image => Path.ChangeExtension(image.Name, ".mp4")).Order(),
            videos.Select(video => video.Name).Order());
        foreach (System.Management.Automation.PSObject output in result.Output)
        {
            string path = ((FileInfo)output.BaseObject).FullName;
            string source = (string)output.Properties["SourcePath"].Value;
            string taskId = (string)output.Properties["TaskId"].Value;
            Assert.Equal(Path.GetFileNameWithoutExtension(source), Path.GetFileNameWithoutExtension(path));
            Assert.Equal(taskId, SandboxVideo.TaskIdOf(path));
            SandboxTask task = shell.Bill.Tasks.Single(task => task.TaskId == taskId);
            Assert.Equal(Sha256(source), task.ImageSha256);
        }

        Assert.Equal(0, shell.Bill.KeyLeaks);
        Assert.Empty(Directory.GetFiles(shell.Destination, "*.partial"));
    }

    [Fact]
    public async Task A_finished_video_is_on_disk_while_later_images_are_still_being_submitted()
    {
        // With the looks at them, fewer than the sandbox answers in one second of a clock that stands still.
        const int Shots = 8;
        var clock = new ManualClock();
        await using ConnectedShell shell = await ConnectedShell.StartAsync(clock);
        for (int i = 1; i < Shots; i++)
        {
            // Each further shot is held back until the clock has moved on by one more second.
            shell.Fault(SandboxOperation.Create, SandboxFaultKind.Delay, match: $"shot {i:00}", delay: TimeSpan.FromSeconds(i));
        }

        using var accepted = new BlockingCollection<object>();
        using var finished = new BlockingCollection<object>();
        using RunningScript running = shell.Shell.Start(
            """
            0..($images.Count - 1) | ForEach-Object { [pscustomobject]@{ Path = $images[$_]; Prompt = 'shot {0:00}' -f $_ } } |
                New-KlingVideoTask | ForEach-Object { $accepted.Add($_); $_ } |
                Wait-KlingVideoTask -PollingInterval 0.1 | ForEach-Object { $finished.Add($_); $_ } |
                Save-KlingVideo -Destination $destination
            """,
            new { images = shell.Images([.. Enumerable.Range(0, Shots).Select(i => $"{i:00}.png")]), accepted, finished, destination = shell.Destination });

        await Eventually.TrueAsync(() => shell.Bill.Tasks is [{ Queries: > 0 }, ..]);
        for (int i = 1; i < Shots; i++)
        {
            // Its second counts from here on.
            await clock.WaitedForAsync();
        }

        for (int i = 1; i < Shots - 1 && finished.Count == 0; i++)
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            await Eventually.TrueAsync(() => accepted.Count > i);
        }

        await Eventually.TrueAsync(() => Directory.Exists(shell.Destination) && Directory.GetFiles(shell.Destination, "*.mp4").Length > 0);
        Assert.True(shell.Bill.CreatesAccepted < Shots);

        // A delay counts from the moment the sandbox has read the request, which gives no sign; so the clock goes on in steps,
        // but not so far that links die.
        int steps = 0;
        await Eventually.TrueAsync(() =>
        {
            if (shell.Bill.CreatesReceived == Shots && steps++ < 1000)
            {
                clock.Advance(TimeSpan.FromSeconds(1));
            }

            return running.Completion.IsCompleted;
        });
        Assert.Equal(Shots, (await running.Completion).Clean().Output.Count);
    }

    [Fact]
    public async Task A_throw_further_down_ends_the_pipeline_cleanly()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string[] images = shell.Images("a.png", "b.png", "c.png");

        ShellResult result = await shell.RunAsync(
            "$images | New-KlingVideoTask -Prompt 'It moves.' | Wait-KlingVideoTask -PollingInterval 0.1 | ForEach-Object { throw 'enough' }",
            new { images });

        Assert.Equal("enough", result.Terminating?.FullyQualifiedErrorId);
        Assert.Empty(result.Errors);
        Assert.Equal(3, (await shell.RunAsync("Get-KlingVideoTask | Wait-KlingVideoTask -PollingInterval 0.1")).Clean().Output.Count);
    }

    private static string Sha256(string path)
        => Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(path)));
}
