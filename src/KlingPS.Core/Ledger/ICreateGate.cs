using KlingPS.Core.Model;
using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Ledger;

/// <summary>
/// The gate that create requests pass. What is about to be sent is recorded in the transaction that gives it its slot: a purchase that still
/// waits is not recorded as one whose request may have left, and what is not sent takes no slot.
/// </summary>
internal interface ICreateGate : IRateGate
{
    /// <summary>Waits for the caller's turn and does what <see cref="ITaskJournal.ClaimAsync"/> does. If the video has already been bought, the result says so without waiting for a slot.</summary>
    /// <param name="intent">The purchase.</param>
    /// <param name="caller">Who waits.</param>
    /// <param name="cancellationToken">Gives up the wait; nothing is recorded then, and no slot is taken.</param>
    /// <exception cref="KlingException">As for <see cref="ITaskJournal.BeginAsync"/>; no slot is taken then.</exception>
    Task<Passage<TaskClaim>> ClaimAsync(TaskIntent intent, IGateCaller caller, CancellationToken cancellationToken);

    /// <summary>Waits for the caller's turn and does what <see cref="ITaskJournal.BeginAsync"/> does.</summary>
    /// <inheritdoc cref="ClaimAsync"/>
    Task<Passage<KlingVideoTask>> BeginAsync(TaskIntent intent, IGateCaller caller, CancellationToken cancellationToken);

    /// <summary>Waits for the caller's turn and does what <see cref="ITaskJournal.RecordSentAgainAsync"/> does. An attempt that is not under way any more takes no slot.</summary>
    /// <param name="attempt">The attempt as it was recorded.</param>
    /// <param name="answerWithin">See <see cref="TaskIntent.AnswerWithin"/>; counts from the moment at which the gate opens.</param>
    /// <param name="intent">See <see cref="ITaskJournal.RecordSentAgainAsync"/>.</param>
    /// <param name="caller">Who waits.</param>
    /// <param name="cancellationToken">Gives up the wait; the request is still held back then.</param>
    Task<Passage<RecordResult>> SendAgainAsync(KlingVideoTask attempt, TimeSpan answerWithin, TaskIntent? intent, IGateCaller caller, CancellationToken cancellationToken);
}

/// <summary>Who waits at a gate.</summary>
internal interface IGateCaller
{
    /// <summary>Is told, once, for whom it waits when that takes longer than it does where all goes well.</summary>
    /// <param name="reason">A sentence for the user.</param>
    void OnHeld(string reason);

    /// <summary>Is asked each time before the gate may open; what it throws ends the wait, and no slot is taken.</summary>
    void BeforePass();
}

/// <summary>What came of waiting at a gate.</summary>
/// <param name="Result">What was recorded or found.</param>
/// <param name="Lease">The slot for the request to send now; <see langword="null"/> if there is nothing to send.</param>
internal sealed record Passage<T>(T Result, IRateLease? Lease);
