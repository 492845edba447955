using System.Management.Automation;
using KlingPS.Sandbox;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

public sealed class StreamTests
{
    private const string WholePipe = """
        $images | New-KlingVideoTask -Prompt 'It moves.' | Wait-KlingVideoTask -PollingInterval 0.1 | Save-KlingVideo -Destination $destination
        """;

    [Fact]
    public async Task Every_bar_of_progress_that_is_opened_is_closed()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await RunAsync(shell, WholePipe)).Clean();

        ProgressRecord[] ours = Ours(result);
        Assert.Superset(
            new HashSet<string> { "Submitting images", "Waiting for videos", "Saving videos" },
            ours.Where(record => record.ParentActivityId < 0).Select(record => record.Activity).ToHashSet());
        Assert.Contains(ours, record => record.StatusDescription == "2 of 2 accepted" && record.PercentComplete == 100);
        Assert.All(ours.GroupBy(record => record.ActivityId), bar => Assert.Equal(ProgressRecordType.Completed, bar.Last().RecordType));
    }

    [Fact]
    public async Task A_bar_is_closed_before_an_error_that_ends_the_command()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        shell.Fault(SandboxOperation.Query, SandboxFaultKind.Code, code: 401);

        ShellResult result = await RunAsync(shell, "$tasks = $images | New-KlingVideoTask -Prompt 'It moves.'; $tasks | Wait-KlingVideoTask -PollingInterval 0.1");

        result.Terminating.Is("KlingUnauthorized", ErrorCategory.AuthenticationError);
        Assert.Contains(Ours(result), record => record.Activity == "Waiting for videos");
        Assert.All(Ours(result).GroupBy(record => record.ActivityId), bar => Assert.Equal(ProgressRecordType.Completed, bar.Last().RecordType));
    }

    [Fact]
    public async Task Nothing_is_drawn_when_progress_is_not_wanted()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await RunAsync(shell, "$ProgressPreference = 'SilentlyContinue'\n" + WholePipe)).Clean();

        Assert.Equal(2, result.Output.Count);
        Assert.Empty(Ours(result));
    }

    [Fact]
    public async Task Nothing_is_said_unless_asked_for()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await RunAsync(shell, WholePipe)).Clean();

        Assert.Empty(result.Verbose);
        Assert.Empty(result.Debug);
        Assert.Empty(result.Warnings);
        Assert.Empty(result.Information);
    }

    [Fact]
    public async Task Verbose_tells_each_request_with_method_path_status_code_and_duration_and_the_image_it_is_for()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await RunAsync(
            shell, "$images | New-KlingVideoTask -Prompt 'It moves.' -Verbose | Wait-KlingVideoTask -PollingInterval 0.1 -Verbose | Save-KlingVideo -Destination $destination -Verbose")).Clean();

        Assert.Equal(2, result.Verbose.Count(line => Matches(line, "^POST /api/file-stream-upload: HTTP 200, code 200, \\d+ ms, for '.+\\.(png|jpg|webp)'$")));
        Assert.Equal(2, result.Verbose.Count(line => Matches(line, "^POST /api/v1/jobs/createTask: HTTP 200, code 200, \\d+ ms, for '.+\\.(png|jpg|webp)'$")));
        Assert.Contains(result.Verbose, line => Matches(line, "^GET /api/v1/jobs/recordInfo\\?taskId=[0-9a-f]{32}: HTTP 200, code 200, \\d+ ms, for '.+\\.(png|jpg|webp)'$"));
        Assert.Equal(2, result.Verbose.Count(line => Matches(line, "^GET /[^ ]+\\.mp4: HTTP 200, \\d+ ms, for '.+\\.(png|jpg|webp)'$")));
        Assert.All(result.Verbose.Where(line => Matches(line, "^(GET|POST) ") && !Matches(line, "/chat/credit")), line => Assert.Contains(", for '", line, StringComparison.Ordinal));
        Assert.Empty(result.Debug);
    }

    [Fact]
    public async Task Verbose_tells_why_a_request_is_sent_again()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        shell.Fault(SandboxOperation.Credit, SandboxFaultKind.GatewayHtml);

        ShellResult result = (await shell.RunAsync("$VerbosePreference = 'Continue'; Get-KlingAccount")).Clean();

        Assert.Contains(result.Verbose, line => Matches(line, "HTTP 502"));
        Assert.Contains(result.Verbose, line => Matches(line, "Retrying in \\d+\\.\\d s\\.$"));
    }

    [Fact]
    public async Task Verbose_tells_which_image_a_query_is_for_that_has_to_wait()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        shell.Fault(SandboxOperation.Query, SandboxFaultKind.GatewayHtml);

        ShellResult result = (await shell.RunAsync(
            "New-KlingVideoTask $image 'It moves.' | Get-KlingVideoTask -Refresh -Verbose", new { image = shell.Image() })).Clean();

        Assert.Contains(result.Verbose, line => Matches(line, "^For '.+\\.(png|jpg|webp)': .+ Retrying in \\d+\\.\\d s\\.$"));
    }

    [Fact]
    public async Task Debug_shows_what_is_sent_and_what_is_answered()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync("New-KlingVideoTask $image 'It moves.' -Debug", new { image = shell.Image() })).Clean();

        string create = Assert.Single(result.Debug, text => text.StartsWith("POST /api/v1/jobs/createTask", StringComparison.Ordinal));
        Assert.Contains("\"prompt\":\"It moves.\"", create, StringComparison.Ordinal);
        Assert.Contains($"\"taskId\":\"{shell.Bill.Tasks[0].TaskId}\"", create, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_key_is_nowhere_to_be_seen()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        shell.Fault(SandboxOperation.Create, SandboxFaultKind.LoseAnswerAfter, match: "lost");

        // A service that repeats the key in what it says.
        shell.Server.AddFault(new SandboxFault
        {
            Operation = SandboxOperation.Create,
            FaultKind = SandboxFaultKind.Code,
            Code = 422,
            Message = $"Bearer {ConnectedShell.Key} may not do this.",
            Match = "wrong",
        });
        ShellResult result = await shell.RunAsync(
            """
            $VerbosePreference = $DebugPreference = $InformationPreference = 'Continue'
            Connect-KlingAccount -ApiKey $key -Endpoint $server.Endpoint -UploadEndpoint $server.UploadEndpoint
            Get-KlingAccount
            Send-KlingImage $image
            $tasks = 'good', 'wrong', 'lost' | ForEach-Object { [pscustomobject]@{ Path = $image; Prompt = $_ } } | New-KlingVideoTask
            $tasks
            $tasks | Wait-KlingVideoTask -PollingInterval 0.1
            $tasks | Save-KlingVideo -Destination $destination
            Get-KlingVideoTask
            Connect-KlingAccount -ApiKey $key -Endpoint 'http://127.0.0.1:1/' -Proxy 'no proxy'
            """,
            new { key = ConnectedShell.Secure(ConnectedShell.Key), server = shell.Server, image = shell.Image(), destination = shell.Destination });

        Assert.NotEmpty(result.Verbose);
        Assert.NotEmpty(result.Debug);
        Assert.Equal(2, result.Errors.Count);
        Assert.Contains(result.Errors, error => error.ToString().Contains("may not do this", StringComparison.Ordinal));
        ErrorRecord[] errors = [.. result.Errors, result.Terminating!];
        string[] everything =
        [
            .. result.Output.Select(item => PSSerializer.Serialize(item, 2)),
            .. result.Output.Select(item => item.ToString()),
            .. errors.Select(error => PSSerializer.Serialize(error, 2)),
            .. errors.Select(error => $"{error} {error.ErrorDetails} {error.Exception} {error.CategoryInfo}"),
            .. result.Verbose, .. result.Debug, .. result.Warnings, .. result.Information,
            .. result.Progress.Select(record => record.ToString()),
        ];
        Assert.All(everything, text => Assert.DoesNotContain(ConnectedShell.Key, text, StringComparison.Ordinal));
        Assert.Equal(0, shell.Bill.KeyLeaks);
    }

    private static Task<ShellResult> RunAsync(ConnectedShell shell, string script)
        => shell.RunAsync(script, new { images = shell.Images("a.png", "b.png"), destination = shell.Destination });

    /// <summary>The module's progress, without that of the engine itself.</summary>
    private static ProgressRecord[] Ours(ShellResult result) => [.. result.Progress.Where(record => record.ActivityId > 0)];

    private static bool Matches(string text, string pattern) => System.Text.RegularExpressions.Regex.IsMatch(text, pattern);
}
