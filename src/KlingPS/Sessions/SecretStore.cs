using System.Management.Automation;
using System.Net;
using System.Security;
using KlingPS.Core;
using KlingPS.Core.Secrets;
using KlingPS.Hosting;

namespace KlingPS.Sessions;

/// <summary>Reads and stores keys through Microsoft.PowerShell.SecretManagement, whatever vaults are behind it.</summary>
internal sealed class SecretStore
{
    private const string Module = "Microsoft.PowerShell.SecretManagement";
    private const string HowToInstall = $"Install-PSResource {Module}, Microsoft.PowerShell.SecretStore";
    private const string HowToRegister = "Register-SecretVault -Name SecretStore -ModuleName Microsoft.PowerShell.SecretStore -DefaultVault";

    private readonly CommandRunner _commands;
    private readonly string _name;
    private readonly string? _vault;
    private readonly string _howToStore;
    private readonly string _what;

    /// <summary>Creates the reader of one secret.</summary>
    /// <param name="commands">Runs the commands of SecretManagement; on the pipeline thread.</param>
    /// <param name="name">The secret's name.</param>
    /// <param name="vault">Its vault; every registered one is searched when it is <see langword="null"/>.</param>
    /// <param name="howToStore">The command that stores it; that of the API key when it is <see langword="null"/>.</param>
    /// <param name="what">What it holds.</param>
    public SecretStore(CommandRunner commands, string name, string? vault, string? howToStore = null, string what = "key")
    {
        _commands = commands;
        _name = name;
        _vault = vault;
        _what = what;
        _howToStore = howToStore ?? HowToStoreKey(name, vault);
    }

    /// <summary>Whether SecretManagement is installed.</summary>
    public bool IsInstalled => Find("Get-Secret") is not null;

    private string Secret => $"the secret '{_name}'" + (_vault is null ? string.Empty : $" of the vault '{_vault}'");

    /// <summary>Reads the API key, or says why there is none.</summary>
    /// <exception cref="KlingException">The secret exists but does not hold a key.</exception>
    public (ApiKey? Key, string? Problem) ReadApiKey()
    {
        SecretAnswer answer = Read();
        using SecureString? secret = answer.Secret;
        return secret is null ? (null, answer.Problem) : (Convert(secret, ApiKey.From), null);
    }

    /// <summary>Converts a secret.</summary>
    /// <typeparam name="T">The type that it is needed as.</typeparam>
    /// <param name="secret">The secret.</param>
    /// <param name="convert">Converts it, or throws a <see cref="KlingException"/> that says why it cannot.</param>
    /// <exception cref="KlingException">It cannot be converted; the message names the secret.</exception>
    public T Convert<T>(SecureString secret, Func<SecureString, T> convert)
    {
        try
        {
            return convert(secret);
        }
        catch (KlingException exception)
        {
            throw CreateUnusable(exception);
        }
    }

    /// <summary>Reads the secret, or says why there is none.</summary>
    /// <exception cref="KlingException">It exists but is neither text nor a credential.</exception>
    public SecretAnswer Read()
    {
        if (Find("Get-Secret") is not CommandInfo command)
        {
            return new SecretAnswer(null, $"The module {Module} is not installed, so no secret can be read. Install it and a vault with: {HowToInstall}; {HowToRegister}. Then store the {_what} with: {_howToStore}.");
        }

        CommandResult result = Run(command, ("Name", _name));
        return result.Output is [{ BaseObject: object secret }, ..] ? new SecretAnswer(ToSecureString(secret), null)
            : new SecretAnswer(null, Explain(result)) { NeedsPassword = result.WasAsked || IsLocked(result) };
    }

    /// <summary>Makes sure that there is a vault to store a key in, before the user is asked for the key.</summary>
    /// <exception cref="KlingException">There is none.</exception>
    public void RequireVault()
    {
        if (Find("Set-Secret") is null)
        {
            throw new KlingException(ErrorKind.RequestInvalid, $"The module {Module} is not installed, so no key can be stored. Install it and a vault with: {HowToInstall}; {HowToRegister}.");
        }

        List<string> vaults = FindVaults();
        if (vaults is [])
        {
            throw new KlingException(ErrorKind.RequestInvalid, DescribeNoVault());
        }

        if (_vault is not null && !vaults.Contains(_vault, StringComparer.OrdinalIgnoreCase))
        {
            throw new KlingException(ErrorKind.RequestInvalid, DescribeUnknownVault());
        }
    }

