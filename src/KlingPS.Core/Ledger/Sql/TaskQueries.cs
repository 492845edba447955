using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>The questions about tasks that are more than one record by its key.</summary>
internal static class TaskQueries
{
    /// <summary>See <see cref="ITaskJournal.FindUnknownAsync"/>.</summary>
    public static async Task<KlingVideoTask?> FindUnknownAsync(SqlSession session, string account, VideoSpec spec)
        => await TaskTable.FindByIdentitiesAsync(
            session,
            account,
            await Spellings.ListIdentitiesAsync(session, spec, spec.GetIdentity()).ConfigureAwait(false),
            "t.state = 'Unknown' ORDER BY t.id DESC").ConfigureAwait(false);

    /// <summary>See <see cref="ITaskJournal.FindEarlierAsync"/>.</summary>
    public static async Task<KlingVideoTask?> FindEarlierAsync(SqlSession session, string account, VideoSpec spec)
        => await TaskTable.FindByIdentitiesAsync(
            session,
            account,
            await Spellings.ListIdentitiesAsync(session, spec, spec.GetIdentity()).ConfigureAwait(false),
            $"t.state IN {TaskTable.EarlierStates} {TaskTable.BestFirst}").ConfigureAwait(false);

    /// <summary>See <see cref="ITaskJournal.ListByFilesAsync"/>.</summary>
    public static async Task<IReadOnlyList<KlingVideoTask>> ListByFilesAsync(SqlSession session, string account, string? path, string? tailPath, int limit)
        => await TaskColumns.QueryAsync(
            session,
            $"WHERE {(path is null ? "t.tail_path" : "t.source_path")} = @path AND t.state IN {TaskTable.PurchaseStates} AND {AccountTable.IsOwn("t.account")} ORDER BY t.id DESC LIMIT @limit",
            ("path", path ?? tailPath),
            ("account", account),
            ("limit", limit)).ConfigureAwait(false);

    /// <summary>See <see cref="ITaskJournal.ListAsync"/>.</summary>
    /// <param name="session">The session.</param>
    /// <param name="filter">The filter.</param>
    /// <param name="owner">This process; see <see cref="TaskFilter.IsOwnAttempt"/>.</param>
    public static async Task<IReadOnlyList<KlingVideoTask>> ListAsync(SqlSession session, TaskFilter filter, string owner)
    {
        if (filter.States is { Count: 0 })
        {
            return [];
        }

        var conditions = new List<string>();
        var parameters = new List<(string, object?)>();
        void Narrow(string condition, string name, object? value)
        {
            if (value is not null)
            {
                conditions.Add(condition);
                parameters.Add((name, value));
            }
        }

        Narrow(AccountTable.IsOwn("t.account"), "account", filter.Account);
        Narrow("t.created_at >= @since", "since", Stored.FromMoment(filter.Since));
        Narrow("t.state = 'Succeeded' AND t.completed_at <= @expired AND t.taken_at IS NULL", "expired", Stored.FromMoment(filter.ExpiresBy - TaskTransitions.LinkLifetime));
        Narrow("t.owner = @owner", "owner", filter.IsOwnAttempt ? owner : null);
        if (filter.Unsaved)
        {
            conditions.Add("t.state = 'Succeeded' AND t.saved_path IS NULL AND f.saved_path IS NULL AND t.taken_at IS NULL");
        }

        if (filter.States is { } states)
        {
            // The names are the module's own.
            conditions.Add($"t.state IN ({string.Join(", ", states.Select(state => $"'{state}'"))})");
        }

        string where = conditions.Count == 0 ? string.Empty : $"WHERE {string.Join(" AND ", conditions)}";
        return await TaskColumns.QueryAsync(session, $"{where} ORDER BY t.id", [.. parameters]).ConfigureAwait(false);
    }
}
