using System.Globalization;
using System.Text;
using KlingPS.Core.Model;
using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Ledger.Sql;

/// <inheritdoc cref="ISpendHistory"/>
/// <param name="store">The database.</param>
/// <param name="tasks">Settles what is still open before it is added up.</param>
/// <param name="time">The clock of this process, for its time zone.</param>
internal sealed class SqlSpendHistory(SqlStore store, SqlTaskJournal tasks, TimeProvider time) : ISpendHistory
{
    private const long MillisecondsOfDay = 86_400_000;

    private const string Source = """
        FROM tasks t LEFT JOIN account_keys k ON k.fingerprint = t.account

        """;

    /// <summary>The condition that a later task has produced the video of a failed one.</summary>
    private const string IsMadeGood = """
        EXISTS (SELECT 1 FROM tasks l LEFT JOIN account_keys lk ON lk.fingerprint = l.account
            WHERE l.identity = t.identity AND l.id > t.id AND l.state = 'Succeeded' AND COALESCE(lk.account, l.account) = COALESCE(k.account, t.account))
        """;

    /// <summary>
    /// A path without its last part, or the further parameters if there is none. On a system where paths begin with a slash, a backslash
    /// is a character like any other.
    /// </summary>
    private const string Folder = """
        CASE WHEN t.source_path IS NULL THEN t.parameters
            WHEN t.source_path LIKE '/%' THEN RTRIM(t.source_path, REPLACE(t.source_path, '/', ''))
            ELSE RTRIM(t.source_path, REPLACE(REPLACE(t.source_path, '/', ''), '\', '')) END
        """;

    private static readonly DateTimeOffset s_firstYear = DateTimeOffset.UnixEpoch;

    /// <inheritdoc/>
    public async Task<IReadOnlyList<KlingSpend>> SumAsync(SpendFilter filter, KlingSpendGroup group, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(filter);
        await tasks.TryRecoverAsync(cancellationToken).ConfigureAwait(false);
        List<(string Name, KlingSpend Sum)> sums = await store.ReadAsync(session => SumAsync(session, filter, group), cancellationToken).ConfigureAwait(false);
        IEnumerable<KlingSpend> groups = sums
            .GroupBy(sum => sum.Name, sum => sum.Sum, NameComparer(group))
            .Select(parts => parts.Aggregate((one, other) => one.Add(other)) with { Group = parts.Key.Length == 0 ? null : parts.Key });
        return group switch
        {
            KlingSpendGroup.Day or KlingSpendGroup.Month => [.. groups.OrderBy(sum => sum.Group, StringComparer.Ordinal)],
            KlingSpendGroup.Run => [.. groups.OrderBy(sum => sum.Group is null).ThenBy(sum => sum.First).ThenBy(sum => sum.Group, StringComparer.Ordinal)],
            _ => [.. groups.OrderByDescending(sum => sum.CreditsConsumed + sum.CreditsReserved).ThenBy(sum => sum.Group, StringComparer.Ordinal)],
        };
    }

    /// <inheritdoc/>
    public Task<DateTimeOffset> FindTodayAsync(CancellationToken cancellationToken)
        => store.ReadAsync(async session => SpendingQuery.BeginningOfDay(await session.GetTimeAsync().ConfigureAwait(false), time.LocalTimeZone), cancellationToken);

    /// <inheritdoc/>
    public Task<decimal> SumTodayAsync(string account, CancellationToken cancellationToken) => store.ReadAsync(
        async session => (await SpendingQuery.ReadAsync(session, account, new BudgetLimit { DailyCredits = 0 }, time.LocalTimeZone).ConfigureAwait(false)).DayCredits,
        cancellationToken);

