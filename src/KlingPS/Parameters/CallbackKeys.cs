using System.Security;
using KlingPS.Core;
using KlingPS.Core.Callbacks;
using KlingPS.Core.Secrets;
using KlingPS.Sessions;

namespace KlingPS.Parameters;

/// <summary>Finds the key that callbacks are signed with.</summary>
internal static class CallbackKeys
{
    /// <summary>The key that was given, or that the secret holds; <see langword="null"/> when there is neither.</summary>
    /// <exception cref="KlingException">Both were given, or the secret cannot be read.</exception>
    public static CallbackKey? Find(KlingCommand command, SecureString? key, string? secretName, string? vault)
    {
        if (key is not null && secretName is not null)
        {
            throw new KlingException(ErrorKind.RequestInvalid, "-HmacKey and -HmacSecretName are two ways to give the same key; use one.");
        }

        return key is not null ? CallbackKey.From(key)
            : secretName is null ? null
            : ReadSecret(command, secretName, vault);
    }

    private static CallbackKey ReadSecret(KlingCommand command, string name, string? vault)
    {
        string howToStore = $"Set-Secret -Name '{name}' -Secret (Read-Host -AsSecureString)" + (vault is null ? string.Empty : $" -Vault '{vault}'");
        SecretAnswer answer = new SecretStore(command, name, vault, howToStore).Read();
        using ApiKey key = answer.Key ?? throw new KlingException(ErrorKind.RequestInvalid, $"The HMAC key was not found. {answer.Problem}");
        using SecureString secret = key.ToSecureString();
        return CallbackKey.From(secret);
    }
}
