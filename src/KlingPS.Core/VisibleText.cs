using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace KlingPS.Core;

/// <summary>
/// Makes text from outside safe to show. Control characters act on a terminal, and other characters are invisible or change the
/// direction of text; each of them is written as its number, such as <c>&lt;U+001B&gt;</c>. Tabs stay, and so do line breaks, each
/// as a line feed. The user name and password in an address are left out; the role in the address of a database, without a password, is not, because it is
/// part of what identifies the ledger. Used for everything that the module composes for people; objects keep what
/// was received.
/// </summary>
internal static partial class VisibleText
{
    /// <summary>The longest text that is shown, in characters: more than any message has by itself.</summary>
    public const int MaxLength = 8000;

    /// <summary>Letters and marks, according to Unicode, that are not format characters but are still invisible.</summary>
    private static readonly SearchValues<char> s_blanks = SearchValues.Create("\u034F\u115F\u1160\u17B4\u17B5\u2800\u3164\uFFA0");

    /// <summary>A text as it may be shown; the same text if nothing is wrong with it. Idempotent.</summary>
    /// <param name="text">Any text; may have many lines and contain lone surrogates.</param>
    /// <param name="longest">How many characters of it are shown.</param>
    [return: NotNullIfNotNull(nameof(text))]
    public static string? Of(string? text, int longest = MaxLength) => Make(text, longest, keepsLines: true);

    /// <summary>Like <see cref="Of"/>, in one line: line breaks and tabs become blanks.</summary>
    /// <inheritdoc cref="Of"/>
    [return: NotNullIfNotNull(nameof(text))]
    public static string? InLine(string? text, int longest = MaxLength) => Make(text, longest, keepsLines: false);

    [return: NotNullIfNotNull(nameof(text))]
    private static string? Make(string? text, int longest, bool keepsLines)
    {
        if (text is null)
        {
            return null;
        }

        text = text.Contains("://", StringComparison.Ordinal) ? UserOfAddress().Replace(text, static user => IsRole(user) ? user.Value : "…@") : text;
        if (text.Length <= longest && IsPlain(text, keepsLines))
        {
            return text;
        }

        var shown = new StringBuilder(Math.Min(text.Length, longest) + 16);
        for (int at = 0, length; at < text.Length; at += length)
        {
            bool isCharacter = Rune.TryGetRuneAt(text, at, out Rune rune);
            length = isCharacter ? rune.Utf16SequenceLength : 1;
            string piece = text[at] switch
            {
                '\r' when at + 1 < text.Length && text[at + 1] == '\n' => string.Empty,
                '\n' => keepsLines ? "\n" : " ",
                '\t' => keepsLines ? "\t" : " ",
                _ when isCharacter && IsVisible(rune) => text.Substring(at, length),
                _ => Name(isCharacter ? rune.Value : text[at]),
            };
            if (shown.Length + piece.Length > longest)
            {
                return shown.Append('…').ToString();
            }

            shown.Append(piece);
        }

        return shown.ToString();
    }

    private static bool IsPlain(string text, bool keepsLines)
    {
        for (int at = 0; at < text.Length; at++)
        {
            char c = text[at];
            if (char.IsAscii(c) ? c is < ' ' or '\u007F' && !(keepsLines && c is '\n' or '\t') : char.IsSurrogate(c) || !IsVisible(new Rune(c)))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Whether a character is visible and leaves the others as they are.</summary>
    public static bool IsVisible(Rune rune)
        => Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator)
            && !(rune.IsBmp && s_blanks.Contains((char)rune.Value));

    /// <summary>Everything before the last @ that may belong to an address's host.</summary>
    [GeneratedRegex("(?<=(?<database>\\bpostgres(?:ql)?)?://)[^\\s/?#'\"]*@", RegexOptions.CultureInvariant)]
    private static partial Regex UserOfAddress();

    private static bool IsRole(Match user) => user.Groups["database"].Success && user.ValueSpan.IndexOfAny(':', '@') == user.Length - 1;

    private static string Name(int code) => string.Create(CultureInfo.InvariantCulture, $"<U+{code:X4}>");
}
