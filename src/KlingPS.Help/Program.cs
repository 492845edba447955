using System.Reflection;

namespace KlingPS.Help;

/// <summary>Combines the pages in <c>docs/en-US</c> with the compiled cmdlets into the files that <c>Get-Help</c> reads.</summary>
internal static class Program
{
    private static int Main(string[] args)
    {
        if (args is not [string file, string pages, string output, .. { Length: <= 1 } rest])
        {
            Console.Error.WriteLine("Usage: KlingPS.Help <assembly of the cmdlets> <folder of the pages> <folder for the help files> [<address of the pages on the web>]");
            return 64;
        }

        Assembly assembly = Assembly.LoadFrom(Path.GetFullPath(file));
        var builder = new HelpBuilder(assembly.GetName().Name!, assembly.GetExportedTypes(), pages, rest is [string address] ? new Uri(address) : null);
        IReadOnlyList<PageProblem> problems = builder.Build(output);
        foreach (PageProblem problem in problems)
        {
            Console.WriteLine(problem);
        }

        return problems.Count == 0 ? 0 : 1;
    }
}
