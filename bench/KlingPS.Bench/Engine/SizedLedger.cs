using System.Globalization;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Ledger.Sqlite;
using KlingPS.Core.Model;

namespace KlingPS.Bench.Engine;

/// <summary>
/// Makes ledgers of any size in seconds, the same ones each time: three accounts, 200 prompts, every state, runs of 1,000 images; a fifth of
/// the tasks from the 30 days before, the others from today. The records are inserted into the tables that the module makes; the indexes
/// are made before the last tenth of them, and the sums afterwards.
/// </summary>
internal static class SizedLedger
{
    public const string Account = LedgerMode.Account;
    public const int Prompts = 200;

    private static readonly string[] s_accounts = [Account, "1123456789abcdef", "2123456789abcdef"];

    /// <summary>What was asked for with a task; its number begins with 1.</summary>
    public static VideoSpec SpecOf(int number)
    {
        string hash = LedgerMode.HashOf(number);
        return new VideoSpec
        {
            Prompt = PromptOf(number % Prompts),
            Image = MediaSource.FromFile($"/home/user/Pictures/2026/shoot {number / 1000}/IMG_{number:000000}.png") with
            {
                Hash = hash,
                Uri = $"https://tempfile.redpandaai.co/kieai/123456/klingps/{hash}.png",
            },
            Duration = 5,
        };
    }

    public static string VideoOf(int number) => $"/home/user/Videos/2026/shoot {number / 1000}/IMG_{number:000000}.mp4";

    /// <summary>The key that a task was bought with.</summary>
    public static string AccountOf(int number) => s_accounts[number % 1000 == 500 ? 2 : number % 50 == 25 ? 1 : 0];

    public static KlingTaskState StateOf(int number) => (number % 200) switch
    {
        3 => KlingTaskState.Unknown,
        5 or 105 => KlingTaskState.Waiting,
        7 => KlingTaskState.Generating,
        9 or 109 => KlingTaskState.Rejected,
        11 => KlingTaskState.Abandoned,
        20 or 60 or 100 or 140 or 180 => KlingTaskState.Failed,
        _ => KlingTaskState.Succeeded,
    };

    /// <summary>Makes a ledger.</summary>
    /// <param name="path">The file, which is not there yet.</param>
    /// <param name="tasks">How many tasks it has.</param>
    /// <param name="now">The moment of the last one.</param>
    public static async Task MakeAsync(string path, int tasks, DateTimeOffset now)
    {
        var engine = new SqliteEngine(path, () => SqliteProvider.Factory, TimeProvider.System, string.Empty) { IsFlushed = false };
        await using DatabaseConnection connection = await engine.OpenAsync(Schema.MigrateAsync, isToWrite: true);
        await connection.InTransactionAsync(WriteKind.Light, [WriteScope.All], async session =>
        {
            // What keeps the order of a million random keys row by row takes minutes; so does what looks in a table without its index.
            (string Kind, string Name, string Sql)[] kept = [.. await session.QueryAsync(
                "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND (type = 'index' OR name LIKE '%_named_at_%')",
                row => (row.Text("type"), row.Text("name"), row.Text("sql")))];
            foreach ((string kind, string name, _) in kept)
            {
                await session.ExecuteAsync($"DROP {kind} {name}");
            }

            // The leaves of an index that is made at once are full, so that each record would split some of them. In a ledger that has grown they are not.
            await session.ExecuteAsync("PRAGMA cache_size = -1000000");
            await SpendingSums.PauseAsync(session, async () => await FillAsync(session, tasks, now, () => MakeAgainAsync("index")));
            await AddUpAsync(session);
            await MakeAgainAsync("trigger");
            await session.ExecuteAsync(SavedNames.Filling);
            await session.SetCounterAsync("task", tasks);
            await session.SetCounterAsync("text", Prompts);
            return true;

            async Task MakeAgainAsync(string kind)
            {
                foreach ((_, _, string sql) in kept.Where(one => one.Kind == kind))
                {
                    await session.ExecuteAsync(sql);
                }
            }
        });
        engine.Close();
    }

    /// <summary>Makes the sums of what counts against limits.</summary>
    public static async Task AddUpAsync(SqlSession session)
    {
        foreach (string statement in (IEnumerable<string>)["DELETE FROM spent_by_time", "DELETE FROM spent_by_run", .. SpendingSums.Filling])
        {
            await session.ExecuteAsync(statement);
        }
    }

    /// <summary>Inserts what the records of tasks name: accounts and prompts.</summary>
    /// <returns>The ids of the prompts.</returns>
    public static async Task<Dictionary<string, long>> FillSharedAsync(SqlSession session)
    {
        foreach (string account in s_accounts)
        {
            await session.ExecuteAsync(
                "INSERT INTO account_keys (fingerprint, account, service, is_settled, recorded_at) VALUES (@key, @key, 'https://api.kie.ai', 1, 0)",
                ("key", account));
        }

        var ids = new Dictionary<string, long>(StringComparer.Ordinal);
        for (int i = 0; i < Prompts; i++)
        {
            ids[PromptOf(i)] = (await TextTable.GetIdAsync(session, PromptOf(i)))!.Value;
        }

        return ids;
    }

