using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using KlingPS.Core.Converting;
using KlingPS.Sandbox;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

/// <summary>What -LogPath writes while commands run.</summary>
public sealed partial class LogTests
{
    private const string Convert = "ConvertTo-KlingVideo -Prompt 'It moves.' -Destination $destination -PollingInterval 0.1 -LogPath $log";

    internal static string LogOf(ConnectedShell shell) => Path.Combine(shell.Folder, "logs", "night.jsonl");

    private static object In(ConnectedShell shell, params string[] images)
        => new { images = shell.Images(images), image = shell.Image("boat.png"), destination = shell.Destination, log = LogOf(shell) };

    internal static JsonObject[] Read(string path) => [.. File.ReadAllLines(path).Select(line => JsonNode.Parse(line)!.AsObject())];

    private static string[] EventsOf(IEnumerable<JsonObject> lines) => [.. lines.Select(line => (string)line["event"]!)];

    [GeneratedRegex(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")]
    private static partial Regex Moment();

    [Fact]
    public async Task One_video_from_its_plan_to_its_place_is_a_line_for_each_event()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync($"$null = $image | {Convert} -InformationVariable summary; $summary.MessageData", In(shell))).Clean();

        JsonObject[] lines = Read(LogOf(shell));
        Assert.Equal(["planned", "submitted", "state", "downloaded", "verified"], EventsOf(lines));
        Assert.All(lines, line => Assert.Matches(Moment(), (string)line["time"]!));
        ConversionSummary summary = Assert.Single(result.Of<ConversionSummary>());
        Assert.All(lines, line => Assert.Equal(summary.RunId, (string)line["runId"]!));
        Assert.All(lines, line => Assert.Equal(("ConvertTo-KlingVideo", shell.Image("boat.png")), ((string)line["command"]!, (string)line["image"]!)));
        Assert.Equal(("Buy", 42m), ((string)lines[0]["step"]!, (decimal)lines[0]["credits"]!));
        Assert.All(lines.Skip(1), line => Assert.Equal((shell.Bill.Tasks[0].TaskId, summary.Items[0].Id), ((string)line["taskId"]!, (long)line["id"]!)));
        Assert.Equal(("Succeeded", 42m), ((string)lines[2]["state"]!, (decimal)lines[2]["credits"]!));
        Assert.Equal(new FileInfo(summary.Items[0].File!).Length, (long)lines[3]["bytes"]!);
        Assert.Equal((summary.Items[0].File, summary.Items[0].Hash), ((string)lines[4]["file"]!, (string)lines[4]["hash"]!));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(LogOf(shell)));
        }
    }

    [Theory]
    [InlineData("ConvertTo-KlingVideo $image 'It moves.' -Destination $destination -LogPath $image", "KlingFileExists")]
    [InlineData("New-KlingVideoTask $image 'It moves.' -LogPath $image", "KlingFileExists")]
    [InlineData("ConvertTo-KlingVideo $image 'It moves.' -Destination $destination -LogPath $ledger", "KlingDestinationUnusable")]
    [InlineData("ConvertTo-KlingVideo $image 'It moves.' -Destination $destination -LogPath \"$ledger-wal\"", "KlingDestinationUnusable")]
    [InlineData("ConvertTo-KlingVideo $image 'It moves.' -Destination $destination -LogPath $configuration", "KlingDestinationUnusable")]
    [InlineData("ConvertTo-KlingVideo $image 'It moves.' -Destination $destination -ReportPath $configuration", "KlingDestinationUnusable")]
    [InlineData("ConvertTo-KlingVideo $image 'It moves.' -Destination $destination -ReportPath $ledger", "KlingDestinationUnusable")]
    [InlineData("Export-KlingMetric $ledger -Force -Offline", "KlingDestinationUnusable")]
    [InlineData("Export-KlingGallery $ledger -Force", "KlingDestinationUnusable")]
    [InlineData("Export-KlingMetric $video -Force -Offline", "KlingFileExists")]
    [InlineData("Export-KlingGallery $video -Force", "KlingFileExists")]
    [InlineData("ConvertTo-KlingVideo $image 'It moves.' -Destination $destination -LogPath $video", "KlingFileExists")]
    public async Task Nothing_is_written_over_an_image_a_video_the_ledger_or_the_configuration(string command, string id)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string image = shell.Image("boat.png");
        byte[] before = File.ReadAllBytes(image);
        string ledger = (await shell.RunAsync("(Get-KlingConfiguration).Ledger")).Clean().Of<string>().Single();

        string video = (await shell.RunAsync("ConvertTo-KlingVideo $other 'It moves.' -Destination $videos -PollingInterval 0.1", new { other = shell.Image("other.png"), videos = Path.Combine(shell.Folder, "paid") }))
            .Clean().Of<FileInfo>().Single().FullName;
        byte[] paid = File.ReadAllBytes(video);

        ShellResult result = await shell.RunAsync(command, new { image, video, ledger, configuration = Core.Configuration.ConfigurationFile.Locate(), destination = shell.Destination });

        Assert.Equal(id, (result.Terminating ?? Assert.Single(result.Errors)).FullyQualifiedErrorId.Split(',')[0]);
        Assert.Equal(1, shell.Bill.CreatesReceived);
        Assert.Equal(paid, File.ReadAllBytes(video));
        Assert.Equal(before, File.ReadAllBytes(image));
        (await shell.RunAsync("Get-KlingVideoTask")).Clean();
    }

    [Fact]
    public async Task What_is_there_already_is_not_listed_every_night()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        await shell.RunAsync($"$images | {Convert}", In(shell, "a.png", "b.png"));
        int lines = Read(LogOf(shell)).Length;

        (await shell.RunAsync($"$images | {Convert}")).Clean();

        Assert.Equal(lines, Read(LogOf(shell)).Length);
    }

    [Fact]
    public async Task Errors_and_warnings_are_in_the_log_with_image_id_and_message()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        shell.Fault(SandboxOperation.Generate, SandboxFaultKind.FailTask);

        await shell.RunAsync($"[pscustomobject]@{{ Path = $image; CfgScale = 0.55 }}, [pscustomobject]@{{ Path = 'row.png'; CfgScale = 7 }} | {Convert}", In(shell));

        JsonObject[] lines = Read(LogOf(shell));
        Assert.Equal(["failed", "failed", "planned", "state", "submitted", "warned"], EventsOf(lines).Order());
        JsonObject row = lines.Single(line => (string?)line["image"] == "row.png");
        Assert.Equal("KlingRequestInvalid", (string)row["errorId"]!);
        JsonObject failed = lines.Last(line => (string)line["event"]! == "failed" && line != row);
        Assert.Equal(("KlingTaskFailed", shell.Image("boat.png")), ((string)failed["errorId"]!, (string)failed["image"]!));
        Assert.NotNull(failed["id"]);
        Assert.Contains("Failed tasks cost nothing.", (string)failed["message"]!, StringComparison.Ordinal);
        Assert.Contains("0.55 is sent as 0.6", (string)lines.Single(line => (string)line["event"]! == "warned")["message"]!, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("file")]
    [InlineData("folder")]
    [InlineData("link")]
    public async Task A_log_that_cannot_be_written_is_one_warning_and_the_videos_are_made(string what)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string log = Path.Combine(shell.Folder, "log");
        switch (what)
        {
            case "file":
                log = Path.Combine(shell.WriteFile("log", [1]), "night.jsonl");
                break;
            case "folder":
                Directory.CreateDirectory(log);
                break;
            default:
                File.CreateSymbolicLink(log, shell.WriteFile("other.txt", "Mine."u8.ToArray()));
                break;
        }

        ShellResult result = await shell.RunAsync($"$images | {Convert}", new { images = shell.Images("a.png", "b.png"), destination = shell.Destination, log });

        Assert.Equal(2, result.Output.Count);
        Assert.StartsWith($"The log '{log}' cannot be written: ", Assert.Single(result.Warnings), StringComparison.Ordinal);
        if (what == "link")
        {
            Assert.Equal("Mine.", await File.ReadAllTextAsync(Path.Combine(shell.Folder, "other.txt")));
        }
    }

    [Fact]
    public async Task A_log_that_is_renamed_is_begun_anew_and_no_line_is_lost()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        await shell.RunAsync($"$images | {Convert} | ForEach-Object {{ if ([IO.File]::Exists($log)) {{ [IO.File]::Move($log, \"$log.$($_.Name)\") }} }}", In(shell, [.. Enumerable.Range(0, 8).Select(i => $"{i}.png")]));

        JsonObject[] lines = [.. Directory.GetFiles(Path.GetDirectoryName(LogOf(shell))!).SelectMany(Read)];
        Assert.Equal(8 * 5, lines.Length);
        Assert.Equal(8, lines.Count(line => (string)line["event"]! == "verified"));
    }

    [Fact]
    public async Task WhatIf_logs_nothing()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        (await shell.RunAsync($"$image | {Convert} -WhatIf", In(shell))).Clean();

        Assert.False(Directory.Exists(Path.GetDirectoryName(LogOf(shell))));
    }

    [Fact]
    public async Task What_the_service_says_sets_no_title_and_tells_no_key_in_the_log()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        shell.Server.AddFault(new SandboxFault
        {
            On = "Generate",
            Kind = "FailTask",
            FailMessage = $"\u001b]0;owned\u0007 {ConnectedShell.Key} \u202E",
        });

        await shell.RunAsync($"$image | {Convert}", In(shell));

        string text = await File.ReadAllTextAsync(LogOf(shell));
        Assert.Contains("<U+001B>", text, StringComparison.Ordinal);
        Assert.DoesNotContain(ConnectedShell.Key, text, StringComparison.Ordinal);
        Assert.DoesNotContain(text, c => c != '\n' && (char.IsControl(c) || char.GetUnicodeCategory(c) == UnicodeCategory.Format));
    }

    [Fact]
    public async Task Stopping_leaves_what_had_happened_and_what_was_told_in_the_log()
    {
        var clock = new ManualClock();
        await using ConnectedShell shell = await ConnectedShell.StartAsync(clock, TimeSpan.FromMinutes(2));
        using RunningScript running = shell.Shell.Start($"$image | {Convert}", In(shell));
        await Eventually.TrueAsync(() => shell.Bill.Tasks is [{ Queries: > 0 }]);

        await running.StopAsync();

        Assert.True((await running.Completion).WasStopped);
        JsonObject[] lines = Read(LogOf(shell));
        Assert.Equal(["planned", "submitted"], EventsOf(lines).Take(2));
        Assert.StartsWith("1 video is paid for and not finished", (string)lines.Single(line => (string)line["event"]! == "warned")["message"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_line_is_as_the_schema_of_the_log_says()
    {
        var schema = Json.Schema.JsonSchema.FromFile(Path.Combine(AppContext.BaseDirectory, "schemas", "KlingPS.Log.schema.json"));
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        shell.Fault(SandboxOperation.Generate, SandboxFaultKind.FailTask, skip: 1);

        await shell.RunAsync($"$images | {Convert}; New-KlingVideoTask $image p -LogPath $log | Wait-KlingVideoTask -LogPath $log | Save-KlingVideo -Destination $destination -LogPath $log", In(shell, "a.png", "b.png"));

        Assert.All(File.ReadAllLines(LogOf(shell)), line =>
        {
            using var document = JsonDocument.Parse(line);
            Assert.True(schema.Evaluate(document.RootElement).IsValid, line);
        });
    }
}
