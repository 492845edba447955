using System.Data;
using System.Data.Common;
using System.Globalization;
using KlingPS.Core.Ledger.Sql;

namespace KlingPS.Core.Ledger.Sqlite;

/// <summary>A connection to a SQLite file. Its clocks are those of the machine that all processes sharing the file run on.</summary>
/// <param name="connection">The provider's connection.</param>
/// <param name="engine">The engine that it belongs to.</param>
/// <param name="held">The file, to check whether it still has its name; <see langword="null"/> if it is only read or filled.</param>
/// <param name="time">The machine's clocks.</param>
/// <param name="boot">Identifies the boot that the machine's counter belongs to.</param>
/// <param name="isFlushed">Whether commits reach the disk.</param>
internal sealed class SqliteConnection(DbConnection connection, SqliteEngine engine, HeldFile? held, TimeProvider time, string boot, bool isFlushed) : DatabaseConnection(connection)
{
    private static readonly string s_identify = string.Create(CultureInfo.InvariantCulture, $"PRAGMA application_id = {LedgerHeader.Application}");

    /// <summary>How often the file is marked if others write to it at the same moment.</summary>
    private const int MaxMarkings = 3;

    private bool _isDurable = true;
    private bool _isMarkable = true;

    /// <inheritdoc/>
    public override string Machine => engine.Machine;

    /// <inheritdoc/>
    public override string? LedgerId => engine.Id;

    /// <inheritdoc/>
    public override ValueTask<LedgerTime> ReadTimeAsync(SqlSession session)
        => ValueTask.FromResult(new LedgerTime(time.GetUtcNow(), time.GetElapsedTime(0).Ticks, boot));

    /// <inheritdoc/>
    public override async Task<bool> HasTableAsync(SqlSession session, string table)
        => await session.NumberAsync("SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = @table", ("table", table)).ConfigureAwait(false) > 0;

    /// <summary>Makes the connection write as durably as it can.</summary>
    public Task ConfigureAsync()
    {
        // The first makes waiting writers check often; without it the provider checks every 150 ms. The last two are for macOS,
        // where a flush would otherwise end in the cache of the disk.
        return ExecuteAsync("PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA fullfsync = 1; PRAGMA checkpoint_fullfsync = 1; " + Synchronous(_isDurable));
    }

    /// <summary>Prepares the tables in a transaction, and marks the file as a ledger.</summary>
    public Task PrepareAsync(Func<SqlSession, Task<bool>> prepare) => InTransactionAsync(
        held is null ? WriteKind.Durable : WriteKind.Hold,
        [WriteScope.All],
        async session =>
        {
            if (await session.NumberAsync("PRAGMA application_id").ConfigureAwait(false) != LedgerHeader.Application)
            {
                await session.ExecuteAsync(s_identify).ConfigureAwait(false);
            }

            if (held is null)
            {
                await WriteMarkAsync(session, LedgerMark.CreateNew()).ConfigureAwait(false);
            }
            else
            {
                await TakeMarkBackAsync(session).ConfigureAwait(false);
            }

            return await prepare(session).ConfigureAwait(false);
        });

    /// <summary>Writes all that this connection sees to an empty file.</summary>
    public Task CopyToAsync(string file) => new SqlSession(this, null).ExecuteAsync("VACUUM INTO @file", ("file", file));

    /// <inheritdoc/>
    public override Task RequireInPlaceAsync() => held is null ? Task.CompletedTask : engine.RequireInPlaceAsync(this);

