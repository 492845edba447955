using System.Management.Automation;
using KlingPS.Core;
using KlingPS.Core.Converting;
using KlingPS.Core.Model;
using KlingPS.Core.Saving;
using KlingPS.Core.Stages;
using KlingPS.Core.Submitting;
using KlingPS.Sandbox;
using KlingPS.Tests.Hosting;
using KlingPS.Text;

namespace KlingPS.Tests;

/// <summary>The database of a shared ledger goes away between the commands of a pipeline.</summary>
[Collection(UsesEnvironment.Name)]
public sealed class LostDatabaseTests : IDisposable
{
    private const string DataHome = "XDG_DATA_HOME";

    private readonly EnvironmentScope _environment = new();
    private readonly string? _dataHome = Environment.GetEnvironmentVariable(DataHome);
    private readonly DirectoryInfo _data = Directory.CreateTempSubdirectory("klingps-data-");

    public void Dispose()
    {
        Environment.SetEnvironmentVariable(DataHome, _dataHome);
        _environment.Dispose();
        _data.Delete(recursive: true);
    }

    /// <summary>A shell whose ledger is in a database.</summary>
    private async Task<ConnectedShell> StartAsync(PostgresServer server, TimeProvider? clock = null)
    {
        Environment.SetEnvironmentVariable(DataHome, _data.FullName);
        Environment.SetEnvironmentVariable("KLINGPS_LEDGER", $"postgresql://{PostgresServer.Role}@127.0.0.1:{server.Port}/ledgers?schema=lost_{Guid.NewGuid():N}&sslmode=disable");
        return await ConnectedShell.StartAsync(clock);
    }

    /// <summary>Runs a script while the database cannot be reached.</summary>
    private static Task<ShellResult> RunWithoutAsync(PostgresServer server, ConnectedShell shell, string script)
        => WithoutAsync(server, () => shell.RunAsync(script, new { destination = shell.Destination }));

    /// <summary>Does something while the database cannot be reached.</summary>
    private static async Task<ShellResult> WithoutAsync(PostgresServer server, Func<Task<ShellResult>> work)
    {
        try
        {
            await LoseAsync(server);
            return await work();
        }
        finally
        {
            await server.SqlAsync("ALTER DATABASE ledgers ALLOW_CONNECTIONS true");
        }
    }

    private static async Task LoseAsync(PostgresServer server)
    {
        await server.SqlAsync("ALTER DATABASE ledgers ALLOW_CONNECTIONS false");
        await server.SqlAsync("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = 'ledgers'");
    }

