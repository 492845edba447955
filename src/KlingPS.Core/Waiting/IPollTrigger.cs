using KlingPS.Core.Model;
using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Waiting;

/// <summary>Decides when the tasks of a <see cref="TaskWaiter"/> are polled. Called for different tasks in parallel, but for one turn of a task at a time.</summary>
internal interface IPollTrigger
{
    /// <summary>Whether the service is polled all the time, so that it counts as away since it last answered; otherwise, since a task's polls began to fail.</summary>
    bool PollsSteadily { get; }

    /// <summary>Whether an attempt whose answer is missing may still turn out to have been accepted, so that it makes sense to wait for it.</summary>
    bool MaySettle(KlingVideoTask attempt);

    /// <summary>Brings the task of a watch up to date at the beginning of its turn, as far as that is possible without a query.</summary>
    Task RefreshAsync(Watch watch, CancellationToken cancellationToken);

    /// <summary>What to do with a task that is due and has not ended.</summary>
    PollDecision Decide(Watch watch, PollTurn turn);

    /// <summary>When it will be the task's turn again after a poll has found it pending; never <see cref="PollDecision.Poll"/>.</summary>
    PollDecision DecideNext(Watch watch, PollTurn turn);

    /// <summary>Called when nobody waits for the task any more.</summary>
    void OnEnded(Watch watch);
}

/// <summary>The turn of a task that is due.</summary>
/// <param name="Now">The time.</param>
/// <param name="IsFirst">Whether the task has had no turn before.</param>
/// <param name="IsLast">Whether a caller's deadline has come, so that this is the last chance to poll the task for that caller.</param>
/// <param name="PlannedAt">When the planner would poll the task; not after <paramref name="Now"/> if that is due.</param>
internal readonly record struct PollTurn(Instant Now, bool IsFirst, bool IsLast, Instant PlannedAt);

/// <summary>What to do with a task whose turn it is.</summary>
internal abstract record PollDecision
{
    private PollDecision()
    {
    }

    /// <summary>Poll it now.</summary>
    public sealed record Poll : PollDecision;

    /// <summary>Its next turn is when the planner says, and moves when the planner changes its mind.</summary>
    public sealed record WaitForPlan : PollDecision;

    /// <summary>Its next turn is at that time.</summary>
    public sealed record WaitUntil(Instant Time) : PollDecision;

    /// <summary>Stop waiting, as if everybody's deadline had come.</summary>
    public sealed record GiveUp : PollDecision;
}
