using System.Collections.Concurrent;
using KlingPS.Core.Files;
using KlingPS.Core.Ledger;
using KlingPS.Core.Resilience;

namespace KlingPS.Core.Sessions;

/// <summary>The hashes of local files. A file that has not changed since it was last hashed is not read again, as long as the ledger can be asked.</summary>
internal sealed class FileHashes(KlingSession session, LedgerLoss loss)
{
    /// <summary>The resolution of file times. A file that was written just before it was hashed can change again without a new time.</summary>
    private static readonly TimeSpan s_timeResolution = TimeSpan.FromSeconds(2);

    /// <summary>The process that has just given a file its name may hold it open for a moment.</summary>
    private static readonly RetryOptions s_heldFile = new() { Backoff = Backoff.Every(TimeSpan.FromMilliseconds(50)), MaxAttempts = 20 };

    private readonly RetryPolicy _heldFile = new(s_heldFile, session.TimeProvider);

    /// <summary>What this command has read itself, by path.</summary>
    private readonly ConcurrentDictionary<string, (FileStamp Stamp, string Hash)> _read = new(StringComparer.Ordinal);

    /// <summary>The SHA-256 of a file's content, in lower-case hex.</summary>
    /// <exception cref="KlingException">There is no such file, it is a folder, or it cannot be read.</exception>
    public async Task<string> GetAsync(string path, CancellationToken cancellationToken)
        => await FindAsync(path, cancellationToken).ConfigureAwait(false) ?? await ReadAsync(path, cancellationToken).ConfigureAwait(false);

    /// <summary>The same, if it is recorded and the file has not changed since. The file is not opened.</summary>
    public async Task<string?> FindAsync(string path, CancellationToken cancellationToken)
        => loss.Error is null && FileStamp.Of(path) is FileStamp stamp
            ? await session.Ledger.FileHashes.FindAsync(path, stamp, cancellationToken).ConfigureAwait(false)
            : null;

    /// <summary>The same, as it is on disk now: what earlier commands have recorded is not trusted. For what is to be bought.</summary>
    /// <exception cref="KlingException">There is no such file, it is a folder, or it cannot be read.</exception>
    public async Task<string> GetPresentAsync(string path, CancellationToken cancellationToken)
        => _read.TryGetValue(path, out (FileStamp Stamp, string Hash) read) && FileStamp.Of(path) == read.Stamp
            ? read.Hash
            : await ReadAsync(path, cancellationToken).ConfigureAwait(false);

    /// <summary>Reads a file again if its content is not what its hash says.</summary>
    /// <exception cref="KlingException">There is no such file, it is a folder, or it cannot be read.</exception>
    public Task RenewAsync(string path, CancellationToken cancellationToken) => ReadAsync(path, cancellationToken);

    private async Task<string> ReadAsync(string path, CancellationToken cancellationToken)
    {
        // Taken before the content is read: a write in between makes the stamp differ from the recorded one.
        FileStamp? before = FileStamp.Of(path);
        string hash = await ContentHash.Sha256Async(path, cancellationToken).ConfigureAwait(false);
        if (before is FileStamp stamp && session.TimeProvider.GetUtcNow() - stamp.ModifiedAt >= s_timeResolution)
        {
            _read[path] = (stamp, hash);
            if (loss.Error is null)
            {
                await session.Ledger.FileHashes.RecordAsync(path, stamp, hash, cancellationToken).ConfigureAwait(false);
            }
        }

        return hash;
    }

    /// <summary>Records the hash of a file that this process has written and verified.</summary>
    public async Task RecordAsync(string path, string hash, CancellationToken cancellationToken)
    {
        if (FileStamp.Of(path) is FileStamp stamp)
        {
            await session.Ledger.FileHashes.RecordAsync(path, stamp, hash, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Whether a file exists and has this content.</summary>
    public Task<bool> MatchAsync(string path, string? hash, CancellationToken cancellationToken) => _heldFile.RunAsync(
        async () =>
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
        },
        exception => exception is KlingException { Kind: ErrorKind.FileUnreadable, InnerException: IOException } ? new Retry(exception) : null,
        cancellationToken);
}
