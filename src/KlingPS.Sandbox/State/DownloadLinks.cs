using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace KlingPS.Sandbox.State;

/// <summary>The addresses at the download host, and the signed ones that work for 20 minutes.</summary>
internal sealed class DownloadLinks(Uri endpoint, TimeProvider timeProvider)
{
    private static readonly TimeSpan s_signedLifetime = TimeSpan.FromMinutes(20);

    private readonly byte[] _key = RandomNumberGenerator.GetBytes(32);

    /// <summary>The path within the download host, unescaped and without the leading slash.</summary>
    internal static string PathOf(Uri uri) => Uri.UnescapeDataString(uri.AbsolutePath).TrimStart('/');

    internal bool IsOwn(Uri uri) => uri.Scheme == endpoint.Scheme && uri.Authority == endpoint.Authority;

    internal Uri ToUri(string path) => new(endpoint, string.Join('/', path.Split('/').Select(Uri.EscapeDataString)));

    internal Uri Sign(string path)
    {
        string expires = (timeProvider.GetUtcNow() + s_signedLifetime).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        return new Uri($"{ToUri(path).AbsoluteUri}?expires={expires}&signature={Seal(path, expires)}");
    }

    /// <returns>Null if the request is not signed, else whether its signature is right and has not expired.</returns>
    internal bool? CheckSignature(string path, string? expires, string? signature)
    {
        if (signature is null)
        {
            return null;
        }

        return signature == Seal(path, expires)
            && long.TryParse(expires, NumberStyles.None, CultureInfo.InvariantCulture, out long time)
            && timeProvider.GetUtcNow().ToUnixTimeSeconds() < time;
    }

    private string Seal(string path, string? expires) =>
        Convert.ToHexString(HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes($"{path}\n{expires}")));
}
