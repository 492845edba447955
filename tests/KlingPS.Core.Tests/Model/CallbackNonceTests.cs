using CsCheck;
using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Model;

public sealed class CallbackNonceTests
{
    private const string Nonce = "00112233445566778899aabbccddeeff";
    private const string Other = "ffeeddccbbaa99887766554433221100";

    [Theory]
    [InlineData("https://hooks.example/kling", "https://hooks.example/kling?klingps=" + Nonce)]
    [InlineData("https://hooks.example", "https://hooks.example?klingps=" + Nonce)]
    [InlineData("https://hooks.example/kling?", "https://hooks.example/kling?klingps=" + Nonce)]
    [InlineData("https://hooks.example/kling?code=a%2Bb==&x", "https://hooks.example/kling?code=a%2Bb==&x&klingps=" + Nonce)]
    [InlineData("https://hooks.example/kling?a=1#part?2", "https://hooks.example/kling?a=1&klingps=" + Nonce + "#part?2")]
    [InlineData("https://hooks.example/kling#part", "https://hooks.example/kling?klingps=" + Nonce + "#part")]
    [InlineData("https://hooks.example/kling?klingps=" + Other + "&a=1", "https://hooks.example/kling?a=1&klingps=" + Nonce)]
    public void The_number_joins_the_users_own_query_and_fragment(string uri, string expected)
    {
        Assert.Equal(expected, CallbackNonce.Append(uri, Nonce));
        Assert.Equal(Nonce, CallbackNonce.Find(expected));
    }

    [Fact]
    public void Without_an_address_there_is_none_to_call() => Assert.Null(CallbackNonce.Append(null, Nonce));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("/kling/")]
    [InlineData("/kling/?klingps=")]
    [InlineData("/kling/?klingps=00112233445566778899AABBCCDDEEFF")]
    [InlineData("/kling/?klingps=" + Nonce + "0")]
    [InlineData("/kling/?xklingps=" + Nonce)]
    [InlineData("/kling/#?klingps=" + Nonce)]
    public void What_is_no_number_of_an_attempt_is_none(string? target) => Assert.Null(CallbackNonce.Find(target));

    [Fact]
    public void Whatever_the_query_the_number_is_found_and_the_rest_is_kept()
    {
        Gen.String[Gen.Char["abk=&?%20lingps"], 0, 40].Sample(query =>
        {
            string uri = CallbackNonce.Append($"https://hooks.example/?{query}", Nonce)!;

            Assert.Equal(Nonce, CallbackNonce.Find(uri));
            Assert.Equal(uri, CallbackNonce.Append(uri, Nonce));
            string kept = string.Join('&', query.Split('&').Where(part => !part.StartsWith("klingps=", StringComparison.Ordinal)));
            Assert.StartsWith($"https://hooks.example/?{kept}", uri, StringComparison.Ordinal);
        });
    }
}
