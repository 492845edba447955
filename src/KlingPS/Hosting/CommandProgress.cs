using System.Collections.Concurrent;
using System.Globalization;
using System.Management.Automation;
using KlingPS.Core;
using KlingPS.Core.Sessions;

namespace KlingPS.Hosting;

/// <summary>The progress of a batch.</summary>
/// <param name="Status">The counts, in words; cut off if they take more than <see cref="CommandProgress.Room"/>.</param>
/// <param name="Percent">0 to 100, or -1 while the size of the batch is not known.</param>
/// <param name="Remaining">How long it will still take, if that is known.</param>
internal readonly record struct ProgressStatus(string Status, int Percent, TimeSpan? Remaining = null);

/// <summary>
/// One bar for the batch of a command, and a child for each upload and download. Drawn when something has changed, at most four times a
/// second, and every second while the remaining time is known, since that decreases whether or not anything happens.
/// </summary>
internal sealed class CommandProgress : IDisposable
{
    /// <summary>Ids of bars must differ within a pipeline; each command's bars begin at a multiple of this.</summary>
    private const int IdsPerCommand = 100;

    /// <summary>A narrow terminal: what is longer is cut off by the console, the end of the status first.</summary>
    private const int ScreenWidth = 80;

    /// <summary>What the console adds to the activity and the status: brackets and blanks, and the seconds that are left.</summary>
    private const int Frame = 14;

    /// <summary>How far it indents the bar of a transfer, plus what it adds to it.</summary>
    private const int ChildFrame = 10;

    /// <summary>For the extension of a file whose name is too long.</summary>
    private const int NameEnd = 8;

    private static int s_lastCommand;

    private readonly ICommandStreams _streams;
    private readonly string _activity;
    private readonly int _id = (Interlocked.Increment(ref s_lastCommand) % 1_000_000 * IdsPerCommand) + 1;
    private readonly bool _isSilent;
    private readonly ConcurrentDictionary<long, Transfer> _transfers = new();
    private readonly Dictionary<long, int> _children = [];
    private readonly Queue<int> _freeChildren = new();
    private readonly ProgressPace _pace;
    private readonly ITimer _timer;
    private int _isAsked;
    private bool _isDue;
    private Func<ProgressStatus>? _describe;
    private (string Status, int Percent, TimeSpan? End)? _wanted;
    private (string Status, int Percent, int Seconds)? _drawn;

