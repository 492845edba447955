using System.Management.Automation.Language;
using CsCheck;
using KlingPS.Core;
using KlingPS.Core.Gallery;

namespace KlingPS.Tests;

public sealed class PowerShellTextTests
{
    private static readonly Gen<string> s_anyText = Gen.OneOf(
            Gen.Char['\0', '\u00FF'],
            Gen.Int[0, 12].Select(index => "'\"`$\u2018\u2019\u201A\u201B\u201C\u201D\u201E\n{"[index]),
            Gen.Char['\u2000', '\u2070'],
            Gen.Char['\uD7F0', '\uE010'],
            Gen.Char['\u4E00', '\u4E20'])
        .Array[0, 40].Select(characters => new string(characters));

    [Fact]
    public void Whatever_is_in_a_text_PowerShell_reads_it_as_one_word_and_that_text()
        => s_anyText.Sample(text =>
        {
            string quoted = PowerShellText.Quote(text);
            Ast ast = Parser.ParseInput($"Do-It {quoted} -After", out _, out ParseError[] errors);

            Assert.Empty(errors);
            CommandAst command = Assert.IsType<CommandAst>(Assert.Single(ast.FindAll(node => node is CommandAst, searchNestedScriptBlocks: true)));
            Assert.Equal(3, command.CommandElements.Count);
            Assert.Equal(string.Concat(text.EnumerateRunes().Select(rune => rune.ToString())), Assert.IsType<StringConstantExpressionAst>(command.CommandElements[1]).Value);
        });

    [Fact]
    public void Nothing_is_left_in_it_that_a_terminal_obeys_or_that_ends_a_line()
        => s_anyText.Sample(text =>
        {
            string quoted = PowerShellText.Quote(text);

            Assert.DoesNotContain('\n', quoted);
            Assert.Equal(quoted, VisibleText.Of(quoted));
        });

    [Fact]
    public void A_plain_text_stands_between_quotation_marks_as_it_is()
        => s_anyText.Sample(text =>
        {
            if (PowerShellText.IsPlain(text))
            {
                Assert.Equal($"'{text}'", PowerShellText.Quote(text));
            }
        });

    [Theory]
    [InlineData("fox.png", "'fox.png'")]
    [InlineData("it's", "'it''s'")]
    [InlineData("it\u2019s", "'it\u2019\u2019s'")]
    [InlineData("a $b `c \"d\"", "'a $b `c \"d\"'")]
    [InlineData("two\nlines $x \"q\" `t", "\"two`nlines `$x `\"q`\" ``t\"")]
    [InlineData("\u001b[2J", "\"`u{1B}[2J\"")]
    public void Texts_are_quoted_as_people_would(string text, string quoted)
        => Assert.Equal(quoted, PowerShellText.Quote(text));
}
