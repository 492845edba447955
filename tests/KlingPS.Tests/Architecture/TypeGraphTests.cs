using KlingPS.Tests.Architecture.Knot.Left;

namespace KlingPS.Tests.Architecture;

public sealed class TypeGraphTests
{
    [Fact]
    public void A_cycle_through_closures_and_async_methods_is_found_and_names_the_types_that_tie_it()
    {
        FolderGraph folders = new(TypeGraph.Read(typeof(LeftEnd).Assembly));

        IReadOnlyList<string> cycle = Assert.Single(folders.FindCycles(), cycle => cycle.Contains("Architecture/Knot/Left"));

        Assert.Contains("Architecture/Knot/Right", cycle);
        string text = folders.Describe(cycle);
        Assert.Contains("Architecture/Knot/Left/LeftEnd uses Architecture/Knot/Right/RightEnd", text, StringComparison.Ordinal);
        Assert.Contains("Architecture/Knot/Right/RightEnd uses Architecture/Knot/Left/LeftEnd", text, StringComparison.Ordinal);
    }
}
