using System.Buffers.Binary;

namespace KlingPS.Core.Imaging;

/// <summary>Walks a JPEG's segments up to the picture data, and checks that the end marker follows.</summary>
internal static class JpegHeader
{
    private const string Name = "JPEG";

    /// <summary>Segments, and bytes of padding between them: far more than any camera writes, so that a hostile file is given up soon.</summary>
    private const int MaximumSteps = 16 * 1024;

    public static bool Matches(ReadOnlySpan<byte> head) => head.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF]);

    public static ImageHeader Read(Stream stream, CancellationToken cancellationToken)
    {
        (int Width, int Height)? size = null;
        int depth = 8;
        bool isCmyk = false;
        int? orientation = null;
        Span<byte> field = stackalloc byte[6];
        stream.Position = 2;

        for (int step = 0; step < MaximumSteps; step++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int marker = ReadMarker(stream, ref step);
            if (marker < 0)
            {
                return Header().CutOff(Name);
            }

            if (marker is 0x01 or (>= 0xD0 and <= 0xD7))
            {
                continue;
            }

            if (marker is 0x00 or 0xD8 or 0xD9)
            {
                return Header().Damaged(Name);
            }

            if (!Fill(stream, field[..2]))
            {
                return Header().CutOff(Name);
            }

            int length = BinaryPrimitives.ReadUInt16BigEndian(field) - 2;
            long next = stream.Position + length;
            if (length < 0)
            {
                return Header().Damaged(Name);
            }

            if (next > stream.Length)
            {
                return Header().CutOff(Name);
            }

            if (marker == 0xDA)
            {
                return size is null ? Header().Damaged(Name)
                    : StreamSearch.HasEndMarker(stream, next, [0xFF, 0xD9], cancellationToken) ? Header()
                    : Header().CutOff(Name);
            }

            if (next > ImageInspector.LargestLength)
            {
                // Already refused for its size.
                return Header();
            }

            if (IsFrame(marker) && size is null)
            {
                // Sample precision, height, width, number of colours.
                if (length < 6 || !Fill(stream, field))
                {
                    return Header().Damaged(Name);
                }

                int height = BinaryPrimitives.ReadUInt16BigEndian(field[1..]);
                int width = BinaryPrimitives.ReadUInt16BigEndian(field[3..]);
                if (width == 0 || height == 0)
                {
                    return Header().Damaged(Name);
                }

                size = (width, height);
                depth = field[0];
                isCmyk = field[5] == 4;
            }
            else if (marker == 0xE1 && orientation is null)
            {
                byte[] segment = new byte[length];
                orientation = Fill(stream, segment) ? ExifOrientation.Read(segment) : null;
            }

            stream.Position = next;
        }

        return Header().Damaged(Name);

        ImageHeader Header()
        {
            ImageHeader header = new ImageHeader(size?.Width, size?.Height).Turn(orientation).WarnOfDepth(depth);
            return isCmyk ? header.Warn(ImageHeader.IsCmyk) : header;
        }
    }

    /// <summary>The next marker, past padding and stray bytes, which every decoder skips; negative at the end of the file, zero after too much padding.</summary>
    private static int ReadMarker(Stream stream, ref int step)
    {
        int value = stream.ReadByte();
        while (value is >= 0 and not 0xFF && step < MaximumSteps)
        {
            step++;
            value = stream.ReadByte();
        }

        while (value == 0xFF && step < MaximumSteps)
        {
            step++;
            value = stream.ReadByte();
        }

        return step < MaximumSteps ? value : 0;
    }

    /// <summary>Start of frame of any coding; C4, C8 and CC, though in that range, are something else.</summary>
    private static bool IsFrame(int marker) => marker is >= 0xC0 and <= 0xCF and not (0xC4 or 0xC8 or 0xCC);

    private static bool Fill(Stream stream, Span<byte> buffer) =>
        stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false) == buffer.Length;
}
