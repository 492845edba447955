namespace KlingPS.Core.Imaging;

/// <summary>Which images a model takes.</summary>
/// <param name="Formats">The formats.</param>
/// <param name="MaxLength">The largest file, in bytes.</param>
internal sealed record ImageRules(IReadOnlyList<ImageFormat> Formats, long MaxLength)
{
    /// <summary>The shortest side that it takes, in pixels; 0 if there is no limit.</summary>
    public int MinSide { get; init; }

    /// <summary>How many times as long as its short side an image may be; 0 if there is no limit.</summary>
    public decimal MaxRatio { get; init; }

    /// <summary>Why the model would refuse an image that <see cref="ImageInspector"/> found nothing wrong with.</summary>
    /// <param name="image">The image.</param>
    /// <returns>A sentence that says what to do about it; <see langword="null"/> if it takes the image.</returns>
    public string? FindProblem(ImageReport image)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (!Formats.Contains(image.ImageFormat))
        {
            return $"It is {GetName(image.ImageFormat)}; convert it to {string.Join(" or ", Formats.Select(GetName))} first.";
        }

        if (image.Length > MaxLength)
        {
            return FormattableString.Invariant($"It has {image.Length:N0} bytes, and the limit is {MaxLength:N0}; make it smaller.");
        }

        if (image is not { Width: int width, Height: int height })
        {
            return null;
        }

        if (Math.Min(width, height) < MinSide)
        {
            return FormattableString.Invariant($"It is {width} × {height} pixels, and no side may be under {MinSide}; take a larger one.");
        }

        return MaxRatio > 0 && Math.Max(width, height) > MaxRatio * Math.Min(width, height)
            ? FormattableString.Invariant($"It is {width} × {height} pixels, and may be at most {MaxRatio} times as long as it is wide or high; crop it.")
            : null;
    }

    private static string GetName(ImageFormat format) => format switch
    {
        ImageFormat.Jpeg => "JPEG",
        ImageFormat.Png => "PNG",
        _ => format.ToString(),
    };
}
