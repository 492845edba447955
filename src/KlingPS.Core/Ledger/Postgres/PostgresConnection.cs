using System.Data;
using System.Data.Common;
using System.Globalization;
using System.Text;
using KlingPS.Core.Ledger.Processes;
using KlingPS.Core.Ledger.Sql;

namespace KlingPS.Core.Ledger.Postgres;

/// <summary>
/// A connection to PostgreSQL, directly or through a pooler: nothing that it sets outlives a transaction. Time is the server's.
/// </summary>
/// <remarks>
/// Transactions are READ COMMITTED and take their locks first (<see cref="WriteScope"/>), so that each of their statements sees everything that
/// was committed by those who had the same scope before. The locks are advisory locks of the transaction: they need no rights, leave
/// nothing behind, and are gone with the connection. A transaction begins with one round trip, which also reads the time once the locks
/// are held.
/// </remarks>
/// <param name="connection">The provider's connection.</param>
/// <param name="engine">The engine that it belongs to.</param>
internal sealed class PostgresConnection(DbConnection connection, PostgresEngine engine) : DatabaseConnection(connection)
{
    /// <summary>A machine that falls asleep or loses its network in the middle of a transaction holds up the others no longer than this.</summary>
    private const string LongestPause = "30s";

    /// <summary>How long to wait for others, whose transactions take milliseconds.</summary>
    private const string LongestWait = "60s";

    private const string Clock = """
        SELECT (EXTRACT(EPOCH FROM c.now) * 1000000)::bigint AS now, (EXTRACT(EPOCH FROM date_trunc('day', c.now, c.zone)) * 1000000)::bigint AS midnight
        FROM (SELECT clock_timestamp() AS now, COALESCE((SELECT value FROM settings WHERE name = 'time_zone'), 'UTC') AS zone OFFSET 0) c
        """;

    private const string Zone = """
        SELECT z.name AS zone, EXTRACT(EPOCH FROM (now() AT TIME ZONE z.name) - (now() AT TIME ZONE 'UTC'))::bigint AS offset_seconds
        FROM (SELECT COALESCE((SELECT value FROM settings WHERE name = 'time_zone'), 'UTC') AS name OFFSET 0) z
        """;

    private const string Milliseconds = "(EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::bigint";

    private static readonly TimeSpan s_longestWriter = TimeSpan.FromDays(1);

    /// <summary>How long an unused connection is trusted. On a machine that has slept, nothing says that it is gone.</summary>
    private static readonly TimeSpan s_longestIdle = TimeSpan.FromMinutes(1);

    /// <summary>The longest time that a transaction takes if its connection did not break because the machine slept.</summary>
    private static readonly TimeSpan s_longestAwake = TimeSpan.FromSeconds(20);

    private readonly string _id = Guid.NewGuid().ToString("N");
    private long _number;
    private bool _isUsed;
    private LedgerTime? _begun;
    private Moment _used = Moment.Now(engine.Clock);
    private bool _isGivenUp;

    /// <inheritdoc/>
    public override bool IsOpen => IsConnected && _used.Since(engine.Clock) < s_longestIdle;

    /// <inheritdoc/>
    public override string Machine => engine.Machine;

    /// <inheritdoc/>
    public override string? LedgerId => engine.Id;

    /// <inheritdoc/>
    public override SqlStatement Prepare(string sql) => base.Prepare(engine.Sql.Translate(sql));

    /// <inheritdoc/>
    public override async ValueTask<LedgerTime> ReadTimeAsync(SqlSession session)
        => engine.ServerTime is { } time ? ReadFrom(time)
            : _begun ?? (await session.QueryAsync(Clock, row => ToTime(row.Number("now"), row.Number("midnight"))).ConfigureAwait(false))[0];

