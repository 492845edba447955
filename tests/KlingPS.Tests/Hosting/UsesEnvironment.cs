namespace KlingPS.Tests.Hosting;

/// <summary>Tests that need the environment to be theirs: they run one after the other, when no other test runs.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class UsesEnvironment
{
    internal const string Name = "Environment";
}
