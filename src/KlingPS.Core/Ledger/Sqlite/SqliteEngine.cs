using System.Data.Common;
using KlingPS.Core.Ledger.Sql;

namespace KlingPS.Core.Ledger.Sqlite;

/// <summary>The ledger's database in a SQLite file that any number of processes of one machine share.</summary>
/// <param name="path">The full path of the file.</param>
/// <param name="factory">Returns the SQLite provider.</param>
/// <param name="time">The machine's clocks.</param>
/// <param name="boot">Names the run of the machine that its counter belongs to; empty where the system does not name it.</param>
internal sealed class SqliteEngine(string path, Func<DbProviderFactory> factory, TimeProvider time, string boot) : IDatabaseEngine
{
    private const int Busy = 5;
    private const int Locked = 6;
    private const int ReadOnly = 8;
    private const int Corrupt = 11;
    private const int Full = 13;
    private const int CannotOpen = 14;
    private const int NotADatabase = 26;

    /// <summary>How long a statement waits for another process's transaction, in seconds; those take milliseconds.</summary>
    private const int LockTimeout = 60;

    private readonly LedgerFile _file = new(path, time);

    /// <summary>Whether commits reach the disk. They need not where a loss of power does not matter, as in tests.</summary>
    public bool IsFlushed { get; init; } = true;

    /// <inheritdoc/>
    public string Location => path;

    /// <inheritdoc/>
    public async Task<DatabaseConnection> OpenAsync(Func<SqlSession, Task<string?>> prepare)
    {
        _file.Create();
        SqliteConnection? connection = null;
        try
        {
            connection = await OpenConnectionAsync().ConfigureAwait(false);
            await connection.InTransactionAsync(
                durable: true,
                async session =>
                {
                    await RefuseForeignAsync(session).ConfigureAwait(false);
                    return await prepare(session).ConfigureAwait(false) is string reason ? throw _file.CreateUnusableException(reason) : true;
                }).ConfigureAwait(false);
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
                // Before anything is done with a ledger that turns out to be damaged, it is set aside.
                throw CodeOf(error) is Corrupt or NotADatabase && _file.SetAside(error) is { } damaged ? damaged : Translate(error);
            }

            throw;
        }
    }

    /// <inheritdoc/>
    public async Task<DatabaseConnection> ConnectAsync() => await OpenConnectionAsync().ConfigureAwait(false);

    /// <inheritdoc/>
    public Task<DatabaseConnection> ConnectReadOnlyAsync() => ConnectAsync(
        settings =>
        {
            settings["Mode"] = "ReadOnly";
            settings["Default Timeout"] = 1;
        });

    /// <inheritdoc/>
    public bool IsConflict(DbException exception)
    {
        // A transaction holds the right to write from its first statement on, so it never runs beside another one.
        return false;
    }

    /// <inheritdoc/>
    public KlingException Translate(DbException exception) => _file.CreateUnusableException(
        CodeOf(exception) switch
        {
            Busy or Locked => $"another process has kept it locked for {LockTimeout} seconds. Close the shell that is stuck, then run the command again",
            ReadOnly => "it cannot be written: the file or the disk is read-only. Make it writable, or choose another path",
            Full => "the disk is full. Free some space, then run the command again",
            CannotOpen => "it cannot be opened: its folder or the file itself cannot be read and written by this user. Change that, or choose another path",
            Corrupt or NotADatabase => $"the file is damaged ({exception.Message}). Close all shells that use it and restore a backup; or move it away and check https://kie.ai/logs for what has been bought before you continue without it",
            _ => $"the database reports: {exception.Message}",
        },
        exception);

    private async Task<SqliteConnection> OpenConnectionAsync()
    {
        SqliteConnection connection = (SqliteConnection)await ConnectAsync(settings => settings["Default Timeout"] = LockTimeout).ConfigureAwait(false);
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

    private async Task<DatabaseConnection> ConnectAsync(Action<DbConnectionStringBuilder> configure)
    {
        DbProviderFactory provider = factory();
        DbConnectionStringBuilder settings = provider.CreateConnectionStringBuilder()!;
        settings["Data Source"] = path;
        settings["Pooling"] = false;
        configure(settings);
        DbConnection connection = provider.CreateConnection()!;
        try
        {
            connection.ConnectionString = settings.ConnectionString;
            await connection.OpenAsync().ConfigureAwait(false);
            return new SqliteConnection(connection, time, boot, IsFlushed);
        }
        catch
        {
            await connection.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Refuses to put tables into another program's database.</summary>
    private async Task RefuseForeignAsync(SqlSession session)
    {
        const string Sql = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND NOT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'schema_version')";
        if (await session.NumberAsync(Sql).ConfigureAwait(false) > 0)
        {
            throw _file.CreateUnusableException("it is the database of another program. Give the path of another file");
        }
    }

    /// <summary>The code is a property of the provider's own exception, which cannot be named here; its upper bits are details.</summary>
    private static int CodeOf(DbException exception)
        => exception.GetType().GetProperty("SqliteErrorCode")?.GetValue(exception) is int code ? code & 0xFF : 0;
}
