using System.Net;
using System.Text.Json;
using KlingPS.Sandbox;

namespace KlingPS.Core.Tests.Sandbox;

public sealed class FaultTests
{
    [Theory]
    [InlineData(SandboxFaultKind.LoseAnswerBefore, 0)]
    [InlineData(SandboxFaultKind.LoseAnswerAfter, 1)]
    public async Task A_lost_answer_is_a_broken_connection_with_or_without_effect(SandboxFaultKind kind, int tasks)
    {
        await using SandboxHarness sandbox = new();
        sandbox.Server.AddFault(new SandboxFault { Operation = SandboxOperation.Create, FaultKind = kind });

        HttpRequestException broken = await Assert.ThrowsAsync<HttpRequestException>(() => sandbox.CreateAsync(SandboxHarness.Body()));

        Assert.IsType<HttpIOException>(broken.InnerException);
        SandboxBill bill = sandbox.Server.GetBill();
        Assert.Equal((1, tasks, 0), (bill.CreatesReceived, bill.CreatesAccepted, bill.CreatesRefused));
        Assert.Equal(42m * tasks, bill.CreditsHeld);
        Assert.Equal(0, Assert.Single(bill.Requests).Status);
        Assert.Empty(sandbox.Server.Faults);
        Assert.Equal(200, (await sandbox.CreateAsync(SandboxHarness.Body())).GetProperty("code").GetInt32());
    }

    [Theory]
    [InlineData(SandboxFaultKind.LoseAnswerBefore)]
    [InlineData(SandboxFaultKind.LoseAnswerAfter)]
    public async Task Every_operation_can_lose_its_answer(SandboxFaultKind kind)
    {
        await using SandboxHarness sandbox = new();
        Uri link = await sandbox.MakeVideoAsync();
        sandbox.Server.AddFault(new SandboxFault { Operation = SandboxOperation.Any, FaultKind = kind, Count = 0 });

        await Assert.ThrowsAsync<HttpRequestException>(() => sandbox.QueryAsync("x"));
        await Assert.ThrowsAsync<HttpRequestException>(() => sandbox.GetAsync("api/v1/chat/credit"));
        await Assert.ThrowsAsync<HttpRequestException>(() => sandbox.UploadAsync(SandboxHarness.Png));
        await Assert.ThrowsAsync<HttpRequestException>(() => sandbox.PostAsync("api/v1/common/download-url", "{}"));
        await Assert.ThrowsAsync<HttpRequestException>(() => sandbox.Cdn.GetAsync(link));

        Assert.Equal(kind == SandboxFaultKind.LoseAnswerAfter ? 1 : 0, sandbox.Server.GetBill().Uploads);
        Assert.Equal("success", Assert.Single(sandbox.Server.GetBill().Tasks).State);
        sandbox.Server.ClearFaults();
        Assert.Equal(200, (await sandbox.GetAsync("api/v1/chat/credit")).GetProperty("code").GetInt32());
    }

    [Fact]
    public async Task A_cut_download_delivers_the_beginning_and_breaks()
    {
        await using SandboxHarness sandbox = new();
        Uri link = await sandbox.MakeVideoAsync();
        byte[] video = await sandbox.Cdn.GetByteArrayAsync(link);
        sandbox.Server.AddFault(new SandboxFault { Operation = SandboxOperation.Download, FaultKind = SandboxFaultKind.CutDownload, AtFraction = 0.5 });

        using HttpResponseMessage response = await sandbox.Cdn.GetAsync(link, HttpCompletionOption.ResponseHeadersRead);
        using Stream body = await response.Content.ReadAsStreamAsync();
        byte[] received = new byte[video.Length];
        await body.ReadExactlyAsync(received.AsMemory(0, video.Length / 2));
        await Assert.ThrowsAsync<HttpIOException>(() => body.ReadExactlyAsync(received.AsMemory(video.Length / 2)).AsTask());

        Assert.Equal(video.Length, response.Content.Headers.ContentLength);
        Assert.Equal(video[..(video.Length / 2)], received[..(video.Length / 2)]);
        Assert.Equal(video, await sandbox.Cdn.GetByteArrayAsync(link));
    }

