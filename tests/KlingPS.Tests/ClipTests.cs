using System.Management.Automation;
using System.Text.Json.Nodes;
using KlingPS.Core.Model;
using KlingPS.Core.Submitting;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

/// <summary>Videos that are made from videos and audio.</summary>
public sealed class ClipTests
{
    private static JsonObject Input(Sandbox.SandboxTask task) => JsonNode.Parse(task.Request)!["input"]!.AsObject();

    [Fact]
    public async Task The_motion_of_a_video_is_paid_for_by_its_length_and_not_bought_again()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        var variables = new { image = shell.Image("dancer.png"), video = shell.WriteFile("dance.mp4", ClipBytes.Movie(7.5m)), destination = shell.Destination };
        const string command = "ConvertTo-KlingVideo $image -Prompt '' -VideoPath $video -Model kling-2.6/motion-control -Resolution 1080p -Destination $destination -PollingInterval 0.1 -Sidecar";

        string first = Assert.Single((await shell.RunAsync(command, variables)).Clean().Of<FileInfo>()).Name;
        string again = Assert.Single((await shell.RunAsync(command, variables)).Clean().Of<FileInfo>()).Name;

        Assert.Equal(("dancer.mp4", "dancer.mp4"), (first, again));
        Sandbox.SandboxTask task = Assert.Single(shell.Bill.Tasks);
        Assert.Equal((8, 8 * 18m), (task.Duration, task.Credits));
        Assert.Equal(2, shell.Bill.Uploads);
        JsonObject input = Input(task);
        Assert.False(input.ContainsKey("prompt"));
        Assert.EndsWith(".mp4", (string?)input["video_urls"]![0], StringComparison.Ordinal);
        KlingVideoTask recorded = Assert.Single((await shell.RunAsync("Get-KlingVideoTask")).Clean().Of<KlingVideoTask>());
        Assert.Equal((variables.video, 8, 144m), (recorded.VideoPath, recorded.Duration, recorded.CreditsConsumed));
        JsonNode sidecar = JsonNode.Parse(File.ReadAllText(Path.Combine(shell.Destination, "dancer.mp4.json")))!;
        Assert.Equal(variables.video, (string?)sidecar["sourceVideo"]!["path"]);
    }

    [Fact]
    public async Task A_video_that_is_to_last_for_a_hundred_years_by_its_header_is_refused_for_that()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        var variables = new { image = shell.Image("dancer.png"), video = shell.WriteFile("dance.mp4", ClipBytes.Movie(3_000_000_000m, framesPerSecond: 1, isLong: true)), destination = shell.Destination };

        ShellResult result = await shell.RunAsync("ConvertTo-KlingVideo $image -Prompt '' -VideoPath $video -Model kling-2.6/motion-control -Destination $destination", variables);

        ErrorRecord error = Assert.Single(result.Errors);
        Assert.StartsWith("KlingImageUnsupported", error.FullyQualifiedErrorId, StringComparison.Ordinal);
        Assert.Contains("It is 3000000000 seconds long", error.Exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_avatar_is_paid_for_by_the_length_of_what_it_says()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        var variables = new { image = shell.Image(), audio = shell.WriteFile("speech.wav", ClipBytes.Wave(6.01m)) };

        ShellResult result = (await shell.RunAsync(
            """
            Measure-KlingVideoCost $image -AudioPath $audio -Model kling/ai-avatar-pro
            New-KlingVideoTask $image 'She speaks.' -AudioPath $audio -Model kling/ai-avatar-pro
            """,
            variables)).Clean();

        Assert.Equal(112m, Assert.IsType<VideoCostEstimate>(result.Output[0].BaseObject).Credits);
        Assert.Equal(112m, Assert.IsType<KlingVideoTask>(result.Output[1].BaseObject).CreditsReserved);
        Assert.Equal(112m, Assert.Single(shell.Bill.Tasks).Credits);
        Assert.EndsWith(".wav", (string?)Input(shell.Bill.Tasks[0])["audio_url"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_video_or_another_resolution_is_another_purchase_and_the_same_by_another_name_is_not()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        var variables = new
        {
            one = shell.WriteFile("one.mp4", ClipBytes.Movie(5)),
            same = shell.WriteFile("same.mp4", ClipBytes.Movie(5)),
            other = shell.WriteFile("other.mov", ClipBytes.Movie(5, brand: "qt  ")),
            destination = shell.Destination,
        };

        ShellResult result = (await shell.RunAsync(
            """
            @(
                [pscustomobject]@{ VideoPath = $one; Resolution = '' }, [pscustomobject]@{ VideoPath = $one; Resolution = '720P' }, [pscustomobject]@{ VideoPath = $same; Resolution = '' },
                [pscustomobject]@{ VideoPath = $other; Resolution = '' }, [pscustomobject]@{ VideoPath = $one; Resolution = '4k' }
            ) | ConvertTo-KlingVideo -Prompt 'It snows.' -Model kling-3.0-omni/transformation -Destination $destination -PollingInterval 0.1
            """,
            variables)).Clean();

        Assert.Equal(["one-2.mp4", "one.mp4", "other.mp4", "same.mp4"], result.Of<FileInfo>().Select(file => file.Name).Distinct().Order(StringComparer.Ordinal));
        Assert.Equal([100m, 100m, 335m], shell.Bill.Tasks.Select(task => task.Credits).Order());
    }

    [Theory]
    [InlineData("-VideoPath $image -Model kling-2.6/motion-control", "not a video in MP4 or MOV", "KlingImageUnsupported")]
    [InlineData("-VideoPath $video -Model kling-3.0-omni/transformation", "640 × 360 pixels", "KlingImageUnsupported")]
    [InlineData("-VideoPath $missing -Model kling-2.6/motion-control", "There is no file", "KlingPathNotFound")]
    [InlineData("-VideoPath $video", "does not take a video", "KlingRequestInvalid")]
    [InlineData("-AudioPath $video -Model kling/ai-avatar-standard", "not audio in MP3 or WAV", "KlingImageUnsupported")]
    [InlineData("-VideoPath $video -Duration 5 -Model kling-2.6/motion-control", "as long as the video", "KlingRequestInvalid")]
    public async Task A_clip_that_a_model_does_not_take_is_refused_before_anything_is_uploaded(string arguments, string problem, string id)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        var variables = new { image = shell.Image(), video = shell.WriteFile("small.mp4", ClipBytes.Movie(5, 640, 360)), missing = Path.Combine(shell.Folder, "gone.mp4") };

        foreach (string command in (string[])["New-KlingVideoTask $image 'It moves.'", "Measure-KlingVideoCost $image"])
        {
            ShellResult result = await shell.RunAsync($"{command} {arguments}", variables);

            Assert.Contains(problem, Assert.Single(result.Errors).ToString(), StringComparison.Ordinal);
            Assert.StartsWith(id, result.Errors[0].FullyQualifiedErrorId, StringComparison.Ordinal);
        }

        Assert.Equal((0, 0), (shell.Bill.CreatesReceived, shell.Bill.Uploads));
    }

    [Fact]
    public async Task A_video_at_an_address_has_no_known_price_and_is_over_every_limit_but_that_of_tasks()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        var variables = new { image = shell.Image() };
        const string command = "New-KlingVideoTask $image '' -VideoUri 'https://clips.example/dance.mp4' -Model kling-2.6/motion-control";

        ShellResult limited = await shell.RunAsync(command + " -MaxCredits 10000", variables);
        ShellResult counted = await shell.RunAsync(command + " -MaxTasks 1", variables);

        Assert.StartsWith("KlingBudgetExceeded", Assert.Single(limited.Errors).FullyQualifiedErrorId, StringComparison.Ordinal);
        Assert.Single(counted.Clean().Output);
    }

    [Theory]
    [InlineData("-VideoUri 'https://clips.example/dance.mp4' -Model kling-2.6/motion-control", "input video")]
    [InlineData("-AudioUri 'https://clips.example/speech.mp3' -Model kling/ai-avatar-pro", "audio")]
    public async Task A_video_as_long_as_what_is_at_an_address_is_nowhere_said_to_be_5_seconds_long(string parameters, string input)
    {
        var host = new RecordingHost();
        await using ConnectedShell shell = await ConnectedShell.StartAsync(host: host);
        var variables = new { image = shell.Image("dancer.png"), destination = shell.Destination };
        string convert = $"ConvertTo-KlingVideo $image -Prompt 'p' {parameters} -Destination $destination -NameTemplate '{{BaseName}} {{Duration}}' -Sidecar -PollingInterval 0.1";

        (await shell.RunAsync($"New-KlingVideoTask $image p {parameters} -WhatIf; {convert} -WhatIf", variables)).Clean();
        FileInfo video = Assert.Single((await shell.RunAsync(convert, variables)).Clean().Of<FileInfo>());
        KlingVideoTask task = Assert.Single((await shell.RunAsync("Get-KlingVideoTask")).Clean().Of<KlingVideoTask>());

        Assert.Equal(2, host.Screen.Lines.Count(line => line.Contains($"uy a video as long as its {input} at a price that is not known here", StringComparison.Ordinal)));
        Assert.Equal("dancer.mp4", video.Name);
        Assert.Null((object?)task.Duration);
        Assert.False(JsonNode.Parse(await File.ReadAllTextAsync(video.FullName + ".json"))!["request"]!.AsObject().ContainsKey("duration"));
    }

    [Fact]
    public async Task Several_images_of_what_is_to_be_seen_are_sent_in_their_order()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        var variables = new { image = shell.WriteFile("large.png", TestImage.Png("large")), two = shell.WriteFile("two.png", TestImage.Png("two")) };

        (await shell.RunAsync(
            "New-KlingVideoTask $image 'They meet.' -ReferenceImagePath $two, $image -ReferenceImageUri 'https://images.example/fox.png' -Model kling-3.0-omni/reference-to-video",
            variables)).Clean();

        string?[] sent = [.. Input(Assert.Single(shell.Bill.Tasks))["image_urls"]!.AsArray().Select(uri => (string?)uri)];
        Assert.Equal((4, sent[0], "https://images.example/fox.png"), (sent.Length, sent[2], sent[3]));
        Assert.Equal(2, shell.Bill.Uploads);
    }

    [Fact]
    public async Task A_lost_request_is_not_sent_again_with_other_content_of_a_clip()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        var variables = new { image = shell.Image(), audio = shell.WriteFile("speech.wav", ClipBytes.Wave(6)) };
        shell.Fault(Sandbox.SandboxOperation.Create, Sandbox.SandboxFaultKind.LoseAnswerBefore);
        await shell.RunAsync("New-KlingVideoTask $image 'She speaks.' -AudioPath $audio -Model kling/ai-avatar-pro", variables);
        shell.WriteFile("speech.wav", ClipBytes.Wave(60));

        ShellResult result = await shell.RunAsync("Get-KlingVideoTask -State Unknown | Resolve-KlingVideoTask -Resubmit -Confirm:$false");

        Assert.Contains($"'{variables.audio}' has other content now", Assert.Single(result.Errors).ToString(), StringComparison.Ordinal);
        Assert.Equal((1, 0), (shell.Bill.CreatesReceived, shell.Bill.CreatesAccepted));
    }

    [Fact]
    public async Task A_name_has_the_length_that_the_video_has_from_its_clip()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        var variables = new { image = shell.Image("speaker.png"), audio = shell.WriteFile("speech.wav", ClipBytes.Wave(7.5m)), destination = shell.Destination };
        const string command = "ConvertTo-KlingVideo $image 'She speaks.' $destination -AudioPath $audio -Model kling/ai-avatar-pro -NameTemplate '{BaseName}-{Duration}s' -PollingInterval 0.1";

        Assert.Equal("speaker-8s.mp4", Assert.Single((await shell.RunAsync(command, variables)).Clean().Of<FileInfo>()).Name);
        Assert.Equal("speaker-8s.mp4", Assert.Single((await shell.RunAsync(command, variables)).Clean().Of<FileInfo>()).Name);
        Assert.Single(shell.Bill.Tasks);
    }

    [Theory]
    [InlineData("$task")]
    [InlineData("[System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize($task))")]
    [InlineData("[pscustomobject]@{ TaskId = $task.TaskId; Duration = '8'; Prompt = $task.Prompt; ImageUri = $task.ImageUri; SourcePath = $task.SourcePath; VideoPath = $task.VideoPath; Model = $task.Model; ReferenceImagePath = $task.ReferenceImagePath -join ','; ReferenceImageUri = \"$($task.ReferenceImageUri)\" }")]
    public async Task A_task_that_is_as_long_as_its_clip_can_be_asked_for_again(string task)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        var variables = new { image = shell.Image(), video = shell.WriteFile("dance.mp4", ClipBytes.Movie(7.5m)) };
        await shell.RunAsync("$global:task = New-KlingVideoTask $image 'It moves.' -VideoPath $video -Model kling-2.6/motion-control", variables);

        KlingVideoTask again = Assert.Single((await shell.RunAsync($"{task} | New-KlingVideoTask")).Clean().Of<KlingVideoTask>());
        ShellResult asked = await shell.RunAsync($"{task} | New-KlingVideoTask -Duration 8");

        Assert.Equal((8, 88m, variables.video), (again.Duration, again.CreditsReserved, again.VideoPath));
        Assert.Contains("does not take a duration", Assert.Single(asked.Errors).ToString(), StringComparison.Ordinal);
        Assert.Equal(2, shell.Bill.CreatesAccepted);
    }

    [Fact]
    public async Task A_task_that_is_asked_for_again_has_all_its_images()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        var variables = new { image = shell.Image(), two = shell.Image("two.png") };

        (await shell.RunAsync(
            "New-KlingVideoTask $image 'They meet.' -ReferenceImagePath $two -ReferenceImageUri 'https://images.example/fox.png' -Model kling-3.0-omni/reference-to-video | New-KlingVideoTask",
            variables)).Clean();

        Assert.Equal(2, shell.Bill.CreatesAccepted);
        Assert.Equal(Input(shell.Bill.Tasks[0])["image_urls"]!.ToJsonString(), Input(shell.Bill.Tasks[1])["image_urls"]!.ToJsonString());
    }
}
