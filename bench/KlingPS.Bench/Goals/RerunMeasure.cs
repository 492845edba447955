using System.Diagnostics;
using KlingPS.Bench.Engine;
using KlingPS.Sandbox;

namespace KlingPS.Bench.Goals;

/// <summary>A run over a folder that is already finished, as on every night after the first.</summary>
internal static class RerunMeasure
{
    private const double MaxMiB = 150;

    /// <summary>
    /// Writes how many seconds the command took, how many videos it emitted, and the most resident memory beyond that of the shell before
    /// the module is imported, in bytes.
    /// </summary>
    /// <param name="command">Makes the videos of <c>$images</c>.</param>
    private static string ScriptOf(string command) => $$"""
        $resident = [Environment]::WorkingSet
        Import-Module $module
        $time = [Diagnostics.Stopwatch]::StartNew()
        $made = {{command}} -Prompt $prompt -Destination $videos | Measure-Object
        $seconds = $time.Elapsed.TotalSeconds
        "$seconds $($made.Count) $([Diagnostics.Process]::GetCurrentProcess().PeakWorkingSet64 - $resident)"
        """;

    /// <summary>The same for a shell that only lists the images: PowerShell keeps all files of a folder until the last of them has gone down the pipeline.</summary>
    private const string ListScript = """
        $resident = [Environment]::WorkingSet
        $time = [Diagnostics.Stopwatch]::StartNew()
        $listed = Get-ChildItem $images -File | Measure-Object
        $seconds = $time.Elapsed.TotalSeconds
        "$seconds $($listed.Count) $([Diagnostics.Process]::GetCurrentProcess().PeakWorkingSet64 - $resident)"
        """;

    public static async Task<IReadOnlyList<Figure>> RunAsync(string root)
        => [.. await RunAsync(root, images: 10_000, maxSeconds: 3), .. await RunAsync(root, images: 100_000, maxSeconds: 25)];

    private static async Task<IReadOnlyList<Figure>> RunAsync(string root, int images, double maxSeconds)
    {
        await using SandboxProcess sandbox = await SandboxProcess.StartAsync(TimeSpan.Zero, isUnlimited: true);
        var batch = new Batch(root, $"rerun-{images}", images);
        await FinishedFolder.FinishAsync(batch, sandbox);

        ClientReport engine = await batch.ConvertAsync(sandbox);
        Require(engine.Saved.Count, engine.Errors);
        long start = Stopwatch.GetTimestamp();
        double[] shell = await batch.ConvertInShellAsync(sandbox, ScriptOf("Get-ChildItem $images -File | ConvertTo-KlingVideo"));
        double all = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Require((int)shell[1], []);
        double[] pattern = await batch.ConvertInShellAsync(sandbox, ScriptOf("ConvertTo-KlingVideo $images/*.png"));
        Require((int)pattern[1], []);
        double[] list = await batch.ConvertInShellAsync(sandbox, ListScript);
        Require((int)list[1], []);
        SandboxBill bill = await sandbox.GetBillAsync();
        int requests = bill.CreatesReceived + bill.Queries + bill.Uploads + bill.Downloads;
        return
        [
            new($"{images} finished images, the engine", string.Empty, $"{engine.Seconds:0.00} s"),
            Figure.AtMost($"{images} finished images, the cmdlet", maxSeconds, shell[0], "s", yardstick: $"{list[0]:0.00} s for listing them", more: $"{all:0.0} s including the start of pwsh and the import"),
            Figure.AtMost($"{images} finished images, the cmdlet: resident memory beyond the shell's own", MaxMiB, shell[2] / 1048576, "MiB", yardstick: $"{list[2] / 1048576:0} MiB for listing them"),
            new($"{images} finished images, the cmdlet: resident memory beyond that of a shell that only lists them", string.Empty, $"{(shell[2] - list[2]) / 1048576:0} MiB"),
            Figure.AtMost($"{images} finished images, the cmdlet, by a pattern", maxSeconds, pattern[0], "s"),
            Figure.AtMost($"{images} finished images, the cmdlet, by a pattern: resident memory beyond the shell's own", MaxMiB, pattern[2] / 1048576, "MiB"),
            new($"{images} finished images, all of these: requests", "0", $"{requests}", requests == 0),
        ];

        void Require(int count, IEnumerable<string> errors)
        {
            if (count != images)
            {
                throw new InvalidOperationException($"{count} of {images} videos. {string.Join(' ', errors.Take(3))}");
            }
        }
    }
}
