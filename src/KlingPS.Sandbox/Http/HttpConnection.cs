using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace KlingPS.Sandbox.Http;

/// <summary>
/// A client's connection: reads its requests one after the other, however many arrive at once, and has each answered before the next.
/// System.Net.HttpListener lacks some of what clients rely on: pipelined requests, HEAD, several names for one address.
/// </summary>
internal sealed class HttpConnection(Socket socket, Func<HttpRequest, HttpResponse, Task> handler, Func<string, bool> isHost)
{
    private const int MaxHead = 32 * 1024;

    /// <summary>How much of an unread body is skipped, before the connection is closed instead.</summary>
    private const int MaxSkip = 1024 * 1024;

    private readonly byte[] _buffer = new byte[16 * 1024];
    private int _start;
    private int _end;

    /// <summary>Serves the connection until the client or the server closes it. Never throws.</summary>
    internal async Task ServeAsync(CancellationToken cancellationToken)
    {
        try
        {
            socket.NoDelay = true;
            while (await ServeOneAsync(cancellationToken).ConfigureAwait(false))
            {
            }
        }
        catch (Exception exception) when (exception is IOException or SocketException or ObjectDisposedException or OperationCanceledException or InvalidDataException)
        {
            // The client has gone, or the server is stopping.
        }
        finally
        {
            Close();
        }
    }

