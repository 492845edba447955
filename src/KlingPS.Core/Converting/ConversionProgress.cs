using System.Globalization;
using KlingPS.Core.Model;

namespace KlingPS.Core.Converting;

/// <summary>How far the images of a batch have come. Each is counted once.</summary>
internal sealed record ConversionCounts
{
    /// <summary>Not begun yet.</summary>
    public int Queued { get; init; }

    /// <summary>Being uploaded, or waiting for the service to take their request.</summary>
    public int Uploading { get; init; }

    /// <summary>Being made by the service.</summary>
    public int Generating { get; init; }

    /// <summary>Being downloaded, or waiting for their turn.</summary>
    public int Downloading { get; init; }

    /// <summary>On disk, and bought in this batch.</summary>
    public int Made { get; init; }

    /// <summary>On disk, and paid for earlier.</summary>
    public int Reused { get; init; }

    /// <summary>Taken elsewhere by the user, so that nothing is left to be done.</summary>
    public int Taken { get; init; }

    /// <summary>Without a video.</summary>
    public int Failed { get; init; }

    /// <summary>Without a video, and whether it was bought is not known.</summary>
    public int Unknown { get; init; }

    /// <summary>Credits this batch has spent or set aside.</summary>
    public decimal Credits { get; init; }

    /// <summary>On disk.</summary>
    public int Saved => Made + Reused;

    /// <summary>Finished, with a video or without.</summary>
    public int Done => Saved + Taken + Failed + Unknown;

    /// <summary>All images taken so far.</summary>
    public int Total => Queued + Uploading + Generating + Downloading + Done;
}

/// <summary>What has become of a batch of images.</summary>
public sealed record ConversionSummary
{
    /// <summary>Videos that were bought in this run and are on disk.</summary>
    public required int Made { get; init; }

    /// <summary>Videos on disk that were paid for earlier.</summary>
    public required int Reused { get; init; }

    /// <summary>Videos that the user has taken elsewhere.</summary>
    public int Taken { get; init; }

    /// <summary>Images without a video.</summary>
    public required int Failed { get; init; }

    /// <summary>Images of which it is not known whether their video was bought.</summary>
    public required int Unknown { get; init; }

    /// <summary>Credits spent in this run, with those set aside for tasks that are still being made. What unknown ones may have cost is not in it.</summary>
    public required decimal Credits { get; init; }

    /// <summary>Sums up a batch.</summary>
    /// <param name="counts">Where its images are.</param>
    /// <param name="failedBefore">Images that did not get into the batch, because something was wrong with them.</param>
    internal static ConversionSummary From(ConversionCounts counts, int failedBefore)
    {
        ArgumentNullException.ThrowIfNull(counts);
        return new ConversionSummary
        {
            Made = counts.Made,
            Reused = counts.Reused,
            Taken = counts.Taken,
            Failed = counts.Failed + failedBefore,
            Unknown = counts.Unknown,
            Credits = counts.Credits,
        };
    }

    /// <summary>The summary as one line.</summary>
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"{Made} made, {Reused} reused{DescribeTaken()}, {Failed} failed, {Unknown} unknown; {Credits:0.##} credits spent.");

    private string DescribeTaken() => Taken == 0 ? string.Empty : string.Create(CultureInfo.InvariantCulture, $", {Taken} taken elsewhere");
}

/// <summary>Counts how far the images of a batch have come. Safe for concurrent use.</summary>
internal sealed class ConversionTally
{
    private readonly object _lock = new();

    /// <summary>The counts at this moment.</summary>
    public ConversionCounts Counts { get; private set; } = new();

    /// <summary>Some image has moved on. Raised on any thread.</summary>
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

    /// <inheritdoc cref="ConversionCounts.Generating"/>
    Generating,

    /// <inheritdoc cref="ConversionCounts.Downloading"/>
    Downloading,

    /// <inheritdoc cref="ConversionCounts.Made"/>
    Made,

    /// <inheritdoc cref="ConversionCounts.Reused"/>
    Reused,

    /// <inheritdoc cref="ConversionCounts.Taken"/>
    Taken,

    /// <inheritdoc cref="ConversionCounts.Failed"/>
    Failed,

    /// <inheritdoc cref="ConversionCounts.Unknown"/>
    Unknown,
}

/// <summary>Follows one image through the batch.</summary>
internal sealed class ConversionProgress
{
    private readonly ConversionTally _tally;
    private ConversionStage _stage = ConversionStage.Queued;
    private decimal? _credits;
    private bool _isOver;

    /// <summary>Counts a new image.</summary>
    public ConversionProgress(ConversionTally tally)
    {
        _tally = tally;
        tally.Update(counts => Add(counts, ConversionStage.Queued, 1));
    }

    /// <summary>The stage it has come to.</summary>
    public ConversionStage Stage => _stage;

    /// <summary>Which video it is, once that is known.</summary>
    public string? Identity { get; set; }

    /// <summary>The task that is paid for, once there is one.</summary>
    public KlingVideoTask? Task { get; set; }

    /// <summary>The image has come to a stage. After the last one nothing changes any more: what outlasts a deadline goes on by itself.</summary>
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
        _credits = credits;
        _tally.Update(counts => counts with { Credits = counts.Credits + credits });
    }

    /// <summary>The task has ended, and it is known what it has cost. One that was bought in another run does not count.</summary>
    public void Settle(decimal consumed)
    {
        if (_credits is decimal reserved && reserved != consumed)
        {
            _credits = consumed;
            _tally.Update(counts => counts with { Credits = counts.Credits + consumed - reserved });
        }
    }

    private static ConversionCounts Add(ConversionCounts counts, ConversionStage stage, int number) => stage switch
    {
        ConversionStage.Queued => counts with { Queued = counts.Queued + number },
        ConversionStage.Uploading => counts with { Uploading = counts.Uploading + number },
        ConversionStage.Generating => counts with { Generating = counts.Generating + number },
        ConversionStage.Downloading => counts with { Downloading = counts.Downloading + number },
        ConversionStage.Made => counts with { Made = counts.Made + number },
        ConversionStage.Reused => counts with { Reused = counts.Reused + number },
        ConversionStage.Taken => counts with { Taken = counts.Taken + number },
        ConversionStage.Failed => counts with { Failed = counts.Failed + number },
        _ => counts with { Unknown = counts.Unknown + number },
    };
}
