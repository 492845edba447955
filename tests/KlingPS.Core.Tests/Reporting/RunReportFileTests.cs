using KlingPS.Core.Reporting;

namespace KlingPS.Core.Tests.Reporting;

public sealed class RunReportFileTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("klingps-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Beside_a_ledger_on_a_server_there_is_no_place_for_a_report()
    {
        string blocked = Path.Combine(_folder.FullName, "file");
        File.WriteAllText(blocked, string.Empty);
        var begun = new RunReport
        {
            RunId = Guid.NewGuid().ToString("N"),
            Command = "ConvertTo-KlingVideo",
            Begin = DateTimeOffset.UnixEpoch,
            Versions = new RunVersions("0.1.0", "7.6.0", "10.0.0"),
            Machine = new RunMachine("here", "Linux", "X64", 1),
            Parameters = new Dictionary<string, System.Text.Json.JsonElement>(),
        };
        var report = new RunReportFile(Path.Combine(blocked, "report.json"), begun, () => $"postgresql://worker@{begun.RunId}.example/kling", text => text, TimeProvider.System);

        (string? place, string? trouble) = report.Close(new RunEnd(RunOutcome.AllThere, [], IsInputComplete: true, Error: null));

        try
        {
            Assert.Equal(Path.TrimEndingDirectorySeparator(Path.GetTempPath()), Path.GetDirectoryName(place));
            Assert.Contains($"It is in '{place}'.", trouble, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(place!);
        }
    }
}
