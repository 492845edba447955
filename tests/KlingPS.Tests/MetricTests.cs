using System.Management.Automation;
using KlingPS.Core.Model;
using KlingPS.Sandbox;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

[Collection(UsesEnvironment.Name)]
public sealed class MetricTests
{
    private const string Convert = "$null = $images | ConvertTo-KlingVideo -Prompt 'It moves.' -Destination $d -ErrorAction SilentlyContinue";

    [Fact]
    public async Task The_file_agrees_with_the_ledger_and_with_the_bill_of_the_service()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync(credits: 1000);
        shell.Fault(SandboxOperation.Generate, SandboxFaultKind.FailTask, skip: 2);
        shell.Fault(SandboxOperation.Create, SandboxFaultKind.LoseAnswerBefore, skip: 3);
        var variables = new { images = shell.Images("a.png", "b.png", "c.png", "d.png"), d = shell.Destination, path = Path.Combine(shell.Folder, "kling.prom") };

        ShellResult result = await shell.RunAsync($"{Convert}; $file = Export-KlingMetric -Path $path; $file; Get-KlingSpend", variables);

        Assert.DoesNotContain(result.Warnings, warning => warning.Contains("metrics", StringComparison.Ordinal));
        Assert.Equal(variables.path, ((FileInfo)result.Output[0].BaseObject).FullName);
        var spend = (KlingSpend)result.Output[1].BaseObject;
        IReadOnlyList<PrometheusSample> samples = PrometheusText.Read(await File.ReadAllTextAsync(variables.path, TestContext.Current.CancellationToken));
        Assert.Equal((double)spend.CreditsConsumed, Value("klingps_today_consumed_credits"));
        Assert.Equal((double)spend.CreditsReserved, Value("klingps_today_reserved_credits"));
        Assert.Equal((double)shell.Bill.CreditsSpent, Value("klingps_today_consumed_credits"));
        Assert.Equal((double)shell.Bill.CreditsLeft, Value("klingps_balance_credits"));
        Assert.Equal((1, 0, 0), (Value("klingps_unknown_attempts"), Value("klingps_pending_videos"), Value("klingps_unsaved_videos")));
        Assert.Equal((2, 1, 1), (Value("klingps_last_run_images", "made"), Value("klingps_last_run_images", "failed"), Value("klingps_last_run_images", "unknown")));
        Assert.True(Value("klingps_last_run_end_timestamp_seconds") >= Value("klingps_last_run_timestamp_seconds"));
        Assert.DoesNotContain(samples, sample => sample.Name == "klingps_last_success_timestamp_seconds");

        double Value(string name, string? result = null) => samples.Single(sample => sample.Name == name && (result is null || sample.Labels["result"] == result)).Value;
    }

    [Fact]
    public async Task The_collector_can_read_the_file_whatever_the_umask_and_the_last_success_stays_after_a_failure()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        var variables = new { images = shell.Images("a.png"), more = shell.Images("b.png"), d = shell.Destination, path = Path.Combine(shell.Folder, "kling.prom") };
        await shell.RunAsync($"{Convert}; $null = Export-KlingMetric $path -Offline", variables);
        double success = Find("klingps_last_success_timestamp_seconds");
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead, File.GetUnixFileMode(variables.path));
        }

        shell.Fault(SandboxOperation.Generate, SandboxFaultKind.FailTask);
        await shell.RunAsync($"{Convert.Replace("$images", "$more", StringComparison.Ordinal)}; $null = Export-KlingMetric $path -Offline", variables);

        Assert.Equal(success, Find("klingps_last_success_timestamp_seconds"));
        Assert.Equal(2, Find("klingps_last_run_exit_code"));

        double Find(string name) => PrometheusText.Read(File.ReadAllText(variables.path)).Single(sample => sample.Name == name).Value;
    }

    [Fact]
    public async Task Offline_and_without_a_key_nothing_is_sent()
    {
        using var environment = new EnvironmentScope();
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string path = Path.Combine(shell.Folder, "kling.prom");

        (await shell.RunAsync("$null = Export-KlingMetric $path -Offline; Disconnect-KlingAccount; $null = Export-KlingMetric $path", new { path })).Clean();

        Assert.Empty(shell.Bill.Requests);
        Assert.DoesNotContain("klingps_balance_credits", await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task While_the_service_is_away_the_rest_is_written_with_a_warning()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        shell.Fault(SandboxOperation.Credit, SandboxFaultKind.Code, code: 455, count: 10);
        string path = Path.Combine(shell.Folder, "kling.prom");

        ShellResult result = await shell.RunAsync("$null = Export-KlingMetric $path", new { path });

        Assert.StartsWith("The metrics are written without the credits that are left: ", Assert.Single(result.Warnings), StringComparison.Ordinal);
        Assert.NotEmpty(PrometheusText.Read(await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken)));
    }

    [Fact]
    public async Task A_file_of_another_kind_is_replaced_only_when_that_is_said()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string path = shell.WriteFile("notes.prom", "my notes"u8.ToArray());

        (await shell.RunAsync("Export-KlingMetric $path -Offline", new { path })).Terminating.Is("KlingFileExists", ErrorCategory.ResourceExists);
        Assert.Equal("my notes", await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken));

        (await shell.RunAsync("$null = Export-KlingMetric $path -Offline -Force; $null = Export-KlingMetric $path -Offline", new { path })).Clean();
        Assert.NotEmpty(PrometheusText.Read(await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken)));
    }

    [Fact]
    public async Task A_link_is_not_written_through_even_with_force()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need a right of their own on Windows.");
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string target = shell.WriteFile("notes.txt", "my notes"u8.ToArray());
        string path = Path.Combine(shell.Folder, "kling.prom");
        File.CreateSymbolicLink(path, target);

        Assert.NotNull((await shell.RunAsync("Export-KlingMetric $path -Offline", new { path })).Terminating);
        Assert.NotNull((await shell.RunAsync("Export-KlingMetric $path -Offline -Force", new { path })).Terminating);

        Assert.Equal("my notes", await File.ReadAllTextAsync(target, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_folder_that_is_not_there_is_told_and_WhatIf_writes_nothing()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string path = Path.Combine(shell.Folder, "none", "kling.prom");

        (await shell.RunAsync("Export-KlingMetric $path -Offline", new { path })).Terminating.Is("KlingDestinationUnusable", ErrorCategory.WriteError);
        (await shell.RunAsync("Export-KlingMetric $path -Offline -WhatIf", new { path = Path.Combine(shell.Folder, "kling.prom") })).Clean();

        Assert.Empty(Directory.GetFiles(shell.Folder));
    }

    [Theory]
    [InlineData("")]
    [InlineData("-Force")]
    public async Task A_folder_in_place_of_the_file_is_one_error_with_advice_that_can_be_followed(string force)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync($"Export-KlingMetric $path -Offline {force}", new { path = shell.Folder });

        ErrorRecord error = result.Terminating.Is("KlingDestinationUnusable", ErrorCategory.WriteError);
        Assert.Equal($"The metrics cannot be written to '{shell.Folder}', because it is a folder.", error.Exception.Message);
        Assert.Equal("Name the file in it, such as klingps.prom.", error.ErrorDetails.RecommendedAction);
        Assert.Empty(result.Warnings);
    }

    [Fact]
    public async Task A_name_that_the_collector_does_not_read_is_warned_of()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync("$null = Export-KlingMetric $path -Offline", new { path = Path.Combine(shell.Folder, "kling.txt") });

        Assert.Contains("files whose names end with .prom", Assert.Single(result.Warnings), StringComparison.Ordinal);
    }
}
