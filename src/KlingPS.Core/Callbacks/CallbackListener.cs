using System.Net;
using System.Net.Sockets;

namespace KlingPS.Core.Callbacks;

/// <summary>
/// Listens for callbacks, responds to each at once, and keeps those it has admitted for others to process. Made for the open
/// internet: bounded in time and memory, whoever calls.
/// </summary>
/// <remarks>
/// It reads HTTP itself, one request per connection. System.Net.HttpListener hands out a request when its head is complete and,
/// outside Windows, never disconnects a client that sends a byte of it now and then; on Windows it needs a URL reservation by an
/// administrator.
/// </remarks>
internal sealed class CallbackListener : IDisposable
{
    private const int Backlog = 512;

    private static readonly TimeSpan s_afterFault = TimeSpan.FromMilliseconds(100);

    private readonly TimeProvider _time;
    private readonly List<Socket> _sockets = [];
    private readonly CallbackConnections _connections;
    private readonly CancellationTokenSource _stop = new();

    private CallbackListener(CallbackListenerOptions options)
    {
        _time = options.TimeProvider;
        Prefix = options.Prefix;
        Gate = new CallbackGate(Prefix.Path, options.Key is null ? null : new CallbackVerifier(options.Key, options.MaxAge, _time), _time);
        _connections = new CallbackConnections(options, Gate);
    }

    /// <summary>Where it listens.</summary>
    public CallbackPrefix Prefix { get; private set; }

    /// <summary>How many requests were answered, and how.</summary>
    public CallbackCounts Counts => Gate.Counts;

    /// <summary>Decides which callbacks are admitted, and keeps those that were.</summary>
    internal CallbackGate Gate { get; }

    /// <summary>Starts listening.</summary>
    /// <exception cref="KlingException"><see cref="ErrorKind.ListenerUnusable"/>: the port is taken or may not be used.</exception>
    public static CallbackListener Start(CallbackListenerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var listener = new CallbackListener(options);
        try
        {
            listener.Bind();
        }
        catch (SocketException exception)
        {
            listener.Dispose();
            throw CreateUnusableException(options.Prefix, exception);
        }

        foreach (Socket socket in listener._sockets)
        {
            _ = listener.AcceptAsync(socket);
        }

        return listener;
    }

    /// <summary>Stops listening and closes every connection. What was admitted can still be processed.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _sockets.ForEach(socket => socket.Dispose());
        _connections.Dispose();
        Gate.Complete();
    }

    private static KlingException CreateUnusableException(CallbackPrefix prefix, SocketException exception)
    {
        string why = exception.SocketErrorCode switch
        {
            SocketError.AddressAlreadyInUse => $"another program, or another Receive-KlingCallback, is listening on port {prefix.Port}",
            SocketError.AccessDenied => $"the system does not let you use port {prefix.Port}; ports below 1024 need special rights, and Windows reserves some ports for itself (netsh interface ipv4 show excludedportrange tcp)",
            SocketError.AddressNotAvailable => "this machine has no such address",
            _ => exception.Message,
        };
        return new KlingException(ErrorKind.ListenerUnusable, $"Nothing can be received at {prefix}: {why}.", exception);
    }

    private void Bind()
    {
        foreach (IPAddress address in Prefix.Addresses)
        {
            var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            _sockets.Add(socket);
            if (address.Equals(IPAddress.IPv6Any))
            {
                socket.DualMode = true;
            }

            if (OperatingSystem.IsWindows())
            {
                // Elsewhere a port is exclusive anyway, and this would keep it from being used again at once.
                socket.ExclusiveAddressUse = true;
            }

            try
            {
                socket.Bind(new IPEndPoint(address, Prefix.Port));
                socket.Listen(Backlog);
                Prefix = Prefix.At(((IPEndPoint)socket.LocalEndPoint!).Port);
            }
            catch (SocketException exception) when (exception.SocketErrorCode == SocketError.AddressNotAvailable && _sockets.Count > 1)
            {
                // The IPv4 address of localhost is enough; containers often have only that one.
                _sockets.Remove(socket);
                socket.Dispose();
            }
        }
    }

    private async Task AcceptAsync(Socket listening)
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                _ = _connections.ServeAsync(await listening.AcceptAsync(_stop.Token).ConfigureAwait(false));
            }
            catch (Exception exception) when (exception is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException)
            {
                // The client has disconnected, or too many files are open. Either will pass.
                await Task.Delay(s_afterFault, _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }
}
