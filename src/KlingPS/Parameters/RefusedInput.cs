using System.Management.Automation;

namespace KlingPS.Parameters;

/// <summary>Values that cannot be bound. PowerShell writes an error for each, and does not tell the command that there was any input.</summary>
internal static class RefusedInput
{
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
        return new(message);
    }
}
