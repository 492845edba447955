using System.Management.Automation;
using KlingPS.Core;

namespace KlingPS.Parameters;

/// <summary>Values that cannot be bound. PowerShell writes an error for each, and does not tell the command that there was any input.</summary>
internal static class RefusedInput
{
    /// <summary>What is refused is part of the message, and may be a whole file.</summary>
    public const int LongestMessage = 500;

    [ThreadStatic]
    private static int s_count;

    /// <summary>How many values were refused on this thread, which is the one that binds and runs a pipeline.</summary>
    public static int Count
    {
        get => s_count;
        set => s_count = value;
    }

    /// <summary>An error about a value.</summary>
    public static ArgumentTransformationMetadataException Create(string message)
    {
        Count++;
        return new(VisibleText.InLine(message, LongestMessage));
    }
}
