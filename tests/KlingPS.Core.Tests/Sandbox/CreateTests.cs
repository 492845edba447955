using System.Text.Json;
using System.Text.Json.Nodes;
using KlingPS.Sandbox;

namespace KlingPS.Core.Tests.Sandbox;

public sealed class CreateTests
{
    [Fact]
    public async Task Success_has_the_services_envelope_and_headers()
    {
        await using SandboxHarness sandbox = new();

        using HttpResponseMessage response = await sandbox.Http.PostAsync("api/v1/jobs/createTask", SandboxHarness.Json(SandboxHarness.Body()));
        string contentType = response.Content.Headers.NonValidated["Content-Type"].ToString();
        string text = await response.Content.ReadAsStringAsync();

        Assert.Matches("""^\{"code":200,"msg":"success","data":\{"taskId":"([0-9a-f]{32})","recordId":"\1"\}\}$""", text);
        Assert.Equal("application/json;charset=UTF-8", contentType);
        Assert.StartsWith("JSESSIONID=", Assert.Single(response.Headers.GetValues("Set-Cookie")), StringComparison.Ordinal);
        Assert.False(response.Headers.Contains("Retry-After"));
    }

    [Fact]
    public async Task Answers_are_zipped_for_those_who_ask()
    {
        await using SandboxHarness sandbox = new();
        using HttpClient zipping = new(new SocketsHttpHandler { AutomaticDecompression = System.Net.DecompressionMethods.GZip });
        zipping.DefaultRequestHeaders.Authorization = sandbox.Http.DefaultRequestHeaders.Authorization;

        string text = await zipping.GetStringAsync(new Uri(sandbox.Server.Endpoint, "api/v1/chat/credit"));
        using HttpRequestMessage request = new(HttpMethod.Get, "api/v1/chat/credit");
        request.Headers.Add("Accept-Encoding", "gzip");
        using HttpResponseMessage raw = await sandbox.Http.SendAsync(request);

        Assert.Equal("""{"code":200,"msg":"success","data":10000.0}""", text);
        Assert.Equal(["gzip"], raw.Content.Headers.ContentEncoding);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("Bearer wrong")]
    [InlineData("Basic abc")]
    public async Task A_wrong_key_is_refused_first(string? authorization)
    {
        await using SandboxHarness sandbox = new();
        using HttpRequestMessage request = new(HttpMethod.Post, new Uri(sandbox.Server.Endpoint, "api/v1/jobs/createTask")) { Content = SandboxHarness.Json("nonsense") };
        request.Headers.TryAddWithoutValidation("Authorization", authorization);
        using HttpClient plain = new();

        using HttpResponseMessage response = await plain.SendAsync(request);
        JsonElement answer = await SandboxHarness.ReadAsync(response);

        Assert.Equal(200, (int)response.StatusCode);
        Assert.Equal(401, answer.GetProperty("code").GetInt32());
        Assert.StartsWith("Unauthorized – Authentication failed", answer.GetProperty("msg").GetString(), StringComparison.Ordinal);
        Assert.False(answer.TryGetProperty("data", out _));
        Assert.Equal(1, sandbox.Server.GetBill().Refusals[401]);
    }

