using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Model;

public sealed class ServiceTaskIdTests
{
    [Theory]
    [InlineData("9b1f0c6e2d3a4f58a7c0e1d2b3f4a5c6", true)]
    [InlineData("task_kling_1790000000000", true)]
    [InlineData("a", true)]
    [InlineData("a+b/c==", true)]
    [InlineData("", false)]
    [InlineData(" ", false)]
    [InlineData("two words", false)]
    [InlineData("line\n", false)]
    [InlineData("t\u001b[2J", false)]
    [InlineData("t\u202e", false)]
    [InlineData("\u00fc", false)]
    [InlineData(null, false)]
    public void An_id_is_printable_and_has_no_blanks(string? text, bool isValid) => Assert.Equal(isValid, ServiceTaskId.IsValid(text));

    [Fact]
    public void An_id_has_at_most_128_characters()
        => Assert.Equal((true, false), (ServiceTaskId.IsValid(new string('a', 128)), ServiceTaskId.IsValid(new string('a', 129))));

    [Theory]
    [InlineData("9b1f0c6e2d3a4f58a7c0e1d2b3f4a5c6", "9b1f0c6e2d3a4f58a7c0e1d2b3f4a5c6")]
    [InlineData("task_kling_1", "task_kling_1")]
    [InlineData("$(Remove-Item~)", "'$(Remove-Item~)'")]
    [InlineData("a;b", "'a;b'")]
    [InlineData("a'b", "'a''b'")]
    [InlineData("-Force", "'-Force'")]
    [InlineData("a|b", "'a|b'")]
    public void An_id_that_is_pasted_into_a_shell_is_only_a_text(string taskId, string quoted) => Assert.Equal(quoted, ServiceTaskId.Quote(taskId));
}
