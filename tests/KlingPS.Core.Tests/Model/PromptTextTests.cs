using System.Text;
using CsCheck;
using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Model;

public sealed class PromptTextTests
{
    private static readonly string[] s_lineEnds = ["\n", "\r\n", "\r", "\u0085", "\u2028", "\u2029"];
    private static readonly string[] s_blanks = ["", " ", "\t", "\u00A0", "\u3000", "  \t "];

    private static readonly Gen<string> s_pieces = Any(
        "a", "fox", "é", "e\u0301", "\u1100\u1161", "Å", "\u212B", "狐", "🦊", "🏃\u200D♀️", " ", "\t", "\u00A0", "\r\n", "\n", "\r", "\u0085", "\u2028", "\u2029",
        "\uFEFF", "\u0301", "\u0323", "\0", "\u001B[1m", "\u0092", "\uFFFD", "\uFFFE", "\uD83E", "\uDD8A", "\u200B", "\u00AD", "\u200D", "\uFE0F", "\U000E0067", "Ã", "Ã¼", "â€™", "é”»");

    /// <summary>Any text, much of it of what goes wrong.</summary>
    private static readonly Gen<string> s_texts = Gen.OneOf(s_pieces.Array[0, 12].Select(string.Concat), Gen.String);

    [Theory]
    [InlineData("A fox runs.", "A fox runs.")]
    [InlineData("  A fox runs.\r\n", "A fox runs.")]
    [InlineData("\uFEFFA fox runs.", "A fox runs.")]
    [InlineData("A fox\r\n\r\nruns.", "A fox\n\nruns.")]
    [InlineData("A fox \t\r\n  runs.", "A fox\n  runs.")]
    [InlineData("Ein Fu\u0308chslein", "Ein Füchslein")]
    [InlineData("one\uFEFF\ntwo", "one\ntwo")]
    [InlineData(" \r\n\t", "")]
    [InlineData("", "")]
    [InlineData("🏃\u200D♀️ a\tb", "🏃\u200D♀️ a\tb")]
    [InlineData("zw\u200B", "zw")]
    [InlineData("\u200Ezw", "zw")]
    [InlineData("z\u00ADw", "zw")]
    [InlineData("\u202Ez\u2060w\u202C \u2066a\u2069\u061C", "zw a")]
    [InlineData("zw \u00AD\u200D\n", "zw")]
    [InlineData("e\u200B\u0301", "é")]
    [InlineData("می\u200Cشود", "می\u200Cشود")]
    [InlineData("❤\uFE0F 🏴\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F", "❤\uFE0F 🏴\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F")]
    [InlineData("\u200B", "")]
    [InlineData("z\u202Aw\u206F", "zw")]
    [InlineData("\uFE00\uFE0Fzw\uFE00", "zw\uFE00")]
    [InlineData("\u200D \u200C\uFE0F\U000E0067\u00AD\u3164", "")]
    public void A_text_has_one_spelling(string given, string sent) => Assert.Equal(sent, PromptText.Parse(given));

    [Fact]
    public void What_nobody_sees_makes_no_other_text()
        => Gen.Select(Any("a", "é", "狐", "🦊", " ", "\n").Array[1, 8], Any("\u200B", "\u200E", "\u200F", "\u00AD", "\u2060", "\uFEFF", "\u202B", "\u2069", "").Array[9]).Sample((pieces, unseen)
            => Assert.Equal(PromptText.Normalize(string.Concat(pieces)), PromptText.Normalize(string.Concat(pieces.Select((piece, i) => unseen[i] + piece)) + unseen[8])));

    [Fact]
    public void One_text_is_the_same_however_it_was_saved()
    {
        Gen<string> line = Any("A fox runs.", "Ein Füchslein läuft.", "狐が走る。", "🦊", "", "a  b");
        Gen.Select(line.Array[1, 5], Any(s_lineEnds), Any(s_blanks), Any(s_blanks), Any(NormalizationForm.FormC, NormalizationForm.FormD), Gen.Bool)
            .Sample((lines, end, blank, around, form, hasMark) =>
            {
                string plain = string.Join("\n", lines).Trim('\n');
                string saved = (hasMark ? "\uFEFF" : "") + around + string.Join(blank + end, lines).Normalize(form) + end + around;

                Assert.Equal(plain, PromptText.Parse(saved));
            });
    }

