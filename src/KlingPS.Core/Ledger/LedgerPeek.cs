using System.Data.Common;
using System.Globalization;
using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger;

/// <summary>
/// A quick look into a ledger, for suggestions: the file is opened for reading alone, so nothing is made, recovered or changed, and
/// closed again.
/// </summary>
public static class LedgerPeek
{
    /// <summary>The newest tasks whose local number begins with some digits.</summary>
    /// <param name="path">The full path of the file.</param>
    /// <param name="account">The account's fingerprint; <see langword="null"/> for every account.</param>
    /// <param name="state">The state they are in; <see langword="null"/> for any.</param>
    /// <param name="digits">What the number begins with; may be empty.</param>
    /// <param name="limit">How many at most.</param>
    /// <returns>The tasks, newest first; none when these are no digits.</returns>
    /// <exception cref="DbException">The file is not there, or is no ledger.</exception>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>: SQLite cannot be loaded.</exception>
    public static IReadOnlyList<KlingVideoTask> ListById(string path, string? account, KlingTaskState? state, string digits, int limit)
    {
        ArgumentNullException.ThrowIfNull(digits);
        if (digits.Length == 0)
        {
            return List(path, account, state, ["TRUE"], limit);
        }

        if (!digits.All(char.IsAsciiDigit) || digits[0] == '0' || !long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long first))
        {
            return [];
        }

        // 12, 120 to 129, 1200 to 1299 and so on: ranges that the index of the table knows.
        var ranges = new List<string>();
        for (Int128 from = first, width = 1; from + width - 1 <= long.MaxValue; from *= 10, width *= 10)
        {
            ranges.Add(string.Create(CultureInfo.InvariantCulture, $"id BETWEEN {from} AND {from + width - 1}"));
        }

        return List(path, account, state, ranges, limit);
    }

    /// <summary>The newest tasks whose id at the service begins with some text.</summary>
    /// <param name="path">The full path of the file.</param>
    /// <param name="account">The account's fingerprint; <see langword="null"/> for every account.</param>
    /// <param name="start">What the id begins with, upper and lower case told apart; may be empty.</param>
    /// <param name="limit">How many at most.</param>
    /// <returns>The tasks, newest first.</returns>
    /// <exception cref="DbException">The file is not there, or is no ledger.</exception>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>: SQLite cannot be loaded.</exception>
    public static IReadOnlyList<KlingVideoTask> ListByTaskId(string path, string? account, string start, int limit)
    {
        ArgumentNullException.ThrowIfNull(start);
        return start.Length == 0
            ? List(path, account, null, ["task_id IS NOT NULL"], limit)
            : List(path, account, null, ["task_id >= @start AND task_id < @end"], limit, ("start", start), ("end", start[..^1] + (char)(start[^1] + 1)));
    }

    private static List<KlingVideoTask> List(string path, string? account, KlingTaskState? state, IEnumerable<string> conditions, int limit, params (string Name, object Value)[] parameters)
    {
        // Where few records can match, the plus keeps the database from going through all of them in the order of the result.
        string order = state is null ? "id" : "+id";
        string narrowing = (account is null ? string.Empty : " AND account = @account") + (state is null ? string.Empty : " AND state = @state");

        // Each condition is asked for by itself: together they would have all their records sorted.
        string ids = string.Join(" UNION ALL ", conditions.Select(condition => $"SELECT id FROM (SELECT id FROM tasks WHERE {condition}{narrowing} ORDER BY {order} DESC LIMIT @limit)"));
        string sql = $"{TaskTable.Select}WHERE t.id IN ({ids} ORDER BY id DESC LIMIT @limit) ORDER BY t.id DESC";
        using DbConnection connection = SqliteDatabase.ConnectForReading(SqliteProvider.Factory, path);
        using DbCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // Put together from constants and numbers; what comes from outside is a parameter.
        command.CommandText = sql;
#pragma warning restore CA2100
        foreach ((string name, object value) in (IEnumerable<(string, object)>)[.. parameters, ("account", account ?? string.Empty), ("state", state?.ToString() ?? string.Empty), ("limit", limit)])
        {
            DbParameter parameter = command.CreateParameter();
            parameter.ParameterName = "@" + name;
            parameter.Value = value;
            command.Parameters.Add(parameter);
        }

        var tasks = new List<KlingVideoTask>();
        using DbDataReader reader = command.ExecuteReader();
        while (reader.Read())
        {
            tasks.Add(TaskTable.Read(reader));
        }

        return tasks;
    }
}
