using System.Data.Common;
using System.Globalization;
using KlingPS.Core.Files;
using KlingPS.Core.Ledger.Processes;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Ledger.Sqlite;

namespace KlingPS.Core.Ledger.Postgres;

/// <summary>The ledger's PostgreSQL: a schema of its own in a database that any number of machines share.</summary>
/// <param name="address">Where it is.</param>
/// <param name="factory">Returns the provider.</param>
/// <param name="credentials">The role and its password.</param>
internal sealed class PostgresEngine(ServerAddress address, Func<DbProviderFactory> factory, LedgerCredentials credentials) : IDatabaseEngine
{
    /// <summary>The server's clock counts as a single run of a counter, as far as anyone can tell.</summary>
    public const string Epoch = "server";

    /// <summary>The lowest version: 13, by its server_version_num.</summary>
    internal const int LeastVersion = 130000;

    private const string UnfinishedCopy = "unfinished_copy";

    private const int ConnectTimeout = 10;
    private const int ProbeTimeout = 8;
    private const int CommandTimeout = 120;

    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(250);

    /// <summary>How long a server that did not answer is left alone.</summary>
    private static readonly TimeSpan s_respite = TimeSpan.FromSeconds(5);

    /// <summary>How long a server counts as available after it has answered. After that, the machine may have slept.</summary>
    private static readonly TimeSpan s_awake = TimeSpan.FromSeconds(30);

    /// <summary>How long to wait for the network of a machine that has slept.</summary>
    private static readonly TimeSpan s_waking = TimeSpan.FromSeconds(10);

    /// <summary>A failure that takes no longer than this may be retried at once.</summary>
    private static readonly TimeSpan s_quickly = TimeSpan.FromSeconds(2);

    private bool _hasTables;
    private string? _copied;
    private Answered? _answered;
    private Unreachable? _unreachable;

    /// <summary>Where the ledger is.</summary>
    public ServerAddress Address => address;

    /// <summary>The statements as this database takes them.</summary>
    public PostgresSql Sql { get; } = new(address.Schema);

    /// <summary>The machine that the paths in the ledger belong to.</summary>
    public string Machine { get; init; } = string.Empty;

    /// <summary>A clock in place of the server's, for tests.</summary>
    internal TimeProvider? ServerTime { get; init; }

    /// <summary>This machine's clock, which shows whether it has slept.</summary>
    internal TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>The lowest version that is accepted.</summary>
    internal int RequiredVersion { get; init; } = LeastVersion;

