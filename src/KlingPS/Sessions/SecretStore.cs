using System.Collections.ObjectModel;
using System.Management.Automation;
using System.Security;
using KlingPS.Core;
using KlingPS.Core.Secrets;

namespace KlingPS.Sessions;

/// <summary>Reads keys through Get-Secret of Microsoft.PowerShell.SecretManagement, whichever vault stands behind it.</summary>
internal static class SecretStore
{
    /// <summary>The name a key is looked for under unless another is given.</summary>
    public const string DefaultName = "KlingApiKey";

    private const string GetSecret = "Get-Secret";

    /// <summary>Reads a key that may or may not be there.</summary>
    /// <returns>The key; <see langword="null"/> when SecretManagement is not installed, or does not give it out.</returns>
    public static ApiKey? TryRead(KlingCommand command, string name, string? vault)
    {
        if (!IsInstalled(command))
        {
            return null;
        }

        try
        {
            return ToKey(Invoke(command, name, vault));
        }
        catch (RuntimeException exception)
        {
            command.WriteVerbose($"The secret store gives no secret '{name}': {exception.Message}");
            return null;
        }
    }

    /// <summary>Reads a key that has to be there.</summary>
    /// <exception cref="KlingException">It is not, and why.</exception>
    public static ApiKey Read(KlingCommand command, string name, string? vault)
    {
        if (!IsInstalled(command))
        {
            throw new KlingException(
                ErrorKind.ApiKeyMissing,
                "The key cannot be read from a secret store, because the module Microsoft.PowerShell.SecretManagement is not installed. Install it with: Install-PSResource Microsoft.PowerShell.SecretManagement");
        }

        try
        {
            return ToKey(Invoke(command, name, vault))
                ?? throw new KlingException(ErrorKind.ApiKeyMissing, $"The secret '{name}' is not a text, a SecureString or a credential, so it cannot be a key.");
        }
        catch (RuntimeException exception)
        {
            string place = vault is null ? "the secret store" : $"the vault '{vault}'";
            throw new KlingException(ErrorKind.ApiKeyMissing, $"The secret '{name}' could not be read from {place}: {exception.Message}", exception);
        }
    }

    private static bool IsInstalled(KlingCommand command)
        => command.InvokeCommand.GetCommand(GetSecret, CommandTypes.Cmdlet | CommandTypes.Function) is not null;

    private static object? Invoke(KlingCommand command, string name, string? vault)
    {
        var parameters = new Dictionary<string, object> { ["Name"] = name, ["ErrorAction"] = ActionPreference.Stop, ["WarningAction"] = ActionPreference.SilentlyContinue };
        if (vault is not null)
        {
            parameters["Vault"] = vault;
        }

        Collection<PSObject> found = command.InvokeCommand.InvokeScript(
            "param($command, $parameters) & $command @parameters",
            useNewScope: true,
            System.Management.Automation.Runspaces.PipelineResultTypes.None,
            input: null,
            GetSecret,
            parameters);
        return found.Count == 0 ? null : found[0]?.BaseObject;
    }

    private static ApiKey? ToKey(object? secret) => secret switch
    {
        SecureString secure => ApiKey.From(secure),
        string text => ApiKey.From(text),
        PSCredential credential => ApiKey.From(credential.Password),
        _ => null,
    };
}
