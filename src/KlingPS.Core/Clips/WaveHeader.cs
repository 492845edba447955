using System.Buffers.Binary;

namespace KlingPS.Core.Clips;

/// <summary>Reads the chunks of a WAV file: how many bytes there are per second, and how many in all.</summary>
internal static class WaveHeader
{
    private const int MaxChunks = 10_000;

    /// <returns><see langword="null"/> if the file is not a WAV.</returns>
    public static ClipReport? Read(Stream stream, ReadOnlySpan<byte> head, ClipReport report, CancellationToken cancellationToken)
    {
        if (head.Length < 12 || !(head.StartsWith("RIFF"u8) || head.StartsWith("RF64"u8)) || !head[8..].StartsWith("WAVE"u8))
        {
            return null;
        }

        report = report with { Format = ClipFormat.Wave };
        uint bytesPerSecond = 0;
        Span<byte> chunk = stackalloc byte[24];
        long position = 12;
        for (int i = 0; i < MaxChunks && stream.Length - position >= 8; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            stream.Position = position;
            int read = stream.ReadAtLeast(chunk, chunk.Length, throwOnEndOfStream: false);
            uint size = BinaryPrimitives.ReadUInt32LittleEndian(chunk[4..]);
            if (chunk.StartsWith("fmt "u8) && read >= 20)
            {
                bytesPerSecond = BinaryPrimitives.ReadUInt32LittleEndian(chunk[16..]);
            }
            else if (chunk.StartsWith("data"u8))
            {
                // A file of a recorder that was cut off, or of more than 4 GB, does not say how much there is.
                long length = Math.Min(size, stream.Length - position - 8);
                return bytesPerSecond == 0 || length == 0 ? report : report with { Seconds = (decimal)length / bytesPerSecond };
            }

            position += 8L + size + (size & 1);
        }

        return report;
    }
}
