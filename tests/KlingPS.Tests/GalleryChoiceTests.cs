using System.Management.Automation;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using KlingPS.Core.Model;
using KlingPS.Sandbox;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

/// <summary>What comes of a choice: which video is meant, what is bought for it, and how long it is kept.</summary>
public sealed class GalleryChoiceTests
{
    private const string Make = "ConvertTo-KlingVideo $image 'It moves.' $destination | Out-Null";
    private const string Again = "Import-KlingGalleryChoice $choice | Where-Object Choice -eq Rejected | ConvertTo-KlingVideo -Take { $_.NextTake } -Destination $destination";

    private static JsonElement DataOf(string page)
        => JsonDocument.Parse(Regex.Match(File.ReadAllText(page), "id=\"gallery-data\">(.*?)</script>", RegexOptions.Singleline).Groups[1].Value).RootElement;

    private static string Show(string page) => string.Join("; ", DataOf(page).GetProperty("items").EnumerateArray().Select(item =>
        $"{item.GetProperty("id")} {item.GetProperty("status")}{(item.TryGetProperty("choice", out JsonElement choice) ? $" {choice}" : string.Empty)}{(item.TryGetProperty("note", out JsonElement note) ? $" {note}" : string.Empty)}"));

    private static string PageOf(ConnectedShell shell, string name = "gallery.html") => Path.Combine(shell.Folder, name);

    /// <summary>An image that no other test has: takes count over all accounts, and the tests share a ledger.</summary>
    private static object Variables(ConnectedShell shell, string? choice = null)
        => new { image = shell.Image($"{Guid.NewGuid():N}.png"), destination = shell.Destination, page = PageOf(shell), other = PageOf(shell, "other.html"), choice };

    private static async Task<KlingVideoTask[]> TasksAsync(ConnectedShell shell) => (await shell.RunAsync("Get-KlingVideoTask")).Clean().Of<KlingVideoTask>();

    private static string Choose(ConnectedShell shell, params (string Key, string? Choice, DateTimeOffset? At)[] choices)
        => Write(shell, "gallery.choice.json", JsonSerializer.Serialize(new
        {
            format = "KlingPS gallery choice",
            version = 1,
            choices = choices.Select(choice => new { key = choice.Key, choice = choice.Choice, note = choice.Choice is null ? "" : "noted", at = choice.At?.ToString("O") }),
        }));

    private static string Write(ConnectedShell shell, string name, string text) => shell.WriteFile(name, Encoding.UTF8.GetBytes(text));

    private static string KeyOf(string page, long id)
        => DataOf(page).GetProperty("items").EnumerateArray().Single(item => item.GetProperty("id").GetInt64() == id).GetProperty("key").GetString()!;

