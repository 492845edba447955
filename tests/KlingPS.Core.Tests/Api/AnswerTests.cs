using System.Net.Http.Headers;
using KlingPS.Core.Api;
using KlingPS.Core.Model;
using KlingPS.Core.Reporting;

namespace KlingPS.Core.Tests.Api;

public sealed class AnswerTests
{
    private const string GatewayPage = "<html><head><title>502 Bad Gateway</title></head><body>cloudflare</body></html>";
    private const string UnknownRoute = """{"timestamp":"2026-10-01T08:00:00.000+00:00","status":404,"error":"Not Found","message":"No message available","path":"/api/v1/jobs/x"}""";

    /// <summary>Status, body; the kind, and whether the same request may succeed later.</summary>
    public static TheoryData<int, string, ErrorKind, bool> ReadAnswers => new()
    {
        { 200, Envelope(400, "Parameter error"), ErrorKind.RequestInvalid, false },
        { 200, Envelope(401, "Unauthorized – Authentication failed"), ErrorKind.Unauthorized, false },
        { 200, """{"code":401,"msg":"Unauthorized"}""", ErrorKind.Unauthorized, false },
        { 200, Envelope(402, "Credits insufficient"), ErrorKind.CreditsInsufficient, false },
        { 200, Envelope(404, "Not found"), ErrorKind.EndpointWrong, false },
        { 200, Envelope(408, "Upstream gave nothing"), ErrorKind.ServiceUnavailable, true },
        { 200, Envelope(422, "The model name you specified is not supported"), ErrorKind.RequestInvalid, false },
        { 200, Envelope(422, "recordInfo is null"), ErrorKind.TaskNotFound, false },
        { 200, Envelope(429, "Your call frequency is too high"), ErrorKind.RateLimited, true },
        { 200, Envelope(433, "Usage cap reached"), ErrorKind.KeyCapReached, false },
        { 200, Envelope(455, "Maintenance"), ErrorKind.ServiceUnavailable, true },
        { 200, Envelope(500, "Server exception, please try again later"), ErrorKind.ServiceUnavailable, true },
        { 200, Envelope(500, "This field is required"), ErrorKind.RequestInvalid, false },
        { 200, Envelope(500, "duration is not within the range of allowed options"), ErrorKind.RequestInvalid, false },
        { 200, Envelope(500, "Credits insufficient: your balance is too low, please try again after a top-up"), ErrorKind.CreditsInsufficient, false },
        { 200, Envelope(500, "Something the author of this list has not thought of"), ErrorKind.ServiceUnavailable, true },
        { 200, """{"code":500}""", ErrorKind.ServiceUnavailable, true },
        { 200, Envelope(501, "Generation failed"), ErrorKind.TaskFailed, false },
        { 200, Envelope(505, "Feature disabled"), ErrorKind.FeatureDisabled, false },
        { 200, Envelope(0, "?"), ErrorKind.AnswerInvalid, false },
        { 200, Envelope(201, "Created"), ErrorKind.AnswerInvalid, false },
        { 200, """{"code":"401","msg":"as text"}""", ErrorKind.Unauthorized, false },
        { 200, """{"code":422,"message":"recordInfo is null"}""", ErrorKind.TaskNotFound, false },
        { 401, Envelope(401, "Unauthorized"), ErrorKind.Unauthorized, false },
        { 500, Envelope(422, "the body decides"), ErrorKind.RequestInvalid, false },
        { 200, Envelope(503, "the body decides"), ErrorKind.ServiceUnavailable, true },
        { 401, "", ErrorKind.Unauthorized, false },
        { 403, GatewayPage, ErrorKind.Unauthorized, false },
        { 404, UnknownRoute, ErrorKind.EndpointWrong, false },
        { 404, GatewayPage, ErrorKind.EndpointWrong, false },
        { 404, "", ErrorKind.EndpointWrong, false },
        { 405, GatewayPage, ErrorKind.EndpointWrong, false },
        { 404, """{"code":404,"msg":"the service's own"}""", ErrorKind.EndpointWrong, false },
        { 429, "", ErrorKind.RateLimited, true },
        { 502, GatewayPage, ErrorKind.ServiceUnavailable, true },
        { 503, GatewayPage, ErrorKind.ServiceUnavailable, true },
        { 504, GatewayPage, ErrorKind.ServiceUnavailable, true },
        { 200, GatewayPage, ErrorKind.AnswerInvalid, true },
        { 301, "", ErrorKind.ServiceUnavailable, true },
        { 302, "", ErrorKind.ServiceUnavailable, true },
        { 308, "", ErrorKind.ServiceUnavailable, true },
        { 304, "", ErrorKind.AnswerInvalid, true },
        { 200, "", ErrorKind.AnswerInvalid, true },
        { 200, "{\"code\":20", ErrorKind.AnswerInvalid, true },
        { 200, "[200]", ErrorKind.AnswerInvalid, true },
        { 200, "200", ErrorKind.AnswerInvalid, true },
        { 200, "null", ErrorKind.AnswerInvalid, true },
        { 200, "{}", ErrorKind.AnswerInvalid, true },
        { 200, """{"code":null,"msg":"success","data":1}""", ErrorKind.AnswerInvalid, true },
        { 200, """{"code":{"code":200},"data":1}""", ErrorKind.AnswerInvalid, true },
        { 200, """{"code":99999999999,"data":1}""", ErrorKind.AnswerInvalid, true },
    };

