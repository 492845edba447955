namespace KlingPS.Core.Ledger.Sql;

/// <inheritdoc cref="IFileHashCache"/>
internal sealed class SqlFileHashCache(SqlStore store) : IFileHashCache
{
    private static readonly TimeSpan s_lifetime = TimeSpan.FromDays(90);

    /// <inheritdoc/>
    public Task<string?> FindAsync(string path, FileStamp stamp, CancellationToken cancellationToken)
        => store.ReadAsync(
            session => session.TextAsync(
                "SELECT hash FROM machine_hashes WHERE machine = @machine AND path = @path AND length = @length AND modified_at = @modified AND stamp = @stamp",
                ("machine", session.Machine),
                ("path", path),
                ("length", stamp.Length),
                ("modified", stamp.ModifiedAt.UtcTicks),
                ("stamp", stamp.Mark)),
            cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<RecordedHash>> ListAsync(CancellationToken cancellationToken)
        => store.ReadAsync<IReadOnlyList<RecordedHash>>(
            async session => await session.QueryAsync(
                "SELECT path, length, modified_at, hash FROM machine_hashes WHERE machine = @machine",
                row => new RecordedHash(row.Text("path"), row.Number("length"), new DateTimeOffset(row.Number("modified_at"), TimeSpan.Zero), row.Text("hash")),
                ("machine", session.Machine)).ConfigureAwait(false),
            cancellationToken);

    /// <inheritdoc/>
    public async Task RecordAsync(string path, FileStamp stamp, string hash, CancellationToken cancellationToken)
    {
        // No ledger is created just for hashes, which can be computed again.
        if (!await store.ExistsAsync(cancellationToken).ConfigureAwait(false))
        {
            return;
        }

        await store.WriteLightlyAsync(
            async session =>
            {
                DateTimeOffset now = await session.GetNowAsync().ConfigureAwait(false);
                await session.ExecuteAsync("DELETE FROM machine_hashes WHERE recorded_at < @old", ("old", Stored.FromMoment(now - s_lifetime))).ConfigureAwait(false);
                return await session.ExecuteAsync(
                    """
                    INSERT INTO machine_hashes (machine, path, length, modified_at, stamp, hash, recorded_at)
                        VALUES (@machine, @path, @length, @modified, @stamp, @hash, @now)
                    ON CONFLICT (machine, path) DO UPDATE SET
                        length = excluded.length, modified_at = excluded.modified_at, stamp = excluded.stamp, hash = excluded.hash, recorded_at = excluded.recorded_at
                    """,
                    ("machine", session.Machine),
                    ("path", path),
                    ("length", stamp.Length),
                    ("modified", stamp.ModifiedAt.UtcTicks),
                    ("stamp", stamp.Mark),
                    ("hash", hash),
                    ("now", Stored.FromMoment(now))).ConfigureAwait(false);
            },
            WriteScope.Cache,
            cancellationToken).ConfigureAwait(false);
    }
}
