using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>The queries about tasks that take more than looking up one record by its key.</summary>
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
            $"{TaskTable.IsEarlier} {TaskTable.BestFirst}").ConfigureAwait(false);

    /// <summary>See <see cref="ITaskJournal.ListFailedAsync"/>.</summary>
    public static async Task<IReadOnlyList<KlingVideoTask>> ListFailedAsync(SqlSession session, string account, VideoSpec spec, int limit)
        => await TaskTable.ListByIdentitiesAsync(
            session,
            account,
            await Spellings.ListIdentitiesAsync(session, spec, spec.GetIdentity()).ConfigureAwait(false),
            "t.state = 'Failed' AND t.task_id IS NOT NULL ORDER BY t.id DESC LIMIT @limit",
            ("limit", limit)).ConfigureAwait(false);

    /// <summary>See <see cref="ITaskJournal.ListByFilesAsync"/>.</summary>
    public static async Task<IReadOnlyList<KlingVideoTask>> ListByFilesAsync(SqlSession session, string account, string? path, string? tailPath, int limit)
        => await TaskColumns.QueryAsync(
            session,
            $"WHERE {(path is null ? "t.tail_path" : "t.source_path")} = @path AND t.state IN {TaskTable.PurchaseStates} AND {AccountTable.IsOwn("t.account")} ORDER BY t.id DESC LIMIT @limit",
            ("path", path ?? tailPath),
            ("account", account),
            ("limit", limit)).ConfigureAwait(false);
}
