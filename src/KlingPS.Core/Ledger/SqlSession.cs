using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.CompilerServices;

namespace KlingPS.Core.Ledger;

/// <summary>Statements over one connection, within one transaction if there is one. A parameter <c>name</c> stands as <c>@name</c> in them.</summary>
/// <remarks>One statement at a time: a connection does not serve two callers at once.</remarks>
internal sealed class SqlSession(DbConnection connection, DbTransaction? transaction)
{
    private static readonly ConditionalWeakTable<DbConnection, Dictionary<string, DbCommand>> s_commands = [];

    public async Task<int> ExecuteAsync(string sql, params (string Name, object? Value)[] parameters)
    {
        return await Command(sql, parameters).ExecuteNonQueryAsync().ConfigureAwait(false);
    }

    public async Task<List<T>> QueryAsync<T>(string sql, Func<DbDataReader, T> map, params (string Name, object? Value)[] parameters)
    {
        var rows = new List<T>();
        DbDataReader reader = await Command(sql, parameters).ExecuteReaderAsync().ConfigureAwait(false);
        await using (reader.ConfigureAwait(false))
        {
            while (await reader.ReadAsync().ConfigureAwait(false))
            {
                rows.Add(map(reader));
            }
        }

        return rows;
    }

    /// <summary>The first column of the first row as a number; <see langword="null"/> when there is no row or it is null.</summary>
    public async Task<long?> NumberAsync(string sql, params (string Name, object? Value)[] parameters)
    {
        object? value = await ScalarAsync(sql, parameters).ConfigureAwait(false);
        return value is null ? null : Convert.ToInt64(value, CultureInfo.InvariantCulture);
    }

    /// <summary>The first column of the first row as text; <see langword="null"/> when there is no row or it is null.</summary>
    public async Task<string?> TextAsync(string sql, params (string Name, object? Value)[] parameters)
        => (string?)await ScalarAsync(sql, parameters).ConfigureAwait(false);

    private async Task<object?> ScalarAsync(string sql, (string Name, object? Value)[] parameters)
    {
        object? value = await Command(sql, parameters).ExecuteScalarAsync().ConfigureAwait(false);
        return value is DBNull ? null : value;
    }

    /// <summary>The command of a statement. It is kept with its connection: a statement is compiled once, and run many times for each task.</summary>
    [SuppressMessage("Security", "CA2100", Justification = "Every statement is a constant or put together from constants; what comes from outside is a parameter.")]
    private DbCommand Command(string sql, (string Name, object? Value)[] parameters)
    {
        Dictionary<string, DbCommand> commands = s_commands.GetOrCreateValue(connection);
        if (!commands.TryGetValue(sql, out DbCommand? command))
        {
            command = connection.CreateCommand();
            command.CommandText = sql;
            foreach ((string name, _) in parameters)
            {
                DbParameter parameter = command.CreateParameter();
                parameter.ParameterName = "@" + name;
                command.Parameters.Add(parameter);
            }

            commands.Add(sql, command);
        }

        command.Transaction = transaction;
        for (int i = 0; i < parameters.Length; i++)
        {
            command.Parameters[i].Value = parameters[i].Value ?? DBNull.Value;
        }

        return command;
    }
}
