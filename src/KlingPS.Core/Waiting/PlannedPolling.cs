using KlingPS.Core.Model;

namespace KlingPS.Core.Waiting;

/// <summary>Polls tasks when the planner says so.</summary>
internal sealed class PlannedPolling : IPollTrigger
{
    /// <inheritdoc/>
    public bool PollsSteadily => true;

    /// <inheritdoc/>
    public bool MaySettle(KlingVideoTask attempt) => false;

    /// <inheritdoc/>
    public Task RefreshAsync(Watch watch, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>A new task is not polled before it can be ready; from then on it is due only when the plan says so.</summary>
    public PollDecision Decide(Watch watch, PollTurn turn)
        => turn.IsFirst && !turn.IsLast && turn.PlannedAt > turn.Now ? new PollDecision.WaitForPlan() : new PollDecision.Poll();

    /// <inheritdoc/>
    public PollDecision DecideNext(Watch watch, PollTurn turn) => new PollDecision.WaitForPlan();

    /// <inheritdoc/>
    public void OnEnded(Watch watch)
    {
    }
}
