using KlingPS.Core.Api;
using KlingPS.Core.Model;
using KlingPS.Core.Scheduling;
using KlingPS.Core.Secrets;

namespace KlingPS.Core.Tests.Api;

/// <summary>What the client says of its requests, and what they pass before they leave.</summary>
public sealed class KlingClientTests : IDisposable
{
    private readonly ClientHarness _harness = new();

    public void Dispose() => _harness.Dispose();

    private static Reply Unavailable { get; } = Replies.Code(455, "Maintenance");

    [Fact]
    public async Task Every_request_names_the_module_and_its_version()
    {
        _harness.Service.On(FakeService.CreditPath, Replies.Data("100"));

        await _harness.GetCreditsAsync();

        Assert.Matches(@"^KlingPS/\d+\.\d+\.\d+$", KlingClient.UserAgent);
        Assert.Equal(KlingClient.UserAgent, Assert.Single(_harness.Service.Requests).Headers["User-Agent"]);
    }

    [Theory]
    [InlineData("1000000000000", true)]
    [InlineData("-1000000000000", true)]
    [InlineData("1000000000001", false)]
    [InlineData("-1000000000001", false)]
    public async Task A_balance_is_a_million_million_credits_at_most(string credits, bool isTaken)
    {
        _harness.Service.On(FakeService.CreditPath, Replies.Data(credits));

        Exception? error = await Record.ExceptionAsync(async () => Assert.Equal(credits, (await _harness.GetCreditsAsync()).ToString(System.Globalization.CultureInfo.InvariantCulture)));

        Assert.Equal(isTaken ? null : ErrorKind.AnswerInvalid, (error as KlingApiException)?.Kind);
    }

    [Theory]
    [InlineData(null, "task t1")]
    [InlineData("/images/fox.png", "/images/fox.png")]
    public async Task A_query_that_is_made_again_names_the_image_or_else_the_task(string? subject, string named)
    {
        _harness.Service.On(FakeService.QueryPath, Unavailable, Replies.Data("""{"taskId":"t1","state":"generating"}"""));

        await _harness.Clock.RunAsync(_harness.Client.QueryTaskAsync("t1", subject, CancellationToken.None));

        Assert.Equal([$"For '{named}': The service answered the query of task t1 with code 455: Maintenance."], _harness.Observer.Reasons);
        Assert.All(_harness.Observer.Requests, request => Assert.Equal(named, request.Subject));
    }

    [Fact]
    public async Task A_query_that_is_about_no_image_and_no_task_is_made_again_without_a_name()
    {
        _harness.Service.On(FakeService.CreditPath, Unavailable, Replies.Data("100"));

        await _harness.GetCreditsAsync();

        Assert.Equal(["The service answered the query of the credits with code 455: Maintenance."], _harness.Observer.Reasons);
    }

    [Theory]
    [InlineData("price")]
    [InlineData("schema")]
    public async Task A_question_about_a_model_is_named_with_what_was_asked(string aspect)
    {
        _harness.Service.On($"/api/v1/models/kling/v2-5-turbo-image-to-video-pro/{aspect}", Replies.Code(401, "No"));

        KlingApiException error = await Assert.ThrowsAsync<KlingApiException>(
            () => _harness.Clock.RunAsync(_harness.Client.DescribeModelAsync("kling/v2-5-turbo-image-to-video-pro", aspect, CancellationToken.None)));

        Assert.Equal($"The service answered the query of the {aspect} of kling/v2-5-turbo-image-to-video-pro with code 401: No.", error.Message);
    }

