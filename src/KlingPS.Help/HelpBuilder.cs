using System.Management.Automation;
using System.Reflection;

namespace KlingPS.Help;

/// <summary>Builds a module's help from its pages and its compiled cmdlets, and refuses to if the two disagree.</summary>
public sealed class HelpBuilder
{
    private readonly string _assemblyName;
    private readonly IEnumerable<Type> _types;
    private readonly string _pages;
    private readonly Uri? _online;

    /// <summary>Prepares a build.</summary>
    /// <param name="assemblyName">The name of the cmdlets' assembly, by which <c>Get-Help</c> finds the file.</param>
    /// <param name="types">Its public types; the cmdlets among them are used.</param>
    /// <param name="pages">The folder with a page per cmdlet (<c>Verb-Noun.md</c>) and topics (<c>about_Name.md</c>).</param>
    /// <param name="online">The address of that folder on the web, ending with a slash: what <c>Get-Help -Online</c> opens for pages that give no other address.</param>
    public HelpBuilder(string assemblyName, IEnumerable<Type> types, string pages, Uri? online = null)
    {
        _assemblyName = assemblyName;
        _types = types;
        _pages = pages;
        _online = online;
    }

    /// <summary>Writes <c>Assembly.dll-Help.xml</c> and a <c>.help.txt</c> per topic.</summary>
    /// <param name="output">The folder to write to. Its content is replaced, unless there are problems.</param>
    /// <returns>What is wrong with the pages; empty when help was written.</returns>
    public IReadOnlyList<PageProblem> Build(string output)
    {
        var problems = new List<PageProblem>();
        string[] files = Directory.Exists(_pages) ? Directory.GetFiles(_pages, "*.md") : [];
        Array.Sort(files, StringComparer.Ordinal);
        ILookup<bool, string> byKind = files.ToLookup(file => Path.GetFileName(file).StartsWith("about_", StringComparison.Ordinal));
        Dictionary<string, HelpPage> pages = byKind[false].Select(file => HelpPage.Read(file, _online, problems)).ToDictionary(page => page.Name);
        Dictionary<string, string> topics = byKind[true].ToDictionary(file => Path.GetFileNameWithoutExtension(file), file => AboutTopic.Read(file, problems));

        var commands = new List<(CmdletInfo Cmdlet, HelpPage Page)>();
        foreach (CmdletInfo cmdlet in FindCmdlets())
        {
            if (pages.Remove(cmdlet.Name, out HelpPage? page))
            {
                Compare(cmdlet, page, problems);
                commands.Add((cmdlet, page));
            }
            else
            {
                problems.Add(new PageProblem(Path.Combine(_pages, cmdlet.Name + ".md"), 1, $"The cmdlet {cmdlet.Name} has no page."));
            }
        }

        problems.AddRange(pages.Values.Select(page => new PageProblem(page.File, 1, $"There is no cmdlet {page.Name}.")));
        if (problems.Count == 0)
        {
            if (Directory.Exists(output))
            {
                Directory.Delete(output, recursive: true);
            }

            Directory.CreateDirectory(output);
            MamlWriter.Write(commands).Save(Path.Combine(output, _assemblyName + ".dll-Help.xml"));
            foreach ((string name, string text) in topics)
            {
                File.WriteAllText(Path.Combine(output, name + ".help.txt"), text);
            }
        }

        return problems;
    }

    private static void Compare(CmdletInfo cmdlet, HelpPage page, List<PageProblem> problems)
    {
        HashSet<string> parameters = cmdlet.ParameterSets
            .SelectMany(CmdletParameters.OwnOf)
            .Select(parameter => parameter.Name)
            .ToHashSet(StringComparer.OrdinalIgnoreCase);

        problems.AddRange(parameters
            .Where(name => !page.Parameters.ContainsKey(name) && !CmdletParameters.StandardText.ContainsKey(name))
            .Select(name => new PageProblem(page.File, 1, $"The parameter -{name} of {cmdlet.Name} has no entry.")));
        problems.AddRange(page.Parameters
            .Where(entry => !parameters.Contains(entry.Key))
            .Select(entry => new PageProblem(page.File, entry.Value.Line, $"{cmdlet.Name} has no parameter -{entry.Key}.")));
    }

    private IEnumerable<CmdletInfo> FindCmdlets() =>
        from type in _types
        let attribute = type.GetCustomAttribute<CmdletAttribute>()
        where attribute is not null && !type.IsAbstract
        orderby attribute.NounName, attribute.VerbName
        select new CmdletInfo($"{attribute.VerbName}-{attribute.NounName}", type);
}
