using System.Diagnostics;
using System.Globalization;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Copying;
using KlingPS.Core.Ledger.Postgres;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Ledger.Sqlite;
using KlingPS.Core.Model;
using KlingPS.Sandbox;
using KlingPS.Sandbox.Hosting;
using KlingPS.Torture;

namespace KlingPS.Bench.Postgres;

/// <summary>Several machines that share a ledger on a server, and what that costs beside a file.</summary>
internal static class MachinesMode
{
    public static async Task<int> RunAsync(Arguments arguments, TextWriter output)
    {
        string only = arguments.Find("only") ?? "connections,rate,cap,ledger";
        await using BenchServer server = await BenchServer.StartAsync();
        await output.WriteLineAsync($"PostgreSQL {await server.SqlAsync("SHOW server_version")}, commits flushed; load average {(await File.ReadAllTextAsync("/proc/loadavg")).Split(' ')[0]}");
        bool holds = true;
        foreach (string part in only.Split(','))
        {
            holds &= part switch
            {
                "rate" => await RaceForRateAsync(server, isPooled: false, output) & await RaceForRateAsync(server, isPooled: true, output),
                "cap" => await RaceForCapAsync(server, isPooled: false, output) & await RaceForCapAsync(server, isPooled: true, output),
                "connections" => await CountConnectionsAsync(server, output),
                "ledger" => await CompareAsync(server, output),
                _ => throw new FormatException($"There is no part '{part}'."),
            };
        }

        return holds ? 0 : 1;
    }

    private static async Task<bool> RaceForRateAsync(BenchServer server, bool isPooled, TextWriter output)
    {
        const int Machines = 3;
        const int Images = 40;
        await using SandboxServer sandbox = SandboxServer.Start(new SandboxOptions());
        (int[] exitCodes, TimeSpan time) = await RaceAsync(sandbox, server.Address(isPooled ? "rate_pooled" : "rate", isPooled), Machines, Images, isOneFolder: false);
        SandboxBill bill = sandbox.GetBill();
        int twice = bill.Tasks.GroupBy(task => task.ImageSha256).Sum(image => image.Count() - 1);
        await WriteAsync(
            output,
            $"rate{Of(isPooled)}: {Machines} machines with clocks 10 min early, right and 10 min late, {Machines * Images} images, one account: {bill.CreatesReceived} creates received, {bill.CreatesAccepted} accepted, {bill.CreatesRefused} refused by the service, {twice} bought twice; {time.TotalSeconds:0.0} s; exit codes {string.Join(' ', exitCodes)}");
        return bill.CreatesRefused == 0 && bill.CreatesAccepted == Machines * Images && twice == 0;
    }

    /// <summary>All machines have the same images, too, and some responses are lost: what may have been spent has to count.</summary>
    private static async Task<bool> RaceForCapAsync(BenchServer server, bool isPooled, TextWriter output)
    {
        const int Machines = 8;
        const int Images = 20;
        const decimal Cap = 650;
        await using SandboxServer sandbox = SandboxServer.Start(new SandboxOptions { Seed = 1 });
        sandbox.AddFault(new SandboxFault { Operation = SandboxOperation.Create, FaultKind = SandboxFaultKind.LoseAnswerAfter, Probability = 0.1, Count = 0 });
        (int[] exitCodes, TimeSpan time) = await RaceAsync(
            sandbox, server.Address(isPooled ? "cap_pooled" : "cap", isPooled), Machines, Images, isOneFolder: true, "--daily-cap", Cap.ToString(CultureInfo.InvariantCulture));
        SandboxBill bill = sandbox.GetBill();
        decimal spent = bill.Tasks.Sum(task => task.Credits);
        int twice = bill.Tasks.GroupBy(task => task.ImageSha256).Sum(image => image.Count() - 1);
        await WriteAsync(
            output,
            $"cap{Of(isPooled)}: {Machines} machines, the same {Images} images, {Cap} credits a day, 10 % of the answers lost: {bill.CreatesAccepted} tasks for {spent} credits accepted, {Math.Max(0, spent - Cap)} over the cap, {twice} bought twice; {time.TotalSeconds:0.0} s; exit codes {string.Join(' ', exitCodes)}");
        return spent <= Cap && bill.CreatesAccepted > 0 && twice == 0;
    }

