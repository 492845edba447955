using System.Collections.Concurrent;
using System.Data.Common;

namespace KlingPS.Core.Ledger;

/// <summary>
/// Does the writing of a process over one connection, one after the other. What has come up while the disk was busy is committed
/// together: a flush costs milliseconds, whether for one record or for fifty.
/// </summary>
/// <remarks>
/// Whoever comes while nothing is written does its own work on its own thread. To wake one for each record, and another to go on with
/// afterwards, costs more than the record.
/// </remarks>
internal sealed class LedgerWriter : IAsyncDisposable
{
    private const int MaxBatch = 64;
    private const string Savepoint = "work";

    private readonly SqliteDatabase _database;
    private readonly DbConnection _connection;
    private readonly ConcurrentQueue<Work> _queue = new();
    private readonly SemaphoreSlim _writing = new(1, 1);
    private int _isDisposed;
    private volatile bool _isClosed;
    private bool _isDurable = true;

    /// <param name="database">Where the connection leads.</param>
    /// <param name="connection">The connection; taken over.</param>
    public LedgerWriter(SqliteDatabase database, DbConnection connection)
    {
        _database = database;
        _connection = connection;
    }

    /// <summary>Does a piece of work and returns when it is committed. If it throws, nothing of it has happened.</summary>
    /// <param name="work">May be done more than once, each time from the start.</param>
    /// <param name="durable">Whether it has to outlast a loss of power.</param>
    /// <param name="cancellationToken">Takes effect until the work is begun.</param>
    public Task<T> RunAsync<T>(Func<SqlSession, Task<T>> work, bool durable, CancellationToken cancellationToken)
    {
        var item = new Work<T>(work, durable, cancellationToken);
        _queue.Enqueue(item);
        if (_writing.Wait(0, CancellationToken.None))
        {
            // A disk may be slow, and another process may hold the file: a shell's own thread is not kept that long.
            _ = Thread.CurrentThread.IsThreadPoolThread ? WriteAsync() : Task.Run(WriteAsync, CancellationToken.None);
        }
        else if (_isClosed)
        {
            Refuse();
        }

        return item.Done;
    }

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
        Refuse();
        await _connection.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Gives its end to what comes too late: nobody else will.</summary>
    private void Refuse()
    {
        while (_queue.TryDequeue(out Work? late))
        {
            late.Fail(new ObjectDisposedException(nameof(SqlLedger)));
            late.End();
        }
    }

    /// <summary>Writes what has come up so far. Another thread sees to what comes up meanwhile, for this one has its own to go on with.</summary>
    private async Task WriteAsync()
    {
        await WriteBatchAsync().ConfigureAwait(false);
        _writing.Release();
        if (!_queue.IsEmpty && _writing.Wait(0))
        {
            _ = Task.Run(WriteAsync);
        }
    }

    private async Task WriteBatchAsync()
    {
        var batch = new List<Work>();
        while (batch.Count < MaxBatch && _queue.TryDequeue(out Work? work))
        {
            if (!work.IsCancelled)
            {
                batch.Add(work);
            }
        }

        // What one piece of work has brought down must not take the others with it: they are done again one by one.
        if (batch.Count > 1 && await CommitAsync(batch).ConfigureAwait(false))
        {
            return;
        }

        foreach (Work work in batch)
        {
            await CommitAsync([work]).ConfigureAwait(false);
        }
    }

    /// <returns>Whether all work has its end; else none of it has happened.</returns>
    private async Task<bool> CommitAsync(IReadOnlyList<Work> batch)
    {
        try
        {
            bool durable = batch.Any(work => work.IsDurable);
            if (durable != _isDurable)
            {
                await SqliteDatabase.SetDurableAsync(_connection, durable).ConfigureAwait(false);
                _isDurable = durable;
            }

            await SqliteDatabase.InTransactionAsync(_connection, async transaction =>
            {
                var session = new SqlSession(_connection, transaction);
                if (batch.Count == 1)
                {
                    return await batch[0].DoAsync(session).ConfigureAwait(false);
                }

                foreach (Work work in batch)
                {
                    await transaction.SaveAsync(Savepoint).ConfigureAwait(false);
                    if (!await work.DoAsync(session).ConfigureAwait(false))
                    {
                        await transaction.RollbackAsync(Savepoint).ConfigureAwait(false);
                    }

                    await transaction.ReleaseAsync(Savepoint).ConfigureAwait(false);
                }

                return true;
            }).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // Whatever it is: without an end its caller would wait for ever.
        catch (Exception e)
#pragma warning restore CA1031
        {
            if (batch.Count > 1)
            {
                return false;
            }

            batch[0].Fail(e is DbException error ? _database.Translate(error) : e);
        }

        foreach (Work work in batch)
        {
            work.End();
        }

        return true;
    }

    private abstract class Work(bool durable, CancellationToken cancellationToken)
    {
        public bool IsDurable => durable;

        /// <summary>Whether the work was called off before it began; then it has its end.</summary>
        public bool IsCancelled
        {
            get
            {
                if (cancellationToken.IsCancellationRequested)
                {
                    Cancel(cancellationToken);
                    return true;
                }

                return false;
            }
        }

        /// <returns>Whether it succeeded; else what it has written is to be undone.</returns>
        public abstract Task<bool> DoAsync(SqlSession session);

        public abstract void Fail(Exception exception);

        /// <summary>Gives the caller the end: only now is it true.</summary>
        public abstract void End();

        protected abstract void Cancel(CancellationToken cancellationToken);
    }

    private sealed class Work<T>(Func<SqlSession, Task<T>> work, bool durable, CancellationToken cancellationToken)
        : Work(durable, cancellationToken)
    {
        private readonly TaskCompletionSource<T> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private Exception? _failure;
        private T? _result;

        public Task<T> Done => _done.Task;

        public override async Task<bool> DoAsync(SqlSession session)
        {
            _failure = null;
            try
            {
                _result = await work(session).ConfigureAwait(false);
                return true;
            }
            catch (Exception e) when (e is not DbException)
            {
                _failure = e;
                return false;
            }
        }

        public override void Fail(Exception exception) => _failure = exception;

        public override void End()
        {
            if (_failure is null)
            {
                _done.SetResult(_result!);
            }
            else
            {
                _done.SetException(_failure);
            }
        }

        protected override void Cancel(CancellationToken cancellationToken) => _done.SetCanceled(cancellationToken);
    }
}
