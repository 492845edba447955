using System.Management.Automation;
using System.Text.RegularExpressions;
using KlingPS.Core.Api;
using KlingPS.Core.Model;
using KlingPS.Sandbox;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

/// <summary>What a user reads when something goes wrong: which file, and whether money was spent, once and not twice.</summary>
public sealed class ErrorTextTests
{
    [Theory]
    [InlineData(401, "KlingUnauthorized", ErrorCategory.AuthenticationError, "https://kie.ai/api-key")]
    [InlineData(402, "KlingCreditsInsufficient", ErrorCategory.QuotaExceeded, "https://kie.ai/billing")]
    [InlineData(433, "KlingKeyCapReached", ErrorCategory.QuotaExceeded, "Raise the cap")]
    [InlineData(422, "KlingRequestInvalid", ErrorCategory.InvalidArgument, "Correct what the message names")]
    [InlineData(501, "KlingTaskFailed", ErrorCategory.InvalidResult, "New-KlingVideoTask")]
    [InlineData(505, "KlingFeatureDisabled", ErrorCategory.NotEnabled, "-Model")]
    public async Task A_refused_purchase_names_the_file_says_once_that_nothing_was_bought_and_what_to_do(int code, string id, ErrorCategory category, string advice)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string image = shell.Image();
        shell.Fault(SandboxOperation.Create, SandboxFaultKind.Code, code: code);

        ShellResult result = await shell.RunAsync("New-KlingVideoTask $image -Prompt 'p'", new { image });

