using System.Globalization;

namespace KlingPS.Core.Model;

/// <summary>
/// The form of the service's ids, the same wherever one comes in: in answers, in callbacks, from the user and from the ledger. They
/// are opaque; seen were 32 hex digits and <c>task_kling_</c> with a number.
/// </summary>
internal static class ServiceTaskId
{
    /// <summary>Four times as long as any that was seen.</summary>
    public const int MaxLength = 128;

    private const int LongestShown = 48;

    /// <summary>Whether a text can be an id.</summary>
    public static bool IsValid(string? text)
        => text is { Length: > 0 and <= MaxLength } && text.All(c => c is > ' ' and <= '~');

    /// <summary>The error of a text that cannot be an id: neither a ledger nor the service needs to be asked.</summary>
    public static KlingException CreateInvalidException(string text) => new(
        ErrorKind.TaskNotFound,
        $"'{Describe(text)}' cannot be the id of a task at the service: these have at most {MaxLength} characters, all of them visible ones of ASCII, and no blanks.");

    /// <summary>An id as it can be pasted into a shell: in quotation marks unless it is letters and digits. It was not chosen by the user.</summary>
    public static string Quote(string taskId)
    {
        ArgumentNullException.ThrowIfNull(taskId);
        return taskId.Length > 0 && taskId.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.') && char.IsAsciiLetterOrDigit(taskId[0])
            ? taskId
            : $"'{taskId.Replace("'", "''", StringComparison.Ordinal)}'";
    }

    /// <summary>A text that should be an id, for messages: as a whole if it can be one.</summary>
    public static string Describe(string? text)
        => text is null || IsValid(text) ? text ?? string.Empty
            : text.Length <= LongestShown ? text
            : string.Create(CultureInfo.InvariantCulture, $"{ReceivedText.Cut(text, LongestShown)} ({text.Length:N0} characters)");
}
