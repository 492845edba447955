namespace KlingPS.Core.Ledger.Sql;

/// <inheritdoc cref="IGenerationHistory"/>
internal sealed class SqlGenerationHistory(SqlStore store) : IGenerationHistory
{
    /// <inheritdoc/>
    public async Task<IReadOnlyList<double>> ListAsync(string model, int duration, int limit, CancellationToken cancellationToken)
        => await store.ReadAsync(
            session => session.QueryAsync(
                """
                SELECT completed_at - accepted_at AS milliseconds FROM tasks
                WHERE state = 'Succeeded' AND model = @model AND duration = @duration AND completed_at > accepted_at
                ORDER BY completed_at DESC LIMIT @limit
                """,
                row => row.Number("milliseconds") / 1000.0,
                ("model", model),
                ("duration", duration),
                ("limit", limit)),
            cancellationToken).ConfigureAwait(false);
}
