using System.Buffers.Binary;
using System.Text;

namespace KlingPS.Core.Clips;

/// <summary>Reads the movie header of MP4 and QuickTime files (ISO/IEC 14496-12): the length, and the size and frame rate of the picture.</summary>
internal static class MovieHeader
{
    /// <summary>Far more boxes than a film has, so that a hostile file is given up soon.</summary>
    private const int MaxBoxes = 100_000;

    /// <summary>The boxes that have others in them which are of use here, each in the one before it. No other nesting is followed: a file may have any depth of it.</summary>
    private static readonly string[] s_containers = ["moov", "trak", "mdia", "minf", "stbl"];

    /// <returns><see langword="null"/> if the file is neither.</returns>
    public static ClipReport? Read(Stream stream, ReadOnlySpan<byte> head, ClipReport report, CancellationToken cancellationToken)
    {
        if (head.Length < 12)
        {
            return null;
        }

        ReadOnlySpan<byte> type = head[4..8];
        bool isMp4 = type.SequenceEqual("ftyp"u8) && !head[8..12].SequenceEqual("qt  "u8);
        bool isQuickTime = type.SequenceEqual("ftyp"u8) || type.SequenceEqual("moov"u8) || type.SequenceEqual("mdat"u8) || type.SequenceEqual("wide"u8);
        if (!isQuickTime)
        {
            return null;
        }

        var movie = new Movie(stream, cancellationToken);
        movie.Walk(0, stream.Length, depth: 0);
        return report with
        {
            // A file of this kind without a picture, such as M4A, has none of the formats known here.
            Format = movie.Width is null ? ClipFormat.Unknown : isMp4 ? ClipFormat.Mp4 : ClipFormat.QuickTime,
            Seconds = movie.Seconds,
            Width = movie.Width,
            Height = movie.Height,
            FrameRate = movie.FrameRate,
        };
    }

    private sealed class Movie(Stream stream, CancellationToken cancellationToken)
    {
        private int _boxes;
        private (int Width, int Height) _size;
        private (uint Scale, ulong Duration) _media;
        private bool _isPicture;

        public decimal? Seconds { get; private set; }

        public int? Width { get; private set; }

        public int? Height { get; private set; }

        public decimal? FrameRate { get; private set; }

        public void Walk(long position, long end, int depth)
        {
            Span<byte> header = stackalloc byte[16];
            while (end - position >= 8 && _boxes++ < MaxBoxes)
            {
                cancellationToken.ThrowIfCancellationRequested();
                stream.Position = position;
                int read = stream.ReadAtLeast(header, header.Length, throwOnEndOfStream: false);
                if (read < 8)
                {
                    return;
                }

                long size = BinaryPrimitives.ReadUInt32BigEndian(header);
                int start = 8;
                if (size == 1)
                {
                    start = 16;
                    size = read < 16 ? 0 : BinaryPrimitives.ReadInt64BigEndian(header[8..]);
                }
                else if (size == 0)
                {
                    size = end - position;
                }

                if (size < start || size > end - position)
                {
                    return;
                }

                Take(header[4..8], position + start, position + size, depth);
                position += size;
            }
        }

        private void Take(ReadOnlySpan<byte> type, long start, long end, int depth)
        {
            if (depth < s_containers.Length && Ascii.Equals(type, s_containers[depth]))
            {
                if (type.SequenceEqual("trak"u8))
                {
                    (_size, _media, _isPicture) = (default, default, false);
                }

                Walk(start, end, depth + 1);
            }
            else if (type.SequenceEqual("mvhd"u8) && ReadTimes(start, end) is var (scale, duration) && scale > 0 && duration > 0)
            {
                Seconds = (decimal)duration / scale;
            }
            else if (type.SequenceEqual("tkhd"u8))
            {
                ReadSize(start, end);
            }
            else if (type.SequenceEqual("mdhd"u8))
            {
                _media = ReadTimes(start, end) ?? default;
            }
            else if (type.SequenceEqual("hdlr"u8))
            {
                _isPicture = Read(start, end, 12) is { Length: 12 } handler && handler.AsSpan(8, 4).SequenceEqual("vide"u8);
                if (_isPicture && Width is null && _size is { Width: > 0, Height: > 0 })
                {
                    (Width, Height) = _size;
                }
            }
            else if (type.SequenceEqual("stts"u8) && _isPicture && FrameRate is null)
            {
                ReadFrameRate(start, end);
            }
        }

        /// <summary>The time scale and the duration of mvhd and mdhd, which begin the same way.</summary>
        private (uint Scale, ulong Duration)? ReadTimes(long start, long end)
        {
            byte[] box = Read(start, end, 32);
            return box switch
            {
                { Length: 32 } when box[0] == 1 => (BinaryPrimitives.ReadUInt32BigEndian(box.AsSpan(20)), BinaryPrimitives.ReadUInt64BigEndian(box.AsSpan(24))),
                { Length: >= 20 } when box[0] == 0 && BinaryPrimitives.ReadUInt32BigEndian(box.AsSpan(16)) is var duration && duration != uint.MaxValue
                    => (BinaryPrimitives.ReadUInt32BigEndian(box.AsSpan(12)), duration),
                _ => null,
            };
        }

        private void ReadSize(long start, long end)
        {
            byte[] box = Read(start, end, 96);
            int at = box is [1, ..] ? 88 : 76;
            if (box.Length >= at + 8)
            {
                // Fixed point: 16 bits before the point and 16 after it.
                _size = (BinaryPrimitives.ReadUInt16BigEndian(box.AsSpan(at)), BinaryPrimitives.ReadUInt16BigEndian(box.AsSpan(at + 4)));
            }
        }

        private void ReadFrameRate(long start, long end)
        {
            const int MaxEntries = 100_000;
            byte[] box = Read(start, end, 8);
            if (box.Length < 8 || _media is not { Scale: > 0, Duration: > 0 })
            {
                return;
            }

            uint entries = Math.Min(BinaryPrimitives.ReadUInt32BigEndian(box.AsSpan(4)), MaxEntries);
            ulong frames = 0;
            Span<byte> entry = stackalloc byte[8];
            for (uint i = 0; i < entries && stream.Position + 8 <= end && stream.ReadAtLeast(entry, 8, throwOnEndOfStream: false) == 8; i++)
            {
                frames += BinaryPrimitives.ReadUInt32BigEndian(entry);
            }

            FrameRate = (decimal)frames * _media.Scale / _media.Duration;
        }

        private byte[] Read(long start, long end, int count)
        {
            byte[] bytes = new byte[(int)Math.Min(count, end - start)];
            stream.Position = start;
            int read = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            return bytes[..read];
        }
    }
}
