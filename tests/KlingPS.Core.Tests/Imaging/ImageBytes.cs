using System.Buffers.Binary;
using System.Text;

namespace KlingPS.Core.Tests.Imaging;

/// <summary>Builds small files of every format, byte by byte.</summary>
internal static class ImageBytes
{
    /// <summary>A JPEG with the segments a camera writes, and a thumbnail's end marker before the picture data.</summary>
    public static byte[] Jpeg(int width = 640, int height = 360, byte[]? exif = null, byte frame = 0xC0, byte depth = 8, byte colours = 1)
    {
        byte[] size = [(byte)(height >> 8), (byte)height, (byte)(width >> 8), (byte)width];
        return
        [
            0xFF, 0xD8,
            .. Segment(0xE0, [.. "JFIF\0"u8, 1, 1, 0, 0, 1, 0, 1, 0, 0]),
            .. exif is null ? [] : Segment(0xE1, exif),
            .. Segment(0xFE, [0xFF, 0xD8, 0xFF, 0xD9]),
            .. Segment(0xC4, [0x00, .. new byte[16]]),
            0xFF, // padding before a marker
            .. Segment(frame, [depth, .. size, colours, .. Enumerable.Range(0, colours).SelectMany(colour => new byte[] { (byte)(colour + 1), 0x11, 0 })]),
            .. Segment(0xDA, [1, 1, 0, 0, 63, 0]),
            0x12, 0xFF, 0x00, 0x34, 0xFF, 0xD0, 0x56,
            0xFF, 0xD9,
        ];
    }

    public static byte[] Segment(byte marker, byte[] content) =>
        [0xFF, marker, (byte)((content.Length + 2) >> 8), (byte)(content.Length + 2), .. content];

    public static byte[] Exif(ushort orientation, bool little)
    {
        byte[] Short(ushort value) => little ? [(byte)value, (byte)(value >> 8)] : [(byte)(value >> 8), (byte)value];
        byte[] Long(ushort value) => little ? [.. Short(value), 0, 0] : [0, 0, .. Short(value)];
        return
        [
            .. "Exif\0\0"u8,
            .. little ? "II"u8 : "MM"u8, .. Short(42), .. Long(8),
            .. Short(2),
            .. Short(0x0110), .. Short(2), .. Long(2), .. "K\0\0\0"u8,
            .. Short(0x0112), .. Short(3), .. Long(1), .. Short(orientation), 0, 0,
            .. Long(0),
        ];
    }

    public static byte[] Png(uint width = 640, uint height = 360, byte depth = 8, bool animated = false, ushort? orientation = null, bool exifLast = false) =>
    [
        0x89, .. "PNG\r\n\u001A\n"u8,
        .. Chunk("IHDR", [.. BigEndian(width), .. BigEndian(height), depth, 2, 0, 0, 0]),
        .. animated ? Chunk("acTL", new byte[8]) : [],
        .. orientation is ushort before && !exifLast ? Chunk("eXIf", Exif(before, little: false)[6..]) : [],
        .. Chunk("IDAT", [1, 2, 3, 4]),
        .. orientation is ushort after && exifLast ? Chunk("eXIf", Exif(after, little: true)[6..]) : [],
        .. Chunk("IEND", []),
    ];

    public static byte[] WebPLossy(int width = 640, int height = 360) => WebP(
        "VP8 ",
        [0x10, 0, 0, 0x9D, 0x01, 0x2A, (byte)width, (byte)(width >> 8), (byte)height, (byte)(height >> 8), 0, 0]);

    public static byte[] WebPLossless(int width = 640, int height = 360)
    {
        byte[] bits = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bits, (uint)((width - 1) | ((height - 1) << 14)));
        return WebP("VP8L", [0x2F, .. bits, 0]);
    }

    public static byte[] WebPExtended(int width = 640, int height = 360, bool animated = false, byte[]? exif = null)
    {
        static byte[] Three(int value) => [(byte)value, (byte)(value >> 8), (byte)(value >> 16)];
        byte[] image = WebP("VP8X", [(byte)((animated ? 2 : 0) | (exif is null ? 0 : 8)), 0, 0, 0, .. Three(width - 1), .. Three(height - 1)]);
        if (exif is null)
        {
            return image;
        }

        byte[] odd = exif.Length % 2 == 0 ? [] : [0];
        byte[] whole = [.. image, .. "EXIF"u8, (byte)exif.Length, 0, 0, 0, .. exif, .. odd];
        BinaryPrimitives.WriteInt32LittleEndian(whole.AsSpan(4), whole.Length - 8);
        return whole;
    }

    public static byte[] Box(string brand, params string[] compatible)
    {
        byte[] brands = Encoding.ASCII.GetBytes(brand + "\0\0\0\0" + string.Concat(compatible));
        return [.. BigEndian((uint)(brands.Length + 8)), .. "ftyp"u8, .. brands, .. BigEndian(16), .. "mdat"u8, .. new byte[8]];
    }

    /// <summary>Bytes behind the end, which is where phones keep their films.</summary>
    public static byte[] PadTo(this byte[] image, int length)
    {
        Array.Resize(ref image, length);
        return image;
    }

    private static byte[] WebP(string chunk, byte[] content)
    {
        byte[] length = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, content.Length);
        byte[] riff = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(riff, content.Length + 12);
        return [.. "RIFF"u8, .. riff, .. "WEBP"u8, .. Encoding.ASCII.GetBytes(chunk), .. length, .. content];
    }

    private static byte[] Chunk(string name, byte[] content)
    {
        byte[] body = [.. Encoding.ASCII.GetBytes(name), .. content];
        return [.. BigEndian((uint)content.Length), .. body, .. BigEndian(Crc32(body))];
    }

    private static uint Crc32(byte[] bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in bytes)
        {
            crc ^= b;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ (0xEDB88320u * (crc & 1));
            }
        }

        return ~crc;
    }

    private static byte[] BigEndian(uint value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return bytes;
    }
}