    /// <summary>How long a statement may go unanswered before the server is checked: others may hold it up, or a pooler may be waiting for a server that is gone.</summary>
    internal TimeSpan Doubt { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long to look for the outcome of a lost commit: a server takes seconds to restart.</summary>
    internal TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Whether the tables are known to exist.</summary>
    public bool HasTables => Volatile.Read(ref _hasTables);

    /// <inheritdoc/>
    public string Location { get; } = (address with { User = credentials.User }).Shown;

    /// <inheritdoc/>
    public string Place { get; } = (address with { User = null }).Shown;

    /// <inheritdoc/>
    public string? Id { get; private set; }

    /// <inheritdoc/>
    /// <remarks>Transactions are short, and the server itself combines its flushes.</remarks>
    public int MaxBatch => 1;

    /// <inheritdoc/>
    public async Task<bool> ExistsAsync(CancellationToken cancellationToken)
    {
        if (HasTables)
        {
            return true;
        }

        try
        {
            PostgresConnection connection = await ConnectAsync(ConnectTimeout).ConfigureAwait(false);
            await using (connection.ConfigureAwait(false))
            {
                return await connection.HasTableAsync(new SqlSession(connection, null), "schema_version").ConfigureAwait(false);
            }
        }
        catch (DbException e)
        {
            throw Translate(e);
        }
    }

    /// <inheritdoc/>
    public async Task<DatabaseConnection> OpenAsync(Func<SqlSession, Task<string?>> prepare, bool isToWrite)
    {
        PostgresConnection? connection = null;
        try
        {
            connection = await ConnectAsync(ConnectTimeout).ConfigureAwait(false);
            await RequireFitAsync(connection, isToWrite).ConfigureAwait(false);
            long? version = await Schema.FindVersionAsync(new SqlSession(connection, null)).ConfigureAwait(false);
            if (version is null && !isToWrite)
            {
                throw CreateUnusableException("it is not there any more");
            }

            if (version != Schema.Version)
            {
                await PrepareAsync(connection, prepare).ConfigureAwait(false);
            }

            Dictionary<string, string> settings = await ReadSettingsAsync(connection).ConfigureAwait(false);
            if (_copied is null && settings.TryGetValue(UnfinishedCopy, out string? source))
            {
                throw CreateUnfinishedException(source);
            }

            Id = settings.GetValueOrDefault(LedgerIdentity.Setting);
            Volatile.Write(ref _hasTables, true);
            return connection;
        }
        catch (Exception e)
        {
            if (connection is not null)
            {
                await connection.DisposeAsync().ConfigureAwait(false);
            }

            throw e is DbException error ? Translate(error) : e;
        }
    }

    /// <inheritdoc/>
    /// <remarks>In memory: no server is needed to read nothing.</remarks>
    public Task<DatabaseConnection> ConnectEmptyAsync(Func<SqlSession, Task<string?>> prepare) => SqliteLedger.ConnectEmptyAsync(prepare);

    /// <inheritdoc/>
    public async Task<DatabaseConnection> ConnectAsync() => await ConnectAsync(ConnectTimeout).ConfigureAwait(false);

    /// <inheritdoc/>
    public async Task<DatabaseConnection> ConnectReadOnlyAsync()
    {
        // A user who presses Tab is waiting for it.
        PostgresConnection connection = await ConnectAsync(timeout: 2).ConfigureAwait(false);
        try
        {
            return await connection.HasTableAsync(new SqlSession(connection, null), "schema_version").ConfigureAwait(false) ? connection : throw CreateUnusableException("it is not there");
        }
        catch
        {
            await connection.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public void BeginCopy(string source) => _copied = source;

    /// <inheritdoc/>
    public Task MarkCopyAsync(SqlSession session, string source) => session.ExecuteAsync(
        "INSERT INTO settings (name, value) VALUES (@name, @source) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        ("name", UnfinishedCopy),
        ("source", source));

    /// <inheritdoc/>
    public async Task EndCopyAsync(SqlSession session)
    {
        await session.ExecuteAsync("DELETE FROM settings WHERE name = @name", ("name", UnfinishedCopy)).ConfigureAwait(false);
        await AnalyzeAsync(session).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void Close() => Volatile.Write(ref _hasTables, false);

    /// <summary>Opens a connection of the provider.</summary>
    /// <exception cref="DbException">It cannot be opened.</exception>
    public static async Task OpenAsync(DbConnection connection)
    {
        try
        {
            await connection.OpenAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (PostgresErrors.IsOfConnection(e) || e is ArgumentException or NotSupportedException or InvalidOperationException)
        {
            throw new PostgresFailure(e);
        }
    }

    /// <inheritdoc/>
    public bool IsConflict(DbException exception) => exception is PausedException || PostgresErrors.IsConflict(exception);

    /// <summary>The server has answered.</summary>
    public void OnAnswered() => Volatile.Write(ref _answered, new Answered(Moment.Now(Clock)));

    /// <summary>Whether the server answers within a few seconds.</summary>
    public async Task<bool> AnswersAsync()
    {
        try
        {
            DbConnection connection = await ConnectOnceAsync(ProbeTimeout).ConfigureAwait(false);
            await connection.DisposeAsync().ConfigureAwait(false);
            return true;
        }
        catch (DbException e)
        {
            return PostgresErrors.IsOfServer(e);
        }
    }

    /// <inheritdoc/>
    public async Task<bool?> FindOutcomeAsync(CommitLostException lost)
    {
        for (long begun = TimeProvider.System.GetTimestamp(); ; await Task.Delay(s_pause).ConfigureAwait(false))
        {
            try
            {
                PostgresConnection connection = await ConnectAsync(ConnectTimeout).ConfigureAwait(false);
                await using (connection.ConfigureAwait(false))
                {
                    return await connection.FindLastAsync(lost.Writer).ConfigureAwait(false) == lost.Number;
                }
            }
            catch (DbException) when (TimeProvider.System.GetElapsedTime(begun) < Patience)
            {
            }
            catch (DbException)
            {
                return null;
            }
        }
    }

    /// <inheritdoc/>
    public KlingException Translate(DbException exception) => CreateUnusableException(
        exception switch
        {
            UnreadableRecordException => $"a record in it is damaged ({exception.Message.TrimEnd('.')}). Restore a backup; or correct that record, and check https://kie.ai/logs for what has been bought",
            CommitLostException => $"the connection was lost while something was being recorded, and the server does not say whether it was ({PostgresErrors.Describe(((CommitLostException)exception).Cause, address, credentials.User)}). "
                + "If it was a purchase, its request was not sent. The next command finds out what is recorded",
            _ => PostgresErrors.Describe(exception, address, credentials.User),
        },
        exception);

    /// <summary>Refuses servers that cannot keep a ledger.</summary>
    private async Task RequireFitAsync(PostgresConnection connection, bool isToWrite)
    {
        (long version, string encoding, bool isReadOnly) = (await new SqlSession(connection, null).QueryAsync(
            """
            SELECT current_setting('server_version_num')::bigint AS version, current_setting('server_encoding') AS encoding,
                CASE WHEN pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean THEN 1::bigint ELSE 0 END AS read_only
            """,
            row => (row.Number("version"), row.Text("encoding"), row.Number("read_only") == 1)).ConfigureAwait(false))[0];
        if (version < RequiredVersion)
        {
            throw CreateUnusableException(string.Create(
                CultureInfo.InvariantCulture,
                $"the server is PostgreSQL {version / 10000}, and at least {RequiredVersion / 10000} is needed. Update the server, or give the address of another one"));
        }

        if (encoding != "UTF8")
        {
            throw CreateUnusableException($"the database's encoding is {encoding}, which cannot hold every prompt and path. Create one with createdb -E UTF8 -T template0");
        }

        if (isReadOnly && isToWrite)
        {
            throw CreateUnusableException("the server only reads: it is a replica, or default_transaction_read_only is on. Give the address of the primary");
        }
    }

    /// <summary>Reads what everyone who shares the ledger has to agree on, in one round trip.</summary>
    private static async Task<Dictionary<string, string>> ReadSettingsAsync(PostgresConnection connection)
        => new(
            await new SqlSession(connection, null).QueryAsync("SELECT name, value FROM settings", row => KeyValuePair.Create(row.Text("name"), row.Text("value"))).ConfigureAwait(false),
            StringComparer.Ordinal);

    /// <summary>The error of a copy that is being made, or was broken off.</summary>
    private KlingException CreateUnfinishedException(string source) => CreateUnusableException(
        $"it is to be a copy of '{source}' that is not finished, so it does not have what was bought with that. If no Copy-KlingLedger is at work on it, it was broken off: "
        + $"run it again to finish the copy, or drop the schema to be rid of it (DROP SCHEMA {Sql.QuotedSchema} CASCADE)");

    /// <summary>Makes the schema and its tables, or brings them up to date; one machine at a time does so.</summary>
    private async Task PrepareAsync(PostgresConnection connection, Func<SqlSession, Task<string?>> prepare) => await connection.InTransactionAsync(
        WriteKind.Durable,
        [WriteScope.All],
        async session =>
        {
            // Another machine may have done so in the meantime.
            long? version = await Schema.FindVersionAsync(session).ConfigureAwait(false);
            if (await session.NumberAsync("SELECT COUNT(*) FROM pg_catalog.pg_namespace WHERE nspname = @schema", ("schema", address.Schema)).ConfigureAwait(false) == 0)
            {
                await session.ExecuteAsync("CREATE SCHEMA " + Sql.QuotedSchema).ConfigureAwait(false);
            }

            if (await prepare(session).ConfigureAwait(false) is string reason)
            {
                throw CreateUnusableException(reason);
            }

            if (version != Schema.Version)
            {
                foreach (string table in PostgresSql.OwnTables)
                {
                    await session.ExecuteAsync(table).ConfigureAwait(false);
                }

                foreach (string counter in Schema.Counters)
                {
                    await session.ExecuteAsync($"CREATE SEQUENCE IF NOT EXISTS {Sql.Sequence(counter)}").ConfigureAwait(false);
                }

                await session.ExecuteAsync("INSERT INTO settings (name, value) VALUES ('time_zone', current_setting('TimeZone')) ON CONFLICT (name) DO NOTHING").ConfigureAwait(false);
                if (version is not null)
                {
                    await AnalyzeAsync(session).ConfigureAwait(false);
                }
                else if (_copied is not null)
                {
                    await MarkCopyAsync(session, _copied).ConfigureAwait(false);
                }
            }

            return true;
        }).ConfigureAwait(false);

    /// <summary>
    /// Has the server analyze the tables now. It would do so by itself within a minute; until then it thinks that they are small, and reads
    /// them to the end to find one record. A role that does not own them gets a warning, which nobody sees.
    /// </summary>
    private async Task AnalyzeAsync(SqlSession session)
    {
        foreach (string table in LedgerTables.Copied.Select(table => table.Name).Concat(LedgerTables.Left))
        {
            await session.ExecuteAsync($"ANALYZE {Sql.QuotedSchema}.{table}").ConfigureAwait(false);
        }
    }

    private async Task<PostgresConnection> ConnectAsync(int timeout)
    {
        // A machine that has just woken up will have its network back in a moment.
        bool mayHaveSlept = Volatile.Read(ref _answered)?.At.Since(Clock) > s_awake;
        for (long begun = TimeProvider.System.GetTimestamp(); ; await Task.Delay(s_pause).ConfigureAwait(false))
        {
            try
            {
                return new PostgresConnection(await ConnectOnceAsync(timeout).ConfigureAwait(false), this);
            }
            catch (DbException e) when (mayHaveSlept && e is not LedgerReplacedException && !PostgresErrors.IsOfServer(e) && TimeProvider.System.GetElapsedTime(begun) < s_waking)
            {
            }
        }
    }

    private async Task<DbConnection> ConnectOnceAsync(int timeout)
    {
        if (Volatile.Read(ref _unreachable) is { } failed && TimeProvider.System.GetElapsedTime(failed.At) < s_respite)
        {
            throw failed.Exception;
        }

        RequireFiles();
        long begun = TimeProvider.System.GetTimestamp();
        DbProviderFactory provider = factory();
        DbConnection connection = provider.CreateConnection()!;
        try
        {
            connection.ConnectionString = Compose(provider.CreateConnectionStringBuilder()!, timeout);
            await OpenAsync(connection).ConfigureAwait(false);
            await RequireAnswerAsync(connection).ConfigureAwait(false);
            OnAnswered();
            return connection;
        }
        catch (Exception e)
        {
            await connection.DisposeAsync().ConfigureAwait(false);
            if (e is not DbException error)
            {
                throw;
            }

            if (PostgresErrors.IsOfCertificate(error) && await CertificateProbe.FindProblemAsync(address).ConfigureAwait(false) is string problem)
            {
                error = new CertificateRefusedException(problem, error);
            }

            // Later work need not wait in vain for the same thing: a batch would, once for each of its images.
            if (TimeProvider.System.GetElapsedTime(begun) > s_quickly)
            {
                Volatile.Write(ref _unreachable, new Unreachable(error, TimeProvider.System.GetTimestamp()));
            }

            if (error != e)
            {
                throw error;
            }

            throw;
        }
    }

    /// <summary>Makes sure that there is a server, and the same ledger: a pooler accepts connections even if the server behind it is gone, and the address may lead to another server by now.</summary>
    private async Task RequireAnswerAsync(DbConnection connection)
    {
        DbCommand command = connection.CreateCommand();
        await using (command.ConfigureAwait(false))
        {
            string? opened = _copied is null ? Id : null;
            command.CommandText = opened is null ? "SELECT 1" : Sql.Translate($"SELECT value FROM settings WHERE name = '{LedgerIdentity.Setting}'");
            command.CommandTimeout = ProbeTimeout;
            try
            {
                if (await command.ExecuteScalarAsync().ConfigureAwait(false) is string found && opened is not null && found != opened)
                {
                    throw new LedgerReplacedException();
                }
            }
            catch (Exception e) when (PostgresErrors.IsOfConnection(e))
            {
                throw new PostgresFailure(e);
            }
        }
    }

    /// <summary>Checks the files that the address names: the provider would report missing ones in its own words.</summary>
    private void RequireFiles()
    {
        foreach ((string name, string? path, bool isSecret) in (ReadOnlySpan<(string, string?, bool)>)
        [
            ("sslrootcert", address.RootCertificate, false), ("sslcert", address.Certificate, false), ("sslkey", address.CertificateKey, true),
        ])
        {
            if (path is null)
            {
                continue;
            }

            try
            {
                using FileStream file = OrdinaryFile.Open(path);
                if (isSecret && FilePrivacy.FindOthers(file, path) is string others)
                {
                    throw CreateUnusableException($"the file '{path}' of {name} {others}");
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw CreateUnusableException($"the file '{path}' of {name} cannot be read ({e.Message.TrimEnd('.')}). Correct the address, or restore the file", e);
            }
        }
    }

    /// <summary>The provider's settings. There is no pool: a process has two connections and keeps them.</summary>
    private string Compose(DbConnectionStringBuilder settings, int timeout)
    {
        TlsMode tls = address.EffectiveTls;
        settings["Host"] = string.Join(',', address.Hosts.Select(host => host is { IsSocket: false, Name: var name } && name.Contains(':', StringComparison.Ordinal)
            ? string.Create(CultureInfo.InvariantCulture, $"[{name}]:{host.Port ?? ServerAddress.DefaultPort}")
            : string.Create(CultureInfo.InvariantCulture, $"{host.Name}:{host.Port ?? ServerAddress.DefaultPort}")));
        settings["Database"] = address.Database;
        settings["Username"] = credentials.User;
        settings["SSL Mode"] = tls.ToString();
        settings["Channel Binding"] = address.Binding.ToString();

        // It would take one more round trip before TLS, and system libraries that may be missing.
        settings["GSS Encryption Mode"] = "Disable";
        settings["Pooling"] = false;
        settings["Max Auto Prepare"] = 0;
        settings["No Reset On Close"] = true;
        settings["Enlist"] = false;
        settings["Persist Security Info"] = false;
        settings["Include Error Detail"] = false;
        settings["Timeout"] = timeout;
        settings["Command Timeout"] = CommandTimeout;
        settings["Cancellation Timeout"] = -1;
        settings["TCP Keepalive"] = true;
        settings["Application Name"] = "KlingPS";

        // The variable PGCLIENTENCODING is for programs that show texts in a terminal, and would garble those in the ledger.
        settings["Client Encoding"] = "UTF8";

        // Only numbers and texts are stored, and a pooler may use a server whose types were not loaded.
        settings["Server Compatibility Mode"] = "NoTypeLoading";
        Set("Root Certificate", address.RootCertificate);
        Set("SSL Certificate", address.Certificate);
        Set("SSL Key", address.CertificateKey);
        Set("Password", credentials.FindPassword(address)?.Text);
        if (address.Hosts.Count > 1)
        {
            settings["Target Session Attributes"] = "prefer-primary";
        }

        return settings.ConnectionString;

        void Set(string name, string? value)
        {
            if (value is not null)
            {
                settings[name] = value;
            }
        }
    }

    private KlingException CreateUnusableException(string reason, Exception? cause = null)
        => new(ErrorKind.LedgerUnusable, $"The ledger '{Location}' cannot be used: {reason}. Without the ledger nothing is bought.", cause);

    /// <param name="Exception">How a connection failed.</param>
    /// <param name="At">When it failed, by the counter of this process.</param>
    private sealed record Unreachable(DbException Exception, long At);

    /// <param name="At">When the server last answered.</param>
    private sealed record Answered(Moment At);
}
