using System.Diagnostics;
using System.Globalization;
using KlingPS.Bench.Engine;
using KlingPS.Core.Api;

namespace KlingPS.Bench.Goals;

/// <summary>How long it takes until there is something to see, where everything has been made before.</summary>
internal static class StartMeasure
{
    private const int Runs = 11;

    private const string Line = "[Console]::Out.WriteLine('here')";

    private const string Rerun = $$"""
        Import-Module $module
        Get-ChildItem $images -File | ConvertTo-KlingVideo -Prompt $prompt -Destination $videos | ForEach-Object { {{Line}} }
        """;

    /// <summary>What PowerShell itself does of it, whatever the module.</summary>
    private const string WithoutUs = $$"""
        Import-Module $module
        Get-ChildItem $images -File | ForEach-Object { {{Line}} }
        """;

    private const string FirstUse = """
        Import-Module $module
        $null = Get-KlingModel
        $watch = [Diagnostics.Stopwatch]::StartNew()
        $null = Get-KlingVideoTask
        $watch.Elapsed.TotalMilliseconds.ToString([cultureinfo]::InvariantCulture)
        """;

    public static async Task<IReadOnlyList<Figure>> RunAsync(string root)
    {
        await using SandboxProcess sandbox = await SandboxProcess.StartAsync(TimeSpan.Zero, isUnlimited: true);
        var batch = new Batch(root, "finished", images: 1);
        await batch.ConvertAsync(sandbox);

        string script = $"$module = '{Shell.Module}'; $images = '{batch.Images}'; $videos = '{batch.Videos}'; $prompt = '{ConvertMode.Prompt}'\n{Rerun}";
        var ours = new List<double>();
        var theirs = new List<double>();
        (string emptyModule, _) = await EmptyModule.BuildAsync(root);
        string withoutUs = $"$module = '{emptyModule}'; $images = '{batch.Images}'\n{WithoutUs}";
        var without = new List<double>();
        var firstUses = new List<double>();
        for (int run = 0; run < Runs; run++)
        {
            theirs.Add(await TimeToLineAsync(Line, sandbox.Endpoints, batch.LedgerPath));
            ours.Add(await TimeToLineAsync(script, sandbox.Endpoints, batch.LedgerPath));
            without.Add(await TimeToLineAsync(withoutUs, sandbox.Endpoints, batch.LedgerPath));
            firstUses.Add((await new Batch(root, $"first-use-{run}", images: 1).ConvertInShellAsync(sandbox, FirstUse))[0]);
        }

        double empty = theirs.At(0.5);
        return
        [
            Figure.AtMost(
                $"from the start of the shell to the first video of a finished folder of one image, median of {Runs}, over the yardstick",
                250,
                ours.At(0.5) - empty,
                "ms",
                $"{empty:0} ms to the first line of a shell that does nothing else",
                $"{ours.At(0.5):0} ms"),
            new(
                "the same for an empty module with as many cmdlets, Get-ChildItem and ForEach-Object alone",
                string.Empty,
                string.Create(CultureInfo.InvariantCulture, $"{without.At(0.5) - empty:0} ms")),
            Figure.AtMost($"first Get-KlingVideoTask of a shell, with a new ledger, median of {Runs}", 60, firstUses.At(0.5), "ms"),
        ];
    }

    private static async Task<double> TimeToLineAsync(string script, KlingEndpoints endpoints, string ledger)
    {
        long start = Stopwatch.GetTimestamp();
        using Process process = Shell.Start(["-Command", script], new()
        {
            ["KLINGPS_ENDPOINT"] = endpoints.Api.AbsoluteUri,
            ["KLINGPS_UPLOAD_ENDPOINT"] = endpoints.Upload.AbsoluteUri,
            ["KLINGPS_LEDGER"] = ledger,
        });
        process.StandardInput.Close();
        string? line = await process.StandardOutput.ReadLineAsync();
        double time = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        string rest = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return line == "here" ? time : throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"Exit code {process.ExitCode}: {line}\n{rest}"));
    }
}
