using System.Security;
using KlingPS.Core.Secrets;

namespace KlingPS.Core.Tests.Secrets;

public sealed class ApiKeyTests
{
    private const string Secret = "5d41402abc4b2a76b9719d911017c592";
    private static readonly Uri s_endpoint = new("https://api.kie.ai/");

    [Fact]
    public void A_key_is_never_turned_into_text()
    {
        using var key = ApiKey.From(Secret);

        Assert.Equal("(hidden)", key.ToString());
        Assert.Equal("(hidden)", $"{key}");
        Assert.Equal("{}", System.Text.Json.JsonSerializer.Serialize(key));
    }

    [Theory]
    [InlineData(" 5d41402abc4b2a76b9719d911017c592")]
    [InlineData("5d41402abc4b2a76b9719d911017c592\r\n")]
    [InlineData("\t5d41402abc4b2a76b9719d911017c592\u00A0")]
    public void Blanks_around_a_key_are_dropped(string text)
    {
        using var key = ApiKey.From(text);

        Assert.True(key.Matches(Secret));
        Assert.Equal(Secret, key.ToAuthorizationHeader().Parameter);
        Assert.Equal("Bearer", key.ToAuthorizationHeader().Scheme);
    }

    [Theory]
    [InlineData("\uFEFF5d41402abc4b2a76b9719d911017c592")]
    [InlineData("\u200B5d41402abc4b2a76b9719d911017c592\u200D\r\n")]
    [InlineData("\u202A5d41402abc4b2a76b9719d911017c592\u202C")]
    public void Characters_around_a_key_that_nobody_sees_are_dropped(string text)
    {
        using var key = ApiKey.From(text);

        Assert.True(key.Matches(Secret));
        Assert.True(key.Matches(text));
        Assert.Equal(Secret, key.ToAuthorizationHeader().Parameter);
    }

