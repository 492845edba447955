using System.Globalization;
using KlingPS.Core;
using KlingPS.Core.Files;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Spool;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Ledger.Sqlite;
using KlingPS.Core.Model;
using KlingPS.Core.Saving;
using KlingPS.Sandbox;
using KlingPS.Sandbox.Hosting;

namespace KlingPS.Torture;

/// <summary>One folder of images with a sandbox, an account and a ledger of its own, from the first process to the last check.</summary>
internal sealed class TortureRound : IAsyncDisposable
{
    /// <summary>How many runs may end with an error before the round is given up.</summary>
    private const int MaxFailedRuns = 5;

    private static readonly TimeSpan s_longestRun = TimeSpan.FromMinutes(2);

    private readonly TortureOptions _options;
    private readonly int _number;
    private readonly Action _onKill;
    private readonly SemaphoreSlim _served;
    private readonly Random _random;
    private readonly string _folder = Directory.CreateTempSubdirectory("klingps-torture-").FullName;
    private readonly SandboxServer _server;
    private readonly List<string> _problems = [];
    private int _points;
    private int _failedRuns;
    private int _cutOffRuns;

    /// <param name="options">What the rounds have in common.</param>
    /// <param name="number">Which round it is.</param>
    /// <param name="onKill">Called for every kill point as soon as it has been passed.</param>
    /// <param name="served">Held while the server is away, and by who needs it to be there.</param>
    public TortureRound(TortureOptions options, int number, Action onKill, SemaphoreSlim served)
    {
        _options = options;
        _number = number;
        _onKill = onKill;
        _served = served;
        _random = new Random(unchecked((options.Seed * 1_000_003) + number));
        _server = SandboxServer.Start(new SandboxOptions
        {
            CreateLimit = 10_000,
            GenerationTime = TimeSpan.FromSeconds(0.3),
            Seed = _random.Next(),
        });

        // Some creates are slow, so that kills also happen while the service is at work.
        _server.AddFault(new SandboxFault { Operation = SandboxOperation.Create, FaultKind = SandboxFaultKind.Delay, Delay = TimeSpan.FromMilliseconds(25), Probability = 0.5, Count = 0 });
        if (options.ResponsesLost > 0)
        {
            _server.AddFault(new SandboxFault { Operation = SandboxOperation.Create, FaultKind = SandboxFaultKind.LoseAnswerAfter, Probability = options.ResponsesLost, Count = 0 });
            _server.AddFault(new SandboxFault { Operation = SandboxOperation.Create, FaultKind = SandboxFaultKind.LoseAnswerBefore, Probability = options.ResponsesLost, Count = 0 });
        }
    }

    private string Images => Path.Combine(_folder, "images");

    private string Videos => Path.Combine(_folder, "videos");

    private string LedgerPath => Path.Combine(_folder, "ledger.db");

