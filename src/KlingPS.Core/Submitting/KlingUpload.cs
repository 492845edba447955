namespace KlingPS.Core.Submitting;

/// <summary>An image on the service's upload host.</summary>
public sealed record KlingUpload
{
    /// <summary>The full path of the local file.</summary>
    public required string SourcePath { get; init; }

    /// <summary>The address that the service fetches it from.</summary>
    public required string ImageUri { get; init; }

    /// <summary>The SHA-256 of its content, in lower-case hex.</summary>
    public required string Hash { get; init; }

    /// <summary>Its size in bytes.</summary>
    public required long Length { get; init; }

    /// <summary>Its content type.</summary>
    public string? MimeType { get; init; }

    /// <summary>When it was uploaded.</summary>
    public required DateTimeOffset UploadedAt { get; init; }

    /// <summary>Until when the service keeps it: 24 hours by its current pages.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>Whether an earlier upload of the same content was used.</summary>
    public bool IsReused { get; init; }

    /// <summary>Its address, so that an upload can be used wherever one is wanted.</summary>
    public override string ToString() => ImageUri;

    /// <summary>Describes an image that has been uploaded.</summary>
    internal static KlingUpload From(PreparedImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return new KlingUpload
        {
            SourcePath = image.Report.Path,
            ImageUri = image.Upload.Uri,
            Hash = image.Upload.Hash,
            Length = image.Report.Length,
            MimeType = image.Report.MimeType,
            UploadedAt = image.Upload.UploadedAt,
            ExpiresAt = image.Upload.ExpiresAt,
            IsReused = image.IsReused,
        };
    }
}
