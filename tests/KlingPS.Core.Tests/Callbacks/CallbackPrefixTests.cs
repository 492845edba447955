using System.Net;
using KlingPS.Core.Callbacks;

namespace KlingPS.Core.Tests.Callbacks;

public sealed class CallbackPrefixTests
{
    [Theory]
    [InlineData("http://localhost:8080/kling/", "http://localhost:8080/kling/")]
    [InlineData(" HTTP://LOCALHOST:8080/kling ", "http://localhost:8080/kling/")]
    [InlineData("http://+:8080/kling/", "http://+:8080/kling/")]
    [InlineData("http://*:8080", "http://+:8080/")]
    [InlineData("http://+/", "http://+:80/")]
    [InlineData("http://127.0.0.1:9000/a/b/", "http://127.0.0.1:9000/a/b/")]
    [InlineData("http://[::1]:9000/", "http://[::1]:9000/")]
    public void A_prefix_says_where_to_listen(string text, string expected) => Assert.Equal(expected, CallbackPrefix.Parse(text).ToString());

    [Theory]
    [InlineData("https://localhost:8080/", "TLS")]
    [InlineData("http://hooks.example:8080/", "localhost")]
    [InlineData("http://+x:8080/", "look like")]
    [InlineData("localhost:8080", "look like")]
    [InlineData("http://localhost:8080/?a=1", "look like")]
    [InlineData("http://me:pass@localhost:8080/", "look like")]
    [InlineData("http://localhost:99999/", "look like")]
    [InlineData("", "look like")]
    public void What_cannot_be_listened_on_says_why(string text, string why)
    {
        KlingException exception = Assert.Throws<KlingException>(() => CallbackPrefix.Parse(text));

        Assert.Equal(ErrorKind.RequestInvalid, exception.Kind);
        Assert.Contains(why, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Localhost_is_the_machine_itself_and_nobody_else()
        => Assert.All(CallbackPrefix.Parse(CallbackPrefix.Default).Addresses, address => Assert.True(IPAddress.IsLoopback(address)));
}
