using System.Text.Json;
using CsCheck;
using KlingPS.Core.Api.Wire;
using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Api;

public sealed class VideoInputTests
{
    private const string Prompt = "A \"fox\" läuft <fast> 🦊";

    private static VideoSpec Smallest(string model) => new() { Model = model, Prompt = Prompt, Image = MediaSource.FromUri("https://i.example/a.png?x=1&y=2") };

    private static VideoSpec Fullest(string model) => Taken(Smallest(model) with
    {
        NegativePrompt = "blur",
        Duration = 10,
        CfgScale = 0.3m,
        TailImage = MediaSource.FromUri("https://i.example/b.png"),
        CallbackUri = "https://c.example/?a=1&b=2",
    });

    /// <summary>What the model takes of a spec.</summary>
    private static VideoSpec Taken(VideoSpec spec)
    {
        ModelSpec model = ModelCatalog.Get(spec.Model);
        return spec with
        {
            NegativePrompt = model.Takes(VideoParameter.NegativePrompt) ? spec.NegativePrompt : null,
            CfgScale = model.Takes(VideoParameter.CfgScale) ? spec.CfgScale : null,
            TailImage = model.Takes(VideoParameter.TailImage) ? spec.TailImage : null,
        };
    }

    private static string Send(VideoSpec spec) => CreateTaskBody.From(spec).ToString();

    /// <summary>Written by hand from the pages of the service.</summary>
    public static TheoryData<string, string, string> Bodies => new()
    {
        {
            "kling/v2-5-turbo-image-to-video-pro",
            """{"model":"kling/v2-5-turbo-image-to-video-pro","input":{"prompt":"A \"fox\" läuft <fast> 🦊","image_url":"https://i.example/a.png?x=1&y=2"}}""",
            """{"model":"kling/v2-5-turbo-image-to-video-pro","callBackUrl":"https://c.example/?a=1&b=2","input":{"prompt":"A \"fox\" läuft <fast> 🦊","image_url":"https://i.example/a.png?x=1&y=2","tail_image_url":"https://i.example/b.png","duration":"10","negative_prompt":"blur","cfg_scale":0.3}}"""
        },
        {
            "kling/v2-1-standard",
            """{"model":"kling/v2-1-standard","input":{"prompt":"A \"fox\" läuft <fast> 🦊","image_url":"https://i.example/a.png?x=1&y=2"}}""",
            """{"model":"kling/v2-1-standard","callBackUrl":"https://c.example/?a=1&b=2","input":{"prompt":"A \"fox\" läuft <fast> 🦊","image_url":"https://i.example/a.png?x=1&y=2","duration":"10","negative_prompt":"blur","cfg_scale":0.3}}"""
        },
        {
            "kling/v2-1-pro",
            """{"model":"kling/v2-1-pro","input":{"prompt":"A \"fox\" läuft <fast> 🦊","image_url":"https://i.example/a.png?x=1&y=2"}}""",
            """{"model":"kling/v2-1-pro","callBackUrl":"https://c.example/?a=1&b=2","input":{"prompt":"A \"fox\" läuft <fast> 🦊","image_url":"https://i.example/a.png?x=1&y=2","tail_image_url":"https://i.example/b.png","duration":"10","negative_prompt":"blur","cfg_scale":0.3}}"""
        },
        {
            "kling/v2-1-master-image-to-video",
            """{"model":"kling/v2-1-master-image-to-video","input":{"prompt":"A \"fox\" läuft <fast> 🦊","image_url":"https://i.example/a.png?x=1&y=2"}}""",
            """{"model":"kling/v2-1-master-image-to-video","callBackUrl":"https://c.example/?a=1&b=2","input":{"prompt":"A \"fox\" läuft <fast> 🦊","image_url":"https://i.example/a.png?x=1&y=2","duration":"10","negative_prompt":"blur","cfg_scale":0.3}}"""
        },
    };

    [Theory]
    [MemberData(nameof(Bodies))]
    public void The_smallest_and_the_fullest_request_of_a_model_are_what_its_page_says(string model, string smallest, string fullest)
    {
        // Compared as JSON: which characters are escaped is not the page's matter. The default's body is compared to the byte in CreateRequestTests.
        AssertJson(smallest, Send(Smallest(model)));
        AssertJson(fullest, Send(Fullest(model)));
    }

    [Fact]
    public void Every_model_has_its_bodies_here() => Assert.Equal(ModelCatalog.All.Select(model => model.Id), Bodies.Select(row => row.Data.Item1));

    [Fact]
    public void What_the_service_repeats_is_what_was_asked_for()
    {
        Gen<VideoSpec> specs =
            from model in Gen.Int[0, ModelCatalog.All.Count].Select(row => row < ModelCatalog.All.Count ? ModelCatalog.All[row].Id : "kling/of-next-year")
            from prompt in Gen.String[1, 20].Select(PromptText.Normalize).Where(text => text.Length > 0 && PromptText.FindProblem(text) is null)
            from negativePrompt in Gen.Char.AlphaNumeric.Array[1, 9].Select(text => new string(text)).Null()
            from duration in Gen.Int[0, 2].Select(times => times == 0 ? null : (int?)(5 * times))
            from tenths in Gen.Int[-1, 10]
            from hasTail in Gen.Bool
            select Taken(Smallest(model) with
            {
                Prompt = prompt,
                NegativePrompt = negativePrompt,
                Duration = duration,
                CfgScale = tenths < 0 ? null : tenths / 10m,
                TailImage = hasTail ? MediaSource.FromUri("https://i.example/b.png") : null,
            });

        specs.Sample(
            spec =>
            {
                using JsonDocument body = JsonDocument.Parse(Send(spec));
                VideoSpec read = VideoInput.Read(body.RootElement.GetProperty("input"), spec.Model);
                Assert.Equal(spec, read);
                Assert.Empty(spec.FindDifferences(read));
            },
            iter: 2000);
    }

    [Fact]
    public void A_tail_image_that_an_earlier_version_sent_to_a_model_without_one_is_still_read()
    {
        using JsonDocument input = JsonDocument.Parse("""{"prompt":"a fox","image_url":"https://i.example/a.png","tail_image_url":"https://i.example/b.png"}""");

        Assert.Equal("https://i.example/b.png", VideoInput.Read(input.RootElement, "kling/v2-1-master-image-to-video").TailImage?.Uri);
    }

    [Fact]
    public void Nothing_can_be_sent_that_the_model_has_no_field_for()
    {
        VideoSpec spec = Smallest("kling/v2-1-master-image-to-video") with { TailImage = MediaSource.FromUri("https://i.example/b.png") };

        Assert.Contains("does not take a tail image", Assert.Throws<InvalidOperationException>(() => Send(spec)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_image_that_has_not_been_uploaded_cannot_be_sent()
    {
        VideoSpec spec = Smallest(ModelCatalog.DefaultId) with { Image = MediaSource.FromFile("/images/fox.png") };

        Assert.Contains("/images/fox.png", Assert.Throws<InvalidOperationException>(() => Send(spec)).Message, StringComparison.Ordinal);
    }

    private static void AssertJson(string expected, string actual)
    {
        using JsonDocument one = JsonDocument.Parse(expected);
        using JsonDocument other = JsonDocument.Parse(actual);
        Assert.True(JsonElement.DeepEquals(one.RootElement, other.RootElement), actual);
        Assert.Equal(one.RootElement.GetProperty("input").EnumerateObject().Select(field => field.Name), other.RootElement.GetProperty("input").EnumerateObject().Select(field => field.Name));
    }
}
