using System.Management.Automation;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Sqlite;
using KlingPS.Core.Model;
using KlingPS.Sandbox;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

/// <summary>The ledger's file when a shell begins and ends to use it.</summary>
[Collection(UsesEnvironment.Name)]
public sealed class LedgerFileTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("klingps-ledger-file-");
    private readonly EnvironmentScope _environment = new();

    public LedgerFileTests() => Environment.SetEnvironmentVariable(LedgerLocation.Variable, Path);

    private string Path => System.IO.Path.Combine(_folder.FullName, "ledger.db");

    public void Dispose()
    {
        _environment.Dispose();
        _folder.Delete(recursive: true);
    }

    [Theory]
    [InlineData("Disconnect-KlingAccount")]
    [InlineData("Remove-Module KlingPS")]
    [InlineData("the end of the runspace")]
    public async Task The_file_alone_holds_everything_after(string end)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync("$null = New-KlingVideoTask $image 'It moves.'", new { image = shell.Image() })).Clean();
        Assert.True(File.Exists(Path + "-wal"));

        if (end == "the end of the runspace")
        {
            shell.Shell.Dispose();
        }
        else
        {
            (await shell.RunAsync(end)).Clean();
        }

        Assert.Equal([Path], Directory.GetFiles(_folder.FullName));
        Assert.Single(await ListAsync(Path));
    }

    [Fact]
    public async Task The_file_alone_holds_everything_when_one_of_two_shells_has_ended_and_the_other_goes_on()
    {
        await using ConnectedShell first = await ConnectedShell.StartAsync();
        await using ConnectedShell second = await ConnectedShell.StartAsync();
        (await first.RunAsync("$null = New-KlingVideoTask $image 'It moves.'", new { image = first.Image() })).Clean();
        (await second.RunAsync("$null = New-KlingVideoTask $image 'It moves.'", new { image = second.Image() })).Clean();

        (await first.RunAsync("Disconnect-KlingAccount")).Clean();

        string copy = Path + ".copy";
        File.Copy(Path, copy);
        Assert.Equal(2, (await ListAsync(copy)).Count);
        (await second.RunAsync("$null = New-KlingVideoTask $image 'It turns.'", new { image = second.Image() })).Clean();
    }

    [Theory]
    [InlineData("Resolve-KlingVideoTask -Abandon", KlingTaskState.Unknown)]
    [InlineData("Remove-KlingVideoTask", KlingTaskState.Abandoned)]
    public async Task A_task_of_another_ledger_is_not_taken_for_the_one_that_has_its_number_in_this_one_by(string command, KlingTaskState state)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        KlingVideoTask given = await LoseAsync();
        (await shell.RunAsync("Disconnect-KlingAccount")).Clean();
        Environment.SetEnvironmentVariable(LedgerLocation.Variable, Path + "2");
        (await shell.ConnectAsync()).Clean();
        KlingVideoTask here = await LoseAsync();
        Assert.Equal(given.Id, here.Id);

        ShellResult result = await shell.RunAsync("$given | " + command, new { given });

        Assert.Contains(
            $"Task {here.Id} in the ledger '{Path}2' is not the task that was given",
            Assert.Single(result.Errors).Is("KlingTaskNotFound", ErrorCategory.ObjectNotFound).ToString(),
            StringComparison.Ordinal);
        Assert.Equal(here, Assert.Single((await shell.RunAsync("Get-KlingVideoTask")).Clean().Of<KlingVideoTask>()));
        (await shell.RunAsync("Get-KlingVideoTask | " + command)).Clean();

        async Task<KlingVideoTask> LoseAsync()
        {
            shell.Fault(SandboxOperation.Create, SandboxFaultKind.LoseAnswerAfter, match: "Lost.");
            await shell.RunAsync("New-KlingVideoTask $image 'Lost.'", new { image = shell.Image() });
            string resolve = state == KlingTaskState.Abandoned ? " | Resolve-KlingVideoTask -Abandon" : string.Empty;
            KlingVideoTask lost = Assert.Single((await shell.RunAsync("Get-KlingVideoTask" + resolve)).Clean().Of<KlingVideoTask>());
            Assert.Equal(state, lost.TaskState);
            return lost;
        }
    }

    [Theory]
    [InlineData("$task | Save-KlingVideo -Destination $destination", "boat.mp4")]
    [InlineData("$task | Wait-KlingVideoTask | Save-KlingVideo -Destination $destination", "boat.mp4")]
    [InlineData("$null = Get-KlingVideoTask -TaskId $task.TaskId; $task | Save-KlingVideo -Destination $destination", "boat.mp4")]
    [InlineData("$named | Save-KlingVideo -Destination $destination", "The harbour.mp4")]
    public async Task A_task_from_another_ledger_gives_its_video_the_name_that_it_has_there(string script, string name)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync(
            "$task = New-KlingVideoTask $image 'It moves.'; $named = New-KlingVideoTask -Model kling-3.0/video -Prompt 'It moves.' -Name 'The harbour'",
            new { image = shell.Image("boat.png") })).Clean();
        Environment.SetEnvironmentVariable(LedgerLocation.Variable, Path + ".other");
        (await shell.ConnectAsync()).Clean();

        ShellResult result = (await shell.RunAsync(script + "; Disconnect-KlingAccount", new { destination = shell.Destination })).Clean();

        PSObject file = Assert.Single(result.Output);
        Assert.Equal(name, Assert.IsType<FileInfo>(file.BaseObject).Name);
        Assert.Equal(name == "boat.mp4" ? System.IO.Path.Combine(shell.Folder, "boat.png") : null, file.Properties["SourcePath"].Value);
    }

    [Theory]
    [InlineData("Get-KlingVideoTask")]
    [InlineData("New-KlingVideoTask $image 'It moves.' -WhatIf")]
    [InlineData("ConvertTo-KlingVideo $image 'It moves.' -Destination $destination -WhatIf")]
    public async Task A_file_that_never_was_a_ledger_is_left_as_it_is_by(string command)
    {
        await File.WriteAllTextAsync(Path, "milk, eggs, bread", TestContext.Current.CancellationToken);
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        await shell.RunAsync(command, new { image = shell.Image(), destination = shell.Destination });

        Assert.Equal([Path], Directory.GetFiles(_folder.FullName));
        Assert.Equal("milk, eggs, bread", await File.ReadAllTextAsync(Path, TestContext.Current.CancellationToken));
        Assert.Equal(0, shell.Bill.CreatesReceived);
    }

    [Fact]
    public async Task A_ledger_that_is_removed_under_a_shell_buys_nothing_more()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "An open file cannot be removed there.");
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync("$null = New-KlingVideoTask $image 'It moves.'", new { image = shell.Image() })).Clean();
        Array.ForEach(Directory.GetFiles(_folder.FullName), File.Delete);

        ShellResult result = await shell.RunAsync("New-KlingVideoTask $image 'It moves.'", new { image = shell.Image("b.png") });

        ErrorRecord error = result.Terminating!;
        error.Is("KlingLedgerUnusable", ErrorCategory.ResourceUnavailable);
        Assert.Contains("was removed while this shell had it open", error.ToString(), StringComparison.Ordinal);
        Assert.Equal(1, shell.Bill.CreatesReceived);
        Assert.Single(await ListAsync(Assert.Single(Directory.GetFiles(_folder.FullName, "*.kept-*"))));
    }

    [Theory]
    [InlineData("Get-KlingSpend")]
    [InlineData("Get-KlingSpend -GroupBy Model")]
    [InlineData("Get-KlingVideoTask")]
    [InlineData("Get-KlingVideoTask -Id 1")]
    [InlineData("Export-KlingMetric -Path $metric")]
    [InlineData("Export-KlingGallery -Path $page")]
    public async Task What_is_told_from_a_ledger_that_was_removed_under_a_shell_is_an_error_and_not_what_nobody_else_sees(string command)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "An open file cannot be removed there.");
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync("$null = New-KlingVideoTask $image 'It moves.'; $null = Get-KlingSpend", new { image = shell.Image() })).Clean();
        Array.ForEach(Directory.GetFiles(_folder.FullName), File.Delete);

        ShellResult result = await shell.RunAsync(command, new { image = shell.Image("b.png"), metric = System.IO.Path.Combine(shell.Folder, "k.prom"), page = System.IO.Path.Combine(shell.Folder, "k.html") });

        ErrorRecord error = Assert.Single([.. result.Errors, .. result.Terminating is null ? (ErrorRecord[])[] : [result.Terminating]]);
        error.Is("KlingLedgerUnusable", ErrorCategory.ResourceUnavailable);
        Assert.Contains("was removed while this shell had it open", error.ToString(), StringComparison.Ordinal);
        Assert.Empty(result.Output);
    }

    [Theory]
    [InlineData("Get-KlingVideoTask")]
    [InlineData("Get-KlingVideoTask -Unsaved")]
    [InlineData("Get-KlingVideoTask -State Unknown | Resolve-KlingVideoTask -Abandon")]
    [InlineData("Resolve-KlingVideoTask 23 -Resubmit -ErrorAction Ignore")]
    [InlineData("Resolve-KlingVideoTask 23 -TaskId abc -ErrorAction Ignore")]
    [InlineData("Get-KlingVideoTask 23 -ErrorAction Ignore")]
    [InlineData("Save-KlingVideo -Id 23 -Destination $destination -ErrorAction Ignore")]
    [InlineData("Wait-KlingVideoTask -Id 23 -ErrorAction Ignore")]
    [InlineData("Get-KlingSpend")]
    [InlineData("New-KlingVideoTask $image 'It moves.' -WhatIf")]
    [InlineData("ConvertTo-KlingVideo $image 'It moves.' -Destination $destination -WhatIf")]
    public async Task No_ledger_is_begun_by(string command)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        (await shell.RunAsync("$null = " + command, new { image = shell.Image(), destination = shell.Destination })).Clean();

        Assert.Empty(Directory.GetFileSystemEntries(_folder.FullName));
    }

    [Fact]
    public async Task To_list_the_ledger_needs_no_key()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync("$null = New-KlingVideoTask $image 'It moves.'; Disconnect-KlingAccount", new { image = shell.Image() })).Clean();

        KlingVideoTask task = Assert.Single((await shell.RunAsync("Get-KlingVideoTask")).Clean().Of<KlingVideoTask>());
        Assert.Equal([task, task, task], (await shell.RunAsync("Get-KlingVideoTask -Id $id; Get-KlingVideoTask -TaskId $taskId; Get-KlingVideoTask $id", new { id = task.Id, taskId = task.TaskId })).Clean().Of<KlingVideoTask>());

        // What only the service can know needs one.
        (await shell.RunAsync("Get-KlingVideoTask -TaskId elsewhere")).Terminating.Is("KlingApiKeyMissing", ErrorCategory.AuthenticationError);
        (await shell.RunAsync("Get-KlingVideoTask -Refresh")).Terminating.Is("KlingApiKeyMissing", ErrorCategory.AuthenticationError);
    }

    [Theory]
    [InlineData("Get-KlingVideoTask -Id 4711")]
    [InlineData("Remove-KlingVideoTask -Id 4711")]
    [InlineData("Resolve-KlingVideoTask 4711 -Abandon")]
    [InlineData("Get-KlingVideoTask -TaskId 0123456789abcdef0123456789abcdef")]
    [InlineData("Disconnect-KlingAccount; Get-KlingVideoTask -Id 4711")]
    public async Task Whoever_asks_for_a_task_that_is_not_there_is_told_in_which_ledger_it_was_looked_for(string command)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync("$null = New-KlingVideoTask $image 'It moves.'", new { image = shell.Image() })).Clean();

        ErrorRecord error = Assert.Single((await shell.RunAsync(command)).Errors);

        error.Is("KlingTaskNotFound", ErrorCategory.ObjectNotFound);
        Assert.Contains($"'{Path}'", error.ToString(), StringComparison.Ordinal);
    }

    private static async Task<IReadOnlyList<KlingVideoTask>> ListAsync(string path)
    {
        await using var ledger = SqliteLedger.Create(path, TimeProvider.System);
        return await ledger.Tasks.ListAsync(new TaskFilter(), TestContext.Current.CancellationToken);
    }
}
