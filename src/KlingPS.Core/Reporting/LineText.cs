using System.Globalization;
using System.Text;

namespace KlingPS.Core.Reporting;

/// <summary>Makes JSON safe to look at: characters that control a terminal or are invisible are escaped. Its meaning stays the same.</summary>
internal static class LineText
{
    /// <summary>JSON with its invisible characters escaped; they can only occur within its strings.</summary>
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
