using System.Buffers.Binary;

namespace KlingPS.Core.Imaging;

/// <summary>Reads a PNG's IHDR chunk, looks for animation and orientation, and checks that there is an IEND chunk.</summary>
internal static class PngHeader
{
    private const string Name = "PNG";

    /// <summary>Far more chunks than an image of the largest size has, so that a hostile file is given up soon.</summary>
    private const int MaxChunks = 16 * 1024;

    private const int MaxMetadata = 64 * 1024;

    private static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    private static ReadOnlySpan<byte> HeaderChunk => [0, 0, 0, 13, (byte)'I', (byte)'H', (byte)'D', (byte)'R'];

    private static ReadOnlySpan<byte> EndChunk =>
        [0, 0, 0, 0, (byte)'I', (byte)'E', (byte)'N', (byte)'D', 0xAE, 0x42, 0x60, 0x82];

    public static bool Matches(ReadOnlySpan<byte> head) => head.StartsWith(Signature);

    public static ImageHeader Read(Stream stream, ReadOnlySpan<byte> head, CancellationToken cancellationToken)
    {
        // Signature, chunk length and name, 13 bytes of header, checksum.
        const int headerEnd = 33;
        if (head.Length < headerEnd)
        {
            return default(ImageHeader).CutOff(Name);
        }

        uint width = BinaryPrimitives.ReadUInt32BigEndian(head[16..]);
        uint height = BinaryPrimitives.ReadUInt32BigEndian(head[20..]);
        if (!head[8..].StartsWith(HeaderChunk) || width is 0 or > int.MaxValue || height is 0 or > int.MaxValue)
        {
            return default(ImageHeader).Damaged(Name);
        }

        ImageHeader header = ReadChunks(stream, headerEnd, new ImageHeader((int)width, (int)height).WarnOfDepth(head[24]), cancellationToken);
        return StreamSearch.HasEndMarker(stream, headerEnd, EndChunk, cancellationToken) ? header : header.CutOff(Name);
    }

    private static ImageHeader ReadChunks(Stream stream, long position, ImageHeader header, CancellationToken cancellationToken)
    {
        int? orientation = null;
        Span<byte> chunk = stackalloc byte[8];
        for (int i = 0; i < MaxChunks && stream.Length - position >= 12; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            stream.Position = position;
            if (stream.ReadAtLeast(chunk, chunk.Length, throwOnEndOfStream: false) < chunk.Length)
            {
                break;
            }

            uint length = BinaryPrimitives.ReadUInt32BigEndian(chunk);
            ReadOnlySpan<byte> type = chunk[4..];
            if (type.SequenceEqual("IEND"u8))
            {
                break;
            }

            if (type.SequenceEqual("acTL"u8) && header.Warning?.Contains(ImageHeader.IsAnimated, StringComparison.Ordinal) != true)
            {
                header = header.Warn(ImageHeader.IsAnimated);
            }
            else if (type.SequenceEqual("eXIf"u8) && orientation is null)
            {
                byte[] metadata = new byte[(int)Math.Min(length, MaxMetadata)];
                orientation = ExifOrientation.ReadTiff(metadata.AsSpan(0, stream.ReadAtLeast(metadata, metadata.Length, throwOnEndOfStream: false)));
            }

            position += 12L + length;
        }

        return header.Turn(orientation);
    }
}
