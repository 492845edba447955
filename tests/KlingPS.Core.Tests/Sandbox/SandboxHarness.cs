using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using KlingPS.Sandbox;
using KlingPS.Sandbox.Hosting;
using Microsoft.Extensions.Time.Testing;

namespace KlingPS.Core.Tests.Sandbox;

/// <summary>A sandbox whose clock stands still, and a plain client of it.</summary>
internal sealed class SandboxHarness : IAsyncDisposable
{
    internal const string Model = "kling/v2-5-turbo-image-to-video-pro";
    internal const string ForeignImage = "https://images.example/fox.png";

    internal static readonly byte[] Png = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 1, 2, 3, 4, 5];

    internal SandboxHarness(Func<FakeTimeProvider, SandboxOptions>? options = null)
    {
        Server = SandboxServer.Start(options?.Invoke(Clock) ?? new SandboxOptions { TimeProvider = Clock });
        Http = new HttpClient { BaseAddress = Server.Endpoint };
        Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Server.ApiKey);
        Cdn = new HttpClient { BaseAddress = Server.DownloadEndpoint };
        Cdn.DefaultRequestHeaders.UserAgent.ParseAdd("Mozilla/5.0");
    }

    internal FakeTimeProvider Clock { get; } = new(new DateTimeOffset(2026, 10, 1, 8, 0, 0, TimeSpan.Zero));

    internal SandboxServer Server { get; }

    /// <summary>With the key, for API and uploads.</summary>
    internal HttpClient Http { get; }

    /// <summary>Without the key, with a User-Agent.</summary>
    internal HttpClient Cdn { get; }

    internal static string Body(string prompt = "a fox", string image = ForeignImage, string duration = "5") =>
        new JsonObject
        {
            ["model"] = Model,
            ["input"] = new JsonObject { ["prompt"] = prompt, ["image_url"] = image, ["duration"] = duration },
        }.ToJsonString();

    internal static StringContent Json(string body) => new(body, Encoding.UTF8, "application/json");

    internal async Task<JsonElement> PostAsync(string path, string body)
    {
        using HttpResponseMessage response = await Http.PostAsync(path, Json(body));
        return await ReadAsync(response);
    }

    internal Task<JsonElement> CreateAsync(string body) => PostAsync("api/v1/jobs/createTask", body);

    internal async Task<string> CreateTaskAsync(string prompt = "a fox", string image = ForeignImage, string duration = "5")
    {
        JsonElement answer = await CreateAsync(Body(prompt, image, duration));
        return answer.GetProperty("data").GetProperty("taskId").GetString()!;
    }

    internal async Task<JsonElement> GetAsync(string path)
    {
        using HttpResponseMessage response = await Http.GetAsync(path);
        return await ReadAsync(response);
    }

    internal Task<JsonElement> QueryAsync(string taskId) => GetAsync($"api/v1/jobs/recordInfo?taskId={taskId}");

    /// <summary>Makes a task, lets it finish, and returns the link to its video.</summary>
    internal async Task<Uri> MakeVideoAsync(string duration = "5")
    {
        string id = await CreateTaskAsync(duration: duration);
        Clock.Advance(TimeSpan.FromSeconds(3));
        return await GetResultAsync(id);
    }

    internal async Task<Uri> GetResultAsync(string taskId)
    {
        JsonElement answer = await QueryAsync(taskId);
        JsonElement result = JsonElement.Parse(answer.GetProperty("data").GetProperty("resultJson").GetString()!);
        return new Uri(result.GetProperty("resultUrls")[0].GetString()!);
    }

    internal async Task<JsonElement> UploadAsync(byte[] content, string uploadPath = "klingps", string? fileName = "first.png")
    {
        using HttpResponseMessage response = await PostUploadAsync(content, uploadPath, fileName);
        return await ReadAsync(response);
    }

    internal async Task<HttpResponseMessage> PostUploadAsync(byte[] content, string uploadPath = "klingps", string? fileName = "first.png")
    {
        using MultipartFormDataContent form = new() { { new ByteArrayContent(content), "file", "photo.png" }, { new StringContent(uploadPath), "uploadPath" } };
        if (fileName is not null)
        {
            form.Add(new StringContent(fileName), "fileName");
        }

        return await Http.PostAsync(new Uri(Server.UploadEndpoint, "api/file-stream-upload"), form);
    }

    internal async Task<string> UploadImageAsync(byte[]? content = null, string fileName = "first.png") =>
        (await UploadAsync(content ?? Png, fileName: fileName)).GetProperty("data").GetProperty("downloadUrl").GetString()!;

    internal static async Task<JsonElement> ReadAsync(HttpResponseMessage response) =>
        JsonElement.Parse(await response.Content.ReadAsStringAsync());

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        Cdn.Dispose();
        await Server.DisposeAsync();
    }
}
