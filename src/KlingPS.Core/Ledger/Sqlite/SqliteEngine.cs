using System.Data.Common;
using KlingPS.Core.Ledger.Sql;

namespace KlingPS.Core.Ledger.Sqlite;

/// <summary>The ledger's database in a SQLite file that any number of processes of one machine share.</summary>
/// <param name="path">The full path of the file.</param>
/// <param name="factory">Returns the SQLite provider.</param>
/// <param name="time">The machine's clocks.</param>
/// <param name="boot">Identifies the boot that the machine's counter belongs to; empty if the system does not tell.</param>
internal sealed class SqliteEngine(string path, Func<DbProviderFactory> factory, TimeProvider time, string boot) : IDatabaseEngine
{
    private const int Busy = 5;
    private const int Locked = 6;
    private const int ReadOnly = 8;
    private const int Failing = 10;
    private const int Corrupt = 11;
    private const int Full = 13;
    private const int CannotOpen = 14;
    private const int NotADatabase = 26;

    /// <summary>How long a statement waits for another process's transaction, in seconds; a transaction takes milliseconds.</summary>
    private const int LockTimeout = 60;

    private const string HowToGoOn = "Close all shells that use it and restore a backup; or move it away and check https://kie.ai/logs for what has been bought before you continue without it";

    private readonly LedgerFile _file = new(path, time);
    private HeldFile? _held;
    private string? _kept;

    /// <summary>Whether commits reach the disk. They need not if a power failure does not matter, as in tests.</summary>
    public bool IsFlushed { get; init; } = true;

    /// <summary>See <see cref="DatabaseConnection.Machine"/>. The paths in a file hold for everybody who has it, wherever it is moved.</summary>
    public string Machine { get; init; } = string.Empty;

    /// <inheritdoc/>
    public string Location => path;

    /// <inheritdoc/>
    public string? Id { get; private set; }

    /// <inheritdoc/>
    public int MaxBatch => 64;

    /// <inheritdoc/>
    public Task<bool> ExistsAsync(CancellationToken cancellationToken) => Task.FromResult(_held is not null || _file.Exists());

    /// <inheritdoc/>
    public async Task<DatabaseConnection> OpenAsync(Func<SqlSession, Task<string?>> prepare, bool isToWrite)
    {
        if (!_file.Exists())
        {
            if (!isToWrite)
            {
                throw _file.CreateUnusableException("it is not there any more");
            }

            await _file.CreateAsync(file => FillAsync(file, prepare)).ConfigureAwait(false);
        }

        HeldFile? held = null;
        SqliteConnection? connection = null;
        try
        {
            held = await _file.HoldAsync(FindTablesAsync).ConfigureAwait(false);
            connection = await OpenConnectionAsync(path, held).ConfigureAwait(false);
            await connection.PrepareAsync(async session => await prepare(session).ConfigureAwait(false) is string reason ? throw _file.CreateUnusableException(reason) : true).ConfigureAwait(false);
            Id = await LedgerIdentity.FindAsync(new SqlSession(connection, null)).ConfigureAwait(false);
            held.NoteWal();
            if (held.FindProblem() is string problem)
            {
                throw _file.CreateUnusableException(problem);
            }

            _held = held;
            return connection;
        }
        catch (Exception e)
        {
            if (connection is not null)
            {
                await connection.DisposeAsync().ConfigureAwait(false);
            }

            if (e is DbException error)
            {
                // A ledger that turns out to be damaged is set aside before anything is done with it. Nothing is moved if it is only to be read.
                bool isDamaged = CodeOf(error) is Corrupt or NotADatabase;
                held ??= isDamaged && isToWrite ? new HeldFile(path, _file.Target) : null;
                throw isDamaged && isToWrite && held is not null && _file.SetAside(held, error) is { } damaged ? damaged : Translate(error);
            }

            throw;
        }
        finally
        {
            if (held is not null && held != _held)
            {
                held.Dispose();
            }
        }
    }

