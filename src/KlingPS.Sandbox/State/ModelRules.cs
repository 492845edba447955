using System.Globalization;

namespace KlingPS.Sandbox.State;

/// <summary>What a model accepts and costs. A field that it does not have is ignored, unless it says otherwise.</summary>
internal sealed record ModelRules
{
    private const int TenMegabytes = 10 * 1024 * 1024;

    private static readonly string[] s_jpegAndPng = ["image/jpeg", "image/png"];
    private static readonly string[] s_threeToFifteen = [.. Enumerable.Range(3, 13).Select(seconds => seconds.ToString(CultureInfo.InvariantCulture))];
    private static readonly FieldRule s_five = Option("duration", "5", "10") with { Default = "5" };
    private static readonly FieldRule s_seconds = Option("duration", s_threeToFifteen) with { Default = "5" };
    private static readonly FieldRule s_integerSeconds = new("duration", FieldType.Integer) { Least = 3, Most = 15, Default = 5 };
    private static readonly FieldRule s_ratio = Option("aspect_ratio", "16:9", "9:16", "1:1") with { Default = "16:9" };
    private static readonly FieldRule s_scale = new("cfg_scale", FieldType.Number) { Least = 0, Most = 1, Default = 0.5m };
    private static readonly FieldRule s_image = new("image_url", FieldType.Address) { IsRequired = true };
    private static readonly FieldRule s_tail = new("tail_image_url", FieldType.Address) { MayBeEmpty = true };
    private static readonly FieldRule s_mode = Option("mode", "720p", "1080p") with { Default = "720p" };
    private static readonly FieldRule s_resolution = Option("resolution", "720p", "1080p") with { IsRequired = true };
    private static readonly FieldRule s_omniResolution = Option("resolution", "720p", "1080p", "4k") with { Default = "720p" };
    private static readonly FieldRule s_audio = new("audio", FieldType.Flag) { Default = false };
    private static readonly FieldRule s_orientation = Option("character_orientation", "image", "video");
    private static readonly FieldRule s_video = Files("video_urls", 1, 1, FileKind.Video);

    /// <summary>The fields, in the order in which they are judged.</summary>
    internal required IReadOnlyList<FieldRule> Fields { get; init; }

    /// <summary>The credits for one second.</summary>
    internal required Func<CreateInput, decimal> CreditsPerSecond { get; init; }

    /// <summary>Whether a field that it does not have is refused.</summary>
    internal bool RefusesUnknownFields { get; init; }

    /// <summary>What is wrong with fields that are each right on their own.</summary>
    internal Func<CreateInput, string?> FindConflict { get; init; } = static _ => null;

    /// <summary>The field whose file says how long the video is; null if the duration does.</summary>
    internal string? LengthField { get; init; }

    /// <summary>The shortest and the longest clip that it takes, in seconds.</summary>
    internal (decimal Least, decimal Most) ClipSeconds { get; init; } = (0, decimal.MaxValue);

    /// <summary>The media types of the images that it takes.</summary>
    internal IReadOnlyList<string> ImageTypes { get; init; } = s_jpegAndPng;

    /// <summary>The largest image, in bytes.</summary>
    internal int MaxImage { get; init; } = TenMegabytes;

    /// <summary>The shortest side of an image that it takes, in pixels.</summary>
    internal int MinSide { get; init; }

    /// <summary>How many times as long as its short side an image may be.</summary>
    internal decimal MaxRatio { get; init; } = decimal.MaxValue;

