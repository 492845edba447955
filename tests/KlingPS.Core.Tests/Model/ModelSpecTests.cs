using KlingPS.Core.Clips;
using KlingPS.Core.Imaging;
using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Model;

/// <summary>The rules that every model has, with a model that takes everything but audio. What each model takes is tested with <see cref="ModelCatalog"/>.</summary>
public sealed class ModelSpecTests
{
    private const string Id = "kling/of-the-test";

    private static readonly ModelSpec s_model = new()
    {
        Id = Id,
        Fields = [.. Enum.GetValues<VideoParameter>().Where(parameter => parameter != VideoParameter.Audio).Select(parameter => new RequestField($"{parameter}", parameter))],
        MaxPromptLength = 20,
        MaxNegativePromptLength = 4,
        Needs = [[VideoParameter.Image]],
        Durations = [5, 10],
        AspectRatios = ["16:9", "9:16", "1:1"],
        Resolutions = ["720p"],
        HasSoundWithoutVideoOnly = true,
        MaxImages = 2,
        MaxImagesWithVideo = 2,
    };

    private static readonly MediaSource s_image = MediaSource.FromUri("https://images.example/fox.png");
    private static readonly VideoSpec s_fox = new() { Model = Id, Prompt = "A fox runs.", Image = s_image };

    private static readonly ImageReport s_png = new() { Path = "/images/fox.png", ImageFormat = ImageFormat.Png, Length = 1000, Width = 640, Height = 360, Problems = [], Warnings = [] };
    private static readonly ClipReport s_mp4 = new() { Path = "/clips/fox.mp4", Format = ClipFormat.Mp4, Length = 1000, Seconds = 5, Width = 640, Height = 360, FrameRate = 25 };
    private static readonly ClipReport s_mp3 = new() { Path = "/clips/fox.mp3", Format = ClipFormat.Mp3, Length = 1000, Seconds = 5 };

