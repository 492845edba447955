using System.Globalization;
using System.Text;
using Markdig.Extensions.Tables;
using Markdig.Syntax;
using Markdig.Syntax.Inlines;

namespace KlingPS.Help;

/// <summary>Markdown as a terminal shows it: without emphasis, lists with hanging indents, tables in columns.</summary>
internal static class PlainText
{
    /// <summary>For text that is wrapped when it is shown.</summary>
    public const int Unwrapped = int.MaxValue;

    private const string CodeIndent = "    ";

    /// <summary>Renders running text.</summary>
    /// <param name="inlines">The text; null is empty.</param>
    /// <returns>One line, unless the text has hard line breaks.</returns>
    public static string Render(ContainerInline? inlines)
    {
        var text = new StringBuilder();
        foreach (Inline inline in inlines ?? Enumerable.Empty<Inline>())
        {
            text.Append(inline switch
            {
                LiteralInline literal => literal.Content.ToString(),
                CodeInline code => code.Content,
                HtmlEntityInline entity => entity.Transcoded.ToString(),
                LineBreakInline lineBreak => lineBreak.IsHard ? "\n" : " ",
                AutolinkInline link => link.Url,
                LinkInline link => RenderLink(link),
                ContainerInline container => Render(container),
                _ => string.Empty,
            });
        }

        return text.ToString();
    }

    /// <summary>Renders blocks.</summary>
    /// <param name="blocks">Paragraphs, lists, code and tables.</param>
    /// <param name="width">The longest line, or <see cref="Unwrapped"/>. Code and tables are never wrapped.</param>
    /// <returns>One text per paragraph, its lines separated by line feeds.</returns>
    public static List<string> Render(IEnumerable<Block> blocks, int width = Unwrapped)
    {
        var paragraphs = new List<string>();
        foreach (Block block in blocks)
        {
            switch (block)
            {
                case ParagraphBlock paragraph:
                    paragraphs.Add(Wrap(Render(paragraph.Inline), width));
                    break;
                case CodeBlock code:
                    paragraphs.Add(Indent(code.Lines.ToString(), CodeIndent, CodeIndent));
                    break;
                case Table table:
                    paragraphs.Add(Render(table));
                    break;
                case ListBlock list:
                    paragraphs.Add(Render(list, width));
                    break;
                case ContainerBlock container:
                    paragraphs.AddRange(Render((IEnumerable<Block>)container, width));
                    break;
            }
        }

        return paragraphs;
    }

    /// <summary>Puts a prefix before every line that is not empty.</summary>
    /// <param name="text">The lines.</param>
    /// <param name="first">The prefix of the first line.</param>
    /// <param name="others">The prefix of the other lines.</param>
    /// <returns>The lines, indented.</returns>
    public static string Indent(string text, string first, string others) =>
        string.Join('\n', text.Split('\n').Select((line, index) => line.Length == 0 ? line : (index == 0 ? first : others) + line));

    /// <summary>Breaks lines between words.</summary>
    private static string Wrap(string text, int width)
    {
        var lines = new List<string>();
        foreach (string hardLine in text.Split('\n'))
        {
            var line = new StringBuilder();
            foreach (string word in hardLine.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            {
                if (line.Length > 0 && line.Length + 1 + word.Length > width)
                {
                    lines.Add(line.ToString());
                    line.Clear();
                }

                line.Append(line.Length > 0 ? " " : string.Empty).Append(word);
            }

            lines.Add(line.ToString());
        }

        return string.Join('\n', lines);
    }

    private static string Render(ListBlock list, int width)
    {
        var items = new List<string>();
        int number = list.IsOrdered ? int.Parse(list.OrderedStart ?? "1", CultureInfo.InvariantCulture) : 0;
        foreach (Block item in list)
        {
            string mark = list.IsOrdered ? string.Create(CultureInfo.InvariantCulture, $"{number++}. ") : "- ";
            List<string> paragraphs = Render((ContainerBlock)item, width == Unwrapped ? width : width - mark.Length);
            items.Add(Indent(string.Join('\n', paragraphs), mark, new string(' ', mark.Length)));
        }

        return string.Join('\n', items);
    }

    private static string Render(Table table)
    {
        string[][] rows = [.. table.Cast<TableRow>().Select(row => row.Cast<TableCell>().Select(cell => string.Join(' ', Render((IEnumerable<Block>)cell))).ToArray())];
        int[] widths = [.. Enumerable.Range(0, rows.Max(row => row.Length)).Select(column => rows.Max(row => column < row.Length ? row[column].Length : 0))];
        IEnumerable<string> lines = rows.Select(row => string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd());
        string rule = string.Join("  ", widths.Select(cells => new string('-', cells)));
        return string.Join('\n', lines.Take(1).Append(rule).Concat(lines.Skip(1)));
    }

    private static string RenderLink(LinkInline link)
    {
        string text = Render((ContainerInline)link);
        return link.Url is string url && url.Contains("://", StringComparison.Ordinal) && url != text ? $"{text} ({url})" : text;
    }
}
