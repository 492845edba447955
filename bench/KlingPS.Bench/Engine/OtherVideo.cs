using System.Buffers.Binary;
using System.Text;

namespace KlingPS.Bench.Engine;

/// <summary>The smallest file that counts as a whole video, and some megabytes of content.</summary>
internal static class OtherVideo
{
    public static byte[] Create(int mediaBytes = 2_000_000)
    {
        byte[] media = new byte[mediaBytes];
        new Random(1).NextBytes(media);
        return [.. Box("ftyp", "isommp42"u8), .. Box("moov", new byte[100]), .. Box("mdat", media)];
    }

    private static byte[] Box(string type, ReadOnlySpan<byte> content)
    {
        byte[] box = new byte[8 + content.Length];
        BinaryPrimitives.WriteInt32BigEndian(box, box.Length);
        Encoding.ASCII.GetBytes(type, box.AsSpan(4));
        content.CopyTo(box.AsSpan(8));
        return box;
    }
}
