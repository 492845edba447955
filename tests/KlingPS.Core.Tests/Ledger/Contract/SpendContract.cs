using System.Globalization;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Ledger.Contract;

/// <summary>What was spent, by what it is asked for, and which runs there were.</summary>
public abstract class SpendContract : LedgerContract
{
    private int _tasks;

    private protected SpendContract(LedgerHost host)
        : base(host)
    {
    }

    [Fact]
    public async Task An_empty_ledger_has_spent_nothing()
        => Assert.Empty(await SumAsync(KlingSpendGroup.Day));

    [Fact]
    public async Task What_was_made_failed_was_refused_or_lost_is_told_apart()
    {
        await MadeAsync(credits: 42);
        await MadeAsync(credits: 41.875m);
        await FailedAsync("b");
        await Ledger.Tasks.RejectAsync((await BeginAsync("c")).Id, "422", "no");
        await Ledger.Tasks.LoseAsync((await BeginAsync("d")).Id);
        await Ledger.Tasks.AcceptAsync((await BeginAsync("e")).Id, "pending");
        KlingVideoTask abandoned = await Ledger.Tasks.LoseAsync((await BeginAsync("f")).Id);
        await Ledger.Tasks.AbandonAsync(abandoned.Id);

        KlingSpend day = Assert.Single(await SumAsync(KlingSpendGroup.Day));

        Assert.Equal(("Day", "2026-11-22", 2, 1, 0, 1, 1, 1), (day.GroupBy, day.Group, day.Videos, day.Failures, day.FailuresMadeGood, day.Refused, day.Unknown, day.Pending));
        Assert.Equal((83.875m, 84m, 0.419375m), (day.CreditsConsumed, day.CreditsReserved, day.Dollars));
        Assert.Equal("83.875", day.CreditsConsumed.ToString(CultureInfo.InvariantCulture));
        Assert.Equal((Host.Time.GetUtcNow(), Host.Time.GetUtcNow()), (day.First, day.Last));
    }

    [Fact]
    public async Task A_failure_that_a_later_task_has_made_good_is_told_apart()
    {
        await FailedAsync("a");
        await FailedAsync("b");
        await FailedAsync("c");
        Host.Time.Advance(TimeSpan.FromDays(1));
        await MadeAsync("a");
        await FailedAsync("b");

        // The video of another account, and one that came before the failure, make nothing good.
        await MadeAsync("c", account: "another");
        await MadeAsync("d");
        await FailedAsync("d");

        IReadOnlyList<KlingSpend> days = await Ledger.Spending.SumAsync(new SpendFilter { Account = LedgerHost.Account }, KlingSpendGroup.Day, Token);

        Assert.Equal([("2026-11-22", 0, 3, 1), ("2026-11-23", 2, 2, 0)], days.Select(day => (day.Group!, day.Videos, day.Failures, day.FailuresMadeGood)));
    }

