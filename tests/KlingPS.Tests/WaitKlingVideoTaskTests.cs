using System.Management.Automation;
using KlingPS.Core.Model;
using KlingPS.Sandbox;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

public sealed class WaitKlingVideoTaskTests
{
    [Fact]
    public async Task Tasks_come_in_the_order_of_finishing()
    {
        var clock = new ManualClock();
        await using ConnectedShell shell = await ConnectedShell.StartAsync(clock);
        shell.Fault(SandboxOperation.Generate, SandboxFaultKind.Delay, match: "slow", delay: TimeSpan.FromMinutes(1));

        using RunningScript running = shell.Shell.Start(
            """
            'slow', 'quick' | ForEach-Object { [pscustomobject]@{ Path = $image; Prompt = $_ } } | New-KlingVideoTask | Wait-KlingVideoTask -PollingInterval 0.5
            """,
            new { image = shell.Image() });
        await running.FirstOutput;
        clock.Advance(TimeSpan.FromMinutes(1));
        ShellResult result = (await running.Completion).Clean();

        Assert.Equal(["quick", "slow"], result.Of<KlingVideoTask>().Select(task => task.Prompt));
        Assert.All(result.Of<KlingVideoTask>(), task => Assert.Equal((KlingTaskState.Succeeded, 42m), (task.TaskState, task.CreditsConsumed!.Value)));
    }

    [Fact]
    public async Task When_the_time_is_over_each_unfinished_task_gives_one_error_and_can_be_taken_up_again()
    {
        var clock = new ManualClock();
        await using ConnectedShell shell = await ConnectedShell.StartAsync(clock, TimeSpan.FromMinutes(2));

        ShellResult result = await shell.RunAsync(
            "$tasks = $images | New-KlingVideoTask -Prompt 'It moves.'; $tasks | Wait-KlingVideoTask -Timeout 0",
            new { images = shell.Images("a.png", "b.png") });

        Assert.Empty(result.Output);
        Assert.Null(result.Terminating);
        Assert.Equal(2, result.Errors.Count);
        Assert.All(result.Errors, error =>
        {
            error.Is("KlingWaitTimeout", ErrorCategory.OperationTimeout);
            Assert.Contains("still paid for", error.ToString(), StringComparison.Ordinal);
        });
        Assert.Equal(
            shell.Bill.Tasks.Select(task => task.TaskId).Order(),
            result.Errors.Select(error => ((KlingVideoTask)((error.TargetObject as PSObject)?.BaseObject ?? error.TargetObject)).TaskId).Order());

        clock.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(2, (await shell.RunAsync("$tasks | Wait-KlingVideoTask -Timeout 0")).Clean().Output.Count);
    }

    [Fact]
    public async Task A_failed_task_comes_out_and_is_reported_once_in_the_whole_pipe()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        shell.Server.AddFault(new SandboxFault
        {
            Operation = SandboxOperation.Generate,
            FaultKind = SandboxFaultKind.FailTask,
            Match = "bad",
            FailCode = "501",
            FailMessage = "The picture shows nothing.",
        });

        ShellResult result = await shell.RunAsync(
            """
            $tasks = 'good', 'bad' | ForEach-Object { [pscustomobject]@{ Path = $image; Prompt = $_ } } | New-KlingVideoTask | Wait-KlingVideoTask -PollingInterval 0.1
            $tasks | Where-Object State -eq Failed
            $tasks | Save-KlingVideo -Destination $destination
            """,
            new { image = shell.Image(), destination = shell.Destination });

        var failed = Assert.IsType<KlingVideoTask>(result.Output[0].BaseObject);
        Assert.Equal(("501", "The picture shows nothing.", 0m), (failed.FailCode, failed.FailMessage, failed.CreditsConsumed!.Value));
        Assert.IsType<FileInfo>(result.Output[1].BaseObject);
        Assert.Equal(2, result.Output.Count);
        Assert.Contains("shows nothing", Assert.Single(result.Errors).Is("KlingTaskFailed", ErrorCategory.InvalidResult, failed).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_failed_task_stops_a_runbook_that_wants_to_be_stopped_after_it_has_come_out()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        shell.Fault(SandboxOperation.Generate, SandboxFaultKind.FailTask);

        ShellResult result = await shell.RunAsync(
            "New-KlingVideoTask $image 'It moves.' | Wait-KlingVideoTask -PollingInterval 0.1 -ErrorAction Stop; 'not reached'",
            new { image = shell.Image() });

        result.Terminating.Is("KlingTaskFailed", ErrorCategory.InvalidResult);
        Assert.Equal(KlingTaskState.Failed, Assert.Single(result.Of<KlingVideoTask>()).TaskState);
    }

    [Fact]
    public async Task Waiting_for_an_unknown_attempt_says_so_instead_of_waiting()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        shell.Fault(SandboxOperation.Create, SandboxFaultKind.LoseAnswerAfter);

        ShellResult result = await shell.RunAsync(
            "New-KlingVideoTask $image 'It moves.' -ErrorAction Ignore; Get-KlingVideoTask | Wait-KlingVideoTask",
            new { image = shell.Image() });

        ErrorRecord error = Assert.Single(result.Errors).Is("KlingAttemptUnknown", ErrorCategory.ConnectionError);
        KlingVideoTask task = Assert.Single(result.Of<KlingVideoTask>());
        Assert.Equal(KlingTaskState.Unknown, task.TaskState);
        Assert.Equal($"task {task.Id}", $"{error.TargetObject}");
        Assert.Equal(0, shell.Bill.Queries);
    }
}
