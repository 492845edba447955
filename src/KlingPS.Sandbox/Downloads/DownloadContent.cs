using System.Security.Cryptography;
using System.Text;

namespace KlingPS.Sandbox.Downloads;

/// <summary>A file at the download host.</summary>
internal abstract class DownloadContent(string identity, long length, string mediaType, DateTimeOffset lastModified)
{
    /// <summary>The length in bytes.</summary>
    internal long Length => length;

    internal string MediaType => mediaType;

    /// <summary>In whole seconds, as HTTP dates are.</summary>
    internal DateTimeOffset LastModified { get; } = DateTimeOffset.FromUnixTimeSeconds(lastModified.ToUnixTimeSeconds());

    /// <summary>The strong entity tag; it changes only with the content.</summary>
    internal string ETag { get; } =
        $"\"{Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(identity)).AsSpan(0, 16)).ToLowerInvariant()}\"";

    /// <summary>Passes a part of the content to the sink, piece by piece.</summary>
    internal abstract Task CopyAsync(long offset, long count, Func<ReadOnlyMemory<byte>, Task> sink, CancellationToken cancellationToken);
}
