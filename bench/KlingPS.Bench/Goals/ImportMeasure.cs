using System.Globalization;
using KlingPS.Bench.Engine;

namespace KlingPS.Bench.Goals;

/// <summary>What importing the module costs beside an empty binary module with as many cmdlets.</summary>
internal static class ImportMeasure
{
    private const int Runs = 5;
    private const int Imports = 11;

    /// <summary>Writes how long the import took. The first Import-Module of a shell also pays for the cmdlet itself; that is nobody's.</summary>
    private const string Import = """
        Import-Module Microsoft.PowerShell.Utility
        $watch = [Diagnostics.Stopwatch]::StartNew()
        Import-Module $module
        $watch.Elapsed.TotalMilliseconds.ToString([cultureinfo]::InvariantCulture)
        """;

    public static async Task<IReadOnlyList<Figure>> RunAsync(string root)
    {
        (string empty, int cmdlets) = await EmptyModule.BuildAsync(root);
        await TimeAsync(empty);
        await TimeAsync(Shell.Module);

        var figures = new List<Figure>();
        for (int run = 1; run <= Runs; run++)
        {
            var ours = new List<double>();
            var theirs = new List<double>();
            for (int i = 0; i < Imports; i++)
            {
                // They take turns in being the first.
                if (i % 2 == 0)
                {
                    theirs.Add(await TimeAsync(empty));
                }

                ours.Add(await TimeAsync(Shell.Module));
                if (i % 2 == 1)
                {
                    theirs.Add(await TimeAsync(empty));
                }
            }

            figures.Add(Figure.AtMost(
                $"import, run {run} of {Runs}, medians of {Imports}",
                1.1,
                ours.At(0.5) / theirs.At(0.5),
                "×",
                $"{theirs.At(0.5):0.0} ms, an empty module with {cmdlets} cmdlets",
                $"{ours.At(0.5):0.0} ms"));
        }

        return figures;
    }

    private static async Task<double> TimeAsync(string module)
        => double.Parse(await Shell.RunAsync($"$module = '{module}'\n{Import}"), CultureInfo.InvariantCulture);
}
