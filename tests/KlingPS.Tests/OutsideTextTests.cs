using System.Globalization;
using System.Management.Automation;
using System.Text;
using KlingPS.Core;
using KlingPS.Core.Model;
using KlingPS.Display;
using KlingPS.Sandbox;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

/// <summary>Text from outside that would set a terminal's title, clear its screen or turn its lines around is shown and not obeyed.</summary>
public sealed class OutsideTextTests
{
    private const string Evil = "say \u001b]0;owned\u0007 and \u001b[2J, \u009b1m, \u202etxt.exe, a\u200bb, one\rtwo, \ud800 end";

    /// <summary>The same as far as a path, a header or JSON can carry it.</summary>
    private const string EvilName = "a \u001b[2J\u0007\u202e\u200b\r b";

    private static bool IsRaw(char c) => c != '\n' && char.GetUnicodeCategory(c) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate;

    /// <summary>Holds that nothing of what was written is obeyed by a terminal, whichever stream it came on.</summary>
    private static string Shown(ShellResult result)
    {
        var all = new StringBuilder();
        foreach (ErrorRecord error in result.Terminating is null ? result.Errors : [.. result.Errors, result.Terminating])
        {
            // Where a row cannot be bound, the record is PowerShell's, and only the message ours.
            string? about = error.Exception is KlingException ? error.CategoryInfo.ToString() : null;
            all.AppendJoin('\n', error.ToString(), error.Exception.Message, error.ErrorDetails?.Message, error.ErrorDetails?.RecommendedAction, about).Append('\n');
        }

        all.AppendJoin('\n', [.. result.Warnings, .. result.Verbose, .. result.Debug, .. result.Information]).Append('\n');
        all.AppendJoin('\n', result.Progress.Select(record => $"{record.Activity}\n{record.StatusDescription}\n{record.CurrentOperation}"));
        string text = all.ToString();
        Assert.DoesNotContain(text.Replace("\r\n", "\n", StringComparison.Ordinal), IsRaw);
        return text;
    }

    [Fact]
    public async Task What_the_service_says_of_a_failed_video_is_shown_and_not_obeyed_and_the_task_keeps_it()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string image = shell.Image();
        shell.Server.AddFault(new SandboxFault { Operation = SandboxOperation.Generate, FaultKind = SandboxFaultKind.FailTask, FailCode = "5\u001b[2J", FailMessage = EvilName });

        ShellResult result = await shell.RunAsync(
            "ConvertTo-KlingVideo $image -Prompt p -Destination $folder -PollingInterval 0.1 -Verbose -Debug", new { image, folder = shell.Destination });
        string text = Shown(result);
        KlingVideoTask task = Assert.Single((await shell.RunAsync("Get-KlingVideoTask")).Of<KlingVideoTask>());

