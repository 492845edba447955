using System.Buffers;

namespace KlingPS.Core.Imaging;

/// <summary>Finds a few bytes in a stream, with little memory and without reading more than the largest image has.</summary>
internal static class StreamSearch
{
    private const int WindowSize = 64 * 1024;

    /// <summary>
    /// Looks in the last 64 KiB, where an end marker nearly always is, and only then from <paramref name="start"/> on:
    /// phones append whole films to their photos. A file over the size limit is refused anyway and not searched that far.
    /// </summary>
    public static bool HasEndMarker(Stream stream, long start, ReadOnlySpan<byte> marker, CancellationToken cancellationToken)
    {
        long tail = Math.Max(start, stream.Length - WindowSize);
        return Contains(stream, tail, stream.Length, marker, cancellationToken)
            || (stream.Length <= ImageInspector.LargestLength
                && Contains(stream, start, Math.Min(stream.Length, tail + marker.Length - 1), marker, cancellationToken));
    }

    private static bool Contains(Stream stream, long start, long end, ReadOnlySpan<byte> marker, CancellationToken cancellationToken)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(WindowSize);
        try
        {
            for (long position = start; end - position >= marker.Length; position += WindowSize - marker.Length + 1)
            {
                cancellationToken.ThrowIfCancellationRequested();
                stream.Position = position;
                Span<byte> window = buffer.AsSpan(0, (int)Math.Min(WindowSize, end - position));
                int count = stream.ReadAtLeast(window, window.Length, throwOnEndOfStream: false);
                if (window[..count].IndexOf(marker) >= 0)
                {
                    return true;
                }
            }

            return false;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
