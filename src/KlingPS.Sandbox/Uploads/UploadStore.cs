using System.Collections.Concurrent;

namespace KlingPS.Sandbox.Uploads;

/// <summary>Uploaded files, in a temporary folder of their own until the store is deleted.</summary>
internal sealed class UploadStore(TimeSpan lifetime, TimeProvider timeProvider)
{
    private readonly ConcurrentDictionary<string, StoredUpload> _uploads = new();

    internal string Folder { get; } = Directory.CreateTempSubdirectory("KlingPS.Sandbox-").FullName;

    internal PendingUpload Begin() => new(Path.Combine(Folder, Guid.NewGuid().ToString("N")));

    /// <summary>Makes the file available at its path, in place of one that may be there.</summary>
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

    /// <returns>Null if there is none or its time is over.</returns>
    internal StoredUpload? Find(string filePath) =>
        _uploads.TryGetValue(filePath, out StoredUpload? upload) && timeProvider.GetUtcNow() < upload.UploadedAt + lifetime ? upload : null;

    /// <summary>Deletes every file. Can be repeated, as open files survive the first time on some systems.</summary>
    internal void Delete()
    {
        try
        {
            Directory.Delete(Folder, recursive: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Already gone, or still open in a request that is being cancelled and tries again when it is done.
        }
    }
}
