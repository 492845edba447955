using System.Management.Automation;
using KlingPS.Core.Model;
using KlingPS.Sandbox;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

public sealed class LedgerCommandTests
{
    [Fact]
    public async Task A_new_shell_resumes_what_a_closed_one_left()
    {
        var clock = new ManualClock();
        await using ConnectedShell shell = await ConnectedShell.StartAsync(clock, generationTime: TimeSpan.FromSeconds(30));
        (await shell.RunAsync("$null = $images | New-KlingVideoTask -Prompt 'It moves.'", new { images = shell.Images("a.png", "b.png") })).Clean();
        clock.Advance(TimeSpan.FromSeconds(31));

        using var next = new HostedShell();
        ShellResult result = (await next.RunAsync(
            """
            $null = Connect-KlingAccount -ApiKey $key -Endpoint $server.Endpoint -UploadEndpoint $server.UploadEndpoint -SkipVerification
            Get-KlingVideoTask -State Waiting, Generating | Wait-KlingVideoTask -PollingInterval 0.1 | Save-KlingVideo -Destination $destination
            """,
            new { key = ConnectedShell.Secure(ConnectedShell.Key), server = shell.Server, destination = shell.Destination })).Clean();

        Assert.Equal(2, result.Output.Count);
        Assert.Equal(2, shell.Bill.CreatesAccepted);
        Assert.Empty((await shell.RunAsync("Get-KlingVideoTask -Unsaved")).Clean().Output);
    }

    [Fact]
    public async Task A_lost_task_that_is_found_at_the_service_is_settled_and_its_video_fetched()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        KlingVideoTask lost = await LoseAsync(shell);
        string found = Assert.Single(shell.Bill.Tasks).TaskId;

        ShellResult result = (await shell.RunAsync(
            "Resolve-KlingVideoTask -Id $id -TaskId $found | Wait-KlingVideoTask -PollingInterval 0.1 | Save-KlingVideo -Destination $destination",
            new { id = lost.Id, found, destination = shell.Destination })).Clean();