    /// <summary>Status, body; the kind, and whether it may be sent again, of answers that say that nothing was bought.</summary>
    public static TheoryData<int, string, ErrorKind, bool> Refusals => new()
    {
        { 200, Envelope(400, "Content policy"), ErrorKind.RequestInvalid, false },
        { 200, """{"code":401,"msg":"Unauthorized – Authentication failed"}""", ErrorKind.Unauthorized, false },
        { 200, Envelope(402, "Credits insufficient"), ErrorKind.CreditsInsufficient, false },
        { 200, Envelope(404, "Not found"), ErrorKind.EndpointWrong, false },
        { 200, Envelope(422, "The model name you specified is not supported"), ErrorKind.RequestInvalid, false },
        { 200, Envelope(429, "Your call frequency is too high"), ErrorKind.RateLimited, true },
        { 200, Envelope(433, "Usage cap reached"), ErrorKind.KeyCapReached, false },
        { 200, Envelope(455, "Maintenance"), ErrorKind.ServiceUnavailable, true },
        { 200, Envelope(500, "Server exception, please try again later"), ErrorKind.ServiceUnavailable, true },
        { 500, Envelope(500, "Internal error"), ErrorKind.ServiceUnavailable, true },
        { 503, Envelope(455, "Maintenance"), ErrorKind.ServiceUnavailable, true },
        { 200, Envelope(500, "This field is required"), ErrorKind.RequestInvalid, false },
        { 200, Envelope(500, "duration is not within the range of allowed options, try again"), ErrorKind.RequestInvalid, false },
        { 200, Envelope(500, "Credits insufficient, try again after a top-up"), ErrorKind.CreditsInsufficient, false },
        { 200, Envelope(500, "Something the author of this list has not thought of"), ErrorKind.ServiceUnavailable, false },
        { 200, """{"code":500,"data":null}""", ErrorKind.ServiceUnavailable, false },
        { 200, Envelope(501, "Generation failed"), ErrorKind.TaskFailed, false },
        { 200, Envelope(505, "Feature disabled"), ErrorKind.FeatureDisabled, false },
        { 200, """{"code":"429","message":"as text"}""", ErrorKind.RateLimited, true },
        { 401, "", ErrorKind.Unauthorized, false },
        { 403, GatewayPage, ErrorKind.Unauthorized, false },
        { 404, UnknownRoute, ErrorKind.EndpointWrong, false },
        { 404, GatewayPage, ErrorKind.EndpointWrong, false },
        { 404, "", ErrorKind.EndpointWrong, false },
        { 405, GatewayPage, ErrorKind.EndpointWrong, false },
        { 404, """{"code":404,"msg":"the service's own"}""", ErrorKind.EndpointWrong, false },
        { 429, GatewayPage, ErrorKind.RateLimited, true },
        { 301, "", ErrorKind.ServiceUnavailable, false },
        { 307, "", ErrorKind.ServiceUnavailable, false },
        { 308, GatewayPage, ErrorKind.ServiceUnavailable, false },
    };

