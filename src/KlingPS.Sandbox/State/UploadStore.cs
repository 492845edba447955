using System.Collections.Concurrent;

namespace KlingPS.Sandbox.State;

/// <summary>Uploaded files, in a temporary folder of their own until the store is deleted.</summary>
internal sealed class UploadStore(TimeSpan lifetime, TimeProvider timeProvider)
{
    private readonly ConcurrentDictionary<string, StoredUpload> _uploads = new();

    internal string Folder { get; } = Directory.CreateTempSubdirectory("KlingPS.Sandbox-").FullName;

    internal PendingUpload Begin() => new(Path.Combine(Folder, Guid.NewGuid().ToString("N")));

    /// <summary>Makes the file available at its path, replacing any earlier one there.</summary>
    internal StoredUpload Commit(PendingUpload pending, string filePath)
    {
        StoredUpload upload = pending.Keep(filePath, timeProvider.GetUtcNow());
        StoredUpload? replaced = null;
        _uploads.AddOrUpdate(filePath, upload, (_, previous) =>
        {
            replaced = previous;
            return upload;
        });
        if (replaced is not null)
        {
            File.Delete(replaced.LocalPath);
        }

        return upload;
    }

    /// <returns>Null if there is none or it has expired.</returns>
    internal StoredUpload? Find(string filePath) =>
        _uploads.TryGetValue(filePath, out StoredUpload? upload) && timeProvider.GetUtcNow() < upload.UploadedAt + lifetime ? upload : null;

    /// <summary>Deletes every file. Can be called again, since some systems do not delete open files.</summary>
    internal void Delete()
    {
        try
        {
            Directory.Delete(Folder, recursive: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Already gone, or still open in a request that is being cancelled; that request deletes it when it is done.
        }
    }
}

/// <summary>A file that has been uploaded.</summary>
internal sealed record StoredUpload
{
    /// <summary>Its path at the download host.</summary>
    internal required string FilePath { get; init; }

    /// <summary>Where its bytes are.</summary>
    internal required string LocalPath { get; init; }

    /// <summary>In bytes.</summary>
    internal required long Size { get; init; }

    /// <summary>In lower-case hexadecimal.</summary>
    internal required string Sha256 { get; init; }

    /// <summary>The media type of the image, told by its content; null for anything the service does not take as an image.</summary>
    internal string? ImageType { get; init; }

    internal required DateTimeOffset UploadedAt { get; init; }

    internal string MediaType => ImageType ?? "application/octet-stream";
}
