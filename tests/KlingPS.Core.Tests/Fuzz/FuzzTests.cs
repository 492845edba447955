using KlingPS.Fuzz;

namespace KlingPS.Core.Tests.Fuzz;

/// <summary>A short round of what <c>./build.ps1 Fuzz</c> does at length; always the same inputs.</summary>
public sealed class FuzzTests
{
    private const int Seed = 20261122;

    public static TheoryData<string, int> Rounds => new(FuzzTargets.Names.Select(name => (name, name is "answers" or "ledger" ? 300 : 1000)));

    [Theory]
    [MemberData(nameof(Rounds))]
    public async Task Whatever_comes_in_is_read_or_refused(string name, int inputs)
    {
        using FuzzTarget target = FuzzTargets.Create(name);
        var findings = new List<string>();

        FuzzReport report = await FuzzRunner.RunAsync(
            target,
            inputs,
            Seed,
            onFinding: finding => findings.Add($"{Convert.ToBase64String(finding.Input)}: {finding.What}"));

        // How long it took says something about the machine only.
        Assert.True(report.Failures == 0, string.Join('\n', findings.Take(3)));
        Assert.Equal(inputs, report.Inputs);
    }

    [Theory]
    [MemberData(nameof(Rounds))]
    public void The_same_numbers_make_the_same_inputs_and_few_of_them_are_alike(string name, int inputs)
    {
        using FuzzTarget target = FuzzTargets.Create(name);
        var mutator = new Mutator(target.Corpus);

        List<byte[]> first = [.. Enumerable.Range(0, 200).Select(number => mutator.Next(new Random(number)))];
        List<byte[]> second = [.. Enumerable.Range(0, 200).Select(number => mutator.Next(new Random(number)))];

        Assert.Equal(first, second);
        Assert.True(first.Select(Convert.ToBase64String).Distinct().Count() > 150, "The inputs are all alike.");
        Assert.True(inputs > target.Corpus.Count);
    }

    [Fact]
    public async Task What_goes_wrong_is_counted_and_handed_over_with_its_input()
    {
        using var target = new Fragile();
        var findings = new List<FuzzFinding>();

        FuzzReport report = await FuzzRunner.RunAsync(target, 500, Seed, onFinding: findings.Add);

        Assert.False(report.IsGood);
        Assert.True(report.Failures > 0 && report.Refused > 0 && report.Failures + report.Refused < 500, report.ToString());
        Assert.Equal(report.Failures, findings.Count);
        Assert.All(findings, finding => Assert.Equal(1, finding.Input.Length % 3));
    }

    /// <summary>Bears inputs of some lengths only.</summary>
    private sealed class Fragile : FuzzTarget
    {
        public override string Name => "names";

        public override Task ReadAsync(byte[] input) => (input.Length % 3) switch
        {
            0 => Task.CompletedTask,
            1 => throw new InvalidOperationException("It was read past its end."),
            _ => throw new KlingException(ErrorKind.RequestInvalid, "It is wrong."),
        };
    }
}
