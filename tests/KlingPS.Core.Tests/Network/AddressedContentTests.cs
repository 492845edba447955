using KlingPS.Core.Network;

namespace KlingPS.Core.Tests.Network;

public sealed class AddressedContentTests
{
    [Theory]
    [InlineData("https://images.example/fox.png")]
    [InlineData("http://images.example/fox.png")]
    [InlineData("https://images.example:8443/fox.png?size=large&n=2")]
    [InlineData("https://images.example/a%20fox.png?v=%2F")]
    [InlineData("https://images.example/fox.png?sp=r&se=2026&Expires=never")]
    [InlineData("https://images.example/render?st=sepia&sp=2&sig=ab")]
    [InlineData("https://images.example/render?ex=2&hm=7")]
    [InlineData("https://images.example/render?Policy=best&Signature=bold")]
    [InlineData("https://[2001:db8::1]/fox.png")]
    [InlineData("file:///images/fox.png")]
    [InlineData("https://user:secret@images.example/fox.png#x")]
    [InlineData("fox.png")]
    [InlineData("")]
    public void An_ordinary_address_counts_as_it_is(string address) => Assert.Equal(address, AddressedContent.Of(address));

    [Theory]
    [InlineData("HTTPS://Images.Example/fox.png")]
    [InlineData("https://images.example:443/fox.png")]
    [InlineData("https://images.example./fox.png")]
    [InlineData("https://images.example/fox.png#top")]
    [InlineData("https://images.example/fox.png?")]
    [InlineData("https://images.example/cats/../fox.png")]
    [InlineData("https://images.example/f%6fx.png")]
    [InlineData(" https://images.example/fox.png ")]
    [InlineData("https://images.example/fox.png?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a%2F20261127%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20261127T190000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Signature=ab")]
    [InlineData("https://images.example/fox.png?X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=a&X-Goog-Date=20261127T190000Z&X-Goog-Expires=900&X-Goog-SignedHeaders=host&x-goog-signature=ab")]
    [InlineData("https://images.example/fox.png?Expires=1795000000&Signature=a~b&Key-Pair-Id=K1")]
    [InlineData("https://images.example/fox.png?Policy=ey&Signature=a~b&Key-Pair-Id=K1")]
    [InlineData("https://images.example/fox.png?AWSAccessKeyId=a&Expires=1795000000&Signature=ab%3D")]
    [InlineData("https://images.example/fox.png?OSSAccessKeyId=a&Expires=1795000000&Signature=ab%3D")]
    [InlineData("https://images.example/fox.png?sv=2024-11-04&se=2026-11-28T00%3A00%3A00Z&sr=b&sp=r&sig=ab%3D")]
    [InlineData("https://images.example/fox.png?q-sign-algorithm=sha1&q-ak=a&q-sign-time=1;2&q-key-time=1;2&q-header-list=host&q-url-param-list=&q-signature=ab")]
    [InlineData("https://images.example/fox.png?ex=69270000&is=6925ae80&hm=ab")]
    public void However_an_address_is_spelled_or_signed_it_leads_to_the_same_content(string address)
        => Assert.Equal("https://images.example/fox.png", AddressedContent.Of(address));

    [Theory]
    [InlineData("https://images.example/Fox.png")]
    [InlineData("http://images.example/fox.png")]
    [InlineData("https://images.example:444/fox.png")]
    [InlineData("https://images.example/fox.png?v=2")]
    [InlineData("https://images.example/fox.png?versionId=7&X-Amz-Date=20261127T190000Z&X-Amz-Signature=ab")]
    [InlineData("https://images.example/fox%2Epng%3Fv=2")]
    public void What_may_be_another_content_stays_another_address(string address)
        => Assert.NotEqual("https://images.example/fox.png", AddressedContent.Of(address));

    [Fact]
    public void What_is_asked_for_beside_a_signature_still_counts()
        => Assert.Equal(
            "https://images.example/fox.png?versionId=7&size=large",
            AddressedContent.Of("https://images.example/fox.png?versionId=7&X-Amz-Date=20261127T190000Z&X-Amz-Signature=ab&size=large"));

    [Fact]
    public void A_host_counts_by_the_name_that_is_looked_up()
        => Assert.Equal(AddressedContent.Of("https://xn--fchse-kva.example/a%2Fb"), AddressedContent.Of("https://Füchse.example/a%2fb"));
}
