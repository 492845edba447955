using System.Data;
using System.Data.Common;
using KlingPS.Core.Ledger.Sql;

namespace KlingPS.Core.Ledger.Sqlite;

/// <summary>A connection to a SQLite file. Its clocks are those of the machine, which all processes that share the file run on.</summary>
internal sealed class SqliteConnection(DbConnection connection, TimeProvider time, string boot, bool isFlushed) : DatabaseConnection(connection)
{
    private bool _isDurable = true;

    /// <inheritdoc/>
    public override ValueTask<LedgerTime> ReadTimeAsync(SqlSession session)
        => ValueTask.FromResult(new LedgerTime(time.GetUtcNow(), time.GetElapsedTime(0).Ticks, boot));

    /// <summary>Makes the connection write as durably as it can.</summary>
    public Task ConfigureAsync()
    {
        // The first makes waiting writers check often; without it the provider checks every 150 ms. The last two are for macOS,
        // where a flush would otherwise end in the cache of the disk.
        return ExecuteAsync("PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA fullfsync = 1; PRAGMA checkpoint_fullfsync = 1; " + Synchronous(_isDurable));
    }

    /// <inheritdoc/>
    protected override async Task<DbTransaction> BeginWriteAsync(bool durable)
    {
        if (durable != _isDurable)
        {
            await ExecuteAsync(Synchronous(durable)).ConfigureAwait(false);
            _isDurable = durable;
        }

        // Holds the right to write at once: a transaction that asks for it later can fail.
        return await Inner.BeginTransactionAsync(IsolationLevel.Serializable).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override async Task EndAsync(DbTransaction transaction)
    {
        try
        {
            await transaction.DisposeAsync().ConfigureAwait(false);
        }
        catch (DbException)
        {
            // When the disk is full, SQLite itself rolls the transaction back. The provider does not notice, and the connection
            // could not be used any more; so it is given something to roll back.
            await new SqlSession(this, transaction).ExecuteAsync("BEGIN").ConfigureAwait(false);
            await transaction.DisposeAsync().ConfigureAwait(false);
        }
    }

    private string Synchronous(bool durable) => "PRAGMA synchronous = " + (!isFlushed ? "OFF" : durable ? "FULL" : "NORMAL");

    private Task<int> ExecuteAsync(string sql) => new SqlSession(this, null).ExecuteAsync(sql);
}