    /// <summary>The records of tasks and of the files that their videos are in, as the tables have them.</summary>
    /// <param name="tasks">How many tasks.</param>
    /// <param name="now">The moment of the last one.</param>
    /// <param name="prompts">The ids of the prompts.</param>
    public static IEnumerable<(string Table, (string Column, object? Value)[] Values)> RecordsOf(int tasks, DateTimeOffset now, Dictionary<string, long> prompts)
    {
        DateTimeOffset midnight = new(now.UtcDateTime.Date, TimeSpan.Zero);
        long today = Stored.FromMoment(midnight);
        long end = Stored.FromMoment(now);
        int old = tasks / 5;
        for (int number = 1; number <= tasks; number++)
        {
            yield return ("tasks", RecordOf(number, CreatedAt(number), prompts));
            if (StateOf(number) == KlingTaskState.Succeeded)
            {
                yield return ("machine_hashes", HashOf(number, end));
            }
        }

        long CreatedAt(int number) => number <= old
            ? today - (30L * 86_400_000 * (old - number + 1) / Math.Max(1, old))
            : today + ((end - today) * (number - old) / (tasks - old));
    }

    /// <param name="session">The transaction.</param>
    /// <param name="tasks">How many tasks.</param>
    /// <param name="now">The moment of the last one.</param>
    /// <param name="index">Makes the indexes.</param>
    private static async Task FillAsync(SqlSession session, int tasks, DateTimeOffset now, Func<Task> index)
    {
        int withoutIndexes = tasks - (tasks / 10);
        int inserted = 0;
        Dictionary<string, long> prompts = await FillSharedAsync(session);
        var inserts = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach ((string table, (string, object?)[] values) in RecordsOf(tasks, now, prompts))
        {
            if (table == "tasks" && inserted++ == withoutIndexes)
            {
                await index();
            }

            await session.ExecuteAsync(inserts.TryGetValue(table, out string? sql) ? sql : inserts[table] = InsertOf(table, values), values);
        }
    }

    private static (string, object?)[] RecordOf(int number, long createdAt, Dictionary<string, long> prompts)
    {
        VideoSpec spec = SpecOf(number);
        KlingTaskState state = StateOf(number);
        bool isMade = state == KlingTaskState.Succeeded;
        bool isPending = state.IsPending() || state.IsUnanswered();
        string? taskId = state is KlingTaskState.Rejected or KlingTaskState.Abandoned or KlingTaskState.Unknown ? null : LedgerMode.HashOf(-number)[..32];
        bool isSaved = isMade && number % 100 != 1;
        string hash = VideoHashOf(number);
        return
        [
            ("id", (long)number), ("account", AccountOf(number)), ("task_id", taskId), ("state", state.ToString()),
            ("nonce", LedgerMode.HashOf(number)[32..]), ("identity", spec.GetIdentity()), ("run_id", string.Create(CultureInfo.InvariantCulture, $"run-{number / 1000}")),
            ("model", spec.Model), ("prompt_id", prompts[spec.Prompt!]), ("duration", 5L),
            ("source_path", spec.Image!.Path), ("source_hash", spec.Image.Hash), ("image_uri", spec.Image.Uri),
            ("created_at", createdAt), ("accepted_at", taskId is null ? null : createdAt + 900), ("completed_at", isPending ? null : createdAt + 120_000),
            ("reserved", isPending ? 42_000L : 0), ("consumed", isMade ? 42_000L : isPending ? null : 0L),
            ("result_uri", isMade ? $"https://tempfile.aiquickdraw.com/k/{taskId}_1_1790000120_4821.mp4" : null),
            ("saved_path", isSaved ? VideoOf(number) : null), ("saved_hash", isSaved ? hash : null),
        ];
    }

    private static (string, object?)[] HashOf(int number, long at) =>
    [
        ("machine", string.Empty), ("path", VideoOf(number)), ("length", 5_000_000L + number), ("modified_at", at), ("stamp", "1:1"), ("hash", VideoHashOf(number)), ("recorded_at", at),
    ];

    public static string VideoHashOf(int number) => LedgerMode.HashOf(number ^ 0x40000000);

    private static string PromptOf(int number)
    {
        var random = new Random(number);
        return string.Join(' ', Enumerable.Range(0, random.Next(30, 130)).Select(_ => "words" + random.Next(100)));
    }

    private static string InsertOf(string table, (string Column, object? Value)[] values)
        => $"INSERT INTO {table} ({string.Join(", ", values.Select(value => value.Column))}) VALUES ({string.Join(", ", values.Select(value => "@" + value.Column))})";
}
