using KlingPS.Core.Ledger.Spool;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>The ledger in a database.</summary>
/// <remarks>
/// Safe for concurrent use. Every method throws a <see cref="KlingException"/> of kind <see cref="ErrorKind.LedgerUnusable"/> when the
/// database fails, and <see cref="ObjectDisposedException"/> once the ledger is closed.
/// </remarks>
internal sealed class SqlLedger : ITaskLedger, IAsyncDisposable
{
    private readonly SqlStore _store;
    private readonly SqlTaskJournal _tasks;
    private readonly SpoolReplay? _replay;

    /// <summary>Creates the ledger. The database is opened when it is first needed.</summary>
    /// <param name="engine">The database.</param>
    /// <param name="owners">Who makes attempts.</param>
    /// <param name="time">The clock of this process, to wait by, and its time zone.</param>
    /// <param name="spool">Keeps what has happened but cannot be recorded; <see langword="null"/> if nothing is kept.</param>
    internal SqlLedger(IDatabaseEngine engine, IAttemptOwners owners, TimeProvider time, AnswerSpool? spool = null)
    {
        _store = new SqlStore(engine);
        _replay = spool is null ? null : new SpoolReplay(_store, spool);
        _tasks = new SqlTaskJournal(_store, owners, time, _replay);
        Accounts = new SqlAccountRegister(_store);
        Uploads = new SqlUploadCache(_store);
        FileHashes = new SqlFileHashCache(_store);
        GenerationTimes = new SqlGenerationHistory(_store);
        Prices = new SqlPriceHistory(_store);
        Spending = new SqlSpendHistory(_store, _tasks, time);
        Runs = new SqlRunJournal(_store);
        Plans = new SqlPlanJournal(_store);
        RateGates = new SqlRateGates(_store, _tasks, owners, time);
        _store.Opened = _tasks.TryRecoverAsync;
    }

    /// <inheritdoc/>
    public string Location => _store.Location;

    /// <inheritdoc/>
    public string? Id => _store.Id;

    /// <inheritdoc/>
    public ValueTask<bool> ExistsAsync(CancellationToken cancellationToken) => _store.ExistsAsync(cancellationToken);

    /// <inheritdoc/>
    public bool KeepsAnswers => _replay is not null;

    /// <inheritdoc/>
    public ITaskJournal Tasks => _tasks;

    /// <inheritdoc/>
    public IAccountRegister Accounts { get; }

    /// <inheritdoc/>
    public IUploadCache Uploads { get; }

    /// <inheritdoc/>
    public IFileHashCache FileHashes { get; }

    /// <inheritdoc/>
    public IGenerationHistory GenerationTimes { get; }

    /// <inheritdoc/>
    public IPriceHistory Prices { get; }

    /// <inheritdoc/>
    public ISpendHistory Spending { get; }

    /// <inheritdoc/>
    public IRunJournal Runs { get; }

    /// <inheritdoc/>
    public IPlanJournal Plans { get; }

    /// <inheritdoc/>
    public IRateGates RateGates { get; }

    /// <summary>
    /// Opens or creates the database, brings it to this version and, if it can be written, marks the attempts of dead processes as unknown.
    /// Every other method does the same if it is called first; after a failure to open it, the next one tries again. Whatever decides on a
    /// purchase marks them once more, and fails if they cannot be marked.
    /// </summary>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.LedgerUnusable"/>: the path is a folder or cannot be written, the disk is full, the file is damaged (it is
    /// then set aside), or belongs to another program or a newer version.
    /// </exception>
    public Task OpenAsync(CancellationToken cancellationToken) => _store.OpenAsync(cancellationToken);

    /// <inheritdoc/>
    public string? TakeNotice() => _replay?.TakeNotice();

    /// <inheritdoc/>
    public Task<bool> IsUnusedCopyAsync(CancellationToken cancellationToken) => _store.ReadAsync(LedgerCopy.IsUnusedCopyAsync, cancellationToken);

    /// <summary>Copies everything in it to an unused ledger; see <see cref="LedgerCopy"/>.</summary>
    /// <param name="destination">The other ledger.</param>
    /// <param name="progress">Called with how many records have been copied and compared, and how many there will be, on any thread.</param>
    /// <param name="cancellationToken">Stops before the end; nothing is copied then.</param>
    /// <exception cref="KlingException">As <see cref="LedgerCopy.RunAsync"/>.</exception>
    public async Task<IReadOnlyDictionary<string, long>> CopyToAsync(SqlLedger destination, Action<long, long>? progress, CancellationToken cancellationToken)
    {
        // First, lost attempts and what was kept on this machine become part of what is copied.
        await OpenAsync(cancellationToken).ConfigureAwait(false);
        await Tasks.RecoverAsync(cancellationToken).ConfigureAwait(false);
        return await new LedgerCopy(_store, destination._store, progress).RunAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Leaves the database as complete as it can be while it stays open: if it is a file, everything recorded is in the file itself.</summary>
    public Task SettleAsync() => _store.SettleAsync();

    /// <summary>Commits what is pending and closes the database.</summary>
    public async ValueTask DisposeAsync()
    {
        await _tasks.DisposeAsync().ConfigureAwait(false);
        await _store.DisposeAsync().ConfigureAwait(false);
    }
}
