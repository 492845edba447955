using System.Buffers.Binary;

namespace KlingPS.Sandbox.State;

/// <summary>Finds out how wide and high an uploaded image is as stored: if it is turned for viewing, its sides are the other way round.</summary>
internal static class ImageSize
{
    /// <summary>Enough for the header of PNG and WebP.</summary>
    private const int HeaderLength = 30;

    /// <summary>Reads the header of an image.</summary>
    /// <param name="path">Where its bytes are.</param>
    /// <param name="mediaType">Its media type, as found by <see cref="ImageKind"/>.</param>
    /// <returns>The sides in pixels; null if the header is incomplete.</returns>
    internal static (int Width, int Height)? Read(string path, string mediaType)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        if (mediaType == "image/jpeg")
        {
            return ReadJpeg(file);
        }

        byte[] header = new byte[HeaderLength];
        if (file.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) < header.Length)
        {
            return null;
        }

        return mediaType == "image/png" ? ReadPng(header) : ReadWebP(header);
    }

    private static (int Width, int Height)? ReadPng(ReadOnlySpan<byte> header)
        => header[12..].StartsWith("IHDR"u8) ? (BinaryPrimitives.ReadInt32BigEndian(header[16..]), BinaryPrimitives.ReadInt32BigEndian(header[20..])) : null;

    private static (int Width, int Height)? ReadWebP(ReadOnlySpan<byte> header)
    {
        ReadOnlySpan<byte> chunk = header[12..];
        if (chunk.StartsWith("VP8X"u8))
        {
            return (1 + ReadInt24(header[24..]), 1 + ReadInt24(header[27..]));
        }

        if (chunk.StartsWith("VP8L"u8))
        {
            uint bits = BinaryPrimitives.ReadUInt32LittleEndian(header[21..]);
            return (1 + (int)(bits & 0x3FFF), 1 + (int)((bits >> 14) & 0x3FFF));
        }

        return chunk.StartsWith("VP8 "u8)
            ? (BinaryPrimitives.ReadUInt16LittleEndian(header[26..]) & 0x3FFF, BinaryPrimitives.ReadUInt16LittleEndian(header[28..]) & 0x3FFF)
            : null;
    }

    private static int ReadInt24(ReadOnlySpan<byte> bytes) => bytes[0] | (bytes[1] << 8) | (bytes[2] << 16);

    /// <summary>Goes from segment to segment up to the one that begins a frame.</summary>
    private static (int Width, int Height)? ReadJpeg(FileStream file)
    {
        byte[] segment = new byte[9];
        for (file.Position = 2; file.ReadAtLeast(segment.AsSpan(0, 4), 4, throwOnEndOfStream: false) == 4 && segment[0] == 0xFF;)
        {
            byte marker = segment[1];
            if (marker == 0xFF)
            {
                // Any number of these may stand before a marker.
                file.Position -= 3;
                continue;
            }

            if (marker is >= 0xC0 and <= 0xCF and not 0xC4 and not 0xC8 and not 0xCC)
            {
                return file.ReadAtLeast(segment.AsSpan(4), 5, throwOnEndOfStream: false) == 5
                    ? (BinaryPrimitives.ReadUInt16BigEndian(segment.AsSpan(7)), BinaryPrimitives.ReadUInt16BigEndian(segment.AsSpan(5)))
                    : null;
            }

            file.Position += BinaryPrimitives.ReadUInt16BigEndian(segment.AsSpan(2)) - 2;
        }

        return null;
    }
}
