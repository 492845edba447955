using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Processes;
using KlingPS.Core.Ledger.Spool;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Ledger.Sqlite;
using KlingPS.Core.Model;
using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Tests.Ledger;

/// <summary>The real ledger in a file of its own, with a hook where a test has to get between it and its caller.</summary>
internal sealed class TestLedger : ITaskLedger, IAsyncDisposable
{
    private static readonly ProcessIdentity s_other = new(4711, 1, ProcessIdentity.Current.Boot, ProcessIdentity.Current.Machine);

    private readonly DirectoryInfo _folder = MemoryFolder.Create("klingps-ledger-");
    private readonly TimeProvider _time;
    private readonly bool _keeps;
    private readonly SqlLedger _ledger;
    private readonly List<SqlLedger> _machines = [];
    private SqlLedger? _other;
    private SqlLedger? _survivor;
    private int _queuedQueries;
    private int _placesTaken;

    /// <param name="time">The clock.</param>
    /// <param name="keeps">Whether what cannot be recorded is kept, as it is where the ledger is on a server.</param>
    public TestLedger(TimeProvider time, bool keeps = false)
    {
        _time = time;
        _keeps = keeps;
        EmptyLedger.Create(FilePath);
        Spool = SpoolOf("here");
        _ledger = Open(ProcessIdentity.Current);
        Tasks = Hook<ITaskJournal>.Over(_ledger.Tasks, name => BeforeCall?.Invoke(name));
        Uploads = Hook<IUploadCache>.Over(_ledger.Uploads, name => BeforeCacheCall?.Invoke($"{nameof(IUploadCache)}.{name}"));
        FileHashes = Hook<IFileHashCache>.Over(_ledger.FileHashes, name => BeforeCacheCall?.Invoke($"{nameof(IFileHashCache)}.{name}"));
        Accounts = Hook<IAccountRegister>.Over(_ledger.Accounts, name => BeforeAccountCall?.Invoke(name));
        RateGates = new CountingGates(this, _ledger.RateGates);
    }

    /// <summary>Called with the name of a method of the journal before it runs; what it throws, the caller gets.</summary>
    public Action<string>? BeforeCall { get; set; }

    /// <summary>The same for the caches of uploads and of file hashes, whose methods are named as <c>IUploadCache.FindAsync</c>.</summary>
    public Action<string>? BeforeCacheCall { get; set; }

    /// <summary>The same for the keys of accounts.</summary>
    public Action<string>? BeforeAccountCall { get; set; }

    /// <summary>Called before a caller enters a gate; what it throws, the caller gets.</summary>
    public Action? BeforeGate { get; set; }

    /// <summary>Called when a caller passes the gate for create requests, and when it gives its place back.</summary>
    public Action<bool>? AtCreateGate { get; set; }

    /// <summary>Called when a caller holds a slot of that gate, and has sent nothing yet.</summary>
    public Action? BehindCreateGate { get; set; }

    public string Location => _ledger.Location;

    public string? Id => _ledger.Id;

    public bool KeepsAnswers => _ledger.KeepsAnswers;

    public ValueTask<bool> ExistsAsync(CancellationToken cancellationToken) => _ledger.ExistsAsync(cancellationToken);

    public ITaskJournal Tasks { get; }

    public IAccountRegister Accounts { get; }

    public IUploadCache Uploads { get; }

    public IFileHashCache FileHashes { get; }

    public IGenerationHistory GenerationTimes => _ledger.GenerationTimes;

    public IPriceHistory Prices => _ledger.Prices;

    public ISpendHistory Spending => _ledger.Spending;

    public IRunJournal Runs => _ledger.Runs;

    public IPlanJournal Plans => _ledger.Plans;

    public IRateGates RateGates { get; }

    /// <summary>How many queries wait for their turn at the rate gate.</summary>
    public int QueuedQueries => Volatile.Read(ref _queuedQueries);

    /// <summary>How many have passed the gate for create requests and not given their place back.</summary>
    public int PlacesTaken => Volatile.Read(ref _placesTaken);

    /// <summary>The same ledger in another process, which is alive.</summary>
    public ITaskLedger OfOtherProcess => _other ??= Open(s_other);

    /// <summary>The same ledger in another process, which sees that this one is dead.</summary>
    public ITaskLedger OfSurvivor => _survivor ??= Open(s_other, isAlive: false);

    /// <summary>The same ledger as one of several machines has it.</summary>
    public ITaskLedger OfMachine(string machine)
    {
        SqlLedger ledger = Open(s_other, machine: machine);
        _machines.Add(ledger);
        return ledger;
    }

    /// <summary>Where what cannot be recorded is kept.</summary>
    public AnswerSpool Spool { get; }

    /// <summary>The same as the machine has it under a name.</summary>
    public AnswerSpool SpoolOf(string machine) => new(AnswerSpool.FolderOf(_folder.FullName, machine), _time, Path.GetDirectoryName(AnswerSpool.FolderOf(_folder.FullName, machine)));

    public string? TakeNotice() => _ledger.TakeNotice();

    /// <summary>Whether the ledger says that it is a copy.</summary>
    public bool IsCopy { get; set; }

