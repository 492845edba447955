namespace KlingPS.Core.Ledger;

/// <summary>What is remembered between commands and shared by the processes of a user: purchases first of all.</summary>
/// <remarks>Safe for concurrent use. It opens itself with the first call of any member.</remarks>
internal interface ITaskLedger
{
    /// <summary>Where it is, for the user to read: the path of a file, or the address of a database without its password.</summary>
    string Location { get; }

    /// <summary>What distinguishes it from other ledgers, wherever it is; <see langword="null"/> until it has been opened.</summary>
    string? Id { get; }

    /// <summary>Whether there is one. It is created when something is first recorded; until then nothing is found in it.</summary>
    /// <param name="cancellationToken">Cancels the look.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>: there is none, and none may be created; or it cannot be found out.</exception>
    ValueTask<bool> ExistsAsync(CancellationToken cancellationToken);

    /// <summary>Whether what has happened and cannot be recorded is kept on this machine; see <see cref="ITaskJournal.KeepAsync"/>.</summary>
    bool KeepsAnswers => false;

    /// <summary>Every attempt to buy a video.</summary>
    ITaskJournal Tasks { get; }

    /// <summary>Which keys belong to which account.</summary>
    IAccountRegister Accounts { get; }

    /// <summary>Images that the service still has.</summary>
    IUploadCache Uploads { get; }

    /// <summary>Hashes of local files.</summary>
    IFileHashCache FileHashes { get; }

    /// <summary>How long videos took.</summary>
    IGenerationHistory GenerationTimes { get; }

    /// <summary>What videos cost.</summary>
    IPriceHistory Prices { get; }

    /// <summary>What was spent.</summary>
    ISpendHistory Spending { get; }

    /// <summary>Which runs of commands there were.</summary>
    IRunJournal Runs { get; }

    /// <summary>The plans that were made, and what became of them.</summary>
    IPlanJournal Plans { get; }

    /// <summary>The service's rate limits.</summary>
    IRateGates RateGates { get; }

    /// <summary>What users should know of the ledger since they were last told, as a sentence; <see langword="null"/> if there is nothing.</summary>
    string? TakeNotice() => null;

    /// <summary>Whether it is a copy of another ledger that nothing was bought with yet.</summary>
    /// <param name="cancellationToken">Cancels the look.</param>
    Task<bool> IsUnusedCopyAsync(CancellationToken cancellationToken);

    /// <summary>Makes sure that the ledger can be used, before anything is uploaded or bought.</summary>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>: it cannot.</exception>
    Task OpenAsync(CancellationToken cancellationToken);
}
