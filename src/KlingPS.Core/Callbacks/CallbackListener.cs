using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace KlingPS.Core.Callbacks;

/// <summary>
/// Listens for callbacks, answers each at once, and keeps what it has let in for others to look into. Made for the open
/// internet: bounded in time and in memory whoever calls.
/// </summary>
/// <remarks>
/// It reads HTTP by itself, one request for each connection. System.Net.HttpListener hands out a request when its head is
/// complete and, outside Windows, never cuts a client that sends one byte of it now and then; on Windows it needs a
/// reservation of the address by an administrator.
/// </remarks>
public sealed class CallbackListener : IDisposable
{
    /// <summary>The longest body, in bytes. The service's own are a few thousand.</summary>
    public const int MaxBody = 1024 * 1024;

    private const int Backlog = 512;

    /// <summary>What is still read of a refused request, so that its sender gets to see the answer.</summary>
    private const int MaxLinger = 4 * MaxBody;

    private static readonly TimeSpan s_linger = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_afterFault = TimeSpan.FromMilliseconds(100);

    private readonly CallbackListenerOptions _options;
    private readonly CallbackGate _gate;
    private readonly TimeProvider _time;
    private readonly List<Socket> _sockets = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly object _lock = new();
    private readonly LinkedList<Socket> _connections = new();

    private CallbackListener(CallbackListenerOptions options)
    {
        _options = options;
        _time = options.TimeProvider;
        Prefix = options.Prefix;
        _gate = new CallbackGate(Prefix.Path, options.Key is null ? null : new CallbackVerifier(options.Key, options.MaxAge, _time), _time);
    }

    /// <summary>Where it listens.</summary>
    public CallbackPrefix Prefix { get; private set; }

    /// <summary>How many requests were answered how.</summary>
    public CallbackCounts Counts => _gate.Counts;

    /// <summary>What decides who is let in, and keeps what was.</summary>
    internal CallbackGate Gate => _gate;