    /// <summary>The most connections that one process has at a time, from its first purchase to its last video.</summary>
    private static async Task<bool> CountConnectionsAsync(BenchServer server, TextWriter output)
    {
        await using SandboxServer sandbox = SandboxServer.Start(new SandboxOptions { GenerationTime = TimeSpan.FromSeconds(1) });
        using var end = new CancellationTokenSource();
        Task<int> counting = CountAsync();
        await RaceAsync(sandbox, server.Address("connections", isPooled: false), machines: 1, images: 20, isOneFolder: true, isWhole: true);
        await end.CancelAsync();
        int most = await counting;
        await WriteAsync(output, $"connections: one process, 20 images bought, made and saved: {most} at a time at most");
        return most is > 0 and <= 10;

        async Task<int> CountAsync()
        {
            int most = 0;
            while (!end.IsCancellationRequested)
            {
                most = Math.Max(most, int.Parse(await server.SqlAsync("SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = 'KlingPS'"), CultureInfo.InvariantCulture));
            }

            return most;
        }
    }

    private static async Task<bool> CompareAsync(BenchServer server, TextWriter output)
    {
        string folder = Directory.CreateTempSubdirectory("klingps-machines-").FullName;
        string path = Path.Combine(folder, "ledger.db");
        await using (SqlLedger filled = SqliteLedger.Create(path, TimeProvider.System))
        {
            for (int first = 0; first < LedgerMode.Records; first += LedgerMode.Batch)
            {
                await Task.WhenAll(Enumerable.Range(first, LedgerMode.Batch).Select(i => LedgerMode.FinishAsync(filled, i)));
            }
        }

        string address = server.Address("ledger", isPooled: false);
        string pooled = server.Address("ledger", isPooled: true);
        long start = Stopwatch.GetTimestamp();
        KlingLedgerCopy copy = await new LedgerCopier(Open).CopyAsync(new FileAddress(path), AddressOf(address), null, default);
        await WriteAsync(output, $"Copy-KlingLedger, from the file to the server: {copy.Tasks} tasks copied and compared in {LedgerMode.Since(start) / 1000:0.0} s");
        start = Stopwatch.GetTimestamp();
        copy = await new LedgerCopier(Open).CopyAsync(AddressOf(address), new FileAddress(Path.Combine(folder, "back.db")), null, default);
        await WriteAsync(output, $"Copy-KlingLedger, back: {copy.Tasks} tasks copied and compared in {LedgerMode.Since(start) / 1000:0.0} s");

        (string Name, SqlLedger Ledger, Func<Task<TaskSuggestions>> Look)[] ledgers =
        [
            ("SQLite", SqliteLedger.Create(path, TimeProvider.System), () => SqliteLedger.OpenReadOnlyAsync(path)),
            ("PostgreSQL", Open(AddressOf(address)), () => PostgresLedger.OpenReadOnlyAsync((ServerAddress)AddressOf(address))),
            ("pgbouncer", Open(AddressOf(pooled)), () => PostgresLedger.OpenReadOnlyAsync((ServerAddress)AddressOf(pooled))),
        ];
        Dictionary<(string, string), List<double>> times = [];
        foreach ((_, SqlLedger ledger, _) in ledgers)
        {
            await ledger.OpenAsync(default);
        }

        // Turn by turn, so that whatever else the machine does is shared.
        for (int i = 0; i < 200; i++)
        {
            for (int which = 0; which < ledgers.Length; which++)
            {
                (string name, SqlLedger ledger, Func<Task<TaskSuggestions>> look) = ledgers[which];
                TaskIntent intent = LedgerMode.IntentOf(LedgerMode.Records + (i * ledgers.Length) + which) with { Budget = new BudgetLimit { RunId = "run", MaxCredits = 100_000, DailyCredits = 10_000_000 } };
                await TimeAsync("claim with budget and daily cap", name, () => ledger.Tasks.ClaimAsync(intent, default));
                await TimeAsync("check of the cap alone", name, () => ledger.Tasks.FindBudgetExcessAsync(intent, default));
                using TaskSuggestions suggestions = await look();
                await TimeAsync("list of the last 50", name, () => suggestions.ListByIdAsync(account: null, state: null, digits: string.Empty, limit: 50));
            }
        }

        foreach (string what in times.Keys.Select(key => key.Item1).Distinct())
        {
            await WriteAsync(output, $"{LedgerMode.Records} tasks, {what}: {string.Join("; ", ledgers.Select(ledger => Describe(ledger.Name, times[(what, ledger.Name)])))}");
        }

        foreach ((_, SqlLedger ledger, _) in ledgers)
        {
            await ledger.DisposeAsync();
        }

        Directory.Delete(folder, recursive: true);
        return true;

        async Task TimeAsync(string what, string name, Func<Task> act)
        {
            long start = Stopwatch.GetTimestamp();
            await act();
            if (!times.TryGetValue((what, name), out List<double>? list))
            {
                times.Add((what, name), list = []);
            }

            list.Add(LedgerMode.Since(start));
        }

        string Describe(string name, List<double> list) => string.Create(
            CultureInfo.InvariantCulture, $"{name} p50 {LedgerMode.At(list, 0.5):0.00} ms, p95 {LedgerMode.At(list, 0.95):0.00} ms");

        SqlLedger Open(LedgerAddress which) => which is FileAddress file
            ? SqliteLedger.Create(file.Path, TimeProvider.System)
            : Client.OpenServer(((ServerAddress)which).Port() is var port && port == ((ServerAddress)AddressOf(pooled)).Port() ? pooled : address, "bench", boot: null, Path.Combine(folder, "spool"), TimeProvider.System);
    }

