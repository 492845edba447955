using KlingPS.Core.Model;
using KlingPS.Core.Reporting;

namespace KlingPS.Core.Converting;

/// <summary>How far the images of a batch have come. Each is counted once.</summary>
internal sealed record ConversionCounts
{
    /// <summary>Not started yet.</summary>
    public int Queued { get; init; }

    /// <summary>Being uploaded, or waiting for their turn to be.</summary>
    public int Uploading { get; init; }

    /// <summary>Waiting for the service to take their request: for its rate limit, or until it takes requests again.</summary>
    public int Sending { get; init; }

    /// <summary>Being made by the service.</summary>
    public int Generating { get; init; }

    /// <summary>Being downloaded, or waiting for their turn.</summary>
    public int Downloading { get; init; }

    /// <summary>On disk, and bought in this batch.</summary>
    public int Made { get; init; }

    /// <summary>Downloaded, and paid for earlier.</summary>
    public int Downloaded { get; init; }

    /// <summary>On disk already.</summary>
    public int Present { get; init; }

    /// <summary>Taken elsewhere by the user, so that nothing is left to do.</summary>
    public int Taken { get; init; }

    /// <summary>Without a video so far, although nothing is wrong: time was up.</summary>
    public int Pending { get; init; }

    /// <summary>Left out because of a limit.</summary>
    public int OverLimit { get; init; }

    /// <summary>Without a video.</summary>
    public int Failed { get; init; }

    /// <summary>Without a video, and it is not known whether it was bought.</summary>
    public int Unknown { get; init; }

    /// <summary>Not bought, because something is wrong with it.</summary>
    public int Refused { get; init; }

    /// <summary>Credits this batch has spent or set aside.</summary>
    public decimal Credits { get; init; }

    /// <summary>On disk, and paid for earlier.</summary>
    public int Reused => Downloaded + Present;

    /// <summary>On disk.</summary>
    public int Saved => Made + Reused;

    /// <summary>Finished without a video.</summary>
    public int Missing => Pending + OverLimit + Failed + Unknown + Refused;

    /// <summary>Finished, with a video or without.</summary>
    public int Done => Saved + Taken + Missing;

    /// <summary>All images so far.</summary>
    public int Total => Queued + Uploading + Sending + Generating + Downloading + Done;
}

/// <summary>Counts how far the images of a batch have come. Safe for concurrent use.</summary>
internal sealed class ConversionTally
{
    private readonly object _lock = new();

    /// <summary>The counts at this moment.</summary>
    public ConversionCounts Counts { get; private set; } = new();

    /// <summary>Raised when an image has moved on, on any thread.</summary>
    public event Action? Changed;

    /// <summary>Moves an image on, or counts credits.</summary>
    public void Update(Func<ConversionCounts, ConversionCounts> change)
    {
        lock (_lock)
        {
            Counts = change(Counts);
        }

        Changed?.Invoke();
    }
}

/// <summary>How far an image has come.</summary>
internal enum ConversionStage
{
    /// <inheritdoc cref="ConversionCounts.Queued"/>
    Queued,

    /// <inheritdoc cref="ConversionCounts.Uploading"/>
    Uploading,

    /// <inheritdoc cref="ConversionCounts.Sending"/>
    Sending,

    /// <inheritdoc cref="ConversionCounts.Generating"/>
    Generating,

    /// <inheritdoc cref="ConversionCounts.Downloading"/>
    Downloading,

    /// <inheritdoc cref="ConversionCounts.Made"/>
    Made,

    /// <inheritdoc cref="ConversionCounts.Downloaded"/>
    Downloaded,

    /// <inheritdoc cref="ConversionCounts.Present"/>
    Present,

    /// <inheritdoc cref="ConversionCounts.Taken"/>
    Taken,

    /// <inheritdoc cref="ConversionCounts.Pending"/>
    Pending,

    /// <inheritdoc cref="ConversionCounts.OverLimit"/>
    OverLimit,

    /// <inheritdoc cref="ConversionCounts.Failed"/>
    Failed,

    /// <inheritdoc cref="ConversionCounts.Unknown"/>
    Unknown,

    /// <inheritdoc cref="ConversionCounts.Refused"/>
    Refused,
}

