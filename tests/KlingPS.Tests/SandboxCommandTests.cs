using System.Management.Automation;
using KlingPS.Core.Sessions;
using KlingPS.Sandbox;
using KlingPS.Sandbox.Hosting;
using KlingPS.Sessions;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

[Collection(UsesEnvironment.Name)]
public sealed class SandboxCommandTests : IDisposable
{
    private readonly EnvironmentScope _environment = new();
    private readonly HostedShell _shell = new();
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("klingps-");

    [Fact]
    public async Task A_sandbox_shows_its_bill()
    {
        string image = Path.Combine(_folder.FullName, "fox.png");
        await File.WriteAllBytesAsync(image, TestImage.Png("fox"));

        ShellResult result = (await _shell.RunAsync(
            """
            $account = Connect-KlingAccount -Sandbox
            $account
            (Get-KlingSandbox).SetCredits(100)
            $null = New-KlingVideoTask $image 'It moves.'
            Get-KlingSandbox
            """,
            new { image })).Clean();

        var account = Assert.IsType<KlingAccount>(result.Output[0].BaseObject);
        Assert.Equal((true, "sandbox", 10_000m), (account.IsSandbox, account.KeySource, account.Credits!.Value));
        var sandbox = Assert.IsType<KlingSandbox>(result.Output[1].BaseObject);
        Assert.Equal((1, 1, 0, 1), (sandbox.CreatesReceived, sandbox.CreatesAccepted, sandbox.CreatesRefused, sandbox.Uploads));
        Assert.Equal((42m, 58m, 0m), (sandbox.CreditsHeld, sandbox.CreditsLeft, sandbox.CreditsSpent));
        Assert.Equal(1, Assert.Single(sandbox.TasksPerImage).Value);
        Assert.True(sandbox.IsRunning);
    }

    [Fact]
    public async Task A_sandbox_can_be_piped_to_be_stopped_and_only_the_one_that_is_meant_is()
    {
        ShellResult result = (await _shell.RunAsync(
            """
            $first = Start-KlingSandbox
            $second = Start-KlingSandbox -Force
            $first | Stop-KlingSandbox
            $second.IsRunning
            Get-KlingSandbox | Stop-KlingSandbox
            $second.IsRunning
            """)).Clean();

        Assert.Equal([true, false], result.Of<bool>());
    }

    [Fact]
    public async Task A_started_sandbox_pipes_into_connect_and_stopping_it_disconnects()
    {
        ShellResult result = await _shell.RunAsync(
            """
            Start-KlingSandbox -Credits 84 -GenerationTime 0.5 | Connect-KlingAccount
            Stop-KlingSandbox
            Stop-KlingSandbox
            Get-KlingSandbox -ErrorAction Continue
            Get-KlingAccount
            """);

        KlingAccount account = Assert.Single(result.Of<KlingAccount>());
        Assert.Equal((true, 84m), (account.IsSandbox, account.Credits!.Value));
        Assert.Single(result.Errors).Is("KlingSandboxNotRunning", ErrorCategory.ObjectNotFound);
        result.Terminating.Is("KlingApiKeyMissing", ErrorCategory.AuthenticationError);
    }

    [Fact]
    public async Task A_sandbox_ends_with_its_session()
    {
        using var shell = new HostedShell();
        KlingSandbox sandbox = Assert.Single((await shell.RunAsync("Start-KlingSandbox")).Clean().Of<KlingSandbox>());
        Assert.True(sandbox.IsRunning);

        shell.Dispose();

        Assert.False(sandbox.IsRunning);
    }