    /// <summary>Every model.</summary>
    internal static IReadOnlyDictionary<string, ModelRules> All { get; } = new Dictionary<string, ModelRules>
    {
        ["kling/v2-5-turbo-image-to-video-pro"] = new()
        {
            Fields = [Text("prompt", 2500, true), s_image, s_tail, s_five, Text("negative_prompt", 2496), s_scale],
            CreditsPerSecond = _ => 8.4m,
            ImageTypes = ["image/jpeg", "image/png", "image/webp"],
        },
        ["kling/v2-5-turbo-text-to-video-pro"] = new()
        {
            Fields = [Text("prompt", 2500, true), s_five, s_ratio, Text("negative_prompt", 2500), s_scale],
            CreditsPerSecond = _ => 8.4m,
        },
        ["kling/v2-1-standard"] = new() { Fields = [Text("prompt", 5000, true), s_image, s_five, Text("negative_prompt", 500), s_scale], CreditsPerSecond = _ => 5 },
        ["kling/v2-1-pro"] = new() { Fields = [Text("prompt", 5000, true), s_image, s_tail, s_five, Text("negative_prompt", 500), s_scale], CreditsPerSecond = _ => 10 },
        ["kling/v2-1-master-image-to-video"] = new() { Fields = [Text("prompt", 5000, true), s_image, s_five, Text("negative_prompt", 500), s_scale], CreditsPerSecond = _ => 32 },
        ["kling/v2-1-master-text-to-video"] = new() { Fields = [Text("prompt", 5000, true), s_five, s_ratio, Text("negative_prompt", 500), s_scale], CreditsPerSecond = _ => 32 },
        ["kling-2.6/text-to-video"] = new()
        {
            Fields =
            [
                Text("prompt", 1000, true), new("sound", FieldType.Flag) { IsRequired = true },
                Option("aspect_ratio", "1:1", "16:9", "9:16") with { IsRequired = true }, s_five with { IsRequired = true },
            ],
            CreditsPerSecond = input => input.Is("sound") ? 22 : 11,
        },
        ["kling-2.6/image-to-video"] = new()
        {
            Fields = [Text("prompt", 1000, true), Files("image_urls", 1, 1), new("sound", FieldType.Flag) { IsRequired = true }, s_five with { IsRequired = true }],
            CreditsPerSecond = input => input.Is("sound") ? 22 : 11,
        },
        ["kling-2.6/motion-control"] = new()
        {
            Fields = [Text("prompt", 2500), Files("input_urls", 1, 1), s_video, s_mode with { IsRequired = true }, s_orientation with { IsRequired = true }],
            CreditsPerSecond = input => input.Says("mode", "1080p") ? 18 : 11,
            LengthField = "video_urls",
            ClipSeconds = (3, 30),
            MinSide = 301,
            MaxRatio = 2.5m,
        },
        ["kling-3.0/video"] = new()
        {
            Fields =
            [
                Text("prompt", 2500, true), Files("image_urls", 0, 2), new("sound", FieldType.Flag) { IsRequired = true }, s_seconds, s_ratio,
                Option("mode", "std", "pro", "4K") with { Default = "pro" }, new("multi_shots", FieldType.Flag) { Default = false },
                new("multi_prompt", FieldType.Shots) { Most = 5, MaxLength = 500 }, new("kling_elements", FieldType.Items) { Most = 3 },
            ],
            CreditsPerSecond = input => input.Says("mode", "4K") ? 67 : (input.Says("mode", "pro"), input.Is("sound")) switch
            {
                (true, true) => 27,
                (true, false) => 18,
                (false, true) => 20,
                _ => 14,
            },
        },
        ["kling-3.0/motion-control"] = new()
        {
            Fields = [Text("prompt", 2500), Files("input_urls", 1, 1), s_video, s_mode, s_orientation with { Default = "video" }, Text("background_source", 100)],
            CreditsPerSecond = input => input.Says("mode", "1080p") ? 27 : 20,
            LengthField = "video_urls",
            ClipSeconds = (3, 30),
            MinSide = 301,
            MaxRatio = 2.5m,
        },
        ["kling/v3-turbo-image-to-video"] = new()
        {
            Fields = [Text("prompt", 2500, true), Files("image_urls", 1, 1), s_seconds with { IsRequired = true }, s_resolution],
            CreditsPerSecond = input => input.Says("resolution", "1080p") ? 22.5m : 18,
        },
        ["kling/v3-turbo-text-to-video"] = new()
        {
            Fields = [Text("prompt", 2500, true), s_ratio with { IsRequired = true }, s_seconds with { IsRequired = true }, s_resolution],
            CreditsPerSecond = input => input.Says("resolution", "1080p") ? 22.5m : 18,
        },
        ["kling-3.0-omni/text-to-video"] = new()
        {
            Fields =
            [
                Text("prompt", 3072, true), s_ratio, s_integerSeconds, s_omniResolution, s_audio, new("customize_multi_shots", FieldType.Flag) { Default = true },
                new("prefer_multi_shots", FieldType.Flag), new("multi_prompt", FieldType.Shots) { Most = 6, MaxLength = 3072 }, new("elements", FieldType.Items) { Most = 7 },
            ],
            CreditsPerSecond = PriceOmni,
        },
        ["kling-3.0-omni/image-to-video"] = new()
        {
            Fields =
            [
                Text("prompt", 3072, true), Files("image_urls", 1, 2), s_ratio with { Default = null }, s_integerSeconds, s_omniResolution, s_audio,
                new("elements", FieldType.Items) { Most = 3 },
            ],
            CreditsPerSecond = PriceOmni,
            RefusesUnknownFields = true,
            MaxImage = 5 * TenMegabytes,
            MinSide = 300,
            MaxRatio = 2.5m,
        },
        ["kling-3.0-omni/reference-to-video"] = new()
        {
            Fields =
            [
                Text("prompt", 3072, true), Files("image_urls", 0, 7), Files("video_urls", 0, 1, FileKind.Video), s_ratio with { Default = null }, s_integerSeconds,
                s_omniResolution, s_audio, new("elements", FieldType.Items) { Most = 7 },
            ],
            CreditsPerSecond = PriceOmni,
            FindConflict = input => input switch
            {
                _ when input.Count("image_urls") + input.Count("video_urls") == 0 => "image_urls or video_urls is required",
                _ when input.Count("video_urls") > 0 && input.Count("image_urls") > 4 => "image_urls is not within the range of allowed options",
                _ when input.Count("video_urls") > 0 && input.Is("audio") => "audio is not within the range of allowed options",
                _ => null,
            },
            ClipSeconds = (3, 15.5m),
            MaxImage = 5 * TenMegabytes,
            MinSide = 300,
            MaxRatio = 2.5m,
        },
        ["kling-3.0-omni/transformation"] = new()
        {
            Fields = [Text("prompt", 3072, true), s_video, Files("image_urls", 0, 4), s_audio, s_omniResolution],
            CreditsPerSecond = PriceOmni,
            LengthField = "video_urls",
            ClipSeconds = (3, 15.5m),
            MaxImage = 5 * TenMegabytes,
            MinSide = 300,
            MaxRatio = 2.5m,
        },
        ["kling/ai-avatar-standard"] = CreateAvatar(8),
        ["kling/ai-avatar-pro"] = CreateAvatar(16),
    };

