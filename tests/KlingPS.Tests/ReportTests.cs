using System.Management.Automation;
using System.Text.Json;
using System.Text.Json.Nodes;
using Json.Schema;
using KlingPS.Core.Converting;
using KlingPS.Core.Model;
using KlingPS.Core.Reporting;
using KlingPS.Sandbox;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

/// <summary>What a run of ConvertTo-KlingVideo says of itself in the morning: its report, its summary, and the files it emits.</summary>
public sealed class ReportTests
{
    private const string Convert = "ConvertTo-KlingVideo -Prompt 'It moves.' -Destination $destination -PollingInterval 0.1 -ReportPath $report";

    private static readonly JsonSchema s_schema = JsonSchema.FromFile(Path.Combine(AppContext.BaseDirectory, "schemas", "KlingPS.Report.schema.json"));

    private static string ReportOf(ConnectedShell shell) => Path.Combine(shell.Folder, "reports", "report.json");

    private static object In(ConnectedShell shell, params string[] images)
        => new { images = shell.Images(images), image = shell.Image("boat.png"), destination = shell.Destination, report = ReportOf(shell) };

    /// <summary>Reads a report, which has to be as the schema says.</summary>
    internal static JsonObject Read(string path)
    {
        string text = File.ReadAllText(path);
        using var document = JsonDocument.Parse(text);
        EvaluationResults results = s_schema.Evaluate(document.RootElement, new EvaluationOptions { OutputFormat = OutputFormat.List, RequireFormatValidation = true });
        Assert.True(results.IsValid, $"{text}\n{JsonSerializer.Serialize(results)}");
        return JsonNode.Parse(text)!.AsObject();
    }

    private static JsonObject[] ItemsOf(JsonObject report) => [.. report["items"]!.AsArray().Select(item => item!.AsObject())];

    internal static string[] ResultsOf(JsonObject report) => [.. ItemsOf(report).Select(item => (string)item["result"]!)];

    [Fact]
    public async Task Every_input_is_in_the_report_with_what_was_done_for_it()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string bad = shell.WriteFile("bad.png", "No image."u8.ToArray());
        shell.Fault(SandboxOperation.Generate, SandboxFaultKind.FailTask, match: "fails");
        shell.Fault(SandboxOperation.Create, SandboxFaultKind.LoseAnswerAfter, match: "is lost");

        ShellResult result = await shell.RunAsync(
            """
            $made = [pscustomobject]@{ Path = $images[0]; Prompt = 'p' }
            $fails = [pscustomobject]@{ Path = $images[1]; Prompt = 'fails' }
            $lost = [pscustomobject]@{ Path = $images[2]; Prompt = 'is lost' }
            $bad = [pscustomobject]@{ Path = $badImage; Prompt = 'p' }
            $row = [pscustomobject]@{ Path = $images[3]; Prompt = 'p'; Duration = 7 }
            $unbound = [pscustomobject]@{ Path = $images[3]; Prompt = 'p'; Duration = '7.5' }
            $none = [pscustomobject]@{ Path = 'none.png'; Prompt = 'p' }
            $null = $made, $fails, $lost, $bad, $row, $unbound, $none |
                ConvertTo-KlingVideo -Destination $destination -PollingInterval 0.1 -ReportPath $report -MaxCredits 500 -InformationVariable summary -RetryFailed
            $summary.MessageData
            """,
            new { images = shell.Images("0.png", "1.png", "2.png", "3.png"), badImage = bad, destination = shell.Destination, report = ReportOf(shell) });

