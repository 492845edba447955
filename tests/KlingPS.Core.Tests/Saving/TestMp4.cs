using System.Buffers.Binary;
using System.Text;

namespace KlingPS.Core.Tests.Saving;

/// <summary>Files that have the boxes of a video and random content in them.</summary>
internal static class TestMp4
{
    public static byte[] Create(int mediaBytes, int seed = 1)
    {
        byte[] media = new byte[mediaBytes];
        new Random(seed).NextBytes(media);
        return [.. Box("ftyp", "isommp42"u8), .. Box("moov", new byte[100]), .. Box("mdat", media)];
    }

    public static byte[] Box(string type, ReadOnlySpan<byte> content)
    {
        byte[] box = new byte[8 + content.Length];
        BinaryPrimitives.WriteInt32BigEndian(box, box.Length);
        Encoding.ASCII.GetBytes(type, box.AsSpan(4));
        content.CopyTo(box.AsSpan(8));
        return box;
    }

    public static byte[] LongBox(string type, ReadOnlySpan<byte> content, long? claimedSize = null)
    {
        byte[] box = new byte[16 + content.Length];
        box[3] = 1;
        Encoding.ASCII.GetBytes(type, box.AsSpan(4));
        BinaryPrimitives.WriteInt64BigEndian(box.AsSpan(8), claimedSize ?? box.Length);
        content.CopyTo(box.AsSpan(16));
        return box;
    }
}
