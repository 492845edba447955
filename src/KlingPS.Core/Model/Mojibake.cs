using System.Text;

namespace KlingPS.Core.Model;

/// <summary>Recognizes UTF-8 that was read as Windows-1252 or Latin-1, such as <c>FÃ¼chse</c> for <c>Füchse</c>, where that is beyond doubt.</summary>
internal static class Mojibake
{
    /// <summary>What the bytes 0x80 to 0x9F are in Windows-1252; the five that are nothing there are what they are in Latin-1.</summary>
    private const string Windows1252 = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008DŽ\u008F\u0090‘’“”•–—˜™š›œ\u009DžŸ";

    /// <summary>What may follow an accented letter in a sound text, as in <c>CAFÉ…</c>, although both bytes together would be UTF-8.</summary>
    private const string Punctuation = "\u00A0«»°·‚„…‹›‘’“”•–—™";

    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Finds the first letters that were read in the wrong encoding.</summary>
    /// <returns>Where they are, how they are read, and what they are; <see langword="null"/> for a text that may be sound.</returns>
    public static (int Index, string Garbled, string Meant)? Find(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        (int Index, string Garbled, string Meant)? first = null;
        bool isCertain = false;
        int neighbours = 0;
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] < 0x80)
            {
                neighbours = 0;
                continue;
            }

            // One character that is not such a sequence, and the text has been read as it should be.
            if (ReadSequence(text, i) is not string meant)
            {
                return null;
            }

            string garbled = text.Substring(i, Encoding.UTF8.GetByteCount(meant));
            first ??= (i, garbled, meant);
            neighbours++;
            isCertain |= neighbours >= 3 || IsUnlikely(garbled);
            i += garbled.Length - 1;
        }

        return isCertain ? first : null;
    }

    /// <summary>The character that UTF-8 reads from the bytes of the next two to four.</summary>
    private static string? ReadSequence(string text, int index)
    {
        int lead = ToByte(text[index]);
        int length = lead switch
        {
            >= 0xC2 and <= 0xDF => 2,
            >= 0xE0 and <= 0xEF => 3,
            >= 0xF0 and <= 0xF4 => 4,
            _ => 0,
        };
        if (length == 0 || index + length > text.Length)
        {
            return null;
        }

        int[] bytes = [.. text.Skip(index).Take(length).Select(ToByte)];
        try
        {
            return bytes.Contains(-1) ? null : s_utf8.GetString([.. bytes.Select(value => (byte)value)]);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    /// <summary>Whether nobody writes these characters one after the other.</summary>
    private static bool IsUnlikely(string garbled) => garbled.Length switch
    {
        2 => garbled[0] is 'Â' or 'Ã' && !Punctuation.Contains(garbled[1], StringComparison.Ordinal),
        3 => garbled.Skip(1).Any(c => !Punctuation.Contains(c, StringComparison.Ordinal)),
        _ => true,
    };

    /// <summary>The byte of a character in Windows-1252, or in Latin-1 where that has none; -1 if neither has it.</summary>
    private static int ToByte(char c)
    {
        int index = Windows1252.IndexOf(c, StringComparison.Ordinal);
        return index >= 0 ? 0x80 + index : c <= 0xFF ? c : -1;
    }
}
