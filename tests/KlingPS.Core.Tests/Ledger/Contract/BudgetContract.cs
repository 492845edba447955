using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Ledger.Contract;

/// <summary>What may be bought under which limits.</summary>
public abstract class BudgetContract : LedgerContract
{
    private protected BudgetContract(LedgerHost host)
        : base(host)
    {
    }

    [Fact]
    public async Task A_task_that_would_go_over_the_credits_of_its_run_is_not_begun()
    {
        var budget = new BudgetLimit { RunId = "run", MaxCredits = 100 };
        await Ledger.Tasks.BeginAsync(TempLedger.Intent(budget: budget), Token);
        await Ledger.Tasks.BeginAsync(TempLedger.Intent(budget: budget), Token);

        KlingException error = await OverBudgetAsync(TempLedger.Intent(budget: budget));

        Assert.Contains("84", error.Message, StringComparison.Ordinal);
        Assert.Contains("100", error.Message, StringComparison.Ordinal);
        Assert.Equal(2, (await Ledger.Tasks.ListAsync(new TaskFilter(), Token)).Count);
        await Ledger.Tasks.BeginAsync(TempLedger.Intent(budget: budget with { RunId = "another" }), Token);
        await Ledger.Tasks.BeginAsync(TempLedger.Intent(budget: budget, account: "another"), Token);
        await Ledger.Tasks.BeginAsync(TempLedger.Intent(credits: 16, budget: budget), Token);
    }

    [Fact]
    public async Task Removing_what_was_bought_makes_no_room_for_more()
    {
        var budget = new BudgetLimit { RunId = "run", MaxCredits = 84, MaxTasks = 2, DailyCredits = 84 };
        foreach (string taskId in (string[])["t1", "t2"])
        {
            KlingVideoTask task = await Ledger.Tasks.BeginAsync(TempLedger.Intent(taskId, budget: budget), Token);
            await Ledger.Tasks.AcceptAsync(task.Id, taskId);
            await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot(taskId, KlingTaskState.Succeeded, 42));
            await Ledger.Tasks.RemoveAsync(task.Id);
        }

        Assert.Empty(await Ledger.Tasks.ListAsync(new TaskFilter(), Token));
        await OverBudgetAsync(TempLedger.Intent(budget: budget with { MaxCredits = null, MaxTasks = null }));
        await OverBudgetAsync(TempLedger.Intent(budget: budget with { MaxTasks = null, DailyCredits = null }));
        await OverBudgetAsync(TempLedger.Intent(budget: budget with { MaxCredits = null, DailyCredits = null }));

        // What cost nothing counted for nothing before.
        KlingVideoTask refused = await Ledger.Tasks.BeginAsync(TempLedger.Intent(budget: budget with { RunId = "another", DailyCredits = 126 }), Token);
        await Ledger.Tasks.RejectAsync(refused.Id, "422", "no");
        await Ledger.Tasks.RemoveAsync(refused.Id);
        await Ledger.Tasks.BeginAsync(TempLedger.Intent(budget: budget with { RunId = "another", DailyCredits = 126 }), Token);

