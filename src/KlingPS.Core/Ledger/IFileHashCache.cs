namespace KlingPS.Core.Ledger;

/// <summary>The hashes of local files, so that a file which has not changed is not read again.</summary>
/// <remarks>Safe for concurrent use.</remarks>
internal interface IFileHashCache
{
    /// <summary>The SHA-256 of a file that has not changed since it was recorded, or <see langword="null"/>.</summary>
    /// <param name="path">The full path.</param>
    /// <param name="length">Its length in bytes.</param>
    /// <param name="modifiedAt">When it was last written.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    Task<string?> FindAsync(string path, long length, DateTimeOffset modifiedAt, CancellationToken cancellationToken);

    /// <summary>Records the SHA-256 of a file. It is valid until the length or the time of the file changes.</summary>
    /// <param name="path">The full path.</param>
    /// <param name="length">Its length in bytes.</param>
    /// <param name="modifiedAt">When it was last written, as read before the content.</param>
    /// <param name="hash">The SHA-256 of its content, in lower-case hex.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    Task RecordAsync(string path, long length, DateTimeOffset modifiedAt, string hash, CancellationToken cancellationToken);
}
