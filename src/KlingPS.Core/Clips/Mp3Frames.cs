using System.Buffers.Binary;

namespace KlingPS.Core.Clips;

/// <summary>Adds up the frames of an MP3 file (MPEG 1, 2 and 2.5, layer III), which may all differ in length.</summary>
internal static class Mp3Frames
{
    /// <summary>How many bytes are searched for the first frame.</summary>
    private const int MaxSearch = 256 * 1024;

    /// <summary>More than an hour: longer than anything that a model takes.</summary>
    private const int MaxFrames = 200_000;

    private static readonly int[] s_bitRates1 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
    private static readonly int[] s_bitRates2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
    private static readonly int[] s_sampleRates = [44_100, 48_000, 32_000];

    /// <returns><see langword="null"/> if there are no frames.</returns>
    public static ClipReport? Read(Stream stream, ReadOnlySpan<byte> head, ClipReport report, CancellationToken cancellationToken)
    {
        // Metadata before the sound gives its length in four groups of seven bits.
        long start = head.Length >= 10 && head.StartsWith("ID3"u8)
            ? 10 + ((head[6] & 0x7F) << 21 | (head[7] & 0x7F) << 14 | (head[8] & 0x7F) << 7 | (head[9] & 0x7F)) + ((head[5] & 0x10) != 0 ? 10 : 0)
            : 0;
        if (FindFirst(stream, start) is not long position)
        {
            return null;
        }

        decimal seconds = 0;
        for (int i = 0; i < MaxFrames && ReadFrame(stream, position) is var (length, duration, isInfo) && length > 0; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            seconds += isInfo ? 0 : duration;
            position += length;
        }

        return report with { Format = ClipFormat.Mp3, Seconds = decimal.Round(seconds, 3) };
    }

    /// <summary>The first frame that is followed by another.</summary>
    private static long? FindFirst(Stream stream, long start)
    {
        for (long position = start; position < Math.Min(start + MaxSearch, stream.Length - 4); position++)
        {
            if (ReadFrame(stream, position) is var (length, _, _) && length > 0
                && (position + length >= stream.Length - 128 || ReadFrame(stream, position + length).Length > 0))
            {
                return position;
            }

            // A file without metadata has to begin with a frame or with silence: further in, anything may look like a frame by chance.
            if (position == start && start == 0 && !IsSilence(stream))
            {
                return null;
            }
        }

        return null;
    }

    private static bool IsSilence(Stream stream)
    {
        stream.Position = 0;
        return stream.ReadByte() == 0;
    }

    /// <summary>The length of a frame in bytes and in seconds, and whether it describes the file instead of holding sound; a length of 0 if there is no frame.</summary>
    private static (int Length, decimal Seconds, bool IsInfo) ReadFrame(Stream stream, long position)
    {
        Span<byte> frame = stackalloc byte[40];
        stream.Position = position;
        int read = stream.ReadAtLeast(frame, frame.Length, throwOnEndOfStream: false);
        if (read < 4)
        {
            return default;
        }

        uint header = BinaryPrimitives.ReadUInt32BigEndian(frame);
        int version = (int)(header >> 19) & 3;
        int bitRate = (int)(header >> 12) & 15;
        int sampleRate = (int)(header >> 10) & 3;
        if (header >> 21 != 0x7FF || version == 1 || ((header >> 17) & 3) != 1 || bitRate is 0 or 15 || sampleRate == 3)
        {
            return default;
        }

        bool isFirst = version == 3;
        int rate = s_sampleRates[sampleRate] >> (isFirst ? 0 : version == 2 ? 1 : 2);
        int length = ((isFirst ? 144_000 : 72_000) * (isFirst ? s_bitRates1 : s_bitRates2)[bitRate] / rate) + ((int)(header >> 9) & 1);
        bool isMono = ((header >> 6) & 3) == 3;
        int side = 4 + (isFirst ? (isMono ? 17 : 32) : isMono ? 9 : 17);
        ReadOnlySpan<byte> info = read >= side + 4 ? frame[side..] : default;
        return (length, (isFirst ? 1152m : 576m) / rate, info.StartsWith("Xing"u8) || info.StartsWith("Info"u8));
    }
}
