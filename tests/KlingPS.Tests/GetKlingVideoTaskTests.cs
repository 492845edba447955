using System.Globalization;
using KlingPS.Core.Api;
using KlingPS.Core.Model;
using KlingPS.Core.Secrets;
using KlingPS.Sandbox;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

public sealed class GetKlingVideoTaskTests
{
    [Fact]
    public async Task Tasks_are_found_by_state_time_and_whether_they_are_saved()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        shell.Fault(SandboxOperation.Generate, SandboxFaultKind.FailTask, match: "bad");

        (await shell.RunAsync(
            """
            'saved', 'unsaved', 'bad' | ForEach-Object { [pscustomobject]@{ Path = $image; Prompt = $_ } } | New-KlingVideoTask |
                Wait-KlingVideoTask -PollingInterval 0.1 -ErrorAction Ignore | Where-Object Prompt -eq 'saved' | Save-KlingVideo -Destination $destination
            """,
            new { image = shell.Image(), destination = shell.Destination })).Clean();

        async Task<string> ListAsync(string filter)
            => string.Join(' ', (await shell.RunAsync($"Get-KlingVideoTask {filter}")).Clean().Of<KlingVideoTask>().Select(task => task.Prompt).Order());

        Assert.Equal("bad saved unsaved", await ListAsync(""));
        Assert.Equal("bad", await ListAsync("-State Failed"));
        Assert.Equal("bad saved unsaved", await ListAsync("-State Succeeded, Failed"));
        Assert.Equal("unsaved", await ListAsync("-Unsaved"));
        Assert.Equal("", await ListAsync("-Since ([datetime]::Now.AddHours(1))"));
        Assert.Equal("bad saved unsaved", await ListAsync("-Since ([datetime]::UtcNow.AddHours(-1))"));
    }

    [Fact]
    public async Task The_time_of_a_task_can_be_given_back_to_every_command_that_asks_for_one()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync(
            """
            $task = New-KlingVideoTask $image 'It moves.' | Wait-KlingVideoTask -PollingInterval 0.1
            foreach ($moment in $task.CreatedAt, $task.CreatedAt.ToOffset('05:00')) {
                Get-KlingVideoTask -Since $moment
                Get-KlingVideoTask -Since $moment.AddSeconds(1)
                Get-KlingSpend -Since $moment -Until $moment.AddSeconds(1)
                Get-KlingSpend -Since $moment.AddSeconds(1)
                Export-KlingGallery "$folder/page.html" -Since $moment
            }
            """,
            new { image = shell.Image(), folder = shell.Folder })).Clean();

        Assert.Equal(["KlingVideoTask", "KlingSpend", "FileInfo", "KlingVideoTask", "KlingSpend", "FileInfo"], result.Output.Select(item => item.BaseObject.GetType().Name));
    }

    [Theory]
    [InlineData("fa-IR")]
    [InlineData("th-TH")]
    [InlineData("ar-SA")]
    public async Task A_day_can_be_given_as_the_tables_show_it_whatever_the_calendar_of_the_culture(string culture)
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo(culture);
        try
        {
            await using ConnectedShell shell = await ConnectedShell.StartAsync();

            ShellResult result = (await shell.RunAsync(
                """
                $null = New-KlingVideoTask $image 'It moves.'
                $day = (Get-KlingSpend).Group
                $next = ([datetime] $day).AddDays(1).ToString('yyyy-MM-dd', [cultureinfo]::InvariantCulture)
                (Get-KlingSpend -Since $day -Until $next).Group -eq $day
                @(Get-KlingVideoTask -Since "$day 00:00").Count
                @(Get-KlingVideoTask -Since $next).Count
                """,
                new { image = shell.Image() })).Clean();

            Assert.Equal(["True", "1", "0"], result.Output.Select(item => item.ToString()));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Theory]
    [InlineData("fa-IR", "2026-04-31")]
    [InlineData("th-TH", "2027-02-29")]
    public async Task A_day_that_does_not_exist_is_refused_whatever_the_calendar_of_the_culture(string culture, string day)
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo(culture);
        try
        {
            await using ConnectedShell shell = await ConnectedShell.StartAsync();

            ShellResult result = await shell.RunAsync($"Get-KlingVideoTask -Since '{day}'");

            Assert.Contains($"'{day}' is not a moment.", result.Terminating?.ToString(), StringComparison.Ordinal);
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Theory]
    [InlineData("Get-KlingVideoTask -Since 20261129")]
    [InlineData("Get-KlingSpend -Until 7")]
    [InlineData("Export-KlingGallery ./page.html -Since 1795963668.5")]
    public async Task A_number_is_not_taken_for_a_moment(string command)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync(command);

        Assert.Contains("is a number and not a moment. Write a date, such as 2026-11-29", result.Terminating!.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_a_refresh_asks_the_service()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync(
            "$null = New-KlingVideoTask $image 'It moves.'; Get-KlingVideoTask; Get-KlingVideoTask -Refresh; Get-KlingVideoTask",
            new { image = shell.Image() })).Clean();

        Assert.Equal(
            [KlingTaskState.Waiting, KlingTaskState.Succeeded, KlingTaskState.Succeeded],
            result.Of<KlingVideoTask>().Select(task => task.TaskState));
        Assert.Equal(1, shell.Bill.Queries);
    }

    [Fact]
    public async Task A_task_from_elsewhere_is_asked_for_at_the_service_and_known_from_then_on()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        using var http = new HttpMessageInvoker(ApiHandler.Create(proxy: null));
        using ApiKey key = ApiKey.From(ConnectedShell.Key);
        var client = new KlingClient(http, new KlingEndpoints(shell.Server.Endpoint, shell.Server.UploadEndpoint), key);
        string taskId = await client.CreateTaskAsync(
            new VideoSpec { Prompt = "It moves.", Image = MediaSource.FromUri("https://images.example/fox.png"), Duration = 10 },
            TestContext.Current.CancellationToken);

        ShellResult result = (await shell.RunAsync("Get-KlingVideoTask; Get-KlingVideoTask -TaskId $taskId; Get-KlingVideoTask", new { taskId })).Clean();

        KlingVideoTask[] tasks = result.Of<KlingVideoTask>();
        Assert.Equal(2, tasks.Length);
        Assert.All(tasks, task => Assert.Equal((KlingTaskState.Succeeded, "It moves.", 10), (task.TaskState, task.Prompt, task.Duration)));
    }

    [Fact]
    public async Task A_refresh_asks_for_several_tasks_at_a_time_and_emits_them_in_order()
    {
        var clock = new ManualClock();
        await using ConnectedShell shell = await ConnectedShell.StartAsync(clock);
        (await shell.RunAsync("$tasks = $images | New-KlingVideoTask -Prompt 'It moves.'", new { images = shell.Images("a.png", "b.png", "c.png") })).Clean();
        shell.Fault(SandboxOperation.Query, SandboxFaultKind.Delay, count: 3, delay: TimeSpan.FromMinutes(1));

        using RunningScript running = shell.Shell.Start("Get-KlingVideoTask -Id $tasks.Id -Refresh");
        for (int i = 0; i < 3; i++)
        {
            // All three are held back together: none is answered before the clock moves.
            await clock.WaitedForAsync(TimeSpan.FromMinutes(1));
        }

        clock.Advance(TimeSpan.FromMinutes(1));
        KlingVideoTask[] refreshed = (await running.Completion).Clean().Of<KlingVideoTask>();
        Assert.Equal(["a.png", "b.png", "c.png"], refreshed.Select(task => Path.GetFileName(task.SourcePath)));
        Assert.All(refreshed, task => Assert.Equal(KlingTaskState.Succeeded, task.TaskState));
    }

    [Fact]
    public async Task States_that_come_in_one_text_are_the_states_that_are_listed()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        await shell.RunAsync("$null = ConvertTo-KlingVideo $image -Prompt 'It moves.' -Destination $d", new { image = shell.Image(), d = shell.Destination });

        // The numbers of Unknown and Generating add up to that of Succeeded.
        Assert.Empty((await shell.RunAsync("Get-KlingVideoTask -State 'Unknown,Generating'")).Clean().Output);
        Assert.Single((await shell.RunAsync("Get-KlingVideoTask -State 'Failed, Succeeded'")).Clean().Output);
        Assert.Single((await shell.RunAsync("Get-KlingVideoTask -State 'Failed, Unknown', Succeeded")).Clean().Output);
        Assert.NotNull((await shell.RunAsync("Get-KlingVideoTask -State 'Failed,'")).Terminating);
        Assert.NotNull((await shell.RunAsync("Export-KlingGallery $page -State 'Unknown,Generated'", new { page = Path.Combine(shell.Folder, "page.html") })).Terminating);
    }
}