/// <summary>Follows one image through the batch.</summary>
internal sealed class ConversionProgress
{
    private readonly ConversionTally _tally;
    private readonly object _lock = new();
    private ConversionStage _stage = ConversionStage.Queued;
    private decimal? _credits;
    private bool _isSettled;
    private bool _isOver;

    /// <summary>Counts a new image.</summary>
    public ConversionProgress(ConversionTally tally)
    {
        _tally = tally;
        tally.Update(counts => Add(counts, ConversionStage.Queued, 1));
    }

    /// <summary>The stage that it has reached.</summary>
    public ConversionStage Stage => _stage;

    /// <summary>Which video it is, once that is known.</summary>
    public string? Identity { get; set; }

    /// <summary>The task that is paid for, once there is one.</summary>
    public KlingVideoTask? Task { get; set; }

    /// <summary>The result for the image; <see langword="null"/> until that is known.</summary>
    public RunItemResult? Result
    {
        get
        {
            ConversionStage stage = _stage;
            return stage < ConversionStage.Made ? null : Enum.Parse<RunItemResult>(stage.ToString());
        }
    }

    /// <summary>Credits that were set aside for its video in this batch and are not settled, and those that it has cost.</summary>
    public (decimal Reserved, decimal Consumed) Credits
    {
        get
        {
            lock (_lock)
            {
                decimal credits = _credits ?? 0;
                return _isSettled ? (0, credits) : (credits, 0);
            }
        }
    }

    /// <summary>An error has ended the work on the image.</summary>
    public void End(KlingException error)
    {
        ArgumentNullException.ThrowIfNull(error);
        Enter(Enum.Parse<ConversionStage>(RunResults.Of(error.Kind, Task is not null).ToString()));
    }

    /// <summary>Called when the image has reached a stage. After the last one nothing changes any more: work that outlasts a deadline continues on its own.</summary>
    public void Enter(ConversionStage stage) => _tally.Update(counts =>
    {
        if (_isOver)
        {
            return counts;
        }

        ConversionStage left = _stage;
        _stage = stage;
        _isOver = stage >= ConversionStage.Made;
        return Add(Add(counts, left, -1), stage, 1);
    });

    /// <summary>Credits have been set aside for its video.</summary>
    public void Spend(decimal credits)
    {
        lock (_lock)
        {
            _credits = credits;
        }

        _tally.Update(counts => counts with { Credits = counts.Credits + credits });
    }

    /// <summary>Credits may have been spent for its video. They are not counted as spent.</summary>
    public void Doubt(decimal credits)
    {
        lock (_lock)
        {
            _credits = credits;
        }
    }

    /// <summary>The task has ended, and it is known what it has cost. One that was bought in another run does not count.</summary>
    public void Settle(decimal consumed)
    {
        decimal difference;
        lock (_lock)
        {
            if (_credits is not decimal reserved)
            {
                return;
            }

            difference = consumed - reserved;
            _credits = consumed;
            _isSettled = true;
        }

        if (difference != 0)
        {
            _tally.Update(counts => counts with { Credits = counts.Credits + difference });
        }
    }

    private static ConversionCounts Add(ConversionCounts counts, ConversionStage stage, int number) => stage switch
    {
        ConversionStage.Queued => counts with { Queued = counts.Queued + number },
        ConversionStage.Uploading => counts with { Uploading = counts.Uploading + number },
        ConversionStage.Sending => counts with { Sending = counts.Sending + number },
        ConversionStage.Generating => counts with { Generating = counts.Generating + number },
        ConversionStage.Downloading => counts with { Downloading = counts.Downloading + number },
        ConversionStage.Made => counts with { Made = counts.Made + number },
        ConversionStage.Downloaded => counts with { Downloaded = counts.Downloaded + number },
        ConversionStage.Present => counts with { Present = counts.Present + number },
        ConversionStage.Taken => counts with { Taken = counts.Taken + number },
        ConversionStage.Pending => counts with { Pending = counts.Pending + number },
        ConversionStage.OverLimit => counts with { OverLimit = counts.OverLimit + number },
        ConversionStage.Failed => counts with { Failed = counts.Failed + number },
        ConversionStage.Unknown => counts with { Unknown = counts.Unknown + number },
        _ => counts with { Refused = counts.Refused + number },
    };
}
