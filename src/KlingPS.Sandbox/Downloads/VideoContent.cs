using System.Buffers.Binary;
using System.Text;
using KlingPS.Sandbox.State;

namespace KlingPS.Sandbox.Downloads;

/// <summary>
/// The video of a task: the clip of its length, a <c>uuid</c> box with the task's id, which makes it unique, and, for a
/// given size a <c>free</c> box, which is filled while it is sent.
/// </summary>
internal sealed class VideoContent : DownloadContent
{
    private const int BoxHeader = 8;
    private const int LargeBoxHeader = 16;

    private static readonly byte[] s_boxType = new Guid("6b1d6f0e-2f3a-4c67-9a55-8d0c5b7e4a21").ToByteArray();

    /// <summary>Not zeros: a part of a video that ends with those looks as if a loss of power had damaged it, and is not continued.</summary>
    private static readonly byte[] s_filling = [.. Enumerable.Repeat(byte.MaxValue, 64 * 1024)];

    private readonly byte[] _head;

    private VideoContent(string taskId, byte[] head, long length, DateTimeOffset lastModified)
        : base($"{taskId} {length}", length, "video/mp4", lastModified)
    {
        _head = head;
    }

    /// <summary>Creates the video and pads it to that many bytes; a longer one stays as it is.</summary>
    internal static VideoContent Create(Job job, long size)
    {
        byte[] clip = Clips.Get(job.Request.Duration);
        byte[] id = MakeIdBox(job.Id);
        long padding = size - clip.Length - id.Length;
        if (padding > 0)
        {
            // A box cannot be smaller than its header.
            padding = Math.Max(padding, BoxHeader);
        }

        byte[] head = [.. clip, .. id, .. padding > 0 ? MakeFreeHeader(padding) : []];
        return new VideoContent(job.Id, head, clip.Length + id.Length + Math.Max(padding, 0), job.EndsAt);
    }

    internal override async Task CopyAsync(long offset, long count, Func<ReadOnlyMemory<byte>, Task> sink, CancellationToken cancellationToken)
    {
        while (count > 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ReadOnlyMemory<byte> piece = offset < _head.Length ? _head.AsMemory((int)offset) : s_filling;
            piece = piece[..(int)Math.Min(piece.Length, count)];
            await sink(piece).ConfigureAwait(false);
            offset += piece.Length;
            count -= piece.Length;
        }
    }

    private static byte[] MakeIdBox(string taskId)
    {
        byte[] id = Encoding.ASCII.GetBytes(taskId);
        byte[] header = MakeHeader(BoxHeader, "uuid"u8);
        BinaryPrimitives.WriteInt32BigEndian(header, BoxHeader + s_boxType.Length + id.Length);
        return [.. header, .. s_boxType, .. id];
    }

    private static byte[] MakeFreeHeader(long size)
    {
        if (size <= uint.MaxValue)
        {
            byte[] header = MakeHeader(BoxHeader, "free"u8);
            BinaryPrimitives.WriteUInt32BigEndian(header, (uint)size);
            return header;
        }

        // A 32-bit size of 1 says that the real one follows in 64 bits.
        byte[] large = MakeHeader(LargeBoxHeader, "free"u8);
        BinaryPrimitives.WriteUInt32BigEndian(large, 1);
        BinaryPrimitives.WriteInt64BigEndian(large.AsSpan(BoxHeader), size);
        return large;
    }

    private static byte[] MakeHeader(int length, ReadOnlySpan<byte> type)
    {
        byte[] header = new byte[length];
        type.CopyTo(header.AsSpan(4));
        return header;
    }
}
