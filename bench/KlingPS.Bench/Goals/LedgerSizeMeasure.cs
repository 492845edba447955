using System.Diagnostics;
using System.Globalization;
using KlingPS.Bench.Engine;
using KlingPS.Core.Ledger.Postgres;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Ledger.Sqlite;
using KlingPS.Core.Model;
using KlingPS.Torture;

namespace KlingPS.Bench.Goals;

/// <summary>What the ledger takes for each purchase and for whoever looks at it, with a thousand, a hundred thousand and a million tasks in it.</summary>
internal static class LedgerSizeMeasure
{
    private const int Times = 200;
    private const double MaxMs = 5;

    private static readonly int[] s_sizes = [1_000, 100_000, 1_000_000];

    /// <summary>Writes how many milliseconds each took, how many tasks came, and by how much the resident memory had grown at its highest, in MiB.</summary>
    private const string Script = """
        Remove-Item Env:KIE_API_KEY
        Import-Module $module
        $null = Get-KlingVideoTask -Id 1 | Out-String
        $null = Get-KlingVideoTask | Select-Object -First 1
        function Read-All($what) {
            [GC]::Collect()
            $before = [Environment]::WorkingSet
            $most = $before
            $first = $null
            $count = 0
            $time = [Diagnostics.Stopwatch]::StartNew()
            & $what | ForEach-Object {
                if ($null -eq $first) { $first = $time.Elapsed.TotalMilliseconds }
                if (++$count % 10000 -eq 0) { $most = [Math]::Max($most, [Environment]::WorkingSet) }
            }
            "$first $($time.Elapsed.TotalMilliseconds) $count $(($most - $before) / 1MB)"
        }
        Read-All { Get-KlingVideoTask | Select-Object -First 10 }
        Read-All { Get-KlingVideoTask -Since $since }
        Read-All { Get-KlingVideoTask -State Unknown | Select-Object -First 10 }
        Read-All { Get-KlingVideoTask }
        """;

    public static async Task<IReadOnlyList<Figure>> RunAsync(string root)
    {
        var figures = new List<Figure>();
        var all = new List<(int Tasks, Dictionary<string, List<double>> Times)>();
        var paths = new List<string>();
        DateTimeOffset now = DateTimeOffset.UtcNow;
        foreach (int tasks in s_sizes)
        {
            string path = Path.Combine(root, string.Create(CultureInfo.InvariantCulture, $"ledger-{tasks}.db"));
            long start = Stopwatch.GetTimestamp();
            await SizedLedger.MakeAsync(path, tasks, now);
            figures.Add(new(
                $"a ledger of {tasks} tasks",
                string.Empty,
                $"made in {Stopwatch.GetElapsedTime(start).TotalSeconds:0.0} s, {new FileInfo(path).Length / tasks} bytes per task with what is known of its file"));
            paths.Add(path);
        }

        foreach ((int tasks, string path) in s_sizes.Zip(paths))
        {
            await using SqlLedger ledger = SqliteLedger.Create(path, TimeProvider.System);
            all.Add((tasks, await MeasureAsync(ledger, () => SqliteLedger.OpenReadOnlyAsync(path), tasks)));
        }

        figures.AddRange(Compare(all, string.Empty));
        // 5,000 of them are later than this.
        DateTimeOffset since = await FindTimeAsync(paths[^1], s_sizes[^1] - 5000);
        string[] lines = (await Shell.RunAsync(
            $"$module = '{Shell.Module}'\n$since = [DateTime]::Parse('{since.UtcDateTime:O}', [cultureinfo]::InvariantCulture, 'RoundtripKind')\n{Script}",
            new() { ["KLINGPS_LEDGER"] = paths[^1] })).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        double[][] shell = [.. lines.Select(line => line.Split(' ').Select(number => double.Parse(number, CultureInfo.InvariantCulture)).ToArray())];
        figures.Add(Figure.AtMost("`Get-KlingVideoTask | Select-Object -First 10` of a million: all", 100, shell[0][1], "ms", more: $"{shell[0][2]:0} tasks"));
        figures.Add(Figure.AtMost("`Get-KlingVideoTask -Since`, 5,000 of a million: the first", 50, shell[1][0], "ms", more: $"{shell[1][2]:0} tasks in {shell[1][1]:0} ms"));
        figures.Add(Figure.AtMost("`Get-KlingVideoTask -State Unknown`, of a million: the first", 50, shell[2][0], "ms"));
        figures.Add(Figure.AtMost("`Get-KlingVideoTask` of a million: the first", 50, shell[3][0], "ms", more: $"{shell[3][2]:0} tasks in {shell[3][1] / 1000:0.0} s"));
        figures.Add(Figure.AtMost("`Get-KlingVideoTask` of a million: resident memory beyond that before it", 50, shell[3][3], "MiB"));
        return figures;
    }

