using System.Globalization;
using System.Text.Json.Nodes;
using KlingPS.Core.Converting;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

/// <summary>Reports and logs where the configuration or the environment says what a run needs.</summary>
[Collection(UsesEnvironment.Name)]
public sealed class RunSettingsTests
{
    [Fact]
    public async Task An_error_that_ends_the_command_before_anything_is_done_is_in_the_report_and_in_the_summary()
    {
        using var environment = new EnvironmentScope();
        using var shell = new HostedShell();
        DirectoryInfo folder = Directory.CreateTempSubdirectory("klingps-");
        try
        {
            string image = Path.Combine(folder.FullName, "a.png");
            await File.WriteAllBytesAsync(image, TestImage.Png("a"));

            ShellResult result = await shell.RunAsync(
                "try { ConvertTo-KlingVideo $image p -ReportPath $report -InformationVariable summary } finally { $summary.MessageData }",
                new { image, report = Path.Combine(folder.FullName, "report.json") });

            Assert.NotNull(result.Terminating);
            JsonObject report = ReportTests.Read(Path.Combine(folder.FullName, "report.json"));
            Assert.Equal(("CouldNotBegin", 6, "KlingApiKeyMissing"), ((string)report["outcome"]!, (int)report["exitCode"]!, (string)report["error"]!["id"]!));
            Assert.Equal(["Failed"], ReportTests.ResultsOf(report));
            Assert.Equal(6, Assert.Single(result.Of<ConversionSummary>()).ExitCode);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task The_path_of_a_report_may_be_relative_with_a_date_in_it_also_in_the_configuration()
    {
        using var environment = new EnvironmentScope();
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        Environment.SetEnvironmentVariable("KLINGPS_CONFIG", Path.Combine(shell.Folder, "config.json"));

        (await shell.RunAsync(
            """
            $null = $ExecutionContext.SessionState.Path.SetLocation($folder)
            $null = Set-KlingConfiguration -ReportPath 'configured/{Date:yyyy}.json'
            $null = ConvertTo-KlingVideo $image p $destination
            $null = ConvertTo-KlingVideo $image p $destination -ReportPath 'given/{Date:yyyy}.json'
            """,
            new { folder = shell.Folder, image = shell.Image("boat.png"), destination = shell.Destination })).Clean();

        string name = DateTime.Now.ToString("yyyy", CultureInfo.InvariantCulture) + ".json";
        Assert.Equal("AllThere", (string)ReportTests.Read(Path.Combine(shell.Folder, "configured", name))["outcome"]!);
        Assert.Equal("AllThere", (string)ReportTests.Read(Path.Combine(shell.Folder, "given", name))["outcome"]!);
    }

    [Fact]
    public async Task The_commands_of_a_pipeline_log_to_the_configured_file()
    {
        using var environment = new EnvironmentScope();
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        Environment.SetEnvironmentVariable("KLINGPS_CONFIG", Path.Combine(shell.Folder, "config.json"));

        (await shell.RunAsync("$null = Set-KlingConfiguration -LogPath $log; New-KlingVideoTask $image p | Wait-KlingVideoTask | Save-KlingVideo -Destination $destination", new { image = shell.Image("boat.png"), destination = shell.Destination, log = LogTests.LogOf(shell) })).Clean();

        JsonObject[] lines = LogTests.Read(LogTests.LogOf(shell));
        Assert.Equal(
            ["New-KlingVideoTask planned", "New-KlingVideoTask submitted", "Wait-KlingVideoTask state", "Save-KlingVideo downloaded", "Save-KlingVideo verified"],
            lines.Select(line => $"{line["command"]} {line["event"]}"));
        Assert.Equal(3, lines.Select(line => (string)line["runId"]!).Distinct().Count());
    }
}
