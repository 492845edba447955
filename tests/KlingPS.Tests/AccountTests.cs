using System.Management.Automation;
using KlingPS.Core.Sessions;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

public sealed class AccountTests
{
    [Fact]
    public async Task The_account_tells_where_it_is_where_its_key_came_from_and_the_credits()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync(credits: 123.5m);

        KlingAccount account = Assert.Single((await shell.RunAsync("Get-KlingAccount")).Clean().Of<KlingAccount>());

        Assert.Equal(shell.Server.Endpoint, account.Endpoint);
        Assert.Equal(shell.Server.UploadEndpoint, account.UploadEndpoint);
        Assert.Equal("parameter -ApiKey", account.KeySource);
        Assert.Equal(123.5m, account.Credits);
        Assert.False(account.IsSandbox);
    }

    [Fact]
    public async Task Connecting_asks_whether_the_key_is_good_unless_told_not_to()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        Assert.Empty(shell.Bill.Requests);

        ShellResult result = (await shell.RunAsync(
            "Connect-KlingAccount $key -Endpoint $server.Endpoint",
            new { key = ConnectedShell.Secure(ConnectedShell.Key), server = shell.Server })).Clean();

        Assert.Equal(10_000m, Assert.Single(result.Of<KlingAccount>()).Credits);
        Assert.Single(shell.Bill.Requests);
    }

    [Theory]
    [InlineData("Connect-KlingAccount abc-123")]
    [InlineData("Connect-KlingAccount -ApiKey abc-123")]
    [InlineData("[pscustomobject]@{ ApiKey = 'abc-123' } | Connect-KlingAccount")]
    [InlineData("Set-KlingApiKey abc-123")]
    [InlineData("Start-KlingSandbox -AdditionalApiKey abc-123, $key")]
    [InlineData("Test-KlingCallback '{}' -HmacKey abc-123")]
    public async Task A_key_that_is_given_as_text_is_not_repeated_and_the_error_says_how_to_give_it(string command)
    {
        using var shell = new HostedShell();

        ShellResult result = await shell.RunAsync(command, new { key = ConnectedShell.Secure(ConnectedShell.Key) });

        ErrorRecord error = Assert.Single([.. result.Errors, .. result.Terminating is null ? (ErrorRecord[])[] : [result.Terminating]]);
        Assert.StartsWith("ParameterArgumentTransformationError,", error.FullyQualifiedErrorId, StringComparison.Ordinal);
        Assert.Contains("(Read-Host -AsSecureString)", error.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("abc-123", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_connection_that_fails_leaves_the_earlier_one_as_it_was()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult failed = await shell.RunAsync(
            "Connect-KlingAccount -ApiKey $key -Endpoint $server.Endpoint",
            new { key = ConnectedShell.Secure("another-key"), server = shell.Server });

        failed.Terminating.Is("KlingUnauthorized", ErrorCategory.AuthenticationError, shell.Server.Endpoint);
        Assert.Equal(10_000m, Assert.Single((await shell.RunAsync("Get-KlingAccount")).Clean().Of<KlingAccount>()).Credits);
    }

    [Theory]
    [InlineData("http://api.example.com/")]
    [InlineData("ftp://127.0.0.1/")]
    [InlineData("api.example.com")]
    [InlineData("https://name@api.example.com/")]
    public async Task An_endpoint_over_which_the_key_would_leak_is_refused(string endpoint)
    {
        using var shell = new HostedShell();

        foreach (string parameter in (string[])["Endpoint", "UploadEndpoint"])
        {
            ShellResult result = await shell.RunAsync(
                $"Connect-KlingAccount -ApiKey $key -{parameter} $endpoint -SkipVerification",
                new { key = ConnectedShell.Secure(ConnectedShell.Key), endpoint });

            result.Terminating.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument);
        }
    }

    [Theory]
    [InlineData("-Proxy 'proxy.example'")]
    [InlineData("-Proxy 'http://name:password@proxy.example'")]
    [InlineData("-ProxyCredential ([pscredential]::new('name', $key))")]
    [InlineData("-Proxy 'http://proxy.example' -ProxyUseDefaultCredentials -ProxyCredential ([pscredential]::new('name', $key))")]
    public async Task A_proxy_that_cannot_be_is_refused(string arguments)
    {
        using var shell = new HostedShell();

        ShellResult result = await shell.RunAsync(
            $"Connect-KlingAccount -ApiKey $key -SkipVerification {arguments}",
            new { key = ConnectedShell.Secure(ConnectedShell.Key) });

        result.Terminating.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument);
    }

    [Theory]
    [InlineData("Get-KlingAccount")]
    [InlineData("Send-KlingImage $image")]
    [InlineData("New-KlingVideoTask $image 'It moves.'")]
    [InlineData("Get-KlingVideoTask -TaskId some-task")]
    [InlineData("Wait-KlingVideoTask -TaskId some-task")]
    [InlineData("Save-KlingVideo -TaskId some-task -Destination $destination")]
    public async Task A_wrong_key_ends_every_command_that_asks_the_service(string command)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.ConnectAsync("another-key")).Clean();

        ShellResult result = await shell.RunAsync($"{command}; 'not reached'", new { image = shell.Image(), destination = shell.Destination });

        result.Terminating.Is("KlingUnauthorized", ErrorCategory.AuthenticationError);
        Assert.Empty(result.Output);
        Assert.Empty(result.Errors);
    }

    [Fact]
    public async Task A_service_that_is_down_ends_every_command_in_finite_time()
    {
        int port = LoopbackPort.Reserve();
        await using ConnectedShell files = await ConnectedShell.StartAsync();
        string image = files.Image();
        string[] commands =
        [
            "Get-KlingAccount", "$image | New-KlingVideoTask -Prompt 'It moves.'", "New-KlingVideoTask -ImageUri 'https://images.example/fox.png' -Prompt 'It moves.'",
            "Send-KlingImage $image", "Wait-KlingVideoTask -TaskId some-task", "Save-KlingVideo -TaskId some-task", "Get-KlingVideoTask -TaskId some-task",
        ];

        await Task.WhenAll(commands.Select(async command =>
        {
            using var shell = new HostedShell();
            ShellResult result = await shell.RunAsync(
                $"$null = Connect-KlingAccount -ApiKey $key -Endpoint \"http://127.0.0.1:{port}\" -SkipVerification; {command}; 'not reached'",
                new { key = ConnectedShell.Secure(ConnectedShell.Key), image });
            result.Terminating.Is("KlingServiceUnavailable", ErrorCategory.ResourceUnavailable);
            Assert.Empty(result.Output);
        }));
    }

    [Fact]
    public async Task Runspaces_do_not_share_what_they_are_connected_to()
    {
        await using ConnectedShell one = await ConnectedShell.StartAsync();
        await using ConnectedShell two = await ConnectedShell.StartAsync();

        Assert.Equal(one.Server.Endpoint, (await one.RunAsync("Get-KlingAccount")).Clean().Of<KlingAccount>()[0].Endpoint);
        Assert.Equal(two.Server.Endpoint, (await two.RunAsync("Get-KlingAccount")).Clean().Of<KlingAccount>()[0].Endpoint);
    }

    [Fact]
    public async Task A_connection_outlives_a_pipeline_that_fails_after_it()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult first = await shell.RunAsync(
            "Connect-KlingAccount -ApiKey $key -Endpoint $server.Endpoint -UploadEndpoint $server.UploadEndpoint | ForEach-Object { throw 'too bad' }",
            new { key = ConnectedShell.Secure(ConnectedShell.Key), server = shell.Server });
        ShellResult second = await shell.RunAsync("Get-KlingAccount");

        Assert.Equal("too bad", first.Terminating?.ToString());
        Assert.Equal(10_000m, Assert.Single(second.Clean().Of<KlingAccount>()).Credits);
    }
}
