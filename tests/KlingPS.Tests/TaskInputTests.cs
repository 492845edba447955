using System.Management.Automation;
using KlingPS.Core.Model;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

public sealed class TaskInputTests
{
    public static TheoryData<string> Forms =>
    [
        "$task | {0}",
        "[System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize($task)) | {0}",
        "$task.TaskId | {0}",
        "[pscustomobject]@{{ TaskId = $task.TaskId; Note = 'from a list' }} | {0}",
        "[pscustomobject]@{{ Id = \"$($task.Id)\" }} | {0}",
        "@{{ id = $task.Id; Note = 'from a list' }} | {0}",
        "[ordered]@{{ Name = 'x'; TaskId = $task.TaskId }} | {0}",
        "[System.Collections.Generic.Dictionary[string, object]]::new() | ForEach-Object {{ $_['Id'] = $task.Id; $_ }} | {0}",
        "[pscustomobject]@{{ PSTypeName = 'My.Row'; Id = $task.Id }} | {0}",
        "[System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize([pscustomobject]@{{ PSTypeName = 'My.Row'; Id = $task.Id }})) | {0}",
        "[System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize($($file = [psobject] [System.IO.DirectoryInfo] '/'; $file.psobject.Properties.Add([psnoteproperty]::new('TaskId', $task.TaskId)); $file))) | {0}",
        "$($file = [psobject] [System.IO.DirectoryInfo] '/'; $file.psobject.Properties.Add([psnoteproperty]::new('Id', $task.Id)); $file) | {0}",
        "& ([scriptblock]::Create('class Shot {{ [string] $TaskId; [int] $Id = 900 }} [Shot] @{{ TaskId = $args[0] }}')) $task.TaskId | {0}",
        "([xml]\"<task Id='$($task.Id)'/>\").task | {0}",
        "$task.Id | {0}",
        "[int]$task.Id | {0}",
        "{0} -TaskId $task.TaskId",
        "{0} $task.TaskId",
        "{0} $task.Id",
        "{0} \"$($task.Id)\"",
        "\"$($task.Id)\" | {0}",
        "{0} $task",
        "{0} -Id $task.Id",
        "{0} -InputObject $task",
    ];

    [Theory]
    [MemberData(nameof(Forms))]
    public async Task A_task_is_understood_by_all_three_commands(string form)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string Use(string command) => string.Format(System.Globalization.CultureInfo.InvariantCulture, form, command);

        ShellResult result = (await shell.RunAsync(
            $$"""
            $task = New-KlingVideoTask $image 'It moves.'
            {{Use("Get-KlingVideoTask")}}
            {{Use("Wait-KlingVideoTask -PollingInterval 0.1")}}
            {{Use("Save-KlingVideo")}} -Destination $destination
            """,
            new { image = shell.Image("fox.png"), destination = shell.Destination })).Clean();

