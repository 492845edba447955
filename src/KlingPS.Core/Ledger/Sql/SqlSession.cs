using System.Data.Common;
using System.Globalization;
using System.Text.Json;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>Runs statements over one connection, within a transaction if there is one. A parameter <c>name</c> is <c>@name</c> in the statement.</summary>
/// <remarks>One statement at a time: a connection cannot serve two callers at once.</remarks>
internal sealed class SqlSession(DatabaseConnection connection, DbTransaction? transaction)
{
    private const string Savepoint = "work";

    private LedgerTime? _time;

    /// <inheritdoc cref="DatabaseConnection.Machine"/>
    public string Machine => connection.Machine;

    /// <inheritdoc cref="IDatabaseEngine.Id"/>
    public string? LedgerId => connection.LedgerId;

    /// <summary>The time of this session: everything in a transaction happens at one moment.</summary>
    public async ValueTask<LedgerTime> GetTimeAsync() => _time ??= await connection.ReadTimeAsync(this).ConfigureAwait(false);

    /// <summary>The time of the ledger; see <see cref="GetTimeAsync"/>.</summary>
    public async ValueTask<DateTimeOffset> GetNowAsync() => (await GetTimeAsync().ConfigureAwait(false)).Now;

    /// <summary>See <see cref="DatabaseConnection.FindZoneAsync"/>.</summary>
    public Task<TimeZoneInfo?> FindZoneAsync() => connection.FindZoneAsync(this);

    /// <summary>Runs a statement.</summary>
    /// <returns>How many rows it has changed.</returns>
    public Task<int> ExecuteAsync(string sql, params (string Name, object? Value)[] parameters)
        => connection.ExecuteAsync(connection.Prepare(sql).Bind(transaction, parameters).ExecuteNonQueryAsync);

    /// <summary>Runs a query and maps its rows.</summary>
    /// <exception cref="UnreadableRecordException">A row holds something that cannot be mapped.</exception>
    public async Task<List<T>> QueryAsync<T>(string sql, Func<SqlRow, T> map, params (string Name, object? Value)[] parameters)
    {
        var rows = new List<T>();
        SqlStatement statement = connection.Prepare(sql);
        DbDataReader reader = await connection.ExecuteAsync(statement.Bind(transaction, parameters).ExecuteReaderAsync).ConfigureAwait(false);
        await using (reader.ConfigureAwait(false))
        {
            var row = new SqlRow(reader, statement.GetColumns(reader));
            while (await reader.ReadAsync().ConfigureAwait(false))
            {
                try
                {
                    rows.Add(map(row));
                }
                catch (Exception exception) when (IsOfValue(exception))
                {
                    throw new UnreadableRecordException(Describe(reader, statement.GetColumns(reader), exception), exception);
                }
            }
        }

        return rows;
    }

    /// <summary>The first column of the first row as a number; <see langword="null"/> if there is no row or the value is null.</summary>
    public async Task<long?> NumberAsync(string sql, params (string Name, object? Value)[] parameters)
    {
        object? value = await ScalarAsync(sql, parameters).ConfigureAwait(false);
        try
        {
            return value is null ? null : Convert.ToInt64(value, CultureInfo.InvariantCulture);
        }
        catch (Exception exception) when (IsOfValue(exception))
        {
            throw NoSuchValue("a number", value!, exception);
        }
    }

    /// <summary>The first column of the first row as text; <see langword="null"/> if there is no row or the value is null.</summary>
    public async Task<string?> TextAsync(string sql, params (string Name, object? Value)[] parameters)
        => await ScalarAsync(sql, parameters).ConfigureAwait(false) switch
        {
            null => null,
            string text => text,
            object value => throw NoSuchValue("a text", value, new InvalidCastException()),
        };

    /// <summary>See <see cref="DatabaseConnection.GetCounterAsync"/>.</summary>
    public Task<long> GetCounterAsync(string counter) => connection.GetCounterAsync(this, counter);

    /// <summary>See <see cref="DatabaseConnection.SetCounterAsync"/>.</summary>
    public Task SetCounterAsync(string counter, long value) => connection.SetCounterAsync(this, counter, value);

    /// <summary>See <see cref="DatabaseConnection.ToStored"/>.</summary>
    public object? ToStored(object? value) => connection.ToStored(value);

    /// <summary>See <see cref="DatabaseConnection.NextAsync"/>.</summary>
    public Task<long> NextAsync(string counter) => connection.NextAsync(this, counter);

    /// <summary>See <see cref="DatabaseConnection.HasTableAsync"/>.</summary>
    public Task<bool> HasTableAsync(string table) => connection.HasTableAsync(this, table);

    /// <summary>See <see cref="DatabaseConnection.RequireAloneAsync"/>.</summary>
    public Task RequireAloneAsync() => connection.RequireAloneAsync(this);

    /// <summary>Does a part of the transaction, and undoes only that part if it returns <see langword="false"/>.</summary>
    public async Task InSavepointAsync(Func<SqlSession, Task<bool>> work)
    {
        await transaction!.SaveAsync(Savepoint).ConfigureAwait(false);
        if (!await work(this).ConfigureAwait(false))
        {
            await transaction.RollbackAsync(Savepoint).ConfigureAwait(false);
        }

        await transaction.ReleaseAsync(Savepoint).ConfigureAwait(false);
    }

    /// <summary>Whether an exception is of a kind that wrong values in a record cause: of no type, of another type, out of range, or not JSON.</summary>
    private static bool IsOfValue(Exception exception)
        => exception is InvalidOperationException or InvalidCastException or FormatException or ArithmeticException or ArgumentException or JsonException;

    private static string Describe(DbDataReader reader, Dictionary<string, int> columns, Exception exception)
        => columns.TryGetValue("id", out int column) && reader.GetValue(column) is long id
            ? string.Create(CultureInfo.InvariantCulture, $"that of task {id}: {exception.Message}")
            : exception.Message;

    private static UnreadableRecordException NoSuchValue(string wanted, object value, Exception cause)
        => new($"{value.GetType().Name} where {wanted} should be", cause);

    private async Task<object?> ScalarAsync(string sql, (string Name, object? Value)[] parameters)
    {
        object? value = await connection.ExecuteAsync(connection.Prepare(sql).Bind(transaction, parameters).ExecuteScalarAsync).ConfigureAwait(false);
        return value is DBNull ? null : value;
    }
}
