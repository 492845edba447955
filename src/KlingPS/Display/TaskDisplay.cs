using System.Globalization;
using System.Management.Automation;
using KlingPS.Core;
using KlingPS.Core.Model;

namespace KlingPS.Display;

/// <summary>What the views of tasks show; called by KlingPS.Format.ps1xml. Takes live tasks and those from another session.</summary>
public static class TaskDisplay
{
    /// <summary>How long ago a task was submitted, in its largest unit, such as <c>3m</c>.</summary>
    public static string Age(PSObject task) => Age(task, DateTimeOffset.UtcNow);

    /// <inheritdoc cref="Age(PSObject)"/>
    /// <param name="task">The task.</param>
    /// <param name="now">The present moment.</param>
    public static string Age(PSObject task, DateTimeOffset now)
    {
        if (Shown.Moment(task.Properties["CreatedAt"]?.Value) is not DateTime created)
        {
            return string.Empty;
        }

        TimeSpan age = now.UtcDateTime > created ? now.UtcDateTime - created : TimeSpan.Zero;
        (double number, string unit) = age.TotalMinutes < 1 ? (age.TotalSeconds, "s")
            : age.TotalHours < 1 ? (age.TotalMinutes, "m")
            : age.TotalDays < 1 ? (age.TotalHours, "h")
            : (age.TotalDays, "d");
        return string.Create(CultureInfo.InvariantCulture, $"{Math.Floor(number):0}{unit}");
    }

    /// <summary>
    /// The state in its colour: green when there is a video, red when there will be none, yellow when the user has to act, cyan
    /// while it is being made. The shell removes the colour if it prints none, as with NO_COLOR or to a file.
    /// </summary>
    public static string State(PSObject task)
    {
        // The state of a task from another session is a number whose text is the word.
        string state = VisibleText.InLine(task.Properties["State"]?.Value?.ToString()) ?? string.Empty;
        string? colour = state switch
        {
            nameof(KlingTaskState.Succeeded) => "\u001b[32m",
            nameof(KlingTaskState.Failed) or nameof(KlingTaskState.Rejected) => "\u001b[31m",
            nameof(KlingTaskState.Unknown) => "\u001b[33m",
            nameof(KlingTaskState.Abandoned) => "\u001b[90m",
            "" => null,
            _ => "\u001b[36m",
        };
        return colour is null ? state : $"{colour}{state}\u001b[0m";
    }

    /// <summary>The name of what it is made from, or of its address; its own name, the beginning of its prompt, or the service's id if it is made from nothing.</summary>
    public static string Source(PSObject task)
        => Shown.FileName(task, "SourcePath")
            ?? Shown.FileName(task, "ImageUri")
            ?? Shown.Line(task, "Name")
            ?? Shown.FileName(task, "VideoPath")
            ?? (Value(task, "Prompt") is string { Length: > 0 } prompt ? Shorten(prompt) : Shown.Line(task, "TaskId") ?? string.Empty);

    /// <summary>The credits spent; in parentheses while they are only set aside.</summary>
    public static string Credits(PSObject task)
        => Value(task, "CreditsConsumed") is decimal consumed ? consumed.ToString("0.##", CultureInfo.InvariantCulture)
            : Value(task, "CreditsReserved") is decimal reserved ? $"({reserved.ToString("0.##", CultureInfo.InvariantCulture)})"
            : string.Empty;

    /// <summary>The name of the saved video, or the reason why there is none.</summary>
    public static string Result(PSObject task)
        => Value(task, "TakenAt") is not null ? "(taken elsewhere)"
            : Shown.FileName(task, "SavedPath") ?? Shown.Line(task, "FailMessage") ?? string.Empty;

    private static object? Value(PSObject task, string property)
        => task.Properties[property]?.Value is object value ? (value as PSObject)?.BaseObject ?? value : null;

    private static string Shorten(string prompt)
    {
        const int Width = 24;
        string line = string.Join(' ', VisibleText.InLine(prompt).Split(' ', StringSplitOptions.RemoveEmptyEntries));
        return line.Length <= Width ? line : VisibleText.InLine(line, Width - 1);
    }
}
