using System.Collections.Concurrent;
using System.Data.Common;
using System.Text.RegularExpressions;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Ledger.Sqlite;
using KlingPS.Core.Model;
using KlingPS.Core.Tests.Ledger.Contract;

namespace KlingPS.Core.Tests.Ledger;

/// <summary>What is done for every purchase, and whenever somebody looks, takes no longer the more is recorded.</summary>
public sealed partial class QueryPlanTests : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, bool> _statements = new(StringComparer.Ordinal);
    private readonly ConflictingLedger _host;

    public QueryPlanTests() => _host = new ConflictingLedger { OnStatement = sql => _statements[sql] = true };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    [Fact]
    public async Task No_purchase_and_no_look_reads_all_tasks()
    {
        SqlLedger ledger = await _host.OpenAsync();
        _statements.Clear();
        await LiveAsync(ledger);
        await CompleteAsync();
        Assert.InRange(_statements.Count, 30, 200);

        await using DbConnection connection = SqliteProvider.Factory.CreateConnection()!;
        connection.ConnectionString = $"Data Source={_host.Path};Pooling=False";
        await connection.OpenAsync(Token);
        foreach (string sql in _statements.Keys)
        {
            List<string> plan = await ExplainAsync(connection, sql);
            Assert.True(!plan.Exists(step => IsOfManyTasks(sql, step)), $"{sql}\n{string.Join('\n', plan)}");
        }
    }

    /// <summary>Whether a step looks at a part of the tasks that grows with them. What is read in the order of the result ends with its limit.</summary>
    private static bool IsOfManyTasks(string sql, string step)
        => WholeTable().IsMatch(step)
            ? !(LatestFirst().IsMatch(sql) && !step.Contains("COVERING", StringComparison.Ordinal))
            : WholeGroup().IsMatch(step) && !OfFew().IsMatch(sql);

    private async Task CompleteAsync()
    {
        using TaskSuggestions suggestions = await _host.LookAsync();
        foreach (string? account in (string?[])[null, LedgerHost.Account])
        {
            await suggestions.ListByIdAsync(account, null, string.Empty, 50);
            await suggestions.ListByIdAsync(account, null, "7", 50);
            await suggestions.ListByIdAsync(account, KlingTaskState.Unknown, string.Empty, 50);
            await suggestions.ListByTaskIdAsync(account, string.Empty, 50);
            await suggestions.ListByTaskIdAsync(account, "a", 50);
        }
    }

    /// <summary>One of everything that happens all the time.</summary>
    private static async Task LiveAsync(SqlLedger ledger)
    {
        ITaskJournal tasks = ledger.Tasks;
        await ledger.Accounts.RecordAsync(new AccountKey(LedgerHost.Account, LedgerHost.Account) { Service = "kie.ai", IsSettled = true }, Token);
        var budget = new BudgetLimit { RunId = "run", MaxCredits = 1000, MaxTasks = 100, DailyCredits = 1000 };
        TaskIntent intent = LedgerHost.Intent(budget: budget);
        await tasks.FindEarlierAsync(LedgerHost.Account, intent.Spec, Token);
        await tasks.FindUnknownAsync(LedgerHost.Account, intent.Spec, Token);
        await tasks.ListFailedAsync(LedgerHost.Account, intent.Spec, 5, Token);
        await tasks.FindBudgetExcessAsync(intent, Token);
        KlingVideoTask task = (await tasks.ClaimAsync(intent, Token)).Task;
        await tasks.RecordHeldBackAsync(task, "later");
        await tasks.RecordSentAgainAsync(task, TimeSpan.FromHours(1), intent: null, Token);
        await tasks.RecordAcceptedAsync(task.Id, "t1");
        await tasks.RecordSnapshotAsync(LedgerHost.Account, LedgerHost.Snapshot("t1", KlingTaskState.Succeeded, 42));
        await tasks.RecordSavingAsync(task, "/videos/a.mp4", "cafe");
        await tasks.RecordSavedAsync(task, "/videos/a.mp4", "cafe");
        await tasks.ListSavedPathsAsync(["/videos/a.mp4"], Token);
        await tasks.ListSavedPathsAsync(["/videos/a.mp4", "/videos/b.mp4"], Token);
        await tasks.IsSavedForAnotherAsync("cafe", null, Token);
        await tasks.LoseAsync((await tasks.BeginAsync(LedgerHost.Intent("b"), Token)).Id);
        await tasks.RecoverAsync(Token);
        await tasks.FindAsync(1, Token);
        await ledger.Accounts.ListTasksAsync(LedgerHost.Account, 50, Token);
        await tasks.FindByTaskIdAsync(LedgerHost.Account, "t1", Token);
        await tasks.FindByTaskIdAsync(null, "t1", Token);
        await tasks.FindByNonceAsync(LedgerHost.Account, intent.Nonce, Token);
        await tasks.ListByFilesAsync(LedgerHost.Account, "/images/a.png", null, 5, Token);
        await ledger.Uploads.FindAsync(LedgerHost.Account, "a", Token);
        await ledger.Uploads.FindContentAsync(LedgerHost.Account, $"https://files.example/{new string('a', 64)}.png", Token);
        foreach (string? account in (string?[])[null, LedgerHost.Account])
        {
            await tasks.ListAsync(new TaskFilter { Account = account }, Token);
            await tasks.ListAsync(new TaskFilter { Account = account, States = [KlingTaskState.Unknown, KlingTaskState.Waiting] }, Token);
            await tasks.ListAsync(new TaskFilter { Account = account, Since = DateTimeOffset.UnixEpoch }, Token);
            await tasks.ListAsync(new TaskFilter { Account = account, Unsaved = true }, Token);
            await tasks.ListAsync(new TaskFilter { Account = account, ExpiresBy = DateTimeOffset.UnixEpoch.AddYears(100) }, Token);
            await tasks.ListAsync(new TaskFilter { Account = account, IsOwnAttempt = true }, Token);
        }
    }

    private static async Task<List<string>> ExplainAsync(DbConnection connection, string sql)
    {
        await using DbCommand command = connection.CreateCommand();
        command.CommandText = "EXPLAIN QUERY PLAN " + sql;
        foreach (string name in Parameter().Matches(sql).Select(match => match.Value).Distinct())
        {
            DbParameter parameter = command.CreateParameter();
            parameter.ParameterName = name;
            parameter.Value = DBNull.Value;
            command.Parameters.Add(parameter);
        }

        var steps = new List<string>();
        await using DbDataReader reader = await command.ExecuteReaderAsync(Token);
        while (await reader.ReadAsync(Token))
        {
            steps.Add(reader.GetString(3));
        }

        return steps;
    }

    [GeneratedRegex("^SCAN (t|l|h|f|n|tasks|saved_files|saved_names|machine_hashes)\\b")]
    private static partial Regex WholeTable();

    /// <summary>A comparison of several columns at once finds the group by the index, and passes it task by task.</summary>
    [GeneratedRegex(@"INDEX tasks_[a-z_]* \(((state|account)[=>]\?|\((state|account),.*)\)$")]
    private static partial Regex WholeGroup();

    [GeneratedRegex(@"ORDER BY (t\.created_at|t\.id|id) DESC LIMIT")]
    private static partial Regex LatestFirst();

    [GeneratedRegex("state = ('Unknown'|'Submitting'|@state)")]
    private static partial Regex OfFew();

    [GeneratedRegex("@[a-zA-Z_0-9]+")]
    private static partial Regex Parameter();
}
