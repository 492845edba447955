using System.Globalization;
using KlingPS.Bench.Engine;
using KlingPS.Bench.Goals;
using KlingPS.Torture;

namespace KlingPS.Bench;

internal static class Program
{
    private static readonly string s_usage = $"""
        KlingPS.Bench torture [--points N] [--images M] [--seed S] [--responses-lost P] [--workers W] [--machines N]
        KlingPS.Bench race
        KlingPS.Bench telemetry
        KlingPS.Bench ledger
        KlingPS.Bench machines [--only rate,cap,connections,ledger]
        KlingPS.Bench goals [--only {GoalsMode.Names}]
        KlingPS.Bench gallery [--tasks N] [--keep <folder>]
        KlingPS.Bench callbacks [--requests N] [--connections C] [--slow S]
        KlingPS.Bench convert --images <folder> --out <folder> --ledger <file> --endpoint <uri> --upload-endpoint <uri>
                              [--warm-up-endpoint <uri> --warm-up-upload-endpoint <uri>] [--hold <seconds>]
        KlingPS.Bench server --generation <seconds>
        KlingPS.Bench sandbox [--generation <seconds>] [--spread <seconds>] [--unlimited] [--video-size <bytes>] [--cuts N]
        """;

    private static async Task<int> Main(string[] args)
    {
        try
        {
            var arguments = new Arguments(args.Skip(1));
            switch (args.FirstOrDefault())
            {
                case "convert":
                    return await ConvertMode.RunAsync(arguments);
                case "sandbox":
                    return await SandboxMode.RunAsync(arguments);
                case "server":
                    return await OtherServer.RunAsync(TimeSpan.FromSeconds(double.Parse(arguments.Get("generation"), CultureInfo.InvariantCulture)));
                case "goals":
                    return await GoalsMode.RunAsync(arguments, Console.Out);
                case "torture":
                    return await TortureAsync(arguments);
                case "race":
                    return await RaceMode.RunAsync(Console.Out);
                case "telemetry":
                    TelemetryMode.Run(Console.Out);
                    return 0;
                case "ledger":
                    await LedgerMode.RunAsync(Console.Out);
                    return 0;
                case "gallery":
                    return await GalleryMode.RunAsync(int.Parse(arguments.Find("tasks") ?? "10000", CultureInfo.InvariantCulture), arguments.Find("keep"), Console.Out);
                case "machines":
                    return await MachinesMode.RunAsync(arguments, Console.Out);
                case "callbacks":
                    return await CallbackMode.RunAsync(
                        int.Parse(arguments.Find("requests") ?? "10000", CultureInfo.InvariantCulture),
                        int.Parse(arguments.Find("connections") ?? "50", CultureInfo.InvariantCulture),
                        int.Parse(arguments.Find("slow") ?? "200", CultureInfo.InvariantCulture),
                        Console.Out);
                default:
                    await Console.Error.WriteLineAsync(s_usage);
                    return 64;
            }
        }
        catch (FormatException exception)
        {
            await Console.Error.WriteLineAsync(exception.Message);
            await Console.Error.WriteLineAsync(s_usage);
            return 64;
        }
    }

    private static async Task<int> TortureAsync(Arguments arguments)
    {
        TortureOptions defaults = new();
        var options = new TortureOptions
        {
            Points = int.Parse(arguments.Find("points") ?? "1000", CultureInfo.InvariantCulture),
            Images = int.Parse(arguments.Find("images") ?? $"{defaults.Images}", CultureInfo.InvariantCulture),
            Seed = int.Parse(arguments.Find("seed") ?? $"{Environment.TickCount & 0xFFFFFF}", CultureInfo.InvariantCulture),
            ResponsesLost = double.Parse(arguments.Find("responses-lost") ?? "0.05", CultureInfo.InvariantCulture),
            Workers = int.Parse(arguments.Find("workers") ?? $"{defaults.Workers}", CultureInfo.InvariantCulture),
            Progress = Console.Error.WriteLine,
        };
        await using BenchServer? server = arguments.Find("machines") is null ? null : await BenchServer.StartAsync();
        if (server is not null)
        {
            options = options with { Server = server, Machines = int.Parse(arguments.Get("machines"), CultureInfo.InvariantCulture) };
        }

        TortureReport report = await KillTorture.RunAsync(options, CancellationToken.None);
        foreach (string problem in report.Problems)
        {
            Console.WriteLine(problem);
        }

        Console.WriteLine($"seed {options.Seed}: {report}");
        return report.HasViolations ? 1 : 0;
    }
}