    /// <summary>Creates the progress. Nothing is drawn yet.</summary>
    /// <param name="streams">Where it is drawn.</param>
    /// <param name="activity">What the bar says the command does.</param>
    /// <param name="isSilent">Whether nothing is ever drawn.</param>
    /// <param name="pace">When something may be drawn.</param>
    public CommandProgress(ICommandStreams streams, string activity, bool isSilent, ProgressPace pace)
    {
        _streams = streams;
        _activity = activity;
        _isSilent = isSilent;
        _pace = pace;
        _timer = pace.Time.CreateTimer(_ => streams.Post(DrawWhenDue), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The columns that a status may take.</summary>
    public int Room => ScreenWidth - ScreenColumns.Count(_activity) - Frame;

    /// <summary>The time by the clock that the remaining seconds count down by.</summary>
    private TimeSpan Now => _pace.Time.GetElapsedTime(0);

    /// <summary>Shows the progress of the batch; on the pipeline thread.</summary>
    /// <inheritdoc cref="ProgressStatus"/>
    public void Show(string status, int percent, TimeSpan? remaining = null) => Show(() => new ProgressStatus(status, percent, remaining));

    /// <summary>Shows the progress of the batch; on the pipeline thread.</summary>
    /// <param name="describe">Describes it. Called when something is drawn: a batch moves on far more often.</param>
    public void Show(Func<ProgressStatus> describe)
    {
        _describe = describe;
        DrawSoon();
    }

    /// <summary>Records that bytes have moved; on any thread.</summary>
    public void OnTransfer(Transfer transfer)
    {
        _transfers[transfer.Id] = transfer;
        if (Interlocked.Exchange(ref _isAsked, 1) == 0)
        {
            _streams.Post(DrawSoon);
        }
    }

    /// <summary>Removes the bars; on the pipeline thread.</summary>
    public void Complete()
    {
        _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _isDue = false;
        foreach (int child in _children.Values)
        {
            Close(child, _activity, "Done");
        }

        _children.Clear();
        if (_drawn is { } drawn)
        {
            Compose();
            Close(_id, _activity, _wanted?.Status ?? drawn.Status);
            _drawn = null;
        }

        _wanted = null;
        _describe = null;
    }

    /// <inheritdoc/>
    public void Dispose() => _timer.Dispose();

    /// <summary>Draws what was waiting for the end of a pause, or the next second of the remaining time.</summary>
    private void DrawWhenDue()
    {
        _isDue = false;
        DrawSoon();
    }

    /// <summary>Draws now, or when the pause since the last time is over.</summary>
    private void DrawSoon()
    {
        if (_isSilent || _isDue)
        {
            return;
        }

        // A bar that is not open yet is opened at once: the console shows it with the next record of any bar.
        TimeSpan rest = _drawn is null ? TimeSpan.Zero : _pace.Rest;
        _isDue = rest > TimeSpan.Zero;
        if (!_isDue)
        {
            Draw();
            rest = _drawn?.Seconds > 0 && _wanted?.End is TimeSpan end ? UntilNextSecond(end - Now) : Timeout.InfiniteTimeSpan;
        }

        _timer.Change(rest, Timeout.InfiniteTimeSpan);
    }

    /// <summary>How long a number of seconds stays the same, so that none is skipped however late the timers are; plus a little, as they may be early.</summary>
    private static TimeSpan UntilNextSecond(TimeSpan left)
        => left <= TimeSpan.Zero ? TimeSpan.FromMilliseconds(1) : TimeSpan.FromTicks(((left.Ticks - 1) % TimeSpan.TicksPerSecond) + 1) + TimeSpan.FromMilliseconds(1);

    private void Draw()
    {
        _pace.OnDrawn();
        Volatile.Write(ref _isAsked, 0);
        Compose();
        if (_wanted is { } wanted)
        {
            // If the time is up before the batch is done, it is no longer known how long it takes.
            int seconds = wanted.End is TimeSpan end && end > Now ? (int)Math.Min(Math.Ceiling((end - Now).TotalSeconds), int.MaxValue) : -1;
            var next = (wanted.Status, wanted.Percent, seconds);
            if (next != _drawn)
            {
                _drawn = next;
                _streams.WriteProgress(new ProgressRecord(_id, _activity, wanted.Status) { PercentComplete = wanted.Percent, SecondsRemaining = seconds });
            }
        }

        foreach ((long id, Transfer transfer) in _transfers)
        {
            if (!transfer.IsOver)
            {
                Draw(transfer);
            }
            else if (_transfers.TryRemove(id, out _) && _children.Remove(id, out int child))
            {
                Close(child, _activity, "Done");
                _freeChildren.Enqueue(child);
            }
        }
    }

    private void Compose()
    {
        if (_describe is not { } describe)
        {
            return;
        }

        _describe = null;
        (string status, int percent, TimeSpan? remaining) = describe();
        _wanted = (ScreenColumns.Fit(VisibleText.InLine(status), Room), Math.Clamp(percent, -1, 100), Now + remaining);
    }

    private void Draw(Transfer transfer)
    {
        if (!_children.TryGetValue(transfer.Id, out int child))
        {
            child = _freeChildren.Count > 0 ? _freeChildren.Dequeue() : _id + 1 + _children.Count;
            _children.Add(transfer.Id, child);
        }

        string status = Describe(transfer);
        string name = ScreenColumns.Fit(VisibleText.InLine(transfer.Name), Math.Min((ScreenWidth / 2) - 1, ScreenWidth - status.Length - ChildFrame), NameEnd);
        _streams.WriteProgress(new ProgressRecord(child, name, status)
        {
            ParentActivityId = _id,
            PercentComplete = transfer.Total is > 0 and long total ? (int)Math.Clamp(100 * transfer.Bytes / total, 0, 100) : -1,
        });
    }

    private void Close(int id, string activity, string status)
        => _streams.WriteProgress(new ProgressRecord(id, activity, status) { PercentComplete = 100, RecordType = ProgressRecordType.Completed });

    private static string Describe(Transfer transfer)
    {
        string verb = transfer.IsUpload ? "Uploading" : "Downloading";
        return transfer.Total is long total
            ? string.Create(CultureInfo.InvariantCulture, $"{verb} {Megabytes(transfer.Bytes)} of {Megabytes(total)} MB")
            : string.Create(CultureInfo.InvariantCulture, $"{verb} {Megabytes(transfer.Bytes)} MB");
    }

    private static string Megabytes(long bytes) => (bytes / 1e6).ToString("0.0", CultureInfo.InvariantCulture);
}