        Assert.Contains("a <U+001B>[2J<U+0007><U+202E><U+200B>", text, StringComparison.Ordinal);
        Assert.Equal(EvilName, task.FailMessage);
        Assert.DoesNotContain(TaskDisplay.Result(new PSObject(task)), IsRaw);
    }

    [Theory]
    [InlineData("Get-KlingAccount", SandboxOperation.Credit)]
    [InlineData("New-KlingVideoTask $image -Prompt p", SandboxOperation.Create)]
    [InlineData("Send-KlingImage $image", SandboxOperation.Upload)]
    public async Task What_the_service_says_when_it_refuses_is_shown_and_not_obeyed(string command, SandboxOperation on)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        shell.Server.AddFault(new SandboxFault { Operation = on, FaultKind = SandboxFaultKind.Code, Code = 422, Message = EvilName });

        string text = Shown(await shell.RunAsync($"{command} -Verbose -Debug", new { image = shell.Image() }));

        Assert.Contains("a <U+001B>[2J<U+0007>", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Get-KlingAccount", SandboxOperation.Credit)]
    [InlineData("New-KlingVideoTask $image -Prompt p", SandboxOperation.Create)]
    [InlineData("Send-KlingImage $image", SandboxOperation.Upload)]
    [InlineData("Get-KlingVideoTask -TaskId elsewhere", SandboxOperation.Query)]
    public async Task What_the_service_says_in_several_lines_is_one_line_of_a_log(string command, SandboxOperation on)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        shell.Server.AddFault(new SandboxFault { Operation = on, FaultKind = SandboxFaultKind.Code, Code = 422, Message = "wrong:\r\n  first\n\tsecond\u2028third\u0085end" });

        ShellResult result = await shell.RunAsync(command, new { image = shell.Image() });

        ErrorRecord error = Assert.Single(result.Terminating is null ? result.Errors : [.. result.Errors, result.Terminating]);
        Assert.Contains("wrong:   first  second<U+2028>third<U+0085>end", error.ToString(), StringComparison.Ordinal);
        Assert.Equal(error.ToString(), error.Exception.Message);
        Assert.DoesNotContain(error.ToString(), char.IsControl);
    }

    [Theory]
    [InlineData("Test-KlingImage -LiteralPath $evil")]
    [InlineData("New-KlingVideoTask -LiteralPath $evil -Prompt p")]
    [InlineData("New-KlingVideoTask -Path $evil -Prompt p")]
    [InlineData("Get-KlingVideoTask $evil")]
    [InlineData("Get-KlingVideoTask -TaskId $evil")]
    [InlineData("Wait-KlingVideoTask $evil")]
    [InlineData("Save-KlingVideo $evil -Destination $folder")]
    [InlineData("Get-KlingModel $evil")]
    [InlineData("New-KlingVideoTask $image -Prompt $evil")]
    [InlineData("New-KlingVideoTask $image -Prompt p -Model $evil")]
    [InlineData("New-KlingVideoTask $image -Prompt p -Resolution $evil")]
    [InlineData("New-KlingVideoTask $image -Prompt p -CallbackUri $evil")]
    [InlineData("New-KlingVideoTask -ImageUri $evil -Prompt p")]
    [InlineData("New-KlingVideoTask $image -Prompt p -WhatIf -TailImagePath $evil")]
    [InlineData("[pscustomobject]@{ Path = $image; Prompt = 'p'; Duration = $evil } | ConvertTo-KlingVideo -Destination $folder")]
    [InlineData("[pscustomobject]@{ Path = $image; Prompt = $evil; Duration = 5 } | ConvertTo-KlingVideo -Destination $folder")]
    [InlineData("ConvertTo-KlingVideo $image -Prompt p -NameTemplate $evil -Destination $folder")]
    [InlineData("Wait-KlingVideoTask 1 -Timeout $evil")]
    [InlineData("Connect-KlingAccount -Endpoint $evil")]
    [InlineData("Test-KlingCallback -Body $evil -Timestamp $evil -Signature $evil -HmacKey (ConvertTo-SecureString k -AsPlainText -Force)")]
    public async Task What_is_given_as_an_argument_is_shown_and_not_obeyed(string command)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        Shown(await shell.RunAsync(command, new { evil = Evil, image = shell.Image(), folder = shell.Destination }));
    }

    [Fact]
    public async Task The_name_of_a_file_is_shown_and_not_obeyed()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no such names.");
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string image = shell.WriteFile(EvilName + ".png", TestImage.Png("evil"));
        string broken = shell.WriteFile(EvilName + ".jpg", [1, 2, 3]);
        var names = new { image, broken, folder = shell.Destination };

        Shown(await shell.RunAsync("New-KlingVideoTask -LiteralPath $image -Prompt p -WhatIf", names));
        Shown(await shell.RunAsync("New-KlingVideoTask -LiteralPath $broken -Prompt p", names));
        Shown(await shell.RunAsync("ConvertTo-KlingVideo -LiteralPath $image, $broken -Prompt p -Destination $folder -PollingInterval 0.1 -Verbose -Debug", names));

        Assert.Equal(image, Assert.Single((await shell.RunAsync("Get-KlingVideoTask")).Of<KlingVideoTask>()).SourcePath);
    }

    [Fact]
    public void The_views_show_each_text_from_outside_without_what_a_terminal_obeys()
    {
        var task = new KlingVideoTask
        {
            Id = 7,
            TaskId = Evil,
            TaskState = KlingTaskState.Failed,
            FailMessage = Evil,
            Spec = new VideoSpec { Prompt = Evil, Image = MediaSource.FromFile("/photos/" + Evil) },
        };
        foreach (PSObject item in new[] { new PSObject(task), (PSObject)PSSerializer.Deserialize(PSSerializer.Serialize(task)) })
        {
            Assert.DoesNotContain(TaskDisplay.Source(item), IsRaw);
            Assert.DoesNotContain(TaskDisplay.Result(item), IsRaw);
            foreach (string property in new[] { "TaskId", "Prompt", "SourcePath", "FailMessage" })
            {
                Assert.DoesNotContain((string)KlingPS.Display.Shown.Lines(item, property)!, IsRaw);
                Assert.DoesNotContain(KlingPS.Display.Shown.Line(item, property)!, IsRaw);
            }
        }

        Assert.Equal("first\nsecond", KlingPS.Display.Shown.Lines(new PSObject(new KlingVideoTask { FailMessage = "first\nsecond" }), "FailMessage"));
    }
}
