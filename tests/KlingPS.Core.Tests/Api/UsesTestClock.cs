namespace KlingPS.Core.Tests.Api;

/// <summary>Tests with a <see cref="TestClock"/>, which moves on when the pool of threads is quiet: no other test runs beside them.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public static class UsesTestClock
{
    public const string Name = "Uses the test clock";
}