    [Fact]
    public async Task A_code_comes_in_the_body_and_has_no_effect()
    {
        await using SandboxHarness sandbox = new();
        sandbox.Server.AddFault(new SandboxFault { FaultKind = SandboxFaultKind.Code, Code = 455, Message = "resting", RetryAfter = "7" });

        using HttpResponseMessage response = await sandbox.Http.PostAsync("api/v1/jobs/createTask", SandboxHarness.Json(SandboxHarness.Body()));

        Assert.Equal(200, (int)response.StatusCode);
        Assert.Equal(TimeSpan.FromSeconds(7), response.Headers.RetryAfter?.Delta);
        Assert.Equal("""{"code":455,"msg":"resting","data":null}""", await response.Content.ReadAsStringAsync());
        Assert.Equal(1, sandbox.Server.GetBill().Refusals[455]);
        Assert.Empty(sandbox.Server.GetBill().Tasks);
    }

    [Theory]
    [InlineData("7")]
    [InlineData("0")]
    [InlineData("3600")]
    [InlineData("-1")]
    [InlineData("1.5")]
    [InlineData("99999999999999999999")]
    [InlineData("soon")]
    [InlineData("Wed, 21 Oct 2026 07:28:00 GMT")]
    public async Task Retry_After_says_whatever_it_is_told_to(string pause)
    {
        await using SandboxHarness sandbox = new();
        sandbox.Server.AddFault(new SandboxFault { FaultKind = SandboxFaultKind.HttpStatus, Status = 429, RetryAfter = pause });

        using HttpResponseMessage response = await sandbox.Http.GetAsync("api/v1/chat/credit");

        Assert.Equal(pause, Assert.Single(response.Headers.NonValidated["Retry-After"]));
    }

    [Fact]
    public async Task A_fault_with_a_duration_lasts_that_long_from_the_first_time_on()
    {
        await using SandboxHarness sandbox = new();
        sandbox.Server.AddFault(new SandboxFault { Operation = SandboxOperation.Credit, FaultKind = SandboxFaultKind.Code, Code = 455, Duration = TimeSpan.FromMinutes(2) });
        sandbox.Clock.Advance(TimeSpan.FromHours(1));
        List<int> codes = [];
        for (int i = 0; i < 5; i++)
        {
            codes.Add((await sandbox.GetAsync("api/v1/chat/credit")).GetProperty("code").GetInt32());
            sandbox.Clock.Advance(TimeSpan.FromSeconds(40));
        }

        Assert.Equal([455, 455, 455, 200, 200], codes);
        Assert.Empty(sandbox.Server.Faults);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("deflate")]
    [InlineData("br")]
    public async Task A_damaged_encoding_is_named_and_cannot_be_read_and_the_request_has_its_effect(string encoding)
    {
        await using SandboxHarness sandbox = new();
        sandbox.Server.AddFault(new SandboxFault { Operation = SandboxOperation.Create, FaultKind = SandboxFaultKind.DamagedEncoding, Encoding = encoding });
        using HttpClient decoding = new(new HttpClientHandler { AutomaticDecompression = DecompressionMethods.All }) { BaseAddress = sandbox.Server.Endpoint };
        decoding.DefaultRequestHeaders.Authorization = sandbox.Http.DefaultRequestHeaders.Authorization;

        await Assert.ThrowsAnyAsync<Exception>(async () => JsonElement.Parse(await PostAsync()));

        Assert.Equal(1, sandbox.Server.GetBill().CreatesAccepted);

        async Task<string> PostAsync()
        {
            using HttpResponseMessage response = await decoding.PostAsync("api/v1/jobs/createTask", SandboxHarness.Json(SandboxHarness.Body()));
            return await response.Content.ReadAsStringAsync();
        }
    }

