namespace KlingPS.Core.Ledger.Sql;

/// <summary>The state of a caller of a gate.</summary>
internal enum RateLeaseState
{
    /// <summary>It waits for a slot; only the first caller of a process has a record while it waits.</summary>
    Waiting,

    /// <summary>It has passed the gate, and the service may count its request at any moment.</summary>
    UnderWay,

    /// <summary>Its request has been answered, and it keeps its slot for one more window.</summary>
    Over,
}

/// <summary>The record of a caller.</summary>
/// <param name="Id">Callers are served in the order of their ids.</param>
/// <param name="State">Its state.</param>
/// <param name="Owner">Its process; see <see cref="IAttemptOwners"/>.</param>
/// <param name="Ticks">When it got into that state, by <see cref="LedgerTime.Ticks"/>.</param>
internal readonly record struct RateLease(long Id, RateLeaseState State, string Owner, long Ticks);

/// <summary>The records of the callers of one gate.</summary>
/// <param name="gate">The name of the gate.</param>
/// <param name="owner">This process.</param>
/// <param name="isHeld">Tells whether a request that the ledger has under way really is under way in this process.</param>
internal sealed class RateLeaseTable(string gate, string owner, Predicate<long> isHeld)
{
    /// <summary>Requests arrive within a second, and a waiting caller looks for a slot at least once per window.</summary>
    private static readonly TimeSpan s_longestSilence = TimeSpan.FromMinutes(1);

    private const string Others = "SELECT id, state, owner, ticks FROM rate_leases WHERE gate = @gate AND id <> @id AND (state <> 'waiting' OR id < @id)";
    private const string Order = " ORDER BY ticks";

    /// <summary>For a request that is over: its slot is free again.</summary>
    private const string Expired = "((boot = @epoch AND ticks <= @ticks - @window) OR (boot <> @epoch AND at <= @at - @windowMilliseconds))";

    /// <summary>The names of the states in the database.</summary>
    private static readonly string[] s_states = ["waiting", "under way", "over"];

    /// <summary>What work on these records has exclusive use of.</summary>
    public WriteScope Scope => WriteScope.Gate(gate);

    /// <summary>A number for a new caller.</summary>
    public static Task<long> NextIdAsync(SqlSession session) => session.NextAsync("lease");

    /// <summary>The requests that hold a slot, and the callers who wait ahead of one; those who have been there longest come first.</summary>
    public Task<List<RateLease>> ListOthersAsync(SqlSession session, long id)
        => session.QueryAsync(Others + Order, ReadLease, ("gate", gate), ("id", id));

    /// <summary>The same without those whose slot is free again but that have not been removed yet.</summary>
    public async Task<List<RateLease>> ListOthersAsync(SqlSession session, long id, TimeSpan window)
        => await session.QueryAsync(
            $"{Others} AND NOT (state = 'over' AND {Expired}){Order}",
            ReadLease,
            [("id", id), .. await WindowAsync(session, window).ConfigureAwait(false)]).ConfigureAwait(false);

    /// <summary>Sets the record of a caller of this process; inserts it if there is none, or if another process took this one for dead.</summary>
    public async Task UpsertAsync(SqlSession session, long id, RateLeaseState state)
        => await session.ExecuteAsync(
            """
            INSERT INTO rate_leases (id, gate, state, owner, ticks, boot, at) VALUES (@id, @gate, @state, @owner, @ticks, @epoch, @at)
            ON CONFLICT (id) DO UPDATE SET state = excluded.state, ticks = excluded.ticks, boot = excluded.boot, at = excluded.at
            """,
            [("id", id), ("gate", gate), ("state", s_states[(int)state]), ("owner", owner), .. await TimeAsync(session).ConfigureAwait(false)]).ConfigureAwait(false);

    public static Task<int> DeleteAsync(SqlSession session, long id)
        => session.ExecuteAsync("DELETE FROM rate_leases WHERE id = @id", ("id", id));

