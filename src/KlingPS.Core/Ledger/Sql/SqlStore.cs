using System.Data.Common;
using System.Diagnostics.CodeAnalysis;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>The open database: one connection for writing, one for reading, opened when first needed, and created when there is something to write.</summary>
/// <remarks>Safe for concurrent use. Errors of the database come out as <see cref="ErrorKind.LedgerUnusable"/>.</remarks>
[SuppressMessage("Design", "CA1001", Justification = "A semaphore has nothing to release unless its wait handle is used.")]
internal sealed class SqlStore(IDatabaseEngine engine) : IAsyncDisposable
{
    private readonly SemaphoreSlim _opening = new(1, 1);
    private readonly SemaphoreSlim _reading = new(1, 1);
    private volatile WriteQueue? _writes;
    private DatabaseConnection? _reader;
    private DatabaseConnection? _empty;
    private volatile bool _isClosed;

    /// <summary>Where the database is.</summary>
    public string Location => engine.Location;

    /// <inheritdoc cref="IDatabaseEngine.Place"/>
    public string Place => engine.Place;

    /// <inheritdoc cref="IDatabaseEngine.Id"/>
    public string? Id => engine.Id;

    /// <summary>Whether there is a database.</summary>
    public async ValueTask<bool> ExistsAsync(CancellationToken cancellationToken)
        => _writes is not null || await Task.Run(() => engine.ExistsAsync(cancellationToken), cancellationToken).ConfigureAwait(false);

    /// <summary>Called once the database is open, before any other waiting caller continues. The database stays open whatever comes of it.</summary>
    public Func<CancellationToken, Task>? Opened { get; set; }

    /// <summary>Opens the database, if it is not open. After a failure the next caller tries again.</summary>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>.</exception>
    public async Task OpenAsync(CancellationToken cancellationToken) => await GetWritesAsync(isToWrite: true, cancellationToken).ConfigureAwait(false);

    /// <summary>Does work in a transaction that survives a power failure once this method has returned.</summary>
    /// <param name="work">See <see cref="WriteQueue.RunAsync"/>.</param>
    /// <param name="scope">What the work has exclusive use of.</param>
    /// <param name="cancellationToken">Has an effect until the work begins.</param>
    public Task<T> WriteAsync<T>(Func<SqlSession, Task<T>> work, WriteScope scope, CancellationToken cancellationToken)
        => RunAsync(work, WriteKind.Durable, [scope], cancellationToken);

    /// <inheritdoc cref="WriteAsync{T}(Func{SqlSession, Task{T}}, WriteScope, CancellationToken)"/>
    /// <param name="work">See <see cref="WriteQueue.RunAsync"/>.</param>
    /// <param name="scopes">What the work has exclusive use of, if it is more than one thing.</param>
    /// <param name="cancellationToken">Has an effect until the work begins.</param>
    public Task<T> WriteAsync<T>(Func<SqlSession, Task<T>> work, IReadOnlyList<WriteScope> scopes, CancellationToken cancellationToken)
        => RunAsync(work, WriteKind.Durable, scopes, cancellationToken);

    /// <inheritdoc cref="WriteAsync{T}(Func{SqlSession, Task{T}}, WriteScope, CancellationToken)"/>
    /// <remarks>The work has exclusive use of the whole ledger.</remarks>
    public Task<T> WriteAsync<T>(Func<SqlSession, Task<T>> work, CancellationToken cancellationToken) => WriteAsync(work, WriteScope.All, cancellationToken);

    /// <summary>The same for what has already happened: it is not cancelled, and is written if it can be written at all.</summary>
    public Task<T> WriteAnswerAsync<T>(Func<SqlSession, Task<T>> work, WriteScope scope) => RunAsync(work, WriteKind.Answer, [scope], CancellationToken.None);

    /// <summary>The same for what may be lost in a power failure: it survives the death of the process, and in itself costs no flush of the disk.</summary>
    public Task<T> WriteLightlyAsync<T>(Func<SqlSession, Task<T>> work, WriteScope scope, CancellationToken cancellationToken)
        => RunAsync(work, WriteKind.Light, [scope], cancellationToken);

    /// <summary>Reads while nobody can write.</summary>
    public Task<T> HoldAsync<T>(Func<SqlSession, Task<T>> work, CancellationToken cancellationToken)
        => RunAsync(work, WriteKind.Hold, [WriteScope.All], cancellationToken);

