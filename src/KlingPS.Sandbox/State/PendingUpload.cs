using System.Security.Cryptography;

namespace KlingPS.Sandbox.State;

/// <summary>A file being uploaded: written and hashed as it arrives, deleted unless it is kept.</summary>
internal sealed class PendingUpload : IDisposable
{
    private readonly FileStream _file;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] _head = new byte[ImageKind.HeadLength];
    private int _headLength;
    private bool _kept;

    internal PendingUpload(string localPath)
    {
        _file = new FileStream(localPath, FileMode.CreateNew, FileAccess.Write, FileShare.Delete);
    }

    internal long Size => _file.Length;

    internal async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        int missing = Math.Min(bytes.Length, _head.Length - _headLength);
        bytes.Span[..missing].CopyTo(_head.AsSpan(_headLength));
        _headLength += missing;
        _hash.AppendData(bytes.Span);
        await _file.WriteAsync(bytes, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Closes the file and keeps it.</summary>
    internal StoredUpload Keep(string filePath, DateTimeOffset now)
    {
        long size = _file.Length;
        _file.Dispose();
        string? imageType = ImageKind.MediaTypeOf(_head.AsSpan(0, _headLength));
        var upload = new StoredUpload
        {
            FilePath = filePath,
            LocalPath = _file.Name,
            Size = size,
            Sha256 = Convert.ToHexString(_hash.GetHashAndReset()).ToLowerInvariant(),
            ImageType = imageType,
            Sides = imageType is null ? null : ImageSize.Read(_file.Name, imageType),
            Seconds = imageType is null ? ClipLength.Read(_file.Name) : null,
            UploadedAt = now,
        };
        _kept = true;
        return upload;
    }

    public void Dispose()
    {
        _file.Dispose();
        _hash.Dispose();
        if (!_kept)
        {
            File.Delete(_file.Name);
        }
    }
}
