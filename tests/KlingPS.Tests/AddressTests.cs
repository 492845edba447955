using System.Management.Automation;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

/// <summary>Addresses that are wrong, or hold what is secret, and services that send elsewhere.</summary>
[Collection(UsesEnvironment.Name)]
public sealed class AddressTests
{
    private const string Password = "hunter2";

    /// <summary>All that a user may get to see of what happened.</summary>
    private static string Everything(ShellResult result)
        => string.Join('\n', [.. result.Output.Select(item => item.ToString()), .. result.Errors.SelectMany(Parts), .. result.Terminating is null ? [] : Parts(result.Terminating)]);

    private static IEnumerable<string?> Parts(ErrorRecord record)
        => [record.ToString(), record.Exception.ToString(), record.TargetObject?.ToString(), record.CategoryInfo.ToString(), record.ErrorDetails?.RecommendedAction];

    [Theory]
    [InlineData("Connect-KlingAccount $key -Endpoint 'https://user:hunter2@api.example/' -SkipVerification")]
    [InlineData("Connect-KlingAccount $key -Endpoint 'user:hunter2@api.example' -SkipVerification")]
    [InlineData("Connect-KlingAccount $key -Endpoint 'https://user:hunter2@api.example:99999/' -SkipVerification")]
    [InlineData("Connect-KlingAccount $key -Endpoint ([uri]'https://user:hunter2@api.example/') -SkipVerification")]
    [InlineData("Connect-KlingAccount $key -Endpoint https://api.example/ -UploadEndpoint 'https://user:hunter2@api.example/' -SkipVerification")]
    [InlineData("Connect-KlingAccount $key -Proxy 'http://user:hunter2@proxy.example:99999' -SkipVerification")]
    [InlineData("Connect-KlingAccount $key -Proxy 'http://user:hunter2@proxy.example:8080' -SkipVerification")]
    [InlineData("Connect-KlingAccount -SecretName 'sk-live-hunter2-0123456789'")]
    [InlineData("Set-KlingConfiguration -SecretName 'sk-live-hunter2-0123456789'")]
    [InlineData("Set-KlingConfiguration -Vault 'sk-live-hunter2-0123456789'")]
    [InlineData("Connect-KlingAccount -Vault 'sk-live-hunter2-0123456789'")]
    [InlineData("Set-KlingApiKey -SecretName 'sk-live-hunter2-0123456789'")]
    [InlineData("Test-KlingCallback -Body x -Timestamp 1 -Signature x -HmacSecretName 'sk-live-hunter2-0123456789'")]
    [InlineData("Test-KlingCallback -Body x -Timestamp 1 -Signature x -HmacSecretName mine -Vault 'sk-live-hunter2-0123456789'")]
    [InlineData("Receive-KlingCallback -Prefix 'http://user:hunter2@127.0.0.1:8099/'")]
    [InlineData("Set-KlingConfiguration -Endpoint 'https://user:hunter2@api.example/'")]
    [InlineData("Set-KlingConfiguration -Proxy 'http://user:hunter2@proxy.example:99999'")]
    [InlineData("New-KlingVideoTask -ImageUri 'https://user:hunter2@images.example/fox.png' -Prompt 'It runs.'")]
    [InlineData("New-KlingVideoTask -ImageUri 'ftp://user:hunter2@images.example/fox.png' -Prompt 'It runs.'")]
    [InlineData("New-KlingVideoTask -ImageUri 'https://images.example/fox.png' -CallbackUri 'https://user:hunter2@hooks.example/' -Prompt 'It runs.'")]
    public async Task A_password_in_an_address_is_refused_and_never_repeated(string command)
    {
        using var environment = new EnvironmentScope();
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string configuration = Path.Combine(shell.Folder, "config.json");
        Environment.SetEnvironmentVariable("KLINGPS_CONFIG", configuration);

        ShellResult result = await shell.RunAsync(command, new { key = ConnectedShell.Secure(ConnectedShell.Key) });

        Assert.True(result.Terminating is not null || result.Errors.Count > 0);
        Assert.DoesNotContain(Password, Everything(result), StringComparison.Ordinal);
        Assert.False(File.Exists(configuration));
        Assert.Equal(0, shell.Bill.CreatesReceived);
    }