    public async Task<TortureReport> RunAsync(CancellationToken cancellationToken)
    {
        ImageFolder.Fill(Images, _options.Images, _random.Next());
        if (_options.Server is null)
        {
            // Every fourth round, two processes race over the folder.
            await RunUntilDoneAsync([.. Enumerable.Repeat(new Machine(Videos, LedgerPath, [], new Random(_random.Next())), _number % 4 == 3 ? 2 : 1)], mayKill: true, cancellationToken);
        }
        else
        {
            Machine[] machines = [.. Enumerable.Range(0, _options.Machines).Select(CreateMachine)];
            await Task.WhenAll(machines.Select(machine => RunUntilDoneAsync([machine], mayKill: true, cancellationToken)));

            // What one machine could not know yet, another has recorded since.
            foreach (Machine machine in machines)
            {
                await RunUntilDoneAsync([machine], mayKill: false, cancellationToken);
            }
        }

        TortureReport report;
        await _served.WaitAsync(cancellationToken);
        try
        {
            report = await CheckAsync(cancellationToken);
        }
        finally
        {
            _served.Release();
        }

        return report with { Rounds = 1, Points = _points, FailedRuns = _failedRuns, CutOffRuns = _cutOffRuns };
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>A machine of its own: another name, another boot, and a clock that is ten minutes early, right, or ten minutes late.</summary>
    private Machine CreateMachine(int index)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"machine-{index}");
        return new Machine(
            Path.Combine(_folder, "videos-" + name),
            _options.Server!.AddressOf(_number),
            [
                "--machine", name, "--boot", Guid.NewGuid().ToString(), "--spool", SpoolOf(index),
                "--clock-off", ((index % 3 * 10) - 10).ToString(CultureInfo.InvariantCulture),
            ],
            new Random(_random.Next()));
    }

    private string SpoolOf(int machine) => Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"spool-{machine}"));

    /// <summary>Runs processes at the same time, again and again, until all of them end by themselves with nothing more to do.</summary>
    private async Task RunUntilDoneAsync(IReadOnlyList<Machine> machines, bool mayKill, CancellationToken cancellationToken)
    {
        int failedRuns = 0;
        int killed = 0;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Run[] runs = await Task.WhenAll(machines.Select(machine => mayKill
                ? RunAndKillAsync(machine, NextPlan(machine.Random, killed), cancellationToken)
                : RunAsync(machine, cancellationToken)).ToArray());
            int killedNow = runs.Count(run => run.WasKilled);
            Run[] unfinished = [.. runs.Where(run => !run.WasKilled && run.ExitCode is not (UnattendedRun.AllDone or UnattendedRun.SomethingUnknown))];
            Run[] failed = [.. unfinished.Where(run => !IsCutOff(run))];
            killed += killedNow;
            failedRuns += failed.Length;
            Interlocked.Add(ref _points, killedNow);
            Interlocked.Add(ref _failedRuns, failed.Length);
            Interlocked.Add(ref _cutOffRuns, unfinished.Length - failed.Length);
            if (failed.Length > 0)
            {
                _options.Progress?.Invoke($"round {_number}: {failed.Length} of {machines.Count} runs at once failed:\n{string.Join('\n', failed.Select(run => run.Errors))}");
            }

            if (failedRuns > MaxFailedRuns)
            {
                lock (_problems)
                {
                    _problems.Add($"round {_number}: {failedRuns} runs failed, the last so: {failed[^1].Errors}");
                }

                return;
            }

            if (killedNow == 0 && unfinished.Length == 0)
            {
                return;
            }
        }
    }

    /// <summary>Whether a process has ended with nothing but the error that the ledger's server was away.</summary>
    private bool IsCutOff(Run run)
        => _options.Server is not null
            && run.ExitCode == UnattendedRun.SomethingFailed
            && run.Errors.Split('\n').All(line => line.StartsWith(nameof(ErrorKind.LedgerUnusable), StringComparison.Ordinal) || line.StartsWith(nameof(ErrorKind.AttemptUnknown), StringComparison.Ordinal));

    /// <summary>While there is something to buy, two out of three are killed around a create, the others at any time.</summary>
    /// <param name="random">The chance of the machine.</param>
    /// <param name="kills">How many runs have been killed. After many of them runs are given more and more time: on a slow machine, none would ever reach its end.</param>
    private Plan NextPlan(Random random, int kills) => _server.GetBill().CreatesReceived < _options.Images && random.Next(3) > 0
        ? new Plan(random.Next(1, 5), TimeSpan.FromMilliseconds(random.Next(0, 40)))
        : new Plan(0, TimeSpan.FromMilliseconds(random.Next(100, 1600)) * Math.Pow(2, Math.Max(0, kills - 15) / 5));

    private async Task<Run> RunAndKillAsync(Machine machine, Plan plan, CancellationToken cancellationToken)
    {
        int target = _server.GetBill().CreatesReceived + plan.Creates;
        using ChildRun child = Start(machine);
        while (!child.Exit.IsCompleted && _server.GetBill().CreatesReceived < target)
        {
            await Task.WhenAny(child.Exit, Task.Delay(1, cancellationToken));
        }

        await Task.WhenAny(child.Exit, Task.Delay(plan.Delay, cancellationToken));
        bool isKilled = !child.Exit.IsCompleted;
        if (isKilled)
        {
            child.Kill();
        }

        (int exitCode, string errors) = await child.EndAsync().WaitAsync(s_longestRun, cancellationToken);

        // It may have ended just before the kill.
        bool wasKilled = isKilled && exitCode is not (UnattendedRun.AllDone or UnattendedRun.SomethingFailed or UnattendedRun.SomethingUnknown);
        if (wasKilled)
        {
            _onKill();
        }

        return new Run(wasKilled, exitCode, errors);
    }

    private async Task<Run> RunAsync(Machine machine, CancellationToken cancellationToken)
    {
        using ChildRun child = Start(machine);
        (int exitCode, string errors) = await child.EndAsync().WaitAsync(s_longestRun, cancellationToken);
        return new Run(WasKilled: false, exitCode, errors);
    }

    private ChildRun Start(Machine machine) => ChildRun.Start(_server, Images, machine.Videos, machine.Ledger, machine.Arguments);

    private async Task<TortureReport> CheckAsync(CancellationToken cancellationToken)
    {
        await using SqlLedger ledger = _options.Server is null
            ? SqliteLedger.Create(LedgerPath, TimeProvider.System)
            : Client.OpenServer(_options.Server.AddressOf(_number), "checker", boot: null, Path.Combine(_folder, "spool-checker"), TimeProvider.System);
        await ledger.Tasks.RecoverAsync(cancellationToken);
        IReadOnlyList<KlingVideoTask> records = await ledger.Tasks.ListAsync(new TaskFilter(), cancellationToken);
        SandboxBill bill = _server.GetBill();
        ILookup<string, KlingVideoTask> unknown = records.Where(record => record.TaskState == KlingTaskState.Unknown).ToLookup(record => record.SourceHash ?? string.Empty);
        HashSet<string> recorded = [.. records.Where(record => record.TaskId is not null).Select(record => record.TaskId!)];
        string[] spooled =
        [
            .. Enumerable.Range(0, _options.Server is null ? 0 : _options.Machines)
                .SelectMany(machine => new AnswerSpool(SpoolOf(machine), TimeProvider.System).Read())
                .Select(file => file.Answer?.TaskId).OfType<string>().Where(id => !recorded.Contains(id)).Distinct(),
        ];
        recorded.UnionWith(spooled);

        int duplicates = 0;
        int unaccounted = 0;
        int withoutRecord = 0;
        foreach (IGrouping<string, SandboxTask> image in bill.Tasks.GroupBy(task => task.ImageSha256 ?? string.Empty))
        {
            int lost = image.Count(task => !recorded.Contains(task.TaskId));
            withoutRecord += lost;
            duplicates += Report(image.Count() - 1, $"bills too many for image {image.Key}", records.Where(record => record.SourceHash == image.Key));
            unaccounted += Report(lost - unknown[image.Key].Count(), $"paid tasks of image {image.Key} unaccounted for", records.Where(record => record.SourceHash == image.Key));
        }

        int missing = 0;
        foreach (string path in Directory.EnumerateFiles(Images))
        {
            string hash = await ContentHash.Sha256Async(path, cancellationToken);
            foreach (string videos in _options.Server is null ? [Videos] : Directory.GetDirectories(_folder, "videos-*"))
            {
                if (!unknown.Contains(hash) && FindProblem(Path.Combine(videos, Path.GetFileNameWithoutExtension(path) + ".mp4")) is string problem)
                {
                    missing += Report(1, $"video: that of {Path.GetFileName(path)} {problem} in {Path.GetFileName(videos)}", records.Where(record => record.SourceHash == hash));
                }
            }
        }

        return new TortureReport
        {
            Images = _options.Images,
            Creates = bill.CreatesReceived,
            Accepted = bill.CreatesAccepted,
            AcceptedWithoutRecord = withoutRecord,
            Unknown = unknown.Sum(image => image.Count()),
            ResponsesLost = bill.Requests.Count(request => request is { Method: "POST", Status: 0 }),
            DuplicateBills = duplicates,
            Unaccounted = unaccounted,
            MissingVideos = missing,
            Spooled = spooled.Length,
            Problems = _problems,
        };
    }

    private int Report(int count, string what, IEnumerable<KlingVideoTask> records)
    {
        if (count <= 0)
        {
            return 0;
        }

        _problems.Add($"round {_number}: {count} {what}; in the ledger: {string.Join(", ", records.Select(record => $"{record.Id} {record.State} {record.TaskId}"))}");
        return count;
    }

    private static string? FindProblem(string path)
    {
        if (!File.Exists(path))
        {
            return "is not there";
        }

        using FileStream stream = File.OpenRead(path);
        return Mp4Structure.FindProblem(stream);
    }

    /// <param name="Creates">How many more creates the sandbox must have received first.</param>
    /// <param name="Delay">How long to wait after that.</param>
    private sealed record Plan(int Creates, TimeSpan Delay);

    /// <param name="Videos">Where its videos go.</param>
    /// <param name="Ledger">The ledger.</param>
    /// <param name="Arguments">What it is called, and the like.</param>
    /// <param name="Random">When its processes are killed.</param>
    private sealed record Machine(string Videos, string Ledger, string[] Arguments, Random Random);

    private sealed record Run(bool WasKilled, int ExitCode, string Errors);
}