    /// <inheritdoc/>
    /// <remarks>For a zone that only the database knows, its present offset is used.</remarks>
    public override async Task<TimeZoneInfo?> FindZoneAsync(SqlSession session)
    {
        if (engine.ServerTime is not null)
        {
            return null;
        }

        (string name, long offset) = (await session.QueryAsync(Zone, row => (row.Text("zone"), row.Number("offset_seconds"))).ConfigureAwait(false))[0];
        return TimeZoneInfo.TryFindSystemTimeZoneById(name, out TimeZoneInfo? zone)
            ? zone
            : TimeZoneInfo.CreateCustomTimeZone(name, TimeSpan.FromMinutes(offset / 60), name, name);
    }

    /// <inheritdoc/>
    /// <remarks>A sequence does not make other transactions wait.</remarks>
    public override async Task<long> NextAsync(SqlSession session, string counter)
        => (await session.NumberAsync($"SELECT nextval('{engine.Sql.Sequence(counter)}'::regclass)").ConfigureAwait(false))!.Value;

    /// <inheritdoc/>
    /// <remarks>Reading a sequence as a table would take a right that nothing else needs.</remarks>
    public override async Task<long> GetCounterAsync(SqlSession session, string counter)
        => await session.NumberAsync($"SELECT pg_sequence_last_value('{engine.Sql.Sequence(counter)}'::regclass)").ConfigureAwait(false) ?? 0;

    /// <inheritdoc/>
    public override Task SetCounterAsync(SqlSession session, string counter, long value) => value == 0
        ? Task.CompletedTask
        : session.NumberAsync($"SELECT setval('{engine.Sql.Sequence(counter)}'::regclass, @value)", ("value", value));

    /// <inheritdoc/>
    public override async Task<bool> HasTableAsync(SqlSession session, string table)
        => await session.NumberAsync(
            "SELECT COUNT(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = @schema AND c.relname = @table",
            ("schema", engine.Address.Schema),
            ("table", table)).ConfigureAwait(false) > 0;

    /// <inheritdoc/>
    public override Task RequireAloneAsync(SqlSession session) => session.ExecuteAsync("SELECT pg_advisory_xact_lock(hashtextextended(@ledger, 0))", ("ledger", LockName("ledger")));

    /// <inheritdoc/>
    /// <remarks>
    /// A statement may wait up to a minute for the locks of others. But a pooler also accepts it when the server behind it is gone, and lets it
    /// wait for minutes: so after a few seconds, it is checked whether the server answers at all.
    /// </remarks>
    public override async Task<T> ExecuteAsync<T>(Func<CancellationToken, Task<T>> execute)
    {
        using var stop = new CancellationTokenSource();
        Task<T> running = execute(stop.Token);
        while (true)
        {
            try
            {
                T result = await running.WaitAsync(engine.Doubt).ConfigureAwait(false);
                _used = Moment.Now(engine.Clock);
                engine.OnAnswered();
                return result;
            }
            catch (TimeoutException) when (!running.IsCompleted)
            {
                if (!await engine.AnswersAsync().ConfigureAwait(false) && !running.IsCompleted)
                {
                    _isGivenUp = true;
                    _ = AbandonAsync(running, stop.CancelAsync());
                    throw new PostgresFailure(new TimeoutException());
                }
            }
        }
    }

    /// <inheritdoc/>
    public override async Task InTransactionAsync(WriteKind kind, IReadOnlyCollection<WriteScope> scopes, Func<SqlSession, Task<bool>> work)
    {
        var begun = Moment.Now(engine.Clock);
        try
        {
            await base.InTransactionAsync(kind, scopes, work).ConfigureAwait(false);
        }
        catch (DbException e) when (e is not CommitLostException && !IsConnected && begun.Since(engine.Clock) > s_longestAwake)
        {
            throw new PausedException(e);
        }
    }

    /// <inheritdoc/>
    public override ValueTask DisposeAsync()
    {
        if (!_isGivenUp)
        {
            return base.DisposeAsync();
        }

        // It may wait for an answer that never comes.
        _ = AbandonAsync(base.DisposeAsync().AsTask());
        return ValueTask.CompletedTask;
    }

