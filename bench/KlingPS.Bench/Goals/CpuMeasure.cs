using System.Globalization;
using KlingPS.Bench.Engine;

namespace KlingPS.Bench.Goals;

/// <summary>The processor time of a whole shell that makes videos, as a multiple of that of a shell that does nothing.</summary>
internal static class CpuMeasure
{
    /// <summary>
    /// The processor time of all threads of the process, from its start to the last line of the script, as the system counts it; and how many methods .NET has
    /// compiled, counting a method each time.
    /// </summary>
    private const string Cpu = """

        [string]::Format([cultureinfo]::InvariantCulture, '{0} {1}', [Diagnostics.Process]::GetCurrentProcess().TotalProcessorTime.TotalSeconds, [Runtime.JitInfo]::GetCompiledMethodCount($false))
        """;

    private const string Convert = """
        Import-Module $module
        $made = Get-ChildItem $images -File | ConvertTo-KlingVideo -Prompt $prompt -Destination $videos
        if (@($made).Count -ne [IO.Directory]::GetFiles($images).Count) { throw "Only $(@($made).Count) videos were made." }
        """;

    /// <summary>As long as one video takes: PowerShell compiles its own code again meanwhile.</summary>
    private const string Sleep = "Start-Sleep 7";

    private static readonly (int Images, int Runs, double Most)[] s_goals = [(1, 5, 1.5), (40, 3, 2.2), (200, 1, 3.3)];

    public static async Task<IReadOnlyList<Figure>> RunAsync(string root)
    {
        await using SandboxProcess sandbox = await SandboxProcess.StartAsync(TimeSpan.FromSeconds(5), isUnlimited: true);
        var figures = new List<Figure> { await MeasureSleepAsync() };
        foreach ((int images, int runs, double most) in s_goals)
        {
            var ours = new List<double>();
            var compiled = new List<double>();
            var theirs = new List<double>();
            for (int run = 0; run < runs; run++)
            {
                theirs.Add(await MeasureShellAsync(string.Empty));
                var batch = new Batch(root, $"{images}-{run}", images);
                double[] numbers = await batch.ConvertInShellAsync(sandbox, Convert + Cpu);
                ours.Add(numbers[0]);
                compiled.Add(numbers[1]);
            }

            double empty = theirs.At(0.5);
            figures.Add(Figure.AtMost(
                $"processor time of a shell that makes {images} {(images == 1 ? "video" : "videos")}, median of {runs}",
                most,
                ours.At(0.5) / empty,
                "×",
                string.Create(CultureInfo.InvariantCulture, $"{empty:0.00} s, an empty shell"),
                string.Create(CultureInfo.InvariantCulture, $"{ours.At(0.5):0.00} s, {compiled.At(0.5):0} methods compiled")));
        }

        return figures;
    }

    /// <summary>What no module can save of the time of a shell that lives as long as one video takes.</summary>
    private static async Task<Figure> MeasureSleepAsync()
    {
        const int Runs = 5;
        var empty = new List<double>();
        var asleep = new List<double>();
        for (int run = 0; run < Runs; run++)
        {
            empty.Add(await MeasureShellAsync(string.Empty));
            asleep.Add(await MeasureShellAsync(Sleep));
        }

        return new(
            $"processor time of a shell that sleeps for 7 s, median of {Runs}",
            string.Empty,
            string.Create(CultureInfo.InvariantCulture, $"{asleep.At(0.5) / empty.At(0.5):0.00} × ({asleep.At(0.5):0.00} s)"),
            Yardstick: string.Create(CultureInfo.InvariantCulture, $"{empty.At(0.5):0.00} s, an empty shell"));
    }

    private static async Task<double> MeasureShellAsync(string script) => double.Parse((await Shell.RunAsync(script + Cpu)).Split(' ')[0], CultureInfo.InvariantCulture);
}
