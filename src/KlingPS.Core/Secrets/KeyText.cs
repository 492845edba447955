using System.Globalization;
using System.Security;

namespace KlingPS.Core.Secrets;

/// <summary>Tells a key from what is copied or written along with it. Reveals nothing of the key itself.</summary>
internal static class KeyText
{
    /// <summary>In characters; more than fits into the headers of a request.</summary>
    private const int MaxLength = 4096;

    private const string Quotes = "\"'`\u00AB\u00BB\u2018\u2019\u201A\u201C\u201D\u201E\u2039\u203A";

    /// <summary>A key without the blanks, line ends and invisible characters, such as a byte order mark, around it.</summary>
    public static ReadOnlySpan<char> Trim(ReadOnlySpan<char> text)
    {
        int start = 0;
        int end = text.Length;
        while (start < end && IsNothing(text[start]))
        {
            start++;
        }

        while (end > start && IsNothing(text[end - 1]))
        {
            end--;
        }

        return text[start..end];
    }

    /// <summary>Keeps a text as PowerShell keeps secrets; nothing can be added to it.</summary>
    public static SecureString ToSecureString(ReadOnlySpan<char> text)
    {
        var secure = new SecureString();
        foreach (char c in text)
        {
            secure.AppendChar(c);
        }

        secure.MakeReadOnly();
        return secure;
    }

    /// <summary>Whether a character is a quotation mark of any kind.</summary>
    public static bool IsQuotes(char c) => Quotes.Contains(c, StringComparison.Ordinal);

    /// <summary>What is wrong with a text as a key and what to do about it, in words that follow "the key"; <see langword="null"/> if it can be one.</summary>
    /// <param name="key">The text, trimmed.</param>
    public static string? FindProblem(ReadOnlySpan<char> key)
    {
        if (IsQuotes(key[0]) || IsQuotes(key[^1]))
        {
            return "has a quotation mark around it that does not belong to it. Give it without quotation marks; in a file or in a service's settings, they would be part of the key";
        }

        if (StartsWithWord(key, "Authorization") || StartsWithWord(key, "Bearer"))
        {
            return "begins with a part of an HTTP header ('Authorization' or 'Bearer'). Give only what comes after it; KlingPS adds the rest";
        }

        int sign = key.IndexOf('=');
        if (sign > 0 && sign < key.Length - 1 && IsNameOfKey(key[..sign]))
        {
            return "begins with a name and an equals sign. Give only what comes after the equals sign";
        }

        if (key is ['<', .., '>'] or ['{', .., '}'] or ['$', ..] or ['%', .., '%'])
        {
            return "is a placeholder that was not filled in. Put the key itself in its place";
        }

        if (key.Length > MaxLength)
        {
            return string.Create(CultureInfo.InvariantCulture, $"is too long to be one: it has {key.Length:N0} characters. It is probably the content of something else");
        }

        int wrong = key.IndexOfAnyExceptInRange('!', '~');
        return wrong < 0 ? null
            : key[wrong] is '\r' or '\n' ? "has a line break in it, but a key is a single line"
            : char.IsWhiteSpace(key[wrong]) ? "has a blank in it, which no key has. It was probably copied together with something else"
            : string.Create(
                CultureInfo.InvariantCulture,
                $"has a character in it that no key has{(IsNothing(key[wrong]) ? " and that cannot be seen" : string.Empty)}: U+{(int)key[wrong]:X4}, at position {wrong + 1}. Copy it again from where it is shown");
    }

    private static bool IsNothing(char c)
        => char.IsWhiteSpace(c) || char.GetUnicodeCategory(c) is UnicodeCategory.Control or UnicodeCategory.Format;

    private static bool StartsWithWord(ReadOnlySpan<char> key, string word)
        => key.StartsWith(word, StringComparison.OrdinalIgnoreCase) && (key.Length == word.Length || key[word.Length] is ':' or '=' || IsNothing(key[word.Length]));

    /// <summary>Whether the text before an equals sign is the name of a setting, as in <c>export KIE_API_KEY=…</c>.</summary>
    private static bool IsNameOfKey(ReadOnlySpan<char> name)
    {
        foreach (char c in name)
        {
            if (!char.IsAsciiLetter(c) && c is not ('_' or '-' or ' ' or ':' or '$'))
            {
                return false;
            }
        }

        return name.Contains("key", StringComparison.OrdinalIgnoreCase) || name.Contains("token", StringComparison.OrdinalIgnoreCase);
    }
}
