using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace KlingPS.Core;

/// <summary>
/// Stands for a text when it only matters whether the same one has come before: a run may see hundreds of thousands, and this takes 16 bytes.
/// It is half of a SHA-256, so no two different texts are ever seen to share one.
/// </summary>
internal readonly record struct TextDigest
{
    private readonly UInt128 _hash;

    private TextDigest(UInt128 hash)
    {
        _hash = hash;
    }

    /// <summary>The digest of a text, character by character.</summary>
    public static TextDigest Of(string text)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(MemoryMarshal.AsBytes(text.AsSpan()), hash);
        return new TextDigest(BinaryPrimitives.ReadUInt128LittleEndian(hash));
    }

    /// <summary>
    /// The same for the texts that <see cref="StringComparison.OrdinalIgnoreCase"/> treats as equal, and for no others; only in scripts
    /// that are newer than the system's tables do capital and small letters stay apart.
    /// </summary>
    public static TextDigest IgnoringCase(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string upper = text.ToUpperInvariant();
        return Of(string.Equals(text, upper, StringComparison.OrdinalIgnoreCase) ? upper : Fold(text));
    }

    /// <summary>A few characters, such as the long s, have a capital that they do not count as equal to.</summary>
    private static string Fold(string text)
    {
        var folded = new StringBuilder(text.Length);
        int next;
        for (int i = 0; i < text.Length; i = next)
        {
            next = i + (char.IsSurrogatePair(text, i) ? 2 : 1);
            string one = text[i..next];
            string upper = one.ToUpperInvariant();
            folded.Append(string.Equals(one, upper, StringComparison.OrdinalIgnoreCase) ? upper : one);
        }

        return folded.ToString();
    }
}
