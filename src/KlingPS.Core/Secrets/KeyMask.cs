using System.Globalization;
using System.Text;

namespace KlingPS.Core.Secrets;

/// <summary>
/// Finds a key in text in any spelling: as it is, with JSON escapes (even of JSON that is packed into a string, to any
/// depth), percent-encoded, with HTML entities, in hex or in base64. Works on the text as it came, so that no later decoding can bring
/// the key back.
/// </summary>
internal static class KeyMask
{
    /// <summary>Replaces every occurrence of a key.</summary>
    /// <param name="text">The text.</param>
    /// <param name="key">The key: printable ASCII.</param>
    /// <param name="hidden">What is put in its place.</param>
    public static string Hide(string text, ReadOnlySpan<char> key, string hidden)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(key.ToArray());
        text = Hide(text, key, hidden, ignoreCase: true);
        text = Hide(text, Convert.ToHexString(bytes), hidden, ignoreCase: true);
        for (int shift = 0; shift < 3; shift++)
        {
            string coded = InBase64(bytes, shift);
            text = Hide(text, coded, hidden, ignoreCase: false);
            string forAddresses = coded.Replace('+', '-').Replace('/', '_');
            text = forAddresses == coded ? text : Hide(text, forAddresses, hidden, ignoreCase: false);
        }

        Array.Clear(bytes);
        return text;
    }

    /// <summary>The base64 form of a key that begins this many bytes after a group of three, without the characters that its neighbours affect.</summary>
    private static string InBase64(byte[] key, int shift)
    {
        byte[] shifted = [.. new byte[shift], .. key];
        string coded = Convert.ToBase64String(shifted);
        Array.Clear(shifted);
        int start = ((shift * 8) + 5) / 6;
        return coded[start..(shifted.Length * 8 / 6)];
    }

    private static string Hide(string text, ReadOnlySpan<char> key, string hidden, bool ignoreCase)
    {
        if (key.IsEmpty)
        {
            return text;
        }

        // If nothing is escaped, the key can only appear as it is, and looking for that takes next to no time.
        if (!text.AsSpan().ContainsAny('\\', '%', '&') && !text.AsSpan().Contains(key, ignoreCase ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal))
        {
            return text;
        }

        // What the key may begin with: this skips most of a long text in one go.
        ReadOnlySpan<char> starts = ['\\', '%', '&', char.ToLowerInvariant(key[0]), char.ToUpperInvariant(key[0])];
        StringBuilder? result = null;
        int copied = 0;
        for (int start = 0; start < text.Length;)
        {
            int passed = text.AsSpan(start).IndexOfAny(starts);
            if (passed < 0)
            {
                break;
            }

            start += passed;
            int end = Match(text, start, key, ignoreCase);
            if (end < 0)
            {
                // If the key does not begin at the first of several backslashes, it begins at none of them. A text may be millions of them.
                int others = text.AsSpan(start).IndexOfAnyExcept('\\');
                start = others < 0 ? text.Length : start + Math.Max(others, 1);
                continue;
            }

            (result ??= new StringBuilder(text.Length)).Append(text, copied, start - copied).Append(hidden);
            copied = start = end;
        }

        return result?.Append(text, copied, text.Length - copied).ToString() ?? text;
    }

    /// <summary>Where a key that begins at this position ends; -1 if none begins here.</summary>
    private static int Match(ReadOnlySpan<char> text, int start, ReadOnlySpan<char> key, bool ignoreCase)
    {
        if (key.IsEmpty)
        {
            return start;
        }

        // Each time that JSON is packed into a string, every backslash becomes two.
        int at = start;
        while (at < text.Length && text[at] == '\\')
        {
            at++;
        }

        if (at > start && key[0] == '\\')
        {
            return Match(text, at, key[1..], ignoreCase);
        }

        if (at == text.Length)
        {
            return -1;
        }

        // A character may stand for itself or begin an escape.
        int coded = text[at] switch
        {
            'u' when at > start => MatchHex(text, at + 1, 4, key[0], ignoreCase),
            'x' when at > start => MatchHex(text, at + 1, 2, key[0], ignoreCase),
            '%' => MatchPercent(text, at + 1, key[0], ignoreCase),
            '&' => MatchEntity(text, at + 1, key[0], ignoreCase),
            _ => -1,
        };
        int end = coded < 0 ? -1 : Match(text, coded, key[1..], ignoreCase);
        return end >= 0 ? end
            : IsSame(text[at], key[0], ignoreCase) ? Match(text, at + 1, key[1..], ignoreCase)
            : -1;
    }

    /// <summary>A percent sign that is itself encoded becomes %25, any number of times.</summary>
    private static int MatchPercent(ReadOnlySpan<char> text, int at, char wanted, bool ignoreCase)
    {
        while (text[at..].StartsWith("25", StringComparison.Ordinal))
        {
            at += 2;
        }

        return MatchHex(text, at, 2, wanted, ignoreCase);
    }

    private static int MatchEntity(ReadOnlySpan<char> text, int at, char wanted, bool ignoreCase)
    {
        const int LongestEntity = 10;
        int length = text[at..Math.Min(text.Length, at + LongestEntity)].IndexOf(';');
        if (length < 0)
        {
            return -1;
        }

        ReadOnlySpan<char> name = text.Slice(at, length);
        int? code = name switch
        {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            ['#', 'x' or 'X', .. var hex] when int.TryParse(hex, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int value) => value,
            ['#', .. var digits] when int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int value) => value,
            _ => null,
        };
        return code is int found && found <= char.MaxValue && IsSame((char)found, wanted, ignoreCase) ? at + length + 1 : -1;
    }

    private static int MatchHex(ReadOnlySpan<char> text, int at, int length, char wanted, bool ignoreCase)
        => at + length <= text.Length
            && int.TryParse(text.Slice(at, length), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int code)
            && IsSame((char)code, wanted, ignoreCase)
                ? at + length
                : -1;

    private static bool IsSame(char one, char other, bool ignoreCase)
        => one == other || (ignoreCase && char.IsAscii(one) && char.ToLowerInvariant(one) == char.ToLowerInvariant(other));
}
