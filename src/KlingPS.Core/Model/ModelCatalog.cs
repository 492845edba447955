using KlingPS.Core.Imaging;

namespace KlingPS.Core.Model;

/// <summary>The models that KlingPS knows, one row each. To add a model is to add a row here, and its twin to the sandbox.</summary>
/// <remarks>What changes the price is always sent. The default's request is the exception: it has no resolution and no sound, and its default length is documented.</remarks>
internal static class ModelCatalog
{
    /// <summary>The id of Kling V2.5 Turbo Pro, image to video: the model that is asked if none is named.</summary>
    public const string DefaultId = "kling/v2-5-turbo-image-to-video-pro";

    private const long Megabyte = 1024 * 1024;

    private static readonly IReadOnlyList<ImageFormat> s_jpegAndPngFormats = [ImageFormat.Jpeg, ImageFormat.Png];
    private static readonly ImageRules s_jpegAndPng = new(s_jpegAndPngFormats, 10 * Megabyte);
    private static readonly ImageRules s_jpegPngAndWebP = new([ImageFormat.Jpeg, ImageFormat.Png, ImageFormat.WebP], 10 * Megabyte);
    private static readonly ImageRules s_motionImages = s_jpegAndPng with { MinSide = 301, MaxRatio = 2.5m };
    private static readonly ImageRules s_omniImages = new(s_jpegAndPngFormats, 50 * Megabyte) { MinSide = 300, MaxRatio = 2.5m };

    private static readonly ClipRules s_motionVideos = new(100 * Megabyte, 3, 30);
    private static readonly ClipRules s_omniVideos = new(200 * Megabyte, 3, 15.5m) { MinSide = 700, MaxSide = 4553, MinFrameRate = 24, MaxFrameRate = 60 };
    private static readonly ClipRules s_avatarAudios = new(100 * Megabyte, 0, 300);

    private static readonly int[] s_fiveOrTen = [5, 10];
    private static readonly int[] s_threeToFifteen = [.. Enumerable.Range(3, 13)];
    private static readonly string[] s_aspectRatios = ["16:9", "9:16", "1:1"];
    private static readonly string[] s_hdOrFullHd = [VideoResolution.P720, VideoResolution.P1080];

    private static readonly IReadOnlyList<IReadOnlyList<VideoParameter>> s_needsImage = [[VideoParameter.Image]];
    private static readonly IReadOnlyList<IReadOnlyList<VideoParameter>> s_needsVideo = [[VideoParameter.Video]];
    private static readonly IReadOnlyList<IReadOnlyList<VideoParameter>> s_needsImageAndVideo = [[VideoParameter.Image], [VideoParameter.Video]];
    private static readonly IReadOnlyList<IReadOnlyList<VideoParameter>> s_needsImageOrVideo = [[VideoParameter.Image, VideoParameter.Video]];
    private static readonly IReadOnlyList<IReadOnlyList<VideoParameter>> s_needsImageAndAudio = [[VideoParameter.Image], [VideoParameter.Audio]];

    private static readonly RequestField s_prompt = new("prompt", VideoParameter.Prompt);
    private static readonly RequestField s_image = new("image_url", VideoParameter.Image);
    private static readonly RequestField s_images = new("image_urls", VideoParameter.Image, FieldForm.List);
    private static readonly RequestField s_imageAndTail = s_images with { Follower = VideoParameter.TailImage };
    private static readonly RequestField s_imageAndReferences = s_images with { Follower = VideoParameter.ReferenceImages };
    private static readonly RequestField s_inputImage = new("input_urls", VideoParameter.Image, FieldForm.List);
    private static readonly RequestField s_videos = new("video_urls", VideoParameter.Video, FieldForm.List);
    private static readonly RequestField s_audio = new("audio_url", VideoParameter.Audio);
    private static readonly RequestField s_tailImage = new("tail_image_url", VideoParameter.TailImage);
    private static readonly RequestField s_duration = new("duration", VideoParameter.Duration) { IsAlwaysSent = true };
    private static readonly RequestField s_durationNumber = s_duration with { Form = FieldForm.Number };
    private static readonly RequestField s_aspectRatio = new("aspect_ratio", VideoParameter.AspectRatio);
    private static readonly RequestField s_statedAspectRatio = s_aspectRatio with { IsAlwaysSent = true };
    private static readonly RequestField s_resolution = new("resolution", VideoParameter.Resolution) { IsAlwaysSent = true };
    private static readonly RequestField s_resolutionIn4k = s_resolution with { Words = new Dictionary<string, string> { [VideoResolution.K4] = "4k" } };
    private static readonly RequestField s_mode = new("mode", VideoParameter.Resolution) { IsAlwaysSent = true };
    private static readonly RequestField s_modeInWords = s_mode with
    {
        Words = new Dictionary<string, string> { [VideoResolution.P720] = "std", [VideoResolution.P1080] = "pro", [VideoResolution.K4] = "4K" },
    };

