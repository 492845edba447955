namespace KlingPS.Core.Ledger;

/// <summary>The uploads that the service still has, so that no image is uploaded twice.</summary>
/// <remarks>Safe for concurrent use.</remarks>
public interface IUploadCache
{
    /// <summary>An upload of the same content that has not expired, or <see langword="null"/>.</summary>
    /// <param name="account">The account.</param>
    /// <param name="hash">The SHA-256 of the content, in lower-case hex.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    Task<UploadRecord?> FindAsync(string account, string hash, CancellationToken cancellationToken);

    /// <summary>Records an upload; an earlier one of the same content by the same account is replaced.</summary>
    /// <param name="upload">The upload.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    Task RecordAsync(UploadRecord upload, CancellationToken cancellationToken);
}
