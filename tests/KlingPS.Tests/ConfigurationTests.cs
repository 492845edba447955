using System.Management.Automation;
using KlingPS.Core.Configuration;
using KlingPS.Core.Sessions;
using KlingPS.Core.Setup;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

[Collection(UsesEnvironment.Name)]
public sealed class ConfigurationTests : IAsyncLifetime
{
    private readonly EnvironmentScope _environment = new();
    private ConnectedShell _shell = null!;

    public async ValueTask InitializeAsync()
    {
        _shell = await ConnectedShell.StartAsync();
        Environment.SetEnvironmentVariable("KLINGPS_CONFIG", FilePath);
    }

    private string FilePath => Path.Combine(_shell.Folder, "settings", "config.json");

    public async ValueTask DisposeAsync()
    {
        await _shell.DisposeAsync();
        _environment.Dispose();
    }

    [Fact]
    public async Task What_is_set_is_in_the_file_and_in_force_until_it_is_reset()
    {
        ShellResult set = (await _shell.RunAsync(
            "Set-KlingConfiguration -SecretName night -Vault Mine -DailyCreditCap 84 -PollingInterval 2.5 -RequestTimeout 30 -Proxy 'http://proxy.example:8080' -Endpoint 'https://api.example' -UploadEndpoint 'https://up.example'; Get-KlingConfiguration")).Clean();
        ShellResult reset = (await _shell.RunAsync("Set-KlingConfiguration -Reset Vault, Proxy -SecretName day")).Clean();

        Assert.All(set.Of<KlingConfiguration>(), configuration => Assert.Equal(
            ("night", "Mine", 84, 2.5, 30, new Uri("http://proxy.example:8080"), new Uri("https://api.example/"), new Uri("https://up.example/"), FilePath),
            (configuration.SecretName, configuration.Vault, configuration.DailyCreditCap, configuration.PollingInterval, configuration.RequestTimeout, configuration.Proxy, configuration.Endpoint, configuration.UploadEndpoint, configuration.Path)));
        KlingConfiguration left = Assert.Single(reset.Of<KlingConfiguration>());
        Assert.Equal(("day", null, null, 84), (left.SecretName, left.Vault, left.Proxy, left.DailyCreditCap));
        Assert.Equal(("configuration", "default"), (left.Source["SecretName"], left.Source["Vault"]));
    }

    [Fact]
    public async Task A_length_of_time_is_set_as_a_time_span_too()
    {
        ShellResult result = (await _shell.RunAsync("Set-KlingConfiguration -PollingInterval 00:00:10 -RequestTimeout ([timespan]::FromMinutes(1))")).Clean();

        KlingConfiguration set = Assert.Single(result.Of<KlingConfiguration>());
        Assert.Equal((10, 60), (set.PollingInterval, set.RequestTimeout));
    }

