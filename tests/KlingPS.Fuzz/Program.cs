using System.Diagnostics;
using System.Globalization;

namespace KlingPS.Fuzz;

internal static class Program
{
    private const int MaxFindings = 20;

    /// <summary>In milliseconds. An input that takes longer is taken for one that never ends.</summary>
    private const int Patience = 120_000;

    private static readonly string s_usage = $"""
        KlingPS.Fuzz <target> [--inputs N] [--seed S] [--out <folder>]
        KlingPS.Fuzz <target> --replay <file>
        Targets: {string.Join(", ", FuzzTargets.Names)}, or all.
        """;

    private static async Task<int> Main(string[] args)
    {
        if (args.Length == 0 || args.Length % 2 == 0 || (args[0] != "all" && !FuzzTargets.Names.Contains(args[0])))
        {
            await Console.Error.WriteLineAsync(s_usage);
            return 64;
        }

        long inputs = 100_000;
        int seed = 1;
        string folder = Directory.GetCurrentDirectory();
        string? replay = null;
        for (int i = 1; i < args.Length; i += 2)
        {
            switch (args[i])
            {
                case "--inputs" when long.TryParse(args[i + 1], NumberStyles.None, CultureInfo.InvariantCulture, out inputs) && inputs > 0:
                case "--seed" when int.TryParse(args[i + 1], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out seed):
                    break;
                case "--out":
                    folder = args[i + 1];
                    break;
                case "--replay" when args[0] != "all":
                    replay = args[i + 1];
                    break;
                default:
                    await Console.Error.WriteLineAsync(s_usage);
                    return 64;
            }
        }

        bool isGood = true;
        foreach (string name in args[0] == "all" ? FuzzTargets.Names : [args[0]])
        {
            using FuzzTarget target = FuzzTargets.Create(name);
            isGood &= replay is null ? await RunAsync(target, inputs, seed, folder) : await ReplayAsync(target, replay);
        }

        return isGood ? 0 : 1;
    }

    private static async Task<bool> RunAsync(FuzzTarget target, long inputs, int seed, string folder)
    {
        long findings = 0;
        long begun = Stopwatch.GetTimestamp();
        byte[] current = [];
        using var watchdog = new Timer(_ =>
        {
            if (Stopwatch.GetElapsedTime(Volatile.Read(ref begun)).TotalMilliseconds > Patience)
            {
                Console.Error.WriteLine($"{target.Name}: an input never ends. {Keep(folder, $"{target.Name}-hang", Volatile.Read(ref current))}");
                Environment.Exit(1);
            }
        });
        watchdog.Change(Patience / 4, Patience / 4);
        FuzzReport report = await FuzzRunner.RunAsync(
            target,
            inputs,
            seed,
            (_, input) =>
            {
                Volatile.Write(ref current, input);
                Volatile.Write(ref begun, Stopwatch.GetTimestamp());
            },
            finding =>
            {
                if (++findings <= MaxFindings)
                {
                    Console.WriteLine($"{target.Name}, input {finding.Number}: {finding.What}");
                    Console.WriteLine(Keep(folder, string.Create(CultureInfo.InvariantCulture, $"{target.Name}-{seed}-{finding.Number}"), finding.Input));
                }
            });
        Console.WriteLine($"seed {seed}, {report}");
        return report.IsGood;
    }

    private static async Task<bool> ReplayAsync(FuzzTarget target, string file)
    {
        try
        {
            await target.ReadAsync(await File.ReadAllBytesAsync(file));
            Console.WriteLine("It was read.");
            return true;
        }
        catch (Exception exception) when (target.IsExpected(exception))
        {
            Console.WriteLine($"It was refused: {exception.Message}");
            return true;
        }
        catch (Exception exception) when (exception is not IOException)
        {
            Console.WriteLine(exception);
            return false;
        }
    }

    private static string Keep(string folder, string name, byte[] input)
    {
        Directory.CreateDirectory(folder);
        string path = Path.Combine(folder, name + ".bin");
        File.WriteAllBytes(path, input);
        return $"The input is in '{path}'.";
    }
}
