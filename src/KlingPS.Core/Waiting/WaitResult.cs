using KlingPS.Core.Model;

namespace KlingPS.Core.Waiting;

/// <summary>How a wait ended: the task has <see cref="Ended"/>, the wait has <see cref="TimedOut"/>, or it has <see cref="Failed"/>.</summary>
internal abstract record WaitResult
{
    private WaitResult(KlingVideoTask task)
    {
        Task = task;
    }

    /// <summary>The task, as it was last seen.</summary>
    public KlingVideoTask Task { get; }

    /// <summary>The task will not change any more: its video is ready, or it will have none.</summary>
    /// <param name="Task">The task, as the ledger has it.</param>
    public sealed record Ended(KlingVideoTask Task) : WaitResult(Task);

    /// <summary>The deadline came first. The task keeps running, and can be waited for again.</summary>
    /// <param name="Task">The task, as it was last seen.</param>
    public sealed record TimedOut(KlingVideoTask Task) : WaitResult(Task);

    /// <summary>The state of the task could not be found out.</summary>
    /// <param name="Task">The task, as it was last seen.</param>
    /// <param name="Error">What went wrong.</param>
    public sealed record Failed(KlingVideoTask Task, KlingException Error) : WaitResult(Task);
}
