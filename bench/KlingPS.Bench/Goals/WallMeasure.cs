using System.Diagnostics;
using System.Text.Json;
using KlingPS.Bench.Engine;
using KlingPS.Core.Api;

namespace KlingPS.Bench.Goals;

/// <summary>How long a batch takes from the first image to the last video on disk, with a server that is not the sandbox, and where the time goes.</summary>
internal static class WallMeasure
{
    private const int CreateLimit = 20;
    private static readonly TimeSpan s_window = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_generation = TimeSpan.FromSeconds(20);

    public static Task<IReadOnlyList<Figure>> RunShortAsync(string root) => RunAsync(root, images: 60, most: 41.5 / 40);

    public static Task<IReadOnlyList<Figure>> RunLongAsync(string root) => RunAsync(root, images: 200, most: 1.03);

    private static async Task<IReadOnlyList<Figure>> RunAsync(string root, int images, double most)
    {
        var batch = new Batch(root, "wall", images);
        using Process server = Programs.StartSelf(["server", "--generation", "20"]);
        var address = new Uri((await server.StandardOutput.ReadLineAsync())!);
        ClientReport report = await batch.ConvertAsync(new KlingEndpoints(address, address));
        server.StandardInput.Close();
        ServedBill bill = JsonSerializer.Deserialize<ServedBill>(await server.StandardOutput.ReadToEndAsync())!;
        await server.WaitForExitAsync();
        if (report.Errors.Count > 0 || report.Saved.Count != images || bill.Tasks.Count != images)
        {
            throw new InvalidOperationException($"{report.Saved.Count} of {images} videos saved, {bill.Tasks.Count} bought. {string.Join(' ', report.Errors.Take(3))}");
        }

        double least = (((images - 1) / CreateLimit) * s_window + s_generation).TotalSeconds;
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
            new($"{title}: requests and queries refused", "0", $"{bill.Refused} and {bill.QueriesRefused}", bill.Refused + bill.QueriesRefused == 0),
            Figure.AtMost($"{title}: queries per task", 1.5, tasks.Average(task => (double)task.Queries), string.Empty),
            new(
                $"{title}: where the time goes",
                string.Empty,
                $"first request {first:0.00} s after the first image, the last one {last - first:0.00} s later, its end 20 s later, the last end known {known - last - s_generation.TotalSeconds:0.00} s after that, "
                    + $"the last download begun {fetched - known:0.00} s later and saved {report.Seconds - fetched:0.00} s after that; lag p50 {lags.At(0.5):0.00} s, p95 {lags.At(0.95):0.00} s, max {lags.Max():0.00} s"),
        ];
    }
}
