using System.Diagnostics.CodeAnalysis;
using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Ledger;

/// <summary>A gate that all processes pass together: like <see cref="SlidingWindowGate"/>, with its slots in the ledger.</summary>
/// <remarks>
/// <para>
/// A request has a record: it is under way, then it is over and keeps its slot for one window more. Of the callers in a process the
/// first has a record as well, and waits; the others stand behind it. So processes take turns, however many callers each of them has,
/// and who waits costs nothing. The one who waits knows the earliest moment at which a slot can be free for it and sleeps until then.
/// If that hangs on a request under way it sleeps a whole window: released at once, its slot would be free no earlier.
/// </para>
/// <para>
/// Records of a dead process are dropped if they waited; if they were under way, the request may be arriving right now, and counts.
/// </para>
/// <para>
/// Time is the machine's running counter, which no step of the clock changes and all processes share. It begins anew when the machine
/// does: records from before go by the clock, and count from now if by that they lie in the future.
/// </para>
/// </remarks>
[SuppressMessage("Design", "CA1001", Justification = "A semaphore whose handle nobody asks for has nothing to release.")]
public sealed class LedgerRateGate : IRateGate
{
    private const string Waiting = "waiting";
    private const string UnderWay = "under way";
    private const string Over = "over";

    private readonly SqlLedger _ledger;
    private readonly string _name;
    private readonly int _limit;
    private readonly TimeSpan _hold;
    private readonly TimeProvider _time;

    /// <summary>Whose turn it is among the callers in this process.</summary>
    private readonly SemaphoreSlim _turn = new(1, 1);

    /// <summary>Creates the gate.</summary>
    /// <param name="ledger">The ledger that the processes share.</param>
    /// <param name="name">What is counted together.</param>
    /// <param name="limit">How many requests the service takes in one window. At least 1.</param>
    /// <param name="window">The length of the window. More than zero.</param>
    /// <param name="time">The clock.</param>
    /// <param name="margin">What is added to the window for safety; a fortieth of it if <see langword="null"/>. Not negative.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is outside its range.</exception>
    public LedgerRateGate(SqlLedger ledger, string name, int limit, TimeSpan window, TimeProvider time, TimeSpan? margin = null)
    {
        ArgumentNullException.ThrowIfNull(ledger);
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(window, TimeSpan.Zero);
        ArgumentNullException.ThrowIfNull(time);
        TimeSpan added = margin ?? window / 40;
        ArgumentOutOfRangeException.ThrowIfLessThan(added, TimeSpan.Zero, nameof(margin));
        _ledger = ledger;
        _name = name;
        _limit = limit;
        _hold = window + added;
        _time = time;
    }

    /// <inheritdoc/>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>.</exception>
    public async ValueTask<IAsyncDisposable> EnterAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await PassAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task<Lease> PassAsync(CancellationToken cancellationToken)
    {
        (long id, Attempt attempt) = await _ledger.WriteLightlyAsync(
            async session =>
            {
                long number = await LedgerSchema.NextAsync(session, "lease").ConfigureAwait(false);
                return (number, await TryPassAsync(session, number, isNew: true).ConfigureAwait(false));
            },
            cancellationToken).ConfigureAwait(false);
        try
        {
            while (!attempt.HasPassed)
            {
                long[] gone = [.. attempt.Ahead.Where(request => _ledger.IsGone(ProcessIdentity.Parse(request.Owner), request.At)).Select(request => request.Id)];
                if (gone.Length > 0)
                {
                    await _ledger.WriteLightlyAsync(session => BuryAsync(session, gone), cancellationToken).ConfigureAwait(false);
                }
                else
                {
                    await Task.Delay(attempt.Delay, _time, cancellationToken).ConfigureAwait(false);
                }

                attempt = await _ledger.WriteLightlyAsync(session => TryPassAsync(session, id, isNew: false), cancellationToken).ConfigureAwait(false);
            }

            cancellationToken.ThrowIfCancellationRequested();
            return new Lease(this, id);
        }
        catch
        {
            // Nothing was sent. Whoever gives up takes nothing from those behind.
            await _ledger.WriteLightlyAsync(
                session => session.ExecuteAsync("DELETE FROM rate_leases WHERE id = @id", ("id", id)),
                CancellationToken.None).ConfigureAwait(false);
            throw;
        }
    }

