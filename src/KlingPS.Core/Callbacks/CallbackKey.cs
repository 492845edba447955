using System.Net;
using System.Security;
using System.Security.Cryptography;
using System.Text;
using KlingPS.Core.Secrets;

namespace KlingPS.Core.Callbacks;

/// <summary>The key that the service signs callbacks with: the webhookHmacKey of https://kie.ai/settings. Never turned into output.</summary>
internal sealed class CallbackKey
{
    private readonly SecureString _key;

    private CallbackKey(SecureString key)
    {
        _key = key;
    }

    /// <summary>Copies a key. White space and invisible characters around it, which files and clipboards may add, are dropped.</summary>
    /// <param name="key">The key; the caller still owns it.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.RequestInvalid"/>: empty, or in quotation marks.</exception>
    public static CallbackKey From(SecureString key)
    {
        ArgumentNullException.ThrowIfNull(key);
        string text = KeyText.Trim(Reveal(key)).ToString();
        if (text.Length == 0)
        {
            throw new KlingException(ErrorKind.RequestInvalid, "The HMAC key is empty; it is shown at https://kie.ai/settings.");
        }

        if (text.Length > 1 && KeyText.IsQuotes(text[0]) && text[0] == text[^1])
        {
            throw new KlingException(ErrorKind.RequestInvalid, "The HMAC key has quotation marks around it that do not belong to it, and no signature would fit. Give it without them.");
        }

        return new CallbackKey(KeyText.ToSecureString(text));
    }

    /// <summary>The signature that the service gives a callback: HMAC-SHA256 over <c>taskId.timestamp</c>; 32 bytes.</summary>
    /// <param name="taskId">The id in the payload.</param>
    /// <param name="timestamp">The header <c>X-Webhook-Timestamp</c> as it was sent.</param>
    public byte[] Sign(string taskId, string timestamp)
        => HMACSHA256.HashData(Encoding.UTF8.GetBytes(Reveal(_key)), Encoding.UTF8.GetBytes($"{taskId}.{timestamp}"));

    /// <summary>Does not reveal the key.</summary>
    public override string ToString() => "(hidden)";

    private static string Reveal(SecureString key) => new NetworkCredential(string.Empty, key).Password;
}
