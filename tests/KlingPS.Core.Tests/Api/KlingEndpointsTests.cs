using KlingPS.Core.Api;

namespace KlingPS.Core.Tests.Api;

public sealed class KlingEndpointsTests
{
    private static readonly Uri s_upload = new("https://upload.example/");

    [Theory]
    [InlineData("https://api.kie.ai", "https://api.kie.ai/")]
    [InlineData("https://proxy.example/kie", "https://proxy.example/kie/")]
    [InlineData("https://proxy.example:8443/kie/", "https://proxy.example:8443/kie/")]
    [InlineData("http://localhost:5000", "http://localhost:5000/")]
    [InlineData("http://127.0.0.1:5000/", "http://127.0.0.1:5000/")]
    [InlineData("http://[::1]:5000", "http://[::1]:5000/")]
    public void An_address_ends_in_one_slash(string given, string taken)
        => Assert.Equal(taken, new KlingEndpoints(new Uri(given), s_upload).Api.AbsoluteUri);

    [Theory]
    [InlineData("http://api.kie.ai")]
    [InlineData("http://localhost.example")]
    [InlineData("http://10.0.0.1")]
    [InlineData("ftp://api.kie.ai")]
    [InlineData("file:///etc/passwd")]
    [InlineData("api.kie.ai")]
    [InlineData("https://api.kie.ai/?a=b")]
    [InlineData("https://api.kie.ai/#a")]
    [InlineData("https://user@api.kie.ai/")]
    public void An_address_the_key_must_not_travel_to_is_refused(string address)
    {
        var uri = new Uri(address, UriKind.RelativeOrAbsolute);

        Assert.Equal(ErrorKind.RequestInvalid, Assert.Throws<KlingException>(() => new KlingEndpoints(uri, s_upload)).Kind);
        Assert.Equal(ErrorKind.RequestInvalid, Assert.Throws<KlingException>(() => new KlingEndpoints(s_upload, uri)).Kind);
    }

    [Theory]
    [InlineData("https://user:hunter2@api.kie.ai/")]
    [InlineData("http://user:hunter2@api.kie.ai/")]
    [InlineData("https://api.kie.ai/?token=hunter2")]
    public void A_password_in_a_refused_address_is_not_repeated(string address)
        => Assert.DoesNotContain("hunter2", Assert.Throws<KlingException>(() => new KlingEndpoints(new Uri(address), s_upload)).Message, StringComparison.Ordinal);

    [Fact]
    public void The_default_is_the_service_itself()
        => Assert.Equal(("https://api.kie.ai/", "https://kieai.redpandaai.co/"), (KlingEndpoints.Default.Api.AbsoluteUri, KlingEndpoints.Default.Upload.AbsoluteUri));
}