    [Fact]
    public async Task A_fault_with_a_number_out_of_range_is_refused_in_words_that_are_the_users_own()
    {
        ShellResult result = await _shell.RunAsync("Start-KlingSandbox -Fault @{ On = 'Create'; Kind = 'LoseAnswerAfter'; Probability = 2 }");

        Assert.Equal("Probability is between 0 and 1.", result.Terminating.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument).Exception.Message);
    }

    [Fact]
    public async Task Faults_are_given_as_hashtables()
    {
        ShellResult result = (await _shell.RunAsync(
            """
            $sandbox = Start-KlingSandbox -Fault @{ On = 'Create'; Kind = 'LoseAnswerAfter'; Count = 2 }, @{ On = 'Download'; Kind = 'CutDownload'; AtFraction = 0.5 }
            $sandbox.AddFault(@{ On = 'Query'; Kind = 'Delay'; Delay = '00:00:01' })
            $sandbox.Faults
            (Get-KlingSandbox).ClearFaults()
            $sandbox.Faults
            """)).Clean();

        Assert.Equal(
            [(SandboxOperation.Create, SandboxFaultKind.LoseAnswerAfter), (SandboxOperation.Download, SandboxFaultKind.CutDownload), (SandboxOperation.Query, SandboxFaultKind.Delay)],
            result.Of<SandboxFault>().Select(fault => (fault.Operation, fault.FaultKind)));
    }

    [Fact]
    public async Task A_fault_names_its_kind_and_place_in_words_of_any_case()
    {
        SandboxFault fault = Assert.Single((await _shell.RunAsync("[KlingPS.Sandbox.SandboxFault] @{ On = 'create'; Kind = 'LOSEANSWERAFTER' }")).Clean().Of<SandboxFault>());

        Assert.Equal(("Create", "LoseAnswerAfter"), (fault.On, fault.Kind));
    }

    [Theory]
    [InlineData("Kind = 'Explode'", "'Explode' is not one of the values of Kind: LoseAnswerBefore, LoseAnswerAfter, ")]
    [InlineData("On = 'Somewhere'", "'Somewhere' is not one of the values of On: Any, Create, ")]
    [InlineData("Kind = '99'", "'99' is not one of the values of Kind")]
    [InlineData("Kind = ''", "'' is not one of the values of Kind")]
    public async Task A_word_that_no_fault_knows_is_refused_with_those_it_knows(string field, string message)
    {
        ShellResult result = await _shell.RunAsync($"Start-KlingSandbox -Fault @{{ {field} }}");

        Assert.Contains(message, result.Terminating!.Exception.Message, StringComparison.Ordinal);
        Assert.Empty(result.Output);
    }

    [Theory]
    [InlineData("00:00:01")]
    [InlineData("([timespan]::FromSeconds(1))")]
    [InlineData("'0.5'")]
    public async Task The_time_that_a_video_takes_is_given_as_elsewhere(string time)
        => Assert.Single((await _shell.RunAsync($"Start-KlingSandbox -GenerationTime {time}")).Clean().Output);

    [Theory]
    [InlineData("Delay = 5")]
    [InlineData("Delay = '5'")]
    [InlineData("Duration = 60")]
    [InlineData("Duration = '2'")]
    public async Task A_time_of_a_fault_without_a_unit_is_refused_with_the_way_to_write_it(string field)
    {
        ShellResult result = await _shell.RunAsync($"Start-KlingSandbox -Fault @{{ On = 'Query'; Kind = 'Delay'; {field} }}");

        Assert.Contains("such as '00:00:05' for five seconds", result.Terminating!.ToString(), StringComparison.Ordinal);
        Assert.Empty(result.Output);
    }

    [Theory]
    [InlineData("-Fault $null", "Fault")]
    [InlineData("-Fault @($null)", "Fault")]
    [InlineData("-Fault @{ Kind = 'Empty' }, $null", "Fault")]
    [InlineData("-ApiKey $null", "ApiKey")]
    [InlineData("-AdditionalApiKey $null", "AdditionalApiKey")]
    [InlineData("-OtherAccountKey @($null)", "OtherAccountKey")]
    [InlineData("-CallbackKey $null", "CallbackKey")]
    public async Task A_variable_that_was_never_set_is_refused_with_the_name_of_its_parameter(string argument, string parameter)
    {
        ShellResult result = await _shell.RunAsync($"Start-KlingSandbox {argument}");

        Assert.StartsWith("ParameterArgumentValidationError,", result.Terminating?.FullyQualifiedErrorId, StringComparison.Ordinal);
        Assert.Contains($"'{parameter}'", result.Terminating!.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_fault_that_cannot_happen_starts_no_sandbox()
    {
        ShellResult result = await _shell.RunAsync("Start-KlingSandbox -Fault @{ On = 'Create'; Kind = 'CutDownload' }");
        result.Terminating.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument);

        Assert.Single((await _shell.RunAsync("Get-KlingSandbox")).Errors).Is("KlingSandboxNotRunning", ErrorCategory.ObjectNotFound);
    }

    [Fact]
    public async Task A_port_in_use_is_told_with_what_to_do()
    {
        await using var other = SandboxServer.Start(new SandboxOptions());

        ShellResult result = await _shell.RunAsync("Start-KlingSandbox -Port $port", new { port = other.Endpoint.Port });

        ErrorRecord error = result.Terminating.Is("KlingListenerUnusable", ErrorCategory.ResourceUnavailable, other.Endpoint.Port);
        Assert.Contains("leave -Port out", error.ErrorDetails.RecommendedAction, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Starting_twice_gives_the_sandbox_that_runs_and_force_a_new_one_that_must_be_connected_to_anew()
    {
        ShellResult result = await _shell.RunAsync(
            """
            $first = Start-KlingSandbox
            $null = $first | Connect-KlingAccount
            $first.Endpoint -eq (Start-KlingSandbox).Endpoint
            $second = Start-KlingSandbox -Force
            $first.IsRunning
            $second.IsRunning
            Get-KlingAccount
            """);

        Assert.Equal([true, false, true], result.Of<bool>());
        Assert.Single(result.Warnings);
        result.Terminating.Is("KlingApiKeyMissing", ErrorCategory.AuthenticationError);
    }

    [Fact]
    public async Task WhatIf_neither_starts_nor_stops()
    {
        ShellResult result = (await _shell.RunAsync("Start-KlingSandbox -WhatIf; $sandbox = Start-KlingSandbox; Stop-KlingSandbox -WhatIf; $sandbox.IsRunning")).Clean();

        Assert.Equal([true], result.Of<bool>());
    }

    [Fact]
    public async Task Disconnecting_stops_the_sandbox_and_may_be_done_twice()
    {
        ShellResult result = (await _shell.RunAsync(
            "$null = Connect-KlingAccount -Sandbox; $sandbox = Get-KlingSandbox; Disconnect-KlingAccount; Disconnect-KlingAccount; $sandbox.IsRunning")).Clean();

        Assert.Equal([false], result.Of<bool>());
    }

    public void Dispose()
    {
        _shell.Dispose();
        _environment.Dispose();
        _folder.Delete(recursive: true);
    }
}