        Host.Time.Advance(TimeSpan.FromDays(1));
        await Ledger.Tasks.BeginAsync(TempLedger.Intent("t1", budget: budget with { RunId = "tomorrow" }), Token);
    }

    [Fact]
    public async Task Credits_stay_set_aside_while_the_end_is_unknown_and_are_free_after_a_failure()
    {
        var budget = new BudgetLimit { RunId = "run", MaxCredits = 42, MaxTasks = 1 };
        KlingVideoTask task = await Ledger.Tasks.BeginAsync(TempLedger.Intent(budget: budget), Token);
        await Ledger.Tasks.LoseAsync(task.Id, "lost");
        await OverBudgetAsync(TempLedger.Intent(budget: budget));

        // A new attempt takes over what the one in whose place it comes has set aside.
        task = await Ledger.Tasks.BeginAsync(TempLedger.Intent(budget: budget, replaces: task.Id), Token);
        await Ledger.Tasks.AcceptAsync(task.Id, "t1");
        await OverBudgetAsync(TempLedger.Intent(budget: budget));
        await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Failed));

        task = await Ledger.Tasks.BeginAsync(TempLedger.Intent(budget: budget), Token);
        await Ledger.Tasks.RejectAsync(task.Id, "422", "no");

        await Ledger.Tasks.BeginAsync(TempLedger.Intent(budget: budget), Token);
    }

    [Fact]
    public async Task A_finished_task_counts_with_what_it_has_cost()
    {
        var budget = new BudgetLimit { RunId = "run", MaxCredits = 50 };
        KlingVideoTask task = await Ledger.Tasks.BeginAsync(TempLedger.Intent(budget: budget), Token);
        await Ledger.Tasks.AcceptAsync(task.Id, "t1");
        await Ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Succeeded, 30.5m));

        await OverBudgetAsync(TempLedger.Intent(credits: 19.6m, budget: budget));
        await Ledger.Tasks.BeginAsync(TempLedger.Intent(credits: 19.5m, budget: budget), Token);
    }

    [Fact]
    public async Task A_refused_replacement_leaves_the_old_attempt_unknown()
    {
        KlingVideoTask task = await Ledger.Tasks.BeginAsync(TempLedger.Intent(), Token);
        await Ledger.Tasks.LoseAsync(task.Id, "lost");

        await OverBudgetAsync(TempLedger.Intent(replaces: task.Id, budget: new BudgetLimit { DailyCredits = 1 }));

        Assert.Equal(KlingTaskState.Unknown, (await Ledger.Tasks.FindAsync(task.Id, Token))!.TaskState);
    }

    [Fact]
    public async Task A_video_at_an_unknown_price_is_over_every_limit_of_credits()
    {
        TaskIntent unpriced = TempLedger.Intent() with { Credits = null };

        KlingException run = await OverBudgetAsync(unpriced with { Budget = new BudgetLimit { RunId = "run", MaxCredits = 100_000 } });
        KlingException both = await OverBudgetAsync(unpriced with { Budget = new BudgetLimit { RunId = "run", MaxCredits = 100_000, MaxTasks = 5 } });
        KlingException day = await OverBudgetAsync(unpriced with { Budget = new BudgetLimit { DailyCredits = 100_000 } });

        Assert.All([run, both, day], error => Assert.Contains("price of the video is not known", error.Message, StringComparison.Ordinal));
        Assert.Empty(await Ledger.Tasks.ListAsync(new TaskFilter(), Token));

        KlingVideoTask task = await Ledger.Tasks.BeginAsync(unpriced with { Budget = new BudgetLimit { RunId = "run", MaxTasks = 1 } }, Token);
        Assert.Equal(0, task.CreditsReserved);
        await OverBudgetAsync(unpriced with { Nonce = "another", Budget = new BudgetLimit { RunId = "run", MaxTasks = 1 } });
        await Ledger.Tasks.BeginAsync(unpriced with { Nonce = "one more" }, Token);
    }

    [Fact]
    public async Task A_run_buys_no_more_tasks_than_it_may()
    {
        var budget = new BudgetLimit { RunId = "run", MaxTasks = 2 };
        await Ledger.Tasks.BeginAsync(TempLedger.Intent(budget: budget), Token);
        await Ledger.Tasks.BeginAsync(TempLedger.Intent(budget: budget), Token);

        Assert.Contains("2", (await OverBudgetAsync(TempLedger.Intent(budget: budget))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_days_limit_begins_anew_at_local_midnight()
    {
        Host.Time.SetLocalTimeZone(TimeZoneInfo.CreateCustomTimeZone("east", TimeSpan.FromHours(9), "east", "east"));
        var budget = new BudgetLimit { DailyCredits = 50 };

        // It is noon in UTC, so 21:00 here.
        await Ledger.Tasks.BeginAsync(TempLedger.Intent(), Token);
        await OverBudgetAsync(TempLedger.Intent(budget: budget));
        Host.Time.Advance(TimeSpan.FromHours(2.9));
        await OverBudgetAsync(TempLedger.Intent(budget: budget));
        await Ledger.Tasks.BeginAsync(TempLedger.Intent(budget: budget, account: "another account"), Token);
        Host.Time.Advance(TimeSpan.FromHours(0.2));

        await Ledger.Tasks.BeginAsync(TempLedger.Intent(budget: budget), Token);
    }

    [Fact]
    public async Task What_was_bought_while_the_clock_was_a_year_ahead_does_not_use_up_the_limit_of_every_day_until_then()
    {
        var budget = new BudgetLimit { DailyCredits = 50 };
        DateTimeOffset right = Host.Time.GetUtcNow();
        Host.Time.AdjustTime(right + TimeSpan.FromDays(365));
        await Ledger.Tasks.BeginAsync(TempLedger.Intent(), Token);

        Host.Time.AdjustTime(right + TimeSpan.FromDays(2));

        await Ledger.Tasks.BeginAsync(TempLedger.Intent(budget: budget), Token);
    }

    [Fact]
    public async Task Limits_of_a_run_need_the_runs_id()
        => await Assert.ThrowsAsync<ArgumentException>(() => Ledger.Tasks.BeginAsync(TempLedger.Intent(budget: new BudgetLimit { MaxTasks = 1 }), Token));

    [Theory]
    [InlineData(420, null)]
    [InlineData(null, 420)]
    public async Task Any_number_of_ledgers_and_threads_share_one_budget(int? ofRun, int? ofDay)
    {
        SqlLedger[] ledgers = [Ledger, await Host.OpenAsync(), await Host.OpenAsync(), await Host.OpenAsync()];
        var budget = new BudgetLimit { RunId = "run", MaxCredits = ofRun, DailyCredits = ofDay };

        bool[] begun = await Task.WhenAll(Enumerable.Range(0, 80).Select(i => Task.Run(async () =>
        {
            try
            {
                await ledgers[i % ledgers.Length].Tasks.BeginAsync(TempLedger.Intent($"image {i}", budget: budget), Token);
                return true;
            }
            catch (KlingException e) when (e.Kind == ErrorKind.BudgetExceeded)
            {
                return false;
            }
        })));

        Assert.Equal(10, begun.Count(b => b));
        Assert.Equal(420, (await Ledger.Tasks.ListAsync(new TaskFilter(), Token)).Sum(task => task.CreditsReserved));
    }

    [Fact]
    public async Task Of_many_who_claim_the_same_video_one_gets_it()
    {
        SqlLedger[] ledgers = [Ledger, await Host.OpenAsync(), await Host.OpenAsync()];

        TaskClaim[] claims = await Task.WhenAll(Enumerable.Range(0, 60).Select(i => Task.Run(
            () => ledgers[i % ledgers.Length].Tasks.ClaimAsync(TempLedger.Intent($"image {i % 5}"), Token))));

        Assert.Equal(5, claims.Count(claim => claim.IsNew));
        Assert.Equal(5, (await Ledger.Tasks.ListAsync(new TaskFilter(), Token)).Count);
    }

    [Fact]
    public async Task A_budget_can_be_asked_without_spending_it()
    {
        var budget = new BudgetLimit { RunId = "run", MaxTasks = 1 };
        Assert.Null(await Ledger.Tasks.FindBudgetExcessAsync(TempLedger.Intent(), Token));
        Assert.Null(await Ledger.Tasks.FindBudgetExcessAsync(TempLedger.Intent(budget: budget), Token));
        Assert.Empty(await Ledger.Tasks.ListAsync(new TaskFilter(), Token));

        await Ledger.Tasks.BeginAsync(TempLedger.Intent(budget: budget), Token);

        Assert.Contains("1 video and", await Ledger.Tasks.FindBudgetExcessAsync(TempLedger.Intent(budget: budget), Token), StringComparison.Ordinal);
        Assert.Null(await Ledger.Tasks.FindBudgetExcessAsync(TempLedger.Intent(budget: budget with { RunId = "another run" }), Token));
        Assert.Single(await Ledger.Tasks.ListAsync(new TaskFilter(), Token));
    }

    private async Task<KlingException> OverBudgetAsync(TaskIntent intent)
    {
        var error = await Assert.ThrowsAsync<KlingException>(() => Ledger.Tasks.BeginAsync(intent, Token));
        Assert.Equal(ErrorKind.BudgetExceeded, error.Kind);
        return error;
    }
}