    [Fact]
    public async Task A_misspelt_name_is_told_of_once_with_the_name_that_it_is_like()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(FilePath)!);
        await File.WriteAllTextAsync(FilePath, """{ "DailyCreditCapp": 5, "request timeout": 30, "Else": 1, "_note": "mine", "$schema": "x" }""");

        ShellResult result = (await _shell.RunAsync("$null = Get-KlingConfiguration; $null = Get-KlingConfiguration; $null = Set-KlingConfiguration -PollingInterval 1; Test-KlingSetup -Offline | Where-Object Name -eq Configuration")).Clean();

        Assert.Contains("'DailyCreditCapp' (did you mean DailyCreditCap?), 'request timeout' (did you mean RequestTimeout?), 'Else'.", Assert.Single(result.Warnings), StringComparison.Ordinal);
        KlingSetupCheck check = Assert.Single(result.Of<KlingSetupCheck>());
        Assert.Equal("Warning", check.Status);
        Assert.Contains("'DailyCreditCapp' (did you mean DailyCreditCap?)", check.Message, StringComparison.Ordinal);
        Assert.Contains("\"DailyCreditCapp\": 5", await File.ReadAllTextAsync(FilePath), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Paths_are_written_in_full()
    {
        ShellResult result = (await _shell.RunAsync("Set-KlingConfiguration -LedgerPath ./my.db -DefaultDestination videos")).Clean();

        KlingConfiguration configuration = Assert.Single(result.Of<KlingConfiguration>());
        Assert.Equal(Path.GetFullPath("videos"), configuration.DefaultDestination);
        Assert.Equal(Path.GetFullPath("my.db"), ConfigurationFile.Read(FilePath).Ledger);
        Assert.Equal("environment variable KLINGPS_LEDGER", configuration.Source["Ledger"]);
    }

    [Fact]
    public async Task Nothing_is_written_with_WhatIf_and_without_a_change()
    {
        (await _shell.RunAsync("Set-KlingConfiguration -Vault Mine -WhatIf; Set-KlingConfiguration")).Clean();

        Assert.False(File.Exists(FilePath));
    }

    [Theory]
    [InlineData("-Proxy 'http://name:hunter2@proxy.example'")]
    [InlineData("-Endpoint 'https://name:hunter2@api.example'")]
    [InlineData("-Endpoint 'http://api.example'")]
    [InlineData("-UploadEndpoint 'up.example'")]
    [InlineData("-DailyCreditCap -1")]
    [InlineData("-PollingInterval 0")]
    [InlineData("-RequestTimeout 5")]
    [InlineData("-RequestTimeout Infinity")]
    [InlineData("-RequestTimeout ([double]::NaN)")]
    [InlineData("-PollingInterval ([double]::NegativeInfinity)")]
    [InlineData("-Vault Mine -Reset Vault")]
    [InlineData("-Ledger 'host=db dbname=ledgers user=anna password=hunter2'")]
    [InlineData("-Ledger 'Trust Server Certificate=true;Host=db;Database=ledgers;Password=hunter2'")]
    [InlineData("-Ledger 'jdbc:postgresql://db/ledgers?user=anna&password=hunter2'")]
    [InlineData("-LogPath logs/")]
    [InlineData("-ReportPath reports/")]
    [InlineData("-ReportPath 'reports/{Nothing}.json'")]
    [InlineData("-ReportPath 'reports/{Date:HH:mm}.json'")]
    public async Task A_value_that_cannot_be_is_refused_and_nothing_is_written(string arguments)
    {
        ShellResult result = await _shell.RunAsync($"Set-KlingConfiguration {arguments}");

        ErrorRecord error = result.Terminating.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument, FilePath);
        Assert.DoesNotContain("hunter2", $"{error} {error.Exception}", StringComparison.Ordinal);
        Assert.False(File.Exists(FilePath));
    }

    [Fact]
    public async Task A_question_that_nobody_can_answer_any_more_is_one_clear_error()
    {
        using var shell = new HostedShell(new AskingHost(string.Empty) { IsAtEnd = true });

        ShellResult result = await shell.RunAsync("Set-KlingConfiguration -Vault Mine -Confirm");

        ErrorRecord error = result.Terminating.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument);
        Assert.Equal("Set-KlingConfiguration asks before it does something, and nobody can answer, because the input has ended. -Confirm:$false does it without a question.", error.ToString());
        Assert.False(File.Exists(FilePath));
    }

    [Theory]
    [InlineData("Get-KlingConfiguration")]
    [InlineData("Set-KlingConfiguration -Vault Mine")]
    [InlineData("Connect-KlingAccount -SkipVerification")]
    [InlineData("Set-KlingApiKey $key")]
    [InlineData("Get-KlingAccount")]
    [InlineData("Get-KlingVideoTask")]
    [InlineData("New-KlingVideoTask $image 'It moves.'")]
    [InlineData("Wait-KlingVideoTask -TaskId some-task")]
    [InlineData("Save-KlingVideo -TaskId some-task")]
    public async Task A_broken_file_ends_every_command_that_reads_it_and_names_the_line(string command)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(FilePath)!);
        await File.WriteAllTextAsync(FilePath, "{\n  \"DailyCreditCap\": 500,,\n}", TestContext.Current.CancellationToken);

        ShellResult result = await _shell.RunAsync($"{command}; 'not reached'", new { image = _shell.Image(), key = ConnectedShell.Secure(ConnectedShell.Key) });

        string message = result.Terminating.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument).ToString();
        Assert.Contains(FilePath, message, StringComparison.Ordinal);
        Assert.Contains("line 2", message, StringComparison.Ordinal);
        Assert.Empty(result.Output);
        Assert.Empty(_shell.Bill.Requests);
    }

    [Fact]
    public async Task A_cap_counts_at_once_and_other_settings_with_the_next_connection()
    {
        ShellResult result = await _shell.RunAsync(
            """
            $null = Set-KlingConfiguration -DailyCreditCap 50
            $images | New-KlingVideoTask -Prompt 'It moves.' -ErrorAction SilentlyContinue -ErrorVariable failed
            $failed.FullyQualifiedErrorId
            $null = Set-KlingConfiguration -RequestTimeout 90
            """,
            new { images = _shell.Images("a.png", "b.png") });

        Assert.Equal(2, result.Output.Count);
        Assert.StartsWith("KlingBudgetExceeded", result.Output[1].ToString(), StringComparison.Ordinal);
        Assert.Contains("Connect-KlingAccount", Assert.Single(result.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Endpoints_of_the_file_are_used_when_neither_parameter_nor_environment_names_any()
    {
        ShellResult result = (await _shell.RunAsync(
            """
            Disconnect-KlingAccount
            $null = Set-KlingConfiguration -Endpoint $server.Endpoint -UploadEndpoint $server.UploadEndpoint
            Connect-KlingAccount $key
            $null = Send-KlingImage $image
            """,
            new { server = _shell.Server, key = ConnectedShell.Secure(ConnectedShell.Key), image = _shell.Image() })).Clean();

        Assert.Equal(_shell.Server.Endpoint, Assert.Single(result.Of<KlingAccount>()).Endpoint);
        Assert.Equal(1, _shell.Bill.Uploads);
    }

    [Fact]
    public async Task Videos_go_to_the_folder_of_the_file_unless_another_is_given()
    {
        ShellResult result = (await _shell.RunAsync(
            """
            $null = Set-KlingConfiguration -DefaultDestination $destination -PollingInterval 0.1
            $task = New-KlingVideoTask $image 'It moves.' | Wait-KlingVideoTask
            ($task | Save-KlingVideo).DirectoryName
            ($task | Save-KlingVideo -Destination $other).DirectoryName
            (ConvertTo-KlingVideo $image 'It stands still.' -NameTemplate still).DirectoryName
            """,
            new { destination = _shell.Destination, other = Path.Combine(_shell.Folder, "other"), image = _shell.Image() })).Clean();

        Assert.Equal([_shell.Destination, Path.Combine(_shell.Folder, "other"), _shell.Destination], result.Of<string>());
    }

    [Fact]
    public async Task A_configuration_that_breaks_while_a_command_runs_counts_from_the_next_command()
    {
        string image = _shell.Image();
        (await _shell.RunAsync("$task = New-KlingVideoTask $image 'It moves.'; $null = [IO.Directory]::CreateDirectory([IO.Path]::GetDirectoryName($env:KLINGPS_CONFIG))", new { image })).Clean();

        ShellResult first = await _shell.RunAsync(
            "1..2 | ForEach-Object { $task.Id; [IO.File]::WriteAllText($env:KLINGPS_CONFIG, 'no configuration') } | Get-KlingVideoTask");
        ShellResult second = await _shell.RunAsync("Get-KlingVideoTask");

        Assert.Equal(2, first.Clean().Output.Count);
        second.Terminating.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument);
    }

    [Theory]
    [InlineData("Get-KlingConfiguration")]
    [InlineData("Set-KlingConfiguration -DailyCreditCap 1")]
    [InlineData("New-KlingVideoTask $image 'It moves.'")]
    public async Task A_configuration_whose_path_is_relative_is_refused_because_it_would_be_another_one_in_every_folder(string command)
    {
        Environment.SetEnvironmentVariable("KLINGPS_CONFIG", "./config.json");

        ShellResult result = await _shell.RunAsync(command, new { image = _shell.Image() });

        Assert.Contains("KLINGPS_CONFIG", result.Terminating.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument).ToString(), StringComparison.Ordinal);
        Assert.Equal(0, _shell.Bill.CreatesReceived);
    }
}
