namespace KlingPS.Core.Model;

/// <summary>Which videos, or which audio files, a model takes.</summary>
/// <param name="MaxLength">The largest file, in bytes.</param>
/// <param name="MinSeconds">The shortest clip.</param>
/// <param name="MaxSeconds">The longest clip.</param>
internal sealed record ClipRules(long MaxLength, decimal MinSeconds, decimal MaxSeconds)
{
    /// <summary>The shortest side that it takes, in pixels.</summary>
    public int MinSide { get; init; }

    /// <summary>The longest side that it takes, in pixels; 0 if there is no limit.</summary>
    public int MaxSide { get; init; }

    /// <summary>The least frames in a second.</summary>
    public decimal MinFrameRate { get; init; }

    /// <summary>The most frames in a second; 0 if there is no limit.</summary>
    public decimal MaxFrameRate { get; init; }
}
