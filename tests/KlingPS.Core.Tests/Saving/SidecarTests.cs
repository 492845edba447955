using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using KlingPS.Core.Model;
using KlingPS.Core.Saving;
using KlingPS.Core.Tests.Model;

namespace KlingPS.Core.Tests.Saving;

public sealed class SidecarTests : IDisposable
{
    private static readonly DateTimeOffset s_created = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);

    private static readonly VideoSpec s_spec = new()
    {
        Prompt = "Füchsin läuft \"schnell\" 跑",
        Duration = 10,
        Take = 2,
        Image = MediaSource.FromFile("/first/fox.png") with { Hash = "aa", Uri = "https://uploads.example/aa.png" },
    };

    private static readonly KlingVideoTask s_task = new()
    {
        Id = 7,
        TaskId = "t7",
        TaskState = KlingTaskState.Succeeded,
        Spec = s_spec,
        CreatedAt = s_created,
        CompletedAt = s_created.AddMinutes(3),
        CreditsConsumed = 84,
        ResultUri = "https://videos.example/t7.mp4?signature=secret",
        SavedHash = "bb",
    };

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("klingps-");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Video => Path.Combine(_folder.FullName, "fox.mp4");

    public void Dispose() => _folder.Delete(recursive: true);

    private async Task<string> WriteAsync(KlingVideoTask task, string? tailHash = null, bool overwrite = false)
    {
        await Sidecar.From(new SavedVideo(Video, task) { SourcePath = "/images/fox.png" }, tailHash).WriteAsync(Video, overwrite, Token);
        return await File.ReadAllTextAsync(Video + ".json", Token);
    }

    [Fact]
    public async Task It_tells_what_the_video_was_made_from_in_words_people_can_read()
    {
        string text = await WriteAsync(s_task);

        Assert.Equal(
            """
            {
              "taskId": "t7",
              "id": 7,
              "createdAt": "2026-11-22T12:00:00+00:00",
              "completedAt": "2026-11-22T12:03:00+00:00",
              "credits": 84,
              "source": {
                "path": "/images/fox.png",
                "uri": "https://uploads.example/aa.png",
                "sha256": "aa"
              },
              "request": {
                "model": "kling/v2-5-turbo-image-to-video-pro",
                "prompt": "Füchsin läuft \"schnell\" 跑",
                "duration": 10,
                "take": 2
              },
              "video": {
                "path": "fox.mp4",
                "sha256": "bb"
              }
            }
            """,
            text,
            ignoreLineEndingDifferences: true);
        Assert.Equal([Video + ".json"], Directory.GetFiles(_folder.FullName));
    }

    [Fact]
    public async Task It_names_the_image_at_the_end_and_what_else_was_asked_for()
    {
        MediaSource end = MediaSource.FromFile("/images/end.png") with { Uri = "https://uploads.example/cc.png" };
        JsonNode sidecar = JsonNode.Parse(await WriteAsync(s_task with { Spec = s_spec with { TailImage = end, NegativePrompt = "blur", CfgScale = 0.7m } }, "cc"))!;

        Assert.Equal(("/images/end.png", "https://uploads.example/cc.png", "cc"), ((string?)sidecar["tailImage"]!["path"], (string?)sidecar["tailImage"]!["uri"], (string?)sidecar["tailImage"]!["sha256"]));
        Assert.Equal(("blur", 0.7m), ((string?)sidecar["request"]!["negativePrompt"], (decimal?)sidecar["request"]!["cfgScale"]));
    }

    [Fact]
    public async Task One_that_says_the_same_stays_as_it_is_and_another_is_replaced()
    {
        await WriteAsync(s_task);
        DateTime earlier = s_created.UtcDateTime;
        File.SetLastWriteTimeUtc(Video + ".json", earlier);

        await WriteAsync(s_task);
        Assert.Equal(earlier, File.GetLastWriteTimeUtc(Video + ".json"));

        Assert.Contains("\"id\": 8", await WriteAsync(s_task with { Id = 8 }), StringComparison.Ordinal);
        Assert.Equal([Video + ".json"], Directory.GetFiles(_folder.FullName));
    }

    [Fact]
    public async Task Images_that_share_a_video_write_its_sidecar_at_the_same_time()
    {
        await Task.WhenAll(Enumerable.Range(1, 20).Select(id => Task.Run(() => WriteAsync(s_task with { Id = id }), Token)));

        Assert.Equal([Video + ".json"], Directory.GetFiles(_folder.FullName));
    }

    [Theory]
    [InlineData("")]
    [InlineData("my notes")]
    [InlineData("[1]")]
    [InlineData("""{"camera":"X100","id":7}""")]
    [InlineData("""{"id":7,"source":1,"request":2,"video":"fox.mp4"}""")]
    [InlineData("""{"\ud800":7,"source":1}""")]
    [InlineData("""{"id":7,"source":1,"request":2,"video":{"\ud800x":1}}""")]
    public async Task A_file_of_the_user_s_is_replaced_only_when_that_is_wanted(string theirs)
    {
        await File.WriteAllTextAsync(Video + ".json", theirs, Token);

        KlingException error = await Assert.ThrowsAsync<KlingException>(() => WriteAsync(s_task));

        Assert.Equal(ErrorKind.FileExists, error.Kind);
        Assert.Contains("is whole", error.Message, StringComparison.Ordinal);
        Assert.Equal(theirs, await File.ReadAllTextAsync(Video + ".json", Token));
        Assert.Contains("\"id\": 7", await WriteAsync(s_task, overwrite: true), StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_that_cannot_be_written_is_an_error_that_says_the_video_is_whole()
    {
        Directory.CreateDirectory(Video + ".json");

        KlingException error = await Assert.ThrowsAsync<KlingException>(() => WriteAsync(s_task));

        Assert.Equal(ErrorKind.DestinationUnusable, error.Kind);
        Assert.Contains("is whole", error.Message, StringComparison.Ordinal);
        Assert.Contains(Video + ".json", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_sidecar_tells_again_what_was_written()
    {
        await WriteAsync(s_task);

        Sidecar? read = Sidecar.TryRead(Video + ".json");

        Assert.Equal((s_task.TaskId, s_task.Id, s_spec.Normalized().GetIdentity()), (read?.TaskId, read?.Id, read?.FindIdentity()));
    }

    [Theory]
    [MemberData(nameof(ModelRequests.Ids), MemberType = typeof(ModelRequests))]
    public async Task Where_there_is_no_ledger_a_video_is_what_was_asked_for(string model)
    {
        var requests = ModelRequests.Get(model);
        foreach (VideoSpec asked in new[] { requests.Smallest, requests.Fullest })
        {
            VideoSpec spec = asked.InputSeconds is null ? asked : asked with { InputSeconds = 7 };
            await WriteAsync(s_task with { Spec = spec }, tailHash: null);

            VideoSpec read = Sidecar.TryRead(Video + ".json")!.ToTask(Video).Spec;

            Assert.Equal((spec.GetIdentity(), spec.Seconds, spec.GetCredits()), (read.GetIdentity(), read.Seconds, read.GetCredits()));
            Assert.Null(ModelCatalog.Get(model).FindUnsupported(read));
        }
    }

    /// <summary>Whatever lies in a destination under the name of a sidecar.</summary>
    [Fact]
    public async Task Damaged_sidecars_are_none_and_harm_nobody()
    {
        await WriteAsync(s_task with { Spec = s_spec with { TailImage = MediaSource.FromFile("/tail.png") } }, tailHash: "bb");
        byte[] whole = File.ReadAllBytes(Video + ".json");
        string path = Path.Combine(_folder.FullName, "damaged.mp4.json");
        (string Whole, string Part)[] parts = [.. JsonNode.Parse(whole)!.AsObject().Select(field => field.Value?.ToJsonString() ?? "null").SelectMany(part => new[] { "null", "-1", "\"\"", "{}", "1e400" }.Select(other => (part, other)))];

        Gen.OneOf(
            Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Byte).Select((at, value) => (byte[])[.. whole[..at], value, .. whole[(at + 1)..]]),
            Gen.Int[0, whole.Length].Select(length => whole[..length]),
            Gen.Int[0, parts.Length - 1].Select(index => parts[index]).Select(part => Encoding.UTF8.GetBytes(JsonNode.Parse(whole)!.ToJsonString().Replace(part.Whole, part.Part, StringComparison.Ordinal)))).Sample(
            content =>
            {
                File.WriteAllBytes(path, content);
                _ = Sidecar.TryRead(path)?.FindIdentity();
            },
            threads: 1,
            iter: 500);
    }
}
