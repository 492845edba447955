using System.Reflection;
using KlingPS.Commands.Base;
using KlingPS.Core;
using KlingPS.Sandbox;

namespace KlingPS.Tests.Architecture;

public sealed class FolderTests
{
    [Fact]
    public void Folders_of_Core_depend_downwards_only() => AssertLayered(typeof(KlingException).Assembly, Layers.Core);

    [Fact]
    public void Folders_of_the_sandbox_depend_downwards_only() => AssertLayered(typeof(SandboxBill).Assembly, Layers.Sandbox);

    [Fact]
    public void Folders_of_the_cmdlets_depend_downwards_only() => AssertLayered(typeof(KlingCommand).Assembly, Layers.Cmdlets);

    private static void AssertLayered(Assembly assembly, IReadOnlyList<IReadOnlyList<string>> layers)
    {
        TypeGraph types = TypeGraph.Read(assembly);
        FolderGraph folders = new(types, maxDepth: 1);
        Dictionary<string, int> levels = layers.SelectMany((names, level) => names.Select(name => (name, level))).ToDictionary(pair => pair.name, pair => pair.level);
        Assert.Equal(levels.Keys.Order(StringComparer.Ordinal), folders.Folders);

        string[] upward = [.. folders.Uses.Where(use => levels[use.User] < levels[use.Used]).Order().Select(use => folders.Describe(use.User, use.Used))];
        Assert.True(upward.Length == 0, $"These folders use folders above them:\n{string.Concat(upward)}");
        AssertNoCycles(folders);
        AssertNoCycles(new FolderGraph(types));
    }

    private static void AssertNoCycles(FolderGraph folders)
    {
        IReadOnlyList<IReadOnlyList<string>> cycles = folders.FindCycles(IsFamily);
        Assert.True(cycles.Count == 0, string.Concat(cycles.Select(folders.Describe)));
    }

    /// <summary>A folder and those within it are one subject in two parts, and may use each other.</summary>
    private static bool IsFamily(string user, string used)
        => user.StartsWith(used + '/', StringComparison.Ordinal) || used.StartsWith(user + '/', StringComparison.Ordinal);
}
