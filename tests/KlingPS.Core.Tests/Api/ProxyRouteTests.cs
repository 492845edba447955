using System.Net;
using KlingPS.Core.Api;
using KlingPS.Core.Secrets;

namespace KlingPS.Core.Tests.Api;

public sealed class ProxyRouteTests
{
    private static readonly Uri s_proxy = new("http://proxy.example:8080/");
    private static readonly Uri s_service = new("https://api.kie.ai/");

    [Theory]
    [InlineData("http://127.0.0.1:5000/")]
    [InlineData("http://localhost:5000/")]
    [InlineData("http://[::1]:5000/")]
    public void This_machine_is_never_reached_through_a_proxy(string address)
    {
        ProxyRoute route = ProxyRoute.Over(new EverythingProxy(), credentials: null);

        Assert.True(route.IsBypassed(new Uri(address)));
        Assert.Null(route.GetProxy(new Uri(address)));
        Assert.False(route.IsBypassed(s_service));
        Assert.Equal(s_proxy, route.GetProxy(s_service));
    }

    [Fact]
    public void The_credentials_given_go_before_those_of_the_system()
    {
        var own = new NetworkCredential("name", "own");

        Assert.Same(own, ProxyRoute.Over(new EverythingProxy(), own).Credentials);
        Assert.Equal("system", ((NetworkCredential)ProxyRoute.Over(new EverythingProxy(), null).Credentials!).Password);
    }

    [Fact]
    public async Task The_password_in_the_address_of_a_proxy_that_cannot_connect_appears_nowhere()
    {
        await using var server = new HostileServer();
        var address = new UriBuilder(server.Address) { UserName = "name", Password = "hunter2" }.Uri;
        ProxyRoute route = ProxyRoute.Over(new WebProxy(address), new CredentialCache { { address, "Basic", new NetworkCredential("name", "hunter2") } });
        using var key = ApiKey.From(ClientHarness.Secret);
        using var http = new HttpMessageInvoker(ApiHandler.Create(route), disposeHandler: true);
        var observer = new RecordingObserver();
        var client = new KlingClient(http, new KlingEndpoints(s_service, s_service), key, new KlingClientOptions { MaxAttempts = 1, Observer = observer });

        KlingApiException error = await Assert.ThrowsAsync<KlingApiException>(() => client.GetCreditsAsync(TestContext.Current.CancellationToken));

        Assert.Contains("the proxy could not connect to it", error.Message, StringComparison.Ordinal);
        Assert.Contains(server.Address.Authority, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", error + string.Concat(observer.Requests), StringComparison.Ordinal);
    }

    [Fact]
    public void The_credentials_of_a_proxy_are_found_by_its_address_without_them()
    {
        ProxyRoute route = ProxyRoute.Over(new WebProxy("http://name:hunter2@proxy.example:8080/"), new CredentialCache { { s_proxy, "Basic", new NetworkCredential("name", "hunter2") } });

        Uri proxy = route.GetProxy(s_service)!;

        Assert.Equal("http://proxy.example:8080/", proxy.AbsoluteUri);
        Assert.Equal("hunter2", route.Credentials!.GetCredential(proxy, "Basic")!.Password);
    }

    [Fact]
    public void A_proxy_that_is_named_is_the_one_that_is_used()
    {
        ProxyRoute route = ProxyRoute.Through(s_proxy, credentials: null);

        Assert.Equal(s_proxy, route.GetProxy(s_service));
        Assert.Null(route.Credentials);
    }

    [Theory]
    [InlineData("http://proxy.example:8080", true)]
    [InlineData("https://proxy.example/", true)]
    [InlineData("http://name:password@proxy.example", false)]
    [InlineData("http://name@proxy.example", false)]
    [InlineData("http://proxy.example/?password=1", false)]
    [InlineData("http://proxy.example/password", false)]
    [InlineData("http://proxy.example/#password", false)]
    [InlineData("socks5://proxy.example", false)]
    public void A_proxys_address_holds_nothing_but_the_address(string address, bool isProxy)
        => Assert.Equal(isProxy, ProxyRoute.IsProxy(new Uri(address)));

    private sealed class EverythingProxy : IWebProxy
    {
        public ICredentials? Credentials { get; set; } = new NetworkCredential("name", "system");

        public Uri GetProxy(Uri destination) => s_proxy;

        public bool IsBypassed(Uri host) => false;
    }
}
