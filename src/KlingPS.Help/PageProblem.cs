namespace KlingPS.Help;

/// <summary>Where prose and cmdlets disagree, or a page lacks what help needs.</summary>
/// <param name="File">The page, as it was found.</param>
/// <param name="Line">The line in it, from 1.</param>
/// <param name="Message">What is wrong.</param>
public sealed record PageProblem(string File, int Line, string Message)
{
    /// <summary>The form that MSBuild takes for an error of its own.</summary>
    public override string ToString() => $"{File}({Line}): error KLINGHELP: {Message}";
}
