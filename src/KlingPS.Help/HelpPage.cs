using System.Text.RegularExpressions;
using Markdig.Syntax;
using Markdig.Syntax.Inlines;

namespace KlingPS.Help;

/// <summary>What a page in the PlatyPS schema says about one cmdlet. Its syntax and YAML blocks are ignored: they come from the compiled cmdlet.</summary>
internal sealed partial class HelpPage
{
    private static readonly string[] s_sections =
        ["SYNOPSIS", "SYNTAX", "ALIASES", "DESCRIPTION", "EXAMPLES", "PARAMETERS", "INPUTS", "OUTPUTS", "NOTES", "RELATED LINKS"];

    private const string OnlineVersionText = "Online Version:";

    private HelpPage(string file)
    {
        File = file;
    }

    /// <summary>The page's path.</summary>
    public string File { get; }

    /// <summary>The cmdlet the page is named after.</summary>
    public string Name => Path.GetFileNameWithoutExtension(File);

    /// <summary>What the cmdlet does, in one sentence.</summary>
    public IReadOnlyList<string> Synopsis { get; private set; } = [];

    /// <summary>The description, one paragraph each.</summary>
    public IReadOnlyList<string> Description { get; private set; } = [];

    /// <summary>Examples, in order.</summary>
    public List<(string Title, string Code, IReadOnlyList<string> Remarks)> Examples { get; } = [];

    /// <summary>The description of each parameter and its line.</summary>
    public Dictionary<string, (int Line, IReadOnlyList<string> Text)> Parameters { get; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>What can be piped in: the type and what is done with it.</summary>
    public List<(string Type, IReadOnlyList<string> Text)> Inputs { get; } = [];

    /// <summary>What the cmdlet emits.</summary>
    public List<(string Type, IReadOnlyList<string> Text)> Outputs { get; } = [];

    /// <summary>Notes.</summary>
    public IReadOnlyList<string> Notes { get; private set; } = [];

    /// <summary>Further reading; first the page on the web, which is what <c>Get-Help -Online</c> opens.</summary>
    public List<(string Text, string Uri)> Links { get; } = [];

    /// <summary>Reads a page.</summary>
    /// <param name="file">The page, named after its cmdlet.</param>
    /// <param name="online">The address of its folder on the web, if it has one.</param>
    /// <param name="problems">Receives what is wrong with the page itself.</param>
    /// <returns>The page, as far as it could be read.</returns>
    public static HelpPage Read(string file, Uri? online, ICollection<PageProblem> problems)
    {
        var page = new HelpPage(file);
        List<MarkdownSection> sections = MarkdownSection.ReadAll(System.IO.File.ReadAllText(file));
        if (OnlineVersion().Match(sections[0].Title) is { Success: true } match)
        {
            page.Links.Add((OnlineVersionText, match.Groups[1].Value));
        }
        else if (online is not null)
        {
            page.Links.Add((OnlineVersionText, new Uri(online, Path.GetFileName(file)).AbsoluteUri));
        }

        string current = string.Empty;
        foreach (MarkdownSection section in sections.Skip(1))
        {
            if (section.Level == 1)
            {
                if (section.Title != page.Name)
                {
                    problems.Add(new PageProblem(file, section.Line, $"The title is '{section.Title}' and the file is named after '{page.Name}'."));
                }
            }
            else if (section.Level == 2)
            {
                current = section.Title.ToUpperInvariant();
                if (!s_sections.Contains(current))
                {
                    problems.Add(new PageProblem(file, section.Line, $"There is no section '{section.Title}'. The sections are {string.Join(", ", s_sections)}."));
                }

                page.Take(current, section);
            }
            else
            {
                page.TakePart(current, section, problems);
            }
        }

        page.Require(page.Synopsis.Count == 1, "The page needs a SYNOPSIS of one paragraph.", problems);
        page.Require(page.Description.Count > 0, "The page needs a DESCRIPTION.", problems);
        page.Require(page.Examples.Count > 0, "The page needs EXAMPLES, each a heading of the third level with a block of code.", problems);
        return page;
    }

    [GeneratedRegex(@"^online version:\s*'?([^'\s]+)'?\s*$", RegexOptions.IgnoreCase | RegexOptions.Multiline)]
    private static partial Regex OnlineVersion();

    private void Require(bool condition, string message, ICollection<PageProblem> problems)
    {
        if (!condition)
        {
            problems.Add(new PageProblem(File, 1, message));
        }
    }

    private void Take(string name, MarkdownSection section)
    {
        switch (name)
        {
            case "SYNOPSIS":
                Synopsis = PlainText.Render(section.Blocks);
                break;
            case "DESCRIPTION":
                Description = PlainText.Render(section.Blocks);
                break;
            case "NOTES":
                Notes = PlainText.Render(section.Blocks);
                break;
            case "RELATED LINKS":
                IEnumerable<LinkInline> links = section.Blocks
                    .SelectMany(block => block is LeafBlock leaf ? leaf.Inline?.Descendants<LinkInline>() ?? [] : block.Descendants<LinkInline>());
                foreach (LinkInline link in links)
                {
                    // A link to the page of another cmdlet is a name to get help for, not an address.
                    string uri = link.Url is string url && url.Contains("://", StringComparison.Ordinal) ? url : string.Empty;
                    Links.Add((PlainText.Render((ContainerInline)link), uri));
                }

                break;
        }
    }

    private void TakePart(string name, MarkdownSection section, ICollection<PageProblem> problems)
    {
        switch (name)
        {
            case "EXAMPLES":
                FencedCodeBlock? code = section.Blocks.OfType<FencedCodeBlock>().FirstOrDefault();
                if (code is null)
                {
                    problems.Add(new PageProblem(File, section.Line, $"'{section.Title}' has no block of code."));
                    break;
                }

                Examples.Add((section.Title, code.Lines.ToString(), PlainText.Render(section.Blocks.Where(block => block != code))));
                break;
            case "PARAMETERS" when section.Title.StartsWith('-'):
                List<string> text = PlainText.Render(section.Blocks.Where(block => block is not FencedCodeBlock { Info: "yaml" }));
                if (text.Count == 0)
                {
                    problems.Add(new PageProblem(File, section.Line, $"{section.Title} has no description."));
                }

                if (!Parameters.TryAdd(section.Title[1..], (section.Line, text)))
                {
                    problems.Add(new PageProblem(File, section.Line, $"{section.Title} is described twice."));
                }

                break;
            case "INPUTS":
                Inputs.Add((section.Title, PlainText.Render(section.Blocks)));
                break;
            case "OUTPUTS":
                Outputs.Add((section.Title, PlainText.Render(section.Blocks)));
                break;
        }
    }
}
