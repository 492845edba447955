using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Management.Automation;
using KlingPS.Core.Sessions;

namespace KlingPS.Hosting;

/// <summary>One bar for the batch of a command, and a child for each upload and download. Drawn when something has changed, at most four times a second.</summary>
internal sealed class CommandProgress : IDisposable
{
    /// <summary>Ids of bars must differ within a pipeline; each command's bars begin at a multiple of this.</summary>
    private const int IdsPerCommand = 100;

    /// <summary>
    /// The console draws no faster, for all commands of a pipeline together: it holds back a record that comes sooner,
    /// and does not show it until the next one.
    /// </summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(250);

    private static int s_lastCommand;

    private readonly ICommandStreams _streams;
    private readonly string _activity;
    private readonly int _id = (Interlocked.Increment(ref s_lastCommand) % 1_000_000 * IdsPerCommand) + 1;
    private readonly bool _isSilent;
    private readonly ConcurrentDictionary<string, Transfer> _transfers = new();
    private readonly Dictionary<string, int> _children = [];
    private readonly Queue<int> _freeChildren = new();
    private readonly Stopwatch _sinceDrawn;
    private readonly Timer _timer;
    private int _isAsked;
    private (string Status, int Percent, int Seconds) _wanted;
    private (string Status, int Percent, int Seconds) _drawn;

    /// <summary>Creates the progress. Nothing is drawn yet.</summary>
    /// <param name="streams">Where it is drawn.</param>
    /// <param name="activity">What the bar says the command does.</param>
    /// <param name="isSilent">Whether nothing is ever drawn.</param>
    /// <param name="sinceDrawn">The time since any command of the runspace has drawn its progress.</param>
    public CommandProgress(ICommandStreams streams, string activity, bool isSilent, Stopwatch sinceDrawn)
    {
        _streams = streams;
        _activity = activity;
        _isSilent = isSilent;
        _sinceDrawn = sinceDrawn;
        _timer = new Timer(_ => streams.Post(DrawSoon));
    }

    /// <summary>Shows where the batch stands; on the pipeline thread.</summary>
    /// <param name="status">The counts, in words.</param>
    /// <param name="percent">0 to 100, or -1 while the size of the batch is not known.</param>
    /// <param name="remaining">How long it will still take, if that is known.</param>
    public void Show(string status, int percent, TimeSpan? remaining = null)
    {
        _wanted = (status, percent, remaining is TimeSpan time ? (int)time.TotalSeconds : -1);
        DrawSoon();
    }

    /// <summary>Records that bytes have moved; on any thread.</summary>
    public void OnTransfer(Transfer transfer)
    {
        _transfers[transfer.Name] = transfer;
        if (Interlocked.Exchange(ref _isAsked, 1) == 0)
        {
            _streams.Post(DrawSoon);
        }
    }

    /// <summary>Takes the bars away; on the pipeline thread.</summary>
    public void Complete()
    {
        _timer.Change(Timeout.Infinite, Timeout.Infinite);
        foreach ((string name, int child) in _children)
        {
            Close(child, name, "Done");
        }

        _children.Clear();
        if (_drawn != default)
        {
            Close(_id, _activity, _wanted.Status);
            _drawn = default;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _timer.Dispose();

    /// <summary>Draws now, or when the pause since the last time is over.</summary>
    private void DrawSoon()
    {
        Volatile.Write(ref _isAsked, 0);
        if (_isSilent)
        {
            return;
        }

        // A bar that is not open yet is opened at once: the console shows it with the next record of any bar.
        bool isOpen = _drawn != default;
        TimeSpan rest = isOpen && _sinceDrawn.IsRunning ? s_pause - _sinceDrawn.Elapsed : TimeSpan.Zero;
        if (rest <= TimeSpan.Zero)
        {
            Draw();
        }
        else
        {
            _timer.Change(rest, Timeout.InfiniteTimeSpan);
        }
    }

    private void Draw()
    {
        _sinceDrawn.Restart();
        if (_wanted != default && _wanted != _drawn)
        {
            _drawn = _wanted;
            _streams.WriteProgress(new ProgressRecord(_id, _activity, _drawn.Status)
            {
                PercentComplete = Math.Clamp(_drawn.Percent, -1, 100),
                SecondsRemaining = _drawn.Seconds,
            });
        }

        foreach ((string name, Transfer transfer) in _transfers)
        {
            if (!transfer.IsOver)
            {
                Draw(name, transfer);
            }
            else if (_transfers.TryRemove(name, out _) && _children.Remove(name, out int child))
            {
                Close(child, name, "Done");
                _freeChildren.Enqueue(child);
            }
        }
    }

    private void Draw(string name, Transfer transfer)
    {
        if (!_children.TryGetValue(name, out int child))
        {
            child = _freeChildren.Count > 0 ? _freeChildren.Dequeue() : _id + 1 + _children.Count;
            _children.Add(name, child);
        }

        _streams.WriteProgress(new ProgressRecord(child, name, Describe(transfer))
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
