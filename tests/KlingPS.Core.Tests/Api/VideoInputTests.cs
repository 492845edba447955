using System.Text.Json;
using CsCheck;
using KlingPS.Core.Api.Wire;
using KlingPS.Core.Model;
using KlingPS.Core.Tests.Model;

namespace KlingPS.Core.Tests.Api;

public sealed class VideoInputTests
{
    private static string Send(VideoSpec spec) => CreateTaskBody.From(spec).ToString();

    public static TheoryData<string> Models => ModelRequests.Ids;

    [Theory]
    [MemberData(nameof(Models))]
    public void The_smallest_and_the_fullest_request_of_a_model_are_what_its_page_says(string model)
    {
        // Compared as JSON: which characters are escaped is not the page's matter. The default's body is compared to the byte in CreateRequestTests.
        ModelRequests requests = ModelRequests.Get(model);
        AssertJson($$"""{"model":"{{model}}","input":{{requests.SmallestInput}}}""", Send(requests.Smallest));
        AssertJson(
            $$"""{"model":"{{model}}","callBackUrl":"https://c.example/?a=1&b=2","input":{{requests.FullestInput}}}""",
            Send(requests.Fullest with { CallbackUri = "https://c.example/?a=1&b=2" }));
    }

    [Fact]
    public void Every_model_has_its_requests_here() => Assert.Equal(ModelCatalog.All.Select(model => model.Id), ModelRequests.All.Select(requests => requests.Model));

    [Fact]
    public void What_the_service_repeats_is_what_was_asked_for()
    {
        Gen<VideoSpec> specs =
            from row in Gen.Int[0, ModelCatalog.All.Count - 1].Select(row => ModelCatalog.All[row])
            from isFull in Gen.Bool
            from prompt in Gen.String[1, 20].Select(PromptText.Normalize).Where(text => text.Length > 0 && PromptText.FindProblem(text) is null)
            from negativePrompt in Gen.Char.AlphaNumeric.Array[1, 9].Select(text => new string(text)).Null()
            from duration in Pick(row.Durations.Select(seconds => (int?)seconds).Prepend(null))
            from resolution in Pick(row.Resolutions.Prepend(null))
            from ratio in Pick(row.AspectRatios.Prepend(null))
            from sound in Gen.Bool
            from tenths in Gen.Int[-1, 10]
            let requests = ModelRequests.Get(row.Id)
            let spec = isFull ? requests.Fullest : requests.Smallest
            select spec with
            {
                Prompt = prompt,
                NegativePrompt = row.Takes(VideoParameter.NegativePrompt) ? negativePrompt : null,
                Duration = duration,
                Resolution = resolution,
                AspectRatio = row.TakesAspectRatioOfImage && spec.Image is not null ? null : ratio,
                Sound = row.Takes(VideoParameter.Sound) && sound,
                CfgScale = tenths < 0 || !row.Takes(VideoParameter.CfgScale) ? null : tenths / 10m,
            };

        specs.Sample(
            spec =>
            {
                using JsonDocument body = JsonDocument.Parse(Send(spec));
                VideoSpec read = VideoInput.Read(body.RootElement.GetProperty("input"), spec.Model);
                Assert.Empty(spec.FindDifferences(read));
                Assert.Equal(spec.GetIdentity(), read.GetIdentity());
                Assert.Equal(Send(spec), Send(read));
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
        VideoSpec spec = ModelRequests.Get("kling/v2-1-master-image-to-video").Smallest with { TailImage = MediaSource.FromUri("https://i.example/b.png") };

        Assert.Contains("does not take a tail image", Assert.Throws<InvalidOperationException>(() => Send(spec)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_image_that_has_not_been_uploaded_cannot_be_sent()
    {
        VideoSpec spec = ModelRequests.Get(ModelCatalog.DefaultId).Smallest with { Image = MediaSource.FromFile("/images/fox.png") };

        Assert.Contains("/images/fox.png", Assert.Throws<InvalidOperationException>(() => Send(spec)).Message, StringComparison.Ordinal);
    }

    private static Gen<T> Pick<T>(IEnumerable<T> values)
    {
        T[] all = [.. values];
        return Gen.Int[0, all.Length - 1].Select(index => all[index]);
    }

    private static void AssertJson(string expected, string actual)
    {
        using JsonDocument one = JsonDocument.Parse(expected);
        using JsonDocument other = JsonDocument.Parse(actual);
        Assert.True(JsonElement.DeepEquals(one.RootElement, other.RootElement), actual);
        Assert.Equal(one.RootElement.GetProperty("input").EnumerateObject().Select(field => field.Name), other.RootElement.GetProperty("input").EnumerateObject().Select(field => field.Name));
    }
}
