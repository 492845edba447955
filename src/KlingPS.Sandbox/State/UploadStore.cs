using System.Collections.Concurrent;

namespace KlingPS.Sandbox.State;

/// <summary>Uploaded files, in a temporary folder of their own until the store is deleted. The next process deletes the folder of one that was killed.</summary>
internal sealed class UploadStore : IDisposable
{
    private const string Prefix = "KlingPS.Sandbox-";
    private const string LockName = ".lock";

    private readonly TimeSpan _lifetime;
    private readonly TimeProvider _timeProvider;
    private readonly ConcurrentDictionary<string, StoredUpload> _uploads = new();
    private readonly string _root;
    private readonly FileStream _lock;

    /// <summary>Makes the folder.</summary>
    /// <param name="lifetime">How long a file is kept.</param>
    /// <param name="timeProvider">The clock.</param>
    /// <param name="parent">The folder in which it is made; the one for temporary files if it is left out.</param>
    internal UploadStore(TimeSpan lifetime, TimeProvider timeProvider, string? parent = null)
    {
        _lifetime = lifetime;
        _timeProvider = timeProvider;
        parent ??= Path.GetTempPath();
        DeleteAbandoned(parent);
        _root = Path.Combine(parent, Prefix + Guid.NewGuid().ToString("N"));
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(_root);
        }
        else
        {
            Directory.CreateDirectory(_root, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        _lock = Lock(_root);
        Folder = Directory.CreateDirectory(Path.Combine(_root, "uploads")).FullName;
    }

    /// <summary>Where the files are.</summary>
    internal string Folder { get; }

    internal PendingUpload Begin() => new(Path.Combine(Folder, Guid.NewGuid().ToString("N")));

    /// <summary>Makes the file available at its path, replacing any earlier one there. If that has the same content, its file stays, because it may be read at this moment.</summary>
    internal StoredUpload Commit(PendingUpload pending, string filePath)
    {
        StoredUpload upload = pending.Keep(filePath, _timeProvider.GetUtcNow());
        string? unused = null;
        StoredUpload stored = _uploads.AddOrUpdate(filePath, upload, (_, previous) =>
        {
            bool isSame = previous.Sha256 == upload.Sha256;
            unused = isSame ? upload.LocalPath : previous.LocalPath;
            return isSame ? upload with { LocalPath = previous.LocalPath } : upload;
        });
        if (unused is not null)
        {
            File.Delete(unused);
        }

        return stored;
    }

    /// <returns>Null if there is none or it has expired.</returns>
    internal StoredUpload? Find(string filePath) =>
        _uploads.TryGetValue(filePath, out StoredUpload? upload) && _timeProvider.GetUtcNow() < upload.UploadedAt + _lifetime ? upload : null;

    /// <summary>Deletes every file. Can be called again, since some systems do not delete open files.</summary>
    public void Dispose()
    {
        _lock.Dispose();
        TryDelete(_root);
    }

    /// <summary>Deletes what killed processes have left.</summary>
    /// <param name="parent">The folder that their folders are in.</param>
    internal static void DeleteAbandoned(string parent)
    {
        try
        {
            foreach (string folder in Directory.EnumerateDirectories(parent, Prefix + "*"))
            {
                if (IsAbandoned(Path.Combine(folder, LockName)))
                {
                    TryDelete(folder);
                }
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // They stay for the next time.
        }
    }

    /// <summary>Makes the file that shows, by whether it can be opened, whether its process has ended.</summary>
    private static FileStream Lock(string folder)
    {
        string path = Path.Combine(folder, LockName);
        if (OperatingSystem.IsWindows())
        {
            return new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None);
        }

        // Elsewhere the lock comes a moment after the file. Another sandbox that starts in between must not find it by its name.
        string begun = path + ".new";
        var file = new FileStream(begun, FileMode.CreateNew, FileAccess.Write, FileShare.None);
        try
        {
            File.Move(begun, path);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static bool IsAbandoned(string lockFile)
    {
        try
        {
            // A folder without a lock is still being made.
            using FileStream unlocked = new(lockFile, FileMode.Open, FileAccess.Write, FileShare.None);
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static void TryDelete(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Already gone, or a file is still open in a request that is being cancelled; that request deletes it when it is done.
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

    /// <summary>The sides of the image in pixels, as stored; null if its header is incomplete, or if it is not an image.</summary>
    internal (int Width, int Height)? Sides { get; init; }

    /// <summary>How long it is in seconds; null if it is not a clip that is known here.</summary>
    internal decimal? Seconds { get; init; }

    internal required DateTimeOffset UploadedAt { get; init; }

    internal string MediaType => ImageType ?? "application/octet-stream";
}
