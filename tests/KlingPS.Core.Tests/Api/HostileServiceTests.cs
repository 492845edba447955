using System.Net;
using System.Text;
using CsCheck;
using KlingPS.Core.Api;
using KlingPS.Core.Model;
using KlingPS.Core.Reporting;
using KlingPS.Core.Secrets;

namespace KlingPS.Core.Tests.Api;

/// <summary>A service that sends what none should, over a real connection.</summary>
public sealed class HostileServiceTests : IAsyncDisposable
{
    private const string Accepted = """{"code":200,"msg":"success","data":{"taskId":"9b1f0c6e2d3a4f58a7c0e1d2b3f4a5c6"}}""";
    private const string Finished = """{"code":200,"data":{"taskId":"t1","state":"success","resultJson":"{\"resultUrls\":[\"https://files.example/1.mp4\"]}"}}""";

    private readonly HostileServer _server = new();
    private readonly ApiKey _key = ApiKey.From(ClientHarness.Secret);
    private readonly RecordingObserver _observer = new() { WantsBodies = true };
    private readonly HttpMessageInvoker _http = new(ApiHandler.Create(new WebProxy()), disposeHandler: true);
    private readonly KlingClient _client;

    public HostileServiceTests()
        => _client = new KlingClient(_http, new KlingEndpoints(_server.Address, _server.Address), _key, new KlingClientOptions { MaxAttempts = 1, Observer = _observer });

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        _key.Dispose();
        await _server.DisposeAsync();
    }

    private async Task<KlingApiException> QueryFailsAsync()
    {
        KlingApiException error = await Assert.ThrowsAsync<KlingApiException>(() => _client.QueryTaskAsync("t1", Token));
        Assert.DoesNotContain(ClientHarness.Secret, error.ToString(), StringComparison.OrdinalIgnoreCase);
        return error;
    }

    private async Task<KlingApiException> CreateFailsAsync()
    {
        KlingApiException error = await Assert.ThrowsAsync<KlingApiException>(() => _client.CreateTaskAsync(ClientHarness.Video, Token));
        Assert.DoesNotContain(ClientHarness.Secret, error.ToString(), StringComparison.OrdinalIgnoreCase);
        return error;
    }

    private void OnAll(byte[] answer) => _server.On(FakeService.CreatePath, answer).On(FakeService.QueryPath, answer);

    [Theory]
    [InlineData("gzip")]
    [InlineData("deflate")]
    [InlineData("br")]
    public async Task A_damaged_compressed_answer_to_a_purchase_leaves_it_unknown_and_one_to_a_query_is_unreadable(string encoding)
    {
        byte[] packed = HostileServer.Pack(encoding, Encoding.UTF8.GetBytes(Accepted + new string(' ', 5000)));
        for (int i = 4; i < packed.Length; i++)
        {
            packed[i] ^= 0x5A;
        }

        OnAll(HostileServer.Response(packed, $"Content-Encoding: {encoding}\r\n"));

        Assert.Equal((ErrorKind.AttemptUnknown, TransportFault.AnswerUnknown), (await CreateFailsAsync() is var create ? create.Kind : default, create.Fault));
        Assert.NotEqual(TransportFault.NotSent, (await QueryFailsAsync()).Fault);
    }

    [Fact]
    public async Task A_purchase_is_not_known_by_an_answer_that_can_be_read_and_is_damaged_all_the_same()
    {
        // All that matters has been read before it shows. The checksum comes last but for the length.
        byte[] packed = HostileServer.Pack("gzip", Encoding.UTF8.GetBytes(Accepted + new string(' ', 50_000)));
        packed[^8] ^= 0x5A;
        OnAll(HostileServer.Response(packed, "Content-Encoding: gzip\r\n"));

        KlingApiException error = await CreateFailsAsync();

        Assert.Equal((ErrorKind.AttemptUnknown, TransportFault.AnswerUnknown), (error.Kind, error.Fault));
        Assert.Contains("is compressed, and damaged", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Answers to a purchase that break off, with what has come of them by then.</summary>
    private static byte[] BrokenOff(bool isChunked, string come)
    {
        string body = isChunked ? FormattableString.Invariant($"{come.Length:x}\r\n{come}\r\n") : come;
        string length = isChunked ? "Transfer-Encoding: chunked" : FormattableString.Invariant($"Content-Length: {come.Length + 20}");
        return Encoding.UTF8.GetBytes($"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{length}\r\nConnection: close\r\n\r\n{body}");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_purchase_is_known_although_the_connection_breaks_once_its_whole_answer_has_come(bool isChunked)
    {
        OnAll(BrokenOff(isChunked, Accepted));

        Assert.Equal("9b1f0c6e2d3a4f58a7c0e1d2b3f4a5c6", await _client.CreateTaskAsync(ClientHarness.Video, Token));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_purchase_whose_answer_breaks_off_is_unknown_and_named_by_what_has_come_of_it(bool isChunked)
    {
        OnAll(BrokenOff(isChunked, Accepted[..^1]));

        KlingApiException error = await CreateFailsAsync();

        Assert.Equal((ErrorKind.AttemptUnknown, TransportFault.AnswerUnknown, false), (error.Kind, error.Fault, error.IsTransient));
        Assert.EndsWith(" cannot be used: it breaks off, but names a task, 9b1f0c6e2d3a4f58a7c0e1d2b3f4a5c6.", error.Message, StringComparison.Ordinal);
        Assert.Contains("Resolve-KlingVideoTask <id> -TaskId 9b1f0c6e2d3a4f58a7c0e1d2b3f4a5c6.", error.AdviceOn(isOfTask: true), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"code":429,"msg":"Later","data":null}""")]
    [InlineData("""{"code":200,"msg":"success","da""")]
    public async Task A_purchase_whose_answer_breaks_off_without_naming_a_task_is_unknown(string come)
    {
        OnAll(BrokenOff(isChunked: true, come));

        KlingApiException error = await CreateFailsAsync();

        Assert.Equal((ErrorKind.AttemptUnknown, TransportFault.AnswerUnknown, false), (error.Kind, error.Fault, error.IsTransient));
        Assert.Equal("The request for a video was sent, but its answer was lost: the connection was closed too early.", error.Message);
    }

    [Fact]
    public async Task Of_a_purchase_that_is_called_off_when_its_connection_is_made_nothing_reaches_the_service()
    {
        _server.On(FakeService.CreatePath, Accepted);

        KlingApiException error = await Assert.ThrowsAsync<KlingApiException>(
            () => _client.CreateTaskAsync(ClientHarness.Video, Token, () => throw new IOException("It is not ours any more.")));

        Assert.Equal((TransportFault.NotSent, true), (error.Fault, error.IsTransient));
        Assert.Contains("It is not ours any more.", error.Message, StringComparison.Ordinal);
        Assert.Equal("9b1f0c6e2d3a4f58a7c0e1d2b3f4a5c6", await _client.CreateTaskAsync(ClientHarness.Video, Token, () => Task.CompletedTask));
        Assert.Equal(FakeService.CreatePath, Assert.Single(_server.Asked));
    }

    [Fact]
    public Task However_a_compressed_answer_is_damaged_no_other_error_comes_of_it()
        => Gen.Select(Gen.Int[0, 2], Gen.Int[0, 500], Gen.Byte).SampleAsync(
            async (encoding, at, change) =>
            {
                string name = new[] { "gzip", "deflate", "br" }[encoding];
                byte[] packed = HostileServer.Pack(name, Encoding.UTF8.GetBytes(Accepted));
                packed[at % packed.Length] ^= change;
                _server.On(FakeService.CreatePath, HostileServer.Response(packed, $"Content-Encoding: {name}\r\n"));
                try
                {
                    await _client.CreateTaskAsync(ClientHarness.Video, Token);
                }
                catch (KlingApiException exception)
                {
                    // Brotli has no checksum: what comes out may be readable, and say something else.
                    Assert.NotEqual(TransportFault.NotSent, exception.Fault);
                }
            },
            iter: 200,
            threads: 1);

    [Theory]
    [InlineData("gzip")]
    [InlineData("br")]
    public async Task An_answer_that_unpacks_to_a_hundred_megabytes_is_read_no_further_than_the_bound(string encoding)
    {
        byte[] bomb = HostileServer.Pack(encoding, new byte[100_000_000]);
        OnAll(HostileServer.Response(bomb, $"Content-Encoding: {encoding}\r\n"));

        KlingApiException error = await QueryFailsAsync();

        Assert.Equal(ErrorKind.AnswerInvalid, error.Kind);
        Assert.Contains("is more than 8 MiB long", error.Message, StringComparison.Ordinal);
        Assert.InRange(Assert.Single(_observer.Requests).ResponseBody!.Length, 1, 100_000);
        Assert.Equal(ErrorKind.AttemptUnknown, (await CreateFailsAsync()).Kind);
    }

    [Theory]
    [InlineData("utf-8")]
    [InlineData("utf-16")]
    [InlineData("utf-16BE")]
    public async Task An_answer_with_a_byte_order_mark_is_read(string name)
    {
        var encoding = Encoding.GetEncoding(name);
        byte[] Marked(string text) => [.. encoding.GetPreamble(), .. encoding.GetBytes(text)];
        _server.On(FakeService.CreatePath, HostileServer.Response(Marked(Accepted))).On(FakeService.QueryPath, HostileServer.Response(Marked(Finished)));

        Assert.Equal("9b1f0c6e2d3a4f58a7c0e1d2b3f4a5c6", await _client.CreateTaskAsync(ClientHarness.Video, Token));
        Assert.Equal(KlingTaskState.Succeeded, (await _client.QueryTaskAsync("t1", Token)).State);
    }

    public static TheoryData<string> KeySpellings => new()
    {
        ClientHarness.Secret,
        string.Concat(ClientHarness.Secret.Select(c => $"\\u{(int)c:x4}")),
        string.Concat(ClientHarness.Secret.Select(c => $"%{(int)c:x2}")),
        string.Concat(ClientHarness.Secret.Select(c => $"&#{(int)c};")),
        ClientHarness.Secret.ToUpperInvariant(),
        Convert.ToBase64String(Encoding.ASCII.GetBytes("Bearer " + ClientHarness.Secret)),
    };

    [Theory]
    [MemberData(nameof(KeySpellings))]
    public async Task The_key_comes_through_in_no_spelling(string spelling)
    {
        _server
            .On(FakeService.CreatePath, $$$$"""{"code":422,"msg":"Key {{{{spelling}}}} may not do that."}""")
            .On(FakeService.QueryPath, $$$$"""{"code":200,"data":{"taskId":"t1","state":"fail","failMsg":"Key {{{{spelling}}}} expired","failCode":"{{{{spelling}}}}","resultJson":"{\"a\":\"{{{{spelling.Replace("\\", "\\\\", StringComparison.Ordinal)}}}}\"}"}}""");

        KlingApiException refused = await CreateFailsAsync();
        TaskSnapshot snapshot = await _client.QueryTaskAsync("t1", Token);

        Assert.Contains("(hidden) may not do that.", refused.ServiceMessage, StringComparison.Ordinal);
        Assert.Contains("(hidden)", snapshot.FailMessage, StringComparison.Ordinal);
        string seen = WebUtility.HtmlDecode(Uri.UnescapeDataString($"{refused} {snapshot.FailMessage} {snapshot.FailCode} {string.Join(' ', _observer.Requests)}"));
        Assert.DoesNotContain(ClientHarness.Secret, seen, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("Location: https://SECRET.evil.example/?k=SECRET\r\n")]
    [InlineData("SECRET\r\n")]
    [InlineData("Content-Encoding: SECRET\r\n")]
    public async Task The_key_comes_through_in_no_header(string header)
    {
        OnAll(HostileServer.Response([], header.Replace("SECRET", ClientHarness.Secret, StringComparison.Ordinal), "302 Found"));

        await QueryFailsAsync();
        await CreateFailsAsync();
        Assert.All(_observer.Requests, report => Assert.DoesNotContain(ClientHarness.Secret, report.ToString(), StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_a_broken_answer_says_is_quoted_briefly()
    {
        string endless = new('x', 50_000);
        OnAll(HostileServer.Response([], $"{endless}\r\n"));
        Assert.InRange((await QueryFailsAsync()).Message.Length, 1, 600);
        Assert.InRange((await CreateFailsAsync()).Message.Length, 1, 600);

        OnAll(HostileServer.Response([], $"Location: https://{endless}/\r\n", "302 Found"));
        Assert.InRange((await QueryFailsAsync()).Message.Length, 1, 900);
    }

    [Fact]
    public async Task Headers_without_end_are_unreadable()
    {
        OnAll([.. "HTTP/1.1 200 OK\r\n"u8, .. Enumerable.Repeat("X-Junk: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"u8.ToArray(), 20_000).SelectMany(line => line)]);

        await QueryFailsAsync();
        Assert.Equal(ErrorKind.AttemptUnknown, (await CreateFailsAsync()).Kind);
    }

    [Fact]
    public async Task A_text_without_end_is_cut()
    {
        string endless = new('x', 3_000_000);
        _server.On(FakeService.QueryPath, $$$$"""{"code":200,"data":{"taskId":"t1","state":"fail","failMsg":"{{{{endless}}}}","failCode":"{{{{endless}}}}"}}""")
            .On(FakeService.CreatePath, $$$$"""{"code":422,"msg":"{{{{endless}}}}"}""");

        TaskSnapshot snapshot = await _client.QueryTaskAsync("t1", Token);

        Assert.Equal((1001, 65), (snapshot.FailMessage!.Length, snapshot.FailCode!.Length));
        KlingApiException refused = await CreateFailsAsync();
        Assert.InRange(refused.Message.Length, 900, 1200);
        Assert.Equal(1001, refused.ServiceMessage!.Length);
    }

    [Theory]
    [InlineData("")]
    [InlineData("   ")]
    [InlineData("two words")]
    [InlineData("t\\u0000")]
    [InlineData("t\\u001b[2J")]
    [InlineData("t\\u202e")]
    [InlineData("\u00FC")]
    public async Task An_id_that_is_none_leaves_a_purchase_unknown(string id)
    {
        _server.On(FakeService.CreatePath, $$$$"""{"code":200,"msg":"success","data":{"taskId":"{{{{id}}}}"}}""");

        Assert.Equal(ErrorKind.AttemptUnknown, (await CreateFailsAsync()).Kind);
    }

    [Fact]
    public async Task An_id_of_a_hundred_thousand_characters_is_neither_taken_nor_repeated_nor_asked_for()
    {
        string id = new('a', 100_000);
        _server.On(FakeService.CreatePath, $$$$"""{"code":200,"msg":"success","data":{"taskId":"{{{{id}}}}"}}""");

        KlingApiException created = await CreateFailsAsync();
        KlingException asked = await Assert.ThrowsAsync<KlingException>(() => _client.QueryTaskAsync(id, Token));

        Assert.Equal((ErrorKind.AttemptUnknown, ErrorKind.TaskNotFound), (created.Kind, asked.Kind));
        Assert.All([created.Message, asked.Message], message => Assert.InRange(message.Length, 1, 400));
        Assert.Contains("(100,000 characters)", asked.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(FakeService.QueryPath, _server.Asked);
    }

    [Fact]
    public async Task Two_ids_for_one_purchase_leave_it_unknown()
    {
        _server.On(FakeService.CreatePath, """{"code":200,"msg":"success","data":{"taskId":"t1","taskId":"t2"}}""");

        Assert.Equal(ErrorKind.AttemptUnknown, (await CreateFailsAsync()).Kind);
    }

    [Fact]
    public async Task Two_codes_say_nothing()
    {
        OnAll(HostileServer.Response(Encoding.UTF8.GetBytes("""{"code":422,"code":200,"msg":"?","data":{"taskId":"t1"}}""")));

        Assert.Equal(ErrorKind.AttemptUnknown, (await CreateFailsAsync()).Kind);
        await QueryFailsAsync();
    }

    [Fact]
    public async Task An_answer_about_another_task_is_not_taken()
    {
        _server.On(FakeService.QueryPath, Finished.Replace("t1", "t2", StringComparison.Ordinal));

        KlingApiException error = await QueryFailsAsync();

        Assert.Equal(ErrorKind.AnswerInvalid, error.Kind);
        Assert.Contains("it is about another task, 't2'", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[[[[", "]]]]", 200_000)]
    [InlineData("{\"a\":{\"a\":", "}}", 100_000)]
    public async Task Nesting_without_end_is_unreadable(string open, string close, int times)
    {
        string nested = string.Concat(Enumerable.Repeat(open, times)) + "1" + string.Concat(Enumerable.Repeat(close, times));
        OnAll(HostileServer.Response(Encoding.UTF8.GetBytes($$$$"""{"code":200,"data":{{{{nested[..Math.Min(nested.Length, 2_000_000)]}}}}}""")));

        await QueryFailsAsync();
        Assert.Equal(ErrorKind.AttemptUnknown, (await CreateFailsAsync()).Kind);
    }

    [Fact]
    public async Task Of_thirty_thousand_links_a_few_are_looked_at()
    {
        string links = string.Join(',', Enumerable.Range(0, 30_000).Select(i => $"\"https://a.example/{i}\""));
        _server.On(FakeService.QueryPath, $$$$"""{"code":200,"data":{"taskId":"t1","state":"success","resultJson":{"resultUrls":[{{{{links}}}}]}}}""");

        Assert.Equal(10, (await _client.QueryTaskAsync("t1", Token)).ResultUris.Count);
    }

    [Theory]
    [InlineData("-1000")]
    [InlineData("1e16")]
    [InlineData("1e27")]
    [InlineData("1e400")]
    [InlineData("-1e400")]
    [InlineData("\"NaN\"")]
    [InlineData("\"Infinity\"")]
    [InlineData("true")]
    [InlineData("[42]")]
    [InlineData("{\"a\":42}")]
    [InlineData("100000.1")]
    [InlineData("42,\"creditsConsumed\":-42")]
    public async Task What_cannot_be_a_price_is_as_good_as_not_told(string credits)
    {
        _server.On(FakeService.QueryPath, $$$$"""{"code":200,"data":{"taskId":"t1","state":"success","creditsConsumed":{{{{credits}}}}}}""");

        Assert.Null((await _client.QueryTaskAsync("t1", Token)).CreditsConsumed);
    }

    [Theory]
    [InlineData("200")]
    [InlineData("200.0")]
    [InlineData("2e2")]
    [InlineData("\"200\"")]
    public async Task A_code_may_be_written_in_any_way_a_number_is(string code)
    {
        _server.On(FakeService.CreatePath, Accepted.Replace("200", code, StringComparison.Ordinal));

        Assert.Equal("9b1f0c6e2d3a4f58a7c0e1d2b3f4a5c6", await _client.CreateTaskAsync(ClientHarness.Video, Token));
    }

    [Fact]
    public async Task A_pause_longer_than_anyone_waits_is_told_and_not_cut_short()
    {
        OnAll(HostileServer.Response("""{"code":429,"msg":"slow"}"""u8.ToArray(), "Retry-After: 3600\r\n"));

        KlingApiException read = await QueryFailsAsync();
        KlingApiException purchase = await CreateFailsAsync();

        Assert.All([read, purchase], error =>
        {
            Assert.Equal((ErrorKind.RateLimited, TimeSpan.FromHours(1)), (error.Kind, error.RetryAfter));
            Assert.Contains("a pause of 60 minutes, which is not waited for", error.Message, StringComparison.Ordinal);
        });
    }

    [Theory]
    [InlineData("-5")]
    [InlineData("99999999999999999999")]
    [InlineData("soon")]
    [InlineData("Thu, 01 Jan 1970 00:00:00 GMT")]
    [InlineData("Fri, 31 Dec 9999 23:59:59 GMT")]
    public async Task Whatever_pause_is_asked_for_it_is_one_that_can_be(string retryAfter)
    {
        OnAll(HostileServer.Response("""{"code":429,"msg":"slow"}"""u8.ToArray(), $"Retry-After: {retryAfter}\r\n"));

        TimeSpan? pause = (await QueryFailsAsync()).RetryAfter;

        Assert.True(pause is null || (pause >= TimeSpan.Zero && pause <= TimeSpan.FromDays(30)), $"{pause}");
    }

    [Theory]
    [InlineData("http://files.example/a.png")]
    [InlineData("https://169.254.169.254/a.png")]
    [InlineData("https://user:hunter2@files.example/a.png")]
    [InlineData("file:///etc/passwd")]
    [InlineData("/a.png")]
    public async Task An_upload_whose_address_leads_astray_is_not_taken(string address)
    {
        _server.On(FakeService.UploadPath, $$$$"""{"success":true,"code":200,"data":{"downloadUrl":"{{{{address}}}}"}}""");

        KlingApiException error = await UploadFailsAsync();

        Assert.Equal(ErrorKind.AnswerInvalid, error.Kind);
        Assert.DoesNotContain("hunter2", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"success":false,"code":200,"msg":"File type not allowed","data":{"downloadUrl":"https://files.example/a.png"}}""")]
    [InlineData("""{"code":200,"msg":"File type not allowed","data":{"success":false,"downloadUrl":"https://files.example/a.png"}}""")]
    [InlineData("""{"success":"false","code":200,"msg":"File type not allowed","data":{"downloadUrl":"https://files.example/a.png"}}""")]
    [InlineData("""{"success":false,"code":200,"msg":"File type not allowed"}""")]
    [InlineData("""{"success":false,"code":400,"msg":"File type not allowed"}""")]
    public async Task An_upload_that_the_service_denies_is_refused_with_its_reason(string answer)
    {
        _server.On(FakeService.UploadPath, answer);

        KlingApiException error = await UploadFailsAsync();

        Assert.Equal((ErrorKind.RequestInvalid, "File type not allowed"), (error.Kind, error.ServiceMessage));
        Assert.Contains("File type not allowed", error.Message, StringComparison.Ordinal);
    }

    private async Task<KlingApiException> UploadFailsAsync()
    {
        string image = Path.GetTempFileName();
        try
        {
            var upload = new UploadRequest { Path = image, Open = () => File.OpenRead(image), FileName = "a.png", MimeType = "image/png" };
            return await Assert.ThrowsAsync<KlingApiException>(() => _client.UploadAsync(upload, Token));
        }
        finally
        {
            File.Delete(image);
        }
    }
}
