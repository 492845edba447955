using CsCheck;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Model;
using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Tests.Ledger.Contract;

/// <summary>The sums that the ledger keeps for the limits, beside what its records add up to.</summary>
public abstract class SpendingSumContract
{
    private static readonly string[] s_keys = ["key 0", "key 1", "key 2"];
    private static readonly string[] s_runs = ["run 0", "run 1"];


    /// <summary>How far time zones are ahead of UTC, in minutes; the last one somebody has made up.</summary>
    private static readonly int[] s_offsets = [0, 60, 345, -570, 840, 7];

    private readonly Func<LedgerHost> _createHost;
    private static readonly string[] s_services = ["kie.ai:443/", "gateway.example:443/", "localhost:4711/"];
    private static readonly bool?[] s_elsewhere = [null, false, true, false];

    private readonly int _lives;

    private protected SpendingSumContract(Func<LedgerHost> createHost, int lives = 30) => (_createHost, _lives) = (createHost, lives);

    private enum Step
    {
        Begin,
        Resubmit,
        Accept,
        Reject,
        LoseAnswer,
        HoldBack,
        Snapshot,
        Detach,
        Resolve,
        Abandon,
        Save,
        Remove,
        Damage,
        KnowKey,
        JoinKeys,
        Wait,
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public Task Whatever_is_bought_ends_or_is_found_out_the_limits_count_what_the_records_add_up_to()
        => Gen.Select(
            Gen.Select(Gen.Enum<Step>(), Gen.Int[0, 7], Gen.Int[0, 7]).Array[1, 40],
            Gen.Int[0, s_offsets.Length - 1].Select(index => s_offsets[index])).SampleAsync(
            async (steps, offset) =>
            {
                await using LedgerHost host = _createHost();
                var zone = TimeZoneInfo.CreateCustomTimeZone("zone", TimeSpan.FromMinutes(offset), "zone", "zone");
                host.Time.SetLocalTimeZone(zone);
                SqlLedger ledger = await host.OpenAsync();
                var origins = new Dictionary<long, (string Key, string? Run)>();
                var removed = new List<KlingVideoTask>();
                foreach ((Step step, int a, int b) in steps)
                {
                    try
                    {
                        await DoAsync(host, ledger, origins, removed, step, a, b);
                    }
                    catch (KlingException exception) when (exception.Kind is ErrorKind.RequestInvalid or ErrorKind.TaskNotFound)
                    {
                        // Not every step fits to every state.
                    }

                    await CompareAsync(host, ledger, origins, removed, s_keys[b % s_keys.Length], s_runs[a % s_runs.Length]);
                }

                if (removed.Count == 0)
                {
                    Assert.Equal(0L, Convert.ToInt64(await host.SqlAsync(Difference), null));
                }
            },
            iter: _lives,
            threads: 1);

    /// <summary>How many sums are not those of the records, or are missing.</summary>
    private const string Difference = """
        SELECT COUNT(*) FROM (
            SELECT slot, account, SUM(credits) FROM (
                SELECT slot, account, credits FROM spent_by_time
                UNION ALL
                SELECT created_at / 900000, account, -reserved - COALESCE(consumed, 0) FROM tasks WHERE reserved >= 0) a
            GROUP BY slot, account HAVING SUM(credits) <> 0
            UNION ALL
            SELECT bought, account, SUM(credits) FROM (
                SELECT 0 AS bought, run_id || account AS account, credits FROM spent_by_run
                UNION ALL
                SELECT 0, run_id || account, -reserved - COALESCE(consumed, 0) FROM tasks WHERE run_id IS NOT NULL AND reserved >= 0) b
            GROUP BY bought, account HAVING SUM(credits) <> 0) c
        """;

