using System.Text;

namespace KlingPS.Core.Gallery;

/// <summary>
/// Reads tables as spreadsheets write them: values in quotation marks if they need them, separated by commas, semicolons or tabs, whichever
/// the heading uses.
/// </summary>
internal static class ChoiceCsv
{
    private const string Separator = "sep=";

    private static readonly char[] s_separators = [',', ';', '\t'];

    /// <summary>Reads a table.</summary>
    /// <param name="text">The text.</param>
    /// <returns>Its rows, each with the line that it begins on, from 1; blank lines are left out.</returns>
    /// <exception cref="FormatException">A value in quotation marks has no end.</exception>
    public static IEnumerable<(int Line, IReadOnlyList<string> Values)> Read(string text)
    {
        ArgumentNullException.ThrowIfNull(text);

        // Blank lines before the heading count as lines, but are not the heading.
        int at = text.AsSpan(0, text.Length - text.TrimStart().Length).LastIndexOf('\n') + 1;
        int line = 1 + text.AsSpan(0, at).Count('\n');
        char separator = FindSeparator(text.AsSpan(at));
        if (text.AsSpan(at).StartsWith(Separator, StringComparison.OrdinalIgnoreCase) && text.Length - at > Separator.Length)
        {
            separator = text[at + Separator.Length];
            at = text.IndexOf('\n', at) is >= 0 and int end ? end + 1 : text.Length;
            line++;
        }

        while (at < text.Length)
        {
            int first = line;
            List<string> row = ReadRow(text, separator, ref at, ref line);
            if (row.Exists(value => value.Length > 0))
            {
                yield return (first, row);
            }
        }
    }

    /// <summary>A value as it was before it was protected from spreadsheets, which take some values for a formula because of how they begin.</summary>
    public static string Plain(string value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return value.StartsWith('\'') && value.TrimStart('\'') is ['=' or '+' or '-' or '@' or '\t' or '\r', ..] ? value[1..] : value;
    }

    private static List<string> ReadRow(string text, char separator, ref int at, ref int line)
    {
        var row = new List<string>();
        while (true)
        {
            row.Add(ReadValue(text, separator, ref at, ref line));
            if (at < text.Length && text[at] == separator)
            {
                at++;
                continue;
            }

            if (at < text.Length && text[at] == '\r')
            {
                at++;
            }

            if (at < text.Length && text[at] == '\n')
            {
                at++;
            }

            line++;
            return row;
        }
    }

    private static string ReadValue(string text, char separator, ref int at, ref int line)
    {
        if (at < text.Length && text[at] == '"')
        {
            return ReadQuoted(text, separator, ref at, ref line);
        }

        int start = at;
        while (at < text.Length && text[at] != separator && text[at] is not ('\r' or '\n'))
        {
            at++;
        }

        return text[start..at];
    }

    private static string ReadQuoted(string text, char separator, ref int at, ref int line)
    {
        int first = line;
        var value = new StringBuilder();
        for (at++; at < text.Length; at++)
        {
            if (text[at] != '"')
            {
                line += text[at] == '\n' ? 1 : 0;
                value.Append(text[at]);
            }
            else if (at + 1 < text.Length && text[at + 1] == '"')
            {
                at++;
                value.Append('"');
            }
            else
            {
                // Whatever stands between the mark and the separator belongs to the value.
                at++;
                return value.Append(ReadValue(text, separator, ref at, ref line)).ToString();
            }
        }

        throw new FormatException(FormattableString.Invariant($"the quotation mark in line {first} has no end"));
    }

    private static char FindSeparator(ReadOnlySpan<char> text)
    {
        int end = text.IndexOfAny('\r', '\n');
        ReadOnlySpan<char> heading = end < 0 ? text : text[..end];
        char found = s_separators[0];
        foreach (char separator in s_separators)
        {
            found = heading.Count(separator) > heading.Count(found) ? separator : found;
        }

        return found;
    }
}
