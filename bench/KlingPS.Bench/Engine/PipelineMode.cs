using System.Globalization;
using System.Runtime.InteropServices;
using KlingPS.Torture;

namespace KlingPS.Bench.Engine;

/// <summary>The engine's figures, each beside its target.</summary>
internal static class PipelineMode
{
    private const string Batches = "batches";

    /// <summary>The measurements that need the machine to themselves, in order.</summary>
    private static readonly (string Name, Func<string, Task<IReadOnlyList<Figure>>> Run)[] s_single =
    [
        ("memory", MemoryMeasure.RunAsync),
        ("throughput", DownloadMeasure.RunThroughputAsync),
        ("cuts", DownloadMeasure.RunCutsAsync),
        ("rerun", root => RerunMeasure.RunAsync(root, images: 500, maxSeconds: 2)),
        ("rerun-large", root => RerunMeasure.RunAsync(root, images: 10_000, maxSeconds: 15)),
    ];

    /// <returns>0 when every target is met.</returns>
    public static async Task<int> RunAsync(Arguments arguments, TextWriter output)
    {
        string[] names = [.. s_single.Select(measure => measure.Name), Batches];
        string[] chosen = arguments.Find("only")?.Split(',') ?? names;
        if (chosen.Except(names).FirstOrDefault() is string unknown)
        {
            throw new FormatException($"There is no measurement '{unknown}'; the measurements are {string.Join(", ", names)}.");
        }

        string root = Directory.CreateTempSubdirectory("klingps-pipeline-").FullName;
        var figures = new List<Figure>();
        try
        {
            await output.WriteLineAsync($"{DescribeMachine()}\n\n| | target | measured | holds |\n| --- | --- | --- | --- |");

            // This one mostly waits, for three minutes, while the others are measured.
            Task<string>? learning = chosen.Contains(Batches) ? BatchMeasure.LearnAsync(root) : null;
            foreach ((string name, Func<string, Task<IReadOnlyList<Figure>>> run) in s_single.Where(measure => chosen.Contains(measure.Name)))
            {
                await AddAsync(name, () => run(root));
            }

            if (learning is not null)
            {
                string ledger = await learning;
                await AddAsync(Batches, () => BatchMeasure.RunAsync(root, ledger));
            }
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }

        return figures.TrueForAll(figure => figure.Holds != false) ? 0 : 1;

        async Task AddAsync(string name, Func<Task<IReadOnlyList<Figure>>> run)
        {
            await Console.Error.WriteLineAsync($"{DateTime.Now:HH:mm:ss} {name}, load {Load()}");
            foreach (Figure figure in await run())
            {
                figures.Add(figure);
                await output.WriteLineAsync(figure.ToRow());
            }
        }
    }

    private static string DescribeMachine() => string.Create(
        CultureInfo.InvariantCulture,
        $"{DateTime.UtcNow:yyyy-MM-dd}, {Environment.ProcessorCount} cores{Processor()}, {GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1 << 30)} GiB, {RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}, load average at the start {Load()}.");

    private static string Processor()
        => File.Exists("/proc/cpuinfo") && File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal)) is string line
            ? $" ({line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim()})"
            : string.Empty;

    /// <summary>The machine's load average of the last minute, if it reports one.</summary>
    private static string Load() => File.Exists("/proc/loadavg") ? File.ReadAllText("/proc/loadavg").Split(' ')[0] : "not known";
}
