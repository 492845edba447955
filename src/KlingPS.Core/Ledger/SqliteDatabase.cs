using System.Data;
using System.Data.Common;
using System.Globalization;

namespace KlingPS.Core.Ledger;

/// <summary>All that is peculiar to SQLite: the file, the settings of a connection, the codes of errors.</summary>
/// <remarks>
/// A damaged file is kept aside under another name, and as long as that lies beside the ledger's path with no ledger there, no new
/// one is begun: an empty ledger would buy everything a second time, and an unattended run would not even notice.
/// </remarks>
internal sealed class SqliteDatabase
{
    private const string AsideMark = ".corrupt-";

    private const int Busy = 5;
    private const int Locked = 6;
    private const int ReadOnly = 8;
    private const int Corrupt = 11;
    private const int Full = 13;
    private const int CannotOpen = 14;
    private const int NotADatabase = 26;

    /// <summary>How long a statement waits for another process's transaction, in seconds; those take milliseconds.</summary>
    private const int Patience = 60;

    private readonly Func<DbProviderFactory> _factory;
    private readonly TimeProvider _time;

    /// <param name="path">The full path of the file.</param>
    /// <param name="factory">Gives the SQLite provider.</param>
    /// <param name="time">The clock.</param>
    public SqliteDatabase(string path, Func<DbProviderFactory> factory, TimeProvider time)
    {
        Path = path;
        _factory = factory;
        _time = time;
    }

    public string Path { get; }

