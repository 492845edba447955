namespace KlingPS.Core.Ledger;

/// <summary>The hashes of local files, so that a file which has not changed is not read again.</summary>
/// <remarks>Safe for concurrent use.</remarks>
internal interface IFileHashCache
{
    /// <summary>The SHA-256 of a file that has not changed since it was recorded, or <see langword="null"/>.</summary>
    /// <param name="path">The full path.</param>
    /// <param name="stamp">What the file system says of it now.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    Task<string?> FindAsync(string path, FileStamp stamp, CancellationToken cancellationToken);

    /// <summary>Records the SHA-256 of a file. It is valid until the stamp of the file changes.</summary>
    /// <param name="path">The full path.</param>
    /// <param name="stamp">What the file system said of it before the content was read.</param>
    /// <param name="hash">The SHA-256 of its content, in lower-case hex.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    Task RecordAsync(string path, FileStamp stamp, string hash, CancellationToken cancellationToken);
}
