using System.Buffers.Binary;

namespace KlingPS.Core.Imaging;

/// <summary>Finds the orientation in EXIF metadata.</summary>
internal static class ExifOrientation
{
    private const int OrientationTag = 0x0112;
    private const int ShortType = 3;
    private const int EntrySize = 12;

    /// <summary>The orientation (1 to 8), or null if the segment is not EXIF or has none.</summary>
    /// <param name="segment">The content of an APP1 segment.</param>
    public static int? Read(ReadOnlySpan<byte> segment)
    {
        return segment.StartsWith("Exif\0\0"u8) ? ReadTiff(segment[6..]) : null;
    }

    /// <summary>The same for metadata without the name before it, which is how PNG and usually WebP store it.</summary>
    public static int? ReadTiff(ReadOnlySpan<byte> tiff)
    {
        bool little = tiff.StartsWith("II"u8);
        if (tiff.Length < 8 || (!little && !tiff.StartsWith("MM"u8)) || ReadUInt16(tiff[2..], little) != 42)
        {
            return null;
        }

        uint offset = little ? BinaryPrimitives.ReadUInt32LittleEndian(tiff[4..]) : BinaryPrimitives.ReadUInt32BigEndian(tiff[4..]);
        if (offset > tiff.Length - 2)
        {
            return null;
        }

        ReadOnlySpan<byte> directory = tiff[(int)offset..];
        int count = ReadUInt16(directory, little);
        ReadOnlySpan<byte> entries = directory[2..];
        for (int i = 0; i < count && entries.Length >= EntrySize; i++, entries = entries[EntrySize..])
        {
            if (ReadUInt16(entries, little) == OrientationTag && ReadUInt16(entries[2..], little) == ShortType)
            {
                int value = ReadUInt16(entries[8..], little);
                return value is >= 1 and <= 8 ? value : null;
            }
        }

        return null;
    }

    private static int ReadUInt16(ReadOnlySpan<byte> bytes, bool little) =>
        little ? BinaryPrimitives.ReadUInt16LittleEndian(bytes) : BinaryPrimitives.ReadUInt16BigEndian(bytes);
}
