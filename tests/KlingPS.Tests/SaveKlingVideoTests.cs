using System.Management.Automation;
using KlingPS.Sandbox;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

public sealed class SaveKlingVideoTests
{
    [Fact]
    public async Task Videos_are_named_by_the_template()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync(
            """
            $images | New-KlingVideoTask -Prompt 'It moves.' -Duration 10 | Save-KlingVideo -Destination $destination -NameTemplate '{Duration}s/{BaseName}-{TaskId}'
            """,
            new { images = shell.Images("a.png", "b.png"), destination = shell.Destination })).Clean();

        Assert.Equal(
            result.Output.Select(file => Path.Combine(shell.Destination, "10s", $"{Path.GetFileNameWithoutExtension((string)file.Properties["SourcePath"].Value)}-{file.Properties["TaskId"].Value}.mp4")),
            result.Of<FileInfo>().Select(file => file.FullName));
        Assert.Equal(2, result.Output.Count);
    }

    [Fact]
    public async Task Images_of_one_name_in_different_folders_keep_their_videos_apart()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync(
            "$images | New-KlingVideoTask -Prompt 'It moves.' | Save-KlingVideo -Destination $destination",
            new { images = shell.Images("one/fox.png", "two/fox.png"), destination = shell.Destination })).Clean();

        Assert.Equal(2, result.Of<FileInfo>().Select(file => file.FullName).Distinct().Count());
        Assert.Equal(
            shell.Bill.Tasks.Select(task => task.TaskId).Order(),
            result.Of<FileInfo>().Select(file => SandboxVideo.TaskIdOf(file.FullName)).Order());
    }

    [Theory]
    [InlineData("{Nope}")]
    [InlineData("../{BaseName}")]
    [InlineData("/tmp/{BaseName}")]
    [InlineData("sub/../../{BaseName}")]
    [InlineData("..\\{BaseName}")]
    [InlineData("C:\\{BaseName}")]
    [InlineData("{BaseName")]
    [InlineData(" ")]
    public async Task A_template_that_cannot_be_or_leads_out_of_the_destination_is_refused_before_anything_is_fetched(string template)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync("$task = New-KlingVideoTask $image 'It moves.'", new { image = shell.Image() })).Clean();

        ShellResult result = await shell.RunAsync(
            "$task | Save-KlingVideo -Destination $destination -NameTemplate $template",
            new { template, destination = shell.Destination });

        result.Terminating.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument, template);
        Assert.Equal(0, shell.Bill.Downloads + shell.Bill.Queries);
        Assert.False(Directory.Exists(shell.Destination));
    }

    [Theory]
    [InlineData("$file", "KlingDestinationUnusable", ErrorCategory.WriteError)]
    [InlineData("nodrive:/videos", "KlingPathNotFound", ErrorCategory.ObjectNotFound)]
    [InlineData("env:videos", "KlingPathNotFound", ErrorCategory.ObjectNotFound)]
    public async Task A_destination_that_is_no_folder_ends_the_command(string destination, string id, ErrorCategory category)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        destination = destination.Replace("$file", shell.Image(), StringComparison.Ordinal);

        ShellResult result = await shell.RunAsync("'some-task' | Save-KlingVideo -Destination $destination", new { destination });

        result.Terminating.Is(id, category, destination);
        Assert.Empty(shell.Bill.Requests);
    }

    [Fact]
    public async Task A_destination_that_cannot_be_written_ends_the_pipeline_before_anything_is_bought()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string destination = Path.Combine(shell.Image("file.png"), "below");

        ShellResult result = await shell.RunAsync(
            "$images | New-KlingVideoTask -Prompt 'It moves.' | Save-KlingVideo -Destination $destination",
            new { images = shell.Images("a.png", "b.png"), destination });

        result.Terminating.Is("KlingDestinationUnusable", ErrorCategory.WriteError, destination);
        Assert.Equal(0, shell.Bill.CreatesAccepted);
    }

    [Fact]
    public async Task A_file_that_is_something_else_is_not_overwritten_unless_forced()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string mine = shell.WriteFile("videos/fox.mp4", "My holiday."u8.ToArray());
        (await shell.RunAsync(
            "$task = New-KlingVideoTask $image 'It moves.'",
            new { image = shell.Image("fox.png"), destination = shell.Destination })).Clean();

        ShellResult refused = await shell.RunAsync("$task | Save-KlingVideo -Destination $destination");
        Assert.Single(refused.Errors).Is("KlingFileExists", ErrorCategory.ResourceExists);
        Assert.Equal("My holiday.", await File.ReadAllTextAsync(mine));

        (await shell.RunAsync("$task | Save-KlingVideo -Destination $destination -Force")).Clean();
        Assert.Equal(shell.Bill.Tasks[0].TaskId, SandboxVideo.TaskIdOf(mine));
    }

    [Fact]
    public async Task Saving_twice_downloads_once()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync(
            """
            $task = New-KlingVideoTask $image 'It moves.'
            $task | Save-KlingVideo -Destination $destination
            $task | Save-KlingVideo -Destination $destination
            """,
            new { image = shell.Image(), destination = shell.Destination })).Clean();

        Assert.Equal(2, result.Output.Count);
        Assert.Equal(result.Of<FileInfo>()[0].FullName, result.Of<FileInfo>()[1].FullName);
        Assert.Equal(1, shell.Bill.Downloads);
    }

    [Fact]
    public async Task WhatIf_downloads_nothing()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync(
            "New-KlingVideoTask $image 'It moves.' | Save-KlingVideo -Destination $destination -WhatIf",
            new { image = shell.Image(), destination = shell.Destination })).Clean();

        Assert.Empty(result.Output);
        Assert.Equal(0, shell.Bill.Downloads + shell.Bill.Queries);
        Assert.False(Directory.Exists(shell.Destination));
    }

    [Fact]
    public async Task A_video_that_is_not_ready_or_has_failed_is_an_error()
    {
        var clock = new ManualClock();
        await using ConnectedShell shell = await ConnectedShell.StartAsync(clock, TimeSpan.FromMinutes(2));
        shell.Fault(SandboxOperation.Generate, SandboxFaultKind.FailTask, match: "bad");
        (await shell.RunAsync(
            "$tasks = 'good', 'bad' | ForEach-Object { [pscustomobject]@{ Path = $image; Prompt = $_ } } | New-KlingVideoTask",
            new { image = shell.Image(), destination = shell.Destination })).Clean();

        ShellResult early = await shell.RunAsync("$tasks | Save-KlingVideo -Destination $destination");
        Assert.Equal(2, early.Errors.Count);
        Assert.All(early.Errors, error => error.Is("KlingTaskPending", ErrorCategory.ResourceBusy));

        clock.Advance(TimeSpan.FromMinutes(2));
        ShellResult late = await shell.RunAsync("$tasks | Save-KlingVideo -Destination $destination");
        Assert.Single(late.Errors).Is("KlingTaskFailed", ErrorCategory.InvalidResult);
        Assert.Single(late.Output);
    }

    [Fact]
    public async Task A_download_that_is_cut_is_taken_up_again_by_itself()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        shell.Fault(SandboxOperation.Download, SandboxFaultKind.CutDownload);

        ShellResult result = (await shell.RunAsync(
            "New-KlingVideoTask $image 'It moves.' | Save-KlingVideo -Destination $destination",
            new { image = shell.Image(), destination = shell.Destination })).Clean();

        Assert.Equal(shell.Bill.Tasks[0].TaskId, SandboxVideo.TaskIdOf(Assert.Single(result.Of<FileInfo>()).FullName));
        Assert.Equal(2, shell.Bill.Downloads);
    }

    [Fact]
    public async Task A_key_that_is_refused_keeps_no_video_whose_link_is_known_from_being_saved()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync(
            "$made = $images | New-KlingVideoTask -Prompt 'It moves.' | Wait-KlingVideoTask; $open = $image | New-KlingVideoTask -Prompt 'It moves.'",
            new { images = shell.Images("one.png", "two.png", "three.png"), image = shell.Image("open.png"), destination = shell.Destination })).Clean();
        shell.Fault(SandboxOperation.Query, SandboxFaultKind.Code, count: 100, code: 401);
        shell.Fault(SandboxOperation.Download, SandboxFaultKind.Delay, count: 3, delay: TimeSpan.FromSeconds(0.5));

        ShellResult result = await shell.RunAsync("@($open) + $made | Save-KlingVideo -Destination $destination");

        result.Terminating.Is("KlingUnauthorized", ErrorCategory.AuthenticationError);
        Assert.Equal(["one.mp4", "three.mp4", "two.mp4"], result.Of<FileInfo>().Select(file => file.Name).Order());
    }
}
