using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Ledger.Sqlite;
using KlingPS.Core.Model;

namespace KlingPS.Bench;

/// <summary>What the ledger costs: in time for every purchase, at first use, and on disk.</summary>
internal static class LedgerMode
{
    internal const string Account = "0123456789abcdef";
    private const int Purchases = 500;
    internal const int Records = 100_000;
    internal const int Batch = 1000;

    public static async Task RunAsync(TextWriter output)
    {
        string folder = Directory.CreateTempSubdirectory("klingps-ledger-").FullName;
        string path = Path.Combine(folder, "ledger.db");

        long start = Stopwatch.GetTimestamp();
        var ledger = SqliteLedger.Create(path, TimeProvider.System);
        await ledger.OpenAsync(default);
        await WriteAsync($"first use, with a new file: {Since(start):0} ms");

        var intents = new List<double>();
        var responses = new List<double>();
        for (int i = 0; i < Purchases; i++)
        {
            TaskIntent intent = IntentOf(-1 - i);
            start = Stopwatch.GetTimestamp();
            KlingVideoTask task = await ledger.Tasks.BeginAsync(intent, default);
            intents.Add(Since(start));
            start = Stopwatch.GetTimestamp();
            await ledger.Tasks.RecordAcceptedAsync(task.Id, Guid.NewGuid().ToString("N"));
            responses.Add(Since(start));
        }

        await WriteAsync($"commit of an intent: p50 {At(intents, 0.5):0.00} ms, p95 {At(intents, 0.95):0.00} ms, max {intents.Max():0.0} ms");
        await WriteAsync($"commit of a response: p50 {At(responses, 0.5):0.00} ms, p95 {At(responses, 0.95):0.00} ms, max {responses.Max():0.0} ms");

        for (int first = 0; first < Records; first += Batch)
        {
            await Task.WhenAll(Enumerable.Range(first, Batch).Select(i => FinishAsync(ledger, i)));
        }

        await ledger.DisposeAsync();
        long size = new DirectoryInfo(folder).EnumerateFiles().Sum(file => file.Length);
        await WriteAsync($"on disk: {size / (double)(Records + Purchases):0} bytes per task");

        start = Stopwatch.GetTimestamp();
        await using (ledger = SqliteLedger.Create(path, TimeProvider.System))
        {
            await ledger.OpenAsync(default);
            await WriteAsync($"opening with {Records + Purchases} records: {Since(start):0} ms");
            start = Stopwatch.GetTimestamp();
            int count = (await ledger.Tasks.ListAsync(new TaskFilter(), default)).Count;
            await WriteAsync($"listing all {count}: {Since(start):0} ms");
            start = Stopwatch.GetTimestamp();
            count = (await ledger.Tasks.ListAsync(new TaskFilter { States = [KlingTaskState.Waiting, KlingTaskState.Generating] }, default)).Count;
            await WriteAsync($"listing the {count} pending: {Since(start):0} ms");
            foreach ((string what, Func<TaskSuggestions, Task> complete) in (IEnumerable<(string, Func<TaskSuggestions, Task>)>)
                [
                    ("the newest ids", found => found.ListByIdAsync(Account, null, string.Empty, 50)),
                    ("ids that begin with 7", found => found.ListByIdAsync(Account, null, "7", 50)),
                    ("unknown ids", found => found.ListByIdAsync(Account, KlingTaskState.Unknown, string.Empty, 50)),
                    ("ids of the service that begin with a", found => found.ListByTaskIdAsync(Account, "a", 50)),
                ])
            {
                var times = new List<double>();
                for (int i = 0; i < 100; i++)
                {
                    start = Stopwatch.GetTimestamp();
                    using (TaskSuggestions suggestions = await SqliteLedger.OpenReadOnlyAsync(path))
                    {
                        await complete(suggestions);
                    }

                    times.Add(Since(start));
                }

                await WriteAsync($"completing {what}: first {times[0]:0.0} ms, p50 {At(times, 0.5):0.0} ms, p95 {At(times, 0.95):0.0} ms");
            }

            var claims = new List<double>();
            for (int i = 0; i < 200; i++)
            {
                TaskIntent intent = IntentOf(Records + i) with { Budget = new BudgetLimit { RunId = "run", MaxCredits = 100_000, DailyCredits = 10_000_000 } };
                start = Stopwatch.GetTimestamp();
                await ledger.Tasks.ClaimAsync(intent, default);
                claims.Add(Since(start));
            }

            await WriteAsync($"commit of an intent with budget and daily cap at that size: p50 {At(claims, 0.5):0.00} ms, p95 {At(claims, 0.95):0.00} ms");
        }

        Directory.Delete(folder, recursive: true);

        Task WriteAsync(FormattableString line) => output.WriteLineAsync(line.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>A video from the intent to the saved file, with paths and texts of realistic length.</summary>
    internal static async Task FinishAsync(SqlLedger ledger, int number)
    {
        KlingVideoTask task = await ledger.Tasks.BeginAsync(IntentOf(number), default);
        string taskId = Guid.NewGuid().ToString("N");
        await ledger.Tasks.RecordAcceptedAsync(task.Id, taskId);
        await ledger.Tasks.RecordSnapshotAsync(Account, new TaskSnapshot
        {
            TaskId = taskId,
            State = KlingTaskState.Succeeded,
            ResultUris = [$"https://tempfile.aiquickdraw.com/k/{taskId}_1_1790000120_4821.mp4"],
            CreditsConsumed = 42,
            CreatedAt = DateTimeOffset.UtcNow.AddSeconds(-120),
        });
        await ledger.Tasks.RecordSavedAsync(task, $"/home/user/Videos/2026/shoot {number / 1000}/IMG_{number:000000}.mp4", HashOf(number));
    }

    internal static TaskIntent IntentOf(int number)
    {
        string hash = HashOf(number);
        var random = new Random(number);
        string prompt = string.Join(' ', Enumerable.Range(0, random.Next(30, 130)).Select(_ => "words" + random.Next(100)));
        var spec = new VideoSpec
        {
            Prompt = prompt,
            NegativePrompt = "blur, distort, and low quality",
            Image = MediaSource.FromFile($"/home/user/Pictures/2026/shoot {number / 1000}/IMG_{number:000000}.png") with
            {
                Hash = hash,
                Uri = $"https://tempfile.redpandaai.co/kieai/123456/klingps/{hash}.png",
            },
            Duration = 5,
            CfgScale = 0.5m,
        };
        return new TaskIntent
        {
            Account = Account,
            Spec = spec,
            Identity = spec.GetIdentity(),
            Credits = 42,
        };
    }

    /// <summary>What stands for the hash of a file.</summary>
    public static string HashOf(int number) => Convert.ToHexString(SHA256.HashData(BitConverter.GetBytes(number))).ToLowerInvariant();

    internal static double Since(long start) => Stopwatch.GetElapsedTime(start).TotalMilliseconds;

    internal static double At(List<double> times, double quantile) => times.Order().ElementAt((int)(times.Count * quantile));
}
