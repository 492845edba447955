using System.Globalization;
using System.Text;
using CsCheck;

namespace KlingPS.Core.Tests;

public sealed class VisibleTextTests
{
    private static readonly Gen<string> s_anyText = Gen.OneOf(
            Gen.Char['\0', '\u00A0'],
            Gen.Char['\u0300', '\u0370'],
            Gen.Char['\u2000', '\u2070'],
            Gen.Char['\uD7F0', '\uE010'],
            Gen.Char['\uFE00', '\uFFFF'])
        .Array[0, 200].Select(characters => new string(characters));

    [Theory]
    [InlineData("\u001b]0;title\u0007", "<U+001B>]0;title<U+0007>")]
    [InlineData("\u001b[2J", "<U+001B>[2J")]
    [InlineData("\u009b2J", "<U+009B>2J")]
    [InlineData("photo\u202egnp.exe", "photo<U+202E>gnp.exe")]
    [InlineData("a\u200bb\ufeffc\u00add", "a<U+200B>b<U+FEFF>c<U+00AD>d")]
    [InlineData("hidden\U000e0041", "hidden<U+E0041>")]
    [InlineData("first\rsecond", "first<U+000D>second")]
    [InlineData("first\r\nsecond\nthird", "first\nsecond\nthird")]
    [InlineData("first\tsecond", "first\tsecond")]
    [InlineData("first\u2028second\u2029third", "first<U+2028>second<U+2029>third")]
    [InlineData("ein Käfer, 一只猫, قطة, 🐈", "ein Käfer, 一只猫, قطة, 🐈")]
    public void Characters_that_a_terminal_obeys_or_nobody_sees_are_shown_by_their_number(string text, string expected)
        => Assert.Equal(expected, VisibleText.Of(text));

    [Fact]
    public void Half_of_a_character_is_shown_by_its_number()
        => Assert.Equal("one<U+D800>two<U+DC00>", VisibleText.Of("one\ud800two\udc00"));

    [Theory]
    [InlineData("Cannot use 'https://user:PW@host/a@b'.", "Cannot use 'https://…@host/a@b'.")]
    [InlineData("http://PW@host, ftp://a:P@W@host", "http://…@host, ftp://…@host")]
    [InlineData("'postgresql://anna@host:5433/db' and postgres://anna@host", "'postgresql://anna@host:5433/db' and postgres://anna@host")]
    [InlineData("postgresql://anna:PW@host/db, postgres://PW@PW@host, notpostgresql://PW@host", "postgresql://…@host/db, postgres://…@host, notpostgresql://…@host")]
    [InlineData("https://host/user:x@y and me@host", "https://host/user:x@y and me@host")]
    public void The_password_in_an_address_is_never_shown(string text, string expected)
        => Assert.Equal(expected, VisibleText.Of(text));

    [Fact]
    public void In_one_line_line_breaks_are_blanks()
        => Assert.Equal("first second third fourth<U+000D>", VisibleText.InLine("first\r\nsecond\nthird\tfourth\r"));

    [Fact]
    public void A_long_text_is_cut_between_two_characters_and_says_so()
    {
        Assert.Equal("ab…", VisibleText.Of("ab🐈", 3));
        Assert.Equal("ab…", VisibleText.Of("ab\u001b", 3));
        Assert.Equal("abc", VisibleText.Of("abc", 3));
        Assert.Equal(VisibleText.MaxLength + 1, VisibleText.Of(new string('x', 3_000_000))!.Length);
    }

    [Fact]
    public void Nothing_that_a_terminal_obeys_is_left_of_any_text()
        => s_anyText.Sample(text =>
        {
            string shown = VisibleText.Of(text);
            Assert.DoesNotContain(shown.EnumerateRunes(), rune => rune.Value is not ('\n' or '\t') && Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format);
            Assert.Equal(shown, Encoding.UTF8.GetString(new UTF8Encoding(false, throwOnInvalidBytes: true).GetBytes(shown)));
            Assert.Equal(shown, VisibleText.Of(shown));
            Assert.Equal(-1, VisibleText.InLine(text).AsSpan().IndexOfAny('\n', '\t'));
        });

    [Fact]
    public void A_cut_text_stays_as_it_is_when_it_is_shown_again()
        => Gen.Select(s_anyText, Gen.Int[1, 60]).Sample((text, longest) =>
        {
            string shown = VisibleText.Of(text, longest);
            Assert.True(shown.Length <= longest + 1);
            Assert.Equal(shown, VisibleText.Of(shown, longest));
        });

    [Fact]
    public void An_error_never_holds_what_a_terminal_obeys()
        => Assert.Equal("<U+001B>[2J", new KlingException(ErrorKind.TaskFailed, "\u001b[2J").Message);
}
