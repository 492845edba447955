namespace KlingPS.Tests.Runner;

/// <summary>What a run of the runner left behind.</summary>
internal sealed record RunnerResult(int ExitCode, string Output, string Error)
{
    public string[] Lines => Output.Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
