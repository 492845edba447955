using System.Data.Common;
using System.Diagnostics.CodeAnalysis;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>A statement of one connection, with its parameters and columns by name.</summary>
[SuppressMessage("Design", "CA1001", Justification = "The connection disposes its commands.")]
internal sealed class SqlStatement
{
    private readonly DbCommand _command;
    private readonly Dictionary<string, DbParameter> _parameters = [];
    private readonly Func<object?, object?> _toStored;
    private Dictionary<string, int>? _columns;

    /// <param name="connection">The connection.</param>
    /// <param name="sql">The statement.</param>
    /// <param name="toStored">Turns a value into one that the database can store.</param>
    [SuppressMessage("Security", "CA2100", Justification = "Every statement consists of constants; values from outside are parameters.")]
    public SqlStatement(DbConnection connection, string sql, Func<object?, object?> toStored)
    {
        _toStored = toStored;
        _command = connection.CreateCommand();
        _command.CommandText = sql;
    }

    /// <summary>The command, ready to run in a transaction with these values.</summary>
    /// <exception cref="ArgumentException">The statement was run before with parameters of other names.</exception>
    public DbCommand Bind(DbTransaction? transaction, (string Name, object? Value)[] values)
    {
        if (_parameters.Count == 0)
        {
            foreach ((string name, _) in values)
            {
                DbParameter parameter = _command.CreateParameter();
                parameter.ParameterName = "@" + name;
                _command.Parameters.Add(parameter);
                _parameters.Add(name, parameter);
            }
        }

        // No value of the last run may remain.
        if (values.Length != _parameters.Count)
        {
            throw new ArgumentException($"The statement has {_parameters.Count} parameters, not {values.Length}: {_command.CommandText}", nameof(values));
        }

        foreach ((string name, object? value) in values)
        {
            if (!_parameters.TryGetValue(name, out DbParameter? parameter))
            {
                throw new ArgumentException($"The statement has no parameter {name}: {_command.CommandText}", nameof(values));
            }

            parameter.Value = _toStored(value) ?? DBNull.Value;
        }

        _command.Transaction = transaction;
        return _command;
    }

    /// <summary>The columns of its result by name.</summary>
    public Dictionary<string, int> GetColumns(DbDataReader reader)
    {
        if (_columns is null)
        {
            _columns = [];
            for (int i = 0; i < reader.FieldCount; i++)
            {
                _columns.Add(reader.GetName(i), i);
            }
        }

        return _columns;
    }
}
