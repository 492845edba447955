namespace KlingPS.Core.Api;

/// <summary>A local file to upload.</summary>
internal sealed record UploadRequest
{
    /// <summary>The file, for messages.</summary>
    public required string Path { get; init; }

    /// <summary>Opens the file for reading; called for each attempt. The stream is closed when the attempt is over.</summary>
    public required Func<FileStream> Open { get; init; }

    /// <summary>
    /// The name at the upload host. The same name overwrites, and the old content may be served for a while,
    /// so it has to be unique for the content.
    /// </summary>
    public required string FileName { get; init; }

    /// <summary>
    /// The SHA-256 that the content must have, in lower-case hex. The upload of any other content is broken off before its end, so that
    /// the host keeps nothing under the name. Not checked if left out.
    /// </summary>
    public string? Sha256 { get; init; }

    /// <summary>The content type, such as <c>image/png</c>.</summary>
    public required string MimeType { get; init; }

    /// <summary>Receives the number of bytes sent so far.</summary>
    public IProgress<long>? Progress { get; init; }
}
