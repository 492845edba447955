using System.Net;
using System.Net.Sockets;

namespace KlingPS.Sandbox.Http;

/// <summary>Accepts requests on three loopback ports and hands each to a handler, until it is stopped.</summary>
internal sealed class LoopbackListener : IDisposable
{
    private const int PendingAccepts = 8;
    private const int StartAttempts = 20;

    private readonly HttpListener _listener;
    private readonly int[] _ports;
    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationToken _stoppingToken;
    private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Users of the listener: the handlers that run, and the listener itself until it is disposed.
    private int _users = 1;
    private int _stopped;

    private LoopbackListener(HttpListener listener, int[] ports)
    {
        _listener = listener;
        _ports = ports;
        _stoppingToken = _stopping.Token;
    }

    /// <summary>Completes when the listener is disposed and the last handler has finished.</summary>
    internal Task Idle => _idle.Task;

    internal bool IsRunning => Volatile.Read(ref _stopped) == 0;

    /// <exception cref="IOException">The fixed port is taken, or no free ports were found.</exception>
    internal static LoopbackListener Start(int apiPort)
    {
        for (int attempt = 1; ; attempt++)
        {
            // Another process can take a port between the moment it is found free and the moment it is listened on; then others are tried.
            int[] ports = FindFreePorts();
            if (apiPort != 0)
            {
                ports[(int)LoopbackHost.Api] = apiPort;
            }

            HttpListener listener = new();
            foreach (int port in ports)
            {
                listener.Prefixes.Add($"http://127.0.0.1:{port}/");
            }

            try
            {
                listener.Start();
                return new LoopbackListener(listener, ports);
            }
            catch (Exception exception) when (exception is HttpListenerException or SocketException)
            {
                listener.Close();
                if (attempt == StartAttempts)
                {
                    string port = apiPort == 0 ? "a free loopback port" : $"loopback port {apiPort}";
                    throw new IOException($"The sandbox cannot listen on {port}: {exception.Message}", exception);
                }
            }
        }
    }

    internal Uri EndpointOf(LoopbackHost host) => new($"http://127.0.0.1:{_ports[(int)host]}/");

    /// <summary>Begins to accept. The handler owns the response and must not throw.</summary>
    internal void Accept(Func<HttpListenerContext, LoopbackHost, CancellationToken, Task> handler)
    {
        for (int i = 0; i < PendingAccepts; i++)
        {
            _ = AcceptLoopAsync(handler);
        }
    }

    /// <summary>Stops accepting, cancels the handlers and closes every connection.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _stopped, 1) != 0)
        {
            return;
        }

        _stopping.Cancel();
        _listener.Close();
        _stopping.Dispose();
        Leave();
    }

    private static int[] FindFreePorts()
    {
        TcpListener[] probes = [new(IPAddress.Loopback, 0), new(IPAddress.Loopback, 0), new(IPAddress.Loopback, 0)];
        try
        {
            return Array.ConvertAll(probes, static probe =>
            {
                probe.Start();
                return ((IPEndPoint)probe.LocalEndpoint).Port;
            });
        }
        finally
        {
            Array.ForEach(probes, static probe => probe.Stop());
        }
    }

    private async Task AcceptLoopAsync(Func<HttpListenerContext, LoopbackHost, CancellationToken, Task> handler)
    {
        while (IsRunning)
        {
            HttpListenerContext context;
            try
            {
                context = await _listener.GetContextAsync().ConfigureAwait(false);
            }
            catch (Exception) when (!IsRunning)
            {
                return;
            }
            catch (HttpListenerException)
            {
                continue; // One client's connection broke while it was being accepted.
            }

            _ = HandleAsync(context, handler);
        }
    }

    private async Task HandleAsync(HttpListenerContext context, Func<HttpListenerContext, LoopbackHost, CancellationToken, Task> handler)
    {
        Interlocked.Increment(ref _users);

        // Closing the listener would complete the responses under way as if they were whole; so they are broken first,
        // from the moment the request has been accepted.
        using CancellationTokenRegistration stopping = _stoppingToken.Register(() => Exchange.Break(context.Response));
        try
        {
            // The accept loop must continue at once, whatever the handler does first.
            await Task.Yield();
            LoopbackHost host = (LoopbackHost)Array.IndexOf(_ports, context.Request.LocalEndPoint.Port);
            await handler(context, host, _stoppingToken).ConfigureAwait(false);
        }
        finally
        {
            Leave();
        }
    }

    private void Leave()
    {
        if (Interlocked.Decrement(ref _users) == 0)
        {
            _idle.TrySetResult();
        }
    }
}

/// <summary>The three hosts of the service, each on its own port.</summary>
internal enum LoopbackHost
{
    Api,
    Upload,
    Download,
}
