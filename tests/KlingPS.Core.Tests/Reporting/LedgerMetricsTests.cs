using System.Diagnostics;
using CsCheck;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Reporting;

namespace KlingPS.Core.Tests.Reporting;

public sealed class LedgerMetricsTests
{
    private static readonly DateTimeOffset s_now = new(2026, 11, 26, 2, 15, 0, 500, TimeSpan.Zero);

    private static LedgerMetrics Full => new()
    {
        Account = "0123456789abcdef",
        LastRun = new RunRecord("2", "0123456789abcdef", "ConvertTo-KlingVideo", s_now),
        LastEnded = new RunRecord("1", "0123456789abcdef", "ConvertTo-KlingVideo", s_now.AddDays(-1))
        {
            EndedAt = s_now.AddDays(-1).AddMinutes(3),
            Result = new RunResult { Outcome = "Partly", ExitCode = 2, Made = 3, Downloaded = 1, Present = 4, Failed = 1, Unknown = 1, Refused = 1, OverLimit = 2, Pending = 1 },
        },
        Today = new KlingSpend { GroupBy = "Account", Group = null, CreditsConsumed = 83.875m, CreditsReserved = 42 },
        CountedToday = 125.875m,
        Ever = new KlingSpend { GroupBy = "Account", Group = null, Unknown = 1, Pending = 1 },
        Balance = 5916.25m,
        DailyCap = 500,
        Unsaved = 2,
        OldestLinkEnd = s_now.AddHours(5),
    };

    [Fact]
    public void Every_metric_has_its_value_and_its_account()
    {
        IReadOnlyList<PrometheusSample> samples = PrometheusText.Read(LedgerMetrics.Write([Full], "0.1.0", s_now));

        Assert.Equal(1795659300.5, Value("klingps_last_run_timestamp_seconds"));
        Assert.Equal(180, Value("klingps_last_run_duration_seconds"));
        Assert.Equal(2, Value("klingps_last_run_exit_code"));
        Assert.Equal((83.875, 42, 374.125, 5916.25), (Value("klingps_today_consumed_credits"), Value("klingps_today_reserved_credits"), Value("klingps_daily_cap_left_credits"), Value("klingps_balance_credits")));
        Assert.Equal((1, 1, 2), (Value("klingps_unknown_attempts"), Value("klingps_pending_videos"), Value("klingps_unsaved_videos")));
        Assert.Equal(1795659300.5 + (5 * 3600), Value("klingps_oldest_unsaved_link_end_timestamp_seconds"));
        Assert.DoesNotContain(samples, sample => sample.Name == "klingps_last_success_timestamp_seconds");
        Assert.Equal(
            ["made 3", "reused 5", "taken 0", "pending 1", "over_limit 2", "failed 1", "unknown 1", "refused 1"],
            samples.Where(sample => sample.Name == "klingps_last_run_images").Select(sample => $"{sample.Labels["result"]} {sample.Value}"));
        Assert.Equal("0.1.0", samples.Single(sample => sample.Name == "klingps_build_info").Labels["version"]);
        Assert.All(samples.Where(sample => sample.Name is not ("klingps_build_info" or "klingps_export_timestamp_seconds")), sample => Assert.Equal("0123456789abcdef", sample.Labels["account"]));

        double Value(string name) => samples.Single(sample => sample.Name == name).Value;
    }

    [Fact]
    public void What_is_not_known_is_left_out_and_is_not_zero()
        => Assert.Equal(
            [
                "klingps_build_info", "klingps_export_timestamp_seconds", "klingps_today_consumed_credits", "klingps_today_reserved_credits", "klingps_unknown_attempts",
                "klingps_pending_videos", "klingps_unsaved_videos",
            ],
            PrometheusText.Read(LedgerMetrics.Write([new LedgerMetrics { Account = "a" }], "0.1.0", s_now)).Select(sample => sample.Name));

    [Fact]
    public void A_ledger_without_accounts_gives_a_file_that_is_whole()
        => Assert.Equal(2, PrometheusText.Read(LedgerMetrics.Write([], "0.1.0", s_now)).Count);

    [Fact]
    public void Whatever_a_label_holds_it_comes_back_as_it_was()
        => Gen.String[Gen.OneOf(Gen.Char["\\\"\n{},= é"], Gen.Char['a', 'z']), 0, 12].Sample(account =>
            Assert.Contains(
                PrometheusText.Read(LedgerMetrics.Write([Full with { Account = account }], account, s_now)),
                sample => sample.Name == "klingps_balance_credits" && sample.Labels["account"] == account));

    [Fact]
    public async Task The_checker_of_Prometheus_finds_nothing_wrong()
    {
        string? promtool = (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(Path.PathSeparator).Select(folder => Path.Combine(folder, "promtool")).FirstOrDefault(File.Exists);
        Assert.SkipWhen(promtool is null, "promtool is not installed; it is in the package prometheus of Debian.");
        using Process process = Process.Start(new ProcessStartInfo(promtool!, ["check", "metrics"]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
        await process.StandardInput.WriteAsync(LedgerMetrics.Write([Full with { LastSuccess = Full.LastEnded }, Full with { Account = "another" }], "0.1.0", s_now));
        process.StandardInput.Close();
        Task<string> errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        string output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken) + await errors;
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal((string.Empty, 0), (output.Trim(), process.ExitCode));
    }
}
