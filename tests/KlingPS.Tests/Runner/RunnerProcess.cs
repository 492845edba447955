using System.Diagnostics;
using System.Reflection;

namespace KlingPS.Tests.Runner;

/// <summary>Runs a script in the built runner, as a user of <c>dotnet run</c> does, with nothing to type at.</summary>
internal static class RunnerProcess
{
    private static readonly string s_runner = typeof(RunnerProcess).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == "RunnerPath")
        .Value!;

    public static Task<RunnerResult> RunScriptAsync(string script, params string[] arguments) => RunScriptAsync(script, workingDirectory: null, arguments);

    public static async Task<RunnerResult> RunScriptAsync(string script, string? workingDirectory, string[] arguments)
    {
        string folder = Directory.CreateTempSubdirectory("KlingPS-").FullName;
        try
        {
            string file = Path.Combine(folder, "script.ps1");
            await File.WriteAllTextAsync(file, script);
            return await RunAsync(workingDirectory, [file, .. arguments]);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    public static async Task<RunnerResult> RunAsync(string? workingDirectory, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [s_runner, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = workingDirectory ?? string.Empty,
        };
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return new RunnerResult(process.ExitCode, await output, await error);
    }
}
