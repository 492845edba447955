namespace KlingPS.Core.Imaging;

/// <summary>What the reader of a format has found out.</summary>
/// <param name="Width">Pixels as a viewer shows them, if the header gets that far.</param>
/// <param name="Height">Pixels as a viewer shows them, if the header gets that far.</param>
/// <param name="Problem">Why the file cannot be used, if so.</param>
/// <param name="Warning">What is odd about the file, if anything.</param>
internal readonly record struct ImageHeader(int? Width, int? Height, string? Problem = null, string? Warning = null)
{
    public const string IsAnimated = "It is animated; the service expects a still image, so save one frame of it.";
    public const string IsCmyk = "Its colours are CMYK, as for print; the service expects RGB, so convert it in an image editor.";

    /// <summary>The same with one more warning.</summary>
    public ImageHeader Warn(string warning) => this with { Warning = Warning is null ? warning : $"{Warning} {warning}" };

    /// <summary>The same with a warning if a colour has more bits than usual.</summary>
    public ImageHeader WarnOfDepth(int bits)
        => bits <= 8 ? this : Warn(FormattableString.Invariant($"It has {bits} bits for each colour; the service expects 8, so save it with 8."));

    /// <summary>The size in a viewer that respects the orientation in the EXIF metadata: 5 to 8 turn the image by 90 degrees.</summary>
    public ImageHeader Turn(int? orientation) => orientation is >= 5 and <= 8 ? this with { Width = Height, Height = Width } : this;


    public ImageHeader CutOff(string format) =>
        this with { Problem = $"It is a {format} image whose end is missing; copy or download it again." };

    public ImageHeader Damaged(string format) =>
        this with { Problem = $"It is a {format} image with a damaged header; open it in an image editor and save it again." };
}
