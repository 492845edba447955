namespace KlingPS.Core.Ledger;

/// <summary>A file that lies on the upload host.</summary>
/// <param name="Account">The account that uploaded it.</param>
/// <param name="Hash">The SHA-256 of its content, in lower-case hex.</param>
/// <param name="Uri">Its address.</param>
/// <param name="UploadedAt">When it was uploaded.</param>
/// <param name="ExpiresAt">Until when the service keeps it: 24 hours by its current pages.</param>
public sealed record UploadRecord(string Account, string Hash, string Uri, DateTimeOffset UploadedAt, DateTimeOffset ExpiresAt);
