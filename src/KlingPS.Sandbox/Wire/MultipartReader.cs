using System.Net.Http.Headers;
using System.Text;

namespace KlingPS.Sandbox.Wire;

/// <summary>Reads multipart/form-data as it arrives, one buffer at a time, however long a part is.</summary>
internal sealed class MultipartReader
{
    private const int BufferSize = 64 * 1024;
    private const int MaxHeaderLine = 8 * 1024;

    private readonly Stream _source;
    private readonly byte[] _delimiter;
    private readonly byte[] _buffer = new byte[BufferSize];
    private int _start;
    private int _end;

    // What comes before the first delimiter is skipped like an unread part.
    private bool _atPartBody = true;

    internal MultipartReader(Stream source, string boundary)
    {
        _source = source;
        _delimiter = Encoding.ASCII.GetBytes($"\r\n--{boundary}");

        // The first delimiter has no line break before it; with one added, it is like all the others.
        "\r\n"u8.CopyTo(_buffer);
        _end = 2;
    }

    /// <summary>The boundary named by a Content-Type header; null if it is not multipart/form-data.</summary>
    internal static string? BoundaryOf(string? contentType) =>
        MediaTypeHeaderValue.TryParse(contentType, out MediaTypeHeaderValue? type)
        && string.Equals(type.MediaType, "multipart/form-data", StringComparison.OrdinalIgnoreCase)
            ? type.Parameters.FirstOrDefault(static parameter => parameter.Name == "boundary")?.Value?.Trim('"')
            : null;

    /// <summary>Advances to the next part, skipping what is left of the current one.</summary>
    /// <returns>Its Content-Disposition, or null after the last part.</returns>
    /// <exception cref="InvalidDataException">The body is not multipart, or it ends too early.</exception>
    internal async ValueTask<ContentDispositionHeaderValue?> NextAsync(CancellationToken cancellationToken)
    {
        if (_atPartBody)
        {
            await CopyPartAsync(static (_, _) => ValueTask.CompletedTask, cancellationToken).ConfigureAwait(false);
        }

        while (_end - _start < 2)
        {
            await FillAsync(cancellationToken).ConfigureAwait(false);
        }

        if (_buffer.AsSpan(_start, 2).SequenceEqual("--"u8))
        {
            return null;
        }

        await ReadLineAsync(cancellationToken).ConfigureAwait(false);
        ContentDispositionHeaderValue? disposition = null;
        string line;
        while ((line = await ReadLineAsync(cancellationToken).ConfigureAwait(false)).Length > 0)
        {
            const string Name = "Content-Disposition:";
            if (line.StartsWith(Name, StringComparison.OrdinalIgnoreCase)
                && ContentDispositionHeaderValue.TryParse(line[Name.Length..].Trim(), out ContentDispositionHeaderValue? value))
            {
                disposition = value;
            }
        }

        _atPartBody = true;
        return disposition ?? throw new InvalidDataException("A part has no Content-Disposition.");
    }

    /// <summary>Passes the bytes of the current part to the sink, piece by piece.</summary>
    /// <exception cref="InvalidDataException">The body ends within the part.</exception>
    internal async ValueTask CopyPartAsync(Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask> sink, CancellationToken cancellationToken)
    {
        while (true)
        {
            int found = _buffer.AsSpan(_start, _end - _start).IndexOf(_delimiter);

            // Without a delimiter, everything but what could be the beginning of one belongs to the part.
            int length = found >= 0 ? found : Math.Max(0, _end - _start - _delimiter.Length + 1);
            if (length > 0)
            {
                await sink(_buffer.AsMemory(_start, length), cancellationToken).ConfigureAwait(false);
                _start += length;
            }

            if (found >= 0)
            {
                _start += _delimiter.Length;
                _atPartBody = false;
                return;
            }

            await FillAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask<string> ReadLineAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            int length = _buffer.AsSpan(_start, _end - _start).IndexOf("\r\n"u8);
            if (length >= 0)
            {
                string line = Encoding.UTF8.GetString(_buffer, _start, length);
                _start += length + 2;
                return line;
            }

            if (_end - _start > MaxHeaderLine)
            {
                throw new InvalidDataException("A header line of a part is too long.");
            }

            await FillAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask FillAsync(CancellationToken cancellationToken)
    {
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        _end -= _start;
        _start = 0;
        int read = await _source.ReadAsync(_buffer.AsMemory(_end), cancellationToken).ConfigureAwait(false);
        if (read == 0)
        {
            throw new InvalidDataException("The body ends before its last boundary.");
        }

        _end += read;
    }
}
