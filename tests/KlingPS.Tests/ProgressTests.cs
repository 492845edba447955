using System.Management.Automation;
using CsCheck;
using KlingPS.Core;
using KlingPS.Core.Converting;
using KlingPS.Core.Sessions;
using KlingPS.Hosting;
using KlingPS.Tests.Hosting;
using KlingPS.Text;
using Microsoft.Extensions.Time.Testing;

namespace KlingPS.Tests;

/// <summary>What the progress bars of a command say: the time that is left falls, the lines fit, and each transfer has a bar of its own.</summary>
public sealed class ProgressTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly RecordedStreams _streams = new();

    private CommandProgress Create(string activity = "Making videos", bool isSilent = false, RecordedStreams? streams = null)
        => new(streams ?? _streams, activity, isSilent, new ProgressPace(_time));

    /// <summary>Lets time pass, as the pipeline thread sees it.</summary>
    private void Pass(double seconds)
    {
        for (double passed = 0; passed < seconds; passed += 0.25)
        {
            _time.Advance(TimeSpan.FromSeconds(0.25));
            _streams.Serve();
        }
    }

    /// <summary>The columns that the console of PowerShell needs for a line: it indents a child, and puts the seconds and brackets around the status.</summary>
    private static int WidthOf(ProgressRecord record)
        => (record.ParentActivityId >= 0 ? 4 : 0) + ScreenColumns.Count(record.Activity) + 4 + ScreenColumns.Count(record.StatusDescription)
            + (record.SecondsRemaining >= 0 ? record.SecondsRemaining.ToString(System.Globalization.CultureInfo.InvariantCulture).Length + 2 : 1);

    [Fact]
    public void The_time_that_is_left_falls_while_nothing_else_happens_and_is_not_known_any_more_when_it_is_over()
    {
        using CommandProgress progress = Create();
        progress.Show("0 of 1 saved", 0, TimeSpan.FromSeconds(11));

        Pass(20);

        Assert.Equal([11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, -1], _streams.Progress.Select(record => record.SecondsRemaining));
    }

    [Fact]
    public void A_status_is_composed_only_when_it_is_drawn_and_the_last_one_is_drawn()
    {
        using CommandProgress progress = Create();
        int composed = 0;
        for (int i = 0; i < 10_000; i++)
        {
            int done = i;
            progress.Show(() =>
            {
                composed++;
                return new ProgressStatus($"{done} of 10000 saved", done / 100);
            });
        }

        Assert.Equal(1, composed);
        Pass(1);
        Assert.Equal(2, composed);
        Assert.Equal(["0 of 10000 saved", "9999 of 10000 saved"], _streams.Progress.Select(record => record.StatusDescription));

        progress.Show("10000 of 10000 saved", 100);
        progress.Complete();
        Assert.Equal(("10000 of 10000 saved", ProgressRecordType.Completed), (_streams.Progress.Last().StatusDescription, _streams.Progress.Last().RecordType));
    }

    [Fact]
    public void A_bar_whose_time_is_not_known_is_not_drawn_again_and_again()
    {
        using CommandProgress progress = Create();
        progress.Show("0 of 1 saved", 0);

        Pass(20);

        Assert.Equal(-1, Assert.Single(_streams.Progress).SecondsRemaining);
    }

    [Fact]
    public void Two_files_of_the_same_name_have_a_bar_each_that_they_keep()
    {
        using CommandProgress progress = Create();
        progress.Show("0 of 2 saved", 0);
        foreach (long moved in (long[])[1_000_000, 2_000_000])
        {
            progress.OnTransfer(new Transfer(1, "fox.png", IsUpload: true, moved, 4_000_000, IsOver: false));
            progress.OnTransfer(new Transfer(2, "fox.png", IsUpload: true, moved * 2, 4_000_000, IsOver: false));
            Pass(1);
        }

        progress.OnTransfer(new Transfer(1, "fox.png", IsUpload: true, 4_000_000, 4_000_000, IsOver: true));
        Pass(1);
        progress.Complete();

        var bars = _streams.Progress.Where(record => record.ParentActivityId >= 0 || record.RecordType == ProgressRecordType.Completed).GroupBy(record => record.ActivityId).ToArray();
        Assert.Equal(2, bars.Count(bar => bar.Any(record => record.StatusDescription.StartsWith("Uploading", StringComparison.Ordinal))));
        Assert.Equal([25, 50], bars[0].Where(record => record.RecordType == ProgressRecordType.Processing).Select(record => record.PercentComplete).Distinct());
        Assert.Equal([50, 100], bars[1].Where(record => record.RecordType == ProgressRecordType.Processing).Select(record => record.PercentComplete).Distinct());
        Assert.All(bars, bar => Assert.Equal(ProgressRecordType.Completed, bar.Last().RecordType));
    }

    [Theory]
    [InlineData("fox.png")]
    [InlineData("日本語の長いファイル名がここにありますので表示には二倍の幅がいります.png")]
    [InlineData("a name that is much longer than any column of a terminal would ever have room for, and ends.webp")]
    public void The_line_of_a_transfer_fits_80_columns_and_shows_the_kind_of_file(string name)
    {
        using CommandProgress progress = Create();
        progress.OnTransfer(new Transfer(1, name, IsUpload: false, 99_999_900_000, 99_999_900_000, IsOver: false));
        _streams.Serve();

        ProgressRecord line = Assert.Single(_streams.Progress);
        Assert.InRange(WidthOf(line), 1, 80);
        Assert.EndsWith(Path.GetExtension(name), line.Activity, StringComparison.Ordinal);
    }

    [Fact]
    public void The_line_of_a_conversion_fits_80_columns_whatever_the_counts() => Gen.Select(
        Gen.Int[0, 100_000], Gen.Int[0, 100_000], Gen.Int[0, 100_000], Gen.Int[0, 100_000], Gen.Int[0, 100_000], Gen.Int[0, 100_000]).Sample((queued, uploading, sending, generating, downloading, made) =>
    {
        var counts = new ConversionCounts
        {
            Queued = queued,
            Uploading = uploading,
            Sending = sending,
            Generating = generating,
            Downloading = downloading,
            Made = made,
            Failed = made,
            Credits = 42.5m * made,
        };

        // Cases are tried side by side.
        var streams = new RecordedStreams();
        using CommandProgress progress = Create(streams: streams);
        string text = ConversionText.DescribeProgress(counts, refused: queued, progress.Room);
        progress.Show(text, 10, TimeSpan.FromSeconds(99_999));
        Assert.StartsWith($"{made} of {counts.Total} saved", text, StringComparison.Ordinal);
        return WidthOf(streams.Progress.Last()) <= 80 && streams.Progress.Last().StatusDescription == text;
    });

    [Fact]
    public void What_waits_for_the_rate_limit_is_said_to_wait()
    {
        Assert.Equal(
            "0 of 30 saved, 10 waiting to be sent, 20 generating",
            ConversionText.DescribeProgress(new ConversionCounts { Sending = 10, Generating = 20 }, refused: 0, room: 53));
        Assert.Equal(
            "3 of 6 saved, 1 uploading, 1 without; 126 credits",
            ConversionText.DescribeProgress(new ConversionCounts { Made = 3, Uploading = 1, Refused = 1, Taken = 1, Credits = 126 }, refused: 0, room: 53));
        Assert.Equal("20 of 30 accepted, 1 not, 9 waiting to be sent", SubmissionText.DescribeProgress(new BatchCounts(30, 20, 1), waiting: 9));
    }

    [Fact]
    public void A_text_that_is_cut_off_never_takes_more_columns_than_there_are() => Gen.Select(Gen.String, Gen.Int[1, 60], Gen.Int[0, 20]).Sample((text, columns, end) =>
    {
        string line = VisibleText.InLine(text);
        string fitted = ScreenColumns.Fit(line, columns, end);
        return ScreenColumns.Count(fitted) <= columns && (ScreenColumns.Count(line) > columns || fitted == line);
    });

    [Theory]
    [InlineData("a", 1)]
    [InlineData("é", 1)]
    [InlineData("e\u0301", 1)]
    [InlineData("日本", 4)]
    [InlineData("한", 2)]
    [InlineData("ｱ", 1)]
    [InlineData("🦊", 2)]
    [InlineData("…", 1)]
    [InlineData("ß", 1)]
    [InlineData("я", 1)]
    public void East_Asian_characters_and_pictures_take_two_columns(string text, int columns) => Assert.Equal(columns, ScreenColumns.Count(text));

    [Fact]
    public void Nothing_is_drawn_by_a_silent_one()
    {
        using CommandProgress progress = Create(isSilent: true);
        progress.Show("0 of 1 saved", 0, TimeSpan.FromSeconds(5));
        progress.OnTransfer(new Transfer(1, "fox.png", IsUpload: true, 1, 2, IsOver: false));
        Pass(3);
        progress.Complete();

        Assert.Empty(_streams.Progress);
    }

    [Theory]
    [InlineData("$ProgressPreference = 'Ignore'", "")]
    [InlineData("", "-ProgressAction SilentlyContinue")]
    [InlineData("$ProgressPreference = 'SilentlyContinue'", "")]
    public async Task Whoever_wants_no_progress_gets_none(string before, string parameter)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync(
            $"{before}; $images | ConvertTo-KlingVideo -Prompt 'It moves.' -Destination $destination -PollingInterval 0.1 {parameter}",
            new { images = shell.Images("a.png", "b.png"), destination = shell.Destination })).Clean();

        Assert.DoesNotContain(result.Progress, record => record.Activity == "Making videos");
    }

    [Fact]
    public async Task The_time_that_is_left_counts_what_is_queued_behind_a_limit()
    {
        var clock = new ManualClock();
        await using ConnectedShell shell = await ConnectedShell.StartAsync(clock, TimeSpan.FromMinutes(2));
        var variables = new { images = shell.Images("a.png", "b.png", "c.png", "d.png"), destination = shell.Destination };

        // How long videos take is learned from the first one.
        using (RunningScript first = shell.Shell.Start("$images[0] | ConvertTo-KlingVideo -Prompt 'It moves.' -Destination $destination -PollingInterval 0.1 -Model kling-3.0/video -Duration 13", variables))
        {
            await Eventually.TrueAsync(() => shell.Bill.Tasks is [{ Queries: > 0 }]);
            clock.Advance(TimeSpan.FromMinutes(2));
            (await first.Completion).Clean();
        }

        using RunningScript running = shell.Shell.Start("$images | ConvertTo-KlingVideo -Prompt 'It moves.' -Destination $destination -PollingInterval 0.1 -ThrottleLimit 1 -Model kling-3.0/video -Duration 13");

        // One is being made and two are queued behind it, and the clock of the service stands still.
        await Eventually.TrueAsync(() => running.Progress.Any(record => record.SecondsRemaining is > 340 and < 365 && record.StatusDescription.Contains("2 queued", StringComparison.Ordinal)));
        await running.StopAsync();
    }

    [Fact]
    public async Task Whoever_waits_for_tasks_is_told_how_long()
    {
        var clock = new ManualClock();
        await using ConnectedShell shell = await ConnectedShell.StartAsync(clock, TimeSpan.FromMinutes(2));
        (await shell.RunAsync("$tasks = $images | New-KlingVideoTask -Prompt 'It moves.' -Model kling-3.0/video -Duration 14", new { images = shell.Images("a.png", "b.png") })).Clean();
        clock.Advance(TimeSpan.FromMinutes(2));
        (await shell.RunAsync("$tasks | Wait-KlingVideoTask -PollingInterval 0.1")).Clean();
        (await shell.RunAsync("$tasks = $images | New-KlingVideoTask -Prompt 'It turns.' -Model kling-3.0/video -Duration 14")).Clean();
        using RunningScript running = shell.Shell.Start("$tasks | Wait-KlingVideoTask -PollingInterval 0.1");
        await Eventually.TrueAsync(() => running.Progress.Any(record => record.Activity == "Waiting for videos" && record.SecondsRemaining is > 100 and <= 120));
        await running.StopAsync();
    }
}
