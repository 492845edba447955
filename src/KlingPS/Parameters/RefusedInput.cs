using System.Management.Automation;
using KlingPS.Core;

namespace KlingPS.Parameters;

/// <summary>Values that cannot be bound. PowerShell writes an error for each, and does not tell the command that there was any input.</summary>
internal static class RefusedInput
{
    /// <summary>The refused value is part of the message, and may be a whole file.</summary>
    public const int LongestMessage = 500;

    [ThreadStatic]
    private static int s_count;

    [ThreadStatic]
    private static List<Action<string>>? s_listeners;

    /// <summary>How many values were refused on this thread, which is the one that binds and runs a pipeline.</summary>
    public static int Count => s_count;

    /// <summary>Notifies a command on this thread of every refused value, because it may be part of its input.</summary>
    /// <param name="listener">Called with the reason.</param>
    public static void Listen(Action<string> listener) => (s_listeners ??= []).Add(listener);

    /// <summary>Ends that; on the same thread.</summary>
    /// <param name="listener">As it was given.</param>
    public static void StopListening(Action<string> listener) => s_listeners?.Remove(listener);

    /// <summary>An error about a value.</summary>
    public static ArgumentTransformationMetadataException Create(string message)
    {
        message = VisibleText.InLine(message, LongestMessage);
        Tell(message);
        return new(message);
    }

    /// <summary>An error about a value that is out of range.</summary>
    public static ValidationMetadataException CreateOutOfRange(string message)
    {
        Tell(message);
        return new(message);
    }

    private static void Tell(string message)
    {
        s_count++;
        s_listeners?.ForEach(listener => listener(message));
    }
}
