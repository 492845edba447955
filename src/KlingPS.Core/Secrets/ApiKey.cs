using System.Net;
using System.Net.Http.Headers;
using System.Security;
using System.Security.Cryptography;
using System.Text;

namespace KlingPS.Core.Secrets;

/// <summary>The account's key. Lends itself to requests and fingerprints, and is never turned into output.</summary>
public sealed class ApiKey : IDisposable
{
    private const string Hidden = "(hidden)";
    private const int ShortestSecret = 8;

    private readonly SecureString _key;

    private ApiKey(SecureString key)
    {
        _key = key;
    }

    /// <summary>Takes over a key. Blanks around it, as a file or a clipboard adds them, are dropped.</summary>
    /// <param name="key">The key; remains the caller's.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.ApiKeyMissing"/>: empty. <see cref="ErrorKind.Unauthorized"/>: has characters that no key has.</exception>
    public static ApiKey From(SecureString key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return From(new NetworkCredential(string.Empty, key).Password);
    }

    /// <inheritdoc cref="From(SecureString)"/>
    public static ApiKey From(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        string trimmed = key.Trim();
        if (trimmed.Length == 0)
        {
            throw new KlingException(ErrorKind.ApiKeyMissing, "The API key is empty.");
        }

        if (trimmed.Any(c => c is <= ' ' or > '~'))
        {
            throw new KlingException(ErrorKind.Unauthorized, "The API key has blanks or characters in it that no key has; it was probably copied together with something else.");
        }

        var secure = new SecureString();
        foreach (char c in trimmed)
        {
            secure.AppendChar(c);
        }

        secure.MakeReadOnly();
        return new ApiKey(secure);
    }

    /// <summary>The header that proves who is asking.</summary>
    internal AuthenticationHeaderValue ToAuthorizationHeader() => new("Bearer", Reveal());

    /// <summary>
    /// Tells accounts apart without telling the key: the first 16 hex digits of the SHA-256 of the endpoint and the key.
    /// </summary>
    /// <param name="endpoint">The service the key belongs to.</param>
    public string Fingerprint(Uri endpoint)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes($"klingps\n{endpoint.AbsoluteUri}\n{Reveal()}"));
        return Convert.ToHexString(hash, 0, 8).ToLowerInvariant();
    }

    /// <summary>Whether another key is the same.</summary>
    public bool Matches(string? other)
        => other is not null && CryptographicOperations.FixedTimeEquals(
            Encoding.UTF8.GetBytes(Reveal()),
            Encoding.UTF8.GetBytes(other.Trim()));

    /// <summary>Hides the key where a service repeats it.</summary>
    /// <param name="text">Text that came from outside.</param>
    /// <remarks>A key of a few characters, as someone may give a sandbox, is left: it would be found inside of ordinary words.</remarks>
    public string Redact(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return _key.Length < ShortestSecret ? text : text.Replace(Reveal(), Hidden, StringComparison.Ordinal);
    }

    /// <summary>Says nothing of the key.</summary>
    public override string ToString() => Hidden;

    /// <summary>Forgets the key.</summary>
    public void Dispose() => _key.Dispose();

    private string Reveal() => new NetworkCredential(string.Empty, _key).Password;
}