    [Fact]
    public async Task Days_and_months_are_those_of_the_user_and_of_the_daily_limit()
    {
        // Clocks go back on 25 October 2026: that day has 25 hours here.
        Host.Time.SetLocalTimeZone(TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin"));
        string[] moments =
        [
            "2026-09-30T21:59:59.999Z", "2026-09-30T22:00:00.000Z",
            "2026-10-24T21:59:59.999Z", "2026-10-24T22:00:00.000Z", "2026-10-25T00:59:00.000Z", "2026-10-25T01:00:00.000Z", "2026-10-25T22:59:59.999Z",
            "2026-10-25T23:00:00.000Z",
        ];
        foreach (string moment in moments)
        {
            await CreatedAsync(moment);
        }

        Assert.Equal(
            [("2026-09-30", 1), ("2026-10-01", 1), ("2026-10-24", 1), ("2026-10-25", 4), ("2026-10-26", 1)],
            (await SumAsync(KlingSpendGroup.Day)).Select(day => (day.Group!, day.Pending)));
        Assert.Equal([("2026-09", 1), ("2026-10", 7)], (await SumAsync(KlingSpendGroup.Month)).Select(month => (month.Group!, month.Pending)));
        Assert.Equal([KlingSpendGroup.Month.ToString()], (await SumAsync(KlingSpendGroup.Month)).Select(month => month.GroupBy).Distinct());
    }

    [Fact]
    public async Task Only_what_was_asked_for_within_the_span_counts()
    {
        await CreatedAsync("2026-11-20T00:00:00.000Z");
        await CreatedAsync("2026-11-21T00:00:00.000Z");
        await CreatedAsync("2026-11-22T00:00:00.000Z");

        IReadOnlyList<KlingSpend> days = await Ledger.Spending.SumAsync(
            new SpendFilter { Since = new DateTimeOffset(2026, 11, 21, 0, 0, 0, TimeSpan.Zero), Until = new DateTimeOffset(2026, 11, 22, 0, 0, 0, TimeSpan.Zero) },
            KlingSpendGroup.Day,
            Token);

        Assert.Equal(["2026-11-21"], days.Select(day => day.Group));
    }

    [Fact]
    public async Task Folders_are_those_of_the_files_of_whatever_system()
    {
        await BeginAsync(spec: At("/photos/2026/a.png"));
        await BeginAsync(spec: At("/photos/2026/b.png"));
        await BeginAsync(spec: At("/photos/odd\\name.png"));
        await BeginAsync(spec: At("/root.png"));
        await BeginAsync(spec: At(@"C:\photos\c.png"));
        await BeginAsync(spec: At(@"C:\c.png"));
        await BeginAsync(spec: At(@"\\server\share\d.png"));
        await BeginAsync(spec: new VideoSpec { Prompt = "p", Video = MediaSource.FromFile("/clips/e.mp4") with { Hash = "e" } });
        await BeginAsync(spec: new VideoSpec { Prompt = "p", Image = MediaSource.FromUri("https://images.example/f.png") });

        Assert.Equal(
            [("-", 1), ("/", 1), ("/clips", 1), ("/photos", 1), ("/photos/2026", 2), (@"C:\", 1), (@"C:\photos", 1), (@"\\server\share", 1)],
            (await SumAsync(KlingSpendGroup.Folder)).Select(folder => (folder.Group ?? "-", folder.Pending)).OrderBy(folder => folder.Item1, StringComparer.Ordinal));

        static VideoSpec At(string path) => new() { Prompt = "p", Image = MediaSource.FromFile(path) with { Hash = path } };
    }

    [Fact]
    public async Task Models_prompts_runs_and_accounts_come_with_the_dearest_first()
    {
        await MadeAsync("a", credits: 1, run: "run-1");
        await MadeAsync("b", credits: 2, run: "run-2", account: "key-2");
        await BeginAsync("c", run: "run-2");
        await BeginAsync(spec: new VideoSpec { Prompt = "another", Model = "kling-3.0/video", Image = MediaSource.FromFile("/d.png") with { Hash = "d" } });
        await Ledger.Accounts.RecordAsync(new AccountKey(LedgerHost.Account, LedgerHost.Account) { IsSettled = true }, Token);
        await Ledger.Accounts.RecordAsync(new AccountKey("key-2", LedgerHost.Account) { IsSettled = true }, Token);
        await BeginAsync("e", account: "another");

        Assert.Equal([("kling/v2-5-turbo-image-to-video-pro", 2), ("kling-3.0/video", 0)], await GroupsAsync(KlingSpendGroup.Model));
        Assert.Equal([("a fox runs", 2), ("another", 0)], await GroupsAsync(KlingSpendGroup.Prompt));
        Assert.Equal([("run-1", 1), ("run-2", 1), (null, 0)], await GroupsAsync(KlingSpendGroup.Run));
        Assert.Equal([(LedgerHost.Account, 2), ("another", 0)], await GroupsAsync(KlingSpendGroup.Account));
        Assert.Equal(2, (await Ledger.Spending.SumAsync(new SpendFilter { Account = "key-2" }, KlingSpendGroup.Day, Token)).Sum(day => day.Videos));
    }

    [Fact]
    public async Task What_no_price_can_be_counts_as_the_task_shows_it()
    {
        long wrong = (await MadeAsync("a", credits: 7)).Id;
        await MadeAsync("b", credits: 5);
        await Host.SqlAsync(string.Create(CultureInfo.InvariantCulture, $"UPDATE tasks SET consumed = -1000000 WHERE id = {wrong}"));

        KlingSpend day = Assert.Single(await SumAsync(KlingSpendGroup.Day));

        Assert.Equal((2, 47m), (day.Videos, day.CreditsConsumed));
        Assert.Equal((await Ledger.Tasks.ListAsync(new TaskFilter(), Token)).Sum(task => task.CreditsConsumed), day.CreditsConsumed);
    }

    [Fact]
    public async Task Whatever_is_bought_when_and_however_it_ends_the_sums_are_those_of_the_tasks()
    {
        var random = new Random(5);
        Host.Time.SetLocalTimeZone(TimeZoneInfo.FindSystemTimeZoneById("America/New_York"));
        for (int i = 0; i < 120; i++)
        {
            Host.Time.Advance(TimeSpan.FromMinutes(random.Next(900)));
            string image = $"image-{random.Next(20)}";
            string? run = random.Next(3) is int number and > 0 ? $"run-{number}" : null;
            decimal credits = random.Next(100_000) / 1000m;
            switch (random.Next(4))
            {
                case 0:
                    await MadeAsync(image, credits, run);
                    break;
                case 1:
                    await FailedAsync(image, run);
                    break;
                case 2:
                    await Ledger.Tasks.LoseAsync((await BeginAsync(image, run)).Id);
                    break;
                default:
                    await Ledger.Tasks.AcceptAsync((await BeginAsync(image, run)).Id, $"open-{i}");
                    break;
            }
        }

        IReadOnlyList<KlingVideoTask> tasks = await Ledger.Tasks.ListAsync(new TaskFilter(), Token);
        foreach ((KlingSpendGroup group, Func<KlingVideoTask, string?> name) in ((KlingSpendGroup, Func<KlingVideoTask, string?>)[])
        [
            (KlingSpendGroup.Day, task => TimeZoneInfo.ConvertTime(task.CreatedAt, Host.Time.LocalTimeZone).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)),
            (KlingSpendGroup.Month, task => TimeZoneInfo.ConvertTime(task.CreatedAt, Host.Time.LocalTimeZone).ToString("yyyy-MM", CultureInfo.InvariantCulture)),
            (KlingSpendGroup.Folder, task => Path.GetDirectoryName(task.SourcePath)!.Replace('\\', '/')),
            (KlingSpendGroup.Prompt, task => task.Prompt),
        ])
        {
            Assert.Equal(
                tasks.GroupBy(name)
                    .Select(own => (
                        own.Key,
                        own.Count(task => task.TaskState == KlingTaskState.Succeeded),
                        own.Count(task => task.TaskState == KlingTaskState.Failed),
                        own.Count(task => task.TaskState == KlingTaskState.Failed
                            && tasks.Any(later => later.Id > task.Id && later.Identity == task.Identity && later.TaskState == KlingTaskState.Succeeded)),
                        own.Sum(task => task.CreditsConsumed ?? 0),
                        own.Sum(task => task.CreditsReserved)))
                    .OrderBy(own => own.Key, StringComparer.Ordinal),
                (await SumAsync(group))
                    .Select(sum => (sum.Group, sum.Videos, sum.Failures, sum.FailuresMadeGood, sum.CreditsConsumed, sum.CreditsReserved))
                    .OrderBy(own => own.Group, StringComparer.Ordinal));
        }
    }

    [Fact]
    public async Task A_run_is_recorded_from_its_beginning_to_its_end()
    {
        DateTimeOffset now = Host.Time.GetUtcNow();
        var first = new RunRecord("1", LedgerHost.Account, "ConvertTo-KlingVideo", now);
        await Ledger.Runs.BeginAsync(first, Token);
        Assert.Equal(first, await Ledger.Runs.FindLastAsync(new RunFilter { Account = LedgerHost.Account }, Token));
        Assert.Null(await Ledger.Runs.FindLastAsync(new RunFilter { HasEnded = true }, Token));
        Assert.Null(await Ledger.Runs.FindLastAsync(new RunFilter { Account = "another" }, Token));

        Host.Time.Advance(TimeSpan.FromMinutes(5));
        var result = new RunResult
        {
            Outcome = "AllThere",
            ExitCode = 0,
            Made = 1,
            Downloaded = 2,
            Present = 3,
            Taken = 4,
            Pending = 5,
            OverLimit = 6,
            Failed = 7,
            Unknown = 8,
            Refused = 9,
        };
        await Ledger.Runs.EndAsync("1", result);
        await Ledger.Runs.BeginAsync(first with { Id = "2", StartedAt = Host.Time.GetUtcNow() }, Token);
        await Ledger.Runs.EndAsync("2", new RunResult { Outcome = "Partly", ExitCode = 2 });

        Assert.Equal(first with { EndedAt = now.AddMinutes(5), Result = result }, await Ledger.Runs.FindLastAsync(new RunFilter { ExitCodes = [0, 3] }, Token));
        Assert.Equal("2", (await Ledger.Runs.FindLastAsync(new RunFilter { HasEnded = true }, Token))!.Id);
    }

    [Fact]
    public async Task Of_the_runs_that_have_ended_the_last_is_the_one_that_ended_last()
    {
        foreach (string id in (string[])["failed", "long", "short"])
        {
            await Ledger.Runs.BeginAsync(new RunRecord(id, LedgerHost.Account, "ConvertTo-KlingVideo", Host.Time.GetUtcNow()), Token);
            Host.Time.Advance(TimeSpan.FromMinutes(1));
        }

        await EndAsync("short", 0);
        await EndAsync("long", 0);
        await EndAsync("failed", 2);

        Assert.Equal("failed", (await Ledger.Runs.FindLastAsync(new RunFilter { HasEnded = true }, Token))!.Id);
        Assert.Equal("long", (await Ledger.Runs.FindLastAsync(new RunFilter { ExitCodes = [0, 3] }, Token))!.Id);
        Assert.Equal("short", (await Ledger.Runs.FindLastAsync(new RunFilter(), Token))!.Id);

        async Task EndAsync(string id, int exitCode)
        {
            Host.Time.Advance(TimeSpan.FromHours(1));
            await Ledger.Runs.EndAsync(id, new RunResult { Outcome = "Ended", ExitCode = exitCode });
        }
    }

    [Fact]
    public async Task A_plan_may_be_carried_out_until_it_ends_or_is_closed_and_knows_what_its_runs_have_bought()
    {
        DateTimeOffset now = await Ledger.Tasks.ReadClockAsync(Token);
        var plan = new PlanRecord("p", LedgerHost.Account, "digest", now, now.AddHours(1));
        await Ledger.Plans.AddAsync(plan, Token);
        var run = new RunRecord("1", LedgerHost.Account, "ConvertTo-KlingVideo", now);
        PlanStanding unknown = await Ledger.Plans.UseAsync("q", "digest", run, Token);
        PlanStanding changed = await Ledger.Plans.UseAsync("p", "other", run, Token);
        PlanStanding foreign = await Ledger.Plans.UseAsync("p", "digest", run with { Account = "another" }, Token);
        Assert.Equal((null, false, false, false), (unknown.Plan, MayBeUsed(unknown), MayBeUsed(changed, "other"), MayBeUsed(foreign)));
        Assert.Null(await Ledger.Runs.FindLastAsync(new RunFilter(), Token));

        PlanStanding used = await Ledger.Plans.UseAsync("p", "digest", run, Token);
        Assert.Equal((plan, true), (used.Plan, MayBeUsed(used)));
        await Ledger.Runs.BeginAsync(run, Token);
        long own = (await Ledger.Tasks.BeginAsync(TempLedger.Intent("a") with { RunId = "1" }, Token)).Id;
        long others = (await Ledger.Tasks.BeginAsync(TempLedger.Intent("b") with { RunId = "2" }, Token)).Id;
        Assert.Equal((true, false), (await Ledger.Plans.HasBoughtAsync("p", own, Token), await Ledger.Plans.HasBoughtAsync("p", others, Token)));
        Assert.True(MayBeUsed(await Ledger.Plans.UseAsync("p", "digest", run with { Id = "3" }, Token)));

        // What is removed does not count as not bought. That of others, and what bought nothing, was never the plan's.
        await Ledger.Tasks.RejectAsync(others, "422", "no");
        await Ledger.Tasks.RemoveAsync(others);
        long refused = (await Ledger.Tasks.BeginAsync(TempLedger.Intent("c") with { RunId = "1" }, Token)).Id;
        await Ledger.Tasks.RejectAsync(refused, "422", "no");
        await Ledger.Tasks.RemoveAsync(refused);
        long removed = (await Ledger.Tasks.BeginAsync(TempLedger.Intent("d") with { RunId = "3" }, Token)).Id;
        await Ledger.Tasks.AcceptAsync(removed, "t1");
        await Ledger.Tasks.RecordSnapshotAsync(LedgerHost.Account, LedgerHost.Snapshot("t1", KlingTaskState.Succeeded, 42));
        Assert.Equal(0, (await Ledger.Plans.FindAsync("p", LedgerHost.Account, Token)).Removed);
        await Ledger.Tasks.RemoveAsync(removed);
        PlanStanding reduced = await Ledger.Plans.UseAsync("p", "digest", run with { Id = "4" }, Token);
        Assert.Equal((1, false), (reduced.Removed, MayBeUsed(reduced)));

        Host.Time.Advance(TimeSpan.FromHours(1));
        PlanStanding ended = await Ledger.Plans.FindAsync("p", LedgerHost.Account, Token);
        Assert.Equal((plan with { RunId = "3" }, false), (ended.Plan, MayBeUsed(ended)));
        await Ledger.Plans.CloseAsync("p");
        Assert.Equal(ended.Now, (await Ledger.Plans.FindAsync("p", LedgerHost.Account, Token)).Plan!.ClosedAt);
    }

    [Fact]
    public async Task What_counts_against_the_limit_of_a_day_does_not_become_less_when_records_are_removed()
    {
        KlingVideoTask made = await MadeAsync("a");
        await BeginAsync("b");
        await Ledger.Tasks.RemoveAsync(made.Id);

        Assert.Equal(84, await Ledger.Spending.SumTodayAsync(LedgerHost.Account, Token));
        Assert.Equal(0, await Ledger.Spending.SumTodayAsync("another", Token));
        Host.Time.Advance(TimeSpan.FromDays(1));
        Assert.Equal(0, await Ledger.Spending.SumTodayAsync(LedgerHost.Account, Token));
    }

    [Fact]
    public async Task What_the_last_video_of_a_kind_cost_is_found_however_many_others_came_after_it()
    {
        VideoSpec spec = LedgerHost.Intent().Spec;
        VideoSpec film = spec with { Model = "kling-3.0/video", Resolution = "720p" };
        await PaidAsync(film with { Resolution = "1080p" }, 99);
        await PaidAsync(film, 80);
        await PaidAsync(spec, 63);
        for (int i = 0; i < 25; i++)
        {
            await PaidAsync(film with { Resolution = "1080p" }, 100);
            await PaidAsync(spec with { Duration = 10 }, 126);
        }

        // Of these nobody knows what they were made from.
        for (int i = 0; i < 25; i++)
        {
            await Ledger.Tasks.RecordSnapshotAsync(LedgerHost.Account, LedgerHost.Snapshot($"other-{i}", KlingTaskState.Succeeded, 4));
        }

        Assert.Equal(63, (await Ledger.Prices.FindLastAsync(LedgerHost.Account, spec, DateTimeOffset.UnixEpoch, Token))!.Credits);
        Assert.Equal(126, (await Ledger.Prices.FindLastAsync(LedgerHost.Account, spec with { Duration = 10 }, DateTimeOffset.UnixEpoch, Token))!.Credits);
        Assert.Equal(80, (await Ledger.Prices.FindLastAsync(LedgerHost.Account, film, DateTimeOffset.UnixEpoch, Token))!.Credits);
        Assert.Equal(100, (await Ledger.Prices.FindLastAsync(LedgerHost.Account, film with { Resolution = "1080p" }, DateTimeOffset.UnixEpoch, Token))!.Credits);
        Assert.Null(await Ledger.Prices.FindLastAsync(LedgerHost.Account, film with { Sound = true }, DateTimeOffset.UnixEpoch, Token));
        Assert.Null(await Ledger.Prices.FindLastAsync("another", spec, DateTimeOffset.UnixEpoch, Token));

        DateTimeOffset paidAt = (await Ledger.Prices.FindLastAsync(LedgerHost.Account, spec, DateTimeOffset.UnixEpoch, Token))!.PaidAt;
        Assert.NotNull(await Ledger.Prices.FindLastAsync(LedgerHost.Account, spec, paidAt, Token));
        Assert.Null(await Ledger.Prices.FindLastAsync(LedgerHost.Account, spec, paidAt.AddMilliseconds(1), Token));
    }

    [Fact]
    public async Task What_a_video_of_unknown_length_cost_says_nothing_about_what_a_second_costs()
    {
        VideoSpec fromAddress = LedgerHost.Intent().Spec with { Model = "kling-2.6/motion-control", Duration = null, Video = MediaSource.FromUri("https://i.example/a.mp4") };
        VideoSpec fromFile = fromAddress with { Video = MediaSource.FromFile("/videos/b.mp4") with { Hash = "b" }, InputSeconds = 10 };
        await PaidAsync(fromFile with { InputSeconds = 3 }, 36);
        await PaidAsync(fromAddress, 330);

        PaidVideo last = (await Ledger.Prices.FindLastAsync(LedgerHost.Account, fromFile, DateTimeOffset.UnixEpoch, Token))!;

        Assert.Equal((36, 3), (last.Credits, last.Spec.Seconds));
    }

    private async Task PaidAsync(VideoSpec spec, decimal credits)
    {
        string taskId = $"task-{++_tasks}";
        await Ledger.Tasks.AcceptAsync((await Ledger.Tasks.BeginAsync(LedgerHost.Intent() with { Spec = spec, Identity = taskId }, Token)).Id, taskId);
        await Ledger.Tasks.RecordSnapshotAsync(LedgerHost.Account, LedgerHost.Snapshot(taskId, KlingTaskState.Succeeded, credits));
    }

    private static bool MayBeUsed(PlanStanding standing, string digest = "digest") => standing.FindProblem(digest) is null;

    private Task<IReadOnlyList<KlingSpend>> SumAsync(KlingSpendGroup group) => Ledger.Spending.SumAsync(new SpendFilter(), group, Token);

    private async Task<(string? Group, int Videos)[]> GroupsAsync(KlingSpendGroup group)
        => [.. (await SumAsync(group)).Select(sum => (sum.Group, sum.Videos))];

    private async Task<KlingVideoTask> BeginAsync(string image = "a", string? run = null, string account = LedgerHost.Account, VideoSpec? spec = null)
    {
        TaskIntent intent = LedgerHost.Intent(image, account: account) with { RunId = run };
        return await Ledger.Tasks.BeginAsync(spec is null ? intent : intent with { Spec = spec, Identity = spec.GetIdentity() }, Token);
    }

    private async Task CreatedAsync(string moment)
    {
        KlingVideoTask task = await BeginAsync();
        long milliseconds = DateTimeOffset.Parse(moment, CultureInfo.InvariantCulture).ToUnixTimeMilliseconds();
        await Host.SqlAsync(string.Create(CultureInfo.InvariantCulture, $"UPDATE tasks SET created_at = {milliseconds} WHERE id = {task.Id}"));
    }

    private Task<KlingVideoTask> MadeAsync(string image = "a", decimal credits = 42, string? run = null, string account = LedgerHost.Account)
        => EndedAsync(image, KlingTaskState.Succeeded, credits, run, account);

    private Task<KlingVideoTask> FailedAsync(string image, string? run = null) => EndedAsync(image, KlingTaskState.Failed, 0, run);

    private async Task<KlingVideoTask> EndedAsync(string image, KlingTaskState state, decimal credits, string? run, string account = LedgerHost.Account)
    {
        string taskId = $"task-{++_tasks}";
        await Ledger.Tasks.AcceptAsync((await BeginAsync(image, run, account)).Id, taskId);
        return await Ledger.Tasks.RecordSnapshotAsync(account, LedgerHost.Snapshot(taskId, state, credits));
    }
}
