using System.Data.Common;
using System.Globalization;
using KlingPS.Core.Model;
using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Ledger;

/// <summary>The ledger in a SQLite file that any number of processes share.</summary>
/// <remarks>
/// Speaks to the database through <c>System.Data.Common</c> and in SQL that other engines understand as well; what is peculiar to
/// SQLite stands in <see cref="SqliteDatabase"/>. Safe for concurrent use. Every method throws a <see cref="KlingException"/> of kind
/// <see cref="ErrorKind.LedgerUnusable"/> when the file fails it.
/// </remarks>
public sealed class SqlLedger : ITaskLedger, ITaskJournal, IUploadCache, IFileHashCache, IGenerationHistory, IRateGates, IAsyncDisposable
{
    /// <summary>No create request can be on its way this long. From then on the attempt of an owner that cannot be looked at is unknown.</summary>
    private static readonly TimeSpan s_longestAttempt = TimeSpan.FromHours(1);

    private static readonly TimeSpan s_fileHashLifetime = TimeSpan.FromDays(90);

    private const string OpenStates = "('Submitting', 'Unknown', 'Waiting', 'Queuing', 'Generating')";

    /// <summary>A finished purchase first, then a pending one, then one whose end is not known, then a failure; the latest of its kind.</summary>
    private const string EarlierOrder = """
        CASE t.state WHEN 'Succeeded' THEN 0 WHEN 'Submitting' THEN 2 WHEN 'Unknown' THEN 2 WHEN 'Failed' THEN 3 ELSE 1 END, t.id DESC
        """;

    private readonly SqliteDatabase _database;
    private readonly ProcessIdentity _owner;
    private readonly Func<ProcessIdentity, bool?> _isAlive;
    private readonly TimeProvider _time;
    private readonly SemaphoreSlim _opening = new(1, 1);
    private readonly SemaphoreSlim _reading = new(1, 1);
    private volatile LedgerWriter? _writer;
    private DbConnection? _reader;
    private volatile bool _isClosed;

    /// <summary>Creates the ledger. Its file is opened when it is first needed, or by <see cref="OpenAsync(CancellationToken)"/>.</summary>
    /// <param name="path">The full path of the file; see <see cref="LedgerLocation"/>.</param>
    /// <param name="time">The clock.</param>
    public SqlLedger(string path, TimeProvider time)
        : this(path, () => SqliteProvider.Factory, time, ProcessIdentity.Current, owner => owner.IsAlive())
    {
    }

