using System.Globalization;
using System.Text;

namespace KlingPS.Core.Reporting;

/// <summary>Keeps JSON safe to look at: what a terminal obeys or nobody sees is escaped. It says the same to whoever parses it.</summary>
internal static class LineText
{
    /// <summary>JSON with its invisible characters escaped; they can only be within its texts.</summary>
    public static string Escape(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        StringBuilder? escaped = null;
        int copied = 0;
        for (int at = 0, length; at < json.Length; at += length)
        {
            bool isCharacter = Rune.TryGetRuneAt(json, at, out Rune rune);
            length = isCharacter ? rune.Utf16SequenceLength : 1;
            if (isCharacter && (rune.IsAscii || VisibleText.IsVisible(rune)))
            {
                continue;
            }

            escaped ??= new StringBuilder(json.Length + 32);
            escaped.Append(json, copied, at - copied);
            foreach (char unit in json.AsSpan(at, length))
            {
                escaped.Append(CultureInfo.InvariantCulture, $"\\u{(int)unit:X4}");
            }

            copied = at + length;
        }

        return escaped?.Append(json, copied, json.Length - copied).ToString() ?? json;
    }
}
