using System.Text.Encodings.Web;
using System.Text.Json;
using CsCheck;
using KlingPS.Core.Reporting;

namespace KlingPS.Core.Tests.Reporting;

public sealed class LineTextTests
{
    private static readonly JsonSerializerOptions s_relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    [Fact]
    public void Any_text_comes_out_of_escaped_JSON_as_it_went_in_and_nothing_in_it_is_obeyed_by_a_terminal()
        => Gen.String[Gen.OneOf(Gen.Char, Gen.Char['\u2000', '\u2070'], Gen.Char['\0', '\u00A0'], Gen.Const('\uFEFF'))].Sample(text =>
        {
            string valid = System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(text));

            string json = LineText.Escape(JsonSerializer.Serialize(valid, s_relaxed));

            Assert.Equal(valid, JsonSerializer.Deserialize<string>(json));
            Assert.Equal(json, VisibleText.InLine(json, int.MaxValue));
        });
}
