using System.Diagnostics.CodeAnalysis;
using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>A gate that the processes pass together, with a sliding window whose slots are in the ledger.</summary>
/// <remarks>
/// <para>
/// A request has a record: it is under way, then it is over and keeps its slot for one more window. Of the callers in a process, the
/// first has a record as well while it waits; the others queue behind it. So processes take turns, however many callers each of them
/// has, and waiting costs nothing. The one that waits knows the earliest moment at which a slot can become free, and sleeps until
/// then. If that depends on a request under way it sleeps a whole window: even if it is released at once, its slot becomes free no
/// earlier. A slot is never held for ever: after a minute a request counts as over, and one who waits has lost its place, unless it
/// has looked for a slot since.
/// </para>
/// <para>
/// Time is the counter of <see cref="LedgerTime"/>, which no step of the clock changes. Records of another epoch go by the time of
/// day, and count from now if they are in the future by that.
/// </para>
/// </remarks>
/// <param name="store">The database.</param>
/// <param name="owners">Tells which processes are gone.</param>
/// <param name="leases">The records of the gate.</param>
/// <param name="limit">How many requests the service takes in one window. At least 1.</param>
/// <param name="window">How long a slot is held after a request is over.</param>
/// <param name="time">The clock to wait by.</param>
[SuppressMessage("Design", "CA1001", Justification = "A semaphore whose handle nobody asks for has nothing to release.")]
internal sealed class SqlRateGate(SqlStore store, IAttemptOwners owners, RateLeaseTable leases, int limit, TimeSpan window, TimeProvider time) : IRateGate
{
    /// <summary>How much longer than a window a request may be under way, or a caller not look for its place, before it is told who waits for it.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    /// <summary>Whose turn it is among the callers in this process.</summary>
    private readonly SemaphoreSlim _turn = new(1, 1);

    /// <inheritdoc/>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>.</exception>
    public ValueTask<IAsyncDisposable> EnterAsync(CancellationToken cancellationToken) => EnterAsync(static _ => { }, cancellationToken);

    /// <inheritdoc/>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>.</exception>
    public async ValueTask<IAsyncDisposable> EnterAsync(Action<string> onHeld, CancellationToken cancellationToken)
    {
        IRateLease lease = (await PassAsync(
            async (_, tryTake) => await tryTake().ConfigureAwait(false) ? this : null,
            (work, token) => store.WriteLightlyAsync(work, leases.Scope, token),
            new Caller(onHeld),
            cancellationToken).ConfigureAwait(false)).Lease!;
        if (cancellationToken.IsCancellationRequested)
        {
            await lease.HandBackAsync().ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
        }

        return lease;
    }

    /// <summary>Waits for the caller's turn, and records what is about to be sent in the transaction in which it takes its slot.</summary>
    /// <param name="record">
    /// Is given what takes a slot and tells whether there was one. Records what is about to be sent if there was, and returns
    /// <see langword="null"/> if not: then it is done again later. Where there is nothing to send it returns a result without having taken
    /// a slot. What it throws ends the wait, and then nothing of it has happened.
    /// </param>
    /// <param name="scope">What recording it has to itself.</param>
    /// <param name="caller">Who waits.</param>
    /// <param name="cancellationToken">Gives up the wait.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>.</exception>
    public Task<Passage<T>> PassAsync<T>(Func<SqlSession, Func<Task<bool>>, Task<T?>> record, WriteScope scope, IGateCaller caller, CancellationToken cancellationToken)
        where T : class
        => PassAsync(record, (work, token) => store.WriteAsync(work, [leases.Scope, scope], token), caller, cancellationToken);

