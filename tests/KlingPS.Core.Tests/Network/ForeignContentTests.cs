using System.Text;
using CsCheck;
using KlingPS.Core.Network;

namespace KlingPS.Core.Tests.Network;

public sealed class ForeignContentTests
{
    [Theory]
    [InlineData("<html><head><title>502 Bad Gateway</title></head>", "a web page (\"502 Bad Gateway\")")]
    [InlineData("\uFEFF\r\n <!DOCTYPE HTML>\n<TITLE lang=en>\n  Sign   in &amp; go\n</TITLE>", "a web page (\"Sign in & go\")")]
    [InlineData("<html><body>no title</body></html>", "a web page")]
    [InlineData("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>No.</Message></Error>", "XML (\"AccessDenied\")")]
    [InlineData("<rss/>", "XML")]
    [InlineData("[1]", "JSON (\"[1]\")")]
    [InlineData("Too many requests", "text (\"Too many requests\")")]
    [InlineData("<title>\u202Egnp.exe\u200B\u001b[2J\u0085</title>", "a web page (\"gnp.exe[2J\")")]
    [InlineData("<title>&#27;[2J&#x202e;x</title>", "a web page (\"[2Jx\")")]
    [InlineData("", null)]
    [InlineData(" \r\n", null)]
    [InlineData("\u0001\u0002", null)]
    public void What_came_is_named_in_one_line_of_ordinary_characters(string text, string? named)
    {
        Assert.Equal(named, ForeignContent.Describe(text));
        Assert.Equal(named, ForeignContent.Describe(Encoding.UTF8.GetBytes(text)));
    }

    [Fact]
    public void A_video_is_not_foreign() => Assert.Null(ForeignContent.Describe("\0\0\0\u0018ftypisom"u8));

    [Fact]
    public void Whatever_came_its_name_is_short_and_has_no_control_characters()
        => Gen.Select(Gen.OneOf(Gen.Const("<title>"), Gen.Const("<Code>"), Gen.Const("{"), Gen.Const("")), Gen.String[0, 300]).Sample((start, rest) =>
        {
            string? named = ForeignContent.Describe(start + rest);

            Assert.True(named is null || (named.Length < 120 && !named.Any(char.IsControl)), named);
        });

    [Fact]
    public void No_bytes_whatever_break_it() => Gen.Byte.Array[0, 200].Sample(bytes => _ = ForeignContent.Describe(bytes));
}
