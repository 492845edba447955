using System.Management.Automation;
using KlingPS.Sandbox;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

public sealed class BalanceTests
{
    private const string Credit = "/api/v1/chat/credit";
    private const string Create = "/api/v1/jobs/createTask";
    private const string Convert = "$images | ConvertTo-KlingVideo -Prompt 'It moves.' -Destination $destination";

    [Theory]
    [InlineData(Convert)]
    [InlineData("$images | New-KlingVideoTask -Prompt 'It moves.'")]
    [InlineData("New-KlingVideoTask $images 'It moves.' | Wait-KlingVideoTask")]
    public async Task A_run_that_cannot_be_paid_for_to_its_end_says_so_before_it_buys_and_goes_as_far_as_the_credits_reach(string command)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync(credits: 100);

        ShellResult result = await shell.RunAsync(command, Variables(shell, 4));

        Assert.Equal(
            "The credits do not cover this whole run: the account has 100 credits left, and 4 videos are to be bought for 168. "
                + "The run goes on as far as the credits reach; then run the same command again. Credits are added at https://kie.ai/billing.",
            Assert.Single(result.Warnings, warning => warning.Contains("do not cover", StringComparison.Ordinal)));
        string message = result.Terminating.Is("KlingCreditsInsufficient", ErrorCategory.QuotaExceeded).ToString();
        Assert.Contains("Nothing was bought for", message, StringComparison.Ordinal);
        Assert.Contains("Credits insufficient", message, StringComparison.Ordinal);
        Assert.Equal((2, 3), (shell.Bill.CreatesAccepted, shell.Bill.CreatesReceived));