    private async Task<Passage<T>> PassAsync<T>(
        Func<SqlSession, Func<Task<bool>>, Task<T?>> record,
        Func<Func<SqlSession, Task<Attempt<T>>>, CancellationToken, Task<Attempt<T>>> write,
        IGateCaller caller,
        CancellationToken cancellationToken)
        where T : class
    {
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await WaitAsync(record, write, caller, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task<Passage<T>> WaitAsync<T>(
        Func<SqlSession, Func<Task<bool>>, Task<T?>> record,
        Func<Func<SqlSession, Task<Attempt<T>>>, CancellationToken, Task<Attempt<T>>> write,
        IGateCaller caller,
        CancellationToken cancellationToken)
        where T : class
    {
        caller.BeforePass();
        long asked = time.GetTimestamp();
        bool isTold = false;
        Attempt<T> attempt = await write(
            async session => await TryPassAsync(session, await RateLeaseTable.NextIdAsync(session).ConfigureAwait(false), record).ConfigureAwait(false),
            cancellationToken).ConfigureAwait(false);
        long id = attempt.Id;
        try
        {
            while (attempt.Result is null)
            {
                if (!isTold && attempt.Place.Silent.Count > 0)
                {
                    caller.OnHeld(Describe(attempt.Place.Silent));
                    isTold = true;
                }

                if (!await ReclaimDeadAsync(attempt.Place.Ahead, cancellationToken).ConfigureAwait(false))
                {
                    await Task.Delay(RemainingOf(attempt.Place.Delay - time.GetElapsedTime(asked)), time, cancellationToken).ConfigureAwait(false);
                }

                caller.BeforePass();
                asked = time.GetTimestamp();
                attempt = await write(session => TryPassAsync(session, id, record), cancellationToken).ConfigureAwait(false);
            }

            return new Passage<T>(attempt.Result, attempt.Place.IsTaken ? new Lease(this, id) : null);
        }
        catch
        {
            // Nothing was sent. A caller that gives up takes nothing from those behind it.
            await DeleteAsync(id).ConfigureAwait(false);
            throw;
        }
    }

    private string Describe(IReadOnlyList<RateLease> silent)
    {
        string[] names = [.. silent.Select(lease => owners.Describe(lease.Owner)).Distinct()];
        string which = string.Join(", ", names.Take(3)) + (names.Length > 3 ? " and others" : string.Empty);
        return $"Waiting for other shells, which hold places of the requests that the service takes at a time and have not moved since: {which}. "
            + "A place is free again a minute after it was taken. If a process hangs, end it.";
    }

    private async Task<Attempt<T>> TryPassAsync<T>(SqlSession session, long id, Func<SqlSession, Func<Task<bool>>, Task<T?>> record)
        where T : class
    {
        Place place = default;
        T? result = await record(
            session,
            async () => (place = await TryTakeAsync(session, id).ConfigureAwait(false)).IsTaken).ConfigureAwait(false);
        if (result is not null && !place.IsTaken)
        {
            await RateLeaseTable.DeleteAsync(session, id).ConfigureAwait(false);
        }

        return new Attempt<T>(id, result, place);
    }

    private async Task<Place> TryTakeAsync(SqlSession session, long id)
    {
        List<RateLease> others = await leases.ListOthersAsync(session, id).ConfigureAwait(false);
        if (others.Count >= limit)
        {
            await leases.PruneExpiredAsync(session, window).ConfigureAwait(false);
            others = await leases.ListOthersAsync(session, id).ConfigureAwait(false);
        }

        // Those ahead in the queue will take the slots that become free first.
        int missing = others.Count - limit + 1;
        if (missing <= 0)
        {
            await leases.UpsertAsync(session, id, RateLeaseState.UnderWay).ConfigureAwait(false);
            return new Place(IsTaken: true, default, [], []);
        }

        // Again each time: who is silent loses its place.
        await leases.UpsertAsync(session, id, RateLeaseState.Waiting).ConfigureAwait(false);
        long now = (await session.GetTimeAsync().ConfigureAwait(false)).Ticks;
        long[] released = [.. others.Where(other => other.State == RateLeaseState.Over).Select(other => other.Ticks)];
        RateLease[] ahead = [.. others.Where(other => other.State != RateLeaseState.Over && other.Owner != owners.Current)];
        return new Place(
            IsTaken: false,
            missing <= released.Length ? window - TimeSpan.FromTicks(now - released[missing - 1]) : window,
            ahead,
            [.. ahead.Where(other => TimeSpan.FromTicks(now - other.Ticks) > window + s_patience)]);
    }

    /// <summary>Takes back the records of dead processes that the caller waits for.</summary>
    /// <returns>Whether there were any.</returns>
    private async Task<bool> ReclaimDeadAsync(IReadOnlyList<RateLease> ahead, CancellationToken cancellationToken)
    {
        if (ahead.Count == 0)
        {
            return false;
        }

        List<long> dead = await store.ReadAsync(
            async session =>
            {
                var gone = new List<long>();
                foreach (RateLease lease in ahead)
                {
                    if (await owners.FindStateAsync(session, lease.Owner).ConfigureAwait(false) == OwnerState.Gone)
                    {
                        gone.Add(lease.Id);
                    }
                }

                return gone;
            },
            cancellationToken).ConfigureAwait(false);
        return dead.Count > 0 && await store.WriteLightlyAsync(
            async session =>
            {
                await RateLeaseTable.ReclaimDeadAsync(session, dead).ConfigureAwait(false);
                return true;
            },
            leases.Scope,
            cancellationToken).ConfigureAwait(false);
    }

    private Task<int> DeleteAsync(long id) => store.WriteLightlyAsync(session => RateLeaseTable.DeleteAsync(session, id), leases.Scope, CancellationToken.None);

    private Task<bool> ReleaseAsync(long id) => store.WriteLightlyAsync(
        async session =>
        {
            await leases.UpsertAsync(session, id, RateLeaseState.Over).ConfigureAwait(false);
            return true;
        },
        leases.Scope,
        CancellationToken.None);

    /// <summary>How long to sleep. Timers take whole milliseconds: rounded down, the last one would be a busy wait; and they refuse less than nothing.</summary>
    private static TimeSpan RemainingOf(TimeSpan delay) => TimeSpan.FromMilliseconds(Math.Max(0, Math.Ceiling(delay.TotalMilliseconds)));

    /// <param name="Id">The number of the caller.</param>
    /// <param name="Result">What came of it; <see langword="null"/> if it has to wait.</param>
    /// <param name="Place">Where it stands.</param>
    private readonly record struct Attempt<T>(long Id, T? Result, Place Place);

    /// <param name="IsTaken">Whether it has a slot.</param>
    /// <param name="Delay">If not: how long until the next attempt.</param>
    /// <param name="Ahead">If not: what the wait depends on and belongs to other processes, which may be dead.</param>
    /// <param name="Silent">Those among them that have not moved for longer than they do where all goes well.</param>
    private readonly record struct Place(bool IsTaken, TimeSpan Delay, IReadOnlyList<RateLease> Ahead, IReadOnlyList<RateLease> Silent);

    private sealed class Caller(Action<string> onHeld) : IGateCaller
    {
        public void OnHeld(string reason) => onHeld(reason);

        public void BeforePass()
        {
        }
    }

    private sealed class Lease(SqlRateGate gate, long id) : IRateLease
    {
        private SqlRateGate? _gate = gate;

        public ValueTask DisposeAsync() => EndAsync(gate => gate.ReleaseAsync(id));

        public ValueTask HandBackAsync() => EndAsync(gate => gate.DeleteAsync(id));

        private async ValueTask EndAsync(Func<SqlRateGate, Task> end)
        {
            if (Interlocked.Exchange(ref _gate, null) is not { } gate)
            {
                return;
            }

            try
            {
                await end(gate).ConfigureAwait(false);
            }
            catch (Exception e) when (e is KlingException or ObjectDisposedException)
            {
                // The response that has just come in matters more. The slot is free again once this process has ended.
            }
        }
    }
}
