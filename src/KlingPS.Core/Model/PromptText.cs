using System.Globalization;
using System.Text;

namespace KlingPS.Core.Model;

/// <summary>
/// A prompt or a negative prompt as it is sent to the service. However a text was saved, typed or piped, it is sent in one spelling, and a
/// text that was damaged on its way is refused.
/// </summary>
/// <remarks>
/// Lines end with a line feed; blanks at the end of a line and around the text are gone, and so are invisible characters: byte order marks,
/// zero-width spaces, soft hyphens and marks of direction. What joins letters and emoji stays between them. Characters are in Unicode's
/// form C. Identities are made from this spelling: see <see cref="VideoSpec.GetIdentity"/>.
/// </remarks>
internal static class PromptText
{
    private const char Mark = '\uFEFF';
    private const char SoftHyphen = '\u00AD';

    /// <summary>The first half of every tag and of every selector beyond the first sixteen.</summary>
    private const char TagHalf = '\uDB40';

    /// <summary>Reads a text.</summary>
    /// <param name="text">The text as it was given.</param>
    /// <returns>Its one spelling, which may be empty.</returns>
    /// <exception cref="KlingException"><see cref="ErrorKind.RequestInvalid"/>: see <see cref="FindProblem"/>.</exception>
    public static string Parse(string text)
        => FindProblem(text) is string problem
            ? throw new KlingException(ErrorKind.RequestInvalid, $"The text {problem}.")
            : Normalize(text);

    /// <summary>The one spelling of a text. Idempotent; a damaged text stays damaged.</summary>
    /// <param name="text">Any text.</param>
    public static string Normalize(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string spelled = Spell(text, IsInvisible);

        // In garbled text, a soft hyphen is half of a letter, by which the damage is found.
        return !spelled.Contains(SoftHyphen, StringComparison.Ordinal) || Mojibake.Find(spelled) is not null ? spelled : Spell(spelled, c => c == SoftHyphen);
    }

    private static string Spell(string text, Func<char, bool> isDropped)
    {
        string composed = Compose(Remove(text, isDropped));
        var result = new StringBuilder(composed.Length);
        int end = 0;
        for (int i = 0; i < composed.Length; i++)
        {
            int lineBreak = LineBreakLength(composed, i);
            if (lineBreak > 0)
            {
                i += lineBreak - 1;
                result.Length = end;
                result.Append('\n');
                end = result.Length;
            }
            else
            {
                result.Append(composed[i]);
                end = IsBlank(composed[i]) || IsJoiner(composed[i]) ? end : result.Length;
            }
        }

        int start = 0;
        while (start < end && (IsBlankOrLineFeed(result[start]) || IsJoiner(result[start]) || IsSelector(result, start)))
        {
            start += char.IsHighSurrogate(result[start]) ? 2 : 1;
        }

        while (end > start && (IsBlankOrLineFeed(result[end - 1]) || IsJoiner(result[end - 1])))
        {
            end--;
        }

        return result.ToString(start, end - start);
    }

    /// <summary>What damage a text shows, in words that follow its name; <see langword="null"/> if there is none.</summary>
    /// <param name="text">The text as it was given, so that lines and columns are those that its author sees.</param>
    public static string? FindProblem(string text)
    {
        if (FindDamage(text) is string damage)
        {
            return damage;
        }

        // What counts is what would be sent: an invisible character or a letter in two parts makes the rest of the text no less garbled.
        string normalized = Normalize(text);
        if (Mojibake.Find(normalized) is not { } garbled)
        {
            return null;
        }

        int index = text.IndexOf(garbled.Garbled, StringComparison.Ordinal);
        string where = index >= 0 ? Locate(text, index) : Locate(normalized, garbled.Index);
        return $"has '{garbled.Garbled}' {where}, which is '{garbled.Meant}' in UTF-8 read as Windows-1252: read the file as UTF-8, and if that is how it was saved, write these letters again";
    }

    /// <summary>
    /// The same, except for letters that were read in another encoding and are still letters: for text that need not be of a language, such
    /// as a name or an address.
    /// </summary>
    /// <param name="text">The text as it was given.</param>
    public static string? FindDamage(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        int first = -1;
        int count = 0;
        for (int i = 0; i < text.Length; i++)
        {
            if (IsDamage(text, i))
            {
                first = first < 0 ? i : first;
                count++;
            }
        }

        if (first < 0)
        {
            return null;
        }

        string others = count > 1 ? string.Create(CultureInfo.InvariantCulture, $" ({count} such characters in all)") : string.Empty;
        return $"has {Describe(text, first)} {Locate(text, first)}{others}: {Explain(text, first)}";
    }

    /// <summary>Where a character is, as an editor counts: <c>at line 2, column 5</c>.</summary>
    /// <param name="text">The text.</param>
    /// <param name="index">The character, or the end of the text.</param>
    internal static string Locate(string text, int index)
    {
        int line = 1;
        int start = 0;
        for (int i = 0; i < index; i++)
        {
            int lineBreak = LineBreakLength(text, i);
            if (lineBreak > 0)
            {
                i += lineBreak - 1;
                line++;
                start = i + 1;
            }
        }

        // An editor does not show the mark.
        int column = index - start + 1 - (text is [Mark, ..] && line == 1 ? 1 : 0);
        return string.Create(CultureInfo.InvariantCulture, $"at line {line}, column {column}");
    }

