using System.Buffers.Binary;
using System.Text;

namespace KlingPS.Core.Imaging;

/// <summary>Says what a file that the service does not take is, and what to do about it.</summary>
internal static class ForeignFormat
{
    private const string Convert = "convert it to JPEG or PNG first";
    private const string Export = "export it as JPEG or PNG first";
    private const string Film = "the service animates still images, so save one frame of it as JPEG or PNG first";

    /// <summary>One sentence about the file.</summary>
    /// <param name="head">The first bytes of the file, or all of it if it is short.</param>
    public static string Describe(ReadOnlySpan<byte> head)
    {
        if (head.IsEmpty)
        {
            return "It is empty; copy or download it again.";
        }

        (string Name, string Advice)? known = Signature(head) ?? Box(head) ?? Text(head);
        return known is var (name, advice)
            ? $"It is {name}; {advice}."
            : "Its content is not in a known image format; the service accepts JPEG, PNG and WebP.";
    }

    private static (string Name, string Advice)? Signature(ReadOnlySpan<byte> head)
    {
        if (head.StartsWith("GIF87a"u8) || head.StartsWith("GIF89a"u8))
        {
            return ("a GIF image", Convert);
        }

        if (head.StartsWith("II*\0"u8) || head.StartsWith("MM\0*"u8) || head.StartsWith("II+\0"u8) || head.StartsWith("MM\0+"u8))
        {
            return ("a TIFF image or a camera's raw file", Export);
        }

        if (IsBitmap(head))
        {
            return ("a BMP image", Convert);
        }

        if (head.StartsWith("%PDF-"u8))
        {
            return ("a PDF document", "export the page as JPEG or PNG first");
        }

        if (head.StartsWith("8BPS"u8))
        {
            return ("a Photoshop document", Export);
        }

        if (head.StartsWith((ReadOnlySpan<byte>)[0xFF, 0x0A]) || head.StartsWith("\0\0\0\fJXL \r\n"u8))
        {
            return ("a JPEG XL image", Convert);
        }

        if (head.StartsWith((ReadOnlySpan<byte>)[0xFF, 0x4F, 0xFF, 0x51]) || head.StartsWith("\0\0\0\fjP  \r\n"u8))
        {
            return ("a JPEG 2000 image", Convert);
        }

        if (head.Length > 4 && head[4] != 0 && (head.StartsWith("\0\0\u0001\0"u8) || head.StartsWith("\0\0\u0002\0"u8)))
        {
            return ("an icon", Convert);
        }

        if (head.StartsWith("PK\u0003\u0004"u8))
        {
            return ("a ZIP archive or an Office document", "take the images out of it first");
        }

        // Matroska and WebM; AVI.
        return head.StartsWith((ReadOnlySpan<byte>)[0x1A, 0x45, 0xDF, 0xA3])
            || (head.Length >= 12 && head.StartsWith("RIFF"u8) && head[8..].StartsWith("AVI "u8))
            ? ("a video", Film)
            : null;
    }

    /// <summary>The many formats made of ISO boxes: the brands in the first box tell them apart.</summary>
    private static (string Name, string Advice)? Box(ReadOnlySpan<byte> head)
    {
        if (head.Length < 12)
        {
            return null;
        }

        ReadOnlySpan<byte> type = head[4..8];
        if (!type.SequenceEqual("ftyp"u8))
        {
            // QuickTime files from before brands existed.
            return type.SequenceEqual("moov"u8) || type.SequenceEqual("mdat"u8) || type.SequenceEqual("wide"u8)
                ? ("a QuickTime video", Film)
                : null;
        }

        int end = (int)Math.Min(BinaryPrimitives.ReadUInt32BigEndian(head), (uint)head.Length);
        string brands = end >= 12 ? Encoding.Latin1.GetString(head[8..end]) : string.Empty;
        if (Has("avif") || Has("avis"))
        {
            return ("an AVIF image", Convert);
        }

        if (Has("hei") || Has("hev"))
        {
            return ("a HEIC photo", Convert);
        }

        if (Has("mif1") || Has("msf1"))
        {
            return ("a HEIF photo", Convert);
        }

        if (Has("crx "))
        {
            return ("a camera's raw file", Export);
        }

        return Has("qt  ") ? ("a QuickTime video", Film) : ("an MP4 video", Film);

        // The four bytes after the main brand are its version.
        bool Has(string brand)
        {
            for (int i = 0; i < brands.Length; i += 4)
            {
                if (i != 4 && string.CompareOrdinal(brands, i, brand, 0, brand.Length) == 0)
                {
                    return true;
                }
            }

            return false;
        }
    }

    private static (string Name, string Advice)? Text(ReadOnlySpan<byte> head)
    {
        string? text = Decode(head);
        if (text is null)
        {
            return null;
        }

        if (text.Contains("<html", StringComparison.OrdinalIgnoreCase)
            || text.Contains("<!doctype html", StringComparison.OrdinalIgnoreCase))
        {
            return ("a web page, perhaps an error saved under an image's name", "download the image itself");
        }

        return text.Contains("<svg", StringComparison.OrdinalIgnoreCase)
            ? ("an SVG drawing", Export)
            : ("a text file", "name an image instead");
    }

    private static string? Decode(ReadOnlySpan<byte> head)
    {
        if (head.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xFE]))
        {
            return Encoding.Unicode.GetString(head);
        }

        if (head.StartsWith((ReadOnlySpan<byte>)[0xFE, 0xFF]))
        {
            return Encoding.BigEndianUnicode.GetString(head);
        }

        // The head may end inside a character.
        string text = Encoding.UTF8.GetString(head);
        ReadOnlySpan<char> whole = text.AsSpan().TrimEnd('\uFFFD');
        foreach (char c in whole)
        {
            if (c == '\uFFFD' || (char.IsControl(c) && c is not ('\t' or '\n' or '\r' or '\f')))
            {
                return null;
            }
        }

        return whole.IsEmpty ? null : text;
    }

    /// <summary>Ordinary text may begin with "BM", so the size of the second header has to fit as well.</summary>
    private static bool IsBitmap(ReadOnlySpan<byte> head) =>
        head.Length >= 18
        && head.StartsWith("BM"u8)
        && BinaryPrimitives.ReadUInt32LittleEndian(head[14..]) is 12 or 16 or 40 or 52 or 56 or 64 or 108 or 124;
}
