using System.Data.Common;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>One row of a result, read by the names of its columns.</summary>
internal readonly struct SqlRow(DbDataReader reader, Dictionary<string, int> columns)
{
    public string Text(string column) => reader.GetString(columns[column]);

    public string? TextOrNull(string column) => IsNull(column) ? null : Text(column);

    public long Number(string column) => reader.GetInt64(columns[column]);

    public long? NumberOrNull(string column) => IsNull(column) ? null : Number(column);

    public DateTimeOffset Moment(string column) => Stored.ToMoment(Number(column));

    public DateTimeOffset? MomentOrNull(string column) => IsNull(column) ? null : Moment(column);

    /// <summary>The names of its columns, in their order.</summary>
    public string[] Columns => [.. columns.OrderBy(column => column.Value).Select(column => column.Key)];

    /// <summary>Its values as the database has them, in the order of <see cref="Columns"/>.</summary>
    public object?[] Values
    {
        get
        {
            object?[] values = new object?[reader.FieldCount];
            for (int i = 0; i < values.Length; i++)
            {
                values[i] = reader.IsDBNull(i) ? null : reader.GetValue(i);
            }

            return values;
        }
    }

    private bool IsNull(string column) => reader.IsDBNull(columns[column]);
}
