using KlingPS.Core.Imaging;
using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Model;

public sealed class ModelCatalogTests
{
    private const string Standard = "kling/v2-1-standard";
    private const string Pro = "kling/v2-1-pro";
    private const string Master = "kling/v2-1-master-image-to-video";

    private static VideoSpec Spec(string model) => new() { Model = model, Prompt = "A fox runs.", Image = MediaSource.FromFile("/images/fox.png") };

    private static string Problem(VideoSpec spec)
    {
        KlingException error = Assert.Throws<KlingException>(spec.Validate);
        Assert.Equal(ErrorKind.RequestInvalid, error.Kind);
        Assert.StartsWith($"Nothing was bought for '{spec.Subject}': ", error.Message, StringComparison.Ordinal);
        return error.Message;
    }

    public static TheoryData<string> Models => ModelRequests.Ids;

    /// <summary>The limits of the models, from the pages of the service: prompt, negative prompt, tail image, WebP.</summary>
    public static TheoryData<string, int, int, bool, bool> Limits => new()
    {
        { ModelCatalog.DefaultId, 2500, 2496, true, true },
        { "kling/v2-5-turbo-text-to-video-pro", 2500, 2500, false, false },
        { Standard, 5000, 500, false, false },
        { Pro, 5000, 500, true, false },
        { Master, 5000, 500, false, false },
        { "kling/v2-1-master-text-to-video", 5000, 500, false, false },
        { "kling-2.6/text-to-video", 1000, 0, false, false },
        { "kling-2.6/image-to-video", 1000, 0, false, false },
        { "kling-2.6/motion-control", 2500, 0, false, false },
        { "kling-3.0/video", 2500, 0, true, false },
        { "kling-3.0/motion-control", 2500, 0, false, false },
        { "kling/v3-turbo-image-to-video", 2500, 0, false, false },
        { "kling/v3-turbo-text-to-video", 2500, 0, false, false },
        { "kling-3.0-omni/text-to-video", 3072, 0, false, false },
        { "kling-3.0-omni/image-to-video", 3072, 0, true, false },
        { "kling-3.0-omni/reference-to-video", 3072, 0, false, false },
        { "kling-3.0-omni/transformation", 3072, 0, false, false },
        { "kling/ai-avatar-standard", 5000, 0, false, false },
        { "kling/ai-avatar-pro", 5000, 0, false, false },
    };