    public static TheoryData<string, string, int, string> Refused => new()
    {
        { "prompt", "null", 500, "This field is required" },
        { "prompt", "\"\"", 500, "This field is required" },
        { "prompt", "7", 422, "prompt must be a string" },
        { "prompt", $"\"{new string('x', 2501)}\"", 500, "The text length cannot exceed the maximum limit" },
        { "image_url", "null", 500, "This field is required" },
        { "image_url", "\"\"", 500, "This field is required" },
        { "image_url", "\"fox.png\"", 422, "image_url is not a valid URL" },
        { "image_url", "\"data:image/png;base64,AAAA\"", 422, "image_url is not a valid URL" },
        { "tail_image_url", "\"fox.png\"", 422, "tail_image_url is not a valid URL" },
        { "duration", "5", 422, "duration must be a string" },
        { "duration", "\"7\"", 500, "duration is not within the range of allowed options" },
        { "duration", "\"\"", 500, "duration is not within the range of allowed options" },
        { "negative_prompt", "\"\"", 500, "negative_prompt is not within the range of allowed options" },
        { "negative_prompt", $"\"{new string('x', 2497)}\"", 500, "The text length cannot exceed the maximum limit" },
        { "cfg_scale", "\"0.5\"", 422, "cfg_scale must be a number" },
        { "cfg_scale", "1.1", 500, "cfg_scale is not within the range of allowed options" },
        { "cfg_scale", "-0.1", 500, "cfg_scale is not within the range of allowed options" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task Input_outside_the_rules_is_refused_and_costs_nothing(string field, string json, int code, string message)
    {
        await using SandboxHarness sandbox = new();
        JsonNode body = JsonNode.Parse(SandboxHarness.Body())!;
        body["input"]![field] = JsonNode.Parse(json);

        JsonElement answer = await sandbox.CreateAsync(body.ToJsonString());

        Assert.Equal($$"""{"code":{{code}},"msg":"{{message}}","data":null}""", answer.GetRawText());
        SandboxBill bill = sandbox.Server.GetBill();
        Assert.Equal((1, 0, 1), (bill.CreatesReceived, bill.CreatesAccepted, bill.CreatesRefused));
        Assert.Equal(10_000, bill.CreditsLeft);
    }

    [Theory]
    [InlineData("tail_image_url", "\"\"")]
    [InlineData("tail_image_url", "\"https://images.example/last.png\"")]
    [InlineData("negative_prompt", "\"模糊、失真\"")]
    [InlineData("cfg_scale", "0")]
    [InlineData("cfg_scale", "1")]
    [InlineData("duration", "null")]
    [InlineData("duration", "\"10\"")]
    public async Task Input_within_the_rules_is_accepted(string field, string json)
    {
        await using SandboxHarness sandbox = new();
        JsonNode body = JsonNode.Parse(SandboxHarness.Body(prompt: new string('x', 2500)))!;
        body["input"]![field] = JsonNode.Parse(json);

        Assert.Equal(200, (await sandbox.CreateAsync(body.ToJsonString())).GetProperty("code").GetInt32());
    }

    [Theory]
    [InlineData("nonsense", 400)]
    [InlineData("[]", 400)]
    [InlineData("""{"input":{"prompt":""}}""", 422)]
    [InlineData("""{"model":"kling/none","input":{"prompt":""}}""", 422)]
    [InlineData("""{"model":"kling/v2-1-pro"}""", 500)]
    [InlineData("""{"model":"kling/v2-1-pro","callBackUrl":"here","input":{}}""", 422)]
    public async Task A_body_of_the_wrong_form_is_refused(string body, int code)
    {
        await using SandboxHarness sandbox = new();

        Assert.Equal(code, (await sandbox.CreateAsync(body)).GetProperty("code").GetInt32());
    }

    [Theory]
    [InlineData("kling/v2-5-turbo-image-to-video-pro", "5", 42)]
    [InlineData("kling/v2-5-turbo-image-to-video-pro", "10", 84)]
    [InlineData("kling/v2-1-standard", "5", 25)]
    [InlineData("kling/v2-1-pro", "10", 100)]
    [InlineData("kling/v2-1-master-image-to-video", "10", 320)]
    public async Task A_task_holds_the_price_of_its_model_and_duration(string model, string duration, int credits)
    {
        await using SandboxHarness sandbox = new();
        JsonNode body = JsonNode.Parse(SandboxHarness.Body(duration: duration))!;
        body["model"] = model;

        await sandbox.CreateAsync(body.ToJsonString());

        SandboxBill bill = sandbox.Server.GetBill();
        Assert.Equal((0m, credits, 10_000m - credits), (bill.CreditsSpent, bill.CreditsHeld, bill.CreditsLeft));
        sandbox.Clock.Advance(TimeSpan.FromSeconds(3));
        bill = sandbox.Server.GetBill();
        Assert.Equal((credits, 0m, 10_000m - credits), (bill.CreditsSpent, bill.CreditsHeld, bill.CreditsLeft));
    }

    [Fact]
    public async Task Without_credits_the_input_is_still_judged_first_and_then_402()
    {
        await using SandboxHarness sandbox = new();
        sandbox.Server.SetCredits(41.9m);

        JsonElement invalid = await sandbox.CreateAsync(SandboxHarness.Body(duration: "6"));
        JsonElement poor = await sandbox.CreateAsync(SandboxHarness.Body());

        Assert.Equal(500, invalid.GetProperty("code").GetInt32());
        Assert.Equal(402, poor.GetProperty("code").GetInt32());
        Assert.StartsWith("Credits insufficient", poor.GetProperty("msg").GetString(), StringComparison.Ordinal);
        Assert.Equal(JsonValueKind.Null, poor.GetProperty("data").ValueKind);
        Assert.Equal(41.9m, (await sandbox.GetAsync("api/v1/chat/credit")).GetProperty("data").GetDecimal());
    }

    [Fact]
    public async Task The_21st_task_within_ten_seconds_is_refused_and_the_window_slides()
    {
        await using SandboxHarness sandbox = new();
        await sandbox.CreateTaskAsync();
        sandbox.Clock.Advance(TimeSpan.FromSeconds(9));
        for (int i = 0; i < 19; i++)
        {
            await sandbox.CreateTaskAsync();
        }

        JsonElement excess = await sandbox.CreateAsync(SandboxHarness.Body());
        sandbox.Clock.Advance(TimeSpan.FromSeconds(1));
        JsonElement afterFirst = await sandbox.CreateAsync(SandboxHarness.Body());
        JsonElement again = await sandbox.CreateAsync(SandboxHarness.Body());

        Assert.Equal("""{"code":429,"msg":"Your call frequency is too high. Please try again later.","data":null}""", excess.GetRawText());
        Assert.Equal(200, afterFirst.GetProperty("code").GetInt32());
        Assert.Equal(429, again.GetProperty("code").GetInt32());
        SandboxBill bill = sandbox.Server.GetBill();
        Assert.Equal((23, 21, 2), (bill.CreatesReceived, bill.CreatesAccepted, bill.RateRefusals));
        Assert.Equal(21, bill.TasksPerImage[SandboxHarness.ForeignImage]);
    }

    [Fact]
    public async Task The_http_status_can_equal_the_code()
    {
        await using SandboxHarness sandbox = new(clock => new SandboxOptions { TimeProvider = clock, RealHttpStatus = true, CreateLimit = 0 });

        using HttpResponseMessage response = await sandbox.Http.PostAsync("api/v1/jobs/createTask", SandboxHarness.Json(SandboxHarness.Body()));

        Assert.Equal(429, (int)response.StatusCode);
        Assert.Equal(429, (await SandboxHarness.ReadAsync(response)).GetProperty("code").GetInt32());
    }
}
