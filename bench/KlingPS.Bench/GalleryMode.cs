using System.Diagnostics;
using System.Globalization;
using KlingPS.Core.Gallery;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Ledger.Sqlite;
using KlingPS.Core.Model;

namespace KlingPS.Bench;

/// <summary>How long the page of a large gallery takes to write, how large it is, and how much memory that needs.</summary>
internal static class GalleryMode
{
    private const string Account = "0123456789abcdef";
    private const int Batch = 500;
    private const int TakesOfAnImage = 4;
    private static readonly TimeSpan s_target = TimeSpan.FromSeconds(3);

    /// <summary>One pixel.</summary>
    private static readonly byte[] s_image = Convert.FromBase64String("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==");

    /// <param name="tasks">How many tasks the ledger has.</param>
    /// <param name="keep">The folder that everything is left in; <see langword="null"/> for one that is removed.</param>
    /// <param name="output">Where the figures go.</param>
    public static async Task<int> RunAsync(int tasks, string? keep, TextWriter output)
    {
        string folder = keep is null ? Directory.CreateTempSubdirectory("klingps-gallery-").FullName : Directory.CreateDirectory(keep).FullName;
        string ledgerPath = Path.Combine(folder, "ledger.db");
        await FillAsync(folder, ledgerPath, tasks);
        await output.WriteLineAsync(FormattableString.Invariant($"load average {await LoadAsync()}"));

        string page = Path.Combine(folder, "gallery.html");
        var times = new List<TimeSpan>();
        for (int round = 1; round <= 3; round++)
        {
            GC.Collect();
            long before = GC.GetTotalMemory(forceFullCollection: true);
            using var process = Process.GetCurrentProcess();
            TimeSpan processor = process.TotalProcessorTime;
            long start = Stopwatch.GetTimestamp();
            await using SqlLedger ledger = SqliteLedger.Create(ledgerPath, TimeProvider.System);
            GallerySource source = await GallerySource.ReadAsync(ledger, Account, TimeProvider.System, default);
            TimeSpan read = Stopwatch.GetElapsedTime(start);
            var entries = new List<GalleryEntry>();
            foreach (KlingVideoTask task in source.Recorded)
            {
                entries.Add(await source.OfAsync(task, default));
            }

            await new GalleryWriter(new GalleryOptions { Path = page }).WriteAsync(entries, new Takes(source.Recorded), null, (_, _) => { }, default);
            times.Add(Stopwatch.GetElapsedTime(start));
            process.Refresh();
            processor = process.TotalProcessorTime - processor;
            long used = GC.GetTotalMemory(forceFullCollection: false) - before;
            await output.WriteLineAsync(string.Create(
                CultureInfo.InvariantCulture,
                $"{tasks} tasks, round {round}: {times[^1].TotalSeconds:0.00} s, of which the ledger {read.TotalSeconds:0.00} s; {processor.TotalSeconds:0.00} s of processor time; page {new FileInfo(page).Length / 1e6:0.00} MB; heap at the end {used / 1e6:0} MB above that before"));
        }

        await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"peak working set {Process.GetCurrentProcess().PeakWorkingSet64 / 1e6:0} MB"));
        if (keep is null)
        {
            Directory.Delete(folder, recursive: true);
        }

        return times[0] <= s_target ? 0 : 1;
    }

    /// <summary>Tasks with their images and videos on disk, and prompts of the usual length; each twentieth has no video.</summary>
    private static async Task FillAsync(string folder, string ledgerPath, int tasks)
    {
        string images = Directory.CreateDirectory(Path.Combine(folder, "images")).FullName;
        string videos = Directory.CreateDirectory(Path.Combine(folder, "videos")).FullName;
        await using SqlLedger ledger = SqliteLedger.Create(ledgerPath, TimeProvider.System);
        await ledger.OpenAsync(default);
        for (int first = 0; first < tasks; first += Batch)
        {
            await Task.WhenAll(Enumerable.Range(first, Math.Min(Batch, tasks - first)).Select(number => MakeAsync(ledger, images, videos, number)));
        }
    }

    private static async Task MakeAsync(SqlLedger ledger, string images, string videos, int number)
    {
        int image = number / TakesOfAnImage;
        string imagePath = Path.Combine(images, FormattableString.Invariant($"IMG_{image:000000}.png"));
        if (number % TakesOfAnImage == 0)
        {
            await File.WriteAllBytesAsync(imagePath, s_image);
        }

        var random = new Random(image);
        var spec = new VideoSpec
        {
            Prompt = string.Join(' ', Enumerable.Range(0, random.Next(15, 45)).Select(_ => "words" + random.Next(100))),
            Image = MediaSource.FromFile(imagePath) with { Hash = LedgerMode.HashOf(image), Uri = FormattableString.Invariant($"https://tempfile.redpandaai.co/kieai/123456/klingps/{image}.png") },
            Duration = 5,
            Take = (number % TakesOfAnImage) + 1,
        };
        KlingVideoTask task = await ledger.Tasks.BeginAsync(new() { Account = Account, Spec = spec, Identity = spec.GetIdentity(), Credits = 42 }, default);
        string taskId = LedgerMode.HashOf(-1 - number)[..32];
        await ledger.Tasks.RecordAcceptedAsync(task.Id, taskId);
        bool isMade = number % 20 != 0;
        await ledger.Tasks.RecordSnapshotAsync(Account, new TaskSnapshot
        {
            TaskId = taskId,
            State = isMade ? KlingTaskState.Succeeded : KlingTaskState.Failed,
            ResultUris = isMade ? [$"https://tempfile.aiquickdraw.com/k/{taskId}.mp4"] : [],
            CreditsConsumed = isMade ? 42 : 0,
            FailMessage = isMade ? null : "internal error, please try again later",
            CreatedAt = DateTimeOffset.UtcNow,
        });
        if (isMade)
        {
            string path = Path.Combine(videos, FormattableString.Invariant($"IMG_{image:000000}-{spec.Take}.mp4"));
            await File.WriteAllBytesAsync(path, [1]);
            await ledger.FileHashes.RecordAsync(path, FileStamp.Of(path)!.Value, LedgerMode.HashOf(number), default);
            await ledger.Tasks.RecordSavedAsync(task, path, LedgerMode.HashOf(number));
        }
    }

    private static async Task<string> LoadAsync()
        => OperatingSystem.IsLinux() ? (await File.ReadAllTextAsync("/proc/loadavg")).Split(' ')[0] : "not known";
}
