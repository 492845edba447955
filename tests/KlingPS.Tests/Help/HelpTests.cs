using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Xml.Linq;
using KlingPS.Help;

namespace KlingPS.Tests.Help;

public sealed class HelpTests : IDisposable
{
    private const string Page = """
        ---
        external help file: Gadgets.dll-Help.xml
        online version: https://example.org/Set-Gadget
        ---

        # Set-Gadget

        ## SYNOPSIS

        Sets a `gadget`.

        ## DESCRIPTION

        The **first** paragraph has a [link](https://example.org/more)
        over two lines.

        - one
        - two

        ## EXAMPLES

        ### Example 1: Set all of them

        ```powershell
        Set-Gadget *.txt
        ```

        That sets all.

        ## PARAMETERS

        ### -Path

        The files.

        ```yaml
        Type: String
        ```

        ### -Id

        The number.

        ### -Duration

        Seconds.

        ### -Kind

        The kind.

        ### -Force

        Does it anyway.

        ### CommonParameters

        As everywhere.

        ## INPUTS

        ### System.String

        Paths.

        ## OUTPUTS

        ### None

        ## NOTES

        A note.

        ## RELATED LINKS

        [Get-Gadget](Get-Gadget.md)
        """;

    private readonly string _pages = Directory.CreateTempSubdirectory("KlingPS-").FullName;

    private string Output => Path.Combine(_pages, "en-US");

    public void Dispose() => Directory.Delete(_pages, recursive: true);

    [Fact]
    public void The_engine_shows_the_pages_prose_with_the_cmdlets_syntax()
    {
        Assert.Empty(Build(Page));
        InitialSessionState state = InitialSessionState.CreateDefault2();
        state.Commands.Add(new SessionStateCmdletEntry("Set-Gadget", typeof(SetGadgetCommand), Path.Combine(Output, "Gadgets.dll-Help.xml")));
        using Runspace runspace = RunspaceFactory.CreateRunspace(state);
        runspace.Open();
        using var powerShell = PowerShell.Create(runspace);

        string[] shown = [.. powerShell.AddScript("""
            $help = Get-Help Set-Gadget -Full
            $help.Synopsis
            $help.description.Text
            $help.syntax.syntaxItem[0].parameter[1].parameterValueGroup.parameterValue -join '|'
            $help.examples.example.code
            $help.alertSet.alert.Text
            $help.relatedLinks.navigationLink.linkText -join '|'
            $help.relatedLinks.navigationLink[0].uri
            (Get-Help Set-Gadget -Parameter Id).description.Text
            """).Invoke<string>()];

        string[] expected =
        [
            "Sets a gadget.",
            "The first paragraph has a link (https://example.org/more) over two lines.",
            "- one\n- two",
            "5|10",
            "Set-Gadget *.txt",
            "A note.",
            "Online Version:|Get-Gadget",
            "https://example.org/Set-Gadget",
            "The number.",
        ];
        Assert.Equal(expected, shown.Select(text => text.Trim()));
    }

    [Fact]
    public void Syntax_lists_each_set_with_what_it_takes()
    {
        Assert.Empty(Build(Page));

        string[] sets = [.. Elements("syntaxItem").Select(set => string.Join(' ', set.Elements().Skip(1).Select(parameter => parameter.Elements().First().Value)))];

        Assert.Equal(["Path Duration Kind Force WhatIf Confirm", "Id Duration Kind Force WhatIf Confirm"], sets);
    }

    [Theory]
    [InlineData("Path", "required=true variableLength=true globbing=true pipelineInput=True (ByValue, ByPropertyName) position=0 aliases=none", "String[]", "None", "The files.")]
    [InlineData("Id", "required=true variableLength=false globbing=false pipelineInput=False position=named aliases=Number", "Int32", "None", "The number.")]
    [InlineData("Duration", "required=false variableLength=false globbing=false pipelineInput=False position=named aliases=none", "Int32", "5", "Seconds.")]
    [InlineData("Kind", "required=false variableLength=false globbing=false pipelineInput=False position=named aliases=none", "GadgetKind", "None", "The kind.")]
    [InlineData("Force", "required=false variableLength=false globbing=false pipelineInput=False position=named aliases=none", "SwitchParameter", "False", "Does it anyway.")]
    [InlineData("WhatIf", "required=false variableLength=false globbing=false pipelineInput=False position=named aliases=wi", "SwitchParameter", "False", "Shows what would happen if the cmdlet runs. The cmdlet is not run.")]
    public void A_parameter_has_its_compiled_facts_and_its_prose(string name, string attributes, string type, string defaultValue, string text)
    {
        Assert.Empty(Build(Page));

        XElement parameter = Elements("parameters").Elements().Single(element => element.Elements().First().Value == name);

        Assert.Equal(attributes, string.Join(' ', parameter.Attributes().Select(attribute => $"{attribute.Name.LocalName}={attribute.Value}")));
        Assert.Equal(text, Child(parameter, "description"));
        Assert.Equal(type, Child(parameter, "parameterValue"));
        Assert.Equal(defaultValue, Child(parameter, "defaultValue"));
    }

