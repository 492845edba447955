using KlingPS.Core;
using KlingPS.Core.Api;
using KlingPS.Sandbox;
using KlingPS.Sandbox.Hosting;

namespace KlingPS.Sessions;

/// <summary>The sandbox of a runspace: at most one.</summary>
internal sealed class SandboxHost
{
    private SandboxServer? _server;
    private SandboxOptions? _options;
    private Uri? _endpoint;

    /// <summary>Whether a sandbox is running.</summary>
    public bool IsRunning => _server is not null;

    /// <summary>Starts a sandbox in place of a running one.</summary>
    public KlingSandbox Start(SandboxOptions options, IEnumerable<SandboxFault> faults)
    {
        Stop();
        SandboxServer server = SandboxServer.Start(options);
        try
        {
            foreach (SandboxFault fault in faults)
            {
                server.AddFault(fault);
            }
        }
        catch (ArgumentException)
        {
            server.Dispose();
            throw;
        }

        _server = server;
        _options = options;
        _endpoint = server.Endpoint;
        return Describe();
    }

    /// <summary>The sandbox in its current state.</summary>
    /// <exception cref="KlingException"><see cref="ErrorKind.SandboxNotRunning"/>.</exception>
    public KlingSandbox Describe()
        => _server is not null && _options is not null
            ? new KlingSandbox(_server, _options)
            : throw new KlingException(ErrorKind.SandboxNotRunning, "No sandbox is running.");

    /// <summary>Whether these are the addresses of the running sandbox.</summary>
    /// <remarks>Every session asks this: if no sandbox is running, its assembly is not loaded for that.</remarks>
    public bool IsAt(KlingEndpoints endpoints) => endpoints.Api == _endpoint;

    /// <summary>Stops the sandbox, if one is running.</summary>
    public void Stop()
    {
        Interlocked.Exchange(ref _server, null)?.Dispose();
        _options = null;
        _endpoint = null;
    }
}
