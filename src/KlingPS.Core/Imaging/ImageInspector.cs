using KlingPS.Core.Files;
namespace KlingPS.Core.Imaging;

/// <summary>
/// Tells from a file's size and headers whether the service would take it. Local and free: nothing is sent, no pixel is
/// decoded, and little is read however large or hostile the file is.
/// </summary>
internal static class ImageInspector
{
    /// <summary>
    /// The largest image the service takes, in bytes: 10 MiB (10 × 1024 × 1024).
    /// The contract says "10.0MB" but not which megabyte it means. The larger reading is the limit, because a wrong
    /// refusal here could not be worked around, while one by the service costs nothing; a size between the two
    /// readings gets a warning.
    /// </summary>
    public const long MaximumLength = 10 * 1024 * 1024;

    /// <summary>The largest image that any model takes, in bytes. Little is read of a larger one.</summary>
    public const long LargestLength = 50 * 1024 * 1024;

    /// <summary>The smaller reading of "10.0MB".</summary>
    private const long UndisputedLength = 10_000_000;

    /// <summary>The shortest side, in pixels, that the service's sibling models take.</summary>
    private const int AdvisedSide = 300;

    private const int HeadSize = 4096;

    private static readonly Dictionary<string, ImageFormat> s_extensions = new(StringComparer.OrdinalIgnoreCase)
    {
        [".jpg"] = ImageFormat.Jpeg,
        [".jpeg"] = ImageFormat.Jpeg,
        [".jpe"] = ImageFormat.Jpeg,
        [".jfif"] = ImageFormat.Jpeg,
        [".png"] = ImageFormat.Png,
        [".webp"] = ImageFormat.WebP,
        [".heic"] = ImageFormat.Unknown,
        [".heif"] = ImageFormat.Unknown,
        [".avif"] = ImageFormat.Unknown,
        [".gif"] = ImageFormat.Unknown,
        [".tif"] = ImageFormat.Unknown,
        [".tiff"] = ImageFormat.Unknown,
        [".bmp"] = ImageFormat.Unknown,
    };

    /// <summary>Whether a name has the extension of an image; the service may not take images of that kind.</summary>
    /// <param name="name">A path, or an address.</param>
    public static bool IsImageName(string name)
    {
        string path = name.Trim();
        return s_extensions.ContainsKey(Path.GetExtension(Uri.TryCreate(path, UriKind.Absolute, out Uri? uri) && !uri.IsFile ? uri.AbsolutePath : path));
    }

    /// <summary>Inspects a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <returns>What the file is, and whether the service would take it; a file that it refuses is not an error here.</returns>
    /// <exception cref="KlingException">There is no such file, it is a folder, or it cannot be read.</exception>
    public static Task<ImageReport> InspectAsync(string path, CancellationToken cancellationToken = default) => InspectAsync(path, MaximumLength, cancellationToken);

    /// <summary>Inspects a file for a model whose size limit is not the usual one.</summary>
    /// <param name="path">The file.</param>
    /// <param name="maxLength">The largest file that the model takes, in bytes.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <returns>As <see cref="InspectAsync(string, CancellationToken)"/>.</returns>
    /// <exception cref="KlingException">There is no such file, it is a folder, or it cannot be read.</exception>
    public static Task<ImageReport> InspectAsync(string path, long maxLength, CancellationToken cancellationToken) =>
        // A handful of small reads: not worth being asynchronous, except for the caller.
        Task.Run(
            () =>
            {
                using FileStream stream = SourceFile.Open(path, HeadSize, FileOptions.None);
                try
                {
                    return Inspect(stream, path, maxLength, cancellationToken);
                }
                catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
                {
                    throw SourceFile.Unreadable(path, exception);
                }
            },
            cancellationToken);

    /// <summary>Inspects the content of a stream.</summary>
    /// <param name="stream">A stream that can seek, from its beginning; its position afterwards is anywhere.</param>
    /// <param name="path">The file's name, for the report and to compare its extension with the content.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <returns>What the content is, and whether the service would take it.</returns>
    /// <exception cref="ArgumentException">The stream cannot seek.</exception>
    public static ImageReport Inspect(Stream stream, string path, CancellationToken cancellationToken = default) => Inspect(stream, path, MaximumLength, cancellationToken);

    /// <inheritdoc cref="Inspect(Stream, string, CancellationToken)"/>
    /// <param name="stream">A stream that can seek.</param>
    /// <param name="path">The file's name.</param>
    /// <param name="maxLength">The largest file that is taken, in bytes.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    public static ImageReport Inspect(Stream stream, string path, long maxLength, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(path);
        if (!stream.CanSeek)
        {
            throw new ArgumentException("The stream must be able to seek.", nameof(stream));
        }

        long length = stream.Length;
        byte[] buffer = new byte[(int)Math.Min(HeadSize, length)];
        stream.Position = 0;
        ReadOnlySpan<byte> head = buffer.AsSpan(0, stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false));

        (ImageFormat format, ImageHeader header) =
            JpegHeader.Matches(head) ? (ImageFormat.Jpeg, JpegHeader.Read(stream, cancellationToken))
            : PngHeader.Matches(head) ? (ImageFormat.Png, PngHeader.Read(stream, head, cancellationToken))
            : WebPHeader.Matches(head) ? (ImageFormat.WebP, WebPHeader.Read(stream, head, cancellationToken))
            : (ImageFormat.Unknown, new ImageHeader(null, null, ForeignFormat.Describe(head)));

        return new ImageReport
        {
            Path = path,
            ImageFormat = format,
            Length = length,
            Width = header.Width,
            Height = header.Height,
            Problems = [.. FindProblems(format, length, maxLength, header)],
            Warnings = [.. FindWarnings(path, format, length, maxLength, header)],
        };
    }

    private static IEnumerable<string> FindProblems(ImageFormat format, long length, long maxLength, ImageHeader header)
    {
        if (header.Problem is not null)
        {
            yield return header.Problem;
        }

        if (format != ImageFormat.Unknown && length > maxLength)
        {
            yield return FormattableString.Invariant(
                $"It has {length:N0} bytes and the service takes {maxLength:N0} ({maxLength / 1024 / 1024} MB) at most; make it smaller or save it as JPEG.");
        }
    }

    private static IEnumerable<string> FindWarnings(string path, ImageFormat format, long length, long maxLength, ImageHeader header)
    {
        if (format == ImageFormat.Unknown)
        {
            yield break;
        }

        if (header.Warning is not null)
        {
            yield return header.Warning;
        }

        if (maxLength == MaximumLength && length is > UndisputedLength and <= MaximumLength)
        {
            yield return FormattableString.Invariant(
                $"It has {length:N0} bytes, which is over 10 MB if the service counts a megabyte as 1,000,000; make it a little smaller to be sure.");
        }

        if (header is { Width: int width, Height: int height })
        {
            if (Math.Min(width, height) < AdvisedSide)
            {
                yield return FormattableString.Invariant(
                    $"It is {width} × {height} pixels; similar models refuse images with a side under {AdvisedSide}, so take a larger one.");
            }

            if (2L * Math.Max(width, height) > 5L * Math.Min(width, height))
            {
                yield return FormattableString.Invariant(
                    $"It is {width} × {height} pixels; similar models refuse images longer than 2.5 times their width or height, so crop it.");
            }
        }

        string extension = Path.GetExtension(path);
        if (s_extensions.TryGetValue(extension, out ImageFormat named) && named != format)
        {
            yield return $"Its name ends in {extension} but its content is {format}; it is sent as what it is.";
        }
    }
}
