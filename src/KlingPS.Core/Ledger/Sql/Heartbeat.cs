using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>While this process has requests under way, tells those who cannot see it otherwise that it is running.</summary>
/// <param name="store">The database.</param>
/// <param name="owners">Who this process is, and whether anybody needs to be told.</param>
/// <param name="time">The clock to wait by.</param>
[SuppressMessage("Design", "CA1001", Justification = "A cancellation source without a timer has nothing to release.")]
internal sealed class Heartbeat(SqlStore store, IAttemptOwners owners, TimeProvider time) : IAsyncDisposable
{
    private readonly ConcurrentDictionary<long, byte> _underWay = new();
    private readonly CancellationTokenSource _end = new();
    private readonly object _lock = new();
    private int _beginning;
    private Task _beating = Task.CompletedTask;
    private bool _isBeating;

    /// <summary>Begins an attempt, and keeps beating until it has ended. The first beat is part of its transaction.</summary>
    /// <param name="begin">Begins it.</param>
    /// <param name="numberOf">The local id of the attempt that was begun; <see langword="null"/> if none was.</param>
    public async Task<T> BeginAsync<T>(Func<Task<T>> begin, Func<T, long?> numberOf)
    {
        if (owners.BeatInterval is not TimeSpan interval)
        {
            return await begin().ConfigureAwait(false);
        }

        Interlocked.Increment(ref _beginning);
        try
        {
            T begun = await begin().ConfigureAwait(false);
            if (numberOf(begun) is long id)
            {
                _underWay.TryAdd(id, 0);
            }

            lock (_lock)
            {
                if (!_isBeating && !_end.IsCancellationRequested)
                {
                    _isBeating = true;
                    _beating = Task.Run(() => BeatAsync(interval), CancellationToken.None);
                }
            }

            return begun;
        }
        finally
        {
            Interlocked.Decrement(ref _beginning);
        }
    }

    /// <summary>An attempt has ended, or this process will no longer record its outcome.</summary>
    public void End(long id) => _underWay.TryRemove(id, out _);

    /// <summary>Stops together with the ledger. To the others, whatever is still under way then counts as lost after a while, as when a process is killed.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_end.IsCancellationRequested)
        {
            await _end.CancelAsync().ConfigureAwait(false);
            await _beating.ConfigureAwait(false);
        }
    }

    private bool IsIdle => _underWay.IsEmpty && Volatile.Read(ref _beginning) == 0;

    private async Task BeatAsync(TimeSpan interval)
    {
        while (await TryWaitAsync(interval).ConfigureAwait(false))
        {
            await TryWriteAsync(owners.BeatAsync).ConfigureAwait(false);
        }

        // Unless something has begun in the meantime, which would then seem to have no owner.
        await TryWriteAsync(session => IsIdle ? owners.RestAsync(session) : Task.FromResult(0)).ConfigureAwait(false);
    }

    /// <returns>Whether to beat; if not, nothing is under way any more, or the ledger is about to be closed.</returns>
    private async Task<bool> TryWaitAsync(TimeSpan interval)
    {
        try
        {
            await Task.Delay(interval, time, _end.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return false;
        }

        lock (_lock)
        {
            return _isBeating = !IsIdle;
        }
    }

    private async Task TryWriteAsync(Func<SqlSession, Task<int>> write)
    {
        try
        {
            await store.WriteLightlyAsync(write, WriteScope.Cache, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e) when (e is KlingException or ObjectDisposedException)
        {
            // A process that cannot say that it is running may seem to be gone. Others then ask about its attempts, but never buy again.
        }
    }
}
