using System.Collections.Concurrent;
using System.Data.Common;
using System.Runtime.ExceptionServices;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>
/// Does all writing of a process over one connection, one piece of work after another. What arrives while the disk is busy is
/// committed together: a flush takes milliseconds whether it is for one record or for fifty.
/// </summary>
/// <remarks>
/// A caller that finds the queue idle does its work on its own thread. Waking one thread for each record and another to continue
/// afterwards would cost more than the record.
/// </remarks>
internal sealed class WriteQueue : IAsyncDisposable
{
    /// <summary>Conflicts pass in milliseconds; a database that reports more of them in a row has another problem.</summary>
    private const int MaxAttempts = 20;

    private readonly IDatabaseEngine _engine;
    private readonly ConcurrentQueue<WriteWork> _queue = new();
    private readonly SemaphoreSlim _writing = new(1, 1);
    private DatabaseConnection _connection;
    private int _isDisposed;
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _isClosed;

    /// <param name="engine">The database.</param>
    /// <param name="connection">An open connection to it; the queue takes ownership of it.</param>
    public WriteQueue(IDatabaseEngine engine, DatabaseConnection connection)
    {
        _engine = engine;
        _connection = connection;
    }

    /// <summary>Does a piece of work and returns when it is committed. If it throws, nothing has happened.</summary>
    /// <param name="work">May run more than once, each time from the start, and must not have any effect outside the database.</param>
    /// <param name="kind">The kind of work.</param>
    /// <param name="scopes">What it has exclusive use of.</param>
    /// <param name="cancellationToken">Has an effect until the work begins.</param>
    public Task<T> RunAsync<T>(Func<SqlSession, Task<T>> work, WriteKind kind, IReadOnlyList<WriteScope> scopes, CancellationToken cancellationToken)
    {
        var item = new WriteWork<T>(work, kind, scopes, cancellationToken);
        _queue.Enqueue(item);
        if (_writing.Wait(0, CancellationToken.None))
        {
            // A disk can be slow, and another process can hold the lock: the shell's own thread must not wait that long.
            _ = Thread.CurrentThread.IsThreadPoolThread ? WriteAsync() : Task.Run(WriteAsync, CancellationToken.None);
        }
        else if (_isClosed)
        {
            RefuseRest();
        }

        return item.Done;
    }

    /// <summary>Leaves the database as complete as it can be; see <see cref="DatabaseConnection.FinishAsync"/>.</summary>
    public async Task SettleAsync()
    {
        // Once the queue is closed, nobody gets a turn any more.
        Task turn = _writing.WaitAsync();
        if (await Task.WhenAny(turn, _closed.Task).ConfigureAwait(false) == turn)
        {
            await FinishAsync().ConfigureAwait(false);
            Release();
        }
    }

    /// <summary>Commits what is queued, then closes the connection.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
        {
            return;
        }

        await _writing.WaitAsync().ConfigureAwait(false);
        while (!_queue.IsEmpty)
        {
            await WriteBatchAsync().ConfigureAwait(false);
        }

        _isClosed = true;
        RefuseRest();
        await FinishAsync().ConfigureAwait(false);
        await _connection.DisposeAsync().ConfigureAwait(false);
        _closed.TrySetResult();
    }

    /// <summary>Completes what arrives after the end, because nobody else would.</summary>
    private void RefuseRest()
    {
        while (_queue.TryDequeue(out WriteWork? late))
        {
            late.Fail(new LedgerClosedException());
            late.Complete();
        }
    }

    /// <summary>Writes what has arrived so far. What arrives in the meantime is left to another thread: this one has to continue its caller's work.</summary>
    private async Task WriteAsync()
    {
        await WriteBatchAsync().ConfigureAwait(false);
        Release();
    }

    private void Release()
    {
        _writing.Release();
        if (!_queue.IsEmpty && _writing.Wait(0))
        {
            _ = Task.Run(WriteAsync);
        }
    }

    private async Task FinishAsync()
    {
        try
        {
            if (_connection.IsOpen)
            {
                await _connection.FinishAsync().ConfigureAwait(false);
            }
        }
        catch (DbException)
        {
            // If this fails, the database stays as it is; the records are there.
        }
    }

    private async Task WriteBatchAsync()
    {
        var batch = new List<WriteWork>();
        while (batch.Count < _engine.MaxBatch && _queue.TryDequeue(out WriteWork? work))
        {
            if (!work.TryCancel())
            {
                batch.Add(work);
            }
        }

        // An error of the database in one piece of work must not fail the others: so they are all done again one by one.
        if (batch.Count > 1 && await TryCommitAsync(batch).ConfigureAwait(false))
        {
            return;
        }

        foreach (WriteWork work in batch)
        {
            await TryCommitAsync([work]).ConfigureAwait(false);
        }
    }

    /// <returns>Whether all work is completed. If not, nothing has happened.</returns>
    private async Task<bool> TryCommitAsync(List<WriteWork> batch)
    {
        try
        {
            await CommitAsync(batch).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // Whatever it is: work that is not completed would leave its caller waiting for ever.
        catch (Exception e)
#pragma warning restore CA1031
        {
            if (batch.Count > 1 && e is not CommitLostException)
            {
                return false;
            }

            Exception failure = e is DbException error ? _engine.Translate(error) : e;
            batch.ForEach(work => work.Fail(failure));
        }

        foreach (WriteWork work in batch)
        {
            work.Complete();
        }

        return true;
    }

    private async Task CommitAsync(List<WriteWork> batch)
    {
        // What has already happened is written even if nothing new may begin: new work must neither stop it nor slip in with it.
        WriteKind kind = batch.All(work => work.Kind == WriteKind.Answer) ? WriteKind.Answer
            : batch.All(work => work.Kind == WriteKind.Hold) ? WriteKind.Hold
            : batch.All(work => work.Kind is WriteKind.Hold or WriteKind.Light) ? WriteKind.Light
            : WriteKind.Durable;

        // Most batches are one write and need no LINQ query, which .NET would compile again in each shell because it is over structs.
        IReadOnlyList<WriteScope> scopes = batch.Count == 1 ? batch[0].Scopes : [.. batch.SelectMany(work => work.Scopes).Distinct()];
        for (int attempt = 1; ; attempt++)
        {
            if (!_connection.IsOpen)
            {
                await _connection.DisposeAsync().ConfigureAwait(false);
                _connection = await _engine.ConnectAsync().ConfigureAwait(false);
            }

            try
            {
                await _connection.InTransactionAsync(kind, scopes, session => DoAsync(session, batch)).ConfigureAwait(false);
                return;
            }
            catch (CommitLostException e)
            {
                // The outcome is looked up, not guessed: if the work were done again, it could happen twice.
                switch (await _engine.FindOutcomeAsync(e).ConfigureAwait(false))
                {
                    case true:
                        return;
                    case false:
                        ExceptionDispatchInfo.Throw(e.Cause);
                        break;
                    default:
                        throw;
                }
            }
            catch (DbException e) when (attempt < MaxAttempts && _engine.IsConflict(e))
            {
            }
        }
    }

    private static async Task<bool> DoAsync(SqlSession session, List<WriteWork> batch)
    {
        if (batch.Count == 1)
        {
            return await batch[0].DoAsync(session).ConfigureAwait(false);
        }

        foreach (WriteWork work in batch)
        {
            await session.InSavepointAsync(work.DoAsync).ConfigureAwait(false);
        }

        return true;
    }
}
