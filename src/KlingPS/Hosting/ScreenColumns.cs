using System.Text;

namespace KlingPS.Hosting;

/// <summary>How many columns of a screen a text takes: East Asian characters and pictures take two, and marks that combine with others none.</summary>
internal static class ScreenColumns
{
    private const char Ellipsis = '\u2026';

    /// <summary>The first and the last character of each range that takes two columns, in ascending order. Where terminals disagree, two.</summary>
    private static readonly (int First, int Last)[] s_wide =
    [
        (0x1100, 0x115F), (0x231A, 0x231B), (0x2329, 0x232A), (0x23E9, 0x23F3), (0x25FD, 0x25FE), (0x2614, 0x2615), (0x2648, 0x2653), (0x267F, 0x267F),
        (0x2693, 0x2693), (0x26A1, 0x26A1), (0x26AA, 0x26AB), (0x26BD, 0x26BE), (0x26C4, 0x26C5), (0x26CE, 0x26CE), (0x26D4, 0x26D4), (0x26EA, 0x26EA),
        (0x26F2, 0x26F5), (0x26FA, 0x26FD), (0x2705, 0x2705), (0x270A, 0x270B), (0x2728, 0x2728), (0x274C, 0x274E), (0x2753, 0x2757), (0x2795, 0x2797),
        (0x27B0, 0x27BF), (0x2B1B, 0x2B1C), (0x2B50, 0x2B55), (0x2E80, 0x303E), (0x3041, 0xA4CF), (0xA960, 0xA97F), (0xAC00, 0xD7A3), (0xF900, 0xFAFF),
        (0xFE10, 0xFE19), (0xFE30, 0xFE6F), (0xFF00, 0xFF60), (0xFFE0, 0xFFE6), (0x16FE0, 0x18DFF), (0x1AFF0, 0x1B2FF), (0x1F000, 0x1FAFF), (0x20000, 0x3FFFD),
    ];

    /// <summary>The columns of a text in one line.</summary>
    public static int Count(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.EnumerateRunes().Sum(WidthOf);
    }

    /// <summary>The text if it fits; else its beginning and, if that says more than what is in between, its end.</summary>
    /// <param name="text">The text, in one line.</param>
    /// <param name="columns">The columns there are; at least 1.</param>
    /// <param name="end">How many of them the end of the text gets, such as for the extension of a file.</param>
    public static string Fit(string text, int columns, int end = 0)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (Count(text) <= columns)
        {
            return text;
        }

        Rune[] runes = [.. text.EnumerateRunes()];
        int tail = Math.Clamp(end, 0, columns - 1);
        string head = Take(runes, columns - 1 - tail);
        string rest = Take(runes.Reverse(), tail);
        return head + Ellipsis + string.Concat(rest.EnumerateRunes().Reverse());
    }

    private static string Take(IEnumerable<Rune> runes, int columns)
    {
        var taken = new StringBuilder();
        int used = 0;
        foreach (Rune rune in runes)
        {
            used += WidthOf(rune);
            if (used > columns)
            {
                break;
            }

            taken.Append(rune);
        }

        return taken.ToString();
    }

    private static int WidthOf(Rune rune)
    {
        if (rune.Value < 0x300)
        {
            return 1;
        }

        if (Rune.GetUnicodeCategory(rune) is System.Globalization.UnicodeCategory.NonSpacingMark or System.Globalization.UnicodeCategory.EnclosingMark)
        {
            return 0;
        }

        int at = Array.BinarySearch(s_wide, (rune.Value, int.MaxValue));
        int before = at >= 0 ? at : ~at - 1;
        return before >= 0 && rune.Value <= s_wide[before].Last ? 2 : 1;
    }
}
