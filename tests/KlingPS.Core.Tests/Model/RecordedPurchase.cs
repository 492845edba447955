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
    /// <summary>The identity that today's code gives it. A local image has been uploaded, and its address does not count.</summary>
    public string Identity => AttemptIdentity.Of(
        new VideoRequest
        {
            Model = Model,
            Prompt = Prompt,
            NegativePrompt = NegativePrompt,
            Duration = Duration,
            CfgScale = CfgScale,
            ImageUri = ImageUri ?? "https://uploads.example/image.png",
            TailImageUri = TailUri ?? (TailHash is null ? null : "https://uploads.example/tail.png"),
            CallbackUri = "https://callback.example/",
        },
        ImageHash,
        TailHash,
        Take);
}
