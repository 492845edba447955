using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Model;

/// <summary>The smallest and the fullest request of a model, and what they cost: written by hand from the pages of the service.</summary>
/// <param name="Model">The model's id.</param>
/// <param name="Smallest">What is asked for at least.</param>
/// <param name="SmallestInput">The <c>input</c> that has to be sent for it.</param>
/// <param name="SmallestCredits">Its price.</param>
/// <param name="Fullest">All that can be asked for.</param>
/// <param name="FullestInput">The <c>input</c> that has to be sent for it.</param>
/// <param name="FullestCredits">Its price.</param>
internal sealed record ModelRequests(
    string Model,
    VideoSpec Smallest,
    string SmallestInput,
    decimal SmallestCredits,
    VideoSpec Fullest,
    string FullestInput,
    decimal FullestCredits)
{
    public const string Prompt = "A \"fox\" läuft <fast> 🦊";

    private const string P = """
        "prompt":"A \"fox\" läuft <fast> 🦊"
        """;

    private static readonly MediaSource s_image = MediaSource.FromUri("https://i.example/a.png?x=1&y=2");
    private static readonly MediaSource s_second = MediaSource.FromUri("https://i.example/b.png");
    private static readonly MediaSource s_third = MediaSource.FromUri("https://i.example/c.png");
    private static readonly MediaSource s_video = MediaSource.FromUri("https://i.example/a.mp4");
    private static readonly MediaSource s_audio = MediaSource.FromUri("https://i.example/a.mp3");

    private static readonly VideoSpec s_text = new() { Prompt = Prompt };
    private static readonly VideoSpec s_still = s_text with { Image = s_image };
    private static readonly VideoSpec s_guided = s_text with { Duration = 10, NegativePrompt = "blur", CfgScale = 0.3m };
    private static readonly VideoSpec s_guidedStill = s_guided with { Image = s_image };

    /// <summary>In the order of the catalogue.</summary>
    public static IReadOnlyList<ModelRequests> All { get; } =
    [
        Of(
            "kling/v2-5-turbo-image-to-video-pro",
            s_still,
            $$"""{ {{P}},"image_url":"https://i.example/a.png?x=1&y=2"}""",
            42,
            s_guidedStill with { TailImage = s_second },
            $$"""{ {{P}},"image_url":"https://i.example/a.png?x=1&y=2","tail_image_url":"https://i.example/b.png","duration":"10","negative_prompt":"blur","cfg_scale":0.3}""",
            84),
        Of(
            "kling/v2-5-turbo-text-to-video-pro",
            s_text,
            $$"""{ {{P}},"duration":"5","aspect_ratio":"16:9"}""",
            42,
            s_guided with { AspectRatio = "1:1" },
            $$"""{ {{P}},"duration":"10","aspect_ratio":"1:1","negative_prompt":"blur","cfg_scale":0.3}""",
            84),
        Of(
            "kling/v2-1-standard",
            s_still,
            $$"""{ {{P}},"image_url":"https://i.example/a.png?x=1&y=2","duration":"5"}""",
            25,
            s_guidedStill,
            $$"""{ {{P}},"image_url":"https://i.example/a.png?x=1&y=2","duration":"10","negative_prompt":"blur","cfg_scale":0.3}""",
            50),
        Of(
            "kling/v2-1-pro",
            s_still,
            $$"""{ {{P}},"image_url":"https://i.example/a.png?x=1&y=2","duration":"5"}""",
            50,
            s_guidedStill with { TailImage = s_second },
            $$"""{ {{P}},"image_url":"https://i.example/a.png?x=1&y=2","tail_image_url":"https://i.example/b.png","duration":"10","negative_prompt":"blur","cfg_scale":0.3}""",
            100),
        Of(
            "kling/v2-1-master-image-to-video",
            s_still,
            $$"""{ {{P}},"image_url":"https://i.example/a.png?x=1&y=2","duration":"5"}""",
            160,
            s_guidedStill,
            $$"""{ {{P}},"image_url":"https://i.example/a.png?x=1&y=2","duration":"10","negative_prompt":"blur","cfg_scale":0.3}""",
            320),
        Of(
            "kling/v2-1-master-text-to-video",
            s_text,
            $$"""{ {{P}},"duration":"5","aspect_ratio":"16:9"}""",
            160,
            s_guided with { AspectRatio = "9:16" },
            $$"""{ {{P}},"duration":"10","aspect_ratio":"9:16","negative_prompt":"blur","cfg_scale":0.3}""",
            320),
        Of(
            "kling-2.6/text-to-video",
            s_text,
            $$"""{ {{P}},"sound":false,"aspect_ratio":"1:1","duration":"5"}""",
            55,
            s_text with { Duration = 10, AspectRatio = "16:9", Sound = true },
            $$"""{ {{P}},"sound":true,"aspect_ratio":"16:9","duration":"10"}""",
            220),
        Of(
            "kling-2.6/image-to-video",
            s_still,
            $$"""{ {{P}},"image_urls":["https://i.example/a.png?x=1&y=2"],"sound":false,"duration":"5"}""",
            55,
            s_still with { Duration = 10, Sound = true },
            $$"""{ {{P}},"image_urls":["https://i.example/a.png?x=1&y=2"],"sound":true,"duration":"10"}""",
            220),
        Of(
            "kling-2.6/motion-control",
            s_still with { Prompt = null, Video = s_video, InputSeconds = 5 },
            """{"input_urls":["https://i.example/a.png?x=1&y=2"],"video_urls":["https://i.example/a.mp4"],"character_orientation":"video","mode":"720p"}""",
            55,
            s_still with { Video = s_video, Resolution = "1080p", CharacterOrientation = "image", InputSeconds = 5 },
            $$"""{ {{P}},"input_urls":["https://i.example/a.png?x=1&y=2"],"video_urls":["https://i.example/a.mp4"],"character_orientation":"image","mode":"1080p"}""",
            90),
        Of(
            "kling-3.0/video",
            s_text,
            $$"""{ {{P}},"sound":false,"duration":"5","aspect_ratio":"16:9","mode":"pro","multi_shots":false}""",
            90,
            s_still with { TailImage = s_second, Sound = true, Duration = 15, Resolution = "4K" },
            $$"""{ {{P}},"image_urls":["https://i.example/a.png?x=1&y=2","https://i.example/b.png"],"sound":true,"duration":"15","mode":"4K","multi_shots":false}""",
            1005),
        Of(
            "kling-3.0/motion-control",
            s_still with { Prompt = null, Video = s_video, InputSeconds = 5 },
            """{"input_urls":["https://i.example/a.png?x=1&y=2"],"video_urls":["https://i.example/a.mp4"],"character_orientation":"video","mode":"720p"}""",
            100,
            s_still with { Video = s_video, Resolution = "1080p", CharacterOrientation = "image", InputSeconds = 5 },
            $$"""{ {{P}},"input_urls":["https://i.example/a.png?x=1&y=2"],"video_urls":["https://i.example/a.mp4"],"character_orientation":"image","mode":"1080p"}""",
            135),
        Of(
            "kling/v3-turbo-image-to-video",
            s_still,
            $$"""{ {{P}},"image_urls":["https://i.example/a.png?x=1&y=2"],"duration":"5","resolution":"720p"}""",
            90,
            s_still with { Duration = 3, Resolution = "1080p" },
            $$"""{ {{P}},"image_urls":["https://i.example/a.png?x=1&y=2"],"duration":"3","resolution":"1080p"}""",
            67.5m),
        Of(
            "kling/v3-turbo-text-to-video",
            s_text,
            $$"""{ {{P}},"aspect_ratio":"16:9","duration":"5","resolution":"720p"}""",
            90,
            s_text with { AspectRatio = "9:16", Duration = 15, Resolution = "1080p" },
            $$"""{ {{P}},"aspect_ratio":"9:16","duration":"15","resolution":"1080p"}""",
            337.5m),
        Of(
            "kling-3.0-omni/text-to-video",
            s_text,
            $$"""{ {{P}},"aspect_ratio":"16:9","duration":5,"resolution":"720p","audio":false,"customize_multi_shots":false}""",
            70,
            s_text with { AspectRatio = "1:1", Duration = 15, Resolution = "4K", Sound = true },
            $$"""{ {{P}},"aspect_ratio":"1:1","duration":15,"resolution":"4k","audio":true,"customize_multi_shots":false}""",
            1005),
        Of(
            "kling-3.0-omni/image-to-video",
            s_still,
            $$"""{ {{P}},"image_urls":["https://i.example/a.png?x=1&y=2"],"duration":5,"resolution":"720p","audio":false}""",
            70,
            s_still with { TailImage = s_second, AspectRatio = "9:16", Duration = 3, Resolution = "1080p", Sound = true },
            $$"""{ {{P}},"image_urls":["https://i.example/a.png?x=1&y=2","https://i.example/b.png"],"aspect_ratio":"9:16","duration":3,"resolution":"1080p","audio":true}""",
            69),
        Of(
            "kling-3.0-omni/reference-to-video",
            s_still,
            $$"""{ {{P}},"image_urls":["https://i.example/a.png?x=1&y=2"],"duration":5,"resolution":"720p","audio":false}""",
            70,
            s_still with { ReferenceImages = new([s_second, s_third]), Video = s_video, AspectRatio = "16:9", Duration = 10, Resolution = "1080p" },
            $$"""{ {{P}},"image_urls":["https://i.example/a.png?x=1&y=2","https://i.example/b.png","https://i.example/c.png"],"video_urls":["https://i.example/a.mp4"],"aspect_ratio":"16:9","duration":10,"resolution":"1080p","audio":false}""",
            270),
        Of(
            "kling-3.0-omni/transformation",
            s_text with { Video = s_video, InputSeconds = 5 },
            $$"""{ {{P}},"video_urls":["https://i.example/a.mp4"],"audio":false,"resolution":"720p"}""",
            100,
            s_still with { ReferenceImages = new([s_second, s_third]), Video = s_video, InputSeconds = 5, Resolution = "4K", Sound = true },
            $$"""{ {{P}},"video_urls":["https://i.example/a.mp4"],"image_urls":["https://i.example/a.png?x=1&y=2","https://i.example/b.png","https://i.example/c.png"],"audio":true,"resolution":"4k"}""",
            335),
        Of(
            "kling/ai-avatar-standard",
            s_still with { Audio = s_audio, InputSeconds = 5 },
            $$"""{"image_url":"https://i.example/a.png?x=1&y=2","audio_url":"https://i.example/a.mp3",{{P}}}""",
            40,
            s_still with { Audio = s_audio, InputSeconds = 5 },
            $$"""{"image_url":"https://i.example/a.png?x=1&y=2","audio_url":"https://i.example/a.mp3",{{P}}}""",
            40),
        Of(
            "kling/ai-avatar-pro",
            s_still with { Audio = s_audio, InputSeconds = 5 },
            $$"""{"image_url":"https://i.example/a.png?x=1&y=2","audio_url":"https://i.example/a.mp3",{{P}}}""",
            80,
            s_still with { Audio = s_audio, InputSeconds = 5 },
            $$"""{"image_url":"https://i.example/a.png?x=1&y=2","audio_url":"https://i.example/a.mp3",{{P}}}""",
            80),
    ];

    /// <summary>The ids, for theories.</summary>
    public static TheoryData<string> Ids => [.. All.Select(requests => requests.Model)];

    public static ModelRequests Get(string model) => All.Single(requests => requests.Model == model);

    private static ModelRequests Of(string model, VideoSpec smallest, string smallestInput, decimal smallestCredits, VideoSpec fullest, string fullestInput, decimal fullestCredits)
        => new(model, smallest with { Model = model }, smallestInput, smallestCredits, fullest with { Model = model }, fullestInput, fullestCredits);
}
