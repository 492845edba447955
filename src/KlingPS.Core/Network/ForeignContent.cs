using System.Net;
using System.Text;
using System.Text.RegularExpressions;

namespace KlingPS.Core.Network;

/// <summary>Says what came instead of the expected content: pages of gateways, sign-in pages of networks, errors of file hosts.</summary>
internal static partial class ForeignContent
{
    /// <summary>How much of the beginning is examined, in bytes.</summary>
    public const int HeadLength = 4096;

    /// <summary>How the description of every web page begins.</summary>
    public const string Page = "a web page";

    private const int LongestShown = 80;

    /// <summary>Describes the beginning of some content.</summary>
    /// <param name="head">Its first bytes; no more than <see cref="HeadLength"/> are examined.</param>
    /// <returns>Such as <c>a web page ("502 Bad Gateway")</c>; <see langword="null"/> if it is not text.</returns>
    public static string? Describe(ReadOnlySpan<byte> head)
    {
        head = head[..Math.Min(head.Length, HeadLength)];
        return head.Contains((byte)0) ? null : Describe(Encoding.UTF8.GetString(head));
    }

    /// <inheritdoc cref="Describe(ReadOnlySpan{byte})"/>
    /// <param name="text">The content, or its beginning.</param>
    public static string? Describe(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string head = text[..Math.Min(text.Length, HeadLength)].TrimStart('\uFEFF', ' ', '\t', '\r', '\n');
        if (head.Length == 0)
        {
            return null;
        }

        if (head[0] == '<')
        {
            return Html().IsMatch(head) ? Page + Quote(Title().Match(head).Groups[1].Value)
                : "XML" + Quote(Code().Match(head).Groups[1].Value);
        }

        return head[0] is '{' or '[' ? "JSON" + Quote(head)
            : head.Any(c => char.IsControl(c) && c is not ('\t' or '\r' or '\n')) || head.Contains('\uFFFD', StringComparison.Ordinal) ? null
            : "text" + Quote(head);
    }

    /// <summary>One line of ordinary characters.</summary>
    private static string Quote(string text)
    {
        var shown = new StringBuilder();
        foreach (Rune rune in WebUtility.HtmlDecode(text).EnumerateRunes())
        {
            bool isBlank = Rune.IsWhiteSpace(rune);
            bool isPlain = !Rune.IsControl(rune) && Rune.GetUnicodeCategory(rune) is not (System.Globalization.UnicodeCategory.Format
                or System.Globalization.UnicodeCategory.PrivateUse or System.Globalization.UnicodeCategory.OtherNotAssigned);
            if (isBlank && shown.Length > 0 && shown[^1] != ' ')
            {
                shown.Append(' ');
            }
            else if (!isBlank && isPlain)
            {
                shown.Append(rune.ToString());
            }

            if (shown.Length >= LongestShown)
            {
                shown.Append('…');
                break;
            }
        }

        string line = shown.ToString().Trim();
        return line.Length == 0 ? string.Empty : $" (\"{line}\")";
    }

    [GeneratedRegex("<(!doctype\\s+html|html|head|body|title|script|meta)\\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Html();

    [GeneratedRegex("<title[^>]{0,200}>([^<]{0,500})", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Title();

    [GeneratedRegex("<(?:Code|Message|faultstring)>([^<]{0,500})<", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Code();
}
