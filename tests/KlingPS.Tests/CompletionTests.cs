using System.Management.Automation;
using KlingPS.Core.Model;
using KlingPS.Sandbox;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

public sealed class CompletionTests
{
    [Theory]
    [InlineData("Wait-KlingVideoTask -Id ")]
    [InlineData("Wait-KlingVideoTask ")]
    [InlineData("Save-KlingVideo -Id ")]
    [InlineData("Get-KlingVideoTask -Id ")]
    [InlineData("Remove-KlingVideoTask -Id ")]
    public async Task Numbers_of_tasks_are_completed_newest_first_with_image_and_state(string line)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        KlingVideoTask[] tasks = (await shell.RunAsync("New-KlingVideoTask $images -Prompt 'p'", new { images = shell.Images("a.png", "b.png") })).Clean().Of<KlingVideoTask>();

        CompletionResult[] found = await CompleteAsync(shell, line);

        Assert.Equal(tasks.OrderByDescending(task => task.Id).Select(task => $"{task.Id}"), found.Select(item => item.CompletionText));
        Assert.Equal(tasks.OrderByDescending(task => task.Id).Select(task => $"{Path.GetFileName(task.SourcePath)}, Waiting"), found.Select(item => item.ToolTip));
    }

    [Fact]
    public async Task Ids_of_the_service_are_completed_from_what_is_typed()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        KlingVideoTask task = Assert.Single((await shell.RunAsync("New-KlingVideoTask $image -Prompt 'p'", new { image = shell.Image() })).Clean().Of<KlingVideoTask>());

        Assert.Equal(task.TaskId, Assert.Single(await CompleteAsync(shell, $"Wait-KlingVideoTask -TaskId {task.TaskId![..6]}")).CompletionText);
        Assert.Equal(task.TaskId, Assert.Single(await CompleteAsync(shell, $"Wait-KlingVideoTask {task.TaskId![..6]}")).CompletionText);
        Assert.DoesNotContain(await CompleteAsync(shell, "Wait-KlingVideoTask -TaskId nothing"), item => item.ResultType == CompletionResultType.ParameterValue);
    }

    [Fact]
    public async Task Only_unknown_tasks_are_proposed_for_settling()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        shell.Fault(SandboxOperation.Create, SandboxFaultKind.LoseAnswerAfter, skip: 1);
        foreach (string image in shell.Images("known.png", "lost.png"))
        {
            await shell.RunAsync("New-KlingVideoTask $image -Prompt 'p'", new { image });
        }

        CompletionResult found = Assert.Single(await CompleteAsync(shell, "Resolve-KlingVideoTask -Id "));

        Assert.Equal("lost.png, Unknown", found.ToolTip);
    }

    [Fact]
    public async Task Another_accounts_tasks_are_not_proposed()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        await using ConnectedShell other = await ConnectedShell.StartAsync();
        (await other.RunAsync("New-KlingVideoTask $image -Prompt 'p'", new { image = other.Image() })).Clean();

        Assert.DoesNotContain(await CompleteAsync(shell, "Wait-KlingVideoTask -Id "), item => item.ResultType == CompletionResultType.ParameterValue);
    }

    [Theory]
    [InlineData("Get-KlingVideoTask -State Succ", "Succeeded")]
    [InlineData("New-KlingVideoTask -Duration 1", "10")]
    [InlineData("Measure-KlingVideoCost -Duration 5", "5")]
    [InlineData("New-KlingVideoTask -Model v2-5-turbo-i", "kling/v2-5-turbo-image-to-video-pro")]
    public async Task Values_are_completed(string line, string expected)
    {
        using var shell = new HostedShell();

        Assert.Equal(expected, Assert.Single(await CompleteAsync(shell, line)).CompletionText);
    }

    [Theory]
    [InlineData("Save-KlingVideo -NameTemplate \"it's {Base", "it's {BaseName}")]
    [InlineData("ConvertTo-KlingVideo -NameTemplate 'it''s {Base", "it's {BaseName}")]
    public async Task A_template_with_an_apostrophe_is_completed_to_what_was_typed_and_a_token(string line, string expected)
    {
        using var shell = new HostedShell();

        string text = Assert.Single(await CompleteAsync(shell, line)).CompletionText;

        Assert.Equal(expected, Assert.Single((await shell.RunAsync(text)).Clean().Output).BaseObject);
    }

    [Theory]
    [InlineData("New-KlingVideoTask -Duration ", "5 10")]
    [InlineData("ConvertTo-KlingVideo -Model kling-3.0/video -Resolution ", "720p 1080p 4K")]
    [InlineData("Measure-KlingVideoCost -Model kling/v3-turbo-text-to-video -Duration ", "3 4 5 6 7 8 9 10 11 12 13 14 15")]
    [InlineData("New-KlingVideoTask -Model kling-2.6/text-to-video -AspectRatio ", "1:1 16:9 9:16")]
    [InlineData("New-KlingVideoTask -Model kling-3.0-omni/text-to-video -Resolution 4", "4K")]
    public async Task Values_are_completed_with_what_the_chosen_model_makes_in_its_order(string line, string expected)
    {
        using var shell = new HostedShell();

        Assert.Equal(expected, string.Join(' ', (await CompleteAsync(shell, line)).Select(item => item.CompletionText)));
    }

    private static Task<CompletionResult[]> CompleteAsync(ConnectedShell shell, string line) => CompleteAsync(shell.Shell, line);

    private static async Task<CompletionResult[]> CompleteAsync(HostedShell shell, string line)
        => (await shell.RunAsync("[System.Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null).CompletionMatches", new { line }))
            .Clean().Of<CompletionResult>();
}
