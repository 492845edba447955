using System.Management.Automation;
using System.Text.Json;
using System.Text.RegularExpressions;
using KlingPS.Core.Model;
using KlingPS.Sandbox;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

public sealed class GalleryTests
{
    private const string Make = "$images | ConvertTo-KlingVideo -Prompt 'It moves.' -Destination $destination";

    private static JsonElement[] ItemsOf(string page)
        => [.. JsonDocument.Parse(Regex.Match(File.ReadAllText(page), "id=\"gallery-data\">(.*?)</script>", RegexOptions.Singleline).Groups[1].Value).RootElement.GetProperty("items").EnumerateArray()];

    private static string Show(string page) => string.Join("; ", ItemsOf(page).Select(item => $"{item.GetProperty("name")} {item.GetProperty("status")}"));

    private static string PageOf(ConnectedShell shell, string name = "gallery.html") => Path.Combine(shell.Folder, name);

    /// <summary>A choice as the page saves it, of the tasks of these images.</summary>
    private static async Task<string> ChooseAsync(ConnectedShell shell, params (string Name, string? Choice, int Rating, string Note)[] choices)
    {
        KlingVideoTask[] tasks = (await shell.RunAsync("Get-KlingVideoTask")).Clean().Of<KlingVideoTask>();
        string json = JsonSerializer.Serialize(new
        {
            format = "KlingPS gallery choice",
            version = 1,
            gallery = "0123",
            saved = "2026-11-26T08:00:00Z",
            choices = choices.Select(choice => new
            {
                key = Array.Find(tasks, task => Path.GetFileName(task.SourcePath) == choice.Name)?.TaskId ?? choice.Name,
                name = choice.Name,
                choice = choice.Choice,
                rating = choice.Rating,
                note = choice.Note,
                at = "2026-11-26T07:00:00Z",
            }),
        });
        return shell.WriteFile("gallery.choice.json", System.Text.Encoding.UTF8.GetBytes(json));
    }

    private static object Variables(ConnectedShell shell, params string[] names) => new { images = shell.Images(names), destination = shell.Destination, page = PageOf(shell) };

    [Fact]
    public async Task A_page_shows_all_tasks_of_the_account_and_is_emitted_as_a_file()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        shell.Fault(SandboxOperation.Generate, SandboxFaultKind.FailTask, match: "bad");
        (await shell.RunAsync($"{Make} | Out-Null; New-KlingVideoTask $images[0] 'not saved' | Wait-KlingVideoTask | Out-Null; New-KlingVideoTask $images[1] 'bad' | Wait-KlingVideoTask -ErrorAction Ignore | Out-Null", Variables(shell, "fox.png", "bear.png"))).Clean();

        ShellResult result = (await shell.RunAsync("Export-KlingGallery $page; Export-KlingGallery $page -State Failed, Rejected; Export-KlingGallery $page -Title 'A title'")).Clean();