    /// <summary>Opens the file, or makes it, and brings its tables to this version.</summary>
    public async Task<DbConnection> OpenAsync()
    {
        Prepare();
        DbConnection? connection = null;
        try
        {
            connection = await ConnectAsync().ConfigureAwait(false);
            DbConnection opened = connection;
            await InTransactionAsync(opened, async transaction =>
            {
                var session = new SqlSession(opened, transaction);
                await RefuseForeignAsync(session).ConfigureAwait(false);
                if (await LedgerSchema.MigrateAsync(session).ConfigureAwait(false) is long newer)
                {
                    throw Unusable(string.Create(CultureInfo.InvariantCulture, $"it was written by a newer version of KlingPS (its format is {newer}, this version knows {LedgerSchema.Version}). Update KlingPS"));
                }

                return true;
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
                throw TranslateOpening(error);
            }

            throw;
        }
    }

    /// <summary>Opens a connection that writes as durably as it can.</summary>
    public async Task<DbConnection> ConnectAsync()
    {
        DbProviderFactory factory = _factory();
        DbConnectionStringBuilder settings = factory.CreateConnectionStringBuilder()!;
        settings["Data Source"] = Path;
        settings["Pooling"] = false;
        settings["Default Timeout"] = Patience;
        DbConnection connection = factory.CreateConnection()!;
        try
        {
            connection.ConnectionString = settings.ConnectionString;
            await connection.OpenAsync().ConfigureAwait(false);

            // The first makes waiting writers look often; without it the provider looks every 150 ms. The last ones are for
            // macOS, where a flush else ends in the cache of the disk.
            await new SqlSession(connection, null)
                .ExecuteAsync("PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA fullfsync = 1; PRAGMA checkpoint_fullfsync = 1")
                .ConfigureAwait(false);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Opens a connection that can only read a file that is there.</summary>
    /// <exception cref="DbException">It is not there, or cannot be read.</exception>
    public static DbConnection ConnectForReading(DbProviderFactory factory, string path)
    {
        DbConnectionStringBuilder settings = factory.CreateConnectionStringBuilder()!;
        settings["Data Source"] = path;
        settings["Mode"] = "ReadOnly";
        settings["Pooling"] = false;
        settings["Default Timeout"] = 1;
        DbConnection connection = factory.CreateConnection()!;
        try
        {
            connection.ConnectionString = settings.ConnectionString;
            connection.Open();
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Sets whether the commits that follow outlast a loss of power. They outlast the death of the process in any case.</summary>
    public static Task SetDurableAsync(DbConnection connection, bool durable)
        => new SqlSession(connection, null).ExecuteAsync(durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");

    /// <summary>Does work in a transaction that holds the right to write from its first statement on: one that asks for it later can fail.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="work">Tells whether it is to be committed; undone otherwise, as when it throws.</param>
    public static async Task InTransactionAsync(DbConnection connection, Func<DbTransaction, Task<bool>> work)
    {
        DbTransaction transaction = await connection.BeginTransactionAsync(IsolationLevel.Serializable, CancellationToken.None).ConfigureAwait(false);
        try
        {
            if (await work(transaction).ConfigureAwait(false))
            {
                await transaction.CommitAsync().ConfigureAwait(false);
            }
        }
        finally
        {
            await EndAsync(connection, transaction).ConfigureAwait(false);
        }
    }

    /// <summary>Ends a transaction; what is not committed is undone.</summary>
    private static async Task EndAsync(DbConnection connection, DbTransaction transaction)
    {
        try
        {
            await transaction.DisposeAsync().ConfigureAwait(false);
        }
        catch (DbException)
        {
            // On a full disk SQLite has undone the transaction by itself. The provider does not notice, and the connection
            // could not be used any more; so it gets something to undo.
            await new SqlSession(connection, transaction).ExecuteAsync("BEGIN").ConfigureAwait(false);
            await transaction.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Says an error of the database in plain words.</summary>
    public KlingException Translate(DbException exception) => CodeOf(exception) switch
    {
        Busy or Locked => Unusable($"another process has kept it locked for {Patience} seconds. Close the shell that hangs, then run the command again", exception),
        ReadOnly => Unusable("it cannot be written: the file or the disk is read-only. Make it writable, or name another place", exception),
        Full => Unusable("the disk is full. Free some space, then run the command again", exception),
        CannotOpen => Unusable("it cannot be opened: its folder or the file itself may not be read and written by this user. Change that, or name another place", exception),
        Corrupt or NotADatabase => Unusable($"the file is damaged ({exception.Message}). Close all shells that use it and put a backup in its place, or move it away and look at https://kie.ai/logs for what has been bought before you go on without it", exception),
        _ => Unusable($"the database reports: {exception.Message}", exception),
    };

    /// <summary>Makes the file if there is none. It tells of prompts and paths, so it is for its user alone.</summary>
    private void Prepare()
    {
        if (Directory.Exists(Path))
        {
            throw Unusable("it is a folder. Give the path of a file");
        }

        if (File.Exists(Path))
        {
            return;
        }

        string folder = System.IO.Path.GetDirectoryName(Path)!;
        try
        {
            if (!Directory.Exists(folder))
            {
                CreateFolder(folder);
            }
            else if (KeptAside(folder) is string aside)
            {
                throw Unusable(DamageAdvice(aside));
            }

            var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.ReadWrite | FileShare.Delete };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }

            new FileStream(Path, options).Dispose();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unusable($"it cannot be created ({e.Message.TrimEnd('.')})", e);
        }
    }

    /// <summary>Refuses to put tables into another program's database.</summary>
    private async Task RefuseForeignAsync(SqlSession session)
    {
        const string Sql = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND NOT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'schema_version')";
        if (await session.NumberAsync(Sql).ConfigureAwait(false) > 0)
        {
            throw Unusable("it is a database of another program. Give the path of another file");
        }
    }

    /// <summary>Translates an error of opening; a file that is no ledger any more is kept aside first.</summary>
    private KlingException TranslateOpening(DbException exception)
    {
        if (CodeOf(exception) is not (Corrupt or NotADatabase))
        {
            return Translate(exception);
        }

        string aside = string.Create(CultureInfo.InvariantCulture, $"{Path}{AsideMark}{_time.GetUtcNow():yyyyMMdd'T'HHmmss'Z'}");
        try
        {
            // What SQLite keeps beside the file belongs to it.
            foreach (string suffix in (string[])["", "-wal", "-shm"])
            {
                if (File.Exists(Path + suffix))
                {
                    File.Move(Path + suffix, aside + suffix);
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Translate(exception);
        }

        return Unusable(DamageAdvice(aside), exception);
    }

    private string? KeptAside(string folder)
        => Directory.EnumerateFiles(folder, System.IO.Path.GetFileName(Path) + AsideMark + "*Z").Order(StringComparer.Ordinal).LastOrDefault();

    private static string DamageAdvice(string aside)
        => $"the file is damaged and was kept as '{aside}'. Put a backup in its place; or, to begin an empty ledger, look at https://kie.ai/logs for what has been bought, then move the damaged file to another folder";

    private static void CreateFolder(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
        }
        else
        {
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    private KlingException Unusable(string reason, Exception? cause = null)
        => new(ErrorKind.LedgerUnusable, $"The ledger '{Path}' cannot be used: {reason}. Without the ledger nothing is bought.", cause);

    /// <summary>The code is a property of the provider's own exception, which cannot be named here; the upper bits are details.</summary>
    private static int CodeOf(DbException exception)
        => exception.GetType().GetProperty("SqliteErrorCode")?.GetValue(exception) is int code ? code & 0xFF : 0;
}
