using System.Globalization;
using System.Management.Automation;
using KlingPS.Core;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Stages;

namespace KlingPS.Parameters;

/// <summary>Understands what users pipe as a task.</summary>
internal static class TaskReferences
{
    /// <summary>Reads a task, alive or from another session; the service's id as text; a local id as a number; or an object with a property of either.</summary>
    /// <exception cref="KlingException"><see cref="ErrorKind.RequestInvalid"/>: it is none of these.</exception>
    public static TaskReference From(PSObject input) => input.BaseObject switch
    {
        KlingVideoTask task => new TaskReference { Task = task },
        string text when !string.IsNullOrWhiteSpace(text) => new TaskReference { TaskId = text.Trim() },
        long or int => new TaskReference { Id = Convert.ToInt64(input.BaseObject, CultureInfo.InvariantCulture) },
        _ when Text(input, nameof(TaskReference.TaskId)) is string taskId => new TaskReference { TaskId = taskId },
        _ when long.TryParse(Text(input, nameof(TaskReference.Id)), NumberStyles.None, CultureInfo.InvariantCulture, out long id) => new TaskReference { Id = id },
        _ => throw new KlingException(ErrorKind.RequestInvalid, $"'{input}' is no task: it has neither a TaskId nor an Id."),
    };

    /// <summary>Reads several.</summary>
    /// <param name="inputs">The tasks, as <see cref="From"/> takes them.</param>
    /// <param name="onError">Told of each that is none.</param>
    public static IEnumerable<TaskReference> Resolve(IEnumerable<object> inputs, Action<KlingException, object?> onError)
    {
        foreach (object input in inputs)
        {
            TaskReference? reference = null;
            try
            {
                reference = From(PSObject.AsPSObject(input));
            }
            catch (KlingException exception)
            {
                onError(exception, input);
            }

            if (reference is not null)
            {
                yield return reference;
            }
        }
    }

    /// <summary>What the error of an item points at: what has become of it, else what the user named.</summary>
    public static object? TargetOf(Outcome<TaskReference, KlingVideoTask> outcome) => outcome.Value ?? TargetOf(outcome.Item);

    /// <summary>What an error about a task points at: the task itself, or its id.</summary>
    public static object? TargetOf(TaskReference reference) => reference.Task as object ?? reference.TaskId ?? (object?)reference.Id;

    private static string? Text(PSObject input, string property)
    {
        string? text = input.Properties[property]?.Value?.ToString();
        return string.IsNullOrWhiteSpace(text) ? null : text.Trim();
    }
}