    [Theory]
    [MemberData(nameof(Limits))]
    public void Every_model_takes_what_its_page_says_and_no_more(string id, int prompt, int negativePrompt, bool takesTail, bool takesWebP)
    {
        ModelSpec model = ModelCatalog.Find(id)!;
        VideoSpec fullest = ModelRequests.Get(id).Fullest with { Prompt = new string('x', prompt), NegativePrompt = negativePrompt == 0 ? null : new string('x', negativePrompt) };

        fullest.Validate();
        Assert.Contains($"{prompt + 1} characters; {id} takes at most {prompt}", Problem(fullest with { Prompt = fullest.Prompt + "x" }), StringComparison.Ordinal);
        Assert.Contains(
            negativePrompt == 0 ? $"{id} does not take a negative prompt" : $"{negativePrompt + 1} characters; {id} takes at most {negativePrompt}",
            Problem(fullest with { NegativePrompt = fullest.NegativePrompt + "x" }),
            StringComparison.Ordinal);
        Assert.Equal(takesTail, model.Takes(VideoParameter.TailImage));
        Assert.Equal(takesWebP, model.Images?.Formats.Contains(ImageFormat.WebP) == true);
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void The_smallest_and_the_fullest_request_are_taken_at_the_price_of_the_page(string id)
    {
        ModelRequests requests = ModelRequests.Get(id);

        requests.Smallest.Validate();
        requests.Fullest.Validate();
        Assert.Equal((requests.SmallestCredits, requests.FullestCredits), (requests.Smallest.GetCredits(), requests.Fullest.GetCredits()));
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void What_a_model_does_not_have_is_refused_by_name_with_the_models_that_have_it(string id)
    {
        ModelSpec model = ModelCatalog.Find(id)!;
        VideoSpec smallest = ModelRequests.Get(id).Smallest;
        (VideoParameter Parameter, string Name, VideoSpec Asked)[] asked =
        [
            (VideoParameter.NegativePrompt, "a negative prompt", smallest with { NegativePrompt = "blur" }),
            (VideoParameter.Duration, "a duration", smallest with { Duration = 5 }),
            (VideoParameter.AspectRatio, "an aspect ratio", smallest with { AspectRatio = "16:9" }),
            (VideoParameter.Resolution, "a resolution", smallest with { Resolution = "1080p" }),
            (VideoParameter.Sound, "sound", smallest with { Sound = true }),
            (VideoParameter.CfgScale, "a CFG scale", smallest with { CfgScale = 0.5m }),
            (VideoParameter.Image, "an image", smallest with { Image = MediaSource.FromFile("/images/fox.png") }),
            (VideoParameter.TailImage, "a tail image", smallest with { TailImage = MediaSource.FromFile("/images/end.png") }),
            (VideoParameter.ReferenceImages, "a reference image", smallest with { ReferenceImages = new([MediaSource.FromFile("/images/two.png")]) }),
            (VideoParameter.Video, "a video", smallest with { Video = MediaSource.FromFile("/clips/fox.mp4") }),
            (VideoParameter.Audio, "an audio file", smallest with { Audio = MediaSource.FromFile("/clips/fox.mp3") }),
            (VideoParameter.CharacterOrientation, "a character orientation", smallest with { CharacterOrientation = "image" }),
        ];

        Assert.Equal(Enum.GetValues<VideoParameter>().Except([VideoParameter.Prompt]).Order(), asked.Select(one => one.Parameter).Order());
        foreach ((VideoParameter parameter, string name, VideoSpec spec) in asked.Where(one => !model.Takes(one.Parameter)))
        {
            string problem = Problem(spec);
            Assert.Contains($"{id} does not take {name}", problem, StringComparison.Ordinal);
            Assert.All(ModelCatalog.All, other => Assert.Equal(other.Takes(parameter), Others(problem).Contains(other.Id)));
        }

        static string[] Others(string problem) => problem[(problem.IndexOf("these do: ", StringComparison.Ordinal) + 10)..^1].Split(", ");
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void A_value_that_a_model_does_not_make_is_refused_with_those_that_it_makes(string id)
    {
        ModelSpec model = ModelCatalog.Find(id)!;
        VideoSpec smallest = ModelRequests.Get(id).Smallest;
        if (model.Durations.Count > 0)
        {
            Assert.All([0, 2, model.Durations[^1] + 1, -5], seconds => Assert.EndsWith(
                $"a video of {seconds} seconds cannot be made; {id} makes videos of {model.DescribeDurations()} seconds.",
                Problem(smallest with { Duration = seconds }),
                StringComparison.Ordinal));
        }

        if (model.AspectRatios.Count > 0)
        {
            Assert.EndsWith($"the aspect ratio is 21:9; {id} makes {string.Join(", ", model.AspectRatios.SkipLast(1))} and {model.AspectRatios[^1]}.", Problem(smallest with { AspectRatio = "21:9" }), StringComparison.Ordinal);
        }

        if (model.Resolutions.Count > 0)
        {
            Assert.Contains($"the resolution is 480p; {id} makes 720p", Problem(smallest with { Resolution = "480p" }), StringComparison.Ordinal);
        }

        if (model.Takes(VideoParameter.CharacterOrientation))
        {
            Assert.EndsWith($"{id} takes image and video.", Problem(smallest with { CharacterOrientation = "left" }), StringComparison.Ordinal);
        }

        if (model.NeedsImage)
        {
            Assert.Contains("there is no image", Problem(smallest with { Image = null }), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void An_aspect_ratio_is_refused_beside_an_image_whose_own_would_count()
        => Assert.Contains("leave -AspectRatio out", Problem(Spec("kling-3.0/video") with { AspectRatio = "1:1" }), StringComparison.Ordinal);

    [Fact]
    public void Sound_is_refused_beside_a_video_where_the_service_refuses_it()
        => Assert.Contains("leave -Sound out", Problem(ModelRequests.Get("kling-3.0-omni/reference-to-video").Fullest with { Sound = true }), StringComparison.Ordinal);

    [Fact]
    public void A_tail_image_without_an_image_would_become_the_first_and_is_refused()
        => Assert.Contains("no image that the video could begin with", Problem(Spec("kling-3.0/video") with { Image = null, TailImage = MediaSource.FromFile("/images/end.png") }), StringComparison.Ordinal);

    [Theory]
    [InlineData("kling-3.0-omni/reference-to-video", 7, false)]
    [InlineData("kling-3.0-omni/reference-to-video", 4, true)]
    [InlineData("kling-3.0-omni/transformation", 4, true)]
    public void More_images_than_a_model_takes_are_refused(string model, int most, bool hasVideo)
    {
        VideoSpec spec = Spec(model) with
        {
            Video = hasVideo ? MediaSource.FromFile("/clips/fox.mp4") : null,
            ReferenceImages = new(Enumerable.Repeat(MediaSource.FromFile("/images/two.png"), most - 1)),
        };

        spec.Validate();
        Assert.Contains($"there are {most + 1} images; {model} takes at most {most}", Problem(spec with { ReferenceImages = new(spec.ReferenceImages.Append(spec.Image!)) }), StringComparison.Ordinal);
    }

    [Fact]
    public void The_price_of_a_video_whose_length_is_that_of_a_file_is_not_known_before_the_file_has_been_read()
    {
        VideoSpec spec = ModelRequests.Get("kling/ai-avatar-pro").Smallest;

        Assert.Null((spec with { InputSeconds = null }).GetCredits());
        Assert.Equal((16m * 8, 8), ((spec with { InputSeconds = 7.04m }).GetCredits(), (spec with { InputSeconds = 7.04m }).Seconds));
    }

    [Fact]
    public void No_model_is_missing_here_and_no_id_is_twice_in_the_catalogue()
    {
        string[] ids = [.. ModelCatalog.All.Select(model => model.Id)];

        Assert.Equal(Limits.Select(row => row.Data.Item1), ids);
        Assert.Equal(ids.Length, ids.Distinct().Count());
        Assert.Same(ModelCatalog.Find(ModelCatalog.DefaultId), ModelCatalog.Default);
    }

    [Fact]
    public void Whatever_the_price_depends_on_is_always_sent()
    {
        foreach (ModelSpec model in ModelCatalog.All.Skip(1))
        {
            Assert.All(
                model.Fields.Where(field => field.Parameter is VideoParameter.Duration or VideoParameter.Resolution or VideoParameter.Sound),
                field => Assert.True(field.IsAlwaysSent, $"{field.Name} of {model.Id}"));
        }
    }

    [Theory]
    [InlineData(Standard)]
    [InlineData(Master)]
    public void A_tail_image_that_the_model_would_ignore_and_bill_is_refused_with_the_models_that_take_one(string model)
    {
        string problem = Problem(Spec(model) with { TailImage = MediaSource.FromFile("/images/end.png") });

        Assert.EndsWith($"{model} does not take a tail image and would bill the video without it; these do: {ModelCatalog.DefaultId}, {Pro}, kling-3.0/video, kling-3.0-omni/image-to-video.", problem, StringComparison.Ordinal);
    }

    public static TheoryData<string, object> Bad => new()
    {
        { "the prompt is empty; say in 1 to 2500 characters", Spec(ModelCatalog.DefaultId) with { Prompt = null } },
        { "the prompt is empty; say in 1 to 5000 characters", Spec(Pro) with { Prompt = " \t" } },
        { "a video of 6 seconds cannot be made; kling/v2-1-pro makes videos of 5 or 10 seconds", Spec(Pro) with { Duration = 6 } },
        { "the CFG scale is 1.1; kling/v2-1-pro takes 0 to 1", Spec(Pro) with { CfgScale = 1.1m } },
        { "the CFG scale is -0.1;", Spec(Pro) with { CfgScale = -0.1m } },
        { "there is no image", Spec(Pro) with { Image = null } },
        { "the image address 'fox.png' is not an absolute", Spec(Pro) with { Image = MediaSource.FromUri("fox.png") } },
        { "the image address 'fox.png' is not an absolute", Spec(Pro) with { Image = MediaSource.FromUri("fox.png", uploadedFrom: "/images/fox.png") } },
        { "the tail image address '' is not an absolute", Spec(Pro) with { TailImage = MediaSource.FromUri("") } },
        { "the callback address 'ftp://callback.example/' is not an absolute", Spec(Pro) with { CallbackUri = "ftp://callback.example/" } },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public void A_value_outside_its_range_is_refused_with_the_range(string problem, object spec) => Assert.Contains(problem, Problem((VideoSpec)spec), StringComparison.Ordinal);

    [Fact]
    public void The_least_guidance_is_taken_and_so_is_an_address_without_encryption()
        => (Spec(Pro) with { CfgScale = 0, Image = MediaSource.FromUri("http://images.example/fox.png") }).Validate();

    [Fact]
    public void A_format_that_other_models_take_is_refused_with_the_image_and_the_model()
    {
        var image = new ImageReport { Path = "/images/fox.webp", ImageFormat = ImageFormat.WebP, Length = 1000, Width = 640, Height = 360, Problems = [], Warnings = [] };

        ModelCatalog.Default.Validate(image);
        KlingException error = Assert.Throws<KlingException>(() => ModelCatalog.Get(Pro).Validate(image));

        Assert.Equal(ErrorKind.ImageUnsupported, error.Kind);
        Assert.StartsWith("kling/v2-1-pro does not take '/images/fox.webp'. ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_that_this_version_does_not_know_is_asked_like_the_default_at_an_unknown_price()
    {
        ModelSpec model = ModelCatalog.Get("kling/of-next-year");

        Assert.Null(ModelCatalog.Find("kling/of-next-year"));
        Assert.Equal("kling/of-next-year", model.Id);
        Assert.Null(model.GetCredits(Spec(model.Id)));
        Assert.Equal(ModelCatalog.Default.Fields, model.Fields);
        Spec(model.Id).Validate();
        Assert.Contains("kling/of-next-year takes at most 2500", Problem(Spec(model.Id) with { Prompt = new string('x', 2501) }), StringComparison.Ordinal);
    }

    [Fact]
    public void An_id_in_upper_case_is_the_same_model_with_the_id_of_the_service() => Assert.Equal(Pro, ModelCatalog.Get(Pro.ToUpperInvariant()).Id);
}