    /// <summary>Status and body of answers that do not say whether a task was made.</summary>
    public static TheoryData<int, string> Riddles => new()
    {
        { 200, """{"code":200,"msg":"success","data":null}""" },
        { 200, """{"code":200,"msg":"success"}""" },
        { 200, """{"code":200,"msg":"success","data":{}}""" },
        { 200, """{"code":200,"msg":"success","data":"t1"}""" },
        { 200, """{"code":200,"msg":"success","data":["t1"]}""" },
        { 200, """{"code":200,"msg":"success","data":{"taskId":null}}""" },
        { 200, """{"code":200,"msg":"success","data":{"taskId":""}}""" },
        { 200, """{"code":200,"msg":"success","data":{"taskId":{"id":"t1"}}}""" },
        { 200, """{"code":200,"msg":"success","data":{"taskId":"\ud800"}}""" },
        { 200, """{"code":429,"msg":"\ud800 too many","data":null""" },
        { 200, Envelope(0, "?") },
        { 200, Envelope(201, "Created") },
        { 200, Envelope(301, "Moved") },
        { 200, Envelope(302, "Found") },
        { 200, Envelope(307, "Elsewhere") },
        { 200, Envelope(308, "Elsewhere for good") },
        { 200, Envelope(408, "Upstream gave nothing") },
        { 200, Envelope(502, "Bad gateway") },
        { 200, Envelope(503, "Service unavailable") },
        { 200, Envelope(504, "Gateway timeout") },
        { 200, Envelope(524, "Origin timeout") },
        { 408, Envelope(500, "Internal server error") },
        { 502, Envelope(500, "Server exception, please try again later") },
        { 503, Envelope(500, "System is busy") },
        { 504, Envelope(500, "Internal server error") },
        { 504, Envelope(501, "Generation failed") },
        { 524, Envelope(500, "Credits insufficient") },
        { 408, Envelope(429, "Your call frequency is too high") },
        { 502, Envelope(455, "Maintenance") },
        { 504, Envelope(429, "Your call frequency is too high") },
        { 504, Envelope(422, "The model name you specified is not supported") },
        { 408, "" },
        { 302, "" },
        { 303, "" },
        { 304, "" },
        { 500, "" },
        { 502, GatewayPage },
        { 503, GatewayPage },
        { 504, GatewayPage },
        { 200, GatewayPage },
        { 200, "" },
        { 200, "{\"code\":20" },
        { 200, "[]" },
        { 200, "{}" },
        { 200, """{"data":{"taskId":"t1"}}""" },
    };

    private static string Envelope(int code, string message) => FormattableString.Invariant($$"""{"code":{{code}},"msg":"{{message}}","data":null}""");

    [Theory]
    [MemberData(nameof(ReadAnswers))]
    public async Task An_answer_to_a_read_is_judged_by_its_code_and_its_text(int status, string body, ErrorKind kind, bool transient)
    {
        using var harness = new ClientHarness(maxAttempts: 1);
        harness.Service.On(FakeService.CreditPath, Replies.Text(status, body));

        KlingApiException error = await Assert.ThrowsAsync<KlingApiException>(harness.GetCreditsAsync);

        Assert.Equal((kind, transient, TransportFault.Answered), (error.Kind, error.IsTransient, error.Fault));
    }

    [Theory]
    [MemberData(nameof(ReadAnswers))]
    public async Task A_read_is_repeated_exactly_when_that_may_help(int status, string body, ErrorKind kind, bool transient)
    {
        using var harness = new ClientHarness(maxAttempts: 3);
        harness.Service.On(FakeService.CreditPath, Replies.Text(status, body));

        Assert.Equal(kind, (await Assert.ThrowsAsync<KlingApiException>(harness.GetCreditsAsync)).Kind);

        Assert.Equal(transient ? 3 : 1, harness.Service.Requests.Count);
    }

    [Fact]
    public async Task Code_404_is_about_the_task_only_where_one_was_asked_for()
    {
        using var harness = new ClientHarness(maxAttempts: 1);
        foreach (string path in new[] { FakeService.CreditPath, FakeService.CreatePath, FakeService.QueryPath })
        {
            harness.Service.On(path, Replies.Text(200, Envelope(404, "Not found")));
        }

        Assert.Equal(ErrorKind.EndpointWrong, (await Assert.ThrowsAsync<KlingApiException>(harness.GetCreditsAsync)).Kind);
        Assert.Equal(ErrorKind.EndpointWrong, (await Assert.ThrowsAsync<KlingApiException>(() => harness.CreateAsync())).Kind);
        Assert.Equal(ErrorKind.TaskNotFound, (await Assert.ThrowsAsync<KlingApiException>(() => harness.QueryAsync())).Kind);
    }

