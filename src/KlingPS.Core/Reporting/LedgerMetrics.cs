using KlingPS.Core.Ledger;
using KlingPS.Core.Model;

namespace KlingPS.Core.Reporting;

/// <summary>What a monitor should know about an account: its last runs and their outcomes, what was spent today, and what is left to do.</summary>
internal sealed record LedgerMetrics
{
    /// <summary>How a file of metrics begins: only such a file is replaced.</summary>
    public const string Mark = "# HELP klingps_";

    /// <summary>The codes of runs that leave nothing to do; see <see cref="RunOutcome"/>.</summary>
    private static readonly int[] s_success = [(int)RunOutcome.AllThere, (int)RunOutcome.NothingToDo];

    /// <summary>The account, identified by the fingerprint of the first key that was known for it.</summary>
    public required string Account { get; init; }

    /// <summary>The run that began last, if one is recorded.</summary>
    public RunRecord? LastRun { get; init; }

    /// <summary>The run that ended last, if one is recorded.</summary>
    public RunRecord? LastEnded { get; init; }

    /// <summary>Of the runs that left nothing to do, the one that ended last, if one is recorded.</summary>
    public RunRecord? LastSuccess { get; init; }

    /// <summary>Today's spending; the day is the one that the daily limit counts by.</summary>
    public KlingSpend? Today { get; init; }

    /// <summary>The credits that count against a daily limit so far.</summary>
    public decimal CountedToday { get; init; }

    /// <summary>All spending so far.</summary>
    public KlingSpend? Ever { get; init; }

    /// <summary>The credits that the account has left, if they were queried.</summary>
    public decimal? Balance { get; init; }

    /// <summary>The most credits that may be spent in a day, if there is a limit.</summary>
    public decimal? DailyCap { get; init; }

    /// <summary>Finished videos that are neither saved nor taken elsewhere.</summary>
    public int Unsaved { get; init; }

    /// <summary>When the first of their links is expected to expire.</summary>
    public DateTimeOffset? OldestLinkEnd { get; init; }

