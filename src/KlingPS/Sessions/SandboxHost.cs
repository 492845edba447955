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
    /// <exception cref="KlingException"><see cref="ErrorKind.ListenerUnusable"/>: the port is taken or may not be used.</exception>
    public KlingSandbox Start(SandboxOptions options, IEnumerable<SandboxFault> faults)
    {
        Stop();
        SandboxServer server = Listen(options);
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

    private static SandboxServer Listen(SandboxOptions options)
    {
        try
        {
            return SandboxServer.Start(options);
        }
        catch (IOException exception)
        {
            throw new KlingException(ErrorKind.ListenerUnusable, exception.Message, exception)
            {
                Advice = "Choose another port with Start-KlingSandbox -Port, leave -Port out to get a free one, or stop the program that is using this one.",
            };
        }
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