        JsonObject report = Read(ReportOf(shell));
        Assert.Equal(["Made", "Failed", "Unknown", "Refused", "Refused", "Refused", "Refused"], ResultsOf(report));
        JsonObject[] items = ItemsOf(report);
        Assert.Equal(
            [null, "KlingTaskFailed", "KlingAttemptUnknown", "KlingImageUnsupported", "KlingRequestInvalid", "KlingRequestInvalid", "KlingPathNotFound"],
            items.Select(item => (string?)item["errorId"]));
        Assert.Equal(
            ["0.png", "1.png", "2.png", "bad.png", "3.png", "3.png", "none.png"],
            items.Select(item => Path.GetFileName((string)item["path"]!)));
        Assert.Contains("7.5", (string)items[5]["errorMessage"]!, StringComparison.Ordinal);
        Assert.Equal([42m, 0, 0], items.Take(3).Select(item => (decimal)item["creditsConsumed"]!));
        Assert.Equal([0m, 0, 42], items.Take(3).Select(item => (decimal)item["creditsReserved"]!));
        Assert.Equal(Assert.Single(Directory.GetFiles(shell.Destination)), (string)items[0]["file"]!);
        Assert.All(items.Take(3), item => Assert.NotNull(item["id"]));
        Assert.All(items.Take(3), item => Assert.Equal(64, ((string)item["identity"]!).Length));
        Assert.Equal(("NeedsPerson", 5), ((string)report["outcome"]!, (int)report["exitCode"]!));
        Assert.True((bool)report["inputComplete"]!);
        Assert.Equal(500m, (decimal)report["parameters"]!["MaxCredits"]!);
        Assert.True((bool)report["parameters"]!["RetryFailed"]!);

