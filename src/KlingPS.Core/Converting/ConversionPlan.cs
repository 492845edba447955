using KlingPS.Core.Submitting;

namespace KlingPS.Core.Converting;

/// <summary>What would be done for an image.</summary>
/// <param name="Step">The next thing to do; those after it follow.</param>
/// <param name="Submission">The submission, with the prompt it would be bought with.</param>
/// <param name="Path">The full path the video would have; <see langword="null"/> while that hangs on the purchase.</param>
public sealed record ConversionPlan(ConversionStep Step, Submission Submission, string? Path)
{
    /// <summary>What it would cost, in credits; <see langword="null"/> where the price is not known.</summary>
    public decimal? Credits => Step == ConversionStep.Buy ? Submission.Credits : 0;

    /// <summary>Whether it would be left out because the day's limit does not allow it, after what is to be bought before it. Known of plans only that nobody carries out meanwhile.</summary>
    public bool IsOverDailyCap { get; init; }

    /// <summary>What makes two purchases the same.</summary>
    internal string Identity { get; init; } = string.Empty;
}
