using System.Text.Json;
using System.Text.Json.Nodes;
using KlingPS.Sandbox;

namespace KlingPS.Core.Tests.Sandbox;

public sealed class UploadTests
{
    [Fact]
    public async Task A_stream_upload_answers_like_the_service_and_can_be_fetched()
    {
        await using SandboxHarness sandbox = new();

        JsonElement answer = await sandbox.UploadAsync(SandboxHarness.Png, "klingps/a b", "Käfer 1.png");

        string url = $"{sandbox.Server.DownloadEndpoint}kieai/100001/klingps/a%20b/K%C3%A4fer%201.png";
        Assert.Equal(
            $$$"""{"success":true,"code":200,"msg":"File uploaded successfully","data":{"success":true,"fileName":"Käfer 1.png","filePath":"kieai/100001/klingps/a b/Käfer 1.png","downloadUrl":"{{{url}}}","fileSize":13,"mimeType":"image/png","uploadedAt":"2026-10-01T08:00:00.000Z"}}""",
            answer.GetRawText());
        using HttpResponseMessage file = await sandbox.Cdn.GetAsync(url);
        Assert.Equal(SandboxHarness.Png, await file.Content.ReadAsByteArrayAsync());
        Assert.Equal("image/png", file.Content.Headers.ContentType?.ToString());
        SandboxBill bill = sandbox.Server.GetBill();
        Assert.Equal((1, 13L, 1, 13L), (bill.Uploads, bill.UploadedBytes, bill.Downloads, bill.DownloadedBytes));
    }

    [Fact]
    public async Task A_large_file_arrives_whole()
    {
        await using SandboxHarness sandbox = new();
        byte[] content = new byte[3_000_000];
        new Random(1).NextBytes(content);

        string url = await sandbox.UploadImageAsync(content);

        Assert.Equal(content, await sandbox.Cdn.GetByteArrayAsync(url));
    }

    [Fact]
    public async Task Without_a_name_the_file_gets_one_from_clock_and_chance()
    {
        await using SandboxHarness sandbox = new();

        JsonElement answer = await sandbox.UploadAsync(SandboxHarness.Png, fileName: null);

        Assert.Matches(@"^1790841600000-[0-9a-f]{10}\.png$", answer.GetProperty("data").GetProperty("fileName").GetString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("data:image/png;base64,")]
    public async Task Base64_is_taken_raw_and_as_data_url(string prefix)
    {
        await using SandboxHarness sandbox = new();
        JsonObject body = new() { ["base64Data"] = prefix + Convert.ToBase64String(SandboxHarness.Png), ["uploadPath"] = "klingps", ["fileName"] = "b.png" };

        JsonElement data = (await PostAsync(sandbox, "api/file-base64-upload", body)).GetProperty("data");

        Assert.Equal(13, data.GetProperty("fileSize").GetInt32());
        Assert.Equal(SandboxHarness.Png, await sandbox.Cdn.GetByteArrayAsync(data.GetProperty("downloadUrl").GetString()));
    }

    [Fact]
    public async Task A_url_on_this_machine_is_fetched_and_any_other_is_refused()
    {
        await using SandboxHarness sandbox = new();
        string first = await sandbox.UploadImageAsync();

        JsonElement copied = await PostAsync(sandbox, "api/file-url-upload", new() { ["fileUrl"] = first, ["uploadPath"] = "copies" });
        JsonElement gone = await PostAsync(sandbox, "api/file-url-upload", new() { ["fileUrl"] = first + "x", ["uploadPath"] = "copies" });
        JsonElement foreign = await PostAsync(sandbox, "api/file-url-upload", new() { ["fileUrl"] = "https://images.example/a.png", ["uploadPath"] = "copies" });

        Assert.Equal(13, copied.GetProperty("data").GetProperty("fileSize").GetInt32());
        Assert.EndsWith(".png", copied.GetProperty("data").GetProperty("fileName").GetString(), StringComparison.Ordinal);
        Assert.Equal(400, gone.GetProperty("code").GetInt32());
        Assert.Equal(400, foreign.GetProperty("code").GetInt32());
        Assert.Contains("never leaves the machine", foreign.GetProperty("msg").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "a.png", "uploadPath is required")]
    [InlineData("/a", "a.png", "uploadPath is invalid")]
    [InlineData("a/", "a.png", "uploadPath is invalid")]
    [InlineData("a/../b", "a.png", "uploadPath is invalid")]
    [InlineData("a", "../a.png", "fileName is invalid")]
    public async Task Bad_paths_are_refused_in_the_upload_envelope(string uploadPath, string fileName, string message)
    {
        await using SandboxHarness sandbox = new();

        JsonElement answer = await sandbox.UploadAsync(SandboxHarness.Png, uploadPath, fileName);

        Assert.Equal($$"""{"success":false,"code":400,"msg":"{{message}}"}""", answer.GetRawText());
        Assert.Equal(0, sandbox.Server.GetBill().Uploads);
    }

    [Theory]
    [InlineData("api/file-base64-upload", """{"uploadPath":"a","base64Data":"!"}""", "base64Data is not valid base64")]
    [InlineData("api/file-base64-upload", """{"uploadPath":"a"}""", "base64Data is required")]
    [InlineData("api/file-base64-upload", "nonsense", "The request body is not valid JSON")]
    [InlineData("api/file-url-upload", """{"uploadPath":"a","fileUrl":"ftp://x/y"}""", "fileUrl is not a valid URL")]
    [InlineData("api/file-stream-upload", "{}", "The request body is not multipart/form-data")]
    public async Task Bad_bodies_are_refused_in_the_upload_envelope(string path, string body, string message)
    {
        await using SandboxHarness sandbox = new();

        JsonElement answer = await sandbox.PostAsync(new Uri(sandbox.Server.UploadEndpoint, path).AbsoluteUri, body);

        Assert.Equal($$"""{"success":false,"code":400,"msg":"{{message}}"}""", answer.GetRawText());
    }

    [Fact]
    public async Task The_same_name_overwrites_and_everything_expires()
    {
        await using SandboxHarness sandbox = new();
        await sandbox.UploadImageAsync("old"u8.ToArray());
        string url = await sandbox.UploadImageAsync("new"u8.ToArray());

        Assert.Equal("new", await sandbox.Cdn.GetStringAsync(url));
        sandbox.Clock.Advance(TimeSpan.FromHours(24));
        using HttpResponseMessage expired = await sandbox.Cdn.GetAsync(url);
        Assert.Equal(404, (int)expired.StatusCode);
    }

    [Fact]
    public async Task The_upload_routes_need_the_key_and_are_not_on_the_api_host()
    {
        await using SandboxHarness sandbox = new();
        using HttpClient plain = new();

        using HttpResponseMessage noKey = await plain.PostAsync(new Uri(sandbox.Server.UploadEndpoint, "api/file-url-upload"), SandboxHarness.Json("{}"));
        using HttpResponseMessage wrongHost = await sandbox.Http.PostAsync("api/file-url-upload", SandboxHarness.Json("{}"));

        Assert.Equal(401, (await SandboxHarness.ReadAsync(noKey)).GetProperty("code").GetInt32());
        Assert.Equal(404, (int)wrongHost.StatusCode);
    }

    private static Task<JsonElement> PostAsync(SandboxHarness sandbox, string path, JsonObject body) =>
        sandbox.PostAsync(new Uri(sandbox.Server.UploadEndpoint, path).AbsoluteUri, body.ToJsonString());
}
