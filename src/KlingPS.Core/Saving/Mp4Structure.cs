using System.Buffers.Binary;

namespace KlingPS.Core.Saving;

/// <summary>
/// Tells a complete MP4 file from an incomplete one, and from an error page that was delivered instead, by the boxes that the
/// file consists of (ISO/IEC 14496-12, section 4.2). Reads their headers only.
/// </summary>
internal static class Mp4Structure
{
    private const int MaxBoxes = 10_000;

    /// <summary>Checks a file.</summary>
    /// <param name="stream">The file: readable and seekable. Its position afterwards is undefined.</param>
    /// <returns>What is wrong, in a few words that complete "the file …"; null if the file is complete.</returns>
    public static string? FindProblem(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);

        long length = stream.Length;
        bool hasType = false;
        bool hasIndex = false;
        bool hasMedia = false;
        Span<byte> header = stackalloc byte[16];
        long position = 0;
        for (int boxes = 0; position < length; boxes++)
        {
            if (boxes == MaxBoxes)
            {
                return "consists of too many pieces for a video";
            }

            stream.Position = position;
            int read = stream.ReadAtLeast(header, header.Length, throwOnEndOfStream: false);
            if (read < 8)
            {
                return "is cut off";
            }

            long size = BinaryPrimitives.ReadUInt32BigEndian(header);
            long smallest = 8;
            if (size == 0)
            {
                // The last box may leave its size open; it extends to the end.
                size = length - position;
            }
            else if (size == 1)
            {
                smallest = 16;
                size = read < 16 ? 0 : BinaryPrimitives.ReadInt64BigEndian(header[8..]);
            }

            ReadOnlySpan<byte> type = header[4..8];
            bool isType = type.SequenceEqual("ftyp"u8);
            bool isIndex = type.SequenceEqual("moov"u8);
            bool isMedia = type.SequenceEqual("mdat"u8);
            if (!hasType && (isIndex || isMedia))
            {
                return "does not begin as an MP4 video does";
            }

            // Written in such a way that a size near 2^63 cannot overflow.
            if (size < smallest || size > length - position)
            {
                return hasType ? "is cut off" : "is not an MP4 video";
            }

            hasType |= isType;
            hasIndex |= isIndex;
            hasMedia |= isMedia;
            position += size;
        }

        return (hasType, hasIndex, hasMedia) switch
        {
            (false, _, _) => "is not an MP4 video",
            (_, false, _) => "lacks the index of the video (moov)",
            (_, _, false) => "lacks the content of the video (mdat)",
            _ => null,
        };
    }
}
