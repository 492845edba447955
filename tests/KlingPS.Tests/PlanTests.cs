using System.Management.Automation;
using System.Text.Json;
using System.Text.Json.Nodes;
using Json.Schema;
using KlingPS.Core.Converting;
using KlingPS.Sandbox;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

/// <summary>A plan that is written, looked at, and carried out exactly as it is.</summary>
public sealed class PlanTests
{
    private const string Convert = "$images | ConvertTo-KlingVideo -Prompt 'It moves.' -Destination $destination";
    private const string MakePlan = Convert + " -PlanPath $plan";
    private const string CarryOut = "ConvertTo-KlingVideo -Plan $plan -ReportPath $report";

    private static readonly JsonSchema s_schema = JsonSchema.FromFile(Path.Combine(AppContext.BaseDirectory, "schemas", "KlingPS.Plan.schema.json"));

    private static string PlanOf(ConnectedShell shell) => Path.Combine(shell.Folder, "plans", "plan.json");

    private static string ReportOf(ConnectedShell shell) => Path.Combine(shell.Folder, "report.json");

    private static object Variables(ConnectedShell shell, int images = 3) => new
    {
        images = shell.Images([.. Enumerable.Range(0, images).Select(i => $"{i}.png")]),
        destination = shell.Destination,
        plan = PlanOf(shell),
        report = ReportOf(shell),
    };

    /// <summary>Reads a plan, which has to be as the schema says.</summary>
    private static JsonObject Read(string path)
    {
        string text = File.ReadAllText(path);
        using var document = JsonDocument.Parse(text);
        EvaluationResults results = s_schema.Evaluate(document.RootElement, new EvaluationOptions { OutputFormat = OutputFormat.List, RequireFormatValidation = true });
        Assert.True(results.IsValid, $"{text}\n{JsonSerializer.Serialize(results)}");
        return JsonNode.Parse(text)!.AsObject();
    }

    private static string[] ResultsOf(JsonObject document) => [.. document["items"]!.AsArray().Select(item => (string)item!["result"]!)];

    [Theory]
    [InlineData("-WhatIf")]
    [InlineData("-PlanPath $plan")]
    public async Task The_line_about_a_plan_counts_every_input_that_its_file_counts_and_in_the_words_of_a_run(string planned)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync(
            $$"""
            [pscustomobject]@{ Path = $images[0]; Prompt = 'It moves.' },
            [pscustomobject]@{ Path = $images[1]; Prompt = 'It moves.'; Duration = 'x' },
            [pscustomobject]@{ Path = 'missing.png'; Prompt = 'It moves.' } |
                ConvertTo-KlingVideo -Destination $destination {{planned}}
            """,
            Variables(shell));

