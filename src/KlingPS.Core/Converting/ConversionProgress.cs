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

/// <summary>How far an image that is not finished has come.</summary>
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
}

/// <summary>Follows one image through the batch.</summary>
internal sealed class ConversionProgress
{
    private readonly ConversionTally _tally;
    private readonly object _lock = new();
    private decimal? _credits;
    private bool _isSettled;

    /// <summary>Counts a new image.</summary>
    public ConversionProgress(ConversionTally tally)
    {
        _tally = tally;
        tally.Update(counts => Add(counts, 1));
    }

    /// <summary>The last stage that it has reached.</summary>
    public ConversionStage Stage { get; private set; } = ConversionStage.Queued;

    /// <summary>Which video it is, once that is known.</summary>
    public string? Identity { get; set; }

    /// <summary>The task that is paid for, once there is one.</summary>
    public KlingVideoTask? Task { get; set; }

    /// <summary>The result for the image; <see langword="null"/> until that is known.</summary>
    public RunItemResult? Result { get; private set; }

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
        End(RunResults.Of(error.Kind, Task is not null));
    }

    /// <summary>The work on the image has ended. After that nothing changes any more: work that outlasts a deadline continues on its own.</summary>
    public void End(RunItemResult result) => Move(() => Result = result);

    /// <summary>The image has reached a stage.</summary>
    public void Enter(ConversionStage stage) => Move(() => Stage = stage);

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

    private void Move(Action move) => _tally.Update(counts =>
    {
        if (Result is not null)
        {
            return counts;
        }

        ConversionCounts without = Add(counts, -1);
        move();
        return Add(without, 1);
    });

    private ConversionCounts Add(ConversionCounts counts, int number) => Result switch
    {
        RunItemResult.Made => counts with { Made = counts.Made + number },
        RunItemResult.Downloaded => counts with { Downloaded = counts.Downloaded + number },
        RunItemResult.Present => counts with { Present = counts.Present + number },
        RunItemResult.Taken => counts with { Taken = counts.Taken + number },
        RunItemResult.Pending => counts with { Pending = counts.Pending + number },
        RunItemResult.OverLimit => counts with { OverLimit = counts.OverLimit + number },
        RunItemResult.Failed => counts with { Failed = counts.Failed + number },
        RunItemResult.Unknown => counts with { Unknown = counts.Unknown + number },
        RunItemResult.Refused => counts with { Refused = counts.Refused + number },
        _ => Stage switch
        {
            ConversionStage.Queued => counts with { Queued = counts.Queued + number },
            ConversionStage.Uploading => counts with { Uploading = counts.Uploading + number },
            ConversionStage.Sending => counts with { Sending = counts.Sending + number },
            ConversionStage.Generating => counts with { Generating = counts.Generating + number },
            _ => counts with { Downloading = counts.Downloading + number },
        },
    };
}
