using System.Management.Automation;
using System.Net;
using System.Security;
using KlingPS.Core;
using KlingPS.Core.Api;
using KlingPS.Core.Secrets;
using KlingPS.Core.Sessions;
using KlingPS.Sessions;

namespace KlingPS.Commands;

/// <summary>Opens the account that the commands of this session work with.</summary>
[Cmdlet(VerbsCommunications.Connect, "KlingAccount", DefaultParameterSetName = KeySet)]
[OutputType(typeof(KlingAccount))]
public sealed class ConnectKlingAccountCommand : KlingCommand
{
    private const string KeySet = "ApiKey";
    private const string SecretSet = "Secret";
    private const string SandboxSet = "Sandbox";

    /// <summary>The API key. When it is left out, the secret store and the environment variable KIE_API_KEY are asked.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true, ParameterSetName = KeySet)]
    public SecureString? ApiKey { get; set; }

    /// <summary>The name of the secret that holds the key.</summary>
    [Parameter(Mandatory = true, ParameterSetName = SecretSet)]
    [ValidateNotNullOrEmpty]
    public string SecretName { get; set; } = string.Empty;

    /// <summary>The vault that holds the secret; every registered one is searched when it is left out.</summary>
    [Parameter(ParameterSetName = SecretSet)]
    [ValidateNotNullOrEmpty]
    public string? Vault { get; set; }

    /// <summary>Connects to the local sandbox, and starts one if none runs. Nothing costs money there.</summary>
    [Parameter(Mandatory = true, ParameterSetName = SandboxSet)]
    public SwitchParameter Sandbox { get; set; }

    /// <summary>The service's address: https, or http for this machine itself.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = KeySet)]
    [Parameter(ParameterSetName = SecretSet)]
    public Uri? Endpoint { get; set; }

    /// <summary>The address uploads go to; that of -Endpoint when only that is given.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = KeySet)]
    [Parameter(ParameterSetName = SecretSet)]
    public Uri? UploadEndpoint { get; set; }

    /// <summary>The proxy to go through; the system's and the environment's when it is left out.</summary>
    [Parameter(ParameterSetName = KeySet)]
    [Parameter(ParameterSetName = SecretSet)]
    public Uri? Proxy { get; set; }

    /// <summary>The name and password for the proxy.</summary>
    [Parameter(ParameterSetName = KeySet)]
    [Parameter(ParameterSetName = SecretSet)]
    [Credential]
    public PSCredential? ProxyCredential { get; set; }

    /// <summary>Does not ask the service whether the key is good.</summary>
    [Parameter]
    public SwitchParameter SkipVerification { get; set; }

    /// <summary>Connects.</summary>
    protected override void ProcessRecord()
    {
        KlingSession? session = null;
        try
        {
            session = CreateSession();
            KlingClient client = session.CreateClient(Observer);
            decimal? credits = SkipVerification ? null : Await(client.GetCreditsAsync);
            Connection.Connect(session);
            WriteObject(session.Describe(credits));
            session = null;
        }
        catch (KlingException exception)
        {
            ThrowTerminatingError(exception, Endpoint);
        }
        finally
        {
            // What was connected before stays connected when this key is no good.
            _ = session?.DisposeAsync().AsTask();
        }
    }

    private KlingSession CreateSession()
    {
        if (ParameterSetName == SandboxSet)
        {
            KlingSandbox sandbox = Connection.Sandbox.IsRunning
                ? Connection.Sandbox.Describe()
                : Connection.Sandbox.Start(new Sandbox.SandboxOptions(), []);
            return SessionFactory.Create(
                new KlingEndpoints(sandbox.Endpoint, sandbox.UploadEndpoint),
                Core.Secrets.ApiKey.From(sandbox.ApiKey),
                "sandbox",
                proxy: null,
                isSandbox: true);
        }

        KlingEndpoints endpoints = RunspaceConnection.FindEndpoints(Endpoint, UploadEndpoint);
        IWebProxy? proxy = CreateProxy();
        (ApiKey key, string source) = FindKey();
        return SessionFactory.Create(endpoints, key, source, proxy, Connection.Sandbox.IsAt(endpoints));
    }

    private (ApiKey Key, string Source) FindKey()
    {
        if (ParameterSetName == SecretSet)
        {
            string place = Vault is null ? string.Empty : $" in vault {Vault}";
            return (SecretStore.Read(this, SecretName, Vault), $"secret {SecretName}{place}");
        }

        return ApiKey is not null
            ? (Core.Secrets.ApiKey.From(ApiKey), "parameter -ApiKey")
            : RunspaceConnection.FindKey(this);
    }

    private WebProxy? CreateProxy()
    {
        if (Proxy is null)
        {
            return ProxyCredential is null
                ? null
                : throw new KlingException(ErrorKind.RequestInvalid, "-ProxyCredential needs -Proxy: say which proxy the name and password are for.");
        }

        return Proxy.IsAbsoluteUri && (Proxy.Scheme == Uri.UriSchemeHttp || Proxy.Scheme == Uri.UriSchemeHttps) && Proxy.UserInfo.Length == 0
            ? new WebProxy(Proxy) { Credentials = ProxyCredential?.GetNetworkCredential() }
            : throw new KlingException(ErrorKind.RequestInvalid, "-Proxy has to be an absolute http or https address without a name and password in it; those go to -ProxyCredential.");
    }
}
