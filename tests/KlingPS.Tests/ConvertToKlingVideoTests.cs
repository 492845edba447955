using System.Management.Automation;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using KlingPS.Core.Converting;
using KlingPS.Sandbox;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

public sealed class ConvertToKlingVideoTests
{
    private const string Convert = "$images | ConvertTo-KlingVideo -Prompt 'It moves.' -Destination $destination -PollingInterval 0.1";

    [Fact]
    public async Task A_folder_of_images_becomes_a_folder_of_videos_and_the_next_run_sends_nothing()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        FileInfo[] images = new DirectoryInfo(Path.Combine(AppContext.BaseDirectory, "images")).GetFiles();
        var variables = new { images, destination = shell.Destination };

        ShellResult first = (await shell.RunAsync(Convert, variables)).Clean();

        Assert.Equal(images.Select(image => Path.ChangeExtension(image.Name, ".mp4")).Order(), first.Of<FileInfo>().Select(video => video.Name).Order());
        foreach (PSObject output in first.Output)
        {
            string taskId = (string)output.Properties["TaskId"].Value;
            Assert.Equal(taskId, SandboxVideo.TaskIdOf(((FileInfo)output.BaseObject).FullName));
            Assert.Equal(Sha256((string)output.Properties["SourcePath"].Value), shell.Bill.Tasks.Single(task => task.TaskId == taskId).ImageSha256);
        }

        Assert.Equal(["3 made, 0 reused, 0 failed, 0 unknown; 126 credits spent."], first.Information);
        int requests = shell.Bill.Requests.Count;

        ShellResult second = (await shell.RunAsync(Convert, variables)).Clean();

