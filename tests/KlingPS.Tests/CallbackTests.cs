using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security;
using System.Security.Cryptography;
using System.Text;
using KlingPS.Core.Callbacks;
using KlingPS.Core.Model;
using KlingPS.Sandbox;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

public sealed class CallbackTests : IDisposable
{
    private const string Secret = "whk-0123456789abcdef";

    private readonly HostedShell _shell = new();
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("klingps-");

    public void Dispose()
    {
        _shell.Dispose();
        _folder.Delete(recursive: true);
    }

    private static SecureString Key { get; } = ConnectedShell.Secure(Secret);

    private static string FreePrefix() => string.Create(CultureInfo.InvariantCulture, $"http://localhost:{LoopbackPort.Reserve()}/kling/");

    private static (string Timestamp, string Signature) Sign(string taskId, string secret = Secret, int age = 0)
    {
        string timestamp = (DateTimeOffset.UtcNow.ToUnixTimeSeconds() - age).ToString(CultureInfo.InvariantCulture);
        byte[] signature = HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes($"{taskId}.{timestamp}"));
        return (timestamp, Convert.ToBase64String(signature));
    }

    private static string Body(string taskId) => $$$"""{"code":200,"data":{"taskId":"{{{taskId}}}","state":"success"}}""";

    private static async Task<HttpStatusCode> PostAsync(string uri, string taskId, string secret = Secret)
    {
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, uri) { Content = new StringContent(Body(taskId), new MediaTypeHeaderValue("application/json")) };
        (string timestamp, string signature) = Sign(taskId, secret);
        request.Headers.Add("X-Webhook-Timestamp", timestamp);
        request.Headers.Add("X-Webhook-Signature", signature);
        using HttpResponseMessage response = await http.SendAsync(request);
        return response.StatusCode;
    }

    private Task<ShellResult> ConnectAsync(double generationTime = 0)
        => _shell.RunAsync("Start-KlingSandbox -GenerationTime $time -CallbackKey $key | Connect-KlingAccount -SkipVerification", new { time = generationTime, key = Key });

    private string Image(string name = "image.png")
    {
        string path = Path.Combine(_folder.FullName, name);
        File.WriteAllBytes(path, TestImage.Png(name));
        return path;
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.3)]
    public async Task The_whole_pipe_runs_on_callbacks_and_asks_for_each_task_once(double generationTime)
    {
        (await ConnectAsync(generationTime)).Clean();

        ShellResult result = (await _shell.RunAsync(
            """
            $images | New-KlingVideoTask -Prompt 'It moves.' -CallbackUri "$($prefix)?a=1" | Receive-KlingCallback -Prefix $prefix -HmacKey $key |
                Save-KlingVideo -Destination $destination
            $sandbox = Get-KlingSandbox
            """,
            new
            {
                images = new[] { Image("a.png"), Image("b.png"), Image("c.png") },
                prefix = FreePrefix(),
                destination = Path.Combine(_folder.FullName, "videos"),
            })).Clean();

        Assert.Equal(["a.mp4", "b.mp4", "c.mp4"], result.Of<FileInfo>().Select(file => file.Name).Order());
        var tasks = (IEnumerable<SandboxTask>)(await _shell.RunAsync("$sandbox")).Of<Sessions.KlingSandbox>()[0].Tasks;
        Assert.All(tasks, task => Assert.Equal(1, task.Queries));
        Assert.Contains("3 accepted, 0 refused", Assert.Single(result.Information), StringComparison.Ordinal);
        Assert.Empty(result.Warnings);
    }

    [Theory]
    [InlineData("Receive-KlingCallback -Body '{}' -HmacKey $null")]
    [InlineData("Test-KlingCallback '{}' -HmacKey $null")]
    public async Task A_key_that_was_never_set_is_no_reason_to_accept_callbacks_unsigned(string command)
    {
        ShellResult result = await _shell.RunAsync(command);

        Assert.Contains("HMAC key", result.Terminating.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument).Exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(result.Warnings, warning => warning.Contains("unsigned", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_listener_refuses_what_is_forged_says_so_once_and_takes_what_is_genuine()
    {
        (await ConnectAsync()).Clean();
        string prefix = FreePrefix();
        string taskId = (await _shell.RunAsync("New-KlingVideoTask $image 'It moves.'", new { image = Image() })).Clean().Of<KlingVideoTask>()[0].TaskId!;
        using RunningScript running = _shell.Start("Receive-KlingCallback $prefix -HmacKey $key -Count 1 -Verbose", new { prefix });
        await Eventually.TrueAsync(() => IsListening(prefix));

        Assert.Equal(HttpStatusCode.Unauthorized, await PostAsync(prefix, taskId, "another key"));
        Assert.Equal(HttpStatusCode.Unauthorized, await PostAsync(prefix, taskId, "another key"));
        Assert.Equal(HttpStatusCode.OK, await PostAsync(prefix, taskId));

        ShellResult result = (await running.Completion).Clean();
        Assert.Equal((taskId, KlingTaskState.Succeeded), Assert.Single(result.Of<KlingVideoTask>()) is { } task ? (task.TaskId, task.TaskState) : default);
        Assert.Contains("https://kie.ai/settings", Assert.Single(result.Warnings), StringComparison.Ordinal);
        Assert.Single(result.Verbose, line => line.Contains("was refused: Forged", StringComparison.Ordinal));
        Assert.Contains("1 accepted, 2 refused (2 forged or unsigned)", Assert.Single(result.Information), StringComparison.Ordinal);
    }

    private static async Task<bool> IsListening(string prefix)
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, new Uri(prefix).Port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    [Fact]
    public async Task Tasks_whose_creation_answer_was_lost_are_found_and_saved()
    {
        (await ConnectAsync(0.5)).Clean();

        ShellResult result = (await _shell.RunAsync(
            """
            (Get-KlingSandbox).AddFault(@{ On = 'Create'; Kind = 'LoseAnswerAfter'; Count = 3 })
            $images | New-KlingVideoTask -Prompt 'It moves.' -CallbackUri $prefix -ErrorAction Ignore
            Get-KlingVideoTask -State Unknown | Receive-KlingCallback -Prefix $prefix -HmacKey $key
            """,
            new { images = new[] { Image("a.png"), Image("b.png"), Image("c.png") }, prefix = FreePrefix() })).Clean();

        Assert.Equal(["a.png", "b.png", "c.png"], result.Of<KlingVideoTask>().Select(task => Path.GetFileName(task.SourcePath)).Order());
        Assert.All(result.Of<KlingVideoTask>(), task => Assert.Equal(KlingTaskState.Succeeded, task.TaskState));
        Assert.Equal(3, (await _shell.RunAsync("Get-KlingSandbox")).Of<Sessions.KlingSandbox>()[0].CreatesAccepted);
    }

    [Fact]
    public async Task A_lost_answer_that_stays_lost_is_reported_once_in_the_whole_pipe()
    {
        (await ConnectAsync(generationTime: 3600)).Clean();

        ShellResult result = await _shell.RunAsync(
            """
            (Get-KlingSandbox).AddFault(@{ On = 'Create'; Kind = 'LoseAnswerAfter' })
            New-KlingVideoTask $image 'It moves.' -CallbackUri $prefix | Receive-KlingCallback -Prefix $prefix -HmacKey $key -Timeout 0
            """,
            new { image = Image(), prefix = FreePrefix() });

        Assert.Empty(result.Output);
        Assert.Single(result.Errors).Is("KlingAttemptUnknown", ErrorCategory.ConnectionError);
        Assert.EndsWith("Tasks whose response was lost and that got no callback: 1 (Get-KlingVideoTask -State Unknown).", Assert.Single(result.Information), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_failed_task_comes_out_and_is_reported_once_in_the_whole_pipe()
    {
        (await ConnectAsync()).Clean();

        ShellResult result = await _shell.RunAsync(
            """
            (Get-KlingSandbox).AddFault(@{ On = 'Generate'; Kind = 'FailTask'; FailMessage = 'The picture shows nothing.' })
            New-KlingVideoTask $image 'It moves.' -CallbackUri $prefix | Receive-KlingCallback -Prefix $prefix -HmacKey $key | Save-KlingVideo -Destination $destination
            """,
            new { image = Image(), prefix = FreePrefix(), destination = _folder.FullName });

        Assert.Empty(result.Output);
        Assert.Single(result.Errors).Is("KlingTaskFailed", ErrorCategory.InvalidResult);
    }

    [Fact]
    public async Task Without_a_key_callbacks_are_hints_and_the_user_is_told()
    {
        (await ConnectAsync()).Clean();

        ShellResult result = (await _shell.RunAsync(
            "New-KlingVideoTask $image 'It moves.' -CallbackUri $prefix | Receive-KlingCallback -Prefix $prefix",
            new { image = Image(), prefix = FreePrefix() })).Clean();

        Assert.Single(result.Of<KlingVideoTask>());
        Assert.Contains("unsigned", Assert.Single(result.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_empty_pipeline_is_nothing_to_wait_for()
        => Assert.Empty((await _shell.RunAsync(
            "Start-KlingSandbox | Connect-KlingAccount -SkipVerification | Out-Null; @() | Receive-KlingCallback -Prefix $prefix -HmacKey $key",
            new { prefix = FreePrefix(), key = Key })).Clean().Output);

    [Fact]
    public async Task Unfinished_tasks_are_reported_when_the_time_is_over_and_nothing_is_asked_without_polling()
    {
        (await ConnectAsync(generationTime: 3600)).Clean();

        ShellResult result = await _shell.RunAsync(
            "$tasks = $images | New-KlingVideoTask -Prompt 'It moves.' -CallbackUri $prefix; $tasks | Receive-KlingCallback -Prefix $prefix -HmacKey $key -NoPolling -Timeout 0",
            new { images = new[] { Image("a.png"), Image("b.png") }, prefix = FreePrefix() });

        Assert.Empty(result.Output);
        Assert.Equal(2, result.Errors.Count);
        Assert.All(result.Errors, error => error.Is("KlingWaitTimeout", ErrorCategory.OperationTimeout));
        var asked = (IEnumerable<SandboxTask>)(await _shell.RunAsync("Get-KlingSandbox")).Of<Sessions.KlingSandbox>()[0].Tasks;
        Assert.Equal([0, 0], asked.Select(task => task.Queries));
    }

    [Fact]
    public async Task A_port_that_is_taken_ends_the_command_with_one_clear_error()
    {
        (await ConnectAsync()).Clean();
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        int port = ((IPEndPoint)other.LocalEndpoint).Port;

        ShellResult result = await _shell.RunAsync($"Receive-KlingCallback http://localhost:{port}/kling/ -HmacKey $key; 'not reached'");

        result.Terminating.Is("KlingListenerUnusable", ErrorCategory.ResourceUnavailable);
        Assert.Contains($"{port}", result.Terminating!.ToString(), StringComparison.Ordinal);
        Assert.Empty(result.Output);
    }

    [Theory]
    [InlineData("Receive-KlingCallback https://localhost:8080/ -HmacKey $key")]
    [InlineData("Receive-KlingCallback http://hooks.example:8080/ -HmacKey $key")]
    [InlineData("Receive-KlingCallback -HmacKey $key -HmacSecretName x")]
    [InlineData("Receive-KlingCallback -HmacKey ([securestring]::new())")]
    [InlineData("Test-KlingCallback '{}'")]
    [InlineData("Test-KlingCallback '{}' -HmacKey $key -Vault Mine")]
    [InlineData("Receive-KlingCallback -HmacKey $key -Vault Mine")]
    [InlineData("Receive-KlingCallback -Vault Mine")]
    public async Task What_cannot_be_done_is_said_before_anything_is_done(string script)
    {
        (await ConnectAsync()).Clean();

        (await _shell.RunAsync(script)).Terminating.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument);
    }

    [Fact]
    public async Task A_listener_that_is_stopped_lets_go_of_its_port()
    {
        (await ConnectAsync()).Clean();
        string prefix = FreePrefix();
        using RunningScript running = _shell.Start("Receive-KlingCallback $prefix -HmacKey $key", new { prefix });
        await Eventually.TrueAsync(() => IsListening(prefix));

        await running.StopAsync();

        Assert.True((await running.Completion).WasStopped);
        Assert.False(await IsListening(prefix));
        Assert.Empty((await _shell.RunAsync("Receive-KlingCallback $prefix -HmacKey $key -Timeout 0", new { prefix })).Clean().Output);
    }

    [Fact]
    public async Task Stopping_the_wait_for_callbacks_says_what_is_paid_for_and_how_to_get_it()
    {
        var host = new RecordingHost();
        await using ConnectedShell shell = await ConnectedShell.StartAsync(new ManualClock(), TimeSpan.FromMinutes(2), host: host);
        KlingVideoTask[] tasks = (await shell.RunAsync("$images | New-KlingVideoTask -Prompt 'It moves.'", new { images = shell.Images("a.png", "b.png") })).Clean().Of<KlingVideoTask>();
        string prefix = FreePrefix();
        using var fed = new ManualResetEventSlim();
        using RunningScript running = shell.Shell.Start("& { Get-KlingVideoTask; $fed.Set() } | Receive-KlingCallback $prefix -HmacKey $key", new { prefix, key = Key, fed });
        await Eventually.TrueAsync(() => fed.IsSet);

        await running.StopAsync();

        Assert.True((await running.Completion).WasStopped);
        string warning = Assert.Single(host.Screen.Warnings);
        Assert.StartsWith("2 videos are paid for and not finished", warning, StringComparison.Ordinal);
        Assert.EndsWith($"Get-KlingVideoTask -Id {string.Join(", ", tasks.Select(task => task.Id).Order())} | Wait-KlingVideoTask | Save-KlingVideo", warning, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stopping_says_what_is_paid_for_also_in_the_moment_between_two_commands()
    {
        var host = new RecordingHost();
        await using ConnectedShell shell = await ConnectedShell.StartAsync(new ManualClock(), TimeSpan.FromMinutes(2), host: host);
        using var late = new LateStop();
        await late.InstallAsync(shell.Shell);
        (await shell.RunAsync("New-KlingVideoTask $image 'It moves.'", new { image = shell.Image() })).Clean();
        using RunningScript running = shell.Shell.Start(
            "& { Get-KlingVideoTask; Wait-LateStop $late } | Receive-KlingCallback $prefix -HmacKey $key | Watch-LateStop $late",
            new { prefix = FreePrefix(), key = Key });
        await Eventually.TrueAsync(() => late.Reached.IsSet);

        await running.StopAsync();

        Assert.True((await running.Completion).WasStopped);
        Assert.StartsWith("1 video is paid for and not finished", Assert.Single(host.Screen.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_payload_from_another_server_is_checked_confirmed_and_emitted()
    {
        (await ConnectAsync()).Clean();
        string taskId = (await _shell.RunAsync("New-KlingVideoTask $image 'It moves.'", new { image = Image() })).Clean().Of<KlingVideoTask>()[0].TaskId!;
        (string timestamp, string signature) = Sign(taskId);
        var variables = new { body = Body(taskId), timestamp, signature };

        ShellResult taken = (await _shell.RunAsync("Receive-KlingCallback -Body $body -HmacKey $key -Headers @{ 'x-webhook-timestamp' = $timestamp; 'X-WEBHOOK-SIGNATURE' = @($signature) }", variables)).Clean();
        ShellResult refused = await _shell.RunAsync("Receive-KlingCallback -Body $body -HmacKey $key -Timestamp $timestamp -Signature 'AAAA'");
        ShellResult foreign = await _shell.RunAsync("Receive-KlingCallback -Body '{\"taskId\":\"another\"}'");

        Assert.Equal(KlingTaskState.Succeeded, Assert.Single(taken.Of<KlingVideoTask>()).TaskState);
        Assert.Empty(taken.Information);
        Assert.Single(refused.Errors).Is("KlingCallbackRefused", ErrorCategory.SecurityError);
        Assert.Single(foreign.Errors).Is("KlingCallbackRefused", ErrorCategory.SecurityError);
        Assert.Empty(refused.Output.Concat(foreign.Output));
    }

    [Fact]
    public async Task What_a_web_server_hands_over_in_another_form_is_told_what_is_wanted()
    {
        (await ConnectAsync()).Clean();

        ShellResult result = await _shell.RunAsync(
            """
            Test-KlingCallback '{"taskId":"t1"}' -Headers 'X-Webhook-Timestamp: 1' -HmacKey $key
            (Test-KlingCallback './callback.json' -Timestamp '1' -Signature 'AAAA' -HmacKey $key -Detailed).Verdict
            Receive-KlingCallback -Body './callback.json' -WarningAction Ignore
            """,
            new { key = Key });

        Assert.Equal(["KlingRequestInvalid", "KlingCallbackRefused"], result.Errors.Select(error => error.FullyQualifiedErrorId.Split(',')[0]));
        Assert.Contains("-Timestamp with X-Webhook-Timestamp", result.Errors[0].ToString(), StringComparison.Ordinal);
        Assert.Contains("not the path of a file", result.Errors[1].ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_callback_is_tested_without_a_connection()
    {
        (string timestamp, string signature) = Sign("t1");

        ShellResult result = (await _shell.RunAsync(
            """
            Test-KlingCallback $body -Timestamp $timestamp -Signature $signature -HmacKey $key
            Test-KlingCallback '{"data":{"task_id":"t1"}}' -Headers @{ 'X-Webhook-Timestamp' = $timestamp; 'x-webhook-signature' = $signature } -HmacKey $key
            [pscustomobject]@{ Body = '{"taskId":"t1"}'; Timestamp = $timestamp; Signature = $signature } | Test-KlingCallback -HmacKey $key
            '{"taskId":"t2"}' | Test-KlingCallback -Timestamp $timestamp -Signature $signature -HmacKey $key
            Test-KlingCallback $body -HmacKey $key
            """,
            new { body = Body("t1"), timestamp, signature, key = Key })).Clean();

        Assert.Equal([true, true, true, false, false], result.Of<bool>());
    }

    [Fact]
    public async Task A_callback_over_plain_http_is_warned_of_once_and_one_to_this_machine_not()
    {
        (await ConnectAsync()).Clean();
        var images = new { images = new[] { Image("a.png"), Image("b.png") } };

        ShellResult open = (await _shell.RunAsync("$images | New-KlingVideoTask -Prompt 'It moves.' -CallbackUri 'http://hooks.example/kling' -WhatIf", images)).Clean();
        ShellResult safe = (await _shell.RunAsync("$images | New-KlingVideoTask -Prompt 'It moves.' -CallbackUri 'https://hooks.example/kling' -WhatIf; $images | New-KlingVideoTask -Prompt 'It moves.' -CallbackUri 'http://127.0.0.1:8080/' -WhatIf", images)).Clean();

        Assert.Contains("hooks.example over plain http", Assert.Single(open.Warnings), StringComparison.Ordinal);
        Assert.Empty(safe.Warnings);
    }

    [Theory]
    [InlineData("a key with blanks")]
    [InlineData("ein Schl\u00fcssel")]
    public async Task An_HMAC_key_with_blanks_in_it_is_read_from_a_vault_as_it_is(string secret)
    {
        (await TestVaults.InstallAsync(_shell)).Content["Mine"] = new Hashtable { ["hmac"] = ConnectedShell.Secure(secret), ["text"] = secret, ["credential"] = new PSCredential("any", ConnectedShell.Secure(secret)) };
        (string timestamp, string signature) = Sign("t1", secret);

        ShellResult result = (await _shell.RunAsync(
            "'hmac', 'text', 'credential' | ForEach-Object { Test-KlingCallback $body -Timestamp $timestamp -Signature $signature -HmacSecretName $_ -Vault Mine }",
            new { body = Body("t1"), timestamp, signature })).Clean();

        Assert.Equal([true, true, true], result.Of<bool>());
    }

    [Fact]
    public async Task An_HMAC_key_that_is_empty_names_its_secret()
    {
        (await TestVaults.InstallAsync(_shell)).Content["Mine"] = new Hashtable { ["hmac"] = " " };

        ShellResult result = await _shell.RunAsync("Test-KlingCallback '{}' -HmacSecretName hmac");

        string message = result.Terminating.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument).ToString();
        Assert.Contains("The value of the secret 'hmac' is not a valid key. The HMAC key is empty", message, StringComparison.Ordinal);
        Assert.Contains("Set-Secret -Name 'hmac'", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_test_in_detail_says_why()
    {
        (string timestamp, string signature) = Sign("t1", age: 400);

        CallbackReport[] reports = (await _shell.RunAsync(
            "300, 86400 | ForEach-Object { Test-KlingCallback $body -Timestamp $timestamp -Signature $signature -HmacKey $key -MaxAge $_ -Detailed }",
            new { body = Body("t1"), timestamp, signature, key = Key })).Clean().Of<CallbackReport>();

        Assert.Equal([CallbackVerdict.TooOld, CallbackVerdict.Genuine], reports.Select(report => report.CallbackVerdict));
        Assert.All(reports, report => Assert.Equal("t1", report.TaskId));
        Assert.Contains("too long", reports[0].Reason, StringComparison.Ordinal);
    }
}
