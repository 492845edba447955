using System.Net;
using System.Net.Sockets;
using KlingPS.Core.Api;
using KlingPS.Core.Setup;

namespace KlingPS.Core.Tests.Setup;

public sealed class NetworkChecksTests
{
    private static readonly KlingEndpoints s_public = new(new Uri("https://api.example.com/"), new Uri("https://upload.example.com/"));
    private static readonly DateTimeOffset s_now = new(2026, 11, 26, 2, 15, 0, TimeSpan.Zero);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0, "Ok", "agree")]
    [InlineData(30, "Ok", "30 seconds ahead of")]
    [InlineData(-59, "Ok", "59 seconds behind")]
    [InlineData(60, "Warning", "60 seconds ahead of")]
    [InlineData(-299, "Warning", "5 minutes behind")]
    [InlineData(300, "Failed", "5 minutes ahead of")]
    [InlineData(-86400, "Failed", "1440 minutes behind")]
    public void A_clock_is_judged_by_how_far_it_is_off(int seconds, string status, string expected)
    {
        KlingSetupCheck check = NetworkChecks.JudgeClock(s_now, s_now.AddSeconds(seconds));

        Assert.Equal(status, check.Status);
        Assert.Contains(expected, check.Message, StringComparison.Ordinal);
        Assert.Equal(status != "Ok", check.Advice is not null);
    }

    [Fact]
    public async Task A_service_that_answers_anything_is_reached_and_its_clock_is_read_and_no_key_is_sent()
    {
        var handler = new Answering(request =>
        {
            Assert.Null(request.Headers.Authorization);
            Assert.Equal("https://api.example.com/api/v1/chat/credit", request.RequestUri!.AbsoluteUri);
            Assert.StartsWith("KlingPS/", request.Headers.UserAgent.ToString(), StringComparison.Ordinal);
            return new HttpResponseMessage(HttpStatusCode.Unauthorized) { Headers = { Date = DateTimeOffset.UtcNow } };
        });

        (KlingSetupCheck service, KlingSetupCheck clock) = await new NetworkChecks(s_public, handler, TimeProvider.System).CheckServiceAsync(Token);

        Assert.Equal(("Ok", "Ok"), (service.Status, clock.Status));
    }

    [Fact]
    public async Task The_address_of_a_service_that_refuses_connections_is_told_once_after_the_cause()
    {
        var cause = new SocketException((int)SocketError.ConnectionRefused);
        var handler = new Answering(_ => throw new HttpRequestException($"{cause.Message} (api.example.com:443)", cause));

        (KlingSetupCheck service, _) = await new NetworkChecks(s_public, handler, TimeProvider.System).CheckServiceAsync(Token);

        Assert.Equal($"https://api.example.com/ does not answer: {cause.Message.TrimEnd('.')}.", service.Message);
    }

    [Fact]
    public async Task A_service_that_cannot_be_reached_fails_and_says_why()
    {
        var handler = new Answering(_ => throw new HttpRequestException("Name or service not known."));

        (KlingSetupCheck service, KlingSetupCheck clock) = await new NetworkChecks(s_public, handler, TimeProvider.System).CheckServiceAsync(Token);

        Assert.Equal(("Failed", "Skipped"), (service.Status, clock.Status));
        Assert.Equal("https://api.example.com/ does not answer: Name or service not known.", service.Message);
        Assert.Contains("HTTPS_PROXY", service.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_proxy_that_wants_a_password_is_told()
    {
        var handler = new Answering(_ => new HttpResponseMessage(HttpStatusCode.ProxyAuthenticationRequired));

        KlingSetupCheck check = await new NetworkChecks(s_public, handler, TimeProvider.System).CheckUploadHostAsync(Token);

        Assert.Equal("Failed", check.Status);
        Assert.Contains("the proxy asks for a name and password", check.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_proxy_is_named_without_the_password_in_its_address()
    {
        var route = ProxyRoute.Over(new WebProxy("http://user:PW@proxy.example.com:8080"), null);

        string message = new NetworkChecks(s_public, new Answering(_ => new()), TimeProvider.System).CheckProxy(route).Message;

        Assert.Contains("proxy.example.com:8080", message, StringComparison.Ordinal);
        Assert.DoesNotContain("PW", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("hooks", "is not an absolute address")]
    [InlineData("http://localhost:8080/", "where the service cannot reach it")]
    [InlineData("http://192.168.1.5/", "where the service cannot reach it")]
    [InlineData("https://user:PW@hooks.example.com/", "has a user name or password in it")]
    public async Task An_address_that_the_service_cannot_call_fails(string address, string expected)
    {
        KlingSetupCheck check = await new NetworkChecks(s_public, new Answering(_ => new()), TimeProvider.System).CheckCallbackAsync(address, Token);

        Assert.Equal("Failed", check.Status);
        Assert.Contains(expected, check.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("PW", check.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_callback_address_is_connected_to()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        string address = $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/kling/";
        var local = new KlingEndpoints(new Uri("http://127.0.0.1:1/"), new Uri("http://127.0.0.1:1/"));
        var checks = new NetworkChecks(local, new Answering(_ => new()), TimeProvider.System);

        Assert.Equal("Ok", (await checks.CheckCallbackAsync(address, Token)).Status);
        listener.Stop();
        Assert.Equal("Warning", (await checks.CheckCallbackAsync(address, Token)).Status);
    }

    private sealed class Answering(Func<HttpRequestMessage, HttpResponseMessage> answer) : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            await Task.Yield();
            return answer(request);
        }
    }
}
