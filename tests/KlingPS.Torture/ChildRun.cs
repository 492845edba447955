using System.Diagnostics;
using KlingPS.Sandbox.Hosting;

namespace KlingPS.Torture;

/// <summary>An unattended run in a process of its own, which can be killed.</summary>
internal sealed class ChildRun : IDisposable
{
    private readonly Process _process;
    private readonly Task<string> _errors;

    private ChildRun(Process process)
    {
        _process = process;
        _errors = process.StandardError.ReadToEndAsync();
        Exit = process.WaitForExitAsync();
    }

    /// <summary>Completes when the process ends.</summary>
    public Task Exit { get; }

    public static ChildRun Start(SandboxServer server, string images, string videos, string ledger, params string[] more)
    {
        var start = new ProcessStartInfo(
            Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet",
            [
                "exec", typeof(ChildRun).Assembly.Location,
                "--images", images, "--out", videos, "--ledger", ledger,
                "--endpoint", server.Endpoint.AbsoluteUri, "--upload-endpoint", server.UploadEndpoint.AbsoluteUri,
                .. more,
            ])
        {
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        start.Environment[Client.KeyVariable] = server.ApiKey;

        // A process that is killed leaves the pipes for its diagnostics behind.
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        return new ChildRun(Process.Start(start)!);
    }

    /// <summary>Kills the process as a crash would: it gets no chance to do anything more.</summary>
    public void Kill() => _process.Kill();

    /// <summary>How the process ended.</summary>
    public async Task<(int ExitCode, string Errors)> EndAsync()
    {
        await Exit;
        return (_process.ExitCode, (await _errors).Trim());
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.Dispose();
    }
}