    private async Task<Attempt> TryPassAsync(SqlSession session, long id, bool isNew)
    {
        List<Request> others = await ListOthersAsync(session, id).ConfigureAwait(false);
        if (others.Count >= _limit)
        {
            await ForgetAsync(session).ConfigureAwait(false);
            others = await ListOthersAsync(session, id).ConfigureAwait(false);
        }

        // Those ahead in the queue will take the slots that become free first.
        int missing = others.Count - _limit + 1;
        if (missing <= 0)
        {
            await PutAsync(session, id, UnderWay).ConfigureAwait(false);
            return new Attempt(HasPassed: true, default, []);
        }

        if (isNew)
        {
            await PutAsync(session, id, Waiting).ConfigureAwait(false);
        }

        long[] released = [.. others.Where(other => other.State == Over).Select(other => other.Ticks)];
        TimeSpan delay = missing <= released.Length ? _hold - TimeSpan.FromTicks(Ticks() - released[missing - 1]) : _hold;

        // Timers take whole milliseconds; rounded down, the last one would be spent in circles. The moment may have come since
        // the slots were looked at, and a delay of less than nothing is refused, or never ends.
        return new Attempt(
            HasPassed: false,
            TimeSpan.FromMilliseconds(Math.Max(0, Math.Ceiling(delay.TotalMilliseconds))),
            [.. others.Where(other => other.State != Over)]);
    }

    /// <summary>The requests that take a slot, and those that wait ahead.</summary>
    private Task<List<Request>> ListOthersAsync(SqlSession session, long id)
        => session.QueryAsync(
            "SELECT id, state, owner, ticks, at FROM rate_leases WHERE gate = @gate AND id <> @id AND (state <> 'waiting' OR id < @id) ORDER BY ticks",
            row => new Request(row.GetInt64(0), row.GetString(1), row.GetString(2), row.GetInt64(3), DateTimeOffset.FromUnixTimeMilliseconds(row.GetInt64(4))),
            ("gate", _name),
            ("id", id));

    /// <summary>Frees the slots of requests that were over a window ago.</summary>
    private async Task ForgetAsync(SqlSession session)
    {
        (string, object?)[] moment = [("gate", _name), .. Moment()];
        const string Old = "DELETE FROM rate_leases WHERE gate = @gate AND state = 'over' AND ";
        await session.ExecuteAsync(
            Old + "((boot = @boot AND ticks <= @ticks - @hold) OR (boot <> @boot AND at <= @at - @holdMilliseconds))",
            [.. moment, ("hold", _hold.Ticks), ("holdMilliseconds", (long)Math.Ceiling(_hold.TotalMilliseconds))]).ConfigureAwait(false);

        // What is left from another run of the machine, or lies in the future (no run has a name there), goes by this run's counter now.
        await session.ExecuteAsync(
            "UPDATE rate_leases SET ticks = @ticks, boot = @boot, at = @at WHERE gate = @gate AND state = 'over' AND (boot <> @boot OR ticks > @ticks)",
            moment).ConfigureAwait(false);
    }

    private async Task<bool> BuryAsync(SqlSession session, long[] gone)
    {
        foreach (long id in gone)
        {
            await session.ExecuteAsync("DELETE FROM rate_leases WHERE id = @id AND state = 'waiting'", ("id", id)).ConfigureAwait(false);
            await session.ExecuteAsync(
                "UPDATE rate_leases SET state = 'over', ticks = @ticks, boot = @boot, at = @at WHERE id = @id AND state = 'under way'",
                [("id", id), .. Moment()]).ConfigureAwait(false);
        }

        return true;
    }

    /// <summary>Sets the record of a request of this process; makes it if there is none, or another process took this one for dead.</summary>
    private Task<int> PutAsync(SqlSession session, long id, string state)
        => session.ExecuteAsync(
            """
            INSERT INTO rate_leases (id, gate, state, owner, ticks, boot, at) VALUES (@id, @gate, @state, @owner, @ticks, @boot, @at)
            ON CONFLICT (id) DO UPDATE SET state = excluded.state, ticks = excluded.ticks, boot = excluded.boot, at = excluded.at
            """,
            [("id", id), ("gate", _name), ("state", state), ("owner", _ledger.Owner.ToString()), .. Moment()]);

    private (string, object?)[] Moment()
        => [("ticks", Ticks()), ("boot", _ledger.Owner.Boot), ("at", _time.GetUtcNow().ToUnixTimeMilliseconds())];

    private long Ticks() => _time.GetElapsedTime(0).Ticks;

    private readonly record struct Request(long Id, string State, string Owner, long Ticks, DateTimeOffset At);

    /// <param name="HasPassed">Whether the gate has opened.</param>
    /// <param name="Delay">If not: how long to sleep before the next try.</param>
    /// <param name="Ahead">If not: the requests that the wait depends on and that may belong to a dead process.</param>
    private readonly record struct Attempt(bool HasPassed, TimeSpan Delay, Request[] Ahead);

    private sealed class Lease(LedgerRateGate gate, long id) : IAsyncDisposable
    {
        private LedgerRateGate? _gate = gate;

        public async ValueTask DisposeAsync()
        {
            if (Interlocked.Exchange(ref _gate, null) is not { } gate)
            {
                return;
            }

            try
            {
                await gate._ledger.WriteLightlyAsync(session => gate.PutAsync(session, id, Over), CancellationToken.None).ConfigureAwait(false);
            }
            catch (Exception e) when (e is KlingException or ObjectDisposedException)
            {
                // The answer that has just come in matters more. The slot is free again when this process has ended.
            }
        }
    }
}
