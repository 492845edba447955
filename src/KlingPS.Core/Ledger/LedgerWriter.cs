using System.Data.Common;
using System.Threading.Channels;

namespace KlingPS.Core.Ledger;

/// <summary>
/// Does the writing of a process over one connection, one after the other. What has come up while the disk was busy is committed
/// together: a flush costs milliseconds, whether for one record or for fifty.
/// </summary>
internal sealed class LedgerWriter : IAsyncDisposable
{
    private const int MaxBatch = 64;
    private const string Savepoint = "work";

    private readonly SqliteDatabase _database;
    private readonly DbConnection _connection;
    private readonly Channel<Work> _queue = Channel.CreateUnbounded<Work>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Task _loop;
    private bool _isDurable = true;

    /// <param name="database">Where the connection leads.</param>
    /// <param name="connection">The connection; taken over.</param>
    public LedgerWriter(SqliteDatabase database, DbConnection connection)
    {
        _database = database;
        _connection = connection;
        _loop = Task.Run(RunAsync);
    }

    /// <summary>Does a piece of work and returns when it is committed. If it throws, nothing of it has happened.</summary>
    /// <param name="work">May be done more than once, each time from the start.</param>
    /// <param name="durable">Whether it has to outlast a loss of power.</param>
    /// <param name="cancellationToken">Takes effect until the work is begun.</param>
    public Task<T> RunAsync<T>(Func<SqlSession, Task<T>> work, bool durable, CancellationToken cancellationToken)
    {
        var item = new Work<T>(work, durable, cancellationToken);
        return _queue.Writer.TryWrite(item) ? item.Done : throw new ObjectDisposedException(nameof(SqlLedger));
    }

    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await _loop.ConfigureAwait(false);
        await _connection.DisposeAsync().ConfigureAwait(false);
    }

    private async Task RunAsync()
    {
        var batch = new List<Work>();
        while (await _queue.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            batch.Clear();
            while (batch.Count < MaxBatch && _queue.Reader.TryRead(out Work? work))
            {
                if (!work.IsCancelled)
                {
                    batch.Add(work);
                }
            }

            // What one piece of work has brought down must not take the others with it: they are done again one by one.
            if (batch.Count > 1 && await CommitAsync(batch).ConfigureAwait(false))
            {
                continue;
            }

            foreach (Work work in batch)
            {
                await CommitAsync([work]).ConfigureAwait(false);
            }
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
                foreach (Work work in batch)
                {
                    await transaction.SaveAsync(Savepoint).ConfigureAwait(false);
                    if (!await work.DoAsync(session).ConfigureAwait(false))
                    {
                        await transaction.RollbackAsync(Savepoint).ConfigureAwait(false);
                    }

                    await transaction.ReleaseAsync(Savepoint).ConfigureAwait(false);
                }
            }).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // Whatever it is: if the loop died of it, every caller would wait for ever.
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