    /// <summary>Stores a key; an existing one is replaced.</summary>
    /// <exception cref="KlingException">The vault does not accept it; the message says why.</exception>
    public void Write(ApiKey key)
    {
        using SecureString secret = key.ToSecureString();
        CommandResult result = Run(Find("Set-Secret")!, ("Name", _name), ("SecureStringSecret", secret));
        if (result.Error is not null)
        {
            throw new KlingException(ErrorKind.RequestInvalid, $"The key was not stored. {Explain(result)}", result.Error.Exception);
        }
    }

    private string Explain(CommandResult result)
    {
        List<string> vaults = FindVaults();
        string? vault = _vault ?? (vaults is [string only] ? only : null);
        string subject = vault is null ? "A vault" : $"The vault '{vault}'";
        string unlock = $"Unlock-SecretVault -Name {(vault is null ? "<vault>" : $"'{vault}'")} -Password";
        return result.Error?.FullyQualifiedErrorId.Split(',')[0] switch
        {
            "GetSecretVaultNotFound" => DescribeUnknownVault(),
            null or "GetSecretNotFound" or "SetSecretCommandFailNoVault" when vaults is [] => DescribeNoVault(),
            null or "GetSecretNotFound" => $"{(_vault is null ? "No registered vault has a secret" : $"The vault '{_vault}' has no secret")} '{_name}'. Store the {_what} there with: {_howToStore}. Get-SecretInfo lists the secrets that exist.",
            "SetSecretCommandFailNoVault" => $"No vault is the default one. Name one with -Vault, or make one the default: Set-SecretVaultDefault -Name '{vaults[0]}'.",
            _ when result.WasAsked => $"{subject} needs a password, and this session is not interactive, so it cannot be asked for. Unlock the vault earlier in the script: {unlock} $password. Or, for an account that only runs automation, let its SecretStore open without a password: Set-SecretStoreConfiguration -Authentication None -Interaction None.",
            _ when IsLocked(result) => $"{subject} is locked. Unlock it with: {unlock} (Read-Host -AsSecureString). In a script, take the password from where its own secrets are kept.",
            _ => $"SecretManagement could not open {Secret}: {result.Error.Exception.Message.TrimEnd('.')}. Test-SecretVault shows whether a vault works.",
        };
    }

    private static bool IsLocked(CommandResult result) => Causes(result.Error?.Exception).Any(exception => exception.GetType().Name == "PasswordRequiredException");

    private static string HowToStoreKey(string name, string? vault) => "Set-KlingApiKey"
        + (name == Core.Configuration.KlingConfiguration.DefaultSecretName ? string.Empty : $" -SecretName '{name}'")
        + (vault is null ? string.Empty : $" -Vault '{vault}'");

    private string DescribeUnknownVault() => $"No vault '{_vault}' is registered. Get-SecretVault lists the registered ones, Register-SecretVault adds one.";

    private string DescribeNoVault() => $"No vault is registered with SecretManagement, so a {_what} cannot be stored or found. Register one with: {HowToRegister} (its module comes with Install-PSResource Microsoft.PowerShell.SecretStore).";

    private SecureString ToSecureString(object secret) => secret switch
    {
        SecureString secure => secure.Copy(),
        string text => new NetworkCredential(string.Empty, text).SecurePassword,
        PSCredential credential => credential.Password.Copy(),
        _ => throw CreateUnusable(new KlingException(ErrorKind.ApiKeyMissing, $"It is a {secret.GetType().Name}, not a SecureString, a text or a credential.")),
    };

    private KlingException CreateUnusable(KlingException cause)
        => cause.WithMessage($"The value of {Secret} is not a valid key. {cause.Message} Store it again with: {_howToStore}.");

    private List<string> FindVaults()
        => Find("Get-SecretVault") is CommandInfo command
            ? [.. _commands.Run(command).Output.Select(vault => vault.Properties["Name"]?.Value?.ToString()).OfType<string>()]
            : [];

    private CommandInfo? Find(string name) => _commands.Find(Module, name);

    private CommandResult Run(CommandInfo command, params (string Name, object Value)[] parameters)
        => _commands.Run(command, _vault is null ? parameters : [.. parameters, ("Vault", _vault)]);

    private static IEnumerable<Exception> Causes(Exception? exception)
    {
        for (; exception is not null; exception = exception.InnerException)
        {
            yield return exception;
        }
    }
}

/// <summary>What a secret store said when it was asked for a secret.</summary>
/// <param name="Secret">The secret, if it gave one; the caller disposes of it.</param>
/// <param name="Problem">Why it gave none, as sentences that name the command that helps.</param>
internal sealed record SecretAnswer(SecureString? Secret, string? Problem)
{
    /// <summary>Whether a vault would have asked for its password.</summary>
    public bool NeedsPassword { get; init; }
}
