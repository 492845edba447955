using System.ComponentModel;
using System.Diagnostics;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Ledger;

public sealed class LedgerProcessTests
{
    [Fact]
    public async Task Processes_that_race_for_a_budget_do_not_go_over_it()
    {
        await using var temp = new TempLedger();
        Process[] children = [.. Enumerable.Range(0, 3).Select(_ => ChildProcess.Start(nameof(ChildProcess.Begins_tasks_until_the_budget_is_spent), temp.Path))];
        foreach (Process child in children)
        {
            string output = await child.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            await child.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.True(child.ExitCode == 0, output);
            child.Dispose();
        }

        SqlLedger ledger = await temp.OpenAsync();
        IReadOnlyList<KlingVideoTask> tasks = await ledger.Tasks.ListAsync(new TaskFilter(), TestContext.Current.CancellationToken);
        Assert.Equal(10, tasks.Count);
        Assert.Equal(420, tasks.Sum(task => task.CreditsReserved));
        Assert.Equal(10, tasks.Select(task => task.Nonce).Distinct().Count());
    }

    /// <summary>A container has process ids of its own, and often the processes of its own only to look at.</summary>
    [Theory]
    [InlineData("--pid", "--fork", "--kill-child", "--mount-proc")]
    [InlineData("--pid", "--fork", "--kill-child")]
    public async Task An_attempt_of_another_container_is_not_unknown_while_its_response_may_come(params string[] arguments)
    {
        string[] launcher = await RequireContainersAsync(arguments);
        await using var temp = new TempLedger();
        using Process child = ChildProcess.Start(nameof(ChildProcess.Begins_a_task_and_hangs), temp.Path, launcher);
        try
        {
            while (await child.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line && !line.Contains("begun", StringComparison.Ordinal))
            {
            }

            SqlLedger ledger = await temp.OpenAsync(TimeProvider.System);
            KlingVideoTask task = Assert.Single(await ledger.Tasks.ListAsync(new TaskFilter(), TestContext.Current.CancellationToken));

            Assert.Equal(KlingTaskState.Submitting, task.TaskState);
            Assert.Equal(new TaskClaim(task, IsNew: false), await ledger.Tasks.ClaimAsync(TempLedger.Intent(), TestContext.Current.CancellationToken));
            await Assert.ThrowsAsync<KlingException>(() => ledger.Tasks.AbandonAsync(task.Id));
        }
        finally
        {
            child.Kill();
            await child.WaitForExitAsync(TestContext.Current.CancellationToken);
        }
    }

    [Theory]
    [InlineData("--pid", "--fork", "--kill-child", "--mount-proc")]
    [InlineData("--pid", "--fork", "--kill-child")]
    public async Task A_command_in_another_container_leaves_the_attempts_of_this_process_alone(params string[] arguments)
    {
        string[] launcher = await RequireContainersAsync(arguments);
        await using var temp = new TempLedger();
        SqlLedger ledger = await temp.OpenAsync(TimeProvider.System);
        KlingVideoTask task = await ledger.Tasks.BeginAsync(TempLedger.Intent(), TestContext.Current.CancellationToken);
        using Process child = ChildProcess.Start(nameof(ChildProcess.Looks_for_lost_attempts), temp.Path, launcher);
        string output = await child.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await child.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.True(child.ExitCode == 0, output);
        Assert.Equal(KlingTaskState.Submitting, (await ledger.Tasks.FindAsync(task.Id, TestContext.Current.CancellationToken))!.TaskState);
    }

    /// <summary>The command that starts a program as the first process of a container.</summary>
    private static async Task<string[]> RequireContainersAsync(string[] arguments)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux has process ids that count in a container.");
        try
        {
            using Process trial = Process.Start(new ProcessStartInfo("unshare", [.. arguments, "true"]) { RedirectStandardError = true })!;
            await trial.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.SkipUnless(trial.ExitCode == 0, "This user may not begin a process namespace.");
        }
        catch (Win32Exception)
        {
            Assert.Skip("There is no unshare here.");
        }

        return ["unshare", .. arguments];
    }

    [Fact]
    public async Task What_a_killed_process_was_submitting_is_unknown()
    {
        await using var temp = new TempLedger();
        using Process child = ChildProcess.Start(nameof(ChildProcess.Begins_a_task_and_hangs), temp.Path);
        while (await child.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line && !line.Contains("begun", StringComparison.Ordinal))
        {
        }

        SqlLedger ledger = await temp.OpenAsync();
        KlingVideoTask task = Assert.Single(await ledger.Tasks.ListAsync(new TaskFilter(), TestContext.Current.CancellationToken));
        Assert.Equal(KlingTaskState.Submitting, task.TaskState);

        child.Kill();
        await child.WaitForExitAsync(TestContext.Current.CancellationToken);
        TaskClaim claim = await ledger.Tasks.ClaimAsync(TempLedger.Intent(), TestContext.Current.CancellationToken);

        Assert.False(claim.IsNew);
        Assert.Equal(task.Id, claim.Task.Id);
        Assert.Equal(KlingTaskState.Unknown, claim.Task.TaskState);
    }
}
