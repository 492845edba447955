using System.Management.Automation;
using System.Security;
using KlingPS.Core;
using KlingPS.Core.Callbacks;
using KlingPS.Core.Secrets;
using KlingPS.Parameters;
using KlingPS.Sessions;

namespace KlingPS.Commands.Base;

/// <summary>A command that checks the signatures of callbacks.</summary>
public abstract class CallbackKeyCommand : KlingCommand
{
    /// <summary>The HMAC key of the account, to refuse callbacks that the service has not signed.</summary>
    [Parameter]
    [SecretText]
    public SecureString? HmacKey { get; set; }

    /// <summary>The name of the secret that holds the HMAC key.</summary>
    [Parameter]
    [NotBlank]
    [ArgumentCompleter(typeof(SecretCompleter))]
    public string? HmacSecretName { get; set; }

    /// <summary>The vault that holds the secret; every registered one is searched when it is left out.</summary>
    [Parameter]
    [NotBlank]
    [ArgumentCompleter(typeof(SecretCompleter))]
    public string? Vault { get; set; }

    /// <summary>How old a signature may be, as seconds or as a time span.</summary>
    [Parameter]
    [Seconds(IsRequired = true)]
    [ValidateRange(1.0, 86_400.0)]
    public double MaxAge { get; set; } = CallbackVerifier.DefaultMaxAge.TotalSeconds;

    /// <summary>The key that was given, or that the secret holds; <see langword="null"/> when there is neither. Ends the command if it cannot be used.</summary>
    private protected CallbackKey? FindKey()
    {
        try
        {
            return ReadKey();
        }
        catch (KlingException exception)
        {
            ThrowTerminatingError(exception, HmacSecretName is null || SecretForms.IsKey(HmacSecretName) ? null : HmacSecretName);
            throw;
        }
    }

    private CallbackKey? ReadKey()
    {
        if (IsGiven(nameof(HmacKey)) && HmacSecretName is not null)
        {
            throw new KlingException(ErrorKind.RequestInvalid, "-HmacKey and -HmacSecretName are two ways to give the same key; use one.");
        }

        if (Vault is not null && HmacSecretName is null)
        {
            throw new KlingException(ErrorKind.RequestInvalid, "-Vault says where the secret of -HmacSecretName is; give both, or leave -Vault out.");
        }

        SecretForms.RequireName(HmacSecretName, nameof(HmacSecretName));
        SecretForms.RequireName(Vault, nameof(Vault));

        // A variable that was never set is no reason to accept what nobody has signed.
        return IsGiven(nameof(HmacKey)) ? CallbackKey.From(HmacKey ?? new SecureString())
            : HmacSecretName is null ? null
            : ReadSecret(HmacSecretName);
    }

    private CallbackKey ReadSecret(string name)
    {
        string howToStore = $"Set-Secret -Name '{name}' -Secret (Read-Host -AsSecureString)" + (Vault is null ? string.Empty : $" -Vault '{Vault}'");
        var store = new SecretStore(Context.Shell.Commands, name, Vault, howToStore);
        SecretAnswer answer = store.Read();
        using SecureString secret = answer.Secret ?? throw new KlingException(ErrorKind.RequestInvalid, $"The HMAC key was not found. {answer.Problem}");
        return store.Convert(secret, CallbackKey.From);
    }
}
