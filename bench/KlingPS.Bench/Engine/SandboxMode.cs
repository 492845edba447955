using System.Globalization;
using KlingPS.Sandbox;
using KlingPS.Sandbox.Hosting;
using KlingPS.Torture;

namespace KlingPS.Bench.Engine;

/// <summary>The sandbox as a process of its own, so that measurements of a client are the client's alone. Ends when its input ends.</summary>
internal static class SandboxMode
{
    public const string Key = "sandbox-bench";

    public static async Task<int> RunAsync(Arguments arguments)
    {
        bool isUnlimited = arguments.Has("unlimited");
        var limits = new SandboxOptions();
        await using SandboxServer server = SandboxServer.Start(new SandboxOptions
        {
            ApiKey = Key,
            Credits = 1_000_000_000,
            GenerationTime = Seconds("generation"),
            CreateLimit = isUnlimited ? int.MaxValue : limits.CreateLimit,
            QueryLimit = isUnlimited ? int.MaxValue : limits.QueryLimit,
            VideoSize = (long)Number("video-size"),
            Seed = 20261122,
        });

        // Each delay is half the one before and affects every other task at random: their sums are evenly spread.
        TimeSpan spread = Seconds("spread");
        for (int part = 1; spread > TimeSpan.Zero && part <= 6; part++)
        {
            server.AddFault(new SandboxFault
            {
                Operation = SandboxOperation.Generate,
                FaultKind = SandboxFaultKind.Delay,
                Delay = spread / (1 << part),
                Probability = 0.5,
                Count = 0,
            });
        }

        if ((int)Number("cuts") is > 0 and int cuts)
        {
            server.AddFault(new SandboxFault { Operation = SandboxOperation.Download, FaultKind = SandboxFaultKind.CutDownload, AtFraction = 0.4, Count = cuts });
        }

        await Console.Out.WriteLineAsync($"{server.Endpoint.AbsoluteUri} {server.UploadEndpoint.AbsoluteUri}");
        await Console.In.ReadToEndAsync();
        return 0;

        double Number(string name) => double.Parse(arguments.Find(name) ?? "0", CultureInfo.InvariantCulture);

        TimeSpan Seconds(string name) => TimeSpan.FromSeconds(Number(name));
    }
}
