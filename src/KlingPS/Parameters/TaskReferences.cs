using System.Globalization;
using System.Management.Automation;
using System.Numerics;
using KlingPS.Core;
using KlingPS.Core.Gallery;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Stages;

namespace KlingPS.Parameters;

/// <summary>Understands what users give as a task.</summary>
internal static class TaskReferences
{
    /// <summary>What a command that needs tasks says when there are none.</summary>
    public const string HowToGive = "Say which tasks: by their numbers (-Id 1, 2), by the service's ids (-TaskId), or through the pipeline. Get-KlingVideoTask lists them.";

    private const int LongestShown = 200;

    /// <summary>
    /// Reads a task, live or from another session; a local id, as a number or as its digits; the service's id, as any other text; or an
    /// object with a property TaskId or Id, or a hashtable with such a key. Jobs, processes and many other objects have an Id, too, which is not that of a task.
    /// </summary>
    /// <exception cref="KlingException"><see cref="ErrorKind.RequestInvalid"/>: it is none of these.</exception>
    /// <exception cref="ForeignObjectException">It is an object of another kind.</exception>
    public static TaskReference From(PSObject? input)
    {
        PSObject? row = TableRow.Of(input);
        return row?.BaseObject switch
        {
            null => throw new KlingException(ErrorKind.RequestInvalid, "$null was given instead of a task."),
            KlingVideoTask task => new TaskReference { Task = task },
            string text when ReadId(text) is long id => new TaskReference { Id = id },
            string text when !string.IsNullOrWhiteSpace(text) => FromTaskId(text),
            long or int => new TaskReference { Id = Convert.ToInt64(row.BaseObject, CultureInfo.InvariantCulture) },
            double or decimal or BigInteger => throw new KlingException(
                ErrorKind.RequestInvalid,
                $"'{row}' is not the id of a task. PowerShell reads it as a number; put an id of the service in quotes, or use -TaskId."),
            _ when Text(row, nameof(TaskReference.TaskId)) is string taskId => FromTaskId(taskId),
            _ when ReadId(Text(row, nameof(TaskReference.Id))) is long id => new TaskReference { Id = id },
            _ when row.Properties[nameof(TaskReference.Id)] is not null && TableRow.FindForeignType(row) is string type => throw new ForeignObjectException(
                type,
                $"An object of type {type} was given instead of a task. Its {nameof(TaskReference.Id)} is not that of a task.")
            {
                Advice = HowToGive,
            },
            _ => throw new KlingException(ErrorKind.RequestInvalid, $"'{row}' is not a task: it has neither a TaskId nor an Id."),
        };
    }

    /// <summary>Reads several.</summary>
    /// <param name="inputs">The tasks, as <see cref="From"/> takes them.</param>
    /// <param name="onError">Is told of each that is not a task.</param>
    public static IEnumerable<TaskReference> Resolve(IEnumerable<PSObject?>? inputs, Action<KlingException, object?> onError) => Read(inputs ?? [null], From, onError);

    /// <summary>
    /// The error for tasks that come through the pipeline although others are named as well. A value that was meant for another parameter is the first
    /// without a name, and so is taken for a task; PowerShell would write an error for each incoming task, and say neither.
    /// </summary>
    /// <param name="parameter">The parameter that names the others.</param>
    /// <param name="taken">Its value.</param>
    /// <param name="meant">The parameter that it was probably meant for; <see langword="null"/> if it can hardly have been.</param>
    /// <param name="command">The name of the command.</param>
    public static KlingException ComeTwice(string parameter, IEnumerable<PSObject?>? taken, string? meant, string command)
    {
        string text = ReceivedText.Cut(taken?.FirstOrDefault()?.ToString() ?? string.Empty, LongestShown);
        string advice = meant is null ? "Leave one of them out." : $"If it is for -{meant}, name the parameter: … | {command} -{meant} {PowerShellText.Quote(text)}.";
        return new KlingException(
            ErrorKind.RequestInvalid,
            $"Tasks come through the pipeline, and '{text}' was used as -{parameter} as well, because that is the first parameter. {advice} Nothing was done.");
    }

    /// <summary>Treats every text as an id of the service.</summary>
    /// <param name="taskIds">The ids.</param>
    /// <param name="onError">Called for each that is blank.</param>
    public static IEnumerable<TaskReference> FromTaskIds(IEnumerable<string?> taskIds, Action<KlingException, object?> onError) => Read(taskIds, FromTaskId, onError);

    /// <summary>What the error of an item points at: the resulting task, or else what the user named.</summary>
    public static object? TargetOf(Outcome<TaskReference, KlingVideoTask> outcome) => outcome.Value ?? TargetOf(outcome.Item);

    /// <summary>What an error about a task points at: the task itself, or its id.</summary>
    public static object? TargetOf(TaskReference reference) => reference.Task ?? (reference.TaskId is string taskId ? ServiceTaskId.Describe(taskId) : (object?)reference.Id);

    private static IEnumerable<TaskReference> Read<T>(IEnumerable<T> inputs, Func<T, TaskReference> read, Action<KlingException, object?> onError)
    {
        foreach (T input in inputs)
        {
            TaskReference? reference = null;
            try
            {
                reference = read(input);
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

    private static TaskReference FromTaskId(string? text)
        => string.IsNullOrWhiteSpace(text)
            ? throw new KlingException(ErrorKind.RequestInvalid, $"'{text}' is not the id of a task.")
            : new TaskReference { TaskId = text.Trim() };

    /// <summary>A local id is a small number; the service's ids are longer than any of them.</summary>
    private static long? ReadId(string? text) => long.TryParse(text?.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out long id) ? id : null;

    private static string? Text(PSObject input, string property)
    {
        string? text = FindAbout(input, property)?.Value?.ToString();
        return string.IsNullOrWhiteSpace(text) ? null : text;
    }

    /// <summary>
    /// A property, if it is about a task: a TaskId always is; an Id on an object of another kind is only if it was added to that object. From
    /// another session all properties come as added ones.
    /// </summary>
    private static PSPropertyInfo? FindAbout(PSObject input, string property)
        => input.Properties[property] is PSPropertyInfo found
            && (property == nameof(TaskReference.TaskId) || TableRow.FindForeignType(input) is null || (IsAdded(found) && !TableRow.IsFromElsewhere(input)))
            ? found
            : null;

    /// <summary>Whether a property is neither one of the type itself nor one that PowerShell gives to all objects of the type.</summary>
    private static bool IsAdded(PSPropertyInfo property) => property.IsInstance && property.MemberType != PSMemberTypes.Property;
}
