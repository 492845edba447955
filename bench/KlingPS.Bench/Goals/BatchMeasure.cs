using System.Text.RegularExpressions;
using KlingPS.Bench.Engine;
using KlingPS.Sandbox;

namespace KlingPS.Bench.Goals;

/// <summary>Whole batches at the service's own limits: how long they take, what they ask, and what they cost the client.</summary>
internal static partial class BatchMeasure
{
    private const int Images = 200;
    private const int CreateLimit = 20;
    private static readonly TimeSpan s_createWindow = TimeSpan.FromSeconds(10);

    /// <summary>What videos of the service take, and by how much they differ.</summary>
    private static readonly TimeSpan s_generation = TimeSpan.FromSeconds(152);
    private static readonly TimeSpan s_spread = TimeSpan.FromSeconds(16);

    /// <summary>Lets a small batch gain experience with generation times; what is measured meanwhile is not disturbed by it.</summary>
    public static async Task LearnAsync(string root)
    {
        var batch = new Batch(root, "learning", images: 20, LearnedLedger(root));
        await using SandboxProcess sandbox = await SandboxProcess.StartAsync(s_generation, s_spread);
        await batch.ConvertAsync(sandbox);
    }

    /// <summary>Three batches side by side, each with its own service, account and client.</summary>
    public static async Task<IReadOnlyList<Figure>> RunAsync(string root)
    {
        await using SandboxProcess warmUp = await SandboxProcess.StartAsync(TimeSpan.Zero, isUnlimited: true);
        IReadOnlyList<Figure>[] figures = await Task.WhenAll(
            RunAsync(new Batch(root, "short", Images), "20 s", TimeSpan.FromSeconds(20), default, maxQueries: null, maxLag: 3, warmUp),
            RunAsync(new Batch(root, "cold", Images), "160 s, nothing learned", s_generation, s_spread, maxQueries: 12, maxLag: 3, warmUp),
            RunAsync(new Batch(root, "learned", Images, LearnedLedger(root)), "160 s, learned", s_generation, s_spread, maxQueries: 6, maxLag: 2, warmUp));
        return [.. figures.SelectMany(figure => figure)];
    }

    private static string LearnedLedger(string root) => Path.Combine(root, "learned.db");

    private static async Task<IReadOnlyList<Figure>> RunAsync(Batch batch, string name, TimeSpan generation, TimeSpan spread, int? maxQueries, double maxLag, SandboxProcess warmUp)
    {
        await using SandboxProcess sandbox = await SandboxProcess.StartAsync(generation, spread);
        ClientReport report = await batch.ConvertAsync(sandbox, warmUp);
        SandboxBill bill = await sandbox.GetBillAsync();
        if (report.Errors.Count > 0 || report.Saved.Count != batch.Count || bill.Tasks.Count != batch.Count)
        {
            throw new InvalidOperationException($"{name}: {report.Saved.Count} of {batch.Count} videos saved, {bill.Tasks.Count} bought. {string.Join(' ', report.Errors.Take(3))}");
        }

        double cpu = report.CpuMilliseconds / batch.Count;
        double least = LeastSeconds(bill);
        double mean = bill.Tasks.Average(task => (double)task.Queries);
        double[] queries = [.. bill.Tasks.Select(task => (double)task.Queries)];
        Dictionary<string, DateTimeOffset> known = FindAnswers(bill);
        double[] lags = [.. bill.Tasks.Select(task => (known[task.TaskId] - task.CompletedAt!.Value).TotalSeconds)];
        double[] delays = [.. bill.Tasks.Select(task => (report.Saved[task.TaskId] - task.CompletedAt!.Value).TotalSeconds)];
        string title = $"{batch.Count} tasks of {name}";
        return
        [
            Figure.AtMost($"{title}: wall time over the least possible", 1.05, report.Seconds / least, "×", $"{least:0.0} s, the least possible", $"{report.Seconds:0.0} s"),
            new($"{title}: creates refused", "0", $"{bill.CreatesRefused} of {bill.CreatesReceived}", bill.CreatesRefused == 0),
            new(
                $"{title}: queries per task, mean",
                maxQueries is null ? string.Empty : $"≤ {maxQueries}",
                $"{mean:0.0} (p50 {queries.At(0.5)}, p95 {queries.At(0.95)}, max {queries.Max()}; {bill.QueriesRefused} refused)",
                maxQueries is null ? null : mean <= maxQueries),
            Figure.AtMost($"{title}: detection lag p95", maxLag, lags.At(0.95), "s", more: $"p50 {lags.At(0.5):0.00} s, max {lags.Max():0.00} s"),
            new($"{title}: from the task's end to the saved file", string.Empty, $"p50 {delays.At(0.5):0.00} s, p95 {delays.At(0.95):0.00} s"),
            Figure.AtMost($"{title}: client CPU per task", 5, cpu, "ms"),
        ];
    }

    /// <summary>What a client without any delay would need that fills every window at its very beginning, with the generation times as they were.</summary>
    private static double LeastSeconds(SandboxBill bill) => bill.Tasks
        .OrderBy(task => task.CreatedAt)
        .Select((task, index) => (index / CreateLimit * s_createWindow) + (task.CompletedAt!.Value - task.CreatedAt))
        .Max()
        .TotalSeconds;

    /// <summary>When the client asked for the first time after a task's end: then it knows.</summary>
    private static Dictionary<string, DateTimeOffset> FindAnswers(SandboxBill bill)
    {
        Dictionary<string, DateTimeOffset> ends = bill.Tasks.ToDictionary(task => task.TaskId, task => task.CompletedAt!.Value);
        return bill.Requests
            .Where(request => request is { Method: "GET", Code: 200 })
            .Select(request => (Id: TaskIdOf().Match(request.Path).Groups[1].Value, request.Time))
            .Where(query => ends.TryGetValue(query.Id, out DateTimeOffset end) && query.Time >= end)
            .GroupBy(query => query.Id)
            .ToDictionary(group => group.Key, group => group.Min(query => query.Time));
    }

    [GeneratedRegex(@"recordInfo\?taskId=([^&]+)")]
    private static partial Regex TaskIdOf();
}
