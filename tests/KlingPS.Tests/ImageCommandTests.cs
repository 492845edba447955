using System.Management.Automation;
using KlingPS.Core.Imaging;
using KlingPS.Core.Submitting;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

public sealed class ImageCommandTests
{
    [Fact]
    public async Task Testing_tells_yes_or_no_or_why_and_sends_nothing()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync(
            "$files = $image, $text; $files | Test-KlingImage; $files | Test-KlingImage -Detailed",
            new { image = shell.Image(), text = shell.WriteFile("note.txt", "No image."u8.ToArray()) })).Clean();

        Assert.Equal([true, false], result.Output.Take(2).Select(item => item.BaseObject));
        ImageReport[] reports = [.. result.Output.Skip(2).Select(item => Assert.IsType<ImageReport>(item.BaseObject))];
        Assert.Equal((true, ImageFormat.Png, 640, 360), (reports[0].IsSupported, reports[0].ImageFormat, reports[0].Width, reports[0].Height));
        Assert.NotEmpty(reports[1].Problems);
        Assert.Empty(shell.Bill.Requests);
    }

    [Fact]
    public async Task An_image_is_uploaded_once_unless_forced()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        shell.Image("a.png");
        File.Copy(Path.Combine(shell.Folder, "a.png"), Path.Combine(shell.Folder, "same.png"));

        ShellResult result = (await shell.RunAsync(
            "Send-KlingImage \"$folder/a.png\", \"$folder/same.png\"; Send-KlingImage \"$folder/a.png\" -Force; Send-KlingImage \"$folder/a.png\" -WhatIf",
            new { folder = shell.Folder })).Clean();

        KlingUpload[] uploads = result.Of<KlingUpload>();
        Assert.Equal(["a.png", "same.png", "a.png"], uploads.Select(upload => Path.GetFileName(upload.SourcePath)));
        Assert.Single(uploads.Take(2), upload => upload.IsReused);
        Assert.False(uploads[2].IsReused);
        Assert.Equal(2, shell.Bill.Uploads);
    }

    [Fact]
    public async Task An_image_is_tested_by_the_rules_of_the_model_it_is_for()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync(
            """
            Test-KlingImage $image -Model kling-3.0-omni/image-to-video
            Test-KlingImage $image -Model kling-3.0-omni/text-to-video
            [pscustomobject]@{ Path = $image; Model = 'kling/ai-avatar-pro' }, [pscustomobject]@{ Path = $image; Model = '' } | Test-KlingImage
            """,
            new { image = shell.Image() })).Clean();

        Assert.Equal([true, false, true, true], result.Of<bool>());
    }

    [Fact]
    public async Task An_image_is_not_called_right_for_a_model_that_nobody_knows()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync("Test-KlingImage $image -Model nope", new { image = shell.Image() });

        Assert.Empty(result.Output);
        ErrorRecord error = Assert.Single(result.Errors);
        Assert.StartsWith("KlingRequestInvalid", error.FullyQualifiedErrorId, StringComparison.Ordinal);
        Assert.Contains("'nope'", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_cost_is_summed_by_duration_and_nothing_is_sent()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync(
            """
            [pscustomobject]@{ Path = $image; Duration = '10' }, [pscustomobject]@{ Path = $image; Duration = '' }, [pscustomobject]@{ Path = $image } | Measure-KlingVideoCost
            """,
            new { image = shell.Image() })).Clean();

        VideoCostEstimate estimate = Assert.Single(result.Of<VideoCostEstimate>());
        Assert.Equal((3, 20, 168m, new DateOnly(2026, 11, 26)), (estimate.Count, estimate.Seconds, estimate.Credits, estimate.PriceAsOf));
        Assert.Equal(
            ["kling/v2-5-turbo-image-to-video-pro: 84 credits for 10 seconds (price as of 2026-11-26)", "kling/v2-5-turbo-image-to-video-pro: 42 credits for 5 seconds (price as of 2026-11-26)"],
            estimate.Prices);
        Assert.Empty(shell.Bill.Requests);
    }

    [Fact]
    public async Task A_task_or_a_row_without_a_path_is_not_called_an_empty_value()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string image = shell.Image();

        ShellResult result = await shell.RunAsync(
            "$task = New-KlingVideoTask $image -Prompt 'It moves.'; $task, [pscustomobject]@{ File = $image; Model = 'kling/v2-1-pro' }, [pscustomobject]@{ Path = ''; Model = 'kling/v2-1-pro' } | Test-KlingImage; $task | ForEach-Object SourcePath | Test-KlingImage",
            new { image });

        Assert.Equal(
            [
                "What came through the pipeline is an object of the type KlingVideoTask that names no image: it has neither Path nor LiteralPath. Its SourcePath does: … | ForEach-Object SourcePath | Test-KlingImage.",
                "What came through the pipeline is a row that names no image: it has neither Path nor LiteralPath.",
                "An empty value was given instead of the path of an image.",
            ],
            result.Errors.Select(error => error.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument).Exception.Message));
        Assert.Equal(true, Assert.Single(result.Output).BaseObject);
    }

    [Theory]
    [InlineData("Test-KlingImage ''")]
    [InlineData("Test-KlingImage -LiteralPath ''")]
    [InlineData("Send-KlingImage ''")]
    [InlineData("'' | Test-KlingImage")]
    public async Task An_empty_path_that_is_given_is_not_said_to_be_a_row_of_the_pipeline(string command)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync(command);

        Assert.Equal(
            "An empty value was given instead of the path of an image.",
            Assert.Single(result.Errors).Is("KlingRequestInvalid", ErrorCategory.InvalidArgument).Exception.Message);
    }

    [Theory]
    [InlineData("Measure-KlingVideoCost", "The cost is not known for 'this video': there is no image, and ")]
    [InlineData("Measure-KlingVideoCost -Path ''", "-Path is empty, and a video without the image that it was meant for would be billed all the same. Name the image, ")]
    [InlineData("Measure-KlingVideoCost $image -Duration 7", "a video of 7 seconds cannot be made; ")]
    [InlineData("[pscustomobject]@{ Path = $image; Shots = 3 } | Measure-KlingVideoCost", "its column 'Shots' asks for several shots in one video")]
    [InlineData("[IO.FileInfo] $image | Measure-KlingVideoCost $image", "Give all of them in one of the two ways.")]
    [InlineData("[IO.FileInfo] $image | Test-KlingImage $image", "Give all of them in one of the two ways.")]
    [InlineData("Test-KlingImage ([IO.Path]::GetDirectoryName($image))", "to pipe the files in it.")]
    public async Task A_command_that_buys_nothing_does_not_say_that_nothing_was_bought(string command, string told)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync(command, new { image = shell.Image() });

        string message = (result.Terminating ?? Assert.Single(result.Errors)).Exception.Message;
        Assert.Contains(told, message, StringComparison.Ordinal);
        Assert.DoesNotContain("bought", message, StringComparison.Ordinal);
        Assert.DoesNotContain("send", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_cost_of_a_task_is_refused_with_what_tells_it()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync("$task = New-KlingVideoTask $image 'It moves.' -Duration 10; $task | Measure-KlingVideoCost; $task.Id", new { image = shell.Image() });

        string id = Assert.Single(result.Output).ToString();
        ErrorRecord error = Assert.Single(result.Errors).Is("KlingRequestInvalid", ErrorCategory.InvalidArgument);
        Assert.EndsWith($": this is task {id}, and Measure-KlingVideoCost takes images, not tasks.", error.Exception.Message, StringComparison.Ordinal);
        Assert.Equal(
            $"To see what its video has cost: Get-KlingVideoTask -Id {id} | Select-Object CreditsConsumed. "
                + $"To see what another one would cost: Get-KlingVideoTask -Id {id} | Select-Object *, @{{ Name = 'Path'; Expression = 'SourcePath' }} | Measure-KlingVideoCost.",
            error.ErrorDetails.RecommendedAction);
    }
}
