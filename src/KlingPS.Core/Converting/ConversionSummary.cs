using System.Globalization;

namespace KlingPS.Core.Converting;

/// <summary>What has become of a batch of images.</summary>
public sealed record ConversionSummary
{
    /// <summary>Videos that were bought in this run and are on disk.</summary>
    public required int Made { get; init; }

    /// <summary>Videos on disk that were paid for earlier.</summary>
    public required int Reused { get; init; }

    /// <summary>Images without a video.</summary>
    public required int Failed { get; init; }

    /// <summary>Images of which it is not known whether their video was bought.</summary>
    public required int Unknown { get; init; }

    /// <summary>Credits spent in this run, with those set aside for tasks that are still being made. What unknown ones may have cost is not in it.</summary>
    public required decimal Credits { get; init; }

    /// <summary>Sums up a batch.</summary>
    /// <param name="counts">Where its images are.</param>
    /// <param name="failedBefore">Images that did not come into the batch, because something was wrong with them.</param>
    public static ConversionSummary Of(ConversionCounts counts, int failedBefore)
    {
        ArgumentNullException.ThrowIfNull(counts);
        return new ConversionSummary
        {
            Made = counts.Made,
            Reused = counts.Reused,
            Failed = counts.Failed + failedBefore,
            Unknown = counts.Unknown,
            Credits = counts.Credits,
        };
    }

    /// <summary>The summary as one line.</summary>
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"{Made} made, {Reused} reused, {Failed} failed, {Unknown} unknown; {Credits:0.##} credits spent.");
}
