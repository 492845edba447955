using System.Text.RegularExpressions;

namespace KlingPS.Tests.Architecture;

/// <summary>What the repository says of its own security is so.</summary>
public sealed partial class RepositoryTests
{
    private static readonly string s_root = FindRoot();
    private static readonly string s_page = File.ReadAllText(Path.Combine(s_root, "SECURITY.md"));
    private static readonly string s_workflow = File.ReadAllText(Path.Combine(s_root, ".github", "workflows", "ci.yml"));

    [Fact]
    public void Every_file_that_the_page_on_security_names_is_there()
    {
        string[] files = [.. Code().Matches(s_page).Select(match => match.Groups[1].Value).Where(code => code.Contains('/', StringComparison.Ordinal) || code.EndsWith(".props", StringComparison.Ordinal))];

        Assert.True(files.Length > 40, $"It names only {files.Length} files.");
        Assert.DoesNotContain(files, file => !File.Exists(Path.Combine(s_root, file)));
    }

    [Fact]
    public void Every_test_class_that_the_page_on_security_names_is_there()
    {
        string[] classes = [.. Code().Matches(s_page).Select(match => match.Groups[1].Value).Where(code => TestClass().IsMatch(code)).Distinct()];
        HashSet<string> files = [.. Directory.EnumerateFiles(Path.Combine(s_root, "tests"), "*Tests.cs", SearchOption.AllDirectories).Select(file => Path.GetFileNameWithoutExtension(file))];

        Assert.True(classes.Length > 30, $"It names only {classes.Length} test classes.");
        Assert.DoesNotContain(classes, name => !files.Contains(name));
    }

    [Fact]
    public void Every_boundary_has_a_test()
    {
        string[] rows = [.. s_page.Split('\n').Where(line => line.StartsWith('|') && line.Contains("`src/", StringComparison.Ordinal))];

        Assert.True(rows.Length > 15, $"There are only {rows.Length} boundaries.");
        Assert.All(rows, row => Assert.Matches(@"`(\w+Tests|tests/Pester/\w+\.Tests\.ps1)` \|$", row.TrimEnd()));
    }

    [Fact]
    public void The_actions_of_the_workflow_are_pinned_by_their_hashes()
    {
        string[] actions = [.. s_workflow.Split('\n').Where(line => line.Contains("uses:", StringComparison.Ordinal))];

        Assert.NotEmpty(actions);
        Assert.All(actions, action => Assert.Matches(@"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d", action));
        Assert.Contains("permissions:\n  contents: read\n", s_workflow.ReplaceLineEndings("\n"), StringComparison.Ordinal);
        Assert.DoesNotContain("secrets.", s_workflow, StringComparison.Ordinal);
    }

    [Fact]
    public void The_workflow_runs_what_everybody_can_run_and_nothing_else()
    {
        string[] commands = [.. s_workflow.Split('\n').Where(line => line.Contains("run:", StringComparison.Ordinal)).Select(line => line.Trim())];

        Assert.Equal(["- run: dotnet tool exec --yes '${{ matrix.powershell.package }}' -- -NoProfile -File build.ps1 -Task Check"], commands);
        Assert.Contains("`./build.ps1 Check`", File.ReadAllText(Path.Combine(s_root, "CONTRIBUTING.md")), StringComparison.Ordinal);
    }

    private static string FindRoot()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "KlingPS.sln")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new InvalidOperationException("The tests do not run in a checkout.");
    }

    [GeneratedRegex("`([^`\r\n]+)`")]
    private static partial Regex Code();

    [GeneratedRegex("^[A-Z]\\w+Tests$")]
    private static partial Regex TestClass();
}
