using System.Globalization;

namespace KlingPS.Core.Model;

/// <summary>Explains why a task gives no video.</summary>
internal static class TaskErrors
{
    /// <summary>The error of a task that has no video; <see langword="null"/> if it has one or may still get one.</summary>
    public static KlingException? From(KlingVideoTask task) => task.State switch
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

    /// <summary>The error of a video that an earlier attempt failed to make.</summary>
    /// <param name="subject">The image, as the user named it.</param>
    /// <param name="task">The earlier attempt.</param>
    public static KlingException CreateFailedBefore(string subject, KlingVideoTask task) => new(
        ErrorKind.TaskFailed,
        $"The video of '{subject}' could not be made before (task {task.Id}){Reason(task)}. It is not tried again by itself; -RetryFailed does so. Nothing was spent.");

    /// <summary>The error of a task that was not ready in time.</summary>
    public static KlingException CreateTimeout(KlingVideoTask task, TimeSpan timeout) => new(
        ErrorKind.WaitTimeout,
        string.Create(CultureInfo.InvariantCulture, $"The video of '{task.Subject}' (task {task.Id}) was not ready within {timeout.TotalSeconds:0.#} seconds. The task still runs and is still paid for."));

    private static string Reason(KlingVideoTask task)
        => (task.FailCode, task.FailMessage?.TrimEnd('.', ' ')) switch
        {
            (null, null) => string.Empty,
            (string code, null) => $" (code {code})",
            (null, string message) => $": {message}",
            (string code, string message) => $": {message} (code {code})",
        };
}
