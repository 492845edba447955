using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Model;

/// <summary>What was asked for when an identity was recorded, in words that no later change of the code touches.</summary>
/// <param name="Model">The model's id.</param>
/// <param name="Prompt">The prompt.</param>
/// <param name="NegativePrompt">The negative prompt, if one was given.</param>
/// <param name="Duration">The seconds, if they were given.</param>
/// <param name="CfgScale">The guidance, if it was given.</param>
/// <param name="ImageUri">The address of the image, where it was given as one.</param>
/// <param name="ImageHash">The SHA-256 of the image, where it was given as a file.</param>
/// <param name="TailUri">The address of the tail image, likewise.</param>
/// <param name="TailHash">The SHA-256 of the tail image, likewise.</param>
/// <param name="Take">The take.</param>
internal sealed record RecordedPurchase(
    string Model,
    string Prompt,
    string? NegativePrompt = null,
    int? Duration = null,
    decimal? CfgScale = null,
    string? ImageUri = null,
    string? ImageHash = null,
    string? TailUri = null,
    string? TailHash = null,
    int Take = 1)
{
    /// <summary>The identity that today's code gives it.</summary>
    public string Identity => Spec.GetIdentity();

    /// <summary>The video. A local image has been uploaded, and its address does not count.</summary>
    public VideoSpec Spec => new()
    {
        Model = Model,
        Prompt = Prompt,
        NegativePrompt = NegativePrompt,
        Duration = Duration,
        CfgScale = CfgScale,
        Image = Source(ImageHash, ImageUri),
        TailImage = Source(TailHash, TailUri),
        CallbackUri = "https://callback.example/",
        Take = Take,
    };

    private static MediaSource? Source(string? hash, string? uri)
        => hash is not null ? MediaSource.FromFile("/images/image.png") with { Hash = hash, Uri = uri ?? "https://uploads.example/image.png" }
            : uri is not null ? MediaSource.FromUri(uri)
            : null;
}
