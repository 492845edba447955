using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Processes;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Ledger.Sqlite;
using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Tests.Ledger;

/// <summary>The real ledger in a file of its own, with a hook where a test has to get between it and its caller.</summary>
internal sealed class TestLedger : ITaskLedger, IAsyncDisposable
{
    private static readonly ProcessIdentity s_other = new(4711, 1, ProcessIdentity.Current.Boot, ProcessIdentity.Current.Machine);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("klingps-ledger-");
    private readonly TimeProvider _time;
    private readonly SqlLedger _ledger;
    private SqlLedger? _other;
    private int _queuedQueries;

    public TestLedger(TimeProvider time)
    {
        _time = time;
        _ledger = Open(ProcessIdentity.Current);
        Tasks = Hook.Over(this, _ledger.Tasks);
        RateGates = new CountingGates(this, _ledger.RateGates);
    }

    /// <summary>Called with the name of a method of the journal before it runs; what it throws, the caller gets.</summary>
    public Action<string>? BeforeCall { get; set; }

    public string Location => _ledger.Location;

    public ITaskJournal Tasks { get; }

    public IAccountRegister Accounts => _ledger.Accounts;

    public IUploadCache Uploads => _ledger.Uploads;

    public IFileHashCache FileHashes => _ledger.FileHashes;

    public IGenerationHistory GenerationTimes => _ledger.GenerationTimes;

    public IRateGates RateGates { get; }

    /// <summary>How many queries wait for their turn at the rate gate.</summary>
    public int QueuedQueries => Volatile.Read(ref _queuedQueries);

    /// <summary>The same ledger in another process, which is alive.</summary>
    public ITaskLedger OfOtherProcess => _other ??= Open(s_other);

    public Task OpenAsync(CancellationToken cancellationToken) => _ledger.OpenAsync(cancellationToken);

    /// <summary>Closes the ledger as the end of a shell does.</summary>
    public ValueTask CloseAsync() => _ledger.DisposeAsync();

    public async ValueTask DisposeAsync()
    {
        await _ledger.DisposeAsync();
        await (_other?.DisposeAsync() ?? ValueTask.CompletedTask);
        _folder.Delete(recursive: true);
    }

    private SqlLedger Open(ProcessIdentity owner)
        => new(
            new SqliteEngine(Path.Combine(_folder.FullName, "ledger.db"), () => SqliteProvider.Factory, _time, owner.Boot) { IsFlushed = false },
            new ProcessOwners(owner, _ => true),
            _time);

    private sealed class CountingGates(TestLedger owner, IRateGates inner) : IRateGates
    {
        public IRateGate OpenCreateGate(string account) => inner.OpenCreateGate(account);

        public IRateGate OpenQueryGate(string account) => new CountingGate(owner, inner.OpenQueryGate(account));
    }

    private sealed class CountingGate(TestLedger owner, IRateGate inner) : IRateGate
    {
        public async ValueTask<IAsyncDisposable> EnterAsync(CancellationToken cancellationToken)
        {
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

    [SuppressMessage("Performance", "CA1852", Justification = "A proxy is derived from it.")]
    internal class Hook : DispatchProxy
    {
        private TestLedger _owner = null!;
        private ITaskJournal _inner = null!;

        public static ITaskJournal Over(TestLedger owner, ITaskJournal inner)
        {
            ITaskJournal proxy = Create<ITaskJournal, Hook>();
            (((Hook)(object)proxy)._owner, ((Hook)(object)proxy)._inner) = (owner, inner);
            return proxy;
        }

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            _owner.BeforeCall?.Invoke(targetMethod!.Name);
            return targetMethod!.Invoke(_inner, BindingFlags.DoNotWrapExceptions, null, args, null);
        }
    }
}
