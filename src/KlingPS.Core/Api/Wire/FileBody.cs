using System.Buffers;
using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using KlingPS.Core.Resilience;

namespace KlingPS.Core.Api.Wire;

/// <summary>A multipart form with one file that is read from disk while it is sent; memory does not grow with the file.</summary>
internal sealed class FileBody : TrackedContent
{
    private const int BufferSize = 64 * 1024;

    private readonly FileStream _file;
    private readonly long _length;
    private readonly byte[] _head;
    private readonly byte[] _tail;
    private readonly string? _sha256;
    private readonly Action<long> _onSent;
    private readonly TimeProvider _time;

    public FileBody(FileStream file, string mimeType, IReadOnlyDictionary<string, string> fields, string fileName, string? sha256, Action<long> onSent, TimeProvider time)
    {
        _file = file;
        _length = file.Length;
        _sha256 = sha256;
        _onSent = onSent;
        _time = time;

        string boundary = $"klingps-{Guid.NewGuid():N}";
        var head = new StringBuilder();
        foreach ((string name, string value) in fields)
        {
            head.Append(CultureInfo.InvariantCulture, $"--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        }

        head.Append(CultureInfo.InvariantCulture, $"--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{fileName}\"\r\n");
        head.Append(CultureInfo.InvariantCulture, $"Content-Type: {mimeType}\r\n\r\n");
        _head = Encoding.UTF8.GetBytes(head.ToString());
        _tail = Encoding.ASCII.GetBytes($"\r\n--{boundary}--\r\n");

        Headers.ContentType = MediaTypeHeaderValue.Parse($"multipart/form-data; boundary={boundary}");
        Headers.ContentLength = _head.Length + _length + _tail.Length;
    }

    protected override async Task WriteAsync(Stream stream, CancellationToken cancellationToken)
    {
        await stream.WriteAsync(_head, cancellationToken).ConfigureAwait(false);
        // A proxy that asks for credentials gets the body a second time.
        _file.Position = 0;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            var speed = new SpeedFloor();
            long sent = 0;
            int read;
            while ((read = await _file.ReadAsync(buffer.AsMemory(0, (int)Math.Min(BufferSize, _length - sent)), cancellationToken).ConfigureAwait(false)) > 0)
            {
                hash.AppendData(buffer, 0, read);
                long begun = _time.GetTimestamp();
                await stream.WriteAsync(buffer.AsMemory(0, read), cancellationToken).ConfigureAwait(false);
                if (speed.Count(read, _time.GetElapsedTime(begun)))
                {
                    throw new IOException(SpeedFloor.Problem);
                }

                sent += read;
                _onSent(sent);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        // Without its tail the host cannot read the form.
        if (_sha256 is not null && !string.Equals(Convert.ToHexString(hash.GetHashAndReset()), _sha256, StringComparison.OrdinalIgnoreCase))
        {
            throw new KlingException(
                ErrorKind.FileUnreadable,
                $"'{_file.Name}' was changed while it was in use, so it was not uploaded. Run the command again to take it as it is now.");
        }

        await stream.WriteAsync(_tail, cancellationToken).ConfigureAwait(false);
    }

    protected override bool TryComputeLength(out long length)
    {
        length = Headers.ContentLength ?? 0;
        return true;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _file.Dispose();
        }

        base.Dispose(disposing);
    }
}