    [Theory]
    [MemberData(nameof(Refusals))]
    public async Task A_refused_purchase_bought_nothing(int status, string body, ErrorKind kind, bool mayBeSentAgain)
    {
        using var harness = new ClientHarness();
        harness.Service.On(FakeService.CreatePath, Replies.Text(status, body));

        KlingApiException error = await Assert.ThrowsAsync<KlingApiException>(() => harness.CreateAsync());

        Assert.Equal((kind, mayBeSentAgain, TransportFault.Answered), (error.Kind, error.IsTransient, error.Fault));
        Assert.Single(harness.Service.Requests);
    }

    [Theory]
    [MemberData(nameof(Riddles))]
    public async Task A_purchase_is_unknown_when_its_answer_says_neither_yes_nor_no(int status, string body)
    {
        using var harness = new ClientHarness();
        harness.Service.On(FakeService.CreatePath, Replies.Text(status, body));

        KlingApiException error = await Assert.ThrowsAsync<KlingApiException>(() => harness.CreateAsync());

        Assert.Equal((ErrorKind.AttemptUnknown, false, TransportFault.AnswerUnknown), (error.Kind, error.IsTransient, error.Fault));
        Assert.Single(harness.Service.Requests);
    }

    [Theory]
    [InlineData("""{"code":200,"msg":"success","data":{"taskId":"9b1f","recordId":"9b1f"}}""", "9b1f")]
    [InlineData("""{"code":"200","message":"success","data":{"taskId":12345678901234567890}}""", "12345678901234567890")]
    public async Task An_accepted_purchase_gives_the_id_of_its_task(string body, string taskId)
    {
        using var harness = new ClientHarness();
        harness.Service.On(FakeService.CreatePath, Replies.Text(200, body));

        Assert.Equal(taskId, await harness.CreateAsync());
    }

