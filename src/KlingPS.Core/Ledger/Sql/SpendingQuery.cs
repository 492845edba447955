using KlingPS.Core.Model;
using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>Adds up what counts against limits, as far as they are set.</summary>
internal static class SpendingQuery
{
    /// <summary>1 for a record <c>t</c> of what earlier versions have recorded and is no price. It counts as <see cref="TaskColumns"/> reads it.</summary>
    public const string IsNoPrice = "(CASE WHEN t.reserved BETWEEN 0 AND @most AND COALESCE(t.consumed, 0) BETWEEN 0 AND @most THEN 0 ELSE 1 END)";

    /// <summary>What an account, and a run of it, has spent and set aside.</summary>
    /// <param name="session">The session.</param>
    /// <param name="account">The account.</param>
    /// <param name="limit">The limits.</param>
    /// <param name="zone">The user's time zone, which says when the day began unless the ledger does.</param>
    public static async Task<Spending> ReadAsync(SqlSession session, string account, BudgetLimit limit, TimeZoneInfo zone)
    {
        decimal runCredits = 0;
        long runTasks = 0;
        decimal dayCredits = 0;
        if (limit.MaxCredits is not null)
        {
            runCredits = await SumAsync(session, account, "t.run_id = @since", limit.RunId).ConfigureAwait(false);
        }

        if (limit.MaxTasks is not null)
        {
            runTasks = await session.NumberAsync(
                $"SELECT COUNT(*) FROM tasks WHERE {AccountTable.IsOwn("account")} AND run_id = @run AND state IN {TaskTable.PurchaseStates}",
                ("account", account),
                ("run", limit.RunId)).ConfigureAwait(false) ?? 0;
        }

        if (limit.DailyCredits is not null)
        {
            LedgerTime time = await session.GetTimeAsync().ConfigureAwait(false);
            dayCredits = await SumAsync(session, account, "t.created_at >= @since", Stored.FromMoment(BeginningOfDay(time, zone))).ConfigureAwait(false);
        }

        return new Spending(runCredits, runTasks, dayCredits);
    }

    /// <summary>When the day began that a daily limit counts by.</summary>
    /// <param name="time">The time by the ledger.</param>
    /// <param name="zone">The user's time zone.</param>
    public static DateTimeOffset BeginningOfDay(LedgerTime time, TimeZoneInfo zone) => time.Midnight ?? LocalDay.BeginningOf(time.Now, zone);

    private static async Task<decimal> SumAsync(SqlSession session, string account, string condition, object? since)
    {
        (string, object?)[] parameters = [("account", account), ("since", since)];

        // A limit that two keys of one account share has to hold before it is known that they are one account's.
        string where = $"{AccountTable.MayBeOwn("t.account")} AND {condition}";
        long? sum = await session.NumberAsync(
            $"SELECT CASE WHEN COALESCE(MAX({IsNoPrice}), 0) = 0 THEN COALESCE(SUM(CASE WHEN {IsNoPrice} = 0 THEN reserved + COALESCE(consumed, 0) END), 0) END FROM tasks t WHERE {where}",
            [.. parameters, ("most", Stored.FromCredits(VideoPrice.Max))]).ConfigureAwait(false);
        if (sum is long thousandths)
        {
            return Stored.ToCredits(thousandths);
        }

        IReadOnlyList<KlingVideoTask> tasks = await TaskColumns.QueryAsync(session, $"WHERE {where}", parameters).ConfigureAwait(false);
        return tasks.Sum(task => task.CreditsReserved + (task.CreditsConsumed ?? 0));
    }
}