    private async Task<List<(string Name, KlingSpend Sum)>> SumAsync(SqlSession session, SpendFilter filter, KlingSpendGroup group)
    {
        var conditions = new List<string> { "TRUE" };
        var parameters = new List<(string, object?)>();
        void Narrow(string condition, string name, object? value)
        {
            if (value is not null)
            {
                conditions.Add(condition);
                parameters.Add((name, value));
            }
        }

        Narrow(AccountTable.IsOwn("t.account"), "account", filter.Account);
        Narrow("t.created_at >= @since", "since", Stored.FromMoment(filter.Since));
        Narrow("t.created_at < @until", "until", Stored.FromMoment(filter.Until));
        string where = "WHERE " + string.Join(" AND ", conditions);
        string key = await GetKeyAsync(session, group, where, parameters).ConfigureAwait(false);
        (string, object?)[] values = [.. parameters, ("most", Stored.FromCredits(VideoPrice.Max))];

        List<(string Name, KlingSpend Sum, bool IsComplete)> sums = await session.QueryAsync(
            $"""
            SELECT {key} AS name,
                COUNT(CASE WHEN t.state = 'Succeeded' THEN 1 END) AS videos,
                COUNT(CASE WHEN t.state = 'Failed' THEN 1 END) AS failures,
                COUNT(CASE WHEN t.state = 'Failed' AND {IsMadeGood} THEN 1 END) AS made_good,
                COUNT(CASE WHEN t.state = 'Rejected' THEN 1 END) AS refused,
                COUNT(CASE WHEN t.state = 'Unknown' THEN 1 END) AS unknown,
                COUNT(CASE WHEN t.state IN ('Submitting', 'Waiting', 'Queuing', 'Generating') THEN 1 END) AS pending,
                CAST(SUM(CASE WHEN {SpendingQuery.IsNoPrice} = 0 THEN COALESCE(t.consumed, 0) ELSE 0 END) AS BIGINT) AS consumed,
                CAST(SUM(CASE WHEN {SpendingQuery.IsNoPrice} = 0 THEN t.reserved ELSE 0 END) AS BIGINT) AS reserved,
                MAX({SpendingQuery.IsNoPrice}) AS wrong,
                MIN(t.created_at) AS first_at, MAX(t.created_at) AS last_at
            {Source}{where} GROUP BY 1
            """,
            row => (NameOf(row, group), Read(row, group), row.Number("wrong") == 0),
            values).ConfigureAwait(false);
        List<(string Name, KlingSpend Sum)> known = [.. sums.Select(sum => (sum.Name, sum.Sum))];
        if (sums.All(sum => sum.IsComplete))
        {
            return known;
        }

        // Earlier versions have recorded values that are not prices. What they count as depends on the video.
        foreach ((string name, long id) in await session.QueryAsync(
            $"SELECT {key} AS name, t.id {Source}{where} AND {SpendingQuery.IsNoPrice} = 1",
            row => (NameOf(row, group), row.Number("id")),
            values).ConfigureAwait(false))
        {
            KlingVideoTask task = await TaskTable.GetAsync(session, id).ConfigureAwait(false);
            known.Add((name, new KlingSpend
            {
                GroupBy = group.ToString(),
                Group = null,
                CreditsConsumed = task.CreditsConsumed ?? 0,
                CreditsReserved = task.CreditsReserved,
                First = task.CreatedAt,
                Last = task.CreatedAt,
            }));
        }

        return known;
    }

    private static KlingSpend Read(SqlRow row, KlingSpendGroup group) => new()
    {
        GroupBy = group.ToString(),
        Group = null,
        Videos = (int)row.Number("videos"),
        Failures = (int)row.Number("failures"),
        FailuresMadeGood = (int)row.Number("made_good"),
        Refused = (int)row.Number("refused"),
        Unknown = (int)row.Number("unknown"),
        Pending = (int)row.Number("pending"),
        CreditsConsumed = VideoPrice.Plain(Stored.ToCredits(row.Number("consumed"))),
        CreditsReserved = VideoPrice.Plain(Stored.ToCredits(row.Number("reserved"))),
        First = row.Moment("first_at"),
        Last = row.Moment("last_at"),
    };

