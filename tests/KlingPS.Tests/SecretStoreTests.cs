using System.Collections;
using System.Management.Automation;
using System.Security;
using KlingPS.Core.Sessions;
using KlingPS.Hosting;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

[Collection(UsesEnvironment.Name)]
public sealed class SecretStoreTests
{
    private const string Key = ConnectedShell.Key;

    private static readonly PSCredential s_credential = new("anybody", ConnectedShell.Secure(Key));

    public static TheoryData<object> Secrets => [Key, ConnectedShell.Secure(Key), s_credential, $" {Key}\r\n"];

    [Theory]
    [MemberData(nameof(Secrets), DisableDiscoveryEnumeration = true)]
    public async Task A_secret_may_be_a_text_a_secure_string_or_a_credential(object secret)
    {
        using var environment = new EnvironmentScope();
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        TestVaults vaults = await TestVaults.InstallAsync(shell.Shell);
        vaults.Content["Empty"] = new Hashtable();
        vaults.Content["Mine"] = new Hashtable { ["kling"] = secret, ["KlingApiKey"] = secret };

        ShellResult result = (await shell.RunAsync(
            """
            Connect-KlingAccount -SecretName kling -Vault Mine -Endpoint $server.Endpoint
            Connect-KlingAccount -SecretName kling -Endpoint $server.Endpoint
            Connect-KlingAccount -Vault Mine -Endpoint $server.Endpoint
            Connect-KlingAccount -Endpoint $server.Endpoint
            """,
            new { server = shell.Server })).Clean();

        Assert.Equal(
            ["secret kling in vault Mine", "secret kling", "secret KlingApiKey in vault Mine", "secret KlingApiKey"],
            result.Of<KlingAccount>().Select(account => account.KeySource));
    }

    [Theory]
    [InlineData("Resolve-KlingVideoTask 987654321 -Abandon")]
    [InlineData("Remove-KlingVideoTask -Id 987654321")]
    public async Task The_first_command_of_a_shell_finds_the_key_whichever_it_is(string command)
    {
        using var environment = new EnvironmentScope();
        using var shell = new HostedShell();
        TestVaults vaults = await TestVaults.InstallAsync(shell);
        vaults.Content["Mine"] = new Hashtable { ["KlingApiKey"] = Key };

        ShellResult result = await shell.RunAsync(command);

        Assert.Single(result.Errors).Is("KlingTaskNotFound", ErrorCategory.ObjectNotFound);
    }

    public static TheoryData<string, string, string[]> Problems => new()
    {
        { "nothing", "-SecretName kling", ["No vault is registered", "Register-SecretVault"] },
        { "nothing", "-Vault Mine", ["No vault 'Mine' is registered", "Get-SecretVault"] },
        { "Open", "-SecretName kling", ["No registered vault has a secret 'kling'", "Set-KlingApiKey -SecretName 'kling'"] },
        { "Open", "-SecretName kling -Vault Mine", ["The vault 'Mine' has no secret 'kling'", "Set-KlingApiKey -SecretName 'kling' -Vault 'Mine'"] },
        { "Open", "-Vault Other", ["No vault 'Other' is registered"] },
        { "Locked", "-Vault Mine", ["The vault 'Mine' is locked", "Unlock-SecretVault -Name 'Mine'"] },
        { "Locked", "-SecretName kling", ["The vault 'Mine' is locked", "Unlock-SecretVault -Name 'Mine'"] },
        { "Asks", "-Vault Mine", ["The vault 'Mine' needs a password", "not interactive", "Unlock-SecretVault -Name 'Mine'", "Set-SecretStoreConfiguration -Authentication None"] },
        { "Broken", "-Vault Mine", ["on fire", "Test-SecretVault"] },
    };

    [Theory]
    [MemberData(nameof(Problems))]
    public async Task What_a_secret_store_cannot_do_is_told_with_the_command_that_helps(string state, string arguments, string[] texts)
    {
        using var environment = new EnvironmentScope();
        using var shell = new HostedShell();
        TestVaults vaults = await TestVaults.InstallAsync(shell);
        if (state != "nothing")
        {
            vaults.Content["Mine"] = state == "Open" ? new Hashtable() : state;
        }

        ShellResult result = await shell.RunAsync($"$Error.Clear(); Connect-KlingAccount {arguments} -SkipVerification");

        ErrorRecord error = result.Terminating.Is("KlingApiKeyMissing", ErrorCategory.AuthenticationError);
        Assert.All(texts, text => Assert.Contains(text, error.ToString(), StringComparison.Ordinal));
        Assert.Empty(result.Errors);
        Assert.Empty(result.Warnings);
        Assert.Single((await shell.RunAsync("$Error")).Output);
    }

