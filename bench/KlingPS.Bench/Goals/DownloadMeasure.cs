using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using KlingPS.Bench.Engine;
using KlingPS.Core.Resolving;
using KlingPS.Core.Saving;
using KlingPS.Core.Sessions;
using KlingPS.Core.Stages;
using KlingPS.Sandbox;
using KlingPS.Torture;

namespace KlingPS.Bench.Goals;

/// <summary>Downloads: how fast they are, and what happens when they are cut.</summary>
internal static class DownloadMeasure
{
    private const long Medium = 64_000_000;
    private const int Repetitions = 5;
    private const int Cuts = 3;
    private const int CopyBuffer = 128 * 1024;

    /// <summary>Compared with the obvious code, HttpClient copied to files. They alternate, so that both run under the same conditions.</summary>
    public static async Task<IReadOnlyList<Figure>> RunAsync(string root) =>
    [
        .. await RunAsync(root, count: 1, size: 500_000_000, least: 1.0),
        .. await RunAsync(root, count: 40, size: 20_000_000, least: 0.95),
    ];

    private static async Task<IReadOnlyList<Figure>> RunAsync(string root, int count, long size, double least)
    {
        await using SandboxProcess sandbox = await SandboxProcess.StartAsync(TimeSpan.Zero, isUnlimited: true, videoSize: size);
        var batch = new Batch(root, $"{count}", count);
        IReadOnlyList<string> ids = await Seeder.RunAsync(batch, sandbox, areFinished: true);
        Uri[] links = await Task.WhenAll(ids.Select(id => LinkAsync(sandbox, id)));
        await using Client client = Client.Open(batch.LedgerPath, sandbox.Endpoints, SandboxMode.Key);
        using HttpClient http = CreatePlain();

        var nowhere = new List<Effort>();
        var plain = new List<Effort>();
        var careful = new List<Effort>();
        var ours = new List<Effort>();
        for (int i = 0; i <= Repetitions; i++)
        {
            nowhere.Add(await TimeAsync(() => Task.WhenAll(links.Select(link => CopyAsync(http, link, Stream.Null)))));
            plain.Add(await TimeAsync(() => Task.WhenAll(links.Select((link, number) => CopyAsync(http, link, Path.Combine(batch.Videos, $"{number}.mp4"))))));
            careful.Add(await TimeAsync(() => Task.WhenAll(links.Select((link, number) => CopyCarefullyAsync(http, link, Path.Combine(batch.Videos, $"{number}.mp4"))))));
            ours.Add(await TimeAsync(() => SaveAsync(client, ids, batch.Videos)));
        }

        Effort our = Median(ours), their = Median(plain);
        string what = count == 1 ? $"download of {size / 1_000_000} MB" : $"{count} downloads of {size / 1_000_000} MB at once";
        string yardstick = "HttpClient copied to " + (count == 1 ? "a file" : "files");
        return
        [
            Figure.AtLeast($"{what}, medians of {Repetitions}", least, our.Speed / their.Speed, "×", $"{their.Speed:0} MB/s, {yardstick}", $"{our.Speed:0} MB/s"),
            Figure.AtMost($"{what}: bytes read from files", 0.05, our.Read / (double)(count * size), "×", $"{count * size / 1_000_000} MB, the videos"),
            new($"{what}: processor time for a GB", string.Empty, $"{our.Cpu:0.00} s", Yardstick: $"{their.Cpu:0.00} s, {yardstick}"),
            new($"{what}: over HttpClient that hashes and flushes as well", string.Empty, $"{our.Speed / Median(careful).Speed:0.00} ×", Yardstick: $"{Median(careful).Speed:0} MB/s"),
            new($"{what}: what the server can do", string.Empty, $"{Median(nowhere).Speed:0} MB/s to nowhere"),
        ];

        async Task<Effort> TimeAsync(Func<Task> download)
        {
            if (Directory.Exists(batch.Videos))
            {
                Directory.Delete(batch.Videos, recursive: true);
            }

            Directory.CreateDirectory(batch.Videos);
            using var process = Process.GetCurrentProcess();
            TimeSpan cpu = process.TotalProcessorTime;
            long read = ReadBytes();
            long start = Stopwatch.GetTimestamp();
            await download();
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            process.Refresh();
            return new Effort(count * size / seconds / 1e6, (process.TotalProcessorTime - cpu).TotalSeconds / (count * size) * 1e9, ReadBytes() - read);
        }

        // The first round compiles the code.
        Effort Median(List<Effort> rounds) => new(
            rounds.Skip(1).Select(round => round.Speed).At(0.5),
            rounds.Skip(1).Select(round => round.Cpu).At(0.5),
            rounds.Skip(1).Max(round => round.Read));
    }

    /// <summary>Saves the videos as the cmdlets do: verified, flushed and recorded. They have gone from where they were saved before, so the service is asked for them.</summary>
    private static async Task SaveAsync(Client client, IEnumerable<string> ids, string folder)
    {
        var saver = new VideoSaver(new KlingService(client.Session, observer: null), new SaveOptions { Destination = folder });
        foreach (Outcome<TaskReference, SavedVideo> outcome in await Task.WhenAll(ids.Select(id => saver.SaveAsync(new TaskReference { TaskId = id }, default))))
        {
            if (outcome.Error is not null)
            {
                throw outcome.Error;
            }
        }
    }

