using System.Text.Json;
using KlingPS.Sandbox;

namespace KlingPS.Core.Tests.Sandbox;

public sealed class QueryTests
{
    [Fact]
    public async Task A_record_looks_exactly_like_the_services_while_running_and_when_done()
    {
        await using SandboxHarness sandbox = new(clock => new SandboxOptions { TimeProvider = clock, GenerationTime = TimeSpan.FromMilliseconds(66_952) });
        string id = await sandbox.CreateTaskAsync("ein \"Fuchs\" 狐");
        string param = JsonSerializer.Serialize("{\"input\":" + JsonText("{\"prompt\":" + JsonText("ein \"Fuchs\" 狐") + ",\"image_url\":\"https://images.example/fox.png\",\"duration\":\"5\",\"cfg_scale\":0.5}") + ",\"model\":\"kling/v2-5-turbo-image-to-video-pro\"}", s_relaxed);
        string head = $$"""{"code":200,"msg":"success","data":{"taskId":"{{id}}","model":"kling/v2-5-turbo-image-to-video-pro","state":""";

        string waiting = await TextAsync(sandbox, id);
        sandbox.Clock.Advance(TimeSpan.FromSeconds(10));
        string generating = await TextAsync(sandbox, id);
        sandbox.Clock.Advance(TimeSpan.FromMinutes(2));
        string success = await TextAsync(sandbox, id);

        Assert.Equal(head + $$$"""
            "waiting","param":{{{param}}},"resultJson":"","failCode":null,"failMsg":null,"costTime":null,"completeTime":null,"createTime":1790841600000,"creditsConsumed":42.0}}
            """, waiting);
        Assert.Equal(waiting.Replace("waiting", "generating", StringComparison.Ordinal), generating);
        string url = $"{sandbox.Server.DownloadEndpoint}k/{id}_1_1790841666_4821.mp4";
        Assert.Equal(head + $$$"""
            "success","param":{{{param}}},"resultJson":"{\"resultUrls\":[\"{{{url}}}\"]}","failCode":null,"failMsg":null,"costTime":66,"completeTime":1790841666952,"createTime":1790841600000,"creditsConsumed":42.0}}
            """, success);
    }

    [Fact]
    public async Task States_follow_the_clock()
    {
        await using SandboxHarness sandbox = new();
        string id = await sandbox.CreateTaskAsync();
        List<string> states = [];

        foreach (int milliseconds in (int[])[0, 299, 1, 2699, 1])
        {
            sandbox.Clock.Advance(TimeSpan.FromMilliseconds(milliseconds));
            states.Add((await sandbox.QueryAsync(id)).GetProperty("data").GetProperty("state").GetString()!);
        }

        Assert.Equal(["waiting", "waiting", "generating", "generating", "success"], states);
        Assert.Equal(5, Assert.Single(sandbox.Server.GetBill().Tasks).Queries);
    }

    [Theory]
    [InlineData("?taskId=0123456789abcdef0123456789abcdef", 422, "recordInfo is null")]
    [InlineData("?taskId=", 400, "taskId is required")]
    [InlineData("", 400, "taskId is required")]
    public async Task An_unknown_or_missing_id_is_an_error_in_the_body(string query, int code, string message)
    {
        await using SandboxHarness sandbox = new();

        JsonElement answer = await sandbox.GetAsync($"api/v1/jobs/recordInfo{query}");

        Assert.Equal($$"""{"code":{{code}},"msg":"{{message}}","data":null}""", answer.GetRawText());
    }

    [Fact]
    public async Task The_11th_query_within_a_second_is_refused()
    {
        await using SandboxHarness sandbox = new();
        string id = await sandbox.CreateTaskAsync();
        for (int i = 0; i < 10; i++)
        {
            Assert.Equal(200, (await sandbox.QueryAsync(id)).GetProperty("code").GetInt32());
        }

        Assert.Equal(429, (await sandbox.QueryAsync(id)).GetProperty("code").GetInt32());
        sandbox.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(200, (await sandbox.QueryAsync(id)).GetProperty("code").GetInt32());
        SandboxBill bill = sandbox.Server.GetBill();
        Assert.Equal((12, 1), (bill.Queries, bill.QueriesRefused));
    }

    [Fact]
    public async Task An_image_that_is_not_at_the_download_host_or_is_no_image_fails_the_task_and_returns_the_credits()
    {
        await using SandboxHarness sandbox = new();
        string text = await sandbox.UploadImageAsync("not an image"u8.ToArray());
        string missing = new Uri(sandbox.Server.DownloadEndpoint, "kieai/nothing.png").AbsoluteUri;
        string image = await sandbox.UploadImageAsync(fileName: "good.png");
        string[] ids = [await sandbox.CreateTaskAsync(image: text), await sandbox.CreateTaskAsync(image: missing), await sandbox.CreateTaskAsync(image: image)];
        Assert.Equal(3 * 42m, sandbox.Server.GetBill().CreditsHeld);

        sandbox.Clock.Advance(TimeSpan.FromSeconds(3));
        JsonElement failed = (await sandbox.QueryAsync(ids[0])).GetProperty("data");

        Assert.Equal(("fail", "400", ""), (Text(failed, "state"), Text(failed, "failCode"), Text(failed, "resultJson")));
        Assert.StartsWith("Image fetch failed.", Text(failed, "failMsg"), StringComparison.Ordinal);
        Assert.Equal("0.0", failed.GetProperty("creditsConsumed").GetRawText());
        Assert.Equal(3, failed.GetProperty("costTime").GetInt32());
        SandboxBill bill = sandbox.Server.GetBill();
        Assert.Equal(["fail", "fail", "success"], bill.Tasks.Select(task => task.State));
        Assert.Equal((42m, 0m, 9_958m), (bill.CreditsSpent, bill.CreditsHeld, bill.CreditsLeft));
        string sha256 = Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(SandboxHarness.Png)).ToLowerInvariant();
        Assert.Equal(sha256, bill.Tasks[2].ImageSha256);
        Assert.Equal(1, bill.TasksPerImage[sha256]);
    }

    private static readonly JsonSerializerOptions s_relaxed = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static string JsonText(string value) => JsonSerializer.Serialize(value, s_relaxed);

    private static string Text(JsonElement data, string name) => data.GetProperty(name).GetString()!;

    private static Task<string> TextAsync(SandboxHarness sandbox, string id) => sandbox.Http.GetStringAsync($"api/v1/jobs/recordInfo?taskId={id}");
}
