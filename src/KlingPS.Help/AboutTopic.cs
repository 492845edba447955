using System.Text;

namespace KlingPS.Help;

/// <summary>A conceptual page as the text file that <c>Get-Help about_…</c> shows.</summary>
internal static class AboutTopic
{
    private const int Width = 80;
    private const string Margin = "    ";

    /// <summary>Converts a page. <c>Get-Help</c> shows the fifth line of the text as its one-line summary, so that is where the short description goes.</summary>
    /// <param name="file">The page, <c>about_Name.md</c>: a title of the same name, a section "Short description" of one paragraph, and others.</param>
    /// <param name="problems">Receives what is wrong with the page.</param>
    /// <returns>The text, 80 columns wide.</returns>
    public static string Read(string file, ICollection<PageProblem> problems)
    {
        string name = Path.GetFileNameWithoutExtension(file);
        List<MarkdownSection> sections = [.. MarkdownSection.ReadAll(File.ReadAllText(file)).Skip(1)];
        if (sections is not [{ Level: 1, Blocks.Count: 0 } title, { Level: 2, Blocks.Count: 1 } summary, ..]
            || title.Title != name
            || !summary.Title.Equals("Short description", StringComparison.OrdinalIgnoreCase))
        {
            problems.Add(new PageProblem(file, 1, $"The page begins with the title '{name}' and a section 'Short description' of one paragraph."));
        }

        var text = new StringBuilder();
        foreach (MarkdownSection section in sections)
        {
            text.Append(section.Level switch
            {
                1 => $"TOPIC\n{Margin}{section.Title}\n\n",
                2 => $"{section.Title.ToUpperInvariant()}\n",
                _ => $"  {section.Title}\n",
            });
            foreach (string paragraph in PlainText.Render(section.Blocks, Width - Margin.Length))
            {
                text.Append(PlainText.Indent(paragraph, Margin, Margin)).Append("\n\n");
            }
        }

        return text.ToString().TrimEnd() + "\n";
    }
}
