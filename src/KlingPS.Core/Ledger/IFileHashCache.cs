namespace KlingPS.Core.Ledger;

/// <summary>What is recorded of a file.</summary>
/// <param name="Path">The full path.</param>
/// <param name="Length">Its length in bytes when it was read.</param>
/// <param name="ModifiedAt">When it had been written last by then.</param>
/// <param name="Hash">The SHA-256 of its content, in lower-case hex.</param>
internal sealed record RecordedHash(string Path, long Length, DateTimeOffset ModifiedAt, string Hash)
{
    /// <summary>Whether a file is still as long and as old, which is quick to see; another file of the same name is not.</summary>
    public bool IsOf(FileInfo file)
    {
        ArgumentNullException.ThrowIfNull(file);
        return file.Length == Length && file.LastWriteTimeUtc.Ticks == ModifiedAt.UtcTicks;
    }
}

/// <summary>The hashes of local files, so that a file which has not changed is not read again.</summary>
/// <remarks>Safe for concurrent use.</remarks>
internal interface IFileHashCache
{
    /// <summary>The SHA-256 of a file that has not changed since it was recorded, or <see langword="null"/>.</summary>
    /// <param name="path">The full path.</param>
    /// <param name="stamp">What the file system says about it now.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    Task<string?> FindAsync(string path, FileStamp stamp, CancellationToken cancellationToken);

    /// <summary>All that is recorded of the files of this machine.</summary>
    /// <param name="cancellationToken">Cancels the reading.</param>
    Task<IReadOnlyList<RecordedHash>> ListAsync(CancellationToken cancellationToken);

    /// <summary>Records the SHA-256 of a file. It is valid until the stamp of the file changes.</summary>
    /// <param name="path">The full path.</param>
    /// <param name="stamp">What the file system said of it before the content was read.</param>
    /// <param name="hash">The SHA-256 of its content, in lower-case hex.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    Task RecordAsync(string path, FileStamp stamp, string hash, CancellationToken cancellationToken);
}
