using System.Diagnostics;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Ledger.Sqlite;
using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Ledger;

/// <summary>What the ledger's tests let other processes do: each is this test assembly again, asked for one explicit test.</summary>
public sealed class ChildProcess
{
    private const string LedgerVariable = "KLINGPS_TEST_LEDGER";

    /// <summary>The command that runs .NET assemblies.</summary>
    public static string Host => Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") is { Length: > 0 } path ? path : "dotnet";

    /// <summary>Starts one of the tests below on a ledger.</summary>
    /// <param name="test">The test.</param>
    /// <param name="ledger">The path of the ledger.</param>
    /// <param name="launcher">The command that starts it, with its arguments, if it is not started directly.</param>
    public static Process Start(string test, string ledger, params string[] launcher)
    {
        var start = new ProcessStartInfo(launcher.FirstOrDefault(Host)) { RedirectStandardOutput = true };
        foreach (string argument in (string[])
            [
                .. launcher.Skip(1),
                .. launcher.Length > 0 ? [Host] : Array.Empty<string>(),
                Path.Combine(AppContext.BaseDirectory, "KlingPS.Core.Tests.dll"), "-explicit", "only", "-noLogo",
                "-method", $"{typeof(ChildProcess).FullName}.{test}",
            ])
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment[LedgerVariable] = ledger;

        // A process that is killed leaves the pipes for its diagnostics behind.
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        return Process.Start(start)!;
    }

    [Fact(Explicit = true)]
    public async Task Begins_tasks_until_the_budget_is_spent()
    {
        await using SqlLedger ledger = Ledger();
        var budget = new BudgetLimit { RunId = "race", MaxCredits = 420 };
        var refusal = await Assert.ThrowsAsync<KlingException>(async () =>
        {
            while (true)
            {
                await ledger.Tasks.BeginAsync(TempLedger.Intent(budget: budget), TestContext.Current.CancellationToken);
            }
        });
        Assert.True(refusal.Kind == ErrorKind.BudgetExceeded, refusal.ToString());
    }

    [Fact(Explicit = true)]
    public async Task Begins_a_task_and_hangs()
    {
        await using SqlLedger ledger = Ledger();
        await ledger.Tasks.BeginAsync(TempLedger.Intent(), TestContext.Current.CancellationToken);
        Console.WriteLine("begun");
        await Task.Delay(Timeout.Infinite, TestContext.Current.CancellationToken);
    }

    [Fact(Explicit = true)]
    public async Task Looks_for_lost_attempts()
    {
        await using SqlLedger ledger = Ledger();
        await ledger.OpenAsync(TestContext.Current.CancellationToken);
        Assert.Empty(await ledger.Tasks.RecoverAsync(TestContext.Current.CancellationToken));
    }

    private static SqlLedger Ledger() => SqliteLedger.Create(Environment.GetEnvironmentVariable(LedgerVariable)!, TimeProvider.System);
}