    [Fact]
    public void Any_text_has_one_spelling_and_is_taken_or_refused_with_a_reason()
    {
        s_texts.Sample(text =>
        {
            string normalized = PromptText.Normalize(text);
            Assert.Equal(normalized, PromptText.Normalize(normalized));
            Assert.True(normalized.Length <= text.Length * 3);
            if (PromptText.FindProblem(text) is null)
            {
                Assert.Equal(normalized, PromptText.Parse(text));
                Assert.Null(PromptText.FindProblem(normalized));
                Assert.True(normalized.IsNormalized(NormalizationForm.FormC));
                Assert.DoesNotMatch("[\r\u0085\u2028\u2029\uFEFF\uFFFD]|[ \t]\n|^\\s|\\s\\z", normalized);
                Assert.Equal(normalized, new UTF8Encoding(false, true).GetString(new UTF8Encoding(false, true).GetBytes(normalized)));
            }
            else
            {
                Assert.Equal(ErrorKind.RequestInvalid, Assert.Throws<KlingException>(() => PromptText.Parse(text)).Kind);
                Assert.NotNull(PromptText.FindProblem(normalized));
            }
        });
    }

    [Theory]
    [InlineData("A\0 \0f\0o\0x\0", "U+0000, a NUL character, at line 1, column 2 (5 such characters in all): it is UTF-16 that was read as another encoding. Save the file as UTF-8")]
    [InlineData("A\0\0\0f\0\0\0", "it is UTF-16 that was read as another encoding")]
    [InlineData("A fox\r\nr\0ns.", "U+0000, a NUL character, at line 2, column 2: it is not part of a text. Delete it")]
    [InlineData("a\u2028b\n\rc\u0007", "U+0007, a control character, at line 4, column 2")]
    [InlineData("\uFEFFa\u001B[1mb", "U+001B, an escape character, at line 1, column 2")]
    [InlineData("a\u007F", "U+007F, a control character")]
    [InlineData("it\u0080s", "U+0080, a control character, at line 1, column 3: the file was probably saved as Windows-1252")]
    [InlineData("it\u009Fs", "U+009F, a control character, at line 1, column 3: the file was probably saved as Windows-1252")]
    [InlineData("a\uFDD0", "U+FDD0, no character, at line 1, column 2: it is not part of a text. Delete it, and save the file as UTF-8 if the text comes from one")]
    [InlineData("a\uFDEF", "U+FDEF, no character, at line 1, column 2")]
    [InlineData("fox\0", "U+0000, a NUL character, at line 1, column 4: it is not part of a text. Delete it")]
    [InlineData("\0ab", "U+0000, a NUL character, at line 1, column 1: it is UTF-16 that was read as another encoding")]
    [InlineData("a\u000Bb\u000C", "U+000B, a control character, at line 1, column 2 (2 such characters in all)")]
    [InlineData("it\u0092s", "U+0092, a control character, at line 1, column 3: the file was probably saved as Windows-1252")]
    [InlineData("F\uFFFDchsin", "U+FFFD, the sign for a character that could not be read, at line 1, column 2: the file is not in the encoding that it was read in")]
    [InlineData("a \uFFFC b", "U+FFFC, the place of an object that is not text, at line 1, column 3")]
    [InlineData("\uFFFEA", "U+FFFE, no character, at line 1, column 1: it is UTF-16 that was read in the wrong byte order")]
    [InlineData("a\uD83F\uDFFF", "U+1FFFF, no character, at line 1, column 2")]
    [InlineData("A fox.\nDie FÃ¼chsin lÃ¤uft.", "'Ã¼' at line 2, column 6, which is 'ü' in UTF-8 read as Windows-1252: read the file as UTF-8")]
    [InlineData("itâ€™s", "'â€™' at line 1, column 3, which is '’'")]
    [InlineData("ðŸ¦Š", "which is '🦊'")]
    [InlineData("A fox\uFEFF.\nitâ€™s", "'â€™' at line 2, column 3, which is '’'")]
    [InlineData("Ð›Ð¸Ñ\u0081Ð°", "U+0081")]
    [InlineData("Ð›Ð¸Ð° Ð»ÐµÐ²", "which is 'Л'")]
    [InlineData("ç‹\u0090", "U+0090")]
    [InlineData("èµ°", "which is '走'")]
    [InlineData("MarÃ\u00ADa", "which is 'í'")]
    public void A_damaged_text_is_refused_with_the_place_and_what_to_do(string text, string reason)
        => Assert.Contains(reason, PromptText.FindProblem(text), StringComparison.Ordinal);

