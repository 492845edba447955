using System.Management.Automation;
using KlingPS.Core.Setup;
using KlingPS.Sandbox;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

[Collection(UsesEnvironment.Name)]
public sealed class SetupTests
{
    private static readonly string[] s_names =
    [
        "Shell", "Module", "Configuration", "Vault", "Key", "Ledger", "LedgerPlace", "Attempts", "Proxy", "Service", "UploadHost", "Clock", "Account", "Destination", "Callback",
    ];

    [Fact]
    public async Task Everything_is_checked_once_and_nothing_is_spent_or_left_behind()
    {
        using var environment = new EnvironmentScope();
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        Use(shell);

        ShellResult result = await shell.RunAsync("Disconnect-KlingAccount; Test-KlingSetup -Destination $destination -Strict", new { destination = shell.Destination });

        KlingSetupCheck[] checks = result.Of<KlingSetupCheck>();
        Assert.Null(result.Terminating);
        Assert.Equal(s_names, checks.Select(check => check.Name));
        Assert.All(checks, check => Assert.Equal(check.Status is "Warning" or "Failed", check.Advice is not null));
        Assert.All((string[])["Shell", "Module", "Configuration", "Key", "Ledger", "Proxy", "Service", "UploadHost", "Clock", "Account"], name => Assert.Equal("Ok", Status(checks, name)));
        Assert.Contains("environment variable KIE_API_KEY", Message(checks, "Key"), StringComparison.Ordinal);
        Assert.Contains("the account has 10000 credits left", Message(checks, "Account"), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(shell.Folder));
        Assert.Equal((0, 0m), (shell.Bill.CreatesReceived, shell.Bill.CreditsSpent + shell.Bill.CreditsHeld));
        Assert.DoesNotContain(ConnectedShell.Key, string.Join(' ', checks.Select(check => check.ToString())), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_key_that_fails_and_the_other_checks_go_on()
    {
        using var environment = new EnvironmentScope();
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        Use(shell);
        Environment.SetEnvironmentVariable("KIE_API_KEY", null);

        ShellResult result = await shell.RunAsync("Disconnect-KlingAccount; Test-KlingSetup -Strict");

        ErrorRecord error = result.Terminating.Is("KlingSetupUnusable", ErrorCategory.ResourceUnavailable);
        Assert.StartsWith("1 check of the setup failed: Key.", error.ToString(), StringComparison.Ordinal);
        KlingSetupCheck[] checks = result.Of<KlingSetupCheck>();
        Assert.Equal(("Failed", "Ok", "Skipped"), (Status(checks, "Key"), Status(checks, "Service"), Status(checks, "Account")));
    }

    [Fact]
    public async Task A_key_that_only_this_session_has_is_warned_of()
    {
        using var environment = new EnvironmentScope();
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        KlingSetupCheck[] checks = (await shell.RunAsync("Test-KlingSetup")).Clean().Of<KlingSetupCheck>();

        Assert.Equal(("Warning", "Ok"), (Status(checks, "Key"), Status(checks, "Account")));
        Assert.Contains("but a new one would find none", Message(checks, "Key"), StringComparison.Ordinal);
        Assert.DoesNotContain("not connected", Message(checks, "Key"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_that_the_service_refuses_and_an_empty_account_fail()
    {
        using var environment = new EnvironmentScope();
        await using ConnectedShell shell = await ConnectedShell.StartAsync(credits: 0);
        Use(shell);

        Assert.Equal("Failed", Status((await shell.RunAsync("Disconnect-KlingAccount; Test-KlingSetup")).Of<KlingSetupCheck>(), "Account"));

        Environment.SetEnvironmentVariable("KIE_API_KEY", "no-such-key");
        KlingSetupCheck refused = (await shell.RunAsync("Test-KlingSetup")).Of<KlingSetupCheck>().Single(check => check.Name == "Account");
        Assert.Equal("Failed", refused.Status);
        Assert.Contains("https://kie.ai/api-key", refused.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Offline_nothing_is_sent()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        KlingSetupCheck[] checks = (await shell.RunAsync("Test-KlingSetup -Offline -CallbackUri https://hooks.example.com/")).Clean().Of<KlingSetupCheck>();

        Assert.Equal(s_names, checks.Select(check => check.Name));
        Assert.All((string[])["Proxy", "Service", "UploadHost", "Clock", "Account", "Callback"], name => Assert.Equal("Skipped", Status(checks, name)));
        Assert.Empty(shell.Bill.Requests);
    }

    [Fact]
    public async Task A_configuration_that_cannot_be_used_is_the_result_of_its_check()
    {
        using var environment = new EnvironmentScope();
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        Environment.SetEnvironmentVariable("KLINGPS_CONFIG", shell.WriteFile("config.json", "{ \"DailyCreditCap\": \"much\" }"u8.ToArray()));

        ShellResult result = await shell.RunAsync("Disconnect-KlingAccount; Test-KlingSetup");

        Assert.Empty(result.Errors);
        Assert.Null(result.Terminating);
        KlingSetupCheck[] checks = result.Of<KlingSetupCheck>();
        Assert.Equal(s_names, checks.Select(check => check.Name));
        Assert.Equal(("Failed", "Skipped", "Skipped"), (Status(checks, "Configuration"), Status(checks, "Ledger"), Status(checks, "Service")));
        Assert.Contains("config.json", Message(checks, "Configuration"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("-LogPath $folder/notes.txt", "is not a log of KlingPS")]
    [InlineData("-LogPath $folder/image.png", "is an image")]
    [InlineData("-ReportPath $folder/notes.txt", "is not a report")]
    [InlineData("-ReportPath $folder/ledger.db", "is the place of the ledger")]
    [InlineData("-ReportPath $folder", "is not a report")]
    public async Task A_place_for_the_log_or_the_report_that_would_end_every_run_is_found_before_it(string setting, string expected)
    {
        using var environment = new EnvironmentScope();
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        Environment.SetEnvironmentVariable("KLINGPS_CONFIG", Path.Combine(shell.Folder, "config.json"));
        Environment.SetEnvironmentVariable("KLINGPS_LEDGER", Path.Combine(shell.Folder, "ledger.db"));
        shell.WriteFile("notes.txt", "my notes"u8.ToArray());
        shell.Image("image.png");

        ShellResult result = await shell.RunAsync($"Disconnect-KlingAccount; $null = Set-KlingConfiguration {setting}; Test-KlingSetup -Offline", new { folder = shell.Folder });
        Assert.Null(result.Terminating);

        KlingSetupCheck[] checks = result.Of<KlingSetupCheck>();
        Assert.Equal("Failed", Status(checks, "Configuration"));
        Assert.Contains(expected, Message(checks, "Configuration"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("notes.txt", "it is a file of another kind")]
    [InlineData("none/ledger.db", "the first purchase creates one")]
    public async Task A_ledger_is_looked_at_and_none_is_begun(string name, string expected)
    {
        using var environment = new EnvironmentScope();
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string notes = shell.WriteFile("notes.txt", "my notes"u8.ToArray());
        Environment.SetEnvironmentVariable("KLINGPS_LEDGER", Path.Combine(shell.Folder, name));

        KlingSetupCheck[] checks = (await shell.RunAsync("Disconnect-KlingAccount; Test-KlingSetup -Offline")).Of<KlingSetupCheck>();

        Assert.Equal(s_names, checks.Select(check => check.Name));
        Assert.Contains(expected, Message(checks, "Ledger"), StringComparison.Ordinal);
        Assert.Equal([notes], Directory.GetFileSystemEntries(shell.Folder));
        Assert.Equal("my notes", await File.ReadAllTextAsync(notes, TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("a`0b", "NUL")]
    [InlineData("Env:/videos", "Environment provider")]
    [InlineData("nowhere:/videos", "nowhere")]
    public async Task A_destination_that_is_no_path_fails_its_check_and_the_others_are_made(string destination, string said)
    {
        using var environment = new EnvironmentScope();
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync($"Test-KlingSetup -Offline -Destination \"{destination}\"");

        Assert.Null(result.Terminating);
        KlingSetupCheck[] checks = result.Of<KlingSetupCheck>();
        Assert.Equal(s_names, checks.Select(check => check.Name));
        Assert.Equal("Failed", Status(checks, "Destination"));
        Assert.Contains(said, Message(checks, "Destination"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Requests_whose_response_was_lost_are_told()
    {
        using var environment = new EnvironmentScope();
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        Environment.SetEnvironmentVariable("KLINGPS_LEDGER", Path.Combine(shell.Folder, "own.db"));
        await shell.ConnectAsync();
        shell.Fault(SandboxOperation.Create, SandboxFaultKind.LoseAnswerBefore);
        await shell.RunAsync("New-KlingVideoTask $image 'It moves.' -ErrorAction SilentlyContinue", new { image = shell.Image() });

        KlingSetupCheck[] checks = (await shell.RunAsync("Test-KlingSetup -Offline; Disconnect-KlingAccount")).Of<KlingSetupCheck>();

        Assert.Equal("Warning", Status(checks, "Attempts"));
        Assert.StartsWith("It is not known whether 1 request was accepted", Message(checks, "Attempts"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Requests_of_another_account_whose_response_was_lost_are_not_told()
    {
        const string Other = "key-of-another-account";
        using var environment = new EnvironmentScope();
        await using ConnectedShell shell = await ConnectedShell.StartAsync(otherAccounts: [Other]);
        Environment.SetEnvironmentVariable("KLINGPS_LEDGER", Path.Combine(shell.Folder, "own.db"));
        await shell.ConnectAsync();
        shell.Fault(SandboxOperation.Create, SandboxFaultKind.LoseAnswerBefore);
        await shell.RunAsync("New-KlingVideoTask $image 'It moves.' -ErrorAction SilentlyContinue", new { image = shell.Image() });
        await shell.ConnectAsync(Other);

        Assert.Empty((await shell.RunAsync("Get-KlingVideoTask -State Unknown")).Clean().Output);

        KlingSetupCheck[] checks = (await shell.RunAsync("Test-KlingSetup -Offline; Disconnect-KlingAccount")).Of<KlingSetupCheck>();

        Assert.Equal("Ok", Status(checks, "Attempts"));
    }

    [Theory]
    [InlineData(null, "Failed")]
    [InlineData("a-key", "Warning")]
    public async Task A_vault_that_would_ask_for_its_password_is_told_and_nobody_is_asked(string? variable, string status)
    {
        using var environment = new EnvironmentScope();
        Environment.SetEnvironmentVariable("KIE_API_KEY", variable);
        var host = new AskingHost("the password");
        using var shell = new HostedShell(host);
        (await TestVaults.InstallAsync(shell)).Content["Mine"] = "Asks";

        KlingSetupCheck check = (await shell.RunAsync("Test-KlingSetup -Offline")).Of<KlingSetupCheck>().Single(check => check.Name == "Vault");

        Assert.Equal(status, check.Status);
        Assert.StartsWith("A vault would ask for its password", check.Message, StringComparison.Ordinal);
        Assert.Contains("Unlock-SecretVault", check.Advice, StringComparison.Ordinal);
        Assert.Equal(0, host.Questions);
    }

    private static void Use(ConnectedShell shell)
    {
        Environment.SetEnvironmentVariable("KIE_API_KEY", ConnectedShell.Key);
        Environment.SetEnvironmentVariable("KLINGPS_ENDPOINT", shell.Server.Endpoint.AbsoluteUri);
        Environment.SetEnvironmentVariable("KLINGPS_UPLOAD_ENDPOINT", shell.Server.UploadEndpoint.AbsoluteUri);
    }

    private static string Status(IEnumerable<KlingSetupCheck> checks, string name) => checks.Single(check => check.Name == name).Status;

    private static string Message(IEnumerable<KlingSetupCheck> checks, string name) => checks.Single(check => check.Name == name).Message;
}
