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
}
