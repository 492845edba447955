using KlingPS.Core.Imaging;

namespace KlingPS.Core.Model;

/// <summary>The models that KlingPS knows, one row each. To add a model is to add a row here, and its twin to the sandbox.</summary>
internal static class ModelCatalog
{
    /// <summary>The id of Kling V2.5 Turbo Pro, image to video: the model that is asked where none is named.</summary>
    public const string DefaultId = "kling/v2-5-turbo-image-to-video-pro";

    private static readonly ImageRules s_jpegAndPng = new([ImageFormat.Jpeg, ImageFormat.Png], ImageInspector.MaximumLength);
    private static readonly ImageRules s_jpegPngAndWebP = new([ImageFormat.Jpeg, ImageFormat.Png, ImageFormat.WebP], ImageInspector.MaximumLength);

    private static readonly RequestField s_prompt = new("prompt", VideoParameter.Prompt);
    private static readonly RequestField s_image = new("image_url", VideoParameter.Image);
    private static readonly RequestField s_tailImage = new("tail_image_url", VideoParameter.TailImage);
    private static readonly RequestField s_duration = new("duration", VideoParameter.Duration);
    private static readonly RequestField s_negativePrompt = new("negative_prompt", VideoParameter.NegativePrompt);
    private static readonly RequestField s_cfgScale = new("cfg_scale", VideoParameter.CfgScale);

    private static readonly ModelSpec[] s_rows =
    [
        new()
        {
            Id = DefaultId,
            Fields = [s_prompt, s_image, s_tailImage, s_duration, s_negativePrompt, s_cfgScale],
            MaxPromptLength = 2500,
            MaxNegativePromptLength = 2496,
            Durations = [5, 10],
            Images = s_jpegPngAndWebP,
            Price = spec => 42m * spec.Seconds / 5,
        },
        new()
        {
            Id = "kling/v2-1-standard",
            Fields = [s_prompt, s_image, s_duration, s_negativePrompt, s_cfgScale],
            MaxPromptLength = 5000,
            MaxNegativePromptLength = 500,
            Durations = [5, 10],
            Images = s_jpegAndPng,
            Price = spec => 25m * spec.Seconds / 5,
        },
        new()
        {
            Id = "kling/v2-1-pro",
            Fields = [s_prompt, s_image, s_tailImage, s_duration, s_negativePrompt, s_cfgScale],
            MaxPromptLength = 5000,
            MaxNegativePromptLength = 500,
            Durations = [5, 10],
            Images = s_jpegAndPng,
            Price = spec => 50m * spec.Seconds / 5,
        },
        new()
        {
            Id = "kling/v2-1-master-image-to-video",
            Fields = [s_prompt, s_image, s_duration, s_negativePrompt, s_cfgScale],
            MaxPromptLength = 5000,
            MaxNegativePromptLength = 500,
            Durations = [5, 10],
            Images = s_jpegAndPng,
            Price = spec => 160m * spec.Seconds / 5,
        },
    ];

    /// <summary>Every row, the default first.</summary>
    public static IReadOnlyList<ModelSpec> All => s_rows;

    /// <summary>The model that is asked where none is named.</summary>
    public static ModelSpec Default => s_rows[0];

    /// <summary>The row of a model; <see langword="null"/> for a model that has none.</summary>
    /// <param name="id">The model's id, in upper and lower case as the service writes it.</param>
    public static ModelSpec? Find(string id) => Array.Find(s_rows, row => row.Id == id);

    /// <summary>How to ask a model: its row; or for a model without one, which may be newer than this version, the default's row without a price.</summary>
    /// <param name="id">The model's id.</param>
    public static ModelSpec Get(string id) => Find(id) ?? Default with { Id = id, Price = null };
}