    [Fact]
    public async Task A_video_that_was_saved_later_under_the_same_name_is_not_taken_for_the_earlier_one()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync(Make, Variables(shell))).Clean();
        KlingVideoTask first = Assert.Single(await TasksAsync(shell));
        File.Move(first.SavedPath!, Path.Combine(shell.Folder, "archived.mp4"));
        (await shell.RunAsync("ConvertTo-KlingVideo $image 'It moves.' $destination -Take 2 | Out-Null")).Clean();
        KlingVideoTask second = (await TasksAsync(shell))[1];
        Assert.Equal(first.SavedPath, second.SavedPath);

        (await shell.RunAsync("Export-KlingGallery $page; Get-KlingVideoTask | Export-KlingGallery $other")).Clean();
        string choice = Choose(shell, (first.TaskId!, "Rejected", null), (second.TaskId!, "Picked", null));
        ShellResult chosen = (await shell.RunAsync("Import-KlingGalleryChoice $choice", new { choice })).Clean();

        Assert.All((string[])["gallery.html", "other.html"], page => Assert.Equal($"{first.Id} missing; {second.Id} saved", Show(PageOf(shell, page))));
        Assert.Contains($"that of task {second.Id} has been saved under its name since", File.ReadAllText(PageOf(shell)), StringComparison.Ordinal);
        Assert.Equal([null, second.SavedPath], chosen.Output.Select(item => item.Properties["FullName"]?.Value as string));
        Assert.False(Path.Exists(((string)chosen.Output[0].Properties["PSPath"].Value).Split("::")[1]));

        // Whoever says where it is now is believed.
        (await shell.RunAsync("'./archived.mp4' | Out-Null; [System.IO.FileInfo]::new($archived), [System.IO.FileInfo]::new($saved) | Export-KlingGallery $page", new { archived = Path.Combine(shell.Folder, "archived.mp4"), saved = second.SavedPath })).Clean();
        Assert.Equal($"{first.Id} saved; {second.Id} saved", Show(PageOf(shell)));
    }

    [Fact]
    public async Task A_video_that_was_moved_over_another_one_is_shown_and_handed_on_as_itself()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync($"{Make}; ConvertTo-KlingVideo $image 'It turns.' $destination | Out-Null", Variables(shell))).Clean();
        KlingVideoTask[] tasks = await TasksAsync(shell);
        string path = tasks[0].SavedPath!;
        File.Move(tasks[1].SavedPath!, path, overwrite: true);

        (await shell.RunAsync("Export-KlingGallery $page; [System.IO.FileInfo]::new($path) | Export-KlingGallery $other", new { path })).Clean();
        string choice = Choose(shell, (tasks[0].TaskId!, "Picked", DateTimeOffset.UtcNow), (tasks[1].TaskId!, "Rejected", DateTimeOffset.UtcNow));
        ShellResult chosen = (await shell.RunAsync("Import-KlingGalleryChoice $choice", new { choice })).Clean();

        Assert.Equal($"{tasks[0].Id} missing; {tasks[1].Id} saved", Show(PageOf(shell)));
        Assert.Equal($"{tasks[1].Id} saved", Show(PageOf(shell, "other.html")));
        Assert.Equal([null, path], chosen.Output.Select(item => item.Properties["FullName"]?.Value));

        // What only its owner has changed is still his.
        (await shell.RunAsync("Get-KlingVideoTask -Id $id | Save-KlingVideo -Destination $keep | Out-Null", new { id = tasks[1].Id, keep = Path.Combine(shell.Folder, "keep") })).Clean();
        string kept = Directory.GetFiles(Path.Combine(shell.Folder, "keep"))[0];
        File.AppendAllText(kept, "edited");
        (await shell.RunAsync("[System.IO.FileInfo]::new($kept) | Export-KlingGallery $other -Force", new { kept })).Clean();
        Assert.Equal($"{tasks[1].Id} saved", Show(PageOf(shell, "other.html")));
    }

    [Fact]
    public async Task Of_a_video_that_was_saved_twice_and_deleted_once_the_other_file_is_shown()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync($"{Make}; Get-KlingVideoTask | Save-KlingVideo -Destination $keep | Out-Null", new
        {
            image = shell.Image($"{Guid.NewGuid():N}.png"),
            destination = shell.Destination,
            page = PageOf(shell),
            keep = Path.Combine(shell.Folder, "keep"),
        })).Clean();
        KlingVideoTask task = Assert.Single(await TasksAsync(shell));
        Assert.StartsWith(Path.Combine(shell.Folder, "keep"), task.SavedPath, StringComparison.Ordinal);
        File.Delete(task.SavedPath!);

        (await shell.RunAsync("Export-KlingGallery $page")).Clean();
        string choice = Choose(shell, (task.TaskId!, "Picked", null));
        ShellResult chosen = (await shell.RunAsync("Import-KlingGalleryChoice $choice", new { choice })).Clean();

        Assert.Equal($"{task.Id} saved", Show(PageOf(shell)));
        Assert.Equal(Path.Combine(shell.Destination, Path.GetFileName(task.SavedPath!)), Assert.Single(chosen.Output).Properties["FullName"].Value);
    }

    [Theory]
    [InlineData("json")]
    [InlineData("json without times")]
    [InlineData("csv")]
    public async Task The_line_that_makes_rejected_videos_once_more_can_be_run_twice_and_buys_once(string kind)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync(Make, Variables(shell))).Clean();
        KlingVideoTask task = Assert.Single(await TasksAsync(shell));
        string choice = kind == "csv" ? Write(shell, "choice.csv", $"Key;Choice\r\n{task.TaskId};Rejected\r\n")
            : Choose(shell, (task.TaskId!, "Rejected", kind == "json" ? DateTimeOffset.UtcNow : null));

        (await shell.RunAsync($"{Again}; {Again}", new { choice })).Clean();
        File.SetLastWriteTimeUtc(choice, DateTime.UtcNow.AddMinutes(1));
        (await shell.RunAsync(Again)).Clean();

        Assert.Equal(2, shell.Bill.CreatesAccepted);
        Assert.Equal([1, 2], (await TasksAsync(shell)).Select(made => made.Take));
    }

    [Fact]
    public async Task A_video_that_is_rejected_again_later_is_bought_once_more()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync(Make, Variables(shell))).Clean();
        string key = Assert.Single(await TasksAsync(shell)).TaskId!;

        (await shell.RunAsync($"{Again}; {Again}", new { choice = Choose(shell, (key, "Rejected", DateTimeOffset.UtcNow)) })).Clean();
        (await shell.RunAsync($"{Again}; {Again}", new { choice = Choose(shell, (key, "Rejected", DateTimeOffset.UtcNow)) })).Clean();

        Assert.Equal(3, shell.Bill.CreatesAccepted);
    }

    [Theory]
    [InlineData("$older, $later")]
    [InlineData("$later, $older")]
    public async Task Of_several_files_an_older_rejection_buys_nothing_where_a_later_one_says_picked(string files)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync(Make, Variables(shell))).Clean();
        string key = Assert.Single(await TasksAsync(shell)).TaskId!;
        DateTimeOffset now = DateTimeOffset.UtcNow;
        string older = Choose(shell, (key, "Rejected", now.AddSeconds(-1)));
        File.Move(older, older = Path.Combine(shell.Folder, "g1.json"));
        string later = Choose(shell, (key, "Picked", now));

        ShellResult chosen = (await shell.RunAsync($"Import-KlingGalleryChoice {files}", new { older, later })).Clean();
        await shell.RunAsync($"Import-KlingGalleryChoice {files} | Where-Object Choice -eq Rejected | ConvertTo-KlingVideo -Take {{ $_.NextTake }} -Destination $destination");

        Assert.Equal("Picked", Assert.Single(chosen.Output).Properties["Choice"].Value);
        string warning = Assert.Single(chosen.Warnings);
        Assert.Contains(older, warning, StringComparison.Ordinal);
        Assert.Contains($"What '{later}' says is later, and counts.", warning, StringComparison.Ordinal);
        Assert.Equal(1, shell.Bill.CreatesAccepted);
    }

    [Fact]
    public async Task Another_take_of_an_image_that_was_replaced_is_warned_of_and_left_out_with_SkipChanged()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync(Make, Variables(shell))).Clean();
        KlingVideoTask task = Assert.Single(await TasksAsync(shell));
        string choice = Choose(shell, (task.TaskId!, "Rejected", DateTimeOffset.UtcNow));
        File.WriteAllBytes(task.SourcePath!, TestImage.Png($"{Guid.NewGuid():N}"));

        ErrorRecord left = Assert.Single((await shell.RunAsync($"{Again} -SkipChanged", new { choice })).Errors);
        ErrorRecord byHand = Assert.Single((await shell.RunAsync("ConvertTo-KlingVideo $image 'It moves.' $destination -Take 2 -SkipChanged", new { image = task.SourcePath })).Errors);
        Assert.Equal(1, shell.Bill.CreatesAccepted);
        ShellResult bought = (await shell.RunAsync(Again, new { choice })).Clean();
        ShellResult third = (await shell.RunAsync("ConvertTo-KlingVideo $image 'It moves.' $destination -Take 3 -SkipChanged", new { image = task.SourcePath })).Clean();

        Assert.All((ErrorRecord[])[left, byHand], error => Assert.Contains($"'{task.SourcePath}' has other content now than on", error.ToString(), StringComparison.Ordinal));
        Assert.Contains($"when take 1 of the same video was bought as task {task.Id}", Assert.Single(bought.Warnings), StringComparison.Ordinal);
        Assert.Empty(third.Warnings);
        Assert.Equal(3, shell.Bill.CreatesAccepted);
    }

    [Fact]
    public async Task A_choice_from_the_future_buys_nothing_and_says_why()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync(Make, Variables(shell))).Clean();
        string key = Assert.Single(await TasksAsync(shell)).TaskId!;

        ShellResult result = (await shell.RunAsync(Again, new { choice = Choose(shell, (key, "Rejected", DateTimeOffset.UtcNow.AddHours(1))) })).Clean();

        Assert.Contains("at a time that is still in the future by the ledger's clock", Assert.Single(result.Warnings), StringComparison.Ordinal);
        Assert.Equal(1, shell.Bill.CreatesAccepted);
    }

    [Fact]
    public async Task What_is_unknown_pending_or_not_saved_is_not_bought_once_more_by_a_choice()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        shell.Fault(SandboxOperation.Create, SandboxFaultKind.LoseAnswerAfter);
        await shell.RunAsync("New-KlingVideoTask $image 'lost'; New-KlingVideoTask $image 'not saved' | Wait-KlingVideoTask | Out-Null; New-KlingVideoTask $image 'pending' | Out-Null", Variables(shell));
        KlingVideoTask[] tasks = await TasksAsync(shell);
        Assert.Equal(["Unknown", "Succeeded", "Waiting"], tasks.Select(task => task.State));
        (await shell.RunAsync("Export-KlingGallery $page")).Clean();
        string choice = Choose(shell, [.. tasks.Select(task => (KeyOf(PageOf(shell), task.Id), (string?)"Rejected", (DateTimeOffset?)DateTimeOffset.UtcNow))]);

        ShellResult result = await shell.RunAsync(Again, new { choice });

        Assert.Equal(3, result.Warnings.Count);
        Assert.Contains($"Task {tasks[0].Id} in '{choice}' gets no other take: it is not known whether it was bought.", result.Warnings[0], StringComparison.Ordinal);
        Assert.Contains("Resolve-KlingVideoTask", result.Warnings[0], StringComparison.Ordinal);
        Assert.Contains($"Task {tasks[2].Id} in '{choice}' gets no other take: it is not finished.", result.Warnings[1], StringComparison.Ordinal);
        Assert.Contains($"Get-KlingVideoTask -Id {tasks[1].Id} | Save-KlingVideo", result.Warnings[2], StringComparison.Ordinal);
        Assert.Equal(2, result.Of<FileInfo>().Length);

        // They are on disk now, but were not when they were chosen.
        ShellResult again = await shell.RunAsync(Again);
        Assert.Contains($"Tasks {tasks[1].Id}, {tasks[2].Id} in '{choice}' get no other take: they were chosen before there was a video to be seen.", again.Warnings[1], StringComparison.Ordinal);
        Assert.Equal(3, shell.Bill.CreatesAccepted);
    }

    [Fact]
    public async Task A_choice_that_a_script_has_changed_is_later_than_the_one_of_the_page()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync(Make, Variables(shell))).Clean();
        KlingVideoTask task = Assert.Single(await TasksAsync(shell));
        string choice = Choose(shell, (task.TaskId!, "Rejected", DateTimeOffset.UtcNow.AddHours(-1)));
        DateTime before = DateTime.UtcNow;

        (await shell.RunAsync("Import-KlingGalleryChoice $choice | ForEach-Object { $_.Choice = 'Picked'; $_ } | Export-KlingGallery $page; Import-KlingGalleryChoice $choice | Export-KlingGallery $other", new { choice })).Clean();

        Assert.Equal($"{task.Id} saved Picked noted", Show(PageOf(shell)));
        Assert.True(DataOf(PageOf(shell)).GetProperty("items")[0].GetProperty("at").GetDateTime() >= before.AddMilliseconds(-1));
        Assert.True(DataOf(PageOf(shell, "other.html")).GetProperty("items")[0].GetProperty("at").GetDateTime() < before);
    }

    [Fact]
    public async Task A_video_of_an_image_on_the_web_is_not_made_once_more_and_told_how_it_is()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync("New-KlingVideoTask -ImageUri 'https://images.example/fox.png?key=1' -Prompt 'It moves.' | Wait-KlingVideoTask | Save-KlingVideo -Destination $destination | Out-Null", Variables(shell))).Clean();
        string choice = Choose(shell, (Assert.Single(await TasksAsync(shell)).TaskId!, "Rejected", DateTimeOffset.UtcNow));

        ShellResult result = await shell.RunAsync(Again, new { choice });

        ErrorRecord error = Assert.Single(result.Errors);
        Assert.Contains("it is an address, and ConvertTo-KlingVideo makes videos of files", error.ToString(), StringComparison.Ordinal);
        Assert.EndsWith(
            $": New-KlingVideoTask -ImageUri 'https://images.example/fox.png?key=1' -Prompt 'It moves.' -Duration 5 | Wait-KlingVideoTask | Save-KlingVideo -Destination '{shell.Destination}'",
            error.ErrorDetails.RecommendedAction,
            StringComparison.Ordinal);
        Assert.Equal(1, shell.Bill.CreatesAccepted);
        (await shell.RunAsync("Import-KlingGalleryChoice $choice | New-KlingVideoTask | Out-Null")).Clean();
        (await shell.RunAsync(error.ErrorDetails.RecommendedAction.Split(": ", 2)[1])).Clean();
        Assert.Equal(3, shell.Bill.CreatesAccepted);
    }

    [Fact]
    public async Task A_video_that_failed_keeps_its_take()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        shell.Fault(SandboxOperation.Generate, SandboxFaultKind.FailTask);
        await shell.RunAsync("ConvertTo-KlingVideo $image 'It moves.' $destination -Take 3 | Out-Null", Variables(shell));
        string key = Assert.Single(await TasksAsync(shell)).TaskId!;

        ShellResult result = await shell.RunAsync($"Import-KlingGalleryChoice $choice | ForEach-Object NextTake; {Again} -RetryFailed", new { choice = Choose(shell, (key, "Rejected", DateTimeOffset.UtcNow)) });

        Assert.Equal(3, result.Output[0].BaseObject);
        Assert.Equal([3, 3], (await TasksAsync(shell)).Select(task => task.Take));
    }

    [Theory]
    [InlineData("Import-KlingGalleryChoice ''")]
    [InlineData("Import-KlingGalleryChoice -LiteralPath ' '")]
    [InlineData("$null | Import-KlingGalleryChoice")]
    [InlineData("$null | Export-KlingGallery $page")]
    [InlineData("Export-KlingGallery $page -InputObject $null")]
    public async Task A_variable_that_was_never_set_is_told_and_is_neither_the_current_folder_nor_nothing(string command)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync(command, new { page = PageOf(shell) });

        Assert.Empty(result.Output);
        ErrorRecord error = (result.Terminating ?? Assert.Single(result.Errors)).Is("KlingRequestInvalid", ErrorCategory.InvalidArgument);
        Assert.Contains(" was given instead of ", error.ToString(), StringComparison.Ordinal);
        Assert.False(File.Exists(PageOf(shell)));
    }

    [Fact]
    public async Task A_folder_of_videos_that_is_not_there_is_named()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        string folder = Path.Combine(shell.Folder, "vidoes");

        ShellResult result = await shell.RunAsync("Import-KlingGalleryChoice $choice -VideoFolder $folder", new { choice = Choose(shell, ("somewhere", "Picked", null)), folder });

        Assert.Contains($"'{folder}'", result.Terminating.Is("KlingPathNotFound", ErrorCategory.ObjectNotFound).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_of_videos_that_cannot_be_read_is_an_error_of_the_choice_that_needs_it_alone()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Other systems take longer paths, or shorter ones.");
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        using var folder = new UnlistableFolder(Path.Combine(shell.Folder, "unlistable"));
        (await shell.RunAsync(Make, Variables(shell))).Clean();
        string taskId = Assert.Single(await TasksAsync(shell)).TaskId!;
        string known = Write(shell, "known.csv", $"Key;Choice\r\n{taskId};Picked\r\n");

        ShellResult chosen = await shell.RunAsync("Import-KlingGalleryChoice $choice, $known -VideoFolder $folder", new { choice = Choose(shell, ("somewhere", "Picked", null)), known, folder = folder.FullName });
        ShellResult shown = await shell.RunAsync("$folder | Export-KlingGallery $page");

        Assert.Null(chosen.Terminating);
        Assert.Equal(taskId, Assert.Single(chosen.Of<KlingVideoTask>()).TaskId);
        Assert.All(
            [Assert.Single(chosen.Errors), Assert.Single(shown.Errors)],
            error => Assert.StartsWith($"The folder '{folder.FullName}' cannot be read: ", error.Is("KlingFileUnreadable", ErrorCategory.ReadError).ToString(), StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_choice_stays_on_a_page_that_shows_fewer_videos_meanwhile()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync($"{Make}; $image = $second; {Make}", new { image = shell.Image($"{Guid.NewGuid():N}.png"), second = shell.Image($"{Guid.NewGuid():N}.png"), destination = shell.Destination, page = PageOf(shell) })).Clean();
        KlingVideoTask[] tasks = await TasksAsync(shell);
        string choice = Choose(shell, [.. tasks.Select(task => (task.TaskId!, (string?)"Picked", (DateTimeOffset?)DateTimeOffset.UtcNow))]);
        (await shell.RunAsync("Export-KlingGallery $page -ChoicePath $choice", new { choice })).Clean();

        (await shell.RunAsync("Get-KlingVideoTask | Where-Object Id -eq $id | Export-KlingGallery $page", new { id = tasks[0].Id })).Clean();
        Assert.Equal($"{tasks[0].Id} saved Picked noted", Show(PageOf(shell)));
        (await shell.RunAsync("Export-KlingGallery $page")).Clean();

        Assert.Equal([$"{tasks[0].Id} saved Picked noted", $"{tasks[1].Id} saved Picked noted"], Show(PageOf(shell)).Split("; ").Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_choice_that_was_taken_back_does_not_come_again_with_an_older_file()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync(Make, Variables(shell))).Clean();
        KlingVideoTask task = Assert.Single(await TasksAsync(shell));
        string older = Write(shell, "older.json", File.ReadAllText(Choose(shell, (task.TaskId!, "Picked", DateTimeOffset.UtcNow.AddHours(-2)))));
        string cleared = Choose(shell, (task.TaskId!, null, DateTimeOffset.UtcNow.AddHours(-1)));

        (await shell.RunAsync("Export-KlingGallery $page -ChoicePath $older; Export-KlingGallery $page -ChoicePath $cleared; Export-KlingGallery $page; Export-KlingGallery $page -ChoicePath $older", new { older, cleared })).Clean();

        Assert.Equal($"{task.Id} saved", Show(PageOf(shell)));
    }

    [Fact]
    public async Task What_was_noted_on_an_unknown_task_is_kept_when_it_is_resolved()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        shell.Fault(SandboxOperation.Create, SandboxFaultKind.LoseAnswerAfter);
        await shell.RunAsync("New-KlingVideoTask $image 'lost'", Variables(shell));
        KlingVideoTask task = Assert.Single(await TasksAsync(shell));
        (await shell.RunAsync("Export-KlingGallery $page")).Clean();
        string choice = Choose(shell, (KeyOf(PageOf(shell), task.Id), "Rejected", DateTimeOffset.UtcNow));
        (await shell.RunAsync("Export-KlingGallery $page -ChoicePath $choice", new { choice })).Clean();
        string taskId = Assert.Single(shell.Bill.Tasks).TaskId;

        (await shell.RunAsync("Resolve-KlingVideoTask $id -TaskId $taskId -Confirm:$false; Export-KlingGallery $page; Export-KlingGallery $other -ChoicePath $choice", new { id = task.Id, taskId })).Clean();
        ShellResult chosen = (await shell.RunAsync("Import-KlingGalleryChoice $choice")).Clean();

        Assert.Equal(taskId, KeyOf(PageOf(shell), task.Id));
        Assert.All((string[])["gallery.html", "other.html"], page => Assert.EndsWith("Rejected noted", Show(PageOf(shell, page)), StringComparison.Ordinal));
        Assert.Equal("noted", Assert.Single(chosen.Output).Properties["Note"].Value);
    }

    [Fact]
    public async Task Of_two_lines_for_one_task_under_both_its_keys_neither_counts_unless_one_is_later()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync($"{Make}; Export-KlingGallery $page", Variables(shell))).Clean();
        KlingVideoTask task = Assert.Single(await TasksAsync(shell));
        string attempt = FormattableString.Invariant($"attempt-{task.Id}-{task.CreatedAt.UtcDateTime:yyyyMMdd'T'HHmmssfff'Z'}");
        string table = Write(shell, "choice.csv", $"Key,Choice\r\n{attempt},Picked\r\n{task.TaskId},Rejected\r\n");
        string choice = Choose(shell, (attempt, "Picked", DateTimeOffset.UtcNow.AddMinutes(-2)), (task.TaskId!, "Rejected", DateTimeOffset.UtcNow.AddMinutes(-1)));

        ShellResult doubtful = await shell.RunAsync("Import-KlingGalleryChoice $table", new { table });
        ShellResult later = (await shell.RunAsync("Import-KlingGalleryChoice $choice", new { choice })).Clean();

        Assert.Empty(doubtful.Output);
        Assert.Contains("Line 2 says something else about the same video, and neither counts", Assert.Single(doubtful.Errors).ToString(), StringComparison.Ordinal);
        Assert.Equal("Rejected", Assert.Single(later.Output).Properties["Choice"].Value);
        Assert.Contains("Choice 2, which is the later one, counts", Assert.Single(later.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("-Force")]
    [InlineData("")]
    public async Task No_page_report_log_or_metrics_are_written_over_the_users_own_work(string force)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync("ConvertTo-KlingVideo $image 'It moves.' $destination -Sidecar | Out-Null", Variables(shell))).Clean();
        KlingVideoTask task = Assert.Single(await TasksAsync(shell));
        string[] kept =
        [
            task.SourcePath!,
            task.SavedPath!,
            task.SavedPath + ".json",
            Choose(shell, (task.TaskId!, "Picked", null)),
            Write(shell, "choice.csv", $"\ufeff\"Key\";\"Choice\";\"Rating\";\"Note\"\r\n\"{task.TaskId}\";\"Picked\";\"\";\"\"\r\n"),
            Write(shell, "short.csv", $"TaskId,Choice\r\n{task.TaskId},Rejected\r\n"),
            Write(shell, "told.csv", $"sep=;\r\nKey;Note\r\n{task.TaskId};hands\r\n"),
            Write(shell, "late.json", JsonSerializer.Serialize(new
            {
                choices = Enumerable.Range(0, 2000).Select(number => new { key = number == 0 ? task.TaskId : $"none-{number}", choice = "Rejected", note = new string('n', 100) }),
                format = "KlingPS gallery choice",
            })),
            shell.WriteFile("wide.csv", [.. Encoding.Unicode.GetPreamble(), .. Encoding.Unicode.GetBytes($"Key,Choice\r\n{task.TaskId},Rejected\r\n")]),
            shell.WriteFile("sound.wav", [.. "RIFF"u8, 36, 0, 0, 0, .. "WAVEfmt "u8, 16, 0, 0, 0, 1, 0, 1, 0, 0x40, 0x1F, 0, 0, 0x80, 0x3E, 0, 0, 2, 0, 16, 0, .. "data"u8, 0, 0, 0, 0]),
        ];
        foreach (string path in kept)
        {
            byte[] before = File.ReadAllBytes(path);
            foreach (string command in (string[])
                [
                    $"Export-KlingGallery $path {force}",
                    $"Export-KlingMetric $path {force}",
                    $"ConvertTo-KlingVideo $image 'It moves.' $destination -ReportPath $path {force}",
                    $"ConvertTo-KlingVideo $image 'It moves.' $destination -LogPath $path {force}",
                ])
            {
                ShellResult result = await shell.RunAsync(command, new { path });

                Assert.True(result.Terminating is not null || result.Errors.Count > 0, $"{command} for {path}");
                Assert.Equal(before, File.ReadAllBytes(path));
            }
        }
    }
}