    /// <summary>Begins to listen.</summary>
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
            throw Unusable(options.Prefix, exception);
        }

        foreach (Socket socket in listener._sockets)
        {
            _ = listener.AcceptAsync(socket);
        }

        return listener;
    }

    /// <summary>Stops listening and closes every connection. What was let in stays to be looked into.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _sockets.ForEach(socket => socket.Dispose());
        lock (_lock)
        {
            foreach (Socket connection in _connections)
            {
                connection.Dispose();
            }
        }

        _gate.Complete();
    }

    private static KlingException Unusable(CallbackPrefix prefix, SocketException exception)
    {
        string why = exception.SocketErrorCode switch
        {
            SocketError.AddressAlreadyInUse => $"another program, or another Receive-KlingCallback, listens on port {prefix.Port} already",
            SocketError.AccessDenied => $"the system does not let you use port {prefix.Port}; ports below 1024 need rights, and Windows keeps some ports for itself (netsh interface ipv4 show excludedportrange tcp)",
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
                // Elsewhere this is so anyway, and there it would keep the port from being used again at once.
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
                // Of localhost, the address of version 4 is enough; containers often have no other.
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
                Socket connection = await listening.AcceptAsync(_stop.Token).ConfigureAwait(false);
                _ = ServeAsync(connection);
            }
            catch (Exception exception) when (exception is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException)
            {
                // The client has gone again, or there are too many open files: that passes.
                await Task.Delay(s_afterFault, _time).ConfigureAwait(false);
            }
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever went wrong concerns this connection alone.")]
    private async Task ServeAsync(Socket connection)
    {
        LinkedListNode<Socket> place = Enter(connection);
        try
        {
            await Task.Yield();
            EndPoint? client = connection.RemoteEndPoint;
            using var stream = new NetworkStream(connection, ownsSocket: false);
            if (await JudgeAsync(stream).ConfigureAwait(false) is CallbackResult result)
            {
                if (_gate.Count(result) == 1 && result != CallbackResult.Accepted)
                {
                    _options.OnFirstRefused?.Invoke(client, result);
                }

                await stream.WriteAsync(AnswerOf(result), _stop.Token).ConfigureAwait(false);
                await LingerAsync(connection, stream).ConfigureAwait(false);
            }
        }
        catch (Exception)
        {
            // The client has gone, or the listener has been stopped.
        }
        finally
        {
            Leave(place);
        }
    }

    /// <summary>Takes a connection in; so that callers who hold theirs open cannot keep others out, the oldest makes room.</summary>
    private LinkedListNode<Socket> Enter(Socket connection)
    {
        lock (_lock)
        {
            if (_connections.Count >= _options.MaxConnections)
            {
                _connections.First!.Value.Dispose();
                _connections.RemoveFirst();
            }

            if (_stop.IsCancellationRequested)
            {
                connection.Dispose();
            }

            return _connections.AddLast(connection);
        }
    }

    private void Leave(LinkedListNode<Socket> place)
    {
        lock (_lock)
        {
            place.Value.Dispose();
            place.List?.Remove(place);
        }
    }

    /// <summary>Reads the request, as far as needed, and decides; <see langword="null"/> when there is nobody to answer.</summary>
    private async Task<CallbackResult?> JudgeAsync(NetworkStream stream)
    {
        using var timer = new CancellationTokenSource(_options.RequestTimeout, _time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, _stop.Token);
        using var reader = new RequestReader(stream, MaxBody);
        try
        {
            if (await reader.ReadHeadAsync(linked.Token).ConfigureAwait(false) is not RequestHead head)
            {
                return null;
            }

            if (_gate.JudgeHead(head) is CallbackResult refusal)
            {
                return refusal;
            }

            if (head.ExpectsContinue)
            {
                await stream.WriteAsync("HTTP/1.1 100 Continue\r\n\r\n"u8.ToArray(), linked.Token).ConfigureAwait(false);
            }

            return _gate.Admit(head, await reader.ReadBodyAsync(head, linked.Token).ConfigureAwait(false));
        }
        catch (RefusedRequestException refused)
        {
            return refused.Result;
        }
        catch (OperationCanceledException) when (!_stop.IsCancellationRequested)
        {
            return CallbackResult.TooSlow;
        }
    }

    /// <summary>A connection that is closed while data waits in it is reset, and the answer is lost with it.</summary>
    private async Task LingerAsync(Socket connection, NetworkStream stream)
    {
        using var timer = new CancellationTokenSource(s_linger, _time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, _stop.Token);
        connection.Shutdown(SocketShutdown.Send);
        byte[] rest = new byte[4096];
        for (int total = 0; total < MaxLinger;)
        {
            int read = await stream.ReadAsync(rest, linked.Token).ConfigureAwait(false);
            if (read == 0)
            {
                return;
            }

            total += read;
        }
    }

    private static byte[] AnswerOf(CallbackResult result)
    {
        (int status, string reason, string body) = result switch
        {
            CallbackResult.Accepted => (200, "OK", "success"),
            CallbackResult.Forged => (401, "Unauthorized", "signature missing or wrong"),
            CallbackResult.Stale => (401, "Unauthorized", "timestamp outside the window"),
            CallbackResult.Replayed => (409, "Conflict", "received before"),
            CallbackResult.TooLarge => (413, "Content Too Large", "too large"),
            CallbackResult.TooSlow => (408, "Request Timeout", "too slow"),
            CallbackResult.WrongMethod => (405, "Method Not Allowed", "POST only"),
            CallbackResult.WrongPath => (404, "Not Found", "not here"),
            CallbackResult.Overloaded => (503, "Service Unavailable", "try again later"),
            _ => (400, "Bad Request", "no callback"),
        };

        // The form that the service suggests for the answer.
        string json = string.Create(CultureInfo.InvariantCulture, $$"""{"code":{{status}},"msg":"{{body}}"}""");
        string allow = result == CallbackResult.WrongMethod ? "Allow: POST\r\n" : string.Empty;
        return Encoding.ASCII.GetBytes(string.Create(
            CultureInfo.InvariantCulture,
            $"HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\nContent-Length: {json.Length}\r\n{allow}Connection: close\r\n\r\n{json}"));
    }
}
