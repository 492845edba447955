using System.Globalization;

namespace KlingPS.Core.Ledger;

/// <summary>
/// The plans that were made with this ledger. What is in a plan is in its file; what is recorded says that the file is the very one that was
/// written, until when it holds, and whether it has been carried out.
/// </summary>
/// <remarks>Safe for concurrent use.</remarks>
internal interface IPlanJournal
{
    /// <summary>Records a plan.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="cancellationToken">Cancels the wait; nothing is recorded then.</param>
    Task AddAsync(PlanRecord plan, CancellationToken cancellationToken);

    /// <summary>Looks a plan up.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="account">Who would pay.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    Task<PlanStanding> FindAsync(string id, string account, CancellationToken cancellationToken);

    /// <summary>Records that a run carries out a plan, if it may: an interrupted run may be followed by another.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="digest">The digest of its file.</param>
    /// <param name="run">The run.</param>
    /// <param name="cancellationToken">Cancels the wait; nothing is recorded then.</param>
    /// <returns>How it stood before. Nothing is recorded if there was a problem (<see cref="PlanStanding.FindProblem"/>).</returns>
    Task<PlanStanding> UseAsync(string id, string digest, RunRecord run, CancellationToken cancellationToken);

    /// <summary>Records that a plan has been carried out.</summary>
    /// <param name="id">Its id.</param>
    Task CloseAsync(string id);

    /// <summary>Whether a task was bought by a run of a plan.</summary>
    /// <param name="id">The id of the plan.</param>
    /// <param name="task">The local id of the task.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    Task<bool> HasBoughtAsync(string id, long task, CancellationToken cancellationToken);
}

/// <summary>A plan.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Account">Who pays.</param>
/// <param name="Digest">The SHA-256 of what is in its file.</param>
/// <param name="CreatedAt">When it was made, by the clock of the ledger.</param>
/// <param name="EndsAt">From when on nothing is bought by it any more.</param>
internal sealed record PlanRecord(string Id, string Account, string Digest, DateTimeOffset CreatedAt, DateTimeOffset EndsAt)
{
    /// <summary>The run that carried it out, or tried to; <see langword="null"/> if there was none.</summary>
    public string? RunId { get; init; }

    /// <summary>When it was carried out; <see langword="null"/> if it was not, or not to its end.</summary>
    public DateTimeOffset? ClosedAt { get; init; }
}

/// <summary>How a plan stands.</summary>
/// <param name="Plan">What is recorded of it; <see langword="null"/> if the ledger does not know it.</param>
/// <param name="IsOwn">Whether it is one of the account that was asked for.</param>
/// <param name="Now">The time, by the clock of the ledger.</param>
internal sealed record PlanStanding(PlanRecord? Plan, bool IsOwn, DateTimeOffset Now)
{
    /// <summary>How far a clock is put right while it runs; a plan may seem to be made later than now by as much.</summary>
    private static readonly TimeSpan s_correction = TimeSpan.FromMinutes(5);

    /// <summary>How many of the videos that its runs have bought, or may have, the ledger has no record of any more: nobody can tell which these are, so they would be bought again.</summary>
    public long Removed { get; init; }

    /// <summary>Whether it was made at a time that is still to come. Then the clock was set back since, and nobody can tell how old the plan is.</summary>
    public bool IsFromFuture => Plan is not null && Now + s_correction < Plan.CreatedAt;

    /// <summary>Why its file may not be carried out.</summary>
    /// <param name="digest">The digest of the file.</param>
    /// <returns>What follows "the plan"; <see langword="null"/> if it may be.</returns>
    public string? FindProblem(string digest) => this switch
    {
        { Plan: null } => "is not known to its ledger: it was made with a different one at the same place",
        { IsOwn: false } => "was made with the key of another account",
        { Plan.Digest: var recorded } when recorded != digest => "was changed after it was made",
        { Plan: { ClosedAt: { } at, RunId: var by } } => string.Create(CultureInfo.InvariantCulture, $"was carried out by run {by} at {at:yyyy-MM-dd HH:mm:ss}Z, and a plan is used once"),
        { Plan.EndsAt: var end } when Now >= end => string.Create(CultureInfo.InvariantCulture, $"ended at {end:yyyy-MM-dd HH:mm:ss}Z"),
        { IsFromFuture: true } => string.Create(CultureInfo.InvariantCulture, $"was made at {Plan.CreatedAt:yyyy-MM-dd HH:mm:ss}Z, which is still to come by the clock of the ledger. It was set back since, so nobody can tell whether the plan has ended"),
        { Removed: > 0 } => string.Create(CultureInfo.InvariantCulture, $"was carried out in part, and of {Removed} {(Removed == 1 ? "video" : "videos")} that it has bought the ledger has no record any more, so they would be bought again. Make a new plan of what is left to do"),
        _ => null,
    };
}
