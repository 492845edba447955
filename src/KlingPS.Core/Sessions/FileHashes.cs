using KlingPS.Core.Imaging;

namespace KlingPS.Core.Sessions;

/// <summary>The hashes of local files. One that has not changed since it was last hashed is not read again.</summary>
internal sealed class FileHashes(KlingSession session)
{
    /// <summary>How coarse the times of file systems are. A file written just before it was hashed can change without a new time.</summary>
    private static readonly TimeSpan s_timeGrain = TimeSpan.FromSeconds(2);

    private const int MaxLooks = 20;
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(50);

    /// <summary>The SHA-256 of a file's content, in lower-case hex.</summary>
    /// <exception cref="KlingException">There is no such file, it is a folder, or it cannot be read.</exception>
    public async Task<string> GetAsync(string path, CancellationToken cancellationToken)
    {
        // Read before the content: what is written meanwhile makes the time newer than the recorded one.
        var file = new FileInfo(path);
        if (!file.Exists)
        {
            return await ContentHash.Sha256Async(path, cancellationToken).ConfigureAwait(false);
        }

        DateTimeOffset modifiedAt = file.LastWriteTimeUtc;
        string? hash = await session.Ledger.FileHashes.FindAsync(path, file.Length, modifiedAt, cancellationToken).ConfigureAwait(false);
        return hash ?? await ReadAsync(file, modifiedAt, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Reads a file again whose content is not what its hash says.</summary>
    /// <exception cref="KlingException">There is no such file, it is a folder, or it cannot be read.</exception>
    public async Task RenewAsync(string path, CancellationToken cancellationToken)
    {
        var file = new FileInfo(path);
        await ReadAsync(file, file.LastWriteTimeUtc, cancellationToken).ConfigureAwait(false);
    }

    private async Task<string> ReadAsync(FileInfo file, DateTimeOffset modifiedAt, CancellationToken cancellationToken)
    {
        string hash = await ContentHash.Sha256Async(file.FullName, cancellationToken).ConfigureAwait(false);
        if (session.TimeProvider.GetUtcNow() - modifiedAt >= s_timeGrain)
        {
            await session.Ledger.FileHashes.RecordAsync(file.FullName, file.Length, modifiedAt, hash, cancellationToken).ConfigureAwait(false);
        }

        return hash;
    }

    /// <summary>Takes note of a file that this process has written and verified.</summary>
    public async Task RecordAsync(string path, string hash, CancellationToken cancellationToken)
    {
        var file = new FileInfo(path);
        if (file.Exists)
        {
            await session.Ledger.FileHashes.RecordAsync(path, file.Length, file.LastWriteTimeUtc, hash, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Whether a file is there and has this content.</summary>
    public async Task<bool> MatchAsync(string path, string? hash, CancellationToken cancellationToken)
    {
        for (int looks = 1; ; looks++)
        {
            if (hash is null || !File.Exists(path))
            {
                return false;
            }

            try
            {
                return await GetAsync(path, cancellationToken).ConfigureAwait(false) == hash;
            }
            catch (KlingException exception) when (exception.Kind == ErrorKind.PathNotFound)
            {
                return false;
            }
            catch (KlingException exception) when (exception is { Kind: ErrorKind.FileUnreadable, InnerException: IOException } && looks < MaxLooks)
            {
                // Whoever has just given the file its name may hold it for a moment.
                await Task.Delay(s_pause, session.TimeProvider, cancellationToken).ConfigureAwait(false);
            }
        }
    }
}
