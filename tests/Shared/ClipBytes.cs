using System.Buffers.Binary;
using System.Text;

namespace KlingPS.Tests.Shared;

/// <summary>Makes the smallest files that say how long they are.</summary>
internal static class ClipBytes
{
    /// <summary>A video of one track.</summary>
    public static byte[] Movie(decimal seconds, int width = 1280, int height = 720, int framesPerSecond = 30, string brand = "isom", bool isLong = false, bool indexLast = true)
    {
        const uint Scale = 1000;
        ulong duration = (ulong)(seconds * Scale);
        byte[] times = isLong
            ? [1, 0, 0, 0, .. new byte[16], .. Big(Scale), .. Big(duration)]
            : [0, 0, 0, 0, .. new byte[8], .. Big(Scale), .. Big((uint)duration)];
        byte[] size = [.. Big((uint)(width << 16)), .. Big((uint)(height << 16))];
        byte[] track = Box(
            "trak",
            Box("tkhd", isLong ? [1, .. new byte[87], .. size] : [0, .. new byte[75], .. size]),
            Box(
                "mdia",
                Box("mdhd", times),
                Box("hdlr", [0, 0, 0, 0, 0, 0, 0, 0, .. "vide"u8, .. new byte[12]]),
                Box("minf", Box("stbl", Box("stts", [0, 0, 0, 0, .. Big(1u), .. Big((uint)(seconds * framesPerSecond)), .. Big(Scale / (uint)framesPerSecond)])))));
        byte[] index = Box("moov", Box("mvhd", [.. times, .. new byte[60]]), track);
        byte[] type = Box("ftyp", [.. Encoding.ASCII.GetBytes(brand), 0, 0, 2, 0]);
        byte[] media = Box("mdat", new byte[64]);
        return indexLast ? [.. type, .. media, .. index] : [.. type, .. index, .. media];
    }

    /// <summary>Audio of 8,000 bytes a second.</summary>
    public static byte[] Wave(decimal seconds, string content = "")
    {
        const int BytesPerSecond = 8000;
        byte[] data = new byte[(int)(seconds * BytesPerSecond)];
        Encoding.UTF8.GetBytes(content).CopyTo(data, 0);
        byte[] format = [1, 0, 1, 0, .. Little(BytesPerSecond), .. Little(BytesPerSecond), 1, 0, 8, 0];
        byte[] chunks = [.. "fmt "u8, .. Little(16), .. format, .. "LIST"u8, .. Little(3), 1, 2, 3, 0, .. "data"u8, .. Little((uint)data.Length), .. data];
        return [.. "RIFF"u8, .. Little((uint)chunks.Length + 4), .. "WAVE"u8, .. chunks];
    }

    /// <summary>Audio in frames of MPEG 1, layer III, at 44.1 kHz: 1152 samples each.</summary>
    /// <param name="frames">How many.</param>
    /// <param name="withInfo">Whether a frame of information comes first, which is not heard.</param>
    /// <param name="withTag">Whether metadata comes before everything.</param>
    public static byte[] Mp3(int frames, bool withInfo = false, bool withTag = false)
    {
        List<byte> file = withTag ? [.. "ID3"u8, 4, 0, 0, 0, 0, 2, 0, .. new byte[256]] : [];
        if (withInfo)
        {
            byte[] info = Frame(9);
            "Info"u8.CopyTo(info.AsSpan(36));
            file.AddRange(info);
        }

        for (int i = 0; i < frames; i++)
        {
            // Of different lengths, as a variable bit rate makes them.
            file.AddRange(Frame(i % 2 == 0 ? 9 : 5));
        }

        return [.. file, .. "TAG"u8, .. new byte[125]];
    }

    private static byte[] Frame(int bitRate)
    {
        int kilobits = bitRate == 9 ? 128 : 64;
        byte[] frame = new byte[144_000 * kilobits / 44_100];
        new byte[] { 0xFF, 0xFB, (byte)(bitRate << 4), 0x00 }.CopyTo(frame, 0);
        return frame;
    }

    private static byte[] Box(string type, params byte[][] content)
    {
        byte[] body = [.. content.SelectMany(part => part)];
        return [.. Big((uint)body.Length + 8), .. Encoding.ASCII.GetBytes(type), .. body];
    }

    private static byte[] Big(uint value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return bytes;
    }

    private static byte[] Big(ulong value)
    {
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        return bytes;
    }

    private static byte[] Little(uint value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return bytes;
    }
}
