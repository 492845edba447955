using System.Management.Automation;
using System.Text.Json.Nodes;
using KlingPS.Core.Model;
using KlingPS.Core.Submitting;
using KlingPS.Sandbox;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

/// <summary>One vocabulary for all models, and videos that are made from a prompt alone.</summary>
public sealed class ModelTests
{
    private static JsonObject Input(Sandbox.SandboxTask task) => JsonNode.Parse(task.Request)!["input"]!.AsObject();

    [Theory]
    [InlineData("-Model kling-3.0/video -Resolution 720P -Sound", """{"prompt":"p","image_urls":["I"],"sound":true,"duration":"5","mode":"std","multi_shots":false}""")]
    [InlineData("-Model kling-3.0/video -Resolution 4k -Duration 3", """{"prompt":"p","image_urls":["I"],"sound":false,"duration":"3","mode":"4K","multi_shots":false}""")]
    [InlineData("-Model kling-3.0-omni/image-to-video -Resolution 4k -AspectRatio 1:1", """{"prompt":"p","image_urls":["I"],"aspect_ratio":"1:1","duration":5,"resolution":"4k","audio":false}""")]
    [InlineData("-Model kling-2.6/image-to-video -Sound:$false", """{"prompt":"p","image_urls":["I"],"sound":false,"duration":"5"}""")]
    [InlineData("-Model kling/v3-turbo-image-to-video -Duration 15 -Resolution 1080p", """{"prompt":"p","image_urls":["I"],"duration":"15","resolution":"1080p"}""")]
    [InlineData("", """{"prompt":"p","image_url":"I"}""")]
    public async Task The_words_are_the_same_for_all_models_and_the_request_is_written_as_each_wants_it(string arguments, string input)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        const string image = "https://images.example/fox.png";

        (await shell.RunAsync($"New-KlingVideoTask -ImageUri '{image}' -Prompt p {arguments}")).Clean();

