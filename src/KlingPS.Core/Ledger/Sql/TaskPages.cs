using System.Globalization;
using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>
/// Reads the tasks that a filter lets through in pages, by local id. No transaction is open between two pages, so nobody is held up, and
/// only a page is in memory. Whatever changes in the meantime, no task comes twice, and none that met the filter all along is left out.
/// </summary>
/// <param name="filter">The filter.</param>
/// <param name="owner">This process; see <see cref="TaskFilter.IsOwnAttempt"/>.</param>
internal sealed class TaskPages(TaskFilter filter, string owner)
{
    /// <summary>Someone who wants a few tasks need not wait for more.</summary>
    private const int FirstSize = 50;
    private const int Size = 500;

    /// <summary>With more parts than that, such a query is no longer useful, and the tasks are searched one by one.</summary>
    private const int MaxParts = 200;

    private static readonly string[] s_states = Enum.GetNames<KlingTaskState>();

    private readonly List<string> _conditions = [];
    private readonly List<(string, object?)> _values = [];
    private string? _query;
    private int _size = FirstSize;
    private long _after;

    /// <summary>Whether the last page was read.</summary>
    public bool IsAtEnd { get; private set; }

    /// <summary>The next page; empty at the end. If that fails, it can be read again.</summary>
    public async Task<IReadOnlyList<KlingVideoTask>> ReadNextAsync(SqlSession session)
    {
        _query ??= await ComposeAsync(session).ConfigureAwait(false);
        List<KlingVideoTask> page = _query is null
            ? []
            : await TaskColumns.QueryAsync(session, _query, [.. _values, ("after", _after), ("limit", _size)]).ConfigureAwait(false);
        IsAtEnd = page.Count < _size;
        _after = page.Count == 0 ? _after : page[^1].Id;
        _size = Size;
        return page;
    }

    /// <summary>The query for a page.</summary>
    /// <returns><see langword="null"/> if nothing meets the filter.</returns>
    private async Task<string?> ComposeAsync(SqlSession session)
    {
        _conditions.Clear();
        _values.Clear();
        if (filter.States is { Count: 0 } || await FindSpanAsync(session).ConfigureAwait(false) is not (long first, long last))
        {
            return null;
        }

        _after = first - 1;
        _conditions.Add("t.id > @after AND t.id <= @last");
        _values.Add(("last", last));
        Narrow("t.created_at >= @since", "since", Stored.FromMoment(filter.Since));
        Narrow("t.state = 'Succeeded' AND t.completed_at <= @expired AND t.taken_at IS NULL", "expired", Expired);
        if (filter.IsOwnAttempt)
        {
            // There are few of them, and they are looked up by their owner.
            _conditions[0] = "+t.id > @after AND +t.id <= @last";
            Narrow("t.owner = @owner", "owner", owner);
        }

        if (filter.Unsaved)
        {
            _conditions.Add("t.state = 'Succeeded' AND t.saved_path IS NULL AND f.saved_path IS NULL AND t.taken_at IS NULL");
        }

        IEnumerable<string>? states = filter.States?.Select(state => state.ToString()) ?? (filter.ExpiresBy is null ? null : [nameof(KlingTaskState.Succeeded)]);
        if (!filter.IsOwnAttempt && !filter.Unsaved && (states is not null || filter.Account is not null))
        {
            (IReadOnlyList<string> accounts, bool areAll) = await AccountTable.ListRecordedAsync(session, filter.Account).ConfigureAwait(false);
            string[] wanted = [.. states ?? s_states];
            if (accounts.Count == 0)
            {
                return null;
            }

            if (!(areAll && states is null) && accounts.Count * wanted.Length <= MaxParts)
            {
                return ComposeParts(accounts, wanted);
            }
        }

        Narrow(AccountTable.IsOwn("t.account"), "account", filter.Account);
        if (states is not null)
        {
            // The names are the module's own.
            _conditions.Add($"t.state IN ({string.Join(", ", states.Select(state => $"'{state}'"))})");
        }

        return $"WHERE {string.Join(" AND ", _conditions)} ORDER BY t.id LIMIT @limit";
    }

    /// <summary>One part for each account and state: each is read in the order of the result, and no further than a page reaches.</summary>
    private string ComposeParts(IReadOnlyList<string> accounts, IReadOnlyList<string> states)
    {
        string conditions = string.Join(" AND ", _conditions);
        var parts = new List<string>();
        for (int i = 0; i < accounts.Count; i++)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"account{i}");
            _values.Add((name, accounts[i]));
            parts.AddRange(states.Distinct().Select(state
                => $"SELECT id FROM (SELECT t.id FROM tasks t WHERE t.account = @{name} AND t.state = '{state}' AND {conditions} ORDER BY t.id LIMIT @limit) c"));
        }

        return $"WHERE t.id IN ({string.Join(" UNION ALL ", parts)} ORDER BY id LIMIT @limit) ORDER BY t.id";
    }

    private long? Expired => Stored.FromMoment(filter.ExpiresBy - TaskTransitions.LinkLifetime);

    /// <summary>The ids that the tasks lie between. What is added later is no longer listed.</summary>
    /// <remarks>The sum keeps PostgreSQL from searching all tasks for the first id in the order of their ids.</remarks>
    private async Task<(long First, long Last)?> FindSpanAsync(SqlSession session)
    {
        (string condition, long? value) = filter switch
        {
            { Since: DateTimeOffset since } => ("WHERE created_at >= @value", Stored.FromMoment(since)),
            { ExpiresBy: not null, Unsaved: false } => ("WHERE state = 'Succeeded' AND completed_at <= @value", Expired),
            _ => (string.Empty, default(long?)),
        };
        (long? first, long? last) = value is null
            ? (1, await session.NumberAsync("SELECT MAX(id) FROM tasks").ConfigureAwait(false))
            : (await session.QueryAsync(
                $"SELECT MIN(id + 0) AS first_id, MAX(id + 0) AS last_id FROM tasks {condition}",
                row => (row.NumberOrNull("first_id"), row.NumberOrNull("last_id")),
                ("value", value)).ConfigureAwait(false))[0];
        return first is long from && last is long to ? (from, to) : null;
    }

    private void Narrow(string condition, string name, object? value)
    {
        if (value is not null)
        {
            _conditions.Add(condition);
            _values.Add((name, value));
        }
    }
}