    public static TheoryData<object, string> Refused => new()
    {
        { s_fox with { Prompt = null }, "the prompt is empty; say in 1 to 20 characters what happens in the video" },
        { s_fox with { Prompt = " \n" }, "the prompt is empty; say in 1 to 20 characters what happens in the video" },
        { s_fox with { Prompt = new string('x', 21) }, "the prompt has 21 characters; kling/of-the-test takes at most 20" },
        { s_fox with { Prompt = string.Concat(Enumerable.Repeat("🦊", 11)) }, "the prompt has 22 characters, an emoji counting as two; kling/of-the-test takes at most 20" },
        { s_fox with { Prompt = "🦊" + new string('x', 19) }, "the prompt has 21 characters, an emoji counting as two; kling/of-the-test takes at most 20" },
        { s_fox with { NegativePrompt = "blurs" }, "the negative prompt has 5 characters; kling/of-the-test takes at most 4" },
        { s_fox with { NegativePrompt = "\uFFFC" }, "the negative prompt has U+FFFC, the place of an object that is not text, at line 1, column 1: something that is not text, such as a picture, was copied with it. Delete it" },
        { s_fox with { Duration = 7 }, "a video of 7 seconds cannot be made; kling/of-the-test makes videos of 5 or 10 seconds" },
        { s_fox with { AspectRatio = "4:3" }, "the aspect ratio is 4:3; kling/of-the-test makes 16:9, 9:16 and 1:1" },
        { s_fox with { Resolution = "8K" }, "the resolution is 8K; kling/of-the-test makes 720p" },
        { s_fox with { Sound = true, Video = s_image }, "sound cannot be asked for where a video is made from a video; kling/of-the-test would refuse it, so leave -Sound out" },
        { s_fox with { CfgScale = 1.1m }, "the CFG scale is 1.1; kling/of-the-test takes 0 to 1" },
        { s_fox with { CfgScale = -0.1m }, "the CFG scale is -0.1; kling/of-the-test takes 0 to 1" },
        { s_fox with { CharacterOrientation = "left" }, "the character orientation is left; kling/of-the-test takes image and video" },
        { s_fox with { Image = null, Video = s_image }, "there is no image; kling/of-the-test makes videos of images" },
        { s_fox with { ReferenceImages = new([s_image, s_image]) }, "there are 3 images; kling/of-the-test takes at most 2" },
        { s_fox with { ReferenceImages = new([s_image, s_image]), Video = s_image }, "there are 3 images; kling/of-the-test takes at most 2 besides a video" },
        { s_fox with { TailImage = MediaSource.FromUri("fox.png") }, "the tail image address 'fox.png' is not an absolute http or https address" },
        { s_fox with { TailImage = MediaSource.FromUri("https://images.example/\uFFFC") }, "the tail image address has U+FFFC, the place of an object that is not text, at line 1, column 24: something that is not text, such as a picture, was copied with it. Delete it" },
        { s_fox with { TailImage = MediaSource.FromUri("https://images.example/\tfox.png") }, "the tail image address has a line break or a tab at line 1, column 24: an address is one line without blanks" },
        { s_fox with { Video = MediaSource.FromUri("https://images.example/fox.mp4", "/clips/\uFFFC") }, "the path of the file that was uploaded as the video has U+FFFC, the place of an object that is not text, at line 1, column 8: something that is not text, such as a picture, was copied with it. Delete it" },
        { s_fox with { CallbackUri = "callback" }, "the callback address 'callback' is not an absolute http or https address" },
        { s_fox with { Audio = s_image }, "kling/of-the-test does not take an audio file and would bill the video without it; these do: kling/ai-avatar-standard, kling/ai-avatar-pro" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_a_model_would_refuse_is_refused_in_one_sentence(object spec, string problem)
        => Assert.Equal($"Nothing was bought for 'https://images.example/fox.png': {problem}.", Refuse(s_model, (VideoSpec)spec));

    [Fact]
    public void What_is_just_within_the_limits_is_taken() => Assert.All(
        (VideoSpec[])
        [
            s_fox,
            s_fox with { Prompt = new string('x', 20) },
            s_fox with { Prompt = $" {new string('x', 20)}\r\n", NegativePrompt = "blur" },
            s_fox with { CfgScale = 0, Duration = 10, AspectRatio = "1:1", Resolution = "720p", CharacterOrientation = "image" },
            s_fox with { CfgScale = 1, Sound = true },
            s_fox with { ReferenceImages = new([s_image]), Video = s_image },
            s_fox with { Name = new string('x', 1000), CallbackUri = "http://callback.example/" },
            s_fox with { Image = MediaSource.FromFile("/images/\uFFFC") },
        ],
        spec => s_model.Validate(spec));

    [Fact]
    public void Of_several_problems_the_first_one_that_is_to_be_settled_is_named()
    {
        // From the last one that is looked for to the first.
        (string Problem, Func<VideoSpec, VideoSpec> Break)[] steps =
        [
            ("the callback address", spec => spec with { CallbackUri = "callback" }),
            ("the video address", spec => spec with { Video = MediaSource.FromUri("fox.mp4") }),
            ("the name has 1001 characters; a video is called by at most 1000", spec => spec with { Name = new string('x', 1001) }),
            ("there are 4 images", spec => spec with { ReferenceImages = new([s_image, s_image, s_image]) }),
            ("there is no image", spec => spec with { Image = null }),
            ("the character orientation", spec => spec with { CharacterOrientation = "left" }),
            ("the CFG scale", spec => spec with { CfgScale = 2 }),
            ("sound cannot be asked for", spec => spec with { Sound = true }),
            ("the resolution", spec => spec with { Resolution = "8K" }),
            ("the aspect ratio", spec => spec with { AspectRatio = "4:3" }),
            ("a video of 7 seconds", spec => spec with { Duration = 7 }),
            ("the negative prompt", spec => spec with { NegativePrompt = "blurs" }),
            ("the prompt", spec => spec with { Prompt = "" }),
            ("does not take an audio file", spec => spec with { Audio = s_image }),
        ];

        VideoSpec spec = s_fox;
        foreach ((string problem, Func<VideoSpec, VideoSpec> breakMore) in steps)
        {
            spec = breakMore(spec);
            Assert.Contains(problem, Refuse(s_model, spec), StringComparison.Ordinal);
        }

        Assert.Contains("cannot be the id of a model", Refuse(s_model with { Id = "of the test" }, spec), StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_name_is_refused()
        => Assert.EndsWith(": the name has U+FFFD, the sign for a character that could not be read, at line 1, column 2: the file is not in the encoding that it was read in, and letters are lost. Save it as UTF-8, or name its encoding to the command that reads it, as in Import-Csv -Encoding ansi.", Refuse(s_model, s_fox with { Name = "F\uFFFDchsin" }), StringComparison.Ordinal);

    [Theory]
    [InlineData("!~", null)]
    [InlineData("a b", "'a b' cannot be the id of a model, which has letters, digits and signs such as '/' and '-', and no blanks; Get-KlingModel lists the known ones")]
    [InlineData("kling\u007F", "the id of the model has U+007F")]
    [InlineData("küng", "'küng' cannot be the id of a model")]
    [InlineData(" ", "' ' cannot be the id of a model")]
    public void What_cannot_be_the_id_of_a_model_is_not_sent(string id, string? problem)
    {
        ModelSpec model = s_model with { Id = id };
        if (problem is null)
        {
            model.Validate(s_fox);
        }
        else
        {
            Assert.Contains(problem, Refuse(model, s_fox), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_id_of_a_model_has_an_end()
    {
        (s_model with { Id = new string('x', 200) }).Validate(s_fox);

        Assert.Contains("cannot be the id of a model", Refuse(s_model with { Id = new string('x', 201) }, s_fox), StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_that_makes_videos_of_images_says_which_ones_need_none()
    {
        string problem = Refuse(s_model, s_fox with { Image = null });

        Assert.Contains("there is no image, and kling/of-the-test makes videos of images. Name one with -Path, or choose a -Model that needs none: kling/v2-5-turbo-text-to-video-pro, ", problem, StringComparison.Ordinal);
        Assert.DoesNotContain(ModelCatalog.DefaultId, problem, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_missing_is_named_with_what_would_do()
    {
        ModelSpec avatar = ModelCatalog.Get("kling/ai-avatar-pro");
        ModelSpec reference = ModelCatalog.Get("kling-3.0-omni/reference-to-video");

        Assert.Contains(": there is no audio; kling/ai-avatar-pro makes videos of images and audio.", Refuse(avatar, s_fox), StringComparison.Ordinal);
        Assert.Contains(": there is no image and no video; kling-3.0-omni/reference-to-video makes videos of images or videos.", Refuse(reference, s_fox with { Image = null }), StringComparison.Ordinal);
        Assert.Contains(": there is a tail image and no image that the video could begin with.", Refuse(s_model with { Needs = [] }, s_fox with { Image = null, TailImage = s_image }), StringComparison.Ordinal);
    }

    [Fact]
    public void A_prompt_that_may_be_left_out_may_be_empty()
    {
        ModelSpec model = s_model with { IsPromptOptional = true };

        model.Validate(s_fox with { Prompt = null });
        model.Validate(s_fox with { Prompt = " " });
    }

    [Theory]
    [InlineData(new[] { 5 }, "5")]
    [InlineData(new[] { 5, 6 }, "5 or 6")]
    [InlineData(new[] { 5, 10 }, "5 or 10")]
    [InlineData(new[] { 3, 4, 5 }, "3 to 5")]
    [InlineData(new[] { 3, 4, 6 }, "3 or 4 or 6")]
    public void Lengths_without_a_gap_are_told_as_a_range(int[] durations, string words)
        => Assert.Equal(words, (s_model with { Durations = durations }).DescribeDurations());

    [Fact]
    public void A_length_cannot_be_asked_for_where_it_is_that_of_a_file()
    {
        Assert.StartsWith($"{Id} does not take a duration: its videos are as long as the audio they are made from; these do: kling/v2-5", Find(VideoParameter.Audio), StringComparison.Ordinal);
        Assert.StartsWith($"{Id} does not take a duration: its videos are as long as the video they are made from; these do: kling/v2-5", Find(VideoParameter.Video), StringComparison.Ordinal);

        static string? Find(VideoParameter input)
            => (s_model with { Durations = [], Fields = [new RequestField("prompt", VideoParameter.Prompt), new RequestField("input", input)] })
                .FindUnsupported(new VideoSpec { Prompt = "A fox runs.", Duration = 5 });
    }

    [Fact]
    public void Whatever_is_asked_for_in_vain_is_named()
    {
        ModelSpec model = s_model with { Fields = [] };
        VideoSpec empty = new() { Prompt = null };

        Assert.Null(model.FindUnsupported(empty));
        Assert.StartsWith($"{Id} does not take a prompt and would", model.FindUnsupported(s_fox), StringComparison.Ordinal);
        Assert.StartsWith($"{Id} does not take a duration and would", model.FindUnsupported(empty with { Duration = 5 }), StringComparison.Ordinal);
        Assert.StartsWith($"{Id} does not take an image and would", model.FindUnsupported(empty with { Image = s_image }), StringComparison.Ordinal);
        Assert.StartsWith($"{Id} does not take a CFG scale and would", model.FindUnsupported(empty with { CfgScale = 1 }), StringComparison.Ordinal);
        Assert.StartsWith($"{Id} does not take sound and would", model.FindUnsupported(empty with { Sound = true }), StringComparison.Ordinal);
        Assert.StartsWith($"{Id} does not take an aspect ratio and would", model.FindUnsupported(empty with { AspectRatio = "1:1" }), StringComparison.Ordinal);
        Assert.StartsWith($"{Id} does not take a video and would", model.FindUnsupported(empty with { Video = s_image }), StringComparison.Ordinal);
        Assert.StartsWith($"{Id} does not take a reference image and would", model.FindUnsupported(empty with { ReferenceImages = new([s_image]) }), StringComparison.Ordinal);
        Assert.StartsWith($"{Id} does not take a character orientation and would", model.FindUnsupported(empty with { CharacterOrientation = "image" }), StringComparison.Ordinal);
        Assert.StartsWith($"{Id} does not take a negative prompt and would", model.FindUnsupported(empty with { NegativePrompt = "blur" }), StringComparison.Ordinal);
        Assert.StartsWith($"{Id} does not take a resolution and would", model.FindUnsupported(empty with { Resolution = "720p" }), StringComparison.Ordinal);
        Assert.StartsWith($"{Id} does not take a tail image and would", model.FindUnsupported(empty with { TailImage = s_image }), StringComparison.Ordinal);
    }

    [Fact]
    public void The_aspect_ratio_is_that_of_the_image_only_where_the_model_takes_it_from_there()
    {
        ModelSpec model = s_model with { DefaultAspectRatio = "16:9" };

        Assert.Equal("16:9", model.GetAspectRatio(s_fox));
        Assert.Equal("1:1", model.GetAspectRatio(s_fox with { AspectRatio = "1:1" }));
        Assert.Null((model with { TakesAspectRatioOfImage = true }).GetAspectRatio(s_fox));
        Assert.Equal("16:9", (model with { TakesAspectRatioOfImage = true }).GetAspectRatio(s_fox with { Image = null }));
        Assert.StartsWith(
            "Nothing was bought for 'https://images.example/fox.png': an aspect ratio can only be asked for without an image, because kling/of-the-test makes videos that have the aspect ratio of the image; leave -AspectRatio out, or crop the image.",
            Refuse(model with { TakesAspectRatioOfImage = true }, s_fox with { AspectRatio = "1:1" }),
            StringComparison.Ordinal);
    }

    [Fact]
    public void An_image_is_judged_by_what_the_model_takes()
    {
        ModelSpec model = s_model with { Images = new ImageRules([ImageFormat.Png], 1000) };
        ImageReport large = s_png with { Length = 1001 };
        ImageReport broken = large with { Problems = ["It has no end."] };

        Assert.Equal((ImageInspector.MaximumLength, 1000L), (s_model.MaxImageLength, model.MaxImageLength));
        Assert.Same(s_png, model.Judge(s_png));
        Assert.Same(broken, model.Judge(broken));
        Assert.Single(model.Judge(large).Problems);
        Assert.Equal(["kling/of-the-test makes videos without an image."], s_model.Judge(s_png).Problems);
        Assert.Equal(["It has no end.", "kling/of-the-test makes videos without an image."], s_model.Judge(broken).Problems);
    }

    [Fact]
    public void A_clip_of_the_wrong_kind_or_length_is_refused_with_what_to_do()
    {
        ModelSpec model = s_model with { Videos = new ClipRules(1000, 3, 10), Audios = new ClipRules(1000, 0, 10) };

        model.ValidateVideo(s_mp4);
        model.ValidateAudio(s_mp3);
        Assert.Equal("kling/of-the-test does not take '/clips/fox.mp3'. It is not a video in MP4 or MOV; convert it first.", Refuse(() => model.ValidateVideo(s_mp3)));
        Assert.Equal("kling/of-the-test does not take '/clips/fox.mp4'. It is not audio in MP3 or WAV; convert it first.", Refuse(() => model.ValidateAudio(s_mp4)));
        Assert.Equal("kling/of-the-test does not take '/clips/fox.mp4'. It is 11 seconds long, and may be 3 to 10 seconds; cut it.", Refuse(() => model.ValidateVideo(s_mp4 with { Seconds = 11 })));
        Assert.Equal("kling/of-the-test does not take '/clips/fox.mp3'. It is 11 seconds long, and may be at most 10 seconds; cut it.", Refuse(() => model.ValidateAudio(s_mp3 with { Seconds = 11 })));
    }

    [Fact]
    public void A_price_says_when_it_was_read_where_and_for_how_long_a_video()
    {
        Assert.Equal(("the pages of kie.ai", false), (ModelPrice.For5Seconds(42).Source, ModelPrice.For5Seconds(42).IsPerSecond));
        Assert.False(ModelPrice.For5Seconds(55, 110).IsPerSecond);
        Assert.True(ModelPrice.ForSecond(_ => 8).IsPerSecond);
    }

    [Fact]
    public void The_highest_price_is_one_and_what_is_above_it_is_none()
    {
        Assert.Equal((100_000m, null), (VideoPrice.From(100_000), VideoPrice.From(100_001)));
        Assert.Equal((100_000m, null), (VideoPrice.OfVideo(100_000), VideoPrice.OfVideo(100_001)));
    }

    private static string Refuse(ModelSpec model, VideoSpec spec)
    {
        KlingException error = Assert.Throws<KlingException>(() => model.Validate(spec));
        Assert.Equal(ErrorKind.RequestInvalid, error.Kind);
        return error.Message;
    }

    private static string Refuse(Action validate)
    {
        KlingException error = Assert.Throws<KlingException>(validate);
        Assert.Equal(ErrorKind.ImageUnsupported, error.Kind);
        return error.Message;
    }
}
