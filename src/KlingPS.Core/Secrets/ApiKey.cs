using System.Net.Http.Headers;
using System.Runtime.InteropServices;
using System.Security;
using System.Security.Cryptography;
using System.Text;

namespace KlingPS.Core.Secrets;

/// <summary>The account's key. It is used for requests and fingerprints, and never becomes output.</summary>
/// <remarks>
/// It is kept in a <see cref="SecureString"/>: encrypted in memory on Windows; elsewhere, the system offers no encryption, and it is
/// kept outside the managed heap and overwritten when it is disposed of. Only the header of a request needs it as a string.
/// </remarks>
internal sealed class ApiKey : IDisposable
{
    private const string Hidden = "(hidden)";
    private const int ShortestSecret = 8;

    private readonly SecureString _key;

    private ApiKey(SecureString key)
    {
        _key = key;
    }

    private delegate T KeyReader<out T>(ReadOnlySpan<char> key);

    /// <summary>Takes over a key. Blanks, line ends and invisible characters around it, which files and clipboards add, are dropped.</summary>
    /// <param name="key">The key; the caller still owns it.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.ApiKeyMissing"/>: empty. <see cref="ErrorKind.Unauthorized"/>: has characters that no key has.</exception>
    public static ApiKey From(SecureString key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return Read(key, From);
    }

    /// <inheritdoc cref="From(SecureString)"/>
    public static ApiKey From(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return From(key.AsSpan());
    }

    /// <summary>The key in the form that secret stores take.</summary>
    /// <returns>A copy, which the caller owns.</returns>
    public SecureString ToSecureString() => _key.Copy();

    /// <summary>The header that proves who is asking.</summary>
    /// <exception cref="KlingException"><see cref="ErrorKind.ApiKeyMissing"/>: the session has ended in the meantime.</exception>
    internal AuthenticationHeaderValue ToAuthorizationHeader()
    {
        try
        {
            return new("Bearer", Read(_key, key => key.ToString()));
        }
        catch (ObjectDisposedException exception)
        {
            throw SessionErrors.CreateEndedException(exception);
        }
    }

    /// <summary>
    /// Tells accounts apart without revealing the key: the first 16 hex digits of the SHA-256 of the endpoint and the key.
    /// </summary>
    /// <param name="endpoint">The service the key belongs to.</param>
    public string Fingerprint(Uri endpoint)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        return Read(_key, key =>
        {
            byte[] text = [.. Encoding.UTF8.GetBytes($"klingps\n{endpoint.AbsoluteUri}\n"), .. new byte[key.Length]];
            Encoding.ASCII.GetBytes(key, text.AsSpan(^key.Length..));
            byte[] hash = SHA256.HashData(text);
            CryptographicOperations.ZeroMemory(text);
            return Convert.ToHexString(hash, 0, 8).ToLowerInvariant();
        });
    }

    /// <summary>Whether another key is the same as this one.</summary>
    public bool Matches(string? other)
        => other is not null && Read(_key, key => CryptographicOperations.FixedTimeEquals(MemoryMarshal.AsBytes(key), MemoryMarshal.AsBytes(KeyText.Trim(other))));

    /// <summary>Hides the key if a service repeats it, in whatever spelling; see <see cref="KeyMask"/>.</summary>
    /// <param name="text">Text that came from outside, not decoded yet.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.ApiKeyMissing"/>: the session has ended in the meantime.</exception>
    /// <remarks>A key of only a few characters, as someone may give a sandbox, is left alone: it would be found inside ordinary words.</remarks>
    public string Redact(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        try
        {
            return _key.Length < ShortestSecret
                ? text
                : Read(_key, key => KeyMask.Hide(text, key, Hidden));
        }
        catch (ObjectDisposedException exception)
        {
            throw SessionErrors.CreateEndedException(exception);
        }
    }

    /// <summary>Like <see cref="Redact"/>, for text that may come after the session has ended.</summary>
    /// <returns><see langword="null"/> if the key is gone.</returns>
    public string? TryRedact(string text)
    {
        try
        {
            return Redact(text);
        }
        catch (KlingException)
        {
            return null;
        }
    }

    /// <summary>Reveals nothing of the key.</summary>
    public override string ToString() => Hidden;

    /// <summary>Forgets the key.</summary>
    public void Dispose() => _key.Dispose();

    /// <inheritdoc cref="From(SecureString)"/>
    internal static ApiKey From(ReadOnlySpan<char> text)
    {
        ReadOnlySpan<char> key = KeyText.Trim(text);
        if (key.IsEmpty)
        {
            throw new KlingException(ErrorKind.ApiKeyMissing, "The API key is empty.");
        }

        if (KeyText.FindProblem(key) is string problem)
        {
            throw new KlingException(ErrorKind.Unauthorized, $"The API key {problem}.");
        }

        return new ApiKey(KeyText.ToSecureString(key));
    }

    /// <summary>Passes on a secret in plain text, in memory that is neither moved nor copied and is overwritten afterwards.</summary>
    private static T Read<T>(SecureString secret, KeyReader<T> reader)
    {
        IntPtr native = Marshal.SecureStringToGlobalAllocUnicode(secret);
        char[] clear = GC.AllocateUninitializedArray<char>(secret.Length, pinned: true);
        try
        {
            Marshal.Copy(native, clear, 0, clear.Length);
            return reader(clear);
        }
        finally
        {
            Array.Clear(clear);
            Marshal.ZeroFreeGlobalAllocUnicode(native);
        }
    }
}
