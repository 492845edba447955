using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using KlingPS.Sandbox;
using KlingPS.Sandbox.Hosting;

namespace KlingPS.Core.Tests.Sandbox;

public sealed class ServerTests
{
    [Fact]
    public async Task It_has_three_loopback_hosts_and_a_key_of_its_own()
    {
        await using SandboxHarness first = new();
        await using SandboxHarness second = new();

        Uri[] endpoints = [first.Server.Endpoint, first.Server.UploadEndpoint, first.Server.DownloadEndpoint];
        Assert.Equal(3, endpoints.Distinct().Count());
        Assert.All(endpoints, endpoint => Assert.True(endpoint.IsLoopback));
        Assert.StartsWith("sandbox-", first.Server.ApiKey, StringComparison.Ordinal);
        Assert.NotEqual(first.Server.ApiKey, second.Server.ApiKey);
        Assert.Equal(first.Clock.GetUtcNow(), first.Server.StartedAt);
    }

    [Fact]
    public async Task A_port_that_is_taken_is_named()
    {
        int port = LoopbackPort.Reserve();
        await using SandboxHarness sandbox = new(clock => new SandboxOptions { TimeProvider = clock, Port = port });

        IOException taken = Assert.Throws<IOException>(() => SandboxServer.Start(new SandboxOptions { Port = port }));

        Assert.Contains($"loopback port {port}", taken.Message, StringComparison.Ordinal);
        await sandbox.Server.DisposeAsync();
        await using SandboxServer again = SandboxServer.Start(new SandboxOptions { Port = port });
        Assert.Equal(port, again.Endpoint.Port);
    }

    [Theory]
    [InlineData("GET", "api/v1/none", 404, "Not Found")]
    [InlineData("GET", "", 404, "Not Found")]
    [InlineData("GET", "api/v1/jobs/createTask", 405, "Method Not Allowed")]
    [InlineData("DELETE", "api/v1/jobs/recordInfo", 405, "Method Not Allowed")]
    public async Task Unknown_routes_and_methods_are_answered_by_the_framework_behind_the_service(string method, string path, int status, string error)
    {
        await using SandboxHarness sandbox = new();
        using HttpRequestMessage request = new(new HttpMethod(method), path);

        using HttpResponseMessage response = await sandbox.Http.SendAsync(request);
        JsonElement body = await SandboxHarness.ReadAsync(response);

        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal(["timestamp", "status", "error", "message", "path"], body.EnumerateObject().Select(property => property.Name));
        Assert.Equal((status, error, "/" + path), (body.GetProperty("status").GetInt32(), body.GetProperty("error").GetString(), body.GetProperty("path").GetString()));
    }

