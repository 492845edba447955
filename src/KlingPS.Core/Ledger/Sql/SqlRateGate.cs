using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>A gate that all processes share, with a sliding window whose slots are in the ledger.</summary>
/// <remarks>
/// <para>
/// A request has a record: it is under way, then it is over and keeps its slot for one more window. A waiting process has a record as well:
/// its place in the line. The first of its callers waits there, the others queue behind that one, and a caller that turns out to have nothing to
/// send leaves the place to the next. The place is given up when a slot is taken, or nobody is left; so processes take turns, however
/// many callers each of them has.
/// </para>
/// <para>
/// A waiting caller sleeps until there will be a slot for it even if all those ahead take theirs. If that depends on a request
/// under way, it sleeps a whole window: even if the request ends at once, its slot becomes free no earlier. But those ahead may have nothing to
/// send any more and be gone, or may send what this one wanted to send, and nothing tells it so. So it also looks, only reading,
/// whenever a slot has become free and those ahead have had a moment to take it, and less and less often while they do not.
/// </para>
/// <para>
/// A slot is never held for ever: after a minute, a request counts as over, unless this process knows that it is not, and a waiting caller has
/// lost its place, unless it has tried for a slot since.
/// </para>
/// <para>
/// Time is the counter of <see cref="LedgerTime"/>, which setting the clock does not change. Records of another epoch go by the time of
/// day, and count as now if that puts them in the future.
/// </para>
/// </remarks>
/// <param name="store">The database.</param>
/// <param name="owners">Tells which processes are gone.</param>
/// <param name="leases">The records of the gate.</param>
/// <param name="held">The requests of this process that have passed and are not over yet.</param>
/// <param name="limit">How many requests the service takes in one window. At least 1.</param>
/// <param name="window">How long a slot is held after a request is over.</param>
/// <param name="time">The clock to wait by.</param>
[SuppressMessage("Design", "CA1001", Justification = "A semaphore has nothing to release unless its wait handle is used.")]
internal sealed class SqlRateGate(
    SqlStore store, IAttemptOwners owners, RateLeaseTable leases, ConcurrentDictionary<long, byte> held, int limit, TimeSpan window, TimeProvider time) : IRateGate
{
    /// <summary>How much longer than a window a request may be under way, or a caller may go without checking its place, before the user learns who is holding things up.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    /// <summary>How long each of those ahead has to take a slot that has become free before somebody checks whether it still wants one.</summary>
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(0.1);

    /// <summary>Whose turn it is among the callers in this process.</summary>
    private readonly SemaphoreSlim _turn = new(1, 1);

    /// <summary>How many callers of this process are at the gate.</summary>
    private int _callers;

    /// <summary>The place of this process in the line, while it has one. Only the caller whose turn it is may use it.</summary>
    private long? _place;

    /// <inheritdoc/>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>.</exception>
    public async ValueTask<IAsyncDisposable> EnterAsync(CancellationToken cancellationToken)
    {
        IRateLease lease = (await PassAsync(
            async (_, tryTake) => await tryTake().ConfigureAwait(false) ? this : null,
            (work, token) => store.WriteLightlyAsync(work, leases.Scope, token),
            new QuietCaller(),
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
    /// Is given a function that takes a slot and tells whether there was one. If there was, it records what is about to be sent; if not, it
    /// returns <see langword="null"/> and is called again later. If there is nothing to send, it returns a result without having taken
    /// a slot. Before it has one it only reads, because that may happen outside of a transaction. If it throws, the wait ends and nothing
    /// has happened.
    /// </param>
    /// <param name="scope">What recording it has exclusive use of.</param>
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
        Interlocked.Increment(ref _callers);
        try
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
        finally
        {
            if (Interlocked.Decrement(ref _callers) == 0)
            {
                await LeaveLineAsync().ConfigureAwait(false);
            }
        }
    }

    private async Task<Passage<T>> WaitAsync<T>(
        Func<SqlSession, Func<Task<bool>>, Task<T?>> record,
        Func<Func<SqlSession, Task<Attempt<T>>>, CancellationToken, Task<Attempt<T>>> write,
        IGateCaller caller,
        CancellationToken cancellationToken)
        where T : class
    {
        bool isTold = false;
        while (true)
        {
            caller.BeforePass();
            long tried = time.GetTimestamp();
            Attempt<T> attempt = await write(session => TryPassAsync(record, session, () => TryTakeAsync(session, _place)), cancellationToken).ConfigureAwait(false);
            if (attempt is { Result: T sent, Place: { IsOpen: true } slot })
            {
                _place = null;
                held.TryAdd(slot.Id, 0);
                return new Passage<T>(sent, new Lease(this, slot.Id));
            }

            if (attempt.Result is T found)
            {
                return new Passage<T>(found, null);
            }

            Place place = attempt.Place!;
            _place = place.Id;
            if (!isTold && place.Silent.Count > 0)
            {
                caller.OnHeld(Describe(place.Silent));
                isTold = true;
            }

            if (await SleepAsync(place, tried, record, caller, cancellationToken).ConfigureAwait(false) is T known)
            {
                return new Passage<T>(known, null);
            }
        }
    }

    /// <summary>Sleeps until it is worth trying for a slot again.</summary>
    /// <param name="place">Where the caller stands.</param>
    /// <param name="tried">When it has found that out, by the clock to wait by.</param>
    /// <param name="record">See <see cref="PassAsync{T}(Func{SqlSession, Func{Task{bool}}, Task{T}}, WriteScope, IGateCaller, CancellationToken)"/>.</param>
    /// <param name="caller">Who waits.</param>
    /// <param name="cancellationToken">Gives up the wait.</param>
    /// <returns>The result, if there is nothing to send any more; <see langword="null"/> otherwise.</returns>
    private async Task<T?> SleepAsync<T>(Place place, long tried, Func<SqlSession, Func<Task<bool>>, Task<T?>> record, IGateCaller caller, CancellationToken cancellationToken)
        where T : class
    {
        // By then it has to try again anyway, so that it does not count as silent.
        TimeSpan own = place.OwnIn;
        long looked = tried;
        for (TimeSpan grace = s_grace; ; grace = place.FirstIn > TimeSpan.Zero ? s_grace : grace * 2)
        {
            if (await ReclaimDeadAsync(place.Others, cancellationToken).ConfigureAwait(false))
            {
                return null;
            }

            TimeSpan untilOwn = own - time.GetElapsedTime(tried);
            TimeSpan untilLook = place.FirstIn + (place.Ahead * grace) - time.GetElapsedTime(looked);
            bool isOwn = place.Ahead == 0 || untilOwn <= untilLook;
            await Task.Delay(RemainingOf(isOwn ? untilOwn : untilLook), time, cancellationToken).ConfigureAwait(false);
            if (isOwn)
            {
                return null;
            }

            caller.BeforePass();
            looked = time.GetTimestamp();
            Attempt<T> look = await store.ReadAsync(
                session => TryPassAsync(record, session, () => LookAsync(session, place.Id), isOnlyLook: true),
                cancellationToken).ConfigureAwait(false);
            if (look is { Result: not null } or { Place.IsOpen: true })
            {
                return look.Result;
            }

            // If some ahead of it have gone, its own moment comes sooner.
            place = look.Place!;
            if (place.OwnIn < own - time.GetElapsedTime(tried))
            {
                (own, tried) = (place.OwnIn, looked);
            }
        }
    }

    /// <summary>Gives up the place of this process once none of its callers is left. If that fails, it costs those behind it a minute at most.</summary>
    private async Task LeaveLineAsync()
    {
        // A caller that has come in the meantime takes over the place. A caller that leaves at the same moment may find the turn taken, and then this one does it.
        while (_place is not null && Volatile.Read(ref _callers) == 0 && _turn.Wait(0, CancellationToken.None))
        {
            try
            {
                if (_place is long place && Volatile.Read(ref _callers) == 0)
                {
                    _place = null;
                    await DeleteAsync(place).ConfigureAwait(false);
                }
            }
            catch (Exception e) when (e is KlingException or ObjectDisposedException)
            {
                // The result of the wait matters more.
            }
            finally
            {
                _turn.Release();
            }
        }
    }

    private string Describe(IReadOnlyList<RateLease> silent)
    {
        string[] names = [.. silent.Select(lease => owners.Describe(lease.Owner)).Distinct()];
        string which = string.Join(", ", names.Take(3)) + (names.Length > 3 ? " and others" : string.Empty);
        return $"Waiting for other shells, which hold places at the service's rate limit and have not moved for a while: {which}. "
            + "A place is free again a minute after it was taken. If a process hangs, end it.";
    }

    /// <param name="record">What to record once there is a slot.</param>
    /// <param name="session">The transaction, or what is read from.</param>
    /// <param name="tryTake">Takes a slot, or finds out whether there is one.</param>
    /// <param name="isOnlyLook">Whether a free slot is not taken, so that nothing is recorded.</param>
    private static async Task<Attempt<T>> TryPassAsync<T>(
        Func<SqlSession, Func<Task<bool>>, Task<T?>> record, SqlSession session, Func<Task<Place>> tryTake, bool isOnlyLook = false)
        where T : class
    {
        Place? place = null;
        T? result = await record(
            session,
            async () =>
            {
                place = await tryTake().ConfigureAwait(false);
                return place.IsOpen && !isOnlyLook;
            }).ConfigureAwait(false);
        return new Attempt<T>(result, place);
    }

    /// <param name="session">The transaction.</param>
    /// <param name="known">The place of this process in the line; <see langword="null"/> if it has none.</param>
    private async Task<Place> TryTakeAsync(SqlSession session, long? known)
    {
        long id = known ?? await RateLeaseTable.NextIdAsync(session).ConfigureAwait(false);
        List<RateLease> others = await leases.ListOthersAsync(session, id).ConfigureAwait(false);
        if (others.Count >= limit)
        {
            await leases.PruneExpiredAsync(session, window).ConfigureAwait(false);
            others = await leases.ListOthersAsync(session, id).ConfigureAwait(false);
        }

        Place place = await FindPlaceAsync(session, id, others).ConfigureAwait(false);

        // Repeated every time, because a silent process loses its place.
        await leases.UpsertAsync(session, id, place.IsOpen ? RateLeaseState.UnderWay : RateLeaseState.Waiting).ConfigureAwait(false);
        return place;
    }

    private async Task<Place> LookAsync(SqlSession session, long id)
        => await FindPlaceAsync(session, id, await leases.ListOthersAsync(session, id, window).ConfigureAwait(false)).ConfigureAwait(false);

    /// <param name="session">The session.</param>
    /// <param name="id">The place.</param>
    /// <param name="others">Those who hold a slot, and those ahead, who will take the slots that become free first.</param>
    private async Task<Place> FindPlaceAsync(SqlSession session, long id, List<RateLease> others)
    {
        long now = (await session.GetTimeAsync().ConfigureAwait(false)).Ticks;
        long[] released = [.. others.Where(other => other.State == RateLeaseState.Over).Select(other => other.Ticks)];
        int ahead = others.Count(other => other.State == RateLeaseState.Waiting);
        RateLease[] foreign = [.. others.Where(other => other.State != RateLeaseState.Over && other.Owner != owners.Current)];
        return new Place(
            id,
            others.Count < limit,
            ahead,
            FreeIn(others.Count - ahead),
            FreeIn(others.Count),
            foreign,
            [.. foreign.Where(other => TimeSpan.FromTicks(now - other.Ticks) > window + s_patience)]);

        // How long until there is one slot more than those that count as taken.
        TimeSpan FreeIn(int taken)
        {
            int missing = taken - limit + 1;
            return missing <= 0 ? TimeSpan.Zero
                : missing > released.Length ? window
                : TimeSpan.FromTicks(Math.Clamp(window.Ticks - (now - released[missing - 1]), 0, window.Ticks));
        }
    }

    /// <summary>Reclaims the records of dead processes that the caller is waiting for.</summary>
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

    /// <summary>A request is over, whether or not that can be recorded.</summary>
    private void Forget(long id) => held.TryRemove(id, out _);

    private Task<int> DeleteAsync(long id) => store.WriteLightlyAsync(session => RateLeaseTable.DeleteAsync(session, id), leases.Scope, CancellationToken.None);

    private Task<bool> ReleaseAsync(long id) => store.WriteLightlyAsync(
        async session =>
        {
            await leases.UpsertAsync(session, id, RateLeaseState.Over).ConfigureAwait(false);
            return true;
        },
        leases.Scope,
        CancellationToken.None);

    /// <summary>How long to sleep. Timers take whole milliseconds: rounding down would make the last one a busy wait. And they refuse negative times.</summary>
    private static TimeSpan RemainingOf(TimeSpan delay) => TimeSpan.FromMilliseconds(Math.Max(0, Math.Ceiling(delay.TotalMilliseconds)));

    /// <param name="Result">Its result; <see langword="null"/> if it has to wait.</param>
    /// <param name="Place">Its place; <see langword="null"/> if it needed no slot.</param>
    private readonly record struct Attempt<T>(T? Result, Place? Place);

    /// <param name="Id">Its number.</param>
    /// <param name="IsOpen">Whether there is a slot for it.</param>
    /// <param name="Ahead">If not: how many stand ahead of it.</param>
    /// <param name="FirstIn">How long until the first of them can have a slot; zero if it already can.</param>
    /// <param name="OwnIn">How long until there is a slot for it even if all of them take theirs.</param>
    /// <param name="Others">The records that the wait depends on and that belong to other processes, which may be dead.</param>
    /// <param name="Silent">Those among them that have not moved for longer than usual.</param>
    private sealed record Place(long Id, bool IsOpen, int Ahead, TimeSpan FirstIn, TimeSpan OwnIn, IReadOnlyList<RateLease> Others, IReadOnlyList<RateLease> Silent);

    private sealed class QuietCaller : IGateCaller
    {
        public void OnHeld(string reason)
        {
        }

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

            gate.Forget(id);
            try
            {
                await end(gate).ConfigureAwait(false);
            }
            catch (Exception e) when (e is KlingException or ObjectDisposedException)
            {
                // The response that has just come in matters more. The slot becomes free again a minute after it was taken.
            }
        }
    }
}
