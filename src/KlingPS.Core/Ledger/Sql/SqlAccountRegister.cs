namespace KlingPS.Core.Ledger.Sql;

/// <inheritdoc cref="IAccountRegister"/>
internal sealed class SqlAccountRegister(SqlStore store) : IAccountRegister
{
    /// <inheritdoc/>
    public async Task<IReadOnlyList<AccountKey>> ListAsync(CancellationToken cancellationToken)
        => await store.ReadAsync(AccountTable.ListAsync, cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public Task RecordAsync(AccountKey key, CancellationToken cancellationToken)
        => store.WriteAsync(session => AccountTable.RecordAsync(session, key), cancellationToken);

    /// <inheritdoc/>
    public Task<string?> FindUploadAsync(string account, CancellationToken cancellationToken)
        => store.ReadAsync(session => AccountTable.FindUploadAsync(session, account), cancellationToken);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<KnownTask>> ListTasksAsync(string account, int limit, CancellationToken cancellationToken)
        => await store.ReadAsync(session => AccountTable.ListTasksAsync(session, account, limit), cancellationToken).ConfigureAwait(false);
}
