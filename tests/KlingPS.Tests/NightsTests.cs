using System.Text.Json.Nodes;
using KlingPS.Core.Converting;
using KlingPS.Core.Model;
using KlingPS.Sandbox;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

/// <summary>
/// A folder of thirty images, run night after night with a limit: what the report, the summary, the log, the ledger, the metrics and the
/// emitted files say agrees with each other and, to the credit, with what the service has billed. By the recipe, as cron runs it, the same
/// is in Automation.Tests.ps1.
/// </summary>
public sealed class NightsTests : IAsyncLifetime
{
    private const int Images = 30;
    private const int PerNight = 12;
    private const decimal Price = 42;

    private ConnectedShell _shell = null!;

    public async ValueTask InitializeAsync() => _shell = await ConnectedShell.StartAsync();

    public async ValueTask DisposeAsync() => await _shell.DisposeAsync();

    [Fact]
    public async Task Three_nights_are_told_as_they_were_billed()
    {
        string[] images = _shell.Images([.. Enumerable.Range(1, Images - 1).Select(i => $"{i:00}.png")]);
        string bad = _shell.WriteFile("bad.png", "No image."u8.ToArray());

        // Two prompts, so that it is not the video that fails whose purchase is lost.
        _shell.Fault(SandboxOperation.Generate, SandboxFaultKind.FailTask, match: "turns");
        _shell.Fault(SandboxOperation.Create, SandboxFaultKind.LoseAnswerAfter, match: "moves");
        await _shell.RunAsync("$i = 0; $rows = $images + $bad | ForEach-Object { [pscustomobject]@{ Path = $_; Prompt = ('It moves.', 'It turns.')[$i++ % 2] } }", new { images, bad });

        // The answer to one purchase is lost: a person has to look.
        Night first = await RunAsync(1);
        Assert.Equal(("NeedsPerson", 5), first.Outcome);
        Assert.Equal((1, 1, 1, Price), (first.Count("Unknown"), first.Count("Failed"), first.Count("Refused"), first.Credits("creditsUnknown")));
        Assert.Equal(Images - 3 - first.Count("Made"), first.Count("OverLimit"));

        string?[] known = [.. (await _shell.RunAsync("Get-KlingVideoTask")).Of<KlingVideoTask>().Select(task => task.TaskId)];
        string lost = Assert.Single(_shell.Bill.Tasks, task => !known.Contains(task.TaskId)).TaskId;
        (await _shell.RunAsync("Get-KlingVideoTask -State Unknown | Resolve-KlingVideoTask -TaskId $lost", new { lost })).Clean();

        // What the person has found is fetched, and the limit holds back the rest.
        Night second = await RunAsync(2);
        Assert.Equal(("LimitReached", 4), second.Outcome);
        Assert.Equal((0, 1, PerNight), (second.Count("Unknown"), second.Count("Downloaded"), second.Count("Made")));
        Assert.Equal(first.Count("Made"), second.Count("Present"));

        // All is there but what cannot be.
        _shell.Fault(SandboxOperation.Generate, SandboxFaultKind.FailTask);
        Night third = await RunAsync(3);
        Assert.Equal(("Partly", 2), third.Outcome);
        Assert.Equal((1, 1, 0), (third.Count("Failed"), third.Count("Refused"), third.Count("OverLimit")));
        Assert.Equal(Images - 2, third.Count("Made") + third.Count("Present"));

        // Each video once, and the three nights together are the bill.
        Assert.Equal(Images - 2, Directory.GetFiles(_shell.Destination).Length);
        Assert.Equal((Images - 2) * Price, _shell.Bill.CreditsSpent);
        Assert.Equal(_shell.Bill.CreditsSpent, new[] { first, second, third }.Sum(night => night.Credits("credits")) + first.Credits("creditsUnknown"));
        Assert.InRange(_shell.Bill.TasksPerImage.Count(image => image.Value > 1), 0, 1);
    }