        ErrorRecord error = result.Terminating ?? Assert.Single(result.Errors);
        error.Is(id, category, image);
        Assert.Contains($"'{image}'", error.ToString(), StringComparison.Ordinal);
        Assert.Contains($"code {code}", error.ToString(), StringComparison.Ordinal);
        Assert.Single(Regex.Matches(error.ToString(), "Nothing was bought"));
        Assert.Contains(advice, error.ErrorDetails.RecommendedAction, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Resolve-KlingVideoTask 1", "-Abandon", "-Resubmit", "-TakenElsewhere", "-TaskId", "Nothing was changed.")]
    [InlineData("New-KlingVideoTask -Prompt p", "there is no image", "-Path", "kling/v2-5-turbo-text-to-video-pro")]
    [InlineData("Measure-KlingVideoCost", "for 'this video'", "there is no image", "-Path")]
    [InlineData("ConvertTo-KlingVideo", "-Prompt", "-PromptFromSidecar")]
    [InlineData("Test-KlingCallback -Body x", "-HmacKey", "-HmacSecretName")]
    public async Task A_command_with_a_parameter_missing_says_what_to_write(string command, params string[] expected)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync(command);

        ErrorRecord error = result.Terminating ?? Assert.Single(result.Errors);
        error.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument);
        Assert.All(expected, part => Assert.Contains(part, error.ToString(), StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_is_in_the_way_of_a_video_is_told_with_the_number_of_its_task_or_with_none()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        object variables = new { image = shell.Image(), video = shell.Destination };
        const string command = "ConvertTo-KlingVideo $image 'p' $video -Sidecar";
        string Advice(ShellResult result) => Assert.Single(result.Errors).Is("KlingDestinationUnusable", ErrorCategory.WriteError).ErrorDetails.RecommendedAction;
        string target = Path.Combine(shell.Destination, "image.mp4");

        Directory.CreateDirectory($"{target}.partial");
        string unpaid = Advice(await shell.RunAsync(command, variables));
        Directory.Delete($"{target}.partial");
        KlingVideoTask task = Assert.Single((await shell.RunAsync($"$null = {command}; Get-KlingVideoTask")).Clean().Of<KlingVideoTask>());
        File.Delete(target);
        File.Delete($"{target}.json");
        Directory.CreateDirectory($"{target}.partial");
        string paid = Advice(await shell.RunAsync(command));
        Directory.Delete($"{target}.partial");
        Directory.CreateDirectory($"{target}.json");
        string saved = Advice(await shell.RunAsync(command));

        Assert.DoesNotContain("KlingVideoTask", unpaid, StringComparison.Ordinal);
        Assert.All((string[])[paid, saved], advice => Assert.Contains($"Get-KlingVideoTask -Id {task.Id} | Save-KlingVideo -Destination", advice, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("Save-KlingVideo -Id $task.Id -Destination $destination")]
    [InlineData("Save-KlingVideo -TaskId $task.TaskId -Destination $destination")]
    [InlineData("$task.Id | Save-KlingVideo -Destination $destination")]
    public async Task A_video_that_cannot_be_saved_is_told_with_the_number_of_its_task_however_it_was_named(string command)
    {
        var clock = new ManualClock();
        await using ConnectedShell shell = await ConnectedShell.StartAsync(clock, TimeSpan.FromMinutes(2));
        var variables = new { image = shell.Image(), destination = shell.Destination };
        KlingVideoTask task = Assert.Single((await shell.RunAsync("($task = New-KlingVideoTask $image -Prompt 'p')", variables)).Clean().Of<KlingVideoTask>());

        ErrorRecord pending = Assert.Single((await shell.RunAsync(command)).Errors).Is("KlingTaskPending", ErrorCategory.ResourceBusy);
        clock.Advance(TimeSpan.FromMinutes(2));
        Directory.CreateDirectory(Path.Combine(shell.Destination, "image.mp4.partial"));
        ErrorRecord inTheWay = Assert.Single((await shell.RunAsync(command)).Errors).Is("KlingDestinationUnusable", ErrorCategory.WriteError);

        Assert.All((ErrorRecord[])[pending, inTheWay], error => Assert.Contains($"Get-KlingVideoTask -Id {task.Id} | ", error.ErrorDetails.RecommendedAction, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_video_that_was_damaged_on_disk_is_told_as_that_and_is_fetched_again_for_nothing()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        const string command = "ConvertTo-KlingVideo $image 'p' $destination";
        FileInfo video = Assert.Single((await shell.RunAsync(command, new { image = shell.Image(), destination = shell.Destination })).Clean().Of<FileInfo>());
        byte[] whole = await File.ReadAllBytesAsync(video.FullName, TestContext.Current.CancellationToken);
        await File.WriteAllBytesAsync(video.FullName, whole[..1000], TestContext.Current.CancellationToken);

        ErrorRecord error = Assert.Single((await shell.RunAsync(command)).Errors).Is("KlingFileExists", ErrorCategory.ResourceExists);
        ShellResult again = (await shell.RunAsync($"{command} -Force")).Clean();

        Assert.Contains("is not that video any more", error.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("bought with another ledger", error.ToString(), StringComparison.Ordinal);
        Assert.Equal("Downloaded", Assert.Single(again.Output).Properties["Result"].Value.ToString());
        Assert.Equal(whole, await File.ReadAllBytesAsync(video.FullName, TestContext.Current.CancellationToken));
        Assert.Equal(1, shell.Bill.CreatesAccepted);
    }

    [Theory]
    [InlineData("-MaxCredits 41", "41 credits")]
    [InlineData("-MaxTasks 0", "0 videos")]
    public async Task A_purchase_over_the_budget_names_the_file_and_the_limit(string limit, string expected)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string image = shell.Image();

        ErrorRecord error = Assert.Single((await shell.RunAsync($"New-KlingVideoTask $image -Prompt 'p' {limit}", new { image })).Errors);

        error.Is("KlingBudgetExceeded", ErrorCategory.QuotaExceeded, image);
        Assert.StartsWith($"Nothing was bought for '{image}'.", error.ToString(), StringComparison.Ordinal);
        Assert.Contains(expected, error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_lost_answer_names_the_file_the_task_and_what_may_have_been_spent()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string image = shell.Image();
        shell.Fault(SandboxOperation.Create, SandboxFaultKind.LoseAnswerAfter);

        ErrorRecord error = Assert.Single((await shell.RunAsync("New-KlingVideoTask $image -Prompt 'p'", new { image })).Errors);
        KlingVideoTask task = Assert.Single((await shell.RunAsync("Get-KlingVideoTask -State Unknown")).Clean().Of<KlingVideoTask>());

        error.Is("KlingAttemptUnknown", ErrorCategory.ConnectionError, image);
        Assert.Contains($"'{image}'", error.ToString(), StringComparison.Ordinal);
        Assert.Contains($"task {task.Id}", error.ToString(), StringComparison.Ordinal);
        Assert.Contains("42 credits may have been spent", error.ToString(), StringComparison.Ordinal);
        Assert.Contains("Resolve-KlingVideoTask", error.ErrorDetails.RecommendedAction, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wait_that_is_over_says_that_the_task_is_paid_for_and_how_to_take_it_up()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync(generationTime: TimeSpan.FromHours(1));
        string image = shell.Image();
        KlingVideoTask task = Assert.Single((await shell.RunAsync("New-KlingVideoTask $image -Prompt 'p'", new { image })).Clean().Of<KlingVideoTask>());

        ErrorRecord error = Assert.Single((await shell.RunAsync("$task | Wait-KlingVideoTask -Timeout 0", new { task })).Errors);

        Assert.Contains($"'{image}' (task {task.Id})", error.ToString(), StringComparison.Ordinal);
        Assert.Contains("still paid for", error.ToString(), StringComparison.Ordinal);
        Assert.Contains($"Get-KlingVideoTask -Id {task.Id} | Wait-KlingVideoTask", error.ErrorDetails.RecommendedAction, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("New-KlingVideoTask")]
    [InlineData("ConvertTo-KlingVideo -Destination $destination")]
    public async Task The_error_that_ends_a_batch_still_has_the_code_and_the_words_of_the_service(string command)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        // Another key of the account has spent the credits since the balance was asked for.
        shell.Fault(SandboxOperation.Create, SandboxFaultKind.Code, count: 0, code: 402);

        ShellResult result = await shell.RunAsync($"$images | {command} -Prompt 'It moves.'", new { images = shell.Images("1.png", "2.png"), destination = shell.Destination });

        KlingApiException exception = Assert.IsType<KlingApiException>(result.Terminating!.Exception is RuntimeException { InnerException: Exception inner } ? inner : result.Terminating.Exception);
        Assert.Equal(402, exception.Code);
        Assert.StartsWith("Credits insufficient", exception.ServiceMessage, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(TransportFault.Answered, exception.Fault);
    }
}
