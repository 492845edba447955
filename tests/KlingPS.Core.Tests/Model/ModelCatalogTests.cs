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

    /// <summary>The models, from the pages of the service: prompt, negative prompt, tail image, WebP, credits for 5 seconds.</summary>
    public static TheoryData<string, int, int, bool, bool, int> Models => new()
    {
        { ModelCatalog.DefaultId, 2500, 2496, true, true, 42 },
        { Standard, 5000, 500, false, false, 25 },
        { Pro, 5000, 500, true, false, 50 },
        { Master, 5000, 500, false, false, 160 },
    };

    [Theory]
    [MemberData(nameof(Models))]
    public void Every_model_takes_what_its_page_says(string id, int prompt, int negativePrompt, bool takesTail, bool takesWebP, int credits)
    {
        ModelSpec model = ModelCatalog.Find(id)!;
        VideoSpec fullest = Spec(id) with
        {
            Prompt = new string('x', prompt),
            NegativePrompt = model.Takes(VideoParameter.NegativePrompt) ? new string('x', negativePrompt) : null,
            Duration = 10,
            CfgScale = model.Takes(VideoParameter.CfgScale) ? 1 : null,
            TailImage = takesTail ? MediaSource.FromUri("https://images.example/end.png") : null,
            CallbackUri = "https://callback.example/",
        };

        fullest.Validate();
        Assert.Contains($"{prompt + 1} characters; {id} takes at most {prompt}", Problem(fullest with { Prompt = fullest.Prompt + "x" }), StringComparison.Ordinal);
        Assert.Contains(
            negativePrompt == 0 ? $"{id} does not take a negative prompt" : $"{negativePrompt + 1} characters; {id} takes at most {negativePrompt}",
            Problem(fullest with { NegativePrompt = fullest.NegativePrompt + "x" }),
            StringComparison.Ordinal);
        Assert.Equal(takesTail, model.Takes(VideoParameter.TailImage));
        Assert.Equal(takesWebP, model.Images.Formats.Contains(ImageFormat.WebP));
        Assert.Equal((credits, 2m * credits), (model.GetCredits(Spec(id)), model.GetCredits(fullest)));
    }

    [Fact]
    public void No_model_is_missing_here_and_no_id_is_twice_in_the_catalogue()
    {
        string[] ids = [.. ModelCatalog.All.Select(model => model.Id)];

        Assert.Equal(Models.Select(row => row.Data.Item1), ids);
        Assert.Equal(ids.Length, ids.Distinct().Count());
        Assert.Same(ModelCatalog.Find(ModelCatalog.DefaultId), ModelCatalog.Default);
    }

    [Theory]
    [InlineData(Standard)]
    [InlineData(Master)]
    public void A_tail_image_that_the_model_would_ignore_and_bill_is_refused_with_the_models_that_take_one(string model)
    {
        string problem = Problem(Spec(model) with { TailImage = MediaSource.FromFile("/images/end.png") });

        Assert.EndsWith($"{model} does not take a tail image and would bill the video without it; these do: {ModelCatalog.DefaultId}, {Pro}.", problem, StringComparison.Ordinal);
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
        var image = new ImageReport { Path = "/images/fox.webp", Format = ImageFormat.WebP, Length = 1000, Width = 640, Height = 360, Problems = [], Warnings = [] };

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
    public void An_id_in_other_letters_is_another_model() => Assert.Null(ModelCatalog.Find(Pro.ToUpperInvariant()));
}
