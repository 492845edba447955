using System.Text.Json;
using KlingPS.Core.Api;
using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Api;

public sealed class CreateRequestTests : IDisposable
{
    /// <summary>The service's own example, as its page has it.</summary>
    private const string DocumentedExample = """
        {
          "model": "kling/v2-5-turbo-image-to-video-pro",
          "callBackUrl": "https://your-domain.com/api/callback",
          "input": {
            "prompt": "宇航员瞬间穿过散发着光芒的魔法木门完成瞬移。采用手持跟踪镜头，相机保持在宇航员斜后上方 5–10 米处，呈现流畅的第三人称追逐视角。整体画面以超写实为基底，每个场景具备独特艺术风格，场景切换时伴随明亮的传送门光晕闪帧效果，细节拉满，8K 分辨率，搭配史诗级管弦乐背景音。通过高帧率插值实现流畅的动态效果与利落的瞬间转场。特写镜头：身着白色宇航服的宇航员从脚下发光的传送门中急速坠落。\n第一次转场：乐高风格阿尔卑斯山，高饱和度日光下，雪山峰峦与山谷尽收眼底，宇航员坠落过程中，下一个传送门开启。\n第二次转场：亚马逊雨林，茂密的树冠与河流在下方延展，宇航员坠落，传送门再次开启。\n第三次转场：古埃及风格，壁画质感的吉萨金字塔，沙漠与尼罗河铺展于下，宇航员坠落，传送门开启。\n第四次转场：抽象黑白水墨风格，下方是中国长城，宇航员坠落，最后一个传送门开启。\n第五次转场：纽约夜景，写实风格的深色城市天际线，璀璨的城市灯光与帝国大厦相映，宇航员优雅悬停。全程相机保持固定距离，轻微环绕运动，流畅的第三人称跟踪视角贯穿始终。每次传送门转场均伴随锐利的闪光，凸显速度感与魔幻的旅程体验，艺术风格与场景位置的切换极具冲击力。",
            "image_url": "https://file.aiquickdraw.com/custom-page/akr/section-images/1759211376283gfcw5zcy.png",
            "tail_image_url": "",
            "duration": "5",
            "negative_prompt": "模糊、失真、画质低下",
            "cfg_scale": 0.5
          }
        }
        """;

    private readonly ClientHarness _harness = new();

    public CreateRequestTests() => _harness.Service.On(FakeService.CreatePath, Replies.Accepts("task_kling_1765184408908"));

    public void Dispose() => _harness.Dispose();

    private async Task<SentRequest> SendAsync(VideoSpec spec)
    {
        string taskId = await _harness.Clock.RunAsync(_harness.Client.CreateTaskAsync(spec, CancellationToken.None));
        Assert.Equal("task_kling_1765184408908", taskId);
        return Assert.Single(_harness.Service.Requests);
    }

