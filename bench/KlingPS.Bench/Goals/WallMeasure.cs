using System.Diagnostics;
using System.Text.Json;
using KlingPS.Bench.Engine;
using KlingPS.Core.Api;

namespace KlingPS.Bench.Goals;

/// <summary>How long a batch takes from the first image to the last video on disk, with a server that is not the sandbox, and where the time goes.</summary>
internal static class WallMeasure
{
    private const int CreateLimit = 20;
    private const double MostOfShort = 41.5 / 40;

    private const string Convert = """
        Import-Module $module
        $watch = [Diagnostics.Stopwatch]::StartNew()
        $made = Get-ChildItem $images -File | ConvertTo-KlingVideo -Prompt $prompt -Destination $videos
        [string]::Format([cultureinfo]::InvariantCulture, '{0} {1}', $watch.Elapsed.TotalSeconds, @($made).Count)
        """;

    private static readonly TimeSpan s_window = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_generation = TimeSpan.FromSeconds(20);

    public static async Task<IReadOnlyList<Figure>> RunShortAsync(string root)
        => [.. await RunAsync(root, images: 60, MostOfShort), .. await RunInShellAsync(root, images: 60, MostOfShort)];

    public static Task<IReadOnlyList<Figure>> RunLongAsync(string root) => RunAsync(root, images: 200, most: 1.03);

    /// <summary>The same with the cmdlet, in a new shell that has imported the module: from the start of the pipeline to its end.</summary>
    private static async Task<IReadOnlyList<Figure>> RunInShellAsync(string root, int images, double most)
    {
        var batch = new Batch(root, "wall-shell", images);
        (double[] numbers, ServedBill bill) = await ServeAsync(address => batch.ConvertInShellAsync(address, Convert));
        if (numbers[1] != images || bill.Tasks.Count != images)
        {
            throw new InvalidOperationException($"{numbers[1]} of {images} videos saved, {bill.Tasks.Count} bought.");
        }

        double least = LeastFor(images);
        string title = $"{images} images of 20 s, another server, ConvertTo-KlingVideo in a shell";
        return
        [
            Figure.AtMost($"{title}: wall time over the least possible", most, numbers[0] / least, "×", $"{least:0.0} s, the least possible", $"{numbers[0]:0.00} s"),
            CountRefused(title, bill),
        ];
    }

    private static Figure CountRefused(string title, ServedBill bill)
        => new($"{title}: requests and queries refused", "0", $"{bill.Refused} and {bill.QueriesRefused}", bill.Refused + bill.QueriesRefused == 0);

    private static async Task<(T Report, ServedBill Bill)> ServeAsync<T>(Func<KlingEndpoints, Task<T>> convertAsync)
    {
        using Process server = Programs.StartSelf(["server", "--generation", "20"]);
        var address = new Uri((await server.StandardOutput.ReadLineAsync())!);
        T report = await convertAsync(new KlingEndpoints(address, address));
        server.StandardInput.Close();
        ServedBill bill = JsonSerializer.Deserialize<ServedBill>(await server.StandardOutput.ReadToEndAsync())!;
        await server.WaitForExitAsync();
        return (report, bill);
    }

    private static double LeastFor(int images) => (((images - 1) / CreateLimit) * s_window + s_generation).TotalSeconds;

    private static async Task<IReadOnlyList<Figure>> RunAsync(string root, int images, double most)
    {
        var batch = new Batch(root, "wall", images);
        (ClientReport report, ServedBill bill) = await ServeAsync(address => batch.ConvertAsync(address));
        if (report.Errors.Count > 0 || report.Saved.Count != images || bill.Tasks.Count != images)
        {
            throw new InvalidOperationException($"{report.Saved.Count} of {images} videos saved, {bill.Tasks.Count} bought. {string.Join(' ', report.Errors.Take(3))}");
        }

        double least = LeastFor(images);
        ServedTask[] tasks = [.. bill.Tasks.OrderBy(task => task.CreatedAt)];
        double Since(DateTimeOffset moment) => (moment - report.StartedAt).TotalSeconds;
        double first = Since(tasks[0].CreatedAt);
        double last = Since(tasks[^1].CreatedAt);
        double known = Since(tasks.Max(task => task.KnownAt!.Value));
        double fetched = Since(tasks.Max(task => task.FetchedAt!.Value));
        double[] lags = [.. tasks.Select(task => (task.KnownAt!.Value - task.EndsAt).TotalSeconds)];
        string title = $"{images} images of 20 s, another server";
        return
        [
            Figure.AtMost($"{title}: wall time over the least possible", most, report.Seconds / least, "×", $"{least:0.0} s, the least possible", $"{report.Seconds:0.00} s"),
            CountRefused(title, bill),
            Figure.AtMost($"{title}: queries per task", 1.5, tasks.Average(task => (double)task.Queries), string.Empty),
            new(
                $"{title}: where the time goes",
                string.Empty,
                $"first request {first:0.00} s after the first image, the last one {last - first:0.00} s later, its end 20 s later, the last end known {known - last - s_generation.TotalSeconds:0.00} s after that, "
                    + $"the last download begun {fetched - known:0.00} s later and saved {report.Seconds - fetched:0.00} s after that; lag p50 {lags.At(0.5):0.00} s, p95 {lags.At(0.95):0.00} s, max {lags.Max():0.00} s"),
        ];
    }
}
