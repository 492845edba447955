using System.Diagnostics;
using KlingPS.Torture;

namespace KlingPS.Bench.Engine;

/// <summary>Other processes that take part in a measurement.</summary>
internal static class Programs
{
    /// <summary>Starts this program again in another mode. Its input and output are redirected.</summary>
    public static Process StartSelf(IEnumerable<string> arguments, Dictionary<string, string>? environment = null)
        => StartDotnet([typeof(Programs).Assembly.Location, .. arguments], environment ?? []);

    /// <summary>Starts the program in an assembly, likewise.</summary>
    public static Process StartDotnet(IEnumerable<string> arguments, Dictionary<string, string> environment)
        => Start(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", ["exec", .. arguments], environment);

    public static Process Start(string program, IEnumerable<string> arguments, Dictionary<string, string> environment)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        start.Environment[Client.KeyVariable] = SandboxMode.Key;
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }

    /// <summary>Everything a process writes until it ends.</summary>
    public static async Task<string> ReadToEndAsync(Process process)
    {
        using (process)
        {
            process.StandardInput.Close();
            string output = await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync();
            return process.ExitCode == 0
                ? output
                : throw new InvalidOperationException($"'{string.Join(' ', process.StartInfo.ArgumentList)}' ended with exit code {process.ExitCode}. {output}");
        }
    }
}
