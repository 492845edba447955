using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>Adds up what counts against limits, as far as they are set.</summary>
internal static class SpendingQuery
{
    private static readonly string s_credits = $"SELECT COALESCE(SUM(reserved + COALESCE(consumed, 0)), 0) FROM tasks WHERE {AccountTable.IsOwn("account")} AND ";

    /// <summary>What an account, and a run of it, has spent and set aside.</summary>
    /// <param name="session">The session.</param>
    /// <param name="account">The account.</param>
    /// <param name="limit">The limits.</param>
    /// <param name="zone">The user's time zone, which says when the day began.</param>
    public static async Task<Spending> ReadAsync(SqlSession session, string account, BudgetLimit limit, TimeZoneInfo zone)
    {
        decimal runCredits = 0;
        long runTasks = 0;
        decimal dayCredits = 0;
        if (limit.MaxCredits is not null)
        {
            runCredits = Stored.ToCredits(await session.NumberAsync(s_credits + "run_id = @run", ("account", account), ("run", limit.RunId)).ConfigureAwait(false) ?? 0);
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
            dayCredits = Stored.ToCredits(await session.NumberAsync(
                s_credits + "created_at >= @midnight",
                ("account", account),
                ("midnight", Stored.FromMoment(GetMidnight(time.Now, zone)))).ConfigureAwait(false) ?? 0);
        }

        return new Spending(runCredits, runTasks, dayCredits);
    }

    /// <summary>When the local day began.</summary>
    private static DateTimeOffset GetMidnight(DateTimeOffset now, TimeZoneInfo zone)
    {
        DateTime day = TimeZoneInfo.ConvertTime(now, zone).Date;
        return new DateTimeOffset(day, zone.GetUtcOffset(day));
    }
}
