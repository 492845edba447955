using System.Diagnostics;
using KlingPS.Bench.Engine;
using KlingPS.Sandbox;

namespace KlingPS.Bench.Goals;

/// <summary>A run over a folder that is already finished, as on every night after the first.</summary>
internal static class RerunMeasure
{
    /// <summary>Writes how many seconds the command took and how many videos it emitted.</summary>
    private const string Script = """
        Import-Module $module
        $time = [Diagnostics.Stopwatch]::StartNew()
        $made = Get-ChildItem $images -File | ConvertTo-KlingVideo -Prompt $prompt -Destination $videos
        "$($time.Elapsed.TotalSeconds) $(@($made).Count)"
        """;

    public static async Task<IReadOnlyList<Figure>> RunAsync(string root)
        => [.. await RunAsync(root, images: 500, maxSeconds: 2), .. await RunAsync(root, images: 10_000, maxSeconds: 15)];

    private static async Task<IReadOnlyList<Figure>> RunAsync(string root, int images, double maxSeconds)
    {
        await using SandboxProcess sandbox = await SandboxProcess.StartAsync(TimeSpan.Zero, isUnlimited: true);
        var batch = new Batch(root, $"rerun-{images}", images);
        await Seeder.RunAsync(batch, sandbox, areFinished: true);
        ClientReport first = await batch.ConvertAsync(sandbox);
        Require(first.Saved.Count, first.Errors);

        // Engine and cmdlet both start with the ledger as the batch left it.
        string kept = batch.LedgerPath + ".kept";
        File.Copy(batch.LedgerPath, kept);
        SandboxBill before = await sandbox.GetBillAsync();
        var figures = new List<Figure>();
        foreach (string run in new[] { "first", "second" })
        {
            ClientReport report = await batch.ConvertAsync(sandbox);
            Require(report.Saved.Count, report.Errors);
            Add("the engine", run, report.Seconds, string.Empty);
        }

        File.Copy(kept, batch.LedgerPath, overwrite: true);
        foreach (string run in new[] { "first", "second" })
        {
            long start = Stopwatch.GetTimestamp();
            double[] shell = await batch.ConvertInShellAsync(sandbox, Script);
            double all = Stopwatch.GetElapsedTime(start).TotalSeconds;
            Require((int)shell[1], []);
            Add("the cmdlet", run, shell[0], $"{all:0.0} s including the start of pwsh and the import");
        }

        SandboxBill after = await sandbox.GetBillAsync();
        int paid = after.CreatesReceived - before.CreatesReceived;
        int requests = Requests(after) - Requests(before);
        figures.Add(new($"{images} finished images, 4 runs: requests that cost money", "0", $"{paid}; {requests} requests of any kind", paid == 0));
        return figures;

        void Add(string who, string run, double seconds, string more)
            => figures.Add(Figure.AtMost($"{images} finished images, {run} re-run, {who}", maxSeconds, seconds, "s", more: more));

        void Require(int count, IEnumerable<string> errors)
        {
            if (count != images)
            {
                throw new InvalidOperationException($"{count} of {images} videos. {string.Join(' ', errors.Take(3))}");
            }
        }
    }

    private static int Requests(SandboxBill bill) => bill.CreatesReceived + bill.Queries + bill.Uploads + bill.Downloads;
}