    /// <summary>Reads what the ledger knows about an account.</summary>
    /// <param name="ledger">The ledger.</param>
    /// <param name="account">The account.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    public static async Task<LedgerMetrics> ReadAsync(ITaskLedger ledger, string account, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(ledger);
        DateTimeOffset midnight = await ledger.Spending.FindTodayAsync(cancellationToken).ConfigureAwait(false);
        IReadOnlyList<KlingVideoTask> unsaved = await ledger.Tasks.ListAsync(new TaskFilter { Account = account, Unsaved = true }, cancellationToken).ConfigureAwait(false);
        return new LedgerMetrics
        {
            Account = account,
            LastRun = await ledger.Runs.FindLastAsync(new RunFilter { Account = account }, cancellationToken).ConfigureAwait(false),
            LastEnded = await ledger.Runs.FindLastAsync(new RunFilter { Account = account, HasEnded = true }, cancellationToken).ConfigureAwait(false),
            LastSuccess = await ledger.Runs.FindLastAsync(new RunFilter { Account = account, ExitCodes = s_success }, cancellationToken).ConfigureAwait(false),
            Today = await SumAsync(ledger, new SpendFilter { Account = account, Since = midnight }, cancellationToken).ConfigureAwait(false),
            CountedToday = await ledger.Spending.SumTodayAsync(account, cancellationToken).ConfigureAwait(false),
            Ever = await SumAsync(ledger, new SpendFilter { Account = account }, cancellationToken).ConfigureAwait(false),
            Unsaved = unsaved.Count,
            OldestLinkEnd = unsaved.Min(task => task.ExpiresAt),
        };
    }

    /// <summary>The metrics of accounts as a file for Prometheus.</summary>
    /// <param name="accounts">The accounts.</param>
    /// <param name="version">The version of the module.</param>
    /// <param name="now">The present moment.</param>
    public static string Write(IReadOnlyList<LedgerMetrics> accounts, string version, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(accounts);
        var text = new MetricText();
        text.Gauge("klingps_build_info", "The version of KlingPS that wrote this file, as a label; the value is always 1.", [(1, [("version", version)])]);
        text.Gauge("klingps_export_timestamp_seconds", "When this file was written.", [(Seconds(now), [])]);
        Add("klingps_last_run_timestamp_seconds", "When the last run of ConvertTo-KlingVideo began.", metrics => Seconds(metrics.LastRun?.StartedAt));
        Add("klingps_last_run_end_timestamp_seconds", "When the last completed run ended. Earlier than the start of the last run while that one is going on, or if it was killed.", metrics => Seconds(metrics.LastEnded?.EndedAt));
        Add("klingps_last_success_timestamp_seconds", "When the last run that left nothing to do ended (exit code 0 or 3).", metrics => Seconds(metrics.LastSuccess?.EndedAt));
        Add("klingps_last_run_duration_seconds", "How long the last completed run took.", metrics => metrics.LastEnded is { EndedAt: DateTimeOffset ended } run ? (decimal)Math.Max(0, (ended - run.StartedAt).TotalSeconds) : null);
        Add("klingps_last_run_exit_code", "The exit code of the last completed run; about_KlingPS_Automation says what each means.", metrics => metrics.LastEnded?.Result?.ExitCode);
        text.Gauge(
            "klingps_last_run_images",
            "The images of the last completed run, by outcome. Those made, reused and taken have their video.",
            accounts.SelectMany(metrics => Results(metrics.LastEnded?.Result).Select(result => (result.Count, Labels(metrics, ("result", result.Name))))));
        Add("klingps_today_consumed_credits", "Credits that the service has taken for what was asked for today, by the day of the daily limit.", metrics => metrics.Today?.CreditsConsumed ?? 0);
        Add("klingps_today_reserved_credits", "Credits set aside for what was asked for today, by the day of the daily limit, and is not finished.", metrics => metrics.Today?.CreditsReserved ?? 0);
        Add("klingps_daily_cap_credits", "The most credits that may be spent in a day (DailyCreditCap).", metrics => metrics.DailyCap);
        Add(
            "klingps_daily_cap_left_credits",
            "Credits that may still be spent today.",
            metrics => metrics.DailyCap is decimal cap ? Math.Max(0, cap - metrics.CountedToday) : null);
        Add("klingps_balance_credits", "Credits that the account has left at the service.", metrics => metrics.Balance);
        Add("klingps_unknown_attempts", "Requests whose acceptance is unknown; a person has to resolve each.", metrics => metrics.Ever?.Unknown ?? 0);
        Add("klingps_pending_videos", "Videos that are paid for and being made.", metrics => metrics.Ever?.Pending ?? 0);
        Add("klingps_unsaved_videos", "Videos that are finished and neither saved nor taken elsewhere.", metrics => metrics.Unsaved);
        Add("klingps_oldest_unsaved_link_end_timestamp_seconds", "When the first link to a video that is not saved is expected to end.", metrics => Seconds(metrics.OldestLinkEnd));
        return text.ToString();

        void Add(string name, string help, Func<LedgerMetrics, decimal?> value) => text.Gauge(name, help, accounts.Select(metrics => (value(metrics), Labels(metrics))));
    }

    private static async Task<KlingSpend?> SumAsync(ITaskLedger ledger, SpendFilter filter, CancellationToken cancellationToken)
    {
        IReadOnlyList<KlingSpend> sums = await ledger.Spending.SumAsync(filter, KlingSpendGroup.Account, cancellationToken).ConfigureAwait(false);
        return sums.Count == 0 ? null : sums.Aggregate((one, other) => one.Add(other));
    }

    private static (string Name, decimal? Count)[] Results(RunResult? result) => result is null ? [] :
    [
        ("made", result.Made), ("reused", result.Downloaded + result.Present), ("taken", result.Taken), ("pending", result.Pending), ("over_limit", result.OverLimit),
        ("failed", result.Failed), ("unknown", result.Unknown), ("refused", result.Refused),
    ];

    private static (string, string)[] Labels(LedgerMetrics metrics, params (string, string)[] more) => [("account", metrics.Account), .. more];

    private static decimal? Seconds(DateTimeOffset? moment) => moment?.ToUnixTimeMilliseconds() / 1000m;
}