    [Theory]
    [InlineData("\"5d41402abc4b2a76\"", "quotation mark")]
    [InlineData("'5d41402abc4b2a76'", "quotation mark")]
    [InlineData("5d41402abc4b2a76\"", "quotation mark")]
    [InlineData("“5d41402abc4b2a76”", "quotation mark")]
    [InlineData("„5d41402abc4b2a76“", "quotation mark")]
    [InlineData("Bearer 5d41402abc4b2a76", "'Bearer'")]
    [InlineData("bearer\u00A05d41402abc4b2a76", "'Bearer'")]
    [InlineData("Authorization: Bearer 5d41402abc4b2a76", "'Authorization'")]
    [InlineData("KIE_API_KEY=5d41402abc4b2a76", "after the equals sign")]
    [InlineData("export KIE_API_KEY=5d41402abc4b2a76", "after the equals sign")]
    [InlineData("<5d41402abc4b2a76>", "placeholder")]
    [InlineData("$env:KIE", "placeholder")]
    [InlineData("5d41402a\u200Bbc4b2a76", "cannot be seen: U+200B, at position 9")]
    [InlineData("5d41402a\nbc4b2a76", "line break")]
    [InlineData("5d41402a bc4b2a76", "blank")]
    public void What_was_copied_together_with_a_key_is_named_and_the_key_is_not_repeated(string text, string expected)
    {
        KlingException error = Assert.Throws<KlingException>(() => ApiKey.From(text));

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("5d41402a", error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("k1")]
    [InlineData("sk-proj=x'y\"z")]
    [InlineData("bearing5d41402a")]
    [InlineData("NWQ0MTQwMmE=")]
    public void A_key_of_an_unusual_form_is_taken_as_it_is(string text)
    {
        using var key = ApiKey.From(text);

        Assert.True(key.Matches(text));
    }

    [Theory]
    [InlineData("")]
    [InlineData(" \r\n")]
    [InlineData("\uFEFF\u200B")]
    public void An_empty_key_is_a_missing_one(string text)
        => Assert.Equal(ErrorKind.ApiKeyMissing, Assert.Throws<KlingException>(() => ApiKey.From(text)).Kind);

    [Theory]
    [InlineData("5d41402a bc4b2a76")]
    [InlineData("5d41402a\r\nX-Injected: yes")]
    [InlineData("5d41402a\0bc4b2a76")]
    [InlineData("5d41402aбc4b2a76")]
    [InlineData("“5d41402abc4b2a76”")]
    public void A_key_with_characters_that_no_key_has_is_refused_without_being_repeated(string text)
    {
        KlingException error = Assert.Throws<KlingException>(() => ApiKey.From(text));

        Assert.Equal(ErrorKind.Unauthorized, error.Kind);
        Assert.DoesNotContain("5d41402a", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_too_long_to_be_a_key_is_refused_with_its_length()
    {
        KlingException error = Assert.Throws<KlingException>(() => ApiKey.From(new string('a', 100_000)));

        Assert.Equal((ErrorKind.Unauthorized, "The API key is too long to be one: it has 100,000 characters. It is probably the content of something else."), (error.Kind, error.Message));
    }

    [Fact]
    public void A_secure_string_gives_the_same_key_and_remains_its_owners()
    {
        using var secure = new SecureString();
        foreach (char c in Secret)
        {
            secure.AppendChar(c);
        }

        using (var key = ApiKey.From(secure))
        {
            Assert.True(key.Matches(Secret));
        }

        Assert.Equal(Secret.Length, secure.Length);
    }

    [Fact]
    public void A_fingerprint_is_the_same_for_ever_because_ledgers_hold_it()
    {
        using var key = ApiKey.From(Secret);

        Assert.Equal("f52a1e6f11ad8e0a", key.Fingerprint(s_endpoint));
    }

    [Fact]
    public void A_fingerprint_tells_keys_and_endpoints_apart_and_holds_no_part_of_the_key()
    {
        using var key = ApiKey.From(Secret);
        using var other = ApiKey.From(Secret[..^1] + "3");
        string fingerprint = key.Fingerprint(s_endpoint);

        Assert.Matches("^[0-9a-f]{16}$", fingerprint);
        Assert.Equal(3, new[] { fingerprint, other.Fingerprint(s_endpoint), key.Fingerprint(new Uri("http://localhost:5000/")) }.Distinct().Count());
        Assert.All(Enumerable.Range(0, Secret.Length - 3), start => Assert.DoesNotContain(Secret.Substring(start, 4), fingerprint, StringComparison.Ordinal));
    }

    [Fact]
    public void The_key_is_struck_out_of_text_from_outside()
    {
        using var key = ApiKey.From(Secret);

        Assert.Equal("Bearer (hidden) and (hidden)!", key.Redact($"Bearer {Secret} and {Secret}!"));
        Assert.Equal("nothing", key.Redact("nothing"));
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData("", false)]
    [InlineData("5d41402abc4b2a76b9719d911017c593", false)]
    [InlineData("5d41402abc4b2a76b9719d911017c59", false)]
    [InlineData(" 5d41402abc4b2a76b9719d911017c592 ", true)]
    public void Keys_can_be_compared(string? other, bool same)
    {
        using var key = ApiKey.From(Secret);

        Assert.Equal(same, key.Matches(other));
    }

    [Fact]
    public void A_copy_for_the_secret_store_outlives_the_key()
    {
        SecureString copy;
        using (var key = ApiKey.From($" {Secret}\n"))
        {
            copy = key.ToSecureString();
        }

        using var again = ApiKey.From(copy);
        Assert.True(again.Matches(Secret));
        Assert.Equal(Secret.Length, copy.Length);
    }

    [Fact]
    public void A_key_that_was_disposed_of_is_forgotten()
    {
        var key = ApiKey.From(Secret);
        key.Dispose();

        Assert.Equal(ErrorKind.ApiKeyMissing, Assert.Throws<KlingException>(key.ToAuthorizationHeader).Kind);
        Assert.Equal("(hidden)", key.ToString());
    }
}