    /// <summary>How many bytes this process has read, from files and pipes but not from sockets; 0 where the system does not tell.</summary>
    private static long ReadBytes() => File.Exists("/proc/self/io")
        ? long.Parse(File.ReadLines("/proc/self/io").First(line => line.StartsWith("rchar", StringComparison.Ordinal)).Split(' ')[1], CultureInfo.InvariantCulture)
        : 0;

    /// <summary>What a round of downloads took.</summary>
    /// <param name="Speed">In MB a second.</param>
    /// <param name="Cpu">Processor time of the client for a GB, in seconds.</param>
    /// <param name="Read">How many bytes were read from files.</param>
    private sealed record Effort(double Speed, double Cpu, long Read);

    /// <summary>Three connections break after 40 % of what they should deliver; the folder is watched throughout.</summary>
    public static async Task<IReadOnlyList<Figure>> RunCutsAsync(string root)
    {
        await using SandboxProcess sandbox = await SandboxProcess.StartAsync(TimeSpan.Zero, isUnlimited: true, videoSize: Medium, cuts: Cuts);
        var batch = new Batch(root, "cuts", images: 1);
        await Seeder.RunAsync(batch, sandbox, areFinished: true);
        using var stop = new CancellationTokenSource();
        Task<(int Looks, int WithName, int Partial)> watch = Task.Run(() => WatchAsync(batch.Videos, stop.Token));
        ClientReport report = await batch.ConvertAsync(sandbox);
        await stop.CancelAsync();
        (int checks, int withName, int partial) = await watch;
        SandboxBill bill = await sandbox.GetBillAsync();

        string saved = Directory.EnumerateFiles(batch.Videos, "*.mp4").Single();
        string plain = Path.Combine(root, "cuts", "plain.mp4");
        using (HttpClient http = CreatePlain())
        {
            await CopyAsync(http, await LinkAsync(sandbox, report.Saved.Keys.Single()), plain);
        }

        bool isEqual = await HashAsync(saved) == await HashAsync(plain);
        double sent = bill.DownloadedBytes / (double)new FileInfo(plain).Length;
        string[] left = [.. Directory.EnumerateFiles(batch.Videos).Where(path => path != saved)];
        return
        [
            new($"download cut at 40 %, {Cuts} times: SHA-256 equal", "yes", isEqual ? "yes" : "no", isEqual),
            new($"download cut at 40 %, {Cuts} times: bytes sent over the video's size", "resumes", $"{sent:0.000} in {bill.Downloads} requests", bill.Downloads == Cuts + 1 && sent < 1.01),
            new($"download cut at 40 %, {Cuts} times: checks that found a part under the video's name", "0", $"{partial} of {checks} ({withName} found the name)", partial == 0 && checks > 0),
            new($"download cut at 40 %, {Cuts} times: other files left beside it", "0", $"{left.Length}", left.Length == 0),
        ];
    }

    private static (int Looks, int WithName, int Partial) WatchAsync(string folder, CancellationToken cancellationToken)
    {
        int checks = 0, withName = 0, partial = 0;
        while (!cancellationToken.IsCancellationRequested)
        {
            checks++;
            if (Directory.Exists(folder) && Directory.EnumerateFiles(folder, "*.mp4").FirstOrDefault() is string path)
            {
                withName++;
                partial += new FileInfo(path).Length < Medium ? 1 : 0;
            }

            Thread.Sleep(TimeSpan.FromMilliseconds(1));
        }

        return (checks, withName, partial);
    }

    private static async Task<Uri> LinkAsync(SandboxProcess sandbox, string taskId)
    {
        using var http = new HttpMessageInvoker(Core.Api.ApiHandler.Create(new WebProxy()));
        using var key = Core.Secrets.ApiKey.From(SandboxMode.Key);
        var service = new Core.Api.KlingClient(http, sandbox.Endpoints, key);
        return new Uri((await service.QueryTaskAsync(taskId, default)).ResultUris[0]);
    }

    private static HttpClient CreatePlain()
    {
        var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });

        // The service rejects requests without a User-Agent.
        http.DefaultRequestHeaders.UserAgent.ParseAdd("KlingPS.Bench");
        return http;
    }

    private static async Task CopyAsync(HttpClient http, Uri uri, string path)
    {
        await using var target = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, CopyBuffer, useAsync: true);
        await CopyAsync(http, uri, target);
    }

    /// <summary>As the obvious code would do what a saved video needs.</summary>
    private static async Task CopyCarefullyAsync(HttpClient http, Uri uri, string path)
    {
        using var sha256 = SHA256.Create();
        await using var target = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, CopyBuffer, useAsync: true);
        await using var hashing = new CryptoStream(target, sha256, CryptoStreamMode.Write, leaveOpen: true);
        await CopyAsync(http, uri, hashing);
        await hashing.FlushFinalBlockAsync();
        target.Flush(flushToDisk: true);
    }

    private static async Task CopyAsync(HttpClient http, Uri uri, Stream target)
    {
        await using Stream source = await http.GetStreamAsync(uri);
        await source.CopyToAsync(target, CopyBuffer);
    }

    private static async Task<string> HashAsync(string path)
    {
        await using FileStream file = File.OpenRead(path);
        return Convert.ToHexString(await SHA256.HashDataAsync(file));
    }
}