    [Theory]
    [InlineData("### -Kind", "### -Kinds", "Set-Gadget.md(1): error KLINGHELP: The parameter -Kind of Set-Gadget has no entry.", "Set-Gadget.md(48): error KLINGHELP: Set-Gadget has no parameter -Kinds.")]
    [InlineData("The kind.", "", "Set-Gadget.md(48): error KLINGHELP: -Kind has no description.")]
    [InlineData("### -Kind", "### -Force", "Set-Gadget.md(52): error KLINGHELP: -Force is described twice.", "Set-Gadget.md(1): error KLINGHELP: The parameter -Kind of Set-Gadget has no entry.")]
    [InlineData("# Set-Gadget", "# Set-Gadgets", "Set-Gadget.md(6): error KLINGHELP: The title is 'Set-Gadgets' and the file is named after 'Set-Gadget'.")]
    [InlineData("Sets a `gadget`.", "", "Set-Gadget.md(1): error KLINGHELP: The page needs a SYNOPSIS of one paragraph.")]
    [InlineData("```powershell\nSet-Gadget *.txt\n```", "", "Set-Gadget.md(22): error KLINGHELP: 'Example 1: Set all of them' has no block of code.")]
    public void A_page_that_disagrees_with_its_cmdlet_is_refused_with_its_line(string old, string replacement, params string[] expected)
    {
        IReadOnlyList<PageProblem> problems = Build(Page.Replace(old + "\n", replacement + "\n", StringComparison.Ordinal));

        Assert.Subset(problems.Select(problem => problem.ToString()[(_pages.Length + 1)..]).ToHashSet(), expected.ToHashSet());
        Assert.False(Directory.Exists(Output));
    }

    [Theory]
    [InlineData("online version: https://example.org/Set-Gadget", null, "https://example.org/Set-Gadget")]
    [InlineData("online version: https://example.org/Set-Gadget", "https://example.net/docs/", "https://example.org/Set-Gadget")]
    [InlineData("online version:", "https://example.net/docs/", "https://example.net/docs/Set-Gadget.md")]
    [InlineData("online version:", null, "")]
    public void The_first_link_is_the_page_on_the_web_if_there_is_one(string line, string? online, string expected)
    {
        File.WriteAllText(Path.Combine(_pages, "Set-Gadget.md"), Page.Replace("online version: https://example.org/Set-Gadget", line, StringComparison.Ordinal));

        Assert.Empty(new HelpBuilder("Gadgets", [typeof(SetGadgetCommand)], _pages, online is null ? null : new Uri(online)).Build(Output));

        Assert.Equal(expected, Elements("uri").First(uri => uri.Parent!.Name.LocalName == "navigationLink").Value);
    }

    [Fact]
    public void Every_cmdlet_has_a_page_and_every_page_a_cmdlet()
    {
        File.WriteAllText(Path.Combine(_pages, "Set-Widget.md"), Page.Replace("# Set-Gadget", "# Set-Widget", StringComparison.Ordinal));

        IReadOnlyList<PageProblem> problems = Builder().Build(Output);

        Assert.Equal(["The cmdlet Set-Gadget has no page.", "There is no cmdlet Set-Widget."], problems.Select(problem => problem.Message));
    }

    [Fact]
    public void A_topic_becomes_text_of_80_columns_with_its_summary_on_the_fifth_line()
    {
        string words = string.Join(' ', Enumerable.Repeat("word", 30));
        File.WriteAllText(Path.Combine(_pages, "about_Gadgets.md"), $"""
            # about_Gadgets

            ## Short description

            What gadgets are.

            ## Long description

            {words}

            - {words}

            | a | b |
            | - | - |
            | `x` | 1 |

            ```powershell
            Set-Gadget 'a   b'
            ```
            """);

        Assert.Empty(Build(Page));

        string[] lines = File.ReadAllLines(Path.Combine(Output, "about_Gadgets.help.txt"));
        Assert.Equal(["TOPIC", "    about_Gadgets", "", "SHORT DESCRIPTION", "    What gadgets are.", "", "LONG DESCRIPTION"], lines[..7]);
        Assert.Equal(["    a  b", "    -  -", "    x  1", "", "        Set-Gadget 'a   b'"], lines[^5..]);
        Assert.Single(lines, line => line.StartsWith("      word", StringComparison.Ordinal));
        Assert.InRange(lines.Max(line => line.Length), 75, 80);
    }

    [Fact]
    public void A_table_that_is_too_wide_for_a_terminal_is_wrapped_within_its_cells()
    {
        string words = string.Join(' ', Enumerable.Repeat("word", 30));
        File.WriteAllText(Path.Combine(_pages, "about_Gadgets.md"), $"""
            # about_Gadgets

            ## Short description

            What gadgets are.

            ## Long description

            | gadget | what it does |
            | - | - |
            | a-gadget-with-a-long-name | {words} |
            | last | {words} |
            """);

        Assert.Empty(Build(Page));

        string[] lines = [.. File.ReadAllLines(Path.Combine(Output, "about_Gadgets.help.txt")).SkipWhile(line => !line.StartsWith("    gadget ", StringComparison.Ordinal))];
        int second = lines[0].IndexOf("what", StringComparison.Ordinal);
        Assert.Equal("    a-gadget-with-a-long-name".Length + 2, second);
        Assert.InRange(lines.Max(line => line.Length), 75, 80);
        Assert.Equal(60, lines.Skip(2).Sum(line => line[second..].Split(' ').Length));
        Assert.Equal(["a-gadget-with-a-long-name", "last"], lines.Skip(2).Select(line => line[..second].Trim()).Where(cell => cell.Length > 0));
    }

    private static string Child(XElement parent, string name) => parent.Elements().Single(element => element.Name.LocalName == name).Value;

    private HelpBuilder Builder() => new("Gadgets", [typeof(SetGadgetCommand), typeof(GadgetKind)], _pages);

    private IReadOnlyList<PageProblem> Build(string page)
    {
        File.WriteAllText(Path.Combine(_pages, "Set-Gadget.md"), page);
        return Builder().Build(Output);
    }

    private IEnumerable<XElement> Elements(string name) =>
        XDocument.Load(Path.Combine(Output, "Gadgets.dll-Help.xml")).Descendants().Where(element => element.Name.LocalName == name);
}
