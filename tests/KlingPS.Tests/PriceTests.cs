using KlingPS.Core.Model;
using KlingPS.Core.Submitting;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

/// <summary>What videos cost, and what happens when the service takes something else.</summary>
public sealed class PriceTests
{
    [Fact]
    public async Task A_price_that_is_not_the_known_one_is_told_once_for_each_model_and_used_from_then_on()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync(priceFactor: 1.5m);
        string[] images = shell.Images("a.png", "b.png", "c.png");
        const string command = "$images | ConvertTo-KlingVideo -Prompt 'It moves.' -Destination $destination -PollingInterval 0.1";

        ShellResult run = (await shell.RunAsync(command, new { images, destination = shell.Destination })).Clean();
        ShellResult after = (await shell.RunAsync(
            """
            Measure-KlingVideoCost $images
            New-KlingVideoTask $images[0] 'Another.' -WhatIf
            New-KlingVideoTask $images[0] 'Another.'
            Get-KlingModel kling/v2-5-turbo-image-to-video-pro
            """,
            new { images })).Clean();

        Assert.Contains("took 63 credits", Assert.Single(run.Warnings, warning => warning.Contains("credits", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.Contains("not the 42", run.Warnings.Single(warning => warning.Contains("credits", StringComparison.Ordinal)), StringComparison.Ordinal);
        VideoCostEstimate estimate = after.Output.Select(item => item.BaseObject).OfType<VideoCostEstimate>().Single();
        Assert.Equal(189m, estimate.Credits);
        Assert.Contains("what the service took on", Assert.Single(estimate.Prices), StringComparison.Ordinal);
        Assert.Equal(63m, after.Output.Select(item => item.BaseObject).OfType<KlingVideoTask>().Single().CreditsReserved);
        KlingModel model = after.Output.Select(item => item.BaseObject).OfType<KlingModel>().Single();
        Assert.Equal((42m, 63m), (model.Credits, model.ObservedCredits));
    }

    [Fact]
    public async Task Limits_count_with_the_price_that_was_observed()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync(priceFactor: 2);
        string[] images = shell.Images("a.png", "b.png");
        (await shell.RunAsync("$images[0] | ConvertTo-KlingVideo -Prompt 'It moves.' -Destination $destination -PollingInterval 0.1", new { images, destination = shell.Destination })).Clean();

        ShellResult result = await shell.RunAsync("New-KlingVideoTask $images[1] 'It moves.' -MaxCredits 83", new { images });

        Assert.StartsWith("KlingBudgetExceeded", Assert.Single(result.Errors).FullyQualifiedErrorId, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_model_is_listed_with_the_price_of_what_is_asked_for()
    {
        using var shell = new HostedShell();

        KlingModel[] all = (await shell.RunAsync("Get-KlingModel")).Clean().Of<KlingModel>();
        KlingModel[] some = (await shell.RunAsync("Get-KlingModel -Duration 10 -Resolution 4k -Sound")).Clean().Of<KlingModel>();
        KlingModel one = Assert.Single((await shell.RunAsync("'kling-3.0/VIDEO' | Get-KlingModel -Duration 7")).Clean().Of<KlingModel>());

        Assert.Equal(ModelCatalog.All.Select(model => model.Id), all.Select(model => model.Id));
        Assert.Equal(
            ["kling-3.0/video", "kling-3.0-omni/text-to-video", "kling-3.0-omni/image-to-video", "kling-3.0-omni/reference-to-video", "kling-3.0-omni/transformation"],
            some.Select(model => model.Id));
        Assert.All(some, model => Assert.Equal(670, model.Credits));
        Assert.Equal((126m, 18m, "1080p", new DateOnly(2026, 11, 26)), (one.Credits, one.CreditsPerSecond, one.Resolution, one.PriceAsOf));
    }

    [Theory]
    [InlineData("Get-KlingModel kling/v9", "no model 'kling/v9'")]
    [InlineData("Get-KlingModel kling/v2-1-pro -Sound", "makes such a video")]
    public async Task A_model_that_does_not_exist_or_does_not_make_it_is_an_error(string command, string problem)
    {
        using var shell = new HostedShell();

        ShellResult result = await shell.RunAsync(command);

        Assert.Contains(problem, Assert.Single(result.Errors).ToString(), StringComparison.Ordinal);
        Assert.Empty(result.Output);
    }

    [Fact]
    public async Task The_service_is_asked_for_what_it_says_itself()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        KlingModel model = Assert.Single((await shell.RunAsync("Get-KlingModel kling-3.0-omni/text-to-video -Online")).Clean().Of<KlingModel>());

        Assert.Contains("credits per second", model.OnlinePrice, StringComparison.Ordinal);
        Assert.Contains("customize_multi_shots", model.OnlineSchema, StringComparison.Ordinal);
        Assert.Equal("99.2%", model.OnlineSuccessRate);
    }

    [Theory]
    [InlineData("New-KlingVideoTask $image 'It moves.'")]
    [InlineData("ConvertTo-KlingVideo $image 'It moves.' $folder")]
    public async Task What_would_be_bought_is_told_with_the_day_of_its_price(string command)
    {
        var host = new RecordingHost();
        await using ConnectedShell shell = await ConnectedShell.StartAsync(host: host);

        (await shell.RunAsync(command + " -WhatIf", new { image = shell.Image(), folder = shell.Folder })).Clean();

        Assert.Contains("for 42 credits (price as of 2026-11-26)", string.Join('\n', host.Screen.Lines), StringComparison.Ordinal);
    }
}