    /// <summary>The number of a connection's last committed transaction. Waits for whatever it still has under way.</summary>
    public async Task<long?> FindLastAsync(string writer)
    {
        long? last = null;
        await InTransactionAsync(
            WriteKind.Light,
            [WriteScope.All],
            async session =>
            {
                last = await session.NumberAsync("SELECT number FROM writers WHERE id = @id", ("id", writer)).ConfigureAwait(false);
                return false;
            }).ConfigureAwait(false);
        return last;
    }

    /// <summary>Forgets this connection's last transaction, whose outcome is known, and those of connections that are gone.</summary>
    public override Task FinishAsync() => new SqlSession(this, null).ExecuteAsync(
        $"DELETE FROM writers WHERE id = @id OR at < {Milliseconds} - @old",
        ("id", _id),
        ("old", (long)s_longestWriter.TotalMilliseconds));

    /// <inheritdoc/>
    public override object? ToStored(object? value) => PostgresSql.ToStored(value);

    /// <inheritdoc/>
    protected override async Task<DbTransaction> BeginWriteAsync(WriteKind kind, IReadOnlyCollection<WriteScope> scopes)
    {
        try
        {
            return await BeginAsync(kind, scopes).ConfigureAwait(false);
        }
        catch (DbException) when (_isUsed && !IsConnected && !_isGivenUp)
        {
            // A server, or something in between, closes connections that have been idle for long. Nothing has been started on this one.
            await PostgresEngine.OpenAsync(Inner).ConfigureAwait(false);
            return await BeginAsync(kind, scopes).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    protected override async Task CommitAsync(DbTransaction transaction)
    {
        try
        {
            await ExecuteAsync(async token =>
            {
                await transaction.CommitAsync(token).ConfigureAwait(false);
                return true;
            }).ConfigureAwait(false);
        }
        catch (Exception e) when (engine.HasTables && (e is DbException error ? !PostgresErrors.IsConflict(error) : PostgresErrors.IsOfConnection(e)))
        {
            throw new CommitLostException(_id, _number, e as DbException ?? new PostgresFailure(e));
        }
    }

    /// <inheritdoc/>
    protected override async Task EndAsync(DbTransaction transaction)
    {
        _begun = null;
        if (_isGivenUp)
        {
            return;
        }

        try
        {
            await transaction.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is DbException || PostgresErrors.IsOfConnection(e))
        {
            // The server rolls back a transaction that has lost its connection.
            await Inner.CloseAsync().ConfigureAwait(false);
        }
    }

    private bool IsConnected => base.IsOpen && !_isGivenUp;

    /// <summary>Nobody waits for this any more, or cares how it ends.</summary>
    private static async Task AbandonAsync(params Task[] work) => await Task.WhenAll(work).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private async Task<DbTransaction> BeginAsync(WriteKind kind, IReadOnlyCollection<WriteScope> scopes)
    {
        DbTransaction transaction = await Inner.BeginTransactionAsync(IsolationLevel.ReadCommitted).ConfigureAwait(false);
        try
        {
            (string sql, (string, object?)[] values) = ComposeBeginning(kind, scopes);
            DbDataReader reader = await ExecuteAsync(Prepare(sql).Bind(transaction, values).ExecuteReaderAsync).ConfigureAwait(false);
            await using (reader.ConfigureAwait(false))
            {
                do
                {
                    while (await reader.ReadAsync().ConfigureAwait(false))
                    {
                        if (reader.FieldCount == 2 && reader.GetName(1) == "midnight")
                        {
                            _begun = ToTime(reader.GetInt64(0), reader.GetInt64(1));
                        }
                    }
                }
                while (await reader.NextResultAsync().ConfigureAwait(false));
            }

            _isUsed = true;
            return transaction;
        }
        catch
        {
            await EndAsync(transaction).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Everything that a transaction begins with, in one round trip: each statement after the locks sees what others committed before they released them.</summary>
    private (string Sql, (string, object?)[] Values) ComposeBeginning(WriteKind kind, IReadOnlyCollection<WriteScope> scopes)
    {
        bool isAlone = scopes.Any(scope => scope.Kind == WriteScopeKind.All);
        var values = new List<(string, object?)> { ("ledger", LockName("ledger")) };

        // What may be lost in a power failure need not wait for the disk. The rest is never less durable than the server's setting, or than its disk.
        string durability = kind is WriteKind.Hold or WriteKind.Light ? "'off'" : "CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END";
        var sql = new StringBuilder($"""
            SELECT set_config('synchronous_commit', {durability}, true), set_config('idle_in_transaction_session_timeout', '{LongestPause}', true), set_config('lock_timeout', '{LongestWait}', true), set_config('standard_conforming_strings', 'on', true);
            SELECT {(isAlone ? "pg_advisory_xact_lock" : "pg_advisory_xact_lock_shared")}(hashtextextended(@ledger, 0))
            """);
        if (!engine.HasTables)
        {
            return (sql.ToString(), [.. values]);
        }

        List<string> names = isAlone ? [] : [.. scopes.SelectMany((scope, i) => ComposeNames(scope, i, values))];
        if (names.Count > 0)
        {
            // Always in the same order, so that two transactions never wait for each other.
            values.Add(("place", LockName(string.Empty)));
            sql.Append(CultureInfo.InvariantCulture, $"; SELECT pg_advisory_xact_lock(k.key) FROM (SELECT DISTINCT hashtextextended(@place || n.name, 0) AS key FROM ({string.Join(" UNION ALL ", names)}) n ORDER BY key) k");
        }

        values.Add(("writer", _id));
        values.Add(("number", ++_number));
        sql.Append(CultureInfo.InvariantCulture, $"; INSERT INTO writers (id, number, at) VALUES (@writer, @number, {Milliseconds}) ON CONFLICT (id) DO UPDATE SET number = excluded.number, at = excluded.at; ")
            .Append(Clock);
        return (sql.ToString(), [.. values]);
    }

    /// <summary>The SELECT statements for the names that a scope locks.</summary>
    private static IEnumerable<string> ComposeNames(WriteScope scope, int index, List<(string, object?)> values)
    {
        if (scope.Kind == WriteScopeKind.Cache)
        {
            return [];
        }

        string name = string.Create(CultureInfo.InvariantCulture, $"scope{index}");
        values.Add((name, scope.Kind == WriteScopeKind.Task ? long.Parse(scope.Name, CultureInfo.InvariantCulture) : scope.Name));
        string account = $"SELECT 'account ' || COALESCE((SELECT account FROM account_keys WHERE fingerprint = @{name}), @{name}) AS name";
        return scope.Kind switch
        {
            WriteScopeKind.Gate => [$"SELECT 'gate ' || @{name} AS name"],
            WriteScopeKind.Task => [$"SELECT 'account ' || COALESCE(k.account, t.account) AS name FROM tasks t LEFT JOIN account_keys k ON k.fingerprint = t.account WHERE t.id = @{name}"],
            WriteScopeKind.DependentPurchase =>
            [
                account,
                $"SELECT 'service ' || b.service AS name FROM account_keys a JOIN account_keys b ON b.account = a.account WHERE a.fingerprint = @{name} AND b.service IS NOT NULL",
                $"SELECT 'services' AS name FROM account_keys a JOIN account_keys b ON b.account = a.account WHERE a.fingerprint = @{name} AND {AccountTable.MayBeElsewhere("b.service")}",
            ],
            _ => [account],
        };
    }

    private string LockName(string name) => $"KlingPS {engine.Address.Schema} {name}";

    private static LedgerTime ToTime(long now, long midnight)
        => new(
            DateTimeOffset.UnixEpoch.AddMicroseconds(now),
            now * TimeSpan.TicksPerMicrosecond,
            PostgresEngine.Epoch,
            DateTimeOffset.UnixEpoch.AddMicroseconds(midnight));

    private static LedgerTime ReadFrom(TimeProvider time)
    {
        DateTimeOffset now = time.GetUtcNow();
        return new LedgerTime(now, now.Ticks, PostgresEngine.Epoch);
    }
}