    private async Task<Night> RunAsync(int number)
    {
        string report = Path.Combine(_shell.Folder, $"night{number}.json");
        string log = Path.Combine(_shell.Folder, $"night{number}.jsonl");
        SandboxBill before = _shell.Bill;

        ShellResult result = await _shell.RunAsync(
            $"""
            $files = @($rows | ConvertTo-KlingVideo -Destination $destination -PollingInterval 0.1 -RetryFailed -MaxCredits {PerNight * Price} -ReportPath $report -LogPath $log -ErrorAction SilentlyContinue -InformationVariable summary)
            $summary.MessageData
            """,
            new { destination = _shell.Destination, report, log });

        SandboxBill after = _shell.Bill;
        var night = new Night(ReportTests.Read(report));
        JsonObject[] items = night.Items;
        JsonObject[] events = [.. File.ReadAllLines(log).Select(line => JsonNode.Parse(line)!.AsObject())];

        // The bill.
        decimal billed = after.CreditsSpent + after.CreditsHeld - before.CreditsSpent - before.CreditsHeld;
        Assert.Equal(billed, night.Credits("credits") + night.Credits("creditsUnknown"));
        Assert.InRange(billed, 0, PerNight * Price);

        // The report in itself.
        Assert.Equal(Images, items.Length);
        Assert.Equal(Images, items.Select(item => (string)item["path"]!).Distinct().Count());
        Assert.Equal(night.Credits("creditsConsumed"), items.Sum(item => (decimal)item["creditsConsumed"]!));
        Assert.All(items.GroupBy(item => (string)item["result"]!), same => Assert.Equal(same.Count(), night.Count(same.Key)));

        // The summary and the emitted files.
        ConversionSummary summary = Assert.Single(result.Of<ConversionSummary>());
        Assert.Equal(items.Select(item => ((string)item["path"]!, (string)item["result"]!)), summary.Items.Select(item => (item.Path!, item.Result)));
        Assert.Equal((night.Outcome, night.Credits("credits"), (string)night.Report["runId"]!), ((summary.Outcome, summary.ExitCode), summary.Credits, summary.RunId));
        var files = (await _shell.RunAsync("$files | ForEach-Object { \"$($_.Result) $($_.FullName)\" }")).Output.Select(file => file.ToString()).Order();
        Assert.Equal(items.Where(item => item["file"] is not null).Select(item => $"{item["result"]} {item["file"]}").Order(), files);

        // The log.
        Assert.All(events, line => Assert.Equal(summary.RunId, (string)line["runId"]!));
        Assert.Equal(after.CreatesAccepted - before.CreatesAccepted, Of("submitted").Length + night.Count("Unknown"));
        Assert.Equal(night.Credits("creditsConsumed"), Of("state").Where(line => Submitted().Contains((long)line["id"]!)).Sum(line => (decimal?)line["credits"] ?? 0));
        Assert.Equal(Results("Made", "Downloaded").Select(item => (string)item["hash"]!).Order(), Of("verified").Select(line => (string)line["hash"]!).Order());
        Assert.Equal(
            items.Where(item => item["errorId"] is not null).Select(item => $"{item["path"]} {item["errorId"]}").Order(),
            Of("failed").Select(line => $"{line["image"]} {line["errorId"]}").Order());

        // The ledger: every credit that it knows of is billed, and the other way round.
        KlingVideoTask[] tasks = (await _shell.RunAsync("Get-KlingVideoTask")).Of<KlingVideoTask>();
        Assert.Equal(after.CreditsSpent + after.CreditsHeld, tasks.Sum(task => task.CreditsReserved + (task.CreditsConsumed ?? 0)));
        KlingSpend spent = (await _shell.RunAsync("Get-KlingSpend -GroupBy Run | ForEach-Object { if ($_.Group -eq $run) { $_ } }", new { run = summary.RunId })).Of<KlingSpend>().Single();
        Assert.Equal((night.Credits("creditsConsumed"), night.Credits("creditsReserved") + night.Credits("creditsUnknown")), (spent.CreditsConsumed, spent.CreditsReserved));
        Assert.Equal((night.Count("Made"), night.Count("Unknown")), (spent.Videos, spent.Unknown));

        // The metrics.
        string metrics = Path.Combine(_shell.Folder, $"night{number}.prom");
        (await _shell.RunAsync("$null = Export-KlingMetric $metrics -Offline", new { metrics })).Clean();
        string[] lines = File.ReadAllLines(metrics);
        Assert.Contains(lines, line => line.StartsWith("klingps_last_run_exit_code{", StringComparison.Ordinal) && line.EndsWith($" {summary.ExitCode}", StringComparison.Ordinal));
        Assert.All(
            new[] { ("made", night.Count("Made")), ("failed", night.Count("Failed")), ("unknown", night.Count("Unknown")), ("refused", night.Count("Refused")), ("over_limit", night.Count("OverLimit")) },
            result => Assert.Contains(lines, line => line.Contains($"result=\"{result.Item1}\"", StringComparison.Ordinal) && line.EndsWith($" {result.Item2}", StringComparison.Ordinal)));
        return night;

        JsonObject[] Of(string happened) => [.. events.Where(line => (string)line["event"]! == happened)];
        HashSet<long> Submitted() => [.. Of("submitted").Select(line => (long)line["id"]!)];
        IEnumerable<JsonObject> Results(params string[] results) => items.Where(item => results.Contains((string)item["result"]!));
    }

    private sealed record Night(JsonObject Report)
    {
        public (string Outcome, int ExitCode) Outcome => ((string)Report["outcome"]!, (int)Report["exitCode"]!);

        public JsonObject[] Items => [.. Report["items"]!.AsArray().Select(item => item!.AsObject())];

        public int Count(string result) => (int)Report["totals"]![char.ToLowerInvariant(result[0]) + result[1..]]!;

        public decimal Credits(string name) => (decimal)Report["totals"]![name]!;
    }
}
