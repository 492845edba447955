using System.Text.Json;
using CsCheck;
using KlingPS.Core.Api;
using KlingPS.Core.Api.Wire;
using KlingPS.Core.Model;
using KlingPS.Core.Tests.Ledger;
using Microsoft.Extensions.Time.Testing;

namespace KlingPS.Core.Tests.Api;

public sealed class SnapshotTests
{
    private static readonly FakeTimeProvider s_clock = new(new DateTimeOffset(2026, 10, 1, 0, 0, 0, TimeSpan.Zero));

    private static TaskSnapshot Read(string data, string taskId = "asked")
        => new SnapshotReader(KlingEndpoints.Default.Addresses, s_clock).Read(JsonSerializer.Deserialize<JsonElement>(data), taskId)!;

    [Fact]
    public void A_finished_task_is_read_as_the_service_tells_it()
    {
        TaskSnapshot snapshot = Read("""
            {"taskId":"9b1f","model":"kling/v2-5-turbo-image-to-video-pro","state":"success",
             "param":"{\"input\":\"{\\\"prompt\\\":\\\"a fox\\\",\\\"image_url\\\":\\\"https://i.example/f.png\\\",\\\"duration\\\":\\\"10\\\",\\\"cfg_scale\\\":0.5}\",\"model\":\"kling/v2-5-turbo-image-to-video-pro\",\"callBackUrl\":\"https://c.example/\"}",
             "resultJson":"{\"resultUrls\":[\"https://tempfile.aiquickdraw.com/k/9b1f.mp4\"]}","failCode":null,"failMsg":null,
             "costTime":120,"completeTime":1790000120450,"createTime":1790000000000,"creditsConsumed":84.0,"successFlag":1,"response":{"x":[]}}
            """, "9b1f");

        Assert.Equal(("9b1f", KlingTaskState.Succeeded), (snapshot.TaskId, snapshot.State));
        Assert.Equal(["https://tempfile.aiquickdraw.com/k/9b1f.mp4"], snapshot.ResultUris);
        Assert.Equal((null, null, 84m), (snapshot.FailCode, snapshot.FailMessage, snapshot.CreditsConsumed));
        Assert.Equal(DateTimeOffset.FromUnixTimeMilliseconds(1790000000000), snapshot.CreatedAt);
        Assert.Equal(DateTimeOffset.FromUnixTimeMilliseconds(1790000120450), snapshot.CompletedAt);
        Assert.Equal(
            new VideoSpec { Prompt = "a fox", Image = MediaSource.FromUri("https://i.example/f.png"), Duration = 10, CfgScale = 0.5m, CallbackUri = "https://c.example/" },
            snapshot.Spec);
    }

    [Theory]
    [InlineData("""{"resultUrls":["https://a.example/1","https://a.example/2"]}""", 2)]
    [InlineData("""{"resultUrls":[]}""", 0)]
    [InlineData("""{"resultUrls":null}""", 0)]
    [InlineData("""{"resultUrls":["",null,7,{}]}""", 0)]
    [InlineData("""{"resultUrls":"https://a/1"}""", 0)]
    [InlineData("{}", 0)]
    [InlineData("null", 0)]
    [InlineData("[]", 0)]
    public void The_result_may_be_an_object_or_packed_once_or_twice(string result, int count)
    {
        string packed = JsonSerializer.Serialize(result);
        foreach (string dialect in new[] { result, packed, JsonSerializer.Serialize(packed) })
        {
            Assert.Equal(count, Read($$"""{"state":"success","resultJson":{{dialect}}}""").ResultUris.Count);
        }
    }

    [Theory]
    [InlineData("\"\"")]
    [InlineData("\"no json\"")]
    [InlineData("\"\\\"\\\"\"")]
    [InlineData("17")]
    [InlineData("true")]
    public void A_result_that_is_none_gives_no_link(string result)
        => Assert.Empty(Read($$"""{"state":"success","resultJson":{{result}}}""").ResultUris);

    [Theory]
    [InlineData("waiting", KlingTaskState.Waiting)]
    [InlineData("queuing", KlingTaskState.Queuing)]
    [InlineData("generating", KlingTaskState.Generating)]
    [InlineData("success", KlingTaskState.Succeeded)]
    [InlineData("SUCCESS", KlingTaskState.Succeeded)]
    [InlineData("fail", KlingTaskState.Failed)]
    [InlineData("failed", KlingTaskState.Failed)]
    [InlineData("paused-for-review", KlingTaskState.Waiting)]
    [InlineData("successful?", KlingTaskState.Waiting)]
    [InlineData("", KlingTaskState.Waiting)]
    public void A_state_that_is_not_known_counts_as_pending(string word, KlingTaskState state)
        => Assert.Equal(state, Read($$"""{"state":"{{word}}"}""").State);

