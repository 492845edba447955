using System.Data.Common;
using System.Globalization;
using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>
/// Finds tasks by the part of their ids that the user has typed. It opens the ledger only for reading, so nothing is created, recovered or
/// changed.
/// </summary>
internal sealed class TaskSuggestions : IDisposable
{
    /// <summary>With more keys than that, a query would have too many parts.</summary>
    private const int MaxKeys = 20;

    private readonly DatabaseConnection _connection;

    private TaskSuggestions(DatabaseConnection connection) => _connection = connection;

    /// <exception cref="DbException">It cannot be read.</exception>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>: there is no ledger.</exception>
    internal static async Task<TaskSuggestions> OpenAsync(IDatabaseEngine engine)
        => new(await engine.ConnectReadOnlyAsync().ConfigureAwait(false));

    /// <summary>The newest tasks whose local id begins with some digits.</summary>
    /// <param name="account">The account's fingerprint; <see langword="null"/> for every account.</param>
    /// <param name="state">The state they are in; <see langword="null"/> for any.</param>
    /// <param name="digits">What the id begins with; may be empty.</param>
    /// <param name="limit">The most to return.</param>
    /// <returns>The tasks, newest first; none if these are not digits.</returns>
    /// <exception cref="DbException">It is not a ledger.</exception>
    public Task<IReadOnlyList<KlingVideoTask>> ListByIdAsync(string? account, KlingTaskState? state, string digits, int limit)
    {
        ArgumentNullException.ThrowIfNull(digits);
        if (digits.Length == 0)
        {
            return ListAsync(account, state, ["TRUE"], limit);
        }

        if (!digits.All(char.IsAsciiDigit) || digits[0] == '0' || !long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long first))
        {
            return Task.FromResult<IReadOnlyList<KlingVideoTask>>([]);
        }

        // 12, 120 to 129, 1200 to 1299 and so on: ranges that can be looked up by the table's key.
        var ranges = new List<string>();
        for (Int128 from = first, width = 1; from + width - 1 <= long.MaxValue; from *= 10, width *= 10)
        {
            ranges.Add(string.Create(CultureInfo.InvariantCulture, $"id BETWEEN {from} AND {from + width - 1}"));
        }

        return ListAsync(account, state, ranges, limit);
    }

    /// <summary>The newest tasks whose id at the service begins with some text.</summary>
    /// <param name="account">The account's fingerprint; <see langword="null"/> for every account.</param>
    /// <param name="start">What the id begins with, case-sensitive; may be empty.</param>
    /// <param name="limit">The most to return.</param>
    /// <returns>The tasks, newest first.</returns>
    /// <exception cref="DbException">It is not a ledger.</exception>
    public Task<IReadOnlyList<KlingVideoTask>> ListByTaskIdAsync(string? account, string start, int limit)
    {
        ArgumentNullException.ThrowIfNull(start);
        return start.Length == 0
            ? ListAsync(account, null, ["task_id IS NOT NULL"], limit)
            : ListAsync(account, null, ["task_id >= @start AND task_id < @end"], limit, ("start", start), ("end", start[..^1] + (char)(start[^1] + 1)));
    }

    /// <summary>See <see cref="IPriceHistory.FindLastAsync"/>.</summary>
    /// <param name="account">The account's fingerprint; <see langword="null"/> for every account.</param>
    /// <param name="spec">The video.</param>
    /// <param name="since">The earliest moment at which it may have been finished.</param>
    /// <exception cref="DbException">It is not a ledger.</exception>
    public Task<PaidVideo?> FindLastPaidAsync(string? account, VideoSpec spec, DateTimeOffset since)
        => SqlPriceHistory.FindLastAsync(new SqlSession(_connection, null), account, spec, since);

    /// <summary>Closes the ledger.</summary>
    public void Dispose() => _connection.Dispose();

    private async Task<IReadOnlyList<KlingVideoTask>> ListAsync(string? account, KlingTaskState? state, IEnumerable<string> conditions, int limit, params (string Name, object? Value)[] parameters)
    {
        var session = new SqlSession(_connection, null);
        var values = new List<(string, object?)>([.. parameters, ("limit", limit)]);
        var narrowings = new List<string>();
        string ofState = state is null ? string.Empty : " AND state = @state";
        if (state is not null)
        {
            values.Add(("state", state.ToString()));
        }

        if (state is not null && (await AccountTable.ListRecordedAsync(session, account).ConfigureAwait(false)).Keys is { Count: <= MaxKeys } keys)
        {
            // Each key by itself, in the order that the index has for its tasks of a state.
            foreach (string key in keys)
            {
                string name = string.Create(CultureInfo.InvariantCulture, $"key{narrowings.Count}");
                values.Add((name, key));
                narrowings.Add($"{ofState} AND account = @{name}");
            }
        }
        else if (account is not null)
        {
            values.Add(("account", account));
            narrowings.Add($"{ofState} AND {AccountTable.IsOwn("account")}");
        }
        else
        {
            narrowings.Add(ofState);
        }

        if (narrowings.Count == 0)
        {
            return [];
        }

        // PostgreSQL before 16 requires a name for each. Each condition is queried on its own: together, all their records would be sorted.
        string ids = string.Join(" UNION ALL ", conditions.SelectMany(condition => narrowings.Select(narrowing
            => $"SELECT id FROM (SELECT id FROM tasks WHERE {condition}{narrowing} ORDER BY id DESC LIMIT @limit) c")));
        return await TaskColumns.QueryAsync(
            session,
            $"WHERE t.id IN ({ids} ORDER BY id DESC LIMIT @limit) ORDER BY t.id DESC",
            [.. values]).ConfigureAwait(false);
    }
}
