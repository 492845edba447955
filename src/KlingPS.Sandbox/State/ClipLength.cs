using System.Buffers.Binary;
using System.Text;

namespace KlingPS.Sandbox.State;

/// <summary>Finds out how long an uploaded clip is: MP4 and QuickTime by their movie header, WAV by its format, MP3 by its first frame.</summary>
internal static class ClipLength
{
    private const int MaxHeader = 1024 * 1024;

    private static readonly int[] s_mp3Rates = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0];

    /// <returns>The seconds; null if the file is not a whole clip that is known here.</returns>
    internal static decimal? Read(string path)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        try
        {
            return Read(file);
        }
        catch (EndOfStreamException)
        {
            return null;
        }
    }

    private static decimal? Read(FileStream file)
    {
        byte[] head = new byte[Math.Min(12, file.Length)];
        file.ReadExactly(head);
        if (head.Length < 12)
        {
            return null;
        }

        return head.AsSpan(4, 4).SequenceEqual("ftyp"u8) ? ReadMovie(file)
            : head.AsSpan(0, 4).SequenceEqual("RIFF"u8) && head.AsSpan(8, 4).SequenceEqual("WAVE"u8) ? ReadWave(file)
            : ReadMp3(file, head);
    }

    private static decimal? ReadMovie(FileStream file)
    {
        byte[] header = new byte[8];
        long end = file.Length;
        for (long at = 0; at + 8 <= end;)
        {
            file.Position = at;
            file.ReadExactly(header);
            long size = BinaryPrimitives.ReadUInt32BigEndian(header);
            string type = Encoding.ASCII.GetString(header, 4, 4);
            if (type == "moov")
            {
                at += 8;
                continue;
            }

            if (type == "mvhd")
            {
                byte[] box = new byte[32];
                file.ReadExactly(box);
                bool isLong = box[0] == 1;
                decimal scale = BinaryPrimitives.ReadUInt32BigEndian(box.AsSpan(isLong ? 20 : 12));
                decimal duration = isLong ? BinaryPrimitives.ReadUInt64BigEndian(box.AsSpan(24)) : BinaryPrimitives.ReadUInt32BigEndian(box.AsSpan(16));
                return scale == 0 ? null : duration / scale;
            }

            if (size < 8)
            {
                return null;
            }

            at += size;
        }

        return null;
    }

    private static decimal? ReadWave(FileStream file)
    {
        file.Position = 12;
        byte[] header = new byte[8];
        uint bytesPerSecond = 0;
        while (file.Position + 8 <= file.Length)
        {
            file.ReadExactly(header);
            uint size = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(4));
            long next = file.Position + size + (size & 1);
            if (header.AsSpan(0, 4).SequenceEqual("fmt "u8) && size >= 16)
            {
                byte[] format = new byte[16];
                file.ReadExactly(format);
                bytesPerSecond = BinaryPrimitives.ReadUInt32LittleEndian(format.AsSpan(8));
            }
            else if (header.AsSpan(0, 4).SequenceEqual("data"u8))
            {
                return bytesPerSecond == 0 ? null : (decimal)size / bytesPerSecond;
            }

            file.Position = next;
        }

        return null;
    }

    private static decimal? ReadMp3(FileStream file, byte[] head)
    {
        file.Position = head.AsSpan(0, 3).SequenceEqual("ID3"u8) ? 10 + ((head[6] << 21) | (head[7] << 14) | (head[8] << 7) | head[9]) : 0;
        byte[] frame = new byte[4];
        for (int i = 0; i < MaxHeader && file.Position + 4 <= file.Length; i++)
        {
            long start = file.Position;
            file.ReadExactly(frame);
            int rate = s_mp3Rates[frame[2] >> 4];
            if (frame[0] == 0xFF && (frame[1] & 0xFE) == 0xFA && rate > 0)
            {
                return (file.Length - start) / (rate * 125m);
            }

            file.Position = start + 1;
        }

        return null;
    }
}
