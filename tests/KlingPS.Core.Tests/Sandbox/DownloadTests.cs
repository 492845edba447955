using System.Net.Http.Headers;
using System.Text.Json;
using KlingPS.Sandbox;

namespace KlingPS.Core.Tests.Sandbox;

public sealed class DownloadTests
{
    [Fact]
    public async Task A_download_can_be_resumed_if_the_file_is_still_the_same()
    {
        await using SandboxHarness sandbox = new();
        Uri link = await sandbox.MakeVideoAsync();
        using HttpResponseMessage whole = await sandbox.Cdn.GetAsync(link);
        byte[] video = await whole.Content.ReadAsByteArrayAsync();
        EntityTagHeaderValue tag = whole.Headers.ETag!;

        using HttpResponseMessage rest = await GetAsync(sandbox, link, "bytes=1000-", tag.ToString());
        using HttpResponseMessage byDate = await GetAsync(sandbox, link, "bytes=-5", whole.Content.Headers.NonValidated["Last-Modified"].ToString());
        using HttpResponseMessage other = await GetAsync(sandbox, link, "bytes=1000-", "\"other\"");
        using HttpResponseMessage beyond = await GetAsync(sandbox, link, $"bytes={video.Length}-", null);

        Assert.Equal((200, "video/mp4", video.Length), ((int)whole.StatusCode, whole.Content.Headers.ContentType?.ToString(), (int)whole.Content.Headers.ContentLength!));
        Assert.Equal(["bytes"], whole.Headers.AcceptRanges);
        Assert.Equal(new DateTimeOffset(2026, 10, 1, 8, 0, 3, TimeSpan.Zero), whole.Content.Headers.LastModified);
        Assert.Equal(206, (int)rest.StatusCode);
        Assert.Equal(video[1000..], await rest.Content.ReadAsByteArrayAsync());
        Assert.Equal($"bytes 1000-{video.Length - 1}/{video.Length}", rest.Content.Headers.ContentRange?.ToString());
        Assert.Equal(tag, rest.Headers.ETag);
        Assert.Equal(video[^5..], await byDate.Content.ReadAsByteArrayAsync());
        Assert.Equal(200, (int)other.StatusCode);
        Assert.Equal(416, (int)beyond.StatusCode);
        Assert.Equal($"bytes */{video.Length}", beyond.Content.Headers.ContentRange?.ToString());
    }

    [Fact]
    public async Task Head_tells_the_length_and_sends_nothing()
    {
        await using SandboxHarness sandbox = new();
        Uri link = await sandbox.MakeVideoAsync();
        using HttpRequestMessage request = new(HttpMethod.Head, link);

        using HttpResponseMessage head = await sandbox.Cdn.SendAsync(request);
        long bytes = sandbox.Server.GetBill().DownloadedBytes;

        Assert.Equal(0, bytes);
        Assert.Equal((await sandbox.Cdn.GetByteArrayAsync(link)).Length, head.Content.Headers.ContentLength);
    }

    [Theory]
    [InlineData(null, 403)]
    [InlineData("Python-urllib/3.12", 403)]
    [InlineData("KlingPS/1.0", 200)]
    public async Task The_user_agent_decides(string? userAgent, int status)
    {
        await using SandboxHarness sandbox = new();
        Uri link = await sandbox.MakeVideoAsync();
        using HttpClient client = new();
        using HttpRequestMessage request = new(HttpMethod.Get, link);
        request.Headers.TryAddWithoutValidation("User-Agent", userAgent);

        using HttpResponseMessage response = await client.SendAsync(request);

        Assert.Equal(status, (int)response.StatusCode);
    }

    [Fact]
    public async Task A_video_is_there_from_its_completion_until_its_link_expires()
    {
        await using SandboxHarness sandbox = new();
        Uri link = await sandbox.MakeVideoAsync();

        sandbox.Clock.Advance(TimeSpan.FromDays(14) - TimeSpan.FromTicks(1));
        Assert.Equal(200, await StatusAsync(sandbox, link));
        sandbox.Clock.Advance(TimeSpan.FromTicks(1));
        Assert.Equal(404, await StatusAsync(sandbox, link));
        Assert.Equal(404, await StatusAsync(sandbox, new Uri(sandbox.Server.DownloadEndpoint, "k/none_1_1_1.mp4")));
        JsonElement refused = await SignAsync(sandbox, link);
        Assert.Equal("""{"code":422,"msg":"url is wrong","data":null}""", refused.GetRawText());
    }

    [Fact]
    public async Task An_expired_link_is_renewed_by_download_url_for_20_minutes()
    {
        await using SandboxHarness sandbox = new();
        Uri link = await sandbox.MakeVideoAsync();
        sandbox.Server.AddFault(new SandboxFault { Operation = SandboxOperation.Download, FaultKind = SandboxFaultKind.ExpireLink });

        Assert.Equal(404, await StatusAsync(sandbox, link));
        Assert.Equal(404, await StatusAsync(sandbox, link));
        Uri signed = new((await SignAsync(sandbox, link)).GetProperty("data").GetString()!);
        Assert.Equal(200, await StatusAsync(sandbox, signed));
        Assert.Equal(404, await StatusAsync(sandbox, new Uri(signed.AbsoluteUri[..^4] + "0000")));
        sandbox.Clock.Advance(TimeSpan.FromMinutes(20));
        Assert.Equal(404, await StatusAsync(sandbox, signed));
    }

    [Theory]
    [InlineData("""{"url":"https://elsewhere.example/a.mp4"}""")]
    [InlineData("""{"url":7}""")]
    [InlineData("nonsense")]
    public async Task Download_url_refuses_what_is_not_its_own(string body)
    {
        await using SandboxHarness sandbox = new();

        JsonElement answer = await sandbox.PostAsync("api/v1/common/download-url", body);

        Assert.Equal("""{"code":422,"msg":"url is wrong","data":null}""", answer.GetRawText());
    }

    [Fact]
    public async Task A_key_at_the_download_host_is_noticed_wherever_it_is()
    {
        await using SandboxHarness sandbox = new();
        Uri link = await sandbox.MakeVideoAsync();
        using HttpRequestMessage header = new(HttpMethod.Get, link);
        header.Headers.Add("X-Key", sandbox.Server.ApiKey);

        await StatusAsync(sandbox, link);
        Assert.Equal(0, sandbox.Server.GetBill().KeyLeaks);
        using HttpResponseMessage byAuthorization = await sandbox.Http.GetAsync(link);
        using HttpResponseMessage byHeader = await sandbox.Cdn.SendAsync(header);
        await StatusAsync(sandbox, new Uri($"{link}?key={sandbox.Server.ApiKey}"));

        SandboxBill bill = sandbox.Server.GetBill();
        Assert.Equal((4, 3), (bill.Downloads, bill.KeyLeaks));
    }

    private static async Task<HttpResponseMessage> GetAsync(SandboxHarness sandbox, Uri link, string range, string? ifRange)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, link);
        request.Headers.TryAddWithoutValidation("Range", range);
        if (ifRange is not null)
        {
            request.Headers.TryAddWithoutValidation("If-Range", ifRange);
        }

        return await sandbox.Cdn.SendAsync(request);
    }

    private static async Task<int> StatusAsync(SandboxHarness sandbox, Uri link)
    {
        using HttpResponseMessage response = await sandbox.Cdn.GetAsync(link);
        return (int)response.StatusCode;
    }

    private static Task<JsonElement> SignAsync(SandboxHarness sandbox, Uri link) =>
        sandbox.PostAsync("api/v1/common/download-url", $$"""{"url":"{{link}}"}""");
}
