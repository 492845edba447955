using System.Diagnostics;

namespace KlingPS.Bench.Engine;

/// <summary>The PowerShell that the module is measured in.</summary>
internal static class Shell
{
    /// <summary>Names the program to start as PowerShell, be it <c>pwsh.dll</c>; <c>build.ps1</c> names the one that it runs in. Otherwise <c>pwsh</c> on the path is taken.</summary>
    private const string PathVariable = "KLINGPS_BENCH_PWSH";

    /// <summary>The manifest of the module as the build has staged it.</summary>
    public static string Module { get; } = FindModule();

    /// <summary>Starts a PowerShell of its own: no profile, nobody to ask.</summary>
    /// <param name="arguments">Such as <c>-File</c> and a path, or <c>-Command</c> and a script.</param>
    /// <param name="environment">Variables to add.</param>
    public static Process Start(IEnumerable<string> arguments, Dictionary<string, string>? environment = null)
    {
        string[] all = ["-NoProfile", "-NonInteractive", .. arguments];
        string path = Environment.GetEnvironmentVariable(PathVariable) ?? "pwsh";
        return path.EndsWith(".dll", StringComparison.OrdinalIgnoreCase)
            ? Programs.StartDotnet([path, .. all], environment ?? [])
            : Programs.Start(path, all, environment ?? []);
    }

    /// <summary>Runs a script in a PowerShell of its own.</summary>
    /// <returns>What it has written.</returns>
    public static Task<string> RunAsync(string script, Dictionary<string, string>? environment = null)
        => Programs.ReadToEndAsync(Start(["-Command", script], environment));

    private static string FindModule()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "KlingPS.sln")))
        {
            folder = folder.Parent;
        }

        string staged = Path.Combine(folder?.FullName ?? string.Empty, "out", "KlingPS");
        return Directory.Exists(staged)
            ? Directory.EnumerateFiles(staged, "KlingPS.psd1", SearchOption.AllDirectories).Single()
            : throw new InvalidOperationException("The module is not built. Build KlingPS.sln first.");
    }
}
