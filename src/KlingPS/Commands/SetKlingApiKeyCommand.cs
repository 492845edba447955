using System.Management.Automation;
using System.Management.Automation.Host;
using System.Security;
using KlingPS.Commands.Base;
using KlingPS.Core;
using KlingPS.Core.Api;
using KlingPS.Core.Configuration;
using KlingPS.Core.Sessions;
using KlingPS.Hosting;
using KlingPS.Parameters;
using KlingPS.Sessions;

namespace KlingPS.Commands;

/// <summary>Stores a key in the secret store, where all sessions of the user find it.</summary>
[Cmdlet(VerbsCommon.Set, "KlingApiKey", SupportsShouldProcess = true)]
[OutputType(typeof(void))]
public sealed class SetKlingApiKeyCommand : KlingCommand
{
    private string? _name;

    /// <summary>The API key; asked for, hidden, when it is left out.</summary>
    [Parameter(Position = 0)]
    [SecretText]
    public SecureString? ApiKey { get; set; }

    /// <summary>The name to store it under; the configured one, else KlingApiKey, when it is left out.</summary>
    [Parameter]
    [NotBlank]
    [ArgumentCompleter(typeof(SecretCompleter))]
    public string? SecretName { get; set; }

    /// <summary>The vault to store it in; the configured one, else the default one, when it is left out.</summary>
    [Parameter]
    [NotBlank]
    [ArgumentCompleter(typeof(SecretCompleter))]
    public string? Vault { get; set; }

    /// <summary>Does not check the key with the service.</summary>
    [Parameter]
    public SwitchParameter SkipVerification { get; set; }

    /// <inheritdoc/>
    private protected override object? ErrorTarget => _name;

    /// <inheritdoc/>
    private protected override void OnProcess()
    {
        KlingConfiguration configuration = Context.Settings.With(new ConfigurationValues { SecretName = SecretName, Vault = Vault });
        _name = configuration.SecretName;
        var store = new SecretStore(Context.Shell.Commands, configuration.SecretName, configuration.Vault);
        store.RequireVault();
        string vault = configuration.Vault is null ? "the default vault" : $"the vault '{configuration.Vault}'";
        if (ShouldProcess($"the secret '{configuration.SecretName}' in {vault}", "Store the API key"))
        {
            Store(store, configuration);
        }
    }

    private void Store(SecretStore store, KlingConfiguration configuration)
    {
        var given = new FoundKey(Core.Secrets.ApiKey.From(ApiKey ?? Ask()), KeySource.FromParameter);
        KlingSession session = SessionFactory.Create(configuration, configuration.ToEndpoints(), given, Context.Keys.FindLedgerPassword(configuration), proxyCredentials: null, isSandbox: false);
        try
        {
            if (!SkipVerification)
            {
                KlingClient client = session.CreateClient(Context.Observer);
                Await(client.GetCreditsAsync);
            }

            store.Write(session.Key);
            Connection.OnStored(configuration.SecretName, configuration.Vault, session.Key);
            if (Connection.Connected is KlingSession connected && connected.Fingerprint != session.Key.Fingerprint(connected.Endpoints.Api))
            {
                WriteWarning("The key is stored; this session stays connected with another one. Run Connect-KlingAccount to use the new key.");
            }
        }
        finally
        {
            _ = SessionEnd.Begin(session);
        }
    }

    private SecureString Ask()
    {
        const string HowToGive = "Give it as a SecureString: Set-KlingApiKey -ApiKey $key";
        if (!HostInteraction.CanAsk(Host))
        {
            throw new KlingException(ErrorKind.ApiKeyMissing, $"There is no key to store: none was given, and this session is not interactive, so it cannot be asked for. {HowToGive}.");
        }

        try
        {
            Host.UI.Write("API key: ");
            return Host.UI.ReadLineAsSecureString();
        }
        catch (Exception exception) when (exception is HostException or PSInvalidOperationException or NotImplementedException)
        {
            throw new KlingException(ErrorKind.ApiKeyMissing, $"There is no key to store: none was given, and this host cannot ask for one. {HowToGive}.", exception);
        }
    }
}
