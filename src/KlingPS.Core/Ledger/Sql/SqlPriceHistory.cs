using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger.Sql;

/// <inheritdoc cref="IPriceHistory"/>
internal sealed class SqlPriceHistory(SqlStore store) : IPriceHistory
{
    /// <inheritdoc/>
    public async Task<IReadOnlyList<PaidVideo>> ListAsync(string account, string model, int limit, CancellationToken cancellationToken)
        => await store.ReadAsync(session => ListAsync(session, account, model, limit), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc cref="IPriceHistory.ListAsync"/>
    /// <param name="session">The session.</param>
    /// <param name="account">The account; <see langword="null"/> for every account.</param>
    /// <param name="model">The model's id.</param>
    /// <param name="limit">The most to return.</param>
    internal static async Task<IReadOnlyList<PaidVideo>> ListAsync(SqlSession session, string? account, string model, int limit)
    {
        string isOwn = account is null ? "TRUE" : AccountTable.IsOwn("t.account");
        (string, object?)[] values = [("model", model), ("limit", limit), .. account is null ? Array.Empty<(string, object?)>() : [("account", account)]];
        IReadOnlyList<KlingVideoTask> tasks = await TaskColumns.QueryAsync(
            session,
            $"WHERE t.state = 'Succeeded' AND t.model = @model AND t.consumed > 0 AND t.completed_at IS NOT NULL AND {isOwn} ORDER BY t.completed_at DESC LIMIT @limit",
            values).ConfigureAwait(false);

        // If nobody knows what a video was made from, its price is not that of the video that its record resembles.
        return [.. tasks.Where(task => task.IsDescribed).Select(task => new PaidVideo(task.Spec, task.CreditsConsumed!.Value, task.CompletedAt!.Value))];
    }
}