    public Task<bool> IsUnusedCopyAsync(CancellationToken cancellationToken) => IsCopy ? Task.FromResult(true) : _ledger.IsUnusedCopyAsync(cancellationToken);

    public Task OpenAsync(CancellationToken cancellationToken) => _ledger.OpenAsync(cancellationToken);

    /// <summary>Closes the ledger as the end of a shell does.</summary>
    public ValueTask CloseAsync() => _ledger.DisposeAsync();

    public async ValueTask DisposeAsync()
    {
        await _ledger.DisposeAsync();
        await (_other?.DisposeAsync() ?? ValueTask.CompletedTask);
        await (_survivor?.DisposeAsync() ?? ValueTask.CompletedTask);
        foreach (SqlLedger ledger in _machines)
        {
            await ledger.DisposeAsync();
        }

        _folder.Delete(recursive: true);
    }

    private string FilePath => Path.Combine(_folder.FullName, "ledger.db");

    private SqlLedger Open(ProcessIdentity owner, bool isAlive = true, string machine = "")
        => new(
            new SqliteEngine(FilePath, () => SqliteProvider.Factory, _time, owner.Boot) { IsFlushed = false, Machine = machine },
            new ProcessOwners(owner, _ => isAlive),
            _time,
            _keeps ? Spool : null);

    private sealed class CountingGates(TestLedger owner, IRateGates inner) : IRateGates
    {
        public ICreateGate OpenCreateGate(string account) => new WatchedGate(owner, inner.OpenCreateGate(account));

        public IRateGate OpenQueryGate(string account) => new CountingGate(owner, inner.OpenQueryGate(account));
    }

    private sealed class CountingGate(TestLedger owner, IRateGate inner) : IRateGate
    {
        public async ValueTask<IAsyncDisposable> EnterAsync(CancellationToken cancellationToken)
        {
            owner.BeforeGate?.Invoke();
            Interlocked.Increment(ref owner._queuedQueries);
            try
            {
                return await inner.EnterAsync(cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                Interlocked.Decrement(ref owner._queuedQueries);
            }
        }
    }

    private sealed class WatchedGate(TestLedger owner, ICreateGate inner) : ICreateGate
    {
        public ValueTask<IAsyncDisposable> EnterAsync(CancellationToken cancellationToken) => inner.EnterAsync(cancellationToken);

        public Task<Passage<TaskClaim>> ClaimAsync(TaskIntent intent, IGateCaller caller, CancellationToken cancellationToken)
            => WatchAsync(nameof(ClaimAsync), caller, watched => inner.ClaimAsync(intent, watched, cancellationToken));

        public Task<Passage<KlingVideoTask>> BeginAsync(TaskIntent intent, IGateCaller caller, CancellationToken cancellationToken)
            => WatchAsync(nameof(BeginAsync), caller, watched => inner.BeginAsync(intent, watched, cancellationToken));

        public Task<Passage<RecordResult>> SendAgainAsync(KlingVideoTask attempt, TimeSpan answerWithin, TaskIntent? intent, IGateCaller caller, CancellationToken cancellationToken)
            => WatchAsync(nameof(ITaskJournal.RecordSentAgainAsync), caller, watched => inner.SendAgainAsync(attempt, answerWithin, intent, watched, cancellationToken));

        private async Task<Passage<T>> WatchAsync<T>(string name, IGateCaller caller, Func<IGateCaller, Task<Passage<T>>> pass)
        {
            owner.BeforeGate?.Invoke();
            owner.AtCreateGate?.Invoke(true);
            Passage<T> passage = await pass(new WatchedCaller(owner, name, caller)).ConfigureAwait(false);
            if (passage.Lease is null)
            {
                return passage;
            }

            Interlocked.Increment(ref owner._placesTaken);
            owner.BehindCreateGate?.Invoke();
            return passage with { Lease = new Lease(owner, passage.Lease) };
        }

        /// <summary>What is recorded as the gate opens counts as a call of the journal.</summary>
        private sealed class WatchedCaller(TestLedger owner, string name, IGateCaller inner) : IGateCaller
        {
            public void OnHeld(string reason) => inner.OnHeld(reason);

            public void BeforePass()
            {
                inner.BeforePass();
                owner.BeforeCall?.Invoke(name);
            }
        }

        private sealed class Lease(TestLedger owner, IRateLease inner) : IRateLease
        {
            public async ValueTask DisposeAsync()
            {
                await inner.DisposeAsync().ConfigureAwait(false);
                Interlocked.Decrement(ref owner._placesTaken);
                owner.AtCreateGate?.Invoke(false);
            }

            public ValueTask HandBackAsync() => inner.HandBackAsync();
        }
    }

    [SuppressMessage("Performance", "CA1852", Justification = "A proxy is derived from it.")]
    internal class Hook<T> : DispatchProxy
        where T : class
    {
        private Action<string> _before = null!;
        private T _inner = null!;

        public static T Over(T inner, Action<string> before)
        {
            T proxy = Create<T, Hook<T>>();
            (((Hook<T>)(object)proxy)._before, ((Hook<T>)(object)proxy)._inner) = (before, inner);
            return proxy;
        }

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            _before(targetMethod!.Name);
            return targetMethod.Invoke(_inner, BindingFlags.DoNotWrapExceptions, null, args, null);
        }
    }
}
