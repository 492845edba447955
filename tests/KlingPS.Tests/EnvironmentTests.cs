using System.Globalization;
using System.Management.Automation;
using KlingPS.Core.Model;
using KlingPS.Core.Sessions;
using KlingPS.Sandbox;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

[Collection(UsesEnvironment.Name)]
public sealed class EnvironmentTests
{
    public static TheoryData<string> Commands =>
    [
        "Connect-KlingAccount",
        "Get-KlingAccount",
        "Send-KlingImage $image",
        "$image | New-KlingVideoTask -Prompt 'It moves.'",
        "Get-KlingVideoTask -Refresh",
        "Get-KlingVideoTask -TaskId some-task",
        "Wait-KlingVideoTask -TaskId some-task",
        "Save-KlingVideo -TaskId some-task",
    ];

    [Theory]
    [MemberData(nameof(Commands))]
    public async Task Without_a_key_anywhere_every_command_that_needs_one_ends(string command)
    {
        using var environment = new EnvironmentScope();
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync($"Disconnect-KlingAccount; {command}; 'not reached'", new { image = shell.Image() });

        result.Terminating.Is("KlingApiKeyMissing", ErrorCategory.AuthenticationError);
        Assert.Empty(result.Output);
        Assert.Empty(result.Errors);
    }

    [Theory]
    [InlineData("Save-KlingVideo -Id 987654321", "KlingTaskNotFound", "There is no task 987654321 in the ledger '")]
    [InlineData("Wait-KlingVideoTask -Id 987654321", "KlingTaskNotFound", "There is no task 987654321 in the ledger '")]
    [InlineData("987654321 | Wait-KlingVideoTask | Save-KlingVideo", "KlingTaskNotFound", "There is no task 987654321 in the ledger '")]
    [InlineData("Save-KlingVideo -TaskId nosuch", "KlingApiKeyMissing", "There is no task 'nosuch' in the ledger '")]
    [InlineData("'nosuch' | Wait-KlingVideoTask -Timeout 5", "KlingApiKeyMissing", "There is no task 'nosuch' in the ledger '")]
    [InlineData("Get-KlingVideoTask -TaskId nosuch", "KlingApiKeyMissing", "There is no task 'nosuch' in the ledger '")]
    [InlineData("Get-KlingVideoTask nosuch", "KlingApiKeyMissing", "There is no task 'nosuch' in the ledger '")]
    [InlineData("Get-KlingVideoTask -TaskId nosuch -Refresh", "KlingApiKeyMissing", "There is no task 'nosuch' in the ledger '")]
    [InlineData("Get-KlingVideoTask -TaskId \"a`e[2Jb\"", "KlingTaskNotFound", "'a<U+001B>[2Jb' cannot be the id of a task at the service")]
    [InlineData("Get-KlingVideoTask 'no such'", "KlingTaskNotFound", "'no such' cannot be the id of a task at the service")]
    [InlineData("Wait-KlingVideoTask -TaskId 'no such'", "KlingTaskNotFound", "'no such' cannot be the id of a task at the service")]
    [InlineData("'tâche' | Save-KlingVideo", "KlingTaskNotFound", "'tâche' cannot be the id of a task at the service")]
    [InlineData("Get-KlingVideoTask -TaskId ('x' * 129) -Refresh", "KlingTaskNotFound", "'xxxxx")]
    public async Task Without_a_key_a_task_that_nobody_has_is_one_error_and_nothing_is_called_paid_for(string command, string id, string said)
    {
        using var environment = new EnvironmentScope();
        using var shell = new HostedShell();

        ShellResult result = await shell.RunAsync(command);

        ErrorRecord error = Assert.Single([.. result.Errors, .. result.Terminating is null ? (ErrorRecord[])[] : [result.Terminating]]);
        Assert.StartsWith(id + ",", error.FullyQualifiedErrorId, StringComparison.Ordinal);
        Assert.StartsWith(said, error.ToString(), StringComparison.Ordinal);
        Assert.Empty(result.Warnings);
    }

