using System.Management.Automation;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

/// <summary>Galleries in a shell that has neither a key nor a ledger: only videos, and what lies beside them.</summary>
[Collection(UsesEnvironment.Name)]
public sealed class GalleryWithoutLedgerTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("klingps-gallery-");
    private readonly EnvironmentScope _environment = new();

    public GalleryWithoutLedgerTests() => Environment.SetEnvironmentVariable(LedgerLocation.Variable, Ledger);

    private string Ledger => Path.Combine(_folder.FullName, "none.db");

    public void Dispose()
    {
        _environment.Dispose();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task A_folder_of_videos_is_shown_by_what_their_sidecars_tell_and_a_choice_comes_back_from_there()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync(
            "$images | ConvertTo-KlingVideo -Prompt 'It moves.' -Destination $destination -Sidecar | Out-Null; ConvertTo-KlingVideo $images[0] 'no sidecar' $destination | Out-Null; Disconnect-KlingAccount",
            new { images = shell.Images("fox.png", "bear.png"), destination = shell.Destination })).Clean();
        File.Delete(Path.Combine(shell.Destination, "bear.mp4"));
        Environment.SetEnvironmentVariable(LedgerLocation.Variable, Ledger + "2");
        using var other = new HostedShell();
        string page = Path.Combine(shell.Destination, "gallery.html");

        (await other.RunAsync("Export-KlingGallery $page", new { page })).Clean();

        JsonElement data = JsonDocument.Parse(Regex.Match(File.ReadAllText(page), "id=\"gallery-data\">(.*?)</script>", RegexOptions.Singleline).Groups[1].Value).RootElement;
        JsonElement[] items = [.. data.GetProperty("items").EnumerateArray()];
        Assert.Equal(["bear.png missing", "fox-2.mp4 saved", "fox.png saved"], items.Select(item => $"{item.GetProperty("name")} {item.GetProperty("status")}"));
        string choice = shell.WriteFile("elsewhere/choice.json", Encoding.UTF8.GetBytes(JsonSerializer.Serialize(new
        {
            format = "KlingPS gallery choice",
            version = 1,
            place = data.GetProperty("place").GetString(),
            choices = new[]
            {
                new { key = items[1].GetProperty("key").GetString(), video = "fox-2.mp4", choice = "Rejected", rating = 1 },
                new { key = items[2].GetProperty("key").GetString(), video = "fox.mp4", choice = "Picked", rating = 5 },
            },
        })));
        ShellResult result = (await other.RunAsync("Import-KlingGalleryChoice $choice", new { choice })).Clean();

        Assert.Equal(["fox-2.mp4 Rejected 1", "fox.mp4 Picked 5"], result.Output.Select(item => $"{Path.GetFileName((string)item.Properties["FullName"].Value)} {item.Properties["Choice"].Value} {item.Properties["Rating"].Value}"));
        Assert.IsType<FileInfo>(result.Output[0].BaseObject);
        Assert.Equal("It moves.", Assert.IsType<KlingVideoTask>(result.Output[1].BaseObject).Prompt);
        Assert.False(File.Exists(Ledger + "2"));
    }

    [Fact]
    public async Task A_video_that_was_saved_under_the_name_of_another_one_is_not_shown_as_that_one_by_its_old_sidecar()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync(
            """
            ConvertTo-KlingVideo $image 'It runs.' $destination -Sidecar | Out-Null
            [IO.File]::Move("$destination/fox.mp4", $kept)
            ConvertTo-KlingVideo $image 'It sleeps.' $destination | Out-Null
            Disconnect-KlingAccount
            """,
            new { image = shell.Image("fox.png"), destination = shell.Destination, kept = Path.Combine(shell.Folder, "kept.mp4") })).Clean();
        Environment.SetEnvironmentVariable(LedgerLocation.Variable, Ledger + "5");
        using var other = new HostedShell();
        string page = Path.Combine(shell.Destination, "gallery.html");

        (await other.RunAsync("Export-KlingGallery $page", new { page })).Clean();

        Assert.Equal(["fox.mp4"], Directory.GetFiles(shell.Destination, "*.mp4").Select(Path.GetFileName));
        Assert.DoesNotContain("It runs.", File.ReadAllText(page), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_ledger_another_take_comes_after_those_that_the_sidecars_tell_of()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync(
            "1, 2 | ForEach-Object { ConvertTo-KlingVideo $image 'It moves.' $destination -Take $_ -Sidecar | Out-Null }; Disconnect-KlingAccount",
            new { image = shell.Image("fox.png"), destination = shell.Destination })).Clean();
        Environment.SetEnvironmentVariable(LedgerLocation.Variable, Ledger + "4");
        using var other = new HostedShell();
        string taskId = JsonDocument.Parse(File.ReadAllText(Path.Combine(shell.Destination, "fox.mp4.json"))).RootElement.GetProperty("taskId").GetString()!;
        string choice = shell.WriteFile("videos/choice.json", Encoding.UTF8.GetBytes(JsonSerializer.Serialize(new
        {
            format = "KlingPS gallery choice",
            version = 1,
            choices = new[] { new { key = taskId, video = "fox.mp4", choice = "Rejected", at = DateTimeOffset.UtcNow.ToString("O") } },
        })));

        ShellResult result = (await other.RunAsync("Import-KlingGalleryChoice $choice", new { choice })).Clean();

        Assert.Equal(3, Assert.Single(result.Output).Properties["NextTake"].Value);
    }

    [Theory]
    [InlineData("../outside.mp4")]
    [InlineData("%2E%2E/outside.mp4")]
    [InlineData("..%2Foutside.mp4")]
    [InlineData("{outside}")]
    [InlineData("link.mp4")]
    [InlineData("linked/outside.mp4")]
    [InlineData("outside.mp4", "")]
    [InlineData("outside.mp4", "//server/share")]
    [InlineData("outside.mp4", @"\\server\share")]
    public async Task A_choice_leads_to_no_file_that_is_not_below_its_gallery(string video, string? place = null)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need a right there.");
        string gallery = Directory.CreateDirectory(Path.Combine(_folder.FullName, "gallery")).FullName;
        string outside = Path.Combine(_folder.FullName, "outside.mp4");
        File.WriteAllBytes(outside, [1]);
        File.WriteAllBytes(Path.Combine(gallery, "inside.mp4"), [1]);
        File.CreateSymbolicLink(Path.Combine(gallery, "link.mp4"), outside);
        Directory.CreateSymbolicLink(Path.Combine(gallery, "linked"), _folder.FullName);
        using var shell = new HostedShell();
        (await shell.RunAsync("Export-KlingGallery $page -InputObject $video", new { page = Path.Combine(gallery, "gallery.html"), video = Path.Combine(gallery, "inside.mp4") })).Clean();
        string choice = Path.Combine(Directory.CreateDirectory(Path.Combine(_folder.FullName, "downloads")).FullName, "choice.json");
        async Task<ShellResult> ImportAsync(string video, string place)
        {
            await File.WriteAllTextAsync(choice, JsonSerializer.Serialize(new { format = "KlingPS gallery choice", version = 1, place, choices = new[] { new { key = "k", video, choice = "Rejected" } } }), TestContext.Current.CancellationToken);
            return await shell.RunAsync("Import-KlingGalleryChoice $choice", new { choice });
        }

        ShellResult result = await ImportAsync(video.Replace("{outside}", Uri.EscapeDataString(outside), StringComparison.Ordinal), place is null ? gallery : place.Length == 0 ? _folder.FullName : place);

        Assert.Empty(result.Output);
        Assert.Single(result.Errors).Is("KlingTaskNotFound", ErrorCategory.ObjectNotFound);
    }

    [Fact]
    public async Task A_choice_of_videos_elsewhere_finds_them_in_the_folder_that_is_named()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string taskId = (string)(await shell.RunAsync(
            "ConvertTo-KlingVideo $image 'It moves.' $destination -Sidecar; Disconnect-KlingAccount",
            new { image = shell.Image("fox.png"), destination = shell.Destination })).Clean().Output[0].Properties["TaskId"].Value;
        Environment.SetEnvironmentVariable(LedgerLocation.Variable, Ledger + "3");
        using var other = new HostedShell();
        string choice = shell.WriteFile("elsewhere/choice.csv", Encoding.UTF8.GetBytes($"Key;Choice\r\n{taskId};Picked\r\n"));

        ShellResult without = await other.RunAsync("Import-KlingGalleryChoice $choice", new { choice });
        ShellResult with = await other.RunAsync("Import-KlingGalleryChoice $choice -VideoFolder $destination", new { destination = shell.Destination });

        Assert.Single(without.Errors).Is("KlingTaskNotFound", ErrorCategory.ObjectNotFound);
        Assert.Equal(taskId, Assert.Single(with.Clean().Of<KlingVideoTask>()).TaskId);
    }

    [Fact]
    public async Task A_page_opens_in_the_browser_or_says_why_not()
    {
        if (!OperatingSystem.IsLinux())
        {
            Assert.Skip("Other systems have a browser of their own, which would open.");
            return;
        }

        string opened = Path.Combine(_folder.FullName, "opened");
        string page = Path.Combine(_folder.FullName, "gallery.html");
        string opener = Path.Combine(_folder.FullName, "xdg-open");
        File.WriteAllBytes(Path.Combine(_folder.FullName, "fox.mp4"), [1]);
        File.WriteAllText(opener, $"#!/bin/sh\nprintf %s \"$1\" > '{opened}'\necho noise\n");
        File.SetUnixFileMode(opener, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        using var shell = new HostedShell();
        Task<ShellResult> ExportAsync() => shell.RunAsync("Export-KlingGallery $page -Show -InputObject $folder", new { page, folder = _folder.FullName });

        string? path = Environment.GetEnvironmentVariable("PATH");
        string? display = Environment.GetEnvironmentVariable("DISPLAY");
        string? wayland = Environment.GetEnvironmentVariable("WAYLAND_DISPLAY");
        try
        {
            Environment.SetEnvironmentVariable("WAYLAND_DISPLAY", null);
            Environment.SetEnvironmentVariable("DISPLAY", null);
            Assert.Equal($"The gallery is written, but it was not opened: there is no desktop here. Open '{page}' in a browser.", Assert.Single((await ExportAsync()).Clean().Warnings));
            Environment.SetEnvironmentVariable("DISPLAY", ":99");
            Environment.SetEnvironmentVariable("PATH", "/nowhere");
            Assert.Contains("there is no xdg-open", Assert.Single((await ExportAsync()).Clean().Warnings), StringComparison.Ordinal);
            Environment.SetEnvironmentVariable("PATH", _folder.FullName);
            Assert.Empty((await ExportAsync()).Clean().Warnings);
            await Eventually.TrueAsync(() => File.Exists(opened) && File.ReadAllText(opened) == page, "the page is opened");
        }
        finally
        {
            Environment.SetEnvironmentVariable("PATH", path);
            Environment.SetEnvironmentVariable("DISPLAY", display);
            Environment.SetEnvironmentVariable("WAYLAND_DISPLAY", wayland);
        }
    }

    [Fact]
    public async Task A_filter_that_leaves_none_of_the_videos_in_a_folder_is_named()
    {
        File.WriteAllBytes(Path.Combine(_folder.FullName, "fox.mp4"), [1]);
        using var shell = new HostedShell();

        ShellResult result = await shell.RunAsync("Export-KlingGallery $page -State Failed", new { page = Path.Combine(_folder.FullName, "gallery.html") });

        Assert.StartsWith($"No video in '{_folder.FullName}' matches -State, so no gallery was written.", result.Terminating.Is("KlingTaskNotFound", ErrorCategory.ObjectNotFound).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_there_is_nothing_at_all_one_error_says_so()
    {
        using var shell = new HostedShell();

        ShellResult result = await shell.RunAsync("Export-KlingGallery $page", new { page = Path.Combine(_folder.FullName, "gallery.html") });

        result.Terminating.Is("KlingTaskNotFound", ErrorCategory.ObjectNotFound);
        Assert.Contains("There are no tasks in the ledger", result.Terminating!.ToString(), StringComparison.Ordinal);
        Assert.Empty(_folder.GetFiles());
    }
}
