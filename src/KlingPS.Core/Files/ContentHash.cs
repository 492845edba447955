using System.Buffers;
using System.Security.Cryptography;
using System.Text;

namespace KlingPS.Core.Files;

/// <summary>The identity of what a file holds: the SHA-256 of its bytes, regardless of its name.</summary>
internal static class ContentHash
{
    private const int BufferSize = 128 * 1024;
    private const int Length = 64;

    /// <summary>Whether a text has the form of a hash: 64 lowercase hexadecimal digits.</summary>
    public static bool IsValid(string? text) => text is { Length: Length } && text.All(char.IsAsciiHexDigitLower);

    /// <summary>Hashes a text in UTF-8.</summary>
    /// <returns>64 lowercase hexadecimal digits.</returns>
    public static string OfText(string text) => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(text))).ToLowerInvariant();

    /// <summary>Hashes a file of any size, holding only a small part of it in memory.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <returns>The SHA-256 of the content: 64 lowercase hexadecimal digits.</returns>
    /// <exception cref="KlingException">There is no such file, it is a folder, or it cannot be read.</exception>
    public static async Task<string> Sha256Async(string path, CancellationToken cancellationToken = default)
    {
        FileStream stream = SourceFile.OpenToReadOnce(path);
        await using (stream.ConfigureAwait(false))
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
            try
            {
                // A file that grows as fast as it is read would never end.
                long left = stream.Length;
                int count;
                while ((count = await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
                {
                    hash.AppendData(buffer, 0, count);
                    left = left >= count ? left - count : throw new IOException("It has grown while it was read.");
                }
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                throw SourceFile.Unreadable(path, exception);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }

            return Convert.ToHexString(hash.GetHashAndReset()).ToLowerInvariant();
        }
    }
}