    [Fact]
    public async Task Two_creates_get_one_id_and_both_are_billed()
    {
        await using SandboxHarness sandbox = new();
        sandbox.Server.AddFault(new SandboxFault { FaultKind = SandboxFaultKind.DuplicateId, Skip = 1 });

        string first = await sandbox.CreateTaskAsync(prompt: "first");
        string second = await sandbox.CreateTaskAsync(prompt: "second");

        Assert.Equal(first, second);
        SandboxBill bill = sandbox.Server.GetBill();
        Assert.Equal((2, 84m), (bill.CreatesAccepted, bill.CreditsHeld));
        Assert.Contains("first", (await sandbox.QueryAsync(first)).GetProperty("data").GetProperty("param").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_finished_task_comes_with_another_link_once()
    {
        await using SandboxHarness sandbox = new();
        string id = await sandbox.CreateTaskAsync();
        sandbox.Server.AddFault(new SandboxFault { Operation = SandboxOperation.Query, FaultKind = SandboxFaultKind.WrongLink, Link = "//nowhere" });
        string? waiting = (await sandbox.QueryAsync(id)).GetProperty("data").GetProperty("resultJson").GetString();
        sandbox.Clock.Advance(TimeSpan.FromSeconds(3));

        string? wrong = (await sandbox.QueryAsync(id)).GetProperty("data").GetProperty("resultJson").GetString();

        Assert.Equal(("", """{"resultUrls":["//nowhere"]}"""), (waiting, wrong));
        Assert.Equal(sandbox.Server.DownloadEndpoint.Authority, (await sandbox.GetResultAsync(id)).Authority);
    }

    [Theory]
    [InlineData("creditsConsumed", "-1000", "-1000")]
    [InlineData("creditsConsumed", "1e27", "1e27")]
    [InlineData("taskId", "not JSON", "\"not JSON\"")]
    [InlineData("taskId", null, null)]
    [InlineData("model", "{\"a\":[1]}", "{\"a\":[1]}")]
    public async Task A_field_of_the_data_holds_what_it_is_told_to(string field, string? value, string? expected)
    {
        await using SandboxHarness sandbox = new();
        string id = await sandbox.CreateTaskAsync();
        sandbox.Server.AddFault(new SandboxFault { Operation = SandboxOperation.Query, FaultKind = SandboxFaultKind.WrongField, Field = field, Value = value });

        JsonElement data = (await sandbox.QueryAsync(id)).GetProperty("data");

        Assert.Equal(expected, data.TryGetProperty(field, out JsonElement found) ? found.GetRawText() : null);
    }

    [Fact]
    public async Task A_field_of_the_envelope_holds_what_it_is_told_to()
    {
        await using SandboxHarness sandbox = new();
        sandbox.Server.AddFault(new SandboxFault { Operation = SandboxOperation.Credit, FaultKind = SandboxFaultKind.WrongField, Field = "data", Value = "\"many\"" });

        Assert.Equal("many", (await sandbox.GetAsync("api/v1/chat/credit")).GetProperty("data").GetString());
    }

    [Fact]
    public async Task A_download_is_sent_elsewhere_once()
    {
        await using SandboxHarness sandbox = new();
        Uri link = await sandbox.MakeVideoAsync();
        sandbox.Server.AddFault(new SandboxFault { FaultKind = SandboxFaultKind.Redirect, Link = "//" });
        using HttpClient plain = new(new HttpClientHandler { AllowAutoRedirect = false });
        plain.DefaultRequestHeaders.UserAgent.ParseAdd("Mozilla/5.0");

        using HttpResponseMessage redirected = await plain.GetAsync(link);
        using HttpResponseMessage served = await plain.GetAsync(link);

        Assert.Equal((HttpStatusCode.Found, "//"), (redirected.StatusCode, Assert.Single(redirected.Headers.NonValidated["Location"])));
        Assert.Equal(HttpStatusCode.OK, served.StatusCode);
    }

    [Fact]
    public async Task A_download_trickles()
    {
        ManualClock clock = new();
        await using SandboxHarness sandbox = new(_ => new SandboxOptions { TimeProvider = clock, GenerationTime = TimeSpan.Zero });
        Uri link = await sandbox.GetResultAsync(await sandbox.CreateTaskAsync());
        sandbox.Server.AddFault(new SandboxFault { Operation = SandboxOperation.Download, FaultKind = SandboxFaultKind.Trickle, BytesPerSecond = 10 });

        using HttpResponseMessage response = await sandbox.Cdn.GetAsync(link, HttpCompletionOption.ResponseHeadersRead);
        using Stream body = await response.Content.ReadAsStreamAsync();
        byte[] received = new byte[100];
        await body.ReadExactlyAsync(received.AsMemory(0, 10));
        Task<int> next = body.ReadAsync(received).AsTask();
        await clock.WaitedForAsync(TimeSpan.FromSeconds(1));

        Assert.False(next.IsCompleted);
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(10, await next);
    }

    public static TheoryData<SandboxFault, int, string, int> Oddities => new()
    {
        { new SandboxFault { FaultKind = SandboxFaultKind.HttpStatus, Status = 504 }, 504, "^$", 0 },
        { new SandboxFault { FaultKind = SandboxFaultKind.HttpStatus, Status = 500, Message = "no" }, 500, """^\{"code":500,"msg":"no","data":null\}$""", 0 },
        { new SandboxFault { FaultKind = SandboxFaultKind.GatewayHtml }, 502, "^<!DOCTYPE html>", 0 },
        { new SandboxFault { FaultKind = SandboxFaultKind.Garbage }, 200, """^\{"code":200,[^}]*$""", 1 },
        { new SandboxFault { FaultKind = SandboxFaultKind.Empty }, 200, "^$", 1 },
    };

    [Theory]
    [MemberData(nameof(Oddities))]
    public async Task Odd_answers_come_as_ordered(SandboxFault fault, int status, string pattern, int tasks)
    {
        await using SandboxHarness sandbox = new();
        sandbox.Server.AddFault(fault);

        using HttpResponseMessage response = await sandbox.Http.PostAsync("api/v1/jobs/createTask", SandboxHarness.Json(SandboxHarness.Body()));

        Assert.Equal(status, (int)response.StatusCode);
        Assert.Matches(pattern, await response.Content.ReadAsStringAsync());
        Assert.Equal(tasks, sandbox.Server.GetBill().CreatesAccepted);
    }

    [Theory]
    [InlineData(SandboxFaultKind.HttpStatus, 503)]
    [InlineData(SandboxFaultKind.GatewayHtml, 502)]
    [InlineData(SandboxFaultKind.Garbage, 200)]
    [InlineData(SandboxFaultKind.Empty, 200)]
    public async Task A_download_can_be_answered_with_something_else(SandboxFaultKind kind, int status)
    {
        await using SandboxHarness sandbox = new();
        Uri link = await sandbox.MakeVideoAsync();
        sandbox.Server.AddFault(new SandboxFault { Operation = SandboxOperation.Download, FaultKind = kind });

        using HttpResponseMessage response = await sandbox.Cdn.GetAsync(link);

        Assert.Equal(status, (int)response.StatusCode);
        Assert.DoesNotContain("ftyp", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_delayed_request_waits_and_then_goes_on()
    {
        ManualClock clock = new();
        await using SandboxHarness sandbox = new(_ => new SandboxOptions { TimeProvider = clock });
        sandbox.Server.AddFault(new SandboxFault { Operation = SandboxOperation.Credit, FaultKind = SandboxFaultKind.Delay, Delay = TimeSpan.FromMinutes(1) });
        sandbox.Server.AddFault(new SandboxFault { Operation = SandboxOperation.Credit, FaultKind = SandboxFaultKind.Code, Code = 500 });

        Task<JsonElement> answer = sandbox.GetAsync("api/v1/chat/credit");
        await clock.WaitedForAsync();
        clock.Advance(TimeSpan.FromSeconds(59));
        Assert.False(answer.IsCompleted);
        clock.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(500, (await answer).GetProperty("code").GetInt32());
    }

    [Fact]
    public async Task A_task_can_be_made_to_fail_by_its_prompt()
    {
        await using SandboxHarness sandbox = new();
        sandbox.Server.AddFault(new SandboxFault
        {
            Operation = SandboxOperation.Generate,
            FaultKind = SandboxFaultKind.FailTask,
            Match = "dragon",
            FailCode = "501",
            FailMessage = "no dragons",
        });
        await sandbox.CreateTaskAsync("a fox");
        string dragon = await sandbox.CreateTaskAsync("a dragon");

        sandbox.Clock.Advance(TimeSpan.FromSeconds(3));
        JsonElement data = (await sandbox.QueryAsync(dragon)).GetProperty("data");

        Assert.Equal(("fail", "501", "no dragons"), (data.GetProperty("state").GetString(), data.GetProperty("failCode").GetString(), data.GetProperty("failMsg").GetString()));
        SandboxBill bill = sandbox.Server.GetBill();
        Assert.Equal(["success", "fail"], bill.Tasks.Select(task => task.State));
        Assert.Equal((42m, 0m, 9_958m), (bill.CreditsSpent, bill.CreditsHeld, bill.CreditsLeft));
    }

    [Fact]
    public async Task A_task_can_be_made_slow_without_holding_up_the_others()
    {
        await using SandboxHarness sandbox = new();
        sandbox.Server.AddFault(new SandboxFault { Operation = SandboxOperation.Generate, FaultKind = SandboxFaultKind.Delay, Delay = TimeSpan.FromHours(1) });
        await sandbox.CreateTaskAsync();
        await sandbox.CreateTaskAsync();

        sandbox.Clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal(["generating", "success"], sandbox.Server.GetBill().Tasks.Select(task => task.State));
        sandbox.Clock.Advance(TimeSpan.FromSeconds(3));
        Assert.Equal(84m, sandbox.Server.GetBill().CreditsSpent);
    }

    [Fact]
    public async Task A_video_can_have_a_link_that_never_works()
    {
        await using SandboxHarness sandbox = new();
        sandbox.Server.AddFault(new SandboxFault { Operation = SandboxOperation.Generate, FaultKind = SandboxFaultKind.ExpireLink });

        Uri link = await sandbox.MakeVideoAsync();
        using HttpResponseMessage response = await sandbox.Cdn.GetAsync(link);

        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
    }

    [Fact]
    public async Task Query_faults_wait_for_a_query_on_which_they_show()
    {
        await using SandboxHarness sandbox = new();
        sandbox.Server.AddFault(new SandboxFault { Operation = SandboxOperation.Query, FaultKind = SandboxFaultKind.EmptyResult });
        sandbox.Server.AddFault(new SandboxFault { Operation = SandboxOperation.Query, FaultKind = SandboxFaultKind.UnknownId });
        await sandbox.QueryAsync("unheard-of");
        string id = await sandbox.CreateTaskAsync();

        JsonElement unknown = await sandbox.QueryAsync(id);
        JsonElement running = await sandbox.QueryAsync(id);
        sandbox.Clock.Advance(TimeSpan.FromSeconds(3));
        JsonElement empty = await sandbox.QueryAsync(id);
        Uri result = await sandbox.GetResultAsync(id);

        Assert.Equal("""{"code":422,"msg":"recordInfo is null","data":null}""", unknown.GetRawText());
        Assert.Equal("waiting", running.GetProperty("data").GetProperty("state").GetString());
        Assert.Equal("""{"resultUrls":[]}""", empty.GetProperty("data").GetProperty("resultJson").GetString());
        Assert.Equal(sandbox.Server.DownloadEndpoint.Authority, result.Authority);
    }

    [Fact]
    public async Task Faults_play_in_order_and_can_let_requests_pass_first()
    {
        await using SandboxHarness sandbox = new();
        sandbox.Server.AddFault(new SandboxFault { Operation = SandboxOperation.Credit, FaultKind = SandboxFaultKind.Code, Code = 501, Skip = 1, Count = 2 });
        sandbox.Server.AddFault(new SandboxFault { Operation = SandboxOperation.Credit, FaultKind = SandboxFaultKind.Code, Code = 505, Skip = 1 });
        List<int> codes = [];

        for (int i = 0; i < 5; i++)
        {
            codes.Add((await sandbox.GetAsync("api/v1/chat/credit")).GetProperty("code").GetInt32());
        }

        Assert.Equal([200, 501, 501, 505, 200], codes);
    }

    [Fact]
    public async Task Chance_can_be_repeated()
    {
        List<string> runs = [];
        for (int run = 0; run < 2; run++)
        {
            await using SandboxHarness sandbox = new(clock => new SandboxOptions { TimeProvider = clock, Seed = 7 });
            sandbox.Server.AddFault(new SandboxFault { Operation = SandboxOperation.Credit, FaultKind = SandboxFaultKind.Code, Probability = 0.5, Count = 0 });
            string codes = "";
            for (int i = 0; i < 40; i++)
            {
                codes += (await sandbox.GetAsync("api/v1/chat/credit")).GetProperty("code").GetInt32() == 200 ? "." : "x";
            }

            runs.Add(codes);
        }

        Assert.Equal(runs[0], runs[1]);
        Assert.Contains('.', runs[0]);
        Assert.Contains('x', runs[0]);
    }

    public static TheoryData<SandboxFault> Impossible => new()
    {
        new SandboxFault { Operation = SandboxOperation.Create, FaultKind = SandboxFaultKind.CutDownload },
        new SandboxFault { Operation = SandboxOperation.Credit, FaultKind = SandboxFaultKind.UnknownId },
        new SandboxFault { Operation = SandboxOperation.Generate, FaultKind = SandboxFaultKind.Garbage },
        new SandboxFault { Operation = SandboxOperation.Download, FaultKind = SandboxFaultKind.Code },
        new SandboxFault { Count = -1 },
        new SandboxFault { Skip = -1 },
        new SandboxFault { Probability = 1.1 },
        new SandboxFault { Probability = double.NaN },
        new SandboxFault { AtFraction = 1 },
        new SandboxFault { Delay = TimeSpan.FromSeconds(-1) },
        new SandboxFault { Status = 42 },
        new SandboxFault { Code = 42 },
        new SandboxFault { Duration = TimeSpan.FromSeconds(-1) },
        new SandboxFault { FaultKind = SandboxFaultKind.Trickle, BytesPerSecond = 0 },
        new SandboxFault { FaultKind = SandboxFaultKind.DamagedEncoding, Encoding = "zip" },
        new SandboxFault { Operation = SandboxOperation.Query, FaultKind = SandboxFaultKind.WrongLink },
        new SandboxFault { Operation = SandboxOperation.Download, FaultKind = SandboxFaultKind.Redirect },
        new SandboxFault { Operation = SandboxOperation.Query, FaultKind = SandboxFaultKind.Redirect, Link = "/" },
        new SandboxFault { Operation = SandboxOperation.Query, FaultKind = SandboxFaultKind.WrongField },
        new SandboxFault { Operation = SandboxOperation.Query, FaultKind = SandboxFaultKind.DuplicateId },
    };

    [Theory]
    [MemberData(nameof(Impossible))]
    public async Task A_fault_that_could_never_happen_is_refused(SandboxFault fault)
    {
        await using SandboxHarness sandbox = new();

        Assert.Throws<ArgumentException>(() => sandbox.Server.AddFault(fault));
    }
}