    [Fact]
    public void A_text_that_is_refused_is_called_a_text_where_it_has_no_name()
        => Assert.StartsWith("The text has U+0007, a control character, at line 1, column 1: ", Assert.Throws<KlingException>(() => PromptText.Parse("\a")).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("a\nb", 0, "at line 1, column 1")]
    [InlineData("a\nb", 1, "at line 1, column 2")]
    [InlineData("a\nb", 2, "at line 2, column 1")]
    [InlineData("a\r\nb", 3, "at line 2, column 1")]
    [InlineData("\uFEFFab", 2, "at line 1, column 2")]
    [InlineData("\uFEFFa\nb", 3, "at line 2, column 1")]
    public void A_place_in_a_text_is_told_as_an_editor_tells_it(string text, int index, string place) => Assert.Equal(place, PromptText.Locate(text, index));

    [Fact]
    public void Half_of_a_character_is_refused()
    {
        Assert.Contains("U+D83E, half of a character, at line 1, column 5: the text was cut in the middle of a character", PromptText.FindProblem("fox \uD83E"), StringComparison.Ordinal);
        Assert.Contains("U+DD8A, half of a character, at line 1, column 1", PromptText.FindProblem("\uDD8A fox"), StringComparison.Ordinal);
        Assert.Contains("at line 1, column 3", PromptText.FindProblem("🦊\uDD8A"), StringComparison.Ordinal);
        Assert.Contains("U+D800, half of a character, at line 1, column 4: the text was cut in the middle of a character", PromptText.FindProblem("fox\uD800"), StringComparison.Ordinal);
        Assert.Contains("U+DFFF, half of a character, at line 1, column 4: the text was cut in the middle of a character", PromptText.FindProblem("fox\uDFFF"), StringComparison.Ordinal);
        Assert.Equal("\uDB40", PromptText.Normalize("\uDB40"));
    }

    [Fact]
    public void Half_of_a_character_does_not_become_whole_when_a_byte_order_mark_is_taken_out()
        => Assert.All(["fox \uD83E\uFEFF\uDD8A", "\uD83E\uFEFF\uFEFF\uDD8A\uFEFF runs"], text =>
        {
            string normalized = PromptText.Normalize(text);

            Assert.Contains("half of a character", PromptText.FindProblem(text), StringComparison.Ordinal);
            Assert.Contains("half of a character", PromptText.FindProblem(normalized), StringComparison.Ordinal);
            Assert.Equal(normalized, PromptText.Normalize(normalized));
        });

    [Theory]
    [InlineData("CAFÉ…")]
    [InlineData("CAFÉ\u00A0! THÉ\u00A0!")]
    [InlineData("CAFÉ™")]
    [InlineData("il dit café”»")]
    [InlineData("«CAFÉ»")]
    [InlineData("MAÇÃ, IRMÃ»")]
    [InlineData("SEÑOR, ESPAÑA")]
    [InlineData("Die Füchsin läuft über die Straße.")]
    [InlineData("Ã¼ 狐")]
    [InlineData("à la carte, 20 °C, £5, ½")]
    [InlineData("日本語、中文、한국어, Ελληνικά, русский, עברית, العربية")]
    [InlineData("می\u200Cشود 🏃\u200D♀️\u200B\u00AD")]
    [InlineData("a\tb\r\nc\u0085d")]
    public void A_sound_text_is_taken(string text) => Assert.Null(PromptText.FindProblem(text));

    [Fact]
    public void What_is_sound_is_garbled_when_it_is_read_as_Windows_1252_and_then_refused()
    {
        Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);
        Encoding windows = Encoding.GetEncoding(1252);
        foreach (string text in (string[])["Die Füchsin läuft über die Straße.", "L’été, ça fait très chaud.", "狐が走る。", "Лиса бежит через лес.", "Η αλεπού τρέχει.", "It’s a “fox”.", "🦊 runs"])
        {
            Assert.NotNull(PromptText.FindProblem(windows.GetString(Encoding.UTF8.GetBytes(text))));
            Assert.NotNull(PromptText.FindProblem(Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text))));
            Assert.Null(PromptText.FindProblem(text));
        }
    }

    private static Gen<T> Any<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(index => values[index]);
}
