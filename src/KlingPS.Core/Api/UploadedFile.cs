namespace KlingPS.Core.Api;

/// <summary>A file on the service's upload host.</summary>
public sealed record UploadedFile
{
    /// <summary>The address to use as <c>image_url</c>.</summary>
    public required string Uri { get; init; }

    /// <summary>The name it has there.</summary>
    public string? FileName { get; init; }

    /// <summary>Its size in bytes, as the host counted it.</summary>
    public long? Length { get; init; }

    /// <summary>Its content type, as the host told it.</summary>
    public string? MimeType { get; init; }
}