    private static async Task DoAsync(
        LedgerHost host, SqlLedger ledger, Dictionary<long, (string Key, string? Run)> origins, List<KlingVideoTask> removed, Step step, int a, int b)
    {
        long id = a + 1;
        string key = s_keys[a % s_keys.Length];
        string taskId = $"t{b}";
        KlingTaskState state = (b % 4) switch
        {
            0 => KlingTaskState.Waiting,
            1 => KlingTaskState.Generating,
            2 => KlingTaskState.Succeeded,
            _ => KlingTaskState.Failed,
        };
        switch (step)
        {
            case Step.Begin or Step.Resubmit:
                string? run = b % 3 == 2 ? null : s_runs[b % 3];
                TaskIntent intent = LedgerHost.Intent($"image {b}", 1.5m * b, replaces: step == Step.Resubmit ? id : null, account: key) with { RunId = run };
                origins[(await ledger.Tasks.BeginAsync(intent, Token)).Id] = (key, run);
                break;
            case Step.Accept:
                await ledger.Tasks.RecordAcceptedAsync(id, taskId);
                break;
            case Step.Reject:
                await ledger.Tasks.RecordRejectedAsync(await ledger.Tasks.GetAttemptAsync(id), "422", "no");
                break;
            case Step.LoseAnswer:
                // If the record is gone, it is restored.
                (string, string?) origin = origins.GetValueOrDefault(id, (key, null));
                TaskIntent lost = LedgerHost.Intent($"image {b}", 1.5m * b, account: origin.Item1) with { RunId = origin.Item2 };
                lost = lost with { Nonce = (await ledger.Tasks.FindAsync(id, Token))?.Nonce ?? lost.Nonce };
                if (await ledger.Tasks.RecordUnknownAsync(id, "lost", lost) is RecordResult.Recorded { Task: var unknown })
                {
                    origins.TryAdd(unknown.Id, origin);
                }

                break;
            case Step.HoldBack:
                await ledger.Tasks.RecordHeldBackAsync(await ledger.Tasks.GetAttemptAsync(id), "later");
                break;
            case Step.Snapshot:
                origins.TryAdd((await ledger.Tasks.RecordSnapshotAsync(key, LedgerHost.Snapshot(taskId, state, 2.5m * a))).Id, (key, null));
                break;
            case Step.Detach:
                await ledger.Tasks.RecordDetachedAsync(id, taskId, "another's");
                break;
            case Step.Resolve:
                await ledger.Tasks.ResolveAsync(id, LedgerHost.Snapshot(taskId, state, 2.5m * b));
                break;
            case Step.Abandon:
                await ledger.Tasks.AbandonAsync(id);
                break;
            case Step.Save:
                await ledger.Tasks.RecordSavedAsync(id, $"/videos/{b}.mp4", "cafe");
                break;
            case Step.Remove:
                bool isDamaged = Convert.ToInt64(await host.SqlAsync($"SELECT COUNT(*) FROM tasks WHERE id = {id} AND reserved < 0"), null) > 0;
                KlingVideoTask? task = await ledger.Tasks.FindAsync(id, Token);
                await ledger.Tasks.RemoveAsync(id);
                removed.Add(isDamaged ? task! with { CreditsReserved = 0, CreditsConsumed = 0 } : task!);
                break;
            case Step.Damage:
                // As an earlier version has recorded what the service said.
                await host.SqlAsync($"UPDATE tasks SET reserved = -5 WHERE id = {id}");
                break;
            case Step.KnowKey:
                await ledger.Accounts.RecordAsync(new AccountKey(key, key) { Service = s_services[b % s_services.Length], IsSettled = b % 2 == 0, IsSettledElsewhere = s_elsewhere[b % s_elsewhere.Length] }, Token);
                break;
            case Step.JoinKeys when (await ledger.Accounts.ListAsync(Token)).Any(known => known.Fingerprint == s_keys[b % s_keys.Length]):
                await ledger.Accounts.RecordAsync(new AccountKey(key, s_keys[b % s_keys.Length]) { Service = s_services[a % s_services.Length], IsSettled = true, IsSettledElsewhere = true }, Token);
                break;
            case Step.Wait:
                host.Time.Advance(TimeSpan.FromMinutes((37 * a) + b));
                break;
        }
    }

    private static async Task CompareAsync(
        LedgerHost host, SqlLedger ledger, Dictionary<long, (string Key, string? Run)> origins, List<KlingVideoTask> removed, string key, string run)
    {
        DateTimeOffset midnight = LocalDay.BeginningOf(host.Time.GetUtcNow(), host.Time.LocalTimeZone);

        // Of what was removed, no more is known than the quarter of an hour.
        IReadOnlyList<KlingVideoTask> tasks =
        [
            .. await ledger.Tasks.ListAsync(new TaskFilter(), Token),
            .. removed.Select(task => task with { CreatedAt = DateTimeOffset.FromUnixTimeMilliseconds(task.CreatedAt.ToUnixTimeMilliseconds() / 900_000 * 900_000) }),
        ];
        IReadOnlyList<AccountKey> keys = await ledger.Accounts.ListAsync(Token);
        AccountKey? own = keys.FirstOrDefault(known => known.Fingerprint == key);
        HashSet<string> owned = [key, .. keys.Where(known => known.Account == own?.Account).Select(known => known.Fingerprint)];
        HashSet<string> perhaps = [.. owned, .. keys.Where(known => own is not null && MayBeOne(known, own)).Select(known => known.Fingerprint)];

        decimal day = tasks.Where(task => perhaps.Contains(origins[task.Id].Key) && task.CreatedAt >= midnight).Sum(CreditsOf);
        decimal inRun = tasks.Where(task => perhaps.Contains(origins[task.Id].Key) && origins[task.Id].Run == run).Sum(CreditsOf);
        int bought = tasks.Count(task => owned.Contains(origins[task.Id].Key) && origins[task.Id].Run == run
            && task.TaskState is not (KlingTaskState.Failed or KlingTaskState.Rejected or KlingTaskState.Abandoned));

        Assert.Null(await AskAsync(new BudgetLimit { DailyCredits = day + 1 }));
        Assert.NotNull(await AskAsync(new BudgetLimit { DailyCredits = day + 0.999m }));
        Assert.Null(await AskAsync(new BudgetLimit { RunId = run, MaxCredits = inRun + 1, MaxTasks = bought + 1 }));
        Assert.NotNull(await AskAsync(new BudgetLimit { RunId = run, MaxCredits = inRun + 0.999m }));
        Assert.NotNull(await AskAsync(new BudgetLimit { RunId = run, MaxTasks = bought }));

        Task<string?> AskAsync(BudgetLimit limit) => ledger.Tasks.FindBudgetExcessAsync(LedgerHost.Intent(credits: 1, account: key) with { Budget = limit }, Token);

        // A service on this machine has no other address.
        static bool MayBeOne(AccountKey one, AccountKey other) => one.Service == other.Service
            ? !(one.IsSettled && other.IsSettled)
            : (one.IsSettledElsewhere == false || other.IsSettledElsewhere == false) && !$"{one.Service} {other.Service}".Contains("localhost", StringComparison.Ordinal);

        static decimal CreditsOf(KlingVideoTask task) => task.CreditsReserved + (task.CreditsConsumed ?? 0);
    }
}