    internal async Task SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[await socket.SendAsync(bytes, SocketFlags.None, cancellationToken).ConfigureAwait(false)..];
        }
    }

    /// <summary>Closes the connection. What has been sent still arrives, unless something from the client is unread.</summary>
    internal void Close()
    {
        try
        {
            socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // The client has closed it first.
        }

        socket.Dispose();
    }

    private async Task<bool> ServeOneAsync(CancellationToken cancellationToken)
    {
        if (await ReadHeadAsync(cancellationToken).ConfigureAwait(false) is not List<string> lines)
        {
            return false;
        }

        if (!HttpRequest.TryParse(lines, out HttpRequest? request))
        {
            await RefuseAsync(400, "Bad Request", cancellationToken).ConfigureAwait(false);
            return false;
        }

        // A request for another name comes from a web page elsewhere whose name was made to resolve to this machine.
        if (request.Headers["Host"] is string host ? !isHost(host) : request.IsVersion11)
        {
            await RefuseAsync(400, "Bad Request (Invalid host)", cancellationToken).ConfigureAwait(false);
            return false;
        }

        HttpResponse response = new(this, request);
        RequestBody body = new(this, request);
        request.Body = body;
        await handler(request, response).ConfigureAwait(false);
        return response.IsComplete && request.KeepsAlive && await body.SkipAsync(MaxSkip, cancellationToken).ConfigureAwait(false);
    }

    private Task RefuseAsync(int status, string reason, CancellationToken cancellationToken)
    {
        string page = $"<html><body><h1>{status.ToString(CultureInfo.InvariantCulture)} {reason}</h1></body></html>\n";
        return SendAsync(
            Encoding.ASCII.GetBytes(string.Create(
                CultureInfo.InvariantCulture,
                $"HTTP/1.1 {status} {reason}\r\nContent-Type: text/html\r\nContent-Length: {page.Length}\r\nConnection: close\r\n\r\n{page}")),
            cancellationToken);
    }

    /// <returns>The lines of a head; null if the connection has ended without another one.</returns>
    private async Task<List<string>?> ReadHeadAsync(CancellationToken cancellationToken)
    {
        List<string> lines = [];
        int room = MaxHead;
        while (true)
        {
            if (await ReadLineAsync(room, cancellationToken).ConfigureAwait(false) is not string line)
            {
                return lines.Count == 0 ? null : throw new InvalidDataException("The request ends in its head.");
            }

            room -= line.Length + 2;
            if (line.Length > 0)
            {
                lines.Add(line);
            }
            else if (lines.Count > 0)
            {
                return lines;
            }
        }
    }

    /// <returns>A line without its end; null if the connection ends before its first byte.</returns>
    /// <exception cref="InvalidDataException">It is longer than the limit, or the connection ends in it.</exception>
    private async Task<string?> ReadLineAsync(int limit, CancellationToken cancellationToken)
    {
        StringBuilder line = new();
        while (true)
        {
            if (_start == _end && !await FillAsync(cancellationToken).ConfigureAwait(false))
            {
                return line.Length == 0 ? null : throw new InvalidDataException("The request ends in a line.");
            }

            int length = _buffer.AsSpan(_start, _end - _start).IndexOf((byte)'\n');
            int count = length < 0 ? _end - _start : length;
            if (line.Length + count > limit)
            {
                throw new InvalidDataException("A line of the request is too long.");
            }

            line.Append(Encoding.Latin1.GetString(_buffer, _start, count));
            _start += count;
            if (length >= 0)
            {
                _start++;
                return line.ToString().TrimEnd('\r');
            }
        }
    }

    private async ValueTask<bool> FillAsync(CancellationToken cancellationToken)
    {
        _start = 0;
        _end = 0;
        _end = await socket.ReceiveAsync(_buffer.AsMemory(), SocketFlags.None, cancellationToken).ConfigureAwait(false);
        return _end > 0;
    }

    /// <summary>The body of a request as a stream, whether it comes with its length or in chunks.</summary>
    private sealed class RequestBody(HttpConnection connection, HttpRequest request) : Stream
    {
        /// <summary>What is left of the body or of the chunk; null before the first chunk.</summary>
        private long? _left = request.IsChunked ? null : request.ContentLength;
        private bool _isContinued = !request.ExpectsContinue;
        private bool _isLastChunk;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_left == 0 && !request.IsChunked)
            {
                return 0;
            }

            if (!_isContinued)
            {
                _isContinued = true;
                await connection.SendAsync("HTTP/1.1 100 Continue\r\n\r\n"u8.ToArray(), cancellationToken).ConfigureAwait(false);
            }

            if (request.IsChunked && !await EnterChunkAsync(cancellationToken).ConfigureAwait(false))
            {
                return 0;
            }

            if (connection._start == connection._end && !await connection.FillAsync(cancellationToken).ConfigureAwait(false))
            {
                throw new InvalidDataException("The request body ends too early.");
            }

            int count = (int)Math.Min(Math.Min(buffer.Length, connection._end - connection._start), _left!.Value);
            connection._buffer.AsSpan(connection._start, count).CopyTo(buffer.Span);
            connection._start += count;
            _left -= count;
            return count;
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
            => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        /// <summary>Skips what is unread; false if that is too much, or was never sent because nobody asked for it.</summary>
        internal async Task<bool> SkipAsync(int limit, CancellationToken cancellationToken)
        {
            if (!_isContinued)
            {
                return false;
            }

            byte[] rest = new byte[16 * 1024];
            for (int total = 0; total <= limit;)
            {
                int read = await ReadAsync(rest.AsMemory(), cancellationToken).ConfigureAwait(false);
                if (read == 0)
                {
                    return true;
                }

                total += read;
            }

            return false;
        }

        /// <returns>False after the last chunk.</returns>
        private async ValueTask<bool> EnterChunkAsync(CancellationToken cancellationToken)
        {
            if (_isLastChunk)
            {
                return false;
            }

            if (_left > 0)
            {
                return true;
            }

            const int MaxLine = 256;
            if (_left == 0)
            {
                await connection.ReadLineAsync(MaxLine, cancellationToken).ConfigureAwait(false);
            }

            string? line = await connection.ReadLineAsync(MaxLine, cancellationToken).ConfigureAwait(false);
            _left = long.TryParse(line?.Split(';')[0].Trim(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out long length) && length >= 0
                ? length
                : throw new InvalidDataException("The length of a chunk cannot be read.");
            if (length > 0)
            {
                return true;
            }

            _isLastChunk = true;
            while (await connection.ReadLineAsync(MaxHead, cancellationToken).ConfigureAwait(false) is { Length: > 0 })
            {
                // Trailers are not needed.
            }

            return false;
        }
    }
}
