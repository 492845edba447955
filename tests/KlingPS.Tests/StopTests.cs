using KlingPS.Core.Model;
using KlingPS.Sandbox;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

public sealed class StopTests
{
    [Fact]
    public async Task Stopping_a_wait_gives_the_prompt_back_and_the_task_can_be_taken_up_again()
    {
        var clock = new ManualClock();
        await using ConnectedShell shell = await ConnectedShell.StartAsync(clock, TimeSpan.FromMinutes(2));
        using RunningScript running = shell.Shell.Start(
            "New-KlingVideoTask $image 'It moves.' | Wait-KlingVideoTask -PollingInterval 0.1",
            new { image = shell.Image() });
        await Eventually.TrueAsync(() => shell.Bill.Queries > 1);

        await running.StopAsync();

        ShellResult result = await running.Completion;
        Assert.True(result.WasStopped);
        Assert.Empty(result.Output);
        Assert.Empty(result.Errors);
        clock.Advance(TimeSpan.FromMinutes(2));
        Assert.Single((await shell.RunAsync("Get-KlingVideoTask | Wait-KlingVideoTask -Timeout 0")).Clean().Output);
    }

    [Fact]
    public async Task Stopping_a_wait_for_what_is_far_off_needs_no_look_at_the_service()
    {
        var clock = new ManualClock();
        await using ConnectedShell shell = await ConnectedShell.StartAsync(clock, TimeSpan.FromMinutes(2));
        using RunningScript running = shell.Shell.Start(
            "New-KlingVideoTask $image 'It moves.' | ForEach-Object { $_; $_ | Wait-KlingVideoTask -PollingInterval 3600 }",
            new { image = shell.Image() });
        await running.FirstOutput;

        await running.StopAsync();

        Assert.True((await running.Completion).WasStopped);
    }

    [Fact]
    public async Task A_purchase_that_has_left_when_the_command_is_stopped_is_recorded_all_the_same()
    {
        var clock = new ManualClock();
        await using ConnectedShell shell = await ConnectedShell.StartAsync(clock);
        shell.Fault(SandboxOperation.Create, SandboxFaultKind.Delay, delay: TimeSpan.FromMinutes(1));
        using RunningScript running = shell.Shell.Start("New-KlingVideoTask $image 'It moves.'", new { image = shell.Image() });
        await clock.WaitedForAsync();

        await running.StopAsync();

        Assert.True((await running.Completion).WasStopped);
        Assert.Equal(0, shell.Bill.CreatesAccepted);
        Assert.Equal(KlingTaskState.Submitting, Assert.Single((await shell.RunAsync("Get-KlingVideoTask")).Clean().Of<KlingVideoTask>()).TaskState);

        clock.Advance(TimeSpan.FromMinutes(1));
        KlingVideoTask? task = null;
        await Eventually.TrueAsync(async () =>
        {
            task = Assert.Single((await shell.RunAsync("Get-KlingVideoTask")).Clean().Of<KlingVideoTask>());
            return task.TaskState == KlingTaskState.Waiting;
        });
        Assert.Equal(Assert.Single(shell.Bill.Tasks).TaskId, task!.TaskId);
    }

    [Fact]
    public async Task Stopping_a_purchase_says_that_a_request_is_under_way()
    {
        var clock = new ManualClock();
        var host = new RecordingHost();
        await using ConnectedShell shell = await ConnectedShell.StartAsync(clock, host: host);
        shell.Fault(SandboxOperation.Create, SandboxFaultKind.Delay, delay: TimeSpan.FromMinutes(1));
        using RunningScript running = shell.Shell.Start("New-KlingVideoTask $image 'It moves.'", new { image = shell.Image() });
        await clock.WaitedForAsync();

        await running.StopAsync();

        Assert.True((await running.Completion).WasStopped);
        Assert.Equal(
            "1 request for a video is under way. Its response is recorded when it arrives; leave the shell open until then. Get-KlingVideoTask shows what was bought.",
            Assert.Single(host.Screen.Warnings));
        clock.Advance(TimeSpan.FromMinutes(1));
        await Eventually.TrueAsync(async () =>
            (await shell.RunAsync("Get-KlingVideoTask")).Clean().Of<KlingVideoTask>() is [{ TaskState: KlingTaskState.Waiting }]);
    }

