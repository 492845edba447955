using Markdig;
using Markdig.Extensions.Yaml;
using Markdig.Syntax;

namespace KlingPS.Help;

/// <summary>A heading and what follows it, up to the next heading of any level.</summary>
/// <param name="Level">1 for the title of the page.</param>
/// <param name="Title">The heading's text.</param>
/// <param name="Line">The heading's line, from 1.</param>
/// <param name="Blocks">What follows it.</param>
internal sealed record MarkdownSection(int Level, string Title, int Line, IReadOnlyList<Block> Blocks)
{
    private static readonly MarkdownPipeline s_pipeline = new MarkdownPipelineBuilder().UseYamlFrontMatter().UsePipeTables().Build();

    /// <summary>Reads a page.</summary>
    /// <param name="markdown">The page's text.</param>
    /// <returns>Its sections in order; first, at level 0, what comes before any heading, with the front matter as its title.</returns>
    public static List<MarkdownSection> ReadAll(string markdown)
    {
        var blocks = new List<Block>();
        var sections = new List<MarkdownSection> { new(0, string.Empty, 1, blocks) };
        foreach (Block block in Markdown.Parse(markdown, s_pipeline))
        {
            switch (block)
            {
                case YamlFrontMatterBlock frontMatter:
                    sections[0] = sections[0] with { Title = frontMatter.Lines.ToString() };
                    break;
                case HeadingBlock heading:
                    blocks = [];
                    sections.Add(new(heading.Level, PlainText.Render(heading.Inline), heading.Line + 1, blocks));
                    break;
                default:
                    blocks.Add(block);
                    break;
            }
        }

        return sections;
    }
}
