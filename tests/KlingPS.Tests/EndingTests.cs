using System.Management.Automation;
using System.Text.RegularExpressions;
using KlingPS.Core;
using KlingPS.Core.Model;
using KlingPS.Core.Saving;
using KlingPS.Parameters;
using KlingPS.Sandbox;
using KlingPS.Tests.Hosting;
using KlingPS.Text;

namespace KlingPS.Tests;

/// <summary>Whatever ends a pipeline before its work is done, what is paid for and not on disk is told once, with the command that gets it.</summary>
public sealed partial class EndingTests : IDisposable
{
    private const string Convert = "$images | ConvertTo-KlingVideo -Prompt 'It moves.' -Destination $destination -PollingInterval 0.1";

    private readonly ManualClock _clock = new();
    private readonly RecordingHost _host = new();
    private readonly ManualResetEventSlim _reached = new();
    private readonly ManualResetEventSlim _released = new();

    public void Dispose()
    {
        _reached.Dispose();
        _released.Dispose();
    }

    private Task<ConnectedShell> StartAsync() => ConnectedShell.StartAsync(_clock, TimeSpan.FromMinutes(2), host: _host);

    /// <summary>A made and a pending task, and the script that fetches both and does something with the first video when the second is being waited for.</summary>
    private async Task<ShellResult> EndAfterFirstAsync(ConnectedShell shell, string end)
    {
        var variables = new { images = shell.Images("a.png"), destination = Path.Combine(shell.Folder, "it's [1]"), reached = _reached, released = _released };
        await shell.RunAsync(Convert + " -Timeout 0", variables);
        _clock.Advance(TimeSpan.FromMinutes(2));
        using RunningScript running = shell.Shell.Start(
            Convert + " | ForEach-Object { $_.Name; $reached.Set(); $released.Wait(); " + end + " }",
            new { images = shell.Images("a.png", "b.png") });
        await Eventually.TrueAsync(() => _reached.IsSet && shell.Bill.Tasks is [_, { Queries: > 0 }]);
        _released.Set();
        return await running.Completion;
    }

    [Theory]
    [InlineData("throw 'enough'")]
    [InlineData("break")]
    [InlineData("Write-Error 'enough' -ErrorAction Stop")]
    [InlineData("exit 3")]
    public async Task A_command_further_down_that_ends_the_pipeline_leaves_nobody_in_the_dark(string end)
    {
        await using ConnectedShell shell = await StartAsync();

        ShellResult result = await EndAfterFirstAsync(shell, end);

        Assert.Equal("a.mp4", Assert.Single(result.Output).ToString());
        string warning = Assert.Single(result.Warnings);
        Assert.StartsWith("1 video is paid for and not finished; the service is still making it. Run the same command again", warning, StringComparison.Ordinal);
        await GetsTheRestAsync(shell, warning, "b.mp4");
    }

