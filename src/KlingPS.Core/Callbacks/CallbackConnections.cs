using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace KlingPS.Core.Callbacks;

/// <summary>Serves the connections of a listener: reads one request from each, has the gate judge it, and responds.</summary>
internal sealed class CallbackConnections : IDisposable
{
    /// <summary>How much more of a refused request is read, so that its sender sees the response.</summary>
    private const int MaxLinger = 4 * CallbackGate.MaxBody;

    private static readonly TimeSpan s_longestLinger = TimeSpan.FromSeconds(2);

    private readonly CallbackListenerOptions _options;
    private readonly CallbackGate _gate;
    private readonly CancellationTokenSource _stop = new();
    private readonly object _lock = new();

    /// <summary>The open connections, the oldest first.</summary>
    private readonly LinkedList<Socket> _open = new();

    public CallbackConnections(CallbackListenerOptions options, CallbackGate gate)
    {
        _options = options;
        _gate = gate;
    }

    /// <summary>Serves a connection and closes it. Never throws.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "Whatever went wrong concerns only this connection.")]
    public async Task ServeAsync(Socket connection)
    {
        LinkedListNode<Socket> node = Add(connection);
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

                await stream.WriteAsync(CreateResponse(result), _stop.Token).ConfigureAwait(false);
                await LingerAsync(connection, stream).ConfigureAwait(false);
            }
        }
        catch (Exception)
        {
            // The client has disconnected, or the listener has stopped.
        }
        finally
        {
            Remove(node);
        }
    }

    /// <summary>Closes every connection.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        lock (_lock)
        {
            foreach (Socket connection in _open)
            {
                connection.Dispose();
            }
        }
    }

    /// <summary>Adds a connection. The oldest one is closed to make room, so that callers who keep theirs open cannot shut out others.</summary>
    private LinkedListNode<Socket> Add(Socket connection)
    {
        lock (_lock)
        {
            if (_open.Count >= _options.MaxConnections)
            {
                _open.First!.Value.Dispose();
                _open.RemoveFirst();
            }

            if (_stop.IsCancellationRequested)
            {
                connection.Dispose();
            }

            return _open.AddLast(connection);
        }
    }

    private void Remove(LinkedListNode<Socket> node)
    {
        lock (_lock)
        {
            node.Value.Dispose();
            node.List?.Remove(node);
        }
    }

    /// <summary>Reads as much of the request as is needed to decide; <see langword="null"/> when there is nobody to respond to.</summary>
    private async Task<CallbackResult?> JudgeAsync(NetworkStream stream)
    {
        using var timer = new CancellationTokenSource(_options.RequestTimeout, _options.TimeProvider);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, _stop.Token);
        using var reader = new RequestReader(stream, CallbackGate.MaxBody);
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

    /// <summary>Reads on for a while: closing a connection with unread data resets it, and the response is lost.</summary>
    private async Task LingerAsync(Socket connection, NetworkStream stream)
    {
        using var timer = new CancellationTokenSource(s_longestLinger, _options.TimeProvider);
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

    private static byte[] CreateResponse(CallbackResult result)
    {
        (int status, string reason, string message) = result switch
        {
            CallbackResult.Accepted => (200, "OK", "success"),
            CallbackResult.Forged => (401, "Unauthorized", "signature missing or wrong"),
            CallbackResult.Stale => (401, "Unauthorized", "timestamp outside the window"),
            CallbackResult.Replayed => (409, "Conflict", "received before"),
            CallbackResult.TooLarge => (413, "Content Too Large", "too large"),
            CallbackResult.TooSlow => (408, "Request Timeout", "too slow"),
            CallbackResult.WrongMethod => (405, "Method Not Allowed", "POST only"),
            CallbackResult.WrongPath => (404, "Not Found", "not found"),
            CallbackResult.Overloaded => (503, "Service Unavailable", "try again later"),
            _ => (400, "Bad Request", "not a callback"),
        };

        // The form that the service suggests.
        string json = string.Create(CultureInfo.InvariantCulture, $$"""{"code":{{status}},"msg":"{{message}}"}""");
        string allow = result == CallbackResult.WrongMethod ? "Allow: POST\r\n" : string.Empty;
        return Encoding.ASCII.GetBytes(string.Create(
            CultureInfo.InvariantCulture,
            $"HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\nContent-Length: {json.Length}\r\n{allow}Connection: close\r\n\r\n{json}"));
    }
}
