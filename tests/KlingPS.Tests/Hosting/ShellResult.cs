using System.Management.Automation;

namespace KlingPS.Tests.Hosting;

/// <summary>What a script has written, stream by stream.</summary>
internal sealed record ShellResult
{
    public required IReadOnlyList<PSObject> Output { get; init; }

    public required IReadOnlyList<ErrorRecord> Errors { get; init; }

    /// <summary>The error that ended the script.</summary>
    public required ErrorRecord? Terminating { get; init; }

    /// <summary>Whether the script was stopped from outside.</summary>
    public required bool WasStopped { get; init; }

    public required IReadOnlyList<string> Warnings { get; init; }

    public required IReadOnlyList<string> Verbose { get; init; }

    public required IReadOnlyList<string> Debug { get; init; }

    public required IReadOnlyList<string> Information { get; init; }

    public required IReadOnlyList<ProgressRecord> Progress { get; init; }

    /// <summary>The output as objects of one type.</summary>
    public T[] Of<T>() => [.. Output.Select(item => Assert.IsType<T>(item.BaseObject))];

    /// <summary>The output, given that nothing went wrong.</summary>
    public ShellResult Clean()
    {
        Assert.Null(Terminating?.ToString());
        Assert.Empty(Errors.Select(error => error.ToString()));
        return this;
    }
}
