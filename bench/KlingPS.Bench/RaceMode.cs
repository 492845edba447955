using System.Diagnostics;
using KlingPS.Sandbox;
using KlingPS.Sandbox.Hosting;
using KlingPS.Torture;

namespace KlingPS.Bench;

/// <summary>Processes that compete for one budget, and for one rate.</summary>
internal static class RaceMode
{
    private const decimal CreditsPerTask = 42;

    public static async Task<int> RunAsync(TextWriter output)
    {
        bool[] areWithinBudget = await Task.WhenAll(Enumerable.Range(1, 3).Select(seed => RaceForBudgetAsync(processes: 8, images: 20, maxCredits: 650, seed, output)));
        bool isWithinRate = await RaceForRateAsync(processes: 3, images: 40, output);
        return areWithinBudget.All(isWithin => isWithin) && isWithinRate ? 0 : 1;
    }

    /// <summary>Some responses are lost too: what may have been spent has to count.</summary>
    private static async Task<bool> RaceForBudgetAsync(int processes, int images, decimal maxCredits, int seed, TextWriter output)
    {
        await using SandboxServer server = SandboxServer.Start(new SandboxOptions { Seed = seed });
        server.AddFault(new SandboxFault { Operation = SandboxOperation.Create, FaultKind = SandboxFaultKind.LoseAnswerAfter, Probability = 0.1, Count = 0 });
        (int[] exitCodes, TimeSpan time) = await RaceAsync(server, processes, images, seed, "--run-id", "race", "--max-credits", $"{maxCredits}");
        SandboxBill bill = server.GetBill();
        decimal accepted = bill.Tasks.Sum(task => task.Credits);
        await output.WriteLineAsync(
            $"budget: {processes} processes, {processes * images} images at {CreditsPerTask} credits, at most {maxCredits}: {bill.CreatesAccepted} tasks for {accepted} credits accepted, "
            + $"{Math.Max(0, accepted - maxCredits)} over the budget; {time.TotalSeconds:0.0} s; exit codes {string.Join(' ', exitCodes)}");
        return accepted <= maxCredits && bill.CreatesAccepted > 0;
    }

    private static async Task<bool> RaceForRateAsync(int processes, int images, TextWriter output)
    {
        await using SandboxServer server = SandboxServer.Start(new SandboxOptions());
        (int[] exitCodes, TimeSpan time) = await RaceAsync(server, processes, images, seed: 0);
        SandboxBill bill = server.GetBill();
        await output.WriteLineAsync(
            $"rate: {processes} processes, {processes * images} images, the service's 20 creates in 10 s: {bill.CreatesReceived} creates received, {bill.CreatesAccepted} accepted, "
            + $"{bill.CreatesRefused} refused; {time.TotalSeconds:0.0} s; exit codes {string.Join(' ', exitCodes)}");
        return bill.CreatesRefused == 0 && bill.CreatesAccepted == processes * images;
    }

    private static async Task<(int[] ExitCodes, TimeSpan Time)> RaceAsync(SandboxServer server, int processes, int images, int seed, params string[] more)
    {
        string folder = Directory.CreateTempSubdirectory("klingps-race-").FullName;
        for (int i = 0; i < processes; i++)
        {
            ImageFolder.Fill(ImagesOf(i), images, (seed * 1000) + i);
        }

        long start = Stopwatch.GetTimestamp();
        int[] exitCodes = await Task.WhenAll(Enumerable.Range(0, processes).Select(async i =>
        {
            using var child = ChildRun.Start(server, ImagesOf(i), Path.Combine(folder, "videos"), Path.Combine(folder, "ledger.db"), ["--submit-only", .. more]);
            return (await child.EndAsync()).ExitCode;
        }));
        TimeSpan time = Stopwatch.GetElapsedTime(start);
        Directory.Delete(folder, recursive: true);
        return (exitCodes, time);

        string ImagesOf(int process) => Path.Combine(folder, $"images-{process}");
    }
}