        ConversionSummary summary = Assert.Single(result.Of<ConversionSummary>());
        Assert.Equal(("NeedsPerson", 5, 1, 1, 1, 4, 42m), (summary.Outcome, summary.ExitCode, summary.Made, summary.Failed, summary.Unknown, summary.Refused, summary.Credits));
        Assert.Equal(ResultsOf(report), summary.Items.Select(item => item.Result));
        Assert.Equal(ReportOf(shell), summary.ReportPath);
        Assert.Equal((string)report["runId"]!, summary.RunId);
        SandboxBill bill = shell.Bill;
        Assert.Equal(bill.CreditsSpent + bill.CreditsHeld, (decimal)report["totals"]!["credits"]! + (decimal)report["totals"]!["creditsUnknown"]!);
    }

    [Fact]
    public async Task A_video_says_whether_it_was_made_downloaded_or_present()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        object variables = In(shell, "a.png", "b.png");

        PSObject[] first = [.. (await shell.RunAsync("$images[0] | " + Convert, variables)).Clean().Output];
        await shell.RunAsync("$null = New-KlingVideoTask $images[1] 'It moves.' | Wait-KlingVideoTask");
        PSObject[] second = [.. (await shell.RunAsync("$images | " + Convert)).Clean().Output];

        Assert.Equal(["Made"], first.Select(video => video.Properties["Result"].Value));
        Assert.Equal(["Downloaded", "Present"], second.Select(video => video.Properties["Result"].Value).Order());
        JsonObject report = Read(ReportOf(shell));
        Assert.Equal(["Present", "Downloaded"], ResultsOf(report));
        Assert.Equal(("AllThere", 0, 0m), ((string)report["outcome"]!, (int)report["exitCode"]!, (decimal)report["totals"]!["credits"]!));
    }

    [Theory]
    [InlineData("-ErrorAction Ignore")]
    [InlineData("-ErrorAction SilentlyContinue")]
    [InlineData("2>$null")]
    public async Task Rows_that_never_bound_are_in_the_report_however_many_and_whoever_hides_their_errors(string errors)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        await shell.RunAsync(
            $$"""
            $rows = 1..300 | ForEach-Object { [pscustomobject]@{ Path = "$_.png"; CfgScale = '7' } }
            $rows + [pscustomobject]@{ Path = $image; CfgScale = '' } | {{Convert}} {{errors}}
            """,
            In(shell));

        JsonObject report = Read(ReportOf(shell));
        Assert.Equal((300, 1), ((int)report["totals"]!["refused"]!, (int)report["totals"]!["made"]!));
        Assert.Equal([.. Enumerable.Range(1, 300).Select(i => $"{i}.png"), Path.Combine(shell.Folder, "boat.png")], ItemsOf(report).Select(item => (string)item["path"]!));
    }

    [Fact]
    public async Task A_row_that_PowerShell_itself_refuses_is_in_the_report_too()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync($"[pscustomobject]@{{ File = 'boat.png' }}, 'none.png' | {Convert}", In(shell));

        Assert.Equal(2, result.Errors.Count);
        Assert.Equal([null, "none.png"], ItemsOf(Read(ReportOf(shell))).OrderBy(item => (string?)item["path"] ?? string.Empty).Select(item => Path.GetFileName((string?)item["path"])));
        Assert.Equal(["@{File=boat.png}", null], ItemsOf(Read(ReportOf(shell))).Select(item => (string?)item["name"]).OrderDescending());
    }

    [Fact]
    public async Task Nothing_among_the_rows_is_not_reported_as_the_row_before_it()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync($"[pscustomobject]@{{ Path = $image }}, $null | {Convert}", In(shell));

        Assert.Null(Assert.Single(result.Errors).Is("KlingRequestInvalid", ErrorCategory.InvalidArgument).TargetObject);
        JsonObject[] items = ItemsOf(Read(ReportOf(shell)));
        Assert.Equal(["Made", "Refused"], items.Select(item => (string?)item["result"]));
        Assert.Equal((null, null), ((string?)items[1]["path"], (string?)items[1]["name"]));
    }

    [Fact]
    public async Task A_refusal_within_another_command_is_no_row_of_this_one()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        await shell.RunAsync($"$images | {Convert} | ForEach-Object {{ try {{ Measure-KlingVideoCost -Duration 9.6 }} catch {{ }} }}", In(shell, "a.png", "b.png"));

        Assert.Equal(["Made", "Made"], ResultsOf(Read(ReportOf(shell))));
    }

    [Fact]
    public async Task A_run_without_images_has_a_report_and_an_exit_code_of_its_own()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync($"@() | {Convert} -InformationVariable summary; $summary.MessageData", In(shell));

        Assert.Equal(("NothingToDo", 3), (Assert.Single(result.Of<ConversionSummary>()).Outcome, Assert.Single(result.Of<ConversionSummary>()).ExitCode));
        Assert.Equal("NothingToDo", (string)Read(ReportOf(shell))["outcome"]!);
    }

    [Theory]
    [InlineData("ConvertTo-KlingVideo -Path $image -Prompt '' -Destination $destination -ReportPath $report -Duration 5 -LiteralPath $image", "KlingRequestInvalid")]
    [InlineData("ConvertTo-KlingVideo -Path @() -Prompt p -Destination $destination -ReportPath $report", "KlingRequestInvalid")]
    [InlineData("ConvertTo-KlingVideo $image p -Destination $destination -ReportPath $report -NameTemplate '{Nothing}'", "KlingRequestInvalid")]
    [InlineData("ConvertTo-KlingVideo $image p -Destination $image -ReportPath $report", "KlingDestinationUnusable")]
    [InlineData("ConvertTo-KlingVideo $image p -Destination $destination -ReportPath $report -LogPath $image", "KlingFileExists")]
    [InlineData("ConvertTo-KlingVideo $image -Destination $destination -ReportPath $report", "KlingRequestInvalid")]
    [InlineData("Disconnect-KlingAccount; ConvertTo-KlingVideo $image p -Destination $destination -ReportPath $report", "KlingApiKeyMissing")]
    public async Task What_keeps_a_run_from_beginning_is_in_its_report(string script, string errorId)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync(script, In(shell));

        Assert.NotNull(result.Terminating);
        JsonObject report = Read(ReportOf(shell));
        Assert.Equal(("CouldNotBegin", 6, errorId), ((string)report["outcome"]!, (int)report["exitCode"]!, (string)report["error"]!["id"]!));
        Assert.Equal(0, shell.Bill.CreatesReceived);
    }

    [Theory]
    [InlineData("$image | ConvertTo-KlingVideo -Prompt p -Destination $destination -ReportPath $report -MaxCredits much")]
    [InlineData("$image | ConvertTo-KlingVideo -Prompt p -Destination $destination -ReportPath $report -Nothing 1")]
    public async Task A_run_whose_parameters_PowerShell_refuses_leaves_a_report(string script)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync(script, In(shell));

        Assert.NotNull(result.Terminating);
        JsonObject report = Read(ReportOf(shell));
        Assert.Equal(("CouldNotBegin", 6, "KlingRequestInvalid"), ((string)report["outcome"]!, (int)report["exitCode"]!, (string)report["error"]!["id"]!));
        Assert.Contains("never began", (string)report["error"]!["message"]!, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("'{None}.json'", "KlingRequestInvalid")]
    [InlineData("$image", "KlingFileExists")]
    public async Task A_run_that_can_have_no_report_has_a_summary_all_the_same(string report, string errorId)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync(
            $"try {{ ConvertTo-KlingVideo $image p -ReportPath {report} -InformationVariable told }} catch {{ $_.FullyQualifiedErrorId.Split(',')[0] }}; $told.MessageData.Outcome; $told.MessageData.ExitCode",
            In(shell));

        Assert.Equal([errorId, "CouldNotBegin", "6"], result.Output.Select(line => line.ToString()));
    }

    [Fact]
    public async Task A_run_that_never_begins_replaces_nothing_but_a_report()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string notes = shell.WriteFile("notes.json", "Mine."u8.ToArray());

        Assert.NotNull((await shell.RunAsync("ConvertTo-KlingVideo $image p -ReportPath $notes -MaxCredits much", new { image = shell.Image(), notes })).Terminating);

        Assert.Equal("Mine.", await File.ReadAllTextAsync(notes));
    }

    [Fact]
    public async Task A_limit_that_is_reached_has_an_exit_code_of_its_own()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        await shell.RunAsync($"$images | {Convert} -MaxTasks 1", In(shell, "a.png", "b.png"));

        JsonObject report = Read(ReportOf(shell));
        Assert.Equal(("LimitReached", 4), ((string)report["outcome"]!, (int)report["exitCode"]!));
        Assert.Equal(["Made", "OverLimit"], ResultsOf(report).Order());
    }

    [Fact]
    public async Task What_is_still_being_made_when_the_time_is_over_is_pending_and_counts_with_what_is_set_aside()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync(generationTime: TimeSpan.FromHours(1));

        await shell.RunAsync($"$image | {Convert} -Timeout 0", In(shell));

        JsonObject report = Read(ReportOf(shell));
        JsonObject item = Assert.Single(ItemsOf(report));
        Assert.Equal(("Pending", "KlingWaitTimeout", 42m, 0m), ((string)item["result"]!, (string)item["errorId"]!, (decimal)item["creditsReserved"]!, (decimal)item["creditsConsumed"]!));
        Assert.Equal(("Partly", 42m), ((string)report["outcome"]!, (decimal)report["totals"]!["creditsReserved"]!));
    }

    [Fact]
    public async Task When_the_credits_end_half_way_a_person_is_needed()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync(credits: 50);

        ShellResult result = await shell.RunAsync($"$images | {Convert}", In(shell, "a.png", "b.png"));

        Assert.NotNull(result.Terminating);
        JsonObject report = Read(ReportOf(shell));
        Assert.Equal(("NeedsPerson", "KlingCreditsInsufficient", true), ((string)report["outcome"]!, (string)report["error"]!["id"]!, (bool)report["inputComplete"]!));
        Assert.Equal(["Failed", "Made"], ResultsOf(report).Order());
    }

    [Fact]
    public async Task Stopping_leaves_a_report_that_names_what_is_being_made()
    {
        var clock = new ManualClock();
        await using ConnectedShell shell = await ConnectedShell.StartAsync(clock, TimeSpan.FromMinutes(2));
        using RunningScript running = shell.Shell.Start($"$images | {Convert}", In(shell, "a.png", "b.png"));
        await Eventually.TrueAsync(() => shell.Bill.Tasks is [{ Queries: > 0 }, { Queries: > 0 }]);
        Assert.Equal(("Running", null, null), ((string)Read(ReportOf(shell))["outcome"]!, Read(ReportOf(shell))["exitCode"], Read(ReportOf(shell))["end"]));

        await running.StopAsync();

        Assert.True((await running.Completion).WasStopped);
        JsonObject report = Read(ReportOf(shell));
        Assert.Equal(("Stopped", 7), ((string)report["outcome"]!, (int)report["exitCode"]!));
        Assert.All(ItemsOf(report), item => Assert.Equal(("Pending", 42m), ((string)item["result"]!, (decimal)item["creditsReserved"]!)));
        Assert.Equal(shell.Bill.Tasks.Select(task => task.TaskId).Order(), ItemsOf(report).Select(item => (string)item["taskId"]!).Order());
    }

    [Theory]
    [InlineData("ForEach-Object { throw 'enough' }")]
    [InlineData("ForEach-Object { break }")]
    public async Task A_command_further_down_that_ends_the_pipeline_leaves_a_report(string next)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        await shell.RunAsync($"$images | {Convert} -ThrottleLimit 1 | {next}", In(shell, "a.png", "b.png"));

        JsonObject report = Read(ReportOf(shell));
        Assert.Equal(("Stopped", 7), ((string)report["outcome"]!, (int)report["exitCode"]!));
        Assert.Contains("Made", ResultsOf(report));
    }

    [Fact]
    public async Task An_item_that_ends_the_pipeline_by_ErrorAction_Stop_is_in_the_report()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync($"[pscustomobject]@{{ Path = $image; Duration = '9.6' }} | {Convert} -ErrorAction Stop", In(shell));

        Assert.NotNull(result.Terminating);
        JsonObject report = Read(ReportOf(shell));
        Assert.Equal("Stopped", (string)report["outcome"]!);
        Assert.Equal(["Refused"], ResultsOf(report));
    }

    [Fact]
    public async Task A_report_that_cannot_be_at_its_path_lies_beside_the_ledger_and_that_is_told()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string blocked = Path.Combine(shell.WriteFile("file", [1]), "report.json");

        ShellResult result = await shell.RunAsync($"$null = $image | {Convert} -InformationVariable summary; $summary.MessageData", new { image = shell.Image("boat.png"), destination = shell.Destination, report = blocked });

        string place = Assert.Single(result.Of<ConversionSummary>()).ReportPath!;
        Assert.Equal(Path.GetDirectoryName(Environment.GetEnvironmentVariable("KLINGPS_LEDGER")), Path.GetDirectoryName(place));
        Assert.Equal("AllThere", (string)Read(place)["outcome"]!);
        Assert.Equal(2, result.Warnings.Count);
        Assert.Contains($"It is in '{place}'.", result.Warnings[1], StringComparison.Ordinal);
        File.Delete(place);
    }

    [Fact]
    public async Task What_is_no_report_is_not_replaced_and_nothing_is_bought()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string notes = shell.WriteFile("notes.json", "{}"u8.ToArray());

        ShellResult result = await shell.RunAsync($"$image | {Convert}", new { image = shell.Image("boat.png"), destination = shell.Destination, report = notes });

        result.Terminating.Is("KlingFileExists", ErrorCategory.ResourceExists);
        Assert.Equal("{}", await File.ReadAllTextAsync(notes));
        Assert.Equal(0, shell.Bill.CreatesReceived);
    }

    [Fact]
    public async Task WhatIf_writes_no_report()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        (await shell.RunAsync($"$image | {Convert} -WhatIf", In(shell))).Clean();

        Assert.False(Directory.Exists(Path.GetDirectoryName(ReportOf(shell))));
    }

    [Fact]
    public async Task The_path_of_a_report_may_have_the_date_and_the_run_in_it()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        (await shell.RunAsync($"$image | {Convert}", new { image = shell.Image("boat.png"), destination = shell.Destination, report = Path.Combine(shell.Folder, "{Date:yyyy}", "{RunId}.json") })).Clean();

        string path = Assert.Single(Directory.GetFiles(Path.Combine(shell.Folder, DateTime.Now.ToString("yyyy", System.Globalization.CultureInfo.InvariantCulture))));
        Assert.Equal((string)Read(path)["runId"]!, Path.GetFileNameWithoutExtension(path));
    }

    [Theory]
    [InlineData("{Time}.json")]
    [InlineData("{Date:HH:mm}.json")]
    [InlineData("{Date:yyyy/MM}.json")]
    public async Task A_path_that_makes_no_name_is_refused_before_anything_is_bought(string name)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync($"$image | {Convert}", new { image = shell.Image("boat.png"), destination = shell.Destination, report = Path.Combine(shell.Folder, name) });

        result.Terminating.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument);
        Assert.Equal(0, shell.Bill.CreatesReceived);
    }

    [Fact]
    public async Task A_report_holds_no_secret()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        await shell.RunAsync(
            $"$image | {Convert.Replace("'It moves.'", "$prompt", StringComparison.Ordinal)} -CallbackUri 'https://me:PASSWORD@example.com/hook?code=SECRET#x' -Name sk-abcdef123456",
            new { image = shell.Image("boat.png"), destination = shell.Destination, report = ReportOf(shell), prompt = "The key is " + ConnectedShell.Key });

        string text = await File.ReadAllTextAsync(ReportOf(shell));
        Assert.Contains("https://example.com/hook?…", text, StringComparison.Ordinal);
        Assert.DoesNotContain("SECRET", text, StringComparison.Ordinal);
        Assert.DoesNotContain("PASSWORD", text, StringComparison.Ordinal);
        Assert.DoesNotContain("sk-abcdef", text, StringComparison.Ordinal);
        Assert.DoesNotContain(ConnectedShell.Key, text, StringComparison.Ordinal);
        Read(ReportOf(shell));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(ReportOf(shell)));
        }
    }

    [Fact]
    public async Task A_report_holds_no_password_of_an_address_that_is_none_because_of_it()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync(
            $"$image | {Convert} -CallbackUri 'https://me:PASS/WORD@example.com/hook'",
            new { image = shell.Image("boat.png"), destination = shell.Destination, report = ReportOf(shell) });

        Assert.DoesNotContain("WORD", string.Concat(result.Errors), StringComparison.Ordinal);
        Assert.DoesNotContain("WORD", await File.ReadAllTextAsync(ReportOf(shell)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_nobody_sees_of_a_name_is_escaped_and_the_same_to_a_program()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string image = shell.Image("a\u202Egnp.png");

        (await shell.RunAsync($"$image | {Convert}", new { image, destination = shell.Destination, report = ReportOf(shell) })).Clean();

        Assert.Contains("a\\u202Egnp.png", await File.ReadAllTextAsync(ReportOf(shell)), StringComparison.Ordinal);
        Assert.Equal(image, (string)ItemsOf(Read(ReportOf(shell)))[0]["path"]!);
    }

    [Fact]
    public void The_numbers_of_outcomes_are_never_changed()
        => Assert.Equal(
            ["AllThere = 0", "Partly = 2", "NothingToDo = 3", "LimitReached = 4", "NeedsPerson = 5", "CouldNotBegin = 6", "Stopped = 7"],
            Enum.GetValues<RunOutcome>().Select(outcome => $"{outcome} = {(int)outcome}"));

    [Fact]
    public void The_schema_knows_every_outcome_result_and_state()
    {
        JsonNode schema = JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "schemas", "KlingPS.Report.schema.json")))!;

        Assert.Equal(Enum.GetNames<RunOutcome>().Prepend("Running"), Values(schema["properties"]!["outcome"]!));
        Assert.Equal(Enum.GetNames<RunItemResult>(), Values(schema["$defs"]!["item"]!["properties"]!["result"]!));
        Assert.Equal(Enum.GetNames<KlingTaskState>(), Values(schema["$defs"]!["item"]!["properties"]!["state"]!).OfType<string>());

        static string?[] Values(JsonNode node) => [.. node["enum"]!.AsArray().Select(value => (string?)value)];
    }
}