    /// <summary>Whether it makes videos from an image.</summary>
    /// <param name="image">The image, as it was uploaded.</param>
    internal bool Takes(StoredUpload image)
        => image.ImageType is string type
            && ImageTypes.Contains(type)
            && image.Size <= MaxImage
            && (image.Sides is not (int width, int height)
                || (Math.Min(width, height) >= MinSide && Math.Max(width, height) / (decimal)Math.Max(1, Math.Min(width, height)) <= MaxRatio));

    private static FieldRule Text(string name, int maxLength, bool isRequired = false) => new(name, FieldType.Text) { MaxLength = maxLength, IsRequired = isRequired };

    private static FieldRule Option(string name, params string[] options) => new(name, FieldType.Option) { Options = options };

    private static FieldRule Files(string name, int least, int most, FileKind kind = FileKind.Image)
        => new(name, FieldType.Addresses) { Least = least, Most = most, Kind = kind, IsRequired = least > 0 };

    private static ModelRules CreateAvatar(decimal credits) => new()
    {
        Fields = [s_image, new("audio_url", FieldType.Address) { IsRequired = true, Kind = FileKind.Audio }, Text("prompt", 5000, true)],
        CreditsPerSecond = _ => credits,
        LengthField = "audio_url",
        ClipSeconds = (0, 300),
    };

    private static decimal PriceOmni(CreateInput input) => input.Count("video_urls") > 0
        ? input.Says("resolution", "4k") ? 67 : input.Says("resolution", "1080p") ? 27 : 20
        : input.Says("resolution", "4k") ? 67 : (input.Says("resolution", "1080p"), input.Is("audio")) switch
        {
            (true, true) => 23,
            (false, false) => 14,
            _ => 18,
        };
}

/// <summary>The input of a request, as the rules have found it, with the service's defaults.</summary>
internal sealed class CreateInput
{
    private readonly Dictionary<string, string> _values = [];
    private readonly Dictionary<string, IReadOnlyList<Uri>> _files = [];

    /// <summary>The files that the video is made from, each with the kind it has to be.</summary>
    internal List<(FileKind Kind, Uri Uri)> Files { get; } = [];

    internal void Set(string field, string value) => _values[field] = value;

    internal void SetFiles(FieldRule field, IReadOnlyList<Uri> uris)
    {
        _files[field.Name] = uris;
        Files.AddRange(uris.Select(uri => (field.Kind, uri)));
    }

    /// <summary>The text of a field; null if it has none.</summary>
    internal string? Find(string field) => _values.GetValueOrDefault(field);

    internal bool Says(string field, string value) => Find(field) == value;

    internal bool Is(string field) => Says(field, "true");

    /// <summary>How many files a field names.</summary>
    internal int Count(string field) => _files.GetValueOrDefault(field)?.Count ?? 0;

    /// <summary>The first file that a field names.</summary>
    internal Uri? FindFile(string field) => _files.GetValueOrDefault(field) is [Uri first, ..] ? first : null;
}