    [Theory]
    [InlineData("KLINGPS_ENDPOINT", "https://user:hunter2@api.example/")]
    [InlineData("KLINGPS_UPLOAD_ENDPOINT", "https://user:hunter2@api.example/")]
    [InlineData("KLINGPS_ENDPOINT", "user:hunter2@api.example")]
    public async Task A_password_in_the_environment_is_refused_where_it_would_be_shown(string variable, string address)
    {
        using var environment = new EnvironmentScope();
        using var shell = new HostedShell();
        Environment.SetEnvironmentVariable(variable, address);

        ShellResult result = await shell.RunAsync("Get-KlingConfiguration");

        Assert.Contains(variable, result.Terminating.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument).ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(Password, Everything(result), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("<html><head><title>Not here</title></head></html>", "a web page (\"Not here\")")]
    [InlineData("{\"timestamp\":\"2026-10-01\",\"status\":404,\"error\":\"Not Found\",\"path\":\"/x\"}", "JSON (\"")]
    [InlineData("", "HTTP 404.")]
    public async Task An_address_where_something_else_answers_is_told_once_for_a_thousand_tasks(string body, string what)
    {
        using var environment = new EnvironmentScope();
        using var shell = new HostedShell();
        await using var server = new HostileServer();
        foreach (string path in new[] { "/api/v1/jobs/recordInfo", "/api/v1/chat/credit" })
        {
            server.On(path, HostileServer.Response(System.Text.Encoding.UTF8.GetBytes(body), status: "404 Not Found"));
        }

        ShellResult result = await shell.RunAsync(
            "$null = Connect-KlingAccount $key -Endpoint $address -SkipVerification; 1..1000 | ForEach-Object { \"task$_\" } | Get-KlingVideoTask",
            new { key = ConnectedShell.Secure(ConnectedShell.Key), address = server.Address });
        ShellResult verified = await shell.RunAsync("Connect-KlingAccount $key -Endpoint $address", new { key = ConnectedShell.Secure(ConnectedShell.Key), address = server.Address });

        Assert.Empty(result.Errors);
        string message = result.Terminating.Is("KlingEndpointWrong", ErrorCategory.ResourceUnavailable).ToString();
        Assert.Contains($"{server.Address}api/v1/jobs/recordInfo is not an address of the service", message, StringComparison.Ordinal);
        Assert.Contains(what, message, StringComparison.Ordinal);
        verified.Terminating.Is("KlingEndpointWrong", ErrorCategory.ResourceUnavailable);
        Assert.InRange(server.Asked.Count, 1, 40);
    }

    [Fact]
    public async Task An_address_that_answers_code_404_to_an_upload_is_told_once_for_all_images_and_not_as_a_missing_task()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        await using var server = new HostileServer();
        foreach (string path in new[] { "/api/file-stream-upload", "/api/v1/chat/credit" })
        {
            server.On(path, HostileServer.Response("""{"code":404,"msg":"Not Found"}"""u8.ToArray()));
        }

        ShellResult result = await shell.RunAsync(
            "$null = Connect-KlingAccount $key -Endpoint $address -SkipVerification; ConvertTo-KlingVideo $images 'It moves.' $to",
            new { key = ConnectedShell.Secure(ConnectedShell.Key), address = server.Address, images = shell.Images("a.png", "b.png", "c.png"), to = shell.Destination });

        Assert.Empty(result.Errors);
        result.Terminating.Is("KlingEndpointWrong", ErrorCategory.ResourceUnavailable);
    }

    [Fact]
    public async Task An_id_without_end_is_that_tasks_error_and_is_not_repeated()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync("Get-KlingVideoTask -TaskId ('x' * 100000), 'two words'");

        Assert.Equal(2, result.Errors.Count);
        Assert.All(result.Errors, error =>
        {
            error.Is("KlingTaskNotFound", ErrorCategory.ObjectNotFound);
            Assert.InRange(error.ToString().Length, 1, 300);
        });
    }

    [Fact]
    public async Task A_pause_that_the_service_asks_for_is_told_without_asking()
    {
        using var environment = new EnvironmentScope();
        using var shell = new HostedShell();
        await using var server = new HostileServer();
        server.On("/api/v1/jobs/recordInfo", HostileServer.Response("{\"code\":429,\"msg\":\"slow\"}"u8.ToArray(), "Retry-After: 3600\r\n"));

        ShellResult result = await shell.RunAsync(
            "$null = Connect-KlingAccount $key -Endpoint $address -SkipVerification; Get-KlingVideoTask -TaskId t1",
            new { key = ConnectedShell.Secure(ConnectedShell.Key), address = server.Address });

        Assert.Contains("a pause of 60 minutes, which is not waited for", Assert.Single(result.Errors).Is("KlingRateLimited", ErrorCategory.LimitsExceeded).ToString(), StringComparison.Ordinal);
    }
}
