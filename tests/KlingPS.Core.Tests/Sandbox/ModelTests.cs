using System.Text.Json;
using KlingPS.Core.Api;
using KlingPS.Core.Api.Wire;
using KlingPS.Core.Tests.Model;
using KlingPS.Sandbox;

namespace KlingPS.Core.Tests.Sandbox;

/// <summary>The sandbox takes what is sent to each model, bills it and repeats it.</summary>
public sealed class ModelTests
{
    public static TheoryData<string> Models => ModelRequests.Ids;

    [Theory]
    [MemberData(nameof(Models))]
    public async Task The_smallest_and_the_fullest_request_of_a_model_are_taken_and_billed_as_its_page_says(string model)
    {
        await using SandboxHarness sandbox = new();
        ModelRequests requests = ModelRequests.Get(model);

        foreach ((Core.Model.VideoSpec spec, decimal credits) in new[] { (requests.Smallest, requests.SmallestCredits), (requests.Fullest, requests.FullestCredits) })
        {
            JsonElement answer = await sandbox.CreateAsync(CreateTaskBody.From(spec).ToString());
            Assert.Equal(200, answer.GetProperty("code").GetInt32());
            SandboxTask task = sandbox.Server.GetBill().Tasks[^1];
            Assert.Equal((model, spec.Prompt ?? string.Empty, spec.Seconds, credits), (task.Model, task.Prompt, task.Duration, task.Credits));

            JsonElement record = (await sandbox.QueryAsync(task.TaskId)).GetProperty("data");
            Core.Model.VideoSpec repeated = new SnapshotReader(KlingEndpoints.Default.Addresses, sandbox.Clock).Read(record, task.TaskId)!.Spec!;
            Assert.Empty(spec.FindDifferences(repeated));
            Assert.Equal(spec.GetIdentity(), repeated.GetIdentity());
        }
    }