    /// <inheritdoc cref="SqlLedger(string, TimeProvider)"/>
    /// <param name="path">The full path of the file.</param>
    /// <param name="factory">Gives the SQLite provider.</param>
    /// <param name="time">The clock.</param>
    /// <param name="owner">Who makes the attempts.</param>
    /// <param name="isAlive">Tells whether another owner still runs; <see langword="null"/> when that cannot be known.</param>
    internal SqlLedger(string path, Func<DbProviderFactory> factory, TimeProvider time, ProcessIdentity owner, Func<ProcessIdentity, bool?> isAlive)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(time);
        _database = new SqliteDatabase(path, factory, time);
        _owner = owner;
        _isAlive = isAlive;
        _time = time;
    }

    /// <summary>The full path of the file.</summary>
    public string Path => _database.Path;

    /// <inheritdoc/>
    public ITaskJournal Tasks => this;

    /// <inheritdoc/>
    public IUploadCache Uploads => this;

    /// <inheritdoc/>
    public IFileHashCache FileHashes => this;

    /// <inheritdoc/>
    public IGenerationHistory GenerationTimes => this;

    /// <inheritdoc/>
    public IRateGates RateGates => this;

    /// <summary>Who makes the attempts of this ledger.</summary>
    internal ProcessIdentity Owner => _owner;

    /// <summary>
    /// Opens the file, or makes it, brings it to this version and makes attempts of dead processes unknown. Every other method does
    /// the same when it is the first; a failure is tried again by the next.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.LedgerUnusable"/>: the path is a folder or cannot be written, the disk is full, the file is damaged (it is
    /// kept aside then), of another program or of a newer version.
    /// </exception>
    public async Task OpenAsync(CancellationToken cancellationToken) => await GetWriterAsync(cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async Task<KlingVideoTask> BeginAsync(TaskIntent intent, CancellationToken cancellationToken)
    {
        RequireComplete(intent);
        if (intent.Replaces is not null)
        {
            await RecoverAsync(cancellationToken).ConfigureAwait(false);
        }

        return await WriteAsync(session => BeginAsync(session, intent), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<TaskClaim> ClaimAsync(TaskIntent intent, CancellationToken cancellationToken)
    {
        RequireComplete(intent);
        await RecoverAsync(cancellationToken).ConfigureAwait(false);
        return await WriteAsync(
            async session => await FindPurchaseAsync(session, intent.Account, intent.Identity).ConfigureAwait(false) is { } purchase
                ? new TaskClaim(purchase, IsNew: false)
                : new TaskClaim(await BeginAsync(session, intent).ConfigureAwait(false), IsNew: true),
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public Task<KlingVideoTask> RecordAcceptedAsync(long id, string taskId)
    {
        ArgumentException.ThrowIfNullOrEmpty(taskId);
        return WriteAsync(async session =>
        {
            KlingVideoTask task = await TaskTable.GetAsync(session, id).ConfigureAwait(false);
            return task.TaskId == taskId ? task : await AttachAsync(session, task, taskId).ConfigureAwait(false);
        });
    }

    /// <inheritdoc/>
    public Task<KlingVideoTask> RecordRejectedAsync(long id, string? code, string reason)
        => ChangeAsync(id, task => IsOpenAttempt(task) ? task.Rejected(code, reason, _time.GetUtcNow()) : throw Misplaced(task, "be rejected"));

    /// <inheritdoc/>
    public Task<KlingVideoTask> RecordUnknownAsync(long id, string reason)
    {
        // A callback may have been quicker than the news that the answer is lost.
        return ChangeAsync(id, task => IsOpenAttempt(task) ? task.Unknown(reason) : task);
    }

    /// <inheritdoc/>
    public Task<KlingVideoTask> RecordSnapshotAsync(string account, TaskSnapshot snapshot)
    {
        ArgumentException.ThrowIfNullOrEmpty(account);
        RequireOfService(snapshot);

        // What a loss of power takes with it, the service tells again.
        return WriteLightlyAsync(
            async session => await FindByTaskIdAsync(session, account, snapshot.TaskId).ConfigureAwait(false) is { } task
                ? await ChangeAsync(session, task, task.Observed(snapshot, _time.GetUtcNow())).ConfigureAwait(false)
                : await TaskTable.InsertAsync(session, TaskTransitions.Adopted(account, snapshot, _time.GetUtcNow())).ConfigureAwait(false),
            CancellationToken.None);
    }

    /// <inheritdoc/>
    public Task<KlingVideoTask> RecordSavedAsync(long id, string path, string hash)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentException.ThrowIfNullOrEmpty(hash);
        return ChangeAsync(id, task => task with { SavedPath = path, SavedHash = hash });
    }

    /// <inheritdoc/>
    public async Task<KlingVideoTask> ResolveAsync(long id, TaskSnapshot snapshot)
    {
        RequireOfService(snapshot);
        await RecoverAsync(CancellationToken.None).ConfigureAwait(false);
        return await WriteAsync(async session =>
        {
            KlingVideoTask attempt = await GetUnknownAsync(session, id).ConfigureAwait(false);
            KlingVideoTask task = await AttachAsync(session, attempt, snapshot.TaskId).ConfigureAwait(false);
            return await ChangeAsync(session, task, task.Observed(snapshot, _time.GetUtcNow())).ConfigureAwait(false);
        }).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<KlingVideoTask> AbandonAsync(long id)
    {
        await RecoverAsync(CancellationToken.None).ConfigureAwait(false);
        return await WriteAsync(session => AbandonAsync(session, id)).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public Task RemoveAsync(long id) => WriteAsync(async session =>
    {
        KlingVideoTask task = await TaskTable.GetAsync(session, id).ConfigureAwait(false);
        if (!task.State.IsSettled())
        {
            throw new KlingException(ErrorKind.RequestInvalid, task.State == KlingTaskState.Unknown
                ? $"Task {Name(task)} may have been paid for. Settle it with Resolve-KlingVideoTask before you remove it."
                : $"Task {Name(task)} is not finished. Without its record nobody could fetch the video that is paid for.");
        }

        await TaskTable.DeleteAsync(session, task).ConfigureAwait(false);
        return true;
    });

    /// <inheritdoc/>
    public async Task<IReadOnlyList<KlingVideoTask>> RecoverAsync(CancellationToken cancellationToken)
    {
        var attempts = await ReadAsync(
            session => session.QueryAsync(
                "SELECT id, owner, created_at FROM tasks WHERE owner IS NOT NULL AND owner <> @owner AND state = 'Submitting'",
                row => (Id: row.GetInt64(0), Owner: row.GetString(1), CreatedAt: DateTimeOffset.FromUnixTimeMilliseconds(row.GetInt64(2))),
                ("owner", _owner.ToString())),
            cancellationToken).ConfigureAwait(false);
        long[] lost = [.. attempts.Where(attempt => IsGone(ProcessIdentity.Parse(attempt.Owner), attempt.CreatedAt)).Select(attempt => attempt.Id)];
        if (lost.Length == 0)
        {
            return [];
        }

        return await WriteAsync(
            async session =>
            {
                var recovered = new List<KlingVideoTask>();
                foreach (long id in lost)
                {
                    // The owner may have been quicker with an answer.
                    if (await TaskTable.FindAsync(session, "WHERE t.id = @id AND t.state = 'Submitting'", ("id", id)).ConfigureAwait(false) is { } task)
                    {
                        recovered.Add(await TaskTable.UpdateAsync(session, task.Unknown("The process that sent the request ended before the answer came.")).ConfigureAwait(false));
                    }
                }

                return recovered;
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public Task<KlingVideoTask?> FindAsync(long id, CancellationToken cancellationToken)
        => ReadAsync(session => TaskTable.FindAsync(session, "WHERE t.id = @id", ("id", id)), cancellationToken);

    /// <inheritdoc/>
    public Task<KlingVideoTask?> FindByTaskIdAsync(string account, string taskId, CancellationToken cancellationToken)
        => ReadAsync(session => FindByTaskIdAsync(session, account, taskId), cancellationToken);

    /// <inheritdoc/>
    public async Task<KlingVideoTask?> FindUnknownAsync(string account, string identity, CancellationToken cancellationToken)
    {
        await RecoverAsync(cancellationToken).ConfigureAwait(false);
        return await ReadAsync(
            session => TaskTable.FindAsync(
                session,
                "WHERE t.account = @account AND t.identity = @identity AND t.state = 'Unknown' ORDER BY t.id DESC",
                ("account", account),
                ("identity", identity)),
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<KlingVideoTask?> FindEarlierAsync(string account, string identity, CancellationToken cancellationToken)
    {
        await RecoverAsync(cancellationToken).ConfigureAwait(false);
        return await ReadAsync(
            session => TaskTable.FindAsync(
                session,
                $"""
                WHERE t.account = @account AND t.identity = @identity AND (t.state IN ('Succeeded', 'Failed') OR t.state IN {OpenStates})
                ORDER BY {EarlierOrder}
                """,
                ("account", account),
                ("identity", identity)),
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public Task RequireBudgetAsync(TaskIntent intent, CancellationToken cancellationToken)
    {
        RequireComplete(intent);
        return intent.Budget is null
            ? Task.CompletedTask
            : ReadAsync(
                async session =>
                {
                    await RequireBudgetAsync(session, intent, intent.Budget).ConfigureAwait(false);
                    return true;
                },
                cancellationToken);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<SavedPath>> ListSavedPathsAsync(string folder, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        string inside = System.IO.Path.EndsInDirectorySeparator(folder) ? folder : folder + System.IO.Path.DirectorySeparatorChar;
        return await ReadAsync(
            session => session.QueryAsync(
                """
                SELECT saved_path, id, saved_hash FROM tasks WHERE LOWER(SUBSTR(saved_path, 1, LENGTH(@folder))) = LOWER(@folder)
                UNION
                SELECT f.path, t.id, f.hash FROM file_hashes f JOIN tasks t ON t.saved_hash = f.hash WHERE LOWER(SUBSTR(f.path, 1, LENGTH(@folder))) = LOWER(@folder)
                """,
                row => new SavedPath(row.GetString(0), row.GetInt64(1), row.GetString(2)),
                ("folder", inside)),
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public Task<KlingVideoTask?> FindByNonceAsync(string account, string nonce, CancellationToken cancellationToken)
        => ReadAsync(
            session => TaskTable.FindAsync(session, "WHERE t.nonce = @nonce AND t.account = @account", ("nonce", nonce), ("account", account)),
            cancellationToken);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<KlingVideoTask>> ListAsync(TaskFilter filter, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(filter);
        if (filter.States is { Count: 0 })
        {
            return [];
        }

        var conditions = new List<string>();
        var parameters = new List<(string, object?)>();
        void Narrow(string condition, string name, object? value)
        {
            if (value is not null)
            {
                conditions.Add(condition);
                parameters.Add((name, value));
            }
        }

        Narrow("t.account = @account", "account", filter.Account);
        Narrow("t.created_at >= @since", "since", filter.Since is { } since ? TaskTable.ToMilliseconds(since) : null);
        Narrow("t.source_path = @path", "path", filter.SourcePath);
        Narrow("t.source_hash = @hash", "hash", filter.SourceHash);
        Narrow(
            "t.state = 'Succeeded' AND t.completed_at <= @expired",
            "expired",
            filter.ExpiresBy is { } end ? TaskTable.ToMilliseconds(end - TaskTransitions.LinkLifetime) : null);
        Narrow("t.owner = @owner", "owner", filter.IsOwnAttempt ? _owner.ToString() : null);
        if (filter.Unsaved)
        {
            conditions.Add("t.state = 'Succeeded' AND t.saved_path IS NULL");
        }

        if (filter.States is { } states)
        {
            // The names are the module's own.
            conditions.Add($"t.state IN ({string.Join(", ", states.Select(state => $"'{state}'"))})");
        }

        string where = conditions.Count == 0 ? string.Empty : $"WHERE {string.Join(" AND ", conditions)}";
        return await ReadAsync(
            session => session.QueryAsync($"{TaskTable.Select}{where} ORDER BY t.id", TaskTable.Read, [.. parameters]),
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public Task<UploadRecord?> FindAsync(string account, string hash, CancellationToken cancellationToken)
        => ReadAsync(
            async session => (await session.QueryAsync(
                "SELECT uri, uploaded_at, expires_at FROM uploads WHERE account = @account AND hash = @hash AND expires_at > @now",
                row => new UploadRecord(
                    account,
                    hash,
                    row.GetString(0),
                    DateTimeOffset.FromUnixTimeMilliseconds(row.GetInt64(1)),
                    DateTimeOffset.FromUnixTimeMilliseconds(row.GetInt64(2))),
                ("account", account),
                ("hash", hash),
                ("now", Now())).ConfigureAwait(false)).FirstOrDefault(),
            cancellationToken);

    /// <inheritdoc/>
    public Task RecordAsync(UploadRecord upload, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(upload);
        return WriteLightlyAsync(
            async session =>
            {
                await session.ExecuteAsync("DELETE FROM uploads WHERE expires_at <= @now", ("now", Now())).ConfigureAwait(false);
                return await session.ExecuteAsync(
                    """
                    INSERT INTO uploads (account, hash, uri, uploaded_at, expires_at) VALUES (@account, @hash, @uri, @uploaded, @expires)
                    ON CONFLICT (account, hash) DO UPDATE SET uri = excluded.uri, uploaded_at = excluded.uploaded_at, expires_at = excluded.expires_at
                    """,
                    ("account", upload.Account),
                    ("hash", upload.Hash),
                    ("uri", upload.Uri),
                    ("uploaded", TaskTable.ToMilliseconds(upload.UploadedAt)),
                    ("expires", TaskTable.ToMilliseconds(upload.ExpiresAt))).ConfigureAwait(false);
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public Task<string?> FindAsync(string path, long length, DateTimeOffset modifiedAt, CancellationToken cancellationToken)
        => ReadAsync(
            session => session.TextAsync(
                "SELECT hash FROM file_hashes WHERE path = @path AND length = @length AND modified_at = @modified",
                ("path", path),
                ("length", length),
                ("modified", modifiedAt.UtcTicks)),
            cancellationToken);

    /// <inheritdoc/>
    public Task RecordAsync(string path, long length, DateTimeOffset modifiedAt, string hash, CancellationToken cancellationToken)
    {
        DateTimeOffset now = _time.GetUtcNow();
        return WriteLightlyAsync(
            async session =>
            {
                await session.ExecuteAsync(
                    "DELETE FROM file_hashes WHERE recorded_at < @old",
                    ("old", TaskTable.ToMilliseconds(now - s_fileHashLifetime))).ConfigureAwait(false);
                return await session.ExecuteAsync(
                    """
                    INSERT INTO file_hashes (path, length, modified_at, hash, recorded_at) VALUES (@path, @length, @modified, @hash, @now)
                    ON CONFLICT (path) DO UPDATE SET
                        length = excluded.length, modified_at = excluded.modified_at, hash = excluded.hash, recorded_at = excluded.recorded_at
                    """,
                    ("path", path),
                    ("length", length),
                    ("modified", modifiedAt.UtcTicks),
                    ("hash", hash),
                    ("now", TaskTable.ToMilliseconds(now))).ConfigureAwait(false);
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<double>> ListAsync(string model, int duration, int limit, CancellationToken cancellationToken)
        => await ReadAsync(
            session => session.QueryAsync(
                """
                SELECT completed_at - accepted_at FROM tasks
                WHERE state = 'Succeeded' AND model = @model AND duration = @duration AND completed_at > accepted_at
                ORDER BY completed_at DESC LIMIT @limit
                """,
                row => row.GetInt64(0) / 1000.0,
                ("model", model),
                ("duration", duration),
                ("limit", limit)),
            cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public IRateGate OpenCreateGate(string account)
        => new LedgerRateGate(this, $"create {account}", limit: 20, TimeSpan.FromSeconds(10), _time);

    /// <inheritdoc/>
    public IRateGate OpenQueryGate(string account)
        => new LedgerRateGate(this, $"query {account}", limit: 10, TimeSpan.FromSeconds(1), _time);

    /// <summary>Commits what has been asked for and closes the file.</summary>
    public async ValueTask DisposeAsync()
    {
        _isClosed = true;
        await _opening.WaitAsync().ConfigureAwait(false);
        try
        {
            if (_writer is not null)
            {
                await _writer.DisposeAsync().ConfigureAwait(false);
            }
        }
        finally
        {
            _opening.Release();
        }

        await _reading.WaitAsync().ConfigureAwait(false);
        try
        {
            if (_reader is not null)
            {
                await _reader.DisposeAsync().ConfigureAwait(false);
            }
        }
        finally
        {
            _reading.Release();
        }
    }

    /// <summary>Whether the owner of a request no longer waits for its answer.</summary>
    /// <param name="owner">The owner.</param>
    /// <param name="since">When the request was begun.</param>
    internal bool IsGone(ProcessIdentity owner, DateTimeOffset since)
        => owner != _owner && !(_isAlive(owner) ?? _time.GetUtcNow() - since < s_longestAttempt);

    /// <summary>Writes what may be lost with the power: it survives the death of the process, and costs no flush of the disk.</summary>
    internal async Task<T> WriteLightlyAsync<T>(Func<SqlSession, Task<T>> work, CancellationToken cancellationToken)
    {
        LedgerWriter writer = await GetWriterAsync(cancellationToken).ConfigureAwait(false);
        return await writer.RunAsync(work, durable: false, cancellationToken).ConfigureAwait(false);
    }

    private async Task<T> WriteAsync<T>(Func<SqlSession, Task<T>> work, CancellationToken cancellationToken = default)
    {
        LedgerWriter writer = await GetWriterAsync(cancellationToken).ConfigureAwait(false);
        return await writer.RunAsync(work, durable: true, cancellationToken).ConfigureAwait(false);
    }

    private async Task<T> ReadAsync<T>(Func<SqlSession, Task<T>> work, CancellationToken cancellationToken)
    {
        await GetWriterAsync(cancellationToken).ConfigureAwait(false);
        await _reading.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            ObjectDisposedException.ThrowIf(_isClosed, this);

            // SQLite has no asynchronous calls: the caller's thread does the reading, unless it is a shell's own.
            return await (Thread.CurrentThread.IsThreadPoolThread ? DoAsync() : Task.Run(DoAsync, cancellationToken)).ConfigureAwait(false);
        }
        catch (DbException e)
        {
            throw _database.Translate(e);
        }
        finally
        {
            _reading.Release();
        }

        async Task<T> DoAsync()
        {
            _reader ??= await _database.ConnectAsync().ConfigureAwait(false);
            return await work(new SqlSession(_reader, null)).ConfigureAwait(false);
        }
    }

    /// <summary>The writer of the open file.</summary>
    private async ValueTask<LedgerWriter> GetWriterAsync(CancellationToken cancellationToken)
    {
        if (_writer is { } open)
        {
            return open;
        }

        await _opening.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            ObjectDisposedException.ThrowIf(_isClosed, this);
            if (_writer is null)
            {
                DbConnection connection = await Task.Run(_database.OpenAsync, cancellationToken).ConfigureAwait(false);
                _writer = new LedgerWriter(_database, connection);
                await RecoverAsync(cancellationToken).ConfigureAwait(false);
            }

            return _writer;
        }
        finally
        {
            _opening.Release();
        }
    }

    private Task<KlingVideoTask> ChangeAsync(long id, Func<KlingVideoTask, KlingVideoTask> change) => WriteAsync(async session =>
    {
        KlingVideoTask task = await TaskTable.GetAsync(session, id).ConfigureAwait(false);
        return await ChangeAsync(session, task, change(task)).ConfigureAwait(false);
    });

    /// <summary>Most looks at a task bring nothing new, and then nothing is written.</summary>
    private static async Task<KlingVideoTask> ChangeAsync(SqlSession session, KlingVideoTask task, KlingVideoTask changed)
        => changed == task ? task : await TaskTable.UpdateAsync(session, changed).ConfigureAwait(false);

    private async Task<KlingVideoTask> BeginAsync(SqlSession session, TaskIntent intent)
    {
        if (intent.Replaces is long replaced)
        {
            // Before the budget is looked at: the new attempt takes over what the old one had set aside.
            await AbandonAsync(session, replaced).ConfigureAwait(false);
        }

        if (intent.Budget is not null)
        {
            await RequireBudgetAsync(session, intent, intent.Budget).ConfigureAwait(false);
        }

        return await TaskTable.InsertAsync(session, TaskTransitions.Begun(intent, _time.GetUtcNow()), _owner, intent.Budget?.RunId).ConfigureAwait(false);
    }

    private async Task RequireBudgetAsync(SqlSession session, TaskIntent intent, BudgetLimit budget)
    {
        const string Spent = "SELECT COALESCE(SUM(reserved + COALESCE(consumed, 0)), 0) FROM tasks WHERE account = @account AND ";
        if (budget.MaxCredits is decimal credits)
        {
            long? spent = await session.NumberAsync(Spent + "run_id = @run", ("account", intent.Account), ("run", budget.RunId)).ConfigureAwait(false);
            RequireCredits(spent, credits, "of this run's limit of");
        }

        if (budget.MaxTasks is int tasks)
        {
            long? bought = await session.NumberAsync(
                $"SELECT COUNT(*) FROM tasks WHERE account = @account AND run_id = @run AND (state = 'Succeeded' OR state IN {OpenStates})",
                ("account", intent.Account),
                ("run", budget.RunId)).ConfigureAwait(false);
            if (bought >= tasks)
            {
                throw new KlingException(
                    ErrorKind.BudgetExceeded,
                    string.Create(CultureInfo.InvariantCulture, $"This run may buy {tasks} videos and has bought {bought}."));
            }
        }

        if (budget.DailyCredits is decimal daily)
        {
            long? spent = await session.NumberAsync(
                Spent + "created_at >= @midnight",
                ("account", intent.Account),
                ("midnight", TaskTable.ToMilliseconds(Midnight()))).ConfigureAwait(false);
            RequireCredits(spent, daily, "of the day's limit of");
        }

        void RequireCredits(long? spent, decimal limit, string whose)
        {
            decimal committed = TaskTable.FromThousandths(spent ?? 0);
            if (committed + intent.Credits > limit)
            {
                throw new KlingException(
                    ErrorKind.BudgetExceeded,
                    string.Create(CultureInfo.InvariantCulture, $"A video for {intent.Credits:0.###} credits would go over the budget: {committed:0.###} {whose} {limit:0.###} credits are spent or set aside."));
            }
        }
    }

    /// <summary>When the local day began.</summary>
    private DateTimeOffset Midnight()
    {
        DateTime day = _time.GetLocalNow().Date;
        return new DateTimeOffset(day, _time.LocalTimeZone.GetUtcOffset(day));
    }

    /// <summary>Gives an attempt the task that it has bought.</summary>
    private async Task<KlingVideoTask> AttachAsync(SqlSession session, KlingVideoTask task, string taskId)
    {
        if (task.TaskId is not null)
        {
            throw Misplaced(task, $"be the task {taskId} of the service");
        }

        // Somebody may have looked the task up by its id before it was known whose it is. Its record goes into this one.
        KlingVideoTask? twin = await FindByTaskIdAsync(session, task.Account, taskId).ConfigureAwait(false);
        if (twin?.Nonce is not null)
        {
            throw new KlingException(ErrorKind.RequestInvalid, $"The task {taskId} of the service is the video of task {Name(twin)} already.");
        }

        if (twin is not null)
        {
            await TaskTable.DeleteAsync(session, twin).ConfigureAwait(false);
            return await TaskTable.UpdateAsync(session, task.Joined(twin)).ConfigureAwait(false);
        }

        return await TaskTable.UpdateAsync(session, task.Accepted(taskId, _time.GetUtcNow())).ConfigureAwait(false);
    }

    private async Task<KlingVideoTask> AbandonAsync(SqlSession session, long id)
    {
        KlingVideoTask task = await GetUnknownAsync(session, id).ConfigureAwait(false);
        return await TaskTable.UpdateAsync(session, task.Abandoned(_time.GetUtcNow())).ConfigureAwait(false);
    }

    /// <summary>An attempt that is to be settled by hand.</summary>
    private static async Task<KlingVideoTask> GetUnknownAsync(SqlSession session, long id)
    {
        KlingVideoTask task = await TaskTable.GetAsync(session, id).ConfigureAwait(false);
        return task.State == KlingTaskState.Unknown
            ? task
            : throw new KlingException(ErrorKind.RequestInvalid, task.State == KlingTaskState.Submitting
                ? $"Task {Name(task)} is being submitted at this moment, by a process that still runs. Wait for its answer."
                : $"Task {Name(task)} is {task.State}: there is nothing to resolve. Only attempts in state Unknown can be.");
    }

    private static Task<KlingVideoTask?> FindByTaskIdAsync(SqlSession session, string account, string taskId)
        => TaskTable.FindAsync(session, "WHERE t.task_id = @taskId AND t.account = @account", ("taskId", taskId), ("account", account));

    private static Task<KlingVideoTask?> FindPurchaseAsync(SqlSession session, string account, string identity)
        => TaskTable.FindAsync(
            session,
            $"""
            WHERE t.account = @account AND t.identity = @identity AND (t.state = 'Succeeded' OR t.state IN {OpenStates})
            ORDER BY {EarlierOrder}
            """,
            ("account", account),
            ("identity", identity));

    private static void RequireComplete(TaskIntent intent)
    {
        ArgumentNullException.ThrowIfNull(intent);
        if (intent.Budget is { RunId: null } budget && (budget.MaxCredits ?? budget.MaxTasks) is not null)
        {
            throw new ArgumentException("The limits of a run need the id of the run.", nameof(intent));
        }
    }

    private static void RequireOfService(TaskSnapshot snapshot)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        if (!snapshot.State.IsPending() && snapshot.State is not (KlingTaskState.Succeeded or KlingTaskState.Failed))
        {
            throw new ArgumentException($"The service knows no state {snapshot.State}.", nameof(snapshot));
        }
    }

    /// <summary>Whether the answer to the attempt has not been recorded.</summary>
    private static bool IsOpenAttempt(KlingVideoTask task) => task.State is KlingTaskState.Submitting or KlingTaskState.Unknown;

    private static InvalidOperationException Misplaced(KlingVideoTask task, string what)
        => new($"Task {Name(task)} is {task.State} and cannot {what}.");

    private static string Name(KlingVideoTask task)
        => string.Create(CultureInfo.InvariantCulture, $"{task.Id} ({task.Subject})");

    private long Now() => TaskTable.ToMilliseconds(_time.GetUtcNow());
}
