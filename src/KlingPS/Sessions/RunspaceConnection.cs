using System.Diagnostics;
using System.Management.Automation.Runspaces;
using System.Runtime.CompilerServices;
using KlingPS.Core;
using KlingPS.Core.Api;
using KlingPS.Core.Configuration;
using KlingPS.Core.Secrets;
using KlingPS.Core.Sessions;
using KlingPS.Display;

namespace KlingPS.Sessions;

/// <summary>What one runspace is connected to. Runspaces do not share it, as they do not share variables.</summary>
internal sealed class RunspaceConnection
{
    private static readonly ConditionalWeakTable<Runspace, RunspaceConnection> s_connections = [];

    private KlingSession? _connected;
    private KeySource? _connectedFrom;
    private bool _isSecretReplaced;
    private KlingSession? _found;
    private FoundBasis? _foundOn;
    private bool _hasViews;

    private RunspaceConnection()
    {
    }

    /// <summary>The connection of the runspace that the current thread works for.</summary>
    public static RunspaceConnection Current => s_connections.GetValue(Runspace.DefaultRunspace, static _ => new RunspaceConnection());

    /// <summary>The sandbox that was started here.</summary>
    public SandboxHost Sandbox { get; } = new();

    /// <summary>The time since any command of this runspace has drawn its progress.</summary>
    public Stopwatch SinceProgressDrawn { get; } = new();

    /// <summary>The session that Connect-KlingAccount has opened, if any.</summary>
    public KlingSession? Connected => _connected;

    /// <summary>Loads the views of what commands emit, if no command of this runspace has done so.</summary>
    public void LoadViewsOnce(KlingCommand command)
    {
        if (!_hasViews)
        {
            _hasViews = true;
            Views.Load(command);
        }
    }

    /// <summary>The session in hand, if there is one; none is made.</summary>
    public KlingSession? Session => _connected ?? _found;

    /// <summary>The connected session; else one with the key that is found in the secret store or the environment.</summary>
    /// <exception cref="KlingException">There is no key anywhere, or the settings cannot be used.</exception>
    public KlingSession GetSession(KlingCommand command)
    {
        if (_connected is not null)
        {
            // A limit that was set after connecting counts from now on, not from the next time.
            _connected.DailyCreditCap = ConfigurationFile.Read(ConfigurationFile.Locate()).DailyCreditCap;
            return _connected;
        }

        var configuration = KlingConfiguration.Load();

        // A key is looked for once; but other settings, or a variable that has been changed, mean another account.
        FoundBasis basis = FoundBasis.Of(configuration);
        if (_found is null || _foundOn != basis)
        {
            FoundKey found = FindKey(command, configuration);
            Release(ref _found);
            _found = SessionFactory.Create(configuration, basis.Endpoints, found, proxyCredentials: null, Sandbox.IsAt(basis.Endpoints));
            _foundOn = basis;
        }

        _found.DailyCreditCap = configuration.DailyCreditCap;
        return _found;
    }

    /// <summary>Uses a session from now on.</summary>
    public void Connect(KlingSession session, KeySource source)
    {
        Release(ref _found);
        Release(ref _connected);
        _connected = session;
        _connectedFrom = source;
        _isSecretReplaced = false;
    }

    /// <summary>Where the key of a session came from, and whether that is still so.</summary>
    public string DescribeSource(KlingSession session)
    {
        if (session != _connected || _connectedFrom is null)
        {
            return session.KeySource;
        }

        bool isVariableChanged = _connectedFrom.IsVariable && !session.Key.Matches(Environment.GetEnvironmentVariable(KeySource.Variable));
        return isVariableChanged || _isSecretReplaced ? session.KeySource + " as it was at connecting; it has changed since" : session.KeySource;
    }

    /// <summary>Takes note that a key was stored: what was found before is looked for again.</summary>
    public void OnStored(string secret, string? vault, ApiKey key)
    {
        Release(ref _found);
        _isSecretReplaced |= _connected is not null
            && string.Equals(_connectedFrom?.Secret, secret, StringComparison.OrdinalIgnoreCase)
            && (vault is null || _connectedFrom?.Vault is null || string.Equals(_connectedFrom.Vault, vault, StringComparison.OrdinalIgnoreCase))
            && key.Fingerprint(_connected.Endpoints.Api) != _connected.Account;
    }

    /// <summary>Forgets the session and its key, and stops the sandbox.</summary>
    public void Disconnect()
    {
        Release(ref _found);
        Release(ref _connected);
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

    /// <summary>Looks for a key where none was given.</summary>
    /// <exception cref="KlingException">There is none, and why.</exception>
    public static FoundKey FindKey(KlingCommand command, KlingConfiguration configuration)
    {
        (ApiKey? stored, string? problem) = new SecretStore(command, configuration.SecretName, configuration.Vault).ReadApiKey();
        if (stored is not null)
        {
            return new FoundKey(stored, KeySource.FromSecret(configuration.SecretName, configuration.Vault));
        }

        string? variable = Environment.GetEnvironmentVariable(KeySource.Variable);
        if (string.IsNullOrWhiteSpace(variable))
        {
            throw new KlingException(ErrorKind.ApiKeyMissing, $"No API key: you are not connected, the environment variable {KeySource.Variable} is not set, and the secret store gives none. {problem}");
        }

        try
        {
            var found = new FoundKey(ApiKey.From(variable), KeySource.FromVariable);
            string text = $"The key is taken from the {KeySource.FromVariable.Text}. {problem}";
            if (configuration.IsSet(nameof(KlingConfiguration.SecretName)) || configuration.IsSet(nameof(KlingConfiguration.Vault)))
            {
                // Whoever has named a secret believes that it is used.
                command.WriteWarning(text);
            }
            else
            {
                command.WriteVerbose(text);
            }

            return found;
        }
        catch (KlingException exception)
        {
            throw new KlingException(exception.Kind, $"What the {KeySource.FromVariable.Text} holds cannot be a key. {exception.Message}", exception);
        }
    }

    /// <summary>Closes a session in the background: it first waits for purchases that are under way.</summary>
    private static void Release(ref KlingSession? session)
    {
        if (session is not null)
        {
            _ = session.DisposeAsync().AsTask();
            session = null;
        }
    }

    /// <summary>What a key was looked for with: when it is the same, so is the key.</summary>
    private sealed record FoundBasis(KlingEndpoints Endpoints, Uri? Proxy, string Ledger, double RequestTimeout, string SecretName, string? Vault, int? Variable)
    {
        public static FoundBasis Of(KlingConfiguration configuration) => new(
            configuration.ToEndpoints(),
            configuration.Proxy,
            configuration.LedgerPath,
            configuration.RequestTimeout,
            configuration.SecretName,
            configuration.Vault,
            Environment.GetEnvironmentVariable(KeySource.Variable)?.GetHashCode(StringComparison.Ordinal));
    }
}
