using KlingPS.Core.Ledger.Sql;

namespace KlingPS.Core.Ledger.Processes;

/// <summary>
/// Owners on several machines. Those that can be seen from here are checked directly; the others say in the ledger that they are running, for as
/// long as they have something under way. All times are the ledger's own, so the clocks of the machines do not matter.
/// </summary>
/// <param name="current">This process. No other machine has the name of its machine: see <see cref="MachineName"/>.</param>
/// <param name="isAlive">Tells whether another process of this machine is still running; <see langword="null"/> when that cannot be seen.</param>
internal sealed class HeartbeatOwners(ProcessIdentity current, Func<ProcessIdentity, bool?> isAlive) : IAttemptOwners
{
    /// <summary>How long an owner may go without saying that it is running before it counts as silent: several beats, since one can come late.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);

    /// <summary>How long records are kept whose owners ended without removing them.</summary>
    private static readonly TimeSpan s_longestRecord = TimeSpan.FromDays(30);

    private readonly ProcessOwners _seen = new(current, owner => owner.Machine == current.Machine ? isAlive(owner) : null);

    /// <inheritdoc/>
    public string Current => _seen.Current;

    /// <inheritdoc/>
    public TimeSpan? BeatInterval => TimeSpan.FromSeconds(10);

    /// <inheritdoc/>
    public string Describe(string owner) => _seen.Describe(owner);

    /// <inheritdoc/>
    public async ValueTask<OwnerState> FindStateAsync(SqlSession session, string owner)
    {
        OwnerState seen = await _seen.FindStateAsync(session, owner).ConfigureAwait(false);
        if (seen != OwnerState.Unseen
            || await session.NumberAsync("SELECT beat_at FROM owners WHERE owner = @owner", ("owner", owner)).ConfigureAwait(false) is not long beat)
        {
            return seen;
        }

        TimeSpan silence = await session.GetNowAsync().ConfigureAwait(false) - Stored.ToMoment(beat);

        // If even the ledger's own clock was set back, nothing is known.
        return silence < -s_patience ? OwnerState.Unseen
            : silence <= s_patience ? OwnerState.Alive
            : OwnerState.Silent;
    }

    /// <inheritdoc/>
    public async Task<int> BeatAsync(SqlSession session)
    {
        DateTimeOffset now = await session.GetNowAsync().ConfigureAwait(false);
        return await session.ExecuteAsync(
            "INSERT INTO owners (owner, beat_at) VALUES (@owner, @now) ON CONFLICT (owner) DO UPDATE SET beat_at = excluded.beat_at",
            ("owner", Current),
            ("now", Stored.FromMoment(now))).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<int> RestAsync(SqlSession session)
    {
        DateTimeOffset now = await session.GetNowAsync().ConfigureAwait(false);
        return await session.ExecuteAsync(
            "DELETE FROM owners WHERE owner = @owner OR beat_at < @old",
            ("owner", Current),
            ("old", Stored.FromMoment(now - s_longestRecord))).ConfigureAwait(false);
    }
}
