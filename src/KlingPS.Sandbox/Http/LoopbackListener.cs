using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace KlingPS.Sandbox.Http;

/// <summary>Accepts connections on three loopback ports, in IPv4 and, if there is one, IPv6, and hands each request to a handler, until it is stopped.</summary>
internal sealed class LoopbackListener : IDisposable
{
    private const int StartAttempts = 20;

    private readonly Socket[][] _listeners;
    private readonly int[] _ports;
    private readonly ConcurrentDictionary<Socket, HttpConnection> _connections = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationToken _stoppingToken;
    private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Users of the listener: the connections that are served, and the listener itself until it is disposed.
    private int _users = 1;
    private int _stopped;

    private LoopbackListener(Socket[][] listeners, int[] ports)
    {
        _listeners = listeners;
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
            List<Socket[]> listeners = [];
            try
            {
                foreach (LoopbackHost host in Enum.GetValues<LoopbackHost>())
                {
                    listeners.Add(Listen(host == LoopbackHost.Api ? apiPort : 0));
                }

                return new LoopbackListener([.. listeners], [.. listeners.Select(pair => ((IPEndPoint)pair[0].LocalEndPoint!).Port)]);
            }
            catch (SocketException exception)
            {
                // A port that is free in IPv4 may be taken in IPv6; then other ports are tried.
                listeners.SelectMany(pair => pair).ToList().ForEach(socket => socket.Dispose());
                if (attempt == StartAttempts || (apiPort != 0 && listeners.Count == 0))
                {
                    string port = apiPort == 0 ? "a free loopback port" : $"loopback port {apiPort}";
                    throw new IOException($"The sandbox cannot listen on {port}: {exception.Message}", exception);
                }
            }
        }
    }

    internal Uri EndpointOf(LoopbackHost host) => new($"http://127.0.0.1:{_ports[(int)host]}/");

    /// <summary>Begins to accept. The handler must not throw.</summary>
    internal void Accept(Func<HttpRequest, HttpResponse, LoopbackHost, CancellationToken, Task> handler)
    {
        foreach (LoopbackHost host in Enum.GetValues<LoopbackHost>())
        {
            foreach (Socket listener in _listeners[(int)host])
            {
                _ = AcceptLoopAsync(listener, host, handler);
            }
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
        _listeners.SelectMany(pair => pair).ToList().ForEach(listener => listener.Dispose());
        foreach (HttpConnection connection in _connections.Values)
        {
            connection.Close();
        }

        _stopping.Dispose();
        Leave();
    }

    /// <summary>Listens on one port of 127.0.0.1, and of ::1 if the machine has it.</summary>
    /// <exception cref="SocketException">The port is taken in one of them.</exception>
    private static Socket[] Listen(int port)
    {
        List<Socket> listeners = [];
        try
        {
            listeners.Add(Bind(IPAddress.Loopback, port));
            if (Socket.OSSupportsIPv6)
            {
                listeners.Add(Bind(IPAddress.IPv6Loopback, ((IPEndPoint)listeners[0].LocalEndPoint!).Port));
            }
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.AddressNotAvailable && listeners.Count > 0)
        {
            // There is IPv6, but it has no loopback address, as in many containers.
        }
        catch (SocketException)
        {
            listeners.ForEach(listener => listener.Dispose());
            throw;
        }

        return [.. listeners];
    }

    private static Socket Bind(IPAddress address, int port)
    {
        Socket socket = new(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (OperatingSystem.IsWindows())
            {
                // Elsewhere an address cannot be listened on twice anyway, and the option means something else.
                socket.ExclusiveAddressUse = true;
            }

            socket.Bind(new IPEndPoint(address, port));
            socket.Listen(512);
            return socket;
        }
        catch (SocketException)
        {
            socket.Dispose();
            throw;
        }
    }

    private async Task AcceptLoopAsync(Socket listener, LoopbackHost host, Func<HttpRequest, HttpResponse, LoopbackHost, CancellationToken, Task> handler)
    {
        while (IsRunning)
        {
            try
            {
                Socket socket = await listener.AcceptAsync().ConfigureAwait(false);
                _ = ServeAsync(socket, host, handler);
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
            {
                // One client's connection broke while it was being accepted, or the listener is stopping.
            }
        }
    }

    private async Task ServeAsync(Socket socket, LoopbackHost host, Func<HttpRequest, HttpResponse, LoopbackHost, CancellationToken, Task> handler)
    {
        Interlocked.Increment(ref _users);
        try
        {
            HttpConnection connection = new(socket, (request, response) => handler(request, response, host, _stoppingToken), name => IsHost(name, _ports[(int)host]));
            _connections[socket] = connection;

            // It was accepted while the listener stopped, and nobody else closes it.
            if (!IsRunning)
            {
                connection.Close();
            }

            // The accept loop must continue at once, whatever the handler does first.
            await Task.Yield();
            await connection.ServeAsync(_stoppingToken).ConfigureAwait(false);
        }
        finally
        {
            _connections.TryRemove(socket, out _);
            Leave();
        }
    }

    /// <summary>Whether a Host header names this listener: one of loopback's three names, with the port unless that is HTTP's own.</summary>
    private static bool IsHost(string name, int port)
    {
        string suffix = string.Create(CultureInfo.InvariantCulture, $":{port}");
        string bare = name.EndsWith(suffix, StringComparison.Ordinal) ? name[..^suffix.Length] : port == 80 ? name : string.Empty;
        return bare.ToLowerInvariant() is "127.0.0.1" or "localhost" or "[::1]";
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
