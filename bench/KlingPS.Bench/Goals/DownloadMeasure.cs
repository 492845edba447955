using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using KlingPS.Bench.Engine;
using KlingPS.Core.Network;
using KlingPS.Core.Saving;
using KlingPS.Sandbox;

namespace KlingPS.Bench.Goals;

/// <summary>Downloads: how fast they are, and what happens when they are cut.</summary>
internal static class DownloadMeasure
{
    private const long Large = 500_000_000;
    private const long Medium = 64_000_000;
    private const int Repetitions = 5;
    private const int Cuts = 3;
    private const int CopyBuffer = 128 * 1024;

    /// <summary>Compared with the obvious code, HttpClient copied to a file. They alternate, so that both run under the same conditions.</summary>
    public static async Task<IReadOnlyList<Figure>> RunAsync(string root)
    {
        await using SandboxProcess sandbox = await SandboxProcess.StartAsync(TimeSpan.Zero, isUnlimited: true, videoSize: Large);
        Uri video = await BuyAsync(root, "throughput", sandbox);
        string target = Path.Combine(root, "throughput", "video.mp4");
        using HttpClient http = CreatePlain();
        var addresses = new AddressPolicy([video]);
        using SocketsHttpHandler handler = VideoDownloader.CreateHandler(addresses);
        var downloader = new VideoDownloader(handler, addresses, TimeProvider.System);

        var plain = new List<double>();
        var ours = new List<double>();
        for (int i = 0; i <= Repetitions; i++)
        {
            double plainSeconds = await TimeAsync(() => CopyAsync(http, video, target));
            double ourSeconds = await TimeAsync(() => SaveAsync(downloader, video, target));
            if (i > 0)
            {
                plain.Add(Large / plainSeconds / 1e6);
                ours.Add(Large / ourSeconds / 1e6);
            }
        }

        double ratio = ours.At(0.5) / plain.At(0.5);
        return
        [
            Figure.AtLeast($"download of {Large / 1_000_000} MB, medians of {Repetitions}", 1.0, ratio, "×", $"{plain.At(0.5):0} MB/s, HttpClient copied to a file", $"{ours.At(0.5):0} MB/s"),
        ];

        async Task<double> TimeAsync(Func<Task> download)
        {
            File.Delete(target);
            long start = Stopwatch.GetTimestamp();
            await download();
            return Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
    }

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

    /// <summary>Buys one video and returns its link.</summary>
    private static async Task<Uri> BuyAsync(string root, string name, SandboxProcess sandbox)
    {
        IReadOnlyList<string> ids = await Seeder.RunAsync(new Batch(root, name, images: 1), sandbox, areFinished: true);
        return await LinkAsync(sandbox, ids[0]);
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

    /// <summary>Downloads as a video is saved, but for the ledger.</summary>
    private static async Task SaveAsync(VideoDownloader downloader, Uri uri, string path)
    {
        using PartialFile file = await PartialFile.OpenAsync(path, uri.AbsoluteUri, () => Task.CompletedTask, TimeProvider.System, default);
        await downloader.DownloadAsync(file, uri, renewLink: null, progress: null, turn: null, default);
        file.Seal();
        file.Publish(overwrite: false);
    }

    private static async Task CopyAsync(HttpClient http, Uri uri, string path)
    {
        using Stream source = await http.GetStreamAsync(uri);
        await using var target = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, CopyBuffer, useAsync: true);
        await source.CopyToAsync(target, CopyBuffer);
    }

    private static async Task<string> HashAsync(string path)
    {
        await using FileStream file = File.OpenRead(path);
        return Convert.ToHexString(await SHA256.HashDataAsync(file));
    }
}
