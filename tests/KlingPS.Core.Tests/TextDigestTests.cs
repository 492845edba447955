using System.Text;
using CsCheck;

namespace KlingPS.Core.Tests;

public sealed class TextDigestTests
{
    [Fact]
    public void Texts_share_a_digest_that_ignores_case_exactly_where_they_are_equal_without_it()
    {
        string[] characters = [.. Enumerable.Range(0, 0x10000).Where(Rune.IsValid).Select(value => new Rune(value).ToString())];

        Assert.Equal(
            characters.GroupBy(character => character, StringComparer.OrdinalIgnoreCase).Select(equals => string.Concat(equals)),
            characters.GroupBy(TextDigest.IgnoringCase).Select(equals => string.Concat(equals)));
    }

    [Fact]
    public void Characters_that_differ_in_more_than_case_never_share_a_digest()
        => Assert.All(
            Enumerable.Range(0x10000, 0x10000).Select(value => new Rune(value).ToString()).GroupBy(TextDigest.IgnoringCase),
            equals => Assert.Single(equals.Distinct(StringComparer.OrdinalIgnoreCase)));

    [Fact]
    public void Each_character_of_a_text_is_looked_at_by_itself()
        => Gen.Select(Gen.String[Any('s', 'S', 'ſ', 'ı', 'i', 'I', 'İ', 'ß', '\uD801', '\uDC00', 'x'), 0, 6], Gen.String[Any('s', 'S', 'ſ', 'ı', 'i', 'I', 'x'), 0, 6])
            .Sample((one, other) =>
            {
                Assert.Equal(string.Equals(one, other, StringComparison.OrdinalIgnoreCase), TextDigest.IgnoringCase(one) == TextDigest.IgnoringCase(other));
                string upper = one.ToUpperInvariant();
                Assert.Equal(string.Equals(one, upper, StringComparison.OrdinalIgnoreCase), TextDigest.IgnoringCase(one) == TextDigest.IgnoringCase(upper));
            });

    [Fact]
    public void Texts_that_differ_in_anything_have_other_digests()
        => Gen.Select(Gen.String, Gen.String).Sample((one, other) => Assert.Equal(one == other, TextDigest.Of(one) == TextDigest.Of(other)));

    private static Gen<T> Any<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(index => values[index]);
}
