namespace KlingPS.Help;

/// <summary>A place where a page and its cmdlet disagree, or where a page lacks what the help needs.</summary>
/// <param name="File">The page.</param>
/// <param name="Line">The line, counted from 1.</param>
/// <param name="Message">What is wrong.</param>
public sealed record PageProblem(string File, int Line, string Message)
{
    /// <summary>In the format that MSBuild recognizes as an error.</summary>
    public override string ToString() => $"{File}({Line}): error KLINGHELP: {Message}";
}