    /// <summary>Without some characters. One between two halves of a character stays: without it, they would become a character that was never there.</summary>
    private static string Remove(string text, Func<char, bool> isDropped)
    {
        var result = new StringBuilder(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            if (isDropped(text[i]))
            {
                continue;
            }

            if (i > 0 && isDropped(text[i - 1]) && result.Length > 0 && char.IsSurrogatePair(result[^1], text[i]))
            {
                result.Append(text[i - 1]);
            }

            result.Append(text[i]);
        }

        return result.ToString();
    }

    /// <summary>Whether a character is invisible wherever it is: spaces and joiners without width, and marks of direction. Soft hyphens are handled separately.</summary>
    private static bool IsInvisible(char c)
        => c is Mark or '\u061C' or '\u180E' or '\u200B' or '\u200E' or '\u200F' or (>= '\u202A' and <= '\u202E') or (>= '\u2060' and <= '\u206F');

    /// <summary>Whether a character joins or parts its neighbours, as in Persian words and in emoji of several people. At the end of a line it has none.</summary>
    private static bool IsJoiner(char c) => c is '\u200C' or '\u200D';

    /// <summary>Whether a character chooses the form of the one before it, as selectors of variants and tags do.</summary>
    private static bool IsSelector(StringBuilder text, int index)
        => text[index] is (>= '\uFE00' and <= '\uFE0F') or '\u034F' || (text[index] == TagHalf && index + 1 < text.Length && char.IsLowSurrogate(text[index + 1]));

    /// <summary>In Unicode's form C, as far as the text is Unicode at all.</summary>
    private static string Compose(string text)
    {
        try
        {
            return text.Normalize(NormalizationForm.FormC);
        }
        catch (ArgumentException)
        {
            // Half a character, which is refused.
            return text;
        }
    }

    private static int LineBreakLength(string text, int index) => text[index] switch
    {
        '\r' when index + 1 < text.Length && text[index + 1] == '\n' => 2,
        '\r' or '\n' or '\u0085' or '\u2028' or '\u2029' => 1,
        _ => 0,
    };

    private static bool IsBlank(char c) => c is '\t' or '\u2800' or '\u3164' or '\uFFA0' || char.GetUnicodeCategory(c) == UnicodeCategory.SpaceSeparator;

    private static bool IsBlankOrLineFeed(char c) => c == '\n' || IsBlank(c);

    private static bool IsDamage(string text, int index)
    {
        char c = text[index];
        return char.IsControl(c) ? c != '\t' && LineBreakLength(text, index) == 0
            : char.IsHighSurrogate(c) ? index + 1 >= text.Length || !char.IsLowSurrogate(text[index + 1]) || IsNonCharacter(char.ConvertToUtf32(c, text[index + 1]))
            : char.IsLowSurrogate(c) ? index == 0 || !char.IsHighSurrogate(text[index - 1])
            : c is '\uFFFC' or '\uFFFD' || IsNonCharacter(c);
    }

    private static bool IsNonCharacter(int codePoint) => (codePoint & 0xFFFE) == 0xFFFE || codePoint is >= 0xFDD0 and <= 0xFDEF;

    private static string Describe(string text, int index)
    {
        int codePoint = index + 1 < text.Length && char.IsSurrogatePair(text[index], text[index + 1]) ? char.ConvertToUtf32(text[index], text[index + 1]) : text[index];
        string what = codePoint switch
        {
            0 => "a NUL character",
            0x1B => "an escape character",
            0xFFFC => "the place of an object that is not text",
            0xFFFD => "the sign for a character that could not be read",
            >= 0xD800 and <= 0xDFFF => "half of a character",
            <= 0x9F => "a control character",
            _ => "no character",
        };
        return string.Create(CultureInfo.InvariantCulture, $"U+{codePoint:X4}, {what},");
    }

    private static string Explain(string text, int index) => text[index] switch
    {
        '\0' when LooksLikeUtf16(text) => "it is UTF-16 that was read as another encoding. Save the file as UTF-8, or as UTF-16 with a byte order mark",
        '\uFFFD' => "the file is not in the encoding that it was read in, and letters are lost. Save it as UTF-8, or name its encoding to the command that reads it, as in Import-Csv -Encoding ansi",
        >= '\u0080' and <= '\u009F' => "the file was probably saved as Windows-1252 or UTF-8 and read as another encoding. Save it as UTF-8 and read it as that",
        >= '\uD800' and <= '\uDFFF' => "the text was cut in the middle of a character, such as an emoji. Write that character again, and save the file as UTF-8",
        '\uFFFE' => "it is UTF-16 that was read in the wrong byte order. Save the file as UTF-8",
        '\uFFFC' => "something that is not text, such as a picture, was copied with it. Delete it",
        _ => "it is not part of a text. Delete it, and save the file as UTF-8 if the text comes from one",
    };

    /// <summary>Whether a text is full of NUL characters, as one of two or four bytes for each character is when it is read byte by byte.</summary>
    internal static bool LooksLikeUtf16(string text) => text.Count(c => c == '\0') > text.Length / 4;
}
