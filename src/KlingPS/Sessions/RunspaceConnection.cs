using System.Collections.Concurrent;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Runtime.CompilerServices;
using KlingPS.Core;
using KlingPS.Core.Api;
using KlingPS.Core.Configuration;
using KlingPS.Core.Ledger;
using KlingPS.Core.Secrets;
using KlingPS.Core.Sessions;
using KlingPS.Display;
using KlingPS.Hosting;
using KlingPS.Text;

namespace KlingPS.Sessions;

/// <summary>What one runspace is connected to. Runspaces do not share it, as they do not share variables.</summary>
internal sealed class RunspaceConnection
{
    private static readonly ConditionalWeakTable<Runspace, RunspaceConnection> s_connections = [];

    private readonly HashSet<string> _said = new(StringComparer.Ordinal);

    /// <summary>How to end what was replaced while commands that had begun with it were running.</summary>
    private readonly ConcurrentQueue<Func<Task>> _replaced = new();
    private KlingSession? _connected;
    private KeySource? _connectedFrom;
    private bool _isSecretReplaced;
    private KlingSession? _found;
    private FoundBasis? _foundOn;
    private LedgerUse? _ledger;
    private LedgerAddress? _ledgerAddress;
    private bool _hasViews;

    private RunspaceConnection()
    {
    }

    /// <summary>The connection of the runspace that the current thread works for.</summary>
    public static RunspaceConnection Current => s_connections.GetValue(Runspace.DefaultRunspace, static runspace => Create(runspace));

    /// <summary>What the commands that run here have paid for but not saved to disk.</summary>
    public UnfinishedWork Unfinished { get; } = new();

    /// <summary>The sandbox that was started here.</summary>
    public SandboxHost Sandbox { get; } = new();

    /// <summary>When any command of this runspace may draw its progress.</summary>
    public ProgressPace ProgressPace { get; } = new(TimeProvider.System);

    /// <summary>The session that Connect-KlingAccount has opened, if any.</summary>
    public KlingSession? Connected => _connected;

    /// <summary>Loads the views of what commands emit, if no command of this runspace has done so. A stopped pipeline leaves it to the next one.</summary>
    /// <param name="commands">Runs scripts in the runspace.</param>
    /// <param name="streams">Gets a message if they cannot be loaded.</param>
    public void LoadViewsOnce(CommandInvocationIntrinsics commands, ICommandStreams streams)
    {
        if (!_hasViews)
        {
            string? problem = Views.TryLoad(commands);
            _hasViews = true;
            if (problem is not null)
            {
                streams.WriteVerbose(problem);
            }
        }
    }

    /// <summary>Whether this is said here for the first time.</summary>
    public bool IsNews(string text) => _said.Add(text);

    /// <summary>The present session, if there is one; none is made.</summary>
    public KlingSession? Session => _connected ?? _found;

    /// <summary>The connected session; else one with the key that is found in the secret store, the environment or the file that it names.</summary>
    /// <param name="settings">The settings of the command.</param>
    /// <param name="keys">Looks for the key.</param>
    /// <exception cref="KlingException">There is no key anywhere, or the settings cannot be used; or the key may not be meant, because another runspace is connected to the sandbox.</exception>
    public KlingSession GetSession(CommandSettings settings, KeyFinder keys)
    {
        if (_connected is not null)
        {
            // A limit that was set after connecting applies from the next command, not from the next connection.
            _connected.DailyCreditCap = settings.File.DailyCreditCap;
            return _connected;
        }

        KlingConfiguration configuration = settings.Current;

        // The key is looked up once; but different settings, or a changed variable, mean another account.
        FoundBasis basis = FoundBasis.From(configuration);
        if (_found is null || _foundOn != basis)
        {
            RequireNoSandboxElsewhere(basis.Endpoints);
            FoundKey found = keys.Find(configuration);
            ReplaceFound();
            _found = SessionFactory.Create(configuration, basis.Endpoints, found, keys.FindLedgerPassword(configuration), proxyCredentials: null, Sandbox.IsAt(basis.Endpoints));
            _foundOn = basis;
        }

        _found.DailyCreditCap = configuration.DailyCreditCap;
        return _found;
    }

    /// <summary>The ledger, if there is no session that has one.</summary>
    /// <param name="configuration">Says where it is.</param>
    /// <param name="keys">Looks for its password.</param>
    public ITaskLedger UseLedger(KlingConfiguration configuration, KeyFinder keys)
    {
        if (_ledger is null || _ledgerAddress != configuration.LedgerAddress)
        {
            LedgerUse? former = _ledger;
            _ledger = Ledgers.Use(configuration.LedgerAddress, keys.FindLedgerPassword(configuration));
            _ledgerAddress = configuration.LedgerAddress;
            if (former is not null)
            {
                Replace(() => former.DisposeAsync().AsTask());
            }
        }

        return _ledger.Ledger;
    }

    /// <summary>What users should know about the ledgers in use since they were last told; <see langword="null"/> if there is nothing.</summary>
    public string? TakeLedgerNotice() => Session?.Ledger.TakeNotice() ?? _ledger?.Ledger.TakeNotice();

    /// <summary>Uses a session from now on.</summary>
    public void Connect(KlingSession session, KeySource source)
    {
        Release(ref _found);
        Release(ref _connected);
        _ = TakeReplaced();
        _connected = session;
        _connectedFrom = source;
        _isSecretReplaced = false;
    }

