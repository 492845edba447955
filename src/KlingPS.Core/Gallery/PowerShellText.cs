using System.Globalization;
using System.Text;

namespace KlingPS.Core.Gallery;

/// <summary>Texts in a form that can be pasted into PowerShell: whatever they contain, they are one word on one line, and are taken literally.</summary>
internal static class PowerShellText
{
    /// <summary>Whether a text needs nothing but quotation marks around it: then <see cref="Quote"/> leaves its characters as they are.</summary>
    /// <param name="text">Any text.</param>
    public static bool IsPlain(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.All(c => !IsSingleQuote(c)) && !NeedsEscapes(text);
    }

    /// <summary>A text in quotation marks. Characters that are invisible or control a terminal, line breaks among them, are written as escapes.</summary>
    /// <param name="text">Any text; half a surrogate pair becomes U+FFFD, as it does in a file.</param>
    public static string Quote(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (!NeedsEscapes(text))
        {
            var simple = new StringBuilder("'", text.Length + 2);
            foreach (char c in text)
            {
                simple.Append(IsSingleQuote(c) ? $"{c}{c}" : c);
            }

            return simple.Append('\'').ToString();
        }

        var quoted = new StringBuilder("\"", text.Length + 16);
        foreach (Rune rune in text.EnumerateRunes())
        {
            _ = rune.Value switch
            {
                '\n' => quoted.Append("`n"),
                '\r' => quoted.Append("`r"),
                '\t' => quoted.Append("`t"),
                '`' or '$' => quoted.Append('`').Append(rune),
                _ when rune.IsBmp && IsDoubleQuote((char)rune.Value) => quoted.Append('`').Append(rune),
                _ when NeedsEscape(rune) => quoted.Append(CultureInfo.InvariantCulture, $"`u{{{rune.Value:X}}}"),
                _ => quoted.Append(rune),
            };
        }

        return quoted.Append('"').ToString();
    }

    private static bool NeedsEscapes(string text)
    {
        for (int at = 0; at < text.Length; at++)
        {
            if (!Rune.TryGetRuneAt(text, at, out Rune rune) || NeedsEscape(rune))
            {
                return true;
            }

            at += rune.Utf16SequenceLength - 1;
        }

        return false;
    }

    private static bool NeedsEscape(Rune rune) => !VisibleText.IsVisible(rune);

    /// <summary>PowerShell treats the last four like the first.</summary>
    private static bool IsSingleQuote(char c) => c is '\'' or '\u2018' or '\u2019' or '\u201A' or '\u201B';

    private static bool IsDoubleQuote(char c) => c is '"' or '\u201C' or '\u201D' or '\u201E';
}