    private static readonly RequestField s_sound = new("sound", VideoParameter.Sound, FieldForm.Flag) { IsAlwaysSent = true };
    private static readonly RequestField s_soundAsAudio = s_sound with { Name = "audio" };
    private static readonly RequestField s_orientation = new("character_orientation", VideoParameter.CharacterOrientation) { IsAlwaysSent = true };
    private static readonly RequestField s_negativePrompt = new("negative_prompt", VideoParameter.NegativePrompt);
    private static readonly RequestField s_cfgScale = new("cfg_scale", VideoParameter.CfgScale, FieldForm.Number);

    /// <summary>Several shots in one video: off, as nothing here asks for them.</summary>
    private static readonly RequestField s_noShots = new("multi_shots", null, FieldForm.Flag) { IsAlwaysSent = true };

    /// <summary>The same. The service's own default is on.</summary>
    private static readonly RequestField s_noCustomShots = s_noShots with { Name = "customize_multi_shots" };

    private static readonly ModelPrice s_price26 = ModelPrice.For5Seconds(silent: 55, sound: 110);
    private static readonly ModelPrice s_price30 = ModelPrice.ForSecond(asked => asked switch
    {
        { Resolution: VideoResolution.K4 } => 67,
        { Resolution: VideoResolution.P1080 } => asked.HasSound ? 27 : 18,
        _ => asked.HasSound ? 20 : 14,
    });

    private static readonly ModelPrice s_priceTurbo = ModelPrice.ForSecond(asked => asked.Resolution == VideoResolution.P1080 ? 22.5m : 18);
    private static readonly ModelPrice s_priceOmni = ModelPrice.ForSecond(asked => asked switch
    {
        { Resolution: VideoResolution.K4 } => 67,
        { Resolution: VideoResolution.P1080, HasVideo: true } => 27,
        { HasVideo: true } => 20,
        { Resolution: VideoResolution.P1080 } => asked.HasSound ? 23 : 18,
        _ => asked.HasSound ? 18 : 14,
    });

