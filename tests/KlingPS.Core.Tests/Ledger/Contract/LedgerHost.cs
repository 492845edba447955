using System.Data.Common;
using KlingPS.Core.Ledger.Processes;
using KlingPS.Core.Ledger.Spool;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Ledger.Sqlite;
using KlingPS.Core.Model;
using Microsoft.Extensions.Time.Testing;

namespace KlingPS.Core.Tests.Ledger.Contract;

/// <summary>A place for one ledger that any number of processes open, and the shapes that tests put into it.</summary>
internal abstract class LedgerHost : IAsyncDisposable
{
    public const string Account = "0123456789abcdef";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("klingps-ledger-");
    private readonly List<SqlLedger> _open = [];

    /// <summary>The clock that all who share the ledger agree on.</summary>
    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 11, 22, 12, 0, 0, TimeSpan.Zero));

    /// <summary>Where those who open it from now on keep what they cannot record; <see langword="null"/> if they do not.</summary>
    public AnswerSpool? Spool { get; set; }

    public string Folder => _folder.FullName;

    public string Path => System.IO.Path.Combine(Folder, "ledger.db");

    /// <summary>Opens the ledger as this process does.</summary>
    public Task<SqlLedger> OpenAsync(TimeProvider? time = null) => OpenAsync(ProcessIdentity.Current, owner => owner.IsAlive(), time);

    /// <summary>Opens the ledger as a process does.</summary>
    /// <param name="owner">The process.</param>
    /// <param name="isAlive">What it knows of others.</param>
    /// <param name="time">The clock, where a test needs one of its own.</param>
    public async Task<SqlLedger> OpenAsync(ProcessIdentity owner, Func<ProcessIdentity, bool?> isAlive, TimeProvider? time = null)
    {
        await StartAsync();
        SqlLedger ledger = Create(owner, isAlive, time ?? Time);
        _open.Add(ledger);
        await ledger.OpenAsync(TestContext.Current.CancellationToken);
        return ledger;
    }

    /// <summary>Opens the ledger as a machine does that is one of several: the paths it records are its own.</summary>
    /// <param name="machine">The name of the machine.</param>
    /// <param name="owner">The process; this one where nothing is said.</param>
    /// <param name="isAlive">What it knows of the other processes on it; nothing where nothing is said.</param>
    /// <param name="time">Its own clock; one that stands still where nothing is said.</param>
    public async Task<SqlLedger> OpenAtAsync(string machine, ProcessIdentity? owner = null, Func<ProcessIdentity, bool?>? isAlive = null, TimeProvider? time = null)
    {
        await StartAsync();
        SqlLedger ledger = CreateAt((owner ?? ProcessIdentity.Current) with { Machine = machine }, isAlive ?? (_ => null), time ?? new FakeTimeProvider());
        _open.Add(ledger);
        await ledger.OpenAsync(TestContext.Current.CancellationToken);
        return ledger;
    }

    /// <summary>Makes sure that there is what the ledger is kept in.</summary>
    public virtual ValueTask StartAsync()
    {
        // Only once: some tests remove the file.
        if (!Directory.EnumerateFileSystemEntries(Folder).Any())
        {
            EmptyLedger.Create(Path);
        }

        return ValueTask.CompletedTask;
    }

    /// <summary>How many requests have taken a slot of a gate and not given it back.</summary>
    public async Task<long> CountRequestsUnderWayAsync() => (long)(await SqlAsync("SELECT COUNT(*) FROM rate_leases WHERE state = 'under way'"))!;

    /// <summary>Puts the tasks back to a backup that was made before the first of them: their numbers are assigned again.</summary>
    public Task PutBackAsync() => SqlAsync($"DELETE FROM tasks; {RestartOfNumbers}");

    private protected virtual string RestartOfNumbers => "UPDATE counters SET value = 0 WHERE name = 'task'";

    /// <summary>Does something to the database past the ledger.</summary>
    public virtual async Task<object?> SqlAsync(string sql)
    {
        await using DbConnection connection = SqliteProvider.Factory.CreateConnection()!;
        connection.ConnectionString = $"Data Source={Path};Pooling=False";
        await connection.OpenAsync();
        await using DbCommand command = connection.CreateCommand();
        command.CommandText = sql;
        return await command.ExecuteScalarAsync();
    }

    /// <summary>Fills the disk: from now on, no task can be changed.</summary>
    public virtual Task FillDiskAsync() => SqlAsync("CREATE TRIGGER full_disk BEFORE UPDATE ON tasks BEGIN SELECT RAISE(ABORT, 'disk is full'); END");

    /// <summary>Undoes that.</summary>
    public virtual Task FreeDiskAsync() => SqlAsync("DROP TRIGGER full_disk");

    public virtual async ValueTask DisposeAsync()
    {
        foreach (SqlLedger ledger in _open)
        {
            await ledger.DisposeAsync();
        }

        _folder.Delete(recursive: true);
    }

    public static TaskIntent Intent(string image = "a", decimal credits = 42, BudgetLimit? budget = null, long? replaces = null, string account = Account)
    {
        var spec = new VideoSpec
        {
            Prompt = "a fox runs",
            Image = MediaSource.FromFile($"/images/{image}.png") with { Hash = image, Uri = $"https://files.example/{image}.png" },
        };
        return new TaskIntent
        {
            Account = account,
            Spec = spec,
            Identity = spec.GetIdentity(),
            Credits = credits,
            Budget = budget,
            Replaces = replaces is long id ? new KlingVideoTask { Id = id, Account = account } : null,
        };
    }

    public static TaskSnapshot Snapshot(string taskId, KlingTaskState state, decimal? credits = null) => new()
    {
        TaskId = taskId,
        State = state,
        CreditsConsumed = credits,
        ResultUris = state == KlingTaskState.Succeeded ? [$"https://files.example/{taskId}.mp4"] : [],
    };

    protected abstract SqlLedger Create(ProcessIdentity owner, Func<ProcessIdentity, bool?> isAlive, TimeProvider time);

    /// <summary>The ledger as one of several machines has it, that of the owner; the time of the ledger itself is <see cref="Time"/>.</summary>
    protected abstract SqlLedger CreateAt(ProcessIdentity owner, Func<ProcessIdentity, bool?> isAlive, TimeProvider time);
}