        // The only request before the first purchase that has anything to do with money is the free one.
        string[] paths = [.. shell.Bill.Requests.Select(request => request.Path)];
        Assert.Equal(1, paths.Count(path => path == Credit));
        Assert.True(Array.IndexOf(paths, Credit) < Array.IndexOf(paths, Create));
    }

    [Fact]
    public async Task A_run_that_can_be_paid_for_is_not_warned_of()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync(credits: 84);

        Assert.Equal(2, (await shell.RunAsync(Convert, Variables(shell, 2))).Clean().Output.Count);
    }

    [Theory]
    [InlineData("-MaxCredits 84", 2)]
    [InlineData("-MaxTasks 1", 1)]
    public async Task What_the_limits_of_the_run_leave_out_need_not_be_paid_for(string limit, int bought)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync(credits: 100);

        ShellResult result = await shell.RunAsync($"{Convert} {limit}", Variables(shell, 4));

        Assert.Null(result.Terminating);
        Assert.Empty(result.Warnings);
        Assert.Equal(bought, result.Output.Count);
        Assert.All(result.Errors, error => error.Is("KlingBudgetExceeded", ErrorCategory.QuotaExceeded));
        Assert.Equal(4 - bought, result.Errors.Count);
    }

    [Fact]
    public async Task One_video_that_cannot_be_paid_for_is_called_one_video()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync(credits: 10);

        ShellResult result = await shell.RunAsync(Convert, Variables(shell, 1));

        Assert.Contains("the account has 10 credits left, and 1 video is to be bought for 42.", Assert.Single(result.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_limit_beyond_what_the_account_has_is_told_as_well()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync(credits: 100);

        ShellResult result = await shell.RunAsync($"{Convert} -MaxCredits 126", Variables(shell, 4));

        Assert.Contains("the account has 100 credits left, and 3 videos are to be bought for 126.", Assert.Single(result.Warnings), StringComparison.Ordinal);
        Assert.Equal(2, shell.Bill.CreatesAccepted);
    }

    [Fact]
    public async Task Credits_that_have_come_since_the_balance_was_asked_for_are_spent()
    {
        var clock = new ManualClock();
        await using ConnectedShell shell = await ConnectedShell.StartAsync(clock, credits: 50);
        shell.Fault(SandboxOperation.Create, SandboxFaultKind.Delay, delay: TimeSpan.FromMinutes(1));
        using RunningScript running = shell.Shell.Start(Convert, Variables(shell, 3));
        await Eventually.TrueAsync(() => shell.Bill.CreatesReceived == 1);
        await clock.WaitedForAsync();
        shell.Server.SetCredits(10_000);
        clock.Advance(TimeSpan.FromMinutes(1));

        ShellResult result = await running.Completion;

        Assert.Equal(3, result.Output.Count);
        Assert.Equal(3, shell.Bill.CreatesAccepted);
    }

    [Theory]
    [InlineData(Convert)]
    [InlineData("$images | New-KlingVideoTask -Prompt 'It moves.'")]
    public async Task A_limit_is_spent_on_the_first_images_of_the_input(string command)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        shell.Fault(SandboxOperation.Upload, SandboxFaultKind.Delay, match: "0.png", delay: TimeSpan.FromSeconds(1));

        ShellResult result = await shell.RunAsync($"{command} -MaxCredits 126", Variables(shell, 6));

        Assert.Equal(
            ["3.png", "4.png", "5.png"],
            result.Errors.Select(error => Path.GetFileName(error.Is("KlingBudgetExceeded", ErrorCategory.QuotaExceeded).TargetObject.ToString())).Order());
        Assert.Equal(3, result.Output.Count);
    }

    [Fact]
    public async Task Where_nothing_is_to_be_bought_the_balance_is_not_asked_for()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        object variables = Variables(shell, 2);
        (await shell.RunAsync(Convert, variables)).Clean();
        int asked = shell.Bill.Requests.Count(request => request.Path == Credit);

        (await shell.RunAsync(Convert, variables)).Clean();

        Assert.Equal((1, 1), (asked, shell.Bill.Requests.Count(request => request.Path == Credit)));
    }

    [Theory]
    [InlineData(SandboxFaultKind.Code)]
    [InlineData(SandboxFaultKind.Garbage)]
    [InlineData(SandboxFaultKind.LoseAnswerAfter)]
    public async Task A_balance_that_cannot_be_found_out_stops_nothing(SandboxFaultKind fault)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        shell.Fault(SandboxOperation.Credit, fault, count: 10, code: 500);

        ShellResult result = await shell.RunAsync($"{Convert} -Verbose", Variables(shell, 2));

        Assert.Empty(result.Errors);
        Assert.Empty(result.Warnings);
        Assert.Equal(2, result.Output.Count);
        Assert.Contains(result.Verbose, text => text.StartsWith("The balance of the account could not be found out", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Two_images_of_the_same_content_are_paid_for_once()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync(credits: 50);
        string[] images = [shell.Image("a.png"), shell.WriteFile("b.png", await File.ReadAllBytesAsync(Path.Combine(shell.Folder, "a.png"), TestContext.Current.CancellationToken))];

        Assert.Equal(2, (await shell.RunAsync(Convert, new { images, destination = shell.Destination })).Clean().Output.Count);
    }

    [Theory]
    [InlineData(Convert + " -WhatIf")]
    [InlineData("$images | New-KlingVideoTask -Prompt 'It moves.' -WhatIf")]
    [InlineData("$null = $images | Measure-KlingVideoCost")]
    public async Task What_is_only_planned_says_so_too_where_the_balance_is_known_and_asks_nothing(string command)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync(credits: 100);
        object variables = Variables(shell, 4);
        Assert.Empty((await shell.RunAsync(command, variables)).Warnings);
        Assert.Empty(shell.Bill.Requests);

        await shell.RunAsync("$null = Get-KlingAccount");
        int requests = shell.Bill.Requests.Count;

        string warning = Assert.Single((await shell.RunAsync(command, variables)).Warnings);
        Assert.StartsWith("These videos cost 168 credits, and the account had 100 left at ", warning, StringComparison.Ordinal);
        Assert.Equal(requests, shell.Bill.Requests.Count);
    }

    private static object Variables(ConnectedShell shell, int images)
        => new { images = shell.Images([.. Enumerable.Range(0, images).Select(i => $"{i}.png")]), destination = shell.Destination };
}