    [Fact]
    public async Task An_error_that_ends_the_command_leaves_nobody_in_the_dark()
    {
        await using ConnectedShell shell = await StartAsync();
        shell.Fault(SandboxOperation.Generate, SandboxFaultKind.FailTask, skip: 1);
        (await shell.RunAsync("$tasks = $images | New-KlingVideoTask -Prompt 'It moves.'", new { images = shell.Images("a.png", "b.png") })).Clean();
        using RunningScript running = shell.Shell.Start(
            "$tasks | Wait-KlingVideoTask -PollingInterval 0.1 -ErrorAction Stop | Save-KlingVideo -Destination $destination",
            new { destination = shell.Destination });
        await Eventually.TrueAsync(() => shell.Bill.Tasks is [{ Queries: > 0 }, { Queries: > 0 }]);

        shell.Fault(SandboxOperation.Query, SandboxFaultKind.Delay, match: shell.Bill.Tasks[0].TaskId, count: 0, delay: TimeSpan.FromHours(1));
        await Eventually.TrueAsync(() =>
        {
            _clock.Advance(TimeSpan.FromSeconds(5));
            return running.Completion.IsCompleted;
        });

        ShellResult result = await running.Completion;
        Assert.NotNull(result.Terminating);
        long id = (await shell.RunAsync("Get-KlingVideoTask -State Waiting, Generating")).Clean().Of<KlingVideoTask>().Single().Id;
        Assert.EndsWith($"Get-KlingVideoTask -Id {id} | Wait-KlingVideoTask | Save-KlingVideo -Destination '{shell.Destination}'", Assert.Single(result.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stopping_a_pipeline_of_three_commands_tells_once_and_for_all_of_them()
    {
        await using ConnectedShell shell = await StartAsync();
        using RunningScript running = shell.Shell.Start(
            "$images | New-KlingVideoTask -Prompt 'It moves.' | Wait-KlingVideoTask -PollingInterval 0.1 | Save-KlingVideo -Destination $destination -NameTemplate '{BaseName}-{Id}'",
            new { images = shell.Images("a.png", "b.png", "c.png", "d.png"), destination = Path.Combine(shell.Folder, "it's [1]") });
        await Eventually.TrueAsync(() => shell.Bill.Tasks.Count == 4 && shell.Bill.Tasks.All(task => task.Queries > 0));

        await running.StopAsync();

        Assert.True((await running.Completion).WasStopped);
        string warning = Assert.Single(_host.Screen.Warnings);
        Assert.StartsWith("4 videos are paid for and not finished", warning, StringComparison.Ordinal);
        KlingVideoTask[] tasks = (await shell.RunAsync("Get-KlingVideoTask")).Clean().Of<KlingVideoTask>();
        Assert.Contains($"{UnfinishedWork.Resume(tasks.Select(task => task.Id))} -Destination '", warning, StringComparison.Ordinal);
        await GetsTheRestAsync(shell, warning, [.. tasks.Select(task => $"{Path.GetFileNameWithoutExtension(task.SourcePath)}-{task.Id}.mp4").Order()]);
    }

    [Theory]
    [InlineData("7", 7)]
    [InlineData("7, 8", 8, 7)]
    [InlineData("(7..9)", 9, 7, 8)]
    [InlineData("(7..10)", 10, 7, 8, 9)]
    [InlineData("(7..9 + 11)", 11, 7, 8, 9)]
    [InlineData("(7..9 + 11..13 + 1 + 2 + 5)", 1, 2, 5, 7, 8, 9, 11, 12, 13)]
    public async Task The_command_that_gets_the_rest_names_each_task_once(string which, params int[] ids)
    {
        string command = UnfinishedWork.Resume(ids.Select(id => (long)id));

        Assert.Equal($"Get-KlingVideoTask -Id {which} | Wait-KlingVideoTask | Save-KlingVideo", command);
        using var shell = new HostedShell();
        object[] numbers = [.. (await shell.RunAsync(which)).Clean().Output.Select(number => number.BaseObject)];
        Assert.Equal(ids.Order(), numbers.Cast<int>().Order());
    }

    [Fact]
    public async Task Whoever_wants_only_the_first_video_is_told_once_of_what_is_being_made()
    {
        await using ConnectedShell shell = await StartAsync();
        var variables = new { images = shell.Images("a.png"), destination = Path.Combine(shell.Folder, "it's [1]"), module = typeof(SelectFirstCommand).Assembly.Location };
        (await shell.RunAsync("Import-Module $module; $null = $images | New-KlingVideoTask -Prompt 'It moves.'", variables)).Clean();
        _clock.Advance(TimeSpan.FromMinutes(2));
        shell.Fault(SandboxOperation.Download, SandboxFaultKind.Delay, delay: TimeSpan.FromSeconds(30));
        using RunningScript running = shell.Shell.Start(Convert + " | Select-First", new { images = shell.Images("a.png", "b.png") });
        await Eventually.TrueAsync(() => shell.Bill is { Downloads: 1, Tasks: [_, { Queries: > 0 }] });
        _clock.Advance(TimeSpan.FromSeconds(30));

        ShellResult result = (await running.Completion).Clean();
        Assert.Equal("a.mp4", Assert.Single(result.Output).Properties["Name"].Value);
        string warning = Assert.Single(result.Warnings);
        Assert.StartsWith("1 video is paid for and not finished; the service is still making it. Run the same command again", warning, StringComparison.Ordinal);
        await GetsTheRestAsync(shell, warning, "b.mp4");
    }

    [Theory]
    [InlineData("$tasks | Wait-KlingVideoTask -PollingInterval 0.1 | Select-First")]
    [InlineData("$tasks | Wait-KlingVideoTask -PollingInterval 0.1 | ForEach-Object { throw 'enough' }")]
    [InlineData("& { $tasks; throw 'enough' } | Wait-KlingVideoTask -PollingInterval 0.1")]
    public async Task A_pipeline_that_ends_early_leaves_no_bar_on_the_screen(string pipeline)
    {
        await using ConnectedShell shell = await StartAsync();
        var variables = new { images = shell.Images("a.png", "b.png"), module = typeof(SelectFirstCommand).Assembly.Location };
        (await shell.RunAsync("Import-Module $module; $tasks = @($images[0] | New-KlingVideoTask -Prompt 'It moves.')", variables)).Clean();
        _clock.Advance(TimeSpan.FromMinutes(2));
        (await shell.RunAsync("$tasks += $images[1] | New-KlingVideoTask -Prompt 'It moves.'")).Clean();

        await shell.RunAsync(pipeline);

        var bars = _host.Screen.Progress.Where(shown => shown.Record.Activity == "Waiting for videos").GroupBy(shown => (shown.Source, shown.Record.ActivityId));
        Assert.Equal(ProgressRecordType.Completed, Assert.Single(bars).Last().Record.RecordType);
    }

    [Fact]
    public async Task Whoever_wants_only_the_first_of_a_pipeline_is_told_once_of_what_is_not_on_disk()
    {
        await using ConnectedShell shell = await StartAsync();
        var variables = new { images = shell.Images("a.png", "b.png"), destination = Path.Combine(shell.Folder, "it's [1]"), module = typeof(SelectFirstCommand).Assembly.Location };
        (await shell.RunAsync("Import-Module $module; $tasks = $images | New-KlingVideoTask -Prompt 'It moves.'", variables)).Clean();
        _clock.Advance(TimeSpan.FromMinutes(2));
        shell.Fault(SandboxOperation.Download, SandboxFaultKind.Delay, skip: 1, delay: TimeSpan.FromHours(1));

        ShellResult result = (await shell.RunAsync("$tasks | Wait-KlingVideoTask | Save-KlingVideo -Destination $destination | Select-First")).Clean();

        string first = (string)Assert.Single(result.Output).Properties["Name"].Value;
        string warning = Assert.Single(result.Warnings);
        Assert.StartsWith("1 video is paid for and not on disk. To get the rest: ", warning, StringComparison.Ordinal);
        await GetsTheRestAsync(shell, warning, first == "a.mp4" ? "b.mp4" : "a.mp4");
    }

    [Fact]
    public async Task A_shell_that_is_closed_tells_on_the_screen_what_is_paid_for()
    {
        ConnectedShell shell = await StartAsync();
        await using (shell)
        {
            using RunningScript running = shell.Shell.Start(Convert, new { images = shell.Images("a.png", "b.png"), destination = shell.Destination });
            await Eventually.TrueAsync(() => shell.Bill.Tasks is [{ Queries: > 0 }, { Queries: > 0 }]);

            shell.Shell.Dispose();

            Assert.True((await running.Completion).WasStopped);
            Assert.StartsWith("2 videos are paid for and not finished", Assert.Single(_host.Screen.Warnings), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Whoever_presses_the_keys_twice_is_told_once()
    {
        await using ConnectedShell shell = await StartAsync();
        using RunningScript running = shell.Shell.Start(Convert, new { images = shell.Images("a.png", "b.png"), destination = shell.Destination });
        await Eventually.TrueAsync(() => shell.Bill.Tasks is [{ Queries: > 0 }, { Queries: > 0 }]);

        running.BeginStop();
        running.BeginStop();
        await running.StopAsync();

        Assert.True((await running.Completion).WasStopped);
        Assert.StartsWith("2 videos are paid for and not finished", Assert.Single(_host.Screen.Warnings), StringComparison.Ordinal);
        Assert.Equal(2, shell.Bill.CreatesReceived);
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("it's [1] \"two\" $three `four")]
    [InlineData("left \u2018 right \u2019 low \u201A")]
    [InlineData("turned \u202E and\u200B empty")]
    [InlineData("two\nlines")]
    public async Task The_folder_in_a_command_means_itself_when_it_is_pasted(string name)
    {
        var save = new SaveOptions { Destination = Path.Combine(Path.GetTempPath(), name), Template = NameTemplate.Parse("{BaseName}'s-{Id}") };
        string command = UnfinishedWork.Resume([7], save);

        Assert.Equal(command, VisibleText.Of(command));
        Assert.DoesNotContain('\n', command);
        using var shell = new HostedShell();
        string arguments = command[command.IndexOf(" -Destination", StringComparison.Ordinal)..];
        Assert.Equal(
            [save.Destination, save.Template.ToString()],
            (await shell.RunAsync($"function Save {{ param($Destination, $NameTemplate) $Destination; $NameTemplate }}; Save{arguments}")).Clean().Output.Select(text => text.ToString()));
    }

    [Fact]
    public async Task However_many_tasks_are_left_the_command_that_gets_them_has_room_in_a_line()
    {
        await using ConnectedShell shell = await StartAsync();
        (await shell.RunAsync("$null = $images | New-KlingVideoTask -Prompt 'It moves.'", new { images = shell.Images("a.png", "b.png", "c.png") })).Clean();
        long[] ids = [.. (await shell.RunAsync("Get-KlingVideoTask")).Of<KlingVideoTask>().Select(task => task.Id)];
        long last = ids.Max();

        // Every second id, so that there are no ranges; and the tasks that are there are the first of them.
        string command = UnfinishedWork.Resume([.. Enumerable.Range(1, 500).Select(i => last + (2 * i)), .. ids]);
        string found = command[..command.IndexOf(" | Wait", StringComparison.Ordinal)];

        Assert.InRange(command.Length, 1, 400);
        Assert.Equal(ids, (await shell.RunAsync(found)).Clean().Of<KlingVideoTask>().Select(task => task.Id).Order());
    }

    [Fact]
    public async Task However_many_ids_of_the_service_were_given_the_message_is_whole()
    {
        await using ConnectedShell shell = await StartAsync();
        var ids = Enumerable.Range(1, 300).Select(i => $"{i:x32}").ToArray();
        shell.Fault(SandboxOperation.Query, SandboxFaultKind.Delay, count: 0, delay: TimeSpan.FromHours(1));
        using RunningScript running = shell.Shell.Start("Wait-KlingVideoTask -TaskId $ids", new { ids });
        await Eventually.TrueAsync(() => running.Progress.Any(record => record.StatusDescription == "0 of 300 finished"));
        await running.StopAsync();

        string warning = Assert.Single(_host.Screen.Warnings);
        Assert.Contains("The command names the first 100 of them", warning, StringComparison.Ordinal);
        Assert.EndsWith("| Save-KlingVideo", warning, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_bought_and_had_no_turn_to_come_out_is_told()
    {
        await using ConnectedShell shell = await StartAsync();
        using RunningScript running = shell.Shell.Start(
            "$images | New-KlingVideoTask -Prompt 'It moves.' | ForEach-Object { $reached.Set(); $released.Wait(); throw 'enough' }",
            new { images = shell.Images("a.png", "b.png"), reached = _reached, released = _released });
        await Eventually.TrueAsync(() => _reached.IsSet);
        int bought = shell.Bill.CreatesAccepted;
        _released.Set();

        ShellResult result = await running.Completion;

        // The second one may be on its way, or is not sent any more.
        Assert.Contains("paid for and not finished", Assert.Single(result.Warnings), StringComparison.Ordinal);
        Assert.InRange(bought, 1, 2);
    }

    [Fact]
    public async Task When_the_time_is_over_one_command_gets_all_that_is_left()
    {
        await using ConnectedShell shell = await StartAsync();
        var variables = new { images = shell.Images("a.png", "b.png", "c.png"), destination = Path.Combine(shell.Folder, "it's [1]") };

        ShellResult result = await shell.RunAsync(Convert + " -Timeout 0", variables);

        Assert.Equal(3, result.Errors.Count);
        Assert.All(result.Errors, error => Assert.Matches(
            @"^Resume at any time: Get-KlingVideoTask -Id \d+ \| Wait-KlingVideoTask \| Save-KlingVideo -Destination '.+it''s \[1\]'\.$",
            error.ErrorDetails.RecommendedAction));
        string warning = Assert.Single(result.Warnings);
        Assert.StartsWith("3 videos are paid for and not finished", warning, StringComparison.Ordinal);
        await GetsTheRestAsync(shell, warning, "a.mp4", "b.mp4", "c.mp4");
    }

    [Fact]
    public async Task What_the_service_has_made_is_not_said_to_be_made_still()
    {
        await using ConnectedShell shell = await StartAsync();
        (await shell.RunAsync("$tasks = $images | New-KlingVideoTask -Prompt 'It moves.'", new { images = shell.Images("a.png", "b.png") })).Clean();
        _clock.Advance(TimeSpan.FromMinutes(2));
        shell.Fault(SandboxOperation.Download, SandboxFaultKind.Delay, count: 0, delay: TimeSpan.FromHours(1));
        using RunningScript running = shell.Shell.Start(
            "$tasks | Wait-KlingVideoTask | ForEach-Object { $_ } | Save-KlingVideo -Destination $destination",
            new { destination = shell.Destination });
        await Eventually.TrueAsync(() => shell.Bill.Downloads == 2);

        await running.StopAsync();

        Assert.StartsWith("2 videos are paid for and not on disk. To get the rest: ", Assert.Single(_host.Screen.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_named_by_the_id_of_the_service_and_is_saved_is_not_said_to_be_missing()
    {
        await using ConnectedShell shell = await StartAsync();
        await MakeTwoAsync(shell);
        shell.Fault(SandboxOperation.Download, SandboxFaultKind.Delay, skip: 1, delay: TimeSpan.FromHours(1));

        ShellResult result = (await shell.RunAsync("Save-KlingVideo -TaskId $tasks.TaskId -Destination $destination | Select-First")).Clean();

        Assert.StartsWith("1 video is paid for and not on disk. To get the rest: ", Assert.Single(result.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Get-KlingVideoTask | Select-First | Wait-KlingVideoTask | Save-KlingVideo -Destination $destination")]
    [InlineData("$tasks[0] | Wait-KlingVideoTask | Select-First | Wait-KlingVideoTask")]
    public async Task Whoever_wants_only_the_first_and_gets_it_has_nothing_to_be_told(string pipeline)
    {
        await using ConnectedShell shell = await StartAsync();
        await MakeTwoAsync(shell);

        ShellResult result = (await shell.RunAsync(pipeline)).Clean();

        Assert.Single(result.Output);
        Assert.Empty(result.Warnings);
        Assert.Empty(_host.Screen.Warnings);
    }

    [Fact]
    public async Task What_is_left_when_only_the_first_goes_on_is_told_once_at_the_end()
    {
        await using ConnectedShell shell = await StartAsync();
        var variables = new { images = shell.Images("a.png", "b.png"), destination = Path.Combine(shell.Folder, "it's [1]"), module = typeof(SelectFirstCommand).Assembly.Location };
        (await shell.RunAsync("Import-Module $module; $tasks = $images | New-KlingVideoTask -Prompt 'It moves.'", variables)).Clean();
        using RunningScript running = shell.Shell.Start("$tasks | Wait-KlingVideoTask -PollingInterval 0.1 | Select-First | Save-KlingVideo -Destination $destination");
        await Eventually.TrueAsync(() => shell.Bill.Tasks is [{ Queries: > 0 }, { Queries: > 0 }]);
        _clock.Advance(TimeSpan.FromMinutes(2));

        ShellResult result = (await running.Completion).Clean();

        string first = (string)Assert.Single(result.Output).Properties["Name"].Value;
        string warning = Assert.Single(result.Warnings);
        Assert.StartsWith("1 video is paid for and not ", warning, StringComparison.Ordinal);
        await GetsTheRestAsync(shell, warning, first == "a.mp4" ? "b.mp4" : "a.mp4");
    }

    [Fact]
    public async Task Commands_that_have_begun_with_a_key_end_with_it_although_its_file_changes_meanwhile()
    {
        using var environment = new EnvironmentScope();
        await using ConnectedShell shell = await StartAsync();
        string file = Path.Combine(shell.Folder, "kie.key");
        await File.WriteAllTextAsync(file, ConnectedShell.Key, TestContext.Current.CancellationToken);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        Environment.SetEnvironmentVariable("KIE_API_KEY_FILE", file);
        Environment.SetEnvironmentVariable("KLINGPS_ENDPOINT", shell.Server.Endpoint.AbsoluteUri);
        Environment.SetEnvironmentVariable("KLINGPS_UPLOAD_ENDPOINT", shell.Server.UploadEndpoint.AbsoluteUri);
        var variables = new { images = shell.Images("a.png", "b.png"), destination = shell.Destination, file };
        (await shell.RunAsync("Disconnect-KlingAccount; $first = $images[0] | New-KlingVideoTask -Prompt 'It moves.'", variables)).Clean();
        _clock.Advance(TimeSpan.FromMinutes(2));
        (await shell.RunAsync("$second = $images[1] | New-KlingVideoTask -Prompt 'It moves.'")).Clean();

        using RunningScript running = shell.Shell.Start(
            "$first, $second | Wait-KlingVideoTask -PollingInterval 0.1 | ForEach-Object { [IO.File]::SetLastWriteTimeUtc($file, [datetime]::UtcNow.AddMinutes(1)); $_ } | Save-KlingVideo -Destination $destination");
        await Eventually.TrueAsync(() => running.Completion.IsCompleted || File.Exists(Path.Combine(shell.Destination, "a.mp4")));
        _clock.Advance(TimeSpan.FromMinutes(2));

        ShellResult result = (await running.Completion).Clean();
        Assert.Equal(["a.mp4", "b.mp4"], result.Output.Select(video => (string)video.Properties["Name"].Value).Order());
    }

    /// <summary>Buys two videos, which the service makes.</summary>
    private async Task MakeTwoAsync(ConnectedShell shell)
    {
        var variables = new { images = shell.Images("a.png", "b.png"), destination = Path.Combine(shell.Folder, "it's [1]"), module = typeof(SelectFirstCommand).Assembly.Location };
        (await shell.RunAsync("Import-Module $module; $tasks = $images | New-KlingVideoTask -Prompt 'It moves.'", variables)).Clean();
        _clock.Advance(TimeSpan.FromMinutes(2));
        (await shell.RunAsync("$tasks = $tasks | Wait-KlingVideoTask")).Clean();
    }

    [Fact]
    public async Task A_pipeline_that_comes_to_its_end_has_nothing_to_tell()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync(host: _host);
        var variables = new { images = shell.Images("a.png", "b.png"), destination = shell.Destination };

        Assert.Empty((await shell.RunAsync("$images | New-KlingVideoTask -Prompt 'It moves.'", variables)).Clean().Warnings);
        Assert.Empty((await shell.RunAsync("$images | New-KlingVideoTask -Prompt 'It moves.' | Wait-KlingVideoTask | Save-KlingVideo -Destination $destination")).Clean().Warnings);

        Assert.Empty(_host.Screen.Warnings);
    }

    [Theory]
    [InlineData("600", 600.0)]
    [InlineData("0.5", 0.5)]
    [InlineData("'600'", 600.0)]
    [InlineData("'00:10:00'", 600.0)]
    [InlineData("'1.00:00:00'", 86_400.0)]
    [InlineData("([timespan]::FromMinutes(10))", 600.0)]
    [InlineData("'10:00'", null)]
    [InlineData("soon", null)]
    [InlineData("''", null)]
    [InlineData("-1", null)]
    [InlineData("'-00:10:00'", null)]
    [InlineData("1e9", null)]
    [InlineData("NaN", null)]
    [InlineData("$true", null)]
    public async Task A_timeout_is_seconds_or_a_time_span_and_nothing_else(string given, double? seconds)
    {
        await using ConnectedShell shell = await StartAsync();

        ShellResult result = await shell.RunAsync($"Wait-KlingVideoTask 999999 -Timeout {given}");

        if (seconds is double expected)
        {
            Assert.Single(result.Errors).Is("KlingTaskNotFound", ErrorCategory.ObjectNotFound);
            Assert.Equal(expected, LanguagePrimitives.ConvertTo<double>(new SecondsAttribute().Transform(null!, (await shell.RunAsync(given)).Output[0])!));
        }
        else
        {
            Assert.Contains("'Timeout'", result.Terminating!.Exception.Message, StringComparison.Ordinal);
        }
    }

    /// <summary>Runs the command that a warning names when everything is made, and expects these files.</summary>
    private async Task GetsTheRestAsync(ConnectedShell shell, string warning, params string[] names)
    {
        _clock.Advance(TimeSpan.FromMinutes(2));
        int bought = shell.Bill.CreatesReceived;

        ShellResult rest = (await shell.RunAsync(Command().Match(warning).Value)).Clean();

        Assert.Equal(names, rest.Output.Select(file => file.Properties["Name"].Value).Order());
        Assert.Equal(bought, shell.Bill.CreatesReceived);
        Assert.All((await shell.RunAsync("Get-KlingVideoTask")).Clean().Of<KlingVideoTask>(), task => Assert.NotNull(task.SavedPath));
    }

    [GeneratedRegex("Get-KlingVideoTask -Id .*$")]
    private static partial Regex Command();
}
