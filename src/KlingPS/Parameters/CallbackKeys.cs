using System.Security;
using KlingPS.Core;
using KlingPS.Core.Callbacks;
using KlingPS.Sessions;

namespace KlingPS.Parameters;

/// <summary>Finds the key that callbacks are signed with.</summary>
internal static class CallbackKeys
{
    /// <summary>The key that was given, or that the secret holds; <see langword="null"/> when there is neither.</summary>
    /// <exception cref="KlingException">Both were given, or a vault without a secret, or the secret cannot be read.</exception>
    public static CallbackKey? Find(KlingCommand command, SecureString? key, string? secretName, string? vault)
    {
        if (key is not null && secretName is not null)
        {
            throw new KlingException(ErrorKind.RequestInvalid, "-HmacKey and -HmacSecretName are two ways to give the same key; use one.");
        }

        if (vault is not null && secretName is null)
        {
            throw new KlingException(ErrorKind.RequestInvalid, "-Vault says where the secret of -HmacSecretName is; give both, or leave -Vault out.");
        }

        return key is not null ? CallbackKey.From(key)
            : secretName is null ? null
            : ReadSecret(command, secretName, vault);
    }

    private static CallbackKey ReadSecret(KlingCommand command, string name, string? vault)
    {
        string howToStore = $"Set-Secret -Name '{name}' -Secret (Read-Host -AsSecureString)" + (vault is null ? string.Empty : $" -Vault '{vault}'");
        var store = new SecretStore(command, name, vault, howToStore);
        SecretAnswer answer = store.Read();
        using SecureString secret = answer.Secret ?? throw new KlingException(ErrorKind.RequestInvalid, $"The HMAC key was not found. {answer.Problem}");
        return store.Convert(secret, CallbackKey.From);
    }
}