        JsonNode expected = JsonNode.Parse(input.Replace("\"I\"", $"\"{image}\"", StringComparison.Ordinal))!;
        JsonObject sent = Input(Assert.Single(shell.Bill.Tasks));
        Assert.True(JsonNode.DeepEquals(expected, sent), sent.ToJsonString());
    }

    [Theory]
    [InlineData("-Resolution 1080p", "does not take a resolution", "kling-3.0/video")]
    [InlineData("-AspectRatio 1:1", "does not take an aspect ratio", "kling-2.6/text-to-video")]
    [InlineData("-Sound", "does not take sound", "kling-2.6/image-to-video")]
    [InlineData("-Duration 7", "makes videos of 5 or 10 seconds", null)]
    [InlineData("-Model kling/v2-1-standard -TailImagePath $image", "does not take a tail image", "kling/v2-1-pro")]
    [InlineData("-Model kling/v3-turbo-text-to-video", "does not take an image", "kling/v2-1-pro")]
    [InlineData("-Model kling-3.0/video -CfgScale 0.3", "does not take a CFG scale", "kling/v2-1-pro")]
    [InlineData("-Model kling-3.0/video -NegativePrompt blur", "does not take a negative prompt", "kling/v2-1-pro")]
    [InlineData("-Model kling-3.0/video -Duration 16", "makes videos of 3 to 15 seconds", null)]
    [InlineData("-Model kling-3.0/video -Resolution 8K", "the resolution is 8K; kling-3.0/video makes 720p, 1080p and 4K", null)]
    [InlineData("-Model kling-2.6/motion-control", "there is no video", null)]
    [InlineData("-Model kling/ai-avatar-pro", "there is no audio", null)]
    public async Task What_a_model_does_not_have_is_refused_before_any_request_leaves(string arguments, string problem, string? other)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        var variables = new { image = shell.Image(), destination = shell.Destination };

        foreach (string command in (string[])["New-KlingVideoTask", "ConvertTo-KlingVideo -Destination $destination"])
        {
            ShellResult result = await shell.RunAsync($"{command} -Path $image -Prompt p {arguments}", variables);

            ErrorRecord error = Assert.Single(result.Errors);
            Assert.StartsWith("KlingRequestInvalid", error.FullyQualifiedErrorId, StringComparison.Ordinal);
            Assert.Contains(problem, error.ToString(), StringComparison.Ordinal);
            Assert.Contains(other ?? string.Empty, error.ToString(), StringComparison.Ordinal);
        }

        Assert.Equal((0, 0), (shell.Bill.CreatesReceived, shell.Bill.Uploads));
    }

    [Fact]
    public async Task A_video_is_made_from_a_prompt_alone_called_after_it_and_not_bought_again()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        const string command = "ConvertTo-KlingVideo -Prompt 'A paper boat: it drifts.' -Model kling/v3-turbo-text-to-video -Destination $destination -PollingInterval 0.1";

        string first = Assert.Single((await shell.RunAsync(command, new { destination = shell.Destination })).Clean().Of<FileInfo>()).Name;
        string again = Assert.Single((await shell.RunAsync(command, new { destination = shell.Destination })).Clean().Of<FileInfo>()).Name;

        Assert.Equal(("A paper boat_ it drifts.mp4", first), (first, again));
        Assert.Equal("A paper boat: it drifts.", Assert.Single(shell.Bill.Tasks).Prompt);
        Assert.Equal(0, shell.Bill.Uploads);
    }

    [Fact]
    public async Task Rows_of_a_table_with_and_without_an_image_bring_their_own_models()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string image = shell.Image("boat.png");

        ShellResult result = await shell.RunAsync(
            """
            @(
                [pscustomobject]@{ Path = $image; Prompt = 'one'; Name = 'not used'; Model = ''; Resolution = ''; Sound = ''; AspectRatio = ''; Duration = ''; CfgScale = '' }
                [pscustomobject]@{ Path = ''; Prompt = 'two'; Name = 'scene 1.5'; Model = 'kling-2.6/text-to-video'; Resolution = ''; Sound = 'TRUE'; AspectRatio = '9:16'; Duration = '10'; CfgScale = ' ' }
                [pscustomobject]@{ Path = ''; Prompt = 'three'; Name = ''; Model = 'kling-3.0/video'; Resolution = '4k'; Sound = 'false'; AspectRatio = ''; Duration = '3'; CfgScale = '' }
                [pscustomobject]@{ Path = $image; Prompt = 'four'; Name = ''; Model = 'kling-3.0/video'; Resolution = '720p'; Sound = 'False'; AspectRatio = ''; Duration = ''; CfgScale = '' }
            ) | ConvertTo-KlingVideo -Destination $destination -PollingInterval 0.1
            """,
            new { image, destination = shell.Destination });

        Assert.Equal(["boat-2.mp4", "boat.mp4", "scene 1.5.mp4", "three.mp4"], result.Clean().Of<FileInfo>().Select(file => file.Name).Order(StringComparer.Ordinal));
        Dictionary<string, JsonObject> sent = shell.Bill.Tasks.ToDictionary(task => task.Prompt, Input);
        Assert.Equal(["prompt", "image_url"], sent["one"].Select(field => field.Key));
        Assert.True((bool)sent["two"]["sound"]!);
        Assert.Equal(("9:16", "10"), ((string?)sent["two"]["aspect_ratio"], (string?)sent["two"]["duration"]));
        Assert.Equal(("4K", false, "3"), ((string?)sent["three"]["mode"], (bool)sent["three"]["sound"]!, (string?)sent["three"]["duration"]));
        Assert.Equal("std", (string?)sent["four"]["mode"]);
        Assert.False(sent["three"].ContainsKey("image_urls"));
    }

    [Fact]
    public async Task A_row_that_has_only_a_prompt_is_a_video_without_an_image_and_one_with_an_address_is_not()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync(
            """
            [pscustomobject]@{ Prompt = 'one'; Model = 'kling-3.0/video' },
            [pscustomobject]@{ Path = ''; ImageUri = 'https://images.example/fox.png'; Prompt = 'two'; Model = 'kling-3.0/video' } | New-KlingVideoTask
            New-KlingVideoTask -Prompt 'three' -Model kling-3.0/video
            """);

        KlingVideoTask[] tasks = result.Clean().Of<KlingVideoTask>();
        Assert.Equal(["one", "two", "three"], tasks.Select(task => task.Prompt));

        // Requests of one pipeline may overtake each other on their way.
        Dictionary<string, SandboxTask> bill = shell.Bill.Tasks.ToDictionary(task => task.TaskId);
        Assert.Equal([null, "https://images.example/fox.png", null], tasks.Select(task => bill[task.TaskId!].ImageUri?.OriginalString));
    }

    [Fact]
    public async Task An_image_is_named_by_its_path_or_by_its_address_and_the_other_cell_may_be_blank()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync(
            """
            [pscustomobject]@{ Path = $image; ImageUri = ''; Prompt = 'one' },
            [pscustomobject]@{ Path = $null; ImageUri = 'https://images.example/fox.png'; Prompt = 'two' },
            [pscustomobject]@{ Path = $image; ImageUri = 'https://images.example/fox.png'; Prompt = 'three' } | New-KlingVideoTask
            """,
            new { image = shell.Image() });

        Assert.Equal(["one", "two"], result.Of<KlingVideoTask>().Select(task => task.Prompt));
        Assert.Contains("give one of the two", Assert.Single(result.Errors).ToString(), StringComparison.Ordinal);
        Assert.Equal(2, shell.Bill.CreatesReceived);
    }

    [Fact]
    public async Task A_row_without_an_image_is_refused_by_a_model_that_needs_one()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync("[pscustomobject]@{ Image = 'fox.png'; Prompt = 'one' } | New-KlingVideoTask");

        Assert.Contains("there is no image", Assert.Single(result.Errors).ToString(), StringComparison.Ordinal);
        Assert.Equal(0, shell.Bill.CreatesReceived);
    }

    [Theory]
    [InlineData("maybe")]
    [InlineData("2")]
    public async Task A_cell_for_sound_that_is_neither_true_nor_false_is_refused(string cell)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync("[pscustomobject]@{ Prompt = 'one'; Model = 'kling-3.0/video'; Sound = $cell } | New-KlingVideoTask", new { cell });

        Assert.Contains("neither true nor false", Assert.Single(result.Errors).ToString(), StringComparison.Ordinal);
        Assert.Equal(0, shell.Bill.CreatesReceived);
    }

    [Fact]
    public async Task A_task_of_another_model_can_be_asked_for_again_as_it_was()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        KlingVideoTask[] tasks = (await shell.RunAsync(
            """
            New-KlingVideoTask -Prompt 'one' -Name 'scene' -Model kling-3.0/video -Resolution 720p -Sound -Duration 7 -AspectRatio 1:1
            Get-KlingVideoTask | New-KlingVideoTask
            """)).Clean().Of<KlingVideoTask>();

        Assert.Equal(2, tasks.Length);
        Assert.All(tasks, task => Assert.Equal(("scene", "720p", true, 7, "1:1", 140m), (task.Name, task.Resolution, task.Sound, task.Duration, task.AspectRatio, task.CreditsReserved)));
        Assert.Equal(shell.Bill.Tasks[0].Request, shell.Bill.Tasks[1].Request);
    }

    [Theory]
    [InlineData("-Model kling-3.0/video -Resolution 720p -Duration 15", 210)]
    [InlineData("-Model kling-3.0/video -Sound", 135)]
    [InlineData("-Model kling/v3-turbo-image-to-video -Resolution 1080p -Duration 3", 67.5)]
    public async Task The_cost_is_measured_with_all_that_it_depends_on(string arguments, double credits)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        VideoCostEstimate estimate = Assert.Single((await shell.RunAsync($"Measure-KlingVideoCost $image {arguments}", new { image = shell.Image() })).Clean().Of<VideoCostEstimate>());

        Assert.Equal((1, (decimal)credits), (estimate.Count, estimate.Credits));
    }

    [Fact]
    public async Task The_cost_of_a_list_with_and_without_images_is_measured()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        VideoCostEstimate estimate = Assert.Single((await shell.RunAsync(
            """
            [pscustomobject]@{ Path = $image; Model = '' }, [pscustomobject]@{ Path = ''; Prompt = 'p'; Model = 'kling-3.0-omni/text-to-video' } | Measure-KlingVideoCost
            """,
            new { image = shell.Image() })).Clean().Of<VideoCostEstimate>());

        Assert.Equal((2, 10, 112m), (estimate.Count, estimate.Seconds, estimate.Credits));
    }

    public static TheoryData<string> Models => [.. ModelCatalog.All.Select(model => model.Id)];

    [Theory]
    [MemberData(nameof(Models))]
    public async Task The_same_command_again_buys_nothing_with_any_model(string model)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        ModelSpec row = ModelCatalog.Get(model);
        var variables = new
        {
            given = new System.Collections.Hashtable
            {
                ["Model"] = model,
                ["Prompt"] = "It moves.",
                ["Path"] = row.Takes(VideoParameter.Image) ? shell.Image() : string.Empty,
                ["VideoPath"] = row.Takes(VideoParameter.Video) ? shell.WriteFile("clip.mp4", ClipBytes.Movie(5)) : string.Empty,
                ["AudioPath"] = row.Takes(VideoParameter.Audio) ? shell.WriteFile("clip.wav", ClipBytes.Wave(5)) : string.Empty,
                ["Resolution"] = row.Resolutions.Count > 0 ? row.Resolutions[^1].ToUpperInvariant() : string.Empty,
                ["AspectRatio"] = row.AspectRatios.Count > 0 && !row.TakesAspectRatioOfImage ? row.AspectRatios[^1] : string.Empty,
                ["Duration"] = row.Durations.Count > 0 ? row.Durations[^1].ToString(System.Globalization.CultureInfo.InvariantCulture) : string.Empty,
                ["Sound"] = row.Takes(VideoParameter.Sound) && !row.HasSoundWithoutVideoOnly ? "true" : "false",
                ["Name"] = "scene",
            },
            destination = shell.Destination,
        };
        const string command = "[pscustomobject]$given | ConvertTo-KlingVideo -Destination $destination -PollingInterval 0.1";

        string first = Assert.Single((await shell.RunAsync(command, variables)).Clean().Of<FileInfo>()).FullName;
        string again = Assert.Single((await shell.RunAsync(command, variables)).Clean().Of<FileInfo>()).FullName;

        Assert.Equal(first, again);
        Sandbox.SandboxTask task = Assert.Single(shell.Bill.Tasks);
        KlingVideoTask recorded = Assert.Single((await shell.RunAsync("Get-KlingVideoTask")).Clean().Of<KlingVideoTask>());
        Assert.Equal((task.Credits, task.Duration), (recorded.CreditsConsumed, recorded.Duration));
        Assert.Equal(recorded.CreditsConsumed, recorded.Spec.GetCredits());
    }

    [Theory]
    [InlineData("ConvertTo-KlingVideo $image -Prompt p -Model {0} -Destination $destination")]
    [InlineData("[pscustomobject]@{{ Path = $image; Prompt = 'p'; Model = '{0}' }} | ConvertTo-KlingVideo -Destination $destination")]
    public async Task A_model_is_named_in_any_case_and_is_the_one_of_the_service(string command)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string Naming(string model) => string.Format(System.Globalization.CultureInfo.InvariantCulture, command, model);

        (await shell.RunAsync(Naming("Kling/V2-1-PRO"), new { image = shell.Image(), destination = shell.Destination })).Clean();
        (await shell.RunAsync(Naming("kling/v2-1-pro"))).Clean();

        Assert.Equal("kling/v2-1-pro", Assert.Single(shell.Bill.Tasks).Model);
        Assert.Equal("kling/v2-1-pro", Assert.Single((await shell.RunAsync("Get-KlingVideoTask")).Of<KlingVideoTask>()).Model);
    }
}
