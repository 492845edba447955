using System.Globalization;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Stages;
using KlingPS.Core.Submitting;

namespace KlingPS.Core.Waiting;

/// <summary>Puts into words why a task gives no video.</summary>
internal static class TaskFaults
{
    /// <summary>The error of a task that has no video; <see langword="null"/> while it may still get one, or has it.</summary>
    public static KlingException? Of(KlingVideoTask task) => task.State switch
    {
        KlingTaskState.Failed => new KlingException(
            ErrorKind.TaskFailed,
            $"The video of '{task.Subject}' (task {task.Id}) could not be made{Reason(task)}. Failed tasks cost nothing."),
        KlingTaskState.Rejected => new KlingException(
            ErrorKind.RequestInvalid,
            $"The service did not accept '{task.Subject}' (task {task.Id}){Reason(task)}. Nothing was bought."),
        KlingTaskState.Unknown or KlingTaskState.Submitting => new KlingException(
            ErrorKind.AttemptUnknown,
            $"Whether the video of '{task.Subject}' (task {task.Id}) was bought is not known, so there is nothing to wait for yet."),
        KlingTaskState.Abandoned => new KlingException(
            ErrorKind.TaskNotFound,
            $"Task {task.Id} ('{task.Subject}') was given up; there is nothing to wait for."),
        _ => null,
    };

    /// <summary>The error of a video whose earlier attempt has failed.</summary>
    public static KlingException FailedBefore(SubmissionRequest request, KlingVideoTask task) => new(
        ErrorKind.TaskFailed,
        $"The video of '{request.Subject}' could not be made before (task {task.Id}){Reason(task)}. It is not tried again by itself; -RetryFailed does so. Nothing was spent.");

    /// <summary>A task that has ended, and its error if that has not been reported.</summary>
    public static Outcome<TaskReference, KlingVideoTask> Report(KlingVideoTask task)
    {
        KlingException? error = task.IsFailureReported ? null : Of(task);
        return new(new TaskReference { Task = task }, task with { IsFailureReported = task.IsFailureReported || error is not null }, error);
    }

    /// <summary>The error of a task that outlasted the user's patience.</summary>
    public static KlingException Timeout(KlingVideoTask task, TimeSpan patience) => new(
        ErrorKind.WaitTimeout,
        string.Create(CultureInfo.InvariantCulture, $"The video of '{task.Subject}' (task {task.Id}) was not ready within {patience.TotalSeconds:0.#} seconds. The task still runs and is still paid for."));

    private static string Reason(KlingVideoTask task)
        => (task.FailCode, task.FailMessage?.TrimEnd('.', ' ')) switch
        {
            (null, null) => string.Empty,
            (string code, null) => $" (code {code})",
            (null, string message) => $": {message}",
            (string code, string message) => $": {message} (code {code})",
        };
}