        Assert.All(result.Of<FileInfo>(), file => Assert.Equal(PageOf(shell), file.FullName));
        Assert.Equal(3, result.Output.Count);
        Assert.Equal("bear.png saved; bear.png failed; fox.png saved; fox.png unsaved", Show(PageOf(shell)));
        Assert.Contains("<title>A title</title>", File.ReadAllText(PageOf(shell)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tasks_are_narrowed_by_source_folder_time_and_state()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync($"{Make} | Out-Null", Variables(shell, "a/fox.png", "a/deep/bear.png", "b/fox.png"))).Clean();

        async Task<string> ExportAsync(string filter)
        {
            (await shell.RunAsync($"$null = $ExecutionContext.SessionState.Path.SetLocation('{shell.Folder}'); $null = Export-KlingGallery $page {filter}")).Clean();
            return string.Join(' ', ItemsOf(PageOf(shell)).Select(item => item.GetProperty("name").GetString()).Order());
        }

        Assert.Equal("bear.png fox.png fox.png", await ExportAsync(""));
        Assert.Equal("fox.png fox.png", await ExportAsync("-Source fox.png"));
        Assert.Equal("bear.png fox.png", await ExportAsync("-Source ./a"));
        Assert.Equal("bear.png", await ExportAsync("-Source a/deep/"));
        Assert.Equal("bear.png", await ExportAsync("-Source bear*"));
        Assert.Equal("bear.png fox.png fox.png", await ExportAsync("-Since ([datetime]::UtcNow.AddHours(-1)) -State Succeeded"));
        ShellResult none = await shell.RunAsync("Export-KlingGallery $page -Since ([datetime]::Now.AddHours(1))");
        none.Terminating.Is("KlingTaskNotFound", ErrorCategory.ObjectNotFound);
        Assert.Matches(@"^No task in the ledger '.*' matches -Since, so no gallery was written\.", none.Terminating!.ToString());
        Assert.Equal(3, ItemsOf(PageOf(shell)).Length);
        Assert.Equal(2, (await shell.RunAsync("Get-KlingVideoTask -Source a")).Clean().Output.Count);
    }