    private static readonly ModelSpec[] s_rows =
    [
        new()
        {
            Id = DefaultId,
            Fields = [s_prompt, s_image, s_tailImage, s_duration with { IsAlwaysSent = false }, s_negativePrompt, s_cfgScale],
            MaxPromptLength = 2500,
            MaxNegativePromptLength = 2496,
            Needs = s_needsImage,
            Durations = s_fiveOrTen,
            Images = s_jpegPngAndWebP,
            Price = ModelPrice.For5Seconds(42),
        },
        new()
        {
            Id = "kling/v2-5-turbo-text-to-video-pro",
            Fields = [s_prompt, s_duration, s_statedAspectRatio, s_negativePrompt, s_cfgScale],
            MaxPromptLength = 2500,
            MaxNegativePromptLength = 2500,
            Durations = s_fiveOrTen,
            AspectRatios = s_aspectRatios,
            DefaultAspectRatio = "16:9",
            Price = ModelPrice.For5Seconds(42),
        },
        new()
        {
            Id = "kling/v2-1-standard",
            Fields = [s_prompt, s_image, s_duration, s_negativePrompt, s_cfgScale],
            MaxPromptLength = 5000,
            MaxNegativePromptLength = 500,
            Needs = s_needsImage,
            Durations = s_fiveOrTen,
            Images = s_jpegAndPng,
            Price = ModelPrice.For5Seconds(25),
        },
        new()
        {
            Id = "kling/v2-1-pro",
            Fields = [s_prompt, s_image, s_tailImage, s_duration, s_negativePrompt, s_cfgScale],
            MaxPromptLength = 5000,
            MaxNegativePromptLength = 500,
            Needs = s_needsImage,
            Durations = s_fiveOrTen,
            Images = s_jpegAndPng,
            Price = ModelPrice.For5Seconds(50),
        },
        new()
        {
            Id = "kling/v2-1-master-image-to-video",
            Fields = [s_prompt, s_image, s_duration, s_negativePrompt, s_cfgScale],
            MaxPromptLength = 5000,
            MaxNegativePromptLength = 500,
            Needs = s_needsImage,
            Durations = s_fiveOrTen,
            Images = s_jpegAndPng,
            Price = ModelPrice.For5Seconds(160),
        },
        new()
        {
            Id = "kling/v2-1-master-text-to-video",
            Fields = [s_prompt, s_duration, s_statedAspectRatio, s_negativePrompt, s_cfgScale],
            MaxPromptLength = 5000,
            MaxNegativePromptLength = 500,
            Durations = s_fiveOrTen,
            AspectRatios = s_aspectRatios,
            DefaultAspectRatio = "16:9",
            Price = ModelPrice.For5Seconds(160),
        },
        new()
        {
            Id = "kling-2.6/text-to-video",
            Fields = [s_prompt, s_sound, s_statedAspectRatio, s_duration],
            MaxPromptLength = 1000,
            Durations = s_fiveOrTen,
            AspectRatios = ["1:1", "16:9", "9:16"],
            DefaultAspectRatio = "1:1",
            Price = s_price26,
        },
        new()
        {
            Id = "kling-2.6/image-to-video",
            Fields = [s_prompt, s_images, s_sound, s_duration],
            MaxPromptLength = 1000,
            Needs = s_needsImage,
            Durations = s_fiveOrTen,
            Images = s_jpegAndPng,
            Price = s_price26,
        },
        new()
        {
            Id = "kling-2.6/motion-control",
            Fields = [s_prompt, s_inputImage, s_videos, s_orientation, s_mode],
            MaxPromptLength = 2500,
            IsPromptOptional = true,
            Needs = s_needsImageAndVideo,
            Resolutions = s_hdOrFullHd,
            DefaultResolution = VideoResolution.P720,
            Images = s_motionImages,
            Videos = s_motionVideos,
            Price = ModelPrice.ForSecond(asked => asked.Resolution == VideoResolution.P1080 ? 18 : 11),
        },
        new()
        {
            Id = "kling-3.0/video",
            Fields = [s_prompt, s_imageAndTail, s_sound, s_duration, s_statedAspectRatio, s_modeInWords, s_noShots],
            MaxPromptLength = 2500,
            Durations = s_threeToFifteen,
            AspectRatios = s_aspectRatios,
            DefaultAspectRatio = "16:9",
            TakesAspectRatioOfImage = true,
            Resolutions = VideoResolution.All,
            DefaultResolution = VideoResolution.P1080,
            Images = s_jpegAndPng,
            MaxImages = 2,
            Price = s_price30,
        },
        new()
        {
            // The service's pages call the modes std and pro here as well, but the service refuses them.
            Id = "kling-3.0/motion-control",
            Fields = [s_prompt, s_inputImage, s_videos, s_orientation, s_mode],
            MaxPromptLength = 2500,
            IsPromptOptional = true,
            Needs = s_needsImageAndVideo,
            Resolutions = s_hdOrFullHd,
            DefaultResolution = VideoResolution.P720,
            Images = s_motionImages,
            Videos = s_motionVideos,
            Price = ModelPrice.ForSecond(asked => asked.Resolution == VideoResolution.P1080 ? 27 : 20),
        },
        new()
        {
            Id = "kling/v3-turbo-image-to-video",
            Fields = [s_prompt, s_images, s_duration, s_resolution],
            MaxPromptLength = 2500,
            Needs = s_needsImage,
            Durations = s_threeToFifteen,
            Resolutions = s_hdOrFullHd,
            DefaultResolution = VideoResolution.P720,
            Images = s_jpegAndPng,
            Price = s_priceTurbo,
        },
        new()
        {
            Id = "kling/v3-turbo-text-to-video",
            Fields = [s_prompt, s_statedAspectRatio, s_duration, s_resolution],
            MaxPromptLength = 2500,
            Durations = s_threeToFifteen,
            AspectRatios = s_aspectRatios,
            DefaultAspectRatio = "16:9",
            Resolutions = s_hdOrFullHd,
            DefaultResolution = VideoResolution.P720,
            Price = s_priceTurbo,
        },
        new()
        {
            Id = "kling-3.0-omni/text-to-video",
            Fields = [s_prompt, s_statedAspectRatio, s_durationNumber, s_resolutionIn4k, s_soundAsAudio, s_noCustomShots],
            MaxPromptLength = 3072,
            Durations = s_threeToFifteen,
            AspectRatios = s_aspectRatios,
            DefaultAspectRatio = "16:9",
            Resolutions = VideoResolution.All,
            DefaultResolution = VideoResolution.P720,
            Price = s_priceOmni,
        },
        new()
        {
            Id = "kling-3.0-omni/image-to-video",
            Fields = [s_prompt, s_imageAndTail, s_aspectRatio, s_durationNumber, s_resolutionIn4k, s_soundAsAudio],
            MaxPromptLength = 3072,
            Needs = s_needsImage,
            Durations = s_threeToFifteen,
            AspectRatios = s_aspectRatios,
            Resolutions = VideoResolution.All,
            DefaultResolution = VideoResolution.P720,
            Images = s_omniImages,
            MaxImages = 2,
            Price = s_priceOmni,
        },
        new()
        {
            Id = "kling-3.0-omni/reference-to-video",
            Fields = [s_prompt, s_imageAndReferences, s_videos, s_aspectRatio, s_durationNumber, s_resolutionIn4k, s_soundAsAudio],
            MaxPromptLength = 3072,
            Needs = s_needsImageOrVideo,
            Durations = s_threeToFifteen,
            AspectRatios = s_aspectRatios,
            Resolutions = VideoResolution.All,
            DefaultResolution = VideoResolution.P720,
            HasSoundWithoutVideoOnly = true,
            Images = s_omniImages,
            MaxImages = 7,
            MaxImagesWithVideo = 4,
            Videos = s_omniVideos,
            Price = s_priceOmni,
        },
        new()
        {
            Id = "kling-3.0-omni/transformation",
            Fields = [s_prompt, s_videos, s_imageAndReferences, s_soundAsAudio, s_resolutionIn4k],
            MaxPromptLength = 3072,
            Needs = s_needsVideo,
            Resolutions = VideoResolution.All,
            DefaultResolution = VideoResolution.P720,
            Images = s_omniImages,
            MaxImages = 4,
            MaxImagesWithVideo = 4,
            Videos = s_omniVideos,
            Price = s_priceOmni,
        },
        new()
        {
            Id = "kling/ai-avatar-standard",
            Fields = [s_image, s_audio, s_prompt],
            MaxPromptLength = 5000,
            Needs = s_needsImageAndAudio,
            Images = s_jpegAndPng,
            Audios = s_avatarAudios,
            Price = ModelPrice.ForSecond(_ => 8),
        },
        new()
        {
            Id = "kling/ai-avatar-pro",
            Fields = [s_image, s_audio, s_prompt],
            MaxPromptLength = 5000,
            Needs = s_needsImageAndAudio,
            Images = s_jpegAndPng,
            Audios = s_avatarAudios,
            Price = ModelPrice.ForSecond(_ => 16),
        },
    ];

    /// <summary>Every row, the default first.</summary>
    public static IReadOnlyList<ModelSpec> All => s_rows;

    /// <summary>The model that is asked if none is named.</summary>
    public static ModelSpec Default => s_rows[0];

    /// <summary>The row of a model; <see langword="null"/> for a model that has none.</summary>
    /// <param name="id">The model's id, in upper or lower case; the row has it as the service writes it.</param>
    public static ModelSpec? Find(string id) => Array.Find(s_rows, row => string.Equals(row.Id, id, StringComparison.OrdinalIgnoreCase));

    /// <summary>How to ask a model: its row; for a model without one, which may be newer than this version, the default's row without a price.</summary>
    /// <param name="id">The model's id.</param>
    public static ModelSpec Get(string id) => Find(id) ?? Default with { Id = id, Price = null };
}