    [Fact]
    public async Task The_documented_example_goes_out_as_it_is_documented()
    {
        var example = JsonSerializer.Deserialize<JsonElement>(DocumentedExample);
        JsonElement input = example.GetProperty("input");

        SentRequest sent = await SendAsync(new VideoSpec
        {
            Prompt = input.GetProperty("prompt").GetString()!,
            Image = MediaSource.FromUri(input.GetProperty("image_url").GetString()!),
            TailImage = MediaSource.FromUri(""),
            Duration = 5,
            NegativePrompt = input.GetProperty("negative_prompt").GetString(),
            CfgScale = 0.5m,
            CallbackUri = example.GetProperty("callBackUrl").GetString(),
        });

        Assert.Equal("POST", sent.Method);
        Assert.Equal("https://api.kie.ai/api/v1/jobs/createTask", sent.Uri.AbsoluteUri);
        Assert.Equal("application/json", sent.ContentType);
        Assert.Equal(sent.Body.Length, sent.ContentLength);
        Assert.True(JsonElement.DeepEquals(example, sent.Json), sent.Text);
        Assert.Contains("宇航员瞬间穿过", sent.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_not_given_is_not_sent()
    {
        SentRequest sent = await SendAsync(ClientHarness.Video);

        Assert.Equal(
            """{"model":"kling/v2-5-turbo-image-to-video-pro","input":{"prompt":"A fox runs.","image_url":"https://images.example/fox.png"}}""",
            sent.Text);
    }

    [Theory]
    [InlineData(5, "5")]
    [InlineData(10, "10")]
    public async Task The_duration_is_a_string(int seconds, string sent)
    {
        JsonElement duration = (await SendAsync(ClientHarness.Video with { Duration = seconds })).Json.GetProperty("input").GetProperty("duration");

        Assert.Equal(JsonValueKind.String, duration.ValueKind);
        Assert.Equal(sent, duration.GetString());
    }

    [Theory]
    [InlineData("0", "0")]
    [InlineData("0.3", "0.3")]
    [InlineData("1", "1")]
    public async Task The_scale_is_a_number_whatever_the_culture(string scale, string sent)
    {
        decimal value = decimal.Parse(scale, System.Globalization.CultureInfo.InvariantCulture);

        Assert.Contains($"\"cfg_scale\":{sent}}}", (await SendAsync(ClientHarness.Video with { CfgScale = value })).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Any_prompt_arrives_as_it_was_written()
    {
        const string Prompt = "\"quoted\" \\ back\nslash\t </script> می\u200Cشود 🦊 é & 'x'";

        Assert.Equal(Prompt, (await SendAsync(ClientHarness.Video with { Prompt = Prompt })).Json.GetProperty("input").GetProperty("prompt").GetString());
    }

    [Fact]
    public async Task The_key_goes_in_its_header_and_the_client_says_who_it_is()
    {
        SentRequest sent = await SendAsync(ClientHarness.Video);

        Assert.Equal("Bearer " + ClientHarness.Secret, sent.Headers["Authorization"]);
        Assert.Matches(@"^KlingPS/\d+\.\d+\.\d+$", sent.Headers["User-Agent"]);
        Assert.Equal("application/json", sent.Headers["Accept"]);
        Assert.DoesNotContain(ClientHarness.Secret, sent.Uri.AbsoluteUri + sent.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_id_of_a_query_cannot_change_the_address()
    {
        _harness.Service.On(FakeService.QueryPath, Replies.Data("""{"state":"waiting"}"""));

        await _harness.QueryAsync("a&b=c/../%#x");

        Assert.Equal("https://api.kie.ai/api/v1/jobs/recordInfo?taskId=a%26b%3Dc%2F..%2F%25%23x", Assert.Single(_harness.Service.Requests).Uri.AbsoluteUri);
    }

    [Fact]
    public async Task A_link_is_renewed_with_its_address_in_the_body()
    {
        _harness.Service.On(FakeService.RenewPath, Replies.Data("\"https://tempfile.example/fresh.mp4\""));

        Uri fresh = await _harness.Clock.RunAsync(_harness.Client.GetDownloadUriAsync(new Uri("https://tempfile.example/old.mp4?a=1&b=ü"), null, CancellationToken.None));

        Assert.Equal("https://tempfile.example/fresh.mp4", fresh.AbsoluteUri);
        Assert.Equal("""{"url":"https://tempfile.example/old.mp4?a=1&b=%C3%BC"}""", Assert.Single(_harness.Service.Requests).Text);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("42")]
    [InlineData("\"\"")]
    [InlineData("\"not a link\"")]
    [InlineData("\"\\ud800\"")]
    [InlineData("{\"url\":\"https://a.example/\"}")]
    public async Task A_renewed_link_that_is_none_is_an_error(string data)
    {
        _harness.Service.On(FakeService.RenewPath, Replies.Data(data));

        KlingApiException error = await Assert.ThrowsAsync<KlingApiException>(
            () => _harness.Clock.RunAsync(_harness.Client.GetDownloadUriAsync(new Uri("https://tempfile.example/old.mp4"), null, CancellationToken.None)));
        Assert.Equal((ErrorKind.AnswerInvalid, TransportFault.Answered), (error.Kind, error.Fault));
    }

    [Theory]
    [InlineData("5916.25", "5916.25")]
    [InlineData("\"12.5\"", "12.5")]
    [InlineData("0", "0")]
    [InlineData("1e3", "1000")]
    public async Task Credits_are_a_bare_number(string data, string credits)
    {
        _harness.Service.On(FakeService.CreditPath, Replies.Data(data));

        Assert.Equal(decimal.Parse(credits, System.Globalization.CultureInfo.InvariantCulture), await _harness.GetCreditsAsync());
    }

    [Theory]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("\"many\"")]
    [InlineData("\"\\ud800\"")]
    [InlineData("1e99")]
    public async Task Credits_that_are_no_number_are_an_error(string data)
    {
        _harness.Service.On(FakeService.CreditPath, Replies.Data(data));

        Assert.Equal(ErrorKind.AnswerInvalid, (await Assert.ThrowsAsync<KlingApiException>(_harness.GetCreditsAsync)).Kind);
    }
}