    [Fact]
    public async Task Videos_whose_links_are_known_are_saved_although_the_database_is_gone_and_recorded_when_it_is_back()
    {
        PostgresServer server = await PostgresServer.Shared;
        await using ConnectedShell shell = await StartAsync(server);
        (await shell.RunAsync("$made = $images | New-KlingVideoTask -Prompt 'It moves.' | Wait-KlingVideoTask", new { images = shell.Images("a.png", "b.png") })).Clean();
        ShellResult lost = await RunWithoutAsync(server, shell, "$made | Save-KlingVideo -Destination $destination");

        Assert.Null(lost.Terminating);
        ErrorRecord error = Assert.Single(lost.Errors).Is("KlingLedgerUnusable", ErrorCategory.ResourceUnavailable);
        Assert.Contains("the next command on this machine that reaches the ledger records it", error.Exception.Message, StringComparison.Ordinal);
        Assert.Contains("run the same command again", error.ErrorDetails.RecommendedAction, StringComparison.Ordinal);
        Assert.DoesNotContain("Nothing was sent", error.ErrorDetails.RecommendedAction, StringComparison.Ordinal);
        Assert.Equal(2, lost.Of<FileInfo>().Length);
        Assert.Equal(2, Directory.GetFiles(shell.Destination, "*.mp4").Length);

        ShellResult found = await shell.RunAsync("(Get-KlingVideoTask).SavedPath; $made | Save-KlingVideo -Destination $destination -Force | Out-Null", new { destination = shell.Destination });

        Assert.Null(found.Terminating);
        Assert.Empty(found.Errors);
        Assert.Equal(Directory.GetFiles(shell.Destination, "*.mp4").Order(), found.Of<string>().Order());
        Assert.Equal((2, 2), (shell.Bill.CreatesAccepted, shell.Bill.Downloads));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_was_seen_of_a_task_while_the_database_was_gone_is_recorded_when_it_is_back(bool isMade)
    {
        PostgresServer server = await PostgresServer.Shared;
        var clock = new ManualClock();
        await using ConnectedShell shell = await StartAsync(server, clock);
        if (!isMade)
        {
            shell.Fault(SandboxOperation.Generate, SandboxFaultKind.FailTask);
        }

        // The database goes while the service is being asked.
        shell.Fault(SandboxOperation.Query, SandboxFaultKind.Delay, delay: TimeSpan.FromMinutes(1));
        using RunningScript running = shell.Shell.Start("ConvertTo-KlingVideo $image 'It moves.' -Destination $destination", new { image = shell.Image(), destination = shell.Destination });
        await clock.WaitedForAsync();
        ShellResult lost = await WithoutAsync(server, async () =>
        {
            clock.Advance(TimeSpan.FromMinutes(1));
            return await running.Completion;
        });

        // Whether the video was made or not: the last word is that the ledger is gone.
        ErrorRecord error = (lost.Terminating ?? lost.Errors[^1]).Is("KlingLedgerUnusable", ErrorCategory.ResourceUnavailable);
        Assert.Contains("the next command", error.ToString(), StringComparison.Ordinal);
        Assert.Equal(isMade ? [] : ["KlingTaskFailed"], lost.Errors.Select(other => other.FullyQualifiedErrorId.Split(',')[0]));

        KlingSpend spent = Assert.Single((await shell.RunAsync("Get-KlingSpend")).Of<KlingSpend>());
        Assert.Equal((0, 0m, shell.Bill.CreditsSpent), (spent.Pending, spent.CreditsReserved, spent.CreditsConsumed));
        KlingVideoTask task = Assert.Single((await shell.RunAsync("Get-KlingVideoTask")).Of<KlingVideoTask>());
        Assert.Equal((isMade ? KlingTaskState.Succeeded : KlingTaskState.Failed, isMade, isMade), (task.TaskState, task.SavedPath is not null, task.ResultUri is not null));
        Assert.NotNull(task.CompletedAt);
        Assert.Equal((1, isMade ? 1 : 0, 0m), (shell.Bill.CreatesAccepted, shell.Bill.Downloads, shell.Bill.CreditsHeld));
    }

    [Theory]
    [InlineData("Save-KlingVideo -Id 1 -Destination $destination", 1)]
    [InlineData("Get-KlingVideoTask -Id 1 -Refresh", 0)]
    public async Task What_asks_the_service_for_a_link_while_the_database_goes_is_done_to_its_end_and_ends_with_one_error(string command, int files)
    {
        PostgresServer server = await PostgresServer.Shared;
        var clock = new ManualClock();
        await using ConnectedShell shell = await StartAsync(server, clock);
        shell.Server.AddFault(new SandboxFault { Operation = SandboxOperation.Query, FaultKind = SandboxFaultKind.WrongLink, Link = "//nowhere", Count = 100 });
        (await shell.RunAsync("New-KlingVideoTask $image 'It moves.' | Get-KlingVideoTask -Refresh -ErrorAction Ignore | Out-Null", new { image = shell.Image(), destination = shell.Destination })).Clean();
        shell.Server.ClearFaults();
        shell.Fault(SandboxOperation.Query, SandboxFaultKind.Delay, delay: TimeSpan.FromMinutes(1));

        using RunningScript running = shell.Shell.Start(command);
        await clock.WaitedForAsync();
        ShellResult lost = await WithoutAsync(server, async () =>
        {
            clock.Advance(TimeSpan.FromMinutes(1));
            return await running.Completion;
        });

        Assert.Single(lost.Output);
        Assert.Single(lost.Errors).Is("KlingLedgerUnusable", ErrorCategory.ResourceUnavailable);
        Assert.Null(lost.Terminating);
        Assert.Equal(files, Directory.Exists(shell.Destination) ? Directory.GetFiles(shell.Destination, "*.mp4").Length : 0);
        KlingVideoTask task = Assert.Single((await shell.RunAsync("Get-KlingVideoTask")).Of<KlingVideoTask>());
        Assert.Equal(files > 0, task.SavedPath is not null);
        Assert.Equal((1, files), (shell.Bill.CreatesAccepted, shell.Bill.Downloads));
    }

    [Fact]
    public async Task A_video_that_is_there_is_found_by_its_content_although_the_database_is_gone()
    {
        PostgresServer server = await PostgresServer.Shared;
        await using ConnectedShell shell = await StartAsync(server);
        (await shell.RunAsync("New-KlingVideoTask $image 'It moves.' | Save-KlingVideo -Destination $destination | Out-Null; $made = Get-KlingVideoTask", new { image = shell.Image(), destination = shell.Destination })).Clean();
        ShellResult lost = await RunWithoutAsync(server, shell, "$made | Save-KlingVideo -Destination $destination");

        Assert.Null(lost.Terminating);
        Assert.Single(lost.Of<FileInfo>());
        Assert.Equal((1, 1), (Directory.GetFiles(shell.Destination).Length, shell.Bill.Downloads));
    }

    [Fact]
    public async Task Of_tasks_that_were_bought_before_it_is_not_said_that_nothing_was_sent()
    {
        PostgresServer server = await PostgresServer.Shared;
        await using ConnectedShell shell = await StartAsync(server);
        (await shell.RunAsync("$bought = New-KlingVideoTask $image 'It moves.'", new { image = shell.Image() })).Clean();

        ShellResult waited = await RunWithoutAsync(server, shell, "$bought | Wait-KlingVideoTask");
        ShellResult saved = await RunWithoutAsync(server, shell, "$bought | Save-KlingVideo -Destination $destination");

        Assert.All([waited.Terminating, Assert.Single(saved.Errors)], error => Assert.Contains(
            "run the same command again",
            error.Is("KlingLedgerUnusable", ErrorCategory.ResourceUnavailable).ErrorDetails.RecommendedAction,
            StringComparison.Ordinal));
        Assert.Contains("1 task is left. Nothing that is paid for is lost", saved.Errors[0].Exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_error_of_a_batch_whose_database_is_gone_leads_with_the_ledger_and_names_no_image_in_particular()
    {
        PostgresServer server = await PostgresServer.Shared;
        await using ConnectedShell shell = await StartAsync(server);
        var lose = () => LoseAsync(server).GetAwaiter().GetResult();
        ShellResult lost;
        try
        {
            lost = await shell.RunAsync(
                "$images | ForEach-Object { if ($_ -eq $images[1]) { $lose.Invoke() }; $_ } | ConvertTo-KlingVideo -Prompt 'It moves.' -Destination $destination",
                new { images = shell.Images("a.png", "b.png", "c.png"), destination = shell.Destination, lose });
        }
        finally
        {
            await server.SqlAsync("ALTER DATABASE ledgers ALLOW_CONNECTIONS true");
        }

        string message = lost.Terminating.Is("KlingLedgerUnusable", ErrorCategory.ResourceUnavailable).Exception.Message;
        Assert.StartsWith("The ledger 'postgresql://", message, StringComparison.Ordinal);
        Assert.Matches("[23] images have no video yet[.] Nothing that is paid for is lost; run the same command again for the rest[.]$", message);
        Assert.DoesNotContain(".png", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, 0, "The ledger is gone. This command bought nothing for '0.png'. '0.png' has no video yet.")]
    [InlineData(1, 1, "The ledger is gone. 1 video is on disk; '0.png' has no video yet.")]
    [InlineData(3, 0, "The ledger is gone. 3 images have no video yet.")]
    [InlineData(3, 5, "The ledger is gone. 5 videos are on disk; 3 images have no video yet.")]
    public void A_lost_ledger_is_told_with_what_is_on_disk_and_what_is_not(int missing, int there, string expected)
    {
        Outcome<ConversionItem, SavedVideo>[] fatal = [.. Enumerable.Range(0, missing).Select(i =>
        {
            var submission = new Submission { Spec = new VideoSpec { Prompt = "It moves.", Image = MediaSource.FromFile($"{i}.png") } };
            KlingException error = submission.SayNothingBought(new KlingException(ErrorKind.LedgerUnusable, "The ledger is gone.") { Advice = "Look." });
            return new Outcome<ConversionItem, SavedVideo>(new ConversionItem(submission, i, null), null, error);
        })];

        KlingException ending = ConversionText.CreateEnding(fatal, there);

        Assert.Equal(expected + " Nothing that is paid for is lost; run the same command again for the rest.", ending.Message);
        Assert.Equal("Look.", ending.Advice);
    }

    [Fact]
    public void A_lost_ledger_that_ended_a_batch_is_told_without_the_image_whose_turn_it_was()
    {
        Submission[] submissions = [.. new[] { "0.png", "\u202E1.png" }.Select(image => new Submission { Spec = new VideoSpec { Prompt = "It moves.", Image = MediaSource.FromFile(image) } })];
        KlingException error = submissions[1].SayNothingBought(new KlingException(ErrorKind.LedgerUnusable, "The ledger is gone."));

        KlingException ending = ConversionText.CreateEnding(
            [.. submissions.Select((submission, i) => new Outcome<ConversionItem, SavedVideo>(new ConversionItem(submission, i, null), null, error))], there: 0);

        Assert.Equal("The ledger is gone. 2 images have no video yet. Nothing that is paid for is lost; run the same command again for the rest.", ending.Message);
    }
}
