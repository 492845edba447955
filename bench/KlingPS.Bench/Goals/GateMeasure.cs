using System.Diagnostics;
using KlingPS.Sandbox;
using KlingPS.Sandbox.Hosting;
using KlingPS.Torture;

namespace KlingPS.Bench.Goals;

/// <summary>Two processes that submit the same images at the same time, with one ledger: what one has bought takes none of the other's turns.</summary>
internal static class GateMeasure
{
    public static Task<IReadOnlyList<Figure>> RunShortAsync(string root) => RunAsync(root, images: 60);

    /// <summary>Takes a quarter of an hour: at the service's limit, 1,000 requests take more than eight minutes, twice.</summary>
    public static Task<IReadOnlyList<Figure>> RunLongAsync(string root) => RunAsync(root, images: 1000);

    private static async Task<IReadOnlyList<Figure>> RunAsync(string root, int images)
    {
        (TimeSpan one, _, _) = await SubmitAsync(root, "one", images, processes: 1);
        (TimeSpan two, SandboxBill bill, DateTimeOffset begun) = await SubmitAsync(root, "two", images, processes: 2);
        string title = $"the same {images} images submitted by two processes";
        return
        [
            Figure.AtMost($"{title}: time", 1.05, two / one, "×", $"{one.TotalSeconds:0.0} s, one process", $"{two.TotalSeconds:0.0} s"),
            new($"{title}: requests for videos", $"{images}", $"{bill.CreatesReceived}, {bill.CreatesRefused} refused", bill.CreatesReceived == images && bill.CreatesRefused == 0),
            new(
                $"{title}: where the time goes",
                string.Empty,
                $"first request {(bill.Tasks[0].CreatedAt - begun).TotalSeconds:0.00} s after the start, the last one {(bill.Tasks[^1].CreatedAt - bill.Tasks[0].CreatedAt).TotalSeconds:0.00} s later, "
                    + $"both processes ended {(begun + two - bill.Tasks[^1].CreatedAt).TotalSeconds:0.00} s after that"),
        ];
    }

    private static async Task<(TimeSpan Time, SandboxBill Bill, DateTimeOffset Begun)> SubmitAsync(string root, string name, int count, int processes)
    {
        string folder = Path.Combine(root, name);
        string images = Path.Combine(folder, "images");
        ImageFolder.Fill(images, count, seed: processes);
        await using SandboxServer server = SandboxServer.Start(new SandboxOptions { Credits = 1_000_000 });
        DateTimeOffset begun = DateTimeOffset.UtcNow;
        long start = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, processes).Select(async _ =>
        {
            using var child = ChildRun.Start(server, images, Path.Combine(folder, "videos"), Path.Combine(folder, "ledger.db"), ["--submit-only"]);
            (int exitCode, string errors) = await child.EndAsync();
            if (exitCode != 0)
            {
                throw new InvalidOperationException($"A process ended with the exit code {exitCode}. {errors.Split('\n')[0]}");
            }
        }));
        return (Stopwatch.GetElapsedTime(start), server.GetBill(), begun);
    }
}
