using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>Marks attempts as unknown whose process is gone, so that nobody will record what came of them.</summary>
internal sealed class LostAttempts(SqlStore store, IAttemptOwners owners)
{
    /// <summary>See <see cref="ITaskJournal.RecoverAsync"/>.</summary>
    public async Task<IReadOnlyList<KlingVideoTask>> RecoverAsync(CancellationToken cancellationToken)
    {
        List<long> lost = await store.ReadAsync(FindAsync, cancellationToken).ConfigureAwait(false);
        return lost.Count == 0 ? [] : await store.WriteAsync(session => MarkAsync(session, lost), cancellationToken).ConfigureAwait(false);
    }

    private async Task<List<long>> FindAsync(SqlSession session)
    {
        var lost = new List<long>();
        foreach ((long id, string owner, DateTimeOffset createdAt) in await session.QueryAsync(
            "SELECT id, owner, created_at FROM tasks WHERE owner IS NOT NULL AND owner <> @owner AND state = 'Submitting'",
            row => (row.Number("id"), row.Text("owner"), row.Moment("created_at")),
            ("owner", owners.Current)).ConfigureAwait(false))
        {
            if (await owners.IsGoneAsync(session, owner, createdAt).ConfigureAwait(false))
            {
                lost.Add(id);
            }
        }

        return lost;
    }

    private static async Task<IReadOnlyList<KlingVideoTask>> MarkAsync(SqlSession session, IEnumerable<long> ids)
    {
        var marked = new List<KlingVideoTask>();
        foreach (long id in ids)
        {
            // Its owner may have recorded the response in the meantime.
            if (await TaskTable.FindAsync(session, "t.id = @id AND t.state = 'Submitting'", ("id", id)).ConfigureAwait(false) is { } task)
            {
                marked.Add(await TaskTable.UpdateAsync(session, task.Unknown("The process that sent the request ended before the response came.")!).ConfigureAwait(false));
            }
        }

        return marked;
    }
}
