using System.Collections.Concurrent;
using System.Globalization;
using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>Settles attempts whose outcome nobody is going to record: their process is gone, or could not record it.</summary>
internal sealed class LostAttempts(SqlStore store, IAttemptOwners owners, SpoolReplay? replay)
{
    private const string OwnerIsGone = "The process that sent the request ended before the response came.";

    private const string NothingWasSent = "The ledger's answer was lost, so the request was not sent.";

    /// <summary>For attempts without a recorded time by which the response is due: no request of an earlier version was under way for longer.</summary>
    private static readonly TimeSpan s_longestAttempt = TimeSpan.FromHours(1);

    /// <summary>No response is ever due later than that. If the record says so, the clock was set back since, and does not tell how long ago that was.</summary>
    private static readonly TimeSpan s_latestResponse = TimeSpan.FromHours(2);

    /// <summary>By ledger and process (tests simulate several): what is still to be recorded when the ledger, closed in the meantime, is opened again.</summary>
    private static readonly ConcurrentDictionary<(string Place, string Owner), Leftovers> s_leftovers = new();

    private readonly Leftovers _left = s_leftovers.GetOrAdd((store.Place, owners.Current), static _ => new Leftovers());

    /// <summary>See <see cref="ITaskJournal.Disown"/>.</summary>
    public void Disown(long id, TaskIntent intent, bool mayBeBought, string reason) => _left.Disowned[intent.Nonce] = new Disowned(id, intent, mayBeBought, reason);

    /// <summary>Remembers an attempt that may be recorded although it was not begun.</summary>
    /// <param name="nonce">Its nonce; it has no id yet.</param>
    public void DisownNonce(string nonce) => _left.Unbegun[nonce] = true;

    /// <summary>See <see cref="ITaskJournal.RecoverAsync"/>.</summary>
    public async Task<IReadOnlyList<KlingVideoTask>> RecoverAsync(CancellationToken cancellationToken)
    {
        if (replay is not null)
        {
            // This comes first, because an answer that is known is not lost.
            await replay.RunAsync().ConfigureAwait(false);
        }

        List<(long, string)> lost = await store.ReadAsync(FindAsync, cancellationToken).ConfigureAwait(false);
        KeyValuePair<string, Disowned>[] disowned = [.. _left.Disowned];
        string[] unbegun = [.. _left.Unbegun.Keys];
        if (lost.Count == 0 && disowned.Length == 0 && unbegun.Length == 0)
        {
            return [];
        }

        List<KlingVideoTask> settled = await store.WriteAsync(session => SettleAsync(session, lost, disowned.Select(attempt => attempt.Value), unbegun), cancellationToken).ConfigureAwait(false);

        // Of one that was disowned once more meanwhile, the last word is still to be recorded.
        foreach (KeyValuePair<string, Disowned> attempt in disowned)
        {
            _left.Disowned.TryRemove(attempt);
        }

        foreach (string nonce in unbegun)
        {
            _left.Unbegun.TryRemove(nonce, out _);
        }

        return [.. settled.Where(task => task.TaskState == KlingTaskState.Unknown)];
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
            else if (state == OwnerState.Silent)
            {
                lost.Add((id, DescribeLossOf(owner)));
            }
            else if (state == OwnerState.Unseen)
            {
                TimeSpan left = silentSince - await session.GetNowAsync().ConfigureAwait(false);
                if (left <= TimeSpan.Zero || left > s_latestResponse)
                {
                    lost.Add((id, DescribeSilence(createdAt, silentSince, isOverdue: left <= TimeSpan.Zero)));
                }
            }
        }

        return lost;
    }

    private string DescribeLossOf(string owner)
    {
        string name = owners.Describe(owner);
        return $"{char.ToUpperInvariant(name[0])}{name[1..]} was about to send the request, or has sent it, and has not been heard of since. "
            + "If it is only cut off from the ledger, it records what came of it when it is back. "
            + "Make sure that it is not running any more before you give the attempt up or buy it again.";
    }

    private static string DescribeSilence(DateTimeOffset begun, DateTimeOffset silentSince, bool isOverdue)
    {
        string silence = isOverdue
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"No response was recorded by {silentSince:yyyy-MM-dd HH:mm:ss} UTC, {Math.Ceiling((silentSince - begun).TotalMinutes):0} minutes after it began.")
            : string.Create(
                CultureInfo.InvariantCulture,
                $"No response was recorded, and by the clock of that time one is due by {silentSince:yyyy-MM-dd HH:mm:ss} UTC: the clock was set back since, so it is not known how long ago that was.");
        return "It was sent from another machine or container, or before this machine was last started. "
            + silence
            + " Make sure that nothing is running there any more before you give it up or buy it again.";
    }

    private static async Task<List<KlingVideoTask>> SettleAsync(
        SqlSession session, IEnumerable<(long Id, string Reason)> lost, IEnumerable<Disowned> disowned, IEnumerable<string> unbegun)
    {
        var settled = new List<KlingVideoTask>();
        DateTimeOffset now = await session.GetNowAsync().ConfigureAwait(false);
        foreach ((long id, string reason) in lost)
        {
            await SettleAsync(await TaskTable.FindAsync(session, id).ConfigureAwait(false), task => task.Orphaned(reason, now)).ConfigureAwait(false);
        }

        foreach (Disowned attempt in disowned)
        {
            if (!attempt.MayBeBought)
            {
                await SettleAsync(
                    await TaskTable.FindByNonceAsync(session, attempt.Intent.Nonce).ConfigureAwait(false),
                    task => task.Rejected(task.FailCode, attempt.Reason, now)).ConfigureAwait(false);
            }
            else if (await TaskTransactions.LoseResponseAsync(session, attempt.Id, attempt.Reason, attempt.Intent).ConfigureAwait(false) is RecordResult.Recorded { Task: var unknown })
            {
                settled.Add(unknown);
            }
        }

        foreach (string nonce in unbegun)
        {
            await SettleAsync(await TaskTable.FindByNonceAsync(session, nonce).ConfigureAwait(false), task => task.Rejected(null, NothingWasSent, now)).ConfigureAwait(false);
        }

        return settled;

        // Its owner may have recorded the response in the meantime.
        async Task SettleAsync(KlingVideoTask? attempt, Func<KlingVideoTask, KlingVideoTask?> change)
        {
            if (attempt is { TaskState: KlingTaskState.Submitting }
                && await TaskTransactions.ChangeAsync(session, attempt, change).ConfigureAwait(false) is RecordResult.Recorded { Task: var task })
            {
                settled.Add(task);
            }
        }
    }

    private sealed class Leftovers
    {
        /// <summary>What could not be recorded about attempts, by their nonces.</summary>
        public ConcurrentDictionary<string, Disowned> Disowned { get; } = new();

        /// <summary>The nonces of attempts that may be recorded as being submitted although nothing was sent.</summary>
        public ConcurrentDictionary<string, bool> Unbegun { get; } = new();
    }

    /// <param name="Id">The local id.</param>
    /// <param name="Intent">The purchase.</param>
    /// <param name="MayBeBought">Whether a request has left whose outcome nobody knows.</param>
    /// <param name="Reason">What is known about it.</param>
    private sealed record Disowned(long Id, TaskIntent Intent, bool MayBeBought, string Reason);
}
