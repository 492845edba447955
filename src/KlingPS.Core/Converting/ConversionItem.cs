using KlingPS.Core.Saving;
using KlingPS.Core.Submitting;

namespace KlingPS.Core.Converting;

/// <summary>One image of a batch.</summary>
/// <param name="Submission">The video to make of it.</param>
/// <param name="Index">Its position in the batch, from 1.</param>
/// <param name="Name">The name of the video; <see langword="null"/> while that depends on the purchase.</param>
internal sealed record ConversionItem(Submission Submission, int Index, VideoName? Name)
{
    /// <summary>How far it has come; <see langword="null"/> while nothing has begun.</summary>
    public ConversionProgress? Progress { get; set; }
}
