using System.Buffers.Binary;
using System.Security.Cryptography;

namespace KlingPS.Core.Model;

/// <summary>The id of one run of a command that buys videos.</summary>
internal static class RunId
{
    private const int Version = 0x70;
    private const int Variant = 0x80;

    /// <summary>Makes an id, as a UUID of version 7: ids that were made later come later, as texts too.</summary>
    /// <param name="now">When the run began.</param>
    public static string Create(DateTimeOffset now)
    {
        Span<byte> bytes = stackalloc byte[16];
        RandomNumberGenerator.Fill(bytes);
        Span<byte> time = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(time, now.ToUnixTimeMilliseconds());
        time[2..].CopyTo(bytes);
        bytes[6] = (byte)(Version | (bytes[6] & 0x0F));
        bytes[8] = (byte)(Variant | (bytes[8] & 0x3F));
        return new Guid(bytes, bigEndian: true).ToString("D");
    }
}
