using System.Security;
using KlingPS.Core;
using KlingPS.Core.Callbacks;
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
            : CallbackKey.From(SecretStore.Read(command, secretName, vault));
    }
}
