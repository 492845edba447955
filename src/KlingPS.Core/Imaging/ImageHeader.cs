namespace KlingPS.Core.Imaging;

/// <summary>What a format's own reader found out.</summary>
/// <param name="Width">Pixels as a viewer shows them, if the header gets that far.</param>
/// <param name="Height">Pixels as a viewer shows them, if the header gets that far.</param>
/// <param name="Problem">Why the file cannot be used, if so.</param>
/// <param name="Warning">What is odd about the file, if anything.</param>
internal readonly record struct ImageHeader(int? Width, int? Height, string? Problem = null, string? Warning = null)
{
    public ImageHeader CutOff(string format) =>
        this with { Problem = $"It is a {format} image whose end is missing; copy or download it again." };

    public ImageHeader Damaged(string format) =>
        this with { Problem = $"It is a {format} image with a damaged header; open it in an image editor and save it again." };
}
