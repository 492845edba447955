using System.Globalization;
using KlingPS.Core.Clips;

namespace KlingPS.Core.Model;

/// <summary>Which videos, or which audio files, a model takes.</summary>
/// <param name="MaxLength">The largest file, in bytes.</param>
/// <param name="MinSeconds">The shortest clip.</param>
/// <param name="MaxSeconds">The longest clip.</param>
internal sealed record ClipRules(long MaxLength, decimal MinSeconds, decimal MaxSeconds)
{
    private const long Megabyte = 1024 * 1024;

    /// <summary>The shortest side that it takes, in pixels.</summary>
    public int MinSide { get; init; }

    /// <summary>The longest side that it takes, in pixels; 0 if there is no limit.</summary>
    public int MaxSide { get; init; }

    /// <summary>The fewest frames per second.</summary>
    public decimal MinFrameRate { get; init; }

    /// <summary>The most frames per second; 0 if there is no limit.</summary>
    public decimal MaxFrameRate { get; init; }

    /// <summary>Why the model would refuse a clip of the right kind.</summary>
    /// <returns>A sentence that says what to do about it; <see langword="null"/> if it takes the clip.</returns>
    public string? FindProblem(ClipReport clip)
    {
        ArgumentNullException.ThrowIfNull(clip);
        if (clip.Seconds is not decimal seconds)
        {
            return "Its header does not say how long it is, so it is not known what the video would cost; save it again with another program.";
        }

        if (clip.Length > MaxLength)
        {
            return FormattableString.Invariant($"It has {clip.Length:N0} bytes, and the limit is {MaxLength / Megabyte} MB; make it smaller.");
        }

        if (seconds < MinSeconds || seconds > MaxSeconds)
        {
            string range = MinSeconds > 0
                ? string.Create(CultureInfo.InvariantCulture, $"{MinSeconds} to {MaxSeconds}")
                : string.Create(CultureInfo.InvariantCulture, $"at most {MaxSeconds}");
            return string.Create(CultureInfo.InvariantCulture, $"It is {seconds:0.##} seconds long, and may be {range} seconds; cut it.");
        }

        if (clip is { Width: int width, Height: int height }
            && (Math.Min(width, height) < MinSide || (MaxSide > 0 && Math.Max(width, height) > MaxSide)))
        {
            return FormattableString.Invariant($"It is {width} × {height} pixels, and its sides may be {MinSide} to {MaxSide} pixels long; save it in another size.");
        }

        // The average of a recording is seldom a round number.
        return clip.FrameRate is decimal rate && MaxFrameRate > 0 && (decimal.Round(rate) < MinFrameRate || decimal.Round(rate) > MaxFrameRate)
            ? string.Create(CultureInfo.InvariantCulture, $"It has {rate:0.##} frames in a second, and may have {MinFrameRate} to {MaxFrameRate}; save it with another frame rate.")
            : null;
    }
}
