using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using CsCheck;
using KlingPS.Core.Secrets;

namespace KlingPS.Core.Tests.Secrets;

public sealed class KeyMaskTests
{
    private const string Key = "sk/live+4f8d=1c0a/97&n<b";

    private static string Hide(string text)
    {
        using var key = ApiKey.From(Key);
        return key.Redact(text);
    }

    [Theory]
    [InlineData("x")]
    [InlineData("xy")]
    public void A_key_is_hidden_however_short_it_is(string key) => Assert.Equal("a * b", KeyMask.Hide($"a {key} b", key, "*"));

    public static TheoryData<string, string> Spellings => new()
    {
        { "as it is", Key },
        { "slashes escaped", Key.Replace("/", "\\/", StringComparison.Ordinal) },
        { "some escapes", Key.Replace("=", "\\u003d", StringComparison.Ordinal).Replace("+", "\\u002B", StringComparison.Ordinal) },
        { "all escapes", Each(c => $"\\u{(int)c:x4}") },
        { "all escapes, packed", Each(c => $"\\\\u{(int)c:X4}") },
        { "all escapes, packed twice", Each(c => $"\\\\\\\\u{(int)c:x4}") },
        { "as .NET writes it", JsonSerializer.Serialize(Key) },
        { "as .NET writes it, packed", JsonSerializer.Serialize(JsonSerializer.Serialize(Key)) },
        { "percent", Uri.EscapeDataString(Key) },
        { "all percent", Each(c => $"%{(int)c:x2}") },
        { "percent twice", Uri.EscapeDataString(Uri.EscapeDataString(Key)) },
        { "entities", WebUtility.HtmlEncode(Key) },
        { "all entities", Each(c => $"&#{(int)c};") },
        { "all entities, hex", Each(c => $"&#x{(int)c:x};") },
        { "base64", Convert.ToBase64String(Encoding.ASCII.GetBytes(Key)) },
        { "hex", Convert.ToHexString(Encoding.ASCII.GetBytes(Key)).ToLowerInvariant() },
        { "upper case", Key.ToUpperInvariant() },
    };

    private static string Each(Func<char, FormattableString> spell) => string.Concat(Key.Select(c => spell(c).ToString(CultureInfo.InvariantCulture)));

    [Theory]
    [MemberData(nameof(Spellings))]
    public void A_key_is_hidden_in_every_spelling(string name, string spelling)
    {
        string hidden = Hide($"{{\"msg\":\"Key {spelling} is wrong, \\\"{spelling}\\\"\"}}");

        Assert.True(!hidden.Contains(spelling.Trim('"'), StringComparison.Ordinal), name);
        Assert.Equal(2, hidden.Split("(hidden)").Length - 1);
        Assert.StartsWith("{\"msg\":\"Key ", hidden, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("Basic user:")]
    [InlineData("two")]
    public void A_key_is_hidden_in_base64_wherever_it_begins(string before)
    {
        byte[] text = Encoding.ASCII.GetBytes($"{before}{Key}, and more");

        string hidden = Hide(Convert.ToBase64String(text));

        Assert.Contains("(hidden)", hidden, StringComparison.Ordinal);
        Assert.DoesNotContain(Convert.ToBase64String(text)[12..24], hidden, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("sk/live+4f8d=1c0a/97&n<c")]
    [InlineData("\\\\\\\\")]
    [InlineData("100% & more; sk/live")]
    [InlineData("\\u00")]
    [InlineData("%")]
    [InlineData("&")]
    [InlineData("&#99999999999;")]
    public void What_is_no_key_stays(string text) => Assert.Equal(text, Hide(text));

    [Fact]
    public void However_each_character_is_spelled_nothing_of_the_key_is_left_after_decoding()
        => Gen.Int[0, 5].Array[Key.Length].Select(Gen.String[Gen.Char['a', 'z'], 0, 20], Gen.String[Gen.Char['a', 'z'], 0, 20]).Sample((ways, before, after) =>
        {
            string spelled = string.Concat(Key.Select((c, i) => ways[i] switch
            {
                0 => string.Create(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                1 => string.Create(CultureInfo.InvariantCulture, $"\\\\u{(int)c:X4}"),
                2 => string.Create(CultureInfo.InvariantCulture, $"%{(int)c:X2}"),
                3 => string.Create(CultureInfo.InvariantCulture, $"&#{(int)c};"),
                4 when c is '/' or '"' => "\\" + c,
                _ => c.ToString(),
            }));

            Assert.Equal($"{before}(hidden){after}", Hide(before + spelled + after));
        });

    [Fact]
    public void No_text_whatever_breaks_it()
        => Gen.Select(Gen.String, Gen.String).Sample((one, other) => Assert.Contains("(hidden)", Hide(one + "\"" + Key + other), StringComparison.Ordinal));
}
