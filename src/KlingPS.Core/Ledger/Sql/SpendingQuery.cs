using KlingPS.Core.Model;
using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>Adds up what counts against the limits that are set.</summary>
internal static class SpendingQuery
{
    /// <summary>1 for a record <c>t</c> whose credits, written by an earlier version, are not a price. It counts as <see cref="TaskColumns"/> reads it.</summary>
    public const string IsNoPrice = "(CASE WHEN t.reserved BETWEEN 0 AND @most AND COALESCE(t.consumed, 0) BETWEEN 0 AND @most THEN 0 ELSE 1 END)";

    /// <summary>How far ahead of the clock a record may be and still count today: the clock may have been put right by hours since, but what was recorded by one that was further off belongs to no day near this one.</summary>
    private static readonly TimeSpan s_longestAhead = TimeSpan.FromDays(1);

    /// <summary>What an account, and a run of it, has spent and set aside.</summary>
    /// <param name="session">The session.</param>
    /// <param name="account">The account.</param>
    /// <param name="limit">The limits.</param>
    /// <param name="zone">The user's time zone, which determines when the day began unless the ledger does.</param>
    public static async Task<Spending> ReadAsync(SqlSession session, string account, BudgetLimit limit, TimeZoneInfo zone)
    {
        decimal runCredits = 0;
        long runTasks = 0;
        decimal dayCredits = 0;
        if (limit.MaxCredits is not null)
        {
            runCredits = await SumAsync(session, account, "spent_by_run", "run_id = @run", "t.run_id = @run", ("run", limit.RunId)).ConfigureAwait(false);
        }

        if (limit.MaxTasks is not null)
        {
            runTasks = await session.NumberAsync(
                $"SELECT SUM(bought) FROM spent_by_run WHERE {AccountTable.IsOwn("account")} AND run_id = @run",
                ("account", account),
                ("run", limit.RunId)).ConfigureAwait(false) ?? 0;
        }

        if (limit.DailyCredits is not null)
        {
            LedgerTime time = await session.GetTimeAsync().ConfigureAwait(false);
            dayCredits = await SumAsync(session, account, Stored.FromMoment(BeginningOfDay(time, zone)), Stored.FromMoment(time.Now + s_longestAhead)).ConfigureAwait(false);
        }

        return new Spending(runCredits, runTasks, dayCredits);
    }

    /// <summary>When the current day of the daily limit began.</summary>
    /// <param name="time">The ledger's time.</param>
    /// <param name="zone">The user's time zone.</param>
    public static DateTimeOffset BeginningOfDay(LedgerTime time, TimeZoneInfo zone) => time.Midnight ?? LocalDay.BeginningOf(time.Now, zone);

    private static async Task<decimal> SumAsync(SqlSession session, string account, long since, long latest)
    {
        long first = (since + SpendingSums.Slot - 1) / SpendingSums.Slot;
        long until = first * SpendingSums.Slot;
        decimal sum = await SumAsync(
            session,
            account,
            "spent_by_time",
            "slot >= @first AND slot <= @last",
            $"t.created_at >= @first * {SpendingSums.Slot} AND t.created_at < (@last + 1) * {SpendingSums.Slot}",
            ("first", first),
            ("last", latest / SpendingSums.Slot)).ConfigureAwait(false);

        // Only in a made-up time zone does a day begin in the middle of a quarter of an hour.
        return until == since
            ? sum
            : sum + await AddUpAsync(session, account, "t.created_at >= @since AND t.created_at < @until", ("since", since), ("until", until)).ConfigureAwait(false);
    }

    /// <summary>A sum that the ledger keeps, plus the records in it whose credits are not a price.</summary>
    /// <param name="session">The session.</param>
    /// <param name="account">The account.</param>
    /// <param name="table">The table of the sum.</param>
    /// <param name="condition">The condition that selects the sums.</param>
    /// <param name="records">The same condition for the records <c>t</c> that they cover.</param>
    /// <param name="values">The parameters of both conditions.</param>
    private static async Task<decimal> SumAsync(SqlSession session, string account, string table, string condition, string records, params (string, object?)[] values)
    {
        (long credits, bool hasWrong) = (await session.QueryAsync(
            $"SELECT CAST(COALESCE(SUM(credits), 0) AS BIGINT) AS credits, CAST(COALESCE(SUM(wrong), 0) AS BIGINT) AS wrong FROM {table} WHERE {Counts("account")} AND {condition}",
            row => (row.Number("credits"), row.Number("wrong") != 0),
            [("account", account), .. values]).ConfigureAwait(false)).Single();
        return Stored.ToCredits(credits) + (hasWrong ? await AddUpAsync(session, account, $"{SpendingSums.IsWrong("t")} AND {records}", values).ConfigureAwait(false) : 0);
    }

    /// <summary>Adds up the records themselves as they are read.</summary>
    private static async Task<decimal> AddUpAsync(SqlSession session, string account, string condition, params (string, object?)[] values)
    {
        IReadOnlyList<KlingVideoTask> tasks = await TaskColumns.QueryAsync(session, $"WHERE {Counts("t.account")} AND {condition}", [("account", account), .. values]).ConfigureAwait(false);
        return tasks.Sum(task => task.CreditsReserved + (task.CreditsConsumed ?? 0));
    }

    /// <summary>A limit that two keys of one account share applies even before it is known that they belong to one account.</summary>
    private static string Counts(string column) => AccountTable.MayBeOwn(column);
}
