using KlingPS.Bench.Engine;

namespace KlingPS.Bench.Goals;

/// <summary>What it takes to keep ten thousand tasks in flight, and whether five times as many are taken up as quickly.</summary>
internal static class MemoryMeasure
{
    private const int Tasks = 10_000;
    private const int ManyTasks = 50_000;
    private const double MaxMiB = 120;

    /// <summary>Far fewer than tasks: those of the pool, of the runtime and of the shell.</summary>
    private const int MaxThreads = 64;
    private static readonly TimeSpan s_hold = TimeSpan.FromSeconds(20);

    /// <summary>
    /// Runs the command in another runspace, while the script measures the memory. The shell's own memory is that with both
    /// runspaces, before the module is imported. Writes the growth of the resident memory and of the heap, in bytes, whether the
    /// command has ended, and the most threads.
    /// </summary>
    /// <param name="command">Makes the videos of <c>$images</c>.</param>
    private static string ScriptOf(string command) => $$"""
        $shell = [powershell]::Create()
        $null = $shell.AddScript('Get-Item .').Invoke()
        $shell.Commands.Clear()
        $resident = [Environment]::WorkingSet
        $heap = [GC]::GetTotalMemory($false)
        $mostResident = $mostHeap = $mostThreads = 0
        $null = $shell.AddScript({
            param($module, $images, $videos, $prompt)
            Import-Module $module
            {{command}} -Prompt $prompt -Destination $videos
        }).AddParameters(@($module, $images, $videos, $prompt))
        $run = $shell.BeginInvoke()
        $time = [Diagnostics.Stopwatch]::StartNew()
        while ($time.Elapsed.TotalSeconds -lt $hold -and -not $run.IsCompleted) {
            $mostResident = [Math]::Max($mostResident, [Environment]::WorkingSet)
            $mostHeap = [Math]::Max($mostHeap, [GC]::GetTotalMemory($false))
            $mostThreads = [Math]::Max($mostThreads, [Diagnostics.Process]::GetCurrentProcess().Threads.Count)
            Start-Sleep -Milliseconds 100
        }
        $completed = [int]$run.IsCompleted
        $shell.Stop()
        "$($mostResident - $resident) $($mostHeap - $heap) $completed $mostThreads"
        """;

    public static async Task<IReadOnlyList<Figure>> RunAsync(string root)
    {
        await using SandboxProcess sandbox = await SandboxProcess.StartAsync(TimeSpan.FromHours(1), isUnlimited: true);
        var batch = new Batch(root, "memory", Tasks);
        await Seeder.RunAsync(batch, sandbox, areFinished: false);

        ClientReport core = await batch.ConvertAsync(sandbox, hold: s_hold);
        double[] shell = await batch.ConvertInShellAsync(sandbox, ScriptOf("Get-ChildItem $images -File | ConvertTo-KlingVideo"), 2 * s_hold);
        double shellMiB = shell[0] / 1048576;
        double[] pattern = await batch.ConvertInShellAsync(sandbox, ScriptOf("ConvertTo-KlingVideo $images/*.png"), 2 * s_hold);
        double patternMiB = pattern[0] / 1048576;

        var many = new Batch(root, "many", ManyTasks);
        await Seeder.RunAsync(many, sandbox, areFinished: false);
        ClientReport manyInFlight = await many.ConvertAsync(sandbox, hold: s_hold);
        double rate = core.InFlight / core.SecondsToFlight!.Value;
        double manyRate = manyInFlight.InFlight / manyInFlight.SecondsToFlight!.Value;
        return
        [
            new($"{core.InFlight} tasks in flight in the engine: resident memory beyond the process's own", string.Empty, $"{core.Resident.MiB:0} MiB"),
            new($"{core.InFlight} tasks in flight in the engine: managed heap, likewise", string.Empty, $"{core.Heap.MiB:0} MiB, garbage included"),
            new($"{Tasks} tasks in flight in the cmdlet: resident memory beyond the shell's own", $"≤ {MaxMiB} MiB", $"{shellMiB:0} MiB", shellMiB <= MaxMiB && shell[2] == 0),
            new($"{Tasks} tasks in flight in the cmdlet: managed heap, likewise", string.Empty, $"{shell[1] / 1048576:0} MiB, garbage included"),
            new($"{Tasks} tasks in flight in the cmdlet, by a pattern: resident memory beyond the shell's own", $"≤ {MaxMiB} MiB", $"{patternMiB:0} MiB", patternMiB <= MaxMiB && pattern[2] == 0),
            new($"{Tasks} tasks in flight in the cmdlet: threads", $"≤ {MaxThreads}", $"{shell[3]:0}", shell[3] <= MaxThreads),
            Figure.AtLeast($"{manyInFlight.InFlight} tasks taken up in a second in the engine, over those where there are {Tasks}", 1, manyRate / rate, "×", yardstick: $"{rate:0} a second", more: $"{manyRate:0} a second"),
            new($"{manyInFlight.InFlight} tasks in flight in the engine: resident memory beyond the process's own", string.Empty, $"{manyInFlight.Resident.MiB:0} MiB"),
        ];
    }
}
