using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Stages;

namespace KlingPS.Core.Waiting;

/// <summary>What a wait hands out.</summary>
internal static class WaitOutcomes
{
    /// <summary>A task that has ended, and its error if that has not been reported.</summary>
    public static Outcome<TaskReference, KlingVideoTask> From(KlingVideoTask task)
    {
        KlingException? error = task.IsFailureReported ? null : TaskErrors.From(task);
        return new(new TaskReference { Task = task }, task with { IsFailureReported = task.IsFailureReported || error is not null }, error);
    }
}
