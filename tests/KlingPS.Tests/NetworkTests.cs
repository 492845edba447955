using System.Management.Automation;
using KlingPS.Core.Configuration;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

[Collection(UsesEnvironment.Name)]
public sealed class NetworkTests
{
    private const string Service = "https://api.kie.example/";
    private static readonly string s_login = Convert.ToBase64String("name:hunter2"u8);

    [Theory]
    [InlineData("-Proxy $proxy")]
    [InlineData("")]
    public async Task A_proxy_that_is_given_or_configured_gets_the_request_and_the_login_and_never_the_key(string arguments)
    {
        using var environment = new EnvironmentScope();
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        await using var proxy = new RefusingProxy();
        Environment.SetEnvironmentVariable("KLINGPS_CONFIG", Path.Combine(shell.Folder, "config.json"));
        await ConfigurationFile.ChangeAsync(
            Path.Combine(shell.Folder, "config.json"),
            new Dictionary<string, object?> { ["Proxy"] = arguments.Length == 0 ? proxy.Address.AbsoluteUri : "http://127.0.0.1:9" },
            TimeProvider.System,
            TestContext.Current.CancellationToken);
        (await shell.RunAsync("Disconnect-KlingAccount")).Clean();

        using RunningScript running = shell.Shell.Start(
            $"Connect-KlingAccount $key -Endpoint {Service} -ProxyCredential ([pscredential]::new('name', $password)) {arguments}",
            new { key = ConnectedShell.Secure(ConnectedShell.Key), password = ConnectedShell.Secure("hunter2"), proxy = proxy.Address });
        await proxy.ToldAsync();
        await running.StopAsync();
        await running.Completion;

        Assert.All(proxy.Heads, head => Assert.StartsWith("CONNECT api.kie.example:443", head, StringComparison.Ordinal));
        Assert.Contains(proxy.Heads, head => head.Contains($"Basic {s_login}", StringComparison.Ordinal));
        Assert.All(proxy.Heads, head => Assert.DoesNotContain(ConnectedShell.Key, head, StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_sandbox_is_reached_past_every_proxy()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        await using var proxy = new RefusingProxy();

        ShellResult result = (await shell.RunAsync(
            """
            $null = Connect-KlingAccount $key -Endpoint $server.Endpoint -UploadEndpoint $server.UploadEndpoint -Proxy $proxy
            New-KlingVideoTask $image 'It moves.' | Wait-KlingVideoTask -PollingInterval 0.1 | Save-KlingVideo -Destination $destination
            """,
            new { key = ConnectedShell.Secure(ConnectedShell.Key), server = shell.Server, proxy = proxy.Address, image = shell.Image(), destination = shell.Destination })).Clean();

        Assert.Single(result.Output);
        Assert.Empty(proxy.Heads);
    }

    [Fact]
    public async Task A_login_is_not_sent_to_a_proxy_that_only_the_environment_names()
    {
        using var shell = new HostedShell();

        ShellResult result = await shell.RunAsync(
            $"Connect-KlingAccount $key -Endpoint {Service} -ProxyCredential ([pscredential]::new('name', $key))",
            new { key = ConnectedShell.Secure(ConnectedShell.Key) });

        Assert.Contains("-Proxy", result.Terminating.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument).ToString(), StringComparison.Ordinal);
    }
}
