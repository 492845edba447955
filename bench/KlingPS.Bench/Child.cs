using System.Diagnostics;
using KlingPS.Sandbox.Hosting;

namespace KlingPS.Bench;

/// <summary>This program once more, as a process of its own in the mode <c>animate</c>.</summary>
internal sealed class Child : IDisposable
{
    private readonly Process _process;
    private readonly Task<string> _errors;

    private Child(Process process)
    {
        _process = process;
        _errors = process.StandardError.ReadToEndAsync();
        Exit = process.WaitForExitAsync();
    }

    /// <summary>Ends with the process.</summary>
    public Task Exit { get; }

    public static Child Animate(SandboxServer server, string images, string videos, string ledger, params string[] more)
    {
        var start = new ProcessStartInfo(
            Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet",
            [
                "exec", typeof(Child).Assembly.Location, "animate",
                "--images", images, "--out", videos, "--ledger", ledger,
                "--endpoint", server.Endpoint.AbsoluteUri, "--upload-endpoint", server.UploadEndpoint.AbsoluteUri,
                .. more,
            ])
        {
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        start.Environment[Client.KeyVariable] = server.ApiKey;
        return new Child(Process.Start(start)!);
    }

    /// <summary>Kills the process as a crash or a power cut would: it has no chance to do anything more.</summary>
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