    /// <summary>Where the key of a session came from, and whether that has changed since.</summary>
    public string DescribeSource(KlingSession session)
    {
        if (session != _connected || _connectedFrom is null)
        {
            return session.KeySource;
        }

        bool isVariableChanged = _connectedFrom.IsVariable && !session.Key.Matches(Environment.GetEnvironmentVariable(KeySource.Variable));
        bool isFileChanged = _connectedFrom.File is FileState file && FileState.Of(file.Path) != file;
        return isVariableChanged || isFileChanged || _isSecretReplaced ? session.KeySource + " as it was at connecting; it has changed since" : session.KeySource;
    }

    /// <summary>Called when a key was stored: the key that was found before is looked up again.</summary>
    public void OnStored(string secret, string? vault, ApiKey key)
    {
        ReplaceFound();
        _isSecretReplaced |= _connected is not null
            && string.Equals(_connectedFrom?.Secret, secret, StringComparison.OrdinalIgnoreCase)
            && (vault is null || _connectedFrom?.Vault is null || string.Equals(_connectedFrom.Vault, vault, StringComparison.OrdinalIgnoreCase))
            && key.Fingerprint(_connected.Endpoints.Api) != _connected.Fingerprint;
    }

    /// <summary>Forgets the session and its key, and stops the sandbox.</summary>
    public void Disconnect()
    {
        SessionEnd.Await(ReleaseAll());
        Sandbox.Stop();
    }

    /// <summary>Stops the sandbox, and disconnects from it.</summary>
    public void StopSandbox()
    {
        if (_connected is { IsSandbox: true })
        {
            Release(ref _connected);
        }

        Sandbox.Stop();
    }

    /// <summary>Refuses the real service to a runspace that is not connected while another one is connected to the sandbox: a user who tries things out at no cost would silently pay here.</summary>
    private static void RequireNoSandboxElsewhere(KlingEndpoints endpoints)
    {
        if (!endpoints.Api.IsLoopback && s_connections.Any(entry => entry.Value._connected is { IsSandbox: true }))
        {
            throw new KlingException(
                ErrorKind.ApiKeyMissing,
                $"This runspace is not connected, and another one of this process is connected to the sandbox. Nothing was sent, because a key that is found here would spend real credits at {endpoints.Api}. Runspaces, such as those of ForEach-Object -Parallel and Start-ThreadJob, do not share a connection.")
            {
                Advice = "Run the commands of this module in the runspace that is connected: they work on many images at once by themselves. Or connect this one, too: Connect-KlingAccount with -ApiKey for the real service, or with -Sandbox for a sandbox of its own.",
            };
        }
    }

    private static RunspaceConnection Create(Runspace runspace)
    {
        SessionEnd.WatchProcess(
            release: static () =>
            {
                foreach ((_, RunspaceConnection connection) in s_connections)
                {
                    connection.ReleaseAll();
                }
            },
            end: static () =>
            {
                foreach ((_, RunspaceConnection connection) in s_connections)
                {
                    connection.Sandbox.Stop();
                }
            });
        var connection = new RunspaceConnection();
        runspace.StateChanged += (_, change) =>
        {
            if (change.RunspaceStateInfo.State is RunspaceState.Closed or RunspaceState.Broken)
            {
                connection.Disconnect();
            }
        };
        return connection;
    }

    /// <summary>Called when a command is gone: once none runs, what was replaced meanwhile is ended.</summary>
    public void EndReplaced()
    {
        if (Unfinished.IsOver)
        {
            _ = TakeReplaced();
        }
    }

    /// <summary>
    /// Lets go of the session whose key was found, because another key or setting counts from now on. The commands of a pipeline look for their
    /// session when they first need it, which may be minutes apart: those that have this one finish with it.
    /// </summary>
    private void ReplaceFound()
    {
        if (Interlocked.Exchange(ref _found, null) is KlingSession former)
        {
            Replace(() => SessionEnd.Begin(former));
        }
    }

    private void Replace(Func<Task> end)
    {
        if (Unfinished.IsShared)
        {
            _replaced.Enqueue(end);
        }
        else
        {
            _ = end();
        }
    }

    private List<Task> TakeReplaced()
    {
        var ending = new List<Task>();
        while (_replaced.TryDequeue(out Func<Task>? end))
        {
            ending.Add(end());
        }

        return ending;
    }

    private Task[] ReleaseAll()
        => [Release(ref _found), Release(ref _connected), Interlocked.Exchange(ref _ledger, null)?.DisposeAsync().AsTask() ?? Task.CompletedTask, .. TakeReplaced()];

    private static Task Release(ref KlingSession? session) => SessionEnd.Begin(Interlocked.Exchange(ref session, null));

    /// <summary>What the lookup of a key depended on: while that is the same, so is the key.</summary>
    private sealed record FoundBasis(KlingEndpoints Endpoints, Uri? Proxy, LedgerAddress Ledger, string? LedgerSecretName, double RequestTimeout, string SecretName, string? Vault, int? Variable, FileState? File)
    {
        public static FoundBasis From(KlingConfiguration configuration) => new(
            configuration.ToEndpoints(),
            configuration.Proxy,
            configuration.LedgerAddress,
            configuration.LedgerSecretName,
            configuration.RequestTimeout,
            configuration.SecretName,
            configuration.Vault,
            Environment.GetEnvironmentVariable(KeySource.Variable)?.GetHashCode(StringComparison.Ordinal),
            KeySource.FilePath is string path ? FileState.Of(path) : null);
    }
}
