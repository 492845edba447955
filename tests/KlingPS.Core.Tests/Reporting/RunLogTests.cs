using System.Globalization;
using System.Text.Json.Nodes;
using KlingPS.Core.Reporting;

namespace KlingPS.Core.Tests.Reporting;

public sealed class RunLogTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("klingps-");
    private readonly List<string> _trouble = [];

    private string LogPath => Path.Combine(_folder.FullName, "log.jsonl");

    public void Dispose() => _folder.Delete(recursive: true);

    private RunLog Open(string runId = "one") => new(new RunLogOptions { Path = LogPath, RunId = runId, Command = "Test", OnTrouble = _trouble.Add });

    [Fact]
    public async Task Lines_of_several_logs_to_one_file_do_not_mix_and_none_is_lost()
    {
        const int Lines = 500;
        RunLog[] logs = [.. Enumerable.Range(0, 4).Select(i => Open($"run{i}"))];

        await Task.WhenAll(logs.Select(log => Task.Run(() =>
        {
            for (int i = 0; i < Lines; i++)
            {
                log.Write(new RunEvent(RunEventKind.Warned) { Message = new string('x', i % 300) });
            }
        })));
        foreach (RunLog log in logs)
        {
            await log.DisposeAsync();
        }

        JsonNode[] lines = [.. File.ReadAllLines(LogPath).Select(line => JsonNode.Parse(line)!)];
        Assert.Equal(logs.Length * Lines, lines.Length);
        Assert.All(lines.GroupBy(line => (string)line["runId"]!), run => Assert.Equal(Enumerable.Range(0, Lines).Select(i => i % 300), run.Select(line => ((string)line["message"]!).Length)));
        Assert.Empty(_trouble);
    }

    [Fact]
    public async Task A_log_that_is_renamed_at_any_moment_loses_no_line()
    {
        const int Lines = 2000;
        int renamed = 0;
        var log = Open();
        Task written = Task.Run(
            async () =>
            {
                for (int i = 0; i < Lines; i++)
                {
                    log.Write(new RunEvent(RunEventKind.Warned) { Message = $"{i}" });
                    await log.FlushAsync();
                }

                await log.DisposeAsync();
            },
            TestContext.Current.CancellationToken);
        while (!written.IsCompleted)
        {
            if (File.Exists(LogPath))
            {
                File.Move(LogPath, $"{LogPath}.{renamed++}");
            }
        }

        await written;
        Assert.Empty(_trouble);
        Assert.Equal(
            Enumerable.Range(0, Lines),
            _folder.EnumerateFiles().SelectMany(file => File.ReadAllLines(file.FullName)).Select(line => int.Parse((string)JsonNode.Parse(line)!["message"]!, CultureInfo.InvariantCulture)).Order());
    }

    [Fact]
    public async Task A_log_that_can_be_written_again_says_how_many_events_are_not_in_it()
    {
        string blocked = LogPath;
        Directory.CreateDirectory(blocked);
        await using (RunLog log = Open())
        {
            log.Write(new RunEvent(RunEventKind.Planned));
            log.Write(new RunEvent(RunEventKind.Submitted));
            await log.FlushAsync();
            Directory.Delete(blocked);
            log.Write(new RunEvent(RunEventKind.Verified));
        }

        Assert.Single(_trouble);
        string[] lines = await File.ReadAllLinesAsync(LogPath);
        Assert.Equal(["warned", "verified"], lines.Select(line => (string)JsonNode.Parse(line)!["event"]!));
        Assert.Contains("2 events before this one could not be written.", lines[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"time\":\"20", 2)]
    [InlineData("{\"time\":\"2026-11-26T21:00:00.000Z\"}", 2)]
    [InlineData("{\"time\":\"2026-11-26T21:00:00.000Z\"}\n", 2)]
    [InlineData("", 1)]
    public async Task A_log_whose_last_line_was_cut_off_goes_on_with_a_line_of_its_own(string before, int lines)
    {
        await File.WriteAllTextAsync(LogPath, before);

        await using (RunLog log = Open())
        {
            log.Write(new RunEvent(RunEventKind.Planned) { Subject = "a.png" });
        }

        string text = await File.ReadAllTextAsync(LogPath);
        Assert.StartsWith(before, text, StringComparison.Ordinal);
        Assert.Equal(lines, text.Split('\n', StringSplitOptions.None).Length - 1);
        Assert.Equal("planned", (string)JsonNode.Parse(text.Split('\n')[lines - 1])!["event"]!);
        Assert.Empty(_trouble);
    }

    [Fact]
    public async Task A_log_whose_last_line_was_cut_off_counts_what_cannot_be_written_behind_it()
    {
        await File.WriteAllTextAsync(LogPath, "{\"time\":\"20");
        await using (RunLog log = Open())
        {
            await log.FlushAsync();
            File.Move(LogPath, LogPath + ".away");
            Directory.CreateDirectory(LogPath);
            log.Write(new RunEvent(RunEventKind.Planned));
            await log.FlushAsync();
            log.Write(new RunEvent(RunEventKind.Submitted));
            await log.FlushAsync();
            Directory.Delete(LogPath);
            File.Move(LogPath + ".away", LogPath);
            log.Write(new RunEvent(RunEventKind.Verified));
        }

        string[] lines = await File.ReadAllLinesAsync(LogPath);
        Assert.Equal(["warned", "verified"], lines[1..].Select(line => (string)JsonNode.Parse(line)!["event"]!));
        Assert.Contains("2 events before this one could not be written.", lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_has_been_written_is_there_although_the_log_is_still_open()
    {
        await using RunLog log = Open();

        log.Write(new RunEvent(RunEventKind.Planned) { Subject = "a.png" });
        await log.FlushAsync();

        Assert.Contains("\"image\":\"a.png\"", await File.ReadAllTextAsync(LogPath), StringComparison.Ordinal);
    }
}