        Assert.Equal(["Plan: buy 1 for 42 credits, wait for 0, download 0, leave 0 as they are, 2 refused, 0 failed. Nothing was sent."], result.Information);
        if (File.Exists(PlanOf(shell)))
        {
            JsonNode totals = Read(PlanOf(shell))["totals"]!;
            Assert.Equal((3, 1, 2, 0), ((int)totals["inputs"]!, (int)totals["made"]!, (int)totals["refused"]!, (int)totals["failed"]!));
        }
    }

    [Fact]
    public async Task A_plan_of_rows_that_cannot_be_used_has_a_line_as_well()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync("[pscustomobject]@{ Path = $images[0]; Prompt = 'It moves.'; Duration = 'x' } | ConvertTo-KlingVideo -Destination $destination -WhatIf", Variables(shell));

        Assert.Equal(["Plan: buy 0 for 0 credits, wait for 0, download 0, leave 0 as they are, 1 refused, 0 failed. Nothing was sent."], result.Information);
    }

    [Fact]
    public async Task A_plan_says_of_every_input_in_its_order_what_would_be_done_and_sends_nothing()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        object variables = new
        {
            images = shell.Images("0.png", "1.png", "2.png", "3.png", "4.png"),
            tail = shell.Image("tail.png"),
            bad = shell.WriteFile("bad.png", "No image."u8.ToArray()),
            prompt = shell.WriteFile("4.png.txt", "From a file."u8.ToArray()),
            destination = shell.Destination,
            plan = PlanOf(shell),
        };
        (await shell.RunAsync("ConvertTo-KlingVideo $images[1] -Prompt 'It moves.' -Destination $destination", variables)).Clean();
        int requests = shell.Bill.Requests.Count;

        ShellResult result = await shell.RunAsync(
            """
            [pscustomobject]@{ Path = $images[0]; Prompt = 'It moves.'; TailImagePath = $tail },
            [pscustomobject]@{ Path = $images[1]; Prompt = 'It moves.' },
            [pscustomobject]@{ Path = $bad; Prompt = 'It moves.' },
            [pscustomobject]@{ Path = $images[2]; Prompt = 'It moves.'; Duration = '7.5' },
            [pscustomobject]@{ Path = $images[0]; Prompt = 'It moves.'; TailImagePath = $tail; Take = 2; Duration = 10 },
            [pscustomobject]@{ Path = $images[4] },
            [pscustomobject]@{ Path = $images[3]; Prompt = 'It moves.' } |
                ConvertTo-KlingVideo -Destination $destination -PromptFromSidecar -MaxCredits 200 -PlanPath $plan -PlanLifetime 01:00:00
            """,
            variables);

        Assert.Equal(requests, shell.Bill.Requests.Count);
        Assert.Equal(PlanOf(shell), Assert.IsType<FileInfo>(Assert.Single(result.Output).BaseObject).FullName);
        Assert.Single(Directory.GetFiles(shell.Destination));
        JsonObject plan = Read(PlanOf(shell));
        Assert.Equal(["Made", "Present", "Refused", "Refused", "Made", "Made", "OverLimit"], ResultsOf(plan));
        JsonObject[] items = [.. plan["items"]!.AsArray().Select(item => item!.AsObject())];
        Assert.Equal([42m, 0, 0, 0, 84, 42, 0], items.Select(item => (decimal)item["credits"]!));
        Assert.Equal(
            [null, null, "KlingImageUnsupported", "KlingRequestInvalid", null, null, null],
            items.Select(item => (string?)item["errorId"]));
        Assert.Equal((168m, 3), ((decimal)plan["totals"]!["credits"]!, (int)plan["totals"]!["made"]!));
        Assert.Equal(200m, (decimal)plan["limits"]!["maxCredits"]!);
        Assert.Equal(["Destination", "MaxCredits", "PlanLifetime", "PlanPath", "PollingInterval", "PromptFromSidecar"], plan["parameters"]!.AsObject().Select(parameter => parameter.Key).Order());
        string digest = (string)plan["digest"]!;
        byte[] unsigned = System.Text.Encoding.UTF8.GetBytes((await File.ReadAllTextAsync(PlanOf(shell), TestContext.Current.CancellationToken)).Replace(digest, string.Empty, StringComparison.Ordinal));
        Assert.Equal(digest, System.Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(unsigned)).ToLowerInvariant());
        Assert.Equal("From a file.", (string?)items[5]["request"]!["prompt"]);
        Assert.Equal(64, ((string)items[0]["request"]!["tailImage"]!["hash"]!).Length);
        Assert.Equal(2, (int)items[4]["request"]!["take"]!);
        Assert.Equal("Succeeded", (string?)items[1]["task"]!["state"]);
        Assert.Equal(TimeSpan.FromHours(1), (DateTimeOffset)plan["endsAt"]! - (DateTimeOffset)plan["createdAt"]!);
        Assert.DoesNotContain(ConnectedShell.Key, plan.ToJsonString(), StringComparison.Ordinal);
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(PlanOf(shell)));
        }

        // Carried out, every input ends as it was planned.
        ShellResult run = await shell.RunAsync(CarryOut, Variables(shell));
        JsonObject report = ReportTests.Read(ReportOf(shell));
        Assert.Equal(ResultsOf(plan), ReportTests.ResultsOf(report));
        Assert.Equal((string?)plan["planId"], (string?)report["plan"]!["id"]);
        Assert.Equal(PlanOf(shell), (string?)report["plan"]!["file"]);
        Assert.Equal(items.Where(item => (string)item["result"]! == "Made").Select(item => (string?)item["file"]).Order(), run.Output.Select(file => file.ToString()).Where(file => !file!.EndsWith("1.mp4", StringComparison.Ordinal)).Order());
        Assert.Equal(1 + 3, shell.Bill.CreatesAccepted);
        Assert.Equal(42m + 168, shell.Bill.CreditsSpent);
    }

    [Fact]
    public async Task A_plan_is_carried_out_once_whatever_its_file_is_called()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        object variables = Variables(shell);
        (await shell.RunAsync(MakePlan, variables)).Clean();
        Assert.Equal(3, (await shell.RunAsync($"{CarryOut} -WhatIf; {CarryOut}", variables)).Clean().Output.Count);
        File.Copy(PlanOf(shell), Path.Combine(shell.Folder, "copy.json"));
        Directory.Delete(shell.Destination, recursive: true);

        ShellResult again = await shell.RunAsync($"ConvertTo-KlingVideo -Plan '{Path.Combine(shell.Folder, "copy.json")}'", variables);

        Assert.Contains("and a plan is used once", again.Terminating.Is("KlingPlanUnusable", ErrorCategory.InvalidData).ToString(), StringComparison.Ordinal);
        Assert.Equal(3, shell.Bill.CreatesAccepted);
    }

    [Fact]
    public async Task A_run_of_a_plan_that_was_ended_by_an_error_is_taken_up_by_the_same_plan_and_nothing_is_bought_twice()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        object variables = Variables(shell, 4);
        (await shell.RunAsync(MakePlan, variables)).Clean();
        shell.Fault(SandboxOperation.Create, SandboxFaultKind.Code, skip: 2, count: 2, code: 401);
        (await shell.RunAsync($"{CarryOut} -ThrottleLimit 1", variables)).Terminating.Is("KlingUnauthorized", ErrorCategory.AuthenticationError);
        Assert.Equal(2, shell.Bill.CreatesAccepted);
        shell.Server.ClearFaults();

        ShellResult result = (await shell.RunAsync(CarryOut, variables)).Clean();

        Assert.Equal(4, result.Output.Count);
        Assert.Equal(4, shell.Bill.CreatesAccepted);
        Assert.Equal(["Present", "Present", "Made", "Made"], ReportTests.ResultsOf(ReportTests.Read(ReportOf(shell))));
    }

    [Fact]
    public async Task What_a_limit_of_the_run_has_left_out_is_bought_by_the_same_plan_later()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        object variables = Variables(shell);
        (await shell.RunAsync(MakePlan, variables)).Clean();
        ShellResult first = await shell.RunAsync($"{CarryOut} -MaxTasks 2", variables);
        Assert.Equal("2.png", Path.GetFileName(Assert.Single(first.Errors).Is("KlingBudgetExceeded", ErrorCategory.QuotaExceeded).TargetObject.ToString()));

        (await shell.RunAsync(CarryOut, variables)).Clean();

        Assert.Equal(3, shell.Bill.CreatesAccepted);
        (await shell.RunAsync(CarryOut, variables)).Terminating.Is("KlingPlanUnusable", ErrorCategory.InvalidData);
    }

    [Fact]
    public async Task An_image_that_has_changed_since_is_refused_by_name_and_the_others_go_on()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        object variables = Variables(shell);
        (await shell.RunAsync(MakePlan, variables)).Clean();
        shell.WriteFile("1.png", TestImage.Png("another"));

        ShellResult result = await shell.RunAsync(CarryOut, variables);

        ErrorRecord error = Assert.Single(result.Errors).Is("KlingPlanDiffers", ErrorCategory.InvalidResult);
        Assert.Contains("1.png' has other content than when the plan was made", error.ToString(), StringComparison.Ordinal);
        Assert.Equal((2, 2), (result.Output.Count, shell.Bill.CreatesAccepted));
        Assert.Equal(["Made", "Refused", "Made"], ReportTests.ResultsOf(ReportTests.Read(ReportOf(shell))));

        // The plan is used up: not even with the image as it was is anything bought any more.
        shell.Image("1.png");
        (await shell.RunAsync(CarryOut, variables)).Terminating.Is("KlingPlanUnusable", ErrorCategory.InvalidData);
        Assert.Equal(2, shell.Bill.CreatesAccepted);
    }

    [Fact]
    public async Task What_was_bought_since_is_not_bought_again_and_said_so()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        object variables = Variables(shell);
        (await shell.RunAsync(MakePlan, variables)).Clean();
        (await shell.RunAsync("ConvertTo-KlingVideo $images[1] -Prompt 'It moves.' -Destination $destination", variables)).Clean();

        ShellResult result = await shell.RunAsync(CarryOut, variables);

        ErrorRecord error = Assert.Single(result.Errors).Is("KlingPlanDiffers", ErrorCategory.InvalidResult);
        Assert.Contains("since the plan was made it was bought as task", error.ToString(), StringComparison.Ordinal);
        Assert.Contains("is not bought again", error.ToString(), StringComparison.Ordinal);
        Assert.Equal(3, shell.Bill.CreatesAccepted);
    }

    [Fact]
    public async Task Another_price_than_the_plan_says_is_not_paid()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync(priceFactor: 2);
        object variables = Variables(shell);
        (await shell.RunAsync(MakePlan, variables)).Clean();
        string other = shell.Image("other.png");
        await shell.RunAsync($"ConvertTo-KlingVideo '{other}' -Prompt 'It moves.' -Destination $destination", variables);

        ShellResult result = await shell.RunAsync(CarryOut, variables);

        Assert.Equal(3, result.Errors.Count);
        Assert.All(result.Errors, error => Assert.Contains("it costs 84 credits now, and 42 credits in the plan", error.Is("KlingPlanDiffers", ErrorCategory.InvalidResult).ToString(), StringComparison.Ordinal));
        Assert.Equal(1, shell.Bill.CreatesAccepted);
    }

    [Fact]
    public async Task Images_that_are_given_with_a_plan_and_are_not_in_it_are_not_bought()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        object variables = Variables(shell);
        (await shell.RunAsync(MakePlan, variables)).Clean();
        string more = shell.Image("more.png");

        ShellResult result = await shell.RunAsync($"$images + '{more}' | ConvertTo-KlingVideo -Prompt 'It moves.' -Plan $plan", variables);

        ErrorRecord error = Assert.Single(result.Errors).Is("KlingPlanDiffers", ErrorCategory.InvalidResult);
        Assert.Contains("more.png': it is not in the plan", error.ToString(), StringComparison.Ordinal);
        Assert.Equal((3, 3), (result.Output.Count, shell.Bill.CreatesAccepted));
        Assert.Equal(3, Directory.GetFiles(shell.Destination).Length);
    }

    [Theory]
    [InlineData("\"prompt\": \"It moves.\"", "\"prompt\": \"It explodes.\"", false)]
    [InlineData("\"prompt\": \"It moves.\"", "\"prompt\": \"It explodes.\"", true)]
    [InlineData("\"credits\": 42", "\"credits\": 1", true)]
    [InlineData("  \"items\": [", "  \"items\": [],\n  \"items\": [", false)]
    public async Task A_plan_that_was_changed_is_refused_as_a_whole_also_with_a_new_digest(string old, string changed, bool isSealed)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        object variables = Variables(shell);
        (await shell.RunAsync(MakePlan, variables)).Clean();
        string text = (await File.ReadAllTextAsync(PlanOf(shell), TestContext.Current.CancellationToken)).Replace(old, changed, StringComparison.Ordinal);
        await File.WriteAllTextAsync(PlanOf(shell), text, TestContext.Current.CancellationToken);
        if (isSealed)
        {
            PlanFile.Write(PlanOf(shell), JsonSerializer.Deserialize(text, PlanJson.Context.PlanDocument)!.Sealed());
        }

        ShellResult result = await shell.RunAsync(CarryOut, variables);

        Assert.Contains("was changed after it was made", result.Terminating.Is("KlingPlanUnusable", ErrorCategory.InvalidData).ToString(), StringComparison.Ordinal);
        Assert.Equal(0, shell.Bill.CreatesReceived);
    }

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("{\n  \"$schema\": \"urn:klingps:plan:1\",\n  \"planId\":", "is damaged or cut off (line 4)")]
    [InlineData("{ \"$schema\": \"urn:klingps:plan:1\" }", "is damaged")]
    [InlineData("{ \"$schema\": \"urn:klingps:plan:9\" }", "was made by another version of KlingPS ('urn:klingps:plan:9'; this one reads 'urn:klingps:plan:1')")]
    [InlineData("{ \"$schema\": \"urn:klingps:report:1\" }", "is not a plan that ConvertTo-KlingVideo -PlanPath has written")]
    [InlineData("[]", "is not a plan that ConvertTo-KlingVideo -PlanPath has written")]
    public async Task What_is_no_plan_of_this_version_gets_one_clear_error(string text, string expected)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        object variables = Variables(shell);
        shell.WriteFile("plans/plan.json", System.Text.Encoding.UTF8.GetBytes(text));

        ShellResult result = await shell.RunAsync(CarryOut, variables);

        Assert.Contains(expected, result.Terminating.Is("KlingPlanUnusable", ErrorCategory.InvalidData).ToString(), StringComparison.Ordinal);
        Assert.Empty(shell.Bill.Requests);
    }

    [Theory]
    [InlineData(CarryOut + " -PlanPath other.json", "-Plan and -PlanPath do not go together")]
    [InlineData(Convert + " -PlanLifetime 60", "-PlanLifetime says how long the plan of -PlanPath holds")]
    [InlineData(Convert + " -PlanPath $images[0]", "is an image, and was left as it is")]
    [InlineData("[IO.File]::WriteAllText($report, 'x'); " + Convert + " -PlanPath $report", "is not a plan, and is not replaced by one")]
    [InlineData(Convert + " -PlanPath (Get-KlingConfiguration).Ledger", "is the place of the ledger")]
    [InlineData("ConvertTo-KlingVideo -Plan none.json", "There is no plan")]
    [InlineData("$images | ConvertTo-KlingVideo -Prompt 'It moves.' -PlanPath plan.json -PlanLifetime 0", "PlanLifetime")]
    public async Task A_wrong_call_buys_nothing_and_says_why(string command, string expected)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync(command, Variables(shell));

        Assert.Contains(expected, result.Terminating!.ToString(), StringComparison.Ordinal);
        Assert.Empty(shell.Bill.Requests);
    }

    [Theory]
    [InlineData("-Prompt 'It moves.'", "Leave -Prompt out")]
    [InlineData("-Take 2 -Duration 10", "Leave -Take, -Duration out")]
    public async Task A_plan_that_is_given_with_parameters_and_no_images_says_which_to_leave_out(string parameters, string expected)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        object variables = Variables(shell);
        (await shell.RunAsync(MakePlan, variables)).Clean();

        ShellResult result = await shell.RunAsync($"ConvertTo-KlingVideo -Plan $plan {parameters}", variables);

        string message = (result.Terminating ?? Assert.Single(result.Errors)).Is("KlingRequestInvalid", ErrorCategory.InvalidArgument).ToString();
        Assert.Contains("The plan itself says which images are meant. " + expected, message, StringComparison.Ordinal);
        Assert.Empty(shell.Bill.Requests);
    }

    [Fact]
    public async Task An_empty_file_is_replaced_by_the_plan_and_by_the_report_as_it_is_by_the_log()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        object variables = new
        {
            images = shell.Images("0.png"),
            destination = shell.Destination,
            plan = shell.WriteFile("plan.json", []),
            report = shell.WriteFile("report.json", []),
        };

        (await shell.RunAsync(MakePlan, variables)).Clean();
        (await shell.RunAsync(CarryOut, variables)).Clean();

        Assert.Equal(["Made"], ResultsOf(Read(Path.Combine(shell.Folder, "plan.json"))));
        Assert.Equal(["Made"], ResultsOf(JsonNode.Parse(await File.ReadAllTextAsync(ReportOf(shell), TestContext.Current.CancellationToken))!.AsObject()));
    }

    [Fact]
    public async Task Images_that_are_given_with_a_plan_need_what_else_it_was_made_with()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        object variables = Variables(shell);
        (await shell.RunAsync(MakePlan, variables)).Clean();

        ShellResult result = await shell.RunAsync("$images | ConvertTo-KlingVideo -Plan $plan", variables);

        Assert.Contains("The plan itself says which images are meant. Leave the images out", result.Terminating.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument).ToString(), StringComparison.Ordinal);
        Assert.Empty(shell.Bill.Requests);
    }

    [Fact]
    public async Task A_plan_that_is_only_shown_is_not_written()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        (await shell.RunAsync($"{MakePlan} -WhatIf", Variables(shell))).Clean();

        Assert.False(File.Exists(PlanOf(shell)));
        Assert.Empty(shell.Bill.Requests);
    }

    [Fact]
    public async Task A_link_to_a_plan_is_refused()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        object variables = Variables(shell);
        (await shell.RunAsync(MakePlan, variables)).Clean();
        string link = Path.Combine(shell.Folder, "link.json");
        File.CreateSymbolicLink(link, PlanOf(shell));

        ShellResult result = await shell.RunAsync($"ConvertTo-KlingVideo -Plan '{link}'", variables);

        Assert.Contains("is a link. Name the file of the plan itself", result.Terminating.Is("KlingPlanUnusable", ErrorCategory.InvalidData).ToString(), StringComparison.Ordinal);
        Assert.Empty(shell.Bill.Requests);
    }
}
