using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using KlingPS.Core.Api;
using KlingPS.Core.Converting;
using KlingPS.Core.Model;
using KlingPS.Core.Saving;
using KlingPS.Core.Sessions;
using KlingPS.Core.Stages;
using KlingPS.Core.Submitting;
using KlingPS.Torture;

namespace KlingPS.Bench.Engine;

/// <summary>A client process: turns a folder of images into videos with the engine, and reports on itself.</summary>
internal static class ConvertMode
{
    public const string Prompt = "The camera moves slowly closer.";

    private const int WarmUpAccounts = 10;

    public static async Task<int> RunAsync(Arguments arguments)
    {
        await WarmUpAsync(arguments);
        await using Client client = Client.Open(arguments);
        await client.Session.Ledger.OpenAsync(default);
        ClientReport report = await ConvertAsync(
            client,
            arguments.Get("images"),
            arguments.Get("out"),
            arguments.Find("hold") is string hold ? TimeSpan.FromSeconds(double.Parse(hold, CultureInfo.InvariantCulture)) : null);
        await Console.Out.WriteLineAsync(JsonSerializer.Serialize(report));
        return 0;
    }

    /// <summary>
    /// Converts other folders first, with another sandbox, so that most code is compiled when the measurement starts. They
    /// belong to several accounts, since one account may buy only 20 videos in 10 seconds.
    /// </summary>
    private static async Task WarmUpAsync(Arguments arguments)
    {
        if (arguments.Find("warm-up-endpoint") is string endpoint)
        {
            var endpoints = new KlingEndpoints(new Uri(endpoint), new Uri(arguments.Get("warm-up-upload-endpoint")));
            string root = Directory.CreateTempSubdirectory("klingps-warm-up-").FullName;
            await Task.WhenAll(Enumerable.Range(0, WarmUpAccounts).Select(async number =>
            {
                string folder = Path.Combine(root, $"{number}");
                ImageFolder.Fill(Path.Combine(folder, "images"), count: 20, seed: number);
                await using var client = Client.Open(Path.Combine(folder, "ledger.db"), endpoints, SandboxMode.Key);
                await ConvertAsync(client, Path.Combine(folder, "images"), Path.Combine(folder, "videos"), hold: null);
            }));
            Directory.Delete(root, recursive: true);
        }
    }

    /// <param name="client">Who pays.</param>
    /// <param name="images">The folder of images.</param>
    /// <param name="videos">The folder of videos.</param>
    /// <param name="hold">How long to keep all tasks in flight, and then give up; <see langword="null"/> to wait for all videos.</param>
    private static async Task<ClientReport> ConvertAsync(Client client, string images, string videos, TimeSpan? hold)
    {
        var saved = new ConcurrentDictionary<string, DateTimeOffset>();
        var errors = new ConcurrentQueue<string>();
        using var stop = new CancellationTokenSource();
        using var stopWatching = new CancellationTokenSource();
        using var process = Process.GetCurrentProcess();
        var gauge = new MemoryGauge();

        // Watching takes processor time itself.
        Task watch = hold is null ? Task.CompletedTask : gauge.WatchAsync(stopWatching.Token);

        process.Refresh();
        TimeSpan cpu = process.TotalProcessorTime;
        DateTimeOffset startedAt = DateTimeOffset.UtcNow;
        long start = Stopwatch.GetTimestamp();
        using var converter = new VideoConverter(
            new KlingService(client.Session, observer: null),
            new ConversionOptions { Save = new SaveOptions { Destination = Path.GetFullPath(videos) } });
        Task[] all =
        [
            .. Directory.EnumerateFiles(Path.GetFullPath(images)).Order(StringComparer.Ordinal)
                .Select(path => converter.Accept(new Submission { Spec = new VideoSpec { Prompt = Prompt, Image = MediaSource.FromFile(path) } })!)
                .Select(item => Task.Run(() => ConvertAsync(item))),
        ];
        int inFlight = 0;
        double? toFlight = null;
        if (hold is TimeSpan time)
        {
            while (converter.Counts.Generating < all.Length)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(50));
            }

            toFlight = Stopwatch.GetElapsedTime(start).TotalSeconds;
            await Task.Delay(time);
            inFlight = converter.Counts.Generating;
            await stop.CancelAsync();
        }

        await Task.WhenAll(all);
        TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
        process.Refresh();
        cpu = process.TotalProcessorTime - cpu;
        await stopWatching.CancelAsync();
        await watch;
        return new ClientReport
        {
            StartedAt = startedAt,
            Seconds = elapsed.TotalSeconds,
            CpuMilliseconds = cpu.TotalMilliseconds,
            Saved = saved,
            Errors = [.. errors],
            InFlight = inFlight,
            SecondsToFlight = toFlight,
            Resident = gauge.Resident,
            Heap = gauge.Heap,
        };

        async Task ConvertAsync(ConversionItem item)
        {
            try
            {
                Outcome<ConversionItem, SavedVideo> outcome = await converter.ConvertAsync(item, stop.Token);
                if (outcome.Error is not null)
                {
                    errors.Enqueue(outcome.Error.Message);
                }
                else
                {
                    saved[outcome.Value!.Task.TaskId!] = DateTimeOffset.UtcNow;
                }
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                // The tasks were held long enough.
            }
        }
    }
}