    [Fact]
    public async Task Without_a_key_the_error_begins_with_what_costs_nothing_and_ends_with_the_vault()
    {
        using var environment = new EnvironmentScope();
        using var shell = new HostedShell();

        ErrorRecord error = (await shell.RunAsync("Get-KlingAccount")).Terminating.Is("KlingApiKeyMissing", ErrorCategory.AuthenticationError);

        int[] ways = [.. new[] { "Connect-KlingAccount -Sandbox", "Connect-KlingAccount -ApiKey", "or set KIE_API_KEY", "Install-PSResource" }.Select(way => error.ToString().IndexOf(way, StringComparison.Ordinal))];
        Assert.DoesNotContain(-1, ways);
        Assert.Equal(ways.Order(), ways);
        Assert.StartsWith("To try things out without a key, at no cost: Connect-KlingAccount -Sandbox.", error.ErrorDetails.RecommendedAction, StringComparison.Ordinal);

        string all = $"{error} {error.ErrorDetails.RecommendedAction}";
        Assert.All(
            (string[])["Connect-KlingAccount -ApiKey", "KIE_API_KEY_FILE to the path", "Set-KlingApiKey", "https://kie.ai/api-key"],
            way => Assert.Equal(all.IndexOf(way, StringComparison.Ordinal), all.LastIndexOf(way, StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("\"{0}\"", "has a quotation mark around it")]
    [InlineData("Bearer {0}", "begins with a part of an HTTP header")]
    [InlineData("KIE_API_KEY={0}", "begins with a name and an equals sign")]
    public async Task A_variable_with_more_than_the_key_in_it_is_told_and_not_sent(string form, string expected)
    {
        using var environment = new EnvironmentScope();
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        Environment.SetEnvironmentVariable("KIE_API_KEY", string.Format(CultureInfo.InvariantCulture, form, ConnectedShell.Key));

        ShellResult result = await shell.RunAsync("Disconnect-KlingAccount; Connect-KlingAccount -Endpoint $server.Endpoint", new { server = shell.Server });

        string message = result.Terminating.Is("KlingUnauthorized", ErrorCategory.AuthenticationError).ToString();
        Assert.StartsWith("The environment variable KIE_API_KEY does not hold a valid key. The API key " + expected, message, StringComparison.Ordinal);
        Assert.DoesNotContain(ConnectedShell.Key, message, StringComparison.Ordinal);
        Assert.Empty(shell.Bill.Requests);
    }

    [Fact]
    public async Task A_runspace_that_is_not_connected_spends_no_real_credits_while_another_one_tries_things_out_in_the_sandbox()
    {
        using var environment = new EnvironmentScope();
        Environment.SetEnvironmentVariable("KIE_API_KEY", ConnectedShell.Key);
        using var shell = new HostedShell();
        using var other = new HostedShell();
        (await shell.RunAsync("$null = Connect-KlingAccount -Sandbox")).Clean();

        ErrorRecord error = (await other.RunAsync("Get-KlingAccount")).Terminating.Is("KlingApiKeyMissing", ErrorCategory.AuthenticationError);
        Assert.StartsWith("This runspace is not connected, and another one of this process is connected to the sandbox. Nothing was sent", error.ToString(), StringComparison.Ordinal);
        Assert.StartsWith("Run the commands of this module in the runspace that is connected", error.ErrorDetails.RecommendedAction, StringComparison.Ordinal);

        // What is known without the service is known here as well; and an address of this machine costs nothing.
        (await other.RunAsync("Get-KlingVideoTask | Out-Null")).Clean();
        await using ConnectedShell served = await ConnectedShell.StartAsync();
        Environment.SetEnvironmentVariable("KLINGPS_ENDPOINT", served.Server.Endpoint.AbsoluteUri);
        Assert.Single((await other.RunAsync("Get-KlingAccount")).Clean().Of<KlingAccount>());
    }

    [Fact]
    public async Task A_variable_with_a_byte_order_mark_and_a_line_end_around_the_key_is_the_key()
    {
        using var environment = new EnvironmentScope();
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        Environment.SetEnvironmentVariable("KIE_API_KEY", $"\uFEFF{ConnectedShell.Key}\u200B\r\n");

        ShellResult result = await shell.RunAsync("Disconnect-KlingAccount; Connect-KlingAccount -Endpoint $server.Endpoint", new { server = shell.Server });

        Assert.Equal("environment variable KIE_API_KEY", Assert.Single(result.Clean().Of<KlingAccount>()).KeySource);
    }

    [Fact]
    public async Task The_key_is_taken_from_a_file_and_read_again_when_it_changes()
    {
        using var environment = new EnvironmentScope();
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string file = CreateKeyFile(shell, ConnectedShell.Key + "\n");
        Environment.SetEnvironmentVariable("KIE_API_KEY_FILE", file);
        Environment.SetEnvironmentVariable("KLINGPS_ENDPOINT", shell.Server.Endpoint.AbsoluteUri);

        Assert.Equal($"file {file} (KIE_API_KEY_FILE)", Assert.Single((await shell.RunAsync("Disconnect-KlingAccount; Get-KlingAccount")).Clean().Of<KlingAccount>()).KeySource);

        await File.WriteAllTextAsync(file, "another-key", TestContext.Current.CancellationToken);
        (await shell.RunAsync("Get-KlingAccount")).Terminating.Is("KlingUnauthorized", ErrorCategory.AuthenticationError);
    }

    [Fact]
    public async Task A_connected_account_says_that_its_key_file_has_changed_since()
    {
        using var environment = new EnvironmentScope();
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string file = CreateKeyFile(shell, ConnectedShell.Key);
        Environment.SetEnvironmentVariable("KIE_API_KEY_FILE", file);
        (await shell.RunAsync("Disconnect-KlingAccount; Connect-KlingAccount -Endpoint $server.Endpoint", new { server = shell.Server })).Clean();

        await File.WriteAllTextAsync(file, "another-key", TestContext.Current.CancellationToken);

        Assert.EndsWith("as it was at connecting; it has changed since", Assert.Single((await shell.RunAsync("Get-KlingAccount")).Clean().Of<KlingAccount>()).KeySource, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_a_key_and_a_key_file_the_key_is_used_and_that_is_said()
    {
        using var environment = new EnvironmentScope();
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string file = CreateKeyFile(shell, "another-key");
        Environment.SetEnvironmentVariable("KIE_API_KEY", ConnectedShell.Key);
        Environment.SetEnvironmentVariable("KIE_API_KEY_FILE", file);
        Environment.SetEnvironmentVariable("KLINGPS_ENDPOINT", shell.Server.Endpoint.AbsoluteUri);

        ShellResult result = await shell.RunAsync("Disconnect-KlingAccount; Get-KlingAccount; Get-KlingAccount");

        Assert.All(result.Of<KlingAccount>(), account => Assert.Equal("environment variable KIE_API_KEY", account.KeySource));
        Assert.Equal(
            $"KIE_API_KEY and KIE_API_KEY_FILE are both set: the key is taken from KIE_API_KEY, and the file '{file}' is not read. Set only one of them.",
            Assert.Single(result.Warnings));
    }

    [Fact]
    public async Task A_key_file_that_others_can_read_stops_what_buys_and_nothing_that_only_looks()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no modes.");
        using var environment = new EnvironmentScope();
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string file = CreateKeyFile(shell, ConnectedShell.Key);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
        }

        Environment.SetEnvironmentVariable("KIE_API_KEY_FILE", file);

        ErrorRecord error = (await shell.RunAsync("Disconnect-KlingAccount; $image | ConvertTo-KlingVideo -Prompt 'It moves.'", new { image = shell.Image() }))
            .Terminating.Is("KlingApiKeyMissing", ErrorCategory.AuthenticationError);
        Assert.Contains($"'{file}'", error.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(ConnectedShell.Key, error.ToString(), StringComparison.Ordinal);
        Assert.Empty(shell.Bill.Requests);

        (await shell.RunAsync("Get-KlingVideoTask")).Clean();
    }

    [Fact]
    public async Task What_sends_nothing_needs_no_key()
    {
        using var environment = new EnvironmentScope();
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        (await shell.RunAsync(
            """
            Disconnect-KlingAccount
            Test-KlingImage $image
            Measure-KlingVideoCost $image
            New-KlingVideoTask $image 'It moves.' -WhatIf
            Send-KlingImage $image -WhatIf
            Save-KlingVideo -TaskId some-task -WhatIf
            Disconnect-KlingAccount
            """,
            new { image = shell.Image() })).Clean();
        Assert.Empty(shell.Bill.Requests);
    }

    [Fact]
    public async Task What_changes_the_ledger_alone_needs_no_key()
    {
        using var environment = new EnvironmentScope();
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        shell.Fault(SandboxOperation.Create, SandboxFaultKind.LoseAnswerAfter);
        await shell.RunAsync("New-KlingVideoTask $image 'Lost.'", new { image = shell.Image("lost.png") });
        (await shell.RunAsync("$done = New-KlingVideoTask $other 'It moves.' | Wait-KlingVideoTask -PollingInterval 0.1; Disconnect-KlingAccount", new { other = shell.Image("other.png") })).Clean();
        int requests = shell.Bill.Requests.Count;

        ShellResult result = (await shell.RunAsync(
            """
            $VerbosePreference = 'Continue'
            $lost = Get-KlingVideoTask -State Unknown -Source $image
            $lost | Resolve-KlingVideoTask -Abandon
            Resolve-KlingVideoTask $done.TaskId -TakenElsewhere
            $lost, $done.TaskId | Remove-KlingVideoTask
            (Get-KlingVideoTask).Id.Where{ $_ -in $lost.Id, $done.Id }
            """)).Clean();

        Assert.Equal([KlingTaskState.Abandoned, KlingTaskState.Succeeded], result.Of<KlingVideoTask>().Select(task => task.TaskState));
        Assert.NotNull(result.Of<KlingVideoTask>()[1].TakenAt);
        Assert.Equal(requests, shell.Bill.Requests.Count);
        (await shell.RunAsync("Resolve-KlingVideoTask 1 -Resubmit")).Terminating.Is("KlingApiKeyMissing", ErrorCategory.AuthenticationError);
    }

    [Fact]
    public async Task Bad_input_is_told_even_without_a_key()
    {
        using var environment = new EnvironmentScope();
        using var shell = new HostedShell();

        ShellResult result = await shell.RunAsync("New-KlingVideoTask -ImageUri 'fox.png' -Prompt 'It moves.'");

        Assert.Single(result.Errors).Is("KlingRequestInvalid", ErrorCategory.InvalidArgument, "fox.png");
        Assert.Null(result.Terminating);
    }

    [Fact]
    public async Task Key_and_endpoint_are_taken_from_the_environment()
    {
        using var environment = new EnvironmentScope();
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        Environment.SetEnvironmentVariable("KIE_API_KEY", $" {ConnectedShell.Key}\n");
        Environment.SetEnvironmentVariable("KLINGPS_ENDPOINT", shell.Server.Endpoint.AbsoluteUri);

        ShellResult result = (await shell.RunAsync("Disconnect-KlingAccount; Get-KlingAccount; New-KlingVideoTask -ImageUri 'https://images.example/fox.png' -Prompt 'It moves.'; Get-KlingVideoTask")).Clean();

        var account = Assert.IsType<KlingAccount>(result.Output[0].BaseObject);
        Assert.Equal("environment variable KIE_API_KEY", account.KeySource);
        Assert.Equal((shell.Server.Endpoint, shell.Server.Endpoint), (account.Endpoint, account.UploadEndpoint));
        Assert.Equal(((KlingVideoTask)result.Output[1].BaseObject).TaskId, ((KlingVideoTask)result.Output[2].BaseObject).TaskId);
    }

    [Fact]
    public async Task Uploads_go_where_the_environment_says()
    {
        using var environment = new EnvironmentScope();
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        Environment.SetEnvironmentVariable("KIE_API_KEY", ConnectedShell.Key);
        Environment.SetEnvironmentVariable("KLINGPS_ENDPOINT", shell.Server.Endpoint.AbsoluteUri);
        Environment.SetEnvironmentVariable("KLINGPS_UPLOAD_ENDPOINT", shell.Server.UploadEndpoint.AbsoluteUri);

        (await shell.RunAsync("Disconnect-KlingAccount; Send-KlingImage $image", new { image = shell.Image() })).Clean();

        Assert.Equal(1, shell.Bill.Uploads);
    }

    [Fact]
    public async Task A_key_is_looked_for_in_the_parameter_then_the_session_then_the_secret_store_then_the_environment()
    {
        using var environment = new EnvironmentScope();
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        Environment.SetEnvironmentVariable("KIE_API_KEY", "a-key-that-is-not-used");
        Environment.SetEnvironmentVariable("KLINGPS_ENDPOINT", shell.Server.Endpoint.AbsoluteUri);

        TestVaults vaults = await TestVaults.InstallAsync(shell.Shell);
        ShellResult result = (await shell.RunAsync(
            """
            (Get-KlingAccount).KeySource
            (Connect-KlingAccount -SkipVerification).KeySource
            Disconnect-KlingAccount
            $vaults['Store'] = @{ KlingApiKey = $key }
            (Get-KlingAccount).KeySource
            (Connect-KlingAccount).KeySource
            (Connect-KlingAccount -ApiKey $key).KeySource
            """,
            new { key = ConnectedShell.Secure(ConnectedShell.Key), vaults = vaults.Content })).Clean();

        Assert.Equal(
            ["parameter -ApiKey", "environment variable KIE_API_KEY", "secret KlingApiKey", "secret KlingApiKey", "parameter -ApiKey"],
            result.Of<string>());
        Assert.Empty(result.Warnings);
    }

    [Fact]
    public async Task A_key_that_was_never_set_is_not_replaced_by_that_of_the_environment()
    {
        using var environment = new EnvironmentScope();
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        Environment.SetEnvironmentVariable("KIE_API_KEY", ConnectedShell.Key);
        Environment.SetEnvironmentVariable("KLINGPS_ENDPOINT", shell.Server.Endpoint.AbsoluteUri);

        foreach (string command in (string[])["Connect-KlingAccount -ApiKey $null", "Connect-KlingAccount $null", "[pscustomobject]@{ ApiKey = $null } | Connect-KlingAccount"])
        {
            ShellResult result = await shell.RunAsync(command);

            Assert.Equal("The API key is empty.", result.Terminating.Is("KlingApiKeyMissing", ErrorCategory.AuthenticationError).Exception.Message);
            Assert.Empty(shell.Bill.Requests);
        }
    }

    [Theory]
    [InlineData("not an address")]
    [InlineData("http://api.example.com")]
    public async Task An_endpoint_of_the_environment_that_cannot_be_used_is_refused(string endpoint)
    {
        using var environment = new EnvironmentScope();
        Environment.SetEnvironmentVariable("KIE_API_KEY", ConnectedShell.Key);
        Environment.SetEnvironmentVariable("KLINGPS_ENDPOINT", endpoint);
        using var shell = new HostedShell();

        (await shell.RunAsync("Get-KlingAccount")).Terminating.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument);
    }

    [Fact]
    public async Task Removing_the_module_forgets_the_key_and_stops_the_sandbox()
    {
        using var environment = new EnvironmentScope();
        using var shell = new HostedShell();

        ShellResult result = await shell.RunAsync(
            """
            $null = Connect-KlingAccount -Sandbox
            $sandbox = Get-KlingSandbox
            Remove-Module KlingPS
            $sandbox.IsRunning
            Import-Module $module
            Get-KlingAccount
            """,
            new { module = Path.Combine(AppContext.BaseDirectory, "KlingPS.dll") });

        Assert.Equal([false], result.Of<bool>());
        result.Terminating.Is("KlingApiKeyMissing", ErrorCategory.AuthenticationError);
    }

    private static string CreateKeyFile(ConnectedShell shell, string content)
    {
        string file = Path.Combine(shell.Folder, "kie.key");
        File.WriteAllText(file, content);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        return file;
    }

    [Theory]
    [InlineData("KLINGPS_CONFIG", "KlingRequestInvalid")]
    [InlineData("KLINGPS_LEDGER", "KlingLedgerUnusable")]
    [InlineData("KLINGPS_ENDPOINT", "KlingRequestInvalid")]
    [InlineData("KLINGPS_UPLOAD_ENDPOINT", "KlingRequestInvalid")]
    [InlineData("KIE_API_KEY", "KlingApiKeyMissing")]
    [InlineData("KIE_API_KEY_FILE", "KlingApiKeyMissing")]
    public async Task A_variable_with_nothing_but_blanks_is_refused_and_an_empty_one_is_none(string variable, string id)
    {
        using var environment = new EnvironmentScope();
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        Environment.SetEnvironmentVariable("KIE_API_KEY", ConnectedShell.Key);
        Environment.SetEnvironmentVariable("KLINGPS_ENDPOINT", shell.Server.Endpoint.ToString());
        Environment.SetEnvironmentVariable("KLINGPS_UPLOAD_ENDPOINT", shell.Server.UploadEndpoint.ToString());
        Environment.SetEnvironmentVariable(variable, " \t\u00A0");
        string run = "Disconnect-KlingAccount; New-KlingVideoTask $image -Prompt p";

        ShellResult blank = await shell.RunAsync(run, new { image = shell.Image() });

        Assert.Contains($"The environment variable {variable} holds nothing but blanks.", blank.Terminating?.ToString(), StringComparison.Ordinal);
        Assert.StartsWith(id + ",", blank.Terminating?.FullyQualifiedErrorId, StringComparison.Ordinal);
        Assert.Equal(0, shell.Bill.CreatesReceived);

        Environment.SetEnvironmentVariable(variable, string.Empty);
        if (variable is "KLINGPS_CONFIG" or "KIE_API_KEY_FILE")
        {
            (await shell.RunAsync(run)).Clean();
        }
    }
}
