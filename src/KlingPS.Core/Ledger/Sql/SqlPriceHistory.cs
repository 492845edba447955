using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger.Sql;

/// <inheritdoc cref="IPriceHistory"/>
internal sealed class SqlPriceHistory(SqlStore store) : IPriceHistory
{
    /// <summary>Mostly one of the latest videos is of the kind that is asked for.</summary>
    private const int FirstSize = 20;
    private const int Size = 500;

    /// <inheritdoc/>
    public async Task<PaidVideo?> FindLastAsync(string account, VideoSpec spec, DateTimeOffset since, CancellationToken cancellationToken)
        => await store.ReadAsync(session => FindLastAsync(session, account, spec, since), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc cref="IPriceHistory.FindLastAsync"/>
    /// <param name="session">The session.</param>
    /// <param name="account">The account; <see langword="null"/> for every account.</param>
    /// <param name="spec">The video.</param>
    /// <param name="since">The earliest moment at which it may have been finished.</param>
    internal static async Task<PaidVideo?> FindLastAsync(SqlSession session, string? account, VideoSpec spec, DateTimeOffset since)
    {
        ArgumentNullException.ThrowIfNull(spec);
        var kind = PriceKind.Of(spec);
        List<(string, object?)> values = [("model", spec.Model), ("since", Stored.FromMoment(since))];
        string isOwn = string.Empty;
        if (account is not null)
        {
            isOwn = $" AND {AccountTable.IsOwn("t.account")}";
            values.Add(("account", account));
        }

        string ofLength = string.Empty;
        if (kind.Seconds is int seconds)
        {
            ofLength = " AND t.duration = @seconds";
            values.Add(("seconds", seconds));
        }

        // The rest of a kind is not in columns. So the videos are looked through until there is one: others may be any number in a row.
        string query = $"""
            WHERE t.state = 'Succeeded' AND t.completed_at >= @since AND t.completed_at <= @before AND (t.completed_at < @before OR t.id < @id)
                AND t.model = @model AND t.consumed > 0{ofLength}{isOwn}
            ORDER BY t.completed_at DESC, t.id DESC LIMIT @limit
            """;
        (long before, long id, int size) = (long.MaxValue, long.MaxValue, FirstSize);
        while (true)
        {
            List<KlingVideoTask> page = await TaskColumns.QueryAsync(session, query, [.. values, ("before", before), ("id", id), ("limit", size)]).ConfigureAwait(false);

            // If nobody knows what a video was made from, its price is not that of the video that its record resembles; and if nobody knows how long it is, not that of a second.
            if (page.Find(task => task.IsDescribed && task.Spec.IsLengthKnown && PriceKind.Of(task.Spec) == kind) is { } last)
            {
                return new PaidVideo(last.Spec, last.CreditsConsumed!.Value, last.CompletedAt!.Value);
            }

            if (page.Count < size)
            {
                return null;
            }

            (before, id, size) = (Stored.FromMoment(page[^1].CompletedAt!.Value), page[^1].Id, Size);
        }
    }
}
