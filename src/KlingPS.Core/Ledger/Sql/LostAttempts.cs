using System.Globalization;
using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>Marks attempts as unknown whose process is gone, so that nobody will record what came of them.</summary>
internal sealed class LostAttempts(SqlStore store, IAttemptOwners owners)
{
    private const string OwnerIsGone = "The process that sent the request ended before the response came.";

    /// <summary>Where it is not recorded until when a response would be there: no request that an earlier version sent was under way for longer.</summary>
    private static readonly TimeSpan s_longestAttempt = TimeSpan.FromHours(1);

    /// <summary>See <see cref="ITaskJournal.RecoverAsync"/>.</summary>
    public async Task<IReadOnlyList<KlingVideoTask>> RecoverAsync(CancellationToken cancellationToken)
    {
        List<(long, string)> lost = await store.ReadAsync(FindAsync, cancellationToken).ConfigureAwait(false);
        return lost.Count == 0 ? [] : await store.WriteAsync(session => MarkAsync(session, lost), cancellationToken).ConfigureAwait(false);
    }

    private async Task<List<(long Id, string Reason)>> FindAsync(SqlSession session)
    {
        var lost = new List<(long, string)>();
        foreach ((long id, string owner, DateTimeOffset createdAt, DateTimeOffset? answerBy) in await session.QueryAsync(
            "SELECT id, owner, created_at, answer_by FROM tasks WHERE owner IS NOT NULL AND owner <> @owner AND state = 'Submitting'",
            row => (row.Number("id"), row.Text("owner"), row.Moment("created_at"), row.MomentOrNull("answer_by")),
            ("owner", owners.Current)).ConfigureAwait(false))
        {
            OwnerState state = await owners.FindStateAsync(session, owner).ConfigureAwait(false);
            DateTimeOffset silentSince = answerBy ?? createdAt + s_longestAttempt;
            if (state == OwnerState.Gone)
            {
                lost.Add((id, OwnerIsGone));
            }
            else if (state == OwnerState.Unseen && (await session.GetTimeAsync().ConfigureAwait(false)).Now >= silentSince)
            {
                lost.Add((id, DescribeSilence(createdAt, silentSince)));
            }
        }

        return lost;
    }

    private static string DescribeSilence(DateTimeOffset begun, DateTimeOffset silentSince)
    {
        string silence = string.Create(
            CultureInfo.InvariantCulture,
            $"No response was recorded by {silentSince:yyyy-MM-dd HH:mm:ss} UTC, {Math.Ceiling((silentSince - begun).TotalMinutes):0} minutes after it was begun.");
        return "It was sent from another machine or container, or before this machine was last started. "
            + silence
            + " Make sure that nothing is running there any more before you give it up or buy it again.";
    }

    private static async Task<IReadOnlyList<KlingVideoTask>> MarkAsync(SqlSession session, IEnumerable<(long Id, string Reason)> lost)
    {
        var marked = new List<KlingVideoTask>();
        foreach ((long id, string reason) in lost)
        {
            // Its owner may have recorded the response in the meantime.
            if (await TaskTable.FindAsync(session, "t.id = @id AND t.state = 'Submitting'", ("id", id)).ConfigureAwait(false) is { } task)
            {
                marked.Add(await TaskTable.UpdateAsync(session, task.Unknown(reason)!).ConfigureAwait(false));
            }
        }

        return marked;
    }
}