    [Fact]
    public async Task What_goes_wrong_in_the_sandbox_itself_is_told()
    {
        await using SandboxHarness sandbox = new();
        Directory.Delete(sandbox.Server.UploadFolder, recursive: true);

        using HttpResponseMessage response = await sandbox.PostUploadAsync(SandboxHarness.Png);

        Assert.Equal(HttpStatusCode.InternalServerError, response.StatusCode);
        Assert.StartsWith("The sandbox failed: Could not find", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(0, sandbox.Server.GetBill().Uploads);
        Assert.Equal(200, (await sandbox.GetAsync("api/v1/chat/credit")).GetProperty("code").GetInt32());
    }

    [Fact]
    public async Task Another_process_can_plan_faults_and_read_the_bill()
    {
        await using SandboxHarness sandbox = new();

        JsonElement planned = await sandbox.PostAsync("sandbox/faults", """{"on":"Credit","kind":"Code","code":505,"delay":"00:00:00"}""");
        JsonElement struck = await sandbox.GetAsync("api/v1/chat/credit");
        await sandbox.CreateTaskAsync();
        JsonElement bill = await sandbox.GetAsync("sandbox/bill");

        Assert.Equal(200, planned.GetProperty("code").GetInt32());
        Assert.Equal(505, struck.GetProperty("code").GetInt32());
        Assert.Equal(1, bill.GetProperty("createsAccepted").GetInt32());
        Assert.Equal(SandboxHarness.Body(), bill.GetProperty("tasks")[0].GetProperty("request").GetString());
        Assert.Equal(1, bill.GetProperty("tasksPerImage").GetProperty(SandboxHarness.ForeignImage).GetInt32());
    }

    [Theory]
    [InlineData("""{"on":"Create","kind":"CutDownload"}""")]
    [InlineData("""{"on":"Nowhere"}""")]
    [InlineData("null")]
    [InlineData("")]
    public async Task A_fault_that_makes_no_sense_is_refused(string fault)
    {
        await using SandboxHarness sandbox = new();

        Assert.Equal(400, (await sandbox.PostAsync("sandbox/faults", fault)).GetProperty("code").GetInt32());
        Assert.Empty(sandbox.Server.Faults);
    }

    [Fact]
    public async Task The_sandboxs_own_routes_need_the_key()
    {
        await using SandboxHarness sandbox = new();
        using HttpClient plain = new();

        using HttpResponseMessage response = await plain.GetAsync(new Uri(sandbox.Server.Endpoint, "sandbox/bill"));

        Assert.Equal(401, (await SandboxHarness.ReadAsync(response)).GetProperty("code").GetInt32());
    }

    [Fact]
    public async Task Many_clients_at_once_get_one_task_each_and_the_log_keeps_up()
    {
        const int Count = 300;
        await using SandboxHarness sandbox = new(clock => new SandboxOptions { TimeProvider = clock, Credits = 42 * Count, CreateLimit = Count + 5 });

        string[] ids = await Task.WhenAll(Enumerable.Range(0, Count).Select(i => sandbox.CreateTaskAsync(image: $"https://images.example/{i}.png")));
        JsonElement oneMore = await sandbox.CreateAsync(SandboxHarness.Body());

        Assert.Equal(402, oneMore.GetProperty("code").GetInt32());
        Assert.Equal(Count, ids.Distinct().Count());
        SandboxBill bill = sandbox.Server.GetBill();
        Assert.Equal((Count, 0m), (bill.CreatesAccepted, bill.CreditsLeft));
        Assert.All(bill.TasksPerImage.Values, tasks => Assert.Equal(1, tasks));
        Assert.Equal(Count + 1, bill.Requests.Count(request => request is { Method: "POST", Path: "/api/v1/jobs/createTask", Status: 200 }));
        Assert.Equal(402, bill.Requests[^1].Code);
    }

    [Fact]
    public async Task Clients_that_hang_up_do_no_harm()
    {
        await using SandboxHarness sandbox = new(clock => new SandboxOptions { TimeProvider = clock, VideoSize = 1_000_000_000 });
        Uri link = await sandbox.MakeVideoAsync();
        for (int i = 0; i < 5; i++)
        {
            using HttpResponseMessage response = await sandbox.Cdn.GetAsync(link, HttpCompletionOption.ResponseHeadersRead);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);

            using TcpClient half = new();
            await half.ConnectAsync(IPAddress.Loopback, sandbox.Server.UploadEndpoint.Port);
            await half.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
                $"POST /api/file-stream-upload HTTP/1.1\r\nHost: 127.0.0.1:{sandbox.Server.UploadEndpoint.Port}\r\nAuthorization: Bearer {sandbox.Server.ApiKey}\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000\r\n\r\n--b\r\n"));
        }

        Assert.Equal(200, (await sandbox.UploadAsync(SandboxHarness.Png)).GetProperty("code").GetInt32());
        Assert.Equal(1, sandbox.Server.GetBill().Uploads);
    }

    [Fact]
    public async Task Disposing_ends_what_is_under_way_and_leaves_no_file()
    {
        ManualClock clock = new();
        SandboxHarness sandbox = new(_ => new SandboxOptions { TimeProvider = clock, GenerationTime = TimeSpan.Zero, VideoSize = 1_000_000_000 });
        Uri link = await sandbox.GetResultAsync(await sandbox.CreateTaskAsync());
        await sandbox.UploadImageAsync();
        sandbox.Server.AddFault(new SandboxFault { Operation = SandboxOperation.Credit, FaultKind = SandboxFaultKind.Delay, Delay = TimeSpan.FromDays(1) });
        Task<JsonElement> waiting = sandbox.GetAsync("api/v1/chat/credit");
        await clock.WaitedForAsync(TimeSpan.FromDays(1));
        using HttpResponseMessage download = await sandbox.Cdn.GetAsync(link, HttpCompletionOption.ResponseHeadersRead);
        string folder = sandbox.Server.UploadFolder;
        Assert.Single(Directory.GetFiles(folder));

        await sandbox.Server.DisposeAsync();

        Assert.False(sandbox.Server.IsRunning);
        Assert.False(Directory.Exists(folder));
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => waiting);
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => download.Content.CopyToAsync(Stream.Null));
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => sandbox.Http.GetAsync("api/v1/chat/credit"));
        await sandbox.DisposeAsync();
    }
}
