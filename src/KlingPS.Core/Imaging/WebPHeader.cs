using System.Buffers.Binary;

namespace KlingPS.Core.Imaging;

/// <summary>Reads the first chunk of a WebP: lossy (VP8), lossless (VP8L) or extended (VP8X), and the orientation after that.</summary>
internal static class WebPHeader
{
    private const string Name = "WebP";

    /// <summary>Far more chunks than an image has, so that a hostile file is given up soon.</summary>
    private const int MaxChunks = 16 * 1024;

    private const int MaxMetadata = 64 * 1024;

    public static bool Matches(ReadOnlySpan<byte> head) =>
        head.Length >= 12 && head.StartsWith("RIFF"u8) && head[8..].StartsWith("WEBP"u8);

    public static ImageHeader Read(Stream stream, ReadOnlySpan<byte> head, CancellationToken cancellationToken)
    {
        long length = stream.Length;
        // The file's header and the first chunk's.
        const int chunkStart = 20;
        if (head.Length < chunkStart)
        {
            return default(ImageHeader).CutOff(Name);
        }

        long riffEnd = 8L + BinaryPrimitives.ReadUInt32LittleEndian(head[4..]);
        long chunkEnd = chunkStart + (long)BinaryPrimitives.ReadUInt32LittleEndian(head[16..]);
        ReadOnlySpan<byte> chunk = head[chunkStart..(int)Math.Min(chunkEnd, head.Length)];
        (int Width, int Height)? size = ReadSize(head[12..16], chunk);
        var header = new ImageHeader(size?.Width, size?.Height);
        if (riffEnd > length)
        {
            return header.CutOff(Name);
        }

        if (size is null || chunkEnd > riffEnd)
        {
            return header.Damaged(Name);
        }

        if (!head[12..].StartsWith("VP8X"u8))
        {
            return header;
        }

        if ((chunk[0] & 0x08) != 0)
        {
            header = header.Turn(FindOrientation(stream, chunkEnd + (chunkEnd & 1), riffEnd, cancellationToken));
        }

        return (chunk[0] & 0x02) != 0 ? header.Warn(ImageHeader.IsAnimated) : header;
    }

    private static int? FindOrientation(Stream stream, long position, long end, CancellationToken cancellationToken)
    {
        Span<byte> chunk = stackalloc byte[8];
        for (int i = 0; i < MaxChunks && end - position >= 8; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            stream.Position = position;
            if (stream.ReadAtLeast(chunk, chunk.Length, throwOnEndOfStream: false) < chunk.Length)
            {
                return null;
            }

            uint length = BinaryPrimitives.ReadUInt32LittleEndian(chunk[4..]);
            if (chunk.StartsWith("EXIF"u8))
            {
                byte[] bytes = new byte[(int)Math.Min(length, MaxMetadata)];
                ReadOnlySpan<byte> metadata = bytes.AsSpan(0, stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false));
                return ExifOrientation.Read(metadata) ?? ExifOrientation.ReadTiff(metadata);
            }

            position += 8L + length + (length & 1);
        }

        return null;
    }

    private static (int Width, int Height)? ReadSize(ReadOnlySpan<byte> name, ReadOnlySpan<byte> chunk)
    {
        if (name.SequenceEqual("VP8 "u8))
        {
            // A key frame's tag, its start code, then 14 bits each.
            return chunk.Length >= 10 && (chunk[0] & 1) == 0 && chunk[3..].StartsWith((ReadOnlySpan<byte>)[0x9D, 0x01, 0x2A])
                ? NotZero(
                    BinaryPrimitives.ReadUInt16LittleEndian(chunk[6..]) & 0x3FFF,
                    BinaryPrimitives.ReadUInt16LittleEndian(chunk[8..]) & 0x3FFF)
                : null;
        }

        if (name.SequenceEqual("VP8L"u8))
        {
            if (chunk.Length < 5 || chunk[0] != 0x2F)
            {
                return null;
            }

            uint bits = BinaryPrimitives.ReadUInt32LittleEndian(chunk[1..]);
            return ((int)(bits & 0x3FFF) + 1, (int)((bits >> 14) & 0x3FFF) + 1);
        }

        return name.SequenceEqual("VP8X"u8) && chunk.Length >= 10
            ? (ReadUInt24(chunk[4..]) + 1, ReadUInt24(chunk[7..]) + 1)
            : null;
    }

    private static (int Width, int Height)? NotZero(int width, int height) =>
        width == 0 || height == 0 ? null : (width, height);

    private static int ReadUInt24(ReadOnlySpan<byte> bytes) => bytes[0] | (bytes[1] << 8) | (bytes[2] << 16);
}