    /// <summary>Reads what is committed. Does not create a database: if there is none, nothing is recorded.</summary>
    public async Task<T> ReadAsync<T>(Func<SqlSession, Task<T>> work, CancellationToken cancellationToken)
    {
        bool exists = _isClosed || await ExistsAsync(cancellationToken).ConfigureAwait(false);
        if (exists)
        {
            await GetWritesAsync(isToWrite: false, cancellationToken).ConfigureAwait(false);
        }

        await _reading.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            RequireOpen();

            // SQLite has no asynchronous calls: the caller's thread does the reading, unless it is the shell's own thread.
            return await (Thread.CurrentThread.IsThreadPoolThread ? DoAsync() : Task.Run(DoAsync, cancellationToken)).ConfigureAwait(false);
        }
        catch (DbException e)
        {
            throw engine.Translate(e);
        }
        finally
        {
            _reading.Release();
        }

        async Task<T> DoAsync()
        {
            if (!exists)
            {
                return await work(new SqlSession(_empty ??= await engine.ConnectEmptyAsync(Schema.MigrateAsync).ConfigureAwait(false), null)).ConfigureAwait(false);
            }

            bool isNew = false;
            while (true)
            {
                if (_reader is not { IsOpen: true })
                {
                    if (_reader is not null)
                    {
                        await _reader.DisposeAsync().ConfigureAwait(false);
                        _reader = null;
                    }

                    _reader = await engine.ConnectAsync().ConfigureAwait(false);
                    isNew = true;
                }

                try
                {
                    await _reader.RequireInPlaceAsync().ConfigureAwait(false);
                    return await work(new SqlSession(_reader, null)).ConfigureAwait(false);
                }
                catch (DbException) when (!isNew && !_reader.IsOpen)
                {
                    // A server, or something in between, closes connections that have been idle for long.
                }
            }
        }
    }

    /// <summary>Marks the database as an unfinished copy. It may be created for that.</summary>
    /// <param name="source">What is copied, for people to read.</param>
    /// <param name="require">Throws if it must not be copied to.</param>
    /// <param name="cancellationToken">Has an effect until the work begins.</param>
    public async Task BeginCopyAsync(string source, Func<SqlSession, Task> require, CancellationToken cancellationToken)
    {
        engine.BeginCopy(source);
        await WriteAsync(
            async session =>
            {
                await require(session).ConfigureAwait(false);
                await engine.MarkCopyAsync(session, source).ConfigureAwait(false);
                return true;
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc cref="IDatabaseEngine.Translate"/>
    public KlingException Translate(DbException exception) => engine.Translate(exception);

    /// <inheritdoc cref="IDatabaseEngine.EndCopyAsync"/>
    public Task EndCopyAsync(SqlSession session) => engine.EndCopyAsync(session);

    /// <summary>See <see cref="SqlLedger.SettleAsync"/>.</summary>
    public Task SettleAsync() => _writes?.SettleAsync() ?? Task.CompletedTask;

    /// <summary>Commits what is pending and closes the database.</summary>
    public async ValueTask DisposeAsync()
    {
        _isClosed = true;

        // The reader first: it must not keep the last records from getting where they belong.
        await _reading.WaitAsync().ConfigureAwait(false);
        try
        {
            if (_reader is not null)
            {
                await _reader.DisposeAsync().ConfigureAwait(false);
                _reader = null;
            }

            if (_empty is not null)
            {
                await _empty.DisposeAsync().ConfigureAwait(false);
                _empty = null;
            }
        }
        finally
        {
            _reading.Release();
        }

        await _opening.WaitAsync().ConfigureAwait(false);
        try
        {
            if (_writes is not null)
            {
                await _writes.DisposeAsync().ConfigureAwait(false);
            }

            engine.Close();
        }
        finally
        {
            _opening.Release();
        }
    }

    private async Task<T> RunAsync<T>(Func<SqlSession, Task<T>> work, WriteKind kind, IReadOnlyList<WriteScope> scopes, CancellationToken cancellationToken)
    {
        WriteQueue writes = await GetWritesAsync(isToWrite: true, cancellationToken).ConfigureAwait(false);
        return await writes.RunAsync(work, kind, scopes, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<WriteQueue> GetWritesAsync(bool isToWrite, CancellationToken cancellationToken)
    {
        if (_writes is { } open)
        {
            return open;
        }

        await _opening.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            RequireOpen();
            if (_writes is null)
            {
                DatabaseConnection connection = await Task.Run(() => engine.OpenAsync(Schema.MigrateAsync, isToWrite), cancellationToken).ConfigureAwait(false);
                _writes = new WriteQueue(engine, connection);
                await (Opened?.Invoke(cancellationToken) ?? Task.CompletedTask).ConfigureAwait(false);
            }

            return _writes;
        }
        finally
        {
            _opening.Release();
        }
    }

    private void RequireOpen()
    {
        if (_isClosed)
        {
            throw new LedgerClosedException();
        }
    }
}
