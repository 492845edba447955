namespace KlingPS.Core.Ledger;

/// <summary>Which keys belong to which account. What is bought with one key of an account is bought for all of them.</summary>
/// <remarks>Safe for concurrent use.</remarks>
internal interface IAccountRegister
{
    /// <summary>All keys that the ledger knows, those recorded first coming first.</summary>
    /// <param name="cancellationToken">Cancels the search.</param>
    Task<IReadOnlyList<AccountKey>> ListAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Records what is known about a key. When the key is found to belong to another account than before, so do all keys that had the same
    /// account as it; their tasks, uploads and limits are shared from then on.
    /// </summary>
    /// <param name="key">The key. Its account is itself, or that of a key that is recorded.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    Task RecordAsync(AccountKey key, CancellationToken cancellationToken);

    /// <summary>The address of the latest upload that the account's tasks were made from; <see langword="null"/> if they were made from none.</summary>
    /// <param name="account">The account.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    Task<string?> FindUploadAsync(string account, CancellationToken cancellationToken);

    /// <summary>The latest tasks of an account that the service has given an id, latest first.</summary>
    /// <param name="account">The account.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    Task<IReadOnlyList<KnownTask>> ListTasksAsync(string account, int limit, CancellationToken cancellationToken);
}

/// <summary>A key, and the account that it belongs to. The key itself is not recorded.</summary>
/// <param name="Fingerprint">The fingerprint of the key and the service's address.</param>
/// <param name="Account">The account: the fingerprint of the key that it was first known by.</param>
internal sealed record AccountKey(string Fingerprint, string Account)
{
    /// <summary>Where the service is, see <see cref="Api.ServiceAddress"/>; <see langword="null"/> for a key that was recorded before addresses were.</summary>
    public string? Service { get; init; }

    /// <summary>What the service calls the account; <see langword="null"/> until an upload has told it.</summary>
    public string? Number { get; init; }

    /// <summary>The address of a video or an image of the account, for a key that was recorded before <see cref="Service"/> was.</summary>
    public string? Sample { get; init; }

    /// <summary>Whether it is known which of the other keys at the same service belong to the same account, and which do not.</summary>
    public bool IsSettled { get; init; }

    /// <summary>
    /// Whether the same is known of the keys at other addresses, which may lead to the same service; <see langword="null"/> for a key that
    /// was recorded by a version that did not ask.
    /// </summary>
    public bool? IsSettledElsewhere { get; init; }
}

/// <summary>A task that the service has accepted.</summary>
/// <param name="TaskId">The service's id.</param>
/// <param name="CreatedAt">When it was submitted.</param>
/// <param name="WasSeen">Whether the service has told of it since it was accepted.</param>
/// <param name="Prompt">What was asked for, if that is known.</param>
internal sealed record KnownTask(string TaskId, DateTimeOffset CreatedAt, bool WasSeen, string? Prompt);