    /// <inheritdoc/>
    public async Task<DatabaseConnection> ConnectAsync()
    {
        await RequireInPlaceAsync(null).ConfigureAwait(false);
        return await OpenConnectionAsync(path, _held).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<DatabaseConnection> ConnectEmptyAsync(Func<SqlSession, Task<string?>> prepare)
    {
        SqliteConnection connection = await ConnectAsync(":memory:", held: null, _ => { }).ConfigureAwait(false);
        await connection.PrepareAsync(async session => await prepare(session).ConfigureAwait(false) is null).ConfigureAwait(false);
        return connection;
    }

    /// <inheritdoc/>
    public async Task<DatabaseConnection> ConnectReadOnlyAsync()
    {
        if (!_file.Exists())
        {
            throw _file.CreateUnusableException("it is not there");
        }

        (await _file.HoldAsync(FindTablesAsync).ConfigureAwait(false)).Dispose();
        return await ConnectAsync(
            path,
            held: null,
            settings =>
            {
                settings["Mode"] = "ReadOnly";
                settings["Default Timeout"] = 1;
            }).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void Close()
    {
        _held?.Dispose();
        _held = null;
    }

    /// <summary>
    /// Refuses a ledger whose file is no longer in its place: what is written to it is lost, and another shell would buy everything
    /// again. Its content is saved beside its place.
    /// </summary>
    /// <param name="connection">A connection that has it open; <see langword="null"/> if there is nothing to save.</param>
    /// <param name="isNewer">Whether something was written since it was last saved.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>.</exception>
    public async Task RequireInPlaceAsync(SqliteConnection? connection, bool isNewer = false)
    {
        if (_held?.FindProblem() is not string problem)
        {
            return;
        }

        if (connection is null)
        {
            throw _file.CreateUnusableException(problem);
        }

        (_kept, KlingException error) = await _file.KeepAsync(problem, _kept, isNewer, connection.CopyToAsync).ConfigureAwait(false);
        throw error;
    }

    /// <inheritdoc/>
    public bool IsConflict(DbException exception)
    {
        // A transaction holds the write lock from its first statement on, so it never runs beside another one.
        return false;
    }

    /// <inheritdoc/>
    /// <remarks>There is nothing in between whose answer could be lost.</remarks>
    public Task<bool?> FindOutcomeAsync(CommitLostException lost) => throw new NotSupportedException();

    /// <inheritdoc/>
    public KlingException Translate(DbException exception) => _file.CreateUnusableException(
        exception is UnreadableRecordException
            ? $"a record in it is damaged ({exception.Message.TrimEnd('.')}). {HowToGoOn}"
            : CodeOf(exception) switch
            {
                Busy or Locked => $"another process has kept it locked for {LockTimeout} seconds. Close the shell that is stuck, then run the command again",
                ReadOnly => "it cannot be written: the file or the disk is read-only. Make it writable, or choose another path",
                Full => "the disk is full. Free some space, then run the command again",
                Failing => "the disk that it is on cannot be read or written. Most likely it is full: free some space, then run the command again. Otherwise the disk, or its connection, is failing",
                CannotOpen => "it cannot be opened: its folder or the file itself cannot be read and written by this user. Change that, or choose another path",
                Corrupt or NotADatabase => $"the file is damaged ({exception.Message.TrimEnd('.')}). {HowToGoOn}",
                _ => $"the database reports: {exception.Message.TrimEnd('.')}",
            },
        exception);

    /// <summary>Turns an empty file into a ledger, in one transaction and without a -wal.</summary>
    private async Task FillAsync(string file, Func<SqlSession, Task<string?>> prepare)
    {
        try
        {
            SqliteConnection connection = await ConnectAsync(file, held: null, _ => { }).ConfigureAwait(false);
            await using (connection.ConfigureAwait(false))
            {
                await connection.PrepareAsync(async session => await prepare(session).ConfigureAwait(false) is string reason ? throw _file.CreateUnusableException(reason) : true).ConfigureAwait(false);
            }
        }
        catch (DbException e)
        {
            throw Translate(e);
        }
    }

    private async Task<SqliteConnection> OpenConnectionAsync(string file, HeldFile? held)
    {
        SqliteConnection connection = await ConnectAsync(file, held, settings => settings["Default Timeout"] = LockTimeout).ConfigureAwait(false);
        try
        {
            await connection.ConfigureAsync().ConfigureAwait(false);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async Task<SqliteConnection> ConnectAsync(string file, HeldFile? held, Action<DbConnectionStringBuilder> configure)
    {
        DbProviderFactory provider = factory();
        DbConnectionStringBuilder settings = provider.CreateConnectionStringBuilder()!;
        settings["Data Source"] = file;
        settings["Pooling"] = false;
        configure(settings);
        DbConnection connection = provider.CreateConnection()!;
        try
        {
            connection.ConnectionString = settings.ConnectionString;
            await connection.OpenAsync().ConfigureAwait(false);
            return new SqliteConnection(connection, this, held, time, boot, IsFlushed);
        }
        catch
        {
            await connection.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>The tables of the file. Opened as immutable, it is read as it is: nothing beside it is read, and nothing is locked or written.</summary>
    private async Task<IReadOnlyCollection<string>> FindTablesAsync(bool withWal)
    {
        DatabaseConnection connection = await ConnectAsync(
            withWal ? path : $"file:{Uri.EscapeDataString(path).Replace("%2F", "/", StringComparison.Ordinal)}?immutable=1",
            held: null,
            settings => settings["Mode"] = "ReadOnly").ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            return await new SqlSession(connection, null).QueryAsync("SELECT name FROM sqlite_master WHERE type = 'table'", row => row.Text("name")).ConfigureAwait(false);
        }
    }

    /// <summary>The code is a property of the provider's own exception, which cannot be named here; its upper bits are details.</summary>
    private static int CodeOf(DbException exception)
        => exception.GetType().GetProperty("SqliteErrorCode")?.GetValue(exception) is int code ? code & 0xFF : 0;
}