    public static TheoryData<string, string, int> Refused => new()
    {
        { "kling-2.6/text-to-video", """{"prompt":"p","aspect_ratio":"1:1","duration":"5"}""", 500 },
        { "kling-2.6/image-to-video", """{"prompt":"p","image_urls":[],"sound":false,"duration":"5"}""", 500 },
        { "kling-2.6/image-to-video", """{"prompt":"p","image_urls":["https://i.example/a.png","https://i.example/b.png"],"sound":false,"duration":"5"}""", 500 },
        { "kling-2.6/image-to-video", """{"prompt":"p","image_urls":"https://i.example/a.png","sound":false,"duration":"5"}""", 422 },
        { "kling-3.0/video", """{"prompt":"p","duration":"5","mode":"pro"}""", 500 },
        { "kling-3.0/video", """{"prompt":"p","sound":false,"duration":"2"}""", 500 },
        { "kling-3.0/video", """{"prompt":"p","sound":false,"duration":"16"}""", 500 },
        { "kling-3.0/video", """{"prompt":"p","sound":"false","duration":"5"}""", 422 },
        { "kling-3.0/video", """{"prompt":"p","sound":false,"mode":"1080p"}""", 500 },
        { "kling-3.0/video", """{"prompt":"p","sound":false,"multi_shots":true,"multi_prompt":[{"prompt":"a","duration":13}]}""", 500 },
        { "kling-3.0/motion-control", """{"input_urls":["https://i.example/a.png"],"video_urls":["https://i.example/a.mp4"],"mode":"std"}""", 500 },
        { "kling/v3-turbo-text-to-video", """{"prompt":"p","aspect_ratio":"16:9","duration":"5"}""", 500 },
        { "kling/v3-turbo-image-to-video", """{"prompt":"p","image_urls":["https://i.example/a.png"],"duration":5,"resolution":"720p"}""", 422 },
        { "kling-3.0-omni/text-to-video", """{"prompt":"p","duration":"5"}""", 422 },
        { "kling-3.0-omni/text-to-video", """{"prompt":"p","duration":5.5}""", 422 },
        { "kling-3.0-omni/text-to-video", """{"prompt":"p","resolution":"4K"}""", 500 },
        { "kling-3.0-omni/image-to-video", """{"prompt":"p","image_urls":["https://i.example/a.png"],"sound":true}""", 422 },
        { "kling-3.0-omni/reference-to-video", """{"prompt":"p"}""", 500 },
        { "kling-3.0-omni/reference-to-video", """{"prompt":"p","video_urls":["https://i.example/a.mp4"],"audio":true}""", 500 },
        { "kling-3.0-omni/transformation", """{"prompt":"p"}""", 500 },
        { "kling/ai-avatar-pro", """{"prompt":"p","image_url":"https://i.example/a.png"}""", 500 },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task What_the_service_refuses_the_sandbox_refuses(string model, string input, int code)
    {
        await using SandboxHarness sandbox = new();

        JsonElement answer = await sandbox.CreateAsync($$"""{"model":"{{model}}","input":{{input}}}""");

        Assert.Equal(code, answer.GetProperty("code").GetInt32());
        Assert.Equal(0, sandbox.Server.GetBill().CreatesAccepted);
    }

    [Theory]
    [InlineData("kling-3.0/video", """{"prompt":"p","sound":false}""", 90)]
    [InlineData("kling-3.0-omni/text-to-video", """{"prompt":"p"}""", 70)]
    [InlineData("kling/v2-1-master-image-to-video", """{"prompt":"p","image_url":"https://i.example/a.png","tail_image_url":"https://i.example/b.png"}""", 160)]
    public async Task What_is_left_out_or_not_known_is_billed_at_the_default(string model, string input, int credits)
    {
        await using SandboxHarness sandbox = new();

        await sandbox.CreateAsync($$"""{"model":"{{model}}","input":{{input}}}""");

        Assert.Equal(credits, sandbox.Server.GetBill().CreditsHeld);
    }

    [Fact]
    public async Task The_default_of_several_shots_in_one_video_is_filled_in_where_the_service_has_it()
    {
        await using SandboxHarness sandbox = new();
        JsonElement answer = await sandbox.CreateAsync("""{"model":"kling-3.0-omni/text-to-video","input":{"prompt":"p"}}""");

        JsonElement record = (await sandbox.QueryAsync(answer.GetProperty("data").GetProperty("taskId").GetString()!)).GetProperty("data");

        JsonElement input = JsonElement.Parse(JsonElement.Parse(record.GetProperty("param").GetString()!).GetProperty("input").GetString()!);
        Assert.True(input.GetProperty("customize_multi_shots").GetBoolean());
        Assert.Equal("720p", input.GetProperty("resolution").GetString());
    }

    [Theory]
    [InlineData("kling-2.6/motion-control", 300, 400, false)]
    [InlineData("kling-2.6/motion-control", 301, 400, true)]
    [InlineData("kling-3.0/motion-control", 400, 1001, false)]
    [InlineData("kling-3.0/motion-control", 1000, 400, true)]
    [InlineData("kling-3.0-omni/image-to-video", 299, 299, false)]
    [InlineData("kling-3.0-omni/image-to-video", 300, 750, true)]
    [InlineData("kling-3.0-omni/image-to-video", 751, 300, false)]
    [InlineData("kling-3.0-omni/reference-to-video", 400, 200, false)]
    [InlineData("kling-3.0-omni/transformation", 400, 200, false)]
    [InlineData("kling/v2-1-pro", 20, 400, true)]
    public async Task An_image_of_the_wrong_size_or_shape_makes_no_video(string model, int width, int height, bool isTaken)
    {
        foreach ((string name, byte[] image) in ImagesOf(width, height))
        {
            await using SandboxHarness sandbox = new();
            string uri = await sandbox.UploadImageAsync(image, name);
            string input = model switch
            {
                "kling/v2-1-pro" => $$"""{"prompt":"p","image_url":"{{uri}}"}""",
                "kling-2.6/motion-control" => $$"""{"input_urls":["{{uri}}"],"video_urls":["https://v.example/a.mp4"],"mode":"720p","character_orientation":"video"}""",
                "kling-3.0/motion-control" => $$"""{"input_urls":["{{uri}}"],"video_urls":["https://v.example/a.mp4"]}""",
                "kling-3.0-omni/transformation" => $$"""{"prompt":"p","image_urls":["{{uri}}"],"video_urls":["https://v.example/a.mp4"]}""",
                _ => $$"""{"prompt":"p","image_urls":["{{uri}}"]}""",
            };

            JsonElement answer = await sandbox.CreateAsync($$"""{"model":"{{model}}","input":{{input}}}""");
            Assert.Equal((name, 200), (name, answer.GetProperty("code").GetInt32()));
            sandbox.Clock.Advance(TimeSpan.FromMinutes(5));

            JsonElement record = (await sandbox.QueryAsync(answer.GetProperty("data").GetProperty("taskId").GetString()!)).GetProperty("data");
            Assert.Equal((name, isTaken ? "success" : "fail"), (name, record.GetProperty("state").GetString()));
        }
    }

    /// <summary>An image in each format that all models take, with nothing but its header.</summary>
    private static IEnumerable<(string Name, byte[] Content)> ImagesOf(int width, int height)
    {
        byte[] png = [0x89, .. "PNG\r\n"u8, 0x1A, 0x0A, 0, 0, 0, 13, .. "IHDR"u8, .. Big(width), .. Big(height), 8, 2, 0, 0, 0, 0, 0, 0, 0];
        byte[] jpeg = [0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 1, 2, 0xFF, 0xFF, 0xC2, 0, 11, 8, .. Big(height)[2..], .. Big(width)[2..], 1, 1, 0x11, 0];
        return [("first.png", png), ("first.jpg", jpeg)];

        static byte[] Big(int value) => [(byte)(value >> 24), (byte)(value >> 16), (byte)(value >> 8), (byte)value];
    }
}
