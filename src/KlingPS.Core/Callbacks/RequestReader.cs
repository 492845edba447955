using System.Buffers;
using System.Globalization;
using System.Text;

namespace KlingPS.Core.Callbacks;

/// <summary>Reads one HTTP/1.1 request from a connection. Keeps no more of it in memory than the limits allow, whatever length it announces.</summary>
internal sealed class RequestReader : IDisposable
{
    private const int MaxHead = 16 * 1024;
    private const int MaxChunkLine = 256;
    private const int BufferLength = 4 * 1024;

    private readonly Stream _stream;
    private readonly int _maxBody;
    private readonly byte[] _buffer = ArrayPool<byte>.Shared.Rent(BufferLength);
    private int _start;
    private int _end;

    /// <summary>Creates the reader.</summary>
    /// <param name="stream">The connection; the caller still owns it.</param>
    /// <param name="maxBody">The longest body in bytes.</param>
    public RequestReader(Stream stream, int maxBody)
    {
        _stream = stream;
        _maxBody = maxBody;
    }

    /// <summary>Reads request line and headers.</summary>
    /// <returns>The head; <see langword="null"/> when the client has disconnected without sending anything.</returns>
    /// <exception cref="RefusedRequestException">It is too large or malformed.</exception>
    public async Task<RequestHead?> ReadHeadAsync(CancellationToken cancellationToken)
    {
        var lines = new List<string>();
        for (int room = MaxHead; ;)
        {
            if (await ReadLineAsync(room, cancellationToken).ConfigureAwait(false) is not string line)
            {
                return lines.Count == 0 ? null : throw new RefusedRequestException(CallbackResult.Malformed);
            }

            if (line.Length == 0)
            {
                return (lines.Count == 0 ? null : RequestHead.Parse(lines)) ?? throw new RefusedRequestException(CallbackResult.Malformed);
            }

            room -= line.Length + 2;
            lines.Add(line);
        }
    }

    /// <summary>Reads the body.</summary>
    /// <exception cref="RefusedRequestException">It is too large, malformed or incomplete.</exception>
    public async Task<ReadOnlyMemory<byte>> ReadBodyAsync(RequestHead head, CancellationToken cancellationToken)
    {
        // Grows with what arrives, not to the announced length.
        var body = new ArrayBufferWriter<byte>();
        if (!head.IsChunked)
        {
            await CopyAsync(body, head.ContentLength ?? 0, cancellationToken).ConfigureAwait(false);
            return body.WrittenMemory;
        }

        while (await ReadChunkLengthAsync(cancellationToken).ConfigureAwait(false) is > 0 and long length)
        {
            await CopyAsync(body, length, cancellationToken).ConfigureAwait(false);
            if (await ReadLineAsync(MaxChunkLine, cancellationToken).ConfigureAwait(false) is not "")
            {
                throw new RefusedRequestException(CallbackResult.Malformed);
            }
        }

        // Trailers are not needed.
        return body.WrittenMemory;
    }

    /// <summary>Returns the buffer to the pool.</summary>
    public void Dispose() => ArrayPool<byte>.Shared.Return(_buffer);

    private async Task<long> ReadChunkLengthAsync(CancellationToken cancellationToken)
    {
        string? line = await ReadLineAsync(MaxChunkLine, cancellationToken).ConfigureAwait(false);
        return long.TryParse(line?.Split(';')[0].TrimEnd(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out long length) && length >= 0
            ? length
            : throw new RefusedRequestException(CallbackResult.Malformed);
    }

    private async Task CopyAsync(ArrayBufferWriter<byte> body, long length, CancellationToken cancellationToken)
    {
        if (length > _maxBody - body.WrittenCount)
        {
            throw new RefusedRequestException(CallbackResult.TooLarge);
        }

        for (int left = (int)length; left > 0;)
        {
            if (_start == _end && !await FillAsync(cancellationToken).ConfigureAwait(false))
            {
                throw new RefusedRequestException(CallbackResult.Malformed);
            }

            int count = Math.Min(left, _end - _start);
            body.Write(_buffer.AsSpan(_start, count));
            _start += count;
            left -= count;
        }
    }

    /// <summary>Reads a line that ends in CR LF; <see langword="null"/> when the connection ends before its first byte.</summary>
    private async Task<string?> ReadLineAsync(int limit, CancellationToken cancellationToken)
    {
        var line = new StringBuilder();
        while (true)
        {
            if (_start == _end && !await FillAsync(cancellationToken).ConfigureAwait(false))
            {
                return line.Length == 0 ? null : throw new RefusedRequestException(CallbackResult.Malformed);
            }

            int length = _buffer.AsSpan(_start, _end - _start).IndexOf((byte)'\n');
            int count = length < 0 ? _end - _start : length;
            if (line.Length + count > limit)
            {
                throw new RefusedRequestException(CallbackResult.TooLarge);
            }

            line.Append(Encoding.Latin1.GetString(_buffer, _start, count));
            _start += count;
            if (length >= 0)
            {
                _start++;
                return line.Length > 0 && line[^1] == '\r' ? line.ToString(0, line.Length - 1) : throw new RefusedRequestException(CallbackResult.Malformed);
            }
        }
    }

    private async Task<bool> FillAsync(CancellationToken cancellationToken)
    {
        _start = 0;
        _end = await _stream.ReadAsync(_buffer, cancellationToken).ConfigureAwait(false);
        return _end > 0;
    }
}

/// <summary>Ends the reading of a request at the first thing that is wrong with it. Never leaves the listener.</summary>
internal sealed class RefusedRequestException(CallbackResult result) : Exception
{
    /// <summary>How to respond.</summary>
    public CallbackResult Result { get; } = result;
}
