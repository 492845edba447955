using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger.Sql;

/// <inheritdoc cref="ICreateGate"/>
/// <param name="gate">The slots.</param>
/// <param name="tasks">Records what is about to be sent.</param>
internal sealed class SqlCreateGate(SqlRateGate gate, SqlTaskJournal tasks) : ICreateGate
{
    /// <inheritdoc/>
    public ValueTask<IAsyncDisposable> EnterAsync(CancellationToken cancellationToken) => gate.EnterAsync(cancellationToken);

    /// <inheritdoc/>
    public Task<Passage<TaskClaim>> ClaimAsync(TaskIntent intent, IGateCaller caller, CancellationToken cancellationToken)
        => tasks.ClaimAsync(intent, gate, caller, cancellationToken);

    /// <inheritdoc/>
    public Task<Passage<KlingVideoTask>> BeginAsync(TaskIntent intent, IGateCaller caller, CancellationToken cancellationToken)
        => tasks.BeginAsync(intent, gate, caller, cancellationToken);

    /// <inheritdoc/>
    public Task<Passage<RecordResult>> SendAgainAsync(KlingVideoTask attempt, TimeSpan answerWithin, TaskIntent? intent, IGateCaller caller, CancellationToken cancellationToken)
        => tasks.RecordSentAgainAsync(attempt, answerWithin, intent, gate, caller, cancellationToken);
}
