namespace KlingPS.Core.Imaging;

/// <summary>What can be said about a file from its size and its headers: would the service take it, and why not.</summary>
public sealed record ImageReport
{
    /// <summary>The file, as the caller named it.</summary>
    public required string Path { get; init; }

    /// <summary>The format of the content: <c>Jpeg</c>, <c>Png</c> or <c>WebP</c>; <c>Unknown</c> when the service does not take it.</summary>
    public string Format => ImageFormat.ToString();

    /// <summary>The media type to upload the file with; null when <see cref="Format"/> is unknown.</summary>
    public string? MimeType => ImageFormat switch
    {
        ImageFormat.Jpeg => "image/jpeg",
        ImageFormat.Png => "image/png",
        ImageFormat.WebP => "image/webp",
        _ => null,
    };

    /// <summary>The size of the file in bytes.</summary>
    public required long Length { get; init; }

    /// <summary>
    /// The width in pixels as a viewer shows it, or null when the header does not say.
    /// If the EXIF orientation turns the image by 90 degrees (5 to 8), width and height are the other way round than stored.
    /// </summary>
    public int? Width { get; init; }

    /// <summary>The height in pixels as a viewer shows it (see <see cref="Width"/>), or null when the header does not say.</summary>
    public int? Height { get; init; }

    /// <summary>Whether the service would take the file: there are no <see cref="Problems"/>.</summary>
    public bool IsSupported => Problems.Length == 0;

    /// <summary>Why the service would refuse the file: one plain sentence each, saying what to do about it.</summary>
    public required string[] Problems { get; init; }

    /// <summary>What may go wrong although the file can be sent, or what is odd about it: one plain sentence each.</summary>
    public required string[] Warnings { get; init; }

    /// <summary><see cref="Format"/> for the engine. Users get text, because ConvertTo-Json writes an enum as a number.</summary>
    internal ImageFormat ImageFormat { get; init; }

    /// <summary>Returns this report if the service would take the file.</summary>
    /// <returns>This report.</returns>
    /// <exception cref="KlingException"><see cref="ErrorKind.ImageUnsupported"/>: the service would refuse the file, and why.</exception>
    internal ImageReport EnsureSupported()
        => IsSupported ? this : throw new KlingException(ErrorKind.ImageUnsupported, $"The service does not take '{Path}'. {string.Join(' ', Problems)}");

    /// <summary>The file and what was found out about it, such as <c>boat.webp: WebP, 640 × 360</c>.</summary>
    public override string ToString()
        => IsSupported ? string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Path}: {Format}, {Width} × {Height}") : $"{Path}: {string.Join(' ', Problems)}";
}
