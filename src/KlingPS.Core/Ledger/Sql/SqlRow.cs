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

    private bool IsNull(string column) => reader.IsDBNull(columns[column]);
}
