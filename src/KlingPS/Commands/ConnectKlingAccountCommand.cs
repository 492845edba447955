using System.Management.Automation;
using System.Net;
using System.Security;
using KlingPS.Commands.Base;
using KlingPS.Core.Api;
using KlingPS.Core.Configuration;
using KlingPS.Core.Network;
using KlingPS.Core.Sessions;
using KlingPS.Parameters;
using KlingPS.Sessions;

namespace KlingPS.Commands;

/// <summary>Opens the account that the commands of this session work with.</summary>
[Cmdlet(VerbsCommunications.Connect, "KlingAccount")]
[OutputType(typeof(KlingAccount))]
public sealed class ConnectKlingAccountCommand : KlingCommand
{
    private const string ByKey = "ApiKey";
    private const string BySecret = "Secret";
    private const string ToSandbox = "Sandbox";

    /// <summary>The API key. When it is left out, it is looked up in the secret store, the environment variable KIE_API_KEY, and the file that KIE_API_KEY_FILE names.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [Usage(ByKey)]
    [SecretText]
    public SecureString? ApiKey { get; set; }

    /// <summary>The name of the secret that holds the key; the configured one when only -Vault is given.</summary>
    [Parameter]
    [Usage(BySecret)]
    [NotBlank]
    [ArgumentCompleter(typeof(SecretCompleter))]
    public string? SecretName { get; set; }

    /// <summary>The vault that holds the secret; the configured one, else every registered one, when it is left out.</summary>
    [Parameter]
    [Usage(BySecret)]
    [NotBlank]
    [ArgumentCompleter(typeof(SecretCompleter))]
    public string? Vault { get; set; }

    /// <summary>Connects to the local sandbox, and starts one if none is running. Nothing costs money there.</summary>
    [Parameter]
    [Usage(ToSandbox, IsRequired = true)]
    public SwitchParameter Sandbox { get; set; }

    /// <summary>The service's address: https, or http for this machine itself.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Usage(ByKey)]
    [Usage(BySecret)]
    [Address]
    [ValidateNotNull]
    public Uri? Endpoint { get; set; }

    /// <summary>The address uploads go to; that of -Endpoint when only that is given.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Usage(ByKey)]
    [Usage(BySecret)]
    [Address]
    public Uri? UploadEndpoint { get; set; }

    /// <summary>The proxy to go through; the configured one, else the system's and the environment's, when it is left out.</summary>
    [Parameter]
    [Usage(ByKey)]
    [Usage(BySecret)]
    [Address]
    public Uri? Proxy { get; set; }

    /// <summary>The name and password for the proxy.</summary>
    [Parameter]
    [Usage(ByKey)]
    [Usage(BySecret)]
    [Credential]
    public PSCredential? ProxyCredential { get; set; }

    /// <summary>Tells the proxy who the user of this process is.</summary>
    [Parameter]
    [Usage(ByKey)]
    [Usage(BySecret)]
    public SwitchParameter ProxyUseDefaultCredentials { get; set; }

    /// <summary>Does not check the key with the service.</summary>
    [Parameter]
    public SwitchParameter SkipVerification { get; set; }

    /// <inheritdoc/>
    private protected override object? ErrorTarget => Endpoint is null ? null : AddressPolicy.Describe(Endpoint);

    /// <inheritdoc/>
    private protected override void OnProcess()
    {
        KlingSession? session = null;
        try
        {
            (session, KeySource source) = CreateSession();
            KlingClient client = session.CreateClient(Context.Observer);
            decimal? credits = SkipVerification ? null : Await(client.GetCreditsAsync);
            Connection.Connect(session, source);
            session.LastBalance = credits is decimal left ? new AccountBalance(left, session.TimeProvider.GetUtcNow()) : null;
            KlingAccount account = session.Describe(credits);
            session = null;
            WriteObject(account);
        }
        finally
        {
            // An account that was connected before stays connected when this key is refused.
            _ = SessionEnd.Begin(session);
        }
    }

    private (KlingSession Session, KeySource Source) CreateSession()
    {
        if (Sandbox)
        {
            KlingSandbox sandbox = Connection.Sandbox.IsRunning
                ? Connection.Sandbox.Describe()
                : Connection.Sandbox.Start(new Sandbox.SandboxOptions(), []);
            var own = new FoundKey(Core.Secrets.ApiKey.From(sandbox.ApiKey), KeySource.FromSandbox);
            var addresses = new KlingEndpoints(sandbox.Endpoint, sandbox.UploadEndpoint);
            return (SessionFactory.Create(Context.Settings.Current, addresses, own, Context.Keys.FindLedgerPassword(Context.Settings.Current), proxyCredentials: null, isSandbox: true), own.Source);
        }

        KlingConfiguration configuration = Context.Settings.With(new ConfigurationValues
        {
            Endpoint = Endpoint,
            UploadEndpoint = UploadEndpoint,
            Proxy = Proxy,
            SecretName = SecretName,
            Vault = Vault,
        });
        KlingEndpoints endpoints = configuration.ToEndpoints();
        ICredentials? proxyCredentials = ProxyCredentials.Choose(Proxy, configuration.Proxy, ProxyCredential, ProxyUseDefaultCredentials);
        FoundKey found = FindKey(configuration);
        return (SessionFactory.Create(configuration, endpoints, found, Context.Keys.FindLedgerPassword(configuration), proxyCredentials, Connection.Sandbox.IsAt(endpoints)), found.Source);
    }

    private FoundKey FindKey(KlingConfiguration configuration)
        => SecretName is not null || Vault is not null ? Context.Keys.FindSecret(configuration)
            : MyInvocation.BoundParameters.ContainsKey(nameof(ApiKey)) ? new FoundKey(Core.Secrets.ApiKey.From(ApiKey ?? new SecureString()), KeySource.FromParameter)
            : Context.Keys.Find(configuration);
}