    [Fact]
    public async Task Stopping_a_purchase_in_the_place_of_a_lost_one_says_that_a_request_is_under_way()
    {
        var clock = new ManualClock();
        var host = new RecordingHost();
        await using ConnectedShell shell = await ConnectedShell.StartAsync(clock, host: host);
        shell.Fault(SandboxOperation.Create, SandboxFaultKind.LoseAnswerAfter);
        await shell.RunAsync("New-KlingVideoTask $image 'It moves.'", new { image = shell.Image() });
        shell.Fault(SandboxOperation.Create, SandboxFaultKind.Delay, delay: TimeSpan.FromMinutes(1));
        using RunningScript running = shell.Shell.Start("Get-KlingVideoTask -State Unknown | Resolve-KlingVideoTask -Resubmit");
        await clock.WaitedForAsync();

        await running.StopAsync();

        Assert.True((await running.Completion).WasStopped);
        Assert.StartsWith("1 request for a video is under way.", Assert.Single(host.Screen.Warnings), StringComparison.Ordinal);
        clock.Advance(TimeSpan.FromMinutes(1));
        await Eventually.TrueAsync(async () =>
            (await shell.RunAsync("Get-KlingVideoTask -State Waiting")).Clean().Output.Count == 1);
    }

    [Fact]
    public async Task Disconnecting_while_a_purchase_is_under_way_does_not_lose_it()
    {
        var clock = new ManualClock();
        await using ConnectedShell shell = await ConnectedShell.StartAsync(clock);
        shell.Fault(SandboxOperation.Create, SandboxFaultKind.Delay, delay: TimeSpan.FromMinutes(1));
        using RunningScript running = shell.Shell.Start("New-KlingVideoTask $image 'It moves.'", new { image = shell.Image() });
        await clock.WaitedForAsync();
        await running.StopAsync();

        (await shell.RunAsync("Disconnect-KlingAccount")).Clean();
        clock.Advance(TimeSpan.FromMinutes(1));
        (await shell.ConnectAsync()).Clean();

        await Eventually.TrueAsync(async () =>
            (await shell.RunAsync("Get-KlingVideoTask")).Clean().Of<KlingVideoTask>() is [{ TaskState: KlingTaskState.Waiting }]);
    }

    [Fact]
    public async Task A_download_that_is_stopped_leaves_no_half_video_under_its_name_and_is_ended_later()
    {
        var clock = new ManualClock();
        await using ConnectedShell shell = await ConnectedShell.StartAsync(clock);
        shell.Fault(SandboxOperation.Download, SandboxFaultKind.Delay, delay: TimeSpan.FromMinutes(1));
        using RunningScript running = shell.Shell.Start(
            "New-KlingVideoTask $image 'It moves.' | Save-KlingVideo -Destination $destination",
            new { image = shell.Image(), destination = shell.Destination });
        await clock.WaitedForAsync();

        await running.StopAsync();

        Assert.True((await running.Completion).WasStopped);
        string video = Path.Combine(shell.Destination, "image.mp4");
        Assert.False(File.Exists(video));
        (await shell.RunAsync("Get-KlingVideoTask -Unsaved | Save-KlingVideo -Destination $destination")).Clean();
        Assert.Equal(shell.Bill.Tasks[0].TaskId, SandboxVideo.TaskIdOf(video));
    }

