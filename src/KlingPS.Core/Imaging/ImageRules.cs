namespace KlingPS.Core.Imaging;

/// <summary>Which images a model takes.</summary>
/// <param name="Formats">The formats.</param>
/// <param name="MaxLength">The largest file, in bytes.</param>
internal sealed record ImageRules(IReadOnlyList<ImageFormat> Formats, long MaxLength)
{
    /// <summary>Why the model would refuse an image that <see cref="ImageInspector"/> has found in order.</summary>
    /// <param name="image">The image.</param>
    /// <returns>A sentence that says what to do about it; <see langword="null"/> if it takes the image.</returns>
    public string? FindProblem(ImageReport image)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (!Formats.Contains(image.Format))
        {
            return $"It is {GetName(image.Format)}; convert it to {string.Join(" or ", Formats.Select(GetName))} first.";
        }

        return image.Length <= MaxLength
            ? null
            : FormattableString.Invariant($"It has {image.Length:N0} bytes, and the limit is {MaxLength:N0}; make it smaller.");
    }

    private static string GetName(ImageFormat format) => format switch
    {
        ImageFormat.Jpeg => "JPEG",
        ImageFormat.Png => "PNG",
        _ => format.ToString(),
    };
}
