using System.Diagnostics;
using System.Management.Automation.Runspaces;
using System.Runtime.CompilerServices;
using KlingPS.Core;
using KlingPS.Core.Api;
using KlingPS.Core.Secrets;
using KlingPS.Core.Sessions;

namespace KlingPS.Sessions;

/// <summary>What one runspace is connected to. Runspaces do not share it, as they do not share variables.</summary>
internal sealed class RunspaceConnection
{
    private const string KeyVariable = "KIE_API_KEY";
    private const string EndpointVariable = "KLINGPS_ENDPOINT";
    private const string UploadEndpointVariable = "KLINGPS_UPLOAD_ENDPOINT";

    private static readonly ConditionalWeakTable<Runspace, RunspaceConnection> s_connections = [];

    private KlingSession? _connected;
    private KlingSession? _found;
    private int? _foundBeside;

    private RunspaceConnection()
    {
    }

    /// <summary>The connection of the runspace that the current thread works for.</summary>
    public static RunspaceConnection Current => s_connections.GetValue(Runspace.DefaultRunspace, static _ => new RunspaceConnection());

    /// <summary>The sandbox that was started here.</summary>
    public SandboxHost Sandbox { get; } = new();

    /// <summary>The time since any command of this runspace has drawn its progress.</summary>
    public Stopwatch SinceProgressDrawn { get; } = new();

    /// <summary>The endpoints of the environment, or the service's own.</summary>
    /// <exception cref="KlingException">A variable holds no address that can be used.</exception>
    public static KlingEndpoints FindEndpoints(Uri? api, Uri? upload)
    {
        api ??= FromEnvironment(EndpointVariable);
        upload ??= FromEnvironment(UploadEndpointVariable);

        // Whoever names another service and no upload host means that service for both: the real upload host must not get its key.
        return new KlingEndpoints(
            api ?? KlingEndpoints.Default.Api,
            upload ?? api ?? KlingEndpoints.Default.Upload);
    }

    /// <summary>The connected session; else one with the key that is found in the secret store or the environment.</summary>
    /// <exception cref="KlingException">There is no key anywhere.</exception>
    public KlingSession GetSession(KlingCommand command)
    {
        if (_connected is not null)
        {
            return _connected;
        }

        // A key is looked for once; but a variable that has been changed means another account.
        KlingEndpoints endpoints = FindEndpoints(null, null);
        string? variable = Environment.GetEnvironmentVariable(KeyVariable);
        if (_found is not null && _found.Endpoints == endpoints && _foundBeside == variable?.GetHashCode(StringComparison.Ordinal))
        {
            return _found;
        }

        (ApiKey key, string source) = FindKey(command);
        Release(ref _found);
        _foundBeside = variable?.GetHashCode(StringComparison.Ordinal);
        return _found = SessionFactory.Create(endpoints, key, source, proxy: null, isSandbox: false);
    }

    /// <summary>Uses a session from now on.</summary>
    public void Connect(KlingSession session)
    {
        Release(ref _found);
        Release(ref _connected);
        _connected = session;
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
    /// <exception cref="KlingException">There is none.</exception>
    public static (ApiKey Key, string Source) FindKey(KlingCommand command)
    {
        if (SecretStore.TryRead(command, SecretStore.DefaultName, vault: null) is ApiKey stored)
        {
            return (stored, $"secret {SecretStore.DefaultName}");
        }

        string? variable = Environment.GetEnvironmentVariable(KeyVariable);
        return string.IsNullOrWhiteSpace(variable)
            ? throw new KlingException(ErrorKind.ApiKeyMissing, $"No API key: you are not connected, and neither the secret store nor the environment variable {KeyVariable} has one.")
            : (ApiKey.From(variable), $"environment variable {KeyVariable}");
    }

    private static Uri? FromEnvironment(string name)
    {
        string? value = Environment.GetEnvironmentVariable(name);
        return string.IsNullOrWhiteSpace(value) ? null
            : Uri.TryCreate(value, UriKind.Absolute, out Uri? uri) ? uri
            : throw new KlingException(ErrorKind.RequestInvalid, $"The environment variable {name} holds '{value}', which is not an absolute address.");
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
}
