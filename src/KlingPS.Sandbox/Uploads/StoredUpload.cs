namespace KlingPS.Sandbox.Uploads;

/// <summary>
/// A file that has been uploaded: its path at the download host, where its bytes are, its SHA-256 in lower-case
/// hexadecimal, and what it is by content.
/// </summary>
internal sealed record StoredUpload(
    string FilePath,
    string LocalPath,
    long Size,
    string Sha256,
    string MediaType,
    bool IsImage,
    DateTimeOffset UploadedAt);
