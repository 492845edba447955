using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Stages;

namespace KlingPS.Core.Waiting;

/// <summary>What is handed out for a task that was waited for.</summary>
internal static class WaitOutcomes
{
    /// <summary>A task that has ended, and its error if that has not been reported.</summary>
    public static Outcome<TaskReference, KlingVideoTask> From(KlingVideoTask task) => From(new TaskReference { Task = task }, task);

    /// <summary>The task or the error that a wait has led to.</summary>
    /// <param name="item">The task as the user named it.</param>
    /// <param name="result">How the wait ended.</param>
    /// <param name="timeout">How long it was to last.</param>
    public static Outcome<TaskReference, KlingVideoTask> From(TaskReference item, WaitResult result, TimeSpan? timeout) => result switch
    {
        WaitResult.Failed failed => new(item, null, failed.Error),

        // A task that may not exist is not merely late.
        WaitResult.TimedOut => new(item, null, TaskErrors.From(result.Task) ?? TaskErrors.CreateTimeout(result.Task, timeout ?? TimeSpan.Zero)),
        _ => From(item, result.Task),
    };

    /// <summary>The error of a task that could not even be looked up in time.</summary>
    /// <param name="item">The task as the user named it.</param>
    /// <param name="timeout">How much time there was.</param>
    public static KlingException CreateTimeout(TaskReference item, TimeSpan? timeout) => item.Task is KlingVideoTask task
        ? TaskErrors.CreateTimeout(task, timeout ?? TimeSpan.Zero)
        : new KlingException(
            ErrorKind.WaitTimeout,
            $"The state of {item} could not be found out within {TaskErrors.Describe(timeout ?? TimeSpan.Zero)}. It still runs, if it has been bought.")
        {
            TaskNumber = item.Id,
            Advice = item.Id is null ? $"Run the command again at any time: Wait-KlingVideoTask -TaskId '{item.TaskId}' | Save-KlingVideo." : null,
        };

    private static Outcome<TaskReference, KlingVideoTask> From(TaskReference item, KlingVideoTask task)
    {
        KlingException? error = task.IsFailureReported ? null : TaskErrors.From(task);
        return new(item, task with { IsFailureReported = task.IsFailureReported || error is not null }, error);
    }
}
