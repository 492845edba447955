using System.Diagnostics;
using System.Runtime.InteropServices;
using KlingPS.Torture;

namespace KlingPS.Bench.Goals;

/// <summary>All figures that have a goal, one after the other, in one table.</summary>
internal static class GoalsMode
{
    /// <summary>In the order in which they are measured.</summary>
    private static readonly IReadOnlyList<Measure> s_measures =
    [
        new("import", ImportMeasure.RunAsync),
        new("start", StartMeasure.RunAsync),
        new("cpu", CpuMeasure.RunAsync),
        new("memory", MemoryMeasure.RunAsync),
        new("downloads", DownloadMeasure.RunAsync),
        new("cuts", DownloadMeasure.RunCutsAsync),
        new("ledger-size", LedgerSizeMeasure.RunAsync),
        new("rerun", RerunMeasure.RunAsync),
        new("gate", GateMeasure.RunShortAsync),
        new("wall", WallMeasure.RunShortAsync),
        new("wall-200", WallMeasure.RunLongAsync),
        new("batches", BatchMeasure.RunAsync) { PrepareAsync = BatchMeasure.LearnAsync },
    ];

    /// <summary>What takes too long to be measured each time, and is only where <c>--only</c> names it.</summary>
    private static readonly IReadOnlyList<Measure> s_longMeasures = [new("gate-1000", GateMeasure.RunLongAsync), new("server-size", LedgerSizeMeasure.RunOnServerAsync)];

    /// <summary>The words that <c>--only</c> takes.</summary>
    public static string Names => string.Join(',', s_measures.Concat(s_longMeasures).Select(measure => measure.Name));

    /// <returns>0 when every goal is met.</returns>
    public static async Task<int> RunAsync(Arguments arguments, TextWriter output)
    {
        Measure[] known = [.. s_measures, .. s_longMeasures];
        string[] chosen = arguments.Find("only")?.Split(',') ?? [.. s_measures.Select(measure => measure.Name)];
        if (chosen.Except(known.Select(measure => measure.Name)).FirstOrDefault() is string unknown)
        {
            throw new FormatException($"There is no '{unknown}' to measure; there is {Names}.");
        }

        string root = Directory.CreateTempSubdirectory("klingps-goals-").FullName;
        var figures = new List<Figure>();
        long start = Stopwatch.GetTimestamp();
        try
        {
            await output.WriteLineAsync($"{DescribeMachine()}\n\n| what | goal | figure | yardstick | met | load |\n| --- | --- | --- | --- | --- | --- |");
            (Measure Measure, string Folder, Task Preparation)[] all =
            [
                .. known.Where(measure => chosen.Contains(measure.Name)).Select(measure =>
                {
                    string folder = Directory.CreateDirectory(Path.Combine(root, measure.Name)).FullName;
                    return (measure, folder, measure.PrepareAsync(folder));
                }),
            ];
            foreach ((Measure measure, string folder, Task preparation) in all)
            {
                string load = Load();
                await Console.Error.WriteLineAsync($"{DateTime.Now:HH:mm:ss} {measure.Name}, load {load}");
                foreach (Figure figure in await RunAsync(measure, folder, preparation))
                {
                    figures.Add(figure);
                    await output.WriteLineAsync(figure.ToRow(load));
                }

                Directory.Delete(folder, recursive: true);
            }
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }

        await output.WriteLineAsync($"\n{figures.Count(figure => figure.IsMet == true)} of {figures.Count(figure => figure.IsMet is not null)} goals met, in {Stopwatch.GetElapsedTime(start).TotalMinutes:0.0} min.");
        return figures.TrueForAll(figure => figure.IsMet != false) ? 0 : 1;
    }

    /// <summary>Measures one thing. Where that fails, it is a goal that is not met, and the others are measured all the same.</summary>
    private static async Task<IReadOnlyList<Figure>> RunAsync(Measure measure, string folder, Task preparation)
    {
        try
        {
            await preparation;
            return await measure.RunAsync(folder);
        }
#pragma warning disable CA1031 // Whatever it was, the table says it.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            await Console.Error.WriteLineAsync($"{exception}");
            return [new(measure.Name, "to be measured", $"failed: {exception.Message.ReplaceLineEndings(" ")}", IsMet: false)];
        }
    }

    private static string DescribeMachine()
        => $"{DateTime.UtcNow:yyyy-MM-dd}, {Environment.ProcessorCount} cores{Processor()}, {GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1 << 30)} GiB, {RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}.";

    private static string Processor()
        => File.Exists("/proc/cpuinfo") && File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal)) is string line
            ? $" ({line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim()})"
            : string.Empty;

    /// <summary>The machine's load average of the last minute, if it reports one.</summary>
    private static string Load() => File.Exists("/proc/loadavg") ? File.ReadAllText("/proc/loadavg").Split(' ')[0] : "not known";
}
