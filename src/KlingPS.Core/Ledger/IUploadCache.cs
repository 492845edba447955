using KlingPS.Core.Files;

namespace KlingPS.Core.Ledger;

/// <summary>The uploads that the service still has, so that no image is uploaded twice.</summary>
/// <remarks>Safe for concurrent use.</remarks>
internal interface IUploadCache
{
    /// <summary>An upload of the same content that has not expired, or <see langword="null"/>.</summary>
    /// <param name="account">The account.</param>
    /// <param name="hash">The SHA-256 of the content, in lower-case hex.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    Task<UploadRecord?> FindAsync(string account, string hash, CancellationToken cancellationToken);

    /// <summary>What is at an address, if this ledger knows that a file was uploaded to it: it is stored under its hash, which is in its name.</summary>
    /// <param name="account">The account.</param>
    /// <param name="uri">The address.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    /// <returns>The SHA-256 of the content, in lower-case hex; <see langword="null"/> where that is not known.</returns>
    Task<string?> FindContentAsync(string account, string uri, CancellationToken cancellationToken);

    /// <summary>Records an upload; an earlier one of the same content by the same account is replaced.</summary>
    /// <param name="upload">The upload.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    Task RecordAsync(UploadRecord upload, CancellationToken cancellationToken);
}

/// <summary>A file on the upload host.</summary>
/// <param name="Account">The account that uploaded it.</param>
/// <param name="Hash">The SHA-256 of its content, in lower-case hex.</param>
/// <param name="Uri">Its address.</param>
/// <param name="UploadedAt">When it was uploaded.</param>
/// <param name="ExpiresAt">How long the service keeps it: 24 hours by its current pages.</param>
internal sealed record UploadRecord(string Account, string Hash, string Uri, DateTimeOffset UploadedAt, DateTimeOffset ExpiresAt)
{
    /// <summary>The hash that an address names, as those of uploads do. Anybody can give an address such a name.</summary>
    public static string? FindHash(string uri)
    {
        if (!System.Uri.TryCreate(uri, UriKind.Absolute, out Uri? address))
        {
            return null;
        }

        string name = address.AbsolutePath[(address.AbsolutePath.LastIndexOf('/') + 1)..].Split('.')[0];
        return ContentHash.IsValid(name) ? name : null;
    }
}
