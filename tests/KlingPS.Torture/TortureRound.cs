using KlingPS.Core.Imaging;
using KlingPS.Core.Ledger;
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
    private readonly Random _random;
    private readonly string _folder = Directory.CreateTempSubdirectory("klingps-torture-").FullName;
    private readonly SandboxServer _server;
    private readonly List<string> _problems = [];

    /// <param name="options">What the rounds have in common.</param>
    /// <param name="number">Which round it is.</param>
    /// <param name="onKill">Called for every kill point as soon as it has been passed.</param>
    public TortureRound(TortureOptions options, int number, Action onKill)
    {
        _options = options;
        _number = number;
        _onKill = onKill;
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

        // Every fourth round, two processes race over the folder.
        int racers = _number % 4 == 3 ? 2 : 1;
        int points = 0;
        int failedRuns = 0;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Run[] runs = await Task.WhenAll(Enumerable.Range(0, racers).Select(_ => RunAndKillAsync(NextPlan(points), cancellationToken)).ToArray());
            int killed = runs.Count(run => run.WasKilled);
            points += killed;
            Run[] failed = [.. runs.Where(run => !run.WasKilled && run.ExitCode is not (UnattendedRun.AllDone or UnattendedRun.SomethingUnknown))];
            failedRuns += failed.Length;
            if (failed.Length > 0)
            {
                _options.Progress?.Invoke($"round {_number}: {failed.Length} of {racers} runs at once failed:\n{string.Join('\n', failed.Select(run => run.Errors))}");
            }

            if (failedRuns > MaxFailedRuns)
            {
                _problems.Add($"round {_number}: {failedRuns} runs failed, the last so: {failed[^1].Errors}");
                break;
            }

            if (killed == 0 && failed.Length == 0)
            {
                break;
            }
        }

        TortureReport report = await CheckAsync(cancellationToken);
        return report with { Rounds = 1, Points = points, FailedRuns = failedRuns };
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>While there is something to buy, two out of three are killed around a create, the others at any time.</summary>
    /// <param name="kills">How many runs have been killed in this round. After many of them runs are given more and more time: on a slow machine, none would ever reach its end.</param>
    private Plan NextPlan(int kills) => _server.GetBill().CreatesReceived < _options.Images && _random.Next(3) > 0
        ? new Plan(_random.Next(1, 5), TimeSpan.FromMilliseconds(_random.Next(0, 40)))
        : new Plan(0, TimeSpan.FromMilliseconds(_random.Next(100, 1600)) * Math.Pow(2, Math.Max(0, kills - 15) / 5));

    private async Task<Run> RunAndKillAsync(Plan plan, CancellationToken cancellationToken)
    {
        int target = _server.GetBill().CreatesReceived + plan.Creates;
        using var child = ChildRun.Start(_server, Images, Videos, LedgerPath);
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

    private async Task<TortureReport> CheckAsync(CancellationToken cancellationToken)
    {
        await using var ledger = SqliteLedger.Create(LedgerPath, TimeProvider.System);
        await ledger.Tasks.RecoverAsync(cancellationToken);
        IReadOnlyList<KlingVideoTask> records = await ledger.Tasks.ListAsync(new TaskFilter(), cancellationToken);
        SandboxBill bill = _server.GetBill();
        ILookup<string, KlingVideoTask> unknown = records.Where(record => record.TaskState == KlingTaskState.Unknown).ToLookup(record => record.SourceHash ?? string.Empty);
        HashSet<string> recorded = [.. records.Where(record => record.TaskId is not null).Select(record => record.TaskId!)];

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
            if (!unknown.Contains(hash) && FindProblem(Path.Combine(Videos, Path.GetFileNameWithoutExtension(path) + ".mp4")) is string problem)
            {
                missing += Report(1, $"video: that of {Path.GetFileName(path)} {problem}", records.Where(record => record.SourceHash == hash));
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

    private sealed record Run(bool WasKilled, int ExitCode, string Errors);
}
