using System.IO.Compression;
using System.Net.Http.Headers;

namespace KlingPS.Core.Saving;

/// <summary>The content of a body that a server, or a proxy in front of it, has compressed although it was asked not to; read forward only.</summary>
/// <param name="body">The body; closed with this.</param>
/// <param name="codings">The codings that it is said to have, in the order in which they were applied.</param>
internal sealed class PackedBody(Stream body, IReadOnlyCollection<string> codings) : ForwardStream
{
    private Stream? _content;

    /// <summary>Whether a body is compressed in a way that is known here. Other names, such as <c>aws-chunked</c>, may be left on bodies that are not compressed.</summary>
    public static bool IsOne(HttpContentHeaders headers)
    {
        ArgumentNullException.ThrowIfNull(headers);
        return headers.ContentEncoding.Any(coding => FindUnpacker(coding) is not null);
    }

    /// <inheritdoc/>
    /// <exception cref="IOException">The body cannot be read or decompressed.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            _content ??= await OpenAsync(cancellationToken).ConfigureAwait(false);
            return await _content.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is InvalidDataException or InvalidOperationException and not ObjectDisposedException)
        {
            // The one comes from gzip, the other from Brotli.
            throw new IOException("what came is packed, and is damaged", exception);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            (_content ?? body).Dispose();
        }

        base.Dispose(disposing);
    }

    private static Func<Stream, Stream>? FindUnpacker(string coding) => coding.ToUpperInvariant() switch
    {
        "GZIP" or "X-GZIP" => static body => new GZipStream(body, CompressionMode.Decompress),
        "DEFLATE" => static body => new ZLibStream(body, CompressionMode.Decompress),
        "BR" => static body => new BrotliStream(body, CompressionMode.Decompress),
        _ => null,
    };

    /// <summary>Looks at the beginning first: a video that is not compressed may be said to be.</summary>
    private async Task<Stream> OpenAsync(CancellationToken cancellationToken)
    {
        byte[] head = new byte[8];
        int length = await body.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        Stream content = new Rewound(head.AsMemory(0, length), body);
        return head.AsSpan(4).SequenceEqual("ftyp"u8)
            ? content
            : codings.Reverse().Select(FindUnpacker).OfType<Func<Stream, Stream>>().Aggregate(content, (packed, unpack) => unpack(packed));
    }

    /// <summary>A stream whose beginning has been read already.</summary>
    private sealed class Rewound(ReadOnlyMemory<byte> head, Stream rest) : ForwardStream
    {
        private ReadOnlyMemory<byte> _head = head;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_head.IsEmpty)
            {
                return rest.ReadAsync(buffer, cancellationToken);
            }

            int count = Math.Min(_head.Length, buffer.Length);
            _head[..count].CopyTo(buffer);
            _head = _head[count..];
            return ValueTask.FromResult(count);
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                rest.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}

/// <summary>A stream that is only read forward, and asynchronously.</summary>
internal abstract class ForwardStream : Stream
{
    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public abstract override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default);

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush() => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