    /// <summary>Frees the slots of requests that were over a window ago, and of those who have been silent for too long.</summary>
    public async Task PruneExpiredAsync(SqlSession session, TimeSpan window)
    {
        await EndSilentAsync(session).ConfigureAwait(false);
        await session.ExecuteAsync(
            "DELETE FROM rate_leases WHERE gate = @gate AND state = 'over' AND " + Expired,
            await WindowAsync(session, window).ConfigureAwait(false)).ConfigureAwait(false);

        // A record of another epoch gets the reading of this counter that fits its time of day: always the same one, so that two processes
        // with epochs of their own do not postpone each other's. A moment in the future (even if epochs have no names) counts as now.
        await session.ExecuteAsync(
            """
            UPDATE rate_leases
            SET ticks = CASE WHEN boot <> @epoch AND at <= @at THEN @ticks - (@at - at) * 10000 ELSE @ticks END,
                at = CASE WHEN at <= @at THEN at ELSE @at END, boot = @epoch
            WHERE gate = @gate AND state = 'over' AND (boot <> @epoch OR ticks > @ticks)
            """,
            [("gate", gate), .. await TimeAsync(session).ConfigureAwait(false)]).ConfigureAwait(false);
    }

    /// <summary>
    /// Reclaims what dead processes have left. Their waiting callers are dropped; their requests under way may be arriving at the
    /// service right now, so they count as having just ended.
    /// </summary>
    public static async Task ReclaimDeadAsync(SqlSession session, IEnumerable<long> dead)
    {
        foreach (long id in dead)
        {
            await session.ExecuteAsync("DELETE FROM rate_leases WHERE id = @id AND state = 'waiting'", ("id", id)).ConfigureAwait(false);
            await session.ExecuteAsync(
                "UPDATE rate_leases SET state = 'over', ticks = @ticks, boot = @epoch, at = @at WHERE id = @id AND state = 'under way'",
                [("id", id), .. await TimeAsync(session).ConfigureAwait(false)]).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Ends requests that have been under way for longer than any request needs to arrive, and removes callers from the queue that have not looked for
    /// a slot for that long: their process is stopped, or cannot be seen and may be gone; or it is this one, and could not record that its request
    /// was over. A process that continues loses only its place. This process knows what it has under way.
    /// </summary>
    private async Task EndSilentAsync(SqlSession session)
    {
        List<long> silent = await session.QueryAsync(
            """
            SELECT id FROM rate_leases
            WHERE gate = @gate AND state <> 'over' AND ((boot = @epoch AND ticks <= @ticks - @silence) OR (boot <> @epoch AND at <= @at - @silenceMilliseconds))
            """,
            row => row.Number("id"),
            [
                ("gate", gate), .. await TimeAsync(session).ConfigureAwait(false),
                ("silence", s_longestSilence.Ticks), ("silenceMilliseconds", (long)s_longestSilence.TotalMilliseconds),
            ]).ConfigureAwait(false);
        await ReclaimDeadAsync(session, silent.Where(id => !isHeld(id))).ConfigureAwait(false);
    }

    private static RateLease ReadLease(SqlRow row)
        => new(row.Number("id"), (RateLeaseState)Array.IndexOf(s_states, row.Text("state")), row.Text("owner"), row.Number("ticks"));

    private async Task<(string, object?)[]> WindowAsync(SqlSession session, TimeSpan window) =>
    [
        ("gate", gate), .. await TimeAsync(session).ConfigureAwait(false),
        ("window", window.Ticks), ("windowMilliseconds", (long)Math.Ceiling(window.TotalMilliseconds)),
    ];

    private static async Task<(string, object?)[]> TimeAsync(SqlSession session)
    {
        LedgerTime time = await session.GetTimeAsync().ConfigureAwait(false);
        return [("ticks", time.Ticks), ("epoch", time.Epoch), ("at", Stored.FromMoment(time.Now))];
    }
}
