using System.Globalization;
using System.Text;
using Markdig.Extensions.Tables;
using Markdig.Syntax;
using Markdig.Syntax.Inlines;

namespace KlingPS.Help;

/// <summary>Markdown as a terminal shows it: without emphasis, lists with hanging indents, tables in columns.</summary>
internal static class PlainText
{
    /// <summary>The width of text that is wrapped only when it is shown.</summary>
    public const int Unwrapped = int.MaxValue;

    private const string CodeIndent = "    ";
    private const string ColumnGap = "  ";

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
    /// <param name="width">The longest line, or <see cref="Unwrapped"/>. Code is never wrapped, and a table that is too wide is wrapped within its cells.</param>
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
                    paragraphs.Add(Render(table, width));
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

    private static string Render(Table table, int width)
    {
        string[][] rows = [.. table.Cast<TableRow>().Select(row => row.Cast<TableCell>().Select(cell => string.Join(' ', Render((IEnumerable<Block>)cell))).ToArray())];
        int[] widths = Fit(rows, width);
        IEnumerable<string> lines = rows.Select(row => Render(row, widths));
        string rule = string.Join(ColumnGap, widths.Select(cells => new string('-', cells)));
        return string.Join('\n', lines.Take(1).Append(rule).Concat(lines.Skip(1)));
    }

    /// <summary>A row, over as many lines as its longest cell needs.</summary>
    private static string Render(string[] row, int[] widths)
    {
        string[][] cells = [.. row.Select((cell, column) => Wrap(cell, widths[column]).Split('\n'))];
        return string.Join('\n', Enumerable.Range(0, cells.Max(cell => cell.Length)).Select(line =>
            string.Join(ColumnGap, cells.Select((cell, column) => (line < cell.Length ? cell[line] : string.Empty).PadRight(widths[column]))).TrimEnd()));
    }

    /// <summary>The widths of the columns: what their cells need; if that is too much, the widest are narrowed, but not to less than a word.</summary>
    private static int[] Fit(string[][] rows, int width)
    {
        int[] columns = [.. Enumerable.Range(0, rows.Max(row => row.Length))];
        int Longest(int column, Func<string, int> length) => rows.Max(row => column < row.Length ? length(row[column]) : 0);
        int[] widths = [.. columns.Select(column => Longest(column, cell => cell.Length))];
        int[] words = [.. columns.Select(column => Longest(column, cell => cell.Split(' ').Max(word => word.Length)))];
        while (widths.Sum() + (ColumnGap.Length * (widths.Length - 1)) > width && columns.Any(column => widths[column] > words[column]))
        {
            widths[columns.Where(column => widths[column] > words[column]).MaxBy(column => widths[column])]--;
        }

        return widths;
    }

    private static string RenderLink(LinkInline link)
    {
        string text = Render((ContainerInline)link);
        return link.Url is string url && url.Contains("://", StringComparison.Ordinal) && url != text ? $"{text} ({url})" : text;
    }
}