    /// <summary>What the database groups by. Days are combined into months here, as databases disagree about months.</summary>
    private async Task<string> GetKeyAsync(SqlSession session, KlingSpendGroup group, string where, List<(string, object?)> parameters) => group switch
    {
        KlingSpendGroup.Folder => Folder,
        KlingSpendGroup.Model => "t.model",
        KlingSpendGroup.Prompt => "(SELECT p.text FROM texts p WHERE p.id = t.prompt_id)",
        KlingSpendGroup.Run => "t.run_id",
        KlingSpendGroup.Account => "COALESCE(k.account, t.account)",
        _ => $"(t.created_at + {await GetOffsetAsync(session, where, parameters).ConfigureAwait(false)}) / {MillisecondsOfDay}",
    };

    /// <summary>How far ahead of UTC the time that days are counted by was when a task was created, in milliseconds.</summary>
    private async Task<string> GetOffsetAsync(SqlSession session, string where, List<(string, object?)> parameters)
    {
        (DateTimeOffset? first, DateTimeOffset? last) = (await session.QueryAsync(
            $"SELECT MIN(t.created_at) AS first_at, MAX(t.created_at) AS last_at {Source}{where}",
            row => (row.MomentOrNull("first_at"), row.MomentOrNull("last_at")),
            [.. parameters]).ConfigureAwait(false))[0];

        TimeZoneInfo zone = await session.FindZoneAsync().ConfigureAwait(false) ?? time.LocalTimeZone;

        // A time that comes from another clock may be in any year.
        DateTimeOffset end = time.GetUtcNow() + TimeSpan.FromDays(1);
        IReadOnlyList<(TimeSpan Offset, DateTimeOffset? Until)> offsets = LocalDay.FindOffsets(zone, first ?? s_firstYear, last < end ? last.Value : end);
        var text = new StringBuilder("CASE");
        foreach ((TimeSpan offset, DateTimeOffset? until) in offsets)
        {
            text.Append(CultureInfo.InvariantCulture, $" WHEN {(until is DateTimeOffset change ? $"t.created_at < {Stored.FromMoment(change)}" : "TRUE")} THEN {(long)offset.TotalMilliseconds}");
        }

        return text.Append(" END").ToString();
    }

    /// <summary>The name of a group; empty for none.</summary>
    private static string NameOf(SqlRow row, KlingSpendGroup group) => group switch
    {
        KlingSpendGroup.Day => DateOf(row.Number("name")).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
        KlingSpendGroup.Month => DateOf(row.Number("name")).ToString("yyyy-MM", CultureInfo.InvariantCulture),
        KlingSpendGroup.Folder => FolderOf(FindFile(row.TextOrNull("name") ?? string.Empty)),
        _ => row.TextOrNull("name") ?? string.Empty,
    };

    private static DateTime DateOf(long day) => DateTime.UnixEpoch.AddDays(Math.Clamp(day, 0, (DateTime.MaxValue - DateTime.UnixEpoch).Days));

    /// <summary>The folder of the image, without its name; else that of the file named by further parameters.</summary>
    private static string FindFile(string source)
    {
        if (!source.StartsWith('{'))
        {
            return source;
        }

        MoreParameters more = MoreParameters.Read(source);
        return more.Video?.Path ?? more.Audio?.Path ?? string.Empty;
    }

    /// <summary>The folder of a file, which may be on another system. Only a root keeps the separator at its end.</summary>
    private static string FolderOf(string path)
    {
        int end = path.StartsWith('/') ? path.LastIndexOf('/') : path.LastIndexOfAny(['/', '\\']);
        bool isRoot = end == 0 || (end == 2 && path[1] == ':');
        return end < 0 ? path : path[..(isRoot ? end + 1 : end)];
    }

    private static StringComparer NameComparer(KlingSpendGroup group)
        => group == KlingSpendGroup.Folder && OperatingSystem.IsWindows() ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal;
}
