using System.Buffers.Binary;

namespace KlingPS.Core.Imaging;

/// <summary>Reads a PNG's IHDR chunk and makes sure of its IEND chunk.</summary>
internal static class PngHeader
{
    private const string Name = "PNG";

    private static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    private static ReadOnlySpan<byte> HeaderChunk => [0, 0, 0, 13, (byte)'I', (byte)'H', (byte)'D', (byte)'R'];

    private static ReadOnlySpan<byte> EndChunk =>
        [0, 0, 0, 0, (byte)'I', (byte)'E', (byte)'N', (byte)'D', 0xAE, 0x42, 0x60, 0x82];

    public static bool Matches(ReadOnlySpan<byte> head) => head.StartsWith(Signature);

    public static ImageHeader Read(Stream stream, ReadOnlySpan<byte> head, CancellationToken cancellationToken)
    {
        // Signature, chunk length and name, 13 bytes of header, checksum.
        const int headerEnd = 33;
        if (head.Length < headerEnd)
        {
            return default(ImageHeader).CutOff(Name);
        }

        uint width = BinaryPrimitives.ReadUInt32BigEndian(head[16..]);
        uint height = BinaryPrimitives.ReadUInt32BigEndian(head[20..]);
        if (!head[8..].StartsWith(HeaderChunk) || width is 0 or > int.MaxValue || height is 0 or > int.MaxValue)
        {
            return default(ImageHeader).Damaged(Name);
        }

        var header = new ImageHeader((int)width, (int)height);
        return StreamSearch.HasEndMarker(stream, headerEnd, EndChunk, cancellationToken) ? header : header.CutOff(Name);
    }
}