        Assert.Single(result.Output);
        Assert.Equal(1, shell.Bill.CreatesReceived);
        KlingVideoTask settled = Assert.Single((await shell.RunAsync("Get-KlingVideoTask")).Clean().Of<KlingVideoTask>());
        Assert.Equal((lost.Id, found, KlingTaskState.Succeeded), (settled.Id, settled.TaskId, settled.TaskState));
    }

    [Fact]
    public async Task A_task_of_another_image_or_prompt_does_not_settle_a_lost_one()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        KlingVideoTask lost = await LoseAsync(shell);
        KlingVideoTask other = Assert.Single((await shell.RunAsync("New-KlingVideoTask $image 'Another.'", new { image = shell.Image("other.png") })).Clean().Of<KlingVideoTask>());

        ShellResult result = await shell.RunAsync("Resolve-KlingVideoTask -Id $id -TaskId $other", new { id = lost.Id, other = other.TaskId });

        ErrorRecord error = Assert.Single(result.Errors).Is("KlingRequestInvalid", ErrorCategory.InvalidArgument);
        Assert.Contains("its prompt is different", error.ToString(), StringComparison.Ordinal);
        Assert.Contains("its image is different", error.ToString(), StringComparison.Ordinal);
        Assert.Equal(KlingTaskState.Unknown, Assert.Single((await shell.RunAsync("Get-KlingVideoTask -Id $id")).Clean().Of<KlingVideoTask>()).TaskState);
    }

    [Fact]
    public async Task A_lost_task_that_is_given_up_frees_its_credits_and_lets_the_image_be_bought()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        KlingVideoTask lost = await LoseAsync(shell);
        Assert.Equal(42, lost.CreditsReserved);

        KlingVideoTask abandoned = Assert.Single((await shell.RunAsync("Get-KlingVideoTask -State Unknown | Resolve-KlingVideoTask -Abandon")).Clean().Of<KlingVideoTask>());

        Assert.Equal((KlingTaskState.Abandoned, 0m), (abandoned.TaskState, abandoned.CreditsReserved));
        Assert.Single((await shell.RunAsync("New-KlingVideoTask $image 'Lost.'")).Clean().Output);
    }

    [Fact]
    public async Task A_lost_task_is_bought_again_in_its_place_when_its_owner_says_so()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        KlingVideoTask lost = await LoseAsync(shell);

        KlingVideoTask again = Assert.Single((await shell.RunAsync("Resolve-KlingVideoTask $id -Resubmit", new { id = lost.Id })).Clean().Of<KlingVideoTask>());

        Assert.Equal((KlingTaskState.Waiting, lost.Id), (again.TaskState, again.Replaces));
        Assert.Equal(2, shell.Bill.CreatesReceived);
        Assert.Equal(KlingTaskState.Abandoned, Assert.Single((await shell.RunAsync("Get-KlingVideoTask -Id $id")).Clean().Of<KlingVideoTask>()).TaskState);

        ErrorRecord over = Assert.Single((await shell.RunAsync("Resolve-KlingVideoTask $id -Abandon", new { id = lost.Id })).Errors);
        Assert.Contains($"was replaced by task {again.Id}, so there is nothing to resolve.", over.Exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Remove-KlingVideoTask")]
    [InlineData("Resolve-KlingVideoTask -Abandon")]
    public async Task A_video_that_was_looked_up_by_its_id_is_not_bought_again_for_its_image(string loss)
    {
        const string Convert = "ConvertTo-KlingVideo $image 'Lost.' $to -TailImagePath $tail -PollingInterval 0.1";
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        object values = new { image = shell.Image("lost.png"), tail = shell.Image("tail.png"), to = shell.Destination };
        if (loss.StartsWith("Resolve", StringComparison.Ordinal))
        {
            await LoseAsync(shell, shell.Image("tail.png"));
        }
        else
        {
            (await shell.RunAsync(Convert + " | ForEach-Object { [IO.File]::Delete($_.FullName) }", values)).Clean();
        }

        // The record is lost, or given up; what the account's own list shows is what is left.
        (await shell.RunAsync("Get-KlingVideoTask | " + loss)).Clean();
        string found = Assert.Single(shell.Bill.Tasks).TaskId;
        (await shell.RunAsync("Get-KlingVideoTask -TaskId $found", new { found })).Clean();

        ShellResult run = (await shell.RunAsync(Convert, values)).Clean();

        Assert.Single(run.Output);
        Assert.Single(shell.Bill.Tasks);
    }

    [Fact]
    public async Task A_lost_task_is_not_bought_again_in_its_place_if_it_was_looked_up_by_its_id()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        KlingVideoTask lost = await LoseAsync(shell);
        string found = Assert.Single(shell.Bill.Tasks).TaskId;
        (await shell.RunAsync("Get-KlingVideoTask -TaskId $found | Wait-KlingVideoTask -PollingInterval 0.1", new { found })).Clean();

        ErrorRecord error = Assert.Single((await shell.RunAsync("Resolve-KlingVideoTask $id -Resubmit", new { id = lost.Id })).Errors).Is("KlingRequestInvalid", ErrorCategory.InvalidArgument);

        Assert.Contains($"Resolve-KlingVideoTask {lost.Id} -TaskId {found}", error.ToString(), StringComparison.Ordinal);
        Assert.Single(shell.Bill.Tasks);
        Assert.Equal(found, Assert.Single((await shell.RunAsync("Resolve-KlingVideoTask $id -TaskId $found", new { id = lost.Id, found })).Clean().Of<KlingVideoTask>()).TaskId);
    }

    [Theory]
    [InlineData("-TaskId nobody-knows -Timeout 00:00:00.300", SandboxOperation.Query)]
    [InlineData("-Resubmit -Timeout 0.3", SandboxOperation.Create)]
    public async Task Resolving_a_task_ends_with_its_timeout_and_buys_nothing_after_it(string parameters, SandboxOperation operation)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        KlingVideoTask lost = await LoseAsync(shell);
        shell.Server.AddFault(new SandboxFault { Operation = operation, FaultKind = SandboxFaultKind.Code, Code = 429, RetryAfter = "500", Count = 0 });

        ShellResult result = await shell.RunAsync($"Resolve-KlingVideoTask $id {parameters}", new { id = lost.Id });

        Assert.Single(result.Errors).Is("KlingWaitTimeout", ErrorCategory.OperationTimeout);
        Assert.Empty(result.Output);
        Assert.Single(shell.Bill.Tasks);
        Assert.Equal(lost.Id, Assert.Single((await shell.RunAsync("Get-KlingVideoTask -State Unknown")).Clean().Of<KlingVideoTask>()).Id);
    }

    [Fact]
    public async Task What_was_bought_again_comes_out_although_the_credits_have_run_out_for_another_task()
    {
        var clock = new ManualClock();
        await using ConnectedShell shell = await ConnectedShell.StartAsync(clock, credits: 126);
        shell.Fault(SandboxOperation.Create, SandboxFaultKind.LoseAnswerAfter, count: 2);
        foreach (string prompt in (string[])["first", "second"])
        {
            Assert.Single((await shell.RunAsync("New-KlingVideoTask $image $prompt", new { image = shell.Image(), prompt })).Errors)
                .Is("KlingAttemptUnknown", ErrorCategory.ConnectionError);
        }

        // The second takes the last credits while the first is held up.
        shell.Fault(SandboxOperation.Create, SandboxFaultKind.Delay, match: "first", delay: TimeSpan.FromMinutes(1));
        using RunningScript running = shell.Shell.Start("Get-KlingVideoTask -State Unknown | Resolve-KlingVideoTask -Resubmit");
        await clock.WaitedForAsync();
        await Eventually.TrueAsync(() => shell.Bill.CreatesAccepted == 3);
        clock.Advance(TimeSpan.FromMinutes(1));

        ShellResult result = await running.Completion;

        result.Terminating.Is("KlingCreditsInsufficient", ErrorCategory.QuotaExceeded);
        Assert.Equal("second", Assert.Single(result.Of<KlingVideoTask>()).Prompt);
        Assert.Equal("first", Assert.Single((await shell.RunAsync("Get-KlingVideoTask -State Unknown")).Clean().Of<KlingVideoTask>()).Prompt);
    }

    [Theory]
    [InlineData("lost.png")]
    [InlineData("tail.png")]
    public async Task An_image_that_has_changed_is_not_bought_in_the_place_of_a_lost_one(string changed)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        KlingVideoTask lost = await LoseAsync(shell, shell.Image("tail.png"));
        shell.WriteFile(changed, TestImage.Png("something else"));

        ShellResult result = await shell.RunAsync("Resolve-KlingVideoTask $id -Resubmit", new { id = lost.Id });

        Assert.Contains(changed, Assert.Single(result.Errors).Is("KlingRequestInvalid", ErrorCategory.InvalidArgument).ToString(), StringComparison.Ordinal);
        Assert.Equal(1, shell.Bill.CreatesReceived);
    }

    [Fact]
    public async Task An_error_that_ends_the_settling_of_lost_tasks_does_not_count_those_that_it_has_not_come_to()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        shell.Fault(SandboxOperation.Create, SandboxFaultKind.LoseAnswerBefore, count: 6);
        await shell.RunAsync("$images | New-KlingVideoTask -Prompt 'Lost.' -ErrorAction Ignore", new { images = shell.Images([.. Enumerable.Range(0, 6).Select(i => $"{i}.png")]) });
        shell.Fault(SandboxOperation.Query, SandboxFaultKind.Code, count: 0, code: 401);

        ShellResult result = await shell.RunAsync("$lost = @(Get-KlingVideoTask -State Unknown); $lost.Count; $lost | Resolve-KlingVideoTask -TaskId abc");

        Assert.Equal(6, Assert.Single(result.Of<int>()));
        ErrorRecord error = Assert.IsType<ErrorRecord>(result.Terminating);
        Assert.Equal(ErrorCategory.AuthenticationError, error.CategoryInfo.Category);
        Assert.DoesNotContain(" left.", error.Exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("-Abandon")]
    [InlineData("-Resubmit")]
    [InlineData("-TaskId abc")]
    public async Task A_task_that_is_not_lost_has_nothing_to_settle(string how)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync($"$task = New-KlingVideoTask $image 'It moves.'; $task | Resolve-KlingVideoTask {how}", new { image = shell.Image() });

        Assert.Single(result.Errors).Is("KlingRequestInvalid", ErrorCategory.InvalidArgument);
        Assert.Equal(1, shell.Bill.CreatesReceived);
    }

    [Fact]
    public async Task A_task_that_was_accepted_is_given_up_only_after_the_service_was_asked_and_not_in_its_first_minute()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync("$task = New-KlingVideoTask $image 'It moves.'", new { image = shell.Image() })).Clean();
        int asked = shell.Bill.Queries;

        (await shell.RunAsync("$task | Resolve-KlingVideoTask -Abandon -WhatIf")).Clean();
        Assert.Equal(asked, shell.Bill.Queries);

        shell.Fault(SandboxOperation.Query, SandboxFaultKind.UnknownId);
        ErrorRecord young = Assert.Single((await shell.RunAsync("$task | Resolve-KlingVideoTask -Abandon")).Errors).Is("KlingRequestInvalid", ErrorCategory.InvalidArgument);
        Assert.Contains("was bought a moment ago", young.ToString(), StringComparison.Ordinal);

        ErrorRecord known = Assert.Single((await shell.RunAsync("$task | Resolve-KlingVideoTask -Abandon")).Errors).Is("KlingRequestInvalid", ErrorCategory.InvalidArgument);
        Assert.Contains("The service does not say that it no longer knows task", known.ToString(), StringComparison.Ordinal);
        Assert.Equal(asked + 2, shell.Bill.Queries);
    }

    [Fact]
    public async Task A_task_that_was_accepted_is_not_given_up_without_its_key_or_with_that_of_another_account()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync(otherAccounts: ["another-account-31c7"]);
        KlingVideoTask task = Assert.Single((await shell.RunAsync("New-KlingVideoTask $image 'It moves.'", new { image = shell.Image() })).Clean().Of<KlingVideoTask>());

        ShellResult keyless = await shell.RunAsync("Disconnect-KlingAccount; Resolve-KlingVideoTask $id -Abandon", new { id = task.Id });
        keyless.Terminating.Is("KlingApiKeyMissing", ErrorCategory.AuthenticationError);

        (await shell.ConnectAsync("another-account-31c7")).Clean();
        Assert.Single((await shell.RunAsync("Resolve-KlingVideoTask $id -Abandon", new { id = task.Id })).Errors).Is("KlingTaskNotFound", ErrorCategory.ObjectNotFound);

        (await shell.ConnectAsync()).Clean();
        Assert.True(Assert.Single((await shell.RunAsync("Get-KlingVideoTask -Id $id", new { id = task.Id })).Clean().Of<KlingVideoTask>()).TaskState.IsPending());
    }

    [Fact]
    public async Task A_task_in_place_of_an_image_is_an_error_that_says_how_to_get_its_video()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string image = shell.Image();

        ShellResult result = await shell.RunAsync("$task = New-KlingVideoTask $image 'It moves.'; Get-KlingVideoTask -Id $task.Id | ConvertTo-KlingVideo -Destination $destination", new { image, destination = shell.Destination });

        ErrorRecord error = Assert.Single(result.Errors).Is("KlingRequestInvalid", ErrorCategory.InvalidArgument);
        Assert.Contains("ConvertTo-KlingVideo takes images, not tasks", error.ToString(), StringComparison.Ordinal);
        Assert.Contains("| Wait-KlingVideoTask | Save-KlingVideo.", error.ErrorDetails.RecommendedAction, StringComparison.Ordinal);
        Assert.Contains($"ConvertTo-KlingVideo -LiteralPath '{image}' -Prompt 'It moves.'", error.ErrorDetails.RecommendedAction, StringComparison.Ordinal);
        Assert.Equal(1, shell.Bill.CreatesReceived);
    }

    [Fact]
    public async Task What_if_settles_and_removes_nothing()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        KlingVideoTask lost = await LoseAsync(shell);

        (await shell.RunAsync("Resolve-KlingVideoTask $id -Abandon -WhatIf; Resolve-KlingVideoTask $id -Resubmit -WhatIf", new { id = lost.Id })).Clean();

        Assert.Equal(KlingTaskState.Unknown, Assert.Single((await shell.RunAsync("Get-KlingVideoTask")).Clean().Of<KlingVideoTask>()).TaskState);
    }

    [Fact]
    public async Task Only_settled_tasks_can_be_removed()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        KlingVideoTask lost = await LoseAsync(shell);
        (await shell.RunAsync(
            "$done = New-KlingVideoTask $image 'Done.' | Wait-KlingVideoTask -PollingInterval 0.1; $running = New-KlingVideoTask $image 'Running.'",
            new { image = shell.Image() })).Clean();

        (await shell.RunAsync("$done | Save-KlingVideo -Destination $to", new { to = shell.Destination })).Clean();

        ShellResult result = await shell.RunAsync("$done, $running, $id | Remove-KlingVideoTask", new { id = lost.Id });

        Assert.Equal(2, result.Errors.Count);
        Assert.All(result.Errors, error => error.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument));
        Assert.Equal(["Lost.", "Running."], (await shell.RunAsync("Get-KlingVideoTask")).Clean().Of<KlingVideoTask>().Select(task => task.Prompt));
    }

    [Theory]
    [InlineData(KlingTaskState.Failed)]
    [InlineData(KlingTaskState.Unknown)]
    [InlineData(KlingTaskState.Generating)]
    public async Task A_task_that_had_no_video_when_it_was_listed_is_not_removed_once_it_has_one(KlingTaskState listed)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        KlingVideoTask made = Assert.Single(
            (await shell.RunAsync("New-KlingVideoTask $image 'It moves.' | Wait-KlingVideoTask -PollingInterval 0.1", new { image = shell.Image() })).Clean().Of<KlingVideoTask>());

        ShellResult result = await shell.RunAsync("$listed | Remove-KlingVideoTask", new { listed = made with { TaskState = listed } });

        ErrorRecord error = Assert.Single(result.Errors).Is("KlingRequestInvalid", ErrorCategory.InvalidArgument);
        Assert.EndsWith(
            $"was {listed} when it was read and is Succeeded now, so its record was kept. To remove it all the same: Remove-KlingVideoTask -Id {made.Id}", error.ToString(), StringComparison.Ordinal);
        Assert.Empty(result.Warnings);
        Assert.Single((await shell.RunAsync("Get-KlingVideoTask")).Clean().Output);
    }

    [Fact]
    public async Task A_task_about_which_more_is_known_since_it_was_listed_is_not_given_up()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        KlingVideoTask lost = await LoseAsync(shell);

        ShellResult result = await shell.RunAsync("$listed | Resolve-KlingVideoTask -Abandon", new { listed = lost with { FailMessage = "Its process is gone." } });

        ErrorRecord error = Assert.Single(result.Errors).Is("KlingRequestInvalid", ErrorCategory.InvalidArgument);
        Assert.Contains($"so it was not given up: {lost.FailMessage}", error.ToString(), StringComparison.Ordinal);
        Assert.Equal(
            KlingTaskState.Abandoned,
            Assert.Single((await shell.RunAsync("$listed | Resolve-KlingVideoTask -Abandon", new { listed = lost })).Clean().Of<KlingVideoTask>()).TaskState);
    }

    [Fact]
    public async Task Who_removes_the_record_of_a_video_that_was_not_saved_is_told_how_to_save_it()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync(
            "New-KlingVideoTask $image 'It moves.' | Wait-KlingVideoTask -PollingInterval 0.1 -OutVariable done | Remove-KlingVideoTask",
            new { image = shell.Image() });

        Assert.Empty(result.Errors);
        string taskId = (string)(await shell.RunAsync("$done.TaskId")).Output.Single().BaseObject;
        string command = $"Save-KlingVideo -TaskId {taskId}";
        Assert.EndsWith(command, Assert.Single(result.Warnings), StringComparison.Ordinal);
        Assert.Empty((await shell.RunAsync("Get-KlingVideoTask")).Clean().Output);

        ShellResult saved = (await shell.RunAsync($"{command} -Destination $to", new { to = shell.Destination })).Clean();
        Assert.IsType<FileInfo>(Assert.Single(saved.Output).BaseObject);
        Assert.Equal(1, shell.Bill.CreatesAccepted);
    }

    [Theory]
    [InlineData("-MaxCredits 100")]
    [InlineData("-MaxTasks 2")]
    [InlineData("-MaxTasks 5 -MaxCredits 84")]
    public async Task Nothing_is_bought_over_a_budget(string budget)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync(
            $"$images | New-KlingVideoTask -Prompt 'It moves.' {budget}",
            new { images = shell.Images("a.png", "b.png", "c.png", "d.png") });

        Assert.Equal(2, result.Output.Count);
        Assert.Equal(2, result.Errors.Count);
        Assert.All(result.Errors, error => error.Is("KlingBudgetExceeded", ErrorCategory.QuotaExceeded));
        Assert.Equal(2, shell.Bill.CreatesReceived);
    }

    [Fact]
    public async Task Tasks_are_found_by_their_image_and_by_links_that_die()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync("$null = $images | New-KlingVideoTask -Prompt 'It moves.' | Wait-KlingVideoTask -PollingInterval 0.1", new { images = shell.Images("fox one.png", "fox two.png", "owl.png") })).Clean();

        Assert.Equal(2, (await shell.RunAsync("Get-KlingVideoTask -Source 'fox*'")).Clean().Output.Count);
        Assert.Single((await shell.RunAsync("Get-KlingVideoTask -Source $path", new { path = Path.Combine(shell.Folder, "owl.png") })).Clean().Output);
        Assert.Empty((await shell.RunAsync("Get-KlingVideoTask -Source 'cat*'")).Clean().Output);
        Assert.Empty((await shell.RunAsync("Get-KlingVideoTask -Expiring")).Clean().Output);
    }

    [Fact]
    public async Task Tasks_are_found_by_the_folder_of_their_images_also_when_it_is_gone()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync("$null = $images | New-KlingVideoTask -Prompt 'It moves.'", new { images = shell.Images("a/fox.png", "a/b/owl.png", "c/cat.png") })).Clean();
        Directory.Move(Path.Combine(shell.Folder, "a"), Path.Combine(shell.Folder, "elsewhere"));

        Assert.Equal(2, (await shell.RunAsync("Get-KlingVideoTask -Source $path", new { path = Path.Combine(shell.Folder, "a") })).Clean().Output.Count);
        Assert.Single((await shell.RunAsync("Get-KlingVideoTask -Source $path", new { path = Path.Combine(shell.Folder, "a", "b") })).Clean().Output);
        Assert.Empty((await shell.RunAsync("Get-KlingVideoTask -Source $path", new { path = Path.Combine(shell.Folder, "d") })).Clean().Output);
    }

    /// <summary>Submits an image whose answer is lost after the sandbox has accepted it.</summary>
    private static async Task<KlingVideoTask> LoseAsync(ConnectedShell shell, string? tail = null)
    {
        shell.Fault(SandboxOperation.Create, SandboxFaultKind.LoseAnswerAfter, match: "Lost.");
        ShellResult result = await shell.RunAsync("New-KlingVideoTask $image 'Lost.' -TailImagePath $tail", new { image = shell.Image("lost.png"), tail = tail ?? string.Empty });
        ErrorRecord error = Assert.Single(result.Errors).Is("KlingAttemptUnknown", ErrorCategory.ConnectionError);
        Assert.Contains("lost.png", error.ToString(), StringComparison.Ordinal);
        Assert.Contains("Resolve-KlingVideoTask", error.ErrorDetails.RecommendedAction, StringComparison.Ordinal);
        return Assert.Single((await shell.RunAsync("Get-KlingVideoTask -State Unknown")).Clean().Of<KlingVideoTask>());
    }
}
