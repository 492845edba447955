using System.Data.Common;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Postgres;
using KlingPS.Core.Ledger.Processes;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Model;
using KlingPS.Core.Tests.Ledger.Contract;
using Microsoft.Extensions.Time.Testing;

namespace KlingPS.Core.Tests.Ledger.Postgres;

/// <summary>Connections that break in the middle of each kind of transaction: what was committed is looked up, not guessed.</summary>
public sealed class LostConnectionTests : IAsyncLifetime
{
    private const string Task1 = "t1";
    private static readonly TimeSpan s_soon = TimeSpan.FromMilliseconds(100);

    private readonly PostgresHost _host = new(isPooled: false);
    private CuttingProxy _proxy = null!;

    /// <summary>The ledger by a way that can be trusted.</summary>
    private SqlLedger _witness = null!;

    public static TheoryData<string> Kinds => ["begin", "claim", "accept", "reject", "lose", "hold back", "send again", "snapshot", "save", "resolve", "abandon", "remove", "upload", "account", "gate"];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _witness = await _host.OpenAsync(TimeProvider.System);
        _proxy = new CuttingProxy((await PostgresServer.Shared).Port);
    }

    public async ValueTask DisposeAsync()
    {
        if (_proxy is not null)
        {
            await _proxy.DisposeAsync();
        }

        await _host.DisposeAsync();
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task What_was_committed_counts_although_its_answer_was_lost(string kind)
    {
        await using SqlLedger ledger = Open();
        Func<Task> act = await PrepareAsync(ledger, kind);
        string before = await LookAsync();

        _proxy.CutAt("COMMIT\0", isAnswerLost: true);
        await act();

        Assert.Equal(1, _proxy.Cuts);
        Assert.NotEqual(before, await LookAsync());
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task What_was_not_committed_is_an_error_and_has_not_happened(string kind)
    {
        await using SqlLedger ledger = Open();
        Func<Task> act = await PrepareAsync(ledger, kind);
        string before = await LookAsync();

        _proxy.CutAt("COMMIT\0");
        var error = await Assert.ThrowsAsync<KlingException>(act);

        Assert.Equal((ErrorKind.LedgerUnusable, 1), (error.Kind, _proxy.Cuts));
        Assert.Contains("Run the command again", error.Message, StringComparison.Ordinal);
        Assert.Equal(before, await LookAsync());

        await act();
        Assert.NotEqual(before, await LookAsync());
    }

    [Theory]
    [InlineData("claim", "SELECT nextval")]
    [InlineData("claim", "INSERT INTO SCHEMA.tasks")]
    [InlineData("accept", "UPDATE SCHEMA.tasks")]
    [InlineData("upload", "INSERT INTO SCHEMA.uploads")]
    [InlineData("gate", "INSERT INTO SCHEMA.rate_leases")]
    public async Task A_connection_that_is_cut_in_the_middle_leaves_nothing_behind(string kind, string words)
    {
        await using SqlLedger ledger = Open();
        Func<Task> act = await PrepareAsync(ledger, kind);
        string before = await LookAsync();

        _proxy.CutAt(words.Replace("SCHEMA", $"\"{_host.Address.Schema}\"", StringComparison.Ordinal));
        var error = await Assert.ThrowsAsync<KlingException>(act);

        Assert.Equal((ErrorKind.LedgerUnusable, 1), (error.Kind, _proxy.Cuts));
        Assert.Equal(before, await LookAsync());
        await act();
        Assert.NotEqual(before, await LookAsync());
    }

    [Fact]
    public async Task A_connection_that_was_closed_while_it_was_idle_is_made_anew_without_a_word()
    {
        await using SqlLedger ledger = Open();
        KlingVideoTask task = await ledger.Tasks.BeginAsync(LedgerHost.Intent(), Token);
        await ledger.Tasks.ListAsync(new TaskFilter(), Token);

        await _host.SqlAsync("SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'KlingPS' AND query LIKE '%" + _host.Address.Schema + "%'");

        Assert.Equal(Task1, (await ledger.Tasks.AcceptAsync(task.Id, Task1)).TaskId);
        Assert.Single(await ledger.Tasks.ListAsync(new TaskFilter(), Token));
    }

    [Fact]
    public async Task Nothing_is_bought_with_another_ledger_that_is_behind_the_same_address_when_the_connection_is_made_anew()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using SqlLedger ledger = Open(clock);
        KlingVideoTask task = await ledger.Tasks.BeginAsync(LedgerHost.Intent(), Token);
        await ledger.Tasks.ListAsync(new TaskFilter(), Token);
        await _host.SqlAsync("DELETE FROM tasks; UPDATE settings SET value = md5(value) WHERE name = 'id'");
        clock.Advance(TimeSpan.FromHours(8));

        foreach (Func<Task> act in (Func<Task>[])[() => ledger.Tasks.ClaimAsync(LedgerHost.Intent(), Token), () => ledger.Tasks.RecordAcceptedAsync(task.Id, Task1), () => ledger.Tasks.ListAsync(new TaskFilter(), Token)])
        {
            KlingException error = await Assert.ThrowsAsync<KlingException>(act);
            Assert.Equal(ErrorKind.LedgerUnusable, error.Kind);
            Assert.Contains("there is another ledger now than the one that was opened", error.Message, StringComparison.Ordinal);
        }

        Assert.Equal(0L, await _host.SqlAsync("SELECT COUNT(*) FROM tasks"));
    }

    [Fact]
    public async Task An_attempt_whose_record_is_in_doubt_was_not_sent_and_does_not_stay_under_way()
    {
        await using SqlLedger ledger = Open();
        await ledger.OpenAsync(Token);

        _proxy.CutAt("COMMIT\0", isAnswerLost: true, andStayClosed: true);
        var error = await Assert.ThrowsAsync<KlingException>(() => ledger.Tasks.ClaimAsync(LedgerHost.Intent(), Token));
        Assert.Equal(ErrorKind.LedgerUnusable, error.Kind);
        Assert.Contains("If it was a purchase, its request was not sent", error.Message, StringComparison.Ordinal);
        Assert.Equal(KlingTaskState.Submitting, Assert.Single(await _witness.Tasks.ListAsync(new TaskFilter(), Token)).TaskState);

        _proxy.IsClosed = false;
        TaskClaim claim = await ledger.Tasks.ClaimAsync(LedgerHost.Intent(), Token);

        Assert.True(claim.IsNew);
        Assert.Equal([KlingTaskState.Rejected, KlingTaskState.Submitting], (await ledger.Tasks.ListAsync(new TaskFilter(), Token)).Select(task => task.TaskState));
    }

    [Theory]
    [InlineData("claim", "INSERT INTO SCHEMA.tasks")]
    [InlineData("accept", "UPDATE SCHEMA.tasks")]
    [InlineData("gate", "INSERT INTO SCHEMA.rate_leases")]
    public async Task A_machine_that_slept_in_the_middle_does_it_again_on_another_connection(string kind, string words)
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using SqlLedger ledger = Open(clock);
        Func<Task> act = await PrepareAsync(ledger, kind);
        string before = await LookAsync();

        _proxy.AtCut = () => clock.Advance(TimeSpan.FromHours(8));
        _proxy.CutAt(words.Replace("SCHEMA", $"\"{_host.Address.Schema}\"", StringComparison.Ordinal));
        await act();

        Assert.Equal(1, _proxy.Cuts);
        Assert.NotEqual(before, await LookAsync());
    }

    [Fact]
    public async Task A_machine_that_slept_between_two_transactions_does_not_wait_for_connections_that_are_dead()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using SqlLedger ledger = Open(clock, doubt: TimeSpan.FromMinutes(1));
        KlingVideoTask task = await ledger.Tasks.BeginAsync(LedgerHost.Intent(), Token);
        await ledger.Tasks.ListAsync(new TaskFilter(), Token);

        _proxy.LoseAll();
        int before = _proxy.Connections;
        clock.Advance(TimeSpan.FromHours(8));

        Assert.Equal(Task1, (await ledger.Tasks.AcceptAsync(task.Id, Task1)).TaskId);
        Assert.Single(await ledger.Tasks.ListAsync(new TaskFilter(), Token));

        // A third one would look into a statement that has had no answer for the time of doubt.
        Assert.Equal(2, _proxy.Connections - before);
    }

    [Fact]
    public async Task A_machine_that_has_woken_up_waits_a_moment_for_its_network()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using SqlLedger ledger = Open(clock);
        KlingVideoTask task = await ledger.Tasks.BeginAsync(LedgerHost.Intent(), Token);

        _proxy.IsClosed = true;
        _proxy.AtRefusal = () => _proxy.IsClosed = false;
        clock.Advance(TimeSpan.FromHours(8));

        Assert.Equal(Task1, (await ledger.Tasks.AcceptAsync(task.Id, Task1)).TaskId);
    }

    [Fact]
    public async Task A_statement_that_nothing_answers_is_given_up_when_nobody_else_is_answered_either()
    {
        await using SqlLedger ledger = Open(doubt: s_soon);
        KlingVideoTask task = await ledger.Tasks.BeginAsync(LedgerHost.Intent(), Token);

        _proxy.IsClosed = true;
        _proxy.LoseAll();
        KlingException error = await Eventually.DoneAsync(Assert.ThrowsAsync<KlingException>(() => ledger.Tasks.RecordAcceptedAsync(task.Id, Task1)));

        Assert.Contains("did not answer in time", error.Message, StringComparison.Ordinal);
        Assert.Equal(KlingTaskState.Submitting, Assert.Single(await _witness.Tasks.ListAsync(new TaskFilter(), Token)).TaskState);

        _proxy.IsClosed = false;
        Assert.Equal(Task1, (await ledger.Tasks.AcceptAsync(task.Id, Task1)).TaskId);
    }

    [Fact]
    public async Task A_statement_that_others_hold_up_is_waited_for()
    {
        await using SqlLedger ledger = Open(doubt: s_soon);
        KlingVideoTask task = await ledger.Tasks.BeginAsync(LedgerHost.Intent(), Token);
        await using DbConnection other = PostgresProvider.Factory.CreateConnection()!;
        other.ConnectionString = FormattableString.Invariant($"Host=127.0.0.1;Port={(await PostgresServer.Shared).Port};Username={PostgresServer.Role};Database=ledgers;SSL Mode=Disable;Pooling=False");
        await other.OpenAsync(Token);
        await using DbCommand command = other.CreateCommand();
        command.CommandText = $"SELECT pg_advisory_lock(hashtextextended('KlingPS {_host.Address.Schema} ledger', 0))";
        await command.ExecuteScalarAsync(Token);

        int before = _proxy.Connections;
        Task<KlingVideoTask> accepting = ledger.Tasks.AcceptAsync(task.Id, Task1);
        await Eventually.TrueAsync(() => _proxy.Connections > before);
        Assert.False(accepting.IsCompleted);
        await other.CloseAsync();

        Assert.Equal(Task1, (await accepting).TaskId);
    }

    private SqlLedger Open(TimeProvider? clock = null, TimeSpan? doubt = null)
    {
        ServerAddress address = _host.Address with { Hosts = [new ServerHost("127.0.0.1", _proxy.Port)] };
        return new SqlLedger(
            new PostgresEngine(address, () => PostgresProvider.Factory, new LedgerCredentials(address, _ => null)) { Patience = TimeSpan.FromSeconds(1), Clock = clock ?? TimeProvider.System, Doubt = doubt ?? TimeSpan.FromSeconds(5) },
            new ProcessOwners(ProcessIdentity.Current, owner => owner.IsAlive()),
            TimeProvider.System);
    }

    /// <summary>All that the ledger has recorded.</summary>
    private async Task<string> LookAsync()
    {
        IEnumerable<string> tasks = (await _witness.Tasks.ListAsync(new TaskFilter(), Token)).Select(task => $"{task.Id} {task.TaskState} {task.TaskId} {task.SavedPath} {task.HeldBackAt} {task.FailMessage}");
        object? more = await _host.SqlAsync(
            "SELECT CONCAT((SELECT COUNT(*) FROM uploads), ' ', (SELECT COUNT(*) FROM account_keys), ' ', (SELECT COUNT(*) FROM rate_leases), ' ', (SELECT STRING_AGG(answer_by::text, ' ') FROM tasks))");
        return string.Join('\n', tasks) + more;
    }

    private async Task<Func<Task>> PrepareAsync(SqlLedger ledger, string kind)
    {
        ITaskJournal tasks = ledger.Tasks;
        long id = kind is "begin" or "claim" or "upload" or "account" or "gate" ? 0 : (await _witness.Tasks.BeginAsync(LedgerHost.Intent(), Token)).Id;
        if (kind is "snapshot" or "save")
        {
            await _witness.Tasks.AcceptAsync(id, Task1);
        }

        if (kind is "save")
        {
            await _witness.Tasks.RecordSnapshotAsync(LedgerHost.Account, LedgerHost.Snapshot(Task1, KlingTaskState.Succeeded));
        }

        if (kind is "resolve" or "abandon")
        {
            await _witness.Tasks.LoseAsync(id);
        }

        if (kind is "remove")
        {
            await _witness.Tasks.RejectAsync(id, null, "refused");
        }

        await ledger.OpenAsync(Token);
        KlingVideoTask attempt = (await _witness.Tasks.FindAsync(id, Token))!;
        return kind switch
        {
            "begin" => () => tasks.BeginAsync(LedgerHost.Intent(), Token),
            "claim" => () => tasks.ClaimAsync(LedgerHost.Intent(), Token),
            "accept" => () => tasks.RecordAcceptedAsync(id, Task1),
            "reject" => () => tasks.RecordRejectedAsync(attempt, null, "refused"),
            "lose" => () => tasks.ReportLostAsync(id),
            "hold back" => () => tasks.RecordHeldBackAsync(attempt, "busy"),
            "send again" => () => tasks.RecordSentAgainAsync(attempt, TimeSpan.FromHours(5), intent: null, Token),
            "snapshot" => () => tasks.RecordSnapshotAsync(LedgerHost.Account, LedgerHost.Snapshot(Task1, KlingTaskState.Failed)),
            "save" => () => tasks.RecordSavedAsync(id, "/videos/a.mp4", "hash"),
            "resolve" => () => tasks.ResolveAsync(id, LedgerHost.Snapshot(Task1, KlingTaskState.Waiting)),
            "abandon" => () => tasks.AbandonAsync(id),
            "remove" => () => tasks.RemoveAsync(id),
            "upload" => () => ledger.Uploads.RecordAsync(
                new UploadRecord(LedgerHost.Account, "hash", "https://files.example/a.png", DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddDays(1)), Token),
            "account" => () => ledger.Accounts.RecordAsync(new AccountKey("key", "account"), Token),
            _ => () => ledger.RateGates.OpenCreateGate(LedgerHost.Account).EnterAsync(Token).AsTask(),
        };
    }
}
