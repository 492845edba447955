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
        Assert.Equal(KlingTaskState.Submitting, task.State);

        child.Kill();
        await child.WaitForExitAsync(TestContext.Current.CancellationToken);
        TaskClaim claim = await ledger.Tasks.ClaimAsync(TempLedger.Intent(), TestContext.Current.CancellationToken);

        Assert.False(claim.IsNew);
        Assert.Equal(task.Id, claim.Task.Id);
        Assert.Equal(KlingTaskState.Unknown, claim.Task.State);
    }
}
