using System.Globalization;
using KlingPS.Bench.Engine;

namespace KlingPS.Bench.Goals;

/// <summary>The processor time of a whole shell that makes videos, as a multiple of that of a shell that does nothing.</summary>
internal static class CpuMeasure
{
    /// <summary>All threads of the process, from its start to the last line of the script, as the system counts them.</summary>
    private const string Cpu = "\n[Diagnostics.Process]::GetCurrentProcess().TotalProcessorTime.TotalSeconds.ToString([cultureinfo]::InvariantCulture)";

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
            var theirs = new List<double>();
            for (int run = 0; run < runs; run++)
            {
                theirs.Add(await MeasureShellAsync(string.Empty));
                var batch = new Batch(root, $"{images}-{run}", images);
                ours.Add((await batch.ConvertInShellAsync(sandbox, Convert + Cpu))[0]);
            }

            double empty = theirs.At(0.5);
            figures.Add(Figure.AtMost(
                $"processor time of a shell that makes {images} {(images == 1 ? "video" : "videos")}, median of {runs}",
                most,
                ours.At(0.5) / empty,
                "×",
                string.Create(CultureInfo.InvariantCulture, $"{empty:0.00} s, an empty shell"),
                string.Create(CultureInfo.InvariantCulture, $"{ours.At(0.5):0.00} s")));
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

    private static async Task<double> MeasureShellAsync(string script) => double.Parse(await Shell.RunAsync(script + Cpu), CultureInfo.InvariantCulture);
}