        Assert.Equal(first.Of<FileInfo>().Select(video => video.FullName).Order(), second.Of<FileInfo>().Select(video => video.FullName).Order());
        Assert.Equal(["0 made, 3 reused, 0 failed, 0 unknown; 0 credits spent."], second.Information);
        Assert.Equal(requests, shell.Bill.Requests.Count);
        Assert.Equal(0, shell.Bill.KeyLeaks);
    }

    [Theory]
    [InlineData("{BaseName}.mp4")]
    [InlineData("{BaseName} [1]/{BaseName}$.mp4")]
    [InlineData("all `' of them/{BaseName}.mp4")]
    public async Task Each_video_is_emitted_as_PowerShell_gives_the_file(string template)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync(
            $"{Convert} -NameTemplate $template | . {"{"} process {"{"} $_; $ExecutionContext.InvokeProvider.Item.Get(@($_.FullName), $true, $true) {"}"} {"}"}",
            new { images = shell.Images("a.png", "b [1].png", "c.png"), destination = shell.Destination, template })).Clean();

        string[] names = ["PSPath", "PSParentPath", "PSChildName", "PSDrive", "PSProvider", "Mode", "Length"];
        Assert.Equal(6, result.Output.Count);
        foreach (PSObject[] pair in result.Output.Chunk(2))
        {
            Assert.All(names, name => Assert.Equal(pair[1].Properties[name].Value, pair[0].Properties[name].Value));
            Assert.Equal(["TaskId", "SourcePath", "Result"], pair[0].Properties.Select(property => property.Name).Except(pair[1].Properties.Select(property => property.Name)));
            Assert.Empty(pair[1].Properties.Select(property => property.Name).Except(pair[0].Properties.Select(property => property.Name)));
        }
    }

    [Theory]
    [InlineData("ConvertTo-KlingVideo -Prompt 'It moves.' -Destination $destination -PollingInterval 0.1")]
    [InlineData("New-KlingVideoTask -Prompt 'It moves.' | Save-KlingVideo -Destination $destination")]
    public async Task The_list_of_videos_shows_the_mode_owner_and_size_of_each(string command)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        // The columns of PowerShell's views of files: all but the last two on Linux and macOS, those on Windows.
        ShellResult result = await shell.RunAsync(
            "function Get-Row($File) { 'UnixMode', 'User', 'Group', 'Size', 'Mode', 'LengthString' | ForEach-Object { \"$_ '$($File.$_)'\" } } "
            + $"$images | {command} | ForEach-Object {"{"} (Get-Row $_) -join ', '; (Get-Row @($ExecutionContext.InvokeProvider.Item.Get(@($_.FullName), $true, $true))[0]) -join ', ' {"}"}",
            new { images = shell.Images("a.png", "b.png", "c.png"), destination = shell.Destination });

        string[][] pairs = [.. result.Output.Select(row => row.ToString()).Chunk(2)];
        Assert.Equal(3, pairs.Length);
        Assert.All(pairs, pair => Assert.Equal(pair[1], pair[0]));
        Assert.All(pairs, pair => Assert.Equal(OperatingSystem.IsWindows(), pair[0].Contains("UnixMode ''", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task The_summary_is_an_object_with_its_numbers()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync(
            "$null = $images, 'missing.png' | ConvertTo-KlingVideo -Prompt 'It moves.' -Destination $destination -PollingInterval 0.1 -InformationVariable summary; $summary.MessageData",
            new { images = shell.Image(), destination = shell.Destination });

        ConversionSummary summary = Assert.Single(result.Of<ConversionSummary>());
        Assert.Equal((1, 0, 0, 1, 0, 42m), (summary.Made, summary.Reused, summary.Failed, summary.Refused, summary.Unknown, summary.Credits));
        Assert.Equal(("Partly", 2), (summary.Outcome, summary.ExitCode));
        Assert.Equal(["Made", "Refused"], summary.Items.Select(item => item.Result));
    }

    [Fact]
    public async Task WhatIf_tells_the_plan_and_the_total_and_sends_nothing_at_all()
    {
        var host = new RecordingHost();
        await using ConnectedShell shell = await ConnectedShell.StartAsync(host: host);
        string[] images = shell.Images("there.png", "new.png");
        var variables = new { images = images[..1], destination = shell.Destination };
        (await shell.RunAsync(Convert, variables)).Clean();
        int requests = shell.Bill.Requests.Count;

        ShellResult result = (await shell.RunAsync(
            Convert + " -Duration 5 -WhatIf",
            new { images = (string[])[.. images, shell.WriteFile("copy.png", File.ReadAllBytes(images[1]))], destination = shell.Destination })).Clean();

        Assert.Empty(result.Output);
        Assert.Equal(["Plan: buy 1 for 42 credits, wait for 1, download 0, leave 1 as they are, 0 failed. Nothing was sent."], result.Information);
        Assert.Equal(requests, shell.Bill.Requests.Count);
        string[] lines = [.. host.Screen.Lines.Where(line => line.StartsWith("What if: ", StringComparison.Ordinal))];
        Assert.Equal(3, lines.Length);
        Assert.Contains(lines, line => line.Contains("new.png", StringComparison.Ordinal) && line.Contains("42 credits", StringComparison.Ordinal));
        Assert.Single((await shell.RunAsync("Get-KlingVideoTask")).Clean().Output);
    }

    [Theory]
    [InlineData("function Start-Night { [CmdletBinding(SupportsShouldProcess)] param() $images | ConvertTo-KlingVideo -Prompt 'It moves.' -Destination $destination }; Start-Night -WhatIf")]
    [InlineData("$WhatIfPreference = 1; $images | ConvertTo-KlingVideo -Prompt 'It moves.' -Destination $destination")]
    public async Task A_plan_that_the_caller_has_asked_for_buys_nothing(string script)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync(script, new { images = shell.Images("a.png", "b.png"), destination = shell.Destination })).Clean();

        Assert.Empty(result.Output);
        Assert.Empty(shell.Bill.Requests);
        Assert.False(Directory.Exists(shell.Destination));
    }

    [Fact]
    public async Task An_attempt_that_is_bought_again_after_its_answer_was_lost_stays_the_same_take()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        shell.Fault(SandboxOperation.Create, SandboxFaultKind.LoseAnswerBefore);
        var variables = new { images = shell.Images("a.png"), destination = shell.Destination };
        Assert.Single((await shell.RunAsync(Convert + " -Take 2", variables)).Errors).Is("KlingAttemptUnknown", ErrorCategory.ConnectionError);

        (await shell.RunAsync("Get-KlingVideoTask -State Unknown | Resolve-KlingVideoTask -Resubmit")).Clean();

        Assert.Equal(["0 made, 1 reused, 0 failed, 0 unknown; 0 credits spent."], (await shell.RunAsync(Convert + " -Take 2", variables)).Clean().Information);
        Assert.Equal(1, shell.Bill.CreatesAccepted);
    }

    [Fact]
    public async Task WhatIf_makes_no_folder_and_reports_what_could_not_be_converted()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync(Convert + " -MaxTasks 1 -WhatIf", new { images = (string[])[.. shell.Images("a.png", "b.png"), shell.WriteFile("c.png", "text"u8.ToArray())], destination = shell.Destination });

        Assert.Single(result.Errors).Is("KlingImageUnsupported", ErrorCategory.InvalidData, Path.Combine(shell.Folder, "c.png"));
        Assert.Equal(["Plan: buy 1 for 42 credits, wait for 0, download 0, leave 0 as they are, leave out 1 over the limit, 1 refused, 0 failed. Nothing was sent."], result.Information);
        Assert.Empty(shell.Bill.Requests);
        Assert.False(Directory.Exists(shell.Destination));
    }

    [Fact]
    public async Task Each_purchase_is_asked_for_and_nothing_is_bought_without_a_yes()
    {
        var host = new RecordingHost();
        await using ConnectedShell shell = await ConnectedShell.StartAsync(host: host);
        string[] images = shell.Images("no.png", "yes.png");
        string copy = shell.WriteFile("no-copy.png", File.ReadAllBytes(images[0]));
        foreach (string answer in (string[])["No", "Yes", "No"])
        {
            host.Screen.Answers.Enqueue(answer);
        }

        ShellResult result = (await shell.RunAsync(Convert + " -Confirm", new { images = (string[])[.. images, copy], destination = shell.Destination })).Clean();

        Assert.Equal("yes.mp4", Assert.Single(result.Of<FileInfo>()).Name);
        Assert.Equal(1, shell.Bill.CreatesReceived);
        Assert.All(host.Screen.Questions, question => Assert.Contains("42 credits", question, StringComparison.Ordinal));

        // What costs nothing needs no answer.
        File.Delete(Path.Combine(shell.Destination, "yes.mp4"));
        Assert.Single((await shell.RunAsync(Convert + " -Confirm", new { images = images[1..], destination = shell.Destination })).Clean().Output);
    }

    [Fact]
    public async Task Rows_bring_prompt_duration_and_take()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync(
            """
            [pscustomobject]@{ Path = $image; Prompt = 'one'; Duration = '10'; Take = '' },
            [pscustomobject]@{ Path = $image; Prompt = 'one'; Duration = '10'; Take = '2' },
            [pscustomobject]@{ Path = $image; Prompt = 'two'; Duration = ''; Take = '' } |
                ConvertTo-KlingVideo -Destination $destination -NameTemplate '{BaseName}-{Index:00}-{Take}' -PollingInterval 0.1
            """,
            new { image = shell.Image("fox.png"), destination = shell.Destination })).Clean();

        Assert.Equal(["fox-01-1.mp4", "fox-02-2.mp4", "fox-03-1.mp4"], result.Of<FileInfo>().Select(video => video.Name).Order());
        Assert.Equal([("one", 10), ("one", 10), ("two", 5)], shell.Bill.Tasks.Select(task => (task.Prompt, task.Duration)).Order());
        Assert.Equal(1, shell.Bill.Uploads);
    }

    [Fact]
    public async Task Prompts_come_from_text_files_and_a_proof_says_what_was_made_from_what()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string[] images = shell.Images("own.png", "plain.png");
        shell.WriteFile("own.txt", "Füchsin springt."u8.ToArray());

        ShellResult result = (await shell.RunAsync(Convert + " -PromptFromSidecar -Sidecar", new { images, destination = shell.Destination })).Clean();

        Assert.Equal(["Füchsin springt.", "It moves."], shell.Bill.Tasks.Select(task => task.Prompt).Order(StringComparer.Ordinal));
        Assert.Equal(2, result.Output.Count);
        JsonNode proof = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(shell.Destination, "own.mp4.json")))!;
        Assert.Equal(
            (images[0], Sha256(images[0]), "Füchsin springt.", "own.mp4", Sha256(Path.Combine(shell.Destination, "own.mp4")), 42m),
            ((string)proof["source"]!["path"]!, (string)proof["source"]!["sha256"]!, (string)proof["request"]!["prompt"]!, (string)proof["video"]!["path"]!, (string)proof["video"]!["sha256"]!, (decimal)proof["credits"]!));
        Assert.Equal(SandboxVideo.TaskIdOf(Path.Combine(shell.Destination, "own.mp4")), (string?)proof["taskId"]);
    }

    [Fact]
    public async Task An_empty_prompt_file_is_told_of_once_where_the_prompt_of_the_command_is_used_in_its_place()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string[] images = shell.Images("plain.png", "empty.png", "both.png");
        string empty = shell.WriteFile("empty.png.txt", "\r\n "u8.ToArray());
        shell.WriteFile("both.png.txt", []);
        shell.WriteFile("both.txt", "Its own."u8.ToArray());

        ShellResult result = (await shell.RunAsync(Convert + " -PromptFromSidecar", new { images, destination = shell.Destination })).Clean();

        Assert.Equal(["It moves.", "It moves.", "Its own."], shell.Bill.Tasks.Select(task => task.Prompt).Order(StringComparer.Ordinal));
        Assert.StartsWith($"'{empty}' is empty, so the text of -Prompt is used for '{images[1]}'.", Assert.Single(result.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_in_the_way_of_a_proof_is_an_error_and_the_video_comes_out_even_where_errors_stop()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        var variables = new { images = shell.Images("image.png"), destination = shell.Destination };
        shell.WriteFile("videos/image.mp4.json", "notes"u8.ToArray());

        // A video that is not there yet is not even bought.
        (await shell.RunAsync(Convert + " -Sidecar -ErrorAction Stop", variables)).Terminating.Is("KlingFileExists", ErrorCategory.ResourceExists);
        Assert.Equal(0, shell.Bill.CreatesAccepted);

        (await shell.RunAsync(Convert, variables)).Clean();
        ShellResult result = await shell.RunAsync(Convert + " -Sidecar -ErrorAction Stop", variables);

        result.Terminating.Is("KlingFileExists", ErrorCategory.ResourceExists);
        Assert.Equal("image.mp4", Assert.Single(result.Of<FileInfo>()).Name);
    }

    [Theory]
    [InlineData("@() | ConvertTo-KlingVideo -Prompt 'x' -Destination $destination", "KlingPathNotFound", ErrorCategory.ObjectNotFound, null)]
    [InlineData("ConvertTo-KlingVideo \"$folder/*.gif\" 'x' $destination", "KlingPathNotFound", ErrorCategory.ObjectNotFound, "$folder/*.gif")]
    [InlineData("ConvertTo-KlingVideo \"$folder/missing.png\" 'x' $destination", "KlingPathNotFound", ErrorCategory.ObjectNotFound, "$folder/missing.png")]
    [InlineData("ConvertTo-KlingVideo $folder 'x' $destination", "KlingImageUnsupported", ErrorCategory.InvalidData, "$folder")]
    [InlineData("ConvertTo-KlingVideo \"$folder/note.txt\" 'x' $destination", "KlingImageUnsupported", ErrorCategory.InvalidData, "$folder/note.txt")]
    [InlineData("ConvertTo-KlingVideo $good '' $destination", "KlingRequestInvalid", ErrorCategory.InvalidArgument, "$folder/good.png")]
    [InlineData("ConvertTo-KlingVideo $good -PromptFromSidecar -Destination $destination", "KlingRequestInvalid", ErrorCategory.InvalidArgument, "$folder/good.png")]
    [InlineData("ConvertTo-KlingVideo \"$folder/long.png\" 'x' $destination -PromptFromSidecar", "KlingRequestInvalid", ErrorCategory.InvalidArgument, "$folder/long.png")]
    [InlineData("ConvertTo-KlingVideo $good 'x' $folder", "KlingFileExists", ErrorCategory.ResourceExists, "$folder/good.png")]
    public async Task Bad_input_is_an_error_of_its_image_and_nothing_is_sent(string script, string id, ErrorCategory category, string? target)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string good = Prepare(shell);

        ShellResult result = await shell.RunAsync(script, new { folder = shell.Folder, good, destination = shell.Destination });

        Assert.Null(result.Terminating);
        Assert.Single(result.Errors).Is(id, category, target?.Replace("$folder", shell.Folder, StringComparison.Ordinal));
        Assert.Empty(result.Output);
        Assert.Empty(shell.Bill.Requests);
    }

    [Theory]
    [InlineData("ConvertTo-KlingVideo $good -Destination $destination", "KlingRequestInvalid", ErrorCategory.InvalidArgument, null)]
    [InlineData("ConvertTo-KlingVideo $good 'x' $destination -NameTemplate '{Nope}'", "KlingRequestInvalid", ErrorCategory.InvalidArgument, "{Nope}")]
    [InlineData("ConvertTo-KlingVideo $good 'x' $destination -NameTemplate '../{BaseName}'", "KlingRequestInvalid", ErrorCategory.InvalidArgument, "../{BaseName}")]
    [InlineData("ConvertTo-KlingVideo $good 'x' $good", "KlingDestinationUnusable", ErrorCategory.WriteError, "$folder/good.png")]
    [InlineData("ConvertTo-KlingVideo $good 'x' \"$good/below\"", "KlingDestinationUnusable", ErrorCategory.WriteError, "$folder/good.png/below")]
    public async Task What_is_wrong_for_all_images_ends_the_command_before_anything_is_sent(string script, string id, ErrorCategory category, string? target)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string good = Prepare(shell);

        ShellResult result = await shell.RunAsync(script + "; 'not reached'", new { folder = shell.Folder, good, destination = shell.Destination });

        result.Terminating.Is(id, category, target?.Replace("$folder", shell.Folder, StringComparison.Ordinal));
        Assert.Empty(result.Output);
        Assert.Empty(shell.Bill.Requests);
        Assert.False(Directory.Exists(shell.Destination));
    }

    private static string Prepare(ConnectedShell shell)
    {
        shell.WriteFile("note.txt", "No image."u8.ToArray());
        shell.WriteFile("good.mp4", "My holiday."u8.ToArray());
        shell.Image("long.png");
        shell.WriteFile("long.txt", [.. Enumerable.Repeat((byte)'x', 2501)]);
        return shell.Image("good.png");
    }

    [Theory]
    [InlineData("-MaxTasks 1")]
    [InlineData("-MaxCredits 83")]
    public async Task What_goes_over_the_limit_is_reported_and_bought_by_a_later_run(string limit)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string[] images = shell.Images("a.png", "b.png", "c.png");
        var variables = new { images, destination = shell.Destination };

        ShellResult limited = await shell.RunAsync($"{Convert} {limit}", variables);

        PSObject made = Assert.Single(limited.Output);
        Assert.All(limited.Errors, error => error.Is("KlingBudgetExceeded", ErrorCategory.QuotaExceeded));
        Assert.Equal(images.Except([(string)made.Properties["SourcePath"].Value]), limited.Errors.Select(error => (string)error.TargetObject).Order());
        Assert.Equal(1, shell.Bill.CreatesReceived);
        Assert.Equal(["1 made, 0 reused, 2 over the limit, 0 failed, 0 unknown; 42 credits spent."], limited.Information);

        Assert.Equal(3, (await shell.RunAsync(Convert, variables)).Clean().Output.Count);
        Assert.All(shell.Bill.TasksPerImage.Values, tasks => Assert.Equal(1, tasks));
    }

    [Theory]
    [InlineData("Continue", 1)]
    [InlineData("Stop", 0)]
    public async Task When_two_errors_end_a_run_the_first_one_ends_the_command_and_the_other_one_is_written_before_it_unless_that_would_end_it(string action, int written)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync(generationTime: TimeSpan.FromMinutes(1));
        string[] images = shell.Images("bought.png", "new.png");
        (await shell.RunAsync("New-KlingVideoTask $images[0] 'It moves.'", new { images })).Clean();
        shell.Fault(SandboxOperation.Query, SandboxFaultKind.Code, count: 0, code: 401);
        shell.Fault(SandboxOperation.Create, SandboxFaultKind.Code, count: 0, code: 402);

        ShellResult result = await shell.RunAsync(
            $"ConvertTo-KlingVideo $images -Prompt 'It moves.' -Destination $destination -ErrorAction {action}",
            new { images, destination = shell.Destination });

        Assert.Contains("2 images have no video yet", result.Terminating!.ToString(), StringComparison.Ordinal);
        Assert.Equal(written, result.Errors.Count);
        Assert.Equal(1 + written, result.Errors.Append(result.Terminating).Select(error => error.FullyQualifiedErrorId).Distinct().Count());
    }

    [Fact]
    public async Task When_the_credits_end_half_way_what_is_paid_for_comes_out_and_then_one_error_names_the_rest()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync(credits: 100);
        string[] images = shell.Images([.. Enumerable.Range(0, 6).Select(i => $"{i}.png")]);
        var variables = new { images, destination = shell.Destination };

        ShellResult result = await shell.RunAsync(Convert + "; 'not reached'", variables);

        ErrorRecord error = result.Terminating.Is("KlingCreditsInsufficient", ErrorCategory.QuotaExceeded);
        Assert.Equal(2, result.Of<FileInfo>().Length);
        Assert.Equal(2, error.ErrorDetails.RecommendedAction.Split("-Destination").Length);
        Assert.Equal(
            images.Except(result.Output.Select(video => (string)video.Properties["SourcePath"].Value)),
            Assert.IsType<object[]>(error.TargetObject is PSObject wrapped ? wrapped.BaseObject : error.TargetObject).Cast<string>().Order());
        Assert.Empty(result.Errors);
        Assert.Equal(["2 made, 0 reused, 4 failed, 0 unknown; 84 credits spent."], result.Information);

        shell.Server.SetCredits(10_000);
        ShellResult second = (await shell.RunAsync(Convert, variables)).Clean();
        Assert.Equal(6, second.Output.Count);
        Assert.Equal(["4 made, 2 reused, 0 failed, 0 unknown; 168 credits spent."], second.Information);
        Assert.All(shell.Bill.TasksPerImage.Values, tasks => Assert.Equal(1, tasks));
    }

    [Fact]
    public async Task When_two_things_end_the_batch_both_are_told()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync(credits: 60);
        shell.Server.AddFault(new SandboxFault { Operation = SandboxOperation.Query, FaultKind = SandboxFaultKind.Code, Code = 401, Count = 100 });

        ShellResult result = await shell.RunAsync(Convert, new { images = shell.Images("1.png", "2.png", "3.png"), destination = shell.Destination });

        string[] told = [result.Terminating!.FullyQualifiedErrorId, .. result.Errors.Select(error => error.FullyQualifiedErrorId)];
        Assert.Equal(["KlingCreditsInsufficient", "KlingUnauthorized"], told.Select(id => id.Split(',')[0]).Order());
        Assert.Contains("3 images have no video yet", result.Terminating.Exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_lost_answer_is_told_and_the_video_is_never_bought_again_by_itself()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string[] images = shell.Images("lost.png", "fine.png");
        shell.Fault(SandboxOperation.Create, SandboxFaultKind.LoseAnswerAfter, match: "lost");
        const string Script = "0..1 | ForEach-Object { [pscustomobject]@{ Path = $images[$_]; Prompt = ('lost', 'fine')[$_] } } | ConvertTo-KlingVideo -Destination $destination -PollingInterval 0.1";

        ShellResult first = await shell.RunAsync(Script, new { images, destination = shell.Destination });

        Assert.Single(first.Errors).Is("KlingAttemptUnknown", ErrorCategory.ConnectionError, images[0]);
        Assert.Equal("fine.mp4", Assert.Single(first.Of<FileInfo>()).Name);
        Assert.Equal(["1 made, 0 reused, 0 failed, 1 unknown; 42 credits spent."], first.Information);

        ShellResult forced = await shell.RunAsync(Script + " -Force");
        Assert.Single(forced.Errors).Is("KlingAttemptUnknown", ErrorCategory.ConnectionError, images[0]);
        Assert.Equal(2, shell.Bill.CreatesAccepted);

        (await shell.RunAsync("Get-KlingVideoTask -State Unknown | Resolve-KlingVideoTask -TaskId $taskId", new { taskId = shell.Bill.Tasks.Single(task => task.Prompt == "lost").TaskId })).Clean();
        Assert.Equal(2, (await shell.RunAsync(Script)).Clean().Output.Count);
        Assert.Equal(2, shell.Bill.CreatesAccepted);
    }

    [Theory]
    [InlineData("-RetryFailed")]
    [InlineData("-Force")]
    public async Task A_task_that_has_failed_is_bought_again_only_when_that_is_asked_for(string retry)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        shell.Fault(SandboxOperation.Generate, SandboxFaultKind.FailTask);
        var variables = new { images = shell.Image(), destination = shell.Destination };

        Assert.Single((await shell.RunAsync(Convert, variables)).Errors).Is("KlingTaskFailed", ErrorCategory.InvalidResult, variables.images);
        Assert.Single((await shell.RunAsync(Convert, variables)).Errors).Is("KlingTaskFailed", ErrorCategory.InvalidResult, variables.images);
        Assert.Equal(1, shell.Bill.CreatesReceived);

        Assert.Single((await shell.RunAsync($"{Convert} {retry}", variables)).Clean().Output);
        Assert.Equal(2, shell.Bill.CreatesReceived);
    }

    [Fact]
    public async Task An_image_whose_upload_hangs_holds_up_no_other()
    {
        var clock = new ManualClock();
        await using ConnectedShell shell = await ConnectedShell.StartAsync(clock);
        string[] images = shell.Images("slow.png", "a.png", "b.png");
        shell.Fault(SandboxOperation.Upload, SandboxFaultKind.Delay, match: Sha256(images[0]), delay: TimeSpan.FromMinutes(1));
        using RunningScript running = shell.Shell.Start(Convert, new { images, destination = shell.Destination });

        await Eventually.TrueAsync(() => Directory.Exists(shell.Destination) && Directory.GetFiles(shell.Destination, "*.mp4").Length == 2);
        Assert.Equal(2, shell.Bill.CreatesReceived);

        await Eventually.TrueAsync(() =>
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            return running.Completion.IsCompleted;
        });
        Assert.Equal(3, (await running.Completion).Clean().Output.Count);
    }

    [Fact]
    public async Task ErrorAction_Stop_ends_the_command_and_the_next_run_goes_on()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string[] images = shell.Images("good.png", "wrong.png");
        shell.Fault(SandboxOperation.Create, SandboxFaultKind.Code, match: "wrong", code: 422);
        const string Script = "'good', 'wrong' | ForEach-Object { [pscustomobject]@{ Path = \"$folder/$_.png\"; Prompt = $_ } } | ConvertTo-KlingVideo -Destination $destination -PollingInterval 0.1";

        ShellResult stopped = await shell.RunAsync(Script + " -ErrorAction Stop", new { folder = shell.Folder, destination = shell.Destination });

        Assert.Equal("KlingRequestInvalid", stopped.Terminating?.FullyQualifiedErrorId.Split(',')[0]);
        Assert.Equal(2, (await shell.RunAsync(Script)).Clean().Output.Count);
        Assert.All(shell.Bill.TasksPerImage.Values, tasks => Assert.Equal(1, tasks));
        Assert.Equal(images.Length, shell.Bill.CreatesAccepted);
    }

    [Fact]
    public async Task A_throw_further_down_loses_nothing()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        var variables = new { images = shell.Images("a.png", "b.png", "c.png"), destination = shell.Destination };

        ShellResult result = await shell.RunAsync(Convert + " | ForEach-Object { throw 'enough' }", variables);

        Assert.Equal("enough", result.Terminating?.FullyQualifiedErrorId);
        Assert.Equal(3, (await shell.RunAsync(Convert, variables)).Clean().Output.Count);
        Assert.All(shell.Bill.TasksPerImage.Values, tasks => Assert.Equal(1, tasks));
    }

    [Fact]
    public async Task A_task_that_outlasts_the_timeout_is_told_and_taken_up_by_the_next_run()
    {
        var clock = new ManualClock();
        await using ConnectedShell shell = await ConnectedShell.StartAsync(clock, TimeSpan.FromMinutes(2));
        var variables = new { images = shell.Image(), destination = shell.Destination };

        ShellResult result = await shell.RunAsync(Convert + " -Timeout 0", variables);

        Assert.Single(result.Errors).Is("KlingWaitTimeout", ErrorCategory.OperationTimeout, variables.images);
        clock.Advance(TimeSpan.FromMinutes(2));
        Assert.Single((await shell.RunAsync(Convert, variables)).Clean().Output);
        Assert.Equal(1, shell.Bill.CreatesReceived);
    }

    private static string Sha256(string path) => System.Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)));
}