        string taskId = Assert.Single(shell.Bill.Tasks).TaskId;
        Assert.Equal(taskId, Assert.IsType<KlingVideoTask>(result.Output[0].BaseObject).TaskId);
        var waited = Assert.IsType<KlingVideoTask>(result.Output[1].BaseObject);
        Assert.Equal((taskId, KlingTaskState.Succeeded), (waited.TaskId, waited.TaskState));
        var file = Assert.IsType<FileInfo>(result.Output[2].BaseObject);
        Assert.Equal(Path.Combine(shell.Destination, "fox.mp4"), file.FullName);
        Assert.Equal(taskId, SandboxVideo.TaskIdOf(file.FullName));
    }

    [Theory]
    [InlineData("Get-KlingVideoTask 12345678901234567890123456789012", "in quotes")]
    [InlineData("Get-KlingVideoTask 12e4", "in quotes")]
    [InlineData("Get-KlingVideoTask -TaskId ' '", "not the id of a task")]
    [InlineData("Get-KlingVideoTask -TaskId 17", "no task '17'")]
    public async Task An_id_that_cannot_be_meant_is_refused_with_the_way_to_write_it(string command, string expected)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ErrorRecord error = Assert.Single((await shell.RunAsync(command)).Errors);

        Assert.Contains(expected, error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1.6", "'1.6' is not a whole number, and is not rounded")]
    [InlineData("'1,2'", "'1,2' is not a whole number")]
    [InlineData("'0,2'", "'0,2' is not a whole number")]
    [InlineData("'0x2'", "'0x2' is not a whole number")]
    [InlineData("1, 1.6", "'1.6' is not a whole number, and is not rounded")]
    [InlineData("1, $null", "'' is not a whole number")]
    [InlineData("99999999999999999999", "is out of range")]
    public async Task A_number_that_no_task_can_have_does_not_stand_for_another_task(string id, string said)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        await shell.RunAsync("$tasks = $images | New-KlingVideoTask -Prompt 'It moves.' | Wait-KlingVideoTask -PollingInterval 0.1", new { images = shell.Images("a.png", "b.png") });

        foreach (string command in (string[])["Get-KlingVideoTask", "Wait-KlingVideoTask", "Save-KlingVideo", "Remove-KlingVideoTask"])
        {
            ShellResult result = await shell.RunAsync($"{command} -Id {id}");

            Assert.StartsWith("ParameterArgumentTransformationError,", result.Terminating?.FullyQualifiedErrorId, StringComparison.Ordinal);
            Assert.Contains(said, result.Terminating!.ToString(), StringComparison.Ordinal);
            Assert.Empty(result.Output);
        }

        Assert.Equal(2, (await shell.RunAsync("Get-KlingVideoTask -Id $tasks[0].Id, \"$($tasks[1].Id)\"")).Clean().Output.Count);
    }

    [Fact]
    public async Task A_saved_video_names_its_task()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync(
            "New-KlingVideoTask $image 'It moves.' | Save-KlingVideo -Destination $destination | Get-KlingVideoTask",
            new { image = shell.Image(), destination = shell.Destination })).Clean();

        Assert.Equal(Path.Combine(shell.Destination, "image.mp4"), Assert.Single(result.Of<KlingVideoTask>()).SavedPath);
    }

    [Theory]
    [InlineData("Get-KlingVideoTask")]
    [InlineData("Wait-KlingVideoTask -PollingInterval 0.1")]
    [InlineData("Save-KlingVideo -Destination $destination")]
    public async Task What_is_no_task_is_an_error_and_the_others_go_on(string command)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync(
            $"$task = New-KlingVideoTask $image 'It moves.'; ' ', [pscustomobject]@{{ Name = 'x' }}, 'unknown', 999, $task | {command}",
            new { image = shell.Image(), destination = shell.Destination });

        Assert.Single(result.Output);
        Assert.Equal(4, result.Errors.Count);
        Assert.Equal(2, result.Errors.Count(error => error.FullyQualifiedErrorId.StartsWith("KlingRequestInvalid,", StringComparison.Ordinal)));
        result.Errors.Single(error => error.TargetObject is "unknown" or PSObject { BaseObject: "unknown" }).Is("KlingTaskNotFound", ErrorCategory.ObjectNotFound);
        result.Errors.Single(error => error.TargetObject is 999 or 999L or PSObject { BaseObject: 999 }).Is("KlingTaskNotFound", ErrorCategory.ObjectNotFound);
    }

    [Theory]
    [InlineData("Wait-KlingVideoTask")]
    [InlineData("Save-KlingVideo")]
    [InlineData("Get-KlingVideoTask")]
    public async Task A_hashtable_that_names_no_task_says_what_is_in_it(string command)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ErrorRecord error = Assert.Single((await shell.RunAsync($"@{{ Nr = 7 }} | {command}")).Errors).Is("KlingRequestInvalid", ErrorCategory.InvalidArgument);

        Assert.Equal("'@{Nr=7}' is not a task: it has neither a TaskId nor an Id.", error.ToString());
    }

    [Theory]
    [InlineData("Save-KlingVideo ./videos", "InputObject", "… | Save-KlingVideo -Destination './videos'.")]
    [InlineData("Wait-KlingVideoTask 60 | Save-KlingVideo", "InputObject", "… | Wait-KlingVideoTask -Timeout '60'.")]
    [InlineData("Wait-KlingVideoTask 00:10:00 | Save-KlingVideo", "InputObject", "… | Wait-KlingVideoTask -Timeout '00:10:00'.")]
    [InlineData("Get-KlingVideoTask failed", "InputObject", "Leave one of them out.")]
    [InlineData("Remove-KlingVideoTask 7", "InputObject", "Leave one of them out.")]
    [InlineData("Resolve-KlingVideoTask abc -Abandon", "Id", "… | Resolve-KlingVideoTask -TaskId 'abc'.")]
    public async Task What_was_taken_for_a_task_beside_those_of_the_pipeline_is_one_error_before_anything_is_bought(string command, string parameter, string advice)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync($"New-KlingVideoTask $image, $image -Prompt 'It moves.' | {command}", new { image = shell.Image() });

        Assert.Empty(result.Errors);
        string message = result.Terminating.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument).Exception.Message;
        Assert.Contains($"was used as -{parameter} as well", message, StringComparison.Ordinal);
        Assert.Contains(advice, message, StringComparison.Ordinal);
        Assert.Equal(0, shell.Bill.CreatesAccepted);
    }

    [Theory]
    [InlineData("Get-KlingVideoTask")]
    [InlineData("Wait-KlingVideoTask -Timeout 1")]
    [InlineData("Save-KlingVideo")]
    [InlineData("Remove-KlingVideoTask")]
    [InlineData("Resolve-KlingVideoTask -Abandon")]
    [InlineData("Receive-KlingCallback -Prefix http://127.0.0.1:0/ -Timeout 1")]
    [InlineData("Export-KlingGallery gallery.html")]
    public async Task A_process_or_a_job_is_not_taken_for_the_task_that_has_its_number(string command)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync(
            $$"""
            $null = New-KlingVideoTask $image 'It moves.' | Wait-KlingVideoTask -PollingInterval 0.1
            class Process { [long] $Id = 1 }
            [Process]::new(), [Process]::new(), [Process]::new() | {{command}}
            [System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize([Process]::new())) | {{command}}
            """,
            new { image = shell.Image() });

        Assert.Null(result.Terminating);
        Assert.Equal(2, result.Errors.Count);
        Assert.All(result.Errors, error =>
        {
            error.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument);
            Assert.Equal("An object of type Process was given instead of a task. Its Id is not that of a task.", error.ToString());
            Assert.Contains("-Id 1, 2", error.ErrorDetails.RecommendedAction, StringComparison.Ordinal);
        });
        Assert.Empty(result.Output);
        Assert.Single((await shell.RunAsync("Get-KlingVideoTask")).Clean().Of<KlingVideoTask>());
    }
}
