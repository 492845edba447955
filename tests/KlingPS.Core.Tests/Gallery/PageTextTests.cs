using System.Buffers;
using System.Net;
using System.Text;
using System.Text.Json;
using CsCheck;
using KlingPS.Core.Gallery;

namespace KlingPS.Core.Tests.Gallery;

public sealed class PageTextTests
{
    private const string Special = "<>&\"'/\\#?%\n\r!-";

    private static readonly Gen<string> s_anyText = Gen.OneOf(
            Gen.Char['\0', '\u00FF'],
            Gen.Int[0, Special.Length - 1].Select(index => Special[index]),
            Gen.Char['\u2000', '\u2070'],
            Gen.Char['\uD7F0', '\uE010'],
            Gen.Char['\u4E00', '\u4E20'])
        .Array[0, 60].Select(characters => new string(characters));

    private static readonly Gen<string> s_name = s_anyText
        .Select(text => string.Concat(text.EnumerateRunes().Where(rune => rune.Value is not ('/' or '\0' or 0xFFFD)).Select(rune => rune.ToString())))
        .Where(name => name.Length > 0 && name is not ("." or ".."));

    [Fact]
    public void Any_text_stays_text_between_tags_and_in_attributes()
        => s_anyText.Sample(text =>
        {
            string html = PageText.Html(text);

            Assert.DoesNotContain(html, c => c is '<' or '>' or '"' or '\'');
            Assert.Equal(WithoutHalves(text), WebUtility.HtmlDecode(html));
        });

    [Fact]
    public void No_text_ends_the_script_that_holds_the_data()
        => s_anyText.Sample(text =>
        {
            string json = Json(text);

            Assert.DoesNotContain(json, c => c is '<' or '>' or '&' or '\n' or '\r' or '\u2028' or '\u2029' or '\0');
            Assert.Equal(WithoutHalves(text), JsonSerializer.Deserialize<string>(json));
        });

    [Theory]
    [InlineData("</script><script>alert(1)</script>")]
    [InlineData("<!--<script>")]
    [InlineData("]]>\u2028\u2029\0")]
    public void What_ends_a_script_is_escaped(string text)
        => Assert.DoesNotContain(Json(text), c => c is '<' or '\u2028' or '\u2029' or '\0');

    [Theory]
    [InlineData("/home/a/page", "/home/a/page/videos/fox.mp4", "videos/fox.mp4")]
    [InlineData("/home/a/page", "/home/a/fox.mp4", "../fox.mp4")]
    [InlineData("/home/a/page", "/mnt/b/fox.mp4", "../../../mnt/b/fox.mp4")]
    [InlineData("/", "/fox.mp4", "fox.mp4")]
    [InlineData("/a", "/a/50% #1?.mp4", "50%25%20%231%3F.mp4")]
    [InlineData("/a", "/a/line\nbreak \"q\" 'q'.mp4", "line%0Abreak%20%22q%22%20%27q%27.mp4")]
    [InlineData("/a", "/a/javascript:alert(1)", "javascript%3Aalert%281%29")]
    [InlineData("/a", "/a/灯台.mp4", "%E7%81%AF%E5%8F%B0.mp4")]
    [InlineData("/a", "/a/back\\slash.mp4", "back%5Cslash.mp4")]
    public void A_file_is_linked_to_by_its_path_from_the_page(string folder, string path, string link)
        => Assert.Equal(link, PageText.Link(folder, path, isWindows: false));

    [Theory]
    [InlineData(@"C:\shots", @"C:\shots\videos\fox.mp4", "videos/fox.mp4")]
    [InlineData(@"C:\Shots", @"c:\shots\fox.mp4", "fox.mp4")]
    [InlineData(@"C:\shots\", @"C:\videos\fox.mp4", "../videos/fox.mp4")]
    [InlineData(@"C:\shots", @"D:\videos\fox #1.mp4", "file:///D:/videos/fox%20%231.mp4")]
    [InlineData(@"C:\shots", @"\\nas\share 1\fox.mp4", "file://nas/share%201/fox.mp4")]
    [InlineData(@"\\nas\share\page", @"\\NAS\Share\fox.mp4", "../fox.mp4")]
    [InlineData(@"\\nas\share\page", @"\\nas\other\fox.mp4", "file://nas/other/fox.mp4")]
    [InlineData(@"C:\shots", @"\\?\C:\shots\fox.mp4", "fox.mp4")]
    [InlineData(@"C:\shots", @"\\?\UNC\nas\share\fox.mp4", "file://nas/share/fox.mp4")]
    public void On_Windows_another_drive_or_server_is_linked_to_in_full(string folder, string path, string link)
        => Assert.Equal(link, PageText.Link(folder, path, isWindows: true));

    [Fact]
    public void Whatever_a_file_is_called_its_link_leads_to_it()
        => Gen.Select(s_name.Array[1, 3], s_name.Array[0, 2]).Sample((names, folders) =>
        {
            Assert.SkipWhen(OperatingSystem.IsWindows(), "Names on Windows have fewer characters.");
            string folder = "/" + string.Join('/', folders);
            string path = "/" + string.Join('/', names);
            string link = PageText.Link(folder, path);

            Assert.All(link, c => Assert.True(char.IsAsciiLetterOrDigit(c) || c is '/' or '.' or '%' or '-' or '_' or '~'));
            Assert.Equal(path, Path.GetFullPath(Path.Combine(folder, string.Join('/', link.Split('/').Select(Uri.UnescapeDataString)))));
            Assert.Equal(link.StartsWith("../", StringComparison.Ordinal) ? null : path, PageText.FromLink(link) is string below ? Path.Combine(folder, below) : null);
        });

    [Theory]
    [InlineData("https://example.org/fox.mp4")]
    [InlineData("file:///etc/passwd")]
    [InlineData("/etc/passwd")]
    [InlineData("%2Fetc%2Fpasswd")]
    [InlineData("a%2F..%2F..%2Fpasswd")]
    [InlineData("../fox.mp4")]
    [InlineData("a/../../fox.mp4")]
    [InlineData("%2E%2E/fox.mp4")]
    [InlineData("a//fox.mp4")]
    [InlineData("./fox.mp4")]
    [InlineData("a/fox%00.mp4")]
    [InlineData("")]
    public void An_address_that_is_not_relative_is_no_path(string link)
        => Assert.Null(PageText.FromLink(link));

    [Theory]
    [InlineData("%5C%5Cserver%5Cshare%5Cfox.mp4")]
    [InlineData("%5Cfox.mp4")]
    [InlineData("..%5Cfox.mp4")]
    [InlineData("C%3A/fox.mp4")]
    [InlineData("C%3Afox.mp4")]
    [InlineData("%5C%5C%3F%5CC%3A%5Cfox.mp4")]
    [InlineData("%5C%5C.%5CNUL/fox.mp4")]
    [InlineData("a/NUL.mp4")]
    [InlineData("a/com1 .mp4")]
    [InlineData(".. /fox.mp4")]
    [InlineData("fox.mp4%3Astream.mp4")]
    public void On_Windows_no_address_leads_to_a_drive_a_server_or_a_device(string link)
        => Assert.Null(PageText.FromLink(link, isWindows: true));

    private static string Json(string text)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, PageText.Json))
        {
            json.WriteStringValue(text);
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static string WithoutHalves(string text) => string.Concat(text.EnumerateRunes().Select(rune => rune.ToString()));
}