    private static int? Port(this ServerAddress address) => address.Hosts[0].Port;

    private static ServerAddress AddressOf(string text)
        => ServerAddressParser.TryParse(text, out ServerAddress? address) is string problem ? throw new FormatException(problem) : address!;

    private static async Task<(int[] ExitCodes, TimeSpan Time)> RaceAsync(
        SandboxServer sandbox, string address, int machines, int images, bool isOneFolder, params string[] more)
        => await RaceAsync(sandbox, address, machines, images, isOneFolder, isWhole: false, more);

    private static async Task<(int[] ExitCodes, TimeSpan Time)> RaceAsync(
        SandboxServer sandbox, string address, int machines, int images, bool isOneFolder, bool isWhole, params string[] more)
    {
        string folder = Directory.CreateTempSubdirectory("klingps-race-").FullName;
        for (int i = 0; i < (isOneFolder ? 1 : machines); i++)
        {
            ImageFolder.Fill(ImagesOf(i), images, i);
        }

        long start = Stopwatch.GetTimestamp();
        int[] exitCodes = await Task.WhenAll(Enumerable.Range(0, machines).Select(async i =>
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"machine-{i}");
            string[] machine =
            [
                "--machine", name, "--boot", Guid.NewGuid().ToString(), "--spool", Path.Combine(folder, "spool-" + name),
                "--clock-off", ((i % 3 * 10) - 10).ToString(CultureInfo.InvariantCulture),
                .. isWhole ? (string[])[] : ["--submit-only"],
                .. more,
            ];
            using var child = ChildRun.Start(sandbox, ImagesOf(i), Path.Combine(folder, "videos-" + name), address, machine);
            return (await child.EndAsync()).ExitCode;
        }));
        TimeSpan time = Stopwatch.GetElapsedTime(start);
        Directory.Delete(folder, recursive: true);
        return (exitCodes, time);

        string ImagesOf(int machine) => Path.Combine(folder, isOneFolder ? "images" : string.Create(CultureInfo.InvariantCulture, $"images-{machine}"));
    }

    private static string Of(bool isPooled) => isPooled ? " through pgbouncer" : string.Empty;

    private static Task WriteAsync(TextWriter output, FormattableString line) => output.WriteLineAsync(line.ToString(CultureInfo.InvariantCulture));
}