    /// <inheritdoc/>
    public override async Task FinishAsync()
    {
        if (held?.FindProblem() is null)
        {
            if ((await ReadMarkAsync(new SqlSession(this, null)).ConfigureAwait(false)).IsMoreInWal)
            {
                await ChangeMarkAsync(mark => mark.Completed()).ConfigureAwait(false);
            }

            // What others are still reading stays in the -wal, and the last of them takes care of it.
            await ExecuteAsync("PRAGMA busy_timeout = 1000; PRAGMA wal_checkpoint(TRUNCATE)").ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        // SQLite deletes the -wal by its name when the last connection is closed. By now that may be the name of another ledger's.
        if (held?.FindProblem() is null)
        {
            await base.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    protected override async Task<DbTransaction> BeginWriteAsync(WriteKind kind, IReadOnlyCollection<WriteScope> scopes)
    {
        if (held is not null && kind != WriteKind.Answer)
        {
            await engine.RequireInPlaceAsync(this).ConfigureAwait(false);
        }

        if (kind != WriteKind.Hold && _isMarkable && held is { IsComplete: true })
        {
            await MarkAsync(held).ConfigureAwait(false);
        }

        bool isDurable = kind is WriteKind.Durable or WriteKind.Answer;
        if (isDurable != _isDurable)
        {
            await ExecuteAsync(Synchronous(isDurable)).ConfigureAwait(false);
            _isDurable = isDurable;
        }

        // Takes the write lock at once: a transaction that asks for it later can fail.
        return await Inner.BeginTransactionAsync(IsolationLevel.Serializable).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override async Task CommitAsync(DbTransaction transaction)
    {
        await base.CommitAsync(transaction).ConfigureAwait(false);
        if (held is not null && _isDurable)
        {
            // What was committed to a file that is gone is kept beside its place, and does not count as recorded.
            await engine.RequireInPlaceAsync(this, isNewer: true).ConfigureAwait(false);
        }
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
            // would become unusable; so it is given something to roll back.
            await new SqlSession(this, transaction).ExecuteAsync("BEGIN").ConfigureAwait(false);
            await transaction.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Marks the file itself as having its last records in the -wal, so that a copy without the -wal is not mistaken for the whole, nor the -wal
    /// for that of another file; see <see cref="LedgerMark"/>.
    /// </summary>
    private async Task MarkAsync(HeldFile file)
    {
        bool isHindered = false;
        for (int i = 0; i < MaxMarkings && !isHindered && file.IsComplete; i++)
        {
            await ChangeMarkAsync(mark => mark.IsMoreInWal ? mark : mark.Next()).ConfigureAwait(false);
            isHindered = await new SqlSession(this, null).NumberAsync("PRAGMA wal_checkpoint(FULL)").ConfigureAwait(false) == 1;
            await ChangeMarkAsync(mark => mark.Completed()).ConfigureAwait(false);
        }

        // If somebody keeps reading for long, the mark does not get into the file. The records matter more.
        _isMarkable = !file.IsComplete;
    }

    private async Task ChangeMarkAsync(Func<LedgerMark, LedgerMark> change)
    {
        DbTransaction transaction = await Inner.BeginTransactionAsync(IsolationLevel.Serializable).ConfigureAwait(false);
        await using (transaction.ConfigureAwait(false))
        {
            var session = new SqlSession(this, transaction);
            LedgerMark mark = await ReadMarkAsync(session).ConfigureAwait(false);
            if (change(mark) is LedgerMark changed && changed != mark)
            {
                await WriteMarkAsync(session, changed).ConfigureAwait(false);
                await transaction.CommitAsync().ConfigureAwait(false);
            }
        }
    }

    /// <summary>Clears the mark of a process that was killed before it could do so itself: otherwise the mark would get into the file with the last records.</summary>
    private static async Task TakeMarkBackAsync(SqlSession session)
    {
        if (await ReadMarkAsync(session).ConfigureAwait(false) is { IsMoreInWal: true } mark)
        {
            await WriteMarkAsync(session, mark.Completed()).ConfigureAwait(false);
        }
    }

    private static async Task<LedgerMark> ReadMarkAsync(SqlSession session)
        => new((uint)(await session.NumberAsync("PRAGMA user_version").ConfigureAwait(false) ?? 0));

    private static Task<int> WriteMarkAsync(SqlSession session, LedgerMark mark)
        => session.ExecuteAsync(string.Create(CultureInfo.InvariantCulture, $"PRAGMA user_version = {mark.Value}"));

    private string Synchronous(bool durable) => "PRAGMA synchronous = " + (!isFlushed ? "OFF" : durable ? "FULL" : "NORMAL");

    private Task<int> ExecuteAsync(string sql) => new SqlSession(this, null).ExecuteAsync(sql);
}
