using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using KlingPS.Sandbox;
using KlingPS.Sandbox.State;

namespace KlingPS.Core.Tests.Sandbox;

/// <summary>What clients of every kind expect of a web server, whatever it serves.</summary>
public sealed class HttpServerTests
{
    [Theory]
    [InlineData("api/v1/none")]
    [InlineData("api/v1/chat/credit")]
    public async Task A_response_to_HEAD_has_headers_and_no_body(string path)
    {
        await using SandboxHarness sandbox = new();

        string text = await TalkAsync(sandbox, $"HEAD /{path} HTTP/1.1\r\nHost: 127.0.0.1:{sandbox.Server.Endpoint.Port}\r\nConnection: close\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 40", text, StringComparison.Ordinal);
        Assert.Matches("Content-Length: [1-9]", text);
        Assert.EndsWith("\r\n\r\n", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("127.0.0.1", true)]
    [InlineData("localhost", true)]
    [InlineData("LocalHost", true)]
    [InlineData("[::1]", true)]
    [InlineData("evil.example", false)]
    [InlineData("127.0.0.2", false)]
    [InlineData("localhost.evil.example", false)]
    [InlineData("", false)]
    public async Task Each_name_of_loopback_is_answered_and_no_other(string host, bool isAnswered)
    {
        await using SandboxHarness sandbox = new();

        string text = await TalkAsync(
            sandbox,
            $"GET /api/v1/chat/credit HTTP/1.1\r\nHost: {host}:{sandbox.Server.Endpoint.Port}\r\nAuthorization: Bearer {sandbox.Server.ApiKey}\r\nConnection: close\r\n\r\n");

        Assert.StartsWith(isAnswered ? "HTTP/1.1 200" : "HTTP/1.1 400", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("Host: 127.0.0.1\r\n")]
    [InlineData("Host: 127.0.0.1:1\r\n")]
    public async Task A_request_that_names_no_host_or_another_port_is_refused(string host)
    {
        await using SandboxHarness sandbox = new();

        Assert.StartsWith("HTTP/1.1 400", await TalkAsync(sandbox, $"GET /api/v1/chat/credit HTTP/1.1\r\n{host}Connection: close\r\n\r\n"), StringComparison.Ordinal);
        Assert.Empty(sandbox.Server.GetBill().Requests);
    }

    [Theory]
    [InlineData("localhost")]
    [InlineData("[::1]")]
    public async Task A_client_reaches_it_by_another_name_of_loopback(string name)
    {
        Assert.SkipUnless(Socket.OSSupportsIPv6 || name == "localhost", "This machine has no IPv6.");
        await using SandboxHarness sandbox = new();
        using HttpClient client = new();
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", sandbox.Server.ApiKey);

        using HttpResponseMessage response = await client.GetAsync(new Uri($"http://{name}:{sandbox.Server.Endpoint.Port}/api/v1/chat/credit"));

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Fact]
    public async Task Requests_that_arrive_together_are_answered_in_their_order()
    {
        await using SandboxHarness sandbox = new();
        string head = $"Host: localhost:{sandbox.Server.Endpoint.Port}\r\nAuthorization: Bearer {sandbox.Server.ApiKey}\r\n";
        string body = SandboxHarness.Body();

        string text = await TalkAsync(
            sandbox,
            $"GET /api/v1/chat/credit HTTP/1.1\r\n{head}\r\n"
            + $"POST /api/v1/jobs/createTask HTTP/1.1\r\n{head}Content-Length: {body.Length}\r\n\r\n{body}"
            + $"GET /api/v1/none HTTP/1.1\r\n{head}\r\n"
            + $"GET /api/v1/chat/credit HTTP/1.1\r\n{head}Connection: close\r\n\r\n");

        int[] places = [text.IndexOf("\"data\":10000", StringComparison.Ordinal), text.IndexOf("taskId", StringComparison.Ordinal), text.IndexOf("HTTP/1.1 404", StringComparison.Ordinal), text.IndexOf("\"data\":9958", StringComparison.Ordinal)];
        Assert.DoesNotContain(-1, places);
        Assert.Equal(places.Order(), places);
        Assert.Equal(1, sandbox.Server.GetBill().CreatesAccepted);
    }

    [Fact]
    public async Task A_body_in_chunks_is_read_like_any_other()
    {
        await using SandboxHarness sandbox = new();
        using HttpRequestMessage request = new(HttpMethod.Post, "api/v1/jobs/createTask") { Content = SandboxHarness.Json(SandboxHarness.Body()) };
        request.Headers.TransferEncodingChunked = true;

        using HttpResponseMessage response = await sandbox.Http.SendAsync(request);

        Assert.Equal(200, (await SandboxHarness.ReadAsync(response)).GetProperty("code").GetInt32());
    }

    [Fact]
    public async Task A_client_that_waits_for_permission_to_send_its_body_gets_it()
    {
        await using SandboxHarness sandbox = new();
        using HttpRequestMessage request = new(HttpMethod.Post, "api/v1/jobs/createTask") { Content = SandboxHarness.Json(SandboxHarness.Body()) };
        request.Headers.ExpectContinue = true;
        using HttpClient patient = new(new SocketsHttpHandler { Expect100ContinueTimeout = Timeout.InfiniteTimeSpan }) { BaseAddress = sandbox.Server.Endpoint };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", sandbox.Server.ApiKey);

        using HttpResponseMessage response = await patient.SendAsync(request);

        Assert.Equal(200, (await SandboxHarness.ReadAsync(response)).GetProperty("code").GetInt32());
    }

    [Theory]
    [InlineData("gzip", true)]
    [InlineData("br, GZIP;q=0.5", true)]
    [InlineData("*", true)]
    [InlineData("gzip;q=0", false)]
    [InlineData("gzip; q=0.0, *", false)]
    [InlineData("*;q=0", false)]
    [InlineData("identity", false)]
    [InlineData(null, false)]
    public async Task A_response_is_compressed_only_for_clients_that_take_it(string? accepted, bool isCompressed)
    {
        await using SandboxHarness sandbox = new();
        string header = accepted is null ? string.Empty : $"Accept-Encoding: {accepted}\r\n";

        string text = await TalkAsync(
            sandbox,
            $"GET /api/v1/chat/credit HTTP/1.1\r\nHost: 127.0.0.1:{sandbox.Server.Endpoint.Port}\r\nAuthorization: Bearer {sandbox.Server.ApiKey}\r\n{header}Connection: close\r\n\r\n");

        Assert.Equal(isCompressed, text.Contains("Content-Encoding: gzip", StringComparison.Ordinal));
        Assert.Equal(!isCompressed, text.Contains("\"msg\":\"success\"", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("nonsense\r\n\r\n")]
    [InlineData("GET / HTTP/2.0\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost : x\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n")]
    public async Task What_is_no_request_is_refused(string text)
    {
        await using SandboxHarness sandbox = new();

        Assert.StartsWith("HTTP/1.1 400", await TalkAsync(sandbox, text), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_that_is_too_large_and_one_that_is_too_deep_are_told_as_what_they_are()
    {
        await using SandboxHarness sandbox = new();

        JsonElement large = await sandbox.CreateAsync(SandboxHarness.Body(prompt: new string('x', 2 * 1024 * 1024)));
        JsonElement deep = await sandbox.CreateAsync(string.Concat(Enumerable.Repeat("[", 1000)) + string.Concat(Enumerable.Repeat("]", 1000)));
        JsonElement wrong = await sandbox.CreateAsync(new string('[', 1000));

        Assert.Equal((413, "The request body is too large"), (large.GetProperty("code").GetInt32(), large.GetProperty("msg").GetString()));
        Assert.Equal((400, "The request body is nested too deeply"), (deep.GetProperty("code").GetInt32(), deep.GetProperty("msg").GetString()));
        Assert.Equal((400, "The request body is not valid JSON"), (wrong.GetProperty("code").GetInt32(), wrong.GetProperty("msg").GetString()));
    }

    [Theory]
    [InlineData("http://localhost:1/a.png")]
    [InlineData("http://127.0.0.1:1/a.png")]
    [InlineData("http://[::1]/a.png")]
    [InlineData("https://192.168.1.4/a.png")]
    [InlineData("https://[::ffff:10.0.0.1]/a.png")]
    [InlineData("https://printer/a.png")]
    [InlineData("https://nas.local/a.png")]
    public async Task A_task_whose_image_only_this_network_can_reach_fails_as_at_the_service(string image)
    {
        await using SandboxHarness sandbox = new();
        string id = await sandbox.CreateTaskAsync(image: image);
        sandbox.Clock.Advance(TimeSpan.FromSeconds(3));

        JsonElement data = (await sandbox.QueryAsync(id)).GetProperty("data");

        Assert.Equal("fail", data.GetProperty("state").GetString());
        Assert.StartsWith("Image fetch failed", data.GetProperty("failMsg").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_limits_everything_is_answered()
    {
        await using SandboxHarness sandbox = new(clock => new SandboxOptions { TimeProvider = clock, CreateLimit = null, QueryLimit = null, Credits = 100_000 });
        string[] ids = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => sandbox.CreateTaskAsync()));

        JsonElement[] answers = await Task.WhenAll(ids.Select(sandbox.QueryAsync));

        Assert.All(answers, answer => Assert.Equal(200, answer.GetProperty("code").GetInt32()));
    }

    [Fact]
    public async Task The_files_of_a_process_that_was_killed_are_deleted_by_the_next_and_those_of_a_living_one_stay()
    {
        DirectoryInfo parent = Directory.CreateTempSubdirectory("klingps-test-");
        try
        {
            DirectoryInfo abandoned = parent.CreateSubdirectory("KlingPS.Sandbox-abandoned");
            DirectoryInfo alive = parent.CreateSubdirectory("KlingPS.Sandbox-alive");
            DirectoryInfo beginning = parent.CreateSubdirectory("KlingPS.Sandbox-beginning");
            DirectoryInfo other = parent.CreateSubdirectory("other");
            foreach (DirectoryInfo folder in new[] { abandoned, other })
            {
                await File.WriteAllTextAsync(Path.Combine(folder.FullName, ".lock"), string.Empty, TestContext.Current.CancellationToken);
            }

            await using FileStream held = new(Path.Combine(alive.FullName, ".lock"), FileMode.CreateNew, FileAccess.Write, FileShare.None);

            UploadStore.DeleteAbandoned(parent.FullName);

            Assert.Equal(["KlingPS.Sandbox-alive", "KlingPS.Sandbox-beginning", "other"], parent.EnumerateDirectories().Select(folder => folder.Name).Order(StringComparer.Ordinal));
            Assert.True(beginning.Exists);
        }
        finally
        {
            parent.Delete(recursive: true);
        }
    }

    /// <summary>Sends text over a connection of its own and returns all that comes back until the server closes it.</summary>
    private static async Task<string> TalkAsync(SandboxHarness sandbox, string text)
    {
        using TcpClient client = new();
        await client.ConnectAsync(IPAddress.Loopback, sandbox.Server.Endpoint.Port, TestContext.Current.CancellationToken);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(text), TestContext.Current.CancellationToken);
        using StreamReader reader = new(client.GetStream(), Encoding.Latin1);
        return await reader.ReadToEndAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromMinutes(2), TestContext.Current.CancellationToken);
    }
}