    [Theory]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("\"success\"")]
    [InlineData("""{"state":null}""")]
    [InlineData("""{"state":1}""")]
    public void No_data_is_a_task_that_waits(string data)
    {
        TaskSnapshot snapshot = Read(data);

        Assert.Equal(("asked", KlingTaskState.Waiting), (snapshot.TaskId, snapshot.State));
        Assert.Equal((null, null, null, null), (snapshot.CreatedAt, snapshot.CompletedAt, snapshot.CreditsConsumed, snapshot.Spec));
    }

    [Theory]
    [InlineData("\"422\"", "422")]
    [InlineData("422", "422")]
    [InlineData("\"GENERATION_FAILED\"", "GENERATION_FAILED")]
    [InlineData("\"\"", null)]
    [InlineData("null", null)]
    public void The_code_of_a_failure_may_be_a_number_or_a_word(string code, string? read)
        => Assert.Equal(read, Read($$"""{"state":"fail","failCode":{{code}},"failMsg":"Image fetch failed."}""").FailCode);

    [Theory]
    [InlineData("""{"creditsConsumed":42.5}""", "42.5")]
    [InlineData("""{"creditsConsumed":"42"}""", "42")]
    [InlineData("""{"consumeCredits":42,"remainedCredits":7}""", "42")]
    [InlineData("""{"creditsConsumed":null,"consumeCredits":1}""", "1")]
    [InlineData("""{"creditsConsumed":0.0}""", "0")]
    [InlineData("""{"creditsConsumed":1e99}""", null)]
    [InlineData("""{"creditsConsumed":1e28}""", null)]
    [InlineData("""{"creditsConsumed":-42}""", null)]
    [InlineData("""{"creditsConsumed":-42,"consumeCredits":42}""", "42")]
    public void Credits_have_two_names(string data, string? credits)
        => Assert.Equal(credits is null ? null : decimal.Parse(credits, System.Globalization.CultureInfo.InvariantCulture), Read(data).CreditsConsumed);

    [Theory]
    [InlineData("""{"input":{"prompt":"a fox"},"model":"m"}""")]
    [InlineData("""{"input":"{\"prompt\":\"a fox\"}","model":"m"}""")]
    [InlineData("\"{\\\"input\\\":{\\\"prompt\\\":\\\"a fox\\\"},\\\"model\\\":\\\"m\\\"}\"")]
    public void The_request_may_be_nested_or_packed(string param)
        => Assert.Equal(new VideoSpec { Model = "m", Prompt = "a fox" }, Read($$"""{"param":{{param}}}""").Spec);

    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("null")]
    [InlineData("\"soon\"")]
    [InlineData("1e30")]
    [InlineData("253402300799999")]
    [InlineData("1790900000000")]
    [InlineData("1000000000000")]
    public void A_time_that_is_none_is_left_out(string time)
        => Assert.Null(Read($$"""{"completeTime":{{time}}}""").CompletedAt);

    [Fact]
    public async Task No_answer_whatever_makes_a_query_or_a_purchase_end_in_anything_but_its_own_error()
    {
        using var harness = new ClientHarness(maxAttempts: 1);
        await using var ledger = new TestLedger(harness.Clock);
        string image = Path.GetTempFileName();
        await Gen.Int.SampleAsync(
            async seed =>
            {
                var random = new Random(seed);
                string body = JsonNoise.Write(random);
                int status = random.Next(3) == 0 ? random.Next(200, 600) : 200;
                harness.Service.On(FakeService.QueryPath, Replies.Text(status, body)).On(FakeService.CreatePath, Replies.Text(status, body)).On(FakeService.UploadPath, Replies.Text(status, body));
                try
                {
                    TaskSnapshot snapshot = await harness.Client.QueryTaskAsync("asked", CancellationToken.None);
                    if (snapshot.State == KlingTaskState.Succeeded)
                    {
                        Assert.Contains("\"success\"", body, StringComparison.Ordinal);
                    }

                    await ledger.Tasks.RecordSnapshotAsync($"account {seed}", snapshot);
                }
                catch (KlingApiException)
                {
                }

                try
                {
                    string taskId = await harness.Client.CreateTaskAsync(ClientHarness.Video, CancellationToken.None);
                    Assert.Contains("\"taskId\"", body, StringComparison.Ordinal);
                    Assert.NotEmpty(taskId);
                }
                catch (KlingApiException)
                {
                }

                try
                {
                    await harness.Client.UploadAsync(new UploadRequest { Path = image, Open = () => File.OpenRead(image), FileName = "a.png", MimeType = "image/png" }, CancellationToken.None);
                }
                catch (KlingApiException)
                {
                }
            },
            iter: 3000,
            threads: 1,
            print: seed => JsonNoise.Write(new Random(seed)));
        File.Delete(image);
    }
}
