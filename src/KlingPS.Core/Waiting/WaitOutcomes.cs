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

        // What may not exist was not merely late.
        WaitResult.TimedOut => new(item, null, TaskErrors.From(result.Task) ?? TaskErrors.CreateTimeout(result.Task, timeout ?? TimeSpan.Zero)),
        _ => From(item, result.Task),
    };

    private static Outcome<TaskReference, KlingVideoTask> From(TaskReference item, KlingVideoTask task)
    {
        KlingException? error = task.IsFailureReported ? null : TaskErrors.From(task);
        return new(item, task with { IsFailureReported = task.IsFailureReported || error is not null }, error);
    }
}