    [Fact]
    public async Task The_error_carries_what_the_service_said()
    {
        using var harness = new ClientHarness();
        harness.Service.On(FakeService.CreatePath, Replies.Code(422, "The image is too small."));

        KlingApiException error = await Assert.ThrowsAsync<KlingApiException>(() => harness.CreateAsync());

        Assert.Equal((422, "The image is too small."), (error.Code, error.ServiceMessage));
        Assert.Contains("code 422: The image is too small.", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("..", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(200, GatewayPage, "The answer to the query of the credits (HTTP 200) is a web page (\"502 Bad Gateway\") and not one that the service gives. If a network or a proxy wants you to sign in, do so in a browser. Otherwise https://api.kie.ai/api/v1/chat/credit is not an address of the service.")]
    [InlineData(404, GatewayPage, "https://api.kie.ai/api/v1/chat/credit is not an address of the service: the query of the credits was answered with HTTP 404 and a web page (\"502 Bad Gateway\").")]
    [InlineData(304, "", "The service's answer to the query of the credits (HTTP 304) is not one that can be read.")]
    [InlineData(400, "", "The service answered the query of the credits with HTTP 400.")]
    [InlineData(302, "", "https://api.kie.ai answered the query of the credits with a redirect (HTTP 302), which does not say where to and was not followed, because the key would have gone along. If a network or a proxy wants you to sign in, do so in a browser and run the command again. If the service has moved, give its new address to Connect-KlingAccount -Endpoint and -UploadEndpoint.")]
    [InlineData(502, GatewayPage, "The service answered the query of the credits with HTTP 502 and a web page (\"502 Bad Gateway\").")]
    [InlineData(200, """{"code":455}""", "The service answered the query of the credits with code 455.")]
    [InlineData(200, """{"code":422,"msg":"Too small..."}""", "The service answered the query of the credits with code 422: Too small.")]
    public async Task An_error_says_what_was_asked_and_what_came_back(int status, string body, string message)
    {
        using var harness = new ClientHarness(maxAttempts: 1);
        harness.Service.On(FakeService.CreditPath, Replies.Text(status, body));

        Assert.Equal(message, (await Assert.ThrowsAsync<KlingApiException>(harness.GetCreditsAsync)).Message);
    }

    [Theory]
    [InlineData(200, """{"code":200,"msg":"success"}""", ": it reports success, but names no task")]
    [InlineData(200, """{"code":200,"msg":"success","data":{"taskId":"t\u0000"}}""", "cannot be the id of a task")]
    [InlineData(502, GatewayPage, "its answer (HTTP 502) cannot be used")]
    [InlineData(302, "", "which does not say where to and was not followed, because the key would have gone along")]
    public async Task An_answer_that_cannot_be_used_says_what_was_wrong_with_it(int status, string body, string why)
    {
        using var harness = new ClientHarness();
        harness.Service.On(FakeService.CreatePath, Replies.Text(status, body));

        KlingApiException error = await Assert.ThrowsAsync<KlingApiException>(() => harness.CreateAsync());

        Assert.StartsWith("The request for a video was sent, but its answer (HTTP ", error.Message, StringComparison.Ordinal);
        Assert.EndsWith(why + ".", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Status, code, and the field that names a task, of answers that turn a purchase down and name its task all the same.</summary>
    public static TheoryData<int, string, string> Contradictions => new()
    {
        { 200, "\"code\":429,", "taskId" },
        { 429, "\"code\":429,", "taskId" },
        { 429, "", "taskId" },
        { 200, "\"code\":455,", "taskId" },
        { 200, "\"code\":500,", "taskId" },
        { 200, "\"code\":422,", "taskId" },
        { 200, "\"code\":402,", "recordId" },
        { 200, "\"code\":201,", "taskId" },
        { 200, "", "taskId" },
        { 308, "", "taskId" },
        { 502, "", "taskId" },
    };

    [Theory]
    [MemberData(nameof(Contradictions))]
    public async Task A_purchase_that_is_turned_down_and_given_the_id_of_a_task_is_unknown_and_named(int status, string code, string field)
    {
        using var harness = new ClientHarness();
        harness.Service.On(FakeService.CreatePath, Replies.Text(status, $$"""{ {{code}} "msg": "Server exception, please try again later.", "data": { "{{field}}": "9b1f" } }"""));

        KlingApiException error = await Assert.ThrowsAsync<KlingApiException>(() => harness.CreateAsync());

        Assert.Equal((ErrorKind.AttemptUnknown, false, TransportFault.AnswerUnknown), (error.Kind, error.IsTransient, error.Fault));
        Assert.Contains(" cannot be used: it does not report success (Server exception, please try again later), but names a task, 9b1f.", error.Message, StringComparison.Ordinal);
        Assert.Contains("Resolve-KlingVideoTask <id> -TaskId 9b1f.", error.AdviceOn(isOfTask: true), StringComparison.Ordinal);
        Assert.Single(harness.Service.Requests);
    }

    /// <summary>Status and body of answers that turn a purchase down and name its task in another place, or more than once; and how they name it.</summary>
    public static TheoryData<int, string, string> HiddenNames => new()
    {
        { 200, """{"code":429,"msg":"Later","data":{"taskId":"9b1f","taskId":"9b20"}}""", ", but names several tasks, 9b1f and 9b20." },
        { 200, """{"code":429,"msg":"Later","data":{"taskId":"9b1f"},"data":null}""", ", but names a task, 9b1f." },
        { 200, """{"code":429,"msg":"Later","data":null,"taskId":"9b1f"}""", ", but names a task, 9b1f." },
        { 200, """{"code":429,"msg":"Later","data":[{"taskId":"9b1f"}]}""", ", but names a task, 9b1f." },
        { 200, """{"code":429,"msg":"Later","data":{"task":{"TaskID":"9b1f"}}}""", ", but names a task, 9b1f." },
        { 200, """{"code":455,"msg":"Later","data":{"task_id":"9b1f"}}""", ", but names a task, 9b1f." },
        { 200, """{"code":500,"msg":"Please try again later","data":{"task_id" : 17 }}""", ", but names a task, 17." },
        { 200, """{"code":429,"msg":"Later","data":"{\"taskId\":\"9b1f\",\"recordId\":\"9b1f\"}"}""", ", but names a task, 9b1f." },
        { 200, """{"code":429,"msg":"Later","data":"\"{\\\"taskId\\\":\\\"9b1f\\\"}\""}""", ", but names a task, 9b1f." },
        { 200, """{"code":429,"msg":"Later","data":"9b1f0c6e2d3a4f58a7c0e1d2b3f4a5c6"}""", ", but names a task, 9b1f0c6e2d3a4f58a7c0e1d2b3f4a5c6." },
        { 200, """{"code":429,"msg":"Later","data":{"taskId":" 9b1f "}}""", ", but has the id of a task, which cannot be read." },
        { 200, """{"code":429,"msg":"Later","data":{"\u0074askId":"\u0039b1f"}}""", ", but names a task, 9b1f." },
        { 429, """{"code":200,"msg":"success","data":{"taskId":"\u0039b1f","recordId":"9b""", ", but has the id of a task, which cannot be read." },
        { 429, """{"code":200,"msg":"success","data":{"taskId":"9b1f","recordId":"9b""", ", but names a task, 9b1f." },
        { 429, """{"code":200,"msg":"success","data":{"taskId":"9b""", ", but has the id of a task, which cannot be read." },
        { 429, """{"code":200,"msg":"said "yes"","data":{"taskId":"9b1f"}}""", ", but names a task, 9b1f." },
    };

    [Theory]
    [MemberData(nameof(HiddenNames))]
    public async Task A_purchase_is_not_sent_again_wherever_its_answer_names_a_task(int status, string body, string named)
    {
        using var harness = new ClientHarness();
        harness.Service.On(FakeService.CreatePath, Replies.Text(status, body));

        KlingApiException error = await Assert.ThrowsAsync<KlingApiException>(() => harness.CreateAsync());

        Assert.Equal((ErrorKind.AttemptUnknown, false, TransportFault.AnswerUnknown), (error.Kind, error.IsTransient, error.Fault));
        Assert.EndsWith(named, error.Message, StringComparison.Ordinal);
        Assert.Equal(named.Contains("9b1f.", StringComparison.Ordinal), error.AdviceOn(isOfTask: true).Contains("Resolve-KlingVideoTask <id> -TaskId 9b1f.", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_purchase_is_not_sent_again_where_its_answer_is_too_long_to_be_read_and_names_a_task()
    {
        using var harness = new ClientHarness();
        harness.Service.On(FakeService.CreatePath, Replies.Text(429, """{"code":200,"data":{"taskId":"9b1f"},"msg":" """ + new string('x', 9 * 1024 * 1024)));

        KlingApiException error = await Assert.ThrowsAsync<KlingApiException>(() => harness.CreateAsync());

        Assert.Equal(ErrorKind.AttemptUnknown, error.Kind);
        Assert.EndsWith(", but names a task, 9b1f.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_answer_that_is_full_of_backslashes_is_no_reason_to_hang()
    {
        using var harness = new ClientHarness();
        harness.Service.On(FakeService.CreatePath, Replies.Text(429, """{"code":429,"data":{"taskId":" """.TrimEnd() + new string('\\', 4 * 1024 * 1024)));

        KlingApiException error = await Assert.ThrowsAsync<KlingApiException>(() => harness.CreateAsync());

        Assert.Equal(ErrorKind.AttemptUnknown, error.Kind);
    }

    [Theory]
    [InlineData("""{"recordId":"9b1f"}""", "it reports success, but names the task in an unusual place, as 9b1f.")]
    [InlineData("""[{"taskId":"9b1f"}]""", "it reports success, but names the task in an unusual place, as 9b1f.")]
    [InlineData("""{"taskId":"9b1f","taskId":"9b20"}""", "it reports success, but names several tasks, 9b1f and 9b20.")]
    public async Task A_purchase_that_is_accepted_and_named_in_another_way_is_unknown_and_named(string data, string named)
    {
        using var harness = new ClientHarness();
        harness.Service.On(FakeService.CreatePath, Replies.Data(data));

        KlingApiException error = await Assert.ThrowsAsync<KlingApiException>(() => harness.CreateAsync());

        Assert.Equal(ErrorKind.AttemptUnknown, error.Kind);
        Assert.EndsWith(named, error.Message, StringComparison.Ordinal);
        Assert.Contains("-TaskId 9b1f", error.AdviceOn(isOfTask: true), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"code":429,"msg":"Later","data":{"taskId":null,"recordId":""}}""")]
    [InlineData("""{"code":429,"msg":"Later","data":{"taskId":" "}}""")]
    [InlineData("""{"code":429,"msg":"Too many requests with a taskId","data":"Slow down"}""")]
    public async Task A_refusal_that_names_no_task_is_one(string body)
    {
        using var harness = new ClientHarness();
        harness.Service.On(FakeService.CreatePath, Replies.Json(body));

        Assert.Equal(ErrorKind.RateLimited, (await Assert.ThrowsAsync<KlingApiException>(() => harness.CreateAsync())).Kind);
    }

    [Fact]
    public async Task No_credits_end_the_batch_although_the_answer_names_a_task()
    {
        using var harness = new ClientHarness();
        harness.Service.On(FakeService.CreatePath, Replies.Json("""{"code":402,"msg":"Credits insufficient","data":{"taskId":"9b1f"}}"""));

        KlingApiException error = await Assert.ThrowsAsync<KlingApiException>(() => harness.CreateAsync());

        Assert.True(Assert.IsType<KlingApiException>(error.InnerException).IsFatal);
    }

    [Theory]
    [InlineData(501)]
    [InlineData(500)]
    [InlineData(400)]
    public async Task A_task_that_failed_is_failed_whatever_code_its_record_comes_under(int code)
    {
        using var harness = new ClientHarness();
        harness.Service.On(FakeService.QueryPath, Replies.Json(FormattableString.Invariant(
            $$"""{ "code": {{code}}, "msg": "Playground task failed.", "data": { "taskId": "9b1f", "state": "fail", "failCode": "422", "failMsg": "Image fetch failed." } }""")));

        TaskSnapshot snapshot = await harness.QueryAsync("9b1f");

        Assert.Equal((KlingTaskState.Failed, "422", "Image fetch failed."), (snapshot.State, snapshot.FailCode, snapshot.FailMessage));
        Assert.Single(harness.Service.Requests);
    }

    [Fact]
    public async Task A_query_that_fails_with_the_code_of_a_failed_task_does_not_say_that_the_task_has_failed()
    {
        using var harness = new ClientHarness();
        harness.Service.On(FakeService.QueryPath, Replies.Code(501, "Generation failed"));

        KlingApiException error = await Assert.ThrowsAsync<KlingApiException>(() => harness.QueryAsync("9b1f"));

        Assert.Equal((ErrorKind.AnswerInvalid, 501), (error.Kind, error.Code));
        Assert.Equal(
            "The service answered the query of task 9b1f with code 501: Generation failed. It does not say what happened to the task: its video may still be made, and is then paid for.",
            error.Message);
    }

    [Theory]
    [InlineData("insufficient credits", ErrorKind.CreditsInsufficient)]
    [InlineData("Your account has insufficient credit left", ErrorKind.CreditsInsufficient)]
    [InlineData("NOT ENOUGH CREDITS", ErrorKind.CreditsInsufficient)]
    [InlineData("insufficient balance", ErrorKind.CreditsInsufficient)]
    [InlineData("the allowed options are 5 and 10", ErrorKind.RequestInvalid)]
    [InlineData("webp is not supported", ErrorKind.RequestInvalid)]
    [InlineData("image_url is invalid", ErrorKind.RequestInvalid)]
    [InlineData("Invalid parameter", ErrorKind.RequestInvalid)]
    [InlineData("cfg_scale must be a number", ErrorKind.RequestInvalid)]
    public async Task A_server_error_that_names_its_cause_is_not_sent_again(string text, ErrorKind kind)
    {
        using var harness = new ClientHarness();
        harness.Service.On(FakeService.CreatePath, Replies.Code(500, text));

        KlingApiException error = await Assert.ThrowsAsync<KlingApiException>(() => harness.CreateAsync());

        Assert.Equal((kind, false), (error.Kind, error.IsTransient));
    }

    [Theory]
    [InlineData("server exception")]
    [InlineData("please try again")]
    [InlineData("internal error")]
    [InlineData("Server error")]
    [InlineData("The system is busy")]
    public async Task A_server_error_that_calls_itself_passing_bought_nothing_and_may_be_sent_again(string text)
    {
        using var harness = new ClientHarness();
        harness.Service.On(FakeService.CreatePath, Replies.Code(500, text));

        KlingApiException error = await Assert.ThrowsAsync<KlingApiException>(() => harness.CreateAsync());

        Assert.Equal((ErrorKind.ServiceUnavailable, true), (error.Kind, error.IsTransient));
    }

    [Fact]
    public async Task A_wait_the_service_asks_for_is_handed_on_as_a_time_or_as_a_date()
    {
        using var harness = new ClientHarness();
        harness.Service.On(
            FakeService.CreatePath,
            Replies.Text(429, "", retryAfter: new RetryConditionHeaderValue(TimeSpan.FromSeconds(17))),
            Replies.Text(429, "", retryAfter: new RetryConditionHeaderValue(harness.Clock.GetUtcNow().AddSeconds(40))));

        Assert.Equal(TimeSpan.FromSeconds(17), (await Assert.ThrowsAsync<KlingApiException>(() => harness.CreateAsync())).RetryAfter);
        Assert.Equal(TimeSpan.FromSeconds(40), (await Assert.ThrowsAsync<KlingApiException>(() => harness.CreateAsync())).RetryAfter);
    }

    [Fact]
    public async Task A_read_waits_as_long_as_the_service_asks()
    {
        using var harness = new ClientHarness();
        harness.Service.On(
            FakeService.CreditPath,
            Replies.Text(429, "", retryAfter: new RetryConditionHeaderValue(TimeSpan.FromSeconds(300))),
            Replies.Text(503, "", retryAfter: new RetryConditionHeaderValue(harness.Clock.GetUtcNow().AddSeconds(-5))),
            Replies.Data("7"));

        Assert.Equal(7, await harness.GetCreditsAsync());

        Assert.Equal(2, harness.Observer.Pauses.Count);
        Assert.InRange(harness.Observer.Pauses.First(), TimeSpan.FromSeconds(300), TimeSpan.FromSeconds(306));
        Assert.InRange(harness.Observer.Pauses.Last(), TimeSpan.Zero, TimeSpan.FromSeconds(15));
        Assert.True(harness.Clock.GetUtcNow() - harness.Clock.Start >= TimeSpan.FromSeconds(300));
    }

    [Fact]
    public async Task An_answer_without_what_was_asked_for_says_what_is_missing()
    {
        using var harness = new ClientHarness();
        harness.Service
            .On(FakeService.CreditPath, Replies.Data("\"many\""))
            .On(FakeService.RenewPath, Replies.Data("\"fox.mp4\""), Replies.Data("{}"));
        Task<Uri> RenewAsync() => harness.Clock.RunAsync(harness.Client.GetDownloadUriAsync(new Uri("https://files.example/fox.mp4"), null, CancellationToken.None));

        Assert.Equal(
            "The service's answer to the query of the credits cannot be used: it holds no number.",
            (await Assert.ThrowsAsync<KlingApiException>(harness.GetCreditsAsync)).Message);
        for (int i = 0; i < 2; i++)
        {
            Assert.Equal(
                "The service's answer to the request for a fresh link cannot be used: it holds no link.",
                (await Assert.ThrowsAsync<KlingApiException>(RenewAsync)).Message);
        }
    }

    [Fact]
    public async Task A_task_the_service_does_not_know_is_named()
    {
        using var harness = new ClientHarness();
        harness.Service.On(FakeService.QueryPath, Replies.Code(422, "recordInfo is null"));

        KlingApiException error = await Assert.ThrowsAsync<KlingApiException>(() => harness.QueryAsync("9b1f"));

        Assert.Equal((ErrorKind.TaskNotFound, 422), (error.Kind, error.Code));
        Assert.Equal("The service knows no task '9b1f' for this key.", error.Message);
        Assert.Single(harness.Service.Requests);
    }

    [Fact]
    public async Task A_key_that_the_service_repeats_appears_nowhere()
    {
        using var harness = new ClientHarness(wantsBodies: true);
        string message = $"Unauthorized: Bearer {ClientHarness.Secret} is wrong";
        harness.Service
            .On(FakeService.CreatePath, Replies.Code(401, message))
            .On(FakeService.CreditPath, Replies.Code(401, message))
            .On(FakeService.QueryPath, Replies.Data($$"""{"state":"fail","failCode":"401","failMsg":"{{message}}"}"""));

        Exception[] errors = [await Assert.ThrowsAsync<KlingApiException>(() => harness.CreateAsync()), await Assert.ThrowsAsync<KlingApiException>(harness.GetCreditsAsync)];
        TaskSnapshot snapshot = await harness.QueryAsync();

        Assert.All(errors, error => Assert.DoesNotContain(ClientHarness.Secret, error.ToString(), StringComparison.Ordinal));
        Assert.All(errors, error => Assert.DoesNotContain(ClientHarness.Secret, ((KlingApiException)error).ServiceMessage, StringComparison.Ordinal));
        Assert.DoesNotContain(ClientHarness.Secret, snapshot.ToString(), StringComparison.Ordinal);
        Assert.Equal(3, harness.Observer.Requests.Count);
        Assert.All(harness.Observer.Requests, report => Assert.DoesNotContain(ClientHarness.Secret, report.ToString(), StringComparison.Ordinal));
        Assert.Contains("A fox runs.", harness.Observer.Requests.First().RequestBody, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bodies_are_kept_from_an_observer_that_does_not_want_them()
    {
        using var harness = new ClientHarness();
        harness.Service.On(FakeService.CreatePath, Replies.Accepts("t1"));

        await harness.CreateAsync();

        RequestReport report = Assert.Single(harness.Observer.Requests);
        Assert.Equal(("POST", 200, 200, null, null, null), (report.Method, report.Status, report.Code, report.Error, report.RequestBody, report.ResponseBody));
    }
}