    [Theory]
    [InlineData("Microsoft.PowerShell.SecretManagement", true)]
    [InlineData("microsoft.powershell.secretmanagement", true)]
    [InlineData("Microsoft.PowerShell.SecretStore", false)]
    public void SecretManagement_is_found_where_PowerShell_finds_it_however_its_folder_is_spelled(string folder, bool expected)
    {
        DirectoryInfo modules = Directory.CreateTempSubdirectory("klingps-modules-");
        try
        {
            modules.CreateSubdirectory(folder).CreateSubdirectory("1.1.2");
            string missing = Path.Combine(modules.FullName, "missing");

            Assert.Equal(expected, CommandRunner.CanBeInstalled("Microsoft.PowerShell.SecretManagement", string.Join(Path.PathSeparator, missing, modules.FullName + " ", string.Empty)));
        }
        finally
        {
            modules.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Without_SecretManagement_the_error_says_how_to_get_it()
    {
        using var environment = new EnvironmentScope();
        using var shell = new HostedShell();

        // A command of somebody else that is called the same is not asked.
        ShellResult connect = await shell.RunAsync("function Get-Secret { throw 'not this one' }; Connect-KlingAccount -SecretName kling");
        ShellResult store = await shell.RunAsync("function Set-Secret { throw 'not this one' }; Set-KlingApiKey $key -SkipVerification", new { key = ConnectedShell.Secure(Key) });

        Assert.Contains("Microsoft.PowerShell.SecretManagement is not installed", connect.Terminating.Is("KlingApiKeyMissing", ErrorCategory.AuthenticationError).ToString(), StringComparison.Ordinal);
        Assert.Contains("Install-PSResource", connect.Terminating!.ToString(), StringComparison.Ordinal);
        Assert.Contains("Microsoft.PowerShell.SecretManagement is not installed", store.Terminating.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument).ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Open", "has a secret 'KlingApiKey'")]
    [InlineData("Locked", "is locked")]
    [InlineData("Asks", "needs a password")]
    public async Task The_environment_is_the_fallback_and_where_it_is_empty_the_error_tells_about_the_store(string state, string text)
    {
        using var environment = new EnvironmentScope();
        using var shell = new HostedShell();
        TestVaults vaults = await TestVaults.InstallAsync(shell);
        vaults.Content["Mine"] = state == "Open" ? new Hashtable() : state;

        ShellResult without = await shell.RunAsync("Get-KlingAccount");
        Environment.SetEnvironmentVariable("KIE_API_KEY", Key);
        ShellResult with = (await shell.RunAsync("$Error.Clear(); (Connect-KlingAccount -SkipVerification -Verbose).KeySource; $Error.Count")).Clean();

        Assert.Contains(text, without.Terminating.Is("KlingApiKeyMissing", ErrorCategory.AuthenticationError).ToString(), StringComparison.Ordinal);
        Assert.Equal(["environment variable KIE_API_KEY", 0], with.Output.Select(item => item.BaseObject));
        Assert.Contains(with.Verbose, line => line.Contains(text, StringComparison.Ordinal));
        Assert.Empty(with.Warnings);
    }

    [Theory]
    [InlineData("")]
    [InlineData("two words")]
    [InlineData(42)]
    public async Task A_secret_that_is_no_key_is_an_error_that_names_it_and_no_other_key_is_taken(object secret)
    {
        using var environment = new EnvironmentScope();
        Environment.SetEnvironmentVariable("KIE_API_KEY", Key);
        using var shell = new HostedShell();
        (await TestVaults.InstallAsync(shell)).Content["Mine"] = new Hashtable { ["KlingApiKey"] = secret };

        ShellResult result = await shell.RunAsync("Get-KlingAccount");

        Assert.Contains("the secret 'KlingApiKey'", result.Terminating!.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("two words", result.Terminating.Exception.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_key_is_looked_for_once_in_a_session_and_again_when_it_was_stored_or_its_source_has_changed()
    {
        using var environment = new EnvironmentScope();
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        TestVaults vaults = await TestVaults.InstallAsync(shell.Shell);
        vaults.Content["Mine"] = new Hashtable { ["KlingApiKey"] = Key };
        Environment.SetEnvironmentVariable("KLINGPS_ENDPOINT", shell.Server.Endpoint.AbsoluteUri);

        ShellResult result = (await shell.RunAsync(
            """
            Disconnect-KlingAccount
            (Get-KlingAccount).KeySource
            $vaults.Remove('Mine')
            (Get-KlingAccount).KeySource
            [Environment]::SetEnvironmentVariable('KIE_API_KEY', $text)
            (Get-KlingAccount).KeySource
            $vaults['Mine'] = @{}
            Set-KlingApiKey $key
            (Get-KlingAccount).KeySource
            """,
            new { vaults = vaults.Content, text = Key, key = ConnectedShell.Secure(Key) })).Clean();

        Assert.Equal(["secret KlingApiKey", "secret KlingApiKey", "environment variable KIE_API_KEY", "secret KlingApiKey"], result.Of<string>());
    }

    [Fact]
    public async Task Where_the_key_came_from_stays_true_when_the_source_changes_later()
    {
        using var environment = new EnvironmentScope();
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        TestVaults vaults = await TestVaults.InstallAsync(shell.Shell);
        vaults.Content["Mine"] = new Hashtable { ["KlingApiKey"] = Key };
        Environment.SetEnvironmentVariable("KIE_API_KEY", Key);
        Environment.SetEnvironmentVariable("KLINGPS_ENDPOINT", shell.Server.Endpoint.AbsoluteUri);

        ShellResult result = await shell.RunAsync(
            """
            $null = Connect-KlingAccount -SecretName KlingApiKey
            Set-KlingApiKey $key
            (Get-KlingAccount).KeySource
            Set-KlingApiKey $other -SkipVerification
            (Get-KlingAccount).KeySource
            $vaults['Mine'] = @{}
            $null = Connect-KlingAccount
            (Get-KlingAccount).KeySource
            [Environment]::SetEnvironmentVariable('KIE_API_KEY', 'another-key')
            (Get-KlingAccount).KeySource
            [Environment]::SetEnvironmentVariable('KIE_API_KEY', $null)
            (Get-KlingAccount).KeySource
            """,
            new { vaults = vaults.Content, key = ConnectedShell.Secure(Key), other = ConnectedShell.Secure("another-key") });

        const string Changed = " as it was at connecting; it has changed since";
        Assert.Equal(
            ["secret KlingApiKey", "secret KlingApiKey" + Changed, "environment variable KIE_API_KEY", "environment variable KIE_API_KEY" + Changed, "environment variable KIE_API_KEY" + Changed],
            result.Clean().Of<string>());
        Assert.Contains("stays connected with another one", Assert.Single(result.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_is_stored_where_the_parameters_or_the_configuration_say_after_it_was_checked()
    {
        using var environment = new EnvironmentScope();
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        TestVaults vaults = await TestVaults.InstallAsync(shell.Shell);
        var mine = new Hashtable();
        var other = new Hashtable();
        vaults.Content["Mine"] = mine;
        vaults.Content["Other"] = other;
        Environment.SetEnvironmentVariable("KLINGPS_ENDPOINT", shell.Server.Endpoint.AbsoluteUri);
        Environment.SetEnvironmentVariable("KLINGPS_CONFIG", Path.Combine(shell.Folder, "config.json"));
        var keys = new { key = ConnectedShell.Secure($" {Key} "), bad = ConnectedShell.Secure("a-key-nobody-knows") };

        (await shell.RunAsync("Set-KlingApiKey $key -Vault Mine -WhatIf", keys)).Clean();
        ShellResult refused = await shell.RunAsync("Set-KlingApiKey $bad -Vault Mine", keys);
        Assert.Empty(mine);
        (await shell.RunAsync("Set-KlingApiKey $key -Vault Mine; Set-KlingApiKey $bad -Vault Mine -SecretName second -SkipVerification", keys)).Clean();
        (await shell.RunAsync("$null = Set-KlingConfiguration -SecretName third -Vault Other; Set-KlingApiKey $key", keys)).Clean();

        refused.Terminating.Is("KlingUnauthorized", ErrorCategory.AuthenticationError);
        Assert.Equal(["KlingApiKey", "second"], mine.Keys.Cast<string>().Order());
        Assert.Equal(["third"], other.Keys.Cast<string>());
        Assert.Equal(Key, new System.Net.NetworkCredential(string.Empty, Assert.IsType<SecureString>(other["third"])).Password);
        Assert.Equal("secret third in vault Other", Assert.Single((await shell.RunAsync("(Connect-KlingAccount).KeySource")).Clean().Of<string>()));
    }

    [Theory]
    [InlineData("Locked", "", "is locked")]
    [InlineData("Asks", "", "needs a password")]
    [InlineData("Broken", "", "on fire")]
    [InlineData("Locked", "-Vault Other", "No vault 'Other' is registered")]
    public async Task A_key_that_the_vault_does_not_take_is_not_stored_and_the_error_says_why(string state, string arguments, string text)
    {
        using var environment = new EnvironmentScope();
        using var shell = new HostedShell();
        (await TestVaults.InstallAsync(shell)).Content["Mine"] = state;

        ShellResult result = await shell.RunAsync($"Set-KlingApiKey $key -SkipVerification {arguments}", new { key = ConnectedShell.Secure(Key) });

        Assert.Contains(text, result.Terminating.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_is_asked_for_hidden_where_somebody_can_answer_and_is_an_error_elsewhere()
    {
        using var environment = new EnvironmentScope();
        var host = new AskingHost(Key);
        using var interactive = new HostedShell(host);
        using var silent = new HostedShell();
        var mine = new Hashtable();
        (await TestVaults.InstallAsync(interactive)).Content["Mine"] = mine;
        (await TestVaults.InstallAsync(silent)).Content["Mine"] = new Hashtable();

        (await interactive.RunAsync("Set-KlingApiKey -SkipVerification")).Clean();
        ShellResult result = await silent.RunAsync("Set-KlingApiKey -SkipVerification");

        Assert.Single(mine);
        Assert.Equal((1, "API key: "), (host.Questions, host.Written));
        Assert.Contains("Set-KlingApiKey -ApiKey $key", result.Terminating.Is("KlingApiKeyMissing", ErrorCategory.AuthenticationError).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_vault_may_ask_for_its_password_where_somebody_can_answer()
    {
        using var environment = new EnvironmentScope();
        var host = new AskingHost("a wrong password");
        using var shell = new HostedShell(host);
        (await TestVaults.InstallAsync(shell)).Content["Mine"] = "Asks";

        ShellResult result = await shell.RunAsync("Get-KlingAccount");

        Assert.Equal(1, host.Questions);
        Assert.Contains("is locked", result.Terminating!.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_configured_secret_that_is_not_used_is_told()
    {
        using var environment = new EnvironmentScope();
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await TestVaults.InstallAsync(shell.Shell)).Content["Mine"] = new Hashtable();
        Environment.SetEnvironmentVariable("KIE_API_KEY", Key);
        Environment.SetEnvironmentVariable("KLINGPS_CONFIG", Path.Combine(shell.Folder, "config.json"));

        ShellResult result = (await shell.RunAsync("$null = Set-KlingConfiguration -SecretName night; Connect-KlingAccount -SkipVerification")).Clean();

        Assert.Contains("'night'", Assert.Single(result.Warnings, text => text.Contains("KIE_API_KEY", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("pwsh", false)]
    [InlineData("pwsh -NoProfile -File job.ps1 -NonInteractive", false)]
    [InlineData("pwsh -nop -c Get-KlingAccount -noninteractive", false)]
    [InlineData("pwsh -NonInteractive -File job.ps1", true)]
    [InlineData("pwsh -NoProfile -noni -Command x", true)]
    [InlineData("pwsh --noninteractive", true)]
    [InlineData("pwsh /NonI", true)]
    [InlineData("pwsh -ExecutionPolicy Bypass -NonInteractive -File job.ps1", true)]
    public void A_shell_that_was_told_not_to_ask_is_known_by_its_arguments(string line, bool expected)
        => Assert.Equal(expected, HostInteraction.SaysNonInteractive(line.Split(' ')));

    [Theory]
    [InlineData("pwsh -s -NoLogo -NoProfile", true)]
    [InlineData("pwsh -NoLogo -ServerMode", true)]
    [InlineData("pwsh -sshs -NoLogo", false)]
    [InlineData("pwsh -SettingsFile x.json", false)]
    [InlineData("pwsh -File job.ps1 -s", false)]
    public void A_job_in_the_background_that_nobody_can_answer_is_known_by_its_arguments(string line, bool expected)
        => Assert.Equal(expected, HostInteraction.SaysJob(line.Split(' ')));
}