    [Fact]
    public async Task Stopping_a_conversion_says_what_goes_on_and_the_next_run_takes_it_up()
    {
        var clock = new ManualClock();
        var host = new RecordingHost();
        await using ConnectedShell shell = await ConnectedShell.StartAsync(clock, TimeSpan.FromMinutes(2), host: host);
        const string Script = "$images | ConvertTo-KlingVideo -Prompt 'It moves.' -Destination $destination -PollingInterval 0.1";
        using RunningScript running = shell.Shell.Start(Script, new { images = shell.Images("a.png", "b.png"), destination = shell.Destination });
        await Eventually.TrueAsync(() => shell.Bill.Tasks is [{ Queries: > 0 }, { Queries: > 0 }]);

        await running.StopAsync();

        ShellResult result = await running.Completion;
        Assert.True(result.WasStopped);
        Assert.Empty(result.Output);
        Assert.Empty(result.Errors);
        string warning = Assert.Single(host.Screen.Warnings);
        KlingVideoTask[] tasks = (await shell.RunAsync("Get-KlingVideoTask")).Clean().Of<KlingVideoTask>();
        Assert.StartsWith("2 videos are paid for and not finished", warning, StringComparison.Ordinal);
        Assert.EndsWith(
            $"Get-KlingVideoTask -Id {tasks[0].Id}, {tasks[1].Id} | Wait-KlingVideoTask | Save-KlingVideo -Destination '{shell.Destination}'",
            warning,
            StringComparison.Ordinal);

        clock.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(2, (await shell.RunAsync(Script)).Clean().Output.Count);
        Assert.Equal(2, shell.Bill.CreatesReceived);
    }

    [Fact]
    public async Task Stopping_a_conversion_says_that_a_request_is_under_way()
    {
        var clock = new ManualClock();
        var host = new RecordingHost();
        await using ConnectedShell shell = await ConnectedShell.StartAsync(clock, host: host);
        shell.Fault(SandboxOperation.Create, SandboxFaultKind.Delay, delay: TimeSpan.FromMinutes(1));
        using RunningScript running = shell.Shell.Start("$image | ConvertTo-KlingVideo -Prompt 'It moves.' -Destination $destination", new { image = shell.Image(), destination = shell.Destination });
        await clock.WaitedForAsync();

        await running.StopAsync();

        Assert.True((await running.Completion).WasStopped);
        Assert.StartsWith("1 request for a video is under way", Assert.Single(host.Screen.Warnings), StringComparison.Ordinal);
        clock.Advance(TimeSpan.FromMinutes(1));
        await Eventually.TrueAsync(async () =>
            (await shell.RunAsync("Get-KlingVideoTask")).Clean().Of<KlingVideoTask>() is [{ TaskState: KlingTaskState.Waiting }]);
    }

    [Fact]
    public async Task Stopping_a_wait_says_what_goes_on()
    {
        var clock = new ManualClock();
        var host = new RecordingHost();
        await using ConnectedShell shell = await ConnectedShell.StartAsync(clock, TimeSpan.FromMinutes(2), host: host);
        (await shell.RunAsync("$task = New-KlingVideoTask $image 'It moves.'", new { image = shell.Image() })).Clean();
        using RunningScript running = shell.Shell.Start("$task | Wait-KlingVideoTask -PollingInterval 0.1");
        await Eventually.TrueAsync(() => shell.Bill.Queries > 0);

        await running.StopAsync();

        KlingVideoTask task = Assert.Single((await shell.RunAsync("Get-KlingVideoTask")).Clean().Of<KlingVideoTask>());
        Assert.EndsWith($"Get-KlingVideoTask -Id {task.Id} | Wait-KlingVideoTask | Save-KlingVideo", Assert.Single(host.Screen.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_upload_that_is_stopped_buys_nothing()
    {
        var clock = new ManualClock();
        await using ConnectedShell shell = await ConnectedShell.StartAsync(clock);
        shell.Fault(SandboxOperation.Upload, SandboxFaultKind.Delay, delay: TimeSpan.FromMinutes(1));
        using RunningScript running = shell.Shell.Start("New-KlingVideoTask $image 'It moves.'", new { image = shell.Image() });
        await clock.WaitedForAsync();

        await running.StopAsync();
        clock.Advance(TimeSpan.FromMinutes(1));

        Assert.True((await running.Completion).WasStopped);
        Assert.Empty((await shell.RunAsync("Get-KlingVideoTask")).Clean().Output);
        Assert.Equal(0, shell.Bill.CreatesReceived);
    }
}
