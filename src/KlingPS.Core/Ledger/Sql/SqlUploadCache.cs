namespace KlingPS.Core.Ledger.Sql;

/// <inheritdoc cref="IUploadCache"/>
internal sealed class SqlUploadCache(SqlStore store) : IUploadCache
{
    /// <summary>How long after its end the content of an upload is remembered: whoever gives its address again means the same video, even if it cannot be fetched any more.</summary>
    private static readonly TimeSpan s_remembered = TimeSpan.FromDays(366);

    /// <inheritdoc/>
    public Task<UploadRecord?> FindAsync(string account, string hash, CancellationToken cancellationToken)
        => store.ReadAsync(
            async session => (await session.QueryAsync(
                $"SELECT uri, uploaded_at, expires_at FROM uploads WHERE hash = @hash AND expires_at > @now AND {AccountTable.IsOwn("account")} ORDER BY expires_at DESC",
                row => new UploadRecord(account, hash, row.Text("uri"), row.Moment("uploaded_at"), row.Moment("expires_at")),
                ("account", account),
                ("hash", hash),
                ("now", Stored.FromMoment(await session.GetNowAsync().ConfigureAwait(false)))).ConfigureAwait(false)).FirstOrDefault(),
            cancellationToken);

    /// <inheritdoc/>
    public async Task<string?> FindContentAsync(string account, string uri, CancellationToken cancellationToken)
    {
        // By the hash, for which there is an index. An upload is forgotten in the end, but purchases made with it are not.
        return UploadRecord.FindHash(uri) is not string hash ? null : await store.ReadAsync(
            async session => (await session.QueryAsync(
                $"""
                SELECT u.hash AS hash FROM uploads u WHERE u.hash = @hash AND u.uri = @uri AND {AccountTable.IsOwn("u.account")}
                UNION SELECT t.source_hash AS hash FROM tasks t WHERE t.source_hash = @hash AND t.image_uri = @uri AND {AccountTable.IsOwn("t.account")}
                """,
                row => row.Text("hash"),
                ("account", account),
                ("hash", hash),
                ("uri", uri)).ConfigureAwait(false)).FirstOrDefault(),
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public Task RecordAsync(UploadRecord upload, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(upload);
        return store.WriteLightlyAsync(
            async session =>
            {
                await session.ExecuteAsync(
                    "DELETE FROM uploads WHERE expires_at <= @limit",
                    ("limit", Stored.FromMoment(await session.GetNowAsync().ConfigureAwait(false) - s_remembered))).ConfigureAwait(false);
                return await session.ExecuteAsync(
                    """
                    INSERT INTO uploads (account, hash, uri, uploaded_at, expires_at) VALUES (@account, @hash, @uri, @uploaded, @expires)
                    ON CONFLICT (account, hash) DO UPDATE SET uri = excluded.uri, uploaded_at = excluded.uploaded_at, expires_at = excluded.expires_at
                    """,
                    ("account", upload.Account),
                    ("hash", upload.Hash),
                    ("uri", upload.Uri),
                    ("uploaded", Stored.FromMoment(upload.UploadedAt)),
                    ("expires", Stored.FromMoment(upload.ExpiresAt))).ConfigureAwait(false);
            },
            WriteScope.Account(upload.Account),
            cancellationToken);
    }
}