    [Fact]
    public async Task Videos_and_tasks_are_taken_however_they_are_named()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync($"$made = {Make}", Variables(shell, "fox.png", "bear.png"))).Clean();
        shell.WriteFile("videos/notes.txt", [1]);

        foreach (string given in (string[])
            [
                "Get-KlingVideoTask",
                "(Get-KlingVideoTask).Id",
                "(Get-KlingVideoTask).TaskId",
                "[System.IO.DirectoryInfo]::new($destination).GetFiles()",
                "[System.IO.DirectoryInfo]::new($destination)",
                "\"$destination/*.mp4\"",
                "$made",
                "Get-KlingVideoTask | ForEach-Object { [pscustomobject]@{ Id = $_.Id; TaskId = $_.TaskId } }",
                "[System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize((Get-KlingVideoTask)))",
                "[System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize($made))",
            ])
        {
            File.Delete(PageOf(shell));
            (await shell.RunAsync($"{given} | Export-KlingGallery $page")).Clean();
            Assert.Equal((given, "bear.png saved; fox.png saved"), (given, Show(PageOf(shell))));
            Assert.All(ItemsOf(PageOf(shell)), item => Assert.Equal(42, item.GetProperty("credits").GetDecimal()));
        }

        (await shell.RunAsync("Export-KlingGallery $page -InputObject $destination")).Clean();
        Assert.Equal("bear.png saved; fox.png saved", Show(PageOf(shell)));
    }

    [Fact]
    public async Task A_video_that_was_copied_is_known_by_its_content()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync($"{Make} | ForEach-Object {{ $_.MoveTo(\"$destination/renamed.mp4\") }}", Variables(shell, "fox.png"))).Clean();

        (await shell.RunAsync("$destination | Export-KlingGallery $page")).Clean();

        Assert.Equal("fox.png saved", Show(PageOf(shell)));
    }

    [Fact]
    public async Task A_task_that_was_saved_after_it_was_taken_is_shown_as_it_is_now()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        (await shell.RunAsync("$tasks = $images | New-KlingVideoTask -Prompt 'It moves.'; $tasks | Wait-KlingVideoTask | Save-KlingVideo -Destination $destination | Out-Null; $tasks | Export-KlingGallery $page", Variables(shell, "fox.png"))).Clean();

        Assert.Equal("fox.png saved", Show(PageOf(shell)));
    }

    [Fact]
    public async Task What_is_nothing_to_show_is_reported_and_the_others_are_shown()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync($"{Make} | Out-Null", Variables(shell, "fox.png"))).Clean();

        ShellResult result = await shell.RunAsync("(Get-KlingVideoTask).Id, 999999, 'no-such-task', './none.mp4', 'none/', 1.5 | Export-KlingGallery $page");

        Assert.Equal("fox.png saved", Show(PageOf(shell)));
        Assert.Equal(
            ["KlingPathNotFound", "KlingPathNotFound", "KlingRequestInvalid", "KlingTaskNotFound", "KlingTaskNotFound"],
            result.Errors.Select(error => error.FullyQualifiedErrorId.Split(',')[0]).Order(StringComparer.Ordinal));
        Assert.Null(result.Terminating);
    }

    [Fact]
    public async Task Nothing_is_written_where_nothing_comes_or_only_what_would_happen_is_asked()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult empty = await shell.RunAsync("Get-KlingVideoTask | Export-KlingGallery $page", new { page = PageOf(shell) });
        ShellResult none = await shell.RunAsync("Export-KlingGallery $page");
        (await shell.RunAsync($"{Make} | Out-Null; Export-KlingGallery $page -WhatIf", Variables(shell, "fox.png"))).Clean();

        empty.Terminating.Is("KlingTaskNotFound", ErrorCategory.ObjectNotFound);
        Assert.Contains("Nothing came through the pipeline, so no gallery was written.", empty.Terminating!.ToString(), StringComparison.Ordinal);
        none.Terminating.Is("KlingTaskNotFound", ErrorCategory.ObjectNotFound);
        Assert.False(File.Exists(PageOf(shell)));
    }

    [Fact]
    public async Task A_destination_that_cannot_be_used_is_refused_before_the_pipeline_begins()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string mine = shell.WriteFile("mine.html", "mine"u8.ToArray());

        ShellResult result = await shell.RunAsync("New-KlingVideoTask $image 'It moves.' | Export-KlingGallery $mine", new { image = shell.Image(), mine });

        result.Terminating.Is("KlingFileExists", ErrorCategory.ResourceExists);
        Assert.Equal(0, shell.Bill.CreatesReceived);
        Assert.Equal("mine", File.ReadAllText(mine));
        (await shell.RunAsync("$null = New-KlingVideoTask $image 'It moves.'; Export-KlingGallery $mine -Force")).Clean();
        Assert.Single(ItemsOf(mine));
    }

    [Fact]
    public async Task A_portable_page_has_its_videos_beside_it()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync($"{Make} | Export-KlingGallery $page -Portable", Variables(shell, "fox.png", "bear.png"))).Clean();

        Assert.Single(result.Of<FileInfo>());
        Assert.Equal(
            ["bear.mp4", "bear.png", "fox.mp4", "fox.png", "klingps-gallery.json"],
            Directory.GetFiles(Path.Combine(shell.Folder, "gallery_files")).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));
        Assert.DoesNotContain(shell.Folder, File.ReadAllText(PageOf(shell)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Notes_that_are_handed_on_are_told_of()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync($"{Make} | Out-Null", Variables(shell, "fox.png", "bear.png"))).Clean();
        string choice = await ChooseAsync(shell, ("fox.png", "Picked", 4, "too dark"), ("bear.png", "Rejected", 0, ""));

        ShellResult own = (await shell.RunAsync("Export-KlingGallery $page -ChoicePath $choice", new { page = PageOf(shell), choice })).Clean();
        ShellResult others = (await shell.RunAsync("Export-KlingGallery $page -Portable")).Clean();
        ShellResult without = (await shell.RunAsync("Export-KlingGallery $other -Portable", new { other = PageOf(shell, "other.html") })).Clean();

        Assert.Empty(own.Warnings);
        Assert.Equal(
            $"Whoever gets '{PageOf(shell)}' can read the note in it. For a page without notes, export the same videos without their choice to another -Path.",
            Assert.Single(others.Warnings));
        Assert.Empty(without.Warnings);
    }

    [Fact]
    public async Task Filters_that_leave_nothing_are_named()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync($"{Make} | Out-Null", Variables(shell, "fox.png"))).Clean();

        ShellResult given = await shell.RunAsync("$destination | Export-KlingGallery $page -State Failed -Source fox.png");
        ShellResult nothing = await shell.RunAsync("$null = [System.IO.Directory]::CreateDirectory(\"$destination/none\"); \"$destination/none\" | Export-KlingGallery $page -State Failed");

        Assert.StartsWith("Nothing of what was given matches -Source and -State, so no gallery was written.", given.Terminating.Is("KlingTaskNotFound", ErrorCategory.ObjectNotFound).ToString(), StringComparison.Ordinal);
        Assert.StartsWith("There is no video in what was given, so no gallery was written.", nothing.Terminating.Is("KlingTaskNotFound", ErrorCategory.ObjectNotFound).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_chosen_comes_back_as_tasks()
    {
        // Images of its own: the next take counts those of all accounts, and the tests share a ledger.
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync($"{Make} | Out-Null", Variables(shell, "otter.png", "badger.png", "lynx.png"))).Clean();
        string choice = await ChooseAsync(shell, ("otter.png", "Picked", 4, "good"), ("badger.png", "Rejected", 0, ""), ("lynx.png", null, 0, ""));

        ShellResult result = (await shell.RunAsync("Import-KlingGalleryChoice $choice; [System.IO.FileInfo]::new($choice) | Import-KlingGalleryChoice", new { choice })).Clean();

        Assert.Equal(6, result.Of<KlingVideoTask>().Length);
        Assert.Equal(
            ["otter.png Picked 4 good", "badger.png Rejected 0 ", "lynx.png None 0 "],
            result.Output.Take(3).Select(item => $"{Path.GetFileName((string)item.Properties["SourcePath"].Value)} {item.Properties["Choice"].Value} {item.Properties["Rating"].Value} {item.Properties["Note"].Value}"));
        Assert.All(result.Output, item => Assert.Equal(2, item.Properties["NextTake"].Value));
        Assert.Equal(Path.Combine(shell.Destination, "otter.mp4"), result.Output[0].Properties["FullName"].Value);
    }

    [Fact]
    public async Task What_was_picked_is_saved_and_what_was_rejected_is_made_once_more()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync($"{Make} | Out-Null", Variables(shell, "fo[x].png", "bear.png"))).Clean();
        string choice = await ChooseAsync(shell, ("fo[x].png", "Picked", 4, "good"), ("bear.png", "Rejected", 0, ""));

        ShellResult result = (await shell.RunAsync(
            """
            $chosen = Import-KlingGalleryChoice $choice
            $chosen | Where-Object Choice -eq Picked | Save-KlingVideo -Destination "$destination/keep"
            $chosen | Where-Object Choice -eq Rejected | Measure-KlingVideoCost | ForEach-Object Credits
            $chosen | Where-Object Choice -eq Rejected | ConvertTo-KlingVideo -Take { $_.NextTake } -Destination $destination
            """,
            new { choice })).Clean();

        Assert.Equal(["keep/fo[x].mp4", "42", "bear-2.mp4"], result.Output.Select(item => item.BaseObject is FileInfo file ? Path.GetRelativePath(shell.Destination, file.FullName).Replace('\\', '/') : item.ToString()));
        Assert.Equal(3, shell.Bill.CreatesAccepted);
        Assert.Equal(2, shell.Bill.Tasks.Count(task => task.ImageSha256 == HashOf(shell, "bear.png")));
        Assert.Empty(result.Warnings);
    }

    [Fact]
    public async Task The_next_page_shows_the_choice_again_whichever_way_it_comes()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync($"{Make} | Out-Null", Variables(shell, "fox.png", "bear.png"))).Clean();
        string choice = await ChooseAsync(shell, ("fox.png", "Picked", 4, "good </script>"), ("bear.png", "Rejected", 0, ""));

        (await shell.RunAsync("Export-KlingGallery $page -ChoicePath $choice; Import-KlingGalleryChoice $choice | Export-KlingGallery $other", new { choice, page = PageOf(shell), other = PageOf(shell, "other.html") })).Clean();

        foreach (string page in (string[])[PageOf(shell), PageOf(shell, "other.html")])
        {
            JsonElement[] items = ItemsOf(page);
            Assert.Equal(["Rejected", "Picked"], items.Select(item => item.GetProperty("choice").GetString()));
            Assert.Equal((4, "good </script>", "2026-11-26T07:00:00Z"), (items[1].GetProperty("rating").GetInt32(), items[1].GetProperty("note").GetString(), items[1].GetProperty("at").GetString()));
        }
    }

    [Fact]
    public async Task The_choice_of_another_gallery_is_one_error_and_what_is_there_stays()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync($"{Make} | Export-KlingGallery $page | Out-Null", Variables(shell, "fox.png"))).Clean();
        string before = File.ReadAllText(PageOf(shell));
        string choice = await ChooseAsync(shell, ("t-unknown-1", "Picked", 4, ""), ("t-unknown-2", "Picked", 4, ""));

        ShellResult import = await shell.RunAsync("Import-KlingGalleryChoice $choice", new { choice });
        ShellResult export = await shell.RunAsync("Export-KlingGallery $page -ChoicePath $choice");

        Assert.Single(import.Errors).Is("KlingChoiceInvalid", ErrorCategory.InvalidData);
        Assert.Contains("is the choice of another gallery: none of its 2 videos", import.Errors[0].ToString(), StringComparison.Ordinal);
        export.Terminating.Is("KlingChoiceInvalid", ErrorCategory.InvalidData);
        Assert.Equal(before, File.ReadAllText(PageOf(shell)));
    }

    [Fact]
    public async Task A_video_that_is_not_known_here_is_one_error_and_the_others_come()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync($"{Make} | Out-Null", Variables(shell, "fox.png"))).Clean();
        string choice = await ChooseAsync(shell, ("fox.png", "Picked", 4, ""), ("t-unknown", "Picked", 4, ""), ("nothing-chosen", null, 0, ""));

        ShellResult import = await shell.RunAsync("Import-KlingGalleryChoice $choice", new { choice });
        ShellResult export = await shell.RunAsync("Export-KlingGallery $page -ChoicePath $choice", new { page = PageOf(shell) });

        Assert.Single(import.Output);
        Assert.Single(import.Errors).Is("KlingTaskNotFound", ErrorCategory.ObjectNotFound);
        Assert.Contains("Choice 2 ('t-unknown')", import.Errors[0].ToString(), StringComparison.Ordinal);
        Assert.Contains("1 of the 3 choices", Assert.Single(export.Clean().Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_choice_finds_its_tasks_whichever_account_the_shell_is_connected_to()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync($"{Make} | Out-Null", Variables(shell, "fox.png"))).Clean();
        string choice = await ChooseAsync(shell, ("fox.png", "Picked", 4, ""));
        await using ConnectedShell other = await ConnectedShell.StartAsync();

        ShellResult result = (await other.RunAsync("Import-KlingGalleryChoice $choice; Import-KlingGalleryChoice $choice | Export-KlingGallery $page | Out-Null", new { choice, page = PageOf(shell) })).Clean();
        ShellResult all = await other.RunAsync("Export-KlingGallery $page");

        Assert.Equal("Picked", Assert.Single(result.Output).Properties["Choice"].Value);
        Assert.Equal("fox.png saved", Show(PageOf(shell)));
        Assert.Matches(@"None of the tasks in the ledger '.*' is known to belong to the account in use, so no gallery was written\.", all.Terminating.Is("KlingTaskNotFound", ErrorCategory.ObjectNotFound).ToString());
    }

    [Fact]
    public async Task A_task_that_was_chosen_is_made_again_by_the_step_by_step_commands_too()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync($"{Make} | Out-Null", Variables(shell, "fox.png"))).Clean();
        string choice = await ChooseAsync(shell, ("fox.png", "Rejected", 0, ""));

        KlingVideoTask task = Assert.Single((await shell.RunAsync("Import-KlingGalleryChoice $choice | New-KlingVideoTask", new { choice })).Clean().Of<KlingVideoTask>());

        Assert.Equal((Path.Combine(shell.Folder, "fox.png"), "It moves."), (task.SourcePath, task.Prompt));
        Assert.Equal(2, shell.Bill.CreatesAccepted);
    }

    [Fact]
    public async Task A_choice_that_is_damaged_is_one_error()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        foreach ((string text, string message) in ((string, string)[])[("{", "is damaged"), ("{}", "is not a choice"), (string.Empty, "is empty")])
        {
            string choice = shell.WriteFile("choice.json", System.Text.Encoding.UTF8.GetBytes(text));

            ShellResult result = await shell.RunAsync("Import-KlingGalleryChoice $choice", new { choice });

            Assert.Contains(message, Assert.Single(result.Errors).Is("KlingChoiceInvalid", ErrorCategory.InvalidData).ToString(), StringComparison.Ordinal);
            Assert.Null(result.Terminating);
        }
    }

    private static string HashOf(ConnectedShell shell, string name)
        => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(Path.Combine(shell.Folder, name)))).ToLowerInvariant();

    [Fact]
    public async Task A_page_that_was_portable_and_is_plain_again_says_that_its_copies_stay()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync($"{Make} | Export-KlingGallery $page -Portable", Variables(shell, "fox.png"))).Clean();
        string folder = Path.Combine(shell.Folder, "gallery_files");
        string[] copies = Directory.GetFiles(folder);

        ShellResult plain = (await shell.RunAsync("Export-KlingGallery $page")).Clean();
        ShellResult other = (await shell.RunAsync("Export-KlingGallery $other", new { other = PageOf(shell, "other.html") })).Clean();
        Directory.Delete(folder, recursive: true);
        ShellResult without = (await shell.RunAsync("Export-KlingGallery $page")).Clean();

        Assert.Contains($"The copies of its portable form stay in '{folder}'; delete that folder", Assert.Single(plain.Warnings), StringComparison.Ordinal);
        Assert.Equal(3, copies.Length);
        Assert.Empty(other.Warnings);
        Assert.Empty(without.Warnings);
    }

    [Theory]
    [InlineData("Import-KlingGalleryChoice $damaged | Export-KlingGallery $page", "KlingChoiceInvalid")]
    [InlineData("Import-KlingGalleryChoice $damaged | ConvertTo-KlingVideo -Destination $folder", "KlingChoiceInvalid")]
    [InlineData("Import-KlingGalleryChoice ./no.json | Where-Object Choice | ConvertTo-KlingVideo -Destination $folder", "KlingPathNotFound")]
    [InlineData("Get-KlingVideoTask -Id 987654321 | Export-KlingGallery $page", "KlingTaskNotFound")]
    [InlineData("@() | Export-KlingGallery $page", "KlingTaskNotFound")]
    [InlineData("@() | ConvertTo-KlingVideo -Destination $folder", "KlingPathNotFound")]
    public async Task Where_a_command_has_told_why_nothing_comes_the_next_one_does_not_tell_once_more(string script, string id)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync(
            "function Where-Object { process { $_ } }; " + script,
            new { damaged = shell.WriteFile("damaged.json", "{ broken"u8.ToArray()), page = PageOf(shell), folder = shell.Destination });

        ErrorRecord error = Assert.Single([.. result.Errors, .. result.Terminating is null ? (ErrorRecord[])[] : [result.Terminating]]);
        Assert.StartsWith(id + ",", error.FullyQualifiedErrorId, StringComparison.Ordinal);
        Assert.False(File.Exists(PageOf(shell)));
    }
}