    /// <summary>The same on a server of PostgreSQL, whose statistics are those that it gathers by itself.</summary>
    public static async Task<IReadOnlyList<Figure>> RunOnServerAsync(string root)
    {
        var figures = new List<Figure>();
        var all = new List<(int Tasks, Dictionary<string, List<double>> Times)>();
        await using BenchServer server = await BenchServer.StartAsync();
        foreach (int tasks in s_sizes)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"sized_{tasks}");
            long start = Stopwatch.GetTimestamp();
            await SizedServerLedger.MakeAsync(server, name, tasks, DateTimeOffset.UtcNow, root);
            figures.Add(new($"a ledger of {tasks} tasks on a server", string.Empty, $"made in {Stopwatch.GetElapsedTime(start).TotalSeconds:0.0} s"));
            string address = server.Address(name, isPooled: false);
            Assert.Null(ServerAddressParser.TryParse(address, out ServerAddress? parsed));
            await using SqlLedger ledger = Client.OpenServer(address, SizedServerLedger.Machine, boot: null, Path.Combine(root, "spool"), TimeProvider.System);
            all.Add((tasks, await MeasureAsync(ledger, () => PostgresLedger.OpenReadOnlyAsync(parsed!), tasks)));
        }

        return [.. figures, .. Compare(all, "on a server: ")];
    }

    private static IEnumerable<Figure> Compare(List<(int Tasks, Dictionary<string, List<double>> Times)> all, string where)
    {
        foreach (string what in all[0].Times.Keys)
        {
            double small = all[0].Times[what].At(0.95);
            double large = all[^1].Times[what].At(0.95);
            double most = Math.Min(MaxMs, 2 * small);
            yield return new(
                $"{where}{what}, p95 of {Times} with {s_sizes[^1]} tasks",
                $"≤ {MaxMs:0} ms and ≤ 2 ×",
                $"{large:0.00} ms, {large / small:0.00} × (p50 and p95: {string.Join(", ", all.Select(one => $"{one.Times[what].At(0.5):0.00} and {one.Times[what].At(0.95):0.00} with {one.Tasks}"))})",
                large <= most,
                $"{small:0.00} ms with {s_sizes[0]}");
        }
    }

    private static async Task<DateTimeOffset> FindTimeAsync(string path, int number)
    {
        await using SqlLedger ledger = SqliteLedger.Create(path, TimeProvider.System);
        return (await ledger.Tasks.FindAsync(number + 1, default))!.CreatedAt;
    }

    private static async Task<Dictionary<string, List<double>>> MeasureAsync(SqlLedger ledger, Func<Task<TaskSuggestions>> look, int tasks)
    {
        var times = new Dictionary<string, List<double>>();
        await ledger.OpenAsync(default);
        var random = new Random(1);
        var budget = new BudgetLimit { RunId = "run-0", MaxCredits = 100_000, DailyCredits = 100_000_000 };
        KlingVideoTask? claimed = null;
        for (int i = -Times / 10; i < Times; i++)
        {
            // What was bought, by the account that is asked for it.
            int number;
            do
            {
                number = random.Next(1, tasks + 1);
            }
            while (SizedLedger.AccountOf(number) != SizedLedger.Account || SizedLedger.StateOf(number) != KlingTaskState.Succeeded);
            TaskIntent intent = LedgerMode.IntentOf(-1000 - i) with { Nonce = Guid.NewGuid().ToString("N"), Budget = budget };
            await TimeAsync("an earlier purchase", () => ledger.Tasks.FindEarlierAsync(SizedLedger.Account, SizedLedger.SpecOf(number), default));
            await TimeAsync("what was never bought", () => ledger.Tasks.FindEarlierAsync(SizedLedger.Account, intent.Spec, default));
            await TimeAsync("daily cap and limit of a run", () => ledger.Tasks.FindBudgetExcessAsync(intent, default));
            await TimeAsync("a claim under both, flushed", async () => claimed = (await ledger.Tasks.ClaimAsync(intent, default)).Task);
            long id = claimed!.Id;
            await TimeAsync("recovering", () => ledger.Tasks.RecoverAsync(default));
            string taskId = Guid.NewGuid().ToString("N");
            await TimeAsync("recording the answer, flushed", () => ledger.Tasks.RecordAcceptedAsync(id, taskId));
            await TimeAsync("recording the end", () => ledger.Tasks.RecordSnapshotAsync(SizedLedger.Account, new TaskSnapshot
            {
                TaskId = taskId,
                State = KlingTaskState.Succeeded,
                ResultUris = [$"https://tempfile.aiquickdraw.com/k/{taskId}_1_1790000120_4821.mp4"],
                CreditsConsumed = 42,
            }));
            string video = $"/home/user/Videos/new/{taskId}.mp4";
            await TimeAsync("recording a video that gets its name, flushed", () => ledger.Tasks.RecordSavingAsync(claimed, video, taskId));
            await TimeAsync("recording a saved video", () => ledger.Tasks.RecordSavedAsync(claimed, video, taskId));
            await TimeAsync("whose video has a name that is taken", () => ledger.Tasks.ListSavedPathsAsync([SizedLedger.VideoOf(number)], default));
            await TimeAsync("whose video has a content", () => ledger.Tasks.IsSavedForAnotherAsync(SizedLedger.VideoHashOf(number), id, default));
            await TimeAsync("the last 50 tasks", () => ledger.Accounts.ListTasksAsync(SizedLedger.Account, 50, default));
            await TimeAsync("a task by its id", () => ledger.Tasks.FindAsync(number, default));
            await TimeAsync("a task by the service's id", () => ledger.Tasks.FindByTaskIdAsync(null, taskId, default));
            await TimeAsync("completing an id", () => CompleteAsync(suggestions => suggestions.ListByIdAsync(SizedLedger.Account, null, "7", 50)));
            await TimeAsync("completing the id of an unknown task", () => CompleteAsync(suggestions => suggestions.ListByIdAsync(SizedLedger.Account, KlingTaskState.Unknown, string.Empty, 50)));

            async Task TimeAsync(string what, Func<Task> act)
            {
                long start = Stopwatch.GetTimestamp();
                await act();
                if (i >= 0)
                {
                    (times.TryGetValue(what, out List<double>? all) ? all : times[what] = []).Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
                }
            }
        }

        return times;

        async Task CompleteAsync(Func<TaskSuggestions, Task> complete)
        {
            using TaskSuggestions suggestions = await look();
            await complete(suggestions);
        }
    }
}