    [Theory]
    [InlineData("""{"success":false,"code":200,"msg":"Not for you."}""", "The service refused the upload of 'fox.png': Not for you.")]
    [InlineData("""{"success":false,"code":200}""", "The service refused the upload of 'fox.png': it does not say why.")]
    [InlineData("""{"success":true,"code":200,"msg":"Queued.","data":{}}""", "The service's answer to the upload of 'fox.png' cannot be used: it names no address, and says only: Queued.")]
    [InlineData("""{"success":true,"code":200,"data":{}}""", "The service's answer to the upload of 'fox.png' cannot be used: it names no address.")]
    [InlineData("""{"success":true,"code":200,"data":{"downloadUrl":"http://10.0.0.1/fox.png"}}""", "The service's answer to the upload of 'fox.png' cannot be used: the address it names ")]
    public async Task An_upload_that_gives_no_address_says_which_file_and_why(string body, string message)
    {
        _harness.Service.On(FakeService.UploadPath, Replies.Json(body));
        var upload = new UploadRequest { Path = "fox.png", Open = () => File.OpenRead(typeof(KlingClient).Assembly.Location), FileName = "1.png", MimeType = "image/png" };

        KlingException error = await Assert.ThrowsAnyAsync<KlingException>(() => _harness.Clock.RunAsync(_harness.Client.UploadAsync(upload, CancellationToken.None)));

        Assert.StartsWith(message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"http://10.0.0.1/fox.mp4\"", "The service's answer to the request for a fresh link cannot be used: the link it holds ")]
    [InlineData("\"fox.mp4\"", "The service's answer to the request for a fresh link cannot be used: it holds no link.")]
    [InlineData("7", "The service's answer to the request for a fresh link cannot be used: it holds no link.")]
    public async Task A_fresh_link_that_is_none_says_why(string data, string message)
    {
        _harness.Service.On(FakeService.RenewPath, Replies.Data(data));

        KlingApiException error = await Assert.ThrowsAsync<KlingApiException>(
            () => _harness.Clock.RunAsync(_harness.Client.GetDownloadUriAsync(new Uri("https://files.example/fox.mp4"), subject: null, CancellationToken.None)));

        Assert.StartsWith(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_queries_of_tasks_pass_the_gate_of_the_queries_and_give_their_place_back()
    {
        var gate = new CountingGate();
        using var service = new FakeService();
        using var http = new HttpMessageInvoker(service);
        using var key = ApiKey.From(ClientHarness.Secret);
        var client = new KlingClient(http, KlingEndpoints.Default, key, new KlingClientOptions { QueryGate = gate, TimeProvider = _harness.Clock });
        service
            .On(FakeService.QueryPath, (request, token) =>
            {
                Assert.Equal((1, 0), (gate.Entered, gate.Left));
                return Replies.Data("""{"taskId":"t1","state":"generating"}""")(request, token);
            })
            .On(FakeService.CreditPath, Replies.Data("100"));

        Assert.Equal(KlingTaskState.Generating, (await _harness.Clock.RunAsync(client.QueryTaskAsync("t1", CancellationToken.None))).State);
        Assert.Equal(100, await _harness.Clock.RunAsync(client.GetCreditsAsync(CancellationToken.None)));

        Assert.Equal((1, 1), (gate.Entered, gate.Left));
    }

    [Fact]
    public async Task A_redirected_purchase_names_as_its_cause_what_would_end_all_others()
    {
        _harness.Service.On(FakeService.CreatePath, Replies.Text(302, ""));

        KlingApiException error = await Assert.ThrowsAsync<KlingApiException>(() => _harness.CreateAsync());

        Assert.StartsWith("https://api.kie.ai answered the request for a video with a redirect (HTTP 302)", error.InnerException?.Message, StringComparison.Ordinal);
        Assert.Contains("https://api.kie.ai answered it with a redirect (HTTP 302)", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_purchase_that_was_answered_with_a_page_names_it_as_its_cause(bool isPage)
    {
        _harness.Service.On(FakeService.CreatePath, isPage ? Replies.Html(200) : Replies.Text(200, "{}"));

        KlingApiException error = await Assert.ThrowsAsync<KlingApiException>(() => _harness.CreateAsync());

        Assert.Equal(isPage, error.InnerException is KlingApiException { IsFromElsewhere: true });
    }

    private sealed class CountingGate : IRateGate
    {
        public int Entered { get; private set; }

        public int Left { get; private set; }

        public ValueTask<IAsyncDisposable> EnterAsync(CancellationToken cancellationToken)
        {
            Entered++;
            return ValueTask.FromResult<IAsyncDisposable>(new Lease(this));
        }

        private sealed class Lease(CountingGate gate) : IAsyncDisposable
        {
            public ValueTask DisposeAsync()
            {
                gate.Left++;
                return ValueTask.CompletedTask;
            }
        }
    }
}
